-- A step may be about a pool, a file or a backup job: then it has no guest of ours.
ALTER TABLE steps ALTER COLUMN resource_id DROP NOT NULL;

//! The lab's own hand in the database: its clock, its eyes, and its way back to an earlier state.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use mycopod_store::testing::TestDatabase;

use crate::wire::{Address, Server};

/// What lets the database's clock be the lab's, and watches over the ledger from within.
///
/// `now()` is found in this schema before PostgreSQL's own. The triggers note what no invariant allows; a note is
/// part of the transaction that it is about, so that what is rolled back was never wrong.
const SCHEMA: &str = "
CREATE SCHEMA lab;
CREATE SEQUENCE lab.micros;
CREATE FUNCTION lab.now() RETURNS timestamptz LANGUAGE sql STABLE AS
    $$ SELECT to_timestamp(last_value / 1e6) FROM lab.micros $$;
CREATE TABLE lab.violations (what text NOT NULL);
CREATE FUNCTION lab.watch_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.state <> OLD.state AND NEW.state <> 'skipped'
        AND NEW.fence IS DISTINCT FROM (SELECT fence FROM public.leases WHERE work_id = NEW.reconciliation_id) THEN
        INSERT INTO lab.violations VALUES (format('I6: step %s became %s under fence %s, which is lost',
            NEW.seq, NEW.state, NEW.fence));
    END IF;
    IF OLD.state IN ('done', 'failed', 'blocked', 'skipped') AND NEW.state <> OLD.state THEN
        INSERT INTO lab.violations VALUES (format('step %s went from %s back to %s', NEW.seq, OLD.state, NEW.state));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER lab_watch_steps AFTER UPDATE ON public.steps FOR EACH ROW EXECUTE FUNCTION lab.watch_steps();
CREATE FUNCTION lab.watch_ends() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status <> OLD.status AND NOT EXISTS (SELECT FROM public.leases WHERE work_id = NEW.id
        AND worker LIKE current_setting('application_name') || '-%') THEN
        INSERT INTO lab.violations VALUES (format('I6: %s ended a reconciliation as %s, of which it has no lease',
            current_setting('application_name'), NEW.status));
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION lab.watch_leases() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE me text := current_setting('application_name');
BEGIN
    IF NEW.worker IS NOT NULL AND NEW.worker NOT LIKE me || '-%' THEN
        INSERT INTO lab.violations VALUES (format('I6: %s wrote to the lease of %s', me, NEW.worker));
    ELSIF NEW.worker IS NOT NULL AND NEW.worker IS DISTINCT FROM OLD.worker AND NEW.fence = OLD.fence THEN
        INSERT INTO lab.violations VALUES (format('I6: %s took a lease under the fence of another', me));
    ELSIF NEW.worker IS NOT NULL AND NEW.fence <> OLD.fence AND OLD.lease_until >= now() THEN
        INSERT INTO lab.violations VALUES (format('I6: %s took a lease that %s has still', me, OLD.worker));
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION lab.watch_declarations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.status_reason LIKE 'Something went wrong inside MycoPod%' OR NEW.status_reason LIKE 'Other plans kept taking%') AND NEW.status_reason IS DISTINCT FROM OLD.status_reason THEN
        INSERT INTO lab.violations VALUES (format('MycoPod itself went wrong over declaration %s', NEW.id));
    END IF;
    IF NEW.status = 'awaiting_approval' AND NEW.status <> OLD.status THEN
        INSERT INTO lab.violations SELECT format('I1: a plan stands whose VMID %s is not reserved', step #>> '{guest,vmid}')
            FROM public.plans p CROSS JOIN jsonb_array_elements(p.plan -> 'steps') step
            WHERE p.id = NEW.plan_id AND step -> 'action' ?| ARRAY['create', 'clone'] AND NOT EXISTS (
                SELECT FROM public.resources r WHERE r.id = (step ->> 'resource')::uuid
                    AND r.vmid = (step #>> '{guest,vmid}')::bigint AND r.state <> 'gone');
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER lab_watch_declarations AFTER UPDATE ON public.declarations
    FOR EACH ROW EXECUTE FUNCTION lab.watch_declarations();
CREATE TRIGGER lab_watch_leases AFTER UPDATE ON public.leases FOR EACH ROW EXECUTE FUNCTION lab.watch_leases();
CREATE TRIGGER lab_watch_ends AFTER UPDATE ON public.reconciliations FOR EACH ROW EXECUTE FUNCTION lab.watch_ends();
";

/// What names are looked for in, one after the other.
pub const SEARCH_PATH: &str = "lab,public,pg_catalog";

/// The lab's connection.
pub struct Database {
    server: Server,
    /// Each table with its columns that are not computed.
    tables: BTreeMap<String, String>,
    micros: i64,
    /// The database itself: it goes with this.
    pub whole: TestDatabase,
}

impl Database {
    /// A database of the lab's own.
    ///
    /// # Panics
    /// Where there is no server: `scripts/with-postgres` starts one.
    pub async fn new() -> (Self, Address) {
        let whole = mycopod_store::testing::database().await;
        let address = Address::new(&whole.options(), SEARCH_PATH);
        let mut server = Server::connect(&address).expect("the test’s server answers");
        server.run(SCHEMA);
        let columns = server.run(
            "SELECT table_name, string_agg(quote_ident(column_name), ',' ORDER BY ordinal_position)
             FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
             WHERE table_schema = 'public' AND table_type = 'BASE TABLE' AND table_name <> '_sqlx_migrations'
               AND is_generated = 'NEVER' GROUP BY table_name",
        );
        let tables = columns.into_iter().filter_map(|row| match <[Option<String>; 2]>::try_from(row) {
            Ok([Some(table), Some(columns)]) => Some((table, columns)),
            _ => None,
        });
        (Self { server, tables: tables.collect(), micros: 0, whole }, address)
    }

    /// Sets the database's clock.
    pub fn set_time(&mut self, micros: i64) {
        if self.micros != micros {
            self.micros = micros;
            self.server.run(&format!("SELECT setval('lab.micros', {micros})"));
        }
    }

    /// Rows as text.
    pub fn rows(&mut self, sql: &str) -> Vec<Vec<Option<String>>> {
        self.server.run(sql)
    }

    /// The first column of the first row.
    pub fn one(&mut self, sql: &str) -> Option<String> {
        self.server.run(sql).into_iter().next()?.into_iter().next()?
    }

    /// Whether a server process waits for a lock.
    pub fn is_blocked(&mut self, pid: i32) -> bool {
        self.one(&format!("SELECT 1 FROM pg_locks WHERE pid = {pid} AND NOT granted")).is_some()
    }

    /// What the triggers noted.
    pub fn violations(&mut self) -> Vec<String> {
        self.server.run("SELECT what FROM lab.violations").into_iter().flatten().flatten().collect()
    }

    /// Keeps all tables as they are, under a name.
    pub fn keep(&mut self, name: &str) {
        let mut sql = format!("DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name};");
        for (table, columns) in &self.tables {
            let _ = write!(sql, "CREATE TABLE {name}.{table} AS SELECT {columns} FROM public.{table};");
        }
        self.server.run(&sql);
    }

    /// Makes all tables what they were when that name was given. Nobody may be in a transaction.
    pub fn set_back(&mut self, name: &str) {
        let mut sql = "BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM lab.violations;".to_owned();
        for table in self.tables.keys() {
            let _ = write!(sql, "DELETE FROM public.{table};");
        }
        for (table, columns) in &self.tables {
            let _ = write!(
                sql,
                "INSERT INTO public.{table} ({columns}) OVERRIDING SYSTEM VALUE SELECT {columns} FROM {name}.{table};"
            );
        }
        self.server.run(&(sql + "COMMIT"));
    }
}

//! The world on disk: `world.json`, whole, and `world.journal` beside it with what has changed since.
//!
//! A change is one line of the journal, the parts it changed as they are after it, and is durable before it is
//! answered. When the journal has grown as long as the world, the world is written anew and the journal begins
//! again, so that a change costs as much as it changes, and at most twice that in the long run. A line that a
//! crash has torn was never answered: it is not read. The journal's first line says which world it belongs to;
//! one that belongs to an older world is in the world already.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use crate::cluster::Cluster;

/// The file that holds the world.
const WORLD: &str = "world.json";
/// The extension of its journal.
const JOURNAL: &str = "journal";
/// Below that a journal is not worth writing the world anew for, in bytes.
const SHORT: u64 = 1 << 20;
/// How long another sandbox that ends is waited for.
const OTHER_ENDS: Duration = Duration::from_secs(5);
/// How often it is looked at meanwhile.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// What the journal's first line has in front of the world's number.
const BELONGS_TO: &str = "world";

/// Where a world is kept.
#[derive(Debug)]
pub struct Store {
    world: PathBuf,
    queued: Mutex<Queued>,
    kept: Mutex<Kept>,
}

/// Lines that are to be written.
#[derive(Debug, Default)]
struct Queued {
    bytes: Vec<u8>,
    /// How many changes there have been.
    last: u64,
}

/// What is on disk.
#[derive(Debug)]
struct Kept {
    journal: File,
    /// The length of what is whole and durable.
    length: u64,
    /// The length of the world.
    world: u64,
    /// How many changes are durable.
    done: u64,
    /// The number of the world that the journal belongs to.
    generation: u64,
    /// Whether the sandbox has ended; nothing is written any more.
    closed: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Store {
    /// Opens the store in a directory, which is made where it is missing, with the world that was kept, if there is
    /// one. A directory that another sandbox uses is refused.
    pub fn open(directory: &Path) -> io::Result<(Self, Option<Cluster>)> {
        fs::create_dir_all(directory)?;
        let world = directory.join(WORLD);
        let path = world.with_extension(JOURNAL);
        let journal = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path)?;
        own(&journal, OTHER_ENDS)?;
        let (found, length) = match read(&world) {
            Ok((cluster, length)) => (Some(cluster), length),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (None, 0),
            Err(error) => return Err(error),
        };
        // Behind a torn line nothing could be read.
        journal.set_len(length)?;
        let size = fs::metadata(&world).map_or(0, |metadata| metadata.len());
        let generation = found.as_ref().map_or(0, |cluster: &Cluster| cluster.generation);
        let kept = Kept { journal, length, world: size, done: 0, generation, closed: false };
        Ok((Self { world, queued: Mutex::default(), kept: Mutex::new(kept) }, found))
    }

    /// Takes what has changed, and gives a mark for [`Store::sync`]. The world is written anew where it is time to.
    pub fn note(&self, cluster: &mut Cluster) -> io::Result<u64> {
        let changes = cluster.take_changes()?;
        let mut queued = lock(&self.queued);
        if !changes.is_empty() {
            serde_json::to_writer(&mut queued.bytes, &Value::Object(changes))?;
            queued.bytes.push(b'\n');
            queued.last += 1;
        }
        let mark = queued.last;
        drop(queued);
        // A journal that nothing is written to now is long enough another time.
        let long = self.kept.try_lock().is_ok_and(|kept| kept.length > kept.world.max(SHORT));
        if long && let Err(error) = self.write_anew(cluster) {
            tracing::warn!(%error, "the sandbox's journal grows on");
        }
        Ok(mark)
    }

    /// Returns when everything up to a mark survives a power cut. Of calls at the same time one writes for all.
    pub fn sync(&self, mark: u64) -> io::Result<()> {
        let mut kept = lock(&self.kept);
        if kept.done >= mark {
            return Ok(());
        }
        kept.ensure_open()?;
        let (bytes, last) = {
            let mut queued = lock(&self.queued);
            (std::mem::take(&mut queued.bytes), queued.last)
        };
        if let Err(error) = kept.append(&bytes) {
            // What was half written is written over by the next attempt, which begins at the same place.
            let mut queued = lock(&self.queued);
            let newer = std::mem::replace(&mut queued.bytes, bytes);
            queued.bytes.extend(newer);
            return Err(error);
        }
        kept.done = last;
        Ok(())
    }

    /// Writes the whole world; what the journal holds is of an older one from then on. On return the world survives
    /// a power cut.
    pub fn write_anew(&self, cluster: &mut Cluster) -> io::Result<()> {
        let mut kept = lock(&self.kept);
        kept.ensure_open()?;
        let mut queued = lock(&self.queued);
        cluster.generation += 1;
        kept.world = replace(&self.world, |file| Ok(serde_json::to_writer(file, &*cluster)?))?;
        cluster.forget_changes();
        kept.generation = cluster.generation;
        kept.length = 0;
        kept.done = queued.last;
        queued.bytes.clear();
        Ok(())
    }

    /// Writes nothing any more, and leaves the directory to others.
    pub fn close(&self) {
        let mut kept = lock(&self.kept);
        kept.closed = true;
        if let Err(error) = kept.journal.unlock() {
            tracing::warn!(%error, "the sandbox's journal stays locked until the process ends");
        }
    }
}

impl Kept {
    fn ensure_open(&self) -> io::Result<()> {
        if self.closed { Err(io::Error::other("the sandbox has ended")) } else { Ok(()) }
    }

    /// Writes lines behind those that are whole; the first of a journal are preceded by its head.
    fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut bytes = Vec::new();
        if self.length == 0 {
            // What is left there belongs to an older world.
            self.journal.set_len(0)?;
            self.journal.sync_data()?;
            bytes.extend(format!("{{\"{BELONGS_TO}\":{}}}\n", self.generation).into_bytes());
        }
        bytes.extend(lines);
        self.journal.write_all_at(&bytes, self.length)?;
        self.journal.sync_data()?;
        self.length += bytes.len() as u64;
        Ok(())
    }
}

/// Makes a journal this process's own, waiting a little for one that ends.
fn own(journal: &File, most: Duration) -> io::Result<()> {
    let started = Instant::now();
    loop {
        match journal.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if started.elapsed() < most => std::thread::sleep(LOOK_AGAIN),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, "another sandbox keeps its world there"));
            }
        }
    }
}

/// A world that was kept, with what its journal adds, and the length of the journal up to the last whole line.
pub fn read(world: &Path) -> io::Result<(Cluster, u64)> {
    let mut cluster: Cluster = serde_json::from_reader(io::BufReader::new(File::open(world)?))?;
    cluster.complete();
    let journal = match fs::read(world.with_extension(JOURNAL)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut length = 0;
    let mut lines = journal.split_inclusive(|byte| *byte == b'\n').enumerate().peekable();
    while let Some((n, line)) = lines.next() {
        let torn = !line.ends_with(b"\n");
        match serde_json::from_slice::<Map<String, Value>>(line) {
            Ok(head) if n == 0 && !torn => {
                if head.get(BELONGS_TO).and_then(Value::as_u64) != Some(cluster.generation) {
                    break;
                }
            }
            Ok(changes) if !torn => cluster.apply(changes)?,
            // Torn, or of a block that never reached the disk: nobody was answered.
            _ if lines.peek().is_none() => break,
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("line {} of its journal is damaged; without the journal the world is an older one", n + 1),
                ));
            }
        }
        length += line.len() as u64;
    }
    cluster.forget_changes();
    Ok((cluster, length))
}

/// Replaces a file's content at once and durably; only its owner may read it.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    replace(path, |file| file.write_all(bytes)).map(|_| ())
}

/// As [`write()`], with what is written to the new file; gives its length.
fn replace(path: &Path, content: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>) -> io::Result<u64> {
    let temporary = path.with_extension("new");
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    let mut file = BufWriter::new(file);
    content(&mut file)?;
    let file = file.into_inner()?;
    file.sync_all()?;
    let length = file.metadata()?.len();
    fs::rename(&temporary, path)?;
    if let Some(directory) = path.parent() {
        File::open(directory)?.sync_all()?;
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::by_hand::ByHand;
    use crate::guest::{Guest, Kind};
    use crate::world;

    fn json(cluster: &Cluster) -> Value {
        serde_json::to_value(cluster).unwrap()
    }

    fn rename(cluster: &mut Cluster, name: &str) {
        ByHand::Rename { vmid: 111, name: name.to_owned() }.apply(cluster).unwrap();
    }

    /// A world of one VM and one container, small enough to be read a thousand times.
    fn small() -> Cluster {
        let mut cluster = world::empty();
        // Fractions may be read a unit in the last place beside what was written.
        cluster.now = cluster.now.floor();
        cluster.nodes.values_mut().for_each(|node| node.booted = node.booted.floor());
        for (vmid, kind) in [(111, Kind::Qemu), (120, Kind::Lxc)] {
            let config = [(kind.name_option().to_owned(), "guest".to_owned()), ("tags".to_owned(), "ä".to_owned())];
            cluster.guests.insert(vmid, Guest::new("pve1", kind, vmid, config.into()));
        }
        cluster
    }

    /// A directory with a small cluster whose world is written and whose journal has each of some changes, and the worlds
    /// after none, one, … of them.
    fn changed() -> (tempfile::TempDir, Vec<Value>) {
        let directory = tempfile::tempdir().unwrap();
        let (store, found) = Store::open(directory.path()).unwrap();
        assert!(found.is_none());
        let mut cluster = small();
        store.write_anew(&mut cluster).unwrap();
        let mut worlds = vec![json(&cluster)];
        let deeds = [
            ByHand::Rename { vmid: 111, name: "renamed ä".to_owned() },
            ByHand::Clone { vmid: 111, newid: 511, name: None },
            ByHand::Power { vmid: 120, running: true },
            ByHand::ExpireTickets,
            ByHand::Destroy { vmid: 511 },
            ByHand::Recycle { vmid: 120, name: Some("other".to_owned()) },
        ];
        for deed in &deeds {
            deed.apply(&mut cluster).unwrap();
            let mark = store.note(&mut cluster).unwrap();
            store.sync(mark).unwrap();
            worlds.push(json(&cluster));
        }
        store.close();
        (directory, worlds)
    }

    #[test]
    fn a_crash_at_any_byte_of_the_journal_leaves_the_changes_up_to_there() {
        let (directory, worlds) = changed();
        let (world, path) = (directory.path().join(WORLD), directory.path().join("world.journal"));
        let whole = fs::read(&path).unwrap();
        for end in 0..=whole.len() {
            let kept = &whole[..end];
            fs::write(&path, kept).unwrap();
            let (cluster, length) = read(&world).unwrap();
            // The first line is the journal's head.
            let lines = kept.split(|byte| *byte == b'\n').count() - 1;
            assert_eq!(json(&cluster), worlds[lines.saturating_sub(1)], "{end} bytes");
            let last = kept.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            assert_eq!(length, last as u64);
        }
    }

    #[test]
    fn after_a_torn_line_the_journal_goes_on() {
        let (directory, worlds) = changed();
        let path = directory.path().join("world.journal");
        let mut bytes = fs::read(&path).unwrap();
        bytes.truncate(bytes.len() - 10);
        fs::write(&path, bytes).unwrap();
        let (store, found) = Store::open(directory.path()).unwrap();
        let mut cluster = found.unwrap();
        assert_eq!(json(&cluster), worlds[worlds.len() - 2]);
        rename(&mut cluster, "later");
        let mark = store.note(&mut cluster).unwrap();
        store.sync(mark).unwrap();
        store.close();
        let (_, found) = Store::open(directory.path()).unwrap();
        assert_eq!(json(&found.unwrap()), json(&cluster));
    }

    #[test]
    fn a_journal_of_an_older_world_is_not_read() {
        let (directory, worlds) = changed();
        let path = directory.path().join("world.journal");
        let old = fs::read(&path).unwrap();
        let (store, found) = Store::open(directory.path()).unwrap();
        let mut cluster = found.unwrap();
        rename(&mut cluster, "in the world alone");
        store.write_anew(&mut cluster).unwrap();
        store.close();
        // As after a crash between the new world and the new journal.
        fs::write(&path, old).unwrap();
        let (store, found) = Store::open(directory.path()).unwrap();
        let mut found = found.unwrap();
        assert_eq!(json(&found), json(&cluster));
        assert_ne!(json(&found), worlds[worlds.len() - 1]);
        rename(&mut found, "and on");
        let mark = store.note(&mut found).unwrap();
        store.sync(mark).unwrap();
        store.close();
        assert_eq!(json(&Store::open(directory.path()).unwrap().1.unwrap()), json(&found));
    }

    #[test]
    fn damage_before_the_end_is_no_torn_line() {
        let (directory, _) = changed();
        let path = directory.path().join("world.journal");
        let mut bytes = fs::read(&path).unwrap();
        let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        bytes[second] = b'?';
        fs::write(&path, bytes).unwrap();
        let error = Store::open(directory.path()).unwrap_err();
        assert!(error.to_string().starts_with("line 2 of its journal is damaged"), "{error}");
    }

    #[test]
    fn a_world_kept_whole_by_an_older_sandbox_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let mut old = json(&world::demo());
        old["pools"] = serde_json::json!({ "p": { "comment": null, "guests": [111, 112], "storages": [] } });
        old["members"].take();
        old.as_object_mut().unwrap().retain(|key, _| key != "members" && key != "generation");
        let entry = |msg: &str| serde_json::json!({ "uid": 1, "node": "pve1", "user": "root@pam", "tag": "", "msg": msg, "time": 1, "pri": 6, "pid": 1 });
        old["log"] = serde_json::json!([entry("new"), entry("old")]);
        old["tasks"] = serde_json::json!([]);
        old["broadcast"] = serde_json::json!({});
        fs::write(directory.path().join(WORLD), old.to_string()).unwrap();
        let (_, found) = Store::open(directory.path()).unwrap();
        let found = found.unwrap();
        assert_eq!(found.guests.len(), world::demo().guests.len());
        assert_eq!((found.pool_of(111), found.pool_of(101)), (Some("p"), None));
        assert!(found.log.iter().map(|entry| entry.msg.as_str()).eq(["new", "old"]));
    }

    #[test]
    fn a_change_writes_what_it_changes_whatever_else_there_is() {
        let bytes_of = |guests: u32| {
            let directory = tempfile::tempdir().unwrap();
            let (store, _) = Store::open(directory.path()).unwrap();
            let mut cluster = world::crowd(guests);
            store.write_anew(&mut cluster).unwrap();
            ByHand::ExpireTickets.apply(&mut cluster).unwrap();
            let mark = store.note(&mut cluster).unwrap();
            store.sync(mark).unwrap();
            let before = lock(&store.kept).length;
            ByHand::Rename { vmid: 150, name: "renamed".to_owned() }.apply(&mut cluster).unwrap();
            cluster.join_pool("crowd", 150);
            let mark = store.note(&mut cluster).unwrap();
            store.sync(mark).unwrap();
            lock(&store.kept).length - before
        };
        assert_eq!(bytes_of(100), bytes_of(2_000));
    }

    #[test]
    fn a_long_journal_becomes_a_new_world() {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(directory.path()).unwrap();
        let mut cluster = small();
        store.write_anew(&mut cluster).unwrap();
        let first = cluster.generation;
        let note = "x".repeat(60_000);
        for n in 0..40 {
            cluster.options.insert("description".to_owned(), format!("{n} {note}"));
            let mark = store.note(&mut cluster).unwrap();
            store.sync(mark).unwrap();
        }
        assert!(cluster.generation > first);
        assert!(fs::metadata(directory.path().join("world.journal")).unwrap().len() < 2 * SHORT);
        store.close();
        assert_eq!(json(&Store::open(directory.path()).unwrap().1.unwrap()), json(&cluster));
    }

    #[test]
    fn a_directory_is_one_sandboxs_own() {
        let directory = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(directory.path()).unwrap();
        let other = File::open(directory.path().join("world.journal")).unwrap();
        assert_eq!(own(&other, Duration::ZERO).unwrap_err().kind(), io::ErrorKind::ResourceBusy);
        store.close();
        own(&other, Duration::ZERO).unwrap();
        assert!(store.sync(1).is_err() && store.write_anew(&mut world::empty()).is_err());
    }
}

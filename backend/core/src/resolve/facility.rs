//! What stands around the guests: pools, files on storages, backup jobs.

use std::collections::{BTreeMap, BTreeSet};

use super::target::Found;
use super::{Doubt, Resolver, about_facility};
use crate::facility::{Backed, BackupJob, Checksum, Facility, FacilityCall, content_of};
use crate::field::{Plain, Value};
use crate::guest::Vmid;
use crate::intent::Wish;
use crate::planner::BACKUPS;
use crate::reading::{Amount, Edit, EditField, Source, Sourced, Span, Target, WantedBacked, WantedFacility};

/// Proxmox's ways to back a guest up.
pub(super) const MODES: [&str; 3] = ["snapshot", "suspend", "stop"];
/// The rules by which old backups are kept.
const KEEP: [&str; 6] = ["keep-last", "keep-hourly", "keep-daily", "keep-weekly", "keep-monthly", "keep-yearly"];
/// A pool's name has up to two parents, with slashes between.
const MAX_POOL_DEPTH: usize = 3;
/// The longest name of a pool that is taken; Proxmox names no limit.
const MAX_POOL_NAME: usize = 128;
/// The longest address to download from.
const MAX_URL: usize = 2_000;

impl Resolver<'_> {
    /// Something made or deleted around the guests. `ordinal` tells the backup jobs of one declaration apart.
    pub(super) fn facility(&mut self, ordinal: usize, at: Span, wanted: &WantedFacility) {
        let found = match wanted {
            WantedFacility::MakePool { name, comment, members } => {
                self.make_pool(at, name, comment.as_ref(), members);
                None
            }
            WantedFacility::DeletePool { name } => self.known_pool(at, name).map(|name| {
                let facility = Facility::Pool(name.value);
                (facility, FacilityCall::DeletePool)
            }),
            WantedFacility::Download { url, storage, node, file, checksum } => {
                self.download(at, url, storage.as_ref(), node.as_ref(), file.as_ref(), checksum.as_ref())
            }
            WantedFacility::DeleteFile { volume } => self.delete_file(at, volume),
            WantedFacility::MakeBackupJob { guests, schedule, storage, mode, keep } => {
                let job = self.backup_job(at, guests, schedule, storage.as_ref(), mode.as_ref(), keep);
                let id = format!("mycopod-{}-{ordinal}", tail(&self.declaration.to_string()));
                job.map(|job| (Facility::BackupJob(id), FacilityCall::MakeBackupJob(job)))
            }
            WantedFacility::DeleteBackupJob { id } => self.known_job(at, id),
        };
        if let Some((facility, call)) = found {
            self.want(facility, call);
        }
    }

    fn want(&mut self, facility: Facility, call: FacilityCall) {
        if self.answers.left_out(&about_facility(&facility), None) {
            return;
        }
        let wish = Wish::Facility { facility, call };
        if !self.wishes.contains(&wish) {
            self.wishes.push(wish);
        }
    }

    /// The pools that this text makes.
    pub(super) fn pools_made(&self) -> BTreeSet<String> {
        let made = |wish: &Wish| match wish {
            Wish::Facility { facility: Facility::Pool(name), call } if call.makes() => Some(name.clone()),
            _ => None,
        };
        self.wishes.iter().filter_map(made).collect()
    }

    fn make_pool(&mut self, at: Span, name: &Sourced<String>, comment: Option<&Sourced<String>>, members: &[Target]) {
        let check = |name: String| {
            let parts: Vec<&str> = name.split('/').collect();
            let is_part = |part: &&str| {
                !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
            };
            if parts.len() <= MAX_POOL_DEPTH && name.len() <= MAX_POOL_NAME && parts.iter().all(is_part) {
                return Ok(name);
            }
            let text = format!(
                "“{name}” cannot be a pool’s name: Proxmox takes letters, digits, dots, hyphens and underscores, and up \
                 to two parents before slashes. What shall it be called?"
            );
            Err(Doubt::new(text))
        };
        let Some(name) = self.settle_text("pool-name", at, name, check) else { return };
        let comment = comment.map(|said| said.value.clone()).unwrap_or_default();
        self.want(Facility::Pool(name.value.clone()), FacilityCall::MakePool { comment });
        if !members.is_empty() {
            let source = Source::said(at, self.text);
            let joins =
                Edit { field: EditField::Plain(Plain::Pool), amount: Amount::To(Value::Text(name.value)), source };
            self.change(at, members, &[joins]);
        }
    }

    /// A pool that is there, or that this text makes.
    fn known_pool(&mut self, at: Span, name: &Sourced<String>) -> Option<Sourced<String>> {
        let pools: BTreeSet<String> = self.observed.pools.iter().cloned().chain(self.pools_made()).collect();
        self.settle_text("pool", at, name, |name| {
            if pools.contains(&name) {
                return Ok(name);
            }
            let text = format!("There is no pool {name}, or none that may be seen. Which one is meant?");
            Err(Doubt::new(text).or(&pools))
        })
    }

    fn known_job(&mut self, at: Span, id: &Sourced<String>) -> Option<(Facility, FacilityCall)> {
        let jobs = self.observed.backup_jobs.clone().unwrap_or_default();
        let id = self.settle_text("backup-job", at, id, |id| {
            if jobs.contains_key(&id) {
                return Ok(id);
            }
            let text = format!("There is no backup job {id}, or none that may be seen. Which one is meant?");
            Err(Doubt::new(text).or(jobs.keys()))
        })?;
        Some((Facility::BackupJob(id.value), FacilityCall::DeleteBackupJob))
    }

    fn download(
        &mut self,
        at: Span,
        url: &Sourced<String>,
        storage: Option<&Sourced<String>>,
        node: Option<&Sourced<String>>,
        file: Option<&Sourced<String>>,
        checksum: Option<&Sourced<String>>,
    ) -> Option<(Facility, FacilityCall)> {
        let url = self.settle_text("url", at, url, address)?.value;
        let said = file.cloned().unwrap_or_else(|| {
            let last = url.split(['?', '#']).next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
            Sourced::new(last.to_owned(), Source::inferred("the last part of the address"))
        });
        let file = self.settle_text("file", at, &said, file_name)?.value;
        let content = content_of(&file)?;
        let checksum = match checksum {
            None => None,
            Some(said) => {
                let check = |digits: String| match Checksum::of(&digits) {
                    Some(_) => Ok(digits),
                    None => Err(Doubt::new(format!(
                        "“{digits}” is no checksum: it has 32 (MD5), 40 (SHA-1), 56, 64, 96 or 128 (SHA-2) hexadecimal \
                         digits. Which one is it?"
                    ))),
                };
                Checksum::of(&self.settle_text("checksum", at, said, check)?.value)
            }
        };
        let node = match node {
            Some(said) => Some(self.node(at, said)?.value),
            None => None,
        };
        let (storage, node) = self.home(at, content, storage, node.as_deref())?;
        let volume = format!("{storage}:{content}/{file}");
        Some((Facility::File { node, volume }, FacilityCall::Download { url, checksum }))
    }

    /// The storage and the node for a file of that content.
    fn home(
        &mut self,
        at: Span,
        content: &str,
        storage: Option<&Sourced<String>>,
        node: Option<&str>,
    ) -> Option<(String, String)> {
        let mut fit: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut shared = BTreeSet::new();
        for (on, seen) in self.nodes(node) {
            for (name, storage) in seen.storages.iter().filter(|(_, storage)| storage.content.contains(content)) {
                fit.entry(name.clone()).or_default().insert(on.clone());
                if storage.shared {
                    shared.insert(name.clone());
                }
            }
        }
        let said = match (storage, fit.first_key_value()) {
            (Some(said), _) => said.clone(),
            (None, Some((only, _))) if fit.len() == 1 => {
                Sourced::new(only.clone(), Source::inferred("the only storage for such files"))
            }
            (None, _) => Sourced::new(String::new(), Source::said(at, self.text)),
        };
        let check = |storage: String| match (fit.contains_key(&storage), fit.is_empty(), storage.is_empty()) {
            (true, ..) => Ok(storage),
            (false, true, _) => Err(Doubt::new(format!(
                "No storage may hold such a file ({content}). Allow that content on one in Proxmox, then declare anew."
            ))),
            (false, false, true) => Err(Doubt::new("On which storage shall the file be?").or(fit.keys())),
            (false, false, false) => Err(Doubt::new(format!(
                "{storage} is no storage that may hold such a file ({content}). Which one shall?"
            ))
            .or(fit.keys())),
        };
        let storage = self.settle_text("file-storage", at, &said, check)?.value;
        let nodes = fit.remove(&storage)?;
        let first = nodes.first()?.clone();
        if nodes.len() == 1 || shared.contains(&storage) {
            return Some((storage, first));
        }
        let check = |node: String| {
            if nodes.contains(&node) {
                return Ok(node);
            }
            Err(Doubt::new(format!("Each node has a storage {storage} of its own. On which one shall the file be?"))
                .or(&nodes))
        };
        let node =
            self.settle_text("file-node", at, &Sourced::new(String::new(), Source::said(at, self.text)), check)?;
        Some((storage, node.value))
    }

    fn delete_file(&mut self, at: Span, volume: &Sourced<String>) -> Option<(Facility, FacilityCall)> {
        let files = self.observed.files();
        let volume = self.settle_text("file", at, volume, |volume| {
            if files.contains_key(volume.as_str()) {
                return Ok(volume);
            }
            let near = files.keys().filter(|file| file.ends_with(&volume) || file.contains(&format!("/{volume}")));
            Err(Doubt::new(format!("There is no file {volume} on any storage that answers. Which one is meant?"))
                .or(near))
        })?;
        let nodes = files.get(volume.value.as_str())?;
        let check = |node: String| match (nodes.contains(node.as_str()), nodes.first()) {
            (true, _) => Ok(node),
            (false, Some(only)) if nodes.len() == 1 => Ok((*only).to_owned()),
            (false, _) => Err(Doubt::new(format!(
                "Several nodes have a file {}. On which one shall it be deleted?",
                volume.value
            ))
            .or(nodes)),
        };
        let unsaid = Sourced::new(String::new(), Source::said(at, self.text));
        let node = if self.observed.is_shared(&volume.value) {
            (*nodes.first()?).to_owned()
        } else {
            self.settle_text("file-node", at, &unsaid, check)?.value
        };
        Some((Facility::File { node, volume: volume.value }, FacilityCall::DeleteFile))
    }

    fn backup_job(
        &mut self,
        at: Span,
        guests: &WantedBacked,
        schedule: &Sourced<String>,
        storage: Option<&Sourced<String>>,
        mode: Option<&Sourced<String>>,
        keep: &[(String, Sourced<u32>)],
    ) -> Option<BackupJob> {
        let guests = match guests {
            WantedBacked::All(but) => Backed::All(self.numbers(at, but)?),
            WantedBacked::Pool(name) => Backed::Pool(self.known_pool(at, name)?.value),
            WantedBacked::Guests(targets) => {
                let vmids = self.numbers(at, targets)?;
                if vmids.is_empty() {
                    return None;
                }
                Backed::Guests(vmids)
            }
        };
        let check = |text: String| {
            if is_schedule(&text) {
                return Ok(text);
            }
            Err(Doubt::new(format!(
                "“{text}” is no time at which a backup job can run. Say it as Proxmox does, e.g. “02:00”, “sun 03:30” or \
                 “mon..fri 22:00”."
            )))
        };
        let schedule = self.settle_text("schedule", at, schedule, check)?.value;
        // A job runs on every node, so the storage is one that any of them has.
        let any = self.observed.seen_nodes().next().map(|(name, _)| name.clone());
        let (storage, _) = self.home(at, BACKUPS, storage, any.as_deref())?;
        let mode = match mode {
            None => MODES[0].to_owned(),
            Some(said) => self.settle_text("backup-mode", at, said, |mode| backup_mode(&mode))?.value,
        };
        let mut kept = BTreeMap::new();
        for (rule, count) in keep {
            let count = self.settle(
                rule,
                at,
                count,
                |answer| answer.parse().ok(),
                |count| {
                    if count > 0 { Ok(count) } else { Err(Doubt::new("How many backups shall be kept? At least 1.")) }
                },
            )?;
            if KEEP.contains(&rule.as_str()) {
                kept.insert(rule.clone(), count.value);
            }
        }
        Some(BackupJob { guests, schedule, storage, mode, keep: kept })
    }

    /// The numbers of guests that exist.
    fn numbers(&mut self, at: Span, targets: &[Target]) -> Option<BTreeSet<Vmid>> {
        let mut vmids = BTreeSet::new();
        for found in self.targets(targets) {
            match found {
                Found::Seen(seen) => {
                    vmids.insert(seen.guest.vmid);
                }
                Found::Made(_) => {
                    let text =
                        "A guest of this backup job is made by the same declaration. Declare the job when it exists.";
                    self.ask("too-early", Some(at), Doubt::new(text));
                    return None;
                }
            }
        }
        Some(vmids)
    }
}

/// One of Proxmox's ways to back a guest up.
pub(super) fn backup_mode(mode: &str) -> Result<String, Doubt> {
    let lower = mode.to_ascii_lowercase();
    if MODES.contains(&lower.as_str()) {
        return Ok(lower);
    }
    Err(Doubt::new(format!("“{mode}” is no way in which Proxmox backs guests up. Which one?")).or(MODES))
}

/// The last group of an id: random, where the first is the time.
fn tail(id: &str) -> &str {
    id.rsplit('-').next().unwrap_or(id)
}

/// An address that Proxmox downloads from. It would be shown and kept in task logs, so it holds no password.
fn address(url: String) -> Result<String, Doubt> {
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let is_plain = url.len() <= MAX_URL && url.bytes().all(|byte| byte.is_ascii_graphic());
    match (host.is_empty() || !is_plain, host.contains('@')) {
        (true, _) => Err(Doubt::new(format!(
            "“{url}” is no address that Proxmox can download from: it starts with https:// or http://. Which one is meant?"
        ))),
        (false, true) => Err(Doubt::new(
            "The address holds a user or password, which would stand in Proxmox’s task log for everybody to read. Which \
             address without one shall it be?",
        )),
        (false, false) => Ok(url),
    }
}

/// A file's name whose ending tells what it is.
fn file_name(name: String) -> Result<String, Doubt> {
    if content_of(&name).is_some() {
        return Ok(name);
    }
    Err(Doubt::new(format!(
        "“{name}” does not tell what the file is: a CD ends in .iso or .img, a container template in .tar.gz, .tar.xz or \
         .tar.zst, a disk image in .qcow2, .raw, .vmdk or .ova. What shall it be called?"
    )))
}

/// Whether a text is one of the calendar events that are understood here, a part of what Proxmox takes: `hourly`, `daily`,
/// `weekly`, `monthly`, or a time of day after the days of the week.
fn is_schedule(text: &str) -> bool {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    if ["hourly", "daily", "weekly", "monthly"].contains(&text) {
        return true;
    }
    let (days, time) = text.rsplit_once(' ').map_or((None, text), |(days, time)| (Some(days), time));
    let is_days = |days: &str| {
        days.split(',').all(|part| match part.split_once("..") {
            Some((from, to)) => DAYS.contains(&from) && DAYS.contains(&to),
            None => DAYS.contains(&part),
        })
    };
    let number =
        |text: &str, most: u32| (1..=2).contains(&text.len()) && text.parse::<u32>().is_ok_and(|number| number <= most);
    let is_time = time.split_once(':').is_some_and(|(hour, minute)| number(hour, 23) && number(minute, 59));
    days.is_none_or(is_days) && is_time
}

#[cfg(test)]
mod tests {
    use super::{address, file_name, is_schedule};

    #[test]
    fn schedules_are_proxmoxs() {
        for good in ["02:00", "2:30", "sun 03:30", "mon..fri 22:00", "sat,sun 1:00", "daily"] {
            assert!(is_schedule(good), "{good}");
        }
        for bad in ["", "25:00", "2", "noon", "someday 02:00", "02:00; rm", "mon.. 02:00"] {
            assert!(!is_schedule(bad), "{bad}");
        }
    }

    #[test]
    fn an_address_holds_no_password() {
        assert!(address("https://example.org/a.iso".into()).is_ok());
        assert!(address("https://me:secret@example.org/a.iso".into()).is_err());
        assert!(address("ftp://example.org/a.iso".into()).is_err());
        assert!(address("https:///a.iso".into()).is_err());
        assert!(address("https://example.org/a b.iso".into()).is_err());
        assert!(file_name("setup.exe".into()).is_err());
    }
}

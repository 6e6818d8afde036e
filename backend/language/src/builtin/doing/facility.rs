//! What stands around the guests: “create pool lab”, “download https://… to local”, “back up web-01 every night at 2”.

use mycopod_core::reading::{Sourced, WantedBacked, WantedFacility};

use crate::account::is_address;
use crate::lexer::TokenKind;

use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Arrangement, Draft};
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// Weekdays as people say them, with Proxmox's name.
const DAYS: [(&Wordings, &str); 7] = [
    (words!("monday|mondays"), "mon"),
    (words!("tuesday|tuesdays"), "tue"),
    (words!("wednesday|wednesdays"), "wed"),
    (words!("thursday|thursdays"), "thu"),
    (words!("friday|fridays"), "fri"),
    (words!("saturday|saturdays"), "sat"),
    (words!("sunday|sundays"), "sun"),
];

/// How backups that are kept are counted, with Proxmox's name.
const KEPT: [(&Wordings, &str); 6] = [
    (words!("daily"), "keep-daily"),
    (words!("weekly"), "keep-weekly"),
    (words!("monthly"), "keep-monthly"),
    (words!("hourly"), "keep-hourly"),
    (words!("yearly"), "keep-yearly"),
    (words!("last|latest|newest"), "keep-last"),
];

impl Parser<'_> {
    /// Something made or deleted around the guests.
    pub fn facility(&mut self) -> Option<Draft> {
        let start = self.at;
        if let Some(more) = self.attempt(Self::make_pools) {
            return Some(more);
        }
        let rules = [Self::make_pool, Self::delete_one, Self::download, Self::backup_job];
        let wanted = rules.into_iter().find_map(|rule| self.attempt(rule))?;
        Some(Draft::Facility(Arrangement { tokens: start..self.at, wanted }))
    }

    /// “create a pool called lab with web-01 and web-02 in it”
    fn make_pool(&mut self) -> Option<WantedFacility> {
        let made = self.any(words!("create|make|add|set up"));
        let asked = !made
            && self.at.checked_sub(1).is_some_and(|at| ["need", "want", "have", "like"].contains(&self.word_at(at)));
        self.articles();
        let new = self.any(words!("new|another"));
        (made || asked || new).then_some(())?;
        self.any(words!("resource pool|pool")).then_some(())?;
        let sign = self.mark(':');
        let called = self.any(words!("called|named")) || sign;
        (made || called || new).then_some(())?;
        let name = self.pool_name()?;
        let (mut comment, mut members) = (None, Vec::new());
        loop {
            if comment.is_none()
                && let Some(text) = self.attempt(|p| {
                    p.mark(',');
                    p.any(words!("with"));
                    p.articles();
                    p.any(words!("comment")).then_some(())?;
                    p.mark(':');
                    p.quoted()
                })
            {
                comment = Some(text);
            } else if members.is_empty()
                && let Some(Targets::Old(targets)) = self.attempt(|p| {
                    p.mark(',');
                    p.any(words!("with|containing|for|holding|and put|and move|and add")).then_some(())?;
                    let targets = p.targets()?;
                    p.any(words!("in it|into it|inside|to it|in there"));
                    Some(targets)
                })
            {
                members = targets;
            } else {
                break;
            }
        }
        Some(WantedFacility::MakePool { name, comment, members })
    }

    /// “create pools red and blue”: one each.
    fn make_pools(&mut self) -> Option<Draft> {
        let start = self.at;
        let made = self.any(words!("create|make|add|set up"));
        (self.any(words!("the pools|two pools|new pools|pools")) && made).then_some(())?;
        self.any(words!("called|named"));
        self.mark(':');
        let mut names = vec![self.pool_name()?];
        while let Some(name) = self.attempt(|p| {
            p.joint().then_some(())?;
            p.pool_name()
        }) {
            names.push(name);
        }
        let tokens = start..self.at;
        let pool = |name| {
            let wanted = WantedFacility::MakePool { name, comment: None, members: Vec::new() };
            Draft::Facility(Arrangement { tokens: tokens.clone(), wanted })
        };
        let last = names.pop().map(pool)?;
        self.drafts.extend(names.into_iter().map(pool));
        self.at_boundary().then_some(last)
    }

    /// “delete pool lab”, “delete backup job mycopod-1”, “delete the file local:iso/debian-12.iso”
    fn delete_one(&mut self) -> Option<WantedFacility> {
        self.any(words!("delete|remove|destroy")).then_some(())?;
        self.articles();
        self.any(words!("empty"));
        if self.any(words!("resource pool|pool")) {
            return Some(WantedFacility::DeletePool { name: self.pool_name()? });
        }
        if self.any(words!("backup job")) {
            let at = self.at;
            let id = self.name()?;
            return Some(WantedFacility::DeleteBackupJob { id: Sourced::new(id, self.source(&(at..self.at))) });
        }
        self.any(words!("iso image|disk image|container template|file|image|iso|template|backup|volume"));
        let at = self.at;
        let volume = self.peek(0).filter(|token| token.text.contains(':') && token.text.contains('/'))?.text.clone();
        self.at += 1;
        Some(WantedFacility::DeleteFile { volume: Sourced::new(volume, self.source(&(at..self.at))) })
    }

    /// “download <https://example.org/debian-12.qcow2> to local on pve1 as base.qcow2, sha256 6d2f…”
    fn download(&mut self) -> Option<WantedFacility> {
        self.any(words!("download|fetch|get")).then_some(())?;
        self.articles();
        self.any(words!("following"));
        self.any(words!("iso image|disk image|container template|file|image|iso|template"));
        self.any(words!("from|at"));
        self.mark(':');
        let at = self.at;
        let address = self.peek(0).filter(|token| is_address(&token.text))?.text.clone();
        self.at += 1;
        let url = Sourced::new(address, self.source(&(at..self.at)));
        let (mut storage, mut node, mut file, mut checksum) = (None, None, None, None);
        loop {
            if file.is_none()
                && let Some(said) = self.attempt(|p| {
                    p.any(words!("as|and call it|and name it|and save it as")).then_some(())?;
                    p.file_name()
                })
            {
                file = Some(said);
            } else if checksum.is_none()
                && let Some(said) = self.attempt(Self::checksum)
            {
                checksum = Some(said);
            } else if node.is_none()
                && let Some(said) = self.attempt(|p| {
                    let placed = p.any(words!("on|to|onto|of"))
                        || p.mark(',') && p.ahead(|p| p.any(words!("node|host")).then_some(()));
                    placed.then_some(())?;
                    let announced = p.any(words!("node|host"));
                    let at = p.at;
                    let name = p.name().filter(|name| announced || p.inventory.nodes.contains(name))?;
                    Some(Sourced::new(name, p.source(&(at..p.at))))
                })
            {
                node = Some(said);
            } else if storage.is_none()
                && let Some(said) = self.attempt(Self::storage_there)
            {
                storage = Some(said);
            } else {
                break;
            }
        }
        Some(WantedFacility::Download { url, storage, node, file, checksum })
    }

    /// “sha256 6d2f…”, “with checksum sha256:6d2f…”
    fn checksum(&mut self) -> Option<Sourced<String>> {
        let _ = self.mark(',') || self.mark('(');
        self.any(words!("with|and"));
        self.articles();
        let checksum = self.any(words!("checksum"));
        let _ = self.mark(':') || self.mark('=');
        let algorithm = self.any(words!("md5|sha1|sha224|sha256|sha384|sha512"));
        (checksum || algorithm).then_some(())?;
        self.any(words!("checksum"));
        let _ = self.mark(':') || self.mark('=');
        let at = self.at;
        let digits = self.peek(0).filter(|token| token.is_content())?.text.clone();
        self.at += 1;
        let source = self.source(&(at..self.at));
        self.mark(')');
        Some(Sourced::new(digits, source))
    }

    /// “back up web-01 and db-1 every night at 2 to backup, keep 7 daily”, “create a backup job for pool prod at 03:00”.
    /// Without a time of day it is none: nobody knows when.
    fn backup_job(&mut self) -> Option<WantedFacility> {
        // “every night at 2, back up …”
        let mut schedule = self.attempt(|p| {
            let schedule = p.schedule()?;
            let _ = p.mark(',') || p.mark(':');
            p.any(words!("please"));
            Some(schedule)
        });
        let start = self.at;
        let (mut rhythm, mut weekly) = (None, false);
        let announced = self.attempt(|p| {
            let made = p.any(words!("create|make|add|set up|schedule"));
            p.articles();
            p.any(words!("new"));
            rhythm = p.attempt(Self::days);
            // The day of the week is still to come.
            weekly = rhythm.is_none() && p.any(words!("weekly"));
            p.any(words!("regular|scheduled|recurring"));
            let job = p.any(words!("backup job|backup schedule"));
            (job || p.any(words!("backups|backup"))).then_some(())?;
            let sign = p.mark(':');
            (sign || p.any(words!("for|of"))).then_some(())?;
            (made || rhythm.is_some() || weekly || job).then_some(())
        });
        if announced.is_none() && !self.any(words!("back up|backup")) {
            return None;
        }
        let guests = self.backed()?;
        let (mut storage, mut mode, mut keep) = (None, None, Vec::new());
        // “nightly backup of web-01 at 1:30”
        if let Some(days) = rhythm.filter(|_| schedule.is_none() && announced.is_some()) {
            schedule = self.attempt(|p| {
                let at = p.any(words!("at")).then(|| p.time_of_day())??;
                let text = if days.is_empty() { at } else { format!("{days} {at}") };
                Some(Sourced::new(text, p.source(&(start..p.at))))
            });
        }
        loop {
            if schedule.is_none()
                && let Some(said) = self.attempt(Self::schedule)
            {
                schedule = Some(said);
            } else if mode.is_none()
                && let Some(said) = self.attempt(Self::backup_mode)
            {
                mode = Some(said);
            } else if storage.is_none()
                && let Some(said) = self.attempt(Self::storage_there)
            {
                storage = Some(said);
            } else if keep.is_empty()
                && let Some(said) = self.attempt(Self::kept_backups)
            {
                keep = said;
            } else {
                break;
            }
        }
        let schedule = schedule.filter(|schedule| !weekly || on_days(&schedule.value))?;
        Some(WantedFacility::MakeBackupJob { guests, schedule, storage, mode, keep })
    }

    /// Whom a backup job is for.
    fn backed(&mut self) -> Option<WantedBacked> {
        let pool = self.attempt(|p| {
            p.any(words!("all guests in|all guests of|everything in|the guests of|the guests in"));
            p.articles();
            p.any(words!("pool")).then_some(())?;
            p.pool_name()
        });
        if let Some(pool) = pool {
            return Some(WantedBacked::Pool(pool));
        }
        if self.any(words!("all guests|everything|all vms and containers")) {
            let but = self.attempt(|p| {
                p.mark(',');
                p.any(words!("except for|except|excluding|but not|without")).then_some(())?;
                p.targets()
            });
            return match but {
                None => Some(WantedBacked::All(Vec::new())),
                Some(Targets::Old(but)) => Some(WantedBacked::All(but)),
                Some(Targets::New) => None,
            };
        }
        match self.targets()? {
            Targets::Old(targets) => Some(WantedBacked::Guests(targets)),
            Targets::New => None,
        }
    }

    /// “every night at 2”, “at 02:30 on sundays”, “daily at 11 pm”: as Proxmox writes it.
    fn schedule(&mut self) -> Option<Sourced<String>> {
        let _ = self.mark(',') || self.mark(':');
        let start = self.at;
        let mut days = self.attempt(Self::days);
        let at = self.any(words!("at"));
        // “every sunday 03:00”
        let clock = |p: &mut Self| {
            p.number()?;
            p.mark(':').then_some(())
        };
        (at || days.is_some() && self.ahead(clock)).then_some(())?;
        let time = self.time_of_day()?;
        if days.is_none() {
            days = self.attempt(Self::days);
        }
        let days = days.unwrap_or_default();
        let text = if days.is_empty() { time } else { format!("{days} {time}") };
        Some(Sourced::new(text, self.source(&(start..self.at))))
    }

    /// On which days; empty for all.
    fn days(&mut self) -> Option<String> {
        if self.any(words!("every day|each day|every night|each night|daily|nightly")) {
            return Some(String::new());
        }
        if self.any(words!("on weekdays|every weekday|each weekday")) {
            return Some("mon..fri".to_owned());
        }
        if self.any(words!("on weekends|on the weekend|every weekend")) {
            return Some("sat,sun".to_owned());
        }
        let announced = self.any(words!("every|each|on"));
        (announced || self.word().ends_with("days")).then_some(())?;
        let mut days = vec![self.day()?];
        while let Some(day) = self.attempt(|p| {
            p.joint().then_some(())?;
            p.any(words!("on|every"));
            p.day()
        }) {
            days.push(day);
        }
        Some(days.join(","))
    }

    fn day(&mut self) -> Option<&'static str> {
        DAYS.into_iter().find(|(said, _)| self.any(said)).map(|(_, name)| name)
    }

    /// “2”, “02:30”, “11 pm”, “midnight”.
    fn time_of_day(&mut self) -> Option<String> {
        if self.any(words!("midnight")) {
            return Some("00:00".to_owned());
        }
        if self.any(words!("noon")) {
            return Some("12:00".to_owned());
        }
        // “3am”
        let glued = self.attempt(|p| {
            let text = p.word().to_owned();
            let hour: u64 = text.strip_suffix("am").or_else(|| text.strip_suffix("pm"))?.parse().ok()?;
            p.at += 1;
            (1..=12).contains(&hour).then(|| hour % 12 + if text.ends_with("pm") { 12 } else { 0 })
        });
        if let Some(hour) = glued {
            return Some(format!("{hour:02}:00"));
        }
        let hour = self.number()?;
        let minute = self.attempt(|p| {
            p.mark(':').then_some(())?;
            p.number()
        });
        let hour = match (self.any(words!("am|a.m")), hour) {
            (true, 12) => 0,
            (true, hour) => hour,
            (false, hour) if self.any(words!("pm|p.m")) => {
                if hour == 12 {
                    12
                } else {
                    hour + 12
                }
            }
            (false, hour) => {
                self.any(words!("o'clock"));
                hour
            }
        };
        let minute = minute.unwrap_or(0);
        (hour < 24 && minute < 60).then(|| format!("{hour:02}:{minute:02}"))
    }

    /// “keep 7 daily and 4 weekly backups”, “keeping the last 3”.
    fn kept_backups(&mut self) -> Option<Vec<(String, Sourced<u32>)>> {
        self.joint();
        self.any(words!("keep|keeping|retain")).then_some(())?;
        let mut kept = vec![self.kept_some()?];
        while let Some(more) = self.attempt(|p| {
            p.joint().then_some(())?;
            p.kept_some()
        }) {
            kept.push(more);
        }
        Some(kept)
    }

    fn kept_some(&mut self) -> Option<(String, Sourced<u32>)> {
        let start = self.at;
        self.articles();
        let ahead = KEPT.into_iter().find(|(said, _)| self.any(said));
        let count = u32::try_from(self.number()?).ok()?;
        let rule = ahead.or_else(|| KEPT.into_iter().find(|(said, _)| self.any(said)));
        self.any(words!("backups|backup|ones"));
        // “keep 4” are the last ones.
        let rule = rule.map(|(_, rule)| rule).or_else(|| self.at_boundary().then_some("keep-last"))?;
        Some((rule.to_owned(), Sourced::new(count, self.source(&(start..self.at)))))
    }

    /// “to local”, “on the storage backup”.
    fn storage_there(&mut self) -> Option<Sourced<String>> {
        self.any(words!("to|on|onto|into")).then_some(())?;
        self.articles();
        let announced = self.any(words!("storage|datastore"));
        let at = self.at;
        // “backup” is what many call the storage for backups.
        let known = |p: &Self| p.peek(0).is_some_and(|token| p.inventory.storages.contains(&token.text));
        let name = if known(self) { self.take_text() } else { self.name() }?;
        let source = self.source(&(at..self.at));
        if !announced {
            self.any(words!("storage|datastore"));
        }
        Some(Sourced::new(name, source))
    }

    /// A pool's name; one in another has slashes.
    pub fn pool_name(&mut self) -> Option<Sourced<String>> {
        let at = self.at;
        let is_nested = |text: &str| {
            text.contains('/') && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/'))
        };
        let nested = self.peek(0).is_some_and(|token| token.kind == TokenKind::Word && is_nested(&token.text));
        let name = if nested { self.take_text() } else { self.name() }?;
        Some(Sourced::new(name, self.source(&(at..self.at))))
    }

    fn file_name(&mut self) -> Option<Sourced<String>> {
        let at = self.at;
        let name = self.take_text()?;
        Some(Sourced::new(name, self.source(&(at..self.at))))
    }

    fn quoted(&mut self) -> Option<Sourced<String>> {
        let at = self.at;
        self.peek(0).filter(|token| token.kind == TokenKind::Quoted)?;
        let text = self.take_text()?;
        Some(Sourced::new(text, self.source(&(at..self.at))))
    }

    /// The present token's text, whatever it is but a mark.
    fn take_text(&mut self) -> Option<String> {
        let text = self.peek(0).filter(|token| token.is_content())?.text.clone();
        self.at += 1;
        Some(text)
    }
}

/// Whether a schedule is of some days, and not of all.
fn on_days(schedule: &str) -> bool {
    schedule.contains(' ')
}

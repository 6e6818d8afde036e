//! Backups that are taken again and again: “back up web-01 every night at 2 to nas, keep 7 daily”.

use mycopod_core::reading::{Sourced, WantedBacked, WantedFacility};

use crate::builtin::Parser;
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
    /// “back up web-01 and db-1 every night at 2 to backup, keep 7 daily”, “create a backup job for pool prod at 03:00”.
    /// Without a time of day it is none: nobody knows when.
    pub fn backup_job(&mut self) -> Option<WantedFacility> {
        // “every night at 2, back up …”
        let mut schedule = self.attempt(|p| {
            let schedule = p.schedule()?;
            let _ = p.mark(',') || p.mark(':');
            p.any(words!("please"));
            Some(schedule)
        });
        let start = self.at;
        let (mut rhythm, mut weekly, mut plain) = (None, false, false);
        let announced = self.attempt(|p| {
            let made = p.any(words!("create|make|add|set up|schedule|take|run|do"));
            p.articles();
            p.any(words!("new"));
            rhythm = p.attempt(Self::days);
            // The day of the week is still to come.
            weekly = rhythm.is_none() && p.any(words!("weekly"));
            p.any(words!("regular|scheduled|recurring"));
            let job = p.any(words!("backup job|backup schedule"));
            (job || p.any(words!("backups|backup"))).then_some(())?;
            p.any(words!("please"));
            let sign = p.mark(':');
            let of = sign || p.any(words!("for|of"));
            // “backup of web-01 at 2” may be one; “backup of web-01 every day at 2” is none.
            plain = !(made || rhythm.is_some() || weekly || job || schedule.is_some());
            of.then_some(())
        });
        let mut noun = announced.is_some();
        let guests = if noun || self.any(words!("back up|backup")) {
            self.backed()?
        } else if let Some(guests) = self.attempt(|p| {
            // “back web-01 up every night at 2”
            p.any(words!("back")).then_some(())?;
            let guests = p.backed()?;
            p.any(words!("up")).then_some(guests)
        }) {
            guests
        } else if let Some(guests) = self.attempt(|p| {
            // “web-01: nightly backup at 2”, “web-01 needs a backup every night at 2”
            let guests = p.backed()?;
            let sign = p.mark(':');
            (p.any(words!("needs|need|gets|get|should get|should have")) || sign).then_some(())?;
            p.articles();
            rhythm = p.attempt(Self::days);
            p.any(words!("backups|backup")).then_some(guests)
        }) {
            noun = true;
            guests
        } else {
            // “I’d like web-01 backed up every night at 2”
            let guests = self.backed()?;
            self.any(words!(
                "should be|shall be|must be|needs to be|need to be|has to be|have to be|to be|is to be|are to be"
            ));
            self.any(words!("backed up")).then_some(guests)?
        };
        let (mut storage, mut mode, mut keep) = (None, None, Vec::new());
        // “nightly backup of web-01 at 1:30”
        if let Some(days) = rhythm.filter(|_| schedule.is_none() && noun) {
            schedule = self.attempt(|p| {
                let at = p.any(words!("at")).then(|| p.time_of_day())??;
                let text = if days.is_empty() { at } else { format!("{days} {at}") };
                Some(Sourced::new(text, p.source(&(start..p.at))))
            });
        }
        loop {
            self.any(words!("that runs|which runs"));
            if schedule.is_none()
                && let Some(said) = self.attempt(Self::schedule)
            {
                schedule = Some(said);
            } else if mode.is_none()
                && let Some(said) = self.attempt(Self::backup_mode)
            {
                mode = Some(said);
            } else if storage.is_none()
                && let Some(said) = self.attempt(|p| {
                    p.mark(',');
                    p.storage_there()
                })
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
        let again = |at: usize| {
            matches!(self.word_at(at), "every" | "each" | "daily" | "nightly") || self.word_at(at).ends_with("days")
        };
        (!plain || (start..self.at).any(again)).then_some(())?;
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
        // “every sunday 03:00”, “daily 2 am”
        let clock = |p: &mut Self| {
            p.number()?;
            (p.mark(':') || p.any(words!("am|pm|a.m|p.m|o'clock"))).then_some(())
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
        // “the last 4 are kept”
        if let Some(kept) = self.attempt(|p| {
            let kept = p.kept_some()?;
            p.any(words!("are|should be|shall be|must be|to be|are to be")).then_some(())?;
            p.verb(words!("kept|retained")).then_some(kept)
        }) {
            return Some(vec![kept]);
        }
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
        let rule = rule
            .map(|(_, rule)| rule)
            .or_else(|| (self.at_boundary() || self.word() == "are").then_some("keep-last"))?;
        Some((rule.to_owned(), Sourced::new(count, self.source(&(start..self.at)))))
    }
}

/// Whether a schedule is of some days, and not of all.
fn on_days(schedule: &str) -> bool {
    schedule.contains(' ')
}

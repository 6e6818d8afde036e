//! What is done once: start, stop, reboot, delete, snapshot, clone, adopt.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::{Amount, Deed, Sourced};

use super::Parser;
use super::draft::{Copy, Doing, Draft};
use super::item::{Item, Said};
use super::target::Targets;

impl Parser<'_> {
    /// A deed with everything that belongs to it, and nothing left of the clause.
    pub fn deed(&mut self) -> Option<()> {
        let rules =
            [Self::clone_guest, Self::snapshot, Self::split_power, Self::simple, Self::noun_of_a_deed, Self::passive];
        let draft = rules.into_iter().find_map(|rule| {
            self.attempt(|p| {
                let draft = rule(p)?;
                (p.at_boundary() || matches!(draft, Draft::Clone(_)) && p.word() == "with").then_some(draft)
            })
        })?;
        match draft {
            // What was only just described is made, not acted upon; to start it is a trait of its making.
            Draft::Do(doing) if doing.targets.iter().any(|target| self.is_new(target)) => {
                if doing.deed != Deed::Start {
                    return None;
                }
                let running = Item::Plain(Plain::Running, Amount::To(Value::Flag(true)));
                let items = [Said { value: running, tokens: doing.tokens }];
                doing.targets.iter().try_for_each(|target| self.extend_named(target, &items))
            }
            draft => {
                self.drafts.push(draft);
                Some(())
            }
        }
    }

    fn doing(&self, start: usize, targets: Targets, deed: Deed) -> Option<Draft> {
        let Targets::Old(targets) = targets else { return None };
        Some(Draft::Do(Doing { tokens: start..self.at, targets, deed }))
    }

    fn simple(&mut self) -> Option<Draft> {
        let start = self.at;
        let gently = self.any("gracefully|cleanly|properly");
        let force = !gently && self.any("hard|forcefully|forcibly|force");
        let deed = if force {
            self.any("-");
            let off = self.any("to stop|stop|power off|shut down|shutdown|off");
            off.then_some(Deed::Stop)?
        } else if self.any("stop and delete|stop and then delete|stop and destroy|stop and remove") {
            Deed::Delete
        } else if self.any("force-stop|hard-stop|kill|pull the plug on|pull the plug of") {
            Deed::Stop
        } else if self.any("start up|start|power on|power up|turn on|switch on|boot up|boot|bring up|fire up") {
            Deed::Start
        } else if self.any("stop|shut down|shutdown|power off|power down|turn off|switch off|halt") {
            Deed::Shutdown { within: None }
        } else if self.any("reboot|restart") {
            Deed::Reboot
        } else if self.any("delete|destroy|remove|get rid of|tear down|throw away") {
            Deed::Delete
        } else if self.any("adopt|take over|take control of|manage") {
            Deed::Adopt
        } else {
            return None;
        };
        if gently && !matches!(deed, Deed::Shutdown { .. }) {
            return None;
        }
        let targets = self.listed_targets()?;
        let deed = match deed {
            Deed::Shutdown { .. } if self.any("forcefully|forcibly|by force|hard|the hard way") => Deed::Stop,
            Deed::Shutdown { .. } => {
                self.any("gracefully|cleanly|properly");
                Deed::Shutdown { within: None }
            }
            Deed::Delete => {
                self.any(
                    "completely|permanently|for good|and all its disks|and its disks|with all its disks|\
                    with its disks|including its disks|from the cluster",
                );
                Deed::Delete
            }
            other => other,
        };
        self.any("again|right now|now|right away|for me");
        self.doing(start, targets, deed)
    }

    /// “power test-2 on”, “turn web-01 off”, “shut web-01 down”, “take web-01 over”.
    fn split_power(&mut self) -> Option<Draft> {
        let start = self.at;
        let verb = self.word().to_owned();
        if !["power", "turn", "switch", "shut", "bring", "take"].contains(&verb.as_str()) {
            return None;
        }
        self.at += 1;
        let targets = self.targets()?;
        let deed = match verb.as_str() {
            "power" | "turn" | "switch" if self.any("on") => Deed::Start,
            "power" | "turn" | "switch" if self.any("off") => Deed::Shutdown { within: None },
            "shut" if self.any("down") => Deed::Shutdown { within: None },
            "bring" if self.any("up") => Deed::Start,
            "take" if self.any("over") => Deed::Adopt,
            _ => return None,
        };
        self.any("again|right now|now|right away");
        self.doing(start, targets, deed)
    }

    /// “web-02 needs a restart”, “give db-1 a reboot”, “do a reboot of web-01”.
    fn noun_of_a_deed(&mut self) -> Option<Draft> {
        let start = self.at;
        let reboot = "a reboot|a restart|to be rebooted|to be restarted";
        let given = self.any("give");
        let targets = if !given && self.any("do|make") {
            if !self.any("a reboot of|a restart of") {
                return None;
            }
            self.targets()?
        } else {
            let targets = self.targets()?;
            if !given && !self.any("needs|need|gets|get") || !self.any(reboot) {
                return None;
            }
            targets
        };
        self.doing(start, targets, Deed::Reboot)
    }

    /// “old-backup should be deleted”, “web-01 and web-02 must be rebooted”.
    fn passive(&mut self) -> Option<Draft> {
        let start = self.at;
        let targets = self.targets()?;
        if !self.any(
            "should be|shall be|must be|can be|may be|needs to be|need to be|has to be|have to be|is to be|are to be",
        ) {
            return None;
        }
        let deed = if self.any("deleted|destroyed|removed") {
            Deed::Delete
        } else if self.any("rebooted|restarted") {
            Deed::Reboot
        } else {
            return None;
        };
        self.any("now");
        self.doing(start, targets, deed)
    }

    /// “snapshot web-01 as pre-patch”, “take a snapshot called a of web-01 and web-02”.
    fn snapshot(&mut self) -> Option<Draft> {
        let start = self.at;
        let named = |p: &mut Self| {
            p.attempt(|p| {
                let open = p.mark('(');
                if !p.any("and call it|and name it|named|called|name|as|with the name|with name|under the name") {
                    return None;
                }
                let _ = p.mark('=') || p.mark(':');
                let at = p.at;
                // Snapshots are called by the rhythm they are taken in; here it sets no schedule.
                let name = match p.any_name() {
                    Some(name) => name,
                    None if p.any("hourly|daily|nightly|weekly|monthly") => p.last_word().to_owned(),
                    None => return None,
                };
                let said = Sourced::new(name, p.source(&(at..p.at)));
                (!open || p.mark(')')).then_some(said)
            })
        };
        let mut name = None;
        let targets = if self.any("take|make|create|do") {
            self.any("a|another|one");
            self.any("new");
            if !self.any("snapshots|snapshot") {
                return None;
            }
            name = named(self);
            if name.is_none() {
                name = self.attempt(|p| {
                    let at = p.at;
                    let name = p.name()?;
                    (p.word() == "of").then(|| Sourced::new(name, p.source(&(at..p.at))))
                });
            }
            if !self.any("of each of|of|for|on") {
                return None;
            }
            self.targets()?
        } else {
            if !self.any("snapshot") {
                return None;
            }
            self.any("of");
            self.targets()?
        };
        self.any("now");
        let name = name.or_else(|| named(self));
        self.doing(start, targets, Deed::Snapshot { name })
    }

    /// “clone web-02 as web-copy”, “make a full copy of web-02 called b”, “linked clone of base named c”.
    fn clone_guest(&mut self) -> Option<Draft> {
        let start = self.at;
        // “create web-09 as a clone of web-01”, “create a VM web-09 as a copy of web-01”
        if let Some((name, full, from)) = self.attempt(|p| {
            p.any("make|create").then_some(())?;
            p.any("a|an");
            p.any("new");
            p.attempt(Self::guest_noun);
            p.any("called|named");
            let name = p.name_said()?;
            p.any("as a|as").then_some(())?;
            let at = p.at;
            let full = p.any("full") || !p.any("linked");
            let full = (p.at > at).then(|| Sourced::new(full, p.source(&(at..p.at))));
            p.any("clone of|copy of|duplicate of").then_some(())?;
            Some((name, full, p.one_target()?))
        }) {
            return Some(Draft::Clone(Copy { tokens: start..self.at, from, name, full, items: Vec::new() }));
        }
        let made = self.any("make|create|take|i want|new");
        self.any("me");
        let article = self.any("a|another");
        let full = self.attempt(|p| {
            let at = p.at;
            let full = p.any("full|complete");
            (full || p.any("linked")).then(|| Sourced::new(full, p.source(&(at..p.at))))
        });
        if !self.any("clone|copy|duplicate") {
            return None;
        }
        let named = |p: &mut Self| {
            p.attempt(|p| {
                if !p.any(
                    "and call it|and name it|call it|name it|as a full clone named|as a linked clone named|\
                    as a full clone called|as a linked clone called|to a new vm called|to a new vm named|\
                    to new vm|into a new vm called|into a new vm named|to a vm called|to a vm named|as vm|\
                    as container|as|to|into|named|called|with the name|with name|under the name",
                ) {
                    return None;
                }
                p.name_said()
            })
        };
        let of = self.any("of");
        if (made || article) && !of && !self.ahead(|p| p.any("called|named").then_some(())) {
            return None;
        }
        let early = if of { None } else { named(self) };
        if early.is_some() && !self.any("of|from") {
            return None;
        }
        let from = self.one_target()?;
        let name = early.or_else(|| {
            let _ = self.mark(',');
            named(self)
        })?;
        let full = full.or_else(|| {
            self.attempt(|p| {
                p.mark(',');
                let at = p.at;
                let full = p.any("as a full clone|as a full copy|as full clone|full clone|fully");
                (full || p.any("as a linked clone|as linked clone|linked clone|linked"))
                    .then(|| Sourced::new(full, p.source(&(at..p.at))))
            })
        });
        Some(Draft::Clone(Copy { tokens: start..self.at, from, name, full, items: Vec::new() }))
    }

    /// A name and that it was said.
    fn name_said(&mut self) -> Option<Sourced<String>> {
        let Said { value, tokens } = self.attempt(|p| {
            let at = p.at;
            let value = p.name()?;
            Some(Said { value, tokens: at..p.at })
        })?;
        Some(Sourced::new(value, self.source(&tokens)))
    }
}

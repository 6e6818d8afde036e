//! What is done once: start, stop, suspend, reboot, delete, migrate, adopt.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::{Amount, Deed, Sourced};

use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Change, Doing, Draft};
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// A deed with everything that belongs to it, and nothing left of the clause.
    pub fn deed(&mut self) -> Option<()> {
        let rules = [
            Self::facility,
            Self::clone_guest,
            Self::template,
            Self::delete_snapshot,
            Self::snapshot,
            Self::rollback,
            Self::restore,
            Self::backup,
            Self::disk_deed,
            Self::nic_deed,
            Self::migration,
            Self::split_power,
            Self::simple,
            Self::time_to_stop,
            Self::noun_of_a_deed,
            Self::deed_by_noun,
            Self::becomes_template,
            Self::passive,
            Self::had_done,
            Self::verb_behind,
            Self::unneeded,
        ];
        let draft = rules.into_iter().find_map(|rule| {
            self.attempt(|p| {
                let draft = rule(p)?;
                // Who says “stop web-01 immediately” may mean by force.
                let stops = matches!(&draft, Draft::Do(Doing { deed: Deed::Shutdown { .. } | Deed::Stop, .. }));
                let _ = if stops { p.any(words!("please|too|as well|for me|for us")) } else { p.manner() };
                (p.at_boundary()
                    || matches!(draft, Draft::Clone(_)) && matches!(p.word(), "with" | "on" | "using" | "but"))
                .then_some(draft)
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
                doing.targets.iter().try_for_each(|target| self.extend_named(target, &items))?;
                self.share(&doing.targets);
                Some(())
            }
            draft => {
                self.drafts.push(draft);
                Some(())
            }
        }
    }

    /// A deed to guests that exist.
    pub fn doing(&self, start: usize, targets: Targets, deed: Deed) -> Option<Draft> {
        let Targets::Old(targets) = targets else { return None };
        if self.may_mean_a_part(start, &targets, &deed) {
            return None;
        }
        Some(Draft::Do(Doing { tokens: start..self.at, targets, deed }))
    }

    fn simple(&mut self) -> Option<Draft> {
        let start = self.at;
        // “To delete: test-1, test-2”
        self.any(words!("to"));
        let gently = self.any(words!("gracefully|cleanly|properly"));
        let force = !gently && self.any(words!("hard|forcefully|forcibly|force"));
        let deed = if force {
            self.any(words!("-"));
            let off = self.any(words!("to stop|stop|power off|shut down|shutdown|off"));
            off.then_some(Deed::Stop)?
        } else if self.any(words!("stop and delete|stop and then delete|stop and destroy|stop and remove")) {
            Deed::Delete
        } else if self.any(words!("force-stop|hard-stop|kill|pull the plug on|pull the plug of")) {
            Deed::Stop
        } else if self.any(words!("start up|start|power on|power up|turn on|switch on|boot up|boot|bring up|fire up")) {
            Deed::Start
        } else if self.any(words!("stop|shut down|shutdown|power off|power down|turn off|switch off|halt")) {
            Deed::Shutdown { within: None }
        } else if self.any(words!("reboot|restart|power cycle|power-cycle")) {
            Deed::Reboot
        } else if self.any(words!("suspend|pause")) {
            Deed::Suspend
        } else if self.any(words!("resume|unpause|continue")) {
            Deed::Resume
        } else if self.any(words!("delete|destroy|remove|get rid of|tear down|throw away")) {
            Deed::Delete
        } else if self.any(words!("adopt|take over|take control of|manage")) {
            Deed::Adopt
        } else {
            return None;
        };
        if gently && !matches!(deed, Deed::Shutdown { .. }) {
            return None;
        }
        let targets = self.listed_targets()?;
        let deed = match deed {
            Deed::Shutdown { .. } if self.any(words!("forcefully|forcibly|by force|hard|the hard way")) => Deed::Stop,
            Deed::Shutdown { .. } => {
                self.any(words!("gracefully|cleanly|properly"));
                Deed::Shutdown { within: self.attempt(Self::within) }
            }
            Deed::Delete => {
                self.any(words!(
                    "completely|permanently|for good|and all its disks|and its disks|with all its disks|\
                    with its disks|including its disks|from the cluster"
                ));
                Deed::Delete
            }
            other => other,
        };
        // “start test-1 with 2 cores”
        let counts =
            |item: &Said<Item>| matches!(item.value, Item::Plain(Plain::Cores | Plain::Memory | Plain::Swap, _));
        let sized = |p: &mut Self| {
            p.any(words!("with")).then_some(())?;
            p.items(How::Give).filter(|items| items.iter().all(counts))
        };
        if matches!(deed, Deed::Start | Deed::Reboot)
            && let Some(items) = self.attempt(sized)
        {
            let tokens = start..self.at;
            let Targets::Old(targets) = &targets else { return None };
            targets.iter().all(|target| !self.is_new(target)).then_some(())?;
            self.drafts.push(Draft::Change(Change { tokens, targets: targets.clone(), items, how: How::Give }));
        }
        self.any(words!("again|right now|now|right away|for me|afterwards|too|as well|there"));
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
            "power" | "turn" | "switch" if self.any(words!("on")) => Deed::Start,
            "power" | "turn" | "switch" if self.any(words!("off|down")) => Deed::Shutdown { within: None },
            "shut" if self.any(words!("down")) => {
                self.any(words!("gracefully|cleanly|properly"));
                Deed::Shutdown { within: self.attempt(Self::within) }
            }
            "bring" if self.any(words!("back up|up again|back online|up|online")) => Deed::Start,
            "take" | "bring" if self.any(words!("down")) => Deed::Shutdown { within: None },
            "take" if self.any(words!("over")) => Deed::Adopt,
            _ => return None,
        };
        self.any(words!("again|right now|now|right away"));
        self.doing(start, targets, deed)
    }

    /// “within 5 minutes”, “with a timeout of 90 s”.
    fn within(&mut self) -> Option<Sourced<u64>> {
        let _ = self.mark(',') || self.mark('(');
        let start = self.at;
        let said = self.any(words!(
            "within at most|within|in at most|in no more than|with a timeout of|with a time-out of|with timeout|\
            with a time limit of|with a limit of|with a deadline of|timeout"
        ));
        let _ = said && (self.mark('=') || self.mark(':'));
        let seconds = said.then(|| self.seconds())?.filter(|seconds| *seconds > 0)?;
        let source = self.source(&(start..self.at));
        self.mark(')');
        Some(Sourced::new(seconds, source))
    }

    /// “give web-01 5 minutes to shut down”
    fn time_to_stop(&mut self) -> Option<Draft> {
        let start = self.at;
        if !self.any(words!("give|allow")) {
            return None;
        }
        let targets = self.targets()?;
        let at = self.at;
        let seconds = self.seconds().filter(|seconds| *seconds > 0)?;
        let within = Some(Sourced::new(seconds, self.source(&(at..self.at))));
        self.any(words!("to shut down|to shutdown|to stop|to power off")).then_some(())?;
        self.doing(start, targets, Deed::Shutdown { within })
    }

    /// “migrate web-01 to pve2 live with its disks to local-lvm”, “move web-01 to node pve2”.
    fn migration(&mut self) -> Option<Draft> {
        let start = self.at;
        let live = self.any(words!("live-migrate|live migrate|live migration of|a live migration of"));
        let titled = |p: &mut Self| (p.any(words!("migration|migrate|move")) && p.mark(':')).then_some(());
        let migrates = live
            || self.attempt(titled).is_some()
            || self.any(words!("migrate|migration of|a migration of|the migration of"));
        let put = !migrates && self.any(words!("put"));
        if !migrates && !put && !self.any(words!("move|relocate|transfer")) {
            return self.housed(start);
        }
        let how = |p: &mut Self, offline: &mut bool| {
            p.attempt(|p| {
                let open = p.mark('(');
                let off = p.any(words!("offline|while off|cold"));
                (off || p.any(words!("live|online"))).then_some(())?;
                (!open || p.mark(')')).then_some(())?;
                *offline |= off;
                Some(())
            });
        };
        let mut offline = false;
        how(self, &mut offline);
        let targets = self.targets()?;
        how(self, &mut offline);
        let from = self.attempt(|p| {
            p.any(words!("away from|from")).then_some(())?;
            p.any(words!("the node|the host|node|host"));
            let at = p.at;
            let name = p.name()?;
            Some(Sourced::new(name, p.source(&(at..p.at))))
        });
        if !(self.any(words!("over to|to|onto|->|→|=>")) || self.any(words!("on"))) {
            return None;
        }
        self.any(words!("the"));
        let at = self.at;
        let announced = self.any(words!("node|host"));
        let node = self.name()?;
        // What else is moved than a guest to a node is another rule’s.
        if !(announced || migrates || self.inventory.nodes.contains(&node)) {
            return None;
        }
        let node = Sourced::new(node, self.source(&(at..self.at)));
        how(self, &mut offline);
        let mut storage = None;
        let with_disks = self.attempt(|p| {
            p.any(words!("together"));
            p.any(words!("with all its|with all of its|with its|with their|with|and all its|and its|including its"))
                .then_some(())?;
            // “local” is the name of a storage as well.
            p.at += usize::from(p.word() == "local");
            p.any(words!("disks|disk")).then_some(())
        });
        if with_disks.is_some() {
            storage = self.attempt(|p| {
                p.any(words!("to|onto|on")).then_some(())?;
                p.any(words!("the"));
                p.any(words!("storage|datastore"));
                let at = p.at;
                let name = p.name()?;
                Some(Sourced::new(name, p.source(&(at..p.at))))
            });
        } else if let Some(said) = self.attempt(Self::storage_of_disk) {
            storage = Some(Sourced::new(said.value, self.source(&said.tokens)));
        }
        how(self, &mut offline);
        self.doing(start, targets, Deed::Migrate { node, storage, from, offline })
    }

    /// “test-1 should run on pve2”
    fn housed(&mut self, start: usize) -> Option<Draft> {
        let targets = self.targets()?;
        // “test-1 from pve1 to pve2”
        if let Some(from) = self.attempt(|p| {
            p.any(words!("from")).then_some(())?;
            let at = p.at;
            let node = p.name().filter(|name| p.inventory.nodes.contains(name))?;
            Some(Sourced::new(node, p.source(&(at..p.at))))
        }) {
            self.any(words!("to|onto|->|→|=>")).then_some(())?;
            return self.on_a_node(start, targets, Some(from));
        }
        if self.any(words!("to|onto|->|→|=>")) {
            // “test-1 -> pve2”
            return self.on_a_node(start, targets, None);
        }
        self.any(words!(
            "over to|onto|should run on|should be on|should live on|should go to|should move to|must move to|shall move to|has to move to|needs to move to|moves to|\
            should be moved to|must be moved to|has to be moved to|needs to be moved to|should be migrated to|must be migrated to|must run on|must be on|shall run on|shall be on|belongs on|belong on|goes to|go to"
        ))
        .then_some(())?;
        self.on_a_node(start, targets, None)
    }

    fn on_a_node(&mut self, start: usize, targets: Targets, from: Option<Sourced<String>>) -> Option<Draft> {
        self.any(words!("the"));
        self.any(words!("node|host"));
        let at = self.at;
        let node = self.name().filter(|name| self.inventory.nodes.contains(name))?;
        let node = Sourced::new(node, self.source(&(at..self.at)));
        self.doing(start, targets, Deed::Migrate { node, storage: None, from, offline: false })
    }

    /// “test-1 is not needed any more, please delete it”, “we no longer need old-backup, delete it”.
    fn unneeded(&mut self) -> Option<Draft> {
        self.beyond(Self::unneeded_and_deleted)
    }

    fn unneeded_and_deleted(&mut self) -> Option<Draft> {
        let start = self.at;
        let ours = self.attempt(|p| {
            p.any(words!("we|i"));
            p.any(words!("no longer need|don't need|do not need")).then(|| p.targets())?
        });
        let targets =
            if let Some(targets) = ours {
                self.any(words!("any more|anymore|any longer"));
                targets
            } else {
                let targets = self.targets()?;
                let negated = self.any(words!("isn't|aren't"));
                (negated || self.any(words!("is|are"))).then_some(())?;
                let unneeded = words!("needed any more|needed anymore|needed any longer|used any more|used anymore");
                (negated && self.any(unneeded) || !negated && self.any(words!(
                "no longer needed|no longer used|not needed any more|not needed anymore|not needed any longer|\
                not used any more|not used anymore"
            )))
            .then_some(())?;
                targets
            };
        self.next_sentence();
        while self.mark(',')
            || self.mark('–')
            || self.mark(':')
            || self.any(words!("so|and|please|you can|you may|can you|kindly"))
        {}
        self.any(words!("delete|remove|destroy|throw away|get rid of")).then_some(())?;
        self.any(words!("it|them|both of them|both")).then_some(())?;
        self.manner();
        self.at_boundary().then_some(())?;
        self.doing(start, targets, Deed::Delete)
    }

    /// “have web-01 rebooted”
    fn had_done(&mut self) -> Option<Draft> {
        let start = self.at;
        // “can we get web-01 rebooted” is asked for up to its verb.
        (self.any(words!("have|get")) || matches!(self.last_word(), "have" | "get")).then_some(())?;
        let targets = self.targets()?;
        let deed = if self.any(words!("rebooted|restarted")) {
            Deed::Reboot
        } else if self.any(words!("started|booted|powered on|turned on|switched on|up and running|running|online")) {
            Deed::Start
        } else if self.any(words!("stopped|shut down|powered off|turned off|switched off")) {
            Deed::Shutdown { within: None }
        } else if self.any(words!("deleted|destroyed|removed")) {
            Deed::Delete
        } else {
            return None;
        };
        self.doing(start, targets, deed)
    }

    /// “web-01 reboot”, “db-1 → reboot”, “test-3: delete”.
    fn verb_behind(&mut self) -> Option<Draft> {
        let start = self.at;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        let sign = self.mark(':') || self.mark('–') || self.any(words!("->|→|=>"));
        let _ = sign && self.any(words!("just"));
        let deed = if self.any(words!("reboot|restart")) {
            Deed::Reboot
        } else if self.any(words!("start|power on|turn on|switch on")) {
            Deed::Start
        } else if self.any(words!("stop|shut down|shutdown|power off|turn off|switch off")) {
            Deed::Shutdown { within: None }
        } else if sign && self.any(words!("delete|remove|destroy")) {
            Deed::Delete
        } else {
            return None;
        };
        self.manner();
        self.at_boundary().then_some(())?;
        self.doing(start, targets, deed)
    }

    /// “old-backup should be deleted”, “web-01 and web-02 must be rebooted”.
    fn passive(&mut self) -> Option<Draft> {
        let start = self.at;
        let targets = self.targets()?;
        // “test-1 should be stopped” says how it shall be from now on; “can be stopped” lets it be done.
        let may = self.any(words!("can now be|can be|may be"));
        if !may
            && !self.any(words!(
                "should please be|should now be|should be|shall be|must be|needs to be|need to be|has to be|have to be|is to be|are to be"
            ))
        {
            return None;
        }
        let deed = if self.any(words!("deleted|destroyed|removed")) {
            Deed::Delete
        } else if may && self.any(words!("shut down|stopped|powered off|powered down|turned off|switched off")) {
            Deed::Shutdown { within: None }
        } else if may && self.any(words!("started|booted|powered on|turned on|switched on")) {
            Deed::Start
        } else if self.any(words!("suspended|paused")) {
            Deed::Suspend
        } else if self.any(words!("resumed")) {
            Deed::Resume
        } else if self.any(words!("rebooted|restarted")) {
            Deed::Reboot
        } else {
            return None;
        };
        self.any(words!("now"));
        self.doing(start, targets, deed)
    }
}

//! What is done once: start, stop, suspend, reboot, delete, migrate, adopt.

use mycopod_core::field::{Plain, Value};
use mycopod_core::guest::Vmid;
use mycopod_core::reading::{Amount, Deed, Selector, Target};

use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Doing, Draft};
use crate::builtin::said::item::{Item, Said};
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
            Self::node_as_a_field,
            Self::leaving,
            Self::parted_verb,
            Self::verb_ahead,
            Self::keeping_others,
            Self::verbs_in_a_row,
            Self::explained,
            Self::time_to_stop,
            Self::noun_of_a_deed,
            Self::deed_by_noun,
            Self::becomes_template,
            Self::undergone,
            Self::announced_to_be_done,
            Self::verb_behind,
            Self::up_and_down,
            Self::unneeded,
            Self::unneeded_pool,
            Self::done_alike,
        ];
        let place = self.attempt(Self::led_by_a_node);
        let draft = rules.into_iter().find_map(|rule| {
            self.attempt(|p| {
                let draft = rule(p)?;
                let targets = if let Draft::Do(doing) = &draft { doing.targets.as_slice() } else { &[] };
                p.attempt(|p| p.where_they_are(targets));
                if let Draft::Do(doing) = &draft {
                    p.attempt(|p| p.started_elsewhere(doing));
                }
                place.as_ref().is_none_or(|node| p.are_on(targets, node)).then_some(())?;
                // Who says “stop web-01 immediately” may mean by force.
                let stops = matches!(&draft, Draft::Do(Doing { deed: Deed::Shutdown { .. } | Deed::Stop, .. }));
                let _ = if stops { p.any(words!("please|too|as well|for me|for us")) } else { p.manner() };
                p.verb(words!("for it|for that|for them"));
                // “back up db-1 first, then …”
                let _ = p.drafts.is_empty() && p.any(words!("first"));
                if let Draft::Do(doing) = &draft {
                    p.attempt(|p| p.not_that(&doing.deed));
                }
                (p.at_boundary()
                    || p.last_word() == "please" && p.remark_ahead()
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
                let place = self.place_of(&draft)?;
                self.drafts.insert(place, draft);
                Some(())
            }
        }
    }

    /// Where a statement stands among the others: behind them, but for what is kept “first” of the guest that the one before it is about.
    fn place_of(&self, draft: &Draft) -> Option<usize> {
        let keeps = matches!(draft, Draft::Do(Doing { deed: Deed::Snapshot { .. } | Deed::Backup { .. }, .. }));
        let first = keeps && draft.tokens().clone().any(|at| matches!(self.word_at(at), "first" | "beforehand"));
        let end = self.drafts.len();
        let Some(last) = self.drafts.last().filter(|_| first) else { return Some(end) };
        let same = |one: &Target| last.targets().iter().any(|other| other.selector == one.selector);
        let alone = self.drafts.iter().filter(|draft| draft.targets().iter().any(same)).count() == 1;
        (alone && last.tokens().start >= self.began && draft.targets().iter().all(same)).then_some(end - 1)
    }

    /// A deed to guests that exist.
    pub fn doing(&self, start: usize, targets: Targets, deed: Deed) -> Option<Draft> {
        let Targets::Old(targets) = targets else { return None };
        if self.may_mean_a_part(start, &targets, &deed) {
            return None;
        }
        Some(Draft::Do(Doing { tokens: start..self.at, targets, deed }))
    }

    /// “on pve1, …”: where the guests are, before the deed.
    fn led_by_a_node(&mut self) -> Option<String> {
        self.any(words!("on")).then_some(())?;
        let node = self.node_of_the_cluster()?;
        self.mark(',');
        Some(node)
    }

    /// “… on pve1”, “… (pve1)” behind guests that are there: of guests that are elsewhere it is asked, and
    /// so it is of “remove web-01 from pve1”, which may be to live on elsewhere.
    pub fn where_they_are(&mut self, targets: &[Target]) -> Option<()> {
        let open = self.mark('(');
        (self.any(words!("on|at|running on")) || open).then_some(())?;
        let node = self.node_of_the_cluster()?;
        ((!open || self.mark(')')) && self.are_on(targets, &node)).then_some(())
    }

    fn node_of_the_cluster(&mut self) -> Option<String> {
        self.any(words!("the"));
        self.any(words!("node|host"));
        self.name().filter(|name| self.inventory.nodes.contains(name))
    }

    /// Whether all of them are known to be on `node`.
    fn are_on(&self, targets: &[Target], node: &str) -> bool {
        let home = |vmid: Vmid| self.inventory.homes.get(&vmid).is_some_and(|home| home == node);
        let is_there = |target: &Target| match &target.selector {
            Selector::Name(name) => {
                self.inventory.guests.get(name).is_some_and(|keys| keys.iter().all(|key| home(key.vmid)))
            }
            Selector::Vmid(vmid) => Vmid::try_from(*vmid).is_ok_and(home),
            Selector::All(_) | Selector::Vague(_) => false,
        };
        !targets.is_empty() && targets.iter().all(is_there)
    }
}

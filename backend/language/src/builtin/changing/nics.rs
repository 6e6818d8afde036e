//! NICs of guests that exist: connected elsewhere, unplugged, removed.

use mycopod_core::field::{NicPart, Value};
use mycopod_core::reading::Deed;

use super::change::Wish;
use crate::builtin::Parser;
use crate::builtin::drafting::draft::Draft;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::said::nic::NicRef;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// The most tokens before “loses its second NIC”.
const MAX_LOSING: usize = 6;

impl Parser<'_> {
    /// “net1 of web-01”, “web-01’s second NIC”.
    pub fn nic_of_targets(&mut self, prepositions: &Wordings) -> Option<(NicRef, Targets)> {
        self.attempt(|p| {
            let nic = p.nic_ref()?;
            Some((nic, p.of_targets(prepositions)?))
        })
        .or_else(|| {
            self.attempt(|p| {
                let targets = p.owner()?;
                Some((p.nic_ref()?, targets))
            })
        })
    }

    /// “remove net1 of web-01”, “remove the second NIC from web-01”.
    pub fn nic_deed(&mut self) -> Option<Draft> {
        let start = self.at;
        // “web-01 loses its second NIC”
        if let Some((number, targets)) = self.attempt(|p| {
            let ahead = (1..=MAX_LOSING).take_while(|ahead| p.at + ahead < p.end);
            ahead.into_iter().any(|ahead| matches!(p.word_ahead(ahead), "loses" | "lose" | "gives")).then_some(())?;
            let targets = p.targets().filter(|targets| p.known(targets))?;
            p.any(words!("should lose|can lose|loses|lose|gives up")).then_some(())?;
            p.any(words!("its|the"));
            let NicRef(number) = p.nic_ref()?;
            Some((number, targets))
        }) {
            return self.doing(start, targets, Deed::RemoveNic(number));
        }
        if let Some((NicRef(number), targets)) = self.attempt(Self::unneeded_nic) {
            return self.doing(start, targets, Deed::RemoveNic(number));
        }
        // “pull net0” may mean its cable.
        let pulls = self.verb(words!("pull|rip|yank|tear"));
        (pulls || self.verb(words!("remove|delete|destroy|detach|take|drop|get rid of|strip|scrap|ditch|kick")))
            .then_some(())?;
        let out = if pulls { words!("out of|from") } else { words!("out of|of|away from|from|off of|off|on|in") };
        let (NicRef(number), targets) = self.nic_of_targets(out)?;
        self.doing(start, targets, Deed::RemoveNic(number))
    }

    /// “web-01 no longer needs its second NIC, remove it”: the NIC goes, never the guest.
    fn unneeded_nic(&mut self) -> Option<(NicRef, Targets)> {
        let ahead = (1..=MAX_LOSING).take_while(|ahead| self.at + ahead < self.end);
        ahead.into_iter().any(|ahead| matches!(self.word_ahead(ahead), "need" | "needs")).then_some(())?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        let no_longer = self.any(words!("no longer needs|no longer need"));
        (no_longer || self.any(words!("doesn't need|does not need|don't need|do not need"))).then_some(())?;
        self.any(words!("its|the"));
        let nic = self.nic_ref()?;
        (self.any(words!("any more|anymore|any longer")) || no_longer).then_some(())?;
        let _ = self.mark(',') || self.mark('–');
        self.any(words!("so|and"));
        self.any(words!("please"));
        self.verb(words!("remove it|delete it|take it out|take it away|drop it")).then_some((nic, targets))
    }

    /// “unplug the NIC of web-01”, “reconnect net1 of web-01”.
    pub fn cabling(&mut self) -> Option<Wish> {
        let start = self.at;
        let unplugged = self.attempt(Self::unplugged);
        let out = unplugged.is_some();
        let (NicRef(number), targets) = unplugged.or_else(|| self.attempt(Self::plugged_back))?;
        let value = Item::nic(NicPart::LinkDown, Value::Flag(out)).of_nic(number);
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// “unplug the NIC of web-01”, “pull its network cable”, “take web-01 off the network”.
    fn unplugged(&mut self) -> Option<(NicRef, Targets)> {
        if self.any(words!("pull")) {
            return self.cable();
        }
        let unplug = self.any(words!("unplug|disconnect"));
        (unplug || self.verb(words!("cut|take|kick"))).then_some(())?;
        let link = self.attempt(|p| {
            p.any(words!("the"));
            p.verb(words!("link of|link on|connection of|cable of")).then_some(())
        });
        let unplug = unplug || link.is_some();
        let nic = |p: &mut Self| p.nic_of_targets(words!("of|from|on")).or_else(|| p.cable());
        let whole = |p: &mut Self| {
            let targets = p.targets()?;
            let off = p.any(words!("off from the network|off the network"));
            (off || unplug && p.any(words!("from the network|from its network"))).then_some((NicRef(None), targets))
        };
        self.attempt(whole).or_else(|| if unplug { self.attempt(nic) } else { None })
    }

    /// “reconnect net1 of web-01”, “plug net0 of web-01 back in”, “put web-01 back on the network”.
    fn plugged_back(&mut self) -> Option<(NicRef, Targets)> {
        let nic = |p: &mut Self| p.nic_of_targets(words!("of|from|on")).or_else(|| p.cable());
        if self.any(words!("reconnect|replug")) {
            return nic(self);
        }
        if self.any(words!("plug")) {
            let found = nic(self)?;
            return self.any(words!("back in|in again|in")).then_some(found);
        }
        self.verb(words!("put|bring|get|connect")).then_some(())?;
        let targets = self.targets()?;
        let back = words!("back on the network|back onto the network|back to the network|to the network again");
        self.any(back).then_some((NicRef(None), targets))
    }

    /// “the network cable of web-01”, “web-01’s virtual network cable”
    fn cable(&mut self) -> Option<(NicRef, Targets)> {
        let noun = |p: &mut Self| {
            p.any(words!("the"));
            p.any(words!("virtual"));
            p.any(words!("network cable|cable|network")).then_some(())
        };
        let whole = |targets| (NicRef(None), targets);
        self.attempt(|p| {
            noun(p)?;
            p.of_targets(words!("of|from|on")).map(whole)
        })
        .or_else(|| {
            // “the cable on net0 of web-01”
            self.attempt(|p| {
                noun(p)?;
                p.any(words!("of|from|on|at")).then_some(())?;
                p.nic_of_targets(words!("of|from|on"))
            })
        })
        .or_else(|| {
            self.attempt(|p| {
                let targets = p.owner()?;
                noun(p)?;
                Some(whole(targets))
            })
        })
    }

    /// “move web-01 to vmbr1”, “connect its nic to vmbr1 vlan 20”, “put web-01 in vlan 30”.
    pub fn plugging(&mut self) -> Option<Wish> {
        self.verb(words!(
            "move|connect|reconnect|attach|plug|switch|put|change|swap|hook up|hook|wire up|wire|shift|bring|get me|get us|get|take|transfer|relocate"
        ))
        .then_some(())?;
        let card = words!("network card|network interface|network|nic|interface|net|bridge");
        let (number, targets) = if let Some(found) = self.attempt(|p| {
            let NicRef(number) = p.nic_ref()?;
            Some((number, p.of_targets(words!("of|on|for"))?))
        }) {
            found
        } else if let Some(targets) = self.attempt(|p| {
            p.any(words!("the"));
            if !p.any(card) {
                return None;
            }
            p.of_targets(words!("of|on|for"))
        }) {
            (None, targets)
        } else {
            let targets = self.owner()?;
            let number = self.attempt(Self::nic_ref).and_then(|NicRef(number)| number);
            self.any(card);
            (number, targets)
        };
        self.any(words!("up"));
        if !self.ahead(|p| p.any(words!("to|into|in|on|onto|over to|from")).then_some(())) {
            return None;
        }
        let item = self.attempt(|p| {
            p.any(words!("onto|into|over"));
            p.item(How::Set)
        })?;
        let item = Said { value: item.value.of_nic(number), tokens: item.tokens };
        let plugs = |item: &Item| matches!(item, Item::Nic { .. } | Item::Replug { .. });
        let all = match &item.value {
            Item::Several(items) => items.iter().all(plugs),
            item => plugs(item),
        };
        all.then(|| (targets, vec![item], How::Set))
    }
}

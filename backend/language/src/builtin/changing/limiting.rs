//! Limits of what a guest may use: “limit net0 of web-01 to 50 MB/s”, “cap its CPU at half a core”.

use mycopod_core::field::{NicPart, Plain, Value};
use mycopod_core::reading::Amount;

use super::change::Wish;
use super::verbs::MODAL;
use crate::builtin::Parser;
use crate::builtin::said::fields::Named;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::said::named::Noun;
use crate::builtin::said::nic::NicRef;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// What has a limit now.
const LIMITED: &Wordings = words!("limited|capped|throttled|restricted");

impl Parser<'_> {
    /// “limit net0 of web-01 to 50 MB/s”, “limit cache to half a CPU”.
    pub fn limiting(&mut self) -> Option<Wish> {
        self.verb(words!("limit|cap|throttle|restrict")).then_some(())?;
        let limits = [Self::limited_nics, Self::limited_nic, Self::limited_cpu, Self::limited_guest];
        // In “web-02 to 20 MB/s” the number counts no guests.
        let counting = std::mem::replace(&mut self.counting, false);
        let read = limits.into_iter().find_map(|rule| self.attempt(rule));
        self.counting = counting;
        let (targets, item) = read?;
        Some((targets, vec![item], How::Set))
    }

    /// “limited to 1.5 cores”, “capped at 100 MB/s”, behind “should be”.
    pub fn limited_to(&mut self) -> Option<Said<Item>> {
        self.verb(LIMITED).then_some(())?;
        self.limit()?;
        let start = self.at;
        self.rate_alone().or_else(|| {
            let value = self.cpu_limit()?;
            Some(Said { value, tokens: start..self.at })
        })
    }

    /// “be limited to 2 CPUs”, among what a guest shall have.
    pub fn bounded(&mut self) -> Option<Item> {
        self.any(words!("to be|be"));
        self.limited_to().map(|said| said.value)
    }

    /// “should be capped at 100 MB/s”, behind “the network of db-1”.
    pub fn bandwidth_limited(&mut self, noun: &Noun) -> Option<Item> {
        let Noun::Nic(number, NicPart::Bridge | NicPart::Rate) = noun else { return None };
        let modal = self.any(MODAL) && self.any(words!("be|get"));
        (modal || self.any(words!("to be|is|gets"))).then_some(())?;
        self.verb(LIMITED).then_some(())?;
        self.limit()?;
        Some(Item::nic(NicPart::Rate, self.shaped(Named::Nic(NicPart::Rate))?).of_nic(*number))
    }

    /// “to”, “at”, “to at most”: before what is not to be exceeded.
    fn limit(&mut self) -> Option<()> {
        self.any(words!("to|at")).then_some(())?;
        self.any(words!("at most|no more than|a maximum of|max"));
        Some(())
    }

    /// “net0 of web-01 to 50 MB/s”, “web-02’s bandwidth at 12 MB/s”
    fn limited_nic(&mut self) -> Option<(Targets, Said<Item>)> {
        let start = self.at;
        let (NicRef(number), targets) = self.whose_nic()?;
        self.limit()?;
        let rate = self.shaped(Named::Nic(NicPart::Rate))?;
        // “the network of web-01 to 20 MB/s on net0”
        let value = self.of_its_own(Item::nic(NicPart::Rate, rate).of_nic(number));
        Some((targets, Said { value, tokens: start..self.at }))
    }

    /// “net0 of web-01”, “web-02’s bandwidth”
    fn whose_nic(&mut self) -> Option<(NicRef, Targets)> {
        let traffic = words!("network traffic|network|traffic|bandwidth|uplink");
        self.attempt(|p| {
            p.any(words!("the"));
            p.attempt(|p| (p.verb(traffic) && p.any(words!("of|on"))).then_some(()));
            p.nic_of_targets(words!("of|on"))
        })
        .or_else(|| {
            self.attempt(|p| {
                p.any(words!("the"));
                p.verb(traffic).then_some(())?;
                Some((NicRef(None), p.of_targets(words!("of|on|for"))?))
            })
        })
        .or_else(|| {
            self.attempt(|p| {
                let targets = p.owner()?;
                p.verb(traffic).then_some((NicRef(None), targets))
            })
        })
    }

    /// “both NICs of web-01 to 50 MB/s”
    fn limited_nics(&mut self) -> Option<(Targets, Said<Item>)> {
        let start = self.at;
        let number = self.every_nic()?;
        let targets = self.of_targets(words!("of|on"))?;
        self.limit()?;
        let rate = self.shaped(Named::Nic(NicPart::Rate))?;
        let value = Item::EachNic(number, vec![(NicPart::Rate, rate)]);
        Some((targets, Said { value, tokens: start..self.at }))
    }

    /// “the CPU of web-01 to 1.5”, “web-01’s CPU at half a core”
    fn limited_cpu(&mut self) -> Option<(Targets, Said<Item>)> {
        let start = self.at;
        let cpu = |p: &mut Self| {
            p.any(words!("the"));
            p.verb(words!("cpu time|cpu usage|cpus|cpu")).then_some(())
        };
        let targets = self
            .attempt(|p| {
                cpu(p)?;
                p.of_targets(words!("of|on|for"))
            })
            .or_else(|| {
                self.attempt(|p| {
                    let targets = p.owner()?;
                    cpu(p)?;
                    Some(targets)
                })
            })?;
        self.limit()?;
        let value = match self.attempt(Self::cpu_limit) {
            Some(limit) => limit,
            None => Item::Plain(Plain::CpuLimit, Amount::To(self.shaped(Named::Plain(Plain::CpuLimit))?)),
        };
        Some((targets, Said { value, tokens: start..self.at }))
    }

    /// “web-01 to 1.5 cores”, “web-01 to 10 MB/s”: the unit tells what is limited.
    fn limited_guest(&mut self) -> Option<(Targets, Said<Item>)> {
        let targets = self.targets()?;
        self.limit()?;
        let start = self.at;
        let item = self.rate_alone().or_else(|| {
            let value = self.cpu_limit()?;
            Some(Said { value, tokens: start..self.at })
        })?;
        Some((targets, Said { value: self.of_its_own(item.value), tokens: start..self.at }))
    }

    /// “may use one and a half CPUs at most”, behind a guest.
    pub fn may_use(&mut self) -> Option<Said<Item>> {
        let exceeds = self.exceeds();
        let verb = exceeds
            || self.any(words!(
                "may use|can use|should use|shall use|may only use|should only use|must not use|may not use"
            ))
            || self.verb(words!("may burn|can burn|may consume|can consume|may take|can take|may eat|may have"));
        verb.then_some(())?;
        if exceeds {
            let start = self.at;
            let value = self.cpu_limit()?;
            return Some(Said { value, tokens: start..self.at });
        }
        let denies = self.word_at(self.at - 2) == "not";
        let before = self.any(words!("at most|no more than|up to|a maximum of|more than"));
        let start = self.at;
        (denies == (self.last_word() == "than" && self.word_at(self.at - 2) != "no")).then_some(())?;
        let value = self.cpu_limit()?;
        (before || self.any(words!("at most|at the most"))).then_some(Said { value, tokens: start..self.at })
    }

    /// “must not exceed”, “should not go above”: before a limit.
    pub fn exceeds(&mut self) -> bool {
        self.verb(words!(
            "must not exceed|mustn't exceed|should not exceed|shouldn't exceed|shall not exceed|may not exceed|should never exceed|must never exceed|\
             must not go above|should not go above|must not go over|should not go over|should stay below|must stay below|should stay under|must stay under"
        ))
    }

    /// “half a CPU”, “1.5 cores”: as much of the CPUs as may be used.
    pub fn cpu_limit(&mut self) -> Option<Item> {
        let cpus = if self.any(words!("half a")) {
            self.any(words!("cpu|core|vcpu")).then(|| Value::Text("0.5".to_owned()))?
        } else if self.any(words!("one and a half")) {
            self.any(words!("cpus|cores|vcpus")).then(|| Value::Text("1.5".to_owned()))?
        } else {
            let cpus = self.shaped(Named::Plain(Plain::CpuLimit))?;
            ["cpus", "cpu", "cores", "core", "vcpus", "vcpu"].contains(&self.last_word()).then_some(cpus)?
        };
        Some(Item::Plain(Plain::CpuLimit, Amount::To(cpus)))
    }
}

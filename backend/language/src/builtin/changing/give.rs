//! What is given to guests that exist, and what they are to be without: “give web-01 4 cores”, “add 20 GB to the disk of db-1”.

use mycopod_core::field::{NicPart, Plain, Value};
use mycopod_core::reading::Amount;

use super::change::{Wish, stepped};
use crate::builtin::Parser;
use crate::builtin::said::amount::of_hundredths;
use crate::builtin::said::fields::Named;
use crate::builtin::said::item::{How, Item, Said, Which};
use crate::builtin::said::nic::NicRef;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

impl Parser<'_> {
    /// “give web-01 4 cores”, “assign 4 cores to web-01”, “add 20 GB to the disk of web-01”, “remove 2 cores from web-01”.
    pub fn giving(&mut self) -> Option<Wish> {
        let (how, prepositions) = if self.any(words!("shave|knock|trim")) {
            (How::Remove, words!("off of|off|from"))
        } else if self.any(words!("tack")) {
            (How::Add, words!("onto|on to|on|to"))
        } else if self.any(words!("give|assign|grant|allocate|allow")) {
            (How::Give, words!("to|on"))
        } else if self.any(words!("add|attach|mount")) || self.ahead(Self::puts_a_part) && self.any(words!("put")) {
            (How::Add, words!("to|on|in|into"))
        } else if self.any(words!("remove|take")) {
            (How::Remove, words!("away from|from|off|of"))
        } else {
            return None;
        };
        // “add 20 GB to the disk of web-01”, “add 2 GB to its memory”
        if matches!(how, How::Add | How::Remove)
            && let Some(grown) = self.attempt(|p| p.onto_a_field(how, prepositions))
        {
            return Some((grown.0, vec![grown.1], how));
        }
        if let Some((items, targets)) = self.attempt(|p| {
            let items = p.items(how)?;
            let targets = p.of_targets(prepositions)?;
            Some((items, targets))
        }) {
            self.any(words!("each"));
            let mut items = self.with_storage(items);
            if let [Said { value: Item::Nic { number: None, parts, fresh: true }, tokens }] = items.as_mut_slice()
                && parts.is_empty()
            {
                (*parts, tokens.end) = (self.parts_of_a_nic(), self.at);
            }
            // “… to web-01 with discard on”
            while let Some(part) = self.attempt(|p| {
                let _ = p.joint() || p.mark('(');
                p.any(words!("with|on"));
                p.item(How::Give).filter(|item| {
                    matches!(item.value, Item::DiskPart(None, ..) | Item::Nic { number: None, fresh: false, .. })
                })
            }) {
                items.push(part);
            }
            return Some((targets, items, how));
        }
        if how == How::Remove {
            return None;
        }
        self.any(words!("to"));
        let targets = self.targets()?;
        self.any(words!("each|both|please"));
        let items = self.items(how)?;
        self.any(words!("each"));
        Some((targets, items, how))
    }

    /// “new disk for web-01: 20 GB on local”, “another NIC for web-01 on vmbr1”: what is added, whose, and then how it shall be.
    pub fn anew(&mut self) -> Option<Wish> {
        let start = self.at;
        self.any(words!("a|an|one"));
        self.any(words!("new|another|extra|additional|further|more")).then_some(())?;
        let disk = self.any(words!("data disk|disk|drive|volume"));
        (disk || self.any(words!("network card|network interface|nic"))).then_some(())?;
        self.any(words!("for|on|in|to")).then_some(())?;
        let targets = self.targets().filter(|targets| self.known(targets))?;
        let open = self.mark(':') || self.mark(',');
        let bracket = !open && self.mark('(');
        self.any(words!("with|of"));
        let value = if disk {
            let size = Value::Size(self.quantity()?);
            Item::Disk(self.disk_item(Amount::To(size), Which::Further, 1))
        } else {
            let parts = self.parts_of_a_nic();
            let bridge = parts.iter().any(|(part, _)| *part == NicPart::Bridge);
            bridge.then_some(Item::Nic { number: None, parts, fresh: true })?
        };
        (!bracket || self.mark(')')).then_some(())?;
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Add))
    }

    /// “put a 10 GB disk on test-1”, “put a second interface into web-01”
    fn puts_a_part(&mut self) -> Option<()> {
        self.any(words!("put")).then_some(())?;
        let parts = |item: &Said<Item>| matches!(item.value, Item::Disk(_) | Item::Nic { fresh: true, .. });
        self.item(How::Add).filter(parts).map(|_| ())
    }

    /// “… (bridge vmbr1, vlan 20)”: what a NIC is that was only named.
    fn parts_of_a_nic(&mut self) -> Vec<(NicPart, Value)> {
        let mut all = Vec::new();
        while let Some(parts) = self.attempt(|p| {
            let _ = p.joint() || p.mark('(') || p.mark(':');
            p.any(words!("with|on|using"));
            match p.item(How::Give)?.value {
                Item::Nic { number: None, parts, fresh: false } => Some(parts),
                _ => None,
            }
        }) {
            all.extend(parts);
        }
        all
    }

    /// “… to web-01 on local-lvm”: the place of the disk just added.
    pub fn with_storage(&mut self, mut items: Vec<Said<Item>>) -> Vec<Said<Item>> {
        if let [Said { value: Item::Disk(disk), tokens }] = items.as_mut_slice()
            && disk.storage.is_none()
            && let Some(storage) = self.storage_of_disk()
        {
            *tokens = tokens.start..storage.tokens.end;
            disk.storage = Some(storage);
        }
        items
    }

    pub fn onto_a_field(&mut self, how: How, prepositions: &Wordings) -> Option<(Targets, Said<Item>)> {
        let start = self.at;
        self.any(words!("another|an additional|an extra"));
        // “add 25 % to prod-db’s RAM”
        if let Some(grown) = self.attempt(|p| {
            let per_cent = p.per_cent()?;
            p.any(prepositions).then_some(())?;
            let (noun, targets) = p.field_of_targets()?;
            let item = noun.scaled(of_hundredths(per_cent, how == How::Add)?)?;
            Some((targets, Said { value: item, tokens: start..p.at }))
        }) {
            return Some(grown);
        }
        let step = self.step()?;
        self.any(words!("more|of space|of disk space|space"));
        if !self.any(prepositions) {
            return None;
        }
        let (noun, targets) = self.field_of_targets()?;
        let item = stepped(&noun, step, if how == How::Add { Amount::Plus } else { Amount::Minus })?;
        Some((targets, Said { value: item, tokens: start..self.at }))
    }

    /// An amount, or a number of things.
    pub fn step(&mut self) -> Option<Value> {
        self.quantity().map(Value::Size).or_else(|| self.number().map(Value::Count))
    }

    /// “limit net0 of web-01 to 50 MB/s”, “limit cache to half a CPU”.
    pub fn limiting(&mut self) -> Option<Wish> {
        let start = self.at;
        self.any(words!("limit|cap|throttle")).then_some(())?;
        if let Some((number, targets)) = self
            .attempt(|p| {
                p.any(words!("the"));
                p.any(words!("network of|traffic of|bandwidth of"));
                p.nic_of_targets(words!("of|on")).map(|(NicRef(number), targets)| (number, targets))
            })
            .or_else(|| {
                // “throttle web-02’s network to 12 MB/s”
                self.attempt(|p| {
                    let targets = p.owner()?;
                    p.any(words!("network traffic|network|traffic|bandwidth")).then_some((None, targets))
                })
            })
        {
            self.any(words!("to")).then_some(())?;
            let rate = self.shaped(Named::Nic(NicPart::Rate))?;
            let value = Item::nic(NicPart::Rate, rate).of_nic(number);
            return Some((targets, vec![Said { value, tokens: start..self.at }], How::Set));
        }
        // “cap web-01’s CPU at 1.5”
        if let Some(wish) = self.attempt(|p| {
            let targets = p.owner()?;
            p.any(words!("cpu time|cpus|cpu")).then_some(())?;
            p.any(words!("to|at")).then_some(())?;
            let value = Amount::To(p.shaped(Named::Plain(Plain::CpuLimit))?);
            Some((targets, vec![Said { value: Item::Plain(Plain::CpuLimit, value), tokens: start..p.at }], How::Set))
        }) {
            return Some(wish);
        }
        let targets = self.targets()?;
        self.any(words!("to|at")).then_some(())?;
        let at = self.at;
        let value = self.cpu_limit()?;
        Some((targets, vec![Said { value, tokens: at..self.at }], How::Set))
    }

    /// “half a CPU”, “1.5 cores”: as much of the CPUs as may be used.
    pub fn cpu_limit(&mut self) -> Option<Item> {
        let cpus = if self.any(words!("half a")) {
            self.any(words!("cpu|core|vcpu")).then(|| Value::Text("0.5".to_owned()))?
        } else {
            let cpus = self.shaped(Named::Plain(Plain::CpuLimit))?;
            ["cpus", "cpu", "cores", "core", "vcpus", "vcpu"].contains(&self.last_word()).then_some(cpus)?
        };
        Some(Item::Plain(Plain::CpuLimit, Amount::To(cpus)))
    }

    /// “take db-1 down to 2 cores”, “bring web-01 to 8 GB of RAM”.
    pub fn bringing(&mut self) -> Option<Wish> {
        self.any(words!("take|drop|bring|cut|trim|get|lift|push")).then_some(())?;
        let targets = self.targets()?;
        (self.any(words!("up to|down to|back to|to")) || self.ahead(Self::amount_before)).then_some(())?;
        let items = self.items(How::Give)?;
        self.any(words!("each"));
        let amounts = items.iter().all(|item| {
            matches!(item.value, Item::Plain(_, Amount::To(Value::Count(_) | Value::Size(_)) | Amount::FromTo(..)))
        });
        amounts.then_some((targets, items, How::Give))
    }
}

//! What is said of one disk or NIC of a guest that exists: “net0 of web-01: mtu 9000, firewall on”, “web-01’s second disk gets
//! 80 GB”, and a part that stands behind its value: “VLAN 31 on its second NIC”.

use mycopod_core::field::{DiskPart, NicPart, Value};
use mycopod_core::reading::{Amount, DiskRef, Target};

use super::change::Wish;
use crate::builtin::Parser;
use crate::builtin::said::disks::DISKS;
use crate::builtin::said::fields::Named;
use crate::builtin::said::item::{DiskItem, How, Item, Said, Which};
use crate::builtin::said::nic::NicRef;
use crate::builtin::said::nics::CARDS;
use crate::builtin::whom::pointing::Number;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

/// A disk or a NIC.
#[derive(Clone)]
enum Part {
    Disk(DiskRef),
    Nic(Option<u8>),
    EveryNic(Number),
}

impl Part {
    /// `item` of this part; `None` where it is none of its own, or of another part.
    fn own(&self, item: Item) -> Option<Item> {
        match (self, item) {
            (
                Self::Nic(number),
                item @ (Item::Nic { number: None, fresh: false, .. } | Item::Replug { number: None, .. }),
            ) => Some(item.of_nic(*number)),
            (Self::EveryNic(number), Item::Nic { number: None, parts, fresh: false }) => {
                Some(Item::EachNic(*number, parts))
            }
            (Self::Disk(disk), Item::DiskPart(None, part, amount)) => {
                Some(Item::DiskPart(Some(disk.clone()), part, amount))
            }
            (Self::Disk(disk), Item::Storage(storage)) => {
                let storage = Amount::To(Value::Text(storage));
                Some(Item::DiskPart(Some(disk.clone()), DiskPart::Storage, storage))
            }
            (Self::Disk(disk), Item::Bare(amount)) => {
                Some(Item::Disk(DiskItem::sized(amount, Which::The(disk.clone()))))
            }
            (part, Item::Several(items)) => {
                items.into_iter().map(|item| part.own(item)).collect::<Option<Vec<Item>>>().map(Item::Several)
            }
            _ => None,
        }
    }
}

impl Parser<'_> {
    /// “scsi1”, “second NIC”, “both NICs”.
    fn one_part(&mut self) -> Option<Part> {
        if let Some(number) = self.attempt(Self::every_nic) {
            return Some(Part::EveryNic(number));
        }
        let nic = |p: &mut Self| p.nic_ref().map(|NicRef(number)| Part::Nic(number));
        let disk = |p: &mut Self| p.disk_or_disks().map(Part::Disk);
        self.attempt(nic).or_else(|| self.attempt(disk))
    }

    /// “scsi0 and scsi1”.
    fn parts(&mut self) -> Option<Vec<Part>> {
        let mut parts = vec![self.one_part()?];
        while let Some(part) = self.attempt(|p| {
            p.joint().then_some(())?;
            p.one_part()
        }) {
            parts.push(part);
        }
        Some(parts)
    }

    fn parts_of_targets(&mut self) -> Option<(Vec<Part>, Targets)> {
        self.attempt(|p| {
            let parts = p.parts()?;
            Some((parts, p.of_targets(words!("of|on|in"))?))
        })
        .or_else(|| {
            self.attempt(|p| {
                let targets = p.owner()?;
                Some((p.parts()?, targets))
            })
        })
        .or_else(|| self.attempt(Self::every_nic_of))
    }

    /// “both of web-01’s NICs”
    fn every_nic_of(&mut self) -> Option<(Vec<Part>, Targets)> {
        matches!(self.word(), "both" | "all" | "each").then_some(())?;
        let both = self.any(words!("both of"));
        (both || self.any(words!("all of|each of|all"))).then_some(())?;
        let targets = self.owner()?;
        self.any(CARDS).then_some(())?;
        let number = if both { Number::Exactly(2) } else { Number::Several };
        Some((vec![Part::EveryNic(number)], targets))
    }

    /// The disk that tokens from `at` on speak of, and whose it is: “the second disk of db-1”.
    pub fn disk_at(&mut self, at: usize, end: usize) -> Option<(DiskRef, Target)> {
        let before = (self.at, self.end);
        (self.at, self.end) = (at, end);
        self.any(words!("the|our|my"));
        let read = self.parts_of_targets();
        (self.at, self.end) = before;
        let (parts, Targets::Old(targets)) = read? else { return None };
        match (parts.as_slice(), targets.as_slice()) {
            ([Part::Disk(disk)], [target]) => Some((disk.clone(), target.clone())),
            _ => None,
        }
    }

    /// “net0 of web-01: mtu 9000, firewall on”, “web-01’s second NIC gets VLAN 31”.
    pub fn of_a_part(&mut self) -> Option<Wish> {
        let start = self.at;
        // “switch the first disk of web-01 to writeback cache”
        let led = self.verb(words!("set|switch|put|change|configure|update|make|let|have|give|assign"));
        let (parts, targets) = self.parts_of_targets().filter(|(_, targets)| self.known(targets))?;
        if let Some(item) = self.attempt(Self::not_so) {
            let own = |part: &Part| Some(Said { value: part.own(item.value.clone())?, tokens: item.tokens.clone() });
            return Some((targets, parts.iter().map(own).collect::<Option<Vec<_>>>()?, How::Set));
        }
        let disk = parts.iter().all(|part| matches!(part, Part::Disk(_)));
        let _ = self.mark(':')
            || self.mark('=')
            || (if led { self.any(words!("over to|to|into|onto|in|on|with|use|have")) } else { self.predicate() });
        let mut said = Vec::new();
        // “net0 of web-01 must not exceed 50 MB/s”
        said.extend(self.attempt(|p| if p.exceeds() { p.rate_alone() } else { None }));
        while let Some(item) = self.attempt(|p| {
            (said.is_empty() || p.joint() || p.any(words!("with"))).then_some(())?;
            p.any(words!("connected|over|with|to have|to be"));
            p.rate_alone()
                .or_else(
                    || if disk { None } else { p.attempt(Self::model_alone).or_else(|| p.attempt(Self::untagged)) },
                )
                .or_else(|| p.attempt(Self::switched))
                .or_else(|| if disk { p.attempt(Self::stored) } else { None })
                .or_else(|| p.item(How::Give))
        }) {
            said.push(item);
        }
        // Nothing else than a part’s own is said of it.
        let mut items = Vec::new();
        for part in &parts {
            for Said { value, tokens } in &said {
                items.push(Said { value: part.own(value.clone())?, tokens: tokens.clone() });
            }
        }
        (!items.is_empty() && self.at > start).then_some((targets, items, How::Set))
    }

    /// “… for db-1’s data disk”: the part of a guest behind what is said of it.
    pub fn for_a_part(&mut self, said: &[Said<Item>]) -> Option<(Vec<Said<Item>>, Targets)> {
        self.any(words!("for|of|on|to")).then_some(())?;
        let (parts, targets) = self.parts_of_targets().filter(|(_, targets)| self.known(targets))?;
        let [part] = parts.as_slice() else { return None };
        let own = |item: &Said<Item>| Some(Said { value: part.own(item.value.clone())?, tokens: item.tokens.clone() });
        Some((said.iter().map(own).collect::<Option<Vec<_>>>()?, targets))
    }

    /// “… shouldn’t be in the backup”, “… should no longer use discard”: a switch that shall be off.
    fn not_so(&mut self) -> Option<Said<Item>> {
        let start = self.at;
        self.any(words!(
            "should not|shouldn't|must not|mustn't|should no longer|must no longer|need not|doesn't need to|does not need to|no longer needs to|no longer"
        ))
        .then_some(())?;
        self.any(words!("have|use|get|be"));
        let value = match self.item(How::Give)?.value {
            Item::DiskPart(None, part, Amount::To(Value::Flag(true))) => {
                Item::DiskPart(None, part, Amount::To(Value::Flag(false)))
            }
            Item::Nic { number: None, parts, fresh: false } => {
                let off = |(part, value)| (value == Value::Flag(true)).then_some((part, Value::Flag(false)));
                let parts = parts.into_iter().map(off).collect::<Option<Vec<_>>>()?;
                Item::Nic { number: None, parts, fresh: false }
            }
            _ => return None,
        };
        self.any(words!("any more|anymore|any longer"));
        Some(Said { value, tokens: start..self.at })
    }

    /// “from tank to local”, “on local, not on tank”, of a disk.
    fn stored(&mut self) -> Option<Said<Item>> {
        let start = self.at;
        let amount = self.other_storage()?;
        let known = |value: &Value| matches!(value, Value::Text(name) if self.inventory.storages.contains(name));
        let (Amount::To(to) | Amount::FromTo(_, to)) = &amount else { return None };
        known(to)
            .then(|| Said { value: Item::DiskPart(None, DiskPart::Storage, amount.clone()), tokens: start..self.at })
    }

    /// “e1000”, which only a NIC is.
    fn model_alone(&mut self) -> Option<Said<Item>> {
        let start = self.at;
        self.any(words!("model|type"));
        let value = Item::nic(NicPart::Model, Value::Text(self.nic_model()?));
        let tokens = start..self.at;
        self.at_boundary().then_some(Said { value, tokens })
    }

    /// “without VLAN”, of a NIC.
    fn untagged(&mut self) -> Option<Said<Item>> {
        let start = self.at;
        self.any(words!("without a|without any|without|no")).then_some(())?;
        self.any(words!("vlan tag|vlan id|vlan")).then_some(())?;
        let value = Item::nic(NicPart::Vlan, Value::Count(0));
        Some(Said { value, tokens: start..self.at })
    }

    /// “tick the firewall checkbox”, “turn discard off”, behind a disk or NIC.
    fn switched(&mut self) -> Option<Said<Item>> {
        let start = self.at;
        let ticks = self.verb(words!("tick|check"));
        let on = ticks || self.any(words!("enable|activate|turn on|switch on"));
        (on || self.verb(words!("disable|deactivate|turn off|switch off|untick|uncheck"))).then_some(())?;
        self.articles();
        let value = self.noun()?.switched(on)?;
        (self.box_to_tick() || !ticks).then_some(Said { value, tokens: start..self.at })
    }

    /// “50 MB/s”, which only a NIC has.
    pub fn rate_alone(&mut self) -> Option<Said<Item>> {
        let start = self.at;
        // A rate is a limit.
        self.any(words!("at most|no more than|a maximum of|max"));
        let per_second = |text: &str| text.to_lowercase().contains("/s") || text.to_lowercase().ends_with("ps");
        let unit = self.peek(1).is_some_and(|token| per_second(&token.text));
        let rate = if unit { self.attempt(|p| p.shaped(Named::Nic(NicPart::Rate))) } else { None }?;
        Some(Said { value: Item::nic(NicPart::Rate, rate), tokens: start..self.at })
    }

    /// “VLAN 31 on its second NIC”, “300 GB on the second disk”: the part behind what is said of it.
    pub fn of_its_own(&mut self, item: Item) -> Item {
        let may = matches!(
            &item,
            Item::Nic { number: None, fresh: false, .. }
                | Item::DiskPart(None, ..)
                | Item::Bare(Amount::To(Value::Size(_)) | Amount::Plus(Value::Size(_)))
        );
        let part = |p: &mut Self| {
            p.any(words!("on|for|to|of")).then_some(())?;
            let its = p.any(words!("its|the"));
            let part = p.one_part()?;
            let named =
                matches!(part, Part::Nic(Some(_)) | Part::Disk(DiskRef::Nth(_) | DiskRef::Slot(_) | DiskRef::Data));
            (its || named).then_some(part)?.own(item.clone())
        };
        let owned = if may { self.attempt(part) } else { None };
        owned.unwrap_or(item)
    }

    /// “iothread=1 and ssd=1 on scsi0”: the part behind the last of them is that of all.
    pub fn share_a_part(&self, items: Vec<Said<Item>>) -> Vec<Said<Item>> {
        let last = items.last().map(|item| &item.value);
        let part = match last {
            Some(Item::DiskPart(Some(disk), ..)) => Part::Disk(disk.clone()),
            Some(Item::Nic { number: Some(number), fresh: false, .. }) => Part::Nic(Some(*number)),
            _ => return items,
        };
        let word = self.last_word();
        let behind = word.parse::<mycopod_core::field::Slot>().is_ok()
            || word.strip_prefix("net").is_some_and(|number| number.parse::<u8>().is_ok())
            || DISKS.text().split('|').chain(["nic", "card", "interface", "adapter"]).any(|noun| noun == word);
        let all = || {
            let (last, before) = items.split_last()?;
            let own =
                |item: &Said<Item>| Some(Said { value: part.own(item.value.clone())?, tokens: item.tokens.clone() });
            let mut owned = before.iter().map(own).collect::<Option<Vec<_>>>()?;
            owned.push(last.clone());
            Some(owned)
        };
        (if behind && items.len() > 1 { all() } else { None }).unwrap_or(items)
    }
}

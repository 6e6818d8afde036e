//! Several NICs: “both NICs”, “two NICs on vmbr1 with VLANs 10 and 20”, “another on vmbr1”.

use mycopod_core::field::{NicPart, Value};

use super::amount::MAX_ALIKE;
use super::item::{How, Item, Said};
use super::network::MAX_VLAN;
use super::nic::CARD;
use crate::builtin::Parser;
use crate::builtin::whom::pointing::Number;
use crate::builtin::wordings::{Wordings, words};

/// The nouns for several.
pub const CARDS: &Wordings =
    words!("network cards|network interfaces|network adapters|network devices|nics|interfaces");

impl Parser<'_> {
    /// “both NICs”, “all network cards”, “each interface”.
    pub fn every_nic(&mut self) -> Option<Number> {
        matches!(self.word(), "both" | "every" | "each" | "all").then_some(())?;
        let number = if self.any(words!("both of the|both of its|both the|both its|both of|both")) {
            Number::Exactly(2)
        } else if self.any(words!("every|each")) {
            return self.any(CARD).then_some(Number::Several);
        } else {
            self.any(words!("all of the|all of its|all the|all its|all of|all")).then_some(Number::Several)?
        };
        self.any(CARDS).then_some(number)
    }

    /// “another on vmbr1”, “a second one on vmbr1 with VLAN 20”, “the second on vmbr1”, where a NIC was spoken of.
    pub fn another_nic(&mut self) -> Option<Item> {
        self.any(words!("the other one|the other|the first one|the first|the second one|the second|the third one|the third|second one|third one|another one|another|other one|\
            second|third|first one|first|one"))
            .then_some(())?;
        self.spoke_of_a_nic().then_some(())?;
        let on = self.mark(':') || self.any(words!("on|in"));
        match self.bridge(on, false)? {
            Item::Nic { number, parts, .. } => Some(Item::Nic { number, parts, fresh: true }),
            _ => None,
        }
    }

    /// “two more NICs, both on vmbr1”, “two NICs, one on vmbr1 with VLAN 10 and one on vmbr2”, of a guest that is there.
    pub fn further_nics(&mut self, how: How) -> Option<Item> {
        let number = self.number().filter(|number| (2..=MAX_ALIKE).contains(number))?;
        let more = self.any(words!("more|additional|further|extra|other|new"));
        (more && matches!(how, How::Give | How::Set) || how == How::Add).then_some(())?;
        self.any(CARDS).then_some(())?;
        // What they are on may stand behind the guest.
        Some(self.attempt(|p| p.each_nic_on(number)).unwrap_or(Item::NicCount(number)))
    }

    /// “…, both on vmbr1”, “…: one on vmbr1 with VLAN 10, one on vmbr2”: what `number` NICs are on.
    pub fn each_nic_on(&mut self, number: u64) -> Option<Item> {
        let _ = self.mark(',') || self.mark(':') || self.mark('(');
        let on = |p: &mut Self| match p.bridge(true, false)? {
            Item::Nic { parts, .. } => Some(Item::Nic { number: None, parts, fresh: true }),
            _ => None,
        };
        if self.any(words!("both connected to|all connected to|connected to|both on|all on|each on|both in|all in|on"))
        {
            let nic = on(self)?;
            self.mark(')');
            return Some(Item::Several((0..number).map(|_| nic.clone()).collect()));
        }
        let one = |p: &mut Self| {
            p.any(words!(
                "the first on|the second on|the other on|another on|one on|first on|second on|other on|one in"
            ))
            .then_some(())?;
            on(p)
        };
        let mut nics = vec![one(self)?];
        while let Some(nic) = self.attempt(|p| {
            p.joint().then_some(())?;
            one(p)
        }) {
            nics.push(nic);
        }
        self.mark(')');
        (u64::try_from(nics.len()) == Ok(number)).then_some(Item::Several(nics))
    }

    /// Whether the last that was said of a new guest is a NIC, or how many it has.
    pub fn spoke_of_a_nic(&self) -> bool {
        let wired = |item: &Item| matches!(item, Item::Nic { .. } | Item::NicCount(_) | Item::EachNic(..));
        self.group().and_then(|group| group.items.last()).is_some_and(|(_, item)| wired(&item.value))
    }

    /// “both e1000”, “all three with firewall on”: what all the NICs are that were just described.
    pub fn of_each_nic(&mut self) -> Option<Item> {
        let number = if self.any(words!("both of them|both")) {
            Number::Exactly(2)
        } else if self.any(words!("all three of them|all three")) {
            Number::Exactly(3)
        } else {
            self.any(words!("all of them|each of them|all|each")).then_some(Number::Several)?
        };
        (self.spoke_of_a_nic() && self.group().is_some_and(|group| group.members.len() < 2)).then_some(())?;
        self.any(words!("with|of type|of model|type|model|are|have|has"));
        let parts = match self.nic_model() {
            Some(model) => vec![(NicPart::Model, Value::Text(model))],
            None => self.item(How::Create)?.value.part_of_a_nic()?,
        };
        Some(Item::EachNic(number, parts))
    }

    /// “firewall on for all three”, of a guest with as many NICs.
    pub fn of_all_nics(&self, item: &Said<Item>, number: Number) -> Option<Said<Item>> {
        let group = self.group().filter(|group| group.members.len() < 2)?;
        let parts = item.value.clone().part_of_a_nic()?;
        number.fits(group.nics()).then(|| Said { value: Item::EachNic(number, parts), tokens: item.tokens.clone() })
    }

    /// “… on both”, “… for all three NICs”: behind a part of a NIC, of how many it is said.
    pub fn of_so_many(&mut self) -> Option<Number> {
        self.any(words!("on|for|of"));
        let number = if self.any(words!("both")) {
            Number::Exactly(2)
        } else if self.any(words!("all three")) {
            Number::Exactly(3)
        } else {
            self.any(words!("all|each")).then_some(Number::Several)?
        };
        self.any(words!("of them|of the nics|nics|nic|interfaces|interface|network cards|networks"));
        self.at_boundary().then_some(number)
    }

    /// “two NICs, both on vmbr1”
    pub fn all_on(&mut self) -> Option<Item> {
        let counted = |item: &Item| matches!(item, Item::NicCount(2..));
        self.group().and_then(|group| group.items.last()).filter(|(_, item)| counted(&item.value))?;
        self.any(words!("both on|all on|each on")).then_some(())?;
        self.bridge(true, false)
    }

    /// “2 NICs on vmbr1 with VLANs 10 and 20”: a VLAN a NIC.
    pub fn vlan_each(&mut self) -> Option<Item> {
        let count = self.number()?;
        self.any(words!("network cards|network interfaces|nics|interfaces")).then_some(())?;
        self.any(words!("on|in"));
        let Item::Nic { parts, .. } = self.bridge(true, false)? else { return None };
        let _ = self.mark(',') || self.mark('(');
        self.any(words!("with|in|and"));
        self.any(words!("vlans|vlan")).then_some(())?;
        let vlan = |p: &mut Self| p.number().filter(|number| (1..=MAX_VLAN).contains(number));
        let mut vlans = vec![vlan(self)?];
        // “…, 2 cores” is no third VLAN of two NICs.
        while u64::try_from(vlans.len()).is_ok_and(|said| said < count)
            && let Some(next) = self.attempt(|p| {
                p.joint().then_some(())?;
                vlan(p)
            })
        {
            vlans.push(next);
        }
        let nic = |vlan| {
            let parts = parts.iter().cloned().chain([(NicPart::Vlan, Value::Count(vlan))]).collect();
            Item::Nic { number: None, parts, fresh: true }
        };
        (u64::try_from(vlans.len()) == Ok(count)).then(|| Item::Several(vlans.into_iter().map(nic).collect()))
    }

    /// “NICs: vmbr0, vmbr1 (VLAN 20)”: a bridge a NIC.
    pub fn bridges(&mut self) -> Option<Item> {
        self.any(words!("network cards|network interfaces|nics|interfaces|networks|bridges")).then_some(())?;
        let on = self.mark(':') || self.mark('=') || self.any(words!("on"));
        // “networks vmbr0 and vmbr1”
        (on || matches!(self.last_word(), "bridges" | "networks")).then_some(())?;
        self.any(words!("both"));
        let one = |p: &mut Self| match p.bridge(true, false)? {
            Item::Nic { number, parts, .. } => Some(Item::Nic { number, parts, fresh: true }),
            _ => None,
        };
        let mut nics = vec![one(self)?];
        while let Some(nic) = self.attempt(|p| {
            p.joint().then_some(())?;
            one(p)
        }) {
            nics.push(nic);
        }
        Some(Item::Several(nics))
    }
}

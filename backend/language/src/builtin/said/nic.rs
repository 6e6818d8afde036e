//! NICs: which one is meant, the bridge or VLAN it is on, its addresses.

use mycopod_core::field::{MAX_NICS, NicPart, Value};

use crate::lexer::Token;

use super::fields::Named;
use super::item::{How, Item};
use super::network::{MAX_VLAN, MODELS};
use crate::builtin::Parser;
use crate::builtin::wordings::{Wordings, words};

/// The nouns for one NIC.
pub const CARD: &Wordings =
    words!("network connection|network card|network interface|network adapter|network device|nic|interface|card");

/// A NIC that was meant: by its number, or the only one.
#[derive(Clone, Copy, Debug)]
pub struct NicRef(pub Option<u8>);

impl Parser<'_> {
    /// The value of a part of a NIC, of that `number` where one was said.
    pub fn nic_value(&mut self, number: Option<u8>, part: NicPart) -> Option<Item> {
        let item = match part {
            // “net: dhcp”
            NicPart::Bridge if self.word() == "dhcp" => self.dhcp()?,
            NicPart::Bridge => {
                self.any(words!("is|on|connected to|to"));
                self.bridge(true, false)?
            }
            NicPart::Ip => {
                self.any(words!("via|by|from|using|comes from|is from"));
                if let Some(item) = self.attempt(Self::dhcp).or_else(|| self.attempt(Self::address)) {
                    item
                } else {
                    // “address fd00::5/64”
                    return self.nic_value(number, NicPart::Ip6);
                }
            }
            NicPart::Ip6
                if self
                    .attempt(|p| {
                        (p.any(words!("via|by|from|using")) && matches!(p.word(), "slaac" | "dhcp" | "dhcpv6" | "auto"))
                            .then_some(())
                    })
                    .is_some() =>
            {
                Item::nic(part, self.shaped(Named::Nic(part))?)
            }
            NicPart::Vlan if self.any(words!("none|off")) => Item::nic(part, Value::Count(0)),
            NicPart::Vlan => Item::nic(part, Value::Count(self.number().filter(|n| (1..=MAX_VLAN).contains(n))?)),
            NicPart::Model => Item::nic(part, Value::Text(self.raw_word()?)),
            NicPart::Gateway if self.peek(0).is_some_and(|token| token.text.contains(':')) => {
                Item::nic(NicPart::Gateway6, self.shaped(Named::Nic(NicPart::Gateway6))?)
            }
            NicPart::Gateway
            | NicPart::Ip6
            | NicPart::Gateway6
            | NicPart::Mac
            | NicPart::Firewall
            | NicPart::Rate
            | NicPart::Mtu
            | NicPart::LinkDown
            | NicPart::Queues => {
                let item = Item::nic(part, self.shaped(Named::Nic(part))?);
                if part == NicPart::Ip6 { self.via(item, NicPart::Gateway6) } else { item }
            }
        };
        Some(item.of_nic(number))
    }

    /// The NIC that words mean: “net1”, “the second NIC”, “NIC 1”, “the NIC”.
    pub fn nic_ref(&mut self) -> Option<NicRef> {
        self.any(words!("the"));
        if let Some(number) = self.attempt(Self::net_slot) {
            return Some(NicRef(Some(number)));
        }
        let ordinals = ["first", "second", "third", "fourth"];
        let nth = ordinals.into_iter().zip(0..).find(|(ordinal, _)| *ordinal == self.word()).map(|(_, nth)| nth);
        self.at += usize::from(nth.is_some());
        if !self.any(CARD) {
            // “firewall on the first”, where NICs were just described
            self.any(words!("one"));
            return (nth.is_some() && self.spoke_of_a_nic() && self.at_boundary()).then_some(NicRef(nth));
        }
        // In “NIC 2 cores” the number counts something else.
        let number = self.attempt(|p| {
            let number = p.number().and_then(|n| u8::try_from(n).ok()).filter(|n| *n < MAX_NICS)?;
            let ends = p.at_boundary() || matches!(p.word(), "of" | "on" | "from" | "to" | "'s" | "for");
            (nth.is_none() && ends).then_some(number)
        });
        Some(NicRef(nth.or(number)))
    }

    /// `net1`
    pub fn net_slot(&mut self) -> Option<u8> {
        let of_new = || self.group().and_then(|_| self.word().strip_prefix("eth"));
        let number =
            self.word().strip_prefix("net").or_else(of_new)?.parse().ok().filter(|number| *number < MAX_NICS)?;
        self.at += 1;
        Some(number)
    }

    pub fn nic_model(&mut self) -> Option<String> {
        let model = MODELS.contains(&self.word()).then(|| self.word().to_owned());
        self.at += usize::from(model.is_some());
        model
    }

    /// “of type e1000”, “(e1000)”, behind a NIC
    fn of_model(&mut self) -> Option<String> {
        let open = self.mark('(');
        self.any(words!("of type|of model|with model|type|model"));
        let model = self.nic_model()?;
        (!open || self.mark(')')).then_some(model)
    }

    /// “WAN leg”, “management interface”: a NIC by what it is for.
    fn leg(&mut self) -> Option<()> {
        const SIDES: [&str; 12] = [
            "wan",
            "lan",
            "mgmt",
            "management",
            "uplink",
            "dmz",
            "internal",
            "external",
            "public",
            "private",
            "outside",
            "inside",
        ];
        // “a leg in vmbr0”
        if matches!(self.word(), "leg" | "foot") && matches!(self.word_ahead(1), "on" | "in") {
            self.at += 1;
            return Some(());
        }
        SIDES.contains(&self.word()).then_some(())?;
        self.at += 1;
        if self.any(CARD) {
            return Some(());
        }
        // “LAN on vmbr1”
        let leg = matches!(self.word(), "leg" | "side");
        self.at += usize::from(leg);
        (leg || self.word() == "on").then_some(())
    }

    /// “four queues”
    fn queues(&mut self) -> Option<Item> {
        matches!(self.word_ahead(1), "queues" | "packet").then_some(())?;
        let number = self.number()?;
        self.any(words!("packet queues|queues")).then_some(Item::nic(NicPart::Queues, Value::Count(number)))
    }

    /// “a NIC with VLAN 5”, “a network card”: the one that a new guest has anyway.
    pub fn its_card(&mut self) -> Option<Item> {
        self.articles();
        self.any(CARD).then_some(())?;
        if self.at_boundary() {
            return Some(Item::NicCount(1));
        }
        self.any(words!("with|having")).then_some(())?;
        self.articles();
        let item = self.item(How::Create)?.value;
        matches!(item, Item::Nic { number: None, fresh: false, .. }).then_some(item)
    }

    /// “vmbr1 vlan 20”, “a second NIC on vmbr1”, “in vlan 30”, “ip …”, “with dhcp”, “net1: vmbr1”.
    pub fn nic(&mut self, how: How) -> Option<Item> {
        if let Some(queues) = self.attempt(Self::queues) {
            return Some(queues);
        }
        let article = self.ahead(|p| p.any(words!("a|an")).then_some(()));
        let at = self.at;
        self.articles();
        // “its second NIC” is there, “a second NIC” is a further one.
        // Of “second NIC” alone the number tells: it is connected anew where it is there, and else made.
        let numbered = matches!(how, How::Give | How::Set)
            && self.at == at
            && matches!(self.word(), "second" | "third" | "fourth");
        let there = how != How::Create
            && (numbered
                || self.word() == "first"
                || (at..self.at).any(|at| matches!(self.word_at(at), "the" | "its")));
        let by_place =
            |p: &mut Self| p.nic_ref().and_then(|NicRef(number)| number).filter(|_| !p.last_word().starts_with("net"));
        let placed = if there { self.attempt(by_place) } else { None };
        let number = placed.or_else(|| self.attempt(Self::net_slot));
        let assigned =
            number.is_some() && (self.mark('=') || self.mark(':') || how != How::Create && self.any(words!("->|→|=>")));
        // “one NIC on vmbr0 and another on vmbr1”, “a second one on vmbr1”
        if how == How::Create
            && let Some(nic) = self.attempt(Self::another_nic)
        {
            return Some(nic);
        }
        let fresh =
            number.is_none() && self.any(words!("second|2nd|another|additional|further|third|extra|new|one more"));
        // “one e1000 NIC on vmbr0”
        if how == How::Create && number.is_none() && self.word() == "one" && MODELS.contains(&self.word_ahead(1)) {
            self.at += 1;
        }
        let model = self.nic_model();
        // “net0=virtio,bridge=vmbr0”
        let _ = assigned && model.is_some() && self.mark(',');
        // “two NICs, one on vmbr0 and the other on vmbr1”
        let one = !fresh && self.any(words!("one|other|first"));
        // “web-01: one NIC on vmbr1, one on vmbr0” may be all it shall have.
        let further = (self.at..self.end).any(|at| matches!(self.word_at(at), "one" | "other"));
        if one && further && matches!(how, How::Give | How::Set) {
            return None;
        }
        let fresh = fresh || one;
        let card = number.is_some() || self.any(CARD) || self.attempt(Self::leg).is_some();
        // A guest that exists and gets “a NIC” gets a further one.
        let fresh = fresh || number.is_none() && card && (how == How::Add || article && how != How::Create);
        if (fresh && !one || model.is_some()) && !card {
            return None;
        }
        let mut parts: Vec<(NicPart, Value)> =
            model.into_iter().map(|model| (NicPart::Model, Value::Text(model))).collect();
        if card && parts.is_empty() {
            let model = self.attempt(Self::of_model);
            parts.extend(model.map(|model| (NicPart::Model, Value::Text(model))));
        }
        // “add a NIC to web-01”: what it is connected to may stand behind the guest, else it is asked.
        let guest = |token: &Token| self.inventory.guests.contains_key(token.text.as_str());
        if how == How::Add
            && fresh
            && card
            && !one
            && matches!(self.word(), "to" | "into" | "in")
            && self.peek(1).is_some_and(guest)
        {
            return Some(Item::Nic { number, parts, fresh });
        }
        let on = self.any(words!(
            "connected to the|connected to|attached to the|attached to|plugged into|on the|on|\
            in the|into the|into|onto|in|to the|to|at|using"
        )) || self.mark(':')
            || self.mark('=')
            || assigned;
        if let Some(Item::Nic { parts: bridge, number: of, .. }) =
            self.attempt(|p| p.bridge(card && on, false).or_else(|| p.vlan(card || on)))
        {
            parts.extend(bridge);
            if one && !on {
                return None;
            }
            // “a NIC on vmbr0 (e1000)”
            let model = |p: &mut Self| {
                let open = p.mark('(');
                p.nic_model().filter(|_| if open { p.mark(')') } else { p.at_boundary() })
            };
            if !parts.iter().any(|(part, _)| *part == NicPart::Model) {
                parts.extend(self.attempt(model).map(|model| (NicPart::Model, Value::Text(model))));
            }
            return Some(Item::Nic { number: number.or(of), parts, fresh });
        }
        // “dns1 moves to 10.0.0.5/24”
        if on
            && !(fresh || card)
            && (how != How::Create && matches!(self.last_word(), "to" | "on") || self.last_word() == "at")
        {
            return self.address();
        }
        // “use an e1000 NIC” says what its NIC shall be.
        if !on && how == How::Set && article && card && !parts.is_empty() {
            return Some(Item::Nic { number, parts, fresh: false });
        }
        if on || fresh {
            return None;
        }
        if card {
            return (!parts.is_empty()).then_some(Item::Nic { number, parts, fresh });
        }
        self.any(words!("static"));
        if let Some(item) = self.address() {
            return Some(item);
        }
        self.dhcp()
    }
}

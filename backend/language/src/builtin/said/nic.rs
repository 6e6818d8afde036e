//! NICs: which one is meant, the bridge or VLAN it is on, its addresses.

use mycopod_core::field::{MAX_NICS, NicPart, Value};

use crate::lexer::{Token, TokenKind};
use crate::vocabulary;

use super::fields::{self, Named};
use super::item::{How, Item, Said};
use crate::builtin::Parser;
use crate::builtin::cursor::is_address;
use crate::builtin::whom::pointing::Number;
use crate::builtin::wordings::{Wordings, words};

/// The largest VLAN tag (IEEE 802.1Q).
pub const MAX_VLAN: u64 = 4094;

/// What kinds of NIC there are.
const MODELS: [&str; 5] = ["virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"];

/// The nouns for one NIC.
const CARD: &Wordings =
    words!("network connection|network card|network interface|network adapter|network device|nic|interface");

/// The nouns for several.
pub const CARDS: &Wordings =
    words!("network cards|network interfaces|network adapters|network devices|nics|interfaces");

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

    /// An IPv4 address, with the length of its prefix or without.
    fn address(&mut self) -> Option<Item> {
        let text = self.peek(0).filter(|t| t.kind == TokenKind::Word && is_address(&t.text))?.text.clone();
        let item = match text.split_once('/') {
            None => Item::Address(text),
            Some((_, prefix)) => {
                prefix.parse::<u8>().ok().filter(|prefix| (1..=32).contains(prefix))?;
                Item::nic(NicPart::Ip, Value::Text(text))
            }
        };
        self.at += 1;
        Some(self.via(item, NicPart::Gateway))
    }

    /// “10.0.0.5/24 via 10.0.0.1”
    fn via(&mut self, item: Item, gateway: NicPart) -> Item {
        match self.attempt(|p| if p.any(words!("via")) { p.nic_value(None, gateway) } else { None }) {
            Some(via) => Item::Several(vec![item, via]),
            None => item,
        }
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

    /// `net1`
    fn net_slot(&mut self) -> Option<u8> {
        let of_new = || self.group().and_then(|_| self.word().strip_prefix("eth"));
        let number =
            self.word().strip_prefix("net").or_else(of_new)?.parse().ok().filter(|number| *number < MAX_NICS)?;
        self.at += 1;
        Some(number)
    }

    /// “another on vmbr1”, “a second one on vmbr1 with VLAN 20”, “the second on vmbr1”, where a NIC was spoken of.
    fn another_nic(&mut self) -> Option<Item> {
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

    pub fn nic_model(&mut self) -> Option<String> {
        let model = MODELS.contains(&self.word()).then(|| self.word().to_owned());
        self.at += usize::from(model.is_some());
        model
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

    /// “four queues”
    fn queues(&mut self) -> Option<Item> {
        matches!(self.word_ahead(1), "queues" | "packet").then_some(())?;
        let number = self.number()?;
        self.any(words!("packet queues|queues")).then_some(Item::nic(NicPart::Queues, Value::Count(number)))
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
        let fresh = number.is_none() && self.any(words!("second|2nd|another|additional|further|third|extra|new"));
        // “one e1000 NIC on vmbr0”
        if how == How::Create && number.is_none() && self.word() == "one" && MODELS.contains(&self.word_ahead(1)) {
            self.at += 1;
        }
        let model = self.nic_model();
        // “net0=virtio,bridge=vmbr0”
        let _ = assigned && model.is_some() && self.mark(',');
        // “two NICs, one on vmbr0 and the other on vmbr1”
        let one = !fresh && self.any(words!("one|other|first"));
        let fresh = fresh || one;
        let card = number.is_some() || self.any(CARD) || self.attempt(Self::leg).is_some();
        // A guest that exists and gets “a NIC” gets a further one.
        let fresh = fresh || number.is_none() && card && (how == How::Add || article && how != How::Create);
        if (fresh && !one || model.is_some()) && !card {
            return None;
        }
        let mut parts: Vec<(NicPart, Value)> =
            model.into_iter().map(|model| (NicPart::Model, Value::Text(model))).collect();
        // “a NIC of type e1000 on vmbr0”, “a NIC (e1000) on vmbr0”
        if card
            && parts.is_empty()
            && let Some(model) = self.attempt(|p| {
                let open = p.mark('(');
                p.any(words!("of type|of model|with model|type|model"));
                let model = p.nic_model()?;
                (!open || p.mark(')')).then_some(model)
            })
        {
            parts.push((NicPart::Model, Value::Text(model)));
        }
        // “add a NIC to web-01”: what it is connected to may stand behind the guest, else it is asked.
        let guest = |token: &Token| self.inventory.guests.contains_key(&token.text);
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

    /// “dhcp”, “DHCP for both IPv4 and IPv6”, “SLAAC for IPv6”.
    fn dhcp(&mut self) -> Option<Item> {
        if self.any(words!("slaac")) {
            self.attempt(|p| (p.any(words!("for|on")) && p.any(words!("ipv6|ip6"))).then_some(()));
            return Some(Item::nic(NicPart::Ip6, Value::Text("auto".into())));
        }
        // “IPv4 and IPv6 via DHCP”
        if self.any(words!("ipv4 and ipv6|ipv4 & ipv6|ipv6 and ipv4")) {
            (self.any(words!("via|by|from|using|:|=")) || self.assigns()).then_some(())?;
            self.any(words!("dhcp")).then_some(())?;
            let dhcp = |part| Item::nic(part, Value::Text("dhcp".into()));
            return Some(Item::Several(vec![dhcp(NicPart::Ip), dhcp(NicPart::Ip6)]));
        }
        self.any(words!("dhcp address|dhcp ip|dhcp")).then_some(())?;
        let dhcp = |part| Item::nic(part, Value::Text("dhcp".into()));
        let both = |p: &mut Self| {
            let open = p.mark('(');
            p.any(words!("for both|for|on both|on|both"));
            let versions = [["ipv4", "v4"], ["ipv6", "v6"]].into_iter().all(|version| {
                p.any(words!("and|&|+"));
                let said = version.contains(&p.word());
                p.at += usize::from(said);
                said
            });
            (versions && (!open || p.mark(')'))).then_some(())
        };
        Some(match self.attempt(both) {
            Some(()) => Item::Several(vec![dhcp(NicPart::Ip), dhcp(NicPart::Ip6)]),
            None => dhcp(NicPart::Ip),
        })
    }

    /// A bridge by name, perhaps with its VLAN. `named` where the words before say that it is one.
    pub fn bridge(&mut self, named: bool, required: bool) -> Option<Item> {
        // “network rate 20 MB/s”
        let other = |named| matches!(named, Named::Nic(part) if part != NicPart::Bridge);
        if matches!(self.word(), "network" | "nic" | "net")
            && fields::field(|ahead| self.word_ahead(ahead)).is_some_and(|(_, named)| other(named))
        {
            return None;
        }
        let called = self.any(words!("network bridge|bridge|vnet|network"));
        self.mark('=');
        let token = self.peek(0).filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Quoted))?;
        if MODELS.contains(&token.word.as_str()) {
            return None;
        }
        let text = token.text.clone();
        let (bridge, vlan) = match text.split_once('.') {
            Some((bridge, vlan)) if bridge.starts_with("vmbr") => (bridge.to_owned(), Some(vlan.parse::<u64>().ok()?)),
            _ => (text, None),
        };
        let plainly =
            bridge.strip_prefix("vmbr").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
                || self.inventory.bridges.contains(&bridge) && vocabulary::class(&bridge.to_lowercase()).is_none();
        if !plainly {
            let known_else = self.inventory.nodes.contains(&bridge) || self.inventory.storages.contains(&bridge);
            if !(named || called || required) || known_else && !called || self.name().is_none() {
                return None;
            }
            self.at -= 1;
        }
        self.at += 1;
        if plainly {
            self.any(words!("bridge"));
        }
        let mut parts = vec![(NicPart::Bridge, Value::Text(bridge))];
        let vlan = match vlan {
            Some(vlan) => Some(vlan),
            None => self.attempt(|p| {
                // “vmbr1,tag=20”
                let comma = p.mark(',');
                if comma && !p.ahead(|p| (p.any(words!("tag|vlan")) && p.mark('=')).then_some(())) {
                    return None;
                }
                let open = p.mark('(');
                p.any(words!("with|in|on|using"));
                p.any(words!("a"));
                if !p.any(words!("vlan tag|vlan id|vlan|tag|tagged vlan|tagged with vlan|tagged with|tagged")) {
                    return None;
                }
                let _ = p.mark('=') || p.mark(':');
                let vlan = p.number()?;
                (!open || p.mark(')')).then_some(vlan)
            }),
        };
        if let Some(vlan) = vlan {
            if !(1..=MAX_VLAN).contains(&vlan) {
                return None;
            }
            parts.push((NicPart::Vlan, Value::Count(vlan)));
        }
        Some(Item::Nic { number: None, parts, fresh: false })
    }

    pub fn vlan(&mut self, announced: bool) -> Option<Item> {
        self.any(words!("tagged"));
        if !self.any(words!("vlan tag|vlan id|vlans|vlan")) {
            return None;
        }
        let _ = self.mark('=') || self.mark(':') || self.any(words!("tag|id"));
        let vlan = self.number().filter(|n| (1..=MAX_VLAN).contains(n))?;
        let mut parts = vec![(NicPart::Vlan, Value::Count(vlan))];
        if (announced || self.word() == "on")
            && let Some(Item::Nic { parts: bridge, .. }) =
                self.attempt(|p| if p.any(words!("on|of")) { p.bridge(false, false) } else { None })
        {
            parts.splice(0..0, bridge);
        }
        let number = self.attempt(|p| if p.any(words!("on|of|for")) { p.net_slot() } else { None });
        Some(Item::Nic { number, parts, fresh: false })
    }
}

//! What a NIC is connected to: a bridge, a VLAN, an address.

use mycopod_core::field::{NicPart, Value};

use super::fields::{self, Named};
use super::item::Item;
use crate::builtin::Parser;
use crate::builtin::cursor::is_address;
use crate::builtin::wordings::words;
use crate::lexer::TokenKind;
use crate::vocabulary;

/// What kinds of NIC there are.
pub const MODELS: [&str; 5] = ["virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"];

/// The largest VLAN tag (IEEE 802.1Q).
pub const MAX_VLAN: u64 = 4094;

impl Parser<'_> {
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
        if MODELS.contains(&token.word.as_str()) || token.word == "untagged" {
            return None;
        }
        let text = token.text.clone();
        let (bridge, vlan) = match text.split_once('.') {
            Some((bridge, vlan)) if bridge.starts_with("vmbr") => (bridge.to_owned(), Some(vlan.parse::<u64>().ok()?)),
            _ => (text.into(), None),
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
        if self.group().is_none() && self.word() == "untagged" {
            self.at += 1;
            return Some(Item::nic(NicPart::Vlan, Value::Count(0)));
        }
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

    /// “dhcp”, “DHCP for both IPv4 and IPv6”, “SLAAC for IPv6”.
    pub fn dhcp(&mut self) -> Option<Item> {
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
        // “vmbr0 by DHCP”
        self.at += usize::from(matches!(self.word(), "by" | "via") && self.word_ahead(1) == "dhcp");
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

    /// “fetch its IPv4 address by DHCP”, “obtain an IPv6 address via SLAAC”
    pub fn fetched(&mut self) -> Option<Item> {
        self.verb(words!(
            "fetches|fetch|obtains|obtain|acquires|acquire|draws|draw|pulls|pull|takes|take|requests|request|leases|lease|gets|get"
        ))
        .then_some(())?;
        self.articles();
        let part = if self.any(words!("ipv6 address|ip6 address|ipv6")) {
            NicPart::Ip6
        } else {
            self.any(words!("ipv4 address|ip address|address|ipv4|ip")).then_some(NicPart::Ip)?
        };
        self.any(words!("by|via|from|with|over|through|using")).then_some(())?;
        self.any(words!("the"));
        matches!(self.word(), "dhcp" | "slaac" | "dhcpv6").then_some(())?;
        let item = self.nic_value(None, part)?;
        self.any(words!("server"));
        Some(item)
    }

    /// “reachable over IPv6 as well: `fd00::5/64`”, “reachable at 10.0.0.5/24”, behind “should be”: what “is” so is told.
    pub fn reachable(&mut self) -> Option<Item> {
        (self.last_word() == "be").then_some(())?;
        self.any(words!("also"));
        self.verb(words!("reachable|accessible|available")).then_some(())?;
        self.any(words!("also"));
        self.any(words!("over|via|through|by|under|on|at|with|using")).then_some(())?;
        self.any(words!("the"));
        let part = if self.any(words!("ipv6 address|ipv6")) {
            NicPart::Ip6
        } else {
            self.any(words!("ipv4 address|ip address|address|ipv4|ip"));
            NicPart::Ip
        };
        self.any(words!("as well|too|also"));
        let _ = self.mark(':') || self.mark(',') || self.any(words!("at|under|with|as|by|on"));
        self.any(words!("the address|address"));
        self.nic_value(None, part)
    }

    /// An IPv4 address, with the length of its prefix or without.
    pub fn address(&mut self) -> Option<Item> {
        let text = self.peek(0).filter(|t| t.kind == TokenKind::Word && is_address(&t.text))?.text.clone();
        let item = match text.split_once('/') {
            None => Item::Address(text.to_string()),
            Some((_, prefix)) => {
                prefix.parse::<u8>().ok().filter(|prefix| (1..=32).contains(prefix))?;
                Item::nic(NicPart::Ip, Value::Text(text.to_string()))
            }
        };
        self.at += 1;
        Some(self.via(item, NicPart::Gateway))
    }

    /// “10.0.0.5/24 via 10.0.0.1”
    pub fn via(&mut self, item: Item, gateway: NicPart) -> Item {
        match self.attempt(|p| if p.any(words!("via")) { p.nic_value(None, gateway) } else { None }) {
            Some(via) => Item::Several(vec![item, via]),
            None => item,
        }
    }
}

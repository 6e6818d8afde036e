//! Fields called by their name, places, NICs and images.

use mycopod_core::field::{NicPart, Plain, Value};
use mycopod_core::reading::{Amount, DiskRef};

use crate::lexer::TokenKind;
use crate::vocabulary;

use super::Parser;
use super::cursor::is_address;
use super::item::{DISKS, DiskItem, How, Item, Which};

/// A field called by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Noun {
    /// A field that every guest has once.
    Plain(Plain),
    /// A disk; `true` for “disks”.
    Disk(Which, bool),
    /// A part of a NIC.
    Nic(NicPart),
    /// Where disks are.
    Storage,
    /// Where the guest is.
    Node,
}

/// Numbers of MiB from here on are meant by “memory=2048”, since no guest has so many GB and none so few MB below it.
const LEAST_MIB: u64 = 128;

/// The largest VLAN tag (IEEE 802.1Q).
const MAX_VLAN: u64 = 4094;

impl Parser<'_> {
    /// “number of cores”, “memory”, “second disk”, “scsi1”, “VLAN tag”.
    pub fn noun(&mut self) -> Option<Noun> {
        self.any("the");
        self.any("number of|amount of|size of the|size of|value of");
        self.any("the");
        if self.any("cpu type|cpu model|processor type|processor model|type of cpu") {
            return Some(Noun::Plain(Plain::CpuType));
        }
        if self
            .attempt(|p| {
                p.any("cpu").then_some(())?;
                // “cpu=host” names a type, “cpu=4” counts.
                p.ahead(|p| {
                    let _ = p.mark('=') || p.mark(':') || p.any("to|is");
                    is_cpu_type(p.word()).then_some(())
                })
                .then_some(())
            })
            .is_some()
        {
            return Some(Noun::Plain(Plain::CpuType));
        }
        if self.any("cpu sockets|cpu socket|sockets|socket count|socket") {
            return Some(Noun::Plain(Plain::Sockets));
        }
        if self.any(
            "cpu core count|cpu cores|cpu count|core count|cores|core|vcpu count|vcpus|vcpu|vcores|cpus|\
            cpu|processor count|processors|processor",
        ) {
            return Some(Noun::Plain(Plain::Cores));
        }
        if self.any("memory size|main memory|memory|ram size|ram|mem") {
            return Some(Noun::Plain(Plain::Memory));
        }
        if self.any("swap space|swap size|swap") {
            return Some(Noun::Plain(Plain::Swap));
        }
        if let Some(disk) = self.attempt(Self::disk_noun) {
            return Some(disk);
        }
        let nouns: [(&str, Noun); 11] = [
            ("tags", Noun::Plain(Plain::Tags)),
            ("description|notes|note|comment", Noun::Plain(Plain::Description)),
            ("hostname|name", Noun::Plain(Plain::Name)),
            ("autostart|auto-start|onboot|start at boot|start on boot", Noun::Plain(Plain::OnBoot)),
            ("delete protection|deletion protection|protection", Noun::Plain(Plain::Protection)),
            ("vlan tag|vlan id|vlan", Noun::Nic(NicPart::Vlan)),
            ("default gateway|gateway|gw", Noun::Nic(NicPart::Gateway)),
            (
                "static ip address|static ip|static address|ip address|ipv4 address|ipv4|ip|address",
                Noun::Nic(NicPart::Ip),
            ),
            ("nic model|network model|network card model", Noun::Nic(NicPart::Model)),
            ("network bridge|bridge|network|net|nic", Noun::Nic(NicPart::Bridge)),
            ("storage|datastore", Noun::Storage),
        ];
        for (wordings, noun) in nouns {
            if self.any(wordings) {
                return Some(noun);
            }
        }
        self.any("node").then_some(Noun::Node)
    }

    fn disk_noun(&mut self) -> Option<Noun> {
        let slot = |p: &mut Self| {
            let slot = p.word().parse().ok()?;
            p.at += 1;
            Some(Noun::Disk(Which::The(DiskRef::Slot(slot)), false))
        };
        let second =
            ["second", "2nd", "third", "3rd", "fourth", "4th"].iter().position(|ordinal| *ordinal == self.word());
        if let Some(nth) = second {
            self.at += 1;
            let nth = u8::try_from(nth / 2 + 2).ok()?;
            return self.any(DISKS).then_some(Noun::Disk(Which::The(DiskRef::Nth(nth)), false));
        }
        let data = self.ahead(|p| p.any("data").then_some(()));
        let role = self.disk_role();
        if self.any("rootfs|root fs|root filesystem") {
            return Some(Noun::Disk(Which::System, false));
        }
        if let Some(slot) = self.attempt(slot) {
            return Some(slot);
        }
        if !self.any("disk size|disk space") && !self.any(DISKS) {
            return None;
        }
        let plural = self.last_word().ends_with('s') && self.last_word() != "rootfs";
        if role.is_none()
            && !plural
            && let Some(slot) = self.attempt(slot)
        {
            return Some(slot);
        }
        self.any("size");
        let which = if data && !plural { Some(Which::The(DiskRef::Data)) } else { role };
        Some(Noun::Disk(which.unwrap_or(Which::The(DiskRef::Only)), plural))
    }

    /// What follows a field's name: “to 8 GB”, “= 4”, “: 4”, “by 2 GB”, or the value at once.
    pub fn connected_value(&mut self, noun: &Noun, how: How) -> Option<Item> {
        if !matches!(noun, Noun::Nic(NicPart::Ip)) && self.any("by") {
            self.any("another|an additional|an extra");
            let by = match how {
                How::More | How::Add => Amount::Plus,
                How::Less | How::Remove => Amount::Minus,
                How::Create | How::Give | How::Set => return None,
            };
            return self.value(noun, by);
        }
        let sign = self.mark('=') || self.mark(':');
        let to = !sign
            && (self.any("to be|should be|shall be|must be|to|is|of|at|size")
                || how == How::More && self.any("up to")
                || how == How::Less && self.any("down to"));
        let bare = !(sign || to);
        if bare && !matches!(how, How::Create | How::Give | How::Set) {
            return None;
        }
        if how == How::Remove {
            return None;
        }
        // “name x” belongs to “call it”; “network up” is no bridge.
        if bare && matches!(noun, Noun::Plain(Plain::Name | Plain::OnBoot | Plain::Protection)) {
            return None;
        }
        if let Noun::Disk(which, true) = noun {
            return self.disk_list(which);
        }
        self.value(noun, Amount::To)
    }

    /// “disks: 20G, 100G” and “disks of 20 GB and 100 GB”.
    fn disk_list(&mut self, which: &Which) -> Option<Item> {
        let disk = |p: &mut Self| {
            let start = p.at;
            p.any("a|one");
            if !p.ahead(super::Parser::quantity) {
                p.at = start;
            }
            let size = p.quantity()?;
            let storage = p.storage_of_disk();
            let which = if matches!(which, Which::The(_)) { Which::One } else { which.clone() };
            Some(Item::Disk(DiskItem { amount: Amount::To(Value::Size(size)), which, times: 1, storage }))
        };
        let mut disks = vec![disk(self)?];
        // A further amount is a disk unless it says what else it is.
        while let Some(next) = self.attempt(|p| {
            p.joint();
            let next = disk(p)?;
            (p.at_boundary() && !p.ahead(|p| p.any("memory|ram|swap").then_some(()))).then_some(next)
        }) {
            disks.push(next);
        }
        Some(Item::Several(disks))
    }

    /// The value of the field called by its name.
    pub fn value(&mut self, noun: &Noun, by: impl Fn(Value) -> Amount) -> Option<Item> {
        match noun {
            Noun::Plain(plain @ (Plain::Cores | Plain::Sockets)) => {
                let count = self.number().filter(|count| *count > 0)?;
                self.any("cpu cores|cores|core|vcpus|vcpu|cpus|cpu|sockets|socket|c");
                Some(Item::Plain(*plain, by(Value::Count(count))))
            }
            Noun::Plain(plain @ (Plain::Memory | Plain::Swap)) => {
                if let Some(size) = self.quantity() {
                    self.any("of ram|of memory|ram|memory");
                    return Some(Item::Plain(*plain, by(Value::Size(size))));
                }
                let number = self.number()?;
                if number >= LEAST_MIB || number == 0 && *plain == Plain::Swap {
                    return Some(Item::Plain(*plain, by(Value::Size(mycopod_core::size::Size::mib(number)))));
                }
                matches!(by(Value::Count(0)), Amount::To(_)).then_some(Item::Unitless(*plain, number))
            }
            Noun::Disk(which, _) => {
                let size = self.quantity().or_else(|| self.number().map(mycopod_core::size::Size::gib))?;
                let storage = self.storage_of_disk();
                Some(Item::Disk(DiskItem { amount: by(Value::Size(size)), which: which.clone(), times: 1, storage }))
            }
            Noun::Plain(Plain::CpuType) => Some(Item::Plain(Plain::CpuType, by(Value::Text(self.raw_word()?)))),
            Noun::Plain(plain @ (Plain::OnBoot | Plain::Protection)) => {
                let flag = if self.any("on|yes|true|enabled") {
                    true
                } else if self.any("off|no|false|disabled") {
                    false
                } else {
                    self.number().filter(|n| *n < 2)? == 1
                };
                Some(Item::Plain(*plain, by(Value::Flag(flag))))
            }
            Noun::Plain(Plain::Tags) => {
                Some(Item::Plain(Plain::Tags, by(Value::Set(self.tag_list(true)?.into_iter().collect()))))
            }
            Noun::Plain(Plain::Description) => {
                Some(Item::Plain(Plain::Description, by(Value::Text(self.free_text(false)?))))
            }
            Noun::Plain(Plain::Name) => Some(Item::Plain(Plain::Name, by(Value::Text(self.any_name()?)))),
            Noun::Plain(_) => None,
            Noun::Nic(part) => self.nic_value(*part),
            Noun::Storage => Some(Item::Storage(self.name()?)),
            Noun::Node => Some(Item::Node(self.name()?)),
        }
    }

    fn nic_value(&mut self, part: NicPart) -> Option<Item> {
        if part == NicPart::Bridge {
            self.any("is|on|connected to|to");
            return self.bridge(true, false);
        }
        if part == NicPart::Ip {
            self.any("via|by|from|using");
            if self.any("dhcp") {
                return Some(Item::Nic { parts: vec![(part, Value::Text("dhcp".into()))], fresh: false });
            }
            return self.address();
        }
        let value = match part {
            NicPart::Vlan => Value::Count(self.number().filter(|n| (1..=MAX_VLAN).contains(n))?),
            NicPart::Gateway => {
                let gateway = self
                    .peek(0)
                    .filter(|t| t.kind == TokenKind::Word && !t.text.contains('/') && is_address(&t.text))?;
                let gateway = gateway.text.clone();
                self.at += 1;
                Value::Text(gateway)
            }
            NicPart::Model | NicPart::Bridge | NicPart::Ip => Value::Text(self.raw_word()?),
            _ => return None,
        };
        Some(Item::Nic { parts: vec![(part, value)], fresh: false })
    }

    /// An IPv4 address, with the length of its prefix or without.
    fn address(&mut self) -> Option<Item> {
        let text = self.peek(0).filter(|t| t.kind == TokenKind::Word && is_address(&t.text))?.text.clone();
        let item = match text.split_once('/') {
            None => Item::Address(text),
            Some((_, prefix)) => {
                prefix.parse::<u8>().ok().filter(|prefix| (1..=32).contains(prefix))?;
                Item::Nic { parts: vec![(NicPart::Ip, Value::Text(text))], fresh: false }
            }
        };
        self.at += 1;
        // “10.0.0.5/24 via 10.0.0.1”
        let via = self.attempt(|p| if p.any("via") { p.nic_value(NicPart::Gateway) } else { None });
        Some(match via {
            Some(via) => Item::Several(vec![item, via]),
            None => item,
        })
    }

    /// “vmbr1 vlan 20”, “a second NIC on vmbr1”, “in vlan 30”, “ip …”, “with dhcp”.
    pub fn nic(&mut self, how: How) -> Option<Item> {
        let article = self.ahead(|p| p.any("a|an").then_some(()));
        self.articles();
        let fresh = self.any("second|2nd|another|additional|further|third|extra");
        let model =
            ["virtio", "e1000", "e1000e", "rtl8139", "vmxnet3"].contains(&self.word()).then(|| self.word().to_owned());
        self.at += usize::from(model.is_some());
        // “two NICs, one on vmbr0 and the other on vmbr1”
        let one = !fresh && self.any("one|other|first");
        let fresh = fresh || one;
        let card = self.any("network card|network interface|nic|interface");
        // A guest that exists and gets “a NIC” gets a further one.
        let fresh = fresh || card && (how == How::Add || article && how != How::Create);
        if (fresh && !one || model.is_some()) && !card {
            return None;
        }
        let mut parts: Vec<(NicPart, Value)> =
            model.into_iter().map(|model| (NicPart::Model, Value::Text(model))).collect();
        let on = self.any(
            "connected to the|connected to|attached to the|attached to|plugged into|on the|on|\
            in the|in|to the|to|at|using",
        ) || self.mark(':')
            || self.mark('=');
        if let Some(Item::Nic { parts: bridge, .. }) =
            self.attempt(|p| p.bridge(card && on, false).or_else(|| p.vlan(card || on)))
        {
            parts.extend(bridge);
            if one && !on {
                return None;
            }
            return Some(Item::Nic { parts, fresh });
        }
        if on || fresh {
            return None;
        }
        if card {
            return (!parts.is_empty()).then_some(Item::Nic { parts, fresh });
        }
        if let Some(item) = self.address() {
            return Some(item);
        }
        if self.any("dhcp address|dhcp ip|dhcp") {
            return Some(Item::Nic { parts: vec![(NicPart::Ip, Value::Text("dhcp".into()))], fresh: false });
        }
        None
    }

    /// A bridge by name, perhaps with its VLAN. `named` where the words before say that it is one.
    fn bridge(&mut self, named: bool, required: bool) -> Option<Item> {
        let called = self.any("network bridge|bridge|network");
        self.mark('=');
        let token = self.peek(0).filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Quoted))?;
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
            self.any("bridge");
        }
        let mut parts = vec![(NicPart::Bridge, Value::Text(bridge))];
        let vlan = match vlan {
            Some(vlan) => Some(vlan),
            None => self.attempt(|p| {
                let open = p.mark('(');
                p.any("with|in|on|using");
                p.any("a");
                if !p.any("vlan tag|vlan id|vlan|tag|tagged vlan|tagged with vlan") {
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
        Some(Item::Nic { parts, fresh: false })
    }

    fn vlan(&mut self, announced: bool) -> Option<Item> {
        self.any("tagged");
        if !self.any("vlan tag|vlan id|vlan") {
            return None;
        }
        let _ = self.mark('=') || self.mark(':') || self.any("tag|id");
        let vlan = self.number().filter(|n| (1..=MAX_VLAN).contains(n))?;
        let mut parts = vec![(NicPart::Vlan, Value::Count(vlan))];
        if (announced || self.word() == "on")
            && let Some(Item::Nic { parts: bridge, .. }) =
                self.attempt(|p| if p.any("on|of") { p.bridge(false, false) } else { None })
        {
            parts.splice(0..0, bridge);
        }
        Some(Item::Nic { parts, fresh: false })
    }

    /// “on pve2”, “on the storage tank”, “node pve2”, “stored on local-lvm”.
    pub fn place(&mut self) -> Option<Item> {
        let on = self.any("stored on|placed on|located on|hosted on|on|in|at|from|to|onto|using|with");
        self.any("the");
        let _ = self.mark('(');
        if self.any("proxmox node|proxmox host|node|host") {
            let _ = self.mark('=') || self.mark(':');
            return Some(Item::Node(self.name()?));
        }
        if self.any("storage pool|storage|datastore") {
            let _ = self.mark('=') || self.mark(':') || self.any("on|is");
            return Some(Item::Storage(self.name()?));
        }
        let name = self.name()?;
        if self.any("storage|datastore") {
            return on.then_some(Item::Storage(name));
        }
        if on && self.any("node|host") {
            return Some(Item::Node(name));
        }
        if !on && !self.at_boundary() && self.inventory.guests.contains_key(&name) {
            return None;
        }
        let node = self.inventory.nodes.contains(&name)
            || !self.inventory.storages.contains(&name) && is_numbered(&name, "pve");
        let storage =
            self.inventory.storages.contains(&name) || matches!(name.as_str(), "local" | "local-lvm" | "local-zfs");
        match (node, storage) {
            (true, false) => Some(Item::Node(name)),
            (false, true) => Some(Item::Storage(name)),
            _ => None,
        }
    }

    /// “running Debian 12”, “with Ubuntu 24.04”: before “running” can mean that it shall run.
    pub fn image_of_system(&mut self) -> Option<Item> {
        self.any("running|using|with").then_some(())?;
        let system = self.system()?;
        Some(Item::Image(system))
    }

    /// “from template base”, “debian 12”, “with Ubuntu 24.04”, “image: debian-12”.
    pub fn image(&mut self) -> Option<Item> {
        let from = self.any("based on|from|made from|created from|out of|running|using|on|with");
        let _ = self.any("the|a|an");
        let named = self.any("container template|vm template|template|image|os template|os");
        let _ = named && (self.mark('=') || self.mark(':') || self.any("is|of|called|named"));
        if let Some(system) = self.attempt(Self::system) {
            self.any("template|image|cloud image");
            return Some(Item::Image(system));
        }
        let token = self.peek(0)?;
        let text = token.text.clone();
        let volume = token.kind == TokenKind::Word && text.contains(":vztmpl/");
        let known = token.kind == TokenKind::Word
            && self.inventory.images.contains_key(&text)
            && vocabulary::class(&token.word).is_none();
        if volume || known {
            self.at += 1;
            self.any("template|image");
            return Some(Item::Image(text));
        }
        if named {
            return Some(Item::Image(self.name()?));
        }
        // “from golden template”, “from web-02”: whatever the word after “from” is, it can only be what to make it from.
        let from = from && self.last_word() != "on" && self.last_word() != "with";
        let start = self.at;
        let name = self.name()?;
        (from && (self.any("template|image") || self.word_at(start - 1) == "from")).then_some(Item::Image(name))
    }

    /// “Debian 12”, “ubuntu-24.04”, “Alpine Linux”, “Windows Server 2022”.
    pub fn system(&mut self) -> Option<String> {
        let start = self.at;
        if !vocabulary::is_system(self.word()) {
            return None;
        }
        self.at += 1;
        self.any("linux");
        self.any("server");
        let version = self.attempt(|p| {
            let version = p.peek(0)?;
            let release = version.kind == TokenKind::Number || vocabulary::is_release(&version.word);
            p.at += 1;
            // In “debian 2 cores” the number counts cores.
            let counts = p.ahead(|p| p.unit().map(|_| ()).or_else(|| vocabulary::counts(p.word()).then_some(())))
                || matches!(p.word(), "x" | "more" | "disks" | "nics" | "vms" | "containers" | "machines");
            (release && !counts).then_some(())
        });
        if version.is_some() {
            self.any("lts");
        }
        let end = self.at;
        Some(self.span(&(start..end)).of(self.text))
    }

    /// A word taken as it stands: a CPU type, a NIC model.
    fn raw_word(&mut self) -> Option<String> {
        let token = self.peek(0)?;
        let fits = match token.kind {
            TokenKind::Quoted => true,
            TokenKind::Word => token.word == "host" || vocabulary::class(&token.word).is_none(),
            _ => false,
        };
        let text = fits.then(|| token.text.clone())?;
        self.at += 1;
        Some(text)
    }
}

/// The CPU types that people name without saying that it is one.
pub fn is_cpu_type(word: &str) -> bool {
    ["host", "max", "kvm64", "qemu64"].contains(&word) || word.starts_with("x86-64-")
}

fn is_numbered(name: &str, stem: &str) -> bool {
    name.strip_prefix(stem).is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit() || b == b'-'))
}

//! What can be said of a guest, one phrase at a time: “4 cores”, “a 40 GB disk on tank”, “vmbr1 vlan 20”.

use std::ops::Range;

use mycopod_core::field::{DiskPart, NicPart, Plain, Value};
use mycopod_core::reading::{Amount, DiskRef, FirewallPart, Target};
use mycopod_core::size::Size;

use super::Parser;
use super::fields::Named;
use super::named::{Noun, is_cpu_type};

/// What is done with the phrases that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// They describe a new guest.
    Create,
    /// They say what a guest shall have.
    Give,
    /// “set”: as [`How::Give`], but a list of tags replaces.
    Set,
    /// “increase … to”, “increase … by”.
    More,
    /// “reduce … to”, “reduce … by”.
    Less,
    /// They come on top.
    Add,
    /// They are taken away.
    Remove,
}

/// A value and the tokens that say it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said<T> {
    /// What is said.
    pub value: T,
    /// Where.
    pub tokens: Range<usize>,
}

/// One phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A field that every guest has once.
    Plain(Plain, Amount),
    /// A number for memory or swap that has no unit and is too small to be meant in MiB.
    Unitless(Plain, u64),
    /// A disk, or several alike.
    Disk(DiskItem),
    /// A part of a disk; where no disk is said, of the one that was spoken of last.
    DiskPart(Option<DiskRef>, DiskPart, Amount),
    /// Parts of one NIC, of that `number` where it was said; `fresh` where the words say that it is a further one.
    Nic { number: Option<u8>, parts: Vec<(NicPart, Value)>, fresh: bool },
    /// A small volume of its own (EFI variables, TPM state, cloud-init) on a storage that is not said.
    OnStorage(Plain),
    /// An address without the length of its prefix.
    Address(String),
    /// “two NICs”.
    NicCount(u64),
    /// Where its disks are.
    Storage(String),
    /// The node it is on.
    Node(String),
    /// What it is made from.
    Image(String),
    /// Its VMID.
    Vmid(u32),
    /// The guest that it shall be like.
    Like(Target),
    /// “with the same”: as the guest described before.
    Same,
    /// An amount of either memory or disk space.
    Bare(Amount),
    /// A part of the firewall.
    Firewall(FirewallPart, Amount),
    /// Several of these in one phrase: “disks: 20G, 100G”.
    Several(Vec<Item>),
}

impl Item {
    /// One part of a NIC.
    pub fn nic(part: NicPart, value: Value) -> Self {
        Self::Nic { number: None, parts: vec![(part, value)], fresh: false }
    }

    /// The same of the NIC of that number, where one was said.
    pub fn of_nic(self, of: Option<u8>) -> Self {
        match self {
            Self::Nic { number, parts, fresh } => Self::Nic { number: of.or(number), parts, fresh },
            Self::Several(items) => Self::Several(items.into_iter().map(|item| item.of_nic(of)).collect()),
            other => other,
        }
    }
}

/// A disk as it was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiskItem {
    /// Its size or growth.
    pub amount: Amount,
    /// Which one the words make it.
    pub which: Which,
    /// How many alike.
    pub times: u64,
    /// Where.
    pub storage: Option<Said<String>>,
    /// What else was said of it at once.
    pub parts: Vec<(DiskPart, Value)>,
}

impl DiskItem {
    /// A disk of which only its size or growth was said.
    pub const fn sized(amount: Amount, which: Which) -> Self {
        Self { amount, which, times: 1, storage: None, parts: Vec::new() }
    }
}

/// Which disk the words mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// “a 20 GB disk”.
    One,
    /// “20 GB disk”, which is one disk or the space on it.
    Unclear,
    /// “20 GB of disk space”.
    Mass,
    /// “another disk”, “a second disk”, “a data disk”.
    Further,
    /// “add a 20 GB disk”, said of a guest that the same text makes.
    Added,
    /// “system disk”.
    System,
    /// “the disk”, “the second disk”, “scsi1”.
    The(DiskRef),
}

/// The most NICs or disks alike in one phrase: as many as Proxmox has slots for.
const MAX_ALIKE: u64 = 30;

impl Parser<'_> {
    /// One phrase and where it stood.
    pub fn item(&mut self, how: How) -> Option<Said<Item>> {
        let start = self.at;
        let value = self
            .attempt(Self::image_of_system)
            .or_else(|| {
                if matches!(how, How::Create | How::Give | How::Set | How::Add) {
                    self.attempt(|p| p.stated(how))
                } else {
                    None
                }
            })
            .or_else(|| if how == How::Create { self.attempt(Self::volume_alone) } else { None })
            .or_else(|| {
                if how == How::Create { self.attempt(Self::vmid).or_else(|| self.attempt(Self::alike)) } else { None }
            })
            .or_else(|| if how == How::Remove { None } else { self.attempt(Self::flag) })
            .or_else(|| self.attempt(Self::none))
            .or_else(|| self.attempt(|p| p.tags(how)))
            .or_else(|| self.attempt(Self::cpu_type))
            .or_else(|| self.attempt(super::Parser::description))
            .or_else(|| self.attempt(|p| p.nic(how)))
            .or_else(|| self.attempt(Self::pool))
            .or_else(|| self.attempt(super::Parser::place))
            .or_else(|| if how == How::Create { self.attempt(Self::image) } else { None })
            .or_else(|| if matches!(how, How::Give | How::Set) { self.attempt(Self::multiple) } else { None })
            .or_else(|| self.attempt(|p| p.noun_value(how)))
            .or_else(|| self.attempt(|p| p.value_noun(how)))?;
        let value = if how == How::Create { value } else { self.instead_of(value) };
        Some(Said { value, tokens: start..self.at })
    }

    /// “double the memory”, “twice as many cores”: of a guest that exists.
    fn multiple(&mut self) -> Option<Item> {
        let amount = if self.any("double|twice|two times") {
            Amount::Times(2)
        } else if self.any("triple|three times") {
            Amount::Times(3)
        } else if self.any("half") {
            Amount::Over(2)
        } else {
            return None;
        };
        self.any("of its|of the|the number of|the amount of|as many|as much|the|its").then_some(())?;
        let Noun::Plain(plain @ (Plain::Cores | Plain::Memory | Plain::Swap | Plain::Sockets)) = self.noun()? else {
            return None;
        };
        Some(Item::Plain(plain, amount))
    }

    /// “start at boot”, “leave it off”, “unprivileged”, “protection on”.
    fn flag(&mut self) -> Option<Item> {
        let enabled = self.any("enable|activate");
        let disabled = !enabled && self.any("disable|deactivate");
        let negated = disabled
            || self.any(
                "do not|don't|dont|does not|doesn't|should not|shouldn't|must not|not|no|without|\
            never",
            );
        self.any("to be|be|is|are|being");
        let twice = negated && self.any("not|no|never|without");
        let negated = negated || self.any("not");
        let (plain, flag) = self
            .attempt(super::Parser::at_boot)
            .or_else(|| self.attempt(super::Parser::power))
            .or_else(|| self.attempt(super::Parser::trait_of_guest))?;
        let assigned = self.attempt(|p| {
            let sign = p.mark('=') || p.mark(':');
            let value = p.yes_or_no()?;
            (sign || !p.done() || p.at_boundary()).then_some(value)
        });
        // Power is no switch of the guest's own that is enabled.
        if (enabled || disabled) && !matches!(plain, Plain::OnBoot | Plain::Protection) {
            return None;
        }
        if assigned.is_none() && (self.mark('=') || self.mark(':')) {
            return None;
        }
        // “not off” and “no autostart: no” say too much at once.
        if twice || negated && (!flag || assigned.is_some()) {
            return None;
        }
        let value = assigned.map_or(flag != negated, |assigned| assigned == flag);
        Some(Item::Plain(plain, Amount::To(Value::Flag(value))))
    }

    fn at_boot(&mut self) -> Option<(Plain, bool)> {
        let on = (Plain::OnBoot, true);
        if self.any("autostart|auto-start|auto start|onboot|autostarted|autostarting") {
            self.any("at boot|on boot");
            return Some(on);
        }
        if !self.any("start|starts|started|starting|boot|boots|booted|power on|come up|run") {
            return None;
        }
        self.any("up");
        self.any("it|them|both|all|each");
        let itself = self.any("automatically");
        let boot = self.any(
            "at boot time|at boot|on boot|at startup|on startup|at host boot|on host boot|\
            at node boot|with the host|with the node|with its node|with its host|when the host boots|\
            when the node boots|when the host starts|when the node starts|when the host does|when the node does",
        );
        (itself || boot || self.any("automatically")).then_some(on)
    }

    fn power(&mut self) -> Option<(Plain, bool)> {
        let (on, off) = ((Plain::Running, true), (Plain::Running, false));
        if self.any("leave|leaves|keep|stay|stays") {
            self.any("it|them|both|all");
            if self.any("powered off|switched off|turned off|shut down|off|stopped") {
                self.any("for now|at first");
                return Some(off);
            }
            return self.any("running|powered on|switched on|turned on|started").then_some(on);
        }
        if self.any("starting it|starting them|booting it|booting them") {
            return Some(on);
        }
        if self.any("powered off|switched off|turned off|stopped|shut down")
            || self.last_word() == "be" && self.any("off")
        {
            return Some(off);
        }
        if self.any("started|up and running|running|powered on|switched on|turned on|booted") {
            self.at_once();
            return Some(on);
        }
        if !self.any("starts|start up|start|boot up|boot|power on|turn on|switch on|power|turn|switch|launch|run") {
            return None;
        }
        let pronoun = self.any("it|them both|them all|them|both of them|all of them|both|all");
        // “start all VMs …” is about others.
        if pronoun && self.ahead(Self::guest_noun) {
            return None;
        }
        let particle = self.any("up|on");
        let soon = self.at_once();
        let verb_alone = pronoun
            || soon
            || particle
            || self.at_boundary()
            || self.peek(0).is_some_and(|t| t.text == "=" || t.text == ":");
        verb_alone.then_some(on)
    }

    /// Words for “now”, which is when everything is done anyway.
    fn at_once(&mut self) -> bool {
        let mut said = false;
        while self.any(
            "right now|now|immediately|right away|directly|straight away|at once|yet|too|as well|\
            after creation|afterwards|once created|when done|once it is created|after creating it|for now",
        ) {
            said = true;
        }
        said
    }

    fn trait_of_guest(&mut self) -> Option<(Plain, bool)> {
        if self.any("unprivileged") {
            return Some((Plain::Unprivileged, true));
        }
        if self.any("privileged") {
            return Some((Plain::Unprivileged, false));
        }
        self.any(
            "protected from deletion|protected against deletion|delete protection|deletion protection|\
            protected|protection",
        )
        .then_some((Plain::Protection, true))
    }

    /// “host CPU”, “kvm64 cpu type”.
    fn cpu_type(&mut self) -> Option<Item> {
        self.articles();
        let cpu = is_cpu_type(self.word()).then(|| self.word().to_owned())?;
        self.at += 1;
        self.any("cpu type|cpu model|processor type|cpu|processor")
            .then_some(Item::Plain(Plain::CpuType, Amount::To(Value::Text(cpu))))
    }

    /// “no swap”, “without description”.
    fn none(&mut self) -> Option<Item> {
        (self.any("no|without") && {
            self.any("any");
            self.any("swap")
        })
        .then(|| Item::Plain(Plain::Swap, Amount::To(Value::Size(Size::default()))))
    }

    /// “tagged web and prod”, “tags: a, b”, “with the tag x”.
    fn tags(&mut self, how: How) -> Option<Item> {
        self.any("be|is|are");
        self.articles();
        let (mut replaces, mut several) = (false, false);
        if self.any("tags") {
            (replaces, several) = (how == How::Set, true);
        } else if !self.any("tagged with|tagged as|tagged|tag") {
            return None;
        }
        if self.mark('=') || self.mark(':') || self.any("to") {
            replaces = true;
        }
        self.any("are|is|of");
        let tags = Value::Set(self.tag_list(several)?.into_iter().collect());
        Some(Item::Plain(
            Plain::Tags,
            match how {
                How::Remove | How::Less => Amount::Minus(tags),
                How::Add | How::More => Amount::Plus(tags),
                How::Give | How::Set if !replaces => Amount::Plus(tags),
                How::Create | How::Give | How::Set => Amount::To(tags),
            },
        ))
    }

    /// Tags joined by commas or “and”. After a comma a word is a tag only where the words announced several, or the
    /// cluster knows it: in “tagged web, encrypted” the second is something else.
    pub fn tag_list(&mut self, several: bool) -> Option<Vec<String>> {
        let mut tags = vec![self.any_name()?];
        while let Some(tag) = self.attempt(|p| {
            let comma = p.mark(',') | p.mark(';');
            let and = p.any("and|&|+");
            if !(comma || and) {
                return None;
            }
            let at = p.at;
            // “tags: ci, build”: a word of the grammar is a tag where it says nothing else.
            let tag = p.name().or_else(|| {
                let alone = several && p.any_name().is_some() && p.at_boundary();
                let says = p.ahead(|p| {
                    p.at = at;
                    p.item(How::Create)
                });
                (alone && !says).then(|| p.word_at(at).to_owned())
            })?;
            let listed = several
                || and
                || p.inventory.tags.contains(&tag)
                || p.ahead(|p| (p.any("and|&") && p.name().is_some()).then_some(()));
            (listed && (p.at_boundary() || matches!(p.word(), "to" | "from" | "on" | "for" | "with"))).then_some(tag)
        }) {
            tags.push(tag);
        }
        Some(tags)
    }

    /// “description "…"”; without quotation marks up to the next comma, and only where nothing else can be in it.
    fn description(&mut self) -> Option<Item> {
        self.articles();
        let described = self.any("described as");
        if !described && !self.any("description|notes|note|comment") {
            return None;
        }
        let sign = self.mark(':') || self.mark('=');
        self.any("of|is|saying|to|reading|that says|which says");
        self.mark(':');
        let text = self.free_text(sign)?;
        Some(Item::Plain(Plain::Description, Amount::To(Value::Text(text))))
    }

    /// A quoted text, or the words up to the next comma.
    pub fn free_text(&mut self, sign: bool) -> Option<String> {
        use crate::lexer::TokenKind::{Number, Quoted, Word};
        let token = self.peek(0)?;
        if token.kind == Quoted {
            let text = token.text.clone();
            self.at += 1;
            return Some(text);
        }
        let start = self.at;
        while let Some(token) = self.peek(0) {
            let fits = match token.kind {
                Word => !matches!(token.word.as_str(), "and" | "with") || sign,
                Number => sign,
                _ => false,
            };
            if !fits {
                break;
            }
            self.at += 1;
        }
        (self.at > start).then(|| self.span(&(start..self.at)).of(self.text))
    }

    /// “memory to 8 GB”, “cores: 4”, “memory by 2 GB”.
    fn noun_value(&mut self, how: How) -> Option<Item> {
        self.articles();
        let noun = match self.noun()? {
            // What is given or added is a further disk, whatever its number.
            Noun::Disk(Which::The(DiskRef::Nth(_) | DiskRef::Data), several) if matches!(how, How::Give | How::Add) => {
                Noun::Disk(Which::Further, several)
            }
            noun => noun,
        };
        let item = self.connected_value(&noun, how)?;
        // “mtu 9000 on net0”, “cache none for scsi1”
        Some(match (self.of_which(noun), item) {
            (Noun::DiskPart(disk, _), Item::DiskPart(None, part, amount)) => Item::DiskPart(disk, part, amount),
            (Noun::Nic(number, _), item) => item.of_nic(number),
            (_, item) => item,
        })
    }

    /// “4 cores”, “another 2 GB of RAM”, “two disks of 50 GB”, “a 40 GB disk on tank”.
    fn value_noun(&mut self, how: How) -> Option<Item> {
        // “a gig”, “a dozen”: there the article is the number.
        let counted = !self.ahead(|p| p.quantity().map(|_| ()).or_else(|| p.number().map(|_| ()))) && self.any("a|an");
        self.any("the|its");
        let start = self.at;
        while self.any("another|extra|additional|further|new") {}
        // “a second 20 GB disk”
        if how == How::Add {
            self.attempt(|p| (p.any("second|2nd|third|3rd|fourth|4th") && p.ahead(Self::quantity)).then_some(()));
        }
        let more = self.at > start;
        if let Some(disks) = self.attempt(|p| p.disks(how, counted, more)) {
            return Some(disks);
        }
        if let Some(size) = self.quantity() {
            return self.sized(how, size, more);
        }
        if let Some(size) = self.attempt(|p| {
            let number = p.number()?;
            p.any("more|extra|additional").then_some(())?;
            p.unit()?.checked_mul(number).map(Size::bytes)
        }) {
            return self.sized(how, size, true);
        }
        let number = self.number().or_else(|| (more || counted).then_some(1)).filter(|number| *number > 0)?;
        self.any("x");
        let mut less = self.any("fewer|less");
        let mut more = self.any("more|extra|additional|further") || more;
        self.any("virtual");
        if self.any("network cards|network interfaces|nics|interfaces") {
            return (how == How::Create && number <= MAX_ALIKE).then_some(Item::NicCount(number));
        }
        let plain = if self.any("cpu sockets|cpu socket|sockets|socket") {
            // “2 sockets x 4 cores”
            self.attempt(|p| (p.any("x") && p.ahead(|p| p.item(how))).then_some(()));
            Plain::Sockets
        } else if self.any(
            "cpu cores|cpu core|vcpu cores|processor cores|cores|core|vcpus|vcpu|vcores|vcore|\
            v cpu|cpus|cpu|processors|processor|c",
        ) {
            if !self.any("per socket") && !self.ahead(|p| p.any("of cpu type|of cpu model").then_some(())) {
                self.any("of cpu");
            }
            Plain::Cores
        } else {
            return None;
        };
        // “a core” alone says one only where it comes on top.
        if counted && !more && !matches!(how, How::Add | How::Remove) {
            return None;
        }
        less |= self.any("fewer|less");
        more |= self.any("more|extra");
        Some(Item::Plain(plain, step(how, more, less, Value::Count(number))?))
    }

    /// What an amount with a unit is an amount of.
    fn sized(&mut self, how: How, size: Size, more: bool) -> Option<Item> {
        let mut less = self.any("less");
        let mut more = self.any("more|extra|additional") || more;
        let of = self.any("of");
        self.any("extra|additional");
        let value = Value::Size(size);
        let plain = if self.any("memory|ram|mem|main memory") {
            Some(Plain::Memory)
        } else {
            self.any("swap space|swap").then_some(Plain::Swap)
        };
        if let Some(plain) = plain {
            less |= self.any("less");
            more |= self.any("more");
            return Some(Item::Plain(plain, step(how, more, less, value)?));
        }
        let role = self.disk_role();
        let space = self.any("disk space|storage space|space|storage|more space");
        if space || self.any(DISKS) {
            let which = match role {
                Some(role) => role,
                None if space || of => Which::Mass,
                None if more => Which::Further,
                None => Which::Unclear,
            };
            let amount = if which == Which::Mass { step(how, more, less, value)? } else { Amount::To(value) };
            let disk = self.disk_item(amount, which, 1);
            return (!less || disk.which == Which::Mass).then_some(Item::Disk(disk));
        }
        if of || role.is_some() {
            return None;
        }
        // “8 GB at /srv/data”
        if let Some(disk) = self.attempt(|p| {
            let disk = p.disk_item(Amount::To(value.clone()), Which::Further, 1);
            (!less && !disk.parts.is_empty()).then_some(disk)
        }) {
            return Some(Item::Disk(disk));
        }
        Some(Item::Bare(step(how, more, less, value)?))
    }

    /// “a 40 GB disk”, “two disks of 50 GB”, “another disk of 1 TB”, “2 x 50 GB data disks”.
    fn disks(&mut self, how: How, counted: bool, more: bool) -> Option<Item> {
        let times = if counted { 1 } else { self.number().or_else(|| more.then_some(1))? };
        let more = self.any("more|additional|further|extra|other|new") || more;
        self.any("x");
        let first = self.quantity();
        let role = self.disk_role();
        if !self.any(DISKS) {
            return None;
        }
        // “a mount point at /srv/data with 10 GB”
        let mount = self.attempt(|p| {
            p.any("at|on|under").then_some(())?;
            p.shaped(Named::Disk(DiskPart::Mount))
        });
        let size = if let Some(size) = first {
            size
        } else {
            self.any("with a size of|with|of|at|having|sized");
            self.quantity()?
        };
        if times > 1 {
            self.any("each");
        }
        let which = role.or(more.then_some(Which::Further)).unwrap_or(Which::One);
        let fits = (1..=MAX_ALIKE).contains(&times) && !matches!(how, How::Remove | How::Less);
        let mut disk = self.disk_item(Amount::To(Value::Size(size)), which, times);
        disk.parts.extend(mount.map(|mount| (DiskPart::Mount, mount)));
        fits.then_some(Item::Disk(disk))
    }

    /// “system”, “data”, “second” before “disk”.
    pub fn disk_role(&mut self) -> Option<Which> {
        if self.any("system|boot|root|os|primary|main|first") {
            return Some(Which::System);
        }
        self.any("data|second|2nd|third|3rd|fourth|4th|additional|extra|further|secondary").then_some(Which::Further)
    }

    /// “on local-lvm” right after a disk.
    pub fn storage_of_disk(&mut self) -> Option<Said<String>> {
        let start = self.at;
        let value = self.attempt(|p| match p.place()? {
            Item::Storage(storage) => Some(storage),
            _ => None,
        })?;
        Some(Said { value, tokens: start..self.at })
    }
}

/// The nouns for a disk.
pub const DISKS: &str = "hard disks|hard disk|hard drives|hard drive|disks|disk|drives|drive|volumes|volume|\
    hdd|rootfs|root fs|mount points|mount point";

/// What a number that stands before its noun does; `None` where the words contradict each other.
fn step(how: How, more: bool, less: bool, value: Value) -> Option<Amount> {
    Some(match (how, more, less) {
        (_, true, true) | (How::Create | How::Remove, true, _) | (How::Create | How::Add, _, true) => return None,
        (How::Remove, ..) | (_, _, true) => Amount::Minus(value),
        (How::Add, ..) | (_, true, _) => Amount::Plus(value),
        _ => Amount::To(value),
    })
}

//! Guests that a declaration makes.

use std::collections::{BTreeMap, BTreeSet};

use super::making::Beginning;
use super::target::Found;
use super::value::storage_of;
use super::{Doubt, Fields, Resolver, Subject, disks_in_order, label, value};
use crate::field::{DiskPart, Field, MAX_NICS, NicPart, Plain, Slot, Value};
use crate::guest::Kind;
use crate::intent::{NewGuest, NewOrigin};
use crate::observed::{NodeState, Origin, Sighting};
use crate::reading::{Create, Edit, Selector, Source, Sourced, Span, Target, WantedDisk, WantedNic};
use crate::size::Size;

/// A copy that somebody asked for.
#[derive(Clone, Copy)]
pub(super) struct WantedCopy<'a> {
    pub(super) from: &'a Target,
    /// What it shall be a copy of instead, as it was set in a form.
    pub(super) image: Option<&'a Sourced<String>>,
    pub(super) name: &'a Sourced<String>,
    pub(super) vmid: Option<&'a Sourced<u32>>,
    pub(super) node: Option<&'a Sourced<String>>,
    pub(super) full: Option<&'a Sourced<bool>>,
    pub(super) edits: &'a [Edit],
}

/// The most disks of a guest: `scsi0` to `scsi30` of a VM.
const MAX_DISKS: usize = 31;

impl<'a> Resolver<'a> {
    /// A guest to be made from nothing, from a template or from an image.
    pub(super) fn create(&mut self, ordinal: usize, at: Span, create: &Create) {
        let kind = create.kind.value;
        let begins = Beginning {
            kind: &create.kind,
            name: &create.name,
            vmid: create.vmid.as_ref(),
            node: create.node.as_ref(),
            image: create.image.as_ref(),
        };
        let Some((mut new, template)) = self.begin(ordinal, at, begins) else { return };
        let like = match &create.like {
            Some(target) => {
                let Some(seen) = self.one_of(target, "copy-of") else { return };
                Some(seen)
            }
            None => None,
        };
        let subject = self.subject_made(&new);
        let guest = new.name.value.to_string();

        let mut fields = Fields::new();
        for (plain, said) in &create.plain {
            let field = Field::Plain(*plain);
            if let Some(value) = self.value(at, &field, kind, said, &subject) {
                self.put(&guest, &mut fields, field, value);
            }
        }
        let mut create = create.clone();
        if let Some(seen) = like {
            self.differ(at, seen, &create, &subject, &mut fields);
            super::like::take(seen, &mut create, &mut fields);
        }
        self.disks(at, &create.disks, template, &subject, &mut new, &mut fields);
        self.nics(at, &create.nics, template.is_some(), &subject, &mut fields);
        self.end(at, new, template.is_some(), &subject, fields);
    }

    /// What `create` shall have more or less of than `seen` has, whom it is else like.
    fn differ(&mut self, at: Span, seen: &Sighting, create: &Create, subject: &Subject<'a>, fields: &mut Fields) {
        for (plain, said) in &create.unlike {
            let field = Field::Plain(*plain);
            let now = seen.get(&field).cloned().or_else(|| plain.unset());
            let span = said.source.span().unwrap_or(at);
            match super::amount::absolute(&said.value, now.as_ref()) {
                Ok(value) => {
                    let said = Sourced::new(value, said.source.clone());
                    if let Some(value) = self.value(at, &field, create.kind.value, &said, subject) {
                        self.put(&create.name.value, fields, field, value);
                    }
                }
                Err(why) => self.ask(
                    "amount",
                    Some(span),
                    Doubt::new(format!(
                        "{} as {} has it: {why}. How much shall it be?",
                        plain.label(),
                        seen.guest.name
                    )),
                ),
            }
        }
    }

    /// A copy of a guest that exists.
    pub(super) fn copy(&mut self, ordinal: usize, at: Span, copy: &WantedCopy<'_>) {
        let WantedCopy { from, image, name, vmid, node, full, edits } = *copy;
        let node = node.and_then(|node| self.node(at, node));
        let (from, said) = match image {
            Some(set) => (self.named_in_form(&set.value), set.source.clone()),
            None => (from.clone(), Source::said(from.span, self.text)),
        };
        let found = |resolver: &mut Self| {
            resolver.template_on(&from, node.as_ref()).or_else(|| resolver.one_of(&from, "copy-of"))
        };
        let Some(source) = self.of_edit(&said, found) else { return };
        if full.is_some_and(|full| !full.value) && !source.template {
            let text = format!(
                "{} is no template, and only a template has linked copies. Leave that out for a full copy.",
                source.guest.name
            );
            let span = full.and_then(|full| full.source.span()).unwrap_or(at);
            self.ask("linked", Some(span), Doubt::new(text));
        }
        if source.guest.kind == Kind::Lxc && !self.is_off(at, source, "Proxmox copies a container only while it is off")
        {
            return;
        }
        let linked = source.template && full.is_some_and(|full| !full.value);
        let Some((resource, name)) = self.named(ordinal, at, name) else { return };
        let vmid = vmid.and_then(|said| self.free_vmid(at, said));
        let origin = NewOrigin {
            name: source.guest.name.clone(),
            at: BTreeMap::from([(source.guest.node.clone(), Origin::Template(source.guest.vmid))]),
            full: !linked,
        };
        let origin = Sourced::new(origin, said);
        let mut new = NewGuest {
            resource,
            kind: Sourced::new(source.guest.kind, Source::inferred(format!("a copy of {}", source.guest.name))),
            name,
            vmid,
            node,
            origin: Some(origin),
            fields: BTreeMap::new(),
            disks: disks_in_order(source),
        };
        let subject = self.subject_made(&new);
        let mut fields = Fields::new();
        self.edits(at, &subject, edits, &mut fields);
        let added = fields.keys().filter_map(|field| match field {
            Field::Disk(slot, DiskPart::Size) => Some(slot),
            _ => None,
        });
        let added: Vec<Slot> = added.filter(|slot| !new.disks.contains(slot)).cloned().collect();
        new.disks.extend(added);
        self.end(at, new, true, &subject, fields);
    }

    /// The template of that name on that node, or on the only node that may be meant: several nodes have one each.
    fn template_on(&self, from: &Target, node: Option<&Sourced<String>>) -> Option<&'a Sighting> {
        let Selector::Name(name) = &from.selector else { return None };
        let observed = self.observed;
        let mut named = observed.guests.iter().filter(|seen| seen.guest.name == *name);
        if !named.clone().all(|seen| seen.template) || self.answers.get("guest", Some(from.span)).is_some() {
            return None;
        }
        let node = node.map(|node| node.value.as_str());
        let first = named.next()?;
        let alike = |seen: &&Sighting| disks_in_order(seen).first() == disks_in_order(first).first();
        let mut templates: Vec<&'a Sighting> = std::iter::once(first)
            .chain(named)
            .filter(|seen| node.is_none_or(|node| node == seen.guest.node))
            .collect();
        templates.sort_by_key(|seen| seen.guest.vmid);
        let nodes: BTreeSet<&str> = templates.iter().map(|seen| seen.guest.node.as_str()).collect();
        // Two of one name on a node are a question.
        (nodes.len() == templates.len() && templates.iter().all(alike)).then(|| templates.first().copied())?
    }

    /// The one guest that is meant; of several it is asked which.
    fn one_of(&mut self, from: &Target, topic: &str) -> Option<&'a Sighting> {
        let found = self.targets(std::slice::from_ref(from));
        match found.as_slice() {
            [] => None,
            [Found::Seen(seen)] => Some(seen),
            [Found::Made(_)] => {
                let text = "A guest that this declaration makes cannot be copied yet: copy it when it exists.";
                self.ask("copy", Some(from.span), Doubt::new(text));
                None
            }
            several => {
                let seen = several.iter().filter_map(|found| match found {
                    Found::Seen(seen) => Some(*seen),
                    Found::Made(_) => None,
                });
                let seen: Vec<&'a Sighting> = seen.collect();
                let answer = self.answers.get(topic, Some(from.span));
                let chosen = seen.iter().find(|seen| answer == Some(label(seen).as_str())).copied();
                if chosen.is_none() {
                    let doubt = Doubt::new("Several guests are meant, and one can be copied. Which one?");
                    self.ask(topic, Some(from.span), doubt.or(seen.iter().map(|seen| label(seen))));
                }
                chosen
            }
        }
    }

    pub(super) fn node(&mut self, at: Span, said: &Sourced<String>) -> Option<Sourced<String>> {
        let observed = self.observed;
        self.settle_text("node", at, said, |name| {
            let names = || observed.seen_nodes().map(|(name, _)| name);
            match observed.nodes.get(&name) {
                Some(NodeState::Seen(_)) => Ok(name),
                Some(NodeState::Unreachable { why }) => {
                    Err(Doubt::new(format!("Node {name} does not answer ({why}). Which node instead?")).or(names()))
                }
                None => Err(Doubt::new(format!("There is no node {name}. Which one is meant?")).or(names())),
            }
        })
    }

    pub(super) fn disks(
        &mut self,
        at: Span,
        wanted: &[WantedDisk],
        template: Option<&Sighting>,
        subject: &Subject<'a>,
        new: &mut NewGuest,
        fields: &mut Fields,
    ) {
        let kind = new.kind.value;
        if wanted.len() + new.disks.len().saturating_sub(1) > MAX_DISKS {
            return self.ask("disks", Some(at), Doubt::new(format!("A guest has {MAX_DISKS} disks at most.")));
        }
        let nodes = self.nodes(new.node.as_ref().map(|node| node.value.as_str()));
        let system = new.disks.first().cloned();
        // Where the system disk is spoken of it is the first; else the template's stays as it is.
        let spoken_of = wanted.first().is_some_and(|disk| !disk.further);
        let mut slots = system.filter(|_| spoken_of).into_iter().chain(free_slots(kind, template));
        if !spoken_of && template.is_none() {
            let (size, why) = match kind {
                Kind::Qemu => (self.policy.vm_disk, "the disk of a new VM, unless said"),
                Kind::Lxc => (self.policy.ct_disk, "the root file system of a new container, unless said"),
            };
            let slot = if kind == Kind::Lxc { Slot::rootfs() } else { Slot::scsi(0) };
            fields.insert(
                Field::Disk(slot.clone(), DiskPart::Size),
                Sourced::new(Value::Size(size), Source::default(why)),
            );
            new.disks.push(slot);
            slots.next();
        }
        for (index, disk) in wanted.iter().enumerate() {
            let has = template.filter(|_| spoken_of && index == 0).and_then(|seen| {
                let slot = new.disks.first()?;
                match seen.get(&Field::Disk(slot.clone(), DiskPart::Size)) {
                    Some(Value::Size(size)) => Some((seen.guest.name.as_str(), *size)),
                    _ => None,
                }
            });
            let Some(size) = self.settle("disk", at, &disk.size, value::read_size, |size| disk_size(size, has)) else {
                continue;
            };
            let storage = disk
                .storage
                .as_ref()
                .and_then(|said| self.settle_text("storage", at, said, |name| storage_of(kind, name, &nodes)));
            let Some(slot) = slots.next() else { return };
            fields.insert(Field::size_of(slot.clone()), size.map(Value::Size));
            for (part, said) in &disk.parts {
                let field = Field::Disk(slot.clone(), *part);
                if let Some(value) = self.value(at, &field, kind, said, subject) {
                    self.put(&subject.name, fields, field, value);
                }
            }
            if let Some(storage) = storage {
                fields.insert(Field::Disk(slot.clone(), DiskPart::Storage), storage.map(Value::Text));
            }
            if !new.disks.contains(&slot) {
                new.disks.push(slot);
            }
        }
    }

    fn nics(
        &mut self,
        at: Span,
        wanted: &[WantedNic],
        from_template: bool,
        subject: &Subject<'a>,
        fields: &mut Fields,
    ) {
        if wanted.len() > usize::from(MAX_NICS) {
            return self.ask("nics", Some(at), Doubt::new(format!("A guest has {MAX_NICS} NICs at most.")));
        }
        if wanted.is_empty() && !from_template {
            self.complete_nic(0, subject, fields);
        }
        for (number, nic) in (0..MAX_NICS).zip(wanted) {
            for (part, said) in &nic.parts {
                let field = Field::Nic(number, *part);
                if let Some(value) = self.value(at, &field, subject.kind, said, subject) {
                    self.put(&subject.name, fields, field, value);
                }
            }
            self.complete_nic(number, subject, fields);
        }
    }

    /// The parts that a NIC needs to be made, by default where nobody said them.
    pub(super) fn complete_nic(&self, number: u8, subject: &Subject<'_>, fields: &mut Fields) {
        if subject.fields.contains_key(&Field::Nic(number, NicPart::Bridge)) {
            return;
        }
        let tagged = fields.get(&Field::Nic(number, NicPart::Vlan)).is_some_and(|tag| tag.value != Value::Count(0));
        if let Some(bridge) = self.default_bridge(subject, tagged) {
            fields.entry(Field::Nic(number, NicPart::Bridge)).or_insert(bridge.map(Value::Text));
        }
        let (part, value, why) = match subject.kind {
            Kind::Qemu => (NicPart::Model, "virtio", "a VM’s NIC is a virtio one unless another model is named"),
            Kind::Lxc => (NicPart::Ip, "dhcp", "a container asks for its address by DHCP unless one is said"),
        };
        let value = Sourced::new(Value::Text(value.to_owned()), Source::default(why));
        fields.entry(Field::Nic(number, part)).or_insert(value);
    }

    fn default_bridge(&self, subject: &Subject<'_>, tagged: bool) -> Option<Sourced<String>> {
        if let Some(bridge) = &self.policy.bridge {
            return Some(Sourced::new(bridge.clone(), Source::default("the bridge of the policy")));
        }
        let bridges = || subject.nodes.iter().flat_map(|(_, node)| &node.bridges);
        let on_all = |name: &str| subject.nodes.iter().all(|(_, node)| node.bridges.contains_key(name));
        let fits =
            |aware: bool| bridges().filter(|(_, bridge)| bridge.vlan_aware || !aware).map(|(name, _)| name).min();
        if tagged && let Some(name) = fits(true) {
            let source = Source::inferred("the first bridge that passes VLAN tags on");
            return Some(Sourced::new(name.clone(), source));
        }
        let name = bridges().map(|(name, _)| name).filter(|name| on_all(name)).min().or_else(|| fits(false))?;
        Some(Sourced::new(name.clone(), Source::default("the first bridge, unless one is named")))
    }

    /// What a new guest gets where nobody said anything. What is made from a template stays as the template is.
    pub(super) fn defaults(&self, new: &NewGuest, from_template: bool, fields: &mut Fields) {
        let policy = self.policy;
        let mut default = |field: Field, value: Value, why: &str| {
            fields.entry(field).or_insert_with(|| Sourced::new(value, Source::default(why)));
        };
        default(Field::Plain(Plain::Running), Value::Flag(false), "a new guest is started only where that is said");
        if from_template {
            return;
        }
        default(Field::Plain(Plain::Cores), Value::Count(policy.cores.into()), "the cores of a new guest, unless said");
        match new.kind.value {
            Kind::Qemu => {
                default(
                    Field::Plain(Plain::Memory),
                    Value::Size(policy.vm_memory),
                    "the memory of a new VM, unless said",
                );
                default(
                    Field::Plain(Plain::CpuType),
                    Value::Text(policy.cpu.clone()),
                    "the CPU type of a new VM, unless said",
                );
            }
            Kind::Lxc => {
                default(
                    Field::Plain(Plain::Memory),
                    Value::Size(policy.ct_memory),
                    "the memory of a new container, unless said",
                );
                default(
                    Field::Plain(Plain::Swap),
                    Value::Size(policy.ct_swap),
                    "the swap of a new container, unless said",
                );
                default(
                    Field::Plain(Plain::Unprivileged),
                    Value::Flag(true),
                    "containers are unprivileged unless said otherwise",
                );
            }
        }
    }
}

/// The slots that a new disk may take, in order.
pub(super) fn free_slots(kind: Kind, on: Option<&Sighting>) -> impl Iterator<Item = Slot> {
    let used: Vec<String> = on.map(|seen| seen.raw.keys().cloned().collect()).unwrap_or_default();
    let disks = on.map(disks_in_order).unwrap_or_default();
    let bus = match kind {
        Kind::Lxc => "mp",
        // Further disks join the bus of those that are there, so that the system keeps its drivers.
        Kind::Qemu if disks.iter().any(|slot| slot.as_str().starts_with("virtio")) => "virtio",
        Kind::Qemu => "scsi",
    };
    let rootfs = (kind == Kind::Lxc).then(Slot::rootfs);
    let numbered = (0..256u16).filter_map(move |number| format!("{bus}{number}").parse::<Slot>().ok());
    rootfs
        .into_iter()
        .chain(numbered)
        .filter(move |slot| !used.contains(&slot.as_str().to_owned()) && !disks.contains(slot))
}

/// The size of a new guest's disk. `has` is the name of its template and the size of the disk there.
fn disk_size(size: Size, has: Option<(&str, Size)>) -> Result<Size, Doubt> {
    match has {
        Some((template, least)) if size < least => Err(Doubt::new(format!(
            "A disk of {size} is smaller than the {least} of {template}, from which the guest is made. How large shall it be?"
        ))
        .or([Size::gib(least.as_gib_ceil())])),
        Some(_) => Ok(size),
        None if size.is_whole_gib() && size > Size::bytes(0) => Ok(size),
        None => Err(Doubt::new(format!("New disks are made in whole GiB, and {size} is none. How large shall it be?"))
            .or([Size::gib(size.as_gib_ceil().max(1))])),
    }
}

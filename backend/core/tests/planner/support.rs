//! A cluster to plan against, and readings to plan.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use mycopod_core::field::{DiskPart, Field, NicPart, Plain, Slot, Value};
use mycopod_core::guest::{GuestKey, GuestRef, Kind, Power, Vmid};
use mycopod_core::id::{DeclarationId, ResourceId};
use mycopod_core::intent::Intent;
use mycopod_core::observed::{Bridge, Image, Node, NodeState, Observed, Origin, Ownership, Sighting, Storage, Volume};
use mycopod_core::plan::Plan;
use mycopod_core::policy::Policy;
use mycopod_core::reading::{
    Amount, Answers, Create, Deed, Edit, EditField, Question, Reading, Selector, Source, Sourced, Span, Statement,
    Target, WantedDisk, WantedNic, What,
};
use mycopod_core::resolve::resolve;
use mycopod_core::size::Size;

pub fn declaration() -> DeclarationId {
    "0192f0c1-2d3e-7000-8000-0123456789ab".parse().unwrap()
}

pub fn vmid(number: u32) -> Vmid {
    Vmid::try_from(number).unwrap()
}

pub fn gib(n: u64) -> Value {
    Value::Size(Size::gib(n))
}

pub fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

pub fn tags(tags: &[&str]) -> Value {
    Value::Set(tags.iter().map(|&tag| tag.to_owned()).collect())
}

fn content(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

pub fn node() -> Node {
    let storage = |tib: u64, names: &[&str]| Storage {
        kind: "lvmthin".to_owned(),
        total: Size::gib(tib * 1024),
        free: Size::gib(tib * 1024),
        content: content(names),
        shared: false,
    };
    Node {
        at: DateTime::UNIX_EPOCH,
        cpus: 32,
        memory: Size::gib(256),
        memory_used: Size::gib(3),
        storages: BTreeMap::from([
            ("local".to_owned(), storage(2, &["images", "rootdir", "vztmpl", "iso", "backup"])),
            ("local-lvm".to_owned(), storage(4, &["images", "rootdir"])),
        ]),
        bridges: BTreeMap::from([
            ("vmbr0".to_owned(), Bridge { vlan_aware: false }),
            ("vmbr1".to_owned(), Bridge { vlan_aware: true }),
        ]),
    }
}

/// A disk as a sighting has it: every part, with Proxmox's defaults.
pub fn disk(slot: &Slot, size: Value, storage: &str) -> BTreeMap<Field, Value> {
    let defaults = [
        (DiskPart::Size, size),
        (DiskPart::Storage, text(storage)),
        (DiskPart::Cache, text("none")),
        (DiskPart::Discard, Value::Flag(false)),
        (DiskPart::Ssd, Value::Flag(false)),
        (DiskPart::Iothread, Value::Flag(false)),
        (DiskPart::Backup, Value::Flag(true)),
        (DiskPart::ReadOnly, Value::Flag(false)),
        (DiskPart::Mount, text("/mnt")),
    ];
    let kind = if slot.is_of_container() { Kind::Lxc } else { Kind::Qemu };
    let parts = defaults.into_iter().map(|(part, value)| (Field::Disk(slot.clone(), part), value));
    parts.filter(|(field, _)| field.fits(kind)).collect()
}

pub fn guest(kind: Kind, number: u32, name: &str, node: &str) -> Sighting {
    let mut fields = BTreeMap::from([
        (Field::Plain(Plain::Name), text(name)),
        (Field::Plain(Plain::Cores), Value::Count(2)),
        (Field::Plain(Plain::Memory), gib(4)),
        (Field::Plain(Plain::OnBoot), Value::Flag(false)),
        (Field::Plain(Plain::Protection), Value::Flag(false)),
        (Field::Plain(Plain::Tags), tags(&[])),
        (Field::Plain(Plain::Running), Value::Flag(false)),
        (Field::Nic(0, NicPart::Bridge), text("vmbr0")),
    ]);
    let mut raw = BTreeMap::new();
    let slot = match kind {
        Kind::Qemu => {
            fields.insert(Field::Plain(Plain::Sockets), Value::Count(1));
            fields.insert(Field::Plain(Plain::CpuType), text("x86-64-v2-AES"));
            fields.insert(Field::Nic(0, NicPart::Model), text("virtio"));
            raw.insert("net0".to_owned(), format!("virtio=BC:24:11:00:00:{:02X},bridge=vmbr0", number % 256));
            raw.insert("boot".to_owned(), "order=scsi0;net0".to_owned());
            Slot::scsi(0)
        }
        Kind::Lxc => {
            fields.insert(Field::Plain(Plain::Swap), Value::Size(Size::mib(512)));
            fields.insert(Field::Plain(Plain::Unprivileged), Value::Flag(true));
            fields.insert(Field::Nic(0, NicPart::Ip), text("dhcp"));
            let mac = format!("BC:24:11:00:00:{:02X}", number % 256);
            raw.insert("net0".to_owned(), format!("name=eth0,bridge=vmbr0,hwaddr={mac},ip=dhcp"));
            Slot::rootfs()
        }
    };
    raw.insert(slot.to_string(), format!("local-lvm:vm-{number}-disk-0,size=32G"));
    fields.extend(disk(&slot, gib(32), "local-lvm"));
    Sighting {
        guest: GuestRef { kind, vmid: vmid(number), name: name.to_owned(), node: node.to_owned() },
        at: DateTime::UNIX_EPOCH,
        power: Power::Stopped,
        template: false,
        lock: None,
        digest: format!("{number:040x}"),
        ownership: Ownership::Unmarked,
        smbios_uuid: (kind == Kind::Qemu).then(|| format!("0000-{number}")),
        fields,
        pending: BTreeSet::new(),
        hotplug: content(&["network", "disk", "usb"]),
        snapshots: Some(BTreeSet::new()),
        firewall: None,
        raw,
    }
}

impl Extra for Sighting {
    fn runs(mut self) -> Self {
        self.power = Power::Running;
        self.fields.insert(Field::Plain(Plain::Running), Value::Flag(true));
        self
    }

    fn has(mut self, field: Field, value: Value) -> Self {
        if let Field::Disk(slot, DiskPart::Size) = &field {
            let volume = format!("local-lvm:vm-{}-{slot}", self.guest.vmid);
            self.raw.insert(slot.to_string(), volume);
            self.fields.extend(disk(slot, value.clone(), "local-lvm"));
        }
        self.fields.insert(field, value);
        self
    }

    fn remembers(mut self, snapshots: &[&str]) -> Self {
        self.snapshots = Some(content(snapshots));
        self.raw.extend(snapshots.last().map(|newest| ("parent".to_owned(), (*newest).to_owned())));
        self
    }

    fn templated(mut self) -> Self {
        self.template = true;
        self.raw.insert("ide2".to_owned(), "local-lvm:vm-cloudinit,media=cdrom".to_owned());
        self.has(Plain::CloudInit.into(), text("local-lvm"))
    }
}

/// Variations of a guest.
pub trait Extra {
    fn runs(self) -> Self;
    fn has(self, field: Field, value: Value) -> Self;
    fn templated(self) -> Self;
    /// Has these snapshots, the newest last.
    fn remembers(self, snapshots: &[&str]) -> Self;
}

/// A CD and an image on each node, and backups of two guests.
fn files() -> Vec<Volume> {
    let file = |node: &str, content: &str, name: &str, of: Option<u32>| Volume {
        volume: format!("local:{content}/{name}"),
        content: content.to_owned(),
        node: node.to_owned(),
        size: Size::gib(1),
        guest: of.map(|number| GuestKey { kind: Kind::Qemu, vmid: vmid(number) }),
        at: None,
    };
    let on = |node: &str| [file(node, "iso", "debian.iso", None), file(node, "import", "noble.qcow2", None)];
    let backups = [101, 104].map(|number| file("pve1", "backup", &backup_of(number), Some(number)));
    ["pve1", "pve2"].into_iter().flat_map(on).chain(backups).collect()
}

/// The name of a VM's backup.
pub fn backup_of(vmid: u32) -> String {
    format!("vzdump-qemu-{vmid}-2025_01_31-10_00_00.vma.zst")
}

/// The demo cluster: two nodes, templates on both, and guests that are not ours.
pub fn cluster() -> Observed {
    let scsi = |n: u8| Field::Disk(Slot::scsi(n), DiskPart::Size);
    let mut guests = vec![
        guest(Kind::Qemu, 101, "web-01", "pve1").runs().has(Field::Plain(Plain::Tags), tags(&["web"])),
        guest(Kind::Qemu, 102, "web-02", "pve1").runs().has(Field::Plain(Plain::Tags), tags(&["web"])),
        guest(Kind::Qemu, 103, "db-1", "pve1").runs().has(scsi(0), gib(40)).has(scsi(1), gib(100)),
        guest(Kind::Qemu, 104, "test-1", "pve1").has(Field::Plain(Plain::Memory), gib(1)),
        guest(Kind::Qemu, 105, "test-2", "pve2")
            .has(Field::Plain(Plain::Memory), gib(1))
            .remembers(&["first", "second"]),
        guest(Kind::Qemu, 107, "old-backup", "pve1"),
        guest(Kind::Qemu, 108, "prod-db", "pve1").runs().has(Field::Plain(Plain::Protection), Value::Flag(true)),
        guest(Kind::Lxc, 109, "cache", "pve1").runs(),
    ];
    let mut images = Vec::new();
    for (node, base) in [("pve1", 9000), ("pve2", 9100)] {
        for (index, name) in [(0, "debian-12"), (1, "ubuntu-24.04")] {
            let template = guest(Kind::Qemu, base + index, name, node).templated().has(scsi(0), gib(4));
            guests.push(template);
            let origin = Origin::Template(vmid(base + index));
            images.push(Image {
                name: name.into(),
                kind: Kind::Qemu,
                node: node.into(),
                origin,
                disk: Some(Size::gib(4)),
            });
        }
        for name in [
            "alpine-3.20-default_20240908_amd64.tar.xz",
            "debian-12-standard_12.2-1_amd64.tar.zst",
            "debian-12-standard_12.7-1_amd64.tar.zst",
        ] {
            let origin = Origin::Volume(format!("local:vztmpl/{name}"));
            images.push(Image { name: name.into(), kind: Kind::Lxc, node: node.into(), origin, disk: None });
        }
    }
    Observed {
        at: DateTime::UNIX_EPOCH,
        version: "8.4.1".into(),
        cluster: "demo".into(),
        nodes: BTreeMap::from([("pve1".into(), NodeState::Seen(node())), ("pve2".into(), NodeState::Seen(node()))]),
        guests,
        images,
        volumes: files(),
        pools: content(&["prod", "lab"]),
        backup_jobs: Some(BTreeMap::new()),
        replicas: BTreeMap::new(),
    }
}

pub fn named<'a>(observed: &'a Observed, name: &str) -> &'a Sighting {
    observed.guests.iter().find(|seen| seen.guest.name == name).unwrap()
}

pub fn named_mut<'a>(observed: &'a mut Observed, name: &str) -> &'a mut Sighting {
    observed.guests.iter_mut().find(|seen| seen.guest.name == name).unwrap()
}

// ----- readings -------------------------------------------------------------------------

/// Builds a reading; every word gets a span of its own.
#[derive(Default)]
pub struct Saying {
    at: usize,
    pub reading: Reading,
}

impl Saying {
    fn span(&mut self) -> Span {
        self.at += 4;
        Span { start: self.at - 4, end: self.at - 1 }
    }

    pub fn said<T>(&mut self, value: T) -> Sourced<T> {
        let span = self.span();
        Sourced::new(value, Source::said(span, &words()))
    }

    pub fn statement(mut self, what: impl FnOnce(&mut Self) -> What) -> Self {
        let span = self.span();
        let what = what(&mut self);
        self.reading.statements.push(Statement { span, what });
        self
    }

    pub fn create(self, name: &str, kind: Kind, wanted: &[Want]) -> Self {
        self.statement(|say| {
            let mut create = Create {
                kind: say.said(kind),
                name: say.said(name.to_owned()),
                vmid: None,
                like: None,
                unlike: Vec::new(),
                node: None,
                image: None,
                plain: Vec::new(),
                disks: Vec::new(),
                nics: Vec::new(),
            };
            for want in wanted {
                match want {
                    Want::Plain(plain, value) => create.plain.push((*plain, say.said(value.clone()))),
                    Want::Disk(gib, storage) => {
                        let storage = storage.map(|storage| say.said(storage.to_owned()));
                        create.disks.push(WantedDisk {
                            size: say.said(Size::gib(*gib)),
                            storage,
                            parts: Vec::new(),
                            further: false,
                        });
                    }
                    Want::Nic(parts) => {
                        let parts = parts.iter().map(|(part, value)| (*part, say.said(value.clone()))).collect();
                        create.nics.push(WantedNic { parts });
                    }
                    Want::Node(node) => create.node = Some(say.said((*node).to_owned())),
                    Want::Image(image) => create.image = Some(say.said((*image).to_owned())),
                }
            }
            What::Create(Box::new(create))
        })
    }

    pub fn target(&mut self, selector: Selector) -> Target {
        Target { span: self.span(), selector }
    }

    pub fn change(self, selector: Selector, edits: &[(EditField, Amount)]) -> Self {
        self.statement(|say| {
            let targets = vec![say.target(selector)];
            let edits = edits
                .iter()
                .map(|(field, amount)| Edit {
                    field: field.clone(),
                    amount: amount.clone(),
                    source: say.said(()).source,
                })
                .collect();
            What::Change { targets, edits }
        })
    }

    pub fn deed(self, selector: Selector, deed: Deed) -> Self {
        self.statement(|say| What::Do { targets: vec![say.target(selector)], deed })
    }

    pub fn copy(self, from: &str, name: &str, full: Option<bool>) -> Self {
        self.statement(|say| What::Clone {
            from: say.target(by_name(from)),
            name: say.said(name.to_owned()),
            vmid: None,
            node: None,
            full: full.map(|full| say.said(full)),
            edits: Vec::new(),
        })
    }
}

/// What a new guest shall have.
#[derive(Clone, Debug)]
pub enum Want {
    Plain(Plain, Value),
    Disk(u64, Option<&'static str>),
    Nic(Vec<(NicPart, Value)>),
    Node(&'static str),
    Image(&'static str),
}

pub fn by_name(name: &str) -> Selector {
    Selector::Name(name.to_owned())
}

pub fn to(plain: Plain, value: Value) -> (EditField, Amount) {
    (EditField::Plain(plain), Amount::To(value))
}

/// A text long enough for every span.
pub fn words() -> String {
    "abc ".repeat(1_000)
}

pub fn resolved(saying: &Saying, observed: &Observed, answers: &Answers) -> Result<Intent, Vec<Question>> {
    resolve(declaration(), &words(), &saying.reading, observed, &Policy::default(), answers)
}

/// The only question, or a panic that shows what came instead.
pub fn question(saying: &Saying, observed: &Observed) -> Question {
    let questions = resolved(saying, observed, &Answers::default()).unwrap_err();
    assert_eq!(questions.len(), 1, "{questions:#?}");
    questions.into_iter().next().unwrap()
}

pub fn answer(question: &Question, answer: &str) -> Answers {
    Answers::from_iter([(question.id.clone(), answer.to_owned())])
}

/// A plan as people read it.
pub fn shown(plan: &Plan) -> String {
    let mut lines = Vec::new();
    for step in plan.steps() {
        let effect = format!("{:?}", step.effect).to_lowercase();
        lines.push(format!("{}. {} [{effect}]", step.seq, step.summary));
        for change in &step.changes {
            let from = change.from.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
            let to = change.to.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
            let source = match &change.source {
                Source::Said(_) => "said".to_owned(),
                Source::Default { why } => format!("default: {why}"),
                Source::Inferred { why } => format!("inferred: {why}"),
                Source::Answered { answer } => format!("answered: {answer}"),
                Source::Set { by, .. } => format!("set by {by}"),
            };
            lines.push(format!("   {}: {from} -> {to} ({source})", change.field));
        }
        lines.extend(step.collateral.iter().map(|text| format!("   also: {text}")));
    }
    lines.extend(plan.notes().iter().map(|note| format!("note: {note}")));
    lines.join("\n")
}

pub fn resource(number: u8) -> ResourceId {
    format!("0192f0c1-2d3e-7000-8000-0000000000{number:02}").parse().unwrap()
}

//! A reading in one line, so that a table of sentences can say what it expects.

#![allow(dead_code, reason = "each test file uses its part")]

use mycopod_core::field::{DiskPart, Plain, Value};
use mycopod_core::guest::{GuestKey, Kind, Vmid};
use mycopod_core::ports::Inventory;
use mycopod_core::reading::{
    Amount, Create, Deed, DiskRef, Edit, EditField, FirewallPart, Fit, Reading, Selector, Sourced, Statement, Target,
    WantedBacked, WantedFacility, What,
};

/// The world that the sentences are said in.
pub fn inventory() -> Inventory {
    let mut inventory = Inventory::default();
    let guests = ["web-01", "web-02", "db-1", "test-1", "test-2", "test-3", "old-backup", "prod-db"];
    for (name, vmid) in guests.into_iter().zip(101..) {
        inventory
            .guests
            .insert(name.into(), vec![GuestKey { kind: Kind::Qemu, vmid: Vmid::try_from(vmid).expect("a VMID") }]);
    }
    inventory
        .guests
        .insert("cache".into(), vec![GuestKey { kind: Kind::Lxc, vmid: Vmid::try_from(120).expect("a VMID") }]);
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    inventory.nodes = set(&["pve1", "pve2"]);
    inventory.storages = set(&["local", "local-lvm"]);
    inventory.bridges = set(&["vmbr0", "vmbr1"]);
    inventory.tags = set(&["web", "db", "test", "prod"]);
    inventory.images.insert("debian-12".into(), Kind::Qemu);
    inventory.images.insert("ubuntu-24.04".into(), Kind::Qemu);
    inventory
}

/// The sentences of the tables, each with the reading that is expected of it.
pub fn corpus() -> impl Iterator<Item = (String, &'static str)> {
    let tables =
        [include_str!("../corpus.txt"), include_str!("../corpus-proxmox.txt"), include_str!("../corpus-around.txt")];
    let lines = tables.into_iter().flat_map(str::lines).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        let (sentence, expected) = line.split_once(" => ").expect("a line is `sentence => reading`");
        (sentence.replace("\\n", "\n"), expected)
    })
}

/// `ask:` with the questions' topics and words, `refused`, or the statements.
pub fn summary(reading: &Reading) -> String {
    if reading.refusal.is_some() {
        return "refused".to_owned();
    }
    if !reading.questions.is_empty() {
        let questions = reading.questions.iter().map(|question| {
            let topic = question.id.split('@').next().unwrap_or_default();
            topic.to_owned()
        });
        return format!("ask {}", questions.collect::<Vec<_>>().join(", "));
    }
    reading.statements.iter().map(statement).collect::<Vec<_>>().join(" | ")
}

fn statement(statement: &Statement) -> String {
    match &statement.what {
        What::Create(create) => self::create(create),
        What::Change { targets, edits } => format!("{}: {}", self::targets(targets), self::edits(edits)),
        What::Do { targets, deed } => {
            let deed = match deed {
                Deed::Start => "start".to_owned(),
                Deed::Shutdown { within } => with("shutdown", &[within.as_ref().map(|s| s.value.to_string())]),
                Deed::Stop => "stop".to_owned(),
                Deed::Reboot => "reboot".to_owned(),
                Deed::Suspend => "suspend".to_owned(),
                Deed::Resume => "resume".to_owned(),
                Deed::Delete => "delete".to_owned(),
                Deed::Adopt => "adopt".to_owned(),
                Deed::Snapshot { name } => with("snapshot", &[text(name.as_ref())]),
                Deed::Rollback { snapshot } => with("rollback", &[text(snapshot.as_ref())]),
                Deed::DeleteSnapshot { snapshot } => with("delsnapshot", &[text(snapshot.as_ref())]),
                Deed::Backup { storage, mode } => with("backup", &[text(storage.as_ref()), text(mode.as_ref())]),
                Deed::Restore { backup } => with("restore", &[text(backup.as_ref())]),
                Deed::MakeTemplate => "template".to_owned(),
                Deed::Migrate { node, storage, from, offline } => {
                    let from = from.as_ref().map(|from| format!("from {}", from.value));
                    let offline = offline.then(|| "offline".to_owned());
                    with("migrate", &[Some(node.value.clone()), text(storage.as_ref()), from, offline])
                }
                Deed::Detach(disk) => with("detach", &[Some(disk_name(disk))]),
                Deed::DestroyDisk(disk) => with("destroydisk", &[Some(disk_name(disk))]),
                Deed::RemoveNic(number) => with("removenic", &[number.map(|n| n.to_string())]),
            };
            format!("{deed} {}", self::targets(targets))
        }
        What::Clone { from, name, vmid, node, full, edits } => {
            let full = full.as_ref().map_or("", |full| if full.value { "full " } else { "linked " });
            let edits = if edits.is_empty() { String::new() } else { format!(": {}", self::edits(edits)) };
            let node = node.as_ref().map_or_else(String::new, |node| format!(" on {}", node.value));
            let vmid = vmid.as_ref().map_or_else(String::new, |vmid| format!(" to {}", vmid.value));
            format!("{full}clone {}{vmid} as {}{node}{edits}", selector(&from.selector), name.value)
        }
        What::Facility(wanted) => facility(wanted),
        What::Typed(guest) => format!("ensure {}", guest.name.value),
    }
}

fn facility(wanted: &WantedFacility) -> String {
    match wanted {
        WantedFacility::MakePool { name, comment, members } => {
            let members = if members.is_empty() { String::new() } else { format!(" {}", targets(members)) };
            format!("{} {}{members}", with("pool", &[text(comment.as_ref())]), name.value)
        }
        WantedFacility::DeletePool { name } => format!("delpool {}", name.value),
        WantedFacility::Download { url, storage, node, file, checksum } => {
            format!(
                "{} {}",
                with("download", &[storage, node, file, checksum].map(|said| text(said.as_ref()))),
                url.value
            )
        }
        WantedFacility::DeleteFile { volume } => format!("delfile {}", volume.value),
        WantedFacility::MakeBackupJob { guests, schedule, storage, mode, keep } => {
            let guests = match guests {
                WantedBacked::All(but) if but.is_empty() => "all".to_owned(),
                WantedBacked::All(but) => format!("all but {}", targets(but)),
                WantedBacked::Pool(pool) => format!("pool {}", pool.value),
                WantedBacked::Guests(some) => targets(some),
            };
            let keep: Vec<_> = keep.iter().map(|(rule, count)| format!(" {rule}={}", count.value)).collect();
            format!(
                "{} {guests}{}",
                with("job", &[Some(schedule.value.clone()), text(storage.as_ref()), text(mode.as_ref())]),
                keep.concat()
            )
        }
        WantedFacility::DeleteBackupJob { id } => format!("deljob {}", id.value),
    }
}

fn create(create: &Create) -> String {
    let mut parts =
        vec![format!("{} {}", if create.kind.value == Kind::Qemu { "vm" } else { "ct" }, create.name.value)];
    if let Some(image) = &create.image {
        parts.push(format!("image={}", image.value));
    }
    if let Some(vmid) = &create.vmid {
        parts.push(format!("id={}", vmid.value));
    }
    if let Some(like) = &create.like {
        parts.push(format!("like={}", selector(&like.selector)));
    }
    if let Some(node) = &create.node {
        parts.push(format!("node={}", node.value));
    }
    let mut plain: Vec<&(Plain, Sourced<Value>)> = create.plain.iter().collect();
    plain.sort_by_key(|(plain, _)| *plain);
    parts.extend(plain.into_iter().map(|(plain, value)| format!("{}={}", plain_name(*plain), compact(&value.value))));
    for disk in &create.disks {
        let storage = disk.storage.as_ref().map_or(String::new(), |storage| format!("@{}", storage.value));
        let more = self::parts(&disk.parts, |part| part.as_str());
        let further = if disk.further { "+" } else { "" };
        parts.push(format!("{further}disk={}{storage}{more}", compact(&Value::Size(disk.size.value))));
    }
    for nic in &create.nics {
        let nic: Vec<String> =
            nic.parts.iter().map(|(part, value)| format!("{}:{}", part.as_str(), compact(&value.value))).collect();
        parts.push(format!("nic={}", nic.join(",")));
    }
    parts.join(" ")
}

/// `deed[a,b]`, or the deed alone where nothing more was said.
fn with(deed: &str, said: &[Option<String>]) -> String {
    let said: Vec<&str> = said.iter().flatten().map(String::as_str).collect();
    if said.is_empty() { deed.to_owned() } else { format!("{deed}[{}]", said.join(",")) }
}

fn text(said: Option<&Sourced<String>>) -> Option<String> {
    said.map(|said| said.value.clone())
}

fn disk_name(disk: &DiskRef) -> String {
    match disk {
        DiskRef::Only => "disk".to_owned(),
        DiskRef::Data => "datadisk".to_owned(),
        DiskRef::Nth(n) => format!("disk{n}"),
        DiskRef::Slot(slot) => slot.to_string(),
        DiskRef::Sized(size) => format!("disk[{size}]"),
        DiskRef::Every(count) => {
            format!("disks[{}]", count.map_or_else(|| "all".to_owned(), |count| count.to_string()))
        }
    }
}

/// `(cache:writeback,discard:yes)`, or nothing.
fn parts<P>(parts: &[(P, Sourced<Value>)], name: impl Fn(&P) -> &'static str) -> String {
    let parts: Vec<String> =
        parts.iter().map(|(part, value)| format!("{}:{}", name(part), compact(&value.value))).collect();
    if parts.is_empty() { String::new() } else { format!("({})", parts.join(",")) }
}

fn targets(targets: &[Target]) -> String {
    targets.iter().map(|target| selector(&target.selector)).collect::<Vec<_>>().join("+")
}

fn selector(selector: &Selector) -> String {
    match selector {
        Selector::Name(name) => name.clone(),
        Selector::Vmid(vmid) => format!("#{vmid}"),
        Selector::All(fit) => self::fit(fit),
        Selector::Vague(words) => format!("?{words}?"),
    }
}

/// `[vm web]` for the tag, `[all cts]` for the kind, and what else was said behind it.
fn fit(fit: &Fit) -> String {
    let alone = fit == &Fit { kind: fit.kind, ..Fit::default() };
    let kind = fit.kind.map(|kind| if kind == Kind::Qemu { "vm" } else { "ct" });
    let mut parts = Vec::from_iter(match (alone, kind) {
        (true, kind) => Some(format!("all {}s", kind.unwrap_or("guest"))),
        (false, kind) => kind.map(str::to_owned),
    });
    parts.extend(fit.running.map(|running| if running { "running" } else { "stopped" }.to_owned()));
    parts.extend(fit.count.map(|count| count.to_string()));
    parts.extend(fit.tags.iter().cloned());
    parts.extend(fit.word.iter().map(|word| format!("?{word}")));
    parts.extend(fit.stem.iter().map(|stem| format!("{stem}*")));
    parts.extend(fit.pool.iter().map(|pool| format!("pool={pool}")));
    parts.extend(fit.node.iter().map(|node| format!("node={node}")));
    parts.extend(fit.except.iter().map(|name| format!("-{name}")));
    format!("[{}]", parts.join(" "))
}

fn edits(edits: &[Edit]) -> String {
    edits.iter().map(edit).collect::<Vec<_>>().join(" ")
}

fn edit(edit: &Edit) -> String {
    let field = match &edit.field {
        EditField::Plain(plain) => plain_name(*plain).to_owned(),
        EditField::Disk(disk, DiskPart::Size) => disk_name(disk),
        EditField::Disk(disk, part) => format!("{}.{}", disk_name(disk), part.as_str()),
        EditField::NewDisk { storage, parts } => {
            let storage = storage.as_ref().map_or(String::new(), |storage| format!("@{}", storage.value));
            format!("newdisk{storage}{}", self::parts(parts, |part| part.as_str()))
        }
        EditField::NewNic { parts } => format!("newnic{}", self::parts(parts, |part| part.as_str())),
        EditField::Nic(None, part) => part.as_str().to_owned(),
        EditField::EachNic(count, part) => {
            let count = count.map_or(String::new(), |count| count.to_string());
            format!("nics{count}.{}", part.as_str())
        }
        EditField::Nic(Some(number), part) => format!("net{number}.{}", part.as_str()),
        EditField::Firewall(FirewallPart::Option(option)) => option.as_str().to_owned(),
        EditField::Firewall(FirewallPart::Rule) => "rule".to_owned(),
        EditField::Firewall(FirewallPart::IpSet(name)) => format!("ipset.{name}"),
        EditField::Firewall(FirewallPart::Alias(name)) => format!("alias.{name}"),
    };
    let amount = match &edit.amount {
        Amount::To(value) | Amount::UpTo(value) | Amount::DownTo(value) => format!("={}", compact(value)),
        Amount::Plus(value) => format!("+{}", compact(value)),
        Amount::Minus(value) => format!("-{}", compact(value)),
        Amount::Times(n) => format!("*{n}"),
        Amount::FromTo(from, to) => format!(":{}→{}", compact(from), compact(to)),
        Amount::Over(n) => format!("/{n}"),
        Amount::PerCent(n) => format!("*{n}%"),
    };
    format!("{field}{amount}")
}

const fn plain_name(plain: Plain) -> &'static str {
    match plain {
        Plain::Name => "name",
        Plain::Cores => "cores",
        Plain::Sockets => "sockets",
        Plain::CpuType => "cpu",
        Plain::Memory => "mem",
        Plain::Swap => "swap",
        Plain::OnBoot => "onboot",
        Plain::Protection => "prot",
        Plain::Unprivileged => "unpriv",
        Plain::Tags => "tags",
        Plain::Description => "desc",
        Plain::Running => "run",
        other => other.as_str(),
    }
}

fn compact(value: &Value) -> String {
    match value {
        Value::Size(size) => {
            size.to_string().replace(" GiB", "G").replace(" MiB", "M").replace(" TiB", "T").replace("0 B", "0")
        }
        Value::Set(set) => set.iter().cloned().collect::<Vec<_>>().join(";"),
        Value::Text(text) if text.contains(' ') || text.is_empty() => format!("“{}”", text.replace('\n', "\\n")),
        other => other.to_string(),
    }
}

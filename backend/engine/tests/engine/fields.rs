//! Every field through the planner, the codec and a cluster: what was planned is so, and nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::lab::Lab;
use mycopod_core::field::{DiskPart, Field, NicPart, Plain, Value};
use mycopod_core::id::DeclarationId;
use mycopod_core::intent::Intent;
use mycopod_core::observed::Observed;
use mycopod_core::plan::Plan;
use mycopod_core::planner::{World, plan};
use mycopod_core::policy::Policy;
use mycopod_core::ports::{Hypervisor, Submitted, TaskState};
use mycopod_core::reading::{
    Amount, Answers, DiskRef, Edit, EditField, Reading, Selector, Source, Span, Statement, Target, What,
};
use mycopod_core::resolve::resolve;
use mycopod_core::settle::{Settled, settled};
use mycopod_core::size::Size;

fn declaration() -> DeclarationId {
    "0192f0c1-2d3e-7000-8000-0123456789ab".parse().unwrap()
}

fn field_of(edit: &EditField) -> String {
    match edit {
        EditField::Plain(plain) => plain.as_str().to_owned(),
        EditField::Disk(_, part) => part.as_str().to_owned(),
        EditField::Nic(_, part) | EditField::EachNic(_, part) => part.as_str().to_owned(),
        EditField::NewDisk { .. } | EditField::NewNic { .. } => "new".to_owned(),
        EditField::Firewall(part) => format!("{part:?}"),
    }
}

fn intent(name: &str, edits: &[(EditField, Value)], observed: &Observed) -> Intent {
    let span = Span { start: 0, end: 1 };
    let edits = edits
        .iter()
        .map(|(field, value)| Edit {
            field: field.clone(),
            amount: Amount::To(value.clone()),
            source: Source::inferred("a test"),
        })
        .collect();
    let targets = vec![Target { span, selector: Selector::Name(name.to_owned()) }];
    let statements = vec![Statement { span, what: What::Change { targets, edits } }];
    let reading = Reading { statements, ..Reading::default() };
    resolve(declaration(), "x", &reading, observed, &Policy::default(), &Answers::default())
        .unwrap_or_else(|questions| panic!("{questions:#?}"))
}

fn planned(intent: &Intent, observed: &Observed) -> Plan {
    let (done, hidden) = (BTreeSet::new(), BTreeSet::new());
    let world = World { observed, resources: &[], done: &done, hidden: &hidden, promised: &[] };
    plan(declaration(), intent, &world, &Policy::default()).unwrap_or_else(|questions| panic!("{questions:#?}"))
}

async fn carry_out(lab: &Lab, plan: &Plan) {
    for step in plan.steps() {
        let look = lab.pve.look(step.guest().unwrap().key()).await.unwrap();
        assert_eq!(settled(step, &look), Settled::No, "{step:?}");
        let submitted = lab.pve.submit(step, &look, None).await;
        if let Submitted::Task(upid) = submitted.unwrap_or_else(|error| panic!("{}: {error}", step.summary)) {
            loop {
                match lab.pve.task(&upid).await.unwrap() {
                    TaskState::Running => tokio::time::sleep(Duration::from_millis(20)).await,
                    TaskState::Ok { .. } => break,
                    state => panic!("{}: {state:?}", step.summary),
                }
            }
        }
        let look = lab.pve.look(step.guest().unwrap().key()).await.unwrap();
        assert_eq!(settled(step, &look), Settled::Yes, "{step:?}: {look:#?}");
    }
}

/// Sets the fields one after the other. Each takes effect, leaves an empty plan, and changes no other field.
async fn set_each(lab: &Lab, name: &str, edits: Vec<Vec<(EditField, Value)>>) {
    for edits in edits {
        let before = lab.observed().await;
        // A NIC that is filtered may lock somebody out: whether it does is asked of its guest’s firewall.
        let mut guarded = before.clone();
        let seen = guarded.guests.iter_mut().find(|seen| seen.guest.name == name).unwrap();
        *seen = seen.clone().with_firewall(lab.pve.firewall(&seen.guest).await.unwrap());
        let wanted = intent(name, &edits, &guarded);
        let plan = planned(&wanted, &guarded);
        let named: Vec<String> = edits.iter().map(|(field, _)| field_of(field)).collect();
        assert!(!plan.is_empty(), "{named:?} is no change");
        carry_out(lab, &plan).await;
        let after = lab.observed().await;
        let again = planned(&wanted, &after);
        assert!(again.is_empty(), "{named:?}: {again:#?}");
        let fields = |observed: &Observed| -> BTreeMap<Field, Value> {
            let seen = observed.guests.iter().find(|seen| seen.guest.name == name).unwrap();
            seen.fields.clone()
        };
        let (before, after) = (fields(&before), fields(&after));
        let planned: BTreeSet<&Field> =
            plan.steps().iter().flat_map(|step| &step.changes).map(|change| &change.field).collect();
        for field in before.keys().chain(after.keys()).filter(|field| !planned.contains(field)) {
            let is_new_disk = named.contains(&"new".to_owned()) && !matches!(field, Field::Plain(_));
            assert!(is_new_disk || before.get(field) == after.get(field), "{named:?} changed {field}");
        }
    }
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn set(words: &[&str]) -> Value {
    Value::Set(words.iter().map(|&word| word.to_owned()).collect())
}

fn gib(n: u64) -> Value {
    Value::Size(Size::gib(n))
}

fn plain(plain: Plain, value: Value) -> Vec<(EditField, Value)> {
    vec![(EditField::Plain(plain), value)]
}

fn disk(part: DiskPart, value: Value) -> Vec<(EditField, Value)> {
    vec![(EditField::Disk(DiskRef::Nth(1), part), value)]
}

fn nic(part: NicPart, value: Value) -> Vec<(EditField, Value)> {
    vec![(EditField::Nic(Some(0), part), value)]
}

/// What both kinds of guest have.
fn of_both() -> Vec<Vec<(EditField, Value)>> {
    vec![
        plain(Plain::Cores, Value::Count(3)),
        plain(Plain::Memory, gib(2)),
        plain(Plain::CpuLimit, text("1.5")),
        plain(Plain::CpuUnits, Value::Count(200)),
        plain(Plain::OnBoot, Value::Flag(true)),
        plain(Plain::StartupOrder, Value::Count(3)),
        plain(Plain::StartupUp, Value::Count(30)),
        plain(Plain::StartupDown, Value::Count(60)),
        plain(Plain::Protection, Value::Flag(true)),
        plain(Plain::Protection, Value::Flag(false)),
        plain(Plain::Tags, set(&["a", "b"])),
        plain(Plain::Tags, set(&[])),
        plain(Plain::Description, text("Two\nlines, ünï")),
        plain(Plain::Ha, text("stopped")),
        plain(Plain::Ha, text("ignored")),
        plain(Plain::Ha, text("")),
        disk(DiskPart::Size, gib(5)),
        nic(NicPart::Firewall, Value::Flag(true)),
        nic(NicPart::Rate, text("12.5")),
        nic(NicPart::Mtu, Value::Count(1_400)),
        nic(NicPart::LinkDown, Value::Flag(true)),
        nic(NicPart::Mac, text("BC:24:11:AA:BB:CC")),
        vec![
            (EditField::Nic(Some(0), NicPart::Bridge), text("vmbr1")),
            (EditField::Nic(Some(0), NicPart::Vlan), Value::Count(20)),
        ],
        vec![(EditField::NewDisk { storage: None, parts: Vec::new() }, gib(1))],
        vec![(EditField::NewNic { parts: Vec::new() }, text("vmbr0"))],
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_a_vm_is_set_alone_and_stays() {
    let lab = Lab::running().await;
    lab.make("create a vm called all-1 with 1 core, 1 GB memory and a 2 GB disk on local-lvm").await;
    let mut edits = of_both();
    edits.extend([
        plain(Plain::Sockets, Value::Count(2)),
        plain(Plain::Vcpus, Value::Count(1)),
        plain(Plain::CpuType, text("host")),
        plain(Plain::Numa, Value::Flag(true)),
        plain(Plain::Balloon, gib(1)),
        plain(Plain::Balloon, Value::Size(Size::default())),
        plain(Plain::Shares, Value::Count(500)),
        plain(Plain::Machine, text("q35")),
        plain(Plain::Bios, text("ovmf")),
        plain(Plain::EfiDisk, text("local")),
        plain(Plain::Tpm, text("local-lvm")),
        plain(Plain::Tpm, text("local")),
        plain(Plain::OsType, text("win11")),
        plain(Plain::ScsiController, text("virtio-scsi-pci")),
        plain(Plain::Vga, text("virtio")),
        plain(Plain::Serial, Value::Flag(true)),
        plain(Plain::Agent, Value::Flag(true)),
        plain(Plain::Hotplug, set(&["network", "disk", "memory"])),
        plain(Plain::CloudInit, text("local-lvm")),
        plain(Plain::CloudInit, text("local")),
        plain(Plain::CiUser, text("admin")),
        plain(
            Plain::SshKeys,
            text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3bq2uV7zL0m1mJ4m2cNf0zXoWm3b9sQ6bq1Yx8u9wQ me@home"),
        ),
        plain(Plain::CiUpgrade, Value::Flag(false)),
        plain(Plain::Nameserver, text("10.0.0.2 10.0.0.3")),
        plain(Plain::SearchDomain, text("example.org")),
        vec![
            (EditField::Nic(Some(0), NicPart::Ip), text("10.0.0.7/24")),
            (EditField::Nic(Some(0), NicPart::Gateway), text("10.0.0.1")),
        ],
        nic(NicPart::Ip6, text("auto")),
        plain(Plain::BootOrder, text("net0;scsi0")),
        plain(Plain::Cdrom, text("none")),
        disk(DiskPart::Cache, text("writeback")),
        disk(DiskPart::Discard, Value::Flag(true)),
        disk(DiskPart::Ssd, Value::Flag(true)),
        disk(DiskPart::Backup, Value::Flag(false)),
        disk(DiskPart::Storage, text("local")),
        nic(NicPart::Model, text("e1000")),
        nic(NicPart::Queues, Value::Count(4)),
    ]);
    set_each(&lab, "all-1", edits).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_of_a_container_is_set_alone_and_stays() {
    let lab = Lab::running().await;
    lab.make("create a container called all-2 with 1 core, 1 GB memory and a 2 GB disk on local-lvm").await;
    let mut edits = of_both();
    edits.extend([
        plain(Plain::Swap, gib(1)),
        plain(Plain::Nesting, Value::Flag(true)),
        plain(Plain::Timezone, text("Europe/Berlin")),
        plain(Plain::Nameserver, text("10.0.0.2")),
        plain(Plain::SearchDomain, text("example.org")),
        vec![
            (EditField::Nic(Some(0), NicPart::Ip), text("10.0.0.7/24")),
            (EditField::Nic(Some(0), NicPart::Gateway), text("10.0.0.1")),
        ],
        nic(NicPart::Ip6, text("auto")),
        disk(DiskPart::Storage, text("local")),
    ]);
    set_each(&lab, "all-2", edits).await;
}

//! From the core's types to what the outside sees.

use chrono::{DateTime, Utc};
use mycopod_core::drift::Cause;
use mycopod_core::explain::{Tongue, explain};
use mycopod_core::field::{Field, Value};
use mycopod_core::guest::Power;
use mycopod_core::plan::{Change, Effect, Plan, Step, Subject};
use mycopod_core::reading::{
    Amount, Answers, Create, Deed, DiskRef, Edit, EditField, FirewallPart, Fragment, Reading, Selector, Source,
    Sourced, Statement, Target, WantedBacked, WantedFacility, What,
};
use mycopod_core::typed::TypedGuest;
use mycopod_store::drift::Drift;

use crate::view::{
    CauseView, ChangeView, DriftView, FieldView, FragmentView, PlanView, QuestionView, ReadingView, SourceView,
    StatementView, StepFacility, StepGuest, StepView, Summary, TargetView,
};

impl From<&Source> for SourceView {
    fn from(source: &Source) -> Self {
        match source {
            Source::Said(Fragment { start, end, text }) => Self::Said { start: *start, end: *end, text: text.clone() },
            Source::Default { why } => Self::Default { why: why.clone() },
            Source::Inferred { why } => Self::Inferred { why: why.clone() },
            Source::Answered { answer } => Self::Answered { answer: answer.clone() },
            Source::Set { edit, by } => Self::Set { edit: *edit, by: by.clone() },
        }
    }
}

/// The plan of the declaration `content`.
pub(crate) fn plan(plan: &Plan, content: &str) -> PlanView {
    PlanView {
        digest: plan.digest().to_string(),
        summary: plan.summary().into(),
        explanation: explain(plan, Tongue::of(content)).to_string(),
        notes: plan.notes().to_vec(),
        steps: plan.steps().iter().map(StepView::from).collect(),
    }
}

impl From<mycopod_core::plan::Summary> for Summary {
    fn from(summary: mycopod_core::plan::Summary) -> Self {
        Self { create: summary.create, update: summary.update, destroy: summary.destroy }
    }
}

impl From<&Step> for StepView {
    fn from(step: &Step) -> Self {
        Self {
            seq: step.seq,
            action: step.action.name(),
            guest: step.guest().map(|guest| StepGuest {
                kind: guest.kind.as_str(),
                vmid: guest.vmid.get(),
                name: guest.name.clone(),
                node: guest.node.clone(),
            }),
            facility: match &step.subject {
                Subject::Guest { .. } => None,
                Subject::Facility { facility } => Some(StepFacility {
                    kind: facility.noun(),
                    name: facility.name().to_owned(),
                    node: facility.node().map(str::to_owned),
                }),
            },
            effect: effect(step.effect),
            summary: step.summary.clone(),
            changes: step.changes.iter().map(ChangeView::from).collect(),
            collateral: step.collateral.clone(),
        }
    }
}

impl From<&Change> for ChangeView {
    fn from(change: &Change) -> Self {
        let shown = |value: &Option<Value>| value.as_ref().map_or(serde_json::Value::Null, Value::shown);
        Self {
            field: change.field.to_string(),
            label: change.field.label(),
            from: shown(&change.from),
            to: shown(&change.to),
            source: (&change.source).into(),
        }
    }
}

/// A drift, as of now.
pub(crate) fn drift(drift: &Drift, now: DateTime<Utc>) -> DriftView {
    let snoozed = drift.snoozed.as_ref().filter(|(until, _)| *until > now);
    DriftView {
        field: drift.field.to_string(),
        label: drift.field.label(),
        declared: drift.declared.shown(),
        observed: drift.observed.as_ref().map_or(serde_json::Value::Null, Value::shown),
        since: drift.since,
        declaration: drift.declaration.0,
        cause: drift.cause.as_ref().map(|cause| match cause {
            Cause::Task(upid) => CauseView {
                text: format!("by {}, task {}", upid.user(), upid.kind()),
                user: Some(upid.user().to_owned()),
                task: Some(upid.as_str().to_owned()),
            },
            Cause::Unrecorded => CauseView {
                text: "Proxmox shows no task for it: of an edited configuration it keeps no record of who did it"
                    .to_owned(),
                user: None,
                task: None,
            },
        }),
        repairs_undone: drift.looping.then_some(drift.repairs),
        snoozed_until: snoozed.map(|(until, _)| *until),
        snoozed_by: snoozed.map(|(_, by)| by.clone()),
    }
}

const fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Live => "live",
        Effect::Pending => "pending",
        Effect::Reboot => "reboot",
        Effect::Stop => "stop",
        Effect::Destroy => "destroy",
    }
}

/// A guest's power state in the API.
pub(crate) const fn power(power: Power) -> &'static str {
    match power {
        Power::Running => "running",
        Power::Stopped => "stopped",
        Power::Paused => "paused",
        Power::Unknown => "unknown",
    }
}

/// A reading of what was typed with its questions, and the answers given to them.
pub(crate) fn reading(reading: &Reading, answers: &Answers, reader: &str, typed: &str) -> ReadingView {
    let text = reading.reworded.as_deref().unwrap_or(typed);
    ReadingView {
        reader: reader.to_owned(),
        refusal: reading.refusal.clone(),
        reworded: reading.reworded.clone(),
        notes: reading.notes.clone(),
        cluster: reading
            .cluster
            .as_ref()
            .map(|named| TargetView { display: named.value.clone(), source: (&named.source).into() }),
        statements: reading.statements.iter().map(|said| statement(said, text)).collect(),
        questions: reading
            .questions
            .iter()
            .map(|question| QuestionView {
                id: question.id.clone(),
                text: question.text.clone(),
                options: question.options.clone(),
                answer: answers.to(&question.id).map(str::to_owned),
                start: question.span.map(|span| span.start),
                end: question.span.map(|span| span.end),
                edits: question.edits.clone(),
            })
            .collect(),
        unread: fragments(&reading.unread),
        asides: fragments(&reading.asides),
    }
}

fn fragments(fragments: &[Fragment]) -> Vec<FragmentView> {
    fragments
        .iter()
        .map(|Fragment { start, end, text }| FragmentView { start: *start, end: *end, text: text.clone() })
        .collect()
}

fn statement(statement: &Statement, text: &str) -> StatementView {
    let (verb, targets, fields) = match &statement.what {
        What::Create(create) => {
            let name = TargetView { display: create.name.value.clone(), source: (&create.name.source).into() };
            ("create", vec![name], created_fields(create, text))
        }
        What::Change { targets, edits } => {
            ("change", targets.iter().map(|t| target(t, text)).collect(), edit_fields(edits))
        }
        What::Do { targets, deed } => {
            let (verb, fields) = done(deed);
            (verb, targets.iter().map(|t| target(t, text)).collect(), fields)
        }
        What::Clone { from, name, vmid, node, full, edits } => {
            let mut fields = vec![field("name", "New name", name.value.clone(), &name.source)];
            fields.extend(full.iter().map(|full| {
                field("full", "Copy", if full.value { "full" } else { "linked" }.to_owned(), &full.source)
            }));
            fields.extend(vmid.iter().map(|vmid| field("vmid", "VMID", vmid.value.to_string(), &vmid.source)));
            fields.extend(node.iter().map(|node| sourced("node", "Node", node)));
            fields.extend(edit_fields(edits));
            ("clone", vec![target(from, text)], fields)
        }
        What::Facility(wanted) => facility(wanted, text),
        What::Typed(guest) => {
            let name = TargetView { display: guest.name.value.clone(), source: (&guest.name.source).into() };
            ("ensure", vec![name], typed_fields(guest))
        }
    };
    StatementView {
        start: statement.span.start,
        end: statement.span.end,
        text: statement.span.of(text),
        verb,
        targets,
        fields,
    }
}

/// What was asked for around the guests.
fn facility(wanted: &WantedFacility, text: &str) -> (&'static str, Vec<TargetView>, Vec<FieldView>) {
    let named =
        |name: &Sourced<String>| vec![TargetView { display: name.value.clone(), source: (&name.source).into() }];
    let part = |key: &str, label: &str, said: &Option<Sourced<String>>| {
        said.iter().map(|said| sourced(key, label, said)).collect::<Vec<_>>()
    };
    let guests = |targets: &[Target]| targets.iter().map(|t| target(t, text)).collect::<Vec<_>>();
    match wanted {
        WantedFacility::MakePool { name, comment, members } => {
            let mut targets = named(name);
            targets.extend(guests(members));
            ("make_pool", targets, part("comment", "Comment", comment))
        }
        WantedFacility::DeletePool { name } => ("delete_pool", named(name), Vec::new()),
        WantedFacility::Download { url, storage, node, file, checksum } => {
            let mut fields = part("file", "File name", file);
            fields.extend(part("storage", "Storage", storage));
            fields.extend(part("node", "Node", node));
            fields.extend(part("checksum", "Checksum", checksum));
            ("download", named(url), fields)
        }
        WantedFacility::DeleteFile { volume } => ("delete_file", named(volume), Vec::new()),
        WantedFacility::MakeBackupJob { guests: backed, schedule, storage, mode, keep } => {
            let mut fields = vec![sourced("schedule", "Schedule", schedule)];
            let targets = match backed {
                WantedBacked::Guests(targets) => guests(targets),
                WantedBacked::Pool(pool) => {
                    fields.push(sourced("pool", "Guests of pool", pool));
                    Vec::new()
                }
                WantedBacked::All(but) => {
                    let all = "all guests".to_owned();
                    fields.push(field("guests", "Guests", all, &Source::inferred("no single ones are named")));
                    let but = guests(but).into_iter();
                    fields.extend(but.map(|but| FieldView {
                        field: "exclude".into(),
                        label: "But".into(),
                        value: but.display,
                        source: but.source,
                        set: Vec::new(),
                    }));
                    Vec::new()
                }
            };
            fields.extend(part("storage", "Storage", storage));
            fields.extend(part("mode", "Mode", mode));
            fields.extend(keep.iter().map(|(rule, count)| sourced(rule, rule, count)));
            ("make_backup_job", targets, fields)
        }
        WantedFacility::DeleteBackupJob { id } => ("delete_backup_job", named(id), Vec::new()),
    }
}

/// A deed's verb, and what was said of it.
fn done(deed: &Deed) -> (&'static str, Vec<FieldView>) {
    let disk =
        |disk: &DiskRef| vec![field("disk", "Disk", disk_name(disk), &Source::inferred("the disk that is meant"))];
    let named = |key: &str, label: &str, said: &Option<Sourced<String>>| {
        said.iter().map(|said| sourced(key, label, said)).collect::<Vec<_>>()
    };
    match deed {
        Deed::Start => ("start", Vec::new()),
        Deed::Shutdown { within } => {
            ("shutdown", within.iter().map(|within| sourced("within", "Within seconds", within)).collect())
        }
        Deed::Stop => ("stop", Vec::new()),
        Deed::Reboot => ("reboot", Vec::new()),
        Deed::Suspend => ("suspend", Vec::new()),
        Deed::Resume => ("resume", Vec::new()),
        Deed::Delete => ("delete", Vec::new()),
        Deed::Adopt => ("adopt", Vec::new()),
        Deed::Snapshot { name } => ("snapshot", named("snapshot", "Snapshot", name)),
        Deed::Rollback { snapshot } => ("rollback", named("snapshot", "Snapshot", snapshot)),
        Deed::DeleteSnapshot { snapshot } => ("delete_snapshot", named("snapshot", "Snapshot", snapshot)),
        Deed::Backup { storage, mode } => {
            let mut fields = named("storage", "Storage", storage);
            fields.extend(named("mode", "Mode", mode));
            ("backup", fields)
        }
        Deed::Restore { backup } => ("restore", named("backup", "Backup", backup)),
        Deed::MakeTemplate => ("make_template", Vec::new()),
        Deed::Migrate { node, storage, from, offline } => {
            let mut fields = vec![sourced("node", "Node", node)];
            fields.extend(named("storage", "Storage", storage));
            fields.extend(named("from", "From node", from));
            if *offline {
                fields.push(field("offline", "While off", "yes".to_owned(), &node.source));
            }
            ("migrate", fields)
        }
        Deed::Detach(meant) => ("detach", disk(meant)),
        Deed::DestroyDisk(meant) => ("destroy_disk", disk(meant)),
        Deed::RemoveNic(number) => {
            let meant = number.map_or_else(|| "the only one".to_owned(), |number| number.to_string());
            ("remove_nic", vec![field("nic", "NIC", meant, &Source::inferred("the NIC that is meant"))])
        }
    }
}

/// The disk that is meant, as a field's key has it.
fn disk_name(disk: &DiskRef) -> String {
    match disk {
        DiskRef::Only => "the only one".to_owned(),
        DiskRef::Data => "data".to_owned(),
        DiskRef::Nth(n) => n.to_string(),
        DiskRef::Slot(slot) => slot.to_string(),
        DiskRef::Sized(size) => format!("of {size}"),
        DiskRef::Every(None) => "every one".to_owned(),
        DiskRef::Every(Some(count)) => format!("each of {count}"),
    }
}

fn target(target: &Target, text: &str) -> TargetView {
    let display = match &target.selector {
        Selector::Name(name) => name.clone(),
        Selector::Vmid(vmid) => format!("guest {vmid}"),
        Selector::All(fit) => fit.to_string(),
        Selector::Vague(words) => format!("“{words}”"),
    };
    TargetView { display, source: (&Source::said(target.span, text)).into() }
}

fn field(key: &str, label: &str, value: String, source: &Source) -> FieldView {
    FieldView { field: key.to_owned(), label: label.to_owned(), value, source: source.into(), set: Vec::new() }
}

fn sourced(key: &str, label: &str, value: &Sourced<impl ToString>) -> FieldView {
    field(key, label, value.value.to_string(), &value.source)
}

fn created_fields(create: &Create, text: &str) -> Vec<FieldView> {
    let mut fields = vec![field("kind", "Kind", create.kind.value.noun().to_owned(), &create.kind.source)];
    fields.extend(create.vmid.iter().map(|vmid| sourced("vmid", "VMID", vmid)));
    fields.extend(create.like.iter().map(|like| {
        let named = target(like, text);
        FieldView {
            field: "like".to_owned(),
            label: "Same as".to_owned(),
            value: named.display,
            source: named.source,
            set: Vec::new(),
        }
    }));
    fields.extend(create.image.iter().map(|image| sourced("image", "Made from", image)));
    fields.extend(create.node.iter().map(|node| sourced("node", "Node", node)));
    fields.extend(create.plain.iter().map(|(plain, value)| sourced(plain.as_str(), plain.label(), value)));
    for (n, disk) in create.disks.iter().enumerate() {
        let n = n + 1;
        fields.push(sourced(&format!("disk.{n}.size"), &format!("Disk {n} size"), &disk.size));
        fields.extend(
            disk.storage.iter().map(|s| sourced(&format!("disk.{n}.storage"), &format!("Disk {n} storage"), s)),
        );
        fields.extend(disk.parts.iter().map(|(part, value)| {
            sourced(&format!("disk.{n}.{}", part.as_str()), &format!("Disk {n} {}", part.label()), value)
        }));
    }
    for (n, nic) in create.nics.iter().enumerate() {
        let n = u8::try_from(n).unwrap_or(u8::MAX);
        fields.extend(nic.parts.iter().map(|(part, value)| {
            let part = Field::Nic(n, *part);
            sourced(&part.to_string(), &part.label(), value)
        }));
    }
    fields
}

fn typed_fields(guest: &TypedGuest) -> Vec<FieldView> {
    let mut fields = vec![field("kind", "Kind", guest.kind.value.noun().to_owned(), &guest.kind.source)];
    fields.extend(guest.vmid.iter().map(|vmid| sourced("vmid", "VMID", vmid)));
    fields.extend(guest.node.iter().map(|node| sourced("node", "Node", node)));
    fields.extend(guest.image.iter().map(|image| sourced("image", "Made from", image)));
    fields.extend(
        guest
            .adopt
            .iter()
            .filter(|adopt| adopt.value)
            .map(|adopt| field("adopt", "Take over", "yes".to_owned(), &adopt.source)),
    );
    fields.extend(guest.fields.iter().map(|(key, said)| sourced(&key.to_string(), &key.label(), said)));
    fields.extend(guest.rules.iter().map(|rule| sourced("firewall.rules", "Firewall rule", rule)));
    fields
}

fn edit_fields(edits: &[Edit]) -> Vec<FieldView> {
    edits
        .iter()
        .map(|edit| {
            let (key, label) = match &edit.field {
                EditField::Plain(plain) => (plain.as_str().to_owned(), plain.label().to_owned()),
                EditField::Disk(DiskRef::Only, part) => {
                    (format!("disk.{}", part.as_str()), format!("Disk {}", part.label()))
                }
                EditField::Disk(disk, part) => {
                    let name = disk_name(disk);
                    (format!("disk.{name}.{}", part.as_str()), format!("Disk {name} {}", part.label()))
                }
                EditField::NewDisk { storage, .. } => (
                    "disk.new".into(),
                    storage.as_ref().map_or("New disk".into(), |storage| format!("New disk on {}", storage.value)),
                ),
                EditField::NewNic { .. } => ("nic.new".into(), "New NIC on".into()),
                EditField::Firewall(part) => firewall_field(part),
                EditField::EachNic(_, part) => {
                    (format!("nic.every.{}", part.as_str()), format!("Every NIC {}", part.label()))
                }
                EditField::Nic(None, part) => (format!("nic.{}", part.as_str()), format!("NIC {}", part.label())),
                EditField::Nic(Some(n), part) => {
                    let field = Field::Nic(*n, *part);
                    (field.to_string(), field.label())
                }
            };
            field(&key, &label, amount(&edit.amount), &edit.source)
        })
        .collect()
}

fn firewall_field(part: &FirewallPart) -> (String, String) {
    match part {
        FirewallPart::Option(option) => {
            let field = Field::from(*option);
            (field.to_string(), field.label())
        }
        FirewallPart::Rule => ("firewall.rule".to_owned(), "Firewall rule".to_owned()),
        FirewallPart::IpSet(name) => (format!("firewall.ipset.{name}"), format!("IP set {name}")),
        FirewallPart::Alias(name) => (format!("firewall.alias.{name}"), format!("Firewall alias {name}")),
    }
}

fn amount(amount: &Amount) -> String {
    match amount {
        Amount::To(value) | Amount::UpTo(value) | Amount::DownTo(value) => value.to_string(),
        Amount::Plus(value) => format!("+ {value}"),
        Amount::Minus(value) => format!("− {value}"),
        Amount::Times(times) => format!("× {times}"),
        Amount::FromTo(from, to) => format!("{from} → {to}"),
        Amount::Over(divisor) => format!("÷ {divisor}"),
        Amount::PerCent(per_cent) => format!("× {per_cent} %"),
    }
}

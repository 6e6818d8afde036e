//! An intent as a form shows it: each field of each guest, what else could be set, and what was.

use std::collections::{BTreeMap, BTreeSet};

use mycopod_core::field::{DiskPart, Field, NicPart, Plain, Slot, Value};
use mycopod_core::guest::Kind;
use mycopod_core::id::{DeclarationId, ResourceId};
use mycopod_core::intent::{Intent, Wish};
use mycopod_core::observed::{Sighting, Volume};
use mycopod_core::reading::{FormEdit, FormField, FormGuest, Selector, Source, Sourced, Statement, What, settable};
use mycopod_core::resolve::{Origins, content_for, further, template_of};
use mycopod_core::typed::{self, schema};
use mycopod_store::declarations::Read;
use serde_json::json;

use crate::declare::visible;
use crate::edit::{held, is_system, wish_of};
use crate::view::{EditView, FieldView, IntentField, IntentGuest, ReadingView, SetView, SettableField, SourceView};
use crate::{Actor, Engine, Refusal};

impl Engine {
    /// The fields that can be set in a form of a guest of a declaration, and of which it says nothing yet; of a guest that
    /// exists with what they are by the newest look. A further disk or NIC is set as a whole. The node, the image, what
    /// a disk is imported from and what is in the CD drive are among them also where they are said: what there is to choose
    /// from is seen on the cluster.
    pub async fn settable(&self, actor: &Actor, id: DeclarationId, guest: &str) -> Result<Vec<SettableField>, Refusal> {
        let (cluster, read) = {
            let mut connection = self.pool().acquire().await?;
            let declaration = visible(&mut connection, actor, id).await?;
            (declaration.line.cluster, declaration.read)
        };
        let intent = read.as_ref().and_then(|read| read.intent.as_ref());
        let is_of_guest = |wish: &&Wish| id_of(wish).is_some_and(|id| id.to_string() == guest);
        let wishes: Vec<Wish> =
            intent.map(|intent| intent.wishes.iter().filter(is_of_guest).cloned().collect()).unwrap_or_default();
        let Some(first) = wishes.first() else {
            return Err(Refusal::NotFound(format!(
                "This declaration has no guest {guest} now whose fields can be set."
            )));
        };
        let observed = self.cluster_of(cluster).await?.newest(self.clock().now()).await?;
        let (kind, seen, node, template) = match first {
            Wish::Exist(new) => {
                let template = new.origin.as_ref().and_then(|origin| template_of(&observed, &origin.value.at));
                (new.kind.value, None, new.node.as_ref().map(|node| node.value.as_str()), template)
            }
            Wish::Hold { guest, .. } => (guest.kind, observed.guest(guest.key()), Some(guest.node.as_str()), None),
            Wish::Once { .. } | Wish::Facility { .. } => return Ok(Vec::new()),
        };
        let exists = matches!(first, Wish::Hold { .. });
        let (disks, nics) = (disks(&wishes, seen), nics(&wishes, seen));
        let fields = settable(kind, exists, &disks, &nics);
        let is_said = |field: &FormField| wishes.iter().any(|wish| held(wish, field).is_some());
        let further = further(kind, seen.or(template), &disks, &nics);
        // The disk of a template is not made from anything else.
        let is_of_template = |slot: &Slot| template.is_some_and(|seen| seen.disks().any(|has| has == slot));
        let is_fixed = |field: &FormField| matches!(field, FormField::Field(Field::Disk(slot, DiskPart::Import)) if is_of_template(slot));
        let offered = fields.into_iter().filter(|field| !is_fixed(field) && (is_chosen(field) || !is_said(field)));
        let offered = offered.chain(further);
        let is_copy = |resource| {
            let making = read.as_ref().and_then(|read| read.reading.making(id, resource));
            matches!(making, Some(What::Clone { .. }))
        };
        let is_copy = matches!(first, Wish::Exist(new) if is_copy(new.resource));
        let origins = Origins { observed: &observed, kind, is_copy };
        let field = |field: FormField| {
            let said = wishes.iter().find_map(|wish| held(wish, &field)).map(|said| said.value);
            settable_field(&field, node, seen, said.as_ref(), &origins)
        };
        Ok(offered.map(field).collect())
    }
}

/// Whether what it can be is seen on the cluster.
const fn is_chosen(field: &FormField) -> bool {
    use FormField::{Image, Node};
    matches!(field, Node | Image | FormField::Field(Field::Plain(Plain::Cdrom) | Field::Disk(_, DiskPart::Import)))
}

/// The disks of a guest, those that the wishes give it among them.
fn disks(wishes: &[Wish], seen: Option<&Sighting>) -> Vec<Slot> {
    let mut slots: Vec<Slot> = seen.map(|seen| seen.disks().cloned().collect()).unwrap_or_default();
    for wish in wishes {
        let (made, fields) = match wish {
            Wish::Exist(new) => (new.disks.as_slice(), &new.fields),
            Wish::Hold { fields, .. } => (&[][..], fields),
            Wish::Once { .. } | Wish::Facility { .. } => continue,
        };
        slots.extend(made.iter().cloned());
        slots.extend(fields.keys().filter_map(|field| match field {
            Field::Disk(slot, _) => Some(slot.clone()),
            Field::Plain(_) | Field::Nic(..) | Field::Firewall(_) => None,
        }));
    }
    slots.sort();
    slots.dedup();
    slots
}

/// The NICs of a guest, those that the wishes give it among them.
fn nics(wishes: &[Wish], seen: Option<&Sighting>) -> Vec<u8> {
    let of_wishes = wishes.iter().flat_map(|wish| match wish {
        Wish::Exist(new) => new.fields.keys().collect(),
        Wish::Hold { fields, .. } => fields.keys().collect(),
        Wish::Once { .. } | Wish::Facility { .. } => Vec::new(),
    });
    let fields = seen.into_iter().flat_map(|seen| seen.fields.keys()).chain(of_wishes);
    let mut nics: Vec<u8> = fields
        .filter_map(|field| match field {
            Field::Nic(number, _) => Some(*number),
            Field::Plain(_) | Field::Disk(..) | Field::Firewall(_) => None,
        })
        .collect();
    nics.sort_unstable();
    nics.dedup();
    nics
}

/// `node` is the guest’s; a guest to be made may be put on any. `said` is what is declared of the field, and `origins` what
/// the guest could be made from.
fn settable_field(
    field: &FormField,
    node: Option<&str>,
    seen: Option<&Sighting>,
    said: Option<&Value>,
    origins: &Origins<'_>,
) -> SettableField {
    let (observed, kind) = (origins.observed, origins.kind);
    let mut schema = schema::of_form(field, Some(kind));
    let nodes = || observed.seen_nodes().filter(|(name, _)| node.is_none_or(|node| node == *name));
    let files = |content: &str| -> BTreeSet<&str> {
        let is_near = |volume: &&Volume| nodes().any(|(node, _)| *node == volume.node);
        let files = observed.volumes.iter().filter(|volume| volume.content == content).filter(is_near);
        files.map(|volume| volume.volume.as_str()).collect()
    };
    let mut choose = |at: &str, names: BTreeSet<&str>| {
        if let Some(schema) =
            schema.pointer_mut(at).and_then(serde_json::Value::as_object_mut).filter(|_| !names.is_empty())
        {
            schema.insert("enum".to_owned(), json!(names));
        }
    };
    match field {
        FormField::Image => {
            let names = origins.names();
            // A VM may start from an empty disk.
            let bare = (kind == Kind::Qemu && !origins.is_copy).then_some("");
            choose("", names.iter().map(String::as_str).chain(bare).collect());
        }
        FormField::Node => choose("", observed.seen_nodes().map(|(name, _)| name.as_str()).collect()),
        FormField::Disk(_) => {
            let storages = nodes().flat_map(|(_, node)| &node.storages);
            let takes_it = storages.filter(|(_, storage)| storage.content.contains(content_for(kind)));
            choose("/properties/storage", takes_it.map(|(name, _)| name.as_str()).collect());
            choose("/properties/import", files("import"));
        }
        FormField::Nic(_) => {
            choose(
                "/properties/bridge",
                nodes().flat_map(|(_, node)| node.bridges.keys()).map(String::as_str).collect(),
            );
        }
        FormField::Field(Field::Disk(_, DiskPart::Import)) => choose("", files("import")),
        // An empty drive, or none.
        FormField::Field(Field::Plain(Plain::Cdrom)) => choose("", &files("iso") | &["none", ""].into()),
        FormField::Field(_) | FormField::Kind | FormField::Vmid => {}
    }
    let is = match (field, seen) {
        (_, None) => said.map(|said| typed::given_in_form(field, said, &BTreeMap::new())),
        // What Proxmox does not give back is not known.
        (FormField::Field(field), Some(seen)) if !field.is_of_making(kind) => {
            seen.get(field).map(|value| typed::given(field, value))
        }
        _ => None,
    };
    SettableField { field: field.to_string(), label: field.label(), value: is.unwrap_or_default(), schema }
}

fn id_of(wish: &Wish) -> Option<FormGuest> {
    match wish {
        Wish::Exist(new) => Some(FormGuest::New(new.resource)),
        Wish::Hold { guest, .. } => Some(FormGuest::Seen(guest.vmid)),
        Wish::Once { .. } | Wish::Facility { .. } => None,
    }
}

/// An intent, guest by guest and field by field. Deeds and what stands around the guests have no fields.
pub(crate) fn intent(intent: &Intent) -> Vec<IntentGuest> {
    let mut guests: Vec<IntentGuest> = Vec::new();
    for wish in &intent.wishes {
        let Some(guest) = intent_guest(wish) else { continue };
        // Before and after a deed other things may be wished of one guest.
        match guests.iter_mut().find(|known| known.id == guest.id) {
            Some(known) => known.fields.extend(guest.fields),
            None => guests.push(guest),
        }
    }
    guests
}

fn intent_guest(wish: &Wish) -> Option<IntentGuest> {
    let id = id_of(wish)?.to_string();
    Some(match wish {
        Wish::Exist(new) => {
            let of_making = [FormField::Kind, FormField::Image, FormField::Node, FormField::Vmid];
            let first = std::iter::once(FormField::Field(Plain::Name.into())).chain(of_making);
            let first = first.filter_map(|field| Some(form_field(wish, &field, &held(wish, &field)?)));
            let fields = new.fields.iter().map(|(field, said)| intent_field(wish, field, said));
            IntentGuest {
                id,
                name: new.name.value.to_string(),
                kind: new.kind.value.as_str(),
                exists: false,
                vmid: new.vmid.as_ref().map(|vmid| vmid.value.get()),
                node: new.node.as_ref().map(|node| node.value.clone()),
                fields: first.chain(fields).collect(),
            }
        }
        Wish::Hold { guest, fields } => IntentGuest {
            id,
            name: guest.name.clone(),
            kind: guest.kind.as_str(),
            exists: true,
            vmid: Some(guest.vmid.get()),
            node: Some(guest.node.clone()),
            fields: fields.iter().map(|(field, said)| intent_field(wish, field, said)).collect(),
        },
        Wish::Once { .. } | Wish::Facility { .. } => return None,
    })
}

fn intent_field(wish: &Wish, field: &Field, said: &Sourced<Value>) -> IntentField {
    form_field(wish, &FormField::Field(field.clone()), said)
}

fn form_field(wish: &Wish, field: &FormField, said: &Sourced<Value>) -> IntentField {
    let whole = match field {
        FormField::Field(Field::Disk(slot, DiskPart::Size)) => Some(FormField::Disk(slot.clone())),
        FormField::Field(Field::Nic(number, NicPart::Bridge)) => Some(FormField::Nic(*number)),
        _ => None,
    };
    IntentField {
        field: field.to_string(),
        label: field.label(),
        value: typed::given_in_form(field, &said.value, &BTreeMap::new()),
        source: (&said.source).into(),
        schema: schema_of(field),
        whole: whole.filter(|whole| !is_system(wish, whole)).map(|whole| whole.to_string()),
    }
}

fn schema_of(field: &FormField) -> Option<serde_json::Value> {
    let is_written = !matches!(field, FormField::Field(field) if !typed::is_written(field));
    is_written.then(|| schema::of_form(field, None))
}

/// What was set in a form, with how it stands.
pub(crate) fn edits(read: &Read) -> Vec<EditView> {
    let view = |(number, edit): (usize, &FormEdit)| EditView {
        number,
        guest: edit.guest.to_string(),
        guest_name: edit.name.clone(),
        field: edit.field.to_string(),
        label: edit.field.label(),
        from: edit
            .from
            .as_ref()
            .map_or(serde_json::Value::Null, |from| typed::given_in_form(&edit.field, from, &BTreeMap::new())),
        to: if edit.leaves_out() {
            serde_json::Value::Null
        } else {
            typed::given_in_form(&edit.field, &edit.to, &edit.parts)
        },
        by: edit.by.clone(),
        at: edit.at,
        state: state(number, edit, read),
        taken_back_by: edit.taken_back.as_ref().map(|taken_back| taken_back.by.clone()),
        taken_back_at: edit.taken_back.as_ref().map(|taken_back| taken_back.at),
        schema: schema_of(&edit.field),
    };
    (1..).zip(&read.reading.edits).map(view).collect()
}

/// How an edit stands, in a word of [`EditView::state`].
fn state(number: usize, edit: &FormEdit, read: &Read) -> &'static str {
    if edit.taken_back.is_some() {
        return "taken_back";
    }
    if FormEdit::standing(&read.reading.edits).all(|(standing, _)| standing != number) {
        return "replaced";
    }
    let Some(intent) = &read.intent else { return "waits" };
    let said = wish_of(intent, edit.guest, &edit.field).and_then(|wish| held(wish, &edit.field));
    // Proxmox may write the same value otherwise, such as a tag in lower case. A disk that was added is there by that edit
    // also where its size was set anew.
    let holds = match said {
        Some(said) => match said.source {
            Source::Set { edit: by, .. } => by == number || edit.adds(),
            _ => said.value == edit.to,
        },
        None => edit.leaves_out(),
    };
    if holds { "holds" } else { "answered" }
}

/// Says in a reading what was set in a form instead of what it has, or besides.
pub(crate) fn with_edits(mut view: ReadingView, id: DeclarationId, read: &Read) -> ReadingView {
    for (number, edit) in FormEdit::standing(&read.reading.edits) {
        if !matches!(state(number, edit, read), "holds" | "waits") {
            continue;
        }
        let set = SetView { edit: number, guest_name: edit.name.clone(), value: edit.said() };
        let statements = || read.reading.statements.iter().enumerate();
        let place = statements().find_map(|(at, statement)| {
            let fields = &view.statements.get(at)?.fields;
            Some((at, row(edit, statement, at, id, fields)?))
        });
        if let Some(field) = place.and_then(|(at, row)| view.statements.get_mut(at)?.fields.get_mut(row)) {
            field.set.push(set);
        } else if let Some(about) = statements()
            .find(|(at, statement)| is_about(edit, statement, *at, id))
            .and_then(|(at, _)| view.statements.get_mut(at))
        {
            about.fields.push(FieldView {
                field: edit.field.to_string(),
                label: edit.field.label(),
                value: set.value,
                source: SourceView::Set { edit: number, by: edit.by.clone() },
                set: Vec::new(),
            });
        }
    }
    view
}

/// The field of a statement in whose place the edit stands: the one that the same words say.
fn row(edit: &FormEdit, statement: &Statement, at: usize, id: DeclarationId, fields: &[FieldView]) -> Option<usize> {
    let over = edit.over.as_ref().and_then(Source::span)?;
    let could_be = match edit.guest {
        FormGuest::New(_) => is_about(edit, statement, at, id),
        FormGuest::Seen(_) => true,
    };
    let says = |field: &FieldView| match &field.source {
        SourceView::Said { start, end, .. } => (*start, *end) == (over.start, over.end),
        _ => false,
    };
    // Where the same words say several fields, it is the one of the same sort.
    let sort = |key: &str| key.rsplit('.').next().map(str::to_owned);
    let own = edit.field.key().map_or_else(|| edit.field.to_string(), |key| key.to_string());
    let is_alike = |field: &FieldView| sort(&field.field) == sort(&own);
    let found = fields.iter().position(|field| says(field) && is_alike(field));
    found.or_else(|| fields.iter().position(says)).filter(|_| could_be)
}

/// Whether a statement makes or names the guest of the edit.
fn is_about(edit: &FormEdit, statement: &Statement, at: usize, id: DeclarationId) -> bool {
    match (edit.guest, &statement.what) {
        (FormGuest::New(resource), What::Create(_) | What::Clone { .. } | What::Typed(_)) => {
            resource == ResourceId::nth_of(id, at)
        }
        (FormGuest::Seen(vmid), What::Change { targets, .. }) => targets.iter().any(|target| match &target.selector {
            Selector::Name(name) => *name == edit.name,
            Selector::Vmid(number) => *number == vmid.get(),
            Selector::All(_) | Selector::Vague(_) => false,
        }),
        (FormGuest::Seen(_), What::Typed(guest)) => guest.name.value == edit.name,
        _ => false,
    }
}

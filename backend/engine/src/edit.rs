//! Setting a field in a form, after a declaration was read: it becomes part of its record, and of the next plan.

use std::collections::BTreeMap;
use std::sync::Arc;

use mycopod_core::field::{Field, Plain, Value};
use mycopod_core::guest::Kind as GuestKind;
use mycopod_core::id::DeclarationId;
use mycopod_core::intent::{Intent, Wish};
use mycopod_core::observed::Observed;
use mycopod_core::reading::{
    Answers, Foreign, FormEdit, FormField, FormGuest, Question, Reading, Source, Sourced, TakenBack, What,
};
use mycopod_core::resolve::{Origins, because_of, resolve, suspects};
use mycopod_core::status::DeclarationStatus;
use mycopod_core::typed::{self, Misfit};
use mycopod_store::audit::Kind;
use mycopod_store::declarations::{self, Declaration, Read};
use mycopod_store::{answers, reconciliations, resources};
use serde_json::json;
use sqlx::PgConnection;

use crate::audit::Entry;
use crate::clusters::Cluster;
use crate::declare::{changed, may_declare, visible, words};
use crate::{Actor, Engine, Refusal};

/// The most edits of one declaration, those that were taken back among them: who has more to say says it anew.
const MAX_EDITS: usize = 200;
/// Without as many of the newest edits, one at a time, it is tried whether a question would be asked: each takes a plan.
const MAX_TRIED: usize = 8;

impl Engine {
    /// Sets a field of a guest of a declaration of which nothing was carried out; it is planned again with it. `guest` and
    /// `field` are as its intent names them, and the value is as an intent file has it, or with a unit as people write it.
    /// While a question is open there is no intent, and only what was set before can be set anew.
    pub async fn edit(
        &self,
        actor: &Actor,
        id: DeclarationId,
        guest: &str,
        field: &str,
        value: &serde_json::Value,
    ) -> Result<(), Refusal> {
        let invalid = |at: &str, why: String| Refusal::Field {
            field: at.to_owned(),
            why: format!("{why}. Nothing was changed."),
        };
        let guest: FormGuest =
            guest.parse().map_err(|why| invalid("guest", format!("“{guest}” is no guest here: {why}")))?;
        let field: FormField = field.parse().map_err(|why| invalid("field", format!("{why}")))?;
        let (to, parts) = value_of(&field, value).map_err(|Misfit { part, why }| match part {
            Some(part) => invalid(&format!("value.{part}"), format!("“{} {part}” does not fit: {why}", field.label())),
            None => invalid("value", format!("“{}” does not fit: {why}", field.label())),
        })?;
        let (by, at) = (actor.email.clone(), self.clock().now());
        let mut edit =
            FormEdit { guest, name: String::new(), field, from: None, over: None, to, parts, by, at, taken_back: None };
        if let (FormField::Kind | FormField::Image, FormGuest::Seen(_)) = (&edit.field, guest) {
            let why = "A guest that exists stays what it was made as. Declare a new one that is otherwise";
            return Err(invalid("field", why.to_owned()));
        }
        let observed = match edit.field {
            FormField::Image => Some(self.newest_for(actor, id).await?),
            _ => None,
        };
        let mut transaction = self.pool().begin().await?;
        let mut read = editable(&mut transaction, actor, id).await?;
        begins(&read, id, &edit, observed.as_deref()).map_err(|why| invalid("value", why))?;
        let edits = &read.reading.edits;
        let before = if let Some(intent) = &read.intent {
            let none = format!("This declaration has no {} of a guest {guest}, or none that can be set", edit.field);
            let wish = wish_of(intent, guest, &edit.field).ok_or_else(|| invalid("field", none))?;
            fits(wish, &edit).map_err(|(at, why)| invalid(&at, why))?;
            edit.name = name_of(wish);
            held(wish, &edit.field)
        } else {
            let is_it = |before: &FormEdit| before.guest == guest && before.field == edit.field;
            let Some((number, before)) = FormEdit::standing(edits).find(|(_, before)| is_it(before)) else {
                return Err(Refusal::Conflict(
                    "While a question is open, only what was set in the form can be set anew. Nothing was changed; answer \
                     the question, or take back what it comes from."
                        .into(),
                ));
            };
            edit.name.clone_from(&before.name);
            Some(Sourced::new(before.to.clone(), set_by(number, before)))
        };
        let is_so = match &before {
            Some(before) => before.value == edit.to && !edit.field.is_whole(),
            None => edit.leaves_out(),
        };
        if is_so {
            return Err(Refusal::Conflict(format!(
                "“{}” is {} already. Nothing was changed.",
                edit.field.label(),
                edit.said()
            )));
        }
        if edits.len() >= MAX_EDITS {
            return Err(Refusal::Conflict(format!("It was edited {MAX_EDITS} times. Declare it anew.")));
        }
        edit.over = match before.as_ref().map(|before| before.source.clone()) {
            Some(Source::Set { edit, .. }) => {
                edit.checked_sub(1).and_then(|at| edits.get(at)).and_then(|edit| edit.over.clone())
            }
            over => over,
        };
        edit.from = before.map(|before| before.value);
        let mut details = json!({ "guest": guest, "field": edit.field, "from": edit.from, "to": edit.to });
        if !edit.parts.is_empty() {
            details["parts"] = json!(edit.parts);
        }
        choose_anew(&mut transaction, id, &edit.field).await?;
        read.reading.edits.push(edit);
        self.read_anew(transaction, actor, id, read, Kind::DeclarationEdited, details).await
    }

    /// Takes an edit back, by its number; the declaration is planned again without it. With a disk or NIC goes what was set
    /// of its parts. The record keeps that it was made, and answers to what was asked because of it hold no more.
    pub async fn take_back(&self, actor: &Actor, id: DeclarationId, number: usize) -> Result<(), Refusal> {
        let mut transaction = self.pool().begin().await?;
        let mut read = editable(&mut transaction, actor, id).await?;
        let Some(edit) = number.checked_sub(1).and_then(|at| read.reading.edits.get(at)) else {
            return Err(Refusal::NotFound(format!("Nothing was set in a form under the number {number}.")));
        };
        if let Some(taken_back) = &edit.taken_back {
            return Err(Refusal::Conflict(format!("It was taken back already, by {}.", taken_back.by)));
        }
        let gone = FormEdit::with(number, &read.reading.edits);
        let mut details = json!({ "edit": number, "guest": edit.guest, "field": edit.field, "to": edit.to });
        if gone.len() > 1 {
            details["edits"] = json!(gone);
        }
        choose_anew(&mut transaction, id, &edit.field).await?;
        let taken_back = TakenBack { by: actor.email.clone(), at: self.clock().now() };
        for (_, edit) in (1..).zip(&mut read.reading.edits).filter(|(number, _)| gone.contains(number)) {
            edit.taken_back = Some(taken_back.clone());
        }
        let comes_from = |question: &&Question| question.edits.iter().any(|edit| gone.contains(edit));
        let asked = read.reading.questions.iter().filter(comes_from);
        let asked: Vec<String> = asked.map(|question| question.id.clone()).collect();
        answers::withdraw(&mut transaction, id, &asked).await?;
        self.read_anew(transaction, actor, id, read, Kind::DeclarationEditTakenBack, details).await
    }

    /// The newest look at the cluster of a declaration.
    async fn newest_for(&self, actor: &Actor, id: DeclarationId) -> Result<Arc<Observed>, Refusal> {
        let cluster = {
            let mut connection = self.pool().acquire().await?;
            visible(&mut connection, actor, id).await?.line.cluster
        };
        Ok(self.cluster_of(cluster).await?.newest(self.clock().now()).await?)
    }

    /// Keeps what was edited, and has the declaration resolved and planned anew: no intent holds until then.
    async fn read_anew(
        &self,
        mut transaction: sqlx::Transaction<'_, sqlx::Postgres>,
        actor: &Actor,
        id: DeclarationId,
        read: Read,
        kind: Kind,
        details: serde_json::Value,
    ) -> Result<(), Refusal> {
        let status = DeclarationStatus::Reading;
        declarations::save_reading(&mut transaction, id, &Read { intent: None, ..read }).await?;
        declarations::move_to(&mut transaction, id, status, None, self.clock().now()).await.map_err(changed)?;
        let entry = Entry {
            actor: actor.into(),
            kind,
            subject: format!("declaration {id}"),
            status: status.to_string(),
            declaration: id,
            details,
        };
        self.enter(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.ring();
        Ok(())
    }

    /// The open questions, of which those that would not be asked without what was set in the form say what they come
    /// from.
    pub(crate) async fn because_of_edits(
        &self,
        cluster: &Cluster,
        declaration: &Declaration,
        reading: &Reading,
        observed: &Observed,
        given: &Answers,
        open: Vec<Question>,
    ) -> Result<Vec<Question>, Refusal> {
        let is_said = open.iter().all(|question| !question.edits.is_empty());
        let standing: Vec<usize> = FormEdit::standing(&reading.edits).map(|(number, _)| number).collect();
        if is_said || standing.is_empty() {
            return Ok(open);
        }
        let asked = async |numbers: &[usize]| {
            let mut without = reading.clone();
            for (number, edit) in (1..).zip(&mut without.edits) {
                if numbers.contains(&number) {
                    edit.taken_back = Some(TakenBack { by: edit.by.clone(), at: edit.at });
                }
            }
            self.asked(cluster, declaration, &without, observed, given).await
        };
        let every: Vec<usize> = (1..=reading.edits.len()).collect();
        let without_any = asked(&every).await?;
        let mut without_one = Vec::new();
        for number in standing.iter().rev().take(MAX_TRIED).filter(|_| standing.len() > 1) {
            without_one.push((*number, asked(&[*number]).await?));
        }
        let has = |asked: &[Question], question: &Question| asked.iter().any(|other| other.id == question.id);
        let say = |question: Question| {
            if !question.edits.is_empty() || has(&without_any, &question) {
                return question;
            }
            let mut numbers = suspects(&question, &reading.edits);
            let ends_it =
                |number: &usize| without_one.iter().any(|(without, asked)| without == number && !has(asked, &question));
            if numbers.iter().any(ends_it) {
                numbers.retain(ends_it);
            }
            because_of(question, numbers, &reading.edits)
        };
        Ok(open.into_iter().map(say).collect())
    }

    /// What would be asked of a reading.
    async fn asked(
        &self,
        cluster: &Cluster,
        declaration: &Declaration,
        reading: &Reading,
        observed: &Observed,
        given: &Answers,
    ) -> Result<Vec<Question>, Refusal> {
        let (id, text) = (declaration.line.id, declaration.text());
        let intent = match resolve(id, text, reading, observed, &self.settings().policy, given) {
            Ok(intent) => intent,
            Err(asked) => return Ok(asked),
        };
        let asked = self.unknown_secrets(&intent).await?;
        if !asked.is_empty() {
            return Ok(asked);
        }
        let planned = match self.plan_now(cluster, id, &intent, observed).await? {
            Ok(plan) => crate::plan::allowed(cluster, plan, observed).await?,
            open => open,
        };
        Ok(planned.err().unwrap_or_default())
    }
}

/// How a declaration was read whose fields may be set now.
async fn editable(connection: &mut PgConnection, actor: &Actor, id: DeclarationId) -> Result<Read, Refusal> {
    use DeclarationStatus::{AwaitingApproval, NeedsAnswer};
    may_declare(connection, actor).await?;
    let declaration = visible(connection, actor, id).await?;
    let status = declaration.line.status;
    let (Some(read), AwaitingApproval | NeedsAnswer) = (declaration.read, status) else {
        return Err(Refusal::Conflict(format!(
            "This declaration is {}; its fields can be set and taken back while its plan waits for approval or a question \
             is open. Nothing was changed.",
            words(status)
        )));
    };
    if reconciliations::latest(connection, id).await?.is_some() {
        return Err(Refusal::Conflict(
            "A plan of this declaration was carried out. Nothing was changed; declare what shall be otherwise.".into(),
        ));
    }
    Ok(read)
}

/// What the plan before chose is kept by the next one, unless that is what was edited. Nothing was carried out.
async fn choose_anew(connection: &mut PgConnection, id: DeclarationId, field: &FormField) -> Result<(), Refusal> {
    if matches!(field, FormField::Node | FormField::Vmid) {
        resources::release_unused(connection, id).await?;
    }
    Ok(())
}

fn value_of(field: &FormField, given: &serde_json::Value) -> Result<(Value, BTreeMap<Field, Value>), Misfit> {
    let value = match field {
        FormField::Field(field) if !typed::is_written(field) => Err("it is not set in a form".to_owned()),
        FormField::Field(field) => typed::value_in_form(field, given),
        FormField::Disk(_) | FormField::Nic(_) => return typed::whole_in_form(field, given),
        FormField::Kind => match given.as_str().filter(|word| typed::kind_of(word).is_some()) {
            Some(word) => Ok(Value::Text(word.to_owned())),
            None => Err("it should be “vm” or “container”".to_owned()),
        },
        FormField::Image => match given {
            serde_json::Value::Null => Ok(Value::Text(String::new())),
            serde_json::Value::String(words) => Ok(Value::Text(words.trim().to_owned())),
            _ => Err("it should be an image’s name".to_owned()),
        },
        FormField::Node => match given.as_str() {
            Some(node) if !node.is_empty() => Ok(Value::Text(node.to_owned())),
            _ => Err("it should be a node’s name".to_owned()),
        },
        FormField::Vmid => given.as_u64().map(Value::Count).ok_or_else(|| "it should be a VMID".to_owned()),
    };
    value.map(|value| (value, BTreeMap::new())).map_err(|why| Misfit { part: None, why })
}

/// Whether a guest to be made can be of the kind or made from the image that is set; where not, why.
fn begins(read: &Read, id: DeclarationId, edit: &FormEdit, observed: Option<&Observed>) -> Result<(), String> {
    let FormGuest::New(guest) = edit.guest else { return Ok(()) };
    let is_copy = matches!(read.reading.making(id, guest), Some(What::Clone { .. }));
    match (&edit.field, &edit.to, observed) {
        (FormField::Kind, _, _) if is_copy => {
            Err("A copy is of the kind of what it is a copy of. Set its image, or declare a new guest".to_owned())
        }
        (FormField::Kind, Value::Text(word), _) => {
            let Some(kind) = typed::kind_of(word) else { return Ok(()) };
            let foreign = read.reading.foreign_to(kind, id, guest);
            if foreign.is_empty() { Ok(()) } else { Err(in_the_way(kind, &foreign)) }
        }
        (FormField::Image, Value::Text(words), Some(observed)) => {
            let made =
                || read.intent.as_ref().and_then(|intent| wish_of(intent, edit.guest, &edit.field)).and_then(kind_of);
            let Some(kind) = made().or_else(|| read.reading.kind_of(id, guest)) else { return Ok(()) };
            match words.as_str() {
                "" if is_copy => Err("A copy is made from a guest that exists".to_owned()),
                "" if kind == GuestKind::Lxc => Err("A container is made from an image".to_owned()),
                "" => Ok(()),
                words => Origins { observed, kind, is_copy }.refusal(words).map_or(Ok(()), Err),
            }
        }
        _ => Ok(()),
    }
}

/// What a guest has that guests of that kind do not have, and what to do about it.
fn in_the_way(kind: GuestKind, foreign: &[Foreign]) -> String {
    let named = |foreign: &Foreign| match foreign.edit {
        Some(number) => format!("“{}” (edit {number})", foreign.label),
        None => format!("“{}”", foreign.label),
    };
    let all: Vec<String> = foreign.iter().map(named).collect();
    let set = foreign.iter().any(|foreign| foreign.edit.is_some());
    let said = foreign.iter().any(|foreign| foreign.edit.is_none());
    let next = match (set, said) {
        (true, false) => "Take back what was set of it first",
        (false, _) => "Declare the guest anew without it",
        (true, true) => "Take back what was set of it, or declare the guest anew without it",
    };
    format!("A {} has no {}. {next}", kind.noun(), all.join(", "))
}

/// The kind of the guest of a wish.
fn kind_of(wish: &Wish) -> Option<GuestKind> {
    match wish {
        Wish::Exist(new) => Some(new.kind.value),
        Wish::Hold { guest, .. } | Wish::Once { guest, .. } => Some(guest.kind),
        Wish::Facility { .. } => None,
    }
}

/// Whether the guest of the wish can have what is set; where not, at which place of the request, and why.
fn fits(wish: &Wish, edit: &FormEdit) -> Result<(), (String, String)> {
    let Some(kind) = kind_of(wish) else { return Ok(()) };
    if edit.leaves_out() && is_system(wish, &edit.field) {
        let why = format!("“{}” holds the system of a guest to be made, and is part of it", edit.field.label());
        return Err(("value".to_owned(), why));
    }
    match edit.parts.keys().find(|part| !part.fits(kind)) {
        Some(part) => {
            let name = typed::path(part).pop().unwrap_or_default();
            Err((format!("value.{name}"), format!("“{}” is nothing that a {} has", part.label(), kind.noun())))
        }
        None => Ok(()),
    }
}

/// Whether it is the disk that a guest to be made begins on.
pub(crate) fn is_system(wish: &Wish, field: &FormField) -> bool {
    matches!((wish, field), (Wish::Exist(new), FormField::Disk(slot)) if new.disks.first() == Some(slot))
}

fn set_by(number: usize, edit: &FormEdit) -> Source {
    Source::Set { edit: number, by: edit.by.clone() }
}

/// The intent’s wish about the guest that says something of the field, or could.
pub(crate) fn wish_of<'i>(intent: &'i Intent, guest: FormGuest, field: &FormField) -> Option<&'i Wish> {
    let fits = |wish: &&Wish| match (wish, guest, field.key()) {
        (Wish::Exist(new), FormGuest::New(resource), Some(field)) => {
            new.resource == resource && field.fits(new.kind.value) && !matches!(field, Field::Firewall(_))
        }
        (Wish::Exist(new), FormGuest::New(resource), None) => new.resource == resource,
        (Wish::Hold { guest, .. }, FormGuest::Seen(vmid), Some(field)) => guest.vmid == vmid && field.fits(guest.kind),
        _ => false,
    };
    let wishes = || intent.wishes.iter().filter(fits);
    wishes().find(|wish| held(wish, field).is_some()).or_else(|| wishes().next())
}

fn name_of(wish: &Wish) -> String {
    match wish {
        Wish::Exist(new) => new.name.value.to_string(),
        Wish::Hold { guest, .. } | Wish::Once { guest, .. } => guest.name.clone(),
        Wish::Facility { facility, .. } => facility.name().to_owned(),
    }
}

/// What a wish says of the field; of a whole disk or NIC, of what it exists by.
pub(crate) fn held(wish: &Wish, field: &FormField) -> Option<Sourced<Value>> {
    match (wish, field, field.key()) {
        (Wish::Exist(new), FormField::Kind, _) => {
            Some(new.kind.clone().map(|kind| Value::Text(typed::kind_word(kind).to_owned())))
        }
        (Wish::Exist(new), FormField::Image, _) => {
            new.origin.clone().map(|origin| origin.map(|origin| Value::Text(origin.name)))
        }
        (Wish::Exist(new), FormField::Node, _) => new.node.clone().map(|node| node.map(Value::Text)),
        (Wish::Exist(new), FormField::Vmid, _) => {
            new.vmid.clone().map(|vmid| vmid.map(|vmid| Value::Count(vmid.get().into())))
        }
        (Wish::Exist(new), _, Some(Field::Plain(Plain::Name))) => {
            Some(new.name.clone().map(|name| Value::Text(name.into())))
        }
        (Wish::Exist(new), _, Some(field)) => new.fields.get(&field).cloned(),
        (Wish::Hold { fields, .. }, _, Some(field)) => fields.get(&field).cloned(),
        (Wish::Exist(_) | Wish::Hold { .. } | Wish::Once { .. } | Wish::Facility { .. }, ..) => None,
    }
}

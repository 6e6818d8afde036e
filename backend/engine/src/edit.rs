//! Setting a field in a form, after a declaration was read: it becomes part of its record, and of the next plan.

use mycopod_core::field::{Field, Plain, Value};
use mycopod_core::id::DeclarationId;
use mycopod_core::intent::{Intent, Wish};
use mycopod_core::reading::{FormEdit, FormField, FormGuest};
use mycopod_core::status::DeclarationStatus;
use mycopod_core::typed;
use mycopod_store::audit::Kind;
use mycopod_store::{declarations, reconciliations};
use serde_json::json;

use crate::audit::Entry;
use crate::declare::{changed, may_declare, visible, words};
use crate::{Actor, Engine, Refusal};

/// The most edits of one declaration: who has more to say says it anew.
const MAX_EDITS: usize = 200;

impl Engine {
    /// Sets a field of a guest of a declaration whose plan waits for approval; it is planned again with it. `guest` and
    /// `field` are as its intent names them, and the value is as an intent file has it.
    pub async fn edit(
        &self,
        actor: &Actor,
        id: DeclarationId,
        guest: &str,
        field: &str,
        value: &serde_json::Value,
    ) -> Result<(), Refusal> {
        let invalid = |why: String| Refusal::Invalid(format!("{why}. Nothing was changed."));
        let guest: FormGuest = guest.parse().map_err(|why| invalid(format!("“{guest}” is no guest here: {why}")))?;
        let field: FormField = field.parse().map_err(|why| invalid(format!("{why}")))?;
        let to = value_of(&field, value).map_err(|why| invalid(format!("“{field}” does not fit: {why}")))?;
        let mut transaction = self.pool().begin().await?;
        may_declare(&mut transaction, actor).await?;
        let declaration = visible(&mut transaction, actor, id).await?;
        let status = declaration.line.status;
        let (Some(mut read), DeclarationStatus::AwaitingApproval) = (declaration.read, status) else {
            return Err(Refusal::Conflict(format!(
                "This declaration is {}; its fields can be set while its plan waits for approval.",
                words(status)
            )));
        };
        if reconciliations::latest(&mut transaction, id).await?.is_some() {
            return Err(Refusal::Conflict(
                "A plan of this declaration was carried out. Declare what shall be otherwise.".into(),
            ));
        }
        let Some(wish) = read.intent.as_ref().and_then(|intent| wish_of(intent, guest, &field)) else {
            return Err(invalid(format!(
                "This declaration has no {field} of a guest {guest}, or none that can be set"
            )));
        };
        let from = held(wish, &field);
        if from.as_ref() == Some(&to) {
            return Err(Refusal::Conflict(format!("“{field}” is {to} already. Nothing was changed.")));
        }
        if read.reading.edits.len() >= MAX_EDITS {
            return Err(Refusal::Conflict(format!("It was edited {MAX_EDITS} times. Declare it anew.")));
        }
        let now = self.clock().now();
        let details = json!({ "guest": guest, "field": field, "from": from, "to": to });
        let edit = FormEdit { guest, field, from, to, by: actor.email.clone(), at: now, applied: false };
        read.reading.edits.push(edit);
        declarations::save_reading(&mut transaction, id, &read).await?;
        declarations::move_to(&mut transaction, id, DeclarationStatus::Reading, None, now).await.map_err(changed)?;
        let entry = Entry {
            actor: actor.into(),
            kind: Kind::DeclarationEdited,
            subject: format!("declaration {id}"),
            status: DeclarationStatus::Reading.to_string(),
            declaration: id,
            details,
        };
        self.enter(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.ring();
        Ok(())
    }
}

fn value_of(field: &FormField, given: &serde_json::Value) -> Result<Value, String> {
    match field {
        FormField::Field(field) if !typed::is_written(field) => Err("it is not set in a form".to_owned()),
        FormField::Field(field) => typed::value_of(field, given),
        FormField::Node => match given.as_str() {
            Some(node) if !node.is_empty() => Ok(Value::Text(node.to_owned())),
            _ => Err("it should be a node’s name".to_owned()),
        },
        FormField::Vmid => given.as_u64().map(Value::Count).ok_or_else(|| "it should be a VMID".to_owned()),
    }
}

/// The intent’s wish about the guest that says something of the field, or could.
fn wish_of<'i>(intent: &'i Intent, guest: FormGuest, field: &FormField) -> Option<&'i Wish> {
    let fits = |wish: &&Wish| match (wish, guest, field) {
        (Wish::Exist(new), FormGuest::New(resource), FormField::Field(field)) => {
            new.resource == resource && field.fits(new.kind) && !matches!(field, Field::Firewall(_))
        }
        (Wish::Exist(new), FormGuest::New(resource), FormField::Node | FormField::Vmid) => new.resource == resource,
        (Wish::Hold { guest, .. }, FormGuest::Seen(vmid), FormField::Field(field)) => {
            guest.vmid == vmid && field.fits(guest.kind)
        }
        _ => false,
    };
    let wishes = || intent.wishes.iter().filter(fits);
    wishes().find(|wish| held(wish, field).is_some()).or_else(|| wishes().next())
}

/// What a wish says of the field.
fn held(wish: &Wish, field: &FormField) -> Option<Value> {
    match (wish, field) {
        (Wish::Exist(new), FormField::Node) => new.node.as_ref().map(|node| Value::Text(node.value.clone())),
        (Wish::Exist(new), FormField::Vmid) => new.vmid.as_ref().map(|vmid| Value::Count(vmid.value.get().into())),
        (Wish::Exist(new), FormField::Field(Field::Plain(Plain::Name))) => {
            Some(Value::Text(new.name.value.to_string()))
        }
        (Wish::Exist(new), FormField::Field(field)) => new.fields.get(field).map(|said| said.value.clone()),
        (Wish::Hold { fields, .. }, FormField::Field(field)) => fields.get(field).map(|said| said.value.clone()),
        (Wish::Hold { .. } | Wish::Once { .. } | Wish::Facility { .. }, _) => None,
    }
}

//! What a person decides about drift: the value that is seen is the declared one, the field is nobody's, or not now. The
//! fourth is a repair, which is a plan like any other.

use chrono::{DateTime, TimeDelta, Utc};
use mycopod_core::drift::existence_of;
use mycopod_core::field::{Field, NicPart, Plain, Value};
use mycopod_core::firewall::FirewallField;
use mycopod_core::id::{DeclarationId, ResourceId};
use mycopod_core::intent::{Intent, Wish};
use mycopod_core::observed::Look;
use mycopod_core::size::Size;
use mycopod_store::audit::Kind;
use mycopod_store::drift::{self, Drift};
use mycopod_store::owned_fields::{self, Decision};
use mycopod_store::resources::{self, Resource, State};
use mycopod_store::{checks, declarations, reconciliations};
use serde_json::json;
use sqlx::{Postgres, Transaction};

use crate::audit::Entry;
use crate::cluster_admin::must_be_admin;
use crate::declare::{may_declare, visible};
use crate::keep::subject;
use crate::{Actor, Engine, Refusal};

/// The longest snooze: what nobody wants to hear of for longer is better ignored or accepted.
const MAX_SNOOZE: TimeDelta = TimeDelta::days(30);

/// A drift that somebody decides about; its row is locked until the transaction ends.
struct Decided {
    transaction: Transaction<'static, Postgres>,
    resource: Resource,
    drift: Drift,
}

impl Engine {
    /// Makes the value that is seen the declared one, as an Admin. `seen` is the value that they saw, as it was shown.
    ///
    /// Where the declaration holds no value of the field, but asked for a deed or a rule of its own, the field is not
    /// declared any more.
    pub async fn accept(
        &self,
        actor: &Actor,
        resource: ResourceId,
        field: &str,
        seen: &serde_json::Value,
    ) -> Result<(), Refusal> {
        let mut of = self.drifted(resource, field).await?;
        must_be_admin(&mut of.transaction, actor).await?;
        if checks::is_gone(&mut of.transaction, resource).await? {
            return Err(Refusal::Conflict(
                "The guest is gone, so there is no value to accept. Accept that it is gone, or have it made again."
                    .into(),
            ));
        }
        let shown = of.drift.observed.as_ref().map_or(serde_json::Value::Null, Value::shown);
        if shown != *seen {
            return Err(Refusal::Conflict(format!(
                "Meanwhile it is {shown}, not {seen}. Nothing was accepted; look at it again."
            )));
        }
        let declaration = declarations::get(&mut of.transaction, of.drift.declaration).await?;
        let intent = declaration.and_then(|declaration| declaration.read?.intent).unwrap_or_default();
        let value = value(&of.drift).filter(|_| holds(&intent, &of.resource, &of.drift.field));
        let (decision, status) = match value {
            Some(_) => (Decision::Accepted, "accepted"),
            None => (Decision::Ignored, "no longer declared"),
        };
        let value = value.unwrap_or_else(|| of.drift.declared.clone());
        self.decide(of, actor, decision, &value, Kind::DriftAccepted, status).await
    }

    /// Makes a field nobody's: what it is does not matter any more until a newer declaration names it.
    pub async fn ignore(&self, actor: &Actor, resource: ResourceId, field: &str) -> Result<(), Refusal> {
        let mut of = self.drifted(resource, field).await?;
        may_decide(&mut of.transaction, actor, of.drift.declaration).await?;
        let declared = of.drift.declared.clone();
        self.decide(of, actor, Decision::Ignored, &declared, Kind::DriftIgnored, "no longer declared").await
    }

    /// Lets a drift rest until then, or until another value is seen. No repair of it happens by itself meanwhile.
    pub async fn snooze(
        &self,
        actor: &Actor,
        resource: ResourceId,
        field: &str,
        until: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let now = self.clock().now();
        if !may_rest_until(until, now) {
            return Err(Refusal::Invalid(format!(
                "A drift is snoozed until a time within the next {} days. Nothing was changed.",
                MAX_SNOOZE.num_days()
            )));
        }
        let mut of = self.drifted(resource, field).await?;
        may_decide(&mut of.transaction, actor, of.drift.declaration).await?;
        drift::snooze(&mut of.transaction, resource, &of.drift.field, until, actor.id).await?;
        let entry = entry(&of, actor, Kind::DriftSnoozed, "snoozed", json!({ "until": until }));
        self.enter(&mut of.transaction, entry).await?;
        of.transaction.commit().await?;
        self.ring();
        Ok(())
    }

    /// Accepts that a guest is gone, as an Admin: it is proven now, and nothing of it is declared any more.
    pub async fn let_go(&self, actor: &Actor, id: ResourceId) -> Result<(), Refusal> {
        let found = resources::get(&mut *self.pool().acquire().await?, id).await?;
        let resource = found.filter(|found| found.state == State::Present).ok_or_else(no_guest)?;
        let cluster = self.cluster_of(resource.cluster).await?;
        match cluster.hypervisor().look(resource.guest.key()).await? {
            Look::Absent => {}
            Look::Present(_) | Look::Facility(_) => {
                return Err(Refusal::Conflict("Its number is in use, so it is not gone. Nothing was changed.".into()));
            }
            Look::Unknown(why) => {
                return Err(Refusal::Conflict(format!(
                    "It is not proven gone: {why}. Unknown is not absent. Nothing was changed; try again later."
                )));
            }
        }
        let now = self.clock().now();
        let mut transaction = self.pool().begin().await?;
        must_be_admin(&mut transaction, actor).await?;
        if reconciliations::busy_resources(&mut transaction).await?.contains(&id) {
            return Err(busy());
        }
        resources::gone(&mut transaction, id, now).await?;
        let entry = Entry {
            actor: actor.into(),
            kind: Kind::DriftAccepted,
            subject: subject(&resource),
            status: "gone".to_owned(),
            declaration: resource.declaration,
            details: json!({ "resource": id }),
        };
        self.enter(&mut transaction, entry).await?;
        transaction.commit().await?;
        self.ring();
        Ok(())
    }

    /// The drift of a field as it stands, while nothing is being done to its guest.
    async fn drifted(&self, resource: ResourceId, field: &str) -> Result<Decided, Refusal> {
        let field: Field = field.parse().map_err(|_| no_drift())?;
        let mut transaction = self.pool().begin().await?;
        let drift = drift::locked(&mut transaction, resource, &field).await?.ok_or_else(no_drift)?;
        let resource = resources::get(&mut transaction, resource).await?.ok_or_else(no_guest)?;
        if reconciliations::busy_resources(&mut transaction).await?.contains(&resource.id) {
            return Err(busy());
        }
        Ok(Decided { transaction, resource, drift })
    }

    async fn decide(
        &self,
        mut of: Decided,
        actor: &Actor,
        decision: Decision,
        value: &Value,
        kind: Kind,
        status: &str,
    ) -> Result<(), Refusal> {
        let (id, now) = (of.resource.id, self.clock().now());
        let transaction = &mut of.transaction;
        owned_fields::decide(transaction, id, &of.drift.field, decision, value, actor.id, now).await?;
        drift::decided(transaction, id, &of.drift.field).await?;
        let entry = entry(&of, actor, kind, status, json!({}));
        self.enter(&mut of.transaction, entry).await?;
        of.transaction.commit().await?;
        self.ring();
        Ok(())
    }
}

/// The author of the declaration that owns the field, or an Admin; as the account stands now.
async fn may_decide(
    transaction: &mut Transaction<'_, Postgres>,
    actor: &Actor,
    declaration: DeclarationId,
) -> Result<(), Refusal> {
    may_declare(transaction, actor).await?;
    visible(transaction, actor, declaration).await.map(|_| ())
}

/// The value that can be declared in place of the old one; nothing where none says what is seen.
fn value(drift: &Drift) -> Option<Value> {
    match (&drift.observed, &drift.field) {
        // A rule of ours is another rule where it says something else.
        (_, Field::Firewall(FirewallField::Rule(_) | FirewallField::Lockout)) => None,
        (Some(observed), _) => Some(observed.clone()),
        // That there is no such disk or NIC.
        (None, Field::Disk(..)) if existence_of(&drift.field).as_ref() == Some(&drift.field) => {
            Some(Value::Size(Size::default()))
        }
        (None, Field::Nic(_, NicPart::Bridge)) => Some(Value::Text(String::new())),
        (None, _) => None,
    }
}

/// Whether the declaration holds a value of this field, other than what it had done once.
fn holds(intent: &Intent, resource: &Resource, field: &Field) -> bool {
    intent.wishes.iter().any(|wish| match wish {
        Wish::Exist(new) => {
            new.resource == resource.id && (*field == Plain::Name.into() || new.fields.contains_key(field))
        }
        Wish::Hold { guest, fields } => guest.key() == resource.guest.key() && fields.contains_key(field),
        Wish::Once { .. } | Wish::Facility { .. } => false,
    })
}

fn may_rest_until(until: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    until > now && until <= now + MAX_SNOOZE
}

fn entry(of: &Decided, actor: &Actor, kind: Kind, status: &str, more: serde_json::Value) -> Entry {
    let Drift { field, declared, observed, .. } = &of.drift;
    let mut details = json!({ "field": field, "declared": declared, "observed": observed });
    if let (Some(details), serde_json::Value::Object(more)) = (details.as_object_mut(), more) {
        details.extend(more);
    }
    Entry {
        actor: actor.into(),
        kind,
        subject: subject(&of.resource),
        status: status.to_owned(),
        declaration: of.drift.declaration,
        details,
    }
}

fn no_drift() -> Refusal {
    Refusal::NotFound("This field has not drifted, or no longer. Nothing was changed; look at the guest again.".into())
}

fn no_guest() -> Refusal {
    Refusal::NotFound("There is no such guest of ours, or no longer. Nothing was changed.".into())
}

fn busy() -> Refusal {
    Refusal::Conflict(
        "A plan is being carried out on this guest. Nothing was changed; look again when it has ended.".into(),
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use mycopod_core::guest::{GuestRef, Kind, Vmid};
    use mycopod_core::id::ClusterId;
    use mycopod_core::intent::{NewGuest, OneDeed};
    use mycopod_core::reading::{Source, Sourced};
    use uuid::Uuid;

    use super::*;

    fn resource(number: u32) -> Resource {
        Resource {
            id: ResourceId(Uuid::from_u128(number.into())),
            cluster: ClusterId::FIRST,
            guest: GuestRef {
                kind: Kind::Qemu,
                vmid: Vmid::try_from(number).unwrap(),
                name: "web-1".to_owned(),
                node: "pve1".to_owned(),
            },
            declaration: DeclarationId(Uuid::nil()),
            smbios_uuid: None,
            state: State::Present,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    /// Which of `fields` an intent of this one wish holds of guest 100.
    fn held(wish: Wish, fields: [Plain; 3]) -> [bool; 3] {
        let intent = Intent { wishes: vec![wish] };
        fields.map(|plain| holds(&intent, &resource(100), &plain.into()))
    }

    #[test]
    fn a_value_is_held_by_the_wish_that_names_the_field_of_this_guest() {
        let said = || BTreeMap::from([(Plain::Cores.into(), Sourced::new(Value::Count(2), Source::inferred("said")))]);
        let exist = |number| {
            Wish::Exist(Box::new(NewGuest {
                resource: resource(number).id,
                kind: Sourced::new(Kind::Qemu, Source::inferred("said")),
                name: Sourced::new("web-1".parse().unwrap(), Source::inferred("said")),
                vmid: None,
                node: None,
                origin: None,
                fields: said(),
                disks: Vec::new(),
            }))
        };
        let hold = |number| Wish::Hold { guest: resource(number).guest, fields: said() };
        let asked = [Plain::Cores, Plain::Memory, Plain::Name];
        assert_eq!(held(exist(100), asked), [true, false, true], "whoever makes a guest names it");
        assert_eq!(held(exist(101), asked), [false; 3], "another guest");
        assert_eq!(held(hold(100), asked), [true, false, false]);
        assert_eq!(held(hold(101), asked), [false; 3], "another guest");
        let once = Wish::Once { guest: resource(100).guest, deed: OneDeed::Start };
        assert_eq!(held(once, [Plain::Running, Plain::Cores, Plain::Name]), [false; 3], "a deed holds no value");
    }

    #[test]
    fn a_drift_rests_for_a_while_and_not_for_ever() {
        let now = DateTime::UNIX_EPOCH;
        let rests = |of: TimeDelta| may_rest_until(now + of, now);
        let moment = TimeDelta::seconds(1);
        assert_eq!([-moment, TimeDelta::zero(), moment].map(rests), [false, false, true]);
        assert_eq!([MAX_SNOOZE, MAX_SNOOZE + moment].map(rests), [true, false]);
    }
}

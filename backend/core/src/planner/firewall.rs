//! The firewall of a guest.

use std::collections::BTreeMap;

use super::{Draft, Planner, change};
use crate::field::{Field, NicPart, Plain, Value};
use crate::firewall::{Firewall, FirewallCall, FirewallField, calls, closed};
use crate::guest::{GuestKey, GuestRef};
use crate::id::ResourceId;
use crate::intent::NewGuest;
use crate::observed::Sighting;
use crate::plan::{Action, Effect};
use crate::reading::Sourced;

impl Planner<'_> {
    /// The parts of its firewall among `fields`, one call after the other.
    pub(super) fn firewall(&mut self, wish: usize, key: GuestKey, fields: &BTreeMap<Field, Sourced<Value>>) {
        let said = parts(fields);
        let Some(standing) = self.guests.get(&key).filter(|_| !said.is_empty()) else { return };
        let (seen, resource) = (standing.seen, standing.resource);
        let Some(firewall) = standing.firewall.clone() else {
            let text = format!(
                "The firewall of {} ({}) could not be read, so nothing of it is planned. Plan again when Proxmox lets it \
                 be read (VM.Audit on /vms/{}).",
                seen.guest.name, key.vmid, key.vmid
            );
            return self.ask(key.vmid, text);
        };
        self.relies_on.insert(format!("guest/{}/{}/firewall", key.kind, key.vmid), seen_digest(seen));
        let (calls, after) = calls(&firewall, &values(&said));
        if !calls.is_empty() && !self.touch(wish, key) {
            return;
        }
        self.call(wish, &seen.guest, resource, &said, (&firewall, &after), &calls);
        let then = after.fields();
        if !calls.is_empty() {
            if firewall.cluster == Some(false) {
                self.note(
                    "The firewall of the whole cluster is off, so no guest’s firewall filters anything. Whoever looks \
                     after the cluster turns it on in Proxmox (Datacenter, Firewall, Options)."
                        .to_owned(),
                );
            } else if !after.is_on() {
                self.note(format!(
                    "The firewall of {} is off: what is set here takes effect when it is turned on.",
                    seen.guest.name
                ));
            }
        }
        if let Some(standing) = self.guests.get_mut(&key) {
            standing.fields.retain(|field, _| !matches!(field, Field::Firewall(_)));
            standing.fields.extend(then);
            let agreed = Field::Firewall(FirewallField::Lockout);
            standing.fields.extend(fields.get(&agreed).map(|said| (agreed, said.value.clone())));
            standing.firewall = Some(after);
        }
    }

    /// The firewall of a guest that is made by the steps before: it has none yet, or its template's. `fields` is what it
    /// will have.
    pub(super) fn firewall_made(
        &mut self,
        wish: usize,
        new: &NewGuest,
        guest: &GuestRef,
        fields: &BTreeMap<Field, Value>,
    ) {
        let said = parts(&new.fields);
        let bare = Firewall::default();
        let (calls, after) = calls(&bare, &values(&said));
        if calls.is_empty() {
            return;
        }
        self.call(wish, guest, new.resource, &said, (&bare, &after), &calls);
        if !after.is_on() {
            self.note(format!(
                "The firewall of {} is off: what is set here takes effect when it is turned on.",
                guest.name
            ));
        } else if !filters(fields) {
            self.note(unfiltered(&guest.name));
        }
    }

    /// A step for each call.
    fn call(
        &mut self,
        wish: usize,
        guest: &GuestRef,
        resource: ResourceId,
        said: &BTreeMap<FirewallField, &Sourced<Value>>,
        (before, after): (&Firewall, &Firewall),
        calls: &[FirewallCall],
    ) {
        let (mut is, then) = (before.fields(), after.fields());
        for call in calls {
            let changes = call.fields().into_iter().filter_map(|part| {
                let said = said.get(&part)?;
                let field = Field::Firewall(part);
                let change = change(&field, is.get(&field), said);
                Some(change)
            });
            let changes = changes.collect();
            let draft = Draft::new(Action::Firewall(call.clone()), Effect::Live).with(changes);
            self.push(wish, guest, resource, draft);
            is.extend(call.fields().into_iter().map(Field::Firewall).filter_map(|field| {
                let value = then.get(&field)?.clone();
                Some((field, value))
            }));
        }
    }

    /// Never cuts off the way by which a guest is managed, unless somebody agreed to that. Checked when all wishes are
    /// planned: one may open what another closes.
    pub(super) fn keep_access(&mut self) {
        let mut asked = Vec::new();
        let mut agreed = Vec::new();
        for (key, standing) in &self.guests {
            let (seen, Some(after)) = (standing.seen, &standing.firewall) else { continue };
            let Some(before) = &seen.firewall else { continue };
            let filtered = filters(&seen.fields) || !filters(&standing.fields);
            let closed =
                closed(before, after, filtered, self.policy.management_ports_of(seen.get(&Plain::OsType.into())));
            let Some(port) = closed.first().filter(|_| !standing.deleted) else { continue };
            let name = &seen.guest.name;
            if standing.fields.contains_key(&Field::Firewall(FirewallField::Lockout)) {
                agreed
                    .push(format!("Port {port} of {name}, by which it is managed, is closed by this, as was agreed."));
            } else {
                asked.push((
                    key.vmid,
                    format!(
                        "This would close port {port} of {name} ({}), by which it is managed: its firewall would let \
                         nobody in there. Declare a rule that does, e.g. “allow ssh to {name} from 10.0.0.0/8”.",
                        key.vmid
                    ),
                ));
            }
        }
        for (guest, text) in asked {
            self.ask(guest, text);
        }
        let bare = self.guests.values().filter(|standing| {
            let changed = standing.firewall.as_ref() != standing.seen.firewall.as_deref();
            changed && standing.firewall.as_ref().is_some_and(Firewall::is_on) && !filters(&standing.fields)
        });
        agreed.extend(bare.map(|standing| unfiltered(&standing.seen.guest.name)));
        for text in agreed {
            self.note(text);
        }
    }
}

/// What is said of the firewall.
fn parts(fields: &BTreeMap<Field, Sourced<Value>>) -> BTreeMap<FirewallField, &Sourced<Value>> {
    let parts = fields.iter().filter_map(|(field, said)| match field {
        Field::Firewall(part) => Some((part.clone(), said)),
        Field::Plain(_) | Field::Disk(..) | Field::Nic(..) => None,
    });
    parts.collect()
}

fn values(said: &BTreeMap<FirewallField, &Sourced<Value>>) -> BTreeMap<FirewallField, Value> {
    said.iter().map(|(field, said)| (field.clone(), said.value.clone())).collect()
}

fn unfiltered(name: &str) -> String {
    format!("No NIC of {name} has Proxmox’s firewall on it, so nothing of it is filtered.")
}

fn seen_digest(seen: &Sighting) -> String {
    seen.firewall.as_ref().map(|firewall| firewall.digest()).unwrap_or_default()
}

/// Whether some NIC is filtered.
fn filters(fields: &BTreeMap<Field, Value>) -> bool {
    fields.iter().any(|(field, value)| matches!((field, value), (Field::Nic(_, NicPart::Firewall), Value::Flag(true))))
}

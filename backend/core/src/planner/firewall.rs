//! The firewall of a guest that exists.

use std::collections::BTreeMap;

use super::{Draft, Planner, change};
use crate::field::{Field, NicPart, Value};
use crate::firewall::{Firewall, FirewallField, calls, closed};
use crate::guest::GuestKey;
use crate::observed::Sighting;
use crate::plan::{Action, Effect};
use crate::reading::Sourced;

impl Planner<'_> {
    /// The parts of its firewall among `fields`, one call after the other.
    pub(super) fn firewall(&mut self, wish: usize, key: GuestKey, fields: &BTreeMap<Field, Sourced<Value>>) {
        let said: BTreeMap<FirewallField, &Sourced<Value>> = fields
            .iter()
            .filter_map(|(field, said)| match field {
                Field::Firewall(part) => Some((part.clone(), said)),
                Field::Plain(_) | Field::Disk(..) | Field::Nic(..) => None,
            })
            .collect();
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
        let values = said.iter().map(|(field, said)| (field.clone(), said.value.clone())).collect();
        let (calls, after) = calls(&firewall, &values);
        if !calls.is_empty() && !self.touch(wish, key) {
            return;
        }
        let (mut is, then) = (firewall.fields(), after.fields());
        for call in &calls {
            let changes = call.fields().into_iter().filter_map(|part| {
                let said = said.get(&part)?;
                let field = Field::Firewall(part);
                let change = change(&field, is.get(&field), said);
                Some(change)
            });
            let changes = changes.collect();
            let draft = Draft::new(Action::Firewall(call.clone()), Effect::Live).with(changes);
            self.push(wish, &seen.guest, resource, draft);
            is.extend(call.fields().into_iter().map(Field::Firewall).filter_map(|field| {
                let value = then.get(&field)?.clone();
                Some((field, value))
            }));
        }
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

    /// Never cuts off the way by which a guest is managed, unless somebody agreed to that. Checked when all wishes are
    /// planned: one may open what another closes.
    pub(super) fn keep_access(&mut self) {
        let mut asked = Vec::new();
        let mut agreed = Vec::new();
        for (key, standing) in &self.guests {
            let (seen, Some(after)) = (standing.seen, &standing.firewall) else { continue };
            let Some(before) = &seen.firewall else { continue };
            let filtered = filters(&seen.fields) || !filters(&standing.fields);
            let closed = closed(before, after, filtered, self.policy.management_ports_of(seen));
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
        let unfiltered = self.guests.values().filter(|standing| {
            let changed = standing.firewall.as_ref() != standing.seen.firewall.as_deref();
            changed && standing.firewall.as_ref().is_some_and(Firewall::is_on) && !filters(&standing.fields)
        });
        agreed.extend(unfiltered.map(|standing| {
            format!(
                "No NIC of {} has Proxmox’s firewall on it, so nothing of it is filtered.",
                standing.seen.guest.name
            )
        }));
        for text in agreed {
            self.note(text);
        }
    }
}

fn seen_digest(seen: &Sighting) -> String {
    seen.firewall.as_ref().map(|firewall| firewall.digest()).unwrap_or_default()
}

/// Whether some NIC is filtered.
fn filters(fields: &BTreeMap<Field, Value>) -> bool {
    fields.iter().any(|(field, value)| matches!((field, value), (Field::Nic(_, NicPart::Firewall), Value::Flag(true))))
}

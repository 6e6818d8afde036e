//! Fields that shall hold of guests that exist, and whether they run.

use std::collections::BTreeMap;

use super::make::{nics_of, starting};
use super::place::{bytes, memory_of};
use super::{Draft, Planner, Standing, change, is_on};
use crate::field::{DiskPart, Field, NicPart, Plain, Value};
use crate::guest::{GuestKey, GuestRef, Kind, Power};
use crate::intent::OneDeed;
use crate::plan::{Action, Effect};
use crate::reading::{Source, Sourced};
use crate::resolve::disks_in_order;
use crate::settle::holds;
use crate::size::Size;

pub(super) type Fields = BTreeMap<Field, Sourced<Value>>;

/// How a guest that shall not run is halted: it is asked, and never switched off unasked.
const SHUTDOWN: Action = Action::Shutdown { seconds: OneDeed::SHUTDOWN_SECONDS };

impl Planner<'_> {
    /// Fields of a guest that exists.
    pub(super) fn hold(&mut self, wish: usize, guest: &GuestRef, fields: &Fields) {
        if let Some(key) = self.standing(guest) {
            self.hold_known(wish, key, fields);
        }
    }

    pub(super) fn hold_known(&mut self, wish: usize, key: GuestKey, fields: &Fields) {
        let (before, asked) = (self.steps.len(), self.questions.len());
        let Some(fields) = self.changeable(key, fields) else { return };
        // Devices are booted from once they are there.
        let (late, early) = fields.clone().into_iter().partition(|(field, _)| *field == Plain::BootOrder.into());
        self.firewall(wish, key, &fields);
        self.update(wish, key, &early);
        self.disks(wish, key, &fields);
        self.drives(wish, key, &fields);
        self.update(wish, key, &late);
        self.around(wish, key, &fields);
        if let Some(said) = fields.get(&Field::Plain(Plain::Running)) {
            let paused = self.guests.get(&key).filter(|standing| standing.power == Power::Paused);
            let paused = paused.map(Standing::called);
            match (&said.value, paused) {
                // For Proxmox it runs; that it was suspended is a deed of somebody's.
                (Value::Flag(true), Some(called)) => {
                    self.depend_on_power(key);
                    self.note(format!("{called} is suspended, and goes on when it is resumed."));
                }
                (Value::Flag(true), None) => self.start(wish, key, &fields),
                _ => self.halt(wish, key, SHUTDOWN, &fields),
            }
        }
        if self.steps.len() == before && self.questions.len() == asked && !fields.is_empty() {
            self.already(key, &fields);
        }
    }

    /// The fields without those that nothing can be done about; `None` where one of them is a question.
    fn changeable(&mut self, key: GuestKey, fields: &Fields) -> Option<Fields> {
        let standing = self.guests.get(&key)?;
        let called = standing.called();
        let exists = |field: &Field| match field {
            Field::Disk(slot, _) => standing.has(&Field::size_of(slot.clone())).is_some(),
            Field::Plain(_) | Field::Nic(..) | Field::Firewall(_) => true,
        };
        let mut fields = fields.clone();
        fields.retain(|field, _| !(field.is_of_making(key.kind) && exists(field)));
        let differs =
            |field: &Field| fields.get(field).is_some_and(|said| !holds(field, &said.value, standing.has(field)));
        let text = if standing.template && fields.keys().any(|field| !is_of_template(field) && differs(field)) {
            format!("{called} is a template: its disks stay as they are, and it does not run.")
        } else if differs(&Plain::Unprivileged.into()) {
            format!(
                "Whether {called} is unprivileged was fixed when it was made and cannot be changed back. Leave that \
                 out, or restore a backup of it as a new container."
            )
        } else if differs(&Plain::Keyctl.into()) || differs(&Plain::Fuse.into()) {
            format!(
                "The features keyctl and fuse of {called} are for root@pam alone to change, and MycoPod’s token may \
                 not. Set them on its node (pct set {} --features …), or leave that out.",
                key.vmid
            )
        } else {
            // A VM with UEFI firmware forgets its boot entries without a disk for them.
            let boots = fields.get(&Plain::Bios.into()).is_some_and(|said| said.value == Value::Text("ovmf".into()));
            if boots
                && differs(&Plain::Bios.into())
                && standing.text(Plain::EfiDisk).is_empty()
                && let Some(slot) = disks_in_order(standing.seen).first()
            {
                let storage = standing.text(Field::storage_of(slot.clone())).to_owned();
                fields.entry(Plain::EfiDisk.into()).or_insert_with(|| efi_disk(storage));
            }
            return Some(fields);
        };
        self.ask(key.vmid, text);
        None
    }

    /// All fields that Proxmox sets in one call.
    fn update(&mut self, wish: usize, key: GuestKey, fields: &Fields) {
        let Some(standing) = self.guests.get(&key) else { return };
        let seen = standing.seen;
        let differing: Vec<(&Field, &Sourced<Value>)> = fields
            .iter()
            .filter(|(field, _)| in_one_call(field, standing.has(field)))
            .filter(|(field, said)| !holds(field, &said.value, standing.has(field)))
            .collect();
        if differing.is_empty() {
            return;
        }
        let effects: Vec<Effect> = differing.iter().map(|(field, said)| standing.effect(field, &said.value)).collect();
        let worst = effects.iter().copied().max().unwrap_or(Effect::Live);
        let waiting: Vec<String> = differing
            .iter()
            .zip(&effects)
            .filter(|(_, effect)| **effect == Effect::Pending)
            .map(|((field, _), _)| field.label())
            .collect();
        let on = is_on(standing.power);
        let cloud_init = on && key.kind == Kind::Qemu && differing.iter().any(|(field, _)| is_cloud_init(field));
        let changes = differing.iter().map(|(field, said)| change(field, standing.has(field), said)).collect();
        let known = nics_of(standing.fields.keys());
        let added: Vec<u8> =
            nics_of(differing.iter().map(|(field, _)| *field)).into_iter().filter(|nic| !known.contains(nic)).collect();
        let update: BTreeMap<Field, Value> =
            differing.iter().map(|(field, said)| ((*field).clone(), said.value.clone())).collect();
        let mut all = standing.fields.clone();
        all.extend(update.clone());
        let resource = standing.resource;
        let more = update.contains_key(&Field::Plain(Plain::Memory)).then(|| {
            let (now, then) = (memory_of(&standing.fields), memory_of(&update));
            bytes(then) - bytes(now)
        });
        if !self.power_matters(key) || !self.touch(wish, key) {
            return;
        }
        if let Some(more) = more.filter(|_| on)
            && !self.give_memory(key, more)
        {
            return;
        }
        if !waiting.is_empty() {
            self.wait(&waiting, &seen.guest.name);
        }
        if cloud_init {
            self.note(format!(
                "Cloud-init’s data of {} are written at once; its system reads them when it next starts.",
                seen.guest.name
            ));
        }
        if let Err(text) = self.promise_addresses(&seen.guest, &update, &all) {
            return self.ask(key.vmid, text);
        }
        let macs = added
            .into_iter()
            .map(|number| match update.get(&Field::Nic(number, NicPart::Mac)) {
                Some(Value::Text(mac)) => (number, mac.clone()),
                _ => (number, self.mac(resource, number)),
            })
            .collect();
        if let Some(standing) = self.guests.get_mut(&key) {
            standing.fields.extend(update.clone());
        }
        self.act(wish, key, Draft::new(Action::Update { fields: update, macs }, worst).with(changes));
    }

    /// Notes what takes effect later.
    pub(super) fn wait(&mut self, what: &[String], guest: &str) {
        self.note(format!("{} of {guest} {} when it next stops and starts.", what.join(", "), take_effect(what)));
    }

    /// Takes memory on the guest's node, if it has as much.
    pub(super) fn give_memory(&mut self, key: GuestKey, more: i128) -> bool {
        let Some(standing) = self.guests.get(&key) else { return false };
        let node = standing.node.clone();
        let free = self.rooms.memory(&node);
        if more > bytes(free) {
            let more = Size::bytes(u64::try_from(more).unwrap_or(u64::MAX));
            let text =
                format!("{} would need {more} more of memory on {node}, where {free} are free.", standing.called());
            self.ask(key.vmid, text);
            return false;
        }
        self.promise_more_memory(key, more);
        true
    }

    pub(super) fn start(&mut self, wish: usize, key: GuestKey, fields: &Fields) {
        let Some(standing) = self.guests.get(&key) else { return };
        let memory = memory_of(&standing.fields);
        match standing.power {
            Power::Running => return self.depend_on_power(key),
            Power::Paused => {
                let text = format!("{} is suspended: it is resumed, not started.", standing.called());
                return self.ask(key.vmid, text);
            }
            Power::Stopped | Power::Unknown => {}
        }
        if self.power_matters(key) && self.touch(wish, key) && self.give_memory(key, bytes(memory)) {
            self.note_ha(key);
            self.act(wish, key, starting(fields));
            self.turn(key, Power::Running);
        }
    }

    /// Shuts a guest down or switches it off.
    pub(super) fn halt(&mut self, wish: usize, key: GuestKey, action: Action, fields: &Fields) {
        let Some(standing) = self.guests.get(&key) else { return };
        let (node, memory) = (standing.node.clone(), memory_of(&standing.fields));
        if standing.power == Power::Stopped {
            return self.depend_on_power(key);
        }
        if self.power_matters(key) && self.touch(wish, key) {
            self.note_ha(key);
            let said = fields.get(&Field::Plain(Plain::Running));
            let changes = said.map(|said| change(&Field::Plain(Plain::Running), Some(&Value::Flag(true)), said));
            self.act(wish, key, Draft::new(action, Effect::Stop).with(changes.into_iter().collect()));
            self.rooms.take_memory(&node, -bytes(memory));
            self.turn(key, Power::Stopped);
        }
    }

    pub(super) fn depend_on_power(&mut self, key: GuestKey) {
        // That nothing is to be done rests on the power state as well; with an unknown one a question was asked.
        let _ = self.power_matters(key);
    }

    pub(super) fn turn(&mut self, key: GuestKey, power: Power) {
        if let Some(standing) = self.guests.get_mut(&key) {
            standing.power = power;
            standing.fields.insert(Plain::Running.into(), Value::Flag(is_on(power)));
        }
    }

    /// Says that a guest is as it was declared.
    fn already(&mut self, key: GuestKey, fields: &Fields) {
        let Some(standing) = self.guests.get(&key) else { return };
        let waiting: Vec<String> =
            fields.keys().filter(|field| standing.seen.pending.contains(*field)).map(Field::label).collect();
        let called = standing.called();
        let text = if waiting.is_empty() {
            format!("{called} is as declared already.")
        } else {
            let take = take_effect(&waiting);
            format!("{called} is as declared, but {} {take} when it next stops and starts.", waiting.join(", "))
        };
        let password = fields.contains_key(&Plain::Password.into());
        self.note(text);
        if password {
            self.note(format!(
                "{called} has a password, and Proxmox does not show which: it is not set again. To set another one, \
                 take the present one away in Proxmox first."
            ));
        }
    }
}

/// An EFI disk where nobody said one.
pub(super) fn efi_disk(storage: String) -> Sourced<Value> {
    let why = "a VM with UEFI firmware keeps its boot entries on a disk of its own, beside its first one";
    Sourced::new(Value::Text(storage), Source::default(why))
}

/// Whether a field is set together with others; the rest takes calls of its own. `is` tells whether a drive is there:
/// one is added like any field, and moved by a call of its own.
fn in_one_call(field: &Field, is: Option<&Value>) -> bool {
    match field {
        Field::Plain(Plain::EfiDisk | Plain::Tpm | Plain::CloudInit) => {
            is.is_none_or(|is| *is == Value::Text(String::new()))
        }
        Field::Plain(Plain::Running | Plain::Pool | Plain::Ha)
        | Field::Disk(_, DiskPart::Size | DiskPart::Storage | DiskPart::Import)
        | Field::Firewall(_) => false,
        Field::Plain(_) | Field::Disk(..) | Field::Nic(..) => true,
    }
}

/// Whether a template takes another value of it.
const fn is_of_template(field: &Field) -> bool {
    !matches!(field, Field::Plain(Plain::Running) | Field::Disk(..))
}

/// Whether a VM has it from its cloud-init drive.
pub(crate) const fn is_cloud_init(field: &Field) -> bool {
    matches!(
        field,
        Field::Plain(
            Plain::CiUser
                | Plain::Password
                | Plain::SshKeys
                | Plain::CiUpgrade
                | Plain::Snippets
                | Plain::Nameserver
                | Plain::SearchDomain
        ) | Field::Nic(_, NicPart::Ip | NicPart::Gateway | NicPart::Ip6 | NicPart::Gateway6)
    )
}

/// What one field does, or several of them.
const fn take_effect(fields: &[String]) -> &'static str {
    if fields.len() == 1 { "takes effect" } else { "take effect" }
}

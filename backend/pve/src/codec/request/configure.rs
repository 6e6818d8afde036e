//! A guest's configuration, its devices, and what it belongs to.

use std::collections::BTreeMap;

use mycopod_core::field::{DiskPart, Field, Plain, Slot, Value};
use mycopod_core::firewall::FirewallCall;
use mycopod_core::guest::Kind;
use mycopod_core::ports::CallError;
use mycopod_core::size::Size;
use reqwest::Method;

use super::{CONTROLLER, Call, Request};
use crate::codec::form::{Form, plain, set_fields, unfit};
use crate::codec::{disk, firewall};

impl Call<'_> {
    fn configure(&self, form: Form) -> Result<Request, CallError> {
        self.on(Method::PUT, &["config"], form)
    }

    pub(super) fn adopt(&self) -> Result<Request, CallError> {
        let guest = self.present()?;
        let mut form = Form::guarded(guest);
        form.set("description", &self.marked(guest.raw.get("description").map_or("", String::as_str)));
        self.configure(form)
    }

    pub(super) fn update(
        &self,
        fields: &BTreeMap<Field, Value>,
        macs: &BTreeMap<u8, String>,
    ) -> Result<Request, CallError> {
        let guest = self.present()?;
        let mut form = Form::guarded(guest);
        set_fields(self.guest.kind, fields, &guest.raw, macs, false, &mut form)?;
        match (self.secret, self.guest.kind) {
            (Some(secret), Kind::Qemu) => form.set("cipassword", secret.expose()),
            (Some(_), Kind::Lxc) => return Err(unfit("a container takes a password at its making alone")),
            (None, _) => {}
        }
        if let Some(Value::Text(notes)) = fields.get(&Field::Plain(Plain::Description)) {
            form.set("description", &self.marked(notes));
        }
        self.configure(form)
    }

    pub(super) fn add_disk(
        &self,
        slot: &Slot,
        storage: &str,
        size: Size,
        parts: &BTreeMap<DiskPart, Value>,
    ) -> Result<Request, CallError> {
        let guest = self.present()?;
        if guest.raw.contains_key(slot.as_str()) {
            return Err(unfit(format!("{slot} of {} is already in use", self.guest.name)));
        }
        let iothreads = guest.raw.get("scsihw").is_some_and(|controller| controller == CONTROLLER);
        let mut form = Form::guarded(guest);
        form.set(slot.as_str(), &disk::make(self.guest.kind, slot, storage, size, parts, iothreads)?);
        self.configure(form)
    }

    pub(super) fn resize(&self, slot: &Slot, size: Size) -> Result<Request, CallError> {
        let mut form = Form::guarded(self.present()?);
        form.set("disk", slot);
        form.set("size", &disk::print_size(size));
        self.on(Method::PUT, &["resize"], form)
    }

    pub(super) fn move_disk(&self, disk: &str, storage: &str) -> Result<Request, CallError> {
        let mut form = Form::guarded(self.present()?);
        let (call, key) = match self.guest.kind {
            Kind::Qemu => ("move_disk", "disk"),
            Kind::Lxc => ("move_volume", "volume"),
        };
        form.set(key, plain(disk)?);
        form.set("storage", plain(storage)?);
        // Without it the old volume would stay behind as an unused disk.
        form.set("delete", &1);
        self.on(Method::POST, &[call], form)
    }

    pub(super) fn detach(&self, slot: &Slot, volume: &str) -> Result<Request, CallError> {
        let guest = self.present()?;
        if guest.raw.get(slot.as_str()).is_none_or(|entry| entry.split(',').next() != Some(volume)) {
            return Err(unfit(format!("{slot} of {} is not {volume}", self.guest.name)));
        }
        let mut form = Form::guarded(guest);
        form.delete(slot.as_str());
        self.configure(form)
    }

    pub(super) fn destroy_volume(&self, volume: &str) -> Result<Request, CallError> {
        let guest = self.present()?;
        let unused = guest.raw.iter().find(|(key, entry)| key.starts_with("unused") && *entry == volume);
        let (key, _) = unused.ok_or_else(|| unfit(format!("{volume} is no unused disk of {}", self.guest.name)))?;
        let mut form = Form::guarded(guest);
        form.delete(key);
        self.configure(form)
    }

    pub(super) fn remove_nic(&self, number: u8) -> Result<Request, CallError> {
        let guest = self.present()?;
        let mut form = Form::guarded(guest);
        for key in [format!("net{number}"), format!("ipconfig{number}")] {
            if guest.raw.contains_key(&key) {
                form.delete(&key);
            }
        }
        self.configure(form)
    }

    pub(super) fn set_pool(&self, from: &str, to: &str) -> Result<Request, CallError> {
        let mut form = Form::default();
        form.set("vms", &self.guest.vmid);
        if to.is_empty() {
            form.set("delete", &1);
            form.set("poolid", from);
        } else {
            form.set("allow-move", &1);
            form.set("poolid", to);
        }
        self.beside(Method::PUT, &["pools"], form)
    }

    pub(super) fn set_ha(&self, known: bool, state: &str) -> Result<Request, CallError> {
        let sid = format!("{}:{}", if self.is_vm() { "vm" } else { "ct" }, self.guest.vmid);
        let resources = ["cluster", "ha", "resources"];
        let resource = ["cluster", "ha", "resources", &sid];
        let mut form = Form::default();
        if !state.is_empty() {
            form.set("state", plain(state)?);
        }
        match (known, state.is_empty()) {
            (false, _) => {
                form.set("sid", &sid);
                self.beside(Method::POST, &resources, form)
            }
            (true, true) => self.beside(Method::DELETE, &resource, form),
            (true, false) => self.beside(Method::PUT, &resource, form),
        }
    }

    pub(super) fn firewall(&self, call: &FirewallCall) -> Result<Request, CallError> {
        let (method, below, form) = firewall::call(call, self.present()?)?;
        let below: Vec<&str> = ["firewall"].into_iter().chain(below.iter().map(String::as_str)).collect();
        self.on(method, &below, form)
    }
}

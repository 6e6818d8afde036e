//! Guests that are made, copied or written anew from a backup.

use std::collections::BTreeMap;

use mycopod_core::field::{DiskPart, Field, Plain, Slot, Value};
use mycopod_core::guest::{Kind, Vmid};
use mycopod_core::observed::Look;
use mycopod_core::ports::CallError;
use reqwest::Method;

use super::{CONTROLLER, Call, Request};
use crate::codec::disk;
use crate::codec::form::{Form, plain, set_fields, unfit};
use crate::codec::plain::name_key;

/// Linux 2.6 and later.
const OS_TYPE: &str = "l26";

impl Call<'_> {
    pub(super) fn create(
        &self,
        fields: &BTreeMap<Field, Value>,
        template: Option<&str>,
        macs: &BTreeMap<u8, String>,
    ) -> Result<Request, CallError> {
        self.vacant()?;
        let kind = self.guest.kind;
        let mut form = self.made("vmid");
        form.set(name_key(kind), &self.guest.name);
        match (kind, template) {
            (Kind::Qemu, None) => {
                form.set("ostype", OS_TYPE);
                form.set("scsihw", CONTROLLER);
            }
            (Kind::Lxc, Some(template)) => form.set("ostemplate", template),
            (Kind::Qemu, Some(_)) => return Err(unfit("a VM is not unpacked from a template volume")),
            (Kind::Lxc, None) => return Err(unfit("a container needs a template volume")),
        }
        let mut rest = fields.clone();
        let mut disks: BTreeMap<&Slot, BTreeMap<DiskPart, Value>> = BTreeMap::new();
        for (field, value) in fields {
            let Field::Disk(slot, part) = field else { continue };
            disks.entry(slot).or_default().insert(*part, value.clone());
            rest.remove(field);
        }
        for (slot, mut parts) in disks {
            let (Some(Value::Size(size)), Some(Value::Text(storage))) =
                (parts.remove(&DiskPart::Size), parts.remove(&DiskPart::Storage))
            else {
                return Err(unfit(format!("{slot} has no size or no storage")));
            };
            form.set(slot.as_str(), &disk::make(kind, slot, &storage, size, &parts, true)?);
        }
        // A pool is a parameter of its own at a guest's making, and the one of the settings gives way to it.
        if let Some(Value::Text(pool)) = rest.remove(&Plain::Pool.into()) {
            form.set("pool", &pool);
        }
        set_fields(kind, &rest, &BTreeMap::new(), macs, true, &mut form)?;
        let notes = match fields.get(&Field::Plain(Plain::Description)) {
            Some(Value::Text(notes)) => notes.as_str(),
            _ => "",
        };
        form.set("description", &self.marked(notes));
        if let Some(secret) = self.secret {
            form.set(if self.is_vm() { "cipassword" } else { "password" }, secret.expose());
        }
        self.on_node(&self.guest.node, &[], form)
    }

    /// A copy is asked of its source's node.
    pub(super) fn clone_of(
        &self,
        from: Vmid,
        from_node: &str,
        full: bool,
        storage: Option<&str>,
    ) -> Result<Request, CallError> {
        self.vacant()?;
        let mut form = self.made("newid");
        form.set(name_key(self.guest.kind), &self.guest.name);
        form.set("full", &u8::from(full));
        if let (true, Some(storage)) = (full, storage) {
            form.set("storage", plain(storage)?);
        }
        if self.guest.node != from_node {
            form.set("target", &self.guest.node);
        }
        form.set("description", &self.marked(""));
        self.on_node(from_node, &[&from.to_string(), "clone"], form)
    }

    pub(super) fn restore(&self, backup: &str) -> Result<Request, CallError> {
        let guest = &self.present()?.guest;
        let mut form = Form::default();
        form.set("vmid", &guest.vmid);
        form.set("force", &1);
        match guest.kind {
            Kind::Qemu => form.set("archive", plain(backup)?),
            Kind::Lxc => {
                form.set("ostemplate", plain(backup)?);
                form.set("restore", &1);
            }
        }
        self.on_node(&guest.node, &[], form)
    }

    fn on_node(&self, node: &str, below: &[&str], form: Form) -> Result<Request, CallError> {
        let path = ["nodes", plain(node)?, self.guest.kind.as_str()].into_iter().chain(below.iter().copied());
        let path = path.map(str::to_owned).collect();
        Ok(Request { node: node.to_owned(), method: Method::POST, path, params: form.into_params() })
    }

    /// That nothing is known to have the number. Where that is unknown, Proxmox's own claim on it decides.
    fn vacant(&self) -> Result<(), CallError> {
        match self.seen {
            Look::Present(seen) => Err(unfit(format!("{} is taken by {}", seen.guest.vmid, seen.guest.name))),
            Look::Absent | Look::Unknown(_) | Look::Facility(_) => Ok(()),
        }
    }

    /// What all new guests have: the number, by the name that the call has for it, and the pool.
    fn made(&self, number: &str) -> Form {
        let mut form = Form::default();
        form.set(number, &self.guest.vmid);
        if let Some(pool) = self.pool {
            form.set("pool", pool);
        }
        form
    }
}

//! What is done to a guest as a whole.

use mycopod_core::guest::Kind;
use mycopod_core::ports::CallError;
use reqwest::Method;

use super::{Call, Request};
use crate::codec::form::{Form, plain};

/// The seconds a guest's system has to restart; then the task fails, and it is never switched off unasked.
const REBOOT_SECONDS: u32 = 180;

impl Call<'_> {
    /// Another power state.
    pub(super) fn turn(&self, how: &str, form: Form) -> Result<Request, CallError> {
        self.on(Method::POST, &["status", how], form)
    }

    pub(super) fn shutdown(&self, seconds: u64) -> Result<Request, CallError> {
        let mut form = Form::default();
        form.set("timeout", &seconds);
        form.set("forceStop", &0);
        self.turn("shutdown", form)
    }

    pub(super) fn reboot(&self) -> Result<Request, CallError> {
        let mut form = Form::default();
        form.set("timeout", &REBOOT_SECONDS);
        self.turn("reboot", form)
    }

    pub(super) fn snapshot(&self, name: &str) -> Result<Request, CallError> {
        let mut form = Form::default();
        form.set("snapname", name);
        if self.is_vm() {
            form.set("vmstate", &0);
        }
        self.on(Method::POST, &["snapshot"], form)
    }

    pub(super) fn backup(&self, storage: &str, mode: &str) -> Result<Request, CallError> {
        let guest = &self.present()?.guest;
        let mut form = Form::default();
        form.set("vmid", &guest.vmid);
        form.set("storage", plain(storage)?);
        form.set("mode", plain(mode)?);
        form.set("compress", "zstd");
        self.beside(Method::POST, &["nodes", &guest.node, "vzdump"], form)
    }

    pub(super) fn migrate(
        &self,
        node: &str,
        running: bool,
        local_disks: bool,
        storage: Option<&str>,
    ) -> Result<Request, CallError> {
        let mut form = Form::default();
        form.set("target", plain(node)?);
        let (goes_on, at) = match self.guest.kind {
            Kind::Qemu => ("online", "targetstorage"),
            Kind::Lxc => ("restart", "target-storage"),
        };
        if running {
            form.set(goes_on, &1);
        }
        // A container's local disks are always copied; it has no such parameter.
        if local_disks && self.is_vm() {
            form.set("with-local-disks", &1);
        }
        if let Some(storage) = storage {
            form.set(at, plain(storage)?);
        }
        self.on(Method::POST, &["migrate"], form)
    }

    pub(super) fn delete(&self) -> Result<Request, CallError> {
        let mut form = Form::default();
        // Out of backup jobs, replication and HA, so that a later guest of that number inherits nothing.
        form.set("purge", &1);
        // The disks in its configuration go, detached ones included. Volumes that only bear its number were
        // in no plan: they stay.
        form.set("destroy-unreferenced-disks", &0);
        self.on(Method::DELETE, &[], form)
    }
}

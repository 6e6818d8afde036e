//! What others do past the engines, and what the lab remembers of it.

use std::collections::BTreeMap;
use std::time::Duration;

use mycopod_sandbox::{ByHand, Fault};
use serde_json::Value;

use super::Lab;
use crate::fate::Fate;
use crate::time::standing;
use crate::world;

/// How long a node is out of reach: longer than a read is tried, shorter than patience.
pub const OFFLINE: Duration = Duration::from_secs(20);
/// What somebody changes that no deed is about.
pub const EDITED: &str = "onboot";

/// A guest that was changed by hand.
pub(super) struct Edited {
    vmid: u32,
    at: i64,
    /// How many exchanges there had been.
    count: u64,
    /// Its configuration before.
    before: Value,
}

/// What the deeds are about, for those who do something to it.
#[derive(Clone, Debug, Default)]
pub struct Victim {
    /// A guest.
    pub vmid: Option<u32>,
    /// The node that the deed is carried out on.
    pub node: Option<String>,
}

impl Lab {
    fn config(&self, vmid: u32) -> Value {
        self.sandbox.world().to_json()["guests"][vmid.to_string()]["config"].clone()
    }

    /// Somebody does something past us, unless it cannot be done. Not between a look and the call that follows it: nothing
    /// of Proxmox's could tell those two apart, see the guarantees.
    pub fn by_hand(&mut self, deed: &ByHand) -> bool {
        let before = match deed {
            ByHand::Edit { vmid, .. }
            | ByHand::Rename { vmid, .. }
            | ByHand::Destroy { vmid }
            | ByHand::Recycle { vmid, .. } => Some((*vmid, self.config(*vmid))),
            _ => None,
        };
        if self.has_write() || self.sandbox.by_hand(deed).is_err() {
            return false;
        }
        let (at, count) = (self.time.micros(), self.count());
        self.edits.extend(before.map(|(vmid, before)| Edited { vmid, at, count, before }));
        match deed {
            ByHand::Clone { newid, .. } => self.foreign.insert(*newid),
            ByHand::Recycle { vmid, .. } => self.foreign.insert(*vmid),
            ByHand::Destroy { vmid } => self.foreign.remove(vmid),
            _ => false,
        };
        true
    }

    /// Whether a guest is another one than at that moment, by somebody's hand.
    #[must_use]
    pub fn is_edited_since(&self, vmid: u32, micros: i64) -> bool {
        self.is_edited_between(vmid, micros, u64::MAX)
    }

    /// Whether a guest was changed by somebody's hand after that moment and before that exchange, and is still another one.
    #[must_use]
    pub fn is_edited_between(&self, vmid: u32, micros: i64, exchange: u64) -> bool {
        let is_meant = |edited: &&Edited| edited.vmid == vmid && edited.at > micros && edited.count <= exchange;
        self.edits.iter().find(is_meant).is_some_and(|first| self.config(vmid) != first.before)
    }

    /// Somebody does to the deed's guest or node what `fate` says.
    pub(super) fn somebody(&mut self, fate: Fate) {
        match (fate, self.victim.clone()) {
            (Fate::Edit, Victim { vmid: Some(vmid), .. }) => {
                let is_on = self.config(vmid)[EDITED] == "1";
                let value = if is_on { "0" } else { "1" };
                let set = BTreeMap::from([(EDITED.to_owned(), value.to_owned())]);
                self.by_hand(&ByHand::Edit { vmid, set, delete: Vec::new() });
            }
            (Fate::Recycle, Victim { vmid: Some(vmid), .. }) => {
                self.by_hand(&ByHand::Recycle { vmid, name: None });
            }
            (Fate::Offline, Victim { node: Some(node), .. }) => {
                self.sandbox.inject_for(Fault::NodeOffline { node }, OFFLINE).expect("a node can go out of reach");
            }
            _ => {}
        }
    }

    /// Somebody calls Proxmox's own API; `{name}` in a path is the guest of that name, and `{comment}` in a form what the
    /// first of the objects there bears.
    pub async fn calls(&mut self, (method, path, form): (&str, &str, &[(&str, &str)])) -> Result<(), String> {
        let world = self.sandbox.world().to_json();
        let path = match path.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            Some((name, rest)) => {
                world::path_of(&world, name).ok_or_else(|| format!("there is no guest {name}"))? + rest
            }
            None => path.to_owned(),
        };
        let method = method.parse().map_err(|_| format!("{method} is no method"))?;
        let there = standing(self.hand.does(reqwest::Method::GET, &path, &[])).await.unwrap_or_default();
        let comment = there[0]["comment"].as_str().unwrap_or_default();
        let form = form.iter().map(|(key, value)| (*key, if *value == "{comment}" { comment } else { value }));
        let form: Vec<(&str, &str)> = form.collect();
        standing(self.hand.does(method, &path, &form)).await.map(|_| ())
    }
}

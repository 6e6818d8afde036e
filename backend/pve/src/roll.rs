//! The cluster's own list of guests, and a look at one that is in it.

use std::collections::BTreeMap;

use futures::future::try_join;
use mycopod_core::guest::{GuestKey, GuestRef, Kind};
use mycopod_core::observed::Sighting;
use mycopod_core::ports::CallError;
use mycopod_core::roll::{Listed, ListedNode, Roll};
use mycopod_core::size::Size;

use crate::client::Pve;
use crate::codec::{self, power, sighting};
use crate::json::Row;
use crate::observe::{belong, home, kind, unreadable};

impl Pve {
    /// Calls the roll.
    pub(crate) async fn call_the_roll(&self) -> Result<Roll, CallError> {
        let (rows, ha) = try_join(self.list(&["cluster", "resources"], &[]), self.ha_states()).await?;
        let mut nodes: BTreeMap<String, ListedNode> = BTreeMap::new();
        let mut guests = BTreeMap::new();
        for row in &rows {
            if let Some(kind) = kind(row) {
                let listed = guest(kind, row, &ha)?;
                guests.insert(listed.guest.key(), listed);
                continue;
            }
            let Some(node) = row.text("node") else { continue };
            match row.text("type").as_deref() {
                Some("node") => {
                    let node = nodes.entry(node).or_default();
                    node.online = row.text("status").as_deref() == Some("online");
                    node.memory_used = size(row, "mem");
                }
                Some("storage") => {
                    let Some((storage, total)) = row.text("storage").zip(size(row, "maxdisk")) else { continue };
                    let used = size(row, "disk").unwrap_or_default();
                    let free = Size::bytes(total.as_bytes().saturating_sub(used.as_bytes()));
                    nodes.entry(node).or_default().storages.insert(storage, (total, free));
                }
                _ => {}
            }
        }
        if nodes.is_empty() {
            return Err(CallError::Malformed("the cluster’s list has no nodes".to_owned()));
        }
        Ok(Roll { at: self.clock.now(), nodes, guests })
    }

    /// Reads a guest where the list has it.
    pub(crate) async fn read_listed(&self, listed: &Listed) -> Result<Option<Sighting>, CallError> {
        let (key, node) = (listed.guest.key(), &listed.guest.node);
        let vmid = key.vmid.to_string();
        let status = ["nodes", node, key.kind.as_str(), &vmid, "status", "current"];
        let (configuration, status) = match try_join(self.configuration(key, node), self.object(&status)).await {
            Err(error) if error.is_not_there(key.vmid) => return Ok(None),
            read => read?,
        };
        let here = codec::Listed { key, node: node.clone(), power: power(&status) };
        let mut seen = sighting(&here, configuration, None, &self.marker, self.clock.now());
        let of = |known: &Option<String>| known.iter().map(|known| (key, known.clone())).collect();
        belong(&mut seen, &of(&listed.pool), &of(&listed.ha));
        Ok(Some(seen))
    }
}

fn size(row: &Row, name: &str) -> Option<Size> {
    row.number(name).map(Size::bytes)
}

/// A guest's row. One that cannot be read is an error: what it hides could be any guest.
fn guest(kind: Kind, row: &Row, ha: &BTreeMap<GuestKey, String>) -> Result<Listed, CallError> {
    let (key, node) = home(kind, row).ok_or_else(|| unreadable(row))?;
    let name = row.text("name").unwrap_or_default();
    Ok(Listed {
        guest: GuestRef { kind, vmid: key.vmid, name, node },
        power: power(row),
        template: row.flag("template"),
        lock: row.text("lock"),
        tags: codec::tags(&row.text("tags").unwrap_or_default()),
        memory: size(row, "maxmem"),
        cpus: row.number("maxcpu"),
        disk: size(row, "maxdisk"),
        pool: row.text("pool"),
        ha: ha.get(&key).cloned(),
    })
}

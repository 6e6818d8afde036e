//! A look at the whole cluster.

use std::collections::{BTreeMap, BTreeSet};

use chrono::DateTime;
use futures::future::{join_all, try_join, try_join_all, try_join3, try_join5};
use mycopod_core::field::{DiskPart, Field, Plain, Value};
use mycopod_core::guest::{GuestKey, Kind, Vmid};
use mycopod_core::observed::{Bridge, Image, Look, Node, NodeState, Observed, Origin, Sighting, Storage, Volume};
use mycopod_core::ports::CallError;
use mycopod_core::size::Size;

use crate::client::Pve;
use crate::codec::{Configuration, Listed, sighting};
use crate::json::{Row, excerpt};

/// More than Proxmox supports in one cluster.
const MAX_NODES: usize = 128;
/// Twice what the product is made for; a longer list is no list of guests.
const MAX_GUESTS: usize = 20_000;

/// Container templates among a storage's content.
const TEMPLATES: &str = "vztmpl";
/// The contents of storages that guests are made, restored or booted from.
const CONTENTS: [&str; 4] = [TEMPLATES, "iso", "import", "backup"];

/// What one node told.
struct Told {
    node: Node,
    guests: Vec<Sighting>,
    volumes: Vec<Volume>,
}

impl Pve {
    /// Looks at everything. A node that does not answer fully is unreachable, with all its guests.
    pub(crate) async fn survey(&self) -> Result<Observed, CallError> {
        let (version, listed) = try_join(self.object(&["version"]), self.list(&["nodes"], &[])).await?;
        self.transport.saw_nodes(&listed).await;
        let name = |row: &Row| row.text("node").ok_or_else(|| unreadable(row));
        let names = listed.iter().map(|row| Ok((name(row)?, row.text("status").as_deref() != Some("offline"))));
        let names: BTreeMap<String, bool> = names.collect::<Result<_, CallError>>()?;
        if names.is_empty() || names.len() > MAX_NODES {
            return Err(CallError::Malformed(format!("it lists {} nodes", names.len())));
        }
        let told = join_all(names.iter().map(async |(name, online)| {
            let told = if *online {
                self.ask(name).await.map_err(|error| error.to_string())
            } else {
                Err("it is offline".into())
            };
            (name.clone(), told)
        }));
        let told: BTreeMap<_, _> = told.await.into_iter().collect();
        let (cluster, backup_jobs, replicas) =
            try_join3(self.cluster_name(&names), self.backup_jobs(), self.replicas()).await?;

        let mut observed = Observed {
            at: self.clock.now(),
            version: version.text("version").unwrap_or_default(),
            cluster,
            nodes: BTreeMap::new(),
            guests: Vec::new(),
            images: Vec::new(),
            volumes: Vec::new(),
            pools: BTreeSet::new(),
            backup_jobs,
            replicas,
        };
        for (name, told) in told {
            let state = match told {
                Ok(told) => {
                    observed.guests.extend(told.guests);
                    observed.images.extend(told.volumes.iter().filter_map(container_image));
                    observed.volumes.extend(told.volumes.into_iter().filter(|volume| volume.content != TEMPLATES));
                    NodeState::Seen(told.node)
                }
                Err(why) => NodeState::Unreachable { why },
            };
            observed.nodes.insert(name, state);
        }
        if observed.guests.len() > MAX_GUESTS {
            return Err(CallError::Malformed(format!("it lists {} guests", observed.guests.len())));
        }
        self.settle_moves(&mut observed).await?;
        observed.guests.sort_by_key(|seen| seen.guest.key());
        observed.images.extend(observed.guests.iter().filter(|seen| seen.template).map(image));
        Ok(observed)
    }

    /// The cluster's name; a lone node's own. Without the right to ask for it (Sys.Audit on `/`), the first node's.
    async fn cluster_name(&self, nodes: &BTreeMap<String, bool>) -> Result<String, CallError> {
        let rows = match self.list(&["cluster", "status"], &[]).await {
            Err(CallError::Rejected { status: 403, .. }) => Vec::new(),
            rows => rows?,
        };
        let cluster = rows.iter().find(|row| row.text("type").as_deref() == Some("cluster"));
        Ok(cluster.and_then(|row| row.text("name")).or_else(|| nodes.keys().next().cloned()).unwrap_or_default())
    }

    /// A guest that moves while the nodes are asked can be in both lists or in none. The cluster's own list
    /// has each guest once, with its node as of now.
    async fn settle_moves(&self, observed: &mut Observed) -> Result<(), CallError> {
        let (listed, ha) = try_join(self.list(&["cluster", "resources"], &[]), self.ha_states()).await?;
        let homes = homes(&listed)?;
        observed.pools = listed
            .iter()
            .filter(|row| row.text("type").as_deref() == Some("pool"))
            .filter_map(|row| row.text("pool"))
            .collect();
        observed.guests.retain(|seen| homes.get(&seen.guest.key()).is_none_or(|node| *node == seen.guest.node));
        let seen: BTreeSet<GuestKey> = observed.guests.iter().map(|seen| seen.guest.key()).collect();
        let missed = homes.into_iter().filter(|(key, node)| !seen.contains(key) && observed.node(node).is_some());
        let missed: Vec<_> = missed.collect();
        for (key, node) in missed {
            let why = match self.look_at(key).await {
                Ok(Look::Present(sighting)) if observed.node(&sighting.guest.node).is_some() => {
                    observed.guests.push(*sighting);
                    continue;
                }
                // It was deleted meanwhile, or is now where nothing is known anyway.
                Ok(Look::Absent | Look::Present(_) | Look::Facility(_)) => continue,
                Ok(Look::Unknown(why)) => why,
                Err(error) => error.to_string(),
            };
            let why = format!("{} {} cannot be read: {why}", key.kind.noun(), key.vmid);
            observed.guests.retain(|seen| seen.guest.node != node);
            observed.images.retain(|image| image.node != node);
            observed.nodes.insert(node, NodeState::Unreachable { why });
        }
        let pools = pools(&listed);
        for seen in &mut observed.guests {
            belong(seen, &pools, &ha);
        }
        Ok(())
    }

    /// The state in which the HA manager keeps each of its guests. Without the right to ask (Sys.Audit on `/`) none is
    /// known to be its.
    pub(crate) async fn ha_states(&self) -> Result<BTreeMap<GuestKey, String>, CallError> {
        let rows = match self.list(&["cluster", "ha", "resources"], &[]).await {
            Err(CallError::Rejected { .. }) => Vec::new(),
            rows => rows?,
        };
        let state = |row: &Row| {
            let sid = row.text("sid")?;
            let (kind, vmid) = sid.split_once(':')?;
            let kind = match kind {
                "vm" => Kind::Qemu,
                "ct" => Kind::Lxc,
                _ => return None,
            };
            let vmid = vmid.parse::<u32>().ok().and_then(|vmid| Vmid::try_from(vmid).ok())?;
            // What it does not say is what it does by default.
            Some((GuestKey { kind, vmid }, row.text("state").unwrap_or_else(|| "started".to_owned())))
        };
        Ok(rows.iter().filter_map(state).collect())
    }

    /// Asks one node for everything.
    async fn ask(&self, name: &str) -> Result<Told, CallError> {
        let path = |last| ["nodes", name, last];
        let (status, storages, network, vms, containers) = try_join5(
            self.object(&path("status")),
            self.list(&path("storage"), &[]),
            // Bridges and vnets alike, which may be used.
            self.list(&path("network"), &[("type", "any_bridge")]),
            // Without `full` a suspended VM is listed as one that runs.
            self.list(&path("qemu"), &[("full", "1")]),
            self.list(&path("lxc"), &[]),
        )
        .await?;
        let storages: BTreeMap<_, _> = storages.iter().filter_map(storage).collect();
        let listed = listed(name, &vms, &containers)?;
        if listed.len() > MAX_GUESTS {
            return Err(CallError::Malformed(format!("it lists {} guests", listed.len())));
        }
        let (guests, volumes) =
            try_join(try_join_all(listed.iter().map(|listed| self.read(listed))), self.volumes(name, &storages))
                .await?;
        if guests.iter().any(Option::is_none) {
            self.prove_gone(name, listed.iter().zip(&guests).filter(|(_, read)| read.is_none())).await?;
        }
        let memory = status.inner("memory");
        let node = Node {
            at: self.clock.now(),
            cpus: status.inner("cpuinfo").number("cpus").and_then(|cpus| u32::try_from(cpus).ok()).unwrap_or_default(),
            memory: Size::bytes(memory.number("total").unwrap_or_default()),
            memory_used: Size::bytes(memory.number("used").unwrap_or_default()),
            storages,
            bridges: network.iter().filter_map(bridge).collect(),
        };
        Ok(Told { node, guests: guests.into_iter().flatten().collect(), volumes })
    }

    /// A listed guest with its configuration; `None` where that is gone.
    async fn read(&self, listed: &Listed) -> Result<Option<Sighting>, CallError> {
        match self.configuration(listed.key, &listed.node).await {
            Ok(configuration) => Ok(Some(sighting(listed, configuration, None, &self.marker, self.clock.now()))),
            Err(error) if error.is_not_there(listed.key.vmid) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The configuration of a guest on that node, by one call for what is in use and what is pending.
    pub(crate) async fn configuration(&self, guest: GuestKey, node: &str) -> Result<Configuration, CallError> {
        let vmid = guest.vmid.to_string();
        Ok(Configuration::of(&self.list(&["nodes", node, guest.kind.as_str(), &vmid, "pending"], &[]).await?))
    }

    /// Fails unless the node's own lists no longer have the guests whose configurations were not there.
    async fn prove_gone<'a>(
        &self,
        node: &str,
        missing: impl Iterator<Item = (&'a Listed, &'a Option<Sighting>)>,
    ) -> Result<(), CallError> {
        let (vms, containers) =
            try_join(self.list(&["nodes", node, "qemu"], &[]), self.list(&["nodes", node, "lxc"], &[])).await?;
        let listed: BTreeSet<GuestKey> = listed(node, &vms, &containers)?.iter().map(|listed| listed.key).collect();
        for (guest, _) in missing {
            if listed.contains(&guest.key) {
                let vmid = guest.key.vmid;
                return Err(CallError::Malformed(format!(
                    "it lists {vmid}, and says that its configuration is not there"
                )));
            }
        }
        Ok(())
    }

    /// What is on a node's storages besides guests' disks. A storage that cannot be listed offers none: that hides no
    /// guest.
    async fn volumes(&self, node: &str, storages: &BTreeMap<String, Storage>) -> Result<Vec<Volume>, CallError> {
        let wanted = storages
            .iter()
            .flat_map(|(name, storage)| CONTENTS.iter().map(move |content| (name, storage, *content)))
            .filter(|(_, storage, content)| storage.content.contains(*content));
        let lists = join_all(wanted.map(async |(name, _, content)| {
            let path = ["nodes", node, "storage", name, "content"];
            let rows = self.list(&path, &[("content", content)]).await.unwrap_or_else(|error| {
                tracing::warn!(node, storage = name, content, %error, "a storage cannot be listed");
                Vec::new()
            });
            rows.iter().filter_map(|row| volume(row, content, node)).collect::<Vec<_>>()
        }));
        Ok(lists.await.into_iter().flatten().collect())
    }
}

/// A row of a storage's content.
fn volume(row: &Row, content: &str, node: &str) -> Option<Volume> {
    let vmid = row.number("vmid").and_then(|vmid| u32::try_from(vmid).ok()).and_then(|vmid| Vmid::try_from(vmid).ok());
    let kind = match row.text("subtype").as_deref() {
        Some("qemu") => Some(Kind::Qemu),
        Some("lxc") => Some(Kind::Lxc),
        _ => None,
    };
    Some(Volume {
        volume: row.text("volid")?,
        content: content.to_owned(),
        node: node.to_owned(),
        size: Size::bytes(row.number("size").unwrap_or_default()),
        guest: kind.zip(vmid).map(|(kind, vmid)| GuestKey { kind, vmid }),
        at: row
            .number("ctime")
            .and_then(|seconds| i64::try_from(seconds).ok())
            .and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
    })
}

/// A container template as an image.
fn container_image(volume: &Volume) -> Option<Image> {
    let (_, name) = volume.volume.rsplit_once('/').filter(|_| volume.content == TEMPLATES)?;
    let origin = Origin::Volume(volume.volume.clone());
    Some(Image { name: name.to_owned(), kind: Kind::Lxc, node: volume.node.clone(), origin, disk: None })
}

/// The pool of each guest, by `/cluster/resources`.
pub fn pools(listed: &[Row]) -> BTreeMap<GuestKey, String> {
    listed.iter().filter_map(|row| Some((home(kind(row)?, row)?.0, row.text("pool")?))).collect()
}

/// Adds to a sighting what stands outside its configuration.
pub fn belong(seen: &mut Sighting, pools: &BTreeMap<GuestKey, String>, ha: &BTreeMap<GuestKey, String>) {
    let key = seen.guest.key();
    for (field, known) in [(Plain::Pool, pools.get(&key)), (Plain::Ha, ha.get(&key))] {
        seen.fields.extend(known.map(|value| (field.into(), Value::Text(value.clone()))));
    }
}

/// The guests in `/cluster/resources`, each with its node. A row that cannot be read is an error: what it hides
/// could be any guest.
pub fn homes(rows: &[Row]) -> Result<BTreeMap<GuestKey, String>, CallError> {
    let guests = rows.iter().filter_map(|row| Some((kind(row)?, row)));
    guests.map(|(kind, row)| home(kind, row).ok_or_else(|| unreadable(row))).collect()
}

/// The kind of guest that a row of `/cluster/resources` is of.
pub fn kind(row: &Row) -> Option<Kind> {
    match row.text("type").as_deref() {
        Some("qemu") => Some(Kind::Qemu),
        Some("lxc") => Some(Kind::Lxc),
        _ => None,
    }
}

/// Which guest such a row is of, and its node.
pub fn home(kind: Kind, row: &Row) -> Option<(GuestKey, String)> {
    let node = row.text("node")?;
    Listed::of(kind, &node, row).map(|listed| (listed.key, node))
}

/// The guests in a node's own two lists, under the same rule.
fn listed(node: &str, vms: &[Row], containers: &[Row]) -> Result<Vec<Listed>, CallError> {
    let vms = vms.iter().map(|row| (Kind::Qemu, row));
    let rows = vms.chain(containers.iter().map(|row| (Kind::Lxc, row)));
    rows.map(|(kind, row)| Listed::of(kind, node, row).ok_or_else(|| unreadable(row))).collect()
}

pub fn unreadable(row: &Row) -> CallError {
    CallError::Malformed(format!("a row of a list names nothing: {}", excerpt(&format!("{row:?}"))))
}

fn storage(row: &Row) -> Option<(String, Storage)> {
    let name = row.text("storage").filter(|_| row.flag("active"))?;
    let content = row.text("content").unwrap_or_default();
    let storage = Storage {
        kind: row.text("type").unwrap_or_default(),
        total: Size::bytes(row.number("total").unwrap_or_default()),
        free: Size::bytes(row.number("avail").unwrap_or_default()),
        content: content.split(',').map(str::trim).filter(|kind| !kind.is_empty()).map(str::to_owned).collect(),
        shared: row.flag("shared"),
    };
    Some((name, storage))
}

fn bridge(row: &Row) -> Option<(String, Bridge)> {
    let vlan_aware = match row.text("type")?.as_str() {
        "bridge" => row.flag("bridge_vlan_aware"),
        // Open vSwitch passes tags on unless it is told not to.
        "OVSBridge" => true,
        // A vnet of Proxmox’s software-defined network is plugged into as a bridge is.
        "vnet" => row.flag("vlanaware"),
        _ => return None,
    };
    Some((row.text("iface")?, Bridge { vlan_aware }))
}

/// A template as an image; its disk is the first in the order of its slots.
fn image(template: &Sighting) -> Image {
    let disk =
        template.disks().next().and_then(|slot| match template.get(&Field::Disk(slot.clone(), DiskPart::Size)) {
            Some(Value::Size(size)) => Some(*size),
            _ => None,
        });
    let guest = &template.guest;
    let origin = Origin::Template(guest.vmid);
    Image { name: guest.name.clone(), kind: guest.kind, node: guest.node.clone(), origin, disk }
}

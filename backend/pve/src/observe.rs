//! A look at the whole cluster.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{join_all, try_join, try_join_all, try_join5};
use mycopod_core::field::{DiskPart, Field, Value};
use mycopod_core::guest::{GuestKey, Kind};
use mycopod_core::observed::{Bridge, Image, Look, Node, NodeState, Observed, Origin, Sighting, Storage};
use mycopod_core::ports::CallError;
use mycopod_core::size::Size;

use crate::client::Pve;
use crate::codec::{Configuration, Listed, sighting};
use crate::json::{Row, excerpt};

/// More than Proxmox supports in one cluster.
const MAX_NODES: usize = 128;
/// Twice what the product is made for; a longer list is no list of guests.
const MAX_GUESTS: usize = 20_000;

/// What one node told.
struct Told {
    node: Node,
    guests: Vec<Sighting>,
    volumes: Vec<Image>,
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
        let cluster = self.cluster_name(&names).await?;

        let mut observed = Observed {
            at: self.clock.now(),
            version: version.text("version").unwrap_or_default(),
            cluster,
            nodes: BTreeMap::new(),
            guests: Vec::new(),
            images: Vec::new(),
        };
        for (name, told) in told {
            let state = match told {
                Ok(told) => {
                    observed.guests.extend(told.guests);
                    observed.images.extend(told.volumes);
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
        let listed = self.list(&["cluster", "resources"], &[("type", "vm")]).await?;
        let homes = homes(&listed)?;
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
                Ok(Look::Absent | Look::Present(_)) => continue,
                Ok(Look::Unknown(why)) => why,
                Err(error) => error.to_string(),
            };
            let why = format!("{} {} cannot be read: {why}", key.kind.noun(), key.vmid);
            observed.guests.retain(|seen| seen.guest.node != node);
            observed.images.retain(|image| image.node != node);
            observed.nodes.insert(node, NodeState::Unreachable { why });
        }
        Ok(())
    }

    /// Asks one node for everything.
    async fn ask(&self, name: &str) -> Result<Told, CallError> {
        let path = |last| ["nodes", name, last];
        let (status, storages, network, vms, containers) = try_join5(
            self.object(&path("status")),
            self.list(&path("storage"), &[]),
            self.list(&path("network"), &[]),
            self.list(&path("qemu"), &[]),
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

    /// The container templates on a node's storages. One that cannot be listed offers none: that hides no guest.
    async fn volumes(&self, node: &str, storages: &BTreeMap<String, Storage>) -> Result<Vec<Image>, CallError> {
        let with_templates = storages.iter().filter(|(_, storage)| storage.content.contains("vztmpl"));
        let lists = join_all(with_templates.map(async |(name, _)| {
            let path = ["nodes", node, "storage", name, "content"];
            self.list(&path, &[("content", "vztmpl")]).await.unwrap_or_else(|error| {
                tracing::warn!(node, storage = name, %error, "container templates cannot be listed");
                Vec::new()
            })
        }));
        let volume = |row: &Row| {
            let volume = row.text("volid")?;
            let (_, name) = volume.rsplit_once('/')?;
            let (name, node) = (name.to_owned(), node.to_owned());
            Some(Image { name, kind: Kind::Lxc, node, origin: Origin::Volume(volume), disk: None })
        };
        Ok(lists.await.iter().flatten().filter_map(volume).collect())
    }
}

/// The guests in `/cluster/resources`, each with its node. A row that cannot be read is an error: what it hides
/// could be any guest.
pub fn homes(rows: &[Row]) -> Result<BTreeMap<GuestKey, String>, CallError> {
    let kind = |row: &Row| match row.text("type").as_deref() {
        Some("qemu") => Some(Kind::Qemu),
        Some("lxc") => Some(Kind::Lxc),
        _ => None,
    };
    let home = |kind, row: &Row| {
        let node = row.text("node")?;
        Listed::of(kind, &node, row).map(|listed| (listed.key, node))
    };
    let guests = rows.iter().filter_map(|row| Some((kind(row)?, row)));
    guests.map(|(kind, row)| home(kind, row).ok_or_else(|| unreadable(row))).collect()
}

/// The guests in a node's own two lists, under the same rule.
fn listed(node: &str, vms: &[Row], containers: &[Row]) -> Result<Vec<Listed>, CallError> {
    let vms = vms.iter().map(|row| (Kind::Qemu, row));
    let rows = vms.chain(containers.iter().map(|row| (Kind::Lxc, row)));
    rows.map(|(kind, row)| Listed::of(kind, node, row).ok_or_else(|| unreadable(row))).collect()
}

fn unreadable(row: &Row) -> CallError {
    CallError::Malformed(format!("a row of a list names nothing: {}", excerpt(&format!("{row:?}"))))
}

fn storage(row: &Row) -> Option<(String, Storage)> {
    let name = row.text("storage").filter(|_| row.flag("active"))?;
    let content = row.text("content").unwrap_or_default();
    let storage = Storage {
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

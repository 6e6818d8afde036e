//! Guests as files: what is declared of ours, and what was seen of others.

use std::collections::{BTreeMap, BTreeSet};

use mycopod_core::drift::{existence_of, is_absence};
use mycopod_core::field::{DiskPart, Field, Plain, Value};
use mycopod_core::firewall::FirewallField;
use mycopod_core::id::ResourceId;
use mycopod_core::intent::{Intent, NewOrigin, Wish};
use mycopod_core::observed::{Origin, Ownership, Sighting};
use mycopod_core::reading::{Source, Sourced};
use mycopod_core::typed::{TypedGuest, is_written, terraform, write};
use mycopod_store::declarations;
use mycopod_store::owned_fields::{self, OwnedField};
use mycopod_store::resources::{self, Resource, State};

use crate::clusters::Cluster;
use crate::view::Exported;
use crate::{Engine, Refusal};

/// What files are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A typed intent, in YAML.
    Intent,
    /// Terraform, for the provider bpg/proxmox.
    Terraform,
}

impl Engine {
    /// A file for each of these guests, by name or VMID; without names for each of ours.
    pub async fn export(&self, names: Option<&BTreeSet<String>>, format: Format) -> Result<Vec<Exported>, Refusal> {
        let mut files = Vec::new();
        let mut missing: BTreeSet<&String> = names.into_iter().flatten().collect();
        let clusters = self.0.clusters.all();
        for cluster in &clusters {
            let observed = match cluster.newest(self.clock().now()).await {
                Ok(observed) => observed,
                Err(error) if clusters.len() == 1 => return Err(error.into()),
                // Others need not wait for it; a name that is missing is told.
                Err(_) => continue,
            };
            let (ours, owned) = {
                let mut connection = self.pool().acquire().await?;
                let ours = resources::list(&mut connection, cluster.id).await?;
                (ours, owned_fields::all(&mut connection, cluster.id).await?)
            };
            for seen in observed.guests.iter().filter(|seen| !seen.template) {
                let resource =
                    ours.iter().find(|ours| ours.state == State::Present && seen.ownership == Ownership::Ours(ours.id));
                let vmid = seen.guest.vmid.to_string();
                let wanted = match names {
                    None => resource.is_some(),
                    Some(names) => names.contains(&seen.guest.name) || names.contains(&vmid),
                };
                if wanted {
                    missing.retain(|name| **name != seen.guest.name && **name != vmid);
                    files.push(self.file(cluster, seen, resource, &owned, format).await?);
                }
            }
        }
        if !missing.is_empty() {
            let names = missing.into_iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            return Err(Refusal::NotFound(format!("No guest that was seen is called {names}. Nothing was exported.")));
        }
        unlike(&mut files);
        Ok(files)
    }

    async fn file(
        &self,
        cluster: &Cluster,
        seen: &Sighting,
        resource: Option<&Resource>,
        owned: &[OwnedField],
        format: Format,
    ) -> Result<Exported, Refusal> {
        let origin = match resource {
            Some(resource) => self.origin_of(resource).await?,
            None => None,
        };
        let mut guest = match resource {
            Some(resource) => {
                let image = origin.as_ref().and_then(image).map(said);
                TypedGuest { image, ..declared(seen, resource.id, owned) }
            }
            None => observed(seen),
        };
        let (ending, content) = match format {
            // The first cluster is the one that is meant where none is named.
            Format::Intent => {
                let name = (!cluster.is_first()).then_some(cluster.name.as_str());
                ("yaml", write::yaml(name, std::slice::from_ref(&guest)))
            }
            Format::Terraform => {
                // The provider sets what is not said to its own defaults, so that all has to be said.
                let kind = seen.guest.kind;
                let unset = Plain::ALL.into_iter().filter_map(|plain| Some((Field::Plain(plain), plain.unset()?)));
                let unset = unset.filter(|(field, _)| field.fits(kind));
                let all = seen.fields.iter().map(|(field, value)| (field.clone(), value.clone()));
                let all = unset.chain(all).filter(|(field, _)| is_written(field) && *field != Plain::Name.into());
                let mut fields: BTreeMap<Field, Sourced<Value>> =
                    all.map(|(field, value)| (field, said(value))).collect();
                fields.append(&mut guest.fields);
                guest.fields = fields;
                let node = &seen.guest.node;
                let origin = origin.as_ref().and_then(|origin| made_from(&origin.value, node));
                ("tf", terraform::resource(&guest, node, seen.guest.vmid.get(), origin))
            }
        };
        Ok(Exported {
            cluster: cluster.name.clone(),
            guest: seen.guest.name.clone(),
            vmid: seen.guest.vmid.get(),
            managed: resource.is_some(),
            file: format!("{}.{ending}", seen.guest.name),
            content,
        })
    }

    /// What a guest was made from, by the intent that made it.
    async fn origin_of(&self, resource: &Resource) -> Result<Option<Sourced<NewOrigin>>, Refusal> {
        let declaration = declarations::get(&mut *self.pool().acquire().await?, resource.declaration).await?;
        let intent = declaration.and_then(|declaration| declaration.read).and_then(|read| read.intent);
        Ok(intent.and_then(|intent| origin_in(intent, resource.id)))
    }
}

/// What declarations say of a guest of ours, but for what it is made from.
fn declared(seen: &Sighting, id: ResourceId, owned: &[OwnedField]) -> TypedGuest {
    let held: BTreeMap<&Field, &Value> = owned
        .iter()
        .filter(|owned| owned.resource == id && !owned.is_ignored())
        .map(|owned| (&owned.field, &owned.value))
        .collect();
    let is_out = |field: &Field| existence_of(field).and_then(|of| held.get(&of).copied()).is_some_and(is_absence);
    let mut guest = bare(seen);
    for (field, value) in held.iter().filter(|(field, _)| !is_out(field)) {
        match (field, value) {
            (Field::Plain(Plain::Name), Value::Text(name)) => guest.name = said(name.clone()),
            (Field::Firewall(FirewallField::Rule(_)), Value::Text(rule)) if !rule.is_empty() => {
                guest.rules.push(said(rule.clone()));
            }
            // What was taken out of a firewall is gone, and has no place in what shall be.
            (Field::Firewall(FirewallField::IpSet(_) | FirewallField::Alias(_)), Value::Text(text))
                if text.is_empty() => {}
            _ if is_written(field) => drop(guest.fields.insert((*field).clone(), said((*value).clone()))),
            _ => {}
        }
    }
    guest
}

/// What an intent has that this guest is made from.
fn origin_in(intent: Intent, id: ResourceId) -> Option<Sourced<NewOrigin>> {
    intent.wishes.into_iter().find_map(|wish| match wish {
        Wish::Exist(new) if new.resource == id => new.origin,
        _ => None,
    })
}

/// What somebody said that a guest is made from; a default is not said.
fn image(origin: &Sourced<NewOrigin>) -> Option<String> {
    (!matches!(origin.source, Source::Default { .. })).then(|| origin.value.name.clone())
}

/// What a container was made from: on its node, or on another where it was moved since.
fn made_from<'o>(origin: &'o NewOrigin, node: &str) -> Option<(&'o str, &'o Origin)> {
    let (node, origin) = origin.at.get_key_value(node).or_else(|| origin.at.iter().next())?;
    Some((node, origin))
}

/// What was seen of a guest that is nobody's, to be taken over. What is so by default is left out, and whether it runs is
/// left to whoever runs it.
fn observed(seen: &Sighting) -> TypedGuest {
    let is_default = |field: &Field, value: &Value| match field {
        Field::Plain(plain) => plain.unset().as_ref() == Some(value),
        Field::Disk(_, DiskPart::Backup) => *value == Value::Flag(true),
        Field::Disk(_, DiskPart::Cache) => *value == Value::Text("none".to_owned()),
        _ => match value {
            Value::Flag(flag) => !flag,
            Value::Count(count) => *count == 0,
            Value::Text(text) => text.is_empty() || text == "0",
            Value::Size(_) | Value::Set(_) => false,
        },
    };
    let mut guest = bare(seen);
    guest.adopt = Some(said(true));
    let kept = seen.fields.iter().filter(|(field, value)| {
        let apart = matches!(field, Field::Plain(Plain::Name | Plain::Running));
        !apart && is_written(field) && !field.is_of_making(seen.guest.kind) && !is_default(field, value)
    });
    guest.fields = kept.map(|(field, value)| (field.clone(), said(value.clone()))).collect();
    guest
}

fn bare(seen: &Sighting) -> TypedGuest {
    TypedGuest {
        kind: said(seen.guest.kind),
        name: said(seen.guest.name.clone()),
        vmid: Some(said(seen.guest.vmid.get())),
        node: None,
        image: None,
        adopt: None,
        fields: BTreeMap::new(),
        rules: Vec::new(),
    }
}

fn said<T>(value: T) -> Sourced<T> {
    Sourced::new(value, Source::inferred("exported"))
}

/// Gives files of one name names of their own, by the VMID and the cluster.
fn unlike(files: &mut [Exported]) {
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for file in files.iter() {
        *count.entry(file.file.clone()).or_default() += 1;
    }
    for file in files.iter_mut().filter(|file| count.get(&file.file).is_some_and(|count| *count > 1)) {
        let (stem, ending) = file.file.rsplit_once('.').unwrap_or((&file.file, ""));
        file.file = format!("{stem}-{}-{}.{ending}", file.cluster, file.vmid);
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use mycopod_core::guest::{GuestRef, Kind, Power, Vmid};
    use mycopod_core::id::DeclarationId;
    use mycopod_core::intent::NewGuest;
    use mycopod_core::size::Size;
    use mycopod_store::owned_fields::Decision;
    use uuid::Uuid;

    use super::*;

    fn seen(fields: impl IntoIterator<Item = (&'static str, Value)>) -> Sighting {
        Sighting {
            guest: GuestRef {
                kind: Kind::Qemu,
                vmid: Vmid::try_from(100).unwrap(),
                name: "web-1".to_owned(),
                node: "pve1".to_owned(),
            },
            at: DateTime::UNIX_EPOCH,
            power: Power::Running,
            template: false,
            lock: None,
            digest: String::new(),
            ownership: Ownership::Unmarked,
            smbios_uuid: None,
            fields: fields.into_iter().map(|(field, value)| (field.parse().unwrap(), value)).collect(),
            pending: BTreeSet::new(),
            hotplug: BTreeSet::new(),
            snapshots: None,
            firewall: None,
            raw: BTreeMap::new(),
        }
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn fields(guest: &TypedGuest) -> Vec<String> {
        guest.fields.keys().map(ToString::to_string).collect()
    }

    fn id(number: u128) -> ResourceId {
        ResourceId(Uuid::from_u128(number))
    }

    #[test]
    fn of_a_guest_that_is_nobodys_what_is_so_by_default_is_left_out() {
        let other = observed(&seen([
            ("name", text("web-1")),
            ("running", Value::Flag(true)),
            ("cores", Value::Count(2)),
            ("sockets", Value::Count(1)),
            ("memory", Value::Size(Size::gib(1))),
            ("disk.scsi0.size", Value::Size(Size::gib(8))),
            ("disk.scsi0.backup", Value::Flag(true)),
            ("disk.scsi0.cache", text("none")),
            ("disk.scsi0.discard", Value::Flag(true)),
            ("disk.scsi0.ssd", Value::Flag(false)),
            ("disk.scsi1.backup", Value::Flag(false)),
            ("disk.scsi1.cache", text("writeback")),
            ("nic.0.bridge", text("vmbr0")),
            ("nic.0.vlan", Value::Count(0)),
            ("nic.1.vlan", Value::Count(20)),
            ("nic.1.rate", text("0")),
            ("nic.2.rate", text("10")),
            ("firewall.lockout", Value::Flag(true)),
        ]));
        let mut kept = fields(&other);
        kept.sort();
        let expected = [
            "cores",
            "disk.scsi0.discard",
            "disk.scsi0.size",
            "disk.scsi1.backup",
            "disk.scsi1.cache",
            "memory",
            "nic.0.bridge",
            "nic.1.vlan",
            "nic.2.rate",
        ];
        assert_eq!(kept, expected);
        assert!(other.adopt.is_some_and(|adopt| adopt.value));
    }

    #[test]
    fn what_is_declared_is_exported_and_what_was_taken_out_is_not() {
        let owned = |resource, field: &str, value, decision| OwnedField {
            resource,
            field: field.parse().unwrap(),
            value,
            declaration: DeclarationId(Uuid::nil()),
            decision,
        };
        let rule = "in ACCEPT macro=HTTPS";
        let of = |field: &str, value| owned(id(1), field, value, None);
        let guest = declared(
            &seen([]),
            id(1),
            &[
                of("name", text("web-2")),
                of("firewall.rule.aaaaaaaaaa", text(rule)),
                of("firewall.rule.bbbbbbbbbb", text("")),
                of("firewall.ipset.admins", Value::Set(BTreeSet::from(["10.0.0.1".to_owned()]))),
                of("firewall.ipset.gone", text("")),
                of("firewall.alias.door", text("10.0.0.2")),
                of("firewall.alias.gone", text("")),
                of("firewall.lockout", Value::Flag(true)),
                of("description", text("")),
                of("disk.scsi1.size", Value::Size(Size::default())),
                of("disk.scsi1.ssd", Value::Flag(true)),
                of("nic.1.bridge", text("")),
                of("nic.1.vlan", Value::Count(20)),
                owned(id(1), "cores", Value::Count(2), Some(Decision::Ignored)),
                owned(id(1), "memory", Value::Size(Size::gib(1)), Some(Decision::Accepted)),
                owned(id(2), "tags", Value::Set(BTreeSet::new()), None),
            ],
        );
        assert_eq!(guest.name.value, "web-2");
        assert_eq!(guest.rules.iter().map(|rule| rule.value.as_str()).collect::<Vec<_>>(), [rule]);
        let mut kept = fields(&guest);
        kept.sort();
        assert_eq!(kept, ["description", "firewall.alias.door", "firewall.ipset.admins", "memory"]);
    }

    #[test]
    fn an_image_is_exported_where_it_was_said_of_this_guest() {
        let made = |resource, source| {
            let origin = NewOrigin { name: "debian-12".to_owned(), at: BTreeMap::new(), full: true };
            Wish::Exist(Box::new(NewGuest {
                resource,
                kind: said(Kind::Qemu),
                name: said("web-1".parse().unwrap()),
                vmid: None,
                node: None,
                origin: Some(Sourced::new(origin, source)),
                fields: BTreeMap::new(),
                disks: Vec::new(),
            }))
        };
        let intent =
            Intent { wishes: vec![made(id(1), Source::default("policy")), made(id(2), Source::inferred("an answer"))] };
        let said = |number| origin_in(intent.clone(), id(number)).as_ref().and_then(image);
        assert_eq!(said(1), None, "a default is not said");
        assert_eq!(said(2).as_deref(), Some("debian-12"));
        assert_eq!(said(3), None);
    }

    #[test]
    fn files_of_one_name_get_names_of_their_own() {
        let file = |cluster: &str, vmid, file: &str| Exported {
            cluster: cluster.to_owned(),
            guest: "web-1".to_owned(),
            vmid,
            managed: true,
            file: file.to_owned(),
            content: String::new(),
        };
        let mut files =
            [file("main", 100, "web-1.yaml"), file("main", 101, "db-1.yaml"), file("lab", 100, "web-1.yaml")];
        unlike(&mut files);
        assert_eq!(files.map(|file| file.file), ["web-1-main-100.yaml", "db-1.yaml", "web-1-lab-100.yaml"]);
    }
}

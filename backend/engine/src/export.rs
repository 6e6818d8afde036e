//! Guests as files: what is declared of ours, and what was seen of others.

use std::collections::{BTreeMap, BTreeSet};

use mycopod_core::drift::{existence_of, is_absence};
use mycopod_core::field::{DiskPart, Field, Plain, Value};
use mycopod_core::firewall::FirewallField;
use mycopod_core::id::ResourceId;
use mycopod_core::intent::Wish;
use mycopod_core::observed::{Ownership, Sighting};
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
        let mut guest = match resource {
            Some(resource) => self.declared(seen, resource, owned).await?,
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
                ("tf", terraform::resource(&guest, &seen.guest.node, seen.guest.vmid.get()))
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

    /// What declarations say of a guest of ours.
    async fn declared(
        &self,
        seen: &Sighting,
        resource: &Resource,
        owned: &[OwnedField],
    ) -> Result<TypedGuest, Refusal> {
        let held: BTreeMap<&Field, &Value> = owned
            .iter()
            .filter(|owned| owned.resource == resource.id && !owned.is_ignored())
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
        guest.image = self.image_of(resource.id, resource).await?.map(said);
        Ok(guest)
    }

    /// What somebody said that a guest is made from.
    async fn image_of(&self, id: ResourceId, resource: &Resource) -> Result<Option<String>, Refusal> {
        let declaration = declarations::get(&mut *self.pool().acquire().await?, resource.declaration).await?;
        let intent = declaration.and_then(|declaration| declaration.read).and_then(|read| read.intent);
        Ok(intent.into_iter().flat_map(|intent| intent.wishes).find_map(|wish| match wish {
            Wish::Exist(new) if new.resource == id => new
                .origin
                .filter(|origin| !matches!(origin.source, Source::Default { .. }))
                .map(|origin| origin.value.name),
            _ => None,
        }))
    }
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

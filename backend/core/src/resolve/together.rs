//! What only holds of several fields together.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::address::Network;
use super::{Doubt, Fields, Resolver, Subject};
use crate::field::{DiskPart, Field, NicPart, Plain, Value};
use crate::guest::Kind;
use crate::planner::is_cloud_init;
use crate::reading::{LEAVE_OUT, Sourced, Span};

impl<'a> Resolver<'a> {
    /// Checks a guest's fields, those that are there and those that are new, against each other.
    pub(super) fn together(&mut self, at: Span, subject: &Subject<'a>, fields: &mut Fields) {
        let mut all = subject.fields.clone();
        all.extend(fields.iter().map(|(field, said)| (field.clone(), said.value.clone())));
        let count = |field: &Field| match all.get(field) {
            Some(Value::Count(count)) => *count,
            _ => 1,
        };
        if subject.kind == Kind::Qemu
            && (fields.contains_key(&Field::Plain(Plain::Cores)) || fields.contains_key(&Field::Plain(Plain::Sockets)))
        {
            let cpus = subject.nodes.iter().map(|(_, node)| u64::from(node.cpus)).max().unwrap_or(u64::MAX);
            let (cores, sockets) = (count(&Field::Plain(Plain::Cores)), count(&Field::Plain(Plain::Sockets)));
            if sockets > 1 && cores.saturating_mul(sockets) > cpus {
                let said = [Field::Plain(Plain::Sockets), Field::Plain(Plain::Cores)]
                    .into_iter()
                    .find(|field| fields.contains_key(field));
                let span = said.as_ref().and_then(|field| fields.get(field)?.source.span()).or(Some(at));
                if let Some(said) = said.filter(|_| self.answers.left_out("cpus", span)) {
                    fields.remove(&said);
                } else {
                    let text = format!(
                        "{sockets} sockets of {cores} cores are more than the {cpus} CPUs of the node. Say fewer of \
                         either."
                    );
                    self.ask("cpus", span, Doubt::new(text));
                }
            }
        }
        let nics: Vec<u8> = all
            .keys()
            .filter_map(|field| match field {
                Field::Nic(number, _) => Some(*number),
                _ => None,
            })
            .collect::<BTreeSet<_>>()
            .into_iter()
            .filter(|number| fields.keys().any(|field| matches!(field, Field::Nic(n, _) if n == number)))
            .collect();
        self.cpus_together(at, subject, &all, fields);
        self.memory_together(at, subject, &all, fields);
        self.cloud_init_together(at, subject, &all, fields);
        self.boot_together(at, subject, &all, fields);
        self.nesting_together(at, subject, &all, fields);
        for number in nics {
            self.vlan_together(at, number, subject, &all, fields);
            self.address_together(at, number, &all, fields);
        }
    }

    /// Asks about the `culprits`, of which at least one is new, where they do not fit what is there. An answer that
    /// `mend` understands is laid over the fields; left out, the culprits are taken back.
    fn mend(
        &mut self,
        topic: &str,
        at: Span,
        culprits: &[Field],
        fields: &mut Fields,
        doubt: Doubt,
        mend: impl Fn(&str) -> Option<(Field, Value)>,
    ) {
        let new: Vec<&Field> = culprits.iter().filter(|field| fields.contains_key(*field)).collect();
        let Some(said) = new.first().and_then(|field| fields.get(*field)) else { return };
        let span = said.source.span().or(Some(at));
        let answer = self.answers.get(topic, span).map(str::to_owned);
        match answer.as_deref() {
            Some(LEAVE_OUT) => {
                fields.retain(|field, _| !culprits.contains(field));
            }
            Some(answer) if mend(answer).is_some() => {
                let mended = mend(answer).map(|(field, value)| (field, Sourced::new(value, super::answered(answer))));
                fields.extend(mended);
            }
            _ => self.ask(topic, span, doubt),
        }
    }

    /// Plugged CPUs are some of those there are.
    fn cpus_together(&mut self, at: Span, subject: &Subject<'a>, all: &BTreeMap<Field, Value>, fields: &mut Fields) {
        let culprits = [Plain::Vcpus, Plain::Cores, Plain::Sockets].map(Field::Plain);
        let count = |plain: Plain| match all.get(&plain.into()) {
            Some(Value::Count(count)) => Some(*count),
            _ => None,
        };
        let most = count(Plain::Cores).unwrap_or(1).saturating_mul(count(Plain::Sockets).unwrap_or(1));
        if let Some(vcpus) = count(Plain::Vcpus).filter(|vcpus| *vcpus > most) {
            let text = format!(
                "{vcpus} plugged CPUs of {} are more than its {most} (cores times sockets). How many shall be plugged?",
                subject.name
            );
            let mend = |answer: &str| {
                let count = answer.trim().parse().ok().filter(|count| (1..=most).contains(count))?;
                Some((Plain::Vcpus.into(), Value::Count(count)))
            };
            self.mend("vcpus", at, &culprits, fields, Doubt::new(text).or([most]), mend);
        }
    }

    /// A VM is squeezed to less than its memory, and plugs memory into NUMA nodes.
    fn memory_together(&mut self, at: Span, subject: &Subject<'a>, all: &BTreeMap<Field, Value>, fields: &mut Fields) {
        if let (Some(Value::Size(balloon)), Some(Value::Size(memory))) =
            (all.get(&Plain::Balloon.into()), all.get(&Plain::Memory.into()))
            && balloon > memory
        {
            let text = format!(
                "The minimum memory of {} would be {balloon}, and its memory {memory}: the minimum is no more than that. \
                 What shall it be?",
                subject.name
            );
            let memory = *memory;
            let mend = |answer: &str| {
                let size = super::value::read_size(answer).filter(|size| *size <= memory && size.is_whole_mib())?;
                Some((Plain::Balloon.into(), Value::Size(size)))
            };
            let culprits = [Plain::Balloon, Plain::Memory].map(Field::Plain);
            self.mend("balloon", at, &culprits, fields, Doubt::new(text).or([memory]), mend);
        }
        let plugs = matches!(all.get(&Plain::Hotplug.into()), Some(Value::Set(kinds)) if kinds.contains("memory"));
        if plugs && all.get(&Plain::Numa.into()) != Some(&Value::Flag(true)) {
            const ON: &str = "Turn NUMA on";
            let text = format!(
                "{} plugs memory only with NUMA, which is off: without it, it would not start. Shall NUMA be turned on?",
                subject.name
            );
            let mend = |answer: &str| (answer == ON).then(|| (Plain::Numa.into(), Value::Flag(true)));
            let culprits = [Plain::Hotplug, Plain::Numa].map(Field::Plain);
            self.mend("numa", at, &culprits, fields, Doubt::new(text).or([ON]), mend);
        }
    }

    /// A VM has cloud-init's data from a drive.
    fn cloud_init_together(
        &mut self,
        at: Span,
        subject: &Subject<'a>,
        all: &BTreeMap<Field, Value>,
        fields: &mut Fields,
    ) {
        let drive = Field::Plain(Plain::CloudInit);
        let has_drive = subject.addressable || matches!(all.get(&drive), Some(Value::Text(on)) if !on.is_empty());
        let culprits: Vec<Field> = fields.keys().filter(|field| is_cloud_init(field)).cloned().collect();
        if subject.kind != Kind::Qemu || has_drive || culprits.is_empty() {
            return;
        }
        let storages: BTreeSet<String> = subject
            .nodes
            .iter()
            .flat_map(|(_, node)| &node.storages)
            .filter(|(_, storage)| storage.content.contains(super::content_for(Kind::Qemu)))
            .map(|(name, _)| name.clone())
            .collect();
        let labels: Vec<String> = culprits.iter().map(Field::label).collect();
        let text = format!(
            "{} has no cloud-init drive, from which its system would read its {}. On which storage shall it get one?",
            subject.name,
            labels.join(", ")
        );
        let mend = |answer: &str| storages.contains(answer).then(|| (drive.clone(), Value::Text(answer.to_owned())));
        self.mend("cloudinit", at, &culprits, fields, Doubt::new(text).or(&storages), mend);
    }

    /// A VM boots from devices that it has.
    fn boot_together(&mut self, at: Span, subject: &Subject<'a>, all: &BTreeMap<Field, Value>, fields: &mut Fields) {
        let boot = Field::Plain(Plain::BootOrder);
        let Some(Value::Text(order)) = fields.get(&boot).map(|said| said.value.clone()) else { return };
        let mut devices: BTreeSet<String> = all
            .keys()
            .filter_map(|field| match field {
                Field::Disk(slot, DiskPart::Size) => Some(slot.to_string()),
                Field::Nic(number, NicPart::Bridge) => Some(format!("net{number}")),
                Field::Plain(_) | Field::Disk(..) | Field::Nic(..) | Field::Firewall(_) => None,
            })
            .collect();
        let drives = subject.keys.iter().filter(|key| ["ide", "sata", "scsi"].iter().any(|bus| key.starts_with(bus)));
        devices.extend(drives.filter(|key| key.ends_with(|c: char| c.is_ascii_digit())).cloned());
        if matches!(all.get(&Plain::Cdrom.into()), Some(Value::Text(medium)) if !medium.is_empty()) {
            // Where a further drive is put.
            devices.insert("ide2".to_owned());
        }
        let unknown: Vec<&str> = order.split(';').filter(|device| !devices.contains(*device)).collect();
        if unknown.is_empty() {
            return;
        }
        let text = format!("{} has no {}. What shall it boot from?", subject.name, unknown.join(", "));
        let mend = |answer: &str| {
            let order: Vec<&str> = answer.split([';', ',', ' ']).filter(|device| !device.is_empty()).collect();
            let known = !order.is_empty() && order.iter().all(|device| devices.contains(*device));
            known.then(|| (boot.clone(), Value::Text(order.join(";"))))
        };
        self.mend("boot", at, std::slice::from_ref(&boot), fields, Doubt::new(text).or(&devices), mend);
    }

    /// Of a privileged container's features Proxmox takes none from a token.
    fn nesting_together(&mut self, at: Span, subject: &Subject<'a>, all: &BTreeMap<Field, Value>, fields: &mut Fields) {
        let nesting = Field::Plain(Plain::Nesting);
        let off = Value::Flag(false);
        let changes =
            fields.get(&nesting).is_some_and(|said| said.value != *subject.fields.get(&nesting).unwrap_or(&off));
        let unprivileged = all.get(&Plain::Unprivileged.into());
        // A new container is unprivileged unless said otherwise.
        let is_privileged = unprivileged == Some(&off) || (unprivileged.is_none() && subject.seen.is_some());
        if changes && is_privileged {
            let text = format!(
                "{} is a privileged container, whose features are for root@pam alone to change: Proxmox takes them from \
                 no token. Leave nesting out, or set it on its node with “pct set”.",
                subject.name
            );
            self.mend("nesting", at, &[nesting], fields, Doubt::new(text), |_| None);
        }
    }

    /// A VLAN tag needs a bridge that passes it on.
    fn vlan_together(
        &mut self,
        at: Span,
        number: u8,
        subject: &Subject<'a>,
        all: &BTreeMap<Field, Value>,
        fields: &mut Fields,
    ) {
        let (tag, bridge) = (Field::Nic(number, NicPart::Vlan), Field::Nic(number, NicPart::Bridge));
        let (Some(Value::Count(vlan)), Some(Value::Text(name))) = (all.get(&tag), all.get(&bridge)) else { return };
        if *vlan == 0 {
            return;
        }
        let aware = || {
            let bridges = subject.nodes.iter().flat_map(|(_, node)| &node.bridges);
            bridges.filter(|(_, bridge)| bridge.vlan_aware).map(|(name, _)| name)
        };
        if aware().any(|known| known == name) {
            return;
        }
        let span = [&tag, &bridge].iter().find_map(|field| fields.get(field)?.source.span()).unwrap_or(at);
        let answer = self.answers.get("vlan-bridge", Some(span)).map(str::to_owned);
        match answer.as_deref() {
            Some(LEAVE_OUT) => {
                fields.remove(&tag);
            }
            Some(answer) if aware().any(|known| known == answer) => {
                fields.insert(bridge, Sourced::new(Value::Text(answer.to_owned()), super::answered(answer)));
            }
            _ => {
                let text = format!(
                    "Bridge {name} does not pass VLAN tags on, so VLAN {vlan} needs another bridge. Which one?"
                );
                let options: BTreeSet<&String> = aware().collect();
                self.ask("vlan-bridge", Some(span), Doubt::new(text).or(options));
            }
        }
    }

    /// A gateway lies in the network of a static address.
    fn address_together(&mut self, at: Span, number: u8, all: &BTreeMap<Field, Value>, fields: &mut Fields) {
        let (ip, gateway) = (Field::Nic(number, NicPart::Ip), Field::Nic(number, NicPart::Gateway));
        let Some(Value::Text(router)) = all.get(&gateway) else { return };
        let said = fields.contains_key(&gateway);
        let Ok(address) = router.parse::<Ipv4Addr>() else { return };
        let wrong = match all.get(&ip) {
            // By DHCP the gateway comes with the address; one that was set before goes away.
            Some(Value::Text(ip)) if ip == "dhcp" => said.then(|| format!("gateway {router} and an address by DHCP")),
            Some(Value::Text(ip)) => match Network::read(ip) {
                Some(network) if network.reaches(address) => None,
                _ => Some(format!("gateway {router} and address {ip}")),
            },
            _ => said.then(|| format!("gateway {router} and no address")),
        };
        if let Some(wrong) = wrong {
            let span = [&gateway, &ip].iter().find_map(|field| fields.get(field)?.source.span()).unwrap_or(at);
            if said && self.answers.left_out("gateway", Some(span)) {
                fields.remove(&gateway);
                return;
            }
            let text = format!(
                "{wrong} do not fit together: a gateway is another host of the address’s own network. Which gateway is meant?"
            );
            let answer = self.answers.get("gateway", Some(span)).map(str::to_owned);
            let answered = answer.as_deref().and_then(|answer| answer.parse::<Ipv4Addr>().ok()).filter(|answer| {
                matches!(all.get(&ip), Some(Value::Text(ip)) if Network::read(ip).is_some_and(|net| net.reaches(*answer)))
            });
            match (answered, answer) {
                (Some(router), Some(answer)) => {
                    fields.insert(gateway, Sourced::new(Value::Text(router.to_string()), super::answered(&answer)));
                }
                _ => self.ask("gateway", Some(span), Doubt::new(text)),
            }
        }
    }
}

//! What only holds of several fields together.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::address::Network;
use super::{Doubt, Fields, Resolver, Subject};
use crate::field::{Field, NicPart, Plain, Value};
use crate::guest::Kind;
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
        for number in nics {
            self.vlan_together(at, number, subject, &all, fields);
            self.address_together(at, number, &all, fields);
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

//! Rules: what one may say at each level, and how it reads back.

use std::collections::BTreeMap;

use serde_json::json;

use super::macros::find;
use super::{Alias, Firewall, Listing, Shown, comment};
use crate::failure::{Failure, Outcome};
use crate::format::firewall::{addresses, alias, icmp_types, ip_version, is_protocol, ports};

/// A rule by its properties.
pub type Rule = BTreeMap<String, String>;

/// Protocols that have ports, by name and number.
const WITH_PORTS: [&str; 10] = ["udp", "17", "udplite", "136", "tcp", "6", "dccp", "33", "sctp", "132"];
/// What a rule that refers to a security group keeps.
const OF_GROUP_RULES: [&str; 5] = ["type", "action", "iface", "enable", "comment"];
const ACTIONS: [&str; 3] = ["ACCEPT", "DROP", "REJECT"];

/// Where a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Cluster,
    Host,
    Vm,
    Ct,
    Vnet,
    Group,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Host => "host",
            Self::Vm => "vm",
            Self::Ct => "ct",
            Self::Vnet => "vnet",
            Self::Group => "group",
        }
    }

    fn is_guest(self) -> bool {
        matches!(self, Self::Vm | Self::Ct)
    }

    fn types(self) -> &'static [&'static str] {
        match self {
            Self::Vm | Self::Ct => &["in", "out", "group"],
            Self::Cluster | Self::Host => &["in", "out", "forward", "group"],
            Self::Group => &["in", "out", "forward"],
            Self::Vnet => &["forward", "group"],
        }
    }
}

/// Where the names of IP sets and aliases are looked up: in a firewall, then in the cluster's.
#[derive(Debug, Clone, Copy)]
pub struct Names<'a> {
    pub own: Option<&'a Firewall>,
    pub cluster: Option<&'a Firewall>,
}

impl Names<'_> {
    fn has_set(&self, name: &str) -> bool {
        [self.own, self.cluster].into_iter().flatten().any(|firewall| firewall.sets.contains_key(name))
    }

    /// An alias in a scope: `dc/`, `guest/` or both.
    pub fn alias(&self, scope: &str, name: &str) -> Option<&Alias> {
        let own = self.own.filter(|_| scope != "dc/");
        let cluster = self.cluster.filter(|_| scope != "guest/");
        [own, cluster].into_iter().flatten().find_map(|firewall| firewall.aliases.get(&name.to_ascii_lowercase()))
    }
}

/// A scope before a name, and the name.
fn scoped(text: &str) -> (&str, &str) {
    match text.find('/') {
        Some(slash) => text.split_at(slash + 1),
        None => ("", text),
    }
}

/// The scope and name of an alias, if a text is one.
pub fn alias_reference(text: &str) -> Option<(&str, &str)> {
    alias(text).then(|| scoped(text))
}

/// What is found out of a rule.
#[derive(Debug, Default)]
struct Verdict {
    version: Option<u8>,
    problems: Vec<(&'static str, String)>,
}

/// Addresses of both IP versions in one rule, where that ends the checks.
struct Mixed;

const MIXED: &str = "detected mixed ipv4/ipv6 addresses in rule";

impl Verdict {
    fn add(&mut self, name: &'static str, problem: impl Into<String>) {
        self.problems.push((name, problem.into().trim_end().to_owned()));
    }

    fn set_version(&mut self, version: Option<u8>) -> Result<(), Mixed> {
        if version.is_some() && self.version.is_some() && version != self.version {
            return Err(Mixed);
        }
        self.version = version.or(self.version);
        Ok(())
    }

    fn check(&mut self, rule: &Rule, level: Level, names: Names) -> Result<(), Mixed> {
        let get = |name: &str| rule.get(name).map(String::as_str).filter(|value| !matches!(*value, "" | "0"));
        self.check_action(rule, level);
        if let Some(interface) = get("iface") {
            if matches!(level, Level::Group | Level::Vnet) {
                self.add("type", "parameter -i not allowed for this rule type");
            }
            let number = interface.strip_prefix("net").unwrap_or_default();
            if level.is_guest() && (number.is_empty() || !number.bytes().all(|b| b.is_ascii_digit())) {
                self.add("iface", r"value does not match the regex pattern 'net\d+'");
            }
        }
        let known = get("macro").map(|name| (name, find(name)));
        if let Some((name, None)) = known {
            self.add("macro", format!("unknown macro '{name}'"));
        }
        let protocol = get("proto").unwrap_or_default();
        if !protocol.is_empty() && !is_protocol(protocol) {
            self.add("proto", format!("unknown protocol '{protocol}'"));
        }
        let icmp = match protocol {
            "icmp" => Some(4),
            "icmpv6" | "ipv6-icmp" => Some(6),
            _ => None,
        };
        self.set_version(icmp)?;
        self.check_port("dport", get("dport"), protocol, icmp.is_some());
        if let Some(wanted) = get("icmp-type") {
            if icmp.is_none() {
                self.add("proto", "missing property - 'icmp-type' requires this property");
            }
            if get("dport").is_some() {
                self.add("icmp-type", "'icmp-type' cannot be specified together with 'dport'");
            }
            if icmp.is_some_and(|version| !icmp_types(version).contains(&wanted)) {
                self.add("icmp-type", format!("invalid icmp-type '{wanted}' for proto '{protocol}'"));
            }
        }
        self.check_port("sport", get("sport"), protocol, false);
        for name in ["source", "dest"] {
            if let Some(value) = get(name) {
                self.check_addresses(name, value, names)?;
            }
        }
        if let Some((_, Some((_, found)))) = known
            && self.problems.is_empty()
            && let Some((parameter, own)) = found.contradiction(rule, self.version)
        {
            self.add(parameter, format!("parameter '{parameter}' already define in macro (value = '{own}')"));
        }
        Ok(())
    }

    fn check_action(&mut self, rule: &Rule, level: Level) {
        let value = |name: &str| rule.get(name).map_or("", String::as_str);
        let (kind, action) = (value("type"), value("action"));
        if !level.types().contains(&kind) {
            self.add("type", format!("invalid rule type '{kind}' for rule_env '{}'", level.name()));
        }
        if kind == "group" {
            if level == Level::Group {
                self.add("type", "security groups not allowed");
            }
            return;
        }
        if kind == "forward" && action == "REJECT" {
            self.add("action", "cannot define REJECT rules on forward chain");
        }
        if !ACTIONS.contains(&action) {
            self.add("action", format!("unknown action '{action}'"));
        }
    }

    fn check_port(&mut self, name: &'static str, value: Option<&str>, protocol: &str, icmp: bool) {
        let Some(value) = value else { return };
        if let Err(problem) = ports(value, icmp) {
            self.add(name, problem);
        }
        if protocol.is_empty() {
            self.add("proto", format!("missing property - '{name}' requires this property"));
        }
        if !icmp && !WITH_PORTS.contains(&protocol) {
            self.add(name, format!("protocol '{protocol}' does not support ports"));
        }
    }

    fn check_addresses(&mut self, name: &'static str, value: &str, names: Names) -> Result<(), Mixed> {
        match addresses(value) {
            Ok(version) => {
                if self.set_version(version).is_err() {
                    self.add(name, MIXED);
                }
            }
            Err(problem) => self.add(name, problem),
        }
        if let Some(set) = value.strip_prefix('+') {
            let (scope, set) = scoped(set);
            if !matches!(scope, "" | "guest/" | "dc/" | "sdn/") || !alias(set) {
                self.add(name, format!("invalid ipset name '{value}'"));
            } else if !names.has_set(set) {
                self.add(name, format!("no such ipset '{set}'"));
            }
        } else if let Some((scope, alias)) = alias_reference(value) {
            match names.alias("", alias) {
                Some(_) => {
                    let found = names.alias(scope, alias);
                    self.set_version(found.and_then(|found| ip_version(&found.cidr)))?;
                }
                None => self.add(name, format!("no such alias '{value}'")),
            }
        }
        Ok(())
    }
}

/// Checks a rule and writes it as the configuration file does.
pub fn verified(mut rule: Rule, level: Level, names: Names) -> Outcome<Rule> {
    let mut verdict = Verdict::default();
    let mixed = verdict.check(&rule, level, names).is_err();
    if let Some((name, problem)) = verdict.problems.into_iter().next() {
        return Err(Failure::parameter(name, problem));
    }
    if mixed {
        return Err(Failure::failed(MIXED));
    }
    if let Some((preferred, _)) = rule.get("macro").and_then(|name| find(name)) {
        rule.insert("macro".to_owned(), preferred.to_owned());
    }
    if rule.get("type").is_some_and(|kind| kind == "group") {
        rule.retain(|name, _| OF_GROUP_RULES.contains(&name.as_str()));
    }
    let enabled = rule.get("enable").is_some_and(|enable| enable != "0");
    rule.insert("enable".to_owned(), u8::from(enabled).to_string());
    if let Some(text) = rule.remove("comment").and_then(|text| comment(Some(&text))) {
        rule.insert("comment".to_owned(), text);
    }
    Ok(rule)
}

fn shown_rule(rule: &Rule, level: Level, names: Names) -> Shown {
    let mut verdict = Verdict::default();
    // What has become of its names since it was made is said, not refused.
    if verdict.check(rule, level, names).is_err() {
        verdict.version = None;
    }
    let value = |(name, value): (&String, &String)| {
        let enable = value.parse::<u8>().ok().filter(|_| name == "enable");
        (name.clone(), enable.map_or_else(|| json!(value), |enable| json!(enable)))
    };
    let mut entry: Shown = rule.iter().map(value).collect();
    if let Some(version) = verdict.version {
        entry.insert("ipversion".to_owned(), json!(version));
    }
    if !verdict.problems.is_empty() {
        // Of several for one parameter, the first.
        let problems: BTreeMap<_, _> = verdict.problems.into_iter().rev().collect();
        entry.insert("errors".to_owned(), json!(problems));
    }
    entry
}

impl Firewall {
    pub fn shown_rules(&self, level: Level, names: Names) -> Listing {
        self.rules.iter().map(|rule| shown_rule(rule, level, names)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(level: Level, parts: &[(&str, &str)]) -> String {
        let rule = parts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        match verified(rule, level, Names { own: None, cluster: None }) {
            Ok(_) => String::new(),
            Err(failure) => match failure.errors().and_then(|errors| errors.iter().next()) {
                Some((name, text)) => format!("{name}: {text}"),
                None => failure.message(),
            },
        }
    }

    #[test]
    fn rules_are_checked_by_where_they_stand() {
        let accept = [("type", "in"), ("action", "ACCEPT")];
        let with = |more: &[(&'static str, &'static str)]| [&accept, more].concat();
        let cases = [
            (
                Level::Vm,
                vec![("type", "forward"), ("action", "ACCEPT")],
                "type: invalid rule type 'forward' for rule_env 'vm'",
            ),
            (
                Level::Host,
                vec![("type", "forward"), ("action", "REJECT")],
                "action: cannot define REJECT rules on forward chain",
            ),
            (Level::Vm, vec![("type", "in"), ("action", "NOPE")], "action: unknown action 'NOPE'"),
            (Level::Vm, with(&[("iface", "eth0")]), r"iface: value does not match the regex pattern 'net\d+'"),
            (Level::Host, with(&[("iface", "eth0")]), ""),
            (Level::Group, with(&[("iface", "eth0")]), "type: parameter -i not allowed for this rule type"),
            (Level::Vm, with(&[("dport", "22")]), "proto: missing property - 'dport' requires this property"),
            (Level::Vm, with(&[("dport", "22"), ("proto", "gre")]), "dport: protocol 'gre' does not support ports"),
            (Level::Vm, with(&[("source", "+none")]), "source: no such ipset 'none'"),
            (Level::Vm, with(&[("source", "dc/none")]), "source: no such alias 'dc/none'"),
            (
                Level::Vm,
                with(&[("source", "10.0.0.1"), ("dest", "fe80::1")]),
                "dest: detected mixed ipv4/ipv6 addresses in rule",
            ),
            (
                Level::Vm,
                with(&[("macro", "ssh"), ("proto", "udp")]),
                "proto: parameter 'proto' already define in macro (value = 'tcp')",
            ),
            (Level::Vm, with(&[("icmp-type", "any")]), "proto: missing property - 'icmp-type' requires this property"),
        ];
        for (level, parts, expected) in cases {
            assert_eq!(problem(level, &parts), expected, "{parts:?}");
        }
    }
}

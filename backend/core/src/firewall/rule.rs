//! Rules, in Proxmox's own notation of its firewall files: `IN SSH(ACCEPT) -source 10.0.0.0/8`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The parts of a rule behind its action, in the order in which Proxmox writes them: the API's name and the file's.
const PARTS: [(&str, &str); 8] = [
    ("iface", "-i"),
    ("source", "-source"),
    ("dest", "-dest"),
    ("proto", "-p"),
    ("dport", "-dport"),
    ("sport", "-sport"),
    ("log", "-log"),
    ("icmp-type", "-icmp-type"),
];

/// A service that people name, with Proxmox's macro for it.
#[derive(Debug)]
pub struct Service {
    /// What people call it, in lower case.
    pub words: &'static [&'static str],
    /// Proxmox's macro, e.g. `HTTPS`.
    pub macro_name: &'static str,
    /// Its only protocol; empty for several.
    pub proto: &'static str,
    /// Its port.
    pub port: u16,
}

const fn service(words: &'static [&'static str], macro_name: &'static str, proto: &'static str, port: u16) -> Service {
    Service { words, macro_name, proto, port }
}

/// The services that are known by name; ping has no port.
pub const SERVICES: [Service; 22] = [
    service(&["ssh"], "SSH", "tcp", 22),
    service(&["http"], "HTTP", "tcp", 80),
    service(&["https"], "HTTPS", "tcp", 443),
    service(&["rdp"], "RDP", "tcp", 3389),
    service(&["ping", "pings"], "Ping", "icmp", 0),
    service(&["dns"], "DNS", "", 53),
    service(&["smtp"], "SMTP", "tcp", 25),
    service(&["smtps"], "SMTPS", "tcp", 465),
    service(&["imap"], "IMAP", "tcp", 143),
    service(&["imaps"], "IMAPS", "tcp", 993),
    service(&["pop3"], "POP3", "tcp", 110),
    service(&["pop3s"], "POP3S", "tcp", 995),
    service(&["ftp"], "FTP", "tcp", 21),
    service(&["ntp"], "NTP", "udp", 123),
    service(&["ldap"], "LDAP", "tcp", 389),
    service(&["ldaps"], "LDAPS", "tcp", 636),
    service(&["mysql", "mariadb"], "MySQL", "tcp", 3306),
    service(&["postgresql", "postgres"], "PostgreSQL", "tcp", 5432),
    service(&["mssql"], "MSSQL", "tcp", 1433),
    service(&["telnet"], "Telnet", "tcp", 23),
    service(&["syslog"], "Syslog", "udp", 514),
    service(&["snmp"], "SNMP", "udp", 161),
];

/// A rule: what Proxmox's API calls its parts, with its values. An enabled one has `enable` 1.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rule(BTreeMap<&'static str, String>);

/// A text that is no rule.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("“{0}” is no firewall rule")]
pub struct NoRule(pub String);

impl Rule {
    /// A rule from the API's parts; what is no part of a rule's meaning (`pos`, `digest`, `comment`) is left out.
    /// `None` where it has no type or action.
    pub fn of(mut part: impl FnMut(&str) -> Option<String>) -> Option<Self> {
        let mut parts = BTreeMap::new();
        parts.insert("type", part("type")?);
        parts.insert("action", part("action")?);
        // Proxmox's enable is a number: what is not 0 is on.
        let enabled = part("enable").is_some_and(|enable| !matches!(enable.as_str(), "" | "0" | "false"));
        parts.insert("enable", u8::from(enabled).to_string());
        for name in PARTS.iter().map(|(name, _)| *name).chain(["macro"]) {
            let value = part(name).filter(|value| !(value.is_empty() || name == "log" && value == "nolog"));
            parts.extend(value.map(|value| (name, value)));
        }
        Some(Self(parts))
    }

    /// A part by the API's name.
    #[must_use]
    pub fn get(&self, part: &str) -> Option<&str> {
        self.0.get(part).map(String::as_str)
    }

    /// The parts by the API's names.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// The same rule with another value of a part.
    #[must_use]
    pub fn with(mut self, part: &'static str, value: String) -> Self {
        self.0.insert(part, value);
        self
    }

    /// Whether it is in force.
    #[must_use]
    pub fn is_enabled(&self) -> bool {
        self.get("enable") == Some("1")
    }

    /// Whether it is in force and says something of packets that come in for that TCP port.
    #[must_use]
    pub fn is_about_incoming(&self, port: u16) -> bool {
        if !self.is_enabled() || self.get("type") != Some("in") || self.get("sport").is_some() {
            return false;
        }
        if let Some(name) = self.get("macro") {
            return SERVICES.iter().any(|known| known.macro_name == name && known.port == port && known.proto != "udp");
        }
        match (self.get("proto"), self.get("dport")) {
            (None, _) => true,
            (Some("tcp" | "6"), ports) => ports.is_none_or(|ports| ports.split(',').any(|part| has_port(part, port))),
            (Some(_), _) => false,
        }
    }

    /// Whether it is about everybody's packets, and not only about some addresses or one NIC.
    #[must_use]
    pub fn is_for_everybody(&self) -> bool {
        ["source", "dest", "iface"].iter().all(|part| self.get(part).is_none())
    }

    /// Whether it is one that `pattern` describes: the same traffic, and everything else that the pattern says.
    #[must_use]
    pub fn is_like(&self, pattern: &Self) -> bool {
        let others = pattern.parts().filter(|(part, _)| !matches!(*part, "enable" | "macro" | "proto" | "dport"));
        self.traffic() == pattern.traffic() && others.into_iter().all(|(part, value)| self.get(part) == Some(value))
    }

    /// Protocol and ports, whether said by a macro or in numbers.
    fn traffic(&self) -> (Option<String>, Option<String>) {
        let known = self.get("macro").map(|name| {
            let known = SERVICES.iter().find(|service| service.macro_name == name && service.port != 0);
            known.map_or_else(
                || (name.to_owned(), String::new()),
                |service| (service.proto.to_owned(), service.port.to_string()),
            )
        });
        match known {
            Some((proto, ports)) => (Some(proto), Some(ports)),
            None => (self.get("proto").map(str::to_owned), self.get("dport").map(str::to_owned)),
        }
    }
}

/// Whether a port, a range of ports `20:30` or a service's name has that port.
fn has_port(listed: &str, port: u16) -> bool {
    let number = |text: &str| text.parse::<u16>().ok();
    match listed.split_once(':') {
        Some((first, last)) => {
            number(first).zip(number(last)).is_some_and(|(first, last)| (first..=last).contains(&port))
        }
        None => {
            number(listed) == Some(port)
                || SERVICES.iter().any(|service| service.port == port && service.words.contains(&listed))
        }
    }
}

/// In Proxmox's own notation; one that is off has a `|` in front.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_enabled() {
            f.write_str("|")?;
        }
        let action = self.get("action").unwrap_or_default();
        write!(f, "{} ", self.get("type").unwrap_or_default().to_uppercase())?;
        match self.get("macro") {
            Some(name) => write!(f, "{name}({action})")?,
            None => f.write_str(action)?,
        }
        for (name, written) in PARTS {
            if let Some(value) = self.get(name) {
                write!(f, " {written} {value}")?;
            }
        }
        Ok(())
    }
}

impl FromStr for Rule {
    type Err = NoRule;
    fn from_str(text: &str) -> Result<Self, NoRule> {
        let no_rule = || NoRule(text.chars().take(200).collect());
        let (enabled, rest) = text.strip_prefix('|').map_or((true, text), |rest| (false, rest));
        let mut words = rest.split_ascii_whitespace();
        let mut parts = BTreeMap::from([("enable", u8::from(enabled).to_string())]);
        let kind = match words.next().ok_or_else(no_rule)? {
            "IN" => "in",
            "OUT" => "out",
            "FORWARD" => "forward",
            "GROUP" => "group",
            _ => return Err(no_rule()),
        };
        parts.insert("type", kind.to_owned());
        let action = words.next().ok_or_else(no_rule)?;
        match action.strip_suffix(')').and_then(|action| action.split_once('(')) {
            Some((name, action)) => {
                parts.insert("macro", name.to_owned());
                parts.insert("action", action.to_owned());
            }
            None => {
                parts.insert("action", action.to_owned());
            }
        }
        if kind != "group" && !matches!(parts["action"].as_str(), "ACCEPT" | "DROP" | "REJECT") {
            return Err(no_rule());
        }
        while let Some(word) = words.next() {
            let (name, _) = PARTS.iter().find(|(_, written)| *written == word).ok_or_else(no_rule)?;
            parts.insert(name, words.next().ok_or_else(no_rule)?.to_owned());
        }
        Ok(Self(parts))
    }
}

impl TryFrom<String> for Rule {
    type Error = NoRule;
    fn try_from(text: String) -> Result<Self, NoRule> {
        text.parse()
    }
}

impl From<Rule> for String {
    fn from(rule: Rule) -> Self {
        rule.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::Rule;

    #[test]
    fn rules_survive_their_notation() {
        for text in [
            "IN SSH(ACCEPT) -source 10.0.0.0/8",
            "|OUT DROP -p tcp -dport 25",
            "GROUP web -i net0",
            "IN ACCEPT -i net1 -source +admins -dest 10.0.0.1 -p udp -dport 53,100:200 -sport 9 -log info",
            "IN REJECT -p icmp -icmp-type echo-request",
        ] {
            let rule: Rule = text.parse().unwrap();
            assert_eq!(rule.to_string(), text);
            let again = Rule::of(|part| rule.get(part).map(str::to_owned)).unwrap();
            assert_eq!(again, rule);
        }
        for text in ["", "IN", "IN LET -p tcp", "UP ACCEPT", "IN ACCEPT -p", "IN ACCEPT -source", "IN ACCEPT x"] {
            assert!(text.parse::<Rule>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_macro_and_its_port_are_the_same_traffic() {
        let like = |rule: &str, pattern: &str| rule.parse::<Rule>().unwrap().is_like(&pattern.parse().unwrap());
        assert!(like("IN HTTP(ACCEPT)", "IN ACCEPT -p tcp -dport 80"));
        assert!(like("IN ACCEPT -source 10.0.0.0/8 -p tcp -dport 443", "IN HTTPS(ACCEPT)"));
        assert!(!like("IN ACCEPT -p tcp -dport 80,443", "IN HTTPS(ACCEPT)"), "it is about more");
        assert!(!like("IN DROP -p tcp -dport 80", "IN HTTP(ACCEPT)"));
        assert!(!like("IN Ping(ACCEPT)", "IN ACCEPT"));
    }
}

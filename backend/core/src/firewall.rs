//! A guest's firewall: what of it is declared, what was seen of it, and the calls that change it.
//!
//! A rule of ours carries a marker in its comment, and only such a rule is ever changed or removed. Proxmox puts new
//! rules in front of all others; nobody else's rule is touched or moved by that.

mod call;
mod rule;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

pub use call::{FirewallCall, calls};
pub use rule::{NoRule, Rule, SERVICES, Service};

use crate::field::{Field, Shape, Value};
use crate::id::DeclarationId;

/// What begins the marker in a rule's comment.
const MARKER: &str = "mycopod:";
/// The hexadecimal digits of a rule's id: eight of its declaration, two of its place in it.
const ID_DIGITS: usize = 10;
/// The longest name of an IP set or alias: Proxmox takes 64, and a field's key has 64 in all.
const MAX_NAME: usize = 40;
/// What the firewall does with a packet that no rule is about.
const POLICIES: &[&str] = &["ACCEPT", "REJECT", "DROP"];
/// Proxmox's log levels.
const LOG_LEVELS: &[&str] = &["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "nolog"];

/// An option of a guest's firewall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirewallOption {
    /// Whether it filters at all.
    Enable,
    /// What happens to incoming packets that no rule is about.
    PolicyIn,
    /// What happens to outgoing packets that no rule is about.
    PolicyOut,
    /// Whether DHCP passes.
    Dhcp,
    /// Whether IPv6 neighbour discovery passes.
    Ndp,
    /// Whether the guest may announce itself as an IPv6 router.
    Radv,
    /// Whether only its own MAC address may send.
    #[serde(rename = "macfilter")]
    MacFilter,
    /// Whether only its own IP addresses may send.
    #[serde(rename = "ipfilter")]
    IpFilter,
    /// How incoming packets that are not let through are logged.
    #[serde(rename = "log_level_in")]
    LogIn,
    /// How outgoing packets that are not let through are logged.
    #[serde(rename = "log_level_out")]
    LogOut,
}

impl FirewallOption {
    /// All of them, in the order in which people read them.
    pub const ALL: [Self; 10] = [
        Self::Enable,
        Self::PolicyIn,
        Self::PolicyOut,
        Self::Dhcp,
        Self::Ndp,
        Self::Radv,
        Self::MacFilter,
        Self::IpFilter,
        Self::LogIn,
        Self::LogOut,
    ];

    /// Proxmox's own name of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enable => "enable",
            Self::PolicyIn => "policy_in",
            Self::PolicyOut => "policy_out",
            Self::Dhcp => "dhcp",
            Self::Ndp => "ndp",
            Self::Radv => "radv",
            Self::MacFilter => "macfilter",
            Self::IpFilter => "ipfilter",
            Self::LogIn => "log_level_in",
            Self::LogOut => "log_level_out",
        }
    }

    const fn label(self) -> &'static str {
        match self {
            Self::Enable => "Firewall",
            Self::PolicyIn => "Firewall policy for incoming traffic",
            Self::PolicyOut => "Firewall policy for outgoing traffic",
            Self::Dhcp => "Firewall lets DHCP pass",
            Self::Ndp => "Firewall lets NDP pass",
            Self::Radv => "Firewall lets router advertisements pass",
            Self::MacFilter => "Firewall MAC filter",
            Self::IpFilter => "Firewall IP filter",
            Self::LogIn => "Firewall log level for incoming traffic",
            Self::LogOut => "Firewall log level for outgoing traffic",
        }
    }

    /// What values it takes.
    #[must_use]
    pub const fn shape(self) -> Shape {
        match self {
            Self::Enable | Self::Dhcp | Self::Ndp | Self::Radv | Self::MacFilter | Self::IpFilter => Shape::Flag,
            Self::PolicyIn | Self::PolicyOut => Shape::Choice(POLICIES),
            Self::LogIn | Self::LogOut => Shape::Choice(LOG_LEVELS),
        }
    }

    /// What holds where it is not set. `None` where Proxmox's documentation and its code say different things: such an
    /// option is written out.
    fn unset(self) -> Option<Value> {
        match self {
            Self::Enable => Some(Value::Flag(false)),
            Self::MacFilter => Some(Value::Flag(true)),
            Self::PolicyIn => Some(Value::Text("DROP".to_owned())),
            Self::PolicyOut => Some(Value::Text("ACCEPT".to_owned())),
            Self::LogIn | Self::LogOut => Some(Value::Text("nolog".to_owned())),
            Self::Dhcp | Self::Ndp | Self::Radv | Self::IpFilter => None,
        }
    }

    /// The value that Proxmox's text for it is.
    fn read(self, text: &str) -> Value {
        match self.shape() {
            Shape::Flag => Value::Flag(text == "1"),
            _ => Value::Text(text.to_owned()),
        }
    }
}

/// A field of a guest's firewall that can be declared.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FirewallField {
    /// An option.
    Option(FirewallOption),
    /// The rule of ours with that id: its text in Proxmox's own notation; empty where there shall be none.
    Rule(String),
    /// The IP set of that name: its addresses; an empty text where there shall be none.
    IpSet(String),
    /// The alias of that name: its address; empty where there shall be none.
    Alias(String),
    /// That somebody agreed to the guest's management access being cut off. Nothing on the cluster.
    Lockout,
}

impl FirewallField {
    /// Its text form behind `firewall.`.
    pub(crate) fn key(&self) -> String {
        match self {
            Self::Option(option) => option.as_str().to_owned(),
            Self::Rule(id) => format!("rule.{id}"),
            Self::IpSet(name) => format!("ipset.{name}"),
            Self::Alias(name) => format!("alias.{name}"),
            Self::Lockout => "lockout".to_owned(),
        }
    }

    /// From its text form behind `firewall.`.
    pub(crate) fn of_key(key: &str) -> Option<Self> {
        match key.split_once('.') {
            Some(("rule", id)) if is_id(id) => Some(Self::Rule(id.to_owned())),
            Some(("ipset", name)) if is_name(name) => Some(Self::IpSet(name.to_owned())),
            Some(("alias", name)) if is_name(name) => Some(Self::Alias(name.to_owned())),
            Some(_) => None,
            None if key == "lockout" => Some(Self::Lockout),
            None => FirewallOption::ALL.into_iter().find(|option| option.as_str() == key).map(Self::Option),
        }
    }

    /// As a page shows it.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Option(option) => option.label().to_owned(),
            Self::Rule(id) => format!("Firewall rule {id}"),
            Self::IpSet(name) => format!("IP set {name}"),
            Self::Alias(name) => format!("Firewall alias {name}"),
            Self::Lockout => "Management access may be cut off".to_owned(),
        }
    }

    /// Whether what is fulfils what was declared, of a firewall that was read.
    #[must_use]
    pub fn holds(&self, declared: &Value, is: Option<&Value>) -> bool {
        match (self, is) {
            (Self::Lockout, _) => true,
            (Self::Rule(_) | Self::IpSet(_) | Self::Alias(_), None) => *declared == Value::Text(String::new()),
            (Self::Option(_), None) => false,
            (_, Some(is)) => is == declared,
        }
    }
}

impl From<FirewallField> for Field {
    fn from(field: FirewallField) -> Self {
        Self::Firewall(field)
    }
}

impl From<FirewallOption> for Field {
    fn from(option: FirewallOption) -> Self {
        Self::Firewall(FirewallField::Option(option))
    }
}

/// The id of the `ordinal`-th rule that a declaration makes on a guest. Ids of one declaration sort by that.
#[must_use]
pub fn rule_id(declaration: DeclarationId, ordinal: u8) -> String {
    let hash = Sha256::new().chain_update(b"mycopod rule v1").chain_update(declaration.0.as_bytes()).finalize();
    format!("{}{ordinal:02x}", hex::encode(&hash[..4]))
}

fn is_id(text: &str) -> bool {
    text.len() == ID_DIGITS && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Whether IP sets and aliases can be called so.
#[must_use]
pub fn is_name(text: &str) -> bool {
    (2..=MAX_NAME).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// The comment of the rule with that id.
#[must_use]
pub fn marked(id: &str) -> String {
    format!("{MARKER}{id}")
}

/// A guest's firewall as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Firewall {
    /// The options that are set, as Proxmox writes them.
    pub options: BTreeMap<String, String>,
    /// Proxmox's digest of the options.
    pub options_digest: Option<String>,
    /// The rules in order.
    pub rules: Vec<SeenRule>,
    /// Proxmox's digest of the rules; `None` where there are none.
    pub rules_digest: Option<String>,
    /// The guest's own IP sets, with their addresses; one that is excepted has a `!` in front.
    pub sets: BTreeMap<String, BTreeSet<String>>,
    /// The guest's own aliases, with their addresses.
    pub aliases: BTreeMap<String, String>,
    /// What else rules may name: the cluster's IP sets (with a `+` in front), aliases and security groups (`@`).
    pub known: BTreeSet<String>,
    /// Whether the firewall of the whole cluster is on, without which no guest's is; `None` where that may not be seen.
    pub cluster: Option<bool>,
}

/// A rule as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenRule {
    /// What it does.
    pub rule: Rule,
    /// Its comment.
    pub comment: String,
}

impl SeenRule {
    /// The id in its marker, where it has one.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        let words = self.comment.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | ',' | ';'));
        words.filter_map(|word| word.strip_prefix(MARKER)).find(|id| is_id(id))
    }
}

impl Firewall {
    /// What it holds, in a few words; `None` where it holds nothing.
    #[must_use]
    pub fn outline(&self) -> Option<String> {
        let counts = [
            (self.options.len(), "options"),
            (self.rules.len(), "rules"),
            (self.sets.len(), "IP sets"),
            (self.aliases.len(), "aliases"),
        ];
        let parts: Vec<String> =
            counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// The place of the rule of ours with that id; an error where several claim to be it.
    ///
    /// # Errors
    /// How many there are.
    pub fn position(&self, id: &str) -> Result<Option<usize>, usize> {
        let mut found = self.rules.iter().enumerate().filter(|(_, rule)| rule.id() == Some(id)).map(|(at, _)| at);
        match (found.next(), found.count()) {
            (at, 0) => Ok(at),
            (_, more) => Err(more + 1),
        }
    }

    /// The place of the first rule of ours with this id, where there are several.
    #[must_use]
    pub fn first(&self, id: &str) -> Option<usize> {
        self.rules.iter().position(|rule| rule.id() == Some(id))
    }

    /// What is declared of it, as it is.
    #[must_use]
    pub fn fields(&self) -> BTreeMap<Field, Value> {
        let options = FirewallOption::ALL.into_iter().filter_map(|option| {
            let set = self.options.get(option.as_str()).map(|text| option.read(text));
            Some((option.into(), set.or_else(|| option.unset())?))
        });
        let field = |field: FirewallField, value| (Field::from(field), value);
        let rules = self.rules.iter().rev().filter_map(|seen| {
            Some(field(FirewallField::Rule(seen.id()?.to_owned()), Value::Text(seen.rule.to_string())))
        });
        let sets =
            self.sets.iter().map(|(name, set)| field(FirewallField::IpSet(name.clone()), Value::Set(set.clone())));
        let aliases =
            self.aliases.iter().map(|(name, at)| field(FirewallField::Alias(name.clone()), Value::Text(at.clone())));
        options.chain(rules).chain(sets).chain(aliases).collect()
    }

    /// A digest of everything that was seen of it.
    #[must_use]
    pub fn digest(&self) -> String {
        hex::encode(Sha256::digest(serde_json::to_vec(self).unwrap_or_default()))
    }

    /// Whether it filters.
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.options.get("enable").is_some_and(|enable| enable == "1")
    }

    /// Whether some packet to that TCP port may pass: the firewall is off, or the first rule that decides about the
    /// port for everybody comes behind one that lets somebody in. What a security group says is not known here.
    #[must_use]
    pub fn admits(&self, port: u16) -> bool {
        if !self.is_on() {
            return true;
        }
        let deciding = self.rules.iter().map(|seen| &seen.rule).filter(|rule| rule.is_about_incoming(port));
        for rule in deciding {
            if rule.get("action") == Some("ACCEPT") {
                return true;
            }
            if rule.is_for_everybody() {
                return false;
            }
        }
        self.options.get("policy_in").is_some_and(|policy| policy == "ACCEPT")
    }
}

/// The TCP ports that `after` closes and `before` did not, or did without being in force: `before_filtered` tells whether
/// it was.
#[must_use]
pub fn closed(before: &Firewall, after: &Firewall, before_filtered: bool, ports: &BTreeSet<u16>) -> Vec<u16> {
    let open = |port: &u16| !before_filtered || before.admits(*port);
    ports.iter().copied().filter(|port| !after.admits(*port) && open(port)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firewall(options: &[(&str, &str)], rules: &[&str]) -> Firewall {
        Firewall {
            options: options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            rules: rules.iter().map(|rule| SeenRule { rule: rule.parse().unwrap(), comment: String::new() }).collect(),
            ..Firewall::default()
        }
    }

    #[test]
    fn a_firewall_that_is_on_drops_unless_a_rule_or_policy_lets_in() {
        assert!(firewall(&[], &[]).admits(22), "it is off");
        assert!(!firewall(&[("enable", "1")], &[]).admits(22), "Proxmox drops where no policy is set");
        assert!(firewall(&[("enable", "1"), ("policy_in", "ACCEPT")], &[]).admits(22));
        let on = [("enable", "1"), ("policy_in", "DROP")];
        for rule in [
            "IN SSH(ACCEPT)",
            "IN ACCEPT -p tcp -dport 22",
            "IN ACCEPT -p tcp -dport 20:30",
            "IN ACCEPT -p tcp -dport 80,ssh",
            "IN ACCEPT -source 10.0.0.0/8",
        ] {
            assert!(firewall(&on, &[rule]).admits(22), "{rule}");
        }
        for rule in [
            "|IN SSH(ACCEPT)",
            "OUT SSH(ACCEPT)",
            "IN HTTP(ACCEPT)",
            "IN ACCEPT -p udp -dport 22",
            "IN ACCEPT -p tcp -dport 220",
            "IN ACCEPT -p tcp -sport 22",
            "GROUP web",
        ] {
            assert!(!firewall(&on, &[rule]).admits(22), "{rule}");
        }
    }

    #[test]
    fn the_first_rule_that_decides_for_everybody_decides() {
        let on = [("enable", "1"), ("policy_in", "ACCEPT")];
        assert!(!firewall(&on, &["IN DROP -p tcp -dport 22", "IN SSH(ACCEPT)"]).admits(22));
        assert!(firewall(&on, &["IN DROP -source 192.0.2.0/24 -p tcp -dport 22", "IN SSH(ACCEPT)"]).admits(22));
        assert!(!firewall(&on, &["IN REJECT"]).admits(22));
    }

    #[test]
    fn a_marker_is_found_among_other_words_and_is_nobody_elses() {
        let seen = |comment: &str| SeenRule { rule: "IN ACCEPT".parse().unwrap(), comment: comment.to_owned() };
        assert_eq!(seen("mycopod:0123456789").id(), Some("0123456789"));
        assert_eq!(seen("for the shop, mycopod:0123456789 (asked by Kim)").id(), Some("0123456789"));
        for other in ["", "mycopod:", "mycopod:012345678", "mycopod:01234567890", "xmycopod:0123456789"] {
            assert_eq!(seen(other).id(), None, "{other}");
        }
    }

    #[test]
    fn ids_of_one_declaration_sort_by_their_place_in_it() {
        let declaration = "0192f0c1-2d3e-7000-8000-0123456789ab".parse().unwrap();
        let ids: Vec<String> = (0..20).map(|ordinal| rule_id(declaration, ordinal)).collect();
        assert!(ids.is_sorted() && ids.iter().all(|id| is_id(id)));
    }

    #[test]
    fn several_rules_that_claim_one_id_are_none_to_be_touched() {
        let mut firewall = firewall(&[], &["IN ACCEPT", "IN DROP", "OUT DROP"]);
        firewall.rules[1].comment = marked("0123456789");
        assert_eq!(firewall.position("0123456789"), Ok(Some(1)));
        firewall.rules[2].comment = marked("0123456789");
        assert_eq!(firewall.position("0123456789"), Err(2));
        assert_eq!(firewall.position("00000000ff"), Ok(None));
    }
}

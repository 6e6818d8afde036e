//! The calls that change a guest's firewall, and what they make of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Firewall, FirewallField, FirewallOption, ID_DIGITS, Rule, SeenRule, marked};
use crate::field::{Field, Value};

/// One call on a guest's firewall.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FirewallCall {
    /// Set these options.
    SetOptions(BTreeMap<FirewallOption, Value>),
    /// Put a rule with our marker in front of all others.
    AddRule {
        /// The id in its marker.
        id: String,
        /// What it does.
        rule: Rule,
    },
    /// Make another rule of ours of the one with that id, where it stands.
    ChangeRule {
        /// The id in its marker.
        id: String,
        /// What it shall do.
        rule: Rule,
    },
    /// Put the rule of ours with that id right behind another one of ours.
    MoveRule {
        /// The id in its marker.
        id: String,
        /// The id in the other’s marker.
        behind: String,
    },
    /// Take the rule of ours with that id out.
    RemoveRule {
        /// The id in its marker.
        id: String,
    },
    /// Take one of several rules with that id out: a call that came late has put it in once more.
    RemoveDouble {
        /// The id in their markers.
        id: String,
        /// How many of them stay.
        left: usize,
    },
    /// Make an empty IP set.
    AddSet {
        /// Its name.
        name: String,
    },
    /// Put an address into an IP set.
    AddEntry {
        /// The set's name.
        set: String,
        /// The address or network.
        cidr: String,
    },
    /// Take an address out of an IP set.
    RemoveEntry {
        /// The set's name.
        set: String,
        /// The address or network, as it stands there.
        cidr: String,
    },
    /// Take an IP set out, with the addresses in it.
    RemoveSet {
        /// Its name.
        name: String,
    },
    /// Give an address a name.
    AddAlias {
        /// The name.
        name: String,
        /// The address or network.
        cidr: String,
    },
    /// Give a name another address.
    ChangeAlias {
        /// The name.
        name: String,
        /// The address or network.
        cidr: String,
    },
    /// Take a name away.
    RemoveAlias {
        /// The name.
        name: String,
    },
}

impl FirewallCall {
    /// Its name in the API and on pages.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SetOptions(_) => "set_firewall",
            Self::AddRule { .. } => "add_rule",
            Self::ChangeRule { .. } => "change_rule",
            Self::MoveRule { .. } => "move_rule",
            Self::RemoveRule { .. } => "remove_rule",
            Self::RemoveDouble { .. } => "remove_double",
            Self::AddSet { .. } => "add_ipset",
            Self::AddEntry { .. } => "add_ipset_entry",
            Self::RemoveEntry { .. } => "remove_ipset_entry",
            Self::RemoveSet { .. } => "remove_ipset",
            Self::AddAlias { .. } => "add_alias",
            Self::ChangeAlias { .. } => "change_alias",
            Self::RemoveAlias { .. } => "remove_alias",
        }
    }

    /// What it does, as the beginning of a sentence that goes on with the guest.
    #[must_use]
    pub fn outline(&self) -> String {
        match self {
            Self::SetOptions(options) => {
                let set = options.iter().map(|(option, value)| {
                    format!("{} → {value}", Field::from(*option).label().trim_start_matches("Firewall "))
                });
                format!("Set the firewall ({}) of", set.collect::<Vec<_>>().join(", "))
            }
            Self::AddRule { rule, .. } => format!("Add firewall rule “{rule}” in front of the others of"),
            Self::ChangeRule { id, rule } => format!("Change firewall rule {id} to “{rule}” on"),
            Self::MoveRule { id, behind } => format!("Move firewall rule {id} behind {behind} on"),
            Self::RemoveRule { id } => format!("Remove firewall rule {id} of"),
            Self::RemoveDouble { id, .. } => {
                format!("Remove firewall rule {id}, which stands there more than once, once from")
            }
            Self::AddSet { name } => format!("Make IP set {name} on"),
            Self::AddEntry { set, cidr } => format!("Put {cidr} into IP set {set} of"),
            Self::RemoveEntry { set, cidr } => format!("Take {cidr} out of IP set {set} of"),
            Self::RemoveSet { name } => format!("Remove IP set {name} of"),
            Self::AddAlias { name, cidr } => format!("Name {cidr} {name} in the firewall of"),
            Self::ChangeAlias { name, cidr } => format!("Set alias {name} to {cidr} in the firewall of"),
            Self::RemoveAlias { name } => format!("Remove alias {name} from the firewall of"),
        }
    }

    /// The fields that it makes so.
    #[must_use]
    pub fn fields(&self) -> Vec<FirewallField> {
        match self {
            Self::SetOptions(options) => options.keys().map(|option| FirewallField::Option(*option)).collect(),
            Self::AddRule { id, .. }
            | Self::ChangeRule { id, .. }
            | Self::RemoveRule { id }
            | Self::RemoveDouble { id, .. } => {
                vec![FirewallField::Rule(id.clone())]
            }
            Self::MoveRule { .. } => Vec::new(),
            Self::AddSet { name } | Self::RemoveSet { name } => vec![FirewallField::IpSet(name.clone())],
            Self::AddEntry { set, .. } | Self::RemoveEntry { set, .. } => vec![FirewallField::IpSet(set.clone())],
            Self::AddAlias { name, .. } | Self::ChangeAlias { name, .. } | Self::RemoveAlias { name } => {
                vec![FirewallField::Alias(name.clone())]
            }
        }
    }

    /// Whether `firewall` is as this call makes it. An error says why the call does not fit it at all.
    ///
    /// # Errors
    /// Why nothing may be sent.
    pub fn is_done(&self, firewall: &Firewall) -> Result<bool, String> {
        let rule = |id: &String| {
            let several = |count| format!("{count} firewall rules carry the marker {}", marked(id));
            Ok::<_, String>(firewall.position(id).map_err(several)?.and_then(|at| firewall.rules.get(at)))
        };
        let gone = |id: &String| format!("firewall rule {id} is not there any more");
        let set = |name: &String| firewall.sets.get(name).ok_or_else(|| format!("IP set {name} is not there any more"));
        match self {
            Self::SetOptions(options) => {
                let fields = firewall.fields();
                Ok(options.iter().all(|(option, value)| {
                    FirewallField::Option(*option).holds(value, fields.get(&Field::from(*option)))
                }))
            }
            // One that came twice is there as well; the next plan takes the other out.
            Self::AddRule { id, rule: wanted } => {
                let mut ours = firewall.rules.iter().filter(|seen| seen.id() == Some(id)).peekable();
                let is_there = ours.peek().is_some();
                match ours.find(|seen| seen.rule != *wanted) {
                    Some(seen) => Err(format!("firewall rule {id} is there, but as “{}”", seen.rule)),
                    None => Ok(is_there),
                }
            }
            Self::ChangeRule { id, rule: wanted } => Ok(rule(id)?.ok_or_else(|| gone(id))?.rule == *wanted),
            Self::MoveRule { id, behind } => {
                let at = |id: &String| firewall.position(id).ok().flatten().ok_or_else(|| gone(id));
                Ok(at(id)? > at(behind)?)
            }
            Self::RemoveRule { id } => Ok(rule(id)?.is_none()),
            Self::RemoveDouble { id, left } => match firewall.position(id) {
                Ok(None) => Err(gone(id)),
                Ok(Some(_)) => Ok(true),
                Err(count) => Ok(count <= *left),
            },
            Self::AddSet { name } => Ok(firewall.sets.contains_key(name)),
            Self::AddEntry { set: name, cidr } => Ok(set(name)?.contains(cidr)),
            Self::RemoveEntry { set: name, cidr } => Ok(!set(name)?.contains(cidr)),
            Self::RemoveSet { name } => Ok(!firewall.sets.contains_key(name)),
            Self::AddAlias { name, cidr } => match firewall.aliases.get(name) {
                None => Ok(false),
                Some(is) if is == cidr => Ok(true),
                Some(is) => Err(format!("alias {name} is there, but as {is}")),
            },
            Self::ChangeAlias { name, cidr } => match firewall.aliases.get(name) {
                None => Err(format!("alias {name} is not there any more")),
                Some(is) => Ok(is == cidr),
            },
            Self::RemoveAlias { name } => Ok(!firewall.aliases.contains_key(name)),
        }
    }

    /// Makes of `firewall` what Proxmox makes of it by this call.
    pub fn carry_out(&self, firewall: &mut Firewall) {
        let at = |firewall: &Firewall, id: &str| firewall.position(id).ok().flatten();
        match self {
            Self::SetOptions(options) => {
                for (option, value) in options {
                    let text = match value {
                        Value::Flag(flag) => u8::from(*flag).to_string(),
                        value => value.to_string(),
                    };
                    firewall.options.insert(option.as_str().to_owned(), text);
                }
            }
            Self::AddRule { id, rule } => {
                firewall.rules.insert(0, SeenRule { rule: rule.clone(), comment: marked(id) });
            }
            Self::ChangeRule { id, rule } => {
                if let Some(seen) = at(firewall, id).and_then(|at| firewall.rules.get_mut(at)) {
                    seen.rule = rule.clone();
                }
            }
            Self::MoveRule { id, behind } => {
                if let (Some(from), Some(to)) = (at(firewall, id), at(firewall, behind))
                    && from < to
                {
                    let rule = firewall.rules.remove(from);
                    firewall.rules.insert(to, rule);
                }
            }
            Self::RemoveRule { id } => {
                if let Some(at) = at(firewall, id) {
                    firewall.rules.remove(at);
                }
            }
            Self::RemoveDouble { id, .. } => {
                if let Some(at) = firewall.first(id) {
                    firewall.rules.remove(at);
                }
            }
            Self::AddSet { name } => {
                firewall.sets.entry(name.clone()).or_default();
            }
            Self::AddEntry { set, cidr } => {
                firewall.sets.entry(set.clone()).or_default().insert(cidr.clone());
            }
            Self::RemoveEntry { set, cidr } => {
                firewall.sets.entry(set.clone()).or_default().remove(cidr);
            }
            Self::RemoveSet { name } => {
                firewall.sets.remove(name);
            }
            Self::AddAlias { name, cidr } | Self::ChangeAlias { name, cidr } => {
                firewall.aliases.insert(name.clone(), cidr.clone());
            }
            Self::RemoveAlias { name } => {
                firewall.aliases.remove(name);
            }
        }
    }
}

/// The calls that leave one of each rule among `fields`.
fn doubles(firewall: &Firewall, fields: &BTreeMap<FirewallField, Value>) -> Vec<FirewallCall> {
    let ids = fields.keys().filter_map(|field| match field {
        FirewallField::Rule(id) => Some(id),
        _ => None,
    });
    ids.flat_map(|id| {
        let count = firewall.position(id).err().unwrap_or(1);
        (1..count).rev().map(|left| FirewallCall::RemoveDouble { id: id.clone(), left })
    })
    .collect()
}

/// The calls that make `fields` of `firewall` so, and the firewall as they leave it. What is added comes first, so that
/// nothing is closed before what keeps it open stands; of one declaration's rules the first stands above the others.
#[must_use]
pub fn calls(firewall: &Firewall, fields: &BTreeMap<FirewallField, Value>) -> (Vec<FirewallCall>, Firewall) {
    let mut calls = doubles(firewall, fields);
    let mut single = firewall.clone();
    for call in &calls {
        call.carry_out(&mut single);
    }
    let firewall = &single;
    let mut after = firewall.clone();
    let mut push = |call: FirewallCall| {
        call.carry_out(&mut after);
        calls.push(call);
    };
    let is = firewall.fields();
    let is_so = |field: &FirewallField, value: &Value| field.holds(value, is.get(&Field::from(field.clone())));
    let open: Vec<(&FirewallField, &Value)> = fields.iter().filter(|(field, value)| !is_so(field, value)).collect();

    for (field, value) in &open {
        match (field, value) {
            (FirewallField::Alias(name), Value::Text(cidr)) if !cidr.is_empty() => {
                let (name, cidr) = (name.clone(), cidr.clone());
                let known = firewall.aliases.contains_key(&name);
                push(if known {
                    FirewallCall::ChangeAlias { name, cidr }
                } else {
                    FirewallCall::AddAlias { name, cidr }
                });
            }
            (FirewallField::IpSet(name), Value::Set(wanted)) => {
                let known = firewall.sets.get(name);
                if known.is_none() {
                    push(FirewallCall::AddSet { name: name.clone() });
                }
                for cidr in wanted.iter().filter(|cidr| known.is_none_or(|known| !known.contains(*cidr))) {
                    push(FirewallCall::AddEntry { set: name.clone(), cidr: cidr.clone() });
                }
                for cidr in known.into_iter().flatten().filter(|cidr| !wanted.contains(*cidr)) {
                    push(FirewallCall::RemoveEntry { set: name.clone(), cidr: cidr.clone() });
                }
            }
            _ => {}
        }
    }
    let rules = open.iter().rev().filter_map(|(field, value)| match (field, value) {
        (FirewallField::Rule(id), Value::Text(text)) => Some((id, text.parse::<Rule>().ok()?)),
        _ => None,
    });
    for (id, rule) in rules {
        let id = id.clone();
        let known = is.contains_key(&FirewallField::Rule(id.clone()).into());
        push(if known { FirewallCall::ChangeRule { id, rule } } else { FirewallCall::AddRule { id, rule } });
    }
    let options: BTreeMap<FirewallOption, Value> = open
        .iter()
        .filter_map(|(field, value)| match field {
            FirewallField::Option(option) => Some((*option, (*value).clone())),
            _ => None,
        })
        .collect();
    if !options.is_empty() {
        push(FirewallCall::SetOptions(options));
    }
    for (field, value) in &open {
        if **value != Value::Text(String::new()) {
            continue;
        }
        match field {
            FirewallField::Rule(id) => push(FirewallCall::RemoveRule { id: id.clone() }),
            FirewallField::IpSet(name) => push(FirewallCall::RemoveSet { name: name.clone() }),
            FirewallField::Alias(name) => push(FirewallCall::RemoveAlias { name: name.clone() }),
            FirewallField::Option(_) | FirewallField::Lockout => {}
        }
    }
    let ids: Vec<&String> = fields
        .keys()
        .filter_map(|field| match field {
            FirewallField::Rule(id) => Some(id),
            _ => None,
        })
        .collect();
    for pair in ids.windows(2).filter(|pair| pair[0][..ID_DIGITS - 2] == pair[1][..ID_DIGITS - 2]) {
        let at = |id: &str| after.position(id).ok().flatten();
        if let (Some(first), Some(second)) = (at(pair[0]), at(pair[1]))
            && second < first
        {
            let call = FirewallCall::MoveRule { id: pair[1].clone(), behind: pair[0].clone() };
            call.carry_out(&mut after);
            calls.push(call);
        }
    }
    (calls, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(id: u8) -> FirewallField {
        FirewallField::Rule(format!("01234567{id:02x}"))
    }

    fn text(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    fn set(addresses: &[&str]) -> Value {
        Value::Set(addresses.iter().map(|&address| address.to_owned()).collect())
    }

    #[test]
    fn the_first_rule_said_stands_first_and_the_second_planning_finds_nothing() {
        let fields = BTreeMap::from([
            (FirewallField::Option(FirewallOption::Enable), Value::Flag(true)),
            (rule(0), text("IN SSH(ACCEPT) -source 10.0.0.0/8")),
            (rule(1), text("IN SSH(DROP)")),
            (FirewallField::IpSet("admins".into()), set(&["10.1.0.0/16", "10.2.0.0/16"])),
        ]);
        let others = Firewall {
            rules: vec![SeenRule { rule: "IN HTTP(ACCEPT)".parse().unwrap(), comment: "theirs".into() }],
            ..Firewall::default()
        };
        let (calls_made, after) = calls(&others, &fields);
        assert_eq!(calls_made.len(), 6, "a set with two addresses, two rules, the options: {calls_made:#?}");
        assert!(matches!(calls_made.last(), Some(FirewallCall::SetOptions(_))), "what keeps it open stands before");
        let rules: Vec<String> = after.rules.iter().map(|seen| seen.rule.to_string()).collect();
        assert_eq!(rules, ["IN SSH(ACCEPT) -source 10.0.0.0/8", "IN SSH(DROP)", "IN HTTP(ACCEPT)"]);
        assert!(calls_made.iter().all(|call| call.is_done(&after) == Ok(true)));
        assert_eq!(calls(&after, &fields).0, []);
    }

    #[test]
    fn a_rule_that_was_lost_comes_back_to_its_place() {
        let fields = BTreeMap::from([(rule(0), text("IN SSH(ACCEPT)")), (rule(1), text("IN SSH(DROP)"))]);
        let (_, mut firewall) = calls(&Firewall::default(), &fields);
        firewall.rules.remove(1);
        let (made, after) = calls(&firewall, &fields);
        assert!(matches!(made.as_slice(), [FirewallCall::AddRule { .. }, FirewallCall::MoveRule { .. }]), "{made:?}");
        assert_eq!(after.rules[1].rule.to_string(), "IN SSH(DROP)");
    }

    #[test]
    fn a_rule_that_came_several_times_stays_once_where_it_stood() {
        let fields = BTreeMap::from([(rule(0), text("IN SSH(ACCEPT)")), (rule(1), text("IN SSH(DROP)"))]);
        let (_, once) = calls(&Firewall::default(), &fields);
        let mut firewall = once.clone();
        let late = firewall.rules[1].clone();
        let add = FirewallCall::AddRule { id: late.id().unwrap().to_owned(), rule: late.rule.clone() };
        firewall.rules.splice(0..0, [late.clone(), late]);
        assert_eq!(add.is_done(&firewall), Ok(true), "a second one does not undo the first");
        let (made, after) = calls(&firewall, &fields);
        assert!(matches!(
            made.as_slice(),
            [FirewallCall::RemoveDouble { left: 2, .. }, FirewallCall::RemoveDouble { left: 1, .. }]
        ));
        assert_eq!(after, once);
        assert_eq!(made[0].is_done(&firewall), Ok(false));
        made[0].carry_out(&mut firewall);
        assert_eq!((made[0].is_done(&firewall), made[1].is_done(&firewall)), (Ok(true), Ok(false)));
        let none = BTreeMap::from([(rule(1), text(""))]);
        let names: Vec<&str> = calls(&firewall, &none).0.iter().map(FirewallCall::name).collect();
        assert_eq!(names, ["remove_double", "remove_rule"]);
    }

    #[test]
    fn edits_take_the_least_calls() {
        let fields = BTreeMap::from([
            (rule(0), text("IN HTTP(ACCEPT)")),
            (FirewallField::IpSet("admins".into()), set(&["10.1.0.0/16"])),
            (FirewallField::Alias("office".into()), text("192.0.2.1")),
        ]);
        let (_, firewall) = calls(&Firewall::default(), &fields);
        let then = BTreeMap::from([
            (rule(0), text("IN HTTP(ACCEPT) -source 10.0.0.0/8")),
            (FirewallField::IpSet("admins".into()), set(&["10.1.0.0/16", "10.3.0.0/16"])),
            (FirewallField::Alias("office".into()), text("192.0.2.2")),
        ]);
        let names: Vec<&str> = calls(&firewall, &then).0.iter().map(FirewallCall::name).collect();
        assert_eq!(names, ["add_ipset_entry", "change_alias", "change_rule"]);
        let none = BTreeMap::from([
            (rule(0), text("")),
            (FirewallField::IpSet("admins".into()), text("")),
            (FirewallField::Alias("office".into()), text("")),
        ]);
        let (made, after) = calls(&firewall, &none);
        assert_eq!(made.len(), 3);
        assert!(after.rules.is_empty() && after.sets.is_empty() && after.aliases.is_empty());
    }
}

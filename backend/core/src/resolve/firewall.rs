//! The firewall of a guest: rules, options, IP sets and aliases, and that nobody is locked out by them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::target::Found;
use super::{Doubt, Fields, Resolver, Subject, answered};
use crate::field::{Field, NicPart, Plain, Shape, Value};
use crate::firewall::{Firewall, FirewallField, FirewallOption, Rule, calls, closed, is_name, rule_id};
use crate::guest::GuestKey;
use crate::id::{DeclarationId, ResourceId};
use crate::intent::{Intent, OneDeed, Wish};
use crate::observed::{Observed, Ownership, Sighting};
use crate::policy::Policy;
use crate::reading::{
    Amount, Answers, Edit, EditField, FirewallPart, FormGuest, LEAVE_OUT, Reading, Sourced, Span, What,
};

/// The guests whose firewall must be read before `reading` can be resolved: reading one takes calls of its own, so that
/// no other look does.
#[must_use]
pub fn firewalls_of(
    declaration: DeclarationId,
    text: &str,
    reading: &Reading,
    observed: &Observed,
    policy: &Policy,
    answers: &Answers,
) -> BTreeSet<GuestKey> {
    let mut resolver = Resolver::new(declaration, text, reading, observed, policy, answers);
    let mut keys = BTreeSet::new();
    for statement in &reading.statements {
        if let What::Change { targets, edits } = &statement.what
            && edits.iter().any(concerns_firewall)
        {
            for found in resolver.targets(targets) {
                if let Found::Seen(seen) = found {
                    keys.insert(seen.guest.key());
                }
            }
        }
        if let What::Typed(guest) = &statement.what
            && (!guest.rules.is_empty() || guest.fields.keys().any(decides_filtering))
        {
            let is_meant = |seen: &&Sighting| {
                seen.guest.name == guest.name.value
                    || guest.vmid.as_ref().is_some_and(|said| said.value == seen.guest.vmid.get())
            };
            keys.extend(observed.guests.iter().filter(is_meant).map(|seen| seen.guest.key()));
        }
    }
    let edited = reading.edits.iter().filter(|edit| edit.fields().any(|(field, _)| decides_filtering(&field)));
    keys.extend(edited.filter_map(|edit| match edit.guest {
        FormGuest::Seen(vmid) => observed.numbered(vmid).map(|seen| seen.guest.key()),
        FormGuest::New(_) => None,
    }));
    keys
}

/// Whether it depends on such a field who is let in.
const fn decides_filtering(field: &Field) -> bool {
    is_of_firewall(field) || matches!(field, Field::Nic(_, NicPart::Bridge))
}

/// The guests whose firewall must be read before `intent` can be planned.
#[must_use]
pub fn firewalls_in(intent: &Intent, observed: &Observed) -> BTreeSet<GuestKey> {
    let held = intent.wishes.iter().filter_map(|wish| match wish {
        Wish::Hold { guest, fields } => fields.keys().any(is_of_firewall).then(|| guest.key()),
        // It goes with the guest, and is shown before.
        Wish::Once { guest, deed: OneDeed::Delete } => Some(guest.key()),
        // It may be made already.
        Wish::Exist(new) if new.fields.keys().any(is_of_firewall) => {
            let made = observed.guests.iter().find(|seen| seen.ownership == Ownership::Ours(new.resource));
            made.map(|seen| seen.guest.key())
        }
        Wish::Exist(_) | Wish::Once { .. } | Wish::Facility { .. } => None,
    });
    held.collect()
}

const fn concerns_firewall(edit: &Edit) -> bool {
    matches!(
        edit.field,
        EditField::Firewall(_)
            | EditField::NewNic { .. }
            | EditField::Nic(_, NicPart::Firewall | NicPart::Bridge)
            | EditField::EachNic(_, NicPart::Firewall | NicPart::Bridge)
    )
}

const fn is_of_firewall(field: &Field) -> bool {
    matches!(field, Field::Firewall(_) | Field::Nic(_, NicPart::Firewall))
}

impl<'a> Resolver<'a> {
    /// What a typed intent or a form says of a part of the firewall.
    pub(super) fn typed_firewall(
        &mut self,
        at: Span,
        subject: &Subject<'a>,
        part: &FirewallField,
        said: &Sourced<Value>,
    ) -> Option<Sourced<Value>> {
        let wanted = match part {
            FirewallField::Option(option) => FirewallPart::Option(*option),
            FirewallField::IpSet(name) => FirewallPart::IpSet(name.clone()),
            FirewallField::Alias(name) => FirewallPart::Alias(name.clone()),
            FirewallField::Rule(_) | FirewallField::Lockout => return None,
        };
        let edit = Edit {
            field: EditField::Firewall(wanted.clone()),
            amount: Amount::To(said.value.clone()),
            source: said.source.clone(),
        };
        let mut fields = Fields::new();
        self.firewall(at, subject, &wanted, &edit, &mut fields);
        let checked = fields.remove(&Field::Firewall(part.clone()))?;
        // Words add to a set that is there; an intent says all that is in it.
        Some(if matches!(part, FirewallField::IpSet(_)) { said.clone() } else { checked })
    }

    /// Lays an edit of the firewall over `fields`.
    pub(super) fn firewall(
        &mut self,
        at: Span,
        subject: &Subject<'a>,
        part: &FirewallPart,
        edit: &Edit,
        fields: &mut Fields,
    ) {
        let span = edit.source.span().unwrap_or(at);
        let bare = Firewall::default();
        let firewall = match subject.seen.map(|seen| (seen.guest.vmid, seen.firewall.as_deref())) {
            Some((_, Some(firewall))) => firewall,
            Some((vmid, None)) => {
                let text = format!(
                    "The firewall of {} could not be read. Declare this again when Proxmox lets it be read (VM.Audit on \
                     /vms/{vmid}).",
                    subject.name
                );
                return self.ask("firewall", Some(span), Doubt::new(text));
            }
            // What the cluster’s own firewall knows is read with a guest’s, and a copy has its template’s.
            None if is_for_later(part, &edit.amount) => {
                let text = format!(
                    "{} is made by the same declaration. Its IP sets and aliases, and the cluster’s security groups, are \
                     declared when it exists.",
                    subject.name
                );
                return self.ask("too-early", Some(at), Doubt::new(text));
            }
            None => &bare,
        };
        let said = |value: Value| Sourced::new(value, edit.source.clone());
        let field_and_value = match (part, &edit.amount) {
            (FirewallPart::Option(option), Amount::To(value)) => {
                self.firewall_option(span, *option, value, edit).map(|value| (FirewallField::Option(*option), value))
            }
            (FirewallPart::Rule, Amount::To(Value::Text(rule))) => {
                self.rule(span, subject, firewall, rule, edit, fields)
            }
            (FirewallPart::Rule, Amount::Minus(Value::Text(pattern))) => self
                .no_rule(span, subject, firewall, pattern)
                .map(|id| (FirewallField::Rule(id), said(Value::Text(String::new())))),
            (FirewallPart::IpSet(name), amount) => self
                .set(span, subject, firewall, name, amount, edit)
                .map(|value| (FirewallField::IpSet(name.clone()), value)),
            (FirewallPart::Alias(name), Amount::To(Value::Text(cidr))) => self
                .alias(span, subject, firewall, name, cidr, edit)
                .map(|value| (FirewallField::Alias(name.clone()), value)),
            (FirewallPart::Option(_) | FirewallPart::Rule | FirewallPart::Alias(_), _) => {
                let text = format!("This cannot be done to the firewall of {}. What is meant?", subject.name);
                return self.ask("firewall", Some(span), Doubt::new(text));
            }
        };
        if let Some((field, value)) = field_and_value {
            self.put(&subject.name, fields, Field::Firewall(field), value);
        }
    }

    fn firewall_option(
        &mut self,
        span: Span,
        option: FirewallOption,
        value: &Value,
        edit: &Edit,
    ) -> Option<Sourced<Value>> {
        let fits = match (option.shape(), value) {
            (Shape::Flag, Value::Flag(_)) => true,
            (Shape::Choice(words), Value::Text(text)) => words.contains(&text.as_str()),
            _ => false,
        };
        if fits {
            return Some(Sourced::new(value.clone(), edit.source.clone()));
        }
        let text = format!("{} cannot be “{value}”. What shall it be?", Field::from(option).label());
        let choices: &[&str] = match option.shape() {
            Shape::Choice(words) => words,
            _ => &["yes", "no"],
        };
        self.ask("firewall-option", Some(span), Doubt::new(text).or(choices));
        None
    }

    /// A rule of ours: one that is there already, or the next of this declaration.
    fn rule(
        &mut self,
        span: Span,
        subject: &Subject<'a>,
        firewall: &Firewall,
        text: &str,
        edit: &Edit,
        fields: &Fields,
    ) -> Option<(FirewallField, Sourced<Value>)> {
        let Ok(rule) = text.parse::<Rule>() else {
            let text = format!("“{text}” is no rule that Proxmox’s firewall takes. What shall it be?");
            self.ask("rule", Some(span), Doubt::new(text));
            return None;
        };
        let mut source = edit.source.clone();
        let mut rule = rule;
        for part in ["source", "dest"] {
            let Some(address) = rule.get(part) else { continue };
            let said = Sourced::new(address.to_owned(), edit.source.clone());
            let settled = self.settle_text(&format!("rule-{part}"), span, &said, |text| addresses(text, firewall))?;
            if settled.value != said.value {
                source = settled.source;
                rule = rule.with(part, settled.value);
            }
        }
        if let (Some("group"), Some(group)) = (rule.get("type"), rule.get("action"))
            && !firewall.known.contains(&format!("@{group}"))
        {
            let groups = firewall.known.iter().filter_map(|name| name.strip_prefix('@'));
            let text = format!("The cluster has no security group {group}. Which one is meant?");
            self.ask("group", Some(span), Doubt::new(text).or(groups));
            return None;
        }
        let value = Sourced::new(Value::Text(rule.to_string()), source);
        let ours = firewall.rules.iter().find(|seen| seen.rule == rule && seen.id().is_some());
        if let Some(id) = ours.and_then(|seen| seen.id()) {
            return Some((FirewallField::Rule(id.to_owned()), value));
        }
        let taken = |id: &String| {
            let field = Field::Firewall(FirewallField::Rule(id.clone()));
            let before = self.wishes.iter().any(|wish| match wish {
                Wish::Hold { guest, fields } => {
                    Some(guest.key()) == subject.seen.map(|seen| seen.guest.key()) && fields.contains_key(&field)
                }
                Wish::Exist(_) | Wish::Once { .. } | Wish::Facility { .. } => false,
            });
            before || fields.contains_key(&field)
        };
        let id = (1..=u8::MAX).map(|ordinal| rule_id(self.declaration, ordinal)).find(|id| !taken(id));
        if id.is_none() {
            let text = format!("This is more than 255 rules for {}. Split the declaration.", subject.name);
            self.ask("rules", Some(span), Doubt::new(text));
        }
        id.map(|id| (FirewallField::Rule(id), value))
    }

    /// The rule of ours that is meant by what it does.
    fn no_rule(&mut self, span: Span, subject: &Subject<'a>, firewall: &Firewall, pattern: &str) -> Option<String> {
        let topic = format!("rule-of-{}", subject.name);
        let patterns = patterns(pattern);
        let meant: Vec<_> =
            firewall.rules.iter().filter(|seen| patterns.iter().any(|pattern| seen.rule.is_like(pattern))).collect();
        let ours: Vec<(&str, String)> =
            meant.iter().filter_map(|seen| Some((seen.id()?, format!("{} ({})", seen.rule, seen.id()?)))).collect();
        if let [(id, _)] = ours.as_slice() {
            return Some((*id).to_owned());
        }
        if let Some(answer) = self.answers.get(&topic, Some(span))
            && let Some((id, _)) = ours.iter().find(|(id, option)| answer == option || answer == *id)
        {
            return Some((*id).to_owned());
        }
        let doubt = match (ours.is_empty(), meant.first()) {
            (false, _) => Doubt::new(format!("Several rules of {} are like that. Which one is meant?", subject.name))
                .or(ours.iter().map(|(_, option)| option)),
            (true, Some(other)) => Doubt::new(format!(
                "{} has such a rule (“{}”), but MycoPod did not make it, and touches no rule but its own. Remove it in \
                 Proxmox.",
                subject.name, other.rule
            )),
            (true, None) => {
                let all = firewall.rules.iter().filter_map(|seen| Some(format!("{} ({})", seen.rule, seen.id()?)));
                Doubt::new(format!("{} has no such rule. Which one is meant?", subject.name)).or(all)
            }
        };
        self.ask(&topic, Some(span), doubt);
        None
    }

    fn set(
        &mut self,
        span: Span,
        subject: &Subject<'a>,
        firewall: &Firewall,
        name: &str,
        amount: &Amount,
        edit: &Edit,
    ) -> Option<Sourced<Value>> {
        if !self.named_well(span, name) {
            return None;
        }
        let known = firewall.sets.get(name);
        if known.is_none() && !matches!(amount, Amount::To(Value::Set(_))) {
            let text = format!("{} has no IP set {name}. Which one is meant?", subject.name);
            self.ask("ipset", Some(span), Doubt::new(text).or(firewall.sets.keys()));
            return None;
        }
        let value = match amount {
            Amount::To(Value::Text(text)) if text.is_empty() => Value::Text(String::new()),
            // A set that is there keeps what is in it.
            Amount::To(Value::Set(set)) | Amount::Plus(Value::Set(set)) => {
                Value::Set(known.into_iter().flatten().chain(set).cloned().collect())
            }
            Amount::Minus(Value::Set(set)) => {
                Value::Set(known.into_iter().flatten().filter(|cidr| !set.contains(*cidr)).cloned().collect())
            }
            _ => return None,
        };
        if let Value::Set(set) = &value
            && let Some(bad) = set.iter().find(|cidr| network(cidr.trim_start_matches('!')).is_none())
        {
            let text =
                format!("“{bad}” is no address or network that an IP set takes, such as 10.0.0.0/8. Say it anew.");
            self.ask("ipset-address", Some(span), Doubt::new(text));
            return None;
        }
        Some(Sourced::new(value, edit.source.clone()))
    }

    fn alias(
        &mut self,
        span: Span,
        subject: &Subject<'a>,
        firewall: &Firewall,
        name: &str,
        cidr: &str,
        edit: &Edit,
    ) -> Option<Sourced<Value>> {
        if !self.named_well(span, name) {
            return None;
        }
        if cidr.is_empty() && !firewall.aliases.contains_key(name) {
            let text = format!("{} has no alias {name}. Which one is meant?", subject.name);
            self.ask("alias", Some(span), Doubt::new(text).or(firewall.aliases.keys()));
            return None;
        }
        if !cidr.is_empty() && network(cidr).is_none() {
            let text = format!("“{cidr}” is no address or network such as 192.0.2.4. Say it anew.");
            self.ask("alias-address", Some(span), Doubt::new(text));
            return None;
        }
        Some(Sourced::new(Value::Text(cidr.to_owned()), edit.source.clone()))
    }

    fn named_well(&mut self, span: Span, name: &str) -> bool {
        let well = is_name(name);
        if !well {
            let text = format!(
                "“{name}” cannot be the name of an IP set or alias: it takes 2 to 40 letters, digits, - and _, a letter \
                 first."
            );
            self.ask("firewall-name", Some(span), Doubt::new(text));
        }
        well
    }

    /// Asks where all that was said of a guest together would cut off the way by which it is managed.
    pub(super) fn keep_access(&mut self) {
        let mut guests: BTreeMap<Whose, (Guarded, Fields)> = BTreeMap::new();
        for (at, wish) in self.wishes.iter().enumerate() {
            let (whose, topic, name, fields) = match wish {
                Wish::Hold { guest, fields } => {
                    (Whose::Seen(guest.key()), format!("access-{}", guest.vmid), guest.name.clone(), fields)
                }
                Wish::Exist(new) => {
                    let name = new.name.value.to_string();
                    (Whose::Made(new.resource), format!("access-{name}"), name, &new.fields)
                }
                Wish::Once { .. } | Wish::Facility { .. } => continue,
            };
            if fields.keys().any(is_of_firewall) {
                let guarded = Guarded { topic, name, wishes: Vec::new() };
                let (guarded, all) = guests.entry(whose).or_insert_with(|| (guarded, Fields::new()));
                guarded.wishes.push(at);
                all.extend(fields.clone());
            }
        }
        let bare = Firewall::default();
        let mut emptied = BTreeSet::new();
        for (whose, (guest, fields)) in guests {
            let seen = match whose {
                Whose::Seen(key) => self.observed.guest(key),
                Whose::Made(_) => None,
            };
            let before = match seen.map(|seen| seen.firewall.as_deref()) {
                Some(Some(before)) => before,
                Some(None) => {
                    self.ask_unread(&guest, &mut emptied);
                    continue;
                }
                None if matches!(whose, Whose::Seen(_)) => continue,
                None => &bare,
            };
            let values = fields
                .iter()
                .filter_map(|(field, said)| match field {
                    Field::Firewall(part) => Some((part.clone(), said.value.clone())),
                    Field::Plain(_) | Field::Disk(..) | Field::Nic(..) => None,
                })
                .collect();
            let (_, after) = calls(before, &values);
            let turns_on = fields.iter().any(|(field, said)| {
                matches!(field, Field::Nic(_, NicPart::Firewall)) && said.value == Value::Flag(true)
            });
            let filtered = !turns_on
                || seen
                    .into_iter()
                    .flat_map(|seen| &seen.fields)
                    .any(|(field, is)| matches!(field, Field::Nic(_, NicPart::Firewall)) && *is == Value::Flag(true));
            let os_type = Field::Plain(Plain::OsType);
            let said = fields.get(&os_type).map(|said| &said.value);
            let os_type = seen.and_then(|seen| seen.get(&os_type)).or(said);
            let closed = closed(before, &after, filtered, self.policy.management_ports_of(os_type));
            if let Some(port) = closed.first() {
                self.ask_for_access(&guest, *port, &mut emptied);
            }
        }
        let mut at = 0..;
        self.wishes.retain(|_| at.next().is_none_or(|at| !emptied.contains(&at)));
    }

    fn ask_unread(&mut self, guest: &Guarded, emptied: &mut BTreeSet<usize>) {
        let name = &guest.name;
        let text = format!(
            "Whether the firewall of {name} would let anybody in is not known, because it could not be read. Say its \
             name, {name}, to go on all the same."
        );
        self.agree(guest, text, Vec::new(), emptied);
    }

    fn ask_for_access(&mut self, guest: &Guarded, port: u16, emptied: &mut BTreeSet<usize>) {
        let name = &guest.name;
        let service = crate::firewall::SERVICES.iter().find(|service| service.port == port && service.proto == "tcp");
        let what = service.map_or_else(|| format!("{port}/tcp"), |service| service.macro_name.to_owned());
        let anywhere = format!("Allow {what} from anywhere");
        let answer = self.answers.get(&guest.topic, None).map(str::to_owned);
        let from = answer.as_deref().and_then(|answer| {
            if answer == anywhere {
                return Some(None);
            }
            let said = answer.split_whitespace().last().unwrap_or_default();
            network(said).map(|_| Some(said.to_owned()))
        });
        if let (Some(from), Some(answer)) = (from, &answer) {
            let rule = service.map_or_else(
                || format!("IN ACCEPT -p tcp -dport {port}"),
                |service| format!("IN {}(ACCEPT)", service.macro_name),
            );
            let rule = from.map_or_else(|| rule.clone(), |from| format!("{rule} -source {from}"));
            // Sorts before the declaration’s other rules, so that it stands above what would close the port.
            let id = rule_id(self.declaration, 0);
            let value = Sourced::new(Value::Text(rule), answered(answer));
            return self.also(guest, Field::Firewall(FirewallField::Rule(id)), value);
        }
        let text = format!(
            "This would close port {port} of {name}, by which it is managed: its firewall would let nobody in there. From \
             where shall {what} be allowed? Say a network such as 10.0.0.0/8, or say its name, {name}, to close it all \
             the same."
        );
        self.agree(guest, text, vec![anywhere], emptied);
    }

    /// Asks, unless the guest’s name was the answer: that is agreed to, and remembered. Wishes that are left without
    /// anything are `emptied`.
    fn agree(&mut self, guest: &Guarded, text: String, options: Vec<String>, emptied: &mut BTreeSet<usize>) {
        match self.answers.get(&guest.topic, None).map(str::to_owned) {
            Some(answer) if answer == guest.name => {
                let value = Sourced::new(Value::Flag(true), answered(&answer));
                self.also(guest, Field::Firewall(FirewallField::Lockout), value);
            }
            Some(answer) if answer == LEAVE_OUT => {
                for at in &guest.wishes {
                    match self.wishes.get_mut(*at) {
                        Some(Wish::Hold { fields, .. }) => {
                            fields.retain(|field, _| !is_of_firewall(field));
                            emptied.extend(fields.is_empty().then_some(*at));
                        }
                        Some(Wish::Exist(new)) => new.fields.retain(|field, _| !is_of_firewall(field)),
                        Some(Wish::Once { .. } | Wish::Facility { .. }) | None => {}
                    }
                }
            }
            _ => {
                // The name is typed, not chosen.
                let doubt = Doubt::new(text).or(options);
                self.ask(&guest.topic, None, doubt);
            }
        }
    }

    /// A further field of the first wish that is about the guest’s firewall.
    fn also(&mut self, guest: &Guarded, field: Field, value: Sourced<Value>) {
        match guest.wishes.first().and_then(|at| self.wishes.get_mut(*at)) {
            Some(Wish::Hold { fields, .. }) => fields.insert(field, value),
            Some(Wish::Exist(new)) => new.fields.insert(field, value),
            Some(Wish::Once { .. } | Wish::Facility { .. }) | None => None,
        };
    }
}

/// The guest whose firewall is declared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    Seen(GuestKey),
    Made(ResourceId),
}

/// A guest that somebody shall still get into.
struct Guarded {
    /// The topic of the question about it.
    topic: String,
    name: String,
    /// Where its firewall is declared, among the wishes.
    wishes: Vec<usize>,
}

/// What cannot be declared of a guest before it exists.
fn is_for_later(part: &FirewallPart, amount: &Amount) -> bool {
    match (part, amount) {
        (FirewallPart::Option(_), _) => false,
        (FirewallPart::Rule, Amount::To(Value::Text(rule))) => rule.starts_with("GROUP "),
        (FirewallPart::Rule | FirewallPart::IpSet(_) | FirewallPart::Alias(_), _) => true,
    }
}

/// A pattern in its two directions, where it says none: `ANY …`.
fn patterns(pattern: &str) -> Vec<Rule> {
    let all = pattern.strip_prefix("ANY ").map_or_else(
        || vec![pattern.to_owned()],
        |rest| {
            let ways = ["IN", "OUT"].iter();
            ways.flat_map(|way| {
                ["ACCEPT", "DROP", "REJECT"].map(|action| format!("{way} {}", rest.replace("ANY", action)))
            })
            .collect()
        },
    );
    all.iter().filter_map(|pattern| pattern.parse().ok()).collect()
}

/// Addresses as a rule takes them: networks, a range, an IP set or an alias.
fn addresses(text: String, firewall: &Firewall) -> Result<String, Doubt> {
    let known = match text.strip_prefix('+') {
        Some(set) => firewall.sets.contains_key(set) || firewall.known.contains(&text),
        None => firewall.aliases.contains_key(&text) || firewall.known.contains(&text),
    };
    let range = text.split_once('-').and_then(|(first, last)| {
        let (first, last) = (first.parse::<IpAddr>().ok()?, last.parse::<IpAddr>().ok()?);
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(())
    });
    let networks: Option<Vec<bool>> = text.split(',').map(network).collect();
    let listed = networks.is_some_and(|versions| versions.windows(2).all(|pair| pair[0] == pair[1]));
    if known || range.is_some() || listed {
        return Ok(text);
    }
    let sets = firewall.sets.keys().map(|set| format!("+{set}"));
    let names =
        firewall.aliases.keys().cloned().chain(firewall.known.iter().filter(|name| !name.starts_with('@')).cloned());
    let doubt = format!(
        "“{text}” is no address, network (such as 10.0.0.0/8), IP set or alias that this firewall knows. Which one is meant?"
    );
    Err(Doubt::new(doubt).or(sets.chain(names)))
}

/// Whether an address or network is of IPv4; `None` where it is neither, or has bits beyond its prefix.
fn network(text: &str) -> Option<bool> {
    let (address, prefix) = text.split_once('/').map_or((text, None), |(address, prefix)| (address, Some(prefix)));
    let address: IpAddr = address.parse().ok()?;
    let (bits, width) = match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128_u32),
    };
    if let Some(prefix) = prefix {
        let length: u32 = prefix.parse().ok().filter(|length| *length <= width && !prefix.starts_with('+'))?;
        let hosts = width - length;
        let beyond = if hosts == 128 { bits } else { bits & ((1 << hosts) - 1) };
        if beyond != 0 {
            return None;
        }
    }
    Some(address.is_ipv4())
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn networks_have_no_bits_beyond_their_prefix() {
        for good in ["10.0.0.0/8", "10.0.0.1", "10.0.0.1/32", "0.0.0.0/0", "fd00::/8", "::/0", "fd00::1"] {
            assert!(network(good).is_some(), "{good}");
        }
        for bad in ["10.0.0.1/8", "10.0.0.0/33", "10.0.0.0/", "10.0.0", "fd00::1/64", "", "x", "10.0.0.0/+8"] {
            assert_eq!(network(bad), None, "{bad}");
        }
    }
}

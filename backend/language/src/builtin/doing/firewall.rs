//! The firewall: “allow https to web-01 from 10.0.0.0/8”, “block incoming traffic on db-1 except ssh”, “create ip set
//! admins on web-01 with 10.1.0.0/16”.

use mycopod_core::field::Value;
use mycopod_core::firewall::FirewallOption;
use mycopod_core::reading::{Amount, FirewallPart};

use super::traffic::Traffic;
use crate::builtin::Parser;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

/// For whom, and what.
pub type Wish = (Targets, Vec<Said<Item>>);

/// Where a packet comes from and goes to.
#[derive(Default)]
struct Places {
    targets: Option<Targets>,
    outgoing: bool,
    source: Option<String>,
    dest: Option<String>,
}

impl Places {
    fn addresses(&self) -> String {
        let part = |name: &str, address: &Option<String>| {
            address.as_ref().filter(|address| !address.is_empty()).map(|address| format!(" {name} {address}"))
        };
        part("-source", &self.source).unwrap_or_default() + &part("-dest", &self.dest).unwrap_or_default()
    }
}

impl Parser<'_> {
    /// Something about the firewall, and nothing left of the clause.
    pub fn firewall(&mut self) -> Option<()> {
        let start = self.at;
        let rules = [
            Self::firewall_switch,
            Self::firewall_policy,
            Self::firewall_group,
            Self::firewall_set,
            Self::firewall_alias,
            Self::no_rule,
            Self::rule,
        ];
        let (targets, items) = rules.into_iter().find_map(|rule| {
            self.attempt(|p| {
                let read = rule(p)?;
                p.at_boundary().then_some(read)
            })
        })?;
        self.push_change(start, targets, items, How::Set)
    }

    pub fn part(&self, start: usize, part: FirewallPart, amount: Amount) -> Said<Item> {
        Said { value: Item::Firewall(part, amount), tokens: start..self.at }
    }

    fn option_said(&self, start: usize, option: FirewallOption, value: Value) -> Said<Item> {
        self.part(start, FirewallPart::Option(option), Amount::To(value))
    }

    /// “enable the firewall of web-01”, “turn its firewall off”.
    fn firewall_switch(&mut self) -> Option<Wish> {
        let start = self.at;
        let mut on = None;
        if self.any(words!("enable|activate|turn on|switch on")) {
            on = Some(true);
        } else if self.any(words!("disable|deactivate|turn off|switch off")) {
            on = Some(false);
        } else if !self.any(words!("turn|switch")) {
            return None;
        }
        let targets = self.firewall_of()?;
        let on = match on {
            Some(on) => on,
            None if self.any(words!("on")) => true,
            None if self.any(words!("off")) => false,
            None => return None,
        };
        self.any(words!("now"));
        Some((targets, vec![self.option_said(start, FirewallOption::Enable, Value::Flag(on))]))
    }

    /// “the firewall of web-01”, “web-01’s firewall”, “its firewall”.
    fn firewall_of(&mut self) -> Option<Targets> {
        if let Some(targets) = self.attempt(|p| {
            let targets = p.owner()?;
            p.any(words!("firewall")).then_some(targets)
        }) {
            return Some(targets);
        }
        self.articles();
        if !self.any(words!("firewall")) || !self.any(words!("of|on|for|at|in")) {
            return None;
        }
        // The firewall of a NIC is a part of the NIC.
        let of_nic = self.ahead(|p| {
            p.articles();
            let word = p.word();
            (word.starts_with("net") || word.starts_with("nic") || word.starts_with("interface")).then_some(())
        });
        if of_nic { None } else { self.targets() }
    }

    /// “set the incoming policy of web-01 to drop”.
    fn firewall_policy(&mut self) -> Option<Wish> {
        let start = self.at;
        self.any(words!("set|change|make")).then_some(())?;
        self.any(words!("the"));
        self.any(words!("firewall"));
        let out = self.any(words!("outgoing|outbound|output"));
        if !out && !self.any(words!("incoming|inbound|input")) {
            return None;
        }
        self.any(words!("firewall"));
        self.any(words!("policy")).then_some(())?;
        self.any(words!("of|on|for")).then_some(())?;
        let targets = self.targets()?;
        self.any(words!("to")).then_some(())?;
        let policy = self.verdict()?;
        let option = if out { FirewallOption::PolicyOut } else { FirewallOption::PolicyIn };
        Some((targets, vec![self.option_said(start, option, Value::Text(policy.to_owned()))]))
    }

    /// What is done with packets.
    fn verdict(&mut self) -> Option<&'static str> {
        if self.verb(words!("allow|permit|accept|open|allows|permits|accepts|opens|let")) {
            Some("ACCEPT")
        } else if self.verb(words!("deny|block|drop|refuse|forbid|denies|blocks|drops")) {
            Some("DROP")
        } else if self.any(words!("reject")) {
            Some("REJECT")
        } else {
            None
        }
    }

    /// “allow https to web-01 from 10.0.0.0/8”, “open port 443/tcp on web-01”, “deny smtp out of web-01”, “block incoming
    /// traffic on db-1 except ssh”.
    fn rule(&mut self) -> Option<Wish> {
        let start = self.at;
        let mut places = Places::default();
        let (action, mut way, traffic) = if let Some((targets, action, traffic)) = self.attempt(Self::let_pass) {
            places.targets = targets;
            (action, None, traffic)
        } else {
            places.targets = self.attempt(Self::whose_firewall);
            let action = self.verdict()?;
            self.any(words!("all|any"));
            let way = self.way();
            // “allow access to port 443”, but “block all traffic to db-1”
            self.attempt(|p| {
                p.any(words!("access to|connections to|traffic to|access on|traffic on")).then_some(())?;
                p.ahead(Self::traffic).then_some(())
            });
            let traffic = match way {
                Some(_) if self.any(words!("traffic|connections|packets")) => vec![Traffic::All],
                _ => self.traffic()?,
            };
            (action, way, traffic)
        };
        way = way.or_else(|| self.way());
        // “allow https in on web-01”, “let https through to web-01”
        self.attempt(|p| {
            p.any(words!("in|through")).then_some(())?;
            p.ahead(|p| p.any(words!("to|on|for|from")).then_some(())).then_some(())
        });
        self.places(&mut places);
        let outgoing = way.unwrap_or(places.outgoing);
        let exceptions = self.attempt(|p| {
            let _ = p.mark(',');
            p.any(words!("except for|except|excepting|besides|but not")).then_some(())?;
            let traffic = p.traffic()?;
            let mut from = Places::default();
            p.any(words!("from")).then_some(()).and_then(|()| {
                from.source = Some(p.addresses()?);
                Some(())
            });
            Some((traffic, from))
        });
        // “…, except ssh, on db-1”
        if places.targets.is_none() {
            self.places(&mut places);
        }
        let (direction, option) =
            if outgoing { ("OUT", FirewallOption::PolicyOut) } else { ("IN", FirewallOption::PolicyIn) };
        let addresses = places.addresses();
        let targets = match places.targets {
            Some(targets) => targets,
            None => self.addressee()?,
        };
        let mut items = Vec::new();
        if traffic == [Traffic::All] && addresses.is_empty() {
            // What is said of all traffic is the policy, which the firewall has to be on for.
            items.push(self.option_said(start, option, Value::Text(action.to_owned())));
            if action != "ACCEPT" {
                items.push(self.option_said(start, FirewallOption::Enable, Value::Flag(true)));
            }
            let other = if action == "ACCEPT" { "DROP" } else { "ACCEPT" };
            if let Some((traffic, from)) = exceptions {
                for traffic in traffic {
                    items.push(self.rule_said(start, traffic.rule(direction, other, &from.addresses())));
                }
            }
        } else if exceptions.is_some() {
            return None;
        } else {
            for traffic in traffic {
                items.push(self.rule_said(start, traffic.rule(direction, action, &addresses)));
            }
        }
        Some((targets, items))
    }

    /// “in the firewall of web-01: ”, “add a rule to web-01 that”, before what is let pass.
    fn whose_firewall(&mut self) -> Option<Targets> {
        let targets = if self.any(words!("add|create|make")) {
            self.articles();
            self.any(words!("new"));
            self.any(words!("firewall"));
            (self.any(words!("rule")) && self.any(words!("to|on|for|in"))).then_some(())?;
            self.attempt(Self::firewall_of).or_else(|| self.targets())?
        } else {
            self.any(words!("in"));
            self.firewall_of()?
        };
        (self.mark(':') || self.mark(',') || self.any(words!("that|to"))).then_some(targets)
    }

    /// “port 443 should be open”, “web-01 should accept https”, “web-01 needs port 443 open”.
    fn let_pass(&mut self) -> Option<(Option<Targets>, &'static str, Vec<Traffic>)> {
        let wanted = matches!(self.last_word(), "want" | "need" | "have" | "like");
        if let Some(traffic) = self.attempt(Self::traffic) {
            let shall = self.any(words!("should be|must be|needs to be|has to be|shall be|is to be"));
            (shall || wanted).then_some(())?;
            return Some((None, self.passed()?, traffic));
        }
        let targets = self.targets().filter(|targets| self.known(targets))?;
        if self.any(words!("should|must|shall|has to|needs to")) {
            let action = self.verdict()?;
            self.any(words!("incoming|inbound"));
            return Some((Some(targets), action, self.traffic()?));
        }
        self.any(words!("needs|need|wants|should have|must have")).then_some(())?;
        let traffic = self.traffic()?;
        Some((Some(targets), self.passed()?, traffic))
    }

    /// “open”, “blocked”: what is done with packets then.
    fn passed(&mut self) -> Option<&'static str> {
        if self.verb(words!("open|opened|allowed|permitted|accepted|let in|let through")) {
            return Some("ACCEPT");
        }
        self.verb(words!("blocked|denied|dropped")).then_some("DROP")
    }

    fn rule_said(&self, start: usize, rule: String) -> Said<Item> {
        self.part(start, FirewallPart::Rule, Amount::To(Value::Text(rule)))
    }

    /// Whether packets go out (`true`) or come in.
    fn way(&mut self) -> Option<bool> {
        if self.any(words!("outgoing|outbound|egress")) {
            Some(true)
        } else if self.any(words!("incoming|inbound|ingress")) {
            Some(false)
        } else {
            None
        }
    }

    /// Whom it is about and where packets come from and go to, in any order.
    fn places(&mut self, places: &mut Places) {
        while self
            .attempt(|p| {
                if places.source.is_none() && p.any(words!("from")) {
                    // Who is on the cluster is meant, before an alias of that name.
                    let is_guest = p.peek(0).is_some_and(|token| p.inventory.guests.contains_key(token.text.as_str()));
                    if !is_guest && let Some(source) = p.addresses() {
                        places.source = Some(source);
                        return Some(());
                    }
                    if places.targets.is_some() {
                        return None;
                    }
                    places.targets = Some(p.targets()?);
                    places.outgoing = true;
                    return Some(());
                }
                if places.targets.is_none() && p.any(words!("out of|leaving")) {
                    places.targets = Some(p.targets()?);
                    places.outgoing = true;
                    return Some(());
                }
                if !p.any(words!("to|on|for|at|into|in|of|towards")) {
                    return None;
                }
                if places.dest.is_none()
                    && let Some(dest) = p.attempt(Self::address_literal)
                {
                    places.dest = Some(dest);
                    return Some(());
                }
                if places.targets.is_some() {
                    return None;
                }
                places.targets = Some(p.attempt(Self::firewall_of).or_else(|| p.targets())?);
                Some(())
            })
            .is_some()
        {}
    }

    /// “remove the rule for port 80 of web-01”, “delete the https rule from web-01”.
    fn no_rule(&mut self) -> Option<Wish> {
        let start = self.at;
        self.any(words!("remove|delete|drop|take away|undo|revoke")).then_some(())?;
        self.articles();
        self.any(words!("firewall"));
        let traffic = if self.any(words!("rules|rule")) {
            self.any(words!("for|about|on|that allows|that allow|allowing|that blocks|blocking")).then_some(())?;
            self.traffic()?
        } else {
            let traffic = self.traffic()?;
            self.any(words!("firewall"));
            self.any(words!("rules|rule")).then_some(())?;
            traffic
        };
        self.any(words!("of|from|on|for")).then_some(())?;
        let targets = self.targets()?;
        let items = traffic.iter().map(|traffic| {
            let pattern = traffic.rule("ANY", "ANY", "");
            self.part(start, FirewallPart::Rule, Amount::Minus(Value::Text(pattern)))
        });
        let items = items.collect();
        Some((targets, items))
    }
}

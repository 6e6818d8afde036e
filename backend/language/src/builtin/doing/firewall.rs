//! The firewall: “allow https to web-01 from 10.0.0.0/8”, “block incoming traffic on db-1 except ssh”, “create ip set
//! admins on web-01 with 10.1.0.0/16”.

use mycopod_core::field::Value;
use mycopod_core::firewall::{FirewallOption, SERVICES};
use mycopod_core::reading::{Amount, FirewallPart};

use crate::lexer::TokenKind;

use crate::builtin::Parser;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

/// For whom, and what.
type Wish = (Targets, Vec<Said<Item>>);

/// What somebody lets pass or not: a macro or protocol and ports, in the notation of Proxmox’s rules.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Traffic {
    /// Everything.
    All,
    /// What this macro stands for.
    Macro(&'static str),
    /// A protocol and its ports.
    Ports { proto: &'static str, ports: String },
}

impl Traffic {
    /// The rule about it, with `action`.
    fn rule(&self, way: &str, action: &str, addresses: &str) -> String {
        match self {
            Self::All => format!("{way} {action}{addresses}"),
            Self::Macro(name) => format!("{way} {name}({action}){addresses}"),
            Self::Ports { proto, ports } if ports.is_empty() => format!("{way} {action}{addresses} -p {proto}"),
            Self::Ports { proto, ports } => format!("{way} {action}{addresses} -p {proto} -dport {ports}"),
        }
    }
}

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

    fn part(&self, start: usize, part: FirewallPart, amount: Amount) -> Said<Item> {
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
        if self.any(words!("allow|permit|accept|open")) {
            Some("ACCEPT")
        } else if self.any(words!("deny|block|drop|refuse|forbid")) {
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
        let action = self.verdict()?;
        let mut places = Places::default();
        self.any(words!("all|any"));
        let mut way = self.way();
        let traffic = match way {
            Some(_) if self.any(words!("traffic|connections|packets")) => vec![Traffic::All],
            _ => self.traffic()?,
        };
        way = way.or_else(|| self.way());
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
        let targets = places.targets?;
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
                    let is_guest = p.peek(0).is_some_and(|token| p.inventory.guests.contains_key(&token.text));
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
                places.targets = Some(p.targets()?);
                Some(())
            })
            .is_some()
        {}
    }

    /// “http and https”, “port 443/tcp”, “tcp ports 80 and 8000-8010”, “everything”.
    fn traffic(&mut self) -> Option<Vec<Traffic>> {
        let mut all = self.one_traffic()?;
        while let Some(more) = self.attempt(|p| {
            p.joint().then_some(())?;
            p.one_traffic()
        }) {
            all.extend(more);
        }
        Some(all)
    }

    fn one_traffic(&mut self) -> Option<Vec<Traffic>> {
        self.articles();
        self.any(words!("all"));
        if self.any(words!("traffic|connections|packets|everything|anything")) {
            return Some(vec![Traffic::All]);
        }
        if let Some(service) = SERVICES.iter().find(|service| service.words.contains(&self.word())) {
            self.at += 1;
            self.any(words!("traffic|connections|connection|access|requests"));
            return Some(vec![Traffic::Macro(service.macro_name)]);
        }
        let early = self.proto();
        if !self.any(words!("ports|port")) {
            let bare = self.peek(0).is_some_and(|token| token.text.ends_with("/tcp") || token.text.ends_with("/udp"));
            if !bare {
                self.any(words!("traffic|connections|packets"));
                let proto = early?;
                return Some(vec![Traffic::Ports { proto, ports: String::new() }]);
            }
        }
        let mut list = vec![self.port()?];
        while let Some(port) = self.attempt(|p| {
            p.joint().then_some(())?;
            p.any(words!("port"));
            p.port()
        }) {
            list.push(port);
        }
        let bracket = self.mark('(');
        let late = self.proto();
        if bracket && !self.mark(')') {
            return None;
        }
        let proto = early.or(late);
        // TCP is what people mean by a port.
        let proto_of = |own: Option<&'static str>| own.or(proto).unwrap_or("tcp");
        let mut all: Vec<Traffic> = Vec::new();
        for (ports, own) in list {
            match all.iter_mut().find_map(|traffic| match traffic {
                Traffic::Ports { proto, ports } if *proto == proto_of(own) => Some(ports),
                _ => None,
            }) {
                Some(known) => {
                    known.push(',');
                    known.push_str(&ports);
                }
                None => all.push(Traffic::Ports { proto: proto_of(own), ports }),
            }
        }
        Some(all)
    }

    fn proto(&mut self) -> Option<&'static str> {
        let proto = ["tcp", "udp", "icmp"].into_iter().find(|proto| *proto == self.word())?;
        self.at += 1;
        Some(proto)
    }

    /// `443`, `443/tcp`, `8000-8010`, `80,443`, “8000 to 8010”, in Proxmox’s notation.
    fn port(&mut self) -> Option<(String, Option<&'static str>)> {
        let text = self.peek(0)?.text.clone();
        let (ports, proto) = match text.split_once('/') {
            Some((ports, "tcp")) => (ports, Some("tcp")),
            Some((ports, "udp")) => (ports, Some("udp")),
            Some(_) => return None,
            None => (text.as_str(), None),
        };
        let number = |text: &str| text.parse::<u16>().ok().filter(|port| *port > 0 && !text.starts_with('+'));
        let listed: Option<Vec<String>> = ports
            .split(',')
            .map(|part| match part.split_once('-') {
                Some((first, last)) => {
                    let (first, last) = (number(first)?, number(last)?);
                    (first < last).then(|| format!("{first}:{last}"))
                }
                None => number(part).map(|port| port.to_string()),
            })
            .collect();
        let mut ports = listed?.join(",");
        self.at += 1;
        let range_end = self.attempt(|p| {
            p.any(words!("to|through|until|-")).then_some(())?;
            let port = number(&p.peek(0)?.text)?;
            p.at += 1;
            (number(&ports)? < port).then_some(port)
        });
        if let Some(port) = range_end {
            ports = format!("{ports}:{port}");
        }
        Some((ports, proto))
    }

    /// Addresses, an IP set or an alias; empty for “anywhere”.
    fn addresses(&mut self) -> Option<String> {
        if self.any(words!("anywhere|everywhere|everyone|everybody|the internet")) {
            return Some(String::new());
        }
        if let Some(set) = self.attempt(|p| {
            p.any(words!("the"));
            p.any(words!("ip set|ipset")).then_some(())?;
            p.any_name()
        }) {
            return Some(format!("+{set}"));
        }
        let Some(mut list) = self.attempt(Self::address_literal) else {
            self.any(words!("the alias|alias"));
            return self.name();
        };
        while let Some(more) = self.attempt(|p| {
            p.joint().then_some(())?;
            p.address_literal()
        }) {
            list.push(',');
            list.push_str(&more);
        }
        Some(list)
    }

    /// What is written like an address, whatever the lexer made of its colons.
    fn address_literal(&mut self) -> Option<String> {
        let is_part =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_hexdigit() || "./:-".contains(c));
        let start = self.at;
        let mut end = None;
        while let Some(token) = self.peek(0) {
            let fits = matches!(token.kind, TokenKind::Word | TokenKind::Number | TokenKind::Mark(':'));
            if !fits || !is_part(&token.text) || end.is_some_and(|end| end != token.span.start) {
                break;
            }
            end = Some(token.span.end);
            self.at += 1;
        }
        let text = if self.at > start { self.span(&(start..self.at)).of(self.text) } else { return None };
        // A number alone, or a word of the letters a to f, is no address.
        (text.contains(':') || text.matches('.').count() >= 3).then_some(text)
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

    /// “apply security group web to web-01”, “remove security group web from web-01”.
    fn firewall_group(&mut self) -> Option<Wish> {
        let start = self.at;
        let remove = self.any(words!("remove|detach|take"));
        if !remove && !self.any(words!("use|apply|add|attach|put")) {
            return None;
        }
        self.articles();
        self.any(words!("security group")).then_some(())?;
        let name = self.any_name()?;
        self.any(words!("to|on|for|from|of|off")).then_some(())?;
        let targets = self.targets()?;
        let rule = Value::Text(format!("GROUP {name}"));
        let amount = if remove { Amount::Minus(rule) } else { Amount::To(rule) };
        Some((targets, vec![self.part(start, FirewallPart::Rule, amount)]))
    }

    /// “create ip set admins on web-01 with 10.1.0.0/16”, “add 10.3.0.0/16 to ip set admins of web-01”.
    fn firewall_set(&mut self) -> Option<Wish> {
        let start = self.at;
        let named = |p: &mut Self| {
            p.articles();
            p.any(words!("ip set|ipset")).then_some(())?;
            p.any(words!("called|named"));
            p.any_name()
        };
        let list = |p: &mut Self| {
            let list = p.addresses().filter(|list| !list.starts_with('+') && !list.is_empty())?;
            Some(Value::Set(list.split(',').map(str::to_owned).collect()))
        };
        let of = words!("on|for|in|of|from");
        let remove = self.any(words!("remove|delete|drop|take"));
        if !remove && !self.any(words!("create|make|add|put")) {
            return None;
        }
        let (name, targets, amount) = if let Some(name) = self.attempt(named) {
            let mut amount = remove.then(|| Amount::To(Value::Text(String::new())));
            let mut targets = None;
            while self
                .attempt(|p| {
                    if amount.is_none() && p.any(words!("with|containing|holding")) {
                        amount = Some(Amount::To(list(p)?));
                        return Some(());
                    }
                    if targets.is_some() || !p.any(of) {
                        return None;
                    }
                    targets = Some(p.targets()?);
                    Some(())
                })
                .is_some()
            {}
            (name, targets?, amount.unwrap_or_else(|| Amount::To(Value::Set([].into()))))
        } else {
            let value = list(self)?;
            self.any(if remove { words!("from|out of") } else { words!("to|into") }).then_some(())?;
            let name = named(self)?;
            self.any(of).then_some(())?;
            let targets = self.targets()?;
            (name, targets, if remove { Amount::Minus(value) } else { Amount::Plus(value) })
        };
        Some((targets, vec![self.part(start, FirewallPart::IpSet(name), amount)]))
    }

    /// “create alias office on web-01 for 192.0.2.4”, “delete alias office of web-01”.
    fn firewall_alias(&mut self) -> Option<Wish> {
        let start = self.at;
        let remove = self.any(words!("remove|delete|drop"));
        if !remove && !self.any(words!("create|make|add|set")) {
            return None;
        }
        self.articles();
        self.any(words!("firewall"));
        self.any(words!("alias")).then_some(())?;
        self.any(words!("called|named"));
        let name = self.any_name()?;
        let mut address = remove.then(String::new);
        let mut targets = None;
        while self
            .attempt(|p| {
                let sign = p.mark('=');
                if address.is_none()
                    && let Some(read) = p.attempt(|p| {
                        (sign || p.any(words!("for|as|to|with|of"))).then_some(())?;
                        p.address_literal()
                    })
                {
                    address = Some(read);
                    return Some(());
                }
                if targets.is_some() || !p.any(words!("on|for|in|of|from")) {
                    return None;
                }
                targets = Some(p.targets()?);
                Some(())
            })
            .is_some()
        {}
        let amount = Amount::To(Value::Text(address?));
        Some((targets?, vec![self.part(start, FirewallPart::Alias(name), amount)]))
    }
}

//! What a firewall lets pass or not: services, protocols, ports and addresses, in the notation of Proxmox’s rules.

use mycopod_core::firewall::SERVICES;

use crate::builtin::Parser;
use crate::builtin::wordings::words;
use crate::lexer::TokenKind;

/// What somebody lets pass or not: a macro or protocol and ports, in the notation of Proxmox’s rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Everything.
    All,
    /// What this macro stands for.
    Macro(&'static str),
    /// A protocol and its ports.
    Ports { proto: &'static str, ports: String },
}

impl Traffic {
    /// The rule about it, with `action`.
    pub fn rule(&self, way: &str, action: &str, addresses: &str) -> String {
        match self {
            Self::All => format!("{way} {action}{addresses}"),
            Self::Macro(name) => format!("{way} {name}({action}){addresses}"),
            Self::Ports { proto, ports } if ports.is_empty() => format!("{way} {action}{addresses} -p {proto}"),
            Self::Ports { proto, ports } => format!("{way} {action}{addresses} -p {proto} -dport {ports}"),
        }
    }
}

impl Parser<'_> {
    /// “http and https”, “port 443/tcp”, “tcp ports 80 and 8000-8010”, “everything”.
    pub fn traffic(&mut self) -> Option<Vec<Traffic>> {
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
            // “443/tcp”, “TCP/443”, “tcp 443”
            let bare = self.ahead(|p| p.port().filter(|(_, own)| own.is_some() || early.is_some()));
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
        let is = |said: &str| ["tcp", "udp"].into_iter().find(|proto| said.eq_ignore_ascii_case(proto));
        let (ports, proto) = match text.split_once('/') {
            Some((first, second)) => match (is(first), is(second)) {
                (None, Some(proto)) => (first, Some(proto)),
                (Some(proto), None) => (second, Some(proto)),
                _ => return None,
            },
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
    pub fn addresses(&mut self) -> Option<String> {
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
    pub fn address_literal(&mut self) -> Option<String> {
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
}

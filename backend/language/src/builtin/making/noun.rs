//! The noun of new guests and what stands before it: “a small Debian 12 VM”, “two 4-core containers”.

use std::ops::Range;

use mycopod_core::field::Value;
use mycopod_core::reading::Amount;

use super::head::OfMember;
use crate::builtin::Parser;
use crate::builtin::cursor::is_address;
use crate::builtin::said::amount::SIZES;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::whom::target::GuestNoun;
use crate::builtin::wordings::words;
use crate::lexer::Token;

/// The most phrases before the noun: nobody says more of a guest before saying that it is one.
const MAX_ADJECTIVES: usize = 8;

/// The noun, where one stands, and a word before it that says how large the guests are and is no number.
pub struct Noun {
    pub noun: Option<Said<GuestNoun>>,
    pub vague: Option<Range<usize>>,
}

impl Parser<'_> {
    /// The noun of new guests, behind its adjectives, which are added to `items`.
    pub fn head_noun(
        &mut self,
        verb: bool,
        introduced: bool,
        counted: bool,
        items: &mut Vec<OfMember>,
    ) -> Option<Noun> {
        let mut vague = None;
        loop {
            self.any(words!("new|more|additional|urgent"));
            let idle = self.attempt(Self::idle_adjective);
            let sized = idle.filter(|word| SIZES.contains(&self.word_at(*word)));
            vague = vague.or(sized.map(|word| word..word + 1));
            if counted {
                self.any(words!("identical|similar"));
            }
            let at = self.at;
            if let Some(noun) = self.attempt(Self::guest_noun).or_else(|| self.attempt(|p| p.role(introduced))) {
                return Some(Noun { noun: Some(Said { value: noun, tokens: at..self.at }), vague });
            }
            let adjective = if items.len() > MAX_ADJECTIVES { None } else { self.attempt(Self::adjective) };
            let Some(item) = adjective else { return Some(Noun { noun: None, vague }) };
            let short =
                matches!(item.value, Item::Image(_) | Item::Plain(_, Amount::To(Value::Flag(_) | Value::Count(_))));
            if !(short || introduced) {
                return None;
            }
            items.push((None, item));
            let _ =
                introduced && (self.mark(',') || self.mark('/') || self.mark(':')) || verb && self.any(words!("and"));
        }
    }

    /// What stands before the noun: “Debian 12”, “unprivileged”, “4-core”, “8 GB”.
    pub fn adjective(&mut self) -> Option<Said<Item>> {
        let start = self.at;
        if let Some(system) = self.attempt(Self::system) {
            return Some(Said { value: Item::Image(system), tokens: start..self.at });
        }
        let fits =
            |item: &Said<Item>| matches!(item.value, Item::Plain(..) | Item::Bare(_) | Item::Image(_) | Item::Disk(_));
        self.item(How::Create).filter(fits)
    }

    /// “a proxy”, “a sandbox”: what a guest is for, in the place of its noun, where it is announced. Of what kind it is stands behind it.
    pub fn role(&mut self, introduced: bool) -> Option<GuestNoun> {
        const ROLES: [&str; 16] = [
            "proxy",
            "router",
            "resolver",
            "sandbox",
            "playground",
            "appliance",
            "jumphost",
            "workstation",
            "desktop",
            "webserver",
            "fileserver",
            "mailserver",
            "runner",
            "mirror",
            "gateway",
            "bastion",
        ];
        let article = matches!(self.last_word(), "a" | "an" | "another" | "one" | "new" | "more");
        (introduced && article && ROLES.contains(&self.word())).then_some(())?;
        self.at += 1;
        let announces = |p: &mut Self| {
            let purpose = p.attempt(Self::what_it_is_to_do).is_some();
            (purpose || p.done() || matches!(p.word(), "called" | "named") || p.mark(':') || p.mark('–') || p.mark('—'))
                .then_some(())
        };
        self.ahead(announces).then_some(GuestNoun { kind: None, plural: false, machine: false })
    }

    /// “dual-stack”, where addresses of both versions follow: they say it.
    fn dual_stack(&mut self) -> Option<()> {
        /// How far behind it they are looked for, in tokens.
        const NEAR: usize = 60;
        self.verb(words!("dual-stack|dual stack|dual-stacked|dual stacked")).then_some(())?;
        let near = &self.tokens[self.at..self.tokens.len().min(self.at + NEAR)];
        let ipv4 = |token: &Token| matches!(token.word.as_str(), "ipv4" | "dhcp") || is_address(&token.text);
        let ipv6 = |token: &Token| matches!(token.word.as_str(), "ipv6" | "ip6" | "slaac" | "dhcpv6");
        (near.iter().any(ipv4) && near.iter().any(ipv6)).then_some(())
    }

    /// “small”, “fresh”, “test” before the noun: how large or new it is, or what it is for. Returns where the word stands.
    pub fn idle_adjective(&mut self) -> Option<usize> {
        const IDLE: [&str; 32] = [
            "fresh",
            "brand-new",
            "clean",
            "plain",
            "simple",
            "nice",
            "proper",
            "throwaway",
            "temporary",
            "test",
            "dev",
            "development",
            "staging",
            "demo",
            "build",
            "ci",
            "router",
            "proxy",
            "web",
            "mail",
            "database",
            "db",
            "file",
            "print",
            "game",
            "jump",
            "monitoring",
            "logging",
            "client",
            "desktop",
            "sandbox",
            "lab",
        ];
        if self.ahead(Self::dual_stack) {
            let at = self.at;
            self.dual_stack();
            return Some(at);
        }
        let word = self.word();
        (IDLE.contains(&word) || SIZES.contains(&word)).then_some(())?;
        let at = self.at;
        self.at += 1;
        // “VM test with 2 cores” begins another way.
        let goes_on = |p: &mut Self| {
            p.attempt(Self::idle_adjective);
            p.attempt(Self::adjective);
            p.attempt(Self::adjective);
            p.guest_noun()
        };
        self.ahead(goes_on).then_some(at)
    }
}

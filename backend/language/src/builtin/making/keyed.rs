//! New guests that are said pair by pair, as files and forms have them: “name=web-09 type=vm”, and the heading above such pairs.

use mycopod_core::guest::Kind;

use crate::lexer::{Token, TokenKind};
use crate::vocabulary;

use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Draft, Group};
use crate::builtin::said::item::Said;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// `resource "vm" "web-09" {`
    pub fn resource(&mut self, start: usize) -> Option<Group> {
        self.any(words!("resource")).then_some(())?;
        let at = self.at;
        let kind = match self.peek(0)?.text.as_str() {
            "vm" | "qemu" => Kind::Qemu,
            "container" | "lxc" | "ct" => Kind::Lxc,
            _ => return None,
        };
        self.at += 1;
        let kind = Some(Said { value: kind, tokens: at..self.at });
        let at = self.at;
        let members = vec![Said { value: self.name()?, tokens: at..self.at }];
        self.mark('(').then(|| Group { kind, members, ..Group::new(start..self.at, start..self.at) })
    }

    /// “name=web-09 type=vm”, “vmid: 335, name: web-09, vm”: what a guest is, pair by pair.
    pub fn keyed(&mut self, start: usize) -> Option<Group> {
        let mut group = Group::new(start..start, start..start);
        // “{name: a-1, type: vm, …}”
        self.mark('(');
        loop {
            let _ = self.mark(',') || self.mark('|');
            let at = self.at;
            let sign = |p: &mut Self| p.assigns().then_some(());
            // “hostname a-1, vm”
            let apart = |p: &mut Self| {
                sign(p).or_else(|| p.ahead(|p| p.name().filter(|name| p.looks_like_name(name))).then_some(()))
            };
            if group.members.is_empty()
                && let Some(value) = self.attempt(|p| {
                    // “a-1: type: vm”
                    if let Some(name) = p.attempt(Self::name) {
                        sign(p)?;
                        return p.ahead(|p| p.any(words!("type|kind")).then_some(())).then_some(name);
                    }
                    p.any(words!("name|hostname")).then_some(())?;
                    apart(p)?;
                    p.any_name()
                })
            {
                group.members.push(Said { value, tokens: at..self.at });
            } else if group.kind.is_none()
                && let Some(value) = self.attempt(|p| {
                    let keyed = p.any(words!(
                        "request type|guest type|instance type|server type|resource type|type|kind|create|make"
                    )) || p.verb(words!("subject|summary|title"));
                    if keyed {
                        sign(p)?;
                        p.any(words!("a new|new|a"));
                        if p.any(words!("qemu|kvm")) {
                            return Some(Kind::Qemu);
                        }
                    }
                    p.guest_noun()?.kind_to_make()
                })
            {
                group.kind = Some(Said { value, tokens: at..self.at });
            } else if group.kind.is_some()
                && group.members.is_empty()
                && !group.items.is_empty()
                && let Some(value) = self.attempt(|p| {
                    // “id 310, vm, nas-proxy, …”
                    let quoted = p.peek(0)?.kind == TokenKind::Quoted;
                    let name = p.name().filter(|name| quoted || p.looks_like_name(name))?;
                    (p.at_boundary() && !p.inventory.guests.contains_key(&name)).then_some(name)
                })
            {
                group.members.push(Said { value, tokens: at..self.at });
            } else if group.kind.is_none()
                && !group.members.is_empty()
                && let Some(kind) = self.attempt(Self::kind_in_brackets)
            {
                group.kind = Some(kind);
            } else if group.items.is_empty()
                && let Some(value) = self.attempt(Self::vmid)
            {
                group.items.push((None, Said { value, tokens: at..self.at }));
            } else {
                break;
            }
        }
        let listed = self.at.checked_sub(1).is_some_and(|at| self.tokens[at].kind == TokenKind::Mark(','));
        (group.tokens.end, group.head.end) = (self.at, self.at - usize::from(listed));
        (group.members.len() == 1 && (group.kind.is_some() || self.is_a_form_of(&group))).then_some(group)
    }

    /// “hostname: a-1, memory: 256, type: lxc”: whether a name that is nobody’s begins a form, which tells the kind later on.
    fn is_a_form_of(&mut self, group: &Group) -> bool {
        let named = |at: usize| matches!(self.word_at(at), "name" | "hostname");
        let form = |draft: &Draft| matches!(draft, Draft::Create(group) if named(group.head.start));
        let fresh = |name: &Said<String>| !self.inventory.guests.contains_key(&name.value);
        let begins = named(group.head.start)
            && self.tokens[group.head.start + 1].kind == TokenKind::Mark(':')
            && group.members.iter().all(fresh)
            && self.drafts.iter().all(form);
        begins && self.ahead(Self::describes)
    }

    /// “New server”, and below it what its name and kind are: no guest of its own.
    pub fn takes_the_heading(&mut self, kind: Option<Kind>) {
        let heads = |heading: &Group| {
            let nameless = heading.members.is_empty() && heading.items.is_empty() && !heading.plural;
            let kinds = heading.kind.as_ref().zip(kind);
            nameless && kinds.is_none_or(|(one, other)| one.value == other)
        };
        if self.group().is_some_and(heads)
            && let Some(Draft::Create(heading)) = self.drafts.pop()
            // “we need a web server: VM web-13”
            && self.tokens[heading.tokens.clone()].iter().any(|token| vocabulary::class(&token.word).is_none())
        {
            self.asides.push(heading.tokens);
        }
    }

    /// “I’d need a box: ubuntu VM, named a-1, …”: behind a colon the guest is said again that was announced before it.
    pub fn takes_what_is_announced(&mut self, start: usize, kind: Option<Kind>, plural: bool) {
        let announces = |token: &Token| matches!(token.kind, TokenKind::Mark(':' | '–' | '—'));
        let before = self.group().map(|group| group.tokens.end).filter(|end| *end < start);
        let between = before.map(|end| &self.tokens[end..start]).unwrap_or_default();
        if !plural && between.iter().any(announces) && !between.iter().any(Token::is_content) {
            self.takes_the_heading(kind);
        }
    }
}

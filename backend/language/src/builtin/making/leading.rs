//! What is said of a new guest before its noun: “On pve2 create …”, “With 8 cores and 32 GB RAM, set up …”, “create on pve2 the VM …”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::Amount;

use super::create::VERBS;
use super::head::OfMember;
use crate::builtin::Parser;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::wordings::words;
use crate::lexer::TokenKind;
use crate::quantity;

/// The most phrases before the verb: nobody says more of a guest before saying that it is one.
const MAX_LEADING: usize = 8;

impl Parser<'_> {
    /// “On pve2, create …”, “From the debian-12 template bring up …”: at the beginning of a sentence.
    pub fn leading(&mut self) -> Option<Vec<OfMember>> {
        let before = self.at.checked_sub(1).map(|before| &self.tokens[before]);
        // Behind a greeting the sentence begins as well: “Hi, on pve2 create …”.
        let greeted = self.drafts.last().is_none_or(|draft| draft.tokens().start < self.began)
            && self.unread.last().is_none_or(|tokens| tokens.start < self.began)
            && before.is_some_and(|token| {
                matches!(token.word.as_str(), "please" | "hello" | "hi" | "hey")
                    || matches!(token.kind, TokenKind::Mark(',' | ':' | '–'))
            });
        if !greeted && before.is_some_and(|token| !token.ends_sentence() && token.kind != TokenKind::Mark('•')) {
            return None;
        }
        if let Some(items) = self.attempt(Self::values_first) {
            return Some(items);
        }
        let items = self.phrases_ahead()?;
        let parted = self.mark(',') || self.mark(':');
        let asked = self.at;
        self.courtesies();
        let verb = |p: &mut Self| p.any(VERBS).then_some(()).or_else(|| p.attempt(Self::ordering));
        let begins = self.ahead(verb) || (parted || self.at > asked) && self.ahead(Self::new_noun);
        begins.then_some(items)
    }

    /// “2 cores and 4 GB RAM for the new VM a-1”, “pool lab needs another VM”: before the noun of a guest that is nobody yet.
    fn values_first(&mut self) -> Option<Vec<OfMember>> {
        // A value begins with its number, and few clauses do.
        let begins = self.peek(0).is_some_and(|token| {
            token.kind == TokenKind::Number
                || matches!(token.word.as_str(), "the" | "pool" | "resource" | "node" | "host")
                || self.inventory.nodes.contains(token.text.as_str())
                || quantity::number_word(&token.word).is_some()
        });
        begins.then_some(())?;
        let mut items: Vec<OfMember> = Vec::new();
        let at = self.at;
        let home = self.attempt(|p| {
            let home = p.home()?;
            p.any(words!("needs|wants|gets|shall get|should get|lacks")).then_some(home)
        });
        if let Some(value) = home {
            items.push((None, Said { value, tokens: at..self.at }));
        } else {
            while items.len() < MAX_LEADING
                && let Some(item) = self.attempt(|p| {
                    let _ = !items.is_empty() && p.joint();
                    p.item(How::Create).filter(|item| !matches!(item.value, Item::Like(_)))
                })
            {
                items.push((None, item));
            }
            if items.is_empty() {
                return None;
            }
            if self.any(words!("is|are")) {
                matches!(self.word(), "enough" | "plenty" | "sufficient").then_some(())?;
                self.at += 1;
            } else {
                self.any(words!("will do|would do|should do"));
            }
            self.any(words!("for|on")).then_some(())?;
        }
        self.ahead(Self::noun_of_nobody_yet).then_some(items)
    }

    /// “pool lab”, “pve1”: where guests are.
    fn home(&mut self) -> Option<Item> {
        self.any(words!("the"));
        if self.any(words!("resource pool|pool")) {
            let name = self.pool_name()?.value;
            return Some(Item::Plain(Plain::Pool, Amount::To(Value::Text(name))));
        }
        self.any(words!("node|host"));
        let name = self.name().filter(|name| self.inventory.nodes.contains(name))?;
        Some(Item::Node(name))
    }

    /// “a new VM”, “another container”, “the VM a-1”, of which there is none.
    pub fn noun_of_nobody_yet(&mut self) -> Option<()> {
        let anew = self.any(words!("a new|the new|our new|my new|another|an|a"));
        if !anew {
            self.any(words!("the"));
        }
        while self.attempt(Self::idle_adjective).is_some() || self.attempt(Self::adjective).is_some() {}
        self.guest_noun().filter(|noun| !noun.plural)?;
        let name = self.attempt(|p| p.called(false)).or_else(|| self.names(false));
        let fresh = name.is_some_and(|names| {
            names
                .iter()
                .all(|name| !self.inventory.guests.contains_key(&name.value) && (anew || self.may_be_made(&name.value)))
        });
        (fresh || anew && !self.ahead(|p| p.names(false))).then_some(())
    }

    /// “create on pve2 the VM …”: behind the verb.
    pub fn between(&mut self) -> Option<Vec<OfMember>> {
        let items = self.phrases_ahead()?;
        self.ahead(Self::new_noun).then_some(items)
    }

    /// Phrases in a row that begin with a preposition.
    fn phrases_ahead(&mut self) -> Option<Vec<OfMember>> {
        self.ahead(|p| p.any(words!("from|using|based on|out of|on|in|at|with")).then_some(())).then_some(())?;
        let mut items: Vec<OfMember> = Vec::new();
        while items.len() < MAX_LEADING
            && let Some(item) = self.attempt(|p| {
                let _ = !items.is_empty() && p.joint();
                // “With web-01 as a model” and “with the disk” say something else.
                let known = p.item(How::Create).filter(|item| !matches!(item.value, Item::Like(_)));
                known.or_else(|| {
                    p.any(words!("with|using")).then_some(())?;
                    p.item(How::Create)
                })
            })
        {
            items.push((None, item));
        }
        (!items.is_empty()).then_some(items)
    }

    /// “a new VM”, “the VM”, “VM x-1”.
    fn new_noun(&mut self) -> Option<()> {
        self.any(words!("a new|another|an|a|one|the new|the|two|three|four|five"));
        self.attempt(Self::idle_adjective);
        self.attempt(Self::system);
        self.guest_noun().map(|_| ())
    }
}

//! What is said of a new guest before its noun: “On pve2 create …”, “With 8 cores and 32 GB RAM, set up …”, “create on pve2 the VM …”.

use super::create::VERBS;
use super::head::OfMember;
use crate::builtin::Parser;
use crate::builtin::said::item::{How, Item};
use crate::builtin::wordings::words;
use crate::lexer::TokenKind;

/// The most phrases before the verb: nobody says more of a guest before saying that it is one.
const MAX_LEADING: usize = 8;

impl Parser<'_> {
    /// “On pve2, create …”, “From the debian-12 template bring up …”: at the beginning of a sentence.
    pub fn leading(&mut self) -> Option<Vec<OfMember>> {
        let before = self.at.checked_sub(1).map(|before| &self.tokens[before]);
        if before.is_some_and(|token| !token.ends_sentence() && token.kind != TokenKind::Mark('•')) {
            return None;
        }
        let items = self.phrases_ahead()?;
        let parted = self.mark(',') || self.mark(':');
        let asked = self.at;
        self.courtesies();
        let verb = |p: &mut Self| p.any(VERBS).then_some(()).or_else(|| p.attempt(Self::ordering));
        let begins = self.ahead(verb) || (parted || self.at > asked) && self.ahead(Self::new_noun);
        begins.then_some(items)
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

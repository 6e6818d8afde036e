//! Pools that are made: “create a pool called lab with web-01 in it”, “we need two pools, qa and uat”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::{Amount, Sourced, Target, WantedFacility};

use crate::lexer::TokenKind;

use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Arrangement, Draft};
use crate::builtin::said::item::Item;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// Words for the pool that was just made.
const IN_IT: &Wordings = words!(
    "in it|into it|inside it|to it|in there|into there|there|into that pool|into the new pool|into this pool|in that pool|in the new pool|in this pool"
);

impl Parser<'_> {
    /// “create a pool called lab with web-01 and web-02 in it”, “create pools red and blue”: one each.
    pub fn make_pools(&mut self) -> Option<Draft> {
        let start = self.at;
        let made = self.verb(words!("create|make|add|set up|spin up|build|provision|open|have|get"));
        let asked = !made && matches!(self.last_word(), "need" | "want" | "have" | "like" | "get" | "requesting");
        self.articles();
        let at = self.at;
        let count = self.attempt(Self::number);
        while self.any(words!("new|another|additional|further|empty|resource")) || self.word() == "fresh" {
            self.at += usize::from(self.word() == "fresh");
        }
        let begun = made || asked || self.at > at;
        let several = self.any(words!("pools"));
        (begun || several).then_some(())?;
        (several || self.any(words!("pool"))).then_some(())?;
        self.any(words!("called|named"));
        let _ = self.mark(':') || several && self.mark(',');
        let mut names = vec![self.pool_name()?];
        while several
            && let Some(name) = self.attempt(|p| {
                p.joint().then_some(())?;
                let at = p.at;
                // “dev, stage and live”
                p.pool_name().or_else(|| {
                    let name = p.any_name()?;
                    p.at_boundary().then(|| Sourced::new(name, p.source(&(at..p.at))))
                })
            })
        {
            names.push(name);
        }
        (begun || names.len() > 1 && self.at_boundary()).then_some(())?;
        count.is_none_or(|count| u64::try_from(names.len()) == Ok(count)).then_some(())?;
        let (comment, members) = if names.len() == 1 { self.of_the_pool() } else { (None, Vec::new()) };
        let tokens = start..self.at;
        let pool = |name| {
            let wanted = WantedFacility::MakePool { name, comment: comment.clone(), members: members.clone() };
            Draft::Facility(Arrangement { tokens: tokens.clone(), wanted })
        };
        let last = names.pop().map(&pool)?;
        if !names.is_empty() {
            self.at_boundary().then_some(())?;
            self.drafts.extend(names.into_iter().map(pool));
        }
        Some(last)
    }

    /// “with the comment “…” and web-01 in it”
    fn of_the_pool(&mut self) -> (Option<Sourced<String>>, Vec<Target>) {
        let (mut comment, mut members) = (None, Vec::new());
        loop {
            if comment.is_none()
                && let Some(text) = self.attempt(|p| {
                    p.mark(',');
                    p.any(words!("with"));
                    p.articles();
                    p.any(words!("comment")).then_some(())?;
                    p.mark(':');
                    p.quoted()
                })
            {
                comment = Some(text);
            } else if members.is_empty()
                && let Some(Targets::Old(targets)) = self.attempt(|p| {
                    p.mark(',');
                    let put = p.any(words!(
                        "then put|then move|then add|and then put|and then move|and then add|and put|and move|and add"
                    ));
                    (put || p.any(words!("with|containing|for|holding"))).then_some(())?;
                    let targets = p.targets()?;
                    p.any(words!("in it|into it|inside it|inside|to it|in there"));
                    Some(targets)
                })
            {
                members = targets;
            } else {
                return (comment, members);
            }
        }
    }

    /// “Put web-01 into it.” behind a pool that was just made.
    pub fn joining_the_new_pool(&mut self) -> Option<Draft> {
        let Some(Draft::Facility(Arrangement { wanted: WantedFacility::MakePool { members, .. }, .. })) =
            self.drafts.last()
        else {
            return None;
        };
        members.is_empty().then_some(())?;
        let put = self.any(words!("put|move|add"));
        let Targets::Old(targets) = self.targets().filter(|targets| self.known(targets))? else { return None };
        if !put {
            self.any(words!("should|shall|must|have to|has to|will"));
            self.verb(words!("go|goes|belong|belongs|be|move|moves")).then_some(())?;
        }
        self.any(IN_IT).then_some(())?;
        self.manner();
        self.at_boundary().then_some(())?;
        let mut pool = self.drafts.pop()?;
        if let Draft::Facility(Arrangement { tokens, wanted: WantedFacility::MakePool { members, .. } }) = &mut pool {
            *members = targets;
            tokens.end = self.at;
        }
        Some(pool)
    }

    /// “… in it”, behind a new guest, of the pool that was made right before.
    pub fn in_the_new_pool(&mut self) -> Option<Item> {
        matches!(self.drafts.last(), Some(Draft::Create(_))).then_some(())?;
        self.any(IN_IT).then_some(())?;
        let made = self.drafts.iter().rev().find_map(|draft| match draft {
            Draft::Facility(Arrangement { wanted: WantedFacility::MakePool { name, .. }, .. }) => Some(name),
            _ => None,
        })?;
        Some(Item::Plain(Plain::Pool, Amount::To(Value::Text(made.value.clone()))))
    }

    /// A pool's name; one in another has slashes.
    pub fn pool_name(&mut self) -> Option<Sourced<String>> {
        let at = self.at;
        let is_nested = |text: &str| {
            text.contains('/') && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/'))
        };
        let nested = self.peek(0).is_some_and(|token| token.kind == TokenKind::Word && is_nested(&token.text));
        let name = if nested { self.take_text() } else { self.name() }?;
        Some(Sourced::new(name, self.source(&(at..self.at))))
    }
}

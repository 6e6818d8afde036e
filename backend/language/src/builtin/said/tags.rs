//! Tags: “tagged web and prod”, “tags: a, b”, “#web”.

use std::collections::BTreeSet;

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::Amount;

use super::item::{How, Item};
use crate::builtin::Parser;
use crate::builtin::wordings::words;
use crate::lexer::TokenKind;
use crate::vocabulary::{self, Class};

impl Parser<'_> {
    /// “tagged web and prod”, “tags: a, b”, “with the tag x”.
    pub fn tags(&mut self, how: How) -> Option<Item> {
        // “same as db-1, but without the tag db”
        let unlike = words!("but without|but for|but not|but no|without|except for|except|minus|no");
        if how == How::Create && self.shall_be_like() && self.any(unlike) {
            self.articles();
            self.any(words!("any"));
            if self.attempt(|p| (p.any(words!("tags")) && p.at_boundary()).then_some(())).is_some() {
                return Some(Item::Plain(Plain::Tags, Amount::To(Value::Set(BTreeSet::new()))));
            }
            let several = self.any(words!("tags"));
            (several || self.any(words!("tag"))).then_some(())?;
            let tags = Value::Set(self.tag_list(several)?.into_iter().collect());
            return self.at_boundary().then_some(Item::Plain(Plain::Tags, Amount::Minus(tags)));
        }
        // “#web”
        if matches!(how, How::Create | How::Add)
            && let Some(tag) = self.peek(0).and_then(|token| token.text.strip_prefix('#'))
            && tag.starts_with(char::is_alphabetic)
        {
            let tags = Value::Set([tag.to_owned()].into_iter().collect());
            self.at += 1;
            return Some(Item::Plain(
                Plain::Tags,
                if how == How::Create { Amount::To(tags) } else { Amount::Plus(tags) },
            ));
        }
        self.any(words!("be|is|are"));
        self.articles();
        let (mut replaces, mut several) = (false, false);
        if self.any(words!("tags")) {
            (replaces, several) = (how == How::Set, true);
        } else if !self.any(words!("tagged with|tagged as|tagged|tag")) {
            return None;
        }
        if self.assigns() || self.any(words!("to")) {
            replaces = true;
        }
        self.any(words!("are|is|of"));
        // “tags: [logs, infra]”
        let open = replaces && self.mark('(');
        let tags = Value::Set(self.tag_list(several)?.into_iter().collect());
        (!open || self.mark(')')).then_some(())?;
        Some(Item::Plain(
            Plain::Tags,
            match how {
                How::Remove | How::Less => Amount::Minus(tags),
                How::Add | How::More => Amount::Plus(tags),
                How::Give | How::Set if !replaces => Amount::Plus(tags),
                How::Create | How::Give | How::Set => Amount::To(tags),
            },
        ))
    }

    /// Tags joined by commas or “and”. After a comma a word is a tag only where the words announced several, or the
    /// cluster knows it: in “tagged web, encrypted” the second is something else.
    pub fn tag_list(&mut self, several: bool) -> Option<Vec<String>> {
        // “tags: a, b”
        let letter = |p: &mut Self| {
            let letter = p.peek(0).filter(|token| token.text == "a").map(|token| token.text.to_string())?;
            p.at += 1;
            p.at_boundary().then_some(letter)
        };
        // “the tag nightly”
        let timely = |p: &mut Self| {
            let tag =
                p.peek(0).filter(|token| vocabulary::class(&token.word) == Some(Class::Schedule))?.text.to_string();
            p.at += 1;
            (p.at_boundary() || matches!(p.word(), "to" | "on" | "from" | "for")).then_some(tag)
        };
        let first = self.any_name().or_else(|| self.attempt(letter)).or_else(|| self.attempt(timely));
        let mut tags = vec![first?];
        // “tags prod and infra, HA”: behind the last one something else goes on.
        let mut last = false;
        while let Some(tag) = self.attempt(|p| {
            let semicolon = p.peek(0).is_some_and(|token| token.text == ";");
            let comma = p.mark(',') | p.mark(';');
            let and = p.any(words!("and|&|+"));
            if !and && (last || !comma) {
                return None;
            }
            last = and;
            let at = p.at;
            // “tags: ci, build”: a word of the grammar is a tag where it says nothing else.
            let tag = p.name().or_else(|| {
                let alone = several && p.any_name().is_some() && p.at_boundary();
                let says = p.ahead(|p| {
                    p.at = at;
                    p.item(How::Create)
                });
                (alone && !says).then(|| p.word_at(at).to_owned())
            })?;
            let listed = several
                || semicolon
                || and
                || p.inventory.tags.contains(&tag)
                || p.ahead(|p| (p.any(words!("and|&")) && p.name().is_some()).then_some(()));
            // “tags=ci,web pool=lab”
            let key = p.peek(1).is_some_and(|next| next.kind == TokenKind::Mark('='));
            // “web-01 += front, db-1 += pg”
            let adds = p.word() == "+" && key;
            let ends = !adds && (key || p.at_boundary())
                || matches!(p.word(), "to" | "from" | "on" | "for" | "with" | "named" | "called");
            (listed && ends).then_some(tag)
        }) {
            tags.push(tag);
        }
        Some(tags)
    }
}

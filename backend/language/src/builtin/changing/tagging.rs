//! Tags and notes of guests that exist: “tag web-01 with a and b”, “add a note to db-1: …”.

use std::ops::Range;

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::{Amount, Target};

use crate::lexer::TokenKind;

use super::change::Wish;
use super::verbs::MODAL;
use crate::builtin::Parser;
use crate::builtin::drafting::draft::Draft;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::said::named::Noun;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// “tag web-01 with a and b”, “add the tag a to web-01”, “remove the tag a from all VMs tagged b”, “untag web-01 a”.
    pub fn tagging(&mut self) -> Option<Wish> {
        if self.verb(words!("tag|mark")) {
            let marks = self.last_word() == "mark";
            let addressed = self.addressed.is_some() && !self.ahead(Self::target);
            let targets = if addressed { Targets::Old(self.addressed.clone()?) } else { self.targets()? };
            let pronoun = addressed || matches!(self.last_word(), "it" | "them" | "both");
            self.verb(words!("additionally|in addition|also"));
            let said = self.any(words!("with the tags|with the tag|with tags|with tag"));
            // To mark a guest may be more than to tag it.
            (said || !marks).then_some(())?;
            if !said && !self.any(words!("with|as")) && !pronoun {
                // “tag web-01 prod”
                let tag = |p: &mut Self| p.any_name().filter(|tag| !p.inventory.guests.contains_key(tag));
                let told = matches!(targets, Targets::New) || self.known(&targets);
                (told && self.ahead(tag)).then_some(())?;
            }
            let start = self.at;
            let tags = self.tag_list(true)?;
            let item = self.tags_said(start, tags, Amount::Plus);
            self.attempt(Self::besides);
            return Some((targets, vec![item], How::Add));
        }
        // “the tag legacy should be on old-backup”
        if let Some(wish) = self.attempt(|p| {
            p.any(words!("the tags|the tag|tags|tag")).then_some(())?;
            let start = p.at;
            let tags = p.tag_list(p.last_word() == "tags")?;
            let tokens = start..p.at;
            (p.any(MODAL) && p.any(words!("be on|be set on|go on|go to|be put on"))).then_some(())?;
            let targets = p.targets().filter(|targets| p.known(targets))?;
            let Said { value, .. } = p.tags_said(start, tags, Amount::Plus);
            Some((targets, vec![Said { value, tokens }], How::Add))
        }) {
            return Some(wish);
        }
        // “replace the tags of web-01 with prod”
        if let Some(wish) = self.attempt(|p| {
            p.any(words!("replace")).then_some(())?;
            let of = p.any(words!("the tags of|the tags on|tags of|all tags of"));
            let targets = if of { p.targets() } else { p.owner() }?;
            (of || p.any(words!("all tags|tags"))).then_some(())?;
            p.any(words!("with|by")).then_some(())?;
            p.mark(':');
            let start = p.at;
            let tags = p.tag_list(true)?;
            Some((targets, vec![p.tags_said(start, tags, Amount::To)], How::Set))
        }) {
            return Some(wish);
        }
        if let Some(wish) = self.attempt(Self::retagging) {
            return Some(wish);
        }
        let remove = self.verb(words!("remove|delete|drop|take|strip|get rid of|pull|clear|rip"));
        (remove || self.verb(words!("add|put|give|stick|slap|attach|assign|append|apply|hang|set|pin")))
            .then_some(())?;
        if let Some(wish) = self.attempt(|p| p.among_the_tags(remove)) {
            return Some(wish);
        }
        self.articles();
        let start = self.at;
        let tags = if self.any(words!("tags|tag")) {
            let tags = self.tag_list(true)?;
            (start..self.at, tags)
        } else {
            // “remove the web tag from …”
            let tag = self.name()?;
            if !self.any(words!("tag")) {
                return None;
            }
            (start..self.at, vec![tag])
        };
        let prepositions = if remove { words!("away from|from|off of|off|of|on") } else { words!("to|on|onto|for|at") };
        let targets = self.of_targets(prepositions)?;
        let amount = if remove { Amount::Minus } else { Amount::Plus };
        let value = Item::Plain(Plain::Tags, amount(Value::Set(tags.1.into_iter().collect())));
        Some((targets, vec![Said { value, tokens: tags.0 }], if remove { How::Remove } else { How::Add }))
    }

    /// “remove the tag web, add the tag front”: two statements in a row about some of the same guests’ tags are one, for each by
    /// itself would leave what is there now but for its own.
    pub fn joins_tags(&mut self, tokens: &Range<usize>, targets: &[Target], items: &[Said<Item>]) -> Option<()> {
        let Some(Draft::Change(change)) = self.drafts.last_mut() else { return None };
        let same =
            change.targets.iter().map(|target| &target.selector).eq(targets.iter().map(|target| &target.selector));
        let (
            [Said { value: Item::Plain(Plain::Tags, one), .. }],
            [Said { value: Item::Plain(Plain::Tags, other), .. }],
            true,
        ) = (change.items.as_mut_slice(), items, same)
        else {
            return None;
        };
        let joined = match (&*one, other) {
            (Amount::Plus(Value::Set(to)), Amount::Minus(Value::Set(from)))
            | (Amount::Minus(Value::Set(from)), Amount::Plus(Value::Set(to)))
                if from.is_disjoint(to) =>
            {
                Amount::FromTo(Value::Set(from.clone()), Value::Set(to.clone()))
            }
            (Amount::Plus(Value::Set(one)), Amount::Plus(Value::Set(other))) => Amount::Plus(Value::Set(one | other)),
            (Amount::Minus(Value::Set(one)), Amount::Minus(Value::Set(other))) => {
                Amount::Minus(Value::Set(one | other))
            }
            _ => return None,
        };
        *one = joined;
        change.how = How::Set;
        change.tokens.end = tokens.end;
        change.items[0].tokens.end = tokens.end;
        Some(())
    }

    /// “add critical to the tags of web-01”, “remove old from web-01’s tags”
    fn among_the_tags(&mut self, remove: bool) -> Option<Wish> {
        let start = self.at;
        let tags = self.tag_list(true)?;
        let tokens = start..self.at;
        self.any(if remove { words!("from") } else { words!("to") }).then_some(())?;
        let (noun, targets) = self.field_of_targets()?;
        (noun == Noun::Plain(Plain::Tags)).then_some(())?;
        let amount = if remove { Amount::Minus } else { Amount::Plus };
        let value = Item::Plain(Plain::Tags, amount(Value::Set(tags.into_iter().collect())));
        Some((targets, vec![Said { value, tokens }], if remove { How::Remove } else { How::Add }))
    }

    /// “add a note to db-1: “belongs to billing””
    pub fn noting(&mut self) -> Option<Wish> {
        if let Some(wish) = self.attempt(Self::writing) {
            return Some(wish);
        }
        if self.verb(words!("describe|document|annotate")) {
            let targets = self.targets().filter(|targets| self.known(targets))?;
            self.any(words!("as|with")).then_some(())?;
            return Some((targets, vec![self.quoted_note()?], How::Set));
        }
        self.verb(words!("add|put|set|attach|leave|make|give|write|drop|stick|create|enter")).then_some(())?;
        self.articles();
        self.any(words!("note|comment|description|notes")).then_some(())?;
        self.any(words!("to|on|for|in|at")).then_some(())?;
        let targets = self.targets()?;
        let sign = self.mark(':') || self.mark('=') || self.mark('–');
        (sign || self.any(words!("saying|that says|which says|reading|to"))).then_some(())?;
        self.mark(':');
        let start = self.at;
        let value = Item::Plain(Plain::Description, Amount::To(Value::Text(self.free_text(sign)?)));
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// “write “belongs to billing” into the notes of db-1”
    fn writing(&mut self) -> Option<Wish> {
        self.verb(words!("write|put|enter|add|stick")).then_some(())?;
        let item = self.quoted_note()?;
        self.any(words!("into|in|to|as")).then_some(())?;
        let (noun, targets) = self.field_of_targets()?;
        (noun == Noun::Plain(Plain::Description)).then_some((targets, vec![item], How::Set))
    }

    /// “belongs to billing”, in quotation marks.
    pub fn quoted_note(&mut self) -> Option<Said<Item>> {
        let start = self.at;
        let text = self.peek(0).filter(|token| token.kind == TokenKind::Quoted)?.text.clone();
        self.at += 1;
        let value = Item::Plain(Plain::Description, Amount::To(Value::Text(text.to_string())));
        Some(Said { value, tokens: start..self.at })
    }

    /// “replace the tag web with front on web-01”, “change the tag of web-01 from web to front”.
    fn retagging(&mut self) -> Option<Wish> {
        let replaces = self.any(words!("replace"));
        let verb = replaces || self.any(words!("change"));
        // “change web-01’s tag from web to front”
        let owner = if verb && !replaces {
            self.attempt(|p| {
                let targets = p.owner()?;
                p.ahead(|p| (p.any(words!("tag")) && p.any(words!("from"))).then_some(())).then_some(targets)
            })
        } else {
            None
        };
        // “replace db with postgres in the tags of db-1”
        if replaces
            && let Some(wish) = self.attempt(|p| {
                let start = p.at;
                let from = p.name()?;
                p.any(words!("with|by")).then_some(())?;
                let to = p.name()?;
                let tokens = start..p.at;
                p.any(words!("in|among|within")).then_some(())?;
                let (noun, targets) = p.field_of_targets()?;
                (noun == Noun::Plain(Plain::Tags)).then_some(())?;
                let set = |tag: String| Value::Set(std::iter::once(tag).collect());
                let value = Item::Plain(Plain::Tags, Amount::FromTo(set(from), set(to)));
                Some((targets, vec![Said { value, tokens }], How::Set))
            })
        {
            return Some(wish);
        }
        self.any(words!("the"));
        self.any(words!("tag")).then_some(())?;
        let start = self.at;
        let of = words!("on|of|for|from");
        if !verb {
            return self.tag_becomes(start);
        }
        // “change the tag of web-01 from web to front”
        let mut targets = owner;
        if targets.is_some() {
            self.any(words!("from")).then_some(())?;
        } else if !replaces && self.any(words!("of|on|for")) {
            targets = Some(self.targets()?);
            self.any(words!("from")).then_some(())?;
        }
        let from = self.name()?;
        if targets.is_none() && self.ahead(|p| p.any(of).then_some(())) {
            targets = Some(self.of_targets(of)?);
        }
        self.any(if replaces { words!("with|by|for") } else { words!("to|into") }).then_some(())?;
        let to = self.name()?;
        let set = |tag: String| Value::Set(std::iter::once(tag).collect());
        let value = Item::Plain(Plain::Tags, Amount::FromTo(set(from), set(to)));
        let item = Said { value, tokens: start..self.at };
        let targets = match targets {
            Some(targets) => targets,
            None => self.of_targets(of)?,
        };
        Some((targets, vec![item], How::Set))
    }

    /// “the tag web on web-01 should become front”
    fn tag_becomes(&mut self, start: usize) -> Option<Wish> {
        let from = self.name()?;
        self.any(words!("on|of|for")).then_some(())?;
        let targets = self.targets()?;
        let becomes = |p: &mut Self| (p.any(MODAL) && p.any(words!("become|be"))).then_some(());
        (self.attempt(becomes).is_some() || self.any(words!("becomes|->|→|=>"))).then_some(())?;
        let set = |tag: String| Value::Set(std::iter::once(tag).collect());
        let value = Item::Plain(Plain::Tags, Amount::FromTo(set(from), set(self.name()?)));
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    fn tags_said(&self, start: usize, tags: Vec<String>, amount: impl Fn(Value) -> Amount) -> Said<Item> {
        let value = Item::Plain(Plain::Tags, amount(Value::Set(tags.into_iter().collect())));
        Said { value, tokens: start..self.at }
    }
}

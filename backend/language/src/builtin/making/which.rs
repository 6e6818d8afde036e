//! Which of several new guests is meant: by its name, by its place among them, “the others”.

use crate::lexer::{Token, TokenKind};

use crate::builtin::Parser;
use crate::builtin::drafting::draft::Group;
use crate::builtin::said::disks::DISKS;
use crate::builtin::said::item::{How, Said};
use crate::builtin::whom::pointing::Number;
use crate::builtin::wordings::words;

use super::common::alike;
use super::create::JOINS;

/// Of which new guests a phrase is said.
pub enum Whom {
    /// Of every one.
    All,
    /// Of those that are being described.
    Focus,
    /// Either may be meant.
    Unclear,
}

impl Group {
    /// Of whom a phrase is said behind words for so many of them (`said`), where `counted` were named, in the sentence that began at
    /// token `began`.
    pub fn whom(&self, said: Option<Number>, counted: usize, began: usize) -> Whom {
        let Some(said) = said else { return Whom::Focus };
        if let Number::Exactly(exactly) = said {
            if self.focus.len() == exactly {
                return Whom::Focus;
            }
            let count = self.count.as_ref().and_then(|count| usize::try_from(count.value).ok());
            let all = counted == exactly || count.map_or(self.members.is_empty(), |count| count == exactly);
            return if all { Whom::All } else { Whom::Unclear };
        }
        // “fe-1 and fe-2 with 2 cores, each with a 10 GB disk, be-1 with 4 cores”
        let here = self.items.last().is_some_and(|(_, item)| item.tokens.start >= began);
        match self.focus.len() {
            2.. if here && self.count.is_some() && self.awaits_names() => Whom::Focus,
            2.. if here => Whom::Unclear,
            _ => Whom::All,
        }
    }
}

impl Parser<'_> {
    /// “the first”, “the other”, “the last two”, “the others”: some of the new guests, by their place among them.
    pub fn which_of_them(&mut self) -> Option<Vec<usize>> {
        let known = self.group()?.members.len();
        let places = self.places_among_them()?;
        let [at] = *places else { return Some(places).filter(|places| places.iter().all(|at| *at < known)) };
        if at < known {
            return Some(places);
        }
        self.any(words!("will be|should be|shall be|is"));
        let named = |p: &mut Self| p.called(false).or_else(|| p.names(false));
        let name = self.attempt(named).filter(|names| names.len() == 1 && at == known)?;
        self.group_mut()?.members.extend(name);
        Some(places)
    }

    /// “the first”, “the other two”: their places among the new guests.
    pub fn places_among_them(&mut self) -> Option<Vec<usize>> {
        let group = self.group().filter(|group| group.plural)?;
        let known = group.members.len();
        let all = group.count.as_ref().and_then(|count| usize::try_from(count.value).ok()).unwrap_or(known);
        let last = |count: usize| (all.saturating_sub(count)..all).collect();
        let places: Vec<usize> = if self.any(words!("the first two|first two")) {
            vec![0, 1]
        } else if self.any(words!("the first three|first three")) {
            vec![0, 1, 2]
        } else if self.any(words!("the last two|last two")) {
            last(2)
        } else if self.any(words!("the last three|last three")) {
            last(3)
        } else if let Some(others) = self.attempt(Self::all_others) {
            others
        } else if self.any(words!("the first one|the first|first one|first|the former")) {
            vec![0]
        } else if self.any(words!("the second one|the second|second one|second")) {
            vec![1]
        } else if self.any(words!("the third one|the third|third one|third")) {
            vec![2]
        } else if self.any(words!("the other one|the other|the latter|the last one|the last|last one")) && all > 0 {
            vec![all - 1]
        } else {
            return None;
        };
        // “the first NIC”, “the second 20 GB disk”
        let part = |p: &mut Self| {
            p.quantity();
            p.any(words!("data|system|boot"));
            (p.any(DISKS) || p.nic_ref().is_some()).then_some(())
        };
        (places.len() < all.max(2) && !self.ahead(part)).then_some(places)
    }

    /// “the others”, “the other two”, “the rest”: the new guests of which nothing was said one by one, where something of what is said
    /// now was said of each of the others.
    fn all_others(&mut self) -> Option<Vec<usize>> {
        self.any(words!("the")).then_some(())?;
        let two = self.any(words!("other two"));
        let others = two || self.any(words!("other"));
        if !others {
            matches!(self.word(), "others" | "rest" | "remaining").then_some(())?;
            self.at += 1;
            self.any(words!("ones|of them"));
        }
        let item = {
            let at = self.at;
            while self.any(JOINS) {}
            let item = self.attempt(|p| p.item(How::Create))?;
            self.at = at;
            item
        };
        let group = self.group()?;
        let singled = |who: &usize| group.items.iter().any(|(whose, _)| *whose == Some(*who));
        let has =
            |who: usize| group.items.iter().any(|(whose, said)| *whose == Some(who) && alike(&said.value, &item.value));
        let (told, others): (Vec<usize>, Vec<usize>) = (0..group.members.len()).partition(singled);
        let fits = if two { others.len() == 2 } else { others.len() > 1 };
        (fits && !told.is_empty() && told.into_iter().all(has)).then_some(others)
    }

    /// “web-1 with …”, “web-1: …”, “web-1 (…)” where several guests are described one by one.
    pub fn member(&mut self, at_start: bool) -> Option<Said<String>> {
        let group = self.group()?;
        if !group.plural {
            return None;
        }
        let known: Vec<String> = group.members.iter().map(|member| member.value.clone()).collect();
        let start = self.at;
        let value = self.name()?;
        let tokens = start..self.at;
        let introduced = self.introduces_what_follows()
            || at_start && self.ahead(|p| p.item(How::Create))
            || at_start && self.at_boundary();
        let fresh = self.may_be_made(&value) || self.introduces_what_follows() && !self.looks_like_name(&value);
        (introduced && at_start && fresh || known.contains(&value)).then_some(Said { value, tokens })
    }

    /// “fe-1 and fe-2 with …”, “w-1 to w-3: …”: some of several guests, which are described together.
    pub fn members_together(&mut self, at_start: bool) -> Option<Vec<Said<String>>> {
        let start = self.at;
        self.group().filter(|group| group.plural)?;
        let names = self.names(true).filter(|names| names.len() > 1)?;
        let group = self.group()?;
        let known = |name: &Said<String>| group.members.iter().any(|member| member.value == name.value);
        let fresh = names.iter().filter(|name| !known(name)).count();
        let wanted = group.count.as_ref().and_then(|count| usize::try_from(count.value).ok());
        let room = wanted.is_none_or(|wanted| group.members.len() + fresh <= wanted);
        let may = |name: &Said<String>| {
            known(name) || self.may_be_made(&name.value) && !self.inventory.guests.contains_key(&name.value)
        };
        // “…, b-1, b-2 with 4 cores”: of b-1 nothing more may be said.
        let is_one = |token: &Token| names.iter().any(|name| name.value == token.text);
        let listed = self.at > start + 1
            && self.tokens[start..self.at].iter().all(|token| token.word.is_empty() || is_one(token))
            && start.checked_sub(1).is_some_and(|at| self.tokens[at].kind == TokenKind::Mark(','));
        let plain = names.iter().all(may) && room && (at_start || fresh == 0) && !listed;
        let introduced = self.introduces_what_follows() || self.ahead(|p| p.item(How::Create));
        (plain && introduced).then_some(names)
    }

    /// “fe-1 and fe-2 get 2 cores”, of new guests whose names are still to come.
    pub fn names_the_next(&mut self) -> Option<()> {
        self.group().filter(|group| group.count.is_some() && group.awaits_names())?;
        if self.ahead(|p| p.members_together(true)) || self.ahead(Self::names_alone) {
            return Some(());
        }
        let name = self.member(true)?;
        let gets = matches!(self.word(), "get" | "gets" | "has" | "have");
        (gets && self.may_be_made(&name.value) && !self.inventory.guests.contains_key(&name.value)).then_some(())
    }

    /// “three VMs with 2 cores each, w-1 to w-3”: all the names that are still to come.
    pub fn names_alone(&mut self) -> Option<Vec<Said<String>>> {
        let count = self.group().filter(|group| group.members.is_empty())?.count.as_ref()?.value;
        let names = self.names(true)?;
        let fresh =
            |name: &Said<String>| self.may_be_made(&name.value) && !self.inventory.guests.contains_key(&name.value);
        let all = u64::try_from(names.len()) == Ok(count) && count > 1 && names.iter().all(fresh);
        (all && self.at_boundary()).then_some(names)
    }

    /// Whether behind the name of a guest stands what tells how it shall be.
    fn introduces_what_follows(&self) -> bool {
        const WORDS: [&str; 16] = [
            "with", "gets", "has", "having", "get", "have", "should", "shall", "need", "needs", "go", "goes", "run",
            "are", "lives", "sits",
        ];
        self.peek(0).is_some_and(|t| matches!(t.kind, TokenKind::Mark(':' | '(' | '–' | '—' | '=')))
            || WORDS.contains(&self.word())
    }
}

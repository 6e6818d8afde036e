//! From the model's fragments to a reading: each must stand in the text, and its words decide, not the model.
//!
//! That every word is covered is not enough: a model could give the words of “delete a and start b” to each other’s
//! statements. So statements lie one behind the other, what is enumerated stands in one row, a fragment ends where the
//! built-in rules end it, and where one statement ends and the next begins must be plain.

use std::ops::Range;

use mycopod_core::field::Plain;
use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Amount, Deed, DiskRef, Selector, Sourced, Target};

use crate::account;
use crate::builtin::Parser;
use crate::builtin::changing::change::{added, stepped};
use crate::builtin::drafting::draft::{Change, Copy, Doing, Draft, Group};
use crate::builtin::said::fields::Named;
use crate::builtin::said::item::{DiskItem, How, Item, Said, Which};
use crate::builtin::said::named::Noun;
use crate::builtin::whom::target::Targets;
use crate::lexer::{Token, TokenKind};
use crate::vocabulary;

use super::handles::Handles;
use super::locate::Located;
use super::raw::{Action, RawField, RawReading};
use super::words::{Evidence, JOINTS, LINKS, destroys, evidence, how, is_action, is_in, is_of, noun};

/// The state of a grounding.
pub struct Grounder<'a> {
    pub text: &'a str,
    pub tokens: &'a [Token],
    pub inventory: &'a Inventory,
    pub handles: Handles,
    parser: Parser<'a>,
    covered: Vec<bool>,
    /// What the model was asked about, in order; the rest was read without it.
    asked: Vec<Range<usize>>,
    /// What was read without it.
    given: Vec<Draft>,
}

/// What the model's statements come to.
pub struct Grounded {
    /// What is to be done.
    pub drafts: Vec<Draft>,
    /// The tokens of what was asked that end in nothing.
    pub unread: Vec<Range<usize>>,
}

impl<'a> Grounder<'a> {
    /// A grounding of statements about the `asked` tokens beside what was `given`; nothing is covered yet.
    pub fn new(
        text: &'a str,
        tokens: &'a [Token],
        inventory: &'a Inventory,
        asked: Vec<Range<usize>>,
        given: Vec<Draft>,
    ) -> Self {
        let parser = Parser::new(text, tokens, inventory);
        let handles = Handles::of(tokens, &asked, inventory);
        Self { text, tokens, inventory, handles, parser, covered: vec![false; tokens.len()], asked, given }
    }

    /// Takes the model's statements over as far as the text bears them out. The error names a fragment that does not
    /// stand in the text.
    pub fn ground(mut self, raw: &RawReading) -> Result<Grounded, String> {
        let mut taken = vec![false; self.tokens.len()];
        let mut located =
            raw.statements.iter().map(|raw| self.locate(raw, &mut taken)).collect::<Result<Vec<_>, _>>()?;
        located.sort_by_key(|located| located.hull().start);
        let mut drafts: Vec<Draft> = Vec::new();
        let mut end = 0;
        for located in located {
            let hull = located.hull();
            // All of its words, where the rules read them; else those that the model says something of.
            let whole = (located.whole != hull).then_some((&located.whole, true));
            for (tokens, rule) in whole.into_iter().chain([(&hull, true), (&hull, false)]) {
                if !self.is_apart(end, tokens) {
                    continue;
                }
                let covered = self.covered.clone();
                self.parser.resume(self.before(&drafts, tokens.start), self.open_before(tokens.start));
                let read =
                    if rule { self.by_rule(located.raw.action, tokens) } else { self.by_words(&located, tokens) };
                if let Some(read) = read {
                    drafts = self.own(read);
                    end = tokens.end;
                    break;
                }
                // Nothing of it is covered, so that its words are asked about.
                self.covered = covered;
            }
        }
        Ok(self.finish(drafts))
    }

    /// Whether the model was asked about a token.
    pub fn is_asked(&self, at: usize) -> bool {
        self.asked.iter().any(|asked| asked.contains(&at))
    }

    /// What was drafted before token `start`, in the order of the text.
    fn before(&self, drafts: &[Draft], start: usize) -> Vec<Draft> {
        let mut before: Vec<Draft> =
            self.given.iter().filter(|draft| draft.tokens().start < start).chain(drafts).cloned().collect();
        before.sort_by_key(|draft| draft.tokens().start);
        before
    }

    fn open_before(&self, start: usize) -> Vec<Range<usize>> {
        (0..start).filter(|at| self.is_asked(*at) && self.is_open(*at)).map(|at| at..at + 1).collect()
    }

    /// Whether it is not plain which of two statements the words between them and at their ends belong to: “reboot a and
    /// b, c gets 2 cores”, “4 cores for a and 8 GB for b”.
    fn is_blurred(&self, end: usize, start: usize) -> bool {
        let between = &self.tokens[end..start];
        let parted = between.iter().any(|token| token.ends_sentence() || is_in("then", &token.word));
        let names = |at: usize| self.is_name(&self.tokens[at]);
        !parted && (names(end - 1) && names(start) || self.tokens[start].kind == TokenKind::Number)
    }

    /// Whether a token may name a guest or a part of one.
    fn is_name(&self, token: &Token) -> bool {
        token.kind == TokenKind::Quoted
            || token.kind == TokenKind::Number
            || token.kind == TokenKind::Word && vocabulary::class(&token.word).is_none()
            || self.inventory.guests.contains_key(token.text.as_str())
    }

    /// The drafts, and every word of what was asked that is not covered.
    fn finish(mut self, drafts: Vec<Draft>) -> Grounded {
        self.parser.drafts = drafts;
        let mut unread = Vec::new();
        let mut start = 0;
        while start < self.tokens.len() {
            let end =
                self.tokens[start..].iter().position(Token::ends_sentence).map_or(self.tokens.len(), |end| start + end);
            self.sentence(start..end, &mut unread);
            start = end + 1;
        }
        Grounded { drafts: self.parser.drafts, unread }
    }

    /// What is open in a sentence; where one of its open words turns its meaning round, something of it deletes, or it only
    /// wonders, the whole of it.
    fn sentence(&mut self, sentence: Range<usize>, unread: &mut Vec<Range<usize>>) {
        let open: Vec<usize> = sentence.clone().filter(|at| self.is_asked(*at) && self.is_open(*at)).collect();
        let here = |draft: &Draft| draft.tokens().start < sentence.end && sentence.start < draft.tokens().end;
        let deletes = self.parser.drafts.iter().any(|draft| here(draft) && destroys(draft));
        let wonders = crate::builtin::wonders(self.tokens, sentence.clone());
        let content = sentence.clone().any(|at| self.is_asked(at) && account::is_content(&self.tokens[at]));
        if content && wonders || !open.is_empty() && (deletes || self.turns(open.iter().copied())) {
            self.parser.drafts.retain(|draft| !here(draft));
            unread.push(sentence);
        } else {
            unread.extend(open.into_iter().map(|at| at..at + 1));
        }
    }

    /// Whether a token says something that nothing covers.
    fn is_open(&self, at: usize) -> bool {
        let token = &self.tokens[at];
        !self.covered[at] && account::is_content(token) && !is_in(LINKS, &token.word)
    }

    /// Whether one of these tokens turns the meaning of its sentence round.
    fn turns(&self, mut tokens: impl Iterator<Item = usize>) -> bool {
        tokens.any(|at| vocabulary::turns(&self.tokens[at].word))
    }

    fn cover(&mut self, tokens: &Range<usize>) {
        self.covered[tokens.clone()].fill(true);
    }

    /// Whether some tokens are asked about, and lie plainly behind the statements that end at `end`.
    fn is_apart(&self, end: usize, tokens: &Range<usize>) -> bool {
        let asked = self.asked.iter().any(|asked| asked.start <= tokens.start && tokens.end <= asked.end);
        asked && tokens.start >= end && !(end > 0 && self.is_blurred(end, tokens.start))
    }

    /// Those of some drafts that are not given.
    fn own(&self, drafts: Vec<Draft>) -> Vec<Draft> {
        let is_given = |draft: &Draft| self.given.iter().any(|given| given.tokens() == draft.tokens());
        drafts.into_iter().filter(|draft| !is_given(draft)).collect()
    }

    /// The drafts with what the model’s fragments add to them.
    fn by_words(&mut self, located: &Located<'_>, hull: &Range<usize>) -> Option<Vec<Draft>> {
        if located.overlaps() {
            return None;
        }
        let evidence = evidence(located.raw.action)?;
        let said = self.verb(located, &evidence)?;
        let draft = match located.raw.action {
            Action::Create => self.create(located, hull)?,
            Action::Change => self.change(located, hull, &said)?,
            Action::Clone => self.clone_guest(located, hull)?,
            deed => self.deed(deed, located, hull, &said)?,
        };
        let mut drafts = std::mem::take(&mut self.parser.drafts);
        drafts.push(draft);
        Some(drafts)
    }

    /// The words of its verb, which must prove the action and say nothing besides.
    fn verb(&mut self, located: &Located<'_>, evidence: &Evidence) -> Option<Vec<String>> {
        let tokens = located.verb.clone().unwrap_or_default();
        let fits = |at: usize| !account::is_content(&self.tokens[at]) || is_in(evidence.verb, &self.tokens[at].word);
        if !tokens.clone().all(fits) {
            return None;
        }
        self.cover(&tokens);
        let said: Vec<String> = self.tokens[tokens].iter().map(|token| token.word.to_string()).collect();
        let proven = evidence.proof.is_empty() || said.iter().any(|word| is_in(evidence.proof, word));
        proven.then_some(said)
    }

    /// What the built-in reader’s rules make of all these words; the model only says where they stand.
    fn by_rule(&mut self, action: Action, hull: &Range<usize>) -> Option<Vec<Draft>> {
        let before = self.parser.drafts.clone();
        let read = self.read(hull, Parser::statement);
        let drafts = std::mem::replace(&mut self.parser.drafts, before.clone());
        read?;
        let is_meant = match drafts.len().checked_sub(before.len())? {
            // More was said of a guest that is being made.
            0 => self.given.is_empty() && matches!(action, Action::Create | Action::Change | Action::Start),
            1 => drafts.last().is_some_and(|draft| is_action(draft, action)),
            _ => false,
        };
        if !is_meant {
            return None;
        }
        self.cover(hull);
        Some(drafts)
    }

    /// What a rule makes of some tokens; it must use all of them, and not want more.
    fn read<T>(&mut self, tokens: &Range<usize>, rule: impl Fn(&mut Parser<'a>) -> Option<T>) -> Option<T> {
        let rest = self.tokens[tokens.start..].iter().position(Token::ends_sentence);
        let end = rest.map_or(self.tokens.len(), |rest| tokens.start + rest).max(tokens.end);
        let reached = self.parser.reach(tokens.start, end, &rule);
        if reached.is_some_and(|reached| reached > tokens.end) {
            return None;
        }
        self.parser.exactly(tokens.clone(), rule)
    }

    /// What a rule makes of some tokens, which are covered then.
    fn parse<T>(&mut self, tokens: &Range<usize>, rule: impl Fn(&mut Parser<'a>) -> Option<T>) -> Option<T> {
        let read = self.read(tokens, rule)?;
        self.cover(tokens);
        Some(read)
    }

    /// The tokens of an enumeration, which must stand in one row.
    fn row(&self, parts: &[Range<usize>]) -> Option<Range<usize>> {
        let joins = |token: &Token| {
            !token.is_content() && !token.ends_sentence()
                || is_in(JOINTS, &token.word)
                || is_in("vm vms container containers guest guests machine machines", &token.word)
        };
        let in_a_row = parts
            .windows(2)
            .all(|pair| pair[0].end <= pair[1].start && self.tokens[pair[0].end..pair[1].start].iter().all(joins));
        in_a_row.then_some(parts.first()?.start..parts.last()?.end)
    }

    fn names(&mut self, located: &Located<'_>) -> Option<Vec<Said<String>>> {
        if located.names.is_empty() {
            return Some(Vec::new());
        }
        let row = self.row(&located.names)?;
        if let Some(names) = self.parse(&row, |p| p.names(true)) {
            return Some(names);
        }
        let mut names = Vec::new();
        for tokens in &located.names {
            let some = self.parse(tokens, |p| p.names(true)).or_else(|| {
                self.parse(tokens, |p| p.any_name().map(|value| vec![Said { value, tokens: tokens.clone() }]))
            });
            names.extend(some?);
        }
        self.cover(&row);
        Some(names)
    }

    fn targets(&mut self, located: &Located<'_>) -> Option<Vec<Target>> {
        let row = self.row(&located.targets)?;
        match self.read(&row, Parser::targets) {
            Some(Targets::Old(read)) => {
                self.cover(&row);
                Some(read)
            }
            Some(Targets::New) => None,
            None => {
                let span = self.parser.span(&row);
                if !self.turns(row.clone()) {
                    self.cover(&row);
                }
                Some(vec![Target { span, selector: Selector::Vague(span.of(self.text)) }])
            }
        }
    }

    /// The values of a statement. Which field an amount is of its own words say, or a fragment that is the field’s name and
    /// nothing else: “memory” and “by 2 GB” of “increase the memory of web-01 by 2 GB”.
    fn items(&mut self, located: &Located<'_>, how: How) -> Vec<Said<Item>> {
        let mut items = Vec::new();
        for (field, tokens) in &located.values {
            let is_name = |p: &mut Parser<'_>| p.noun().filter(|said| Some(said) == noun(*field).as_ref());
            if self.read(tokens, is_name).is_some() {
                continue;
            }
            let name =
                located.values.iter().find(|(other, tokens)| other == field && self.read(tokens, is_name).is_some());
            if let Some(value) = self.item(*field, tokens, how, name.is_some()) {
                if let Some((_, name)) = name {
                    self.cover(name);
                }
                items.push(Said { value, tokens: tokens.clone() });
            }
        }
        items
    }

    /// The value that a fragment says; of which field, is the model’s word only where the field is `named` elsewhere.
    fn item(&mut self, field: RawField, tokens: &Range<usize>, how: How, named: bool) -> Option<Item> {
        let read = self.read(tokens, |p| p.item(how)).map(|item| item.value);
        let item = match read {
            Some(Item::Bare(amount)) => match field {
                RawField::Named(Named::Plain(plain @ (Plain::Memory | Plain::Swap | Plain::Balloon))) if named => {
                    Some(Item::Plain(plain, amount))
                }
                RawField::Disk if named => {
                    let which = if how == How::Create { Which::One } else { Which::The(DiskRef::Only) };
                    Some(Item::Disk(DiskItem::sized(amount, which)))
                }
                _ => Some(Item::Bare(amount)),
            },
            Some(item) => is_of(&item, field).then_some(item),
            None if named => {
                let noun = noun(field)?;
                self.read(tokens, |p| p.connected_value(&noun, how)).or_else(|| {
                    let amount = match how {
                        How::Add => Amount::Plus,
                        How::Remove => Amount::Minus,
                        _ => return None,
                    };
                    let step = self.read(tokens, Parser::step)?;
                    stepped(&noun, step, amount)
                })
            }
            None => None,
        }?;
        self.cover(tokens);
        Some(item)
    }

    fn create(&mut self, located: &Located<'_>, hull: &Range<usize>) -> Option<Draft> {
        let mut group = Group::new(hull.clone(), hull.clone());
        if let Some(tokens) = &located.kind
            && let Some(noun) = self.parse(tokens, Parser::guest_noun)
        {
            group.plural = noun.plural;
            group.kind = noun.kind_to_make().map(|value| Said { value, tokens: tokens.clone() });
        }
        if let Some(tokens) = &located.count {
            group.count = self.parse(tokens, Parser::number).map(|value| Said { value, tokens: tokens.clone() });
        }
        group.members = self.names(located)?;
        group.items = self.items(located, How::Create).into_iter().map(|item| (None, item)).collect();
        // Something must say that a guest is meant, or how it shall be.
        (group.kind.is_some() || !group.items.is_empty()).then_some(Draft::Create(group))
    }

    fn change(&mut self, located: &Located<'_>, hull: &Range<usize>, said: &[String]) -> Option<Draft> {
        let how = how(said)?;
        let targets = self.targets(located)?;
        let (how, items) = match how {
            Ok(how) => (how, self.items(located, how)),
            Err(amount) => (How::Give, self.scaled(located, &amount)),
        };
        let items: Vec<_> = if how == How::Add { items.into_iter().map(added).collect() } else { items };
        (!items.is_empty()).then(|| Draft::Change(Change { tokens: hull.clone(), targets, items, how }))
    }

    fn scaled(&mut self, located: &Located<'_>, amount: &Amount) -> Vec<Said<Item>> {
        let mut items = Vec::new();
        for (_, tokens) in &located.values {
            let item = match self.parse(tokens, Parser::noun) {
                Some(Noun::Plain(plain @ (Plain::Cores | Plain::Sockets | Plain::Memory | Plain::Swap))) => {
                    Item::Plain(plain, amount.clone())
                }
                Some(Noun::Disk(which, false)) => Item::Disk(DiskItem::sized(amount.clone(), which)),
                _ => continue,
            };
            items.push(Said { value: item, tokens: tokens.clone() });
        }
        items
    }

    fn deed(&mut self, action: Action, located: &Located<'_>, hull: &Range<usize>, said: &[String]) -> Option<Draft> {
        let hard = said.iter().any(|word| is_in("kill plug force forcefully hard", word));
        let names = self.names(located)?;
        let deed = match action {
            Action::Start => Deed::Start,
            Action::Stop if hard => Deed::Stop,
            Action::Stop => Deed::Shutdown { within: None },
            Action::Reboot => Deed::Reboot,
            Action::Adopt => Deed::Adopt,
            Action::Snapshot => {
                let name = names.first().map(|name| (name.value.clone(), name.tokens.clone()));
                Deed::Snapshot { name: name.map(|(name, tokens)| Sourced::new(name, self.parser.source(&tokens))) }
            }
            // The others are read by rule alone.
            _ => return None,
        };
        if names.len() > usize::from(action == Action::Snapshot) || !located.values.is_empty() {
            return None;
        }
        let targets = self.targets(located)?;
        Some(Draft::Do(Doing { tokens: hull.clone(), targets, deed }))
    }

    fn clone_guest(&mut self, located: &Located<'_>, hull: &Range<usize>) -> Option<Draft> {
        let targets = self.targets(located)?;
        let names = self.names(located)?;
        let items = self.items(located, How::Give);
        let full = hull.clone().find(|at| is_in("full linked", &self.tokens[*at].word)).map(|at| {
            let full = self.tokens[at].word == "full";
            self.covered[at] = true;
            Sourced::new(full, self.parser.source(&(at..at + 1)))
        });
        let (Ok([from]), Ok([name])) = (<[Target; 1]>::try_from(targets), <[Said<String>; 1]>::try_from(names)) else {
            return None;
        };
        // “clone web-01 as web-03”: the copy’s name is announced.
        let announced = name.tokens.start.checked_sub(1).map(|at| self.tokens[at].word.as_str());
        announced.filter(|word| is_in("as to called named into", word))?;
        let name = Sourced::new(name.value, self.parser.source(&name.tokens));
        Some(Draft::Clone(Copy { tokens: hull.clone(), from, names: vec![name], full, items }))
    }
}

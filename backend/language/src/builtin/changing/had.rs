//! What a guest has now, and then what it shall have: “web-01 has 2 cores but should have 4”, “db-1 has 8 GB of RAM now. Make it
//! 16.” What it is said to have is held against what is there.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::Amount;

use crate::lexer::TokenKind;

use super::verbs::{Course, LESS, Leads, MORE, SET, SHIFT};
use crate::builtin::Parser;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// What `rule` reads where the sentence that follows belongs to this one.
    pub fn beyond<T>(&mut self, rule: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let end = self.end;
        let read = self.attempt(rule);
        if read.is_none() {
            self.end = end;
        }
        read
    }

    /// Goes on in the sentence that follows, where this one is used up.
    pub fn next_sentence(&mut self) -> bool {
        let ends = self.done()
            && self.tokens.get(self.end).is_some_and(|token| matches!(token.kind, TokenKind::Mark('.' | ';')));
        if ends {
            self.at = self.end + 1;
            let length = self.tokens[self.at..].iter().position(crate::lexer::Token::ends_sentence);
            self.end = length.map_or(self.tokens.len(), |length| self.at + length);
        }
        ends
    }

    /// “web-01 has 2 cores but should have 4”
    pub fn having(&mut self, targets: &Targets) -> Option<Vec<Said<Item>>> {
        self.beyond(|p| {
            p.known(targets).then_some(())?;
            let now = p.attempt(Self::had_in_brackets).or_else(|| p.attempt(Self::had_so_far))?;
            let wanted =
                p.attempt(|p| p.values_like(&now).filter(|_| p.at_boundary())).or_else(|| p.items(How::Give))?;
            p.any(words!("instead|each|now|from now on"));
            p.at_boundary().then_some(())?;
            changes(&now, wanted)
        })
    }

    /// “web-01 (2 cores) gets …”
    fn had_in_brackets(&mut self) -> Option<Vec<Said<Item>>> {
        self.mark('(').then_some(())?;
        self.any(words!("currently|has now|now has|has|now"));
        let now = self.items(How::Give)?;
        self.any(words!("now|currently"));
        self.mark(')').then_some(())?;
        self.any(words!("should have|should get|shall have|shall get|must have|needs|need|gets|get|to|->|→|=>"))
            .then_some(now)
    }

    /// “has 2 cores but should have …”, “has 2 cores now. Make it …”
    fn had_so_far(&mut self) -> Option<Vec<Said<Item>>> {
        self.any(words!(
            "currently has|currently have|now has|now have|has now|have now|has|have|currently runs with|currently runs on|runs with|run with|runs on|run on|is at|are at|\
             currently is at|is currently at"
        ))
        .then_some(())?;
        self.any(words!("currently|now"));
        let now = self.items(How::Give)?;
        self.any(words!("now|currently|right now|at the moment"));
        let goes_on = self.next_sentence();
        self.wanted(goes_on).then_some(now)
    }

    /// The same in one sentence.
    pub fn wanted_behind(&mut self) -> bool {
        self.wanted(false)
    }

    /// “, but should have”, “and should be”, “, make it”: behind what is so now.
    fn wanted(&mut self, goes_on: bool) -> bool {
        let _ = self.mark(',') || self.mark('–') || self.mark('—');
        self.any(words!("but|and|so|yet"));
        self.any(words!("please"));
        let made = self.attempt(|p| {
            let gives = p.any(words!("give"));
            (gives || p.verb(MORE) || p.verb(LESS) || p.verb(SET) || p.verb(SHIFT)).then_some(())?;
            let pointed = p.any(words!("it|that|this|them|these"));
            match p.course(Leads::Anywhere) {
                Some(course) => (course == Course::To).then_some(()),
                None => pointed.then_some(()),
            }
        });
        let made = made.is_some();
        let subject = self.any(words!("it|they|both|we"));
        let needs = !made
            && (subject || !goes_on)
            && self.any(words!(
                "should have|should get|shall have|shall get|must have|has to have|have to have|needs to have|need to have|ought to have|\
                 needs|need|should be at|should be"
            ));
        let wants = !made && !needs && subject && self.any(words!("gets|get"));
        made || needs || wants
    }
}

/// `wanted`, with what is said to be `now` in front of each; of what is only said to be now, that it stays.
pub fn changes(now: &[Said<Item>], wanted: Vec<Said<Item>>) -> Option<Vec<Said<Item>>> {
    let now: Vec<Said<Item>> = now.iter().map(meant).collect();
    let of = |item: &Item| match item {
        Item::Plain(plain, Amount::To(value)) => Some((Some(*plain), value.clone())),
        Item::Disk(disk) => match &disk.amount {
            Amount::To(value) => Some((None, value.clone())),
            _ => None,
        },
        _ => None,
    };
    let mut changes = Vec::new();
    for Said { value, tokens } in wanted {
        let before = now.iter().find(|said| of(&said.value).zip(of(&value)).is_some_and(|((a, _), (b, _))| a == b));
        let value = match before.and_then(|before| of(&before.value)).zip(of(&value)) {
            Some(((_, from), (_, to))) => value.with_amount(Amount::FromTo(from, to))?,
            None => value,
        };
        changes.push(Said { value, tokens });
    }
    for said in &now {
        let (field, value) = of(&said.value)?;
        if !changes.iter().any(|change| is_of(&change.value, field)) {
            let stays = said.value.with_amount(Amount::FromTo(value.clone(), value))?;
            changes.push(Said { value: stays, tokens: said.tokens.clone() });
        }
    }
    Some(changes)
}

/// Whether `item` is of this field; of a disk where there is none.
fn is_of(item: &Item, field: Option<Plain>) -> bool {
    match item {
        Item::Plain(plain, _) => field == Some(*plain),
        Item::Disk(_) => field.is_none(),
        _ => false,
    }
}

/// What an amount alone is an amount of, that is said of now: were it not the memory, it would be asked about.
fn meant(said: &Said<Item>) -> Said<Item> {
    let value = match &said.value {
        Item::Bare(Amount::To(Value::Size(size))) => Item::Plain(Plain::Memory, Amount::To(Value::Size(*size))),
        value => value.clone(),
    };
    Said { value, tokens: said.tokens.clone() }
}

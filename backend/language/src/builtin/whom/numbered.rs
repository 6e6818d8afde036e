//! Names that differ in their numbers: ranges such as `web-1 to web-3`, and enumerations such as `web-{1,2}`, “test-1/2/3” and
//! “runners 1 and 2”.

use std::collections::BTreeSet;

use mycopod_core::guest::{Kind, Vmid};
use mycopod_core::reading::{Selector, Target};

use crate::lexer::{Token, TokenKind};

use crate::builtin::Parser;
use crate::builtin::said::item::{How, Said};
use crate::builtin::wordings::words;

/// The most guests that one range may name: what people list in one breath; beyond it a slip is likelier.
const MAX_RANGE: u64 = 100;

impl Parser<'_> {
    /// A name or a range of names: `web-1 to web-3`, `web-1..3`, `web-01..web-03`, `web-{1..3}`, `web-[1-3]`.
    pub fn range(&mut self) -> Option<Vec<Said<String>>> {
        let start = self.at;
        let said = |p: &Self, names: Vec<String>| {
            let tokens = start..p.at;
            Some(names.into_iter().map(|value| Said { value, tokens: tokens.clone() }).collect())
        };
        if let Some(names) = self.peek(0).filter(|t| t.kind == TokenKind::Word).and_then(|t| glued_range(&t.text)) {
            self.at += 1;
            return said(self, names);
        }
        let first = self.name()?;
        let last = self.attempt(|p| {
            let to = p.any(words!("to|through|thru|until|till|up to"))
                || p.mark('–')
                || p.mark('—')
                || p.mark('…')
                || p.peek(0).is_some_and(|t| matches!(t.text.as_str(), "-" | "..")) && {
                    p.at += 1;
                    true
                };
            if !to {
                return None;
            }
            // “load-a through load-e”; “web-a to web-b” may be a copy.
            let through = matches!(p.last_word(), "through" | "thru");
            let counts = p.ahead(|p| p.item(How::Give));
            let last = p.peek(0)?;
            if through && last.kind == TokenKind::Word && expand_letters(&first, &last.text).is_some() {
                let name = last.text.clone();
                p.at += 1;
                return Some(name);
            }
            let name = match last.kind {
                // In “set test-1 to 3 cores” the number counts cores.
                TokenKind::Number if p.counting && !counts && !last.text.contains(['.', ',']) => last.text.clone(),
                TokenKind::Word
                    if last.text.starts_with(stem(&first)) && last.text.ends_with(|c: char| c.is_ascii_digit()) =>
                {
                    last.text.clone()
                }
                _ => return None,
            };
            p.at += 1;
            first.ends_with(|c: char| c.is_ascii_digit()).then_some(name)
        });
        match last {
            None => said(self, vec![first]),
            Some(last) => {
                let names = expand(&first, &last)?;
                said(self, names)
            }
        }
    }

    /// “-2” in “runner-1 and -2”, “02” in “web-01 and 02”: the guest there is of the name before with another number.
    pub fn same_stem(&mut self, before: &Target) -> Option<Target> {
        let Selector::Name(before) = &before.selector else { return None };
        let token = self.peek(0)?;
        let digits = match token.kind {
            TokenKind::Word => token.text.strip_prefix('-').filter(|_| stem(before).ends_with('-'))?,
            // A number alone may count something, and two digits with a zero in front do not.
            TokenKind::Number => Some(token.text.as_str()).filter(|n| n.starts_with('0') && n.len() > 1)?,
            _ => return None,
        };
        let name = format!("{}{digits}", stem(before));
        (is_digits(digits) && self.inventory.guests.contains_key(&name)).then_some(())?;
        self.at += 1;
        Some(Target { span: self.span(&(self.at - 1..self.at)), selector: Selector::Name(name) })
    }

    /// “runners 1-3”, “test VMs 1 and 2”: guests there are by what their names begin with and by their numbers.
    pub fn by_numbers(&mut self) -> Option<Vec<Target>> {
        let start = self.at;
        let word = self.peek(0).filter(|token| token.kind == TokenKind::Word)?.text.clone();
        self.at += 1;
        let noun = self.guest_noun();
        let numbers = |token: &Token| match token.kind {
            TokenKind::Number if is_digits(&token.text) => token.text.parse::<u64>().ok().map(|n| n..=n),
            TokenKind::Word => {
                let (low, high) = token.text.split_once(['-', '–'])?;
                let (low, high) = (low.parse::<u64>().ok()?, high.parse::<u64>().ok()?);
                (low < high && high - low < MAX_RANGE).then_some(low..=high)
            }
            _ => None,
        };
        let mut targets = Vec::new();
        while let Some(more) = self.attempt(|p| {
            (targets.is_empty() || p.joint()).then_some(())?;
            let low = p.peek(0).and_then(numbers)?;
            // In “runner-1 and 4 cores” the number counts cores.
            (!p.ahead(|p| p.item(How::Give))).then_some(())?;
            p.at += 1;
            // “runners 1 to 3”
            let high = p.attempt(|p| {
                (p.counting && p.any(words!("to|through|until"))).then_some(())?;
                (!p.ahead(|p| p.item(How::Give))).then_some(())?;
                let high = *p.peek(0).and_then(numbers)?.end();
                p.at += 1;
                (high > *low.end() && high - low.start() < MAX_RANGE).then_some(high)
            });
            let range = *low.start()..=high.unwrap_or(*low.end());
            let span = p.span(&(start..p.at));
            let target = |number| {
                let name = p.of_number(&word, number, noun.and_then(|noun| noun.kind))?;
                Some(Target { span, selector: Selector::Name(name) })
            };
            range.map(target).collect::<Option<Vec<Target>>>()
        }) {
            targets.extend(more);
        }
        (!targets.is_empty()).then_some(targets)
    }

    /// The one guest there is that is called `word`, perhaps in the singular, with this number.
    fn of_number(&self, word: &str, number: u64, kind: Option<Kind>) -> Option<String> {
        let stems = [word, word.strip_suffix('s').unwrap_or(word)];
        let names = stems.into_iter().flat_map(|stem| ["-", "", "-0", "0"].map(|zero| format!("{stem}{zero}{number}")));
        let known = |name: &String| {
            let keys = self.inventory.guests.get(name);
            keys.is_some_and(|keys| keys.iter().all(|key| kind.is_none_or(|kind| key.kind == kind)))
        };
        let found: BTreeSet<String> = names.filter(known).collect();
        if found.len() == 1 { found.into_iter().next() } else { None }
    }

    /// “101-103”, “101 to 103”: the guests of these VMIDs.
    pub fn vmids(&mut self) -> Option<Vec<Target>> {
        self.attempt(Self::glued_vmids).or_else(|| {
            let start = self.at;
            let number = |p: &mut Self| {
                let number = p.peek(0).filter(|token| token.kind == TokenKind::Number)?.text.parse::<u32>().ok()?;
                p.at += 1;
                Vmid::try_from(number).ok().map(Vmid::get)
            };
            let low = number(self).filter(|_| self.counting)?;
            (self.any(words!("to|through|thru|up to")) || self.mark('–')).then_some(())?;
            // In “set 104 to 106 GB” the number counts something.
            (!self.ahead(|p| p.item(How::Give))).then_some(())?;
            let high = number(self).filter(|_| !self.ahead(|p| p.unit().map(|_| ())))?;
            self.span_of_vmids(start, low, high)
        })
    }

    fn glued_vmids(&mut self) -> Option<Vec<Target>> {
        let token = self.peek(0).filter(|token| token.kind == TokenKind::Word)?;
        let (low, high) = token.text.split_once("..").or_else(|| token.text.split_once('-'))?;
        let vmid = |digits: &str| {
            let number = digits.parse::<u32>().ok().filter(|_| is_digits(digits))?;
            Vmid::try_from(number).ok().map(Vmid::get)
        };
        let (low, high) = (vmid(low)?, vmid(high)?);
        self.at += 1;
        self.span_of_vmids(self.at - 1, low, high)
    }

    /// The guests from one VMID to another, said from token `start` on.
    fn span_of_vmids(&self, start: usize, low: u32, high: u32) -> Option<Vec<Target>> {
        (low < high && u64::from(high - low) < MAX_RANGE).then_some(())?;
        let span = self.span(&(start..self.at));
        Some((low..=high).map(|vmid| Target { span, selector: Selector::Vmid(vmid) }).collect())
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// The names of a range in one word.
fn glued_range(text: &str) -> Option<Vec<String>> {
    // Most words are none: that is seen at once.
    text.bytes().any(|byte| b"{[/+&.".contains(&byte)).then_some(())?;
    if let Some((stem, rest)) = text.split_once(['{', '[']) {
        let inside = rest.strip_suffix(['}', ']'])?;
        if inside.contains(',') {
            return one_by_one(stem, inside.split(','));
        }
        let (first, last) = inside.split_once("..").or_else(|| inside.split_once('-'))?;
        return expand(&format!("{stem}{first}"), last);
    }
    if let Some((first, _)) = text.split_once(['/', '+', '&']) {
        return one_by_one(stem(first), text.split(['/', '+', '&']));
    }
    let (first, last) = text.split_once("...").or_else(|| text.split_once(".."))?;
    expand(first, last)
}

/// Names, each whole or only a number behind `stem`.
fn one_by_one<'t>(stem: &str, parts: impl Iterator<Item = &'t str>) -> Option<Vec<String>> {
    stem.starts_with(char::is_alphabetic).then_some(())?;
    let name = |part: &str| {
        if is_digits(part) {
            return Some(format!("{stem}{part}"));
        }
        let named = part.starts_with(char::is_alphabetic) && part.ends_with(|c: char| c.is_ascii_digit());
        named.then(|| part.to_owned())
    };
    parts.map(name).collect()
}

/// A name without the number at its end.
fn stem(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
}

/// The names from `first` to `last`: the same stem, counting up; zeros in front are kept.
fn expand(first: &str, last: &str) -> Option<Vec<String>> {
    if let Some(names) = expand_letters(first, last) {
        return Some(names);
    }
    let stem = stem(first);
    let from = &first[stem.len()..];
    let to = last.strip_prefix(stem).unwrap_or(last);
    let (low, high) = (from.parse::<u64>().ok()?, to.parse::<u64>().ok()?);
    if stem.is_empty() || low >= high || high - low >= MAX_RANGE {
        return None;
    }
    let width = if from.starts_with('0') { from.len() } else { 1 };
    Some((low..=high).map(|n| format!("{stem}{n:0width$}")).collect())
}

/// The names from `load-a` to `load-e`.
fn expand_letters(first: &str, last: &str) -> Option<Vec<String>> {
    let letter = |name: &str| {
        let (stem, letter) = name.rsplit_once('-')?;
        let [letter @ b'a'..=b'z'] = letter.as_bytes() else { return None };
        Some((stem.to_owned(), *letter))
    };
    let ((stem, low), (other, high)) = (letter(first)?, letter(last)?);
    let names = |low: u8| (low..=high).map(|letter| format!("{stem}-{}", char::from(letter))).collect();
    (stem == other && low < high).then(|| names(low))
}

#[cfg(test)]
mod tests {
    use super::{expand, glued_range};

    #[test]
    fn ranges_count_up_and_keep_their_zeros() {
        assert_eq!(expand("web-1", "web-3").unwrap(), ["web-1", "web-2", "web-3"]);
        assert_eq!(expand("node-09", "11").unwrap(), ["node-09", "node-10", "node-11"]);
        assert_eq!(glued_range("w-1..3").unwrap(), ["w-1", "w-2", "w-3"]);
        assert_eq!(glued_range("w-[1-3]").unwrap().len(), 3);
        assert_eq!(expand("load-a", "load-c").unwrap(), ["load-a", "load-b", "load-c"]);
    }

    #[test]
    fn numbers_in_a_row_are_of_one_stem() {
        assert_eq!(glued_range("web-0{1,2}").unwrap(), ["web-01", "web-02"]);
        assert_eq!(glued_range("test-1/2/3").unwrap(), ["test-1", "test-2", "test-3"]);
        assert_eq!(glued_range("web-01+web-02").unwrap(), ["web-01", "web-02"]);
        for text in ["10.0.0.1/24", "a-1/", "a-1/b", "2/4"] {
            assert_eq!(glued_range(text), None, "{text}");
        }
    }

    #[test]
    fn ranges_that_make_no_sense_are_refused() {
        for (first, last) in [("web-3", "web-1"), ("web-1", "db-3"), ("web", "3"), ("a-1", "a-1000"), ("1", "3")] {
            assert_eq!(expand(first, last), None, "{first} {last}");
        }
    }
}

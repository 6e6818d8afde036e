//! Walking over tokens: nothing is consumed by a rule that fails.

use std::ops::Range;

use mycopod_core::reading::{Source, Span};
use mycopod_core::size::Size;

use crate::lexer::{Token, TokenKind, source, span};
use crate::quantity;
use crate::vocabulary::{self, Class};

use super::Parser;
use super::said::fields;
use super::wordings::{Wordings, words};

impl Parser<'_> {
    /// The token `ahead` of the present one, within the sentence.
    pub fn peek(&self, ahead: usize) -> Option<&Token> {
        #[cfg(any(test, feature = "fuzzing"))]
        self.visits.set(self.visits.get() + 1);
        let at = self.at + ahead;
        if at < self.end { self.tokens.get(at) } else { None }
    }

    /// Whether the sentence is used up.
    pub const fn done(&self) -> bool {
        self.at >= self.end
    }

    /// Runs a rule; where it fails, nothing was consumed.
    pub fn attempt<T>(&mut self, rule: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        let (at, asides) = (self.at, self.asides.len());
        let result = rule(self);
        if result.is_none() {
            self.at = at;
            self.asides.truncate(asides);
        }
        result
    }

    /// Whether a rule would match here.
    pub fn ahead<T>(&mut self, rule: impl FnOnce(&mut Self) -> Option<T>) -> bool {
        let (at, asides) = (self.at, self.asides.len());
        let matches = rule(self).is_some();
        self.at = at;
        self.asides.truncate(asides);
        matches
    }

    /// The present word in lower case; empty for anything but a word.
    pub fn word(&self) -> &str {
        self.peek(0).map_or("", |token| token.word.as_str())
    }

    /// The word at token `at`; empty for anything but a word.
    pub fn word_at(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.word.as_str())
    }

    /// The word before the present token.
    pub fn last_word(&self) -> &str {
        self.at.checked_sub(1).map_or("", |last| self.word_at(last))
    }

    /// Consumes these words in a row.
    pub fn say(&mut self, words: &str) -> bool {
        let length = self.length_of(words);
        self.at += length.unwrap_or(0);
        length.is_some()
    }

    /// Consumes the first that fits of several wordings.
    #[inline]
    pub fn any(&mut self, wordings: &Wordings) -> bool {
        self.may_begin(wordings) && self.first_of(wordings, Self::length_of)
    }

    /// Consumes the first that fits of several wordings whose words are free for names where nothing of the kind can stand.
    #[inline]
    pub fn verb(&mut self, wordings: &Wordings) -> bool {
        self.may_begin(wordings) && self.first_of(wordings, Self::row_of)
    }

    /// Whether one of several wordings may stand here: nearly always none does, and this is what reading costs.
    #[inline]
    fn may_begin(&self, wordings: &Wordings) -> bool {
        #[cfg(any(test, feature = "fuzzing"))]
        self.visits.set(self.visits.get() + 1);
        self.at < self.end && self.marks.get(self.at).is_some_and(|mark| wordings.may_begin(*mark))
    }

    /// Consumes the first of several wordings for which `length` finds that it stands here.
    fn first_of(&mut self, wordings: &Wordings, length: impl Fn(&Self, &str) -> Option<usize>) -> bool {
        let word = self.word();
        let fits = wordings.beginning(word, self.marks[self.at]).find_map(|wording| length(self, wording));
        self.at += fits.unwrap_or(0);
        fits.is_some()
    }

    /// How many tokens these words are, if they stand here.
    fn length_of(&self, words: &str) -> Option<usize> {
        let length = self.row_of(words)?;
        debug_assert!(
            words.split(' ').all(|word| vocabulary::class(word).is_some() || fields::has(word)),
            "“{words}” is in the grammar and not in the vocabulary"
        );
        Some(length)
    }

    /// How many tokens these words are, if they stand here in a row.
    pub fn row_of(&self, words: &str) -> Option<usize> {
        let (mut length, mut rest) = (0, words);
        loop {
            let token = self.peek(length)?;
            let said = if token.word.is_empty() && token.kind == TokenKind::Number { &token.text } else { &token.word };
            rest = rest.strip_prefix(said.as_str())?;
            length += 1;
            if rest.is_empty() {
                return Some(length);
            }
            rest = rest.strip_prefix(' ')?;
        }
    }

    /// Consumes this mark.
    pub fn mark(&mut self, mark: char) -> bool {
        let fits = self.peek(0).is_some_and(|token| token.kind == TokenKind::Mark(mark));
        self.at += usize::from(fits);
        fits
    }

    /// Consumes what stands between a key and its value: “=”, “:”, “→”.
    pub fn assigns(&mut self) -> bool {
        self.mark('=') || self.mark(':') || self.any(words!("->|→|=>"))
    }

    /// Consumes articles and possessives that change nothing.
    pub fn articles(&mut self) {
        while self.any(words!("the|a|an|its|their|my|our|his|this|these")) {}
    }

    /// Consumes what joins two parts of an enumeration: a comma, “and”, both, “as well as”, “plus”.
    pub fn joint(&mut self) -> bool {
        let at = self.at;
        while self.mark(',') || self.mark('/') || self.any(words!("and|&|plus|as well as|+")) {}
        self.at > at
    }

    /// Whether a part of the sentence may end here.
    pub fn at_boundary(&mut self) -> bool {
        self.done()
            || self
                .peek(0)
                .is_some_and(|token| matches!(token.kind, TokenKind::Mark(',' | '—' | '–' | ')' | '(' | '•' | '|')))
            || self
                .ahead(|p| (p.joint() || p.any(words!(
                    "then|please|thanks|thank you|as well|too|also|while you are at it|while you're at it|while we are at it|while we're at it"
                ))).then_some(()))
            || self.reason_ahead()
    }

    /// A whole number in digits or words.
    pub fn number(&mut self) -> Option<u64> {
        let token = self.peek(0)?;
        if token.kind == TokenKind::Number {
            let number = quantity::whole(&token.text)?;
            self.at += 1;
            return Some(number);
        }
        let begins = matches!(self.word(), "a" | "half") || quantity::number_word(self.word()).is_some();
        begins.then_some(())?;
        self.attempt(|p| {
            if p.any(words!("a couple of|a pair of")) {
                return Some(2);
            }
            if p.say("half a dozen") {
                return Some(6);
            }
            if p.word() == "a" && p.word_ahead(1) == "trio" && p.word_ahead(2) == "of" {
                p.at += 3;
                return Some(3);
            }
            let article = p.any(words!("a"));
            let mut number = quantity::number_word(p.word())?;
            // “a dozen”, “a hundred”, but not “a five”.
            if article && !matches!(number, 12 | 100 | 1_000) {
                return None;
            }
            p.at += 1;
            while let Some(joined) = quantity::number_word(p.word()).and_then(|next| quantity::joined(number, next)) {
                number = joined;
                p.at += 1;
            }
            Some(number)
        })
    }

    /// An amount with its unit: “8 GB”, “half a gig”, “three gigs”, “a terabyte”.
    pub fn quantity(&mut self) -> Option<Size> {
        self.attempt(|p| {
            if p.say("half") {
                p.any(words!("of a|a|an"));
                return p.unit().map(|unit| Size::bytes(unit / 2));
            }
            if p.any(words!("a quarter of a|quarter of a")) {
                return p.unit().map(|unit| Size::bytes(unit / 4));
            }
            if let Some(number) =
                p.peek(0).filter(|token| token.kind == TokenKind::Number).map(|token| token.text.clone())
            {
                p.at += 1;
                p.mark('-');
                // “6 1/2 GB”
                let quarters = p.quarters().unwrap_or(0);
                let unit = p.unit()?;
                let whole = quantity::size(&number, unit)?;
                return if quarters == 0 { Some(whole) } else { whole.checked_add(Size::bytes(unit / 4 * quarters)) };
            }
            if let Some(quarters) = p.quarters() {
                return p.unit().map(|unit| Size::bytes(unit / 4 * quarters));
            }
            let number = match p.number() {
                Some(number) => number,
                None if p.any(words!("a|one")) => {
                    p.verb(words!("full|whole"));
                    1
                }
                None => return None,
            };
            if p.say("and a half") {
                return p.unit().and_then(|unit| unit.checked_mul(number)?.checked_add(unit / 2)).map(Size::bytes);
            }
            p.unit().and_then(|unit| unit.checked_mul(number)).map(Size::bytes)
        })
    }

    /// “1/2”, “¾”: so many quarters.
    fn quarters(&mut self) -> Option<u64> {
        let quarters = quantity::quarters(&self.peek(0)?.text)?;
        self.at += 1;
        Some(quarters)
    }

    /// “50 %”, “25 percent”: so many hundredths.
    pub fn per_cent(&mut self) -> Option<u32> {
        self.attempt(|p| {
            let number = p.number()?;
            p.any(words!("%|percent|per cent")).then_some(())?;
            u32::try_from(number).ok().filter(|number| *number > 0)
        })
    }

    /// A unit of memory or disk space.
    pub fn unit(&mut self) -> Option<u64> {
        let counted = || {
            let before = self.last_word();
            before == "half"
                || quantity::number_word(before).is_some()
                || self.at.checked_sub(1).is_some_and(|at| self.tokens[at].kind == TokenKind::Number)
        };
        let unit = quantity::unit(self.word()).or_else(|| quantity::spoken_unit(self.word()).filter(|_| counted()))?;
        self.at += 1;
        Some(unit)
    }

    /// A word or quotation that may be a name: letters, digits, `-`, `.`, `_`, and no word of the grammar.
    pub fn name(&mut self) -> Option<String> {
        let token = self.peek(0)?;
        let fits = match token.kind {
            TokenKind::Quoted => !token.text.trim().is_empty(),
            TokenKind::Word => {
                token.text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '.' | '_'))
                    && token.text.contains(char::is_alphanumeric)
                    && !token.text.contains("..")
                    && vocabulary::class(&token.word).is_none()
                    && !is_address(&token.text)
            }
            _ => false,
        };
        let name = fits.then(|| token.text.clone())?;
        self.at += 1;
        Some(name.to_string())
    }

    /// A name that is the one word it can be: after “called” even a word of the grammar names something.
    pub fn any_name(&mut self) -> Option<String> {
        if let Some(name) = self.name() {
            return Some(name);
        }
        let token = self.peek(0)?;
        let fits = token.kind == TokenKind::Word
            && matches!(vocabulary::class(&token.word), Some(Class::Outside | Class::Grammar))
            && !matches!(
                token.word.as_str(),
                "it" | "them" | "as" | "to" | "of" | "on" | "in" | "is" | "be" | "'s" | "all" | "each" | "both"
            );
        let name = fits.then(|| token.text.clone())?;
        self.at += 1;
        Some(name.to_string())
    }

    /// Whether `name` is one as people form them, with a digit, hyphen or dot, or one that the cluster knows.
    pub fn looks_like_name(&self, name: &str) -> bool {
        name.contains(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.'))
            || self.inventory.guests.contains_key(name)
    }

    /// The code points of some tokens.
    pub fn span(&self, tokens: &Range<usize>) -> Span {
        span(self.tokens, tokens)
    }

    /// That these tokens say it.
    pub fn source(&self, tokens: &Range<usize>) -> Source {
        source(self.text, self.tokens, tokens)
    }
}

/// Whether `text` is built like an IPv4 address, with or without a prefix length.
pub fn is_address(text: &str) -> bool {
    text.split('/').next().is_some_and(|address| address.parse::<std::net::Ipv4Addr>().is_ok())
}

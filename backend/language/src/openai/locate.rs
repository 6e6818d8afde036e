//! Where the model's fragments stand in the text.

use std::ops::Range;

use crate::cluster;
use crate::lexer::{Token, TokenKind, lex};

use super::ground::Grounder;
use super::raw::{RawField, RawStatement};

/// A statement of the model with the places of its fragments.
pub struct Located<'r> {
    pub raw: &'r RawStatement,
    /// All of its words, as the model sees it.
    pub whole: Range<usize>,
    pub verb: Option<Range<usize>>,
    pub kind: Option<Range<usize>>,
    pub count: Option<Range<usize>>,
    pub names: Vec<Range<usize>>,
    pub targets: Vec<Range<usize>>,
    pub values: Vec<(RawField, Range<usize>)>,
}

impl Located<'_> {
    /// From its first fragment to its last; where it has none, all of its words.
    pub fn hull(&self) -> Range<usize> {
        let single = [&self.verb, &self.kind, &self.count].into_iter().flatten();
        let several = self.names.iter().chain(&self.targets).chain(self.values.iter().map(|(_, tokens)| tokens));
        let all = single.chain(several);
        all.cloned()
            .reduce(|hull, part| hull.start.min(part.start)..hull.end.max(part.end))
            .unwrap_or(self.whole.clone())
    }
}

impl Located<'_> {
    /// Whether some words are given twice, to say two things.
    pub fn overlaps(&self) -> bool {
        let heads = [&self.verb, &self.kind, &self.count].into_iter().flatten();
        let lists = self.names.iter().chain(&self.targets).chain(self.values.iter().map(|(_, tokens)| tokens));
        let mut all: Vec<&Range<usize>> = heads.chain(lists).collect();
        all.sort_unstable_by_key(|tokens| tokens.start);
        all.windows(2).any(|pair| pair[1].start < pair[0].end)
    }
}

impl Grounder<'_> {
    /// Finds the fragments of a statement, away from those that are `taken` where the words stand there more than once.
    pub fn locate<'r>(&self, raw: &'r RawStatement, taken: &mut [bool]) -> Result<Located<'r>, String> {
        let whole = self.find_loosely(&raw.words, taken)?;
        let find = |words: &str| self.find(words, &whole, taken);
        let one = |words: &str| if words.trim().is_empty() { Ok(None) } else { find(words).map(Some) };
        let all = |words: &[String]| {
            let mut places = words.iter().map(|words| find(words)).collect::<Result<Vec<_>, _>>()?;
            places.sort_unstable_by_key(|place| (place.start, place.end));
            places.dedup();
            Ok::<_, String>(places)
        };
        let mut values = Vec::new();
        // Which cluster is meant is found by code; words that it does not know are asked about.
        for value in raw.values.iter().filter(|value| value.field != RawField::Cluster) {
            let place = (value.field, find(&value.words)?);
            if !values.contains(&place) {
                values.push(place);
            }
        }
        let (verb, kind, count) = (one(&raw.verb)?, one(&raw.kind)?, one(&raw.count)?);
        let (names, targets) = (all(&raw.names)?, all(&raw.targets)?);
        let located = Located { raw, whole, verb, kind, count, names, targets, values };
        let single = [&located.verb, &located.kind, &located.count].into_iter().flatten();
        let several = located.names.iter().chain(&located.targets);
        for place in single.chain(several).chain(located.values.iter().map(|(_, tokens)| tokens)) {
            taken[place.clone()].fill(true);
        }
        Ok(located)
    }

    /// Where `words` stand, token by token, within some tokens; a place that nothing else has taken is preferred.
    fn find(&self, words: &str, within: &Range<usize>, taken: &[bool]) -> Result<Range<usize>, String> {
        let wanted = self.lex(words);
        let wanted: Vec<&Token> = wanted.iter().filter(|token| token.kind != TokenKind::Break).collect();
        let fits = |start: usize| {
            !wanted.is_empty()
                && start + wanted.len() <= within.end
                && (start..within.end).zip(&wanted).all(|(at, wanted)| self.is_same(at, wanted))
        };
        let mut places = within.clone().filter(|start| self.is_asked(*start) && fits(*start)).peekable();
        let first = places.peek().copied();
        let start = places.find(|start| !taken[*start]).or(first).ok_or_else(|| {
            let words: String = words.chars().take(80).collect();
            format!("“{words}” does not stand in the text.")
        })?;
        Ok(start..start + wanted.len())
    }

    /// Whether the model’s token is one of the text’s, or the handle in its place.
    fn is_same(&self, at: usize, wanted: &Token) -> bool {
        let token = &self.tokens[at];
        let is_kind = wanted.kind == token.kind;
        is_kind && wanted.text == token.text
            // A handle needs no marks of quotation, whatever it stands for.
            || (is_kind || wanted.kind == TokenKind::Word) && self.handles.handle(at) == Some(wanted.text.as_str())
    }

    /// A statement's words may run over several lines and leave words out; its first and last must stand there.
    fn find_loosely(&self, words: &str, taken: &[bool]) -> Result<Range<usize>, String> {
        let all = 0..self.tokens.len();
        self.find(words, &all, taken).or_else(|error| {
            let wanted = self.lex(words);
            let mut content = wanted.iter().filter(|token| token.is_content());
            let (Some(first), Some(last)) = (content.next(), wanted.iter().rfind(|token| token.is_content())) else {
                return Err(error);
            };
            let start = self.find(&first.text, &all, taken)?.start;
            let end = self.find(&last.text, &(start..self.tokens.len()), taken)?.end;
            Ok(start..end)
        })
    }

    /// The model's words without those that name the cluster, as the text's tokens are.
    fn lex(&self, words: &str) -> Vec<Token> {
        let mut tokens = lex(words, |_| true);
        cluster::Named::take(words, &mut tokens, &self.inventory.clusters);
        tokens
    }
}

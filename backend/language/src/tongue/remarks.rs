//! What is said beside a wish in another language: “die Datenbank läuft voll”, “porque va justo”, “avant la mise à jour”.
//!
//! Such a clause is put into English where all its words stand here, as if it had been typed in English: the rules for asides
//! judge it then, and ask about it where it is none of theirs. So no word here may say less than its English does.

mod tables;

use super::folded;
use compact_str::CompactString;

use crate::lexer::{Token, TokenKind};
use foldhash::{HashMap, HashMapExt, HashSet, HashSetExt};

pub use tables::{FRENCH, GERMAN, SPANISH};

/// The words of a language, folded, with their English.
pub struct Table {
    /// Verbs of the third person, which stand behind whom they are about.
    verbs: &'static [(&'static str, &'static str)],
    words: &'static [(&'static str, &'static str)],
    /// Words by which somebody or something is pointed at that is told of: `der hängt`.
    pointing: &'static [&'static str],
    /// What begins an occasion that something is done before, and what may follow.
    before: &'static [&'static str],
    occasions: &'static [(&'static str, &'static str)],
    /// What begins the purpose of a wish, and who wishes behind it.
    purpose: &'static [&'static str],
    wishing: &'static [&'static str],
}

/// A table, prepared for reading.
pub struct Remarks {
    table: &'static Table,
    phrases: Phrases,
    occasions: Phrases,
}

/// Phrases by their first word, the longer ones first: their words, their English, and whether they are verbs.
type Phrases = HashMap<&'static str, Vec<(Vec<&'static str>, &'static str, bool)>>;

/// The longest remark, in words.
const MAX_WORDS: usize = 20;

fn phrases(lists: &[(&'static [(&'static str, &'static str)], bool)]) -> Phrases {
    let mut phrases = Phrases::new();
    for (list, verb) in lists {
        for (wordings, english) in *list {
            for wording in wordings.split('|') {
                let words: Vec<&str> = wording.split(' ').collect();
                phrases.entry(words[0]).or_default().push((words, english, *verb));
            }
        }
    }
    for phrases in phrases.values_mut() {
        phrases.sort_by_key(|(words, ..)| std::cmp::Reverse(words.len()));
    }
    phrases
}

/// The phrase that stands at `at`.
fn at<'p>(
    phrases: &'p Phrases,
    words: &[CompactString],
    at: usize,
) -> Option<&'p (Vec<&'static str>, &'static str, bool)> {
    let fits = |words_of: &[&str]| {
        words_of.iter().enumerate().all(|(n, word)| words.get(at + n).is_some_and(|said| said == word))
    };
    phrases.get(words.get(at)?.as_str())?.iter().find(|(words_of, ..)| fits(words_of))
}

/// English words as they would have been typed in the place of these.
fn typed(said: &[Token], english: &str, put: &mut Vec<Token>) {
    let end = said.last().map_or(said[0].span.end, |last| last.span.end);
    for word in english.split(' ') {
        let mut token = Token { word: word.into(), text: word.into(), ..said[0].clone() };
        token.span.end = end;
        put.push(token);
    }
}

impl Remarks {
    pub fn of(table: &'static Table) -> Self {
        let all = phrases(&[(table.verbs, true), (table.words, false)]);
        Self { table, phrases: all, occasions: phrases(&[(table.occasions, false)]) }
    }

    /// Puts what is said beside the wishes of these tokens into English. `known` are names of guests.
    ///
    /// Returns where the clauses begin that say nothing else.
    pub fn put(&self, tokens: &mut Vec<Token>, known: impl Fn(&str) -> bool) -> HashSet<usize> {
        let mut told = HashSet::new();
        let words = folded(tokens, &known);
        let ends = |token: &Token| match token.kind {
            TokenKind::Break => true,
            TokenKind::Mark(mark) => mark != '\'' && mark != '-',
            _ => false,
        };
        let mut put = Vec::with_capacity(tokens.len());
        let (mut from, mut begins) = (0, true);
        while from < tokens.len() {
            let end = (from..tokens.len()).find(|at| ends(&tokens[*at])).unwrap_or(tokens.len());
            let clause = if begins { self.clause(tokens, &words, from, end, &known) } else { None };
            let whole = clause.is_some();
            let remark = clause
                .or_else(|| if begins { self.purpose(tokens, &words, from, end) } else { None })
                .or_else(|| self.occasion(tokens, &words, from));
            begins = false;
            // A guest may be called “database”.
            let named = |token: &Token| known(&token.word) && !tokens.iter().any(|said| said.text == token.text);
            if let Some((end, mut english)) = remark.filter(|(_, english)| !english.iter().any(named)) {
                if whole {
                    told.extend(english.iter().map(|token| token.span.start));
                }
                put.append(&mut english);
                from = end;
            } else {
                begins = ends(&tokens[from]);
                put.push(tokens[from].clone());
                from += 1;
            }
        }
        *tokens = put;
        told
    }

    /// A clause all of whose words stand in the table, or are names.
    fn clause(
        &self,
        tokens: &[Token],
        words: &[CompactString],
        start: usize,
        end: usize,
        known: &impl Fn(&str) -> bool,
    ) -> Option<(usize, Vec<Token>)> {
        let mut english = Vec::new();
        let (mut from, mut told) = (start, false);
        while from < end.min(start + MAX_WORDS) {
            if known(&tokens[from].text) {
                english.push(tokens[from].clone());
                from += 1;
                continue;
            }
            let verb = |at_word: usize| at(&self.phrases, words, at_word).is_some_and(|(.., verb)| *verb);
            let pointed = from == start && self.table.pointing.contains(&words[from].as_str()) && verb(from + 1);
            let (length, meant) = if pointed {
                (1, "it")
            } else {
                let (words, english, verb) = at(&self.phrases, words, from)?;
                // “die Container:” tells nothing.
                told |= *verb || *english == "because" || english.contains([' ', '\'']);
                (words.len(), *english)
            };
            (from + length <= end).then_some(())?;
            // “…, hängt”, “…, está colgada”
            if from == start && verb(from) {
                typed(&tokens[from..=from], "it", &mut english);
            }
            typed(&tokens[from..from + length], meant, &mut english);
            from += length;
        }
        (from == end && told).then_some((end, english))
    }

    /// “für den neuen Shop”, before “brauchen wir”.
    fn purpose(
        &self,
        tokens: &[Token],
        words: &[CompactString],
        start: usize,
        end: usize,
    ) -> Option<(usize, Vec<Token>)> {
        self.table.purpose.contains(&words[start].as_str()).then_some(())?;
        let mut english = Vec::new();
        typed(&tokens[start..=start], "for", &mut english);
        let mut from = start + 1;
        while from < end && !self.table.wishing.contains(&words[from].as_str()) {
            let (length, meant) = at(&self.phrases, words, from)
                .or_else(|| at(&self.occasions, words, from))
                .map(|(words, english, _)| (words.len(), *english))?;
            (from + length <= end).then_some(())?;
            typed(&tokens[from..from + length], meant, &mut english);
            from += length;
        }
        (from > start + 1 && from < end).then_some((from, english))
    }

    /// “vor dem Update”
    fn occasion(&self, tokens: &[Token], words: &[CompactString], start: usize) -> Option<(usize, Vec<Token>)> {
        let before = |wording: &&&str| {
            wording.split(' ').enumerate().all(|(n, word)| words.get(start + n).is_some_and(|said| said == word))
        };
        let before = self.table.before.iter().find(before)?.split(' ').count();
        let (occasion, meant, _) = at(&self.occasions, words, start + before)?;
        let end = start + before + occasion.len();
        let mut english = Vec::new();
        typed(&tokens[start..end], if *meant == "patching" { "before" } else { "before the" }, &mut english);
        typed(&tokens[start + before..end], meant, &mut english);
        Some((end, english))
    }
}

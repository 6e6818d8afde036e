//! What may have been meant by a sentence that was not understood.
//!
//! Candidates are made from its own words, and only those are offered that are read to their end. Whoever picks one has
//! said it: nothing of it is planned before.

use std::ops::Range;

use mycopod_core::explain::Tongue;
use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Answers, Question, Reading, Selector, Statement, Target, What};

use super::said::shaped::LEAST_MIB;
use super::understood;
use crate::lexer::{Token, TokenKind, lex};
use crate::quantity;
use crate::vocabulary::{self, Class};

/// The longest sentence, in code points, for which rewordings are looked for: what one says in a breath.
const MAX_SENTENCE: usize = 160;
/// In so many sentences of a text they are looked for: each costs some readings of it.
const MAX_SENTENCES: usize = 3;
/// As many are offered for one sentence: more than that nobody compares.
const MAX_OFFERED: usize = 4;

/// Offers rewordings of whole sentences that `reading`, of `text`, asks about.
pub fn offer(reading: &mut Reading, text: &str, inventory: &Inventory) {
    let asked = reading.questions.iter_mut().filter(|question| question.takes_other_words());
    for question in asked.take(MAX_SENTENCES) {
        let Some(sentence) = sentence(question, text) else { continue };
        let offered = rewordings(&sentence, inventory);
        question.options.splice(0..0, offered);
    }
}

/// The words a question is about, where they are a sentence of their own.
fn sentence(question: &Question, text: &str) -> Option<String> {
    let span = question.span.filter(|span| span.end - span.start <= MAX_SENTENCE)?;
    let ends = |c: char| matches!(c, '.' | '!' | '?' | ';' | '\n');
    let words = span.of(text);
    let before = text.chars().take(span.start).filter(|c| *c == '\n' || !c.is_whitespace()).last();
    let after = text.chars().skip(span.end).find(|c| *c == '\n' || !c.is_whitespace());
    (before.is_none_or(ends) && (after.is_none_or(ends) || words.ends_with('?'))).then_some(words)
}

/// A way to say a sentence differently; nothing where it has none.
type Way<'a> = fn(&Sentence<'a>) -> Vec<String>;

/// What `sentence` may mean, each read to its end.
fn rewordings(sentence: &str, inventory: &Inventory) -> Vec<String> {
    let tokens = lex(sentence, |word| super::is_known(inventory, word));
    let of = Sentence { text: sentence, tokens: &tokens, inventory };
    let ways: [Way<'_>; 6] = [
        Sentence::one_of_several,
        Sentence::without_doubt,
        Sentence::without_time,
        Sentence::with_words_mended,
        Sentence::with_an_amount,
        Sentence::with_a_deed,
    ];
    let read = |words: &String| words != sentence && is_read(words, inventory);
    let ways = ways.iter().map(|way| way(&of).into_iter().filter(read).collect::<Vec<_>>());
    let mut offered = ways.into_iter().find(|offered| !offered.is_empty()).unwrap_or_default();
    offered.dedup();
    offered.truncate(MAX_OFFERED);
    offered
}

/// Whether every word of it is understood, and it says of which guests.
fn is_read(words: &str, inventory: &Inventory) -> bool {
    let reading = understood(words, inventory, &Answers::default());
    let is_vague = |target: &Target| matches!(target.selector, Selector::Vague(_));
    let points_elsewhere = |statement: &Statement| match &statement.what {
        What::Change { targets, .. } | What::Do { targets, .. } => targets.iter().any(is_vague),
        What::Clone { from, .. } => is_vague(from),
        What::Create(_) | What::Facility(_) | What::Typed(_) => false,
    };
    reading.refusal.is_none()
        && reading.questions.is_empty()
        && !reading.statements.is_empty()
        && !reading.statements.iter().any(points_elsewhere)
}

struct Sentence<'a> {
    text: &'a str,
    tokens: &'a [Token],
    inventory: &'a Inventory,
}

/// Words that make a value or a wish an uncertain one.
const DOUBTS: [&str; 14] = [
    "about",
    "around",
    "approximately",
    "roughly",
    "least",
    "most",
    "max",
    "min",
    "maybe",
    "perhaps",
    "possibly",
    "probably",
    "almost",
    "nearly",
];

/// How one asks whether something should be done.
const WONDERS: [&[&str]; 8] = [
    &["should", "i"],
    &["should", "we"],
    &["shall", "i"],
    &["shall", "we"],
    &["can", "we"],
    &["how", "about"],
    &["what", "about"],
    &["what", "if", "we"],
];

/// Words that belong to the time behind them.
const BEFORE_TIMES: [&str; 10] = ["at", "on", "by", "every", "each", "in", "the", "this", "next", "from"];

/// Words by which an amount may be one to be taken away, or a bound.
const LESS: [&str; 12] =
    ["back", "less", "smaller", "lower", "down", "no", "longer", "than", "reduce", "decrease", "percent", "%"];

/// Words that stand for a deed in speech only, and what they may stand for.
const DEEDS: [(&str, &[&str]); 12] = [
    ("wipe", &["delete"]),
    ("erase", &["delete"]),
    ("nuke", &["delete"]),
    ("purge", &["delete"]),
    ("decommission", &["delete"]),
    ("retire", &["shut down", "delete"]),
    ("terminate", &["stop", "delete"]),
    ("drop", &["delete"]),
    ("go", &["delete"]),
    ("park", &["shut down", "suspend"]),
    ("freeze", &["suspend"]),
    ("kick", &["reboot"]),
];

/// Keywords in which slips are mended only where somebody confirms it.
const MENDED: [&str; 22] = [
    "delete", "remove", "destroy", "stop", "start", "shutdown", "restart", "reboot", "suspend", "resume", "snapshot",
    "clone", "create", "migrate", "give", "rollback", "backup", "two", "three", "four", "eight", "cores",
];

impl Sentence<'_> {
    fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| token.word.as_str())
    }

    /// The sentence without these tokens, which stand in the order of the text.
    fn without(&self, dropped: &[Range<usize>]) -> String {
        let chars: Vec<char> = self.text.chars().collect();
        let mut rest = String::new();
        let mut at = 0;
        for tokens in dropped.iter().filter(|tokens| !tokens.is_empty()) {
            rest.extend(&chars[at..self.tokens[tokens.start].span.start]);
            at = self.tokens[tokens.end - 1].span.end;
            while chars.get(at).is_some_and(|c| c.is_whitespace()) {
                at += 1;
            }
        }
        rest.extend(&chars[at..]);
        rest.trim().to_owned()
    }

    /// “stop web-01 or web-02”: with each of them.
    fn one_of_several(&self) -> Vec<String> {
        let Some(or) = (0..self.tokens.len()).find(|at| self.word(*at) == "or") else { return Vec::new() };
        let comma = |at: usize| self.tokens.get(at).is_some_and(|token| token.kind == TokenKind::Mark(','));
        let either = (0..or).find(|at| self.word(*at) == "either");
        // Of what length the alternatives are nobody says: the shortest that is read is taken.
        for length in 1..=3 {
            let last = or + 1..or + 1 + length;
            let end_of_first = if comma(or - or.min(1)) { or.saturating_sub(1) } else { or };
            let Some(start) = end_of_first.checked_sub(length) else { break };
            let mut all = vec![last, start..end_of_first];
            while length == 1 && all[all.len() - 1].start.checked_sub(1).is_some_and(comma) {
                let before = all[all.len() - 1].start - 1;
                let Some(start) = before.checked_sub(1) else { break };
                all.push(start..before);
            }
            all.reverse();
            let (from, to) = (all[0].start, all[all.len() - 1].end);
            let joined = from.checked_sub(1).is_some_and(|before| self.word(before) == "and" || comma(before));
            if to > self.tokens.len() || joined || self.word(to) == "and" {
                continue;
            }
            let dropped_before = either.filter(|at| *at < from).map_or(0..0, |at| at..at + 1);
            let each: Vec<String> =
                all.iter().map(|one| self.without(&[dropped_before.clone(), from..one.start, one.end..to])).collect();
            if each.iter().all(|words| is_read(words, self.inventory)) {
                return each;
            }
        }
        Vec::new()
    }

    /// “should I stop web-01?”, “at least 8 GB”: said with certainty.
    fn without_doubt(&self) -> Vec<String> {
        let mut dropped: Vec<Range<usize>> = Vec::new();
        let wonders = |words: &&[&str]| words.iter().enumerate().all(|(at, word)| self.word(at) == *word);
        if let Some(words) = WONDERS.iter().copied().find(wonders) {
            dropped.push(0..words.len());
        }
        for at in dropped.len()..self.tokens.len() {
            if DOUBTS.contains(&self.word(at)) {
                let at_least = at > 0 && self.word(at - 1) == "at";
                dropped.push(at - usize::from(at_least)..at + 1);
            }
        }
        let asked = self.tokens.last().is_some_and(|token| token.kind == TokenKind::Mark('?'));
        if asked {
            dropped.push(self.tokens.len() - 1..self.tokens.len());
        }
        if dropped.is_empty() { Vec::new() } else { vec![self.without(&dropped)] }
    }

    /// “stop web-01 at 22:00”: at once.
    fn without_time(&self) -> Vec<String> {
        let is_clock = |token: &Token| {
            token.text.split_once(':').is_some_and(|(hours, minutes)| {
                [hours, minutes].iter().all(|part| (1..=2).contains(&part.len()) && quantity::is_number(part))
            })
        };
        let is_time = |at: usize| {
            self.tokens
                .get(at)
                .is_some_and(|token| is_clock(token) || vocabulary::class(&token.word) == Some(Class::Schedule))
        };
        let Some(first) = (0..self.tokens.len()).find(|at| is_time(*at)) else { return Vec::new() };
        let mut time = first..first + 1;
        while time.start > 0 && {
            let before = &self.tokens[time.start - 1];
            BEFORE_TIMES.contains(&before.word.as_str()) || before.kind == TokenKind::Number
        } {
            time.start -= 1;
        }
        while is_time(time.end) || self.word(time.end) == "at" && is_time(time.end + 1) {
            time.end += 1;
        }
        if self.tokens.get(time.end).is_some_and(|token| token.kind == TokenKind::Mark(',')) {
            time.end += 1;
        }
        vec![self.without(&[time])]
    }

    /// “delte test-2”: with the keyword that one word looks like.
    fn with_words_mended(&self) -> Vec<String> {
        let is_strange = |token: &&Token| {
            token.kind == TokenKind::Word
                && vocabulary::class(&token.word).is_none()
                && !super::is_known(self.inventory, &token.text)
        };
        let mut strange = self.tokens.iter().filter(is_strange);
        let (Some(slip), None) = (strange.next(), strange.next()) else { return Vec::new() };
        let chars: Vec<char> = self.text.chars().collect();
        let before: String = chars[..slip.span.start].iter().collect();
        let after: String = chars[slip.span.end..].iter().collect();
        MENDED
            .into_iter()
            .filter(|keyword| strsim::osa_distance(keyword, &slip.word) <= if keyword.len() < 6 { 1 } else { 2 })
            .map(|keyword| format!("{before}{keyword}{after}"))
            .collect()
    }

    /// The guests it names.
    fn guests(&self) -> Vec<&str> {
        let mut guests: Vec<&str> = Vec::new();
        for token in self.tokens.iter().filter(|token| vocabulary::class(&token.word).is_none()) {
            if self.inventory.guests.contains_key(token.text.as_str()) && !guests.contains(&token.text.as_str()) {
                guests.push(&token.text);
            }
        }
        guests
    }

    fn is_english(&self) -> bool {
        Tongue::of(self.text) == Tongue::English
    }

    /// Whether a word turns the meaning round: what it means then nobody should guess.
    fn turns(&self) -> bool {
        self.tokens.iter().any(|token| vocabulary::turns(&token.word))
    }

    /// “+20 GB disk for test-1”: that much more of it, or as much as that.
    fn with_an_amount(&self) -> Vec<String> {
        let numbers: Vec<usize> =
            (0..self.tokens.len()).filter(|at| self.tokens[*at].kind == TokenKind::Number).collect();
        let (&[guest], &[number]) = (self.guests().as_slice(), numbers.as_slice()) else { return Vec::new() };
        let is_less = |token: &Token| LESS.contains(&token.text.to_lowercase().as_str());
        if self.turns() || self.tokens.iter().any(is_less) || !self.is_english() {
            return Vec::new();
        }
        let has = |words: &[&str]| self.tokens.iter().any(|token| words.contains(&token.word.as_str()));
        let memory = has(&["memory", "ram", "mem"]);
        let cores = has(&["core", "cores", "cpu", "cpus", "vcpu", "vcpus"]);
        let disk = has(&["disk", "drive", "hdd", "ssd", "volume"]);
        let count = &self.tokens[number].text;
        let unit = self.tokens.get(number + 1).filter(|unit| quantity::unit(&unit.word).is_some());
        // “memory 8192” counts MiB, as everywhere.
        let in_mib = memory && quantity::whole(count).is_some_and(|count| count >= LEAST_MIB);
        let size = match unit {
            Some(unit) => format!("{count} {}", unit.text),
            None if in_mib => format!("{count} MB"),
            None => format!("{count} GB"),
        };
        match (memory, cores, disk) {
            (true, false, false) => {
                vec![
                    format!("set the memory of {guest} to {size}"),
                    format!("increase the memory of {guest} by {size}"),
                ]
            }
            (false, true, false) if unit.is_none() => {
                let noun = if count == "1" { "core" } else { "cores" };
                vec![format!("give {guest} {count} {noun}"), format!("give {guest} {count} more {noun}")]
            }
            (false, false, true) => {
                vec![format!("add a disk of {size} to {guest}"), format!("grow the disk of {guest} by {size}")]
            }
            _ => Vec::new(),
        }
    }

    /// “test-3 can go”: with the deeds that such a word may stand for.
    fn with_a_deed(&self) -> Vec<String> {
        let guests = self.guests();
        let Some((last, before)) = guests.split_last() else { return Vec::new() };
        if self.turns() || !self.is_english() {
            return Vec::new();
        }
        let named = if before.is_empty() { (*last).to_owned() } else { format!("{} and {last}", before.join(", ")) };
        let said = DEEDS.iter().filter(|(word, _)| self.tokens.iter().any(|token| token.word == *word));
        said.flat_map(|(_, deeds)| deeds.iter().map(|deed| format!("{deed} {named}"))).collect()
    }
}

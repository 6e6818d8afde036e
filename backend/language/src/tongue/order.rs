//! The order of words: what stands at the end of a German clause, or in two parts at both ends of it, stands before its
//! object in English.

use std::ops::Range;

use foldhash::{HashMap, HashSet};

use super::{Tongue, spoken_as};
use compact_str::CompactString;

use crate::lexer::{Token, TokenKind};
use crate::quantity;

/// A verb: its imperatives, the part that stands at the end of their clause, its infinitives and participles, divided by `|`;
/// its English, and the English participle.
pub type Verb = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

/// Where a language has its verbs, if that is not where English has them.
pub struct Order {
    pub verbs: &'static [Verb],
    /// Words by which a sentence says how things shall be, with their English: its verb goes behind them.
    pub modals: &'static [(&'static str, &'static str)],
    /// Infinitives that stand behind such a word alone: `soll 4 Kerne haben`.
    pub tails: &'static [(&'static str, &'static str)],
    /// Words at the beginning of a wish, behind which its verb goes.
    pub opening: &'static [&'static str],
    /// Who wishes something: `wir müssen …`.
    pub wishing: &'static [&'static str],
    /// Who is asked for something, as it is written: `können Sie …`.
    pub asked: &'static [&'static str],
    /// Words beside an amount that comes on top: `4 GB RAM dazu`.
    pub further: &'static [&'static str],
    /// What may stand behind such a word: `noch mal 4 GB RAM`.
    pub again: &'static [&'static str],
    /// The one of them that may say what is left as well, and what it says that with.
    pub still: &'static str,
    pub having: &'static [&'static str],
    /// What can be counted so, or measured.
    pub counted: &'static [&'static str],
    pub numbers: &'static [&'static str],
    pub units: &'static [&'static str],
    /// Words that deny: a verb does not pass over them.
    pub denying: &'static [&'static str],
    /// Prepositions before those whom a sentence is about: `bei web-01 soll …`.
    pub about: &'static [&'static str],
    /// Words behind which a clause begins.
    pub joining: &'static [&'static str],
    /// What a clause begins with that says what is wished: `dass web-01 gestartet wird`.
    pub that: &'static str,
    /// What a participle needs behind it: `gelöscht werden`.
    pub auxiliary: &'static [&'static str],
}

impl Order {
    /// That of English.
    pub const SAME: Self = Self {
        verbs: &[],
        modals: &[],
        tails: &[],
        opening: &[],
        wishing: &[],
        asked: &[],
        further: &[],
        again: &[],
        still: "",
        having: &[],
        counted: &[],
        numbers: &[],
        units: &[],
        denying: &[],
        about: &[],
        joining: &[],
        that: "",
        auxiliary: &[],
    };
}

/// Wordings and their English by their first words, the longer ones first.
type Wordings = HashMap<&'static str, Vec<(Vec<&'static str>, String)>>;

/// The verbs of a language, by what they begin with.
#[derive(Default)]
pub struct Verbs {
    /// The second parts of an imperative, and the verb that both are.
    parted: HashMap<&'static str, Wordings>,
    infinitives: Wordings,
    /// What stands at the end behind “soll”: participles, infinitives and tails.
    finals: Wordings,
}

impl Verbs {
    pub fn of(order: &Order) -> Self {
        let mut verbs = Self::default();
        order.tails.iter().for_each(|(tails, english)| list(&mut verbs.finals, tails, english));
        for (imperatives, particles, infinitives, participles, english, done) in order.verbs {
            for imperative in imperatives.split('|').filter(|_| !particles.is_empty()) {
                list(verbs.parted.entry(imperative).or_default(), particles, english);
            }
            list(&mut verbs.infinitives, infinitives, english);
            list(&mut verbs.finals, infinitives, english);
            for participle in participles.split('|').filter(|words| !words.is_empty()) {
                for auxiliary in order.auxiliary {
                    let words = participle.split(' ').chain([*auxiliary]).collect::<Vec<_>>();
                    verbs.finals.entry(words[0]).or_default().push((words, format!("be {done}")));
                }
            }
        }
        for wordings in verbs.parted.values_mut().chain([&mut verbs.infinitives, &mut verbs.finals]) {
            for words in wordings.values_mut() {
                words.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
            }
        }
        verbs
    }
}

fn list(wordings: &mut Wordings, words: &'static str, english: &str) {
    for wording in words.split('|').filter(|wording| !wording.is_empty()) {
        let words: Vec<&str> = wording.split(' ').collect();
        wordings.entry(words[0]).or_default().push((words, english.to_owned()));
    }
}

/// How far apart the two parts of a verb may stand.
const REACH: usize = 60;

/// How far behind “noch” a word tells that it says what is left.
const LEFT: usize = 8;

/// Tokens, and their folded words.
pub struct Text<'t> {
    pub tokens: &'t mut Vec<Token>,
    pub words: Vec<CompactString>,
    /// Where clauses begin that only tell something.
    pub told: HashSet<usize>,
}

impl Text<'_> {
    fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", CompactString::as_str)
    }

    /// The wording that stands at `at`: how many words it has, and its English.
    fn stands<'w>(&self, wordings: &'w Wordings, at: usize) -> Option<(usize, &'w str)> {
        let (words, english) = wordings
            .get(self.word(at))?
            .iter()
            .find(|(words, _)| words.iter().enumerate().all(|(n, word)| self.word(at + n) == *word))?;
        Some((words.len(), english))
    }

    /// Puts English words in the place of these.
    fn replace(&mut self, range: Range<usize>, english: &str) {
        let said = self.tokens[range.start].clone();
        let english = english.split(' ').filter(|word| !word.is_empty());
        let english: Vec<Token> = english.map(|word| spoken_as(std::slice::from_ref(&said), word)).collect();
        self.words.splice(range.clone(), std::iter::repeat_n("".into(), english.len()));
        self.tokens.splice(range, english);
    }
}

impl Tongue {
    /// Puts verbs where English has them. `phrase` is how many words a phrase has that stands somewhere.
    pub fn reorder(&self, verbs: &Verbs, text: &mut Text, phrase: impl Fn(&Text, usize) -> usize) {
        if self.order.verbs.is_empty() {
            return;
        }
        self.further(text);
        let mut start = 0;
        while start < text.tokens.len() {
            let length = text.tokens[start..].iter().position(Token::ends_sentence);
            let mut end = length.map_or(text.tokens.len(), |length| start + length);
            let mut at = start;
            while at < end {
                let length = text.tokens.len();
                // “brauchen wir nicht mehr” is one phrase.
                if phrase(text, at) <= 2 && !self.join_parted(verbs, at, end, text) {
                    self.join_that(verbs, at, end, text);
                    self.join_modal(verbs, start..end, at, text, &phrase);
                }
                end = (end + text.tokens.len()).saturating_sub(length);
                at += 1;
            }
            self.bring_forward(verbs, start..end, text, &phrase);
            start = end + 1;
        }
    }

    /// “noch 4 GB RAM”, “4 GB RAM dazu” become “4 GB more RAM”.
    fn further(&self, text: &mut Text) {
        let order = &self.order;
        let is = |list: &[&str], text: &Text, at: usize| list.contains(&text.word(at));
        let number = |text: &Text, at: usize| {
            is(order.numbers, text, at) || text.tokens.get(at).is_some_and(|token| token.kind == TokenKind::Number)
        };
        let unit = |text: &Text, at: usize| {
            usize::from(
                is(order.units, text, at) || {
                    text.tokens.get(at).is_some_and(|token| quantity::unit(&token.word).is_some())
                },
            )
        };
        let mut at = 0;
        while at < text.tokens.len() {
            if !is(order.further, text, at) {
                at += 1;
                continue;
            }
            let again = is(order.further, text, at + 1) || is(order.again, text, at + 1);
            let next = at + 1 + usize::from(again);
            // “und zusätzlich 4 GB RAM” may say what there shall be besides, or how much more.
            // “soll noch 2 Kerne haben” may say how many are left.
            let left = text.word(at) == order.still && (next..next + LEFT).any(|at| is(order.having, text, at));
            let listed =
                left || at > 0 && (is(order.joining, text, at - 1) || text.tokens[at - 1].kind == TokenKind::Mark(','));
            let ahead = next + 1 + unit(text, next + 1);
            let ahead = (!listed && number(text, next) && is(order.counted, text, ahead)).then_some(ahead);
            let behind = at > 1 && is(order.counted, text, at - 1) && {
                let more = usize::from(text.tokens[at - 2].word == "more");
                let amount = (at - 1).saturating_sub(more + 1);
                number(text, amount.saturating_sub(unit(text, amount)))
            };
            let between = at > 0 && number(text, at - 1) && unit(text, next) == 1 && is(order.counted, text, next + 1);
            let to = if behind { Some(at - 1) } else { ahead.or(between.then_some(next + 1)) };
            if let Some(to) = to {
                let more = spoken_as(&text.tokens[at..next], "more");
                text.replace(at..next, "");
                // “noch 2 Kerne dazu”
                let to = if to > at { to - (next - at) } else { to };
                if text.tokens[to - 1].word != "more" {
                    text.tokens.insert(to, more);
                    text.words.insert(to, CompactString::default());
                }
            }
            at += 1;
        }
    }

    /// Whether a clause ends before `at`.
    fn ends_clause(&self, text: &Text, at: usize, end: usize) -> bool {
        at >= end
            || matches!(text.tokens[at].kind, TokenKind::Mark(',' | ':' | '(' | ')'))
            || self.order.joining.contains(&text.word(at))
    }

    /// `fahre web-01 herunter` becomes one verb.
    fn join_parted(&self, verbs: &Verbs, at: usize, end: usize, text: &mut Text) -> bool {
        let Some(particles) = verbs.parted.get(text.word(at)) else { return false };
        let last = |second: usize| {
            let (length, english) = text.stands(particles, second)?;
            self.ends_clause(text, second + length, end).then_some((second..second + length, english))
        };
        let Some((second, english)) = (at + 1..end.min(at + REACH)).find_map(last) else { return false };
        text.replace(second, "");
        text.replace(at..at + 1, english);
        true
    }

    /// The English of a word by which a sentence says how something shall be; not of “können Sie …”, “wir müssen …”.
    fn modal(&self, text: &Text, at: usize) -> Option<&'static str> {
        let order = &self.order;
        let is = |words: &str| words.split('|').any(|word| word == text.word(at));
        let (_, modal) = order.modals.iter().find(|(words, _)| is(words))?;
        let asked = text.tokens.get(at + 1).is_some_and(|next| order.asked.contains(&next.text.as_str()));
        (!asked && (at == 0 || !order.wishing.contains(&text.word(at - 1)))).then_some(modal)
    }

    /// `soll auf 8 GB gesetzt werden` becomes `should be set auf 8 GB`.
    fn join_modal(
        &self,
        verbs: &Verbs,
        sentence: Range<usize>,
        at: usize,
        text: &mut Text,
        phrase: impl Fn(&Text, usize) -> usize,
    ) {
        let order = &self.order;
        let Some(modal) = self.modal(text, at) else { return };
        let mut second = at + 1;
        let (second, english) = loop {
            if second >= sentence.end.min(at + REACH) || order.denying.contains(&text.word(second)) {
                return;
            }
            let last = text.stands(&verbs.finals, second);
            // “beim Booten automatisch starten” is one phrase.
            let longer = phrase(text, second);
            match last.filter(|(length, _)| self.ends_clause(text, second + length, sentence.end)) {
                Some((length, english)) if length >= longer => break (second..second + length, english),
                _ => second += longer.max(1),
            }
        };
        let mark = |at: &usize| matches!(text.tokens[*at].kind, TokenKind::Mark(_));
        let first = (sentence.start..at).rev().take(REACH).take_while(|at| !mark(at)).last();
        // “bei web-01 soll der Autostart aktiviert werden”
        let stays = first.is_some_and(|first| order.about.contains(&text.word(first)));
        let english = format!("{modal} {english}");
        text.replace(second, if stays { &english } else { "" });
        text.replace(at..at + 1, if stays { "" } else { &english });
    }

    /// `dass web-01 gestartet wird` becomes `dass web-01 be started`.
    fn join_that(&self, verbs: &Verbs, at: usize, end: usize, text: &mut Text) {
        if self.order.that != text.word(at) {
            return;
        }
        let denies = |at: &usize| self.order.denying.contains(&text.word(*at));
        let clause = at + 1..end.min(at + REACH);
        if clause.clone().any(|at| denies(&at)) {
            return;
        }
        let last = |first: usize| {
            let (length, english) = text.stands(&verbs.finals, first)?;
            (english.starts_with("be ") && self.ends_clause(text, first + length, end))
                .then(|| (first..first + length, english.to_owned()))
        };
        if let Some((range, english)) = clause.into_iter().find_map(last) {
            text.replace(range, &english);
        }
    }

    /// Whether a verb says what is done with something new: “VM neu-1: 2 Kerne, 20 GB Platte, anschließend starten”.
    fn stands_alone(&self, text: &Text, from: usize, verb: usize) -> bool {
        let opens = |at: &usize| self.order.opening.contains(&text.word(*at));
        let before = (from..verb).rev().find(|at| !opens(at)).unwrap_or(from);
        let parted =
            text.tokens[before].kind == TokenKind::Mark(',') || before + 1 < verb && text.word(before + 1) == "und";
        let amount = |at: usize| {
            text.tokens[at].kind == TokenKind::Number
                && text.tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Word && next.word != "und")
        };
        parted && (from..before).any(amount)
    }

    /// `web-01 neu starten` becomes `reboot web-01`.
    fn bring_forward(
        &self,
        verbs: &Verbs,
        sentence: Range<usize>,
        text: &mut Text,
        phrase: impl Fn(&Text, usize) -> usize,
    ) {
        let order = &self.order;
        let Range { start, end } = sentence;
        let mut from = start;
        let mut at = start;
        while at < end {
            // “web-01: Autostart aktivieren”
            if text.tokens[at].kind == TokenKind::Mark(':') || text.told.contains(&text.tokens[at].span.start) {
                from = at + 1;
            }
            let verb = text.stands(&verbs.infinitives, at).map(|(length, _)| length);
            // “beim Booten starten” asks for no start.
            let longer = phrase(text, at);
            if longer > 1 && verb != Some(longer) {
                at += longer;
                continue;
            }
            let Some(length) = verb.filter(|length| self.ends_clause(text, at + length, end)) else {
                at += 1;
                continue;
            };
            let asks = |at: usize| {
                let word = text.word(at);
                self.modal(text, at).is_none()
                    && !order.denying.contains(&word)
                    && !order.auxiliary.contains(&word)
                    && text.tokens[at].word != "longer"
            };
            let opening = |at: &usize| {
                // “guten Tag”
                let greeted = *at > 0 && text.word(*at - 1) == "guten";
                greeted
                    || order.opening.contains(&text.word(*at))
                    || matches!(text.tokens[*at].kind, TokenKind::Mark(',' | '•'))
            };
            let to = (from..at).find(|at| !opening(at)).unwrap_or(at);
            if to < at && (from..at).all(asks) && !self.stands_alone(text, from, at) {
                text.tokens[to..at + length].rotate_right(length);
                text.words[to..at + length].rotate_right(length);
                // “test-1 starten, test-2: 2 Kerne” says nothing of test-2 yet.
                let next = at + length;
                let announced = text.tokens.get(next + 2).is_some_and(|token| token.kind == TokenKind::Mark(':'));
                if announced && text.tokens[next].kind == TokenKind::Mark(',') {
                    text.tokens[next].kind = TokenKind::Mark(';');
                }
            }
            at += length;
            from = at + 1;
        }
    }
}

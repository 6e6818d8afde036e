//! Whether words tell how things are, and can ask for nothing.

use std::ops::Range;

use compact_str::CompactString;

use super::MAX_WORDS;
use super::words::{sort, sort_of, typed};
use crate::builtin::Parser;
use crate::lexer::{Token, TokenKind};
use crate::vocabulary;

impl Parser<'_> {
    /// Whether these tokens tell how things are.
    pub fn is_fact(&self, tokens: Range<usize>) -> bool {
        let whole = self.without_the_moment(tokens);
        let tokens = self.without_what_it_has(whole.clone());
        let mut typed: Vec<_> = self.tokens[tokens.clone()].iter().map(typed).collect();
        let named = |at: usize| self.named_at(at).is_some() || self.is_place(at);
        let path = |at: usize| self.tokens[at].text.starts_with('/');
        let mut sorts: Vec<u16> = tokens
            .clone()
            .map(|at| sort_of(&self.tokens[at]) | if named(at) || path(at) { sort::NOUN } else { 0 })
            .collect();
        if let Some(drive) = tokens.clone().position(|at| self.is_drive(at)) {
            sorts[drive] = sort::NOUN;
            typed.remove(drive + 1);
            sorts.remove(drive + 1);
        }
        if tokens.end < whole.end {
            typed.push("it".into());
            sorts.push(sort::FUNCTION);
        }
        let has_names = tokens.clone().any(|at| self.named_at(at).is_some());
        in_context(&typed, &mut sorts, has_names);
        if !has_names {
            let unknown = |word: &str| word.chars().all(char::is_alphabetic) && vocabulary::class(word).is_none();
            things_of_theirs(&typed, &mut sorts, unknown);
        }
        let (Some(first), Some(last)) = (typed.first(), typed.last()) else { return false };
        // “check the logs” is a command, and “web-02 isn't” says what is not of whom.
        let begins = sorts[0] & !(sort::VERB | sort::FORM | sort::FINITE) != 0
            && !["and", "for", "to", "not", "no", "with", "from"].contains(&first.as_str());
        let ends = sorts[sorts.len() - 1] & !(sort::FUNCTION | sort::FINITE) != 0
            || ["it", "this", "that", "them", "us", "me", "everything"].contains(&last.as_str())
            // “for what it does”
            || ["does", "do"].contains(&last.as_str()) && typed.iter().any(|word| word == "what");
        // What moves to a place would be a wish; that a place is full is none.
        let placed = tokens
            .clone()
            .skip(1)
            .any(|at| self.is_place(at) && !["of", "emptying", "clearing", "out"].contains(&self.word_at(at - 1)));
        begins
            && ends
            && !placed
            && sorts.iter().all(|sort| *sort != 0)
            && tells(&typed, &sorts)
            && (0..typed.len()).all(|at| is_harmless(&typed, &sorts, at, has_names) && !is_a_time(&typed, at))
            && (!tells_a_state(&typed) || self.points_back(tokens.end))
    }

    /// Whether “C:” stands at a token.
    pub fn is_drive(&self, at: usize) -> bool {
        let Some([letter, colon, ..]) = self.tokens.get(at..) else { return false };
        matches!(letter.text.as_bytes(), [b'C'..=b'Z'])
            && colon.kind == TokenKind::Mark(':')
            && letter.span.end == colon.span.start
    }

    /// These tokens without “at the moment” at their end, which says that it is so now.
    fn without_the_moment(&self, tokens: Range<usize>) -> Range<usize> {
        let ends = |words: &[&str]| {
            words.len() < tokens.len()
                && words
                    .iter()
                    .rev()
                    .zip(self.tokens[tokens.clone()].iter().rev())
                    .all(|(word, token)| token.word == *word)
        };
        let length = [&["at", "the", "moment"][..], &["at", "present"][..]]
            .into_iter()
            .find(|words| ends(words))
            .map_or(0, <[_]>::len);
        tokens.start..tokens.end - length
    }

    /// These tokens without “the 16 GB it has” at their end, where they say that it is not used.
    fn without_what_it_has(&self, tokens: Range<usize>) -> Range<usize> {
        let said = &self.tokens[tokens.clone()];
        let word = |token: &Token| token.word.clone();
        let owns = |pair: &[Token]| {
            matches!(pair[0].word.as_str(), "it" | "they") && matches!(pair[1].word.as_str(), "has" | "have" | "had")
        };
        let Some(owner) = said.len().checked_sub(2).filter(|owner| owns(&said[*owner..])) else { return tokens };
        let of = ["of", "ram", "memory", "cores", "cpus", "vcpus"];
        let unit = |token: &Token| crate::quantity::unit(&token.word).is_some() || of.contains(&token.word.as_str());
        let Some(number) = said[..owner].iter().rposition(|token| !unit(token)) else { return tokens };
        let denied = said[..number]
            .iter()
            .map(word)
            .any(|word| ["never", "hardly", "barely", "not"].contains(&word.as_str()) || word.ends_with("n't"));
        let the = number.checked_sub(1).filter(|the| matches!(said[*the].word.as_str(), "the" | "all"));
        match the {
            Some(the) if denied && said[number].kind == TokenKind::Number => tokens.start..tokens.start + the,
            _ => tokens,
        }
    }

    /// Whether the clause from `start` on is about “it”.
    fn points_back(&self, start: usize) -> bool {
        let next = self.tokens[start..].iter().skip_while(|token| !token.is_content());
        let clause = next.take(MAX_WORDS).take_while(|token| token.is_content() || token.kind == TokenKind::Mark('\''));
        clause.into_iter().any(|token| matches!(token.word.as_str(), "it" | "them"))
    }
}

const ARTICLES: [&str; 6] = ["a", "an", "the", "our", "my", "their"];

/// Lets words pass that ask for nothing where they stand.
pub fn in_context(typed: &[CompactString], sorts: &mut [u16], named: bool) {
    let word = |at: Option<usize>| at.and_then(|at| typed.get(at)).map_or("", CompactString::as_str);
    for at in 0..typed.len() {
        let (before, next) = (word(at.checked_sub(1)), word(Some(at + 1)));
        // “web-01 hosts the new app”
        if at > 0 && ["hosts", "host"].contains(&typed[at].as_str()) && ARTICLES.contains(&next) {
            sorts[at] = sort::FORM;
        }
        sorts[at] |= match typed[at].as_str() {
            // “it only holds old tables”, “it's just a toy”
            "only" | "just"
                if !named
                    && ["it", "they", "it's", "they're", "that's", "is", "are", "'s", "was", "were"]
                        .contains(&before) =>
            {
                sort::ADVERB
            }
            "backup" if ["network", "lan", "traffic", "server", "window"].contains(&next) => sort::ADJECTIVE,
            "keep" if at > 0 && next.ends_with("ing") => sort::FORM,
            // “gitlab is getting a major upgrade”
            "getting"
                if ["is", "are"].contains(&before)
                    && typed.last().is_some_and(|last| {
                        ["upgrade", "update", "overhaul", "facelift", "refresh", "makeover"].contains(&last.as_str())
                    }) =>
            {
                sort::FORM
            }
            "upgrade" | "update" if at + 1 == typed.len() && typed[..at].iter().any(|word| word == "getting") => {
                sort::NOUN
            }
            "limit" | "limits" if ["its", "their"].contains(&before) => sort::NOUN,
            "wrong" if ["went", "goes"].contains(&before) => sort::ADVERB,
            // “no longer responds to a shutdown”
            "shutdown" | "reboot" if before == "a" && at > 2 && typed[at - 3].starts_with("respond") => sort::NOUN,
            // “plenty for what it does”
            "what" if ["for", "of", "with"].contains(&before) && ["it", "they", "we"].contains(&next) => sort::FUNCTION,
            "today" | "monday" | "tuesday" | "wednesday" | "thursday" | "friday" if before == "since" => sort::ADVERB,
            "cut" if before == "power" => sort::NOUN,
            "back" if ["come", "came", "comes", "coming"].contains(&before) => sort::ADVERB,
            "backups" if before == "for" => sort::NOUN,
            "time" if before == "the" && at > 1 && typed[at - 2] == "all" => sort::NOUN,
            "time" if ["long", "some"].contains(&before) => sort::NOUN,
            // “we are about to go live”
            "run" if before == "to" && ARTICLES.contains(&next) => sort::VERB,
            "go" | "going" | "goes" if next == "live" => sort::FORM,
            "live" if ["go", "going", "goes", "went"].contains(&before) => sort::ADVERB,
            "over" if ["is", "'s", "are"].contains(&before) && next.is_empty() => sort::ADVERB,
            _ => 0,
        };
    }
}

/// “the old label printer died”, “our canteen has a new tenant”: behind an article or an adjective a word that nobody foresaw is
/// some thing of theirs. A few may stand in a remark, but in none that says of the wish what it is: “this is an example”.
fn things_of_theirs(typed: &[CompactString], sorts: &mut [u16], unknown: impl Fn(&str) -> bool) {
    const FEW: usize = 2;
    const OF_THE_WISH: [&str; 20] = [
        "this",
        "that",
        "these",
        "those",
        "it",
        "they",
        "all",
        "everything",
        "above",
        "rest",
        "following",
        "wish",
        "request",
        "order",
        "ticket",
        "command",
        "text",
        "message",
        "idea",
        "change",
    ];
    if typed.iter().take(2).any(|word| OF_THE_WISH.contains(&word.split('\'').next().unwrap_or_default())) {
        return;
    }
    let mut left = FEW;
    for at in 1..typed.len() {
        let led = ARTICLES.contains(&typed[at - 1].as_str()) || sorts[at - 1] & sort::ADJECTIVE != 0;
        if left > 0 && sorts[at] == 0 && led && typed[at].len() > 2 && unknown(&typed[at]) {
            sorts[at] = sort::NOUN;
            left -= 1;
        }
    }
}

/// Whether something is told of a subject: a verb stands behind it.
fn tells(typed: &[CompactString], sorts: &[u16]) -> bool {
    const SUBJECTS: [&str; 26] = [
        "it",
        "they",
        "we",
        "i",
        "he",
        "she",
        "you",
        "this",
        "that",
        "these",
        "those",
        "who",
        "which",
        "everybody",
        "everyone",
        "somebody",
        "someone",
        "nobody",
        "nothing",
        "everything",
        "something",
        "anything",
        "anybody",
        "never",
        "hardly",
        "barely",
    ];
    let subject = |at: usize| sorts[at] & (sort::NOUNS | sort::ADVERB) != 0 || SUBJECTS.contains(&typed[at].as_str());
    let last = typed.len() - 1;
    (0..=last).any(|at| {
        // “its stuck again”, typed in a hurry
        let hurried = at == 0
            && last > 0
            && typed[0] == "its"
            && sorts[1..].iter().all(|sort| sort & (sort::ADJECTIVE | sort::ADVERB) != 0 && sort & sort::NOUNS == 0);
        // “it's”, “the shop's full”
        let contracted = at < last && typed[at].contains('\'') && sorts[at] & sort::FUNCTION != 0;
        let finite = (1..last).contains(&at) && sorts[at] & sort::FINITE != 0;
        let verb = at > 0
            && sorts[at] & (sort::VERB | sort::FORM) != 0
            && sorts[at] & sort::NOUNS == 0
            && !typed[at].ends_with("ing")
            && subject(at - 1);
        contracted || finite || verb || hurried
    })
}

/// Whether guests are said to be on or off, which somebody might mean as a wish.
fn tells_a_state(typed: &[CompactString]) -> bool {
    const STATES: [&str; 7] = ["off", "on", "down", "up", "stopped", "running", "offline"];
    let be = |word: &CompactString| ["is", "are", "'s", "went", "again", "still", "currently"].contains(&word.as_str());
    let last = typed.iter().rposition(|word| !["again", "now", "currently", "already"].contains(&word.as_str()));
    last.is_some_and(|last| last > 0 && STATES.contains(&typed[last].as_str()) && typed[..last].last().is_some_and(be))
}

/// Whether a time is told that a wish might be for: “at night”, but not “every night”.
pub fn is_a_time(typed: &[impl AsRef<str>], at: usize) -> bool {
    const TIMES: [&str; 14] = [
        "night", "nights", "day", "days", "week", "weeks", "month", "months", "year", "years", "hour", "hours",
        "minute", "minutes",
    ];
    const TOLD: [&str; 13] =
        ["every", "each", "last", "all", "a", "past", "per", "whole", "few", "several", "for", "many", "entire"];
    let told = at.checked_sub(1).is_some_and(|before| TOLD.contains(&typed[before].as_ref()));
    TIMES.contains(&typed[at].as_ref()) && !told
}

/// Whether the word at `at` can ask for nothing there. `named` tells whether guests are named in the aside.
pub fn is_harmless(typed: &[CompactString], sorts: &[u16], at: usize, named: bool) -> bool {
    let word = |at: Option<usize>| at.and_then(|at| typed.get(at)).map_or("", CompactString::as_str);
    let (before, next) = (word(at.checked_sub(1)), word(Some(at + 1)));
    match typed[at].as_str() {
        // “it needs more”, “web-02 needs it too”
        "need" | "needs" | "want" | "wants" | "require" | "requires" => {
            let does = next == "to" && sorts.get(at + 2).is_some_and(|sort| sort & sort::VERB != 0);
            // “the intranet needs a home”
            let housed = ["home", "place", "somewhere"].contains(&next)
                || next == "a" && ["home", "place"].contains(&word(Some(at + 2)));
            housed || (does || ["it", "this", "that", "them"].contains(&next)) && !named
        }
        "most" | "first" | "second" | "third" => sorts.get(at + 1).is_some_and(|sort| {
            let ordinal = typed[at] != "most";
            sort & if ordinal { sort::NOUNS } else { sort::ADJECTIVE } != 0
        }),
        "little" | "much" if !["too", "so", "very"].contains(&before) => false,
        // “doesn't have enough space”
        "enough" => typed[..at].iter().any(|word| word == "not" || word.ends_with("n't")),
        // “it has been off for a year”
        "off" | "down" | "offline" => tells_a_state(typed) || before == "been",
        // “everything like web-02”
        "like" | "as" => !named || ["crazy", "mad", "hell"].contains(&next),
        "more" => {
            before == "any"
                || ["traffic", "load", "data"].contains(&next)
                || sorts.get(at + 1).is_some_and(|sort| sort & sort::OCCASION != 0)
        }
        "accident" | "mistake" => before == "by",
        "stopped" if tells_a_state(typed) => true,
        "stopped" | "started" | "moved" | "created" | "restored" | "rebooted" | "installed" | "upgraded"
        | "updated" | "migrated" | "patched" | "replaced" => ["was", "were", "been", "got"].contains(&before),
        // In “update don't web-01” it denies what is no verb.
        "don't" | "doesn't" | "didn't" | "can't" | "cannot" | "couldn't" => {
            sorts.get(at + 1).is_some_and(|sort| sort & (sort::VERB | sort::FORM | sort::ADVERB) != 0)
        }
        "too" | "so" => sorts.get(at + 1).is_some_and(|sort| sort & (sort::ADJECTIVE | sort::ADVERB) != 0),
        "keeps" | "kept" => next.ends_with("ing"),
        "run" | "runs" if ARTICLES.contains(&next) => true,
        "running" | "runs" | "ran" => ["out", "low", "hot", "full"].contains(&next) || tells_a_state(typed),
        // “has to be”, “is to be”
        // “has to handle the load”
        "to" if ["has", "have"].contains(&before)
            && ["handle", "cope", "serve", "process", "run", "host", "render", "survive"].contains(&next) =>
        {
            true
        }
        "to" => !["is", "are", "was", "were", "be", "has", "have", "had", "'s", "it's"].contains(&before),
        // “web-02 has the disk”
        // “we have a new network segment”
        "has" | "have" | "had" | "got" if !named && ["we", "i"].contains(&typed[0].as_str()) => true,
        "has" | "have" | "had" | "got" if !typed.iter().any(|word| word == "too" || word == "enough") => {
            !typed.iter().any(|word| {
                ["disk", "disks", "drive", "drives", "memory", "ram", "cpu", "cpus", "swap", "network"]
                    .contains(&word.as_str())
            })
        }
        "up" => sorts[..at].last().is_some_and(|sort| sort & sort::FORM != 0) || tells_a_state(typed),
        _ => true,
    }
}

//! What is said beside a wish: “…, the builds are crawling”, “because the nightly job eats everything”, “before the upgrade”.
//!
//! An aside asks for nothing, and must not be able to: it is a clause that has a subject and tells how things are, or that
//! begins as a reason does, and each of its words stands in `words.txt`. Everything else is asked about as any words that nobody
//! understands. Asides are kept with the reading, so that people see what was taken for one.

pub mod words;

use std::ops::Range;

use mycopod_core::reading::{DiskRef, Selector, Target};

use self::words::{sort, sort_of, typed};
use super::Parser;
use super::wordings::{Wordings, words};
use crate::lexer::{Token, TokenKind};
use crate::vocabulary::{self, Class};

/// The longest aside, in words: what is longer is rather a wish in many words.
const MAX_WORDS: usize = 30;

/// How somebody begins, which says nothing.
const OPENINGS: &Wordings = words!(
    "do me a favor and|do us a favor and|do me a favour and|do us a favour and|sorry to bother you but|sorry to bother you|\
    quick question|quick request|small request|one more thing|one last thing|just a heads-up|just a heads up|heads-up|heads up|\
    i hope you are well|i hope you're well|hope you are well|hope you're well|hope you are doing well|hope all is well|\
    hope this finds you well|i was wondering if you could|we were wondering if you could|i wonder if you could|i think we should|\
    we think we should|we should|it would be great if you could|it would be nice if you could|it'd be great if you could|\
    would be great if you could|i'd be grateful if you could|we'd be grateful if you could|i would be grateful if you could|\
    we would be grateful if you could|i would appreciate it if you could|we would appreciate it if you could|\
    i'd appreciate it if you could|we'd appreciate it if you could|much appreciated|as promised|as mentioned|per our call|\
    as per our call|per our discussion|as per our discussion|by the way|btw|oh and|attention|p1 incident|p2 incident|\
    dear admin team|dear admins|dear admin|dear support team|dear support|dear it team|dear ops|hello admin|hi admins|hi admin|\
    hi support|hello support|hey ops|hi ops|hello ops|dear sir or madam|dear sir|my friend|mate|real quick|short one|yours sincerely"
);

/// How somebody asks, which makes no condition and sets no time.
const POLITE: [&str; 26] = [
    "if you can",
    "if you could",
    "if you don't mind",
    "if that's ok",
    "if that's okay",
    "when you have time",
    "when you have a minute",
    "when you have a moment",
    "when you get a chance",
    "when you can",
    "whenever you have time",
    "whenever you have a minute",
    "whenever you get a chance",
    "whenever you can",
    "at your convenience",
    "at your earliest convenience",
    "as soon as possible",
    "as soon as you can",
    "no rush",
    "no hurry",
    "not urgent",
    "it's urgent",
    "this is urgent",
    "low priority",
    "high priority",
    "top priority",
];

/// What somebody did with a wish before it was said here.
const FILED: [&str; 8] = ["requested", "agreed", "discussed", "approved", "confirmed", "ordered", "wanted", "reported"];
/// What else a purpose may say.
const MODAL: [&str; 9] = ["can", "could", "will", "would", "may", "might", "must", "more", "be"];
/// What somebody is about to do.
const WORK: [&str; 6] = ["touch", "upgrade", "patch", "update", "migrate", "start"];

/// What of a guest “it” may mean.
const PARTS: [&str; 8] = ["disk", "disks", "drive", "drives", "volume", "volumes", "partition", "filesystem"];

/// What an aside speaks of, which words behind it may point at.
#[derive(Clone, Debug)]
pub struct Topic {
    /// How many statements stand before the aside.
    behind: usize,
    /// The guests that it names.
    pub named: Vec<Target>,
    /// Whether it speaks of a part of a guest, which “delete it” would mean as well as the guest.
    pub of_a_part: bool,
    /// The one disk that it speaks of, and whose it is.
    pub disk: Option<(DiskRef, Target)>,
}

impl Parser<'_> {
    /// An aside from here to the end of its clause, or to where the clause goes on with a wish: “it is slow and give it 4 cores”.
    pub fn aside(&mut self) -> Option<()> {
        let (start, end) = (self.at, self.clause_end());
        let joins = |at: &usize| matches!(self.word_at(*at), "and" | "so" | "but" | "hence" | "therefore");
        let mut ends = std::iter::once(end).chain((start + 2..end).rev().filter(joins));
        self.at = ends.find(|end| {
            let tokens = start..*end;
            self.is_reason(tokens.clone())
                || self.is_fact(tokens.clone())
                || self.stays(tokens.clone())
                || self.is_theirs(tokens)
        })?;
        let tokens = start..self.at;
        self.asides.push(tokens.clone());
        let named: Vec<Target> = tokens.clone().filter_map(|at| self.named_at(at)).collect();
        let of_a_part = self.tokens[tokens.clone()].iter().any(|token| PARTS.contains(&typed(token).as_str()));
        let disk = if of_a_part { tokens.clone().find_map(|at| self.disk_at(at, tokens.end)) } else { None };
        // “web-01 is out of memory, +4 GB RAM”
        if !of_a_part && self.drafts.is_empty() && named.len() == 1 && self.addressed.is_none() {
            self.addressed = Some(named.clone());
        }
        if !named.is_empty() || tokens.clone().any(|at| sort_of(&self.tokens[at]) & sort::THING != 0) {
            self.topic = Some(Topic { behind: self.drafts.len(), named, of_a_part, disk });
        }
        self.mark(',');
        self.verb(words!("and so|so|therefore|thus|hence"));
        Some(())
    }

    /// “I hope you are well”, “sorry to bother you, but”: words at the beginning that say nothing.
    pub fn opening(&mut self) -> Option<()> {
        let word = self.word();
        let length = OPENINGS.beginning(word, *self.marks.get(self.at)?).find_map(|wording| self.row_of(wording))?;
        (!word.is_empty()).then_some(())?;
        self.asides.push(self.at..self.at + length);
        self.at += length;
        Some(())
    }

    /// “as agreed with finance”
    pub fn as_agreed(&mut self) -> Option<()> {
        let end = self.clause_end();
        let agreed = matches!(typed(self.peek(1)?).as_str(), "agreed" | "discussed" | "approved" | "confirmed");
        let known = (self.at + 1..end).all(|at| sort_of(&self.tokens[at]) != 0);
        (self.word() == "as" && agreed && known).then(|| self.at = end)
    }

    /// Whether a reason begins here: the clause before it has ended.
    pub fn reason_ahead(&self) -> bool {
        const BEGIN: [&str; 20] = [
            "was", "approved", "to", "because", "since", "as", "so", "due", "owing", "given", "before", "in", "if",
            "when", "whenever", "at", "no", "not", "low", "high",
        ];
        BEGIN.contains(&self.word()) && self.is_reason(self.at..self.clause_end())
    }

    /// What an aside behind the last statement speaks of: the guests that it names, or something else that “it” might mean.
    pub fn topic(&self) -> Option<&Topic> {
        self.topic.as_ref().filter(|topic| topic.behind == self.drafts.len())
    }

    /// Where the present clause ends.
    fn clause_end(&self) -> usize {
        let ends = |token: &Token| match token.kind {
            TokenKind::Mark(mark) => mark != '\'' && mark != '-',
            _ => token.word == "please",
        };
        let last = self.end.min(self.at + MAX_WORDS);
        (self.at..last).find(|at| ends(&self.tokens[*at])).unwrap_or(last)
    }

    /// The guest that is named at a token.
    fn named_at(&self, at: usize) -> Option<Target> {
        let token = &self.tokens[at];
        let named = token.kind == TokenKind::Word && self.inventory.guests.contains_key(&token.text);
        named.then(|| Target { span: token.span, selector: Selector::Name(token.text.clone()) })
    }

    /// Whether a word of the grammar stands at a token, which asks for nothing where a reason is given.
    fn is_of_the_trade(&self, at: usize) -> bool {
        let token = &self.tokens[at];
        let known = matches!(vocabulary::class(&token.word), Some(Class::Grammar | Class::Filler | Class::Outside));
        token.kind == TokenKind::Word && (known || MODAL.contains(&token.word.as_str()))
    }

    /// Whether a node or a storage stands at a token.
    fn is_place(&self, at: usize) -> bool {
        let text = &self.tokens[at].text;
        self.inventory.nodes.contains(text) || self.inventory.storages.contains(text)
    }

    /// Whether these tokens tell how things are.
    fn is_fact(&self, tokens: Range<usize>) -> bool {
        let typed: Vec<String> = self.tokens[tokens.clone()].iter().map(typed).collect();
        let named = |at: usize| self.named_at(at).is_some() || self.is_place(at);
        let sorts: Vec<u16> =
            tokens.clone().map(|at| sort_of(&self.tokens[at]) | if named(at) { sort::NOUN } else { 0 }).collect();
        let (Some(first), Some(last)) = (typed.first(), typed.last()) else { return false };
        // “check the logs” is a command, and “web-02 isn't” says what is not of whom.
        let begins = sorts[0] & !(sort::VERB | sort::FORM | sort::FINITE) != 0
            && !["and", "for", "to", "not", "no", "with", "from"].contains(&first.as_str());
        let ends = sorts[sorts.len() - 1] & !(sort::FUNCTION | sort::FINITE) != 0
            || ["it", "this", "that", "them", "us", "me", "everything"].contains(&last.as_str());
        // What moves to a place would be a wish; that a place is full is none.
        let placed = tokens.clone().skip(1).any(|at| self.is_place(at) && self.word_at(at - 1) != "of");
        let has_names = tokens.clone().any(|at| self.named_at(at).is_some());
        begins
            && ends
            && !placed
            && sorts.iter().all(|sort| *sort != 0)
            && tells(&typed, &sorts)
            && (0..typed.len()).all(|at| is_harmless(&typed, &sorts, at, has_names) && !is_a_time(&typed, at))
            && (!tells_a_state(&typed) || self.points_back(tokens.end))
    }

    /// Whether the clause from `start` on is about “it”.
    fn points_back(&self, start: usize) -> bool {
        let next = self.tokens[start..].iter().skip_while(|token| !token.is_content());
        let clause = next.take(MAX_WORDS).take_while(|token| token.is_content() || token.kind == TokenKind::Mark('\''));
        clause.into_iter().any(|token| matches!(token.word.as_str(), "it" | "them"))
    }

    /// Whether these tokens say that something stays as it is of which nothing else is said: “RAM stays the same”.
    fn stays(&self, tokens: Range<usize>) -> bool {
        let typed: Vec<String> = self.tokens[tokens.clone()].iter().map(typed).collect();
        let stays = |word: &String| ["stays", "stay", "remains", "remain"].contains(&word.as_str());
        let Some(verb) = typed.iter().position(stays) else { return false };
        let so = typed[verb + 1..].join(" ");
        let article = usize::from(["the", "its", "their"].contains(&typed[0].as_str()));
        let subject = tokens.start + article..tokens.start + verb;
        let once = |at: usize| {
            let same = |token: &&Token| token.text.eq_ignore_ascii_case(&self.tokens[at].text);
            let known = self.named_at(at).is_some() || vocabulary::class(&self.tokens[at].word) == Some(Class::Grammar);
            known && self.tokens.iter().filter(same).count() == 1
        };
        ["as is", "as it is", "as they are", "the same", "unchanged", "untouched", "where it is", "like it is"]
            .contains(&so.as_str())
            && (1..=2).contains(&subject.len())
            && subject.into_iter().all(once)
    }

    /// Whether these tokens say what somebody does without MycoPod: “I'll extend the partition myself”.
    fn is_theirs(&self, tokens: Range<usize>) -> bool {
        let typed: Vec<String> = self.tokens[tokens.clone()].iter().map(typed).collect();
        let theirs = typed.first().is_some_and(|word| ["i'll", "we'll", "i", "we"].contains(&word.as_str()))
            && typed.last().is_some_and(|word| ["myself", "ourselves"].contains(&word.as_str()));
        let known = |token: &Token| {
            sort_of(token) != 0
                || vocabulary::is_system(&token.word)
                || matches!(vocabulary::class(&token.word), Some(Class::Grammar | Class::Outside | Class::Filler))
        };
        theirs && self.tokens[tokens.start + 1..tokens.end - 1].iter().all(known)
    }

    /// Whether these tokens say why.
    fn is_reason(&self, tokens: Range<usize>) -> bool {
        let typed: Vec<String> = self.tokens[tokens.clone()].iter().map(typed).collect();
        let typed: Vec<&str> = typed.iter().map(String::as_str).collect();
        // Of a reason that only goes on with a reason every word is one.
        let whole = !typed.iter().any(|word| ["and", "then", "also", "plus", "so"].contains(word));
        let known = |from: usize, more: &[&str]| {
            let at = |n: usize| tokens.start + n;
            let is_known = |n: usize| {
                sort_of(&self.tokens[at(n)]) != 0
                    || whole && more.is_empty() && self.is_of_the_trade(at(n))
                    || self.named_at(at(n)).is_some()
                    || self.is_place(at(n))
                    || more.contains(&typed[n])
            };
            from < typed.len() && (from..typed.len()).all(|at| is_known(at) && !is_a_time(&typed, at))
        };
        // “approved by nobody”, “requested for web-02”
        let filed = |from: usize| {
            let doubtful = |word: &&str| ["nobody", "nothing", "no", "not", "never", "hardly", "barely"].contains(word);
            let named = tokens.clone().any(|at| self.named_at(at).is_some());
            !named && !typed.iter().any(doubtful) && (from == typed.len() || known(from, &[]))
        };
        let occasion = |from: usize| {
            let article = typed.get(from).is_some_and(|word| {
                ["the", "a", "an", "our", "my", "their", "his", "her", "this", "some", "all"].contains(word)
            });
            let sorts: Vec<u16> =
                tokens.clone().skip(from + usize::from(article)).map(|at| sort_of(&self.tokens[at])).collect();
            let named = tokens.clone().any(|at| self.named_at(at).is_some());
            let last = sorts.last().is_some_and(|sort| sort & sort::OCCASION != 0);
            last && !named && sorts.iter().all(|sort| sort & (sort::OCCASION | sort::ADJECTIVE) != 0)
        };
        if POLITE.contains(&typed.join(" ").as_str()) {
            return true;
        }
        // “snapshot db-1 before the upgrade”, “before the upgrade: back up db-1”
        let keeps = self.tokens[self.began..self.end].iter().any(|token| {
            matches!(token.word.as_str(), "snapshot" | "snapshots" | "backup" | "backups" | "back" | "vzdump")
        });
        match typed.as_slice() {
            // What is kept at once is kept before anything that is to come.
            ["before", "i" | "we" | "they", ..] => keeps && known(2, &WORK),
            ["before", ..] => keeps && occasion(1),
            ["because", "of", ..] | ["due" | "owing", "to", ..] | ["given", "that", ..] => known(2, &[]),
            ["so", "that", ..] | ["to", "save" | "free" | "relieve", ..] => known(2, &MODAL),
            ["in", "order", "to", ..] | ["to", "make", "room" | "space", ..] => known(3, &MODAL),
            // “(requested by marketing)”, “as agreed with the customer”
            ["as" | "was", rest @ ..] if rest.first().is_some_and(|word| FILED.contains(word)) => filed(2),
            [word, ..] if FILED.contains(word) => typed.len() > 1 && filed(1),
            ["as", "we" | "our", ..] | ["because" | "since", ..] => known(1, &[]),
            _ => false,
        }
    }
}

/// Whether something is told of a subject: a verb stands behind it.
fn tells(typed: &[String], sorts: &[u16]) -> bool {
    const SUBJECTS: [&str; 24] = [
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
    ];
    let subject = |at: usize| sorts[at] & (sort::NOUNS | sort::ADVERB) != 0 || SUBJECTS.contains(&typed[at].as_str());
    let last = typed.len() - 1;
    (0..=last).any(|at| {
        // “it's”, “the shop's full”
        let contracted = at < last && typed[at].contains('\'') && sorts[at] & sort::FUNCTION != 0;
        let finite = (1..last).contains(&at) && sorts[at] & sort::FINITE != 0;
        let verb = at > 0
            && sorts[at] & (sort::VERB | sort::FORM) != 0
            && sorts[at] & sort::NOUNS == 0
            && !typed[at].ends_with("ing")
            && subject(at - 1);
        contracted || finite || verb
    })
}

/// Whether guests are said to be on or off, which somebody might mean as a wish.
fn tells_a_state(typed: &[String]) -> bool {
    const STATES: [&str; 7] = ["off", "on", "down", "up", "stopped", "running", "offline"];
    let be = |word: &String| ["is", "are", "'s", "went", "again", "still", "currently"].contains(&word.as_str());
    let last = typed.iter().rposition(|word| !["again", "now", "currently", "already"].contains(&word.as_str()));
    last.is_some_and(|last| last > 0 && STATES.contains(&typed[last].as_str()) && typed[..last].last().is_some_and(be))
}

/// Whether a time is told that a wish might be for: “at night”, but not “every night”.
fn is_a_time(typed: &[impl AsRef<str>], at: usize) -> bool {
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
fn is_harmless(typed: &[String], sorts: &[u16], at: usize, named: bool) -> bool {
    let word = |at: Option<usize>| at.and_then(|at| typed.get(at)).map_or("", String::as_str);
    let (before, next) = (word(at.checked_sub(1)), word(Some(at + 1)));
    match typed[at].as_str() {
        // “it needs more”, “web-02 needs it too”
        "need" | "needs" | "want" | "wants" | "require" | "requires" => {
            ["it", "this", "that", "them"].contains(&next) && !named
        }
        "most" | "first" | "second" | "third" => sorts.get(at + 1).is_some_and(|sort| {
            let ordinal = typed[at] != "most";
            sort & if ordinal { sort::NOUNS } else { sort::ADJECTIVE } != 0
        }),
        "little" | "much" if !["too", "so", "very"].contains(&before) => false,
        // “doesn't have enough space”
        "enough" => typed[..at].iter().any(|word| word == "not" || word.ends_with("n't")),
        "off" | "down" | "offline" => tells_a_state(typed),
        // “everything like web-02”
        "like" | "as" => !named,
        "more" => before == "any",
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
        "running" | "runs" | "ran" => ["out", "low", "hot", "full"].contains(&next) || tells_a_state(typed),
        // “has to be”, “is to be”
        "to" => !["is", "are", "was", "were", "be", "has", "have", "had", "'s", "it's"].contains(&before),
        // “web-02 has the disk”
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

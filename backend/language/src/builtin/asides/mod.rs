//! What is said beside a wish: “…, the builds are crawling”, “because the nightly job eats everything”, “before the upgrade”.
//!
//! An aside asks for nothing, and must not be able to: it is a clause that has a subject and tells how things are, or that
//! begins as a reason does, and each of its words stands in `words.txt`. Everything else is asked about as any words that nobody
//! understands. Asides are kept with the reading, so that people see what was taken for one.

pub mod facts;
pub mod kinds;
pub mod words;

use std::ops::Range;

use compact_str::CompactString;
use mycopod_core::reading::{DiskRef, Selector, Target};

use self::facts::is_a_time;
use self::words::{sort, sort_of, typed};
use super::Parser;
use super::drafting::draft::Draft;
use super::wordings::{Wordings, words};
use crate::lexer::{Token, TokenKind};
use crate::vocabulary::{self, Class};

/// The longest aside, in words: what is longer is rather a wish in many words.
const MAX_WORDS: usize = 30;

/// How somebody begins, which says nothing.
const OPENINGS: &Wordings = words!(
    "anyone around|anybody around|anyone there|anybody there|anyone here|is anyone around|is anybody around|do me a favor and|do us a favor and|do me a favour and|do us a favour and|sorry to bother you but|sorry to bother you|\
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

/// That what was said is enough.
const SUFFICES: [&str; 26] = [
    "that's enough",
    "that is enough",
    "that should be enough",
    "that would be enough",
    "that will be enough",
    "that should suffice",
    "that will suffice",
    "that should be plenty",
    "that is plenty",
    "that's plenty",
    "that should do",
    "that will do",
    "that would do",
    "that's all",
    "that is all",
    "that's it",
    "that's all it needs",
    "which should be enough",
    "which is enough",
    "which should be plenty",
    "which is plenty",
    "which should do",
    "should be enough",
    "should be plenty",
    "should suffice",
    "this should be enough",
];

/// What somebody did with a wish before it was said here.
const FILED: [&str; 8] = ["requested", "agreed", "discussed", "approved", "confirmed", "ordered", "wanted", "reported"];
/// What else a purpose may say.
const MODAL: [&str; 9] = ["can", "could", "will", "would", "may", "might", "must", "more", "be"];
/// What somebody is about to do.
const WORK: [&str; 6] = ["touch", "upgrade", "patch", "update", "migrate", "start"];

/// What a wish may be for that nobody is.
const EVENTS: [&str; 18] = [
    "workshop",
    "workshops",
    "demo",
    "demos",
    "presentation",
    "conference",
    "training",
    "course",
    "courses",
    "class",
    "exam",
    "audit",
    "meeting",
    "event",
    "season",
    "holidays",
    "campaign",
    "rush",
];

/// What of a guest “it” may mean.
const PARTS: [&str; 8] = ["disk", "disks", "drive", "drives", "volume", "volumes", "partition", "filesystem"];

/// What an aside speaks of, which words behind it may point at.
#[derive(Clone, Debug)]
pub struct Topic {
    /// How many statements stand before the aside.
    behind: usize,
    /// The guests that it names.
    pub named: Vec<Target>,
    /// Where it begins.
    pub at: usize,
    /// Whether it speaks of several guests as one: “web-01 and web-02 are slow”.
    pub together: bool,
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
                || self.is_left_alone(tokens.clone())
                || self.takes_a_role(tokens.clone())
                || self.is_so_already(tokens.clone())
                || self.is_theirs(tokens)
        })?;
        let tokens = start..self.at;
        let rest = self.is_left_alone(tokens.clone());
        self.asides.push(tokens.clone());
        let named: Vec<Target> = tokens.clone().filter_map(|at| self.named_at(at)).collect();
        self.short_of_memory = self.speaks_of_memory(tokens.clone()).then_some(self.drafts.len());
        let of_a_part = self.tokens[tokens.clone()].iter().any(|token| PARTS.contains(&typed(token).as_str()));
        let disk = if of_a_part { tokens.clone().find_map(|at| self.disk_at(at, tokens.end)) } else { None };
        // “web-01 is out of memory, +4 GB RAM”
        let subjects = self.subjects(tokens.start);
        if !of_a_part
            && self.drafts.is_empty()
            && (named.len() == 1 || named.len() == subjects && subjects > 1)
            && self.addressed.is_none()
        {
            self.addressed = Some(named.clone());
        }
        if !named.is_empty() || tokens.clone().any(|at| sort_of(&self.tokens[at]) & sort::THING != 0) {
            let together = subjects > 1 && named.len() == subjects;
            self.topic = Some(Topic { behind: self.drafts.len(), at: tokens.start, named, together, of_a_part, disk });
        }
        self.mark(',');
        self.verb(words!("and so|so|therefore|thus|hence"));
        // “everything stays as it is, only the memory becomes 5 GB”
        let _ = rest && self.verb(words!("but only|only|but|just"));
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
        const BEGIN: [&str; 21] = [
            "was", "for", "approved", "to", "because", "since", "as", "so", "due", "owing", "given", "before", "in",
            "if", "when", "whenever", "at", "no", "not", "low", "high",
        ];
        BEGIN.contains(&self.word()) && self.is_reason(self.at..self.clause_end())
    }

    /// Whether a remark begins here.
    pub fn remark_ahead(&self) -> bool {
        self.is_fact(self.at..self.clause_end())
    }

    /// From here on words may point at `named`.
    pub fn speak_of(&mut self, named: Vec<Target>) {
        self.topic = Some(Topic {
            behind: self.drafts.len(),
            at: self.at,
            named,
            together: false,
            of_a_part: false,
            disk: None,
        });
    }

    /// What an aside behind the last statement speaks of: the guests that it names, or something else that “it” might mean.
    pub fn topic(&self) -> Option<&Topic> {
        self.topic.as_ref().filter(|topic| topic.behind == self.drafts.len())
    }

    /// Whether a remark stands from token `start` on to the end of its clause.
    pub fn remark_from(&self, start: usize) -> bool {
        let end = self.clause_end_from(start);
        self.is_fact(start..end)
    }

    /// Where the present clause ends.
    pub fn clause_end(&self) -> usize {
        self.clause_end_from(self.at)
    }

    fn clause_end_from(&self, start: usize) -> usize {
        let ends = |token: &Token| match token.kind {
            TokenKind::Mark(mark) => mark != '\'' && mark != '-',
            _ => token.word == "please",
        };
        let last = self.end.min(start + MAX_WORDS);
        let drive = |at: usize| at > start && self.is_drive(at - 1);
        (start..last).find(|at| ends(&self.tokens[*at]) && !drive(*at)).unwrap_or(last)
    }

    /// The guest that is named at a token.
    pub fn named_at(&self, at: usize) -> Option<Target> {
        let token = &self.tokens[at];
        let named = token.kind == TokenKind::Word && self.inventory.guests.contains_key(token.text.as_str());
        named.then(|| Target { span: token.span, selector: Selector::Name(token.text.to_string()) })
    }

    /// Whether a word of the grammar stands at a token, which asks for nothing where a reason is given.
    fn is_of_the_trade(&self, at: usize) -> bool {
        let token = &self.tokens[at];
        let known = matches!(vocabulary::class(&token.word), Some(Class::Grammar | Class::Filler | Class::Outside));
        token.kind == TokenKind::Word && (known || MODAL.contains(&token.word.as_str()))
    }

    /// Whether a guest, a node or a storage is named here.
    pub fn names_something(&self) -> bool {
        self.at < self.end && (self.is_place(self.at) || self.named_at(self.at).is_some())
    }

    /// Whether a node or a storage stands at a token.
    pub fn is_place(&self, at: usize) -> bool {
        let text = &self.tokens[at].text;
        self.inventory.nodes.contains(text.as_str()) || self.inventory.storages.contains(text.as_str())
    }

    /// Whether these tokens say why.
    fn is_reason(&self, tokens: Range<usize>) -> bool {
        let typed: Vec<_> = self.tokens[tokens.clone()].iter().map(typed).collect();
        let typed: Vec<&str> = typed.iter().map(CompactString::as_str).collect();
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
        let text = typed.join(" ").replace(" 's", "'s");
        let enough = SUFFICES.iter().filter_map(|suffices| text.strip_prefix(suffices)).any(|rest| {
            let count = rest.split_whitespace().count();
            let rest_known = tokens.clone().skip(typed.len() - count).all(|at| sort_of(&self.tokens[at]) != 0);
            rest.is_empty() || rest.starts_with(" for ") && (rest_known || rest.starts_with(" for what "))
        });
        if enough || POLITE.contains(&text.as_str()) {
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
            // “after last night's outage web-01 didn't come back”
            ["after", "last" | "yesterday's" | "today's" | "the", ..] => {
                let past = |word: &&&str| word.ends_with("n't") || ["was", "were", "had", "came"].contains(word);
                typed.iter().any(|word| past(&word)) && self.is_fact(tokens.start + 1..tokens.end)
            }
            // “(was on DHCP)”
            ["was", "on", "dhcp"] | ["was", "dhcp"] | ["was", "dhcp", "before"] | ["until", "now", "dhcp"] => true,
            ["for", .., event] if EVENTS.contains(event) => occasion(1),
            ["for", ..] => {
                let made = matches!(self.drafts.last(), Some(Draft::Create(_) | Draft::Clone(_)));
                self.serves(tokens.start, made) == Some(tokens.end)
            }
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

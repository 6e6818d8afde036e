//! Remarks of some kinds: what stays, what a guest is for, what is wrong with it, what somebody does without MycoPod.

use std::ops::Range;

use compact_str::CompactString;
use mycopod_core::reading::Target;

use super::facts::is_harmless;
use super::words::{sort, sort_of, typed};
use crate::builtin::Parser;
use crate::lexer::{Token, TokenKind};
use crate::vocabulary::{self, Class};

impl Parser<'_> {
    /// Whether these tokens say what a guest is: “our main web server”.
    pub fn describes_in_passing(&self, tokens: Range<usize>) -> bool {
        const PARTS: [&str; 9] = ["memory", "ram", "network", "networks", "cpu", "cpus", "swap", "rootfs", "data"];
        let sorts: Vec<u16> = tokens.clone().map(|at| sort_of(&self.tokens[at])).collect();
        let part = |at: usize| {
            let word = typed(&self.tokens[at]);
            PARTS.contains(&word.as_str()) || super::PARTS.contains(&word.as_str())
        };
        let led = matches!(self.word_at(tokens.start), "our" | "my" | "the" | "a" | "an");
        led && sorts.len() > 1
            && sorts[1..].iter().all(|sort| sort & (sort::NOUNS | sort::ADJECTIVE) != 0)
            && sorts.last().is_some_and(|last| last & sort::NOUNS != 0)
            && !tokens.into_iter().any(part)
    }

    /// Whether these tokens say that something stays as it is of which nothing else is said: “RAM stays the same”.
    pub fn stays(&self, tokens: Range<usize>) -> bool {
        let typed: Vec<_> = self.tokens[tokens.clone()].iter().map(typed).collect();
        let stays = |word: &CompactString| ["stays", "stay", "remains", "remain"].contains(&word.as_str());
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

    /// “too slow”, “out of memory”: what is wrong with whom the sentence addresses.
    pub fn complaint(&mut self) -> Option<()> {
        const SO: [&str; 9] = ["too", "very", "so", "way", "nearly", "almost", "always", "constantly", "out"];
        let tokens = self.at..self.clause_end();
        let typed: Vec<_> = self.tokens[tokens.clone()].iter().map(typed).collect();
        let sorts: Vec<u16> = tokens.clone().map(|at| sort_of(&self.tokens[at])).collect();
        let told = sort::NOUNS | sort::ADJECTIVE | sort::ADVERB;
        let ends = typed.last().is_some_and(|last| ["memory", "ram", "space"].contains(&last.as_str()))
            || sorts.last().is_some_and(|last| last & sort::ADJECTIVE != 0);
        let said = |word: &CompactString| SO.contains(&word.as_str());
        (ends && typed.iter().any(said)).then_some(())?;
        let fits = |at: usize| {
            (sorts[at] & told != 0 || said(&typed[at]) || typed[at] == "of") && is_harmless(&typed, &sorts, at, false)
        };
        (0..typed.len()).all(fits).then_some(())?;
        self.short_of_memory = self.speaks_of_memory(tokens.clone()).then_some(self.drafts.len());
        self.at = tokens.end;
        self.asides.push(tokens);
        Some(())
    }

    /// Whether these tokens leave the rest as it is: “but leave the VM itself alone”, “everything else stays as it is”.
    pub fn is_left_alone(&self, tokens: Range<usize>) -> bool {
        const WHAT: [&str; 18] = [
            "the vm",
            "the vm itself",
            "the machine",
            "the machine itself",
            "the guest itself",
            "the container itself",
            "the server itself",
            "it",
            "them",
            "everything",
            "everything else",
            "all else",
            "the rest",
            "anything else",
            "all the rest",
            "the others",
            "all others",
            "all other settings",
        ];
        const HOW: [&str; 8] =
            ["alone", "as is", "as it is", "as they are", "untouched", "unchanged", "the same", "like it is"];
        let placed = tokens.len() > 2
            && self.named_at(tokens.end - 1).is_some()
            && matches!(self.word_at(tokens.end - 2), "on" | "for" | "of" | "with");
        let tokens = tokens.start..tokens.end - if placed { 2 } else { 0 };
        let typed: Vec<_> = self.tokens[tokens].iter().map(typed).collect();
        let text = typed.join(" ");
        let text = ["but ", "and "].iter().find_map(|joins| text.strip_prefix(joins)).unwrap_or(&text);
        let fits = |verbs: &[&str], last: bool| {
            HOW.iter().any(|how| {
                let Some(rest) = text.strip_suffix(how).map(str::trim_end) else { return false };
                verbs.iter().any(|verb| {
                    let what = if last { rest.strip_suffix(verb) } else { rest.strip_prefix(verb) };
                    what.is_some_and(|what| WHAT.contains(&what.trim()))
                })
            })
        };
        fits(&["leave ", "keep ", "just leave "], false)
            || fits(&[" stays", " stay", " remains", " remain", " can stay", " should stay", " shall stay"], true)
    }

    /// Whether these tokens say what a guest is going to be for: “altserver is going to be our new print server”.
    pub fn takes_a_role(&self, tokens: Range<usize>) -> bool {
        const BECOMES: [&str; 9] = [
            "is going to be",
            "is going to become",
            "is to become",
            "will become",
            "will be",
            "becomes",
            "is now",
            "is becoming",
            "is",
        ];
        const ROLES: [&str; 10] =
            ["server", "host", "machine", "box", "controller", "database", "proxy", "gateway", "runner", "node"];
        let Some((first, rest)) = self.tokens[tokens.clone()].split_first() else { return false };
        let said: Vec<_> = rest.iter().map(typed).collect();
        let text = said.join(" ");
        let verb = BECOMES.iter().find(|verb| text.strip_prefix(**verb).is_some_and(|rest| rest.starts_with(' ')));
        let Some(count) = verb.map(|verb| verb.split(' ').count()) else { return false };
        let role = &rest[count.min(rest.len())..];
        let [article, inner @ .., last] = role else { return false };
        let free = |token: &Token| {
            let sorts = sort_of(token);
            let name = token.text.contains(|c: char| c.is_ascii_digit())
                || self.inventory.guests.contains_key(token.text.as_str());
            token.kind == TokenKind::Word
                && !name
                && (matches!(
                    token.word.as_str(),
                    "new" | "own" | "main" | "central" | "mail" | "test" | "backup" | "print"
                ) || sorts & sort::NOUNS != 0
                    || sorts == 0 && vocabulary::class(&token.word).is_none() && !vocabulary::is_system(&token.word))
        };
        let about = self.named_at(tokens.start).is_some() || first.word == "it";
        about
            && matches!(article.word.as_str(), "our" | "the" | "my" | "a" | "an")
            && !inner.is_empty()
            && inner.iter().all(free)
            && ROLES.contains(&last.word.as_str())
    }

    /// Whether these tokens say what somebody does without MycoPod: “I'll extend the partition myself”.
    pub fn is_theirs(&self, tokens: Range<usize>) -> bool {
        let typed: Vec<_> = self.tokens[tokens.clone()].iter().map(typed).collect();
        let theirs = typed.first().is_some_and(|word| ["i'll", "we'll", "i", "we"].contains(&word.as_str()))
            && typed.last().is_some_and(|word| ["myself", "ourselves"].contains(&word.as_str()));
        let known = |token: &Token| {
            sort_of(token) != 0
                || vocabulary::is_system(&token.word)
                || ["installation", "install", "installing", "setup", "partitioning", "rest"]
                    .contains(&token.word.as_str())
                || matches!(vocabulary::class(&token.word), Some(Class::Grammar | Class::Outside | Class::Filler))
        };
        theirs && self.tokens[tokens.start + 1..tokens.end - 1].iter().all(known)
    }

    /// Whether these tokens say what guests have or are by now: “dns1 and dns2 carry the tag infra already”.
    pub fn is_so_already(&self, tokens: Range<usize>) -> bool {
        const HAVE: [&str; 6] = ["has", "have", "carries", "carry", "is", "are"];
        let word = |at: usize| self.word_at(at);
        let named = self.subjects(tokens.start);
        let verb = tokens.clone().find(|at| HAVE.contains(&typed(&self.tokens[*at]).as_str()));
        let known = |at: usize| {
            let token = &self.tokens[at];
            self.named_at(at).is_some()
                || token.kind == TokenKind::Number
                || self.inventory.tags.contains(token.word.as_str())
                || self.inventory.pools.contains(token.word.as_str())
                || sort_of(token) != 0
                || matches!(vocabulary::class(&token.word), Some(Class::Grammar | Class::Filler))
                || crate::quantity::unit(&token.word).is_some()
        };
        let already = tokens.clone().filter(|at| typed(&self.tokens[*at]) == "already").count() == 1;
        let before = |verb: usize| {
            (tokens.start..verb).all(|at| self.named_at(at).is_some() || matches!(word(at), "and" | "both" | "already"))
        };
        already
            && named > 0
            && verb.is_some_and(before)
            && tokens.clone().all(|at| known(at) || typed(&self.tokens[at]) == "already")
    }

    /// How many guests are named in a row from token `start` on.
    pub fn subjects(&self, start: usize) -> usize {
        let joins = |at: &usize| {
            let token = &self.tokens[*at];
            token.kind == TokenKind::Mark(',') || matches!(token.word.as_str(), "and" | "&" | "+")
        };
        let named = |at: &usize| self.named_at(*at).is_some() || joins(at);
        (start..self.end).take_while(named).filter(|at| !joins(at)).count()
    }

    pub fn speaks_of_memory(&self, tokens: Range<usize>) -> bool {
        let says =
            |words: &[&str]| self.tokens[tokens.clone()].iter().any(|token| words.contains(&token.word.as_str()));
        says(&["memory", "ram"]) && !says(&["disk", "disks", "storage", "space", "swap", "drive", "drives"])
    }

    /// Whom a remark was about that stands alone before anything else: “db-1 is slow again. 8 cores, please.”
    pub fn remarked_on(&self) -> Option<Vec<Target>> {
        let topic =
            self.topic.as_ref().filter(|topic| !topic.of_a_part && (topic.named.len() == 1 || topic.together))?;
        (self.drafts.is_empty() && self.unread.is_empty()).then(|| topic.named.clone())
    }
}

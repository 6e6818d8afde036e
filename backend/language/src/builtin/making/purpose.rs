//! What new guests are for: “a box to reproduce a customer issue”, “Purpose: tests”. It is kept as an aside.

use crate::lexer::{Token, TokenKind};

use crate::builtin::Parser;
use crate::builtin::asides::words::{sort, sort_of};
use crate::builtin::drafting::draft::Draft;
use crate::builtin::said::item::Said;
use crate::builtin::wordings::words;
use crate::vocabulary::{self, Class};

/// The most words of a purpose.
const MAX_WORDS: usize = 6;

impl Parser<'_> {
    /// “to reproduce an issue”, behind the noun of a guest and before what it shall be. “For the interns” is asked about there: it may
    /// say who shall have it, but where a colon announces the guest: “for films: …”.
    pub fn what_it_is_to_do(&mut self) -> Option<()> {
        const DOES: [&str; 14] = [
            "test",
            "try",
            "reproduce",
            "run",
            "host",
            "play",
            "serve",
            "build",
            "develop",
            "store",
            "learn",
            "experiment",
            "debug",
            "monitor",
        ];
        let start = self.at;
        if self.attempt(Self::for_what_it_is).is_some() {
            return Some(());
        }
        if self.word() == "for" {
            self.at += 1;
            self.theirs()?;
            // “a VM for the shop.” may be one of it.
            let named = self.word() == "name";
            let ends = self.peek(0).is_some_and(|next| matches!(next.kind, TokenKind::Mark(':' | '–' | '—')));
            let listed = |p: &mut Self| {
                p.mark(',').then_some(())?;
                p.called(false).map(|_| ()).or_else(|| p.names_of_the_new())
            };
            let purpose = start..self.at;
            let listed = self.ahead(listed);
            (named || ends || listed).then_some(())?;
            self.asides.push(purpose);
            let _ = listed && self.mark(',');
            return Some(());
        }
        self.any(words!("to")).then_some(())?;
        DOES.contains(&self.word()).then_some(())?;
        self.at += 1;
        self.some_words(|token| sort_of(token) != 0)?;
        let ends = self.peek(0).is_none_or(|next| matches!(next.kind, TokenKind::Mark(':' | '–' | '—')));
        (ends || matches!(self.word(), "called" | "named")).then_some(())?;
        self.asides.push(start..self.at);
        Some(())
    }

    /// “… for the recordings”, behind what was said of a guest that is being made.
    pub fn purpose_of_the_new(&mut self) -> Option<()> {
        let made = matches!(self.drafts.last(), Some(Draft::Create(_) | Draft::Clone(_)));
        (made && self.at > self.began).then_some(())?;
        self.for_what_it_is()
    }

    /// “for the recordings”, “used for our photos”, said of a guest that is being made.
    pub fn for_what_it_is(&mut self) -> Option<()> {
        let start = self.at;
        let told = self.verb(words!(
            "which is for|which will be used for|that will be used for|to be used for|used for|meant for|intended for|reserved for|only for"
        ));
        let led = if told { self.at - 1 } else { start };
        let end = self.serves(led, true)?;
        self.at = end;
        let ends = self.at_boundary()
            || self.peek(0).is_some_and(|next| matches!(next.kind, TokenKind::Mark(':' | '–' | '—' | ';')))
            || matches!(self.word(), "called" | "named" | "name" | "with" | "having" | "on" | "in" | "that" | "which");
        ends.then(|| self.asides.push(start..end))
    }

    /// Up to where “for …” at token `start` says what something is for: events, people, things of theirs. Words that stand nowhere are
    /// taken for such behind an article or with a name’s capital. Where a guest is `made` it is a thing behind an article alone.
    pub fn serves(&self, start: usize, made: bool) -> Option<usize> {
        const LED: [&str; 9] = ["the", "a", "an", "our", "my", "their", "his", "her", "some"];
        (self.word_at(start) == "for").then_some(())?;
        let led = LED.contains(&self.word_at(start + 1));
        let first = start + 1 + usize::from(led);
        let mut at = first;
        while at < self.end && at < first + MAX_WORDS && self.may_be_theirs(at, led, made) {
            at += 1;
        }
        let last = self.tokens.get(at.checked_sub(1)?)?;
        let sorts = sort_of(last);
        (at > first && (sorts & sort::NOUNS != 0 || sorts == 0)).then_some(at)
    }

    /// Whether the word at a token names what something may be for, and nothing that MycoPod knows.
    pub fn may_be_theirs(&self, at: usize, led: bool, made: bool) -> bool {
        let token = &self.tokens[at];
        let (inventory, word) = (self.inventory, &token.word);
        let named = [&token.text, word].into_iter().any(|name| {
            inventory.guests.contains_key(name.as_str())
                || inventory.tags.contains(name.as_str())
                || inventory.nodes.contains(name.as_str())
                || inventory.storages.contains(name.as_str())
                || inventory.bridges.contains(name.as_str())
                || inventory.images.contains_key(name.as_str())
        });
        let spelt = token.text.chars().all(|c| c.is_alphabetic() || c == '-') && token.text.chars().count() > 1;
        if token.kind != TokenKind::Word || named || !spelt || vocabulary::turns(word) || vocabulary::is_system(word) {
            return false;
        }
        let sorts = sort_of(token);
        match vocabulary::class(word) {
            // “a container for pihole” shall perhaps have it installed, one “for the QA team” let them in.
            None if made => led && sorts & sort::OCCASION == 0,
            None if sorts == 0 => led || token.text.starts_with(char::is_uppercase),
            // “8 GB for the database” may be another guest’s.
            None => {
                sorts & sort::OCCASION != 0 || sorts & sort::THING == 0 && sorts & (sort::NOUN | sort::ADJECTIVE) != 0
            }
            Some(Class::Grammar) => sorts & sort::ADJECTIVE != 0 || !made && sorts & sort::OCCASION != 0,
            Some(Class::Outside) => led && sorts & sort::NOUNS != 0 && !(made && sorts & sort::OCCASION != 0),
            Some(_) => false,
        }
    }

    /// “the photo library”, “our voice people”, “DNS”: whose it is or what it serves.
    fn theirs(&mut self) -> Option<()> {
        const SERVICES: [&str; 6] = ["dns", "dhcp", "vpn", "nfs", "ntp", "smtp"];
        const LED: [&str; 6] = ["the", "our", "my", "their", "a", "an"];
        if SERVICES.contains(&self.word()) {
            self.at += 1;
            return Some(());
        }
        self.some_words(|token| sort_of(token) & !sort::FUNCTION != 0 || LED.contains(&token.word.as_str()))
    }

    /// “for the staging people”, behind who is copied and before how the copy is called.
    pub fn for_theirs(&mut self) -> Option<()> {
        let start = self.at;
        (self.word() == "for").then(|| self.at += 1)?;
        self.theirs()?;
        self.ahead(Self::names_of_copies).then(|| self.asides.push(start..self.at))
    }

    /// “crm-1, …”, “ngx-a and ngx-b: …”: names that guests to be made may have.
    fn names_of_the_new(&mut self) -> Option<()> {
        let names = self.names(true)?;
        let fresh =
            |name: &Said<String>| self.may_be_made(&name.value) && !self.inventory.guests.contains_key(&name.value);
        names.iter().all(fresh).then_some(())?;
        let announces = |next: &Token| matches!(next.kind, TokenKind::Mark(':' | '–' | '—'));
        (self.at_boundary() || self.peek(0).is_some_and(announces)).then_some(())
    }

    /// “For the migration project kindly arrange …”, “For the new release: web-01 gets …”: what it is for, before the wish.
    pub fn purpose_of_a_wish(&mut self) -> Option<()> {
        let start = self.at;
        (self.word() == "for").then_some(())?;
        self.at += 1;
        self.somebody()?;
        let announced = self.mark(':');
        let _ = announced || self.mark(',');
        let before = self.drafts.len();
        let asked = self.ahead(Self::asks) || announced && self.ahead(Self::statement);
        self.drafts.truncate(before);
        asked.then(|| self.asides.push(start..self.at))
    }

    /// “Purpose: tests of the new shop”, “Requested by: Anna”: what a form files a wish under.
    pub fn filed(&mut self) -> Option<()> {
        const ABOUT: [&str; 7] = ["purpose", "reason", "justification", "usage", "department", "project", "priority"];
        const WHO: [&str; 6] = ["requester", "requestor", "requested", "contact", "owner", "customer"];
        let start = self.at;
        let person = WHO.contains(&self.word());
        (person || ABOUT.contains(&self.word())).then_some(())?;
        self.at += 1;
        self.any(words!("by|for|of the request"));
        self.mark(':').then_some(())?;
        self.some_words(|token| sort_of(token) != 0 || person && vocabulary::class(&token.word).is_none())?;
        let ends = |next: &Token| matches!(next.kind, TokenKind::Mark(',' | '|' | '/' | ')'));
        (self.done() || self.peek(0).is_some_and(ends)).then(|| self.asides.push(start..self.at))
    }

    /// “the new apprentices”, “the migration project”: people or an occasion.
    fn somebody(&mut self) -> Option<()> {
        self.some_words(|token| {
            sort_of(token) & (sort::NOUNS | sort::ADJECTIVE) != 0
                || ["the", "a", "an", "my", "our", "your", "their"].contains(&token.word.as_str())
        })?;
        (sort_of(&self.tokens[self.at - 1]) & sort::OCCASION != 0).then_some(())
    }

    /// A few words, each of which fits, names nothing on the cluster, counts nothing and turns nothing round.
    fn some_words(&mut self, fits: impl Fn(&Token) -> bool) -> Option<()> {
        let start = self.at;
        let inventory = self.inventory;
        let says_nothing = |token: &Token| {
            let text = &token.text;
            let named = inventory.guests.contains_key(text.as_str())
                || inventory.nodes.contains(text.as_str())
                || inventory.storages.contains(text.as_str())
                || inventory.bridges.contains(text.as_str());
            token.kind == TokenKind::Word && !named && !vocabulary::turns(&token.word) && fits(token)
        };
        while self.at < start + MAX_WORDS && self.peek(0).is_some_and(says_nothing) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

//! Guests chosen by what they have in common: “all stopped test machines”, “everything tagged web except web-02”.

use std::collections::BTreeSet;

use mycopod_core::reading::{Fit, Selector};

use crate::builtin::wordings::{Wordings, words};
use crate::lexer::TokenKind;
use crate::vocabulary::{self, Class};

use crate::builtin::Parser;
use crate::builtin::said::item::Said;

/// Words for guests that run, and for those that do not.
const ON: &Wordings = words!(
    "currently running|running|powered-on|switched-on|powered on|switched on|turned on|started|active|online|up"
);
const OFF: &Wordings = words!(
    "currently stopped|currently off|stopped|powered-off|switched-off|turned-off|non-running|powered off|switched off|turned off|shut down|shutdown|\
    halted|inactive|not running|off|down|offline"
);

/// The most guests that one word may except: those whom somebody has in mind.
const MOST_EXCEPTED: usize = 100;

/// The fewest letters before a `*`: fewer mean whom nobody thought of.
const LEAST_STEM: usize = 3;

/// How the names of the guests begin that `web-*` means.
fn globbed(text: &str) -> Option<&str> {
    let stem = text.strip_suffix('*')?;
    let named = stem.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
    (named && stem.len() >= LEAST_STEM && stem.starts_with(char::is_alphanumeric)).then_some(stem)
}

/// How the words before the noun say which guests are meant.
#[derive(Clone, Copy, PartialEq, Eq)]
enum How {
    /// “every”, “each”: the noun is singular.
    Every,
    /// “all”
    All,
    /// “both”, “the three”
    Counted(u64),
    /// “the”, or nothing.
    Open,
}

impl Parser<'_> {
    /// Guests by what they have in common, perhaps on several nodes: “all containers on alpha and beta”. “Tagged web or db” leaves a choice.
    pub fn selections(&mut self) -> Option<Vec<Selector>> {
        let Selector::All(first) = self.selection()? else { return None };
        let mut all = vec![first];
        while let Some(next) = self.attempt(|p| p.on_another_node(&all[0])) {
            all.push(next);
        }
        Some(all.into_iter().map(Selector::All).collect())
    }

    /// “and beta” behind guests on another node.
    fn on_another_node(&mut self, first: &Fit) -> Option<Fit> {
        let placed = self.at.checked_sub(1).map(|at| self.tokens[at].text.as_str()) == first.node.as_deref();
        (placed && first.count.is_none() && self.any(words!("and|&"))).then_some(())?;
        self.any(words!("on"));
        let node = self.name().filter(|node| self.inventory.nodes.contains(node))?;
        Some(Fit { node: Some(node), ..first.clone() })
    }

    /// Guests by what they have in common. Without “all” or “every” only where something restricts them.
    pub fn selection(&mut self) -> Option<Selector> {
        // “web-*”
        if let Some(stem) =
            self.peek(0).filter(|token| token.kind == TokenKind::Word).and_then(|token| globbed(&token.text))
        {
            let stem = stem.to_owned();
            if !matches!(self.word_ahead(1), "vms" | "containers" | "machines" | "servers" | "guests") {
                self.at += 1;
                return Some(Selector::All(Fit { stem: Some(stem), ..Fit::default() }));
            }
        }
        let how = self.determiner();
        let mut fit = Fit::default();
        let whatever = how == How::Open && self.word() == "whatever";
        self.at += usize::from(whatever);
        // “whatever is off”
        fit.running = self.attempt(|p| {
            (whatever && p.any(words!("is|'s"))).then_some(())?;
            p.state()
        });
        if whatever || how == How::Open && self.any(words!("everything|anything|everyone")) {
            self.qualifiers(&mut fit)?;
            return (fit != Fit::default()).then_some(Selector::All(fit));
        }
        // “all tagged web”
        let those = how == How::All || how == How::Open && self.any(words!("those|ones"));
        if those && self.attempt(|p| p.tagged(&mut fit)).is_some() {
            self.qualifiers(&mut fit)?;
            let named = self.ahead(Self::name) || self.ahead(Self::guest_noun);
            return (!named).then_some(Selector::All(fit));
        }
        if let How::Counted(count) = how {
            fit.count = Some(count);
        }
        fit.running = self.state();
        let word = self.attempt(Self::described);
        fit.running = fit.running.or_else(|| self.state());
        let noun = self.guest_noun();
        match (&word, noun) {
            (_, Some(noun)) if noun.plural != (how == How::Every) => {
                fit.kind = noun.kind;
                // “all VMs and containers”
                if self
                    .attempt(|p| (p.any(words!("and|&")) && p.guest_noun()?.kind != noun.kind).then_some(()))
                    .is_some()
                {
                    fit.kind = None;
                }
            }
            // “all runners”
            (Some(word), None)
                if (matches!(how, How::All | How::Counted(_))
                    || fit.running.is_some() && how != How::Every
                    || self.stands_for_all(&how))
                    && self.is_stem_of_a_name(word) => {}
            // “every runner”
            (Some(word), None) if how == How::Every && self.is_stem_of_a_name(&format!("{word}s")) => {}
            _ => return None,
        }
        fit.word = word.map(|word| singular(&word, noun.is_none()));
        if let Some(stem) = fit.word.as_ref().and_then(|word| word.strip_suffix('*')) {
            (fit.stem, fit.word) = (Some(stem.to_owned()), None);
        }
        self.qualifiers(&mut fit)?;
        let named = self.ahead(Self::name) || self.ahead(Self::guest_noun);
        let restricted = fit != Fit { kind: fit.kind, count: fit.count, ..Fit::default() };
        let whole = matches!(how, How::Every | How::All) && (restricted || fit.kind.is_some());
        (!named && (whole || restricted)).then_some(Selector::All(fit))
    }

    fn determiner(&mut self) -> How {
        if self.any(words!("every single|every|each|any")) {
            return How::Every;
        }
        let counted = |p: &mut Self| {
            p.any(words!("all of the|all of our|all the|all our|all|the|our")).then_some(())?;
            p.number().filter(|count| (2..=100).contains(count) && p.unit().is_none())
        };
        if let Some(count) = self.attempt(counted) {
            return How::Counted(count);
        }
        if self.any(words!("all of the|all of our|all the|all our|all my|all|those of the|those of our")) {
            return How::All;
        }
        if self.any(words!("both of the|both of our|both the|both")) {
            return How::Counted(2);
        }
        self.any(words!("the|our|my"));
        How::Open
    }

    fn state(&mut self) -> Option<bool> {
        // “not running” begins with a word that turns everything round, so it is looked for first.
        if self.verb(OFF) {
            return Some(false);
        }
        self.verb(ON).then_some(true)
    }

    /// A word for guests that stands before their noun: a tag, or how their names begin.
    fn described(&mut self) -> Option<String> {
        let token = self.peek(0).filter(|token| token.kind == TokenKind::Word)?;
        let free = match vocabulary::class(&token.word) {
            None => true,
            Some(class) => class == Class::Outside && matches!(token.word.as_str(), "mail" | "test" | "backup"),
        };
        let built = token.text.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | '*'));
        let guest = self.inventory.guests.contains_key(token.text.as_str());
        let word = (free && built && !guest).then(|| token.text.clone())?;
        self.at += 1;
        Some(word.to_string())
    }

    /// “the runners should get …”, “runners: …”: whether a word alone in the plural is meant for all of them.
    fn stands_for_all(&mut self, how: &How) -> bool {
        let follows = |p: &mut Self| {
            let said =
                p.mark(':') || p.any(words!("that are|should|shall|must|get|gets|need|have|move to|go to|->|→|=>"));
            said.then_some(())
        };
        *how == How::Open && self.ahead(follows)
    }

    /// Whether a word in the plural is how names begin, or a tag: “runners” of runner-1.
    fn is_stem_of_a_name(&self, word: &str) -> bool {
        let Some(one) = word.strip_suffix('s').filter(|one| one.len() > 1) else { return false };
        let begins = |name: &str| name.strip_prefix(one).is_some_and(|rest| !rest.starts_with(char::is_alphabetic));
        self.inventory.tags.contains(one)
            || self.inventory.guests.range(one.to_owned()..).take(2).any(|(name, _)| begins(name))
    }

    /// “the runners” as those whose names begin so, where that is no tag.
    fn of_a_stem(&mut self) -> Option<Vec<Said<String>>> {
        let at = self.at;
        let word = self.described()?;
        let stem = word.strip_suffix('s').filter(|stem| stem.len() > 1 && !self.inventory.tags.contains(*stem))?;
        let guests = self.inventory.guests.range(stem.to_owned()..).map(|(name, _)| name).take(MOST_EXCEPTED + 1);
        let begun = |name: &&String| name.strip_prefix(stem).is_some_and(|rest| !rest.starts_with(char::is_alphabetic));
        let names: Vec<_> =
            guests.take_while(begun).map(|name| Said { value: name.clone(), tokens: at..self.at }).collect();
        (1..=MOST_EXCEPTED).contains(&names.len()).then_some(names)
    }

    /// What stands behind the noun: “tagged web”, “in pool lab”, “on pve2”, “that are off”, “except test-3”. `None` where
    /// something is said that may mean two things.
    fn qualifiers(&mut self, fit: &mut Fit) -> Option<()> {
        loop {
            if self.attempt(|p| p.tagged(fit)).is_some() {
                // “tagged web and prod” may mean either or both.
                let several = |p: &mut Self| {
                    p.joint().then_some(())?;
                    let second = p.name()?;
                    (p.inventory.tags.contains(&second) && !p.inventory.guests.contains_key(&second)).then_some(())
                };
                if self.ahead(several) {
                    return None;
                }
            } else if let Some(pool) = self.attempt(Self::of_pool) {
                fit.pool = Some(pool);
            } else if let Some(node) = self.attempt(Self::of_node) {
                fit.node = Some(node);
            } else if let Some(running) = self.attempt(Self::that_run) {
                fit.running = Some(running);
            } else if let Some(stem) = self.attempt(Self::whose_names) {
                fit.stem = Some(stem);
            } else if let Some(names) = self.attempt(Self::excepted) {
                fit.except = names;
            } else {
                return Some(());
            }
        }
    }

    fn tagged(&mut self, fit: &mut Fit) -> Option<()> {
        if self.any(words!("whose tag is|whose tags include|where the tag is")) {
            fit.tags.insert(self.any_name()?);
            return Some(());
        }
        let joined = self.any(words!("that are|which are|that is|which is|is|are"));
        if !self.verb(words!("tagged with the|tagged with|tagged as|tagged|labelled with|labelled as|labelled|labeled"))
        {
            (!joined).then_some(())?;
            self.any(words!("with|having|carrying|that have|that has|that carry|that carries|which have|which has|which carry|which carries|carries|carry|has|have"))
                .then_some(())?;
            self.any(words!("the|a"));
            if !self.any(words!("tags|tag")) {
                // “with the infra tag”
                let tag = self.name()?;
                self.any(words!("tag")).then_some(())?;
                fit.tags.insert(tag);
                return Some(());
            }
        }
        let both = self.any(words!("both"));
        fit.tags.insert(self.any_name()?);
        if both {
            self.any(words!("and")).then_some(())?;
            fit.tags.insert(self.any_name()?);
        }
        Some(())
    }

    fn of_pool(&mut self) -> Option<String> {
        if self.any(words!("whose pool is")) {
            return self.name();
        }
        self.any(words!("that are in|which are in|that is in|which is in|is in|in|of|from|belonging to|that belong to|that belongs to|belongs to"))
            .then_some(())?;
        self.any(words!("the"));
        if self.any(words!("resource pool|pool")) {
            self.any(words!("called|named"));
            return self.name();
        }
        let pool = self.name()?;
        self.any(words!("resource pool|pool")).then_some(pool)
    }

    /// “on pve2”, “that run on pve2”
    pub fn of_node(&mut self) -> Option<String> {
        self.verb(words!("hosted on|located on|living on|that are on|which are on|that is on|which is on|that run on|that runs on|which run on|running on|runs on|is on|on|of|from"))
            .then_some(())?;
        self.any(words!("the"));
        let announced = self.any(words!("node|host"));
        let node = self.name()?;
        (announced || self.inventory.nodes.contains(&node)).then_some(node)
    }

    fn that_run(&mut self) -> Option<bool> {
        if self.any(words!("that aren't|which aren't|that isn't|which isn't")) {
            self.any(words!("currently"));
            return self.any(ON).then_some(false);
        }
        self.any(words!("that are|which are|that is|which is|who are|and is|and are")).then_some(())?;
        self.any(words!("currently"));
        self.at += usize::from(self.word() == "still");
        let state = self.state();
        self.any(words!("right now|now|at the moment"));
        state
    }

    fn whose_names(&mut self) -> Option<String> {
        if self.any(words!("whose names begin with|whose names start with|whose name begins with|whose name starts with|with names starting with|\
            with a name starting with|starting with|named|called")) {
            let globbed = matches!(self.last_word(), "named" | "called");
            let stem = self.peek(0).filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Quoted))?.text.clone();
            self.at += 1;
            let cut = stem.strip_suffix('*').map(str::to_owned);
            return if globbed { cut } else { cut.or(Some(stem.to_string())) };
        }
        None
    }

    fn excepted(&mut self) -> Option<BTreeSet<String>> {
        let comma = self.mark(',');
        let bracket = !comma && self.mark('(');
        self.any(words!("minus|except for|except|excluding|but not|other than|apart from|but for|but|without"))
            .then_some(())?;
        let one = |p: &mut Self| {
            p.any(words!("all the|the"));
            if let Some(names) = p.attempt(Self::of_a_stem) {
                return Some(names);
            }
            p.guest_noun();
            let names = p.range()?;
            names.iter().all(|name| p.inventory.guests.contains_key(&name.value)).then_some(names)
        };
        let mut names = self.attempt(one)?;
        while let Some(more) = self.attempt(|p| {
            p.joint().then_some(())?;
            one(p)
        }) {
            names.extend(more);
        }
        (!bracket || self.mark(')')).then_some(())?;
        // “all dev VMs, except gitlab, get 3 GB of RAM”
        self.attempt(|p| {
            (comma && p.mark(',')).then_some(())?;
            p.ahead(|p| p.any(words!("should|shall|must|get|gets|need|needs|have|has")).then_some(())).then_some(())
        });
        Some(names.into_iter().map(|name| name.value).collect())
    }
}

/// A word for guests in the singular.
fn singular(word: &str, plural: bool) -> String {
    if plural { word.strip_suffix('s').unwrap_or(word).to_owned() } else { word.to_owned() }
}

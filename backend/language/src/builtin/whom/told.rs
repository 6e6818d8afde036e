//! What is told of a guest in passing: “web-01, which is running, gets …”, “the stopped VM test-1”, “db-1 (our main database) …”.
//! A state that is told must be so; everything else is a remark.

use mycopod_core::guest::Kind;
use mycopod_core::reading::{Fit, Selector, Target};

use crate::builtin::Parser;
use crate::builtin::wordings::{Wordings, words};
use crate::lexer::TokenKind;

/// The longest remark about a guest between commas or brackets, in words.
const MAX_REMARK: usize = 12;

const RUNS: &Wordings = words!("running|powered-on|up and running");
const RESTS: &Wordings =
    words!("stopped|powered-off|switched-off|turned-off|powered off|switched off|turned off|halted|offline");

impl Parser<'_> {
    /// “the stopped VM test-1”
    pub fn in_a_state(&mut self) -> Option<Target> {
        let start = self.at;
        let article = self.any(words!("the|our|my"));
        self.any(words!("currently"));
        let running = self.told_state()?;
        let noun = self.guest_noun();
        (article || noun.is_some() && start == self.began).then_some(())?;
        let name = self.peek(0).filter(|token| token.kind == TokenKind::Word)?.text.clone();
        self.at += 1;
        self.named_so(start, &name, noun.and_then(|noun| noun.kind), running)
    }

    /// “, which is running,”, “(which is off)”, “, our main web server,” behind a guest that is named.
    pub fn told_in_passing(&mut self, one: &Target) -> Option<Target> {
        let bracket = self.mark('(');
        (bracket || self.mark(',')).then_some(())?;
        let Selector::Name(name) = &one.selector else { return None };
        self.inventory.guests.contains_key(name).then_some(())?;
        let start = self.at;
        let closing = if bracket { ')' } else { ',' };
        let which = self.any(words!("which|who|that"));
        let state = |p: &mut Self| {
            let told = p.any(words!("is currently|is still|is already|is now|is|currently|still"));
            told.then_some(())?;
            let running = match p.told_state() {
                Some(running) => running,
                None if p.any(words!("off|down")) => false,
                None => p.any(words!("on|up")).then_some(true)?,
            };
            p.any(words!("now|currently|at the moment"));
            p.mark(closing).then_some(running)
        };
        if (which || bracket)
            && let Some(running) = self.attempt(state)
        {
            return self.named_so(start.saturating_sub(2), name, None, running);
        }
        // In “web-01, web-02” nothing is told of anybody.
        let tells =
            which || bracket || matches!(self.word(), "our" | "my" | "the" | "a" | "an" | "his" | "her" | "their");
        tells.then_some(())?;
        let last = self.end.min(start + MAX_REMARK);
        let close = (start..last).find(|at| matches!(self.tokens[*at].kind, TokenKind::Mark(_)))?;
        (self.tokens[close].kind == TokenKind::Mark(closing)).then_some(())?;
        let remark = if which { self.is_fact(start..close) } else { self.describes_in_passing(start..close) };
        remark.then_some(())?;
        self.at = close + 1;
        // “web-01, the mail server and db-1 …” lists guests.
        let goes_on = bracket || which || matches!(self.word(), "gets" | "needs" | "has" | "deserves" | "wants");
        goes_on.then(|| one.clone())
    }

    fn told_state(&mut self) -> Option<bool> {
        if self.verb(RUNS) {
            return Some(true);
        }
        self.verb(RESTS).then_some(false)
    }

    /// The guest of that name, if it is in that state; where others’ names begin so, it is not told apart.
    fn named_so(&self, start: usize, name: &str, kind: Option<Kind>, running: bool) -> Option<Target> {
        let keys = self.inventory.guests.get(name).filter(|keys| keys.len() == 1)?;
        let another = self.inventory.guests.range(name.to_owned()..).nth(1);
        (another.is_none_or(|(other, _)| !other.starts_with(name))).then_some(())?;
        kind.is_none_or(|kind| keys[0].kind == kind).then_some(())?;
        let stem = Some(name.to_owned());
        let fit = Fit { kind, stem, running: Some(running), count: Some(1), ..Fit::default() };
        Some(Target { span: self.span(&(start..self.at)), selector: Selector::All(fit) })
    }

    /// Whether the words at `at` that name nobody by name are no guest of the list before them: “…, the domain controller doesn't
    /// like it”, “of web-01 and db-1, the first …”.
    pub fn is_another_clause(&self, at: usize, named: &[Target]) -> bool {
        let vague = matches!(named, [Target { selector: Selector::Vague(_), .. }]);
        let pointing = self.word_at(at) == "the"
            && matches!(self.word_at(at + 1), "first" | "second" | "third" | "last" | "other" | "rest");
        vague && (pointing || self.remark_from(at))
    }
}

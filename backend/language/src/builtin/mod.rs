//! The built-in reader: a small grammar over tokens, without any language model.
//!
//! A text is cut into sentences and clauses. Each clause is a statement (`create`, `change`,
//! `deed`), goes on with the one before, or is unread. A rule that fails consumes nothing, and a clause that
//! is not understood to its end says nothing at all: half of “delete the snapshots of web-01” must not
//! be read as “delete web-01”. Takes time linear in the text but for enumerations.
//!
//! [`layout`] writes lists and tables out as sentences; [`whom`] tells which guests are meant, and [`said`] what is said of
//! them; [`making`], [`changing`] and [`doing`] are the statements; [`drafting`] turns what was read into statements and questions.

mod addressing;
mod asides;
pub mod changing;
mod cursor;
mod doing;
pub mod drafting;
mod heading;
#[cfg(any(test, feature = "fuzzing"))]
#[allow(clippy::unwrap_used, reason = "what tests and fuzz targets try may panic")]
pub mod holding;
pub mod layout;
mod letter;
pub mod making;
pub mod said;
#[cfg(test)]
mod soup;
mod suggest;
pub mod whom;
mod wordings;

use std::collections::BTreeSet;
use std::ops::Range;

use async_trait::async_trait;
use mycopod_core::ports::{Errand, Interpreter, Inventory, ReadError};
use mycopod_core::reading::{Answers, Reading, Target};
use mycopod_core::typed::is_intent;

use crate::account;
use crate::cluster::Named;
use crate::lexer::{Token, TokenKind, lex};
use crate::typed;
use crate::vocabulary;

use asides::Topic;
use drafting::draft::Draft;
use said::item::{How, Item, Said};

/// The reader that needs nothing but the text.
#[derive(Clone, Copy, Debug, Default)]
pub struct Builtin;

#[async_trait]
impl Interpreter for Builtin {
    fn name(&self) -> &'static str {
        "builtin"
    }

    fn cluster(&self, text: &str, clusters: &BTreeSet<String>, answers: &Answers) -> Option<String> {
        crate::cluster::cluster(text, clusters, answers)
    }

    fn read_at_once(&self, text: &str, inventory: &Inventory, answers: &Answers) -> Reading {
        read(text, inventory, answers)
    }

    async fn read(
        &self,
        text: &str,
        inventory: &Inventory,
        answers: &Answers,
        _: &dyn Errand,
    ) -> Result<Reading, ReadError> {
        Ok(read(text, inventory, answers))
    }
}

/// Reads a declaration.
#[must_use]
pub fn read(text: &str, inventory: &Inventory, answers: &Answers) -> Reading {
    if is_intent(text) {
        return typed::read(text, inventory, answers);
    }
    let mut reading = understood(text, inventory, answers);
    suggest::offer(&mut reading, text, inventory);
    reading
}

/// What is understood of plain words, without a guess at the rest.
fn understood(text: &str, inventory: &Inventory, answers: &Answers) -> Reading {
    let tokens = layout::naming::write_out(&lex(text, |word| is_known(inventory, word)), inventory);
    let known = |word: &str| inventory.guests.contains_key(word);
    let tokens = layout::kinds::write_out(layout::forms::write_out(tokens, known), known);
    let tokens =
        layout::rows::write_out(layout::lines::write_out(layout::sheet::write_out(tokens, known), known), known);
    let mut tokens = layout::passive::write_out(tokens);
    if let Some(refusal) = account::refusal(&tokens).or_else(|| account::off_topic(&tokens, inventory)) {
        return Reading { refusal: Some(refusal), ..Reading::default() };
    }
    let named = Named::take(text, &mut tokens, &inventory.clusters);
    let Drafted { drafts, unread, asides } = drafted(text, &tokens, inventory);
    let context = drafting::draft::Context { text, tokens: &tokens, inventory, answers };
    let reading = drafting::draft::finish(&context, drafts, &unread, &asides);
    named.complete(reading, answers)
}

/// What the grammar makes of the tokens of a text.
pub struct Drafted {
    /// What it understood.
    pub drafts: Vec<Draft>,
    /// The tokens that it makes nothing of.
    pub unread: Vec<Range<usize>>,
    /// Those that ask for nothing.
    pub asides: Vec<Range<usize>>,
}

/// What the grammar makes of `tokens`, which are those of `text`.
pub fn drafted(text: &str, tokens: &[Token], inventory: &Inventory) -> Drafted {
    let mut parser = Parser::new(text, tokens, inventory);
    parser.sentences();
    parser.hand_on();
    // Beside nothing there is no aside: whoever says “web-01 is slow” wants something.
    if parser.drafts.is_empty() {
        parser.unread.append(&mut parser.asides);
    }
    Drafted { drafts: parser.drafts, unread: parser.unread, asides: parser.asides }
}

/// What may be asked to be done to an amount.
const RESIZED: [&str; 13] = [
    "made",
    "set",
    "given",
    "raised",
    "increased",
    "extended",
    "expanded",
    "enlarged",
    "grown",
    "resized",
    "lowered",
    "reduced",
    "bumped",
];

/// Whether a sentence wonders instead of asking for something: “stop web-01?” does, “could you stop web-01?” does not.
pub fn wonders(tokens: &[Token], sentence: Range<usize>) -> bool {
    let asks = ["anyone", "anybody", "you", "please", "i", "we", "someone", "somebody", "possible"];
    // “Could web-01 get 4 cores?”, “Can the disk of web-01 be made 50 GB?”
    let word = |at: usize| tokens.get(at).map_or("", |token| token.word.as_str());
    let filler = |at: usize| vocabulary::class(word(at)) == Some(vocabulary::Class::Filler);
    let first = sentence.clone().find(|at| tokens[*at].is_content() && !filler(*at));
    if first.is_some_and(|at| matches!(word(at), "can" | "could" | "may"))
        && sentence
            .clone()
            .any(|at| matches!(word(at), "get" | "have") || word(at) == "be" && RESIZED.contains(&word(at + 1)))
    {
        return false;
    }
    tokens.get(sentence.end).is_some_and(|token| token.kind == TokenKind::Mark('?'))
        && !tokens[sentence].iter().any(|token| asks.contains(&token.word.as_str()))
}

/// Whether `word` is a name on the cluster, and so no misspelt keyword.
pub fn is_known(inventory: &Inventory, word: &str) -> bool {
    inventory.guests.contains_key(word) || inventory.tags.contains(word) || inventory.images.contains_key(word)
}

/// How many looks for a phrase are remembered: those of some eighteen words in a row, further apart none is repeated.
const LOOKS: usize = 128;

/// The state of a reading: where it is, what was understood, what was not.
pub struct Parser<'a> {
    text: &'a str,
    tokens: &'a [Token],
    /// The mark of each token's word, by which [`wordings`] are looked for.
    marks: Vec<u8>,
    inventory: &'a Inventory,
    at: usize,
    /// Where the present sentence begins.
    began: usize,
    /// Where the present sentence ends.
    end: usize,
    /// Whether “web-1 to 3” may be a range here.
    counting: bool,
    /// Whether the text speaks of copies of guests at all.
    copies: bool,
    /// Where tabs stand in the text.
    tabs: BTreeSet<usize>,
    /// Whom the present sentence addresses: “db-1: …”.
    addressed: Option<Vec<Target>>,
    /// Whom [`Self::targets`] found last, each place of the text in one of these.
    named: [Option<whom::target::Named>; 32],
    /// Where a phrase was looked for, and what was found there.
    looks: Vec<Option<(said::item::Look, Option<Said<Item>>)>>,
    /// Where a noun was looked for in vain, up to where, and whether behind a new guest.
    no_noun: [Option<(usize, usize, bool)>; 64],
    /// What was said of all new guests before any of them.
    common: Vec<Said<Item>>,
    pub drafts: Vec<Draft>,
    /// The tokens that ended in nothing.
    unread: Vec<Range<usize>>,
    /// The tokens that ask for nothing.
    asides: Vec<Range<usize>>,
    /// What the last of them speaks of.
    topic: Option<Topic>,
    /// How many statements stand before a remark that speaks of memory: an amount alone behind it is one of that.
    short_of_memory: Option<usize>,
    /// How often a token was looked at: what reading costs.
    #[cfg(any(test, feature = "fuzzing"))]
    visits: std::cell::Cell<usize>,
}

impl<'a> Parser<'a> {
    /// A parser at the beginning of `tokens`, which are those of `text`.
    pub fn new(text: &'a str, tokens: &'a [Token], inventory: &'a Inventory) -> Self {
        Self {
            text,
            tokens,
            marks: tokens.iter().map(|token| wordings::mark(&token.word)).collect(),
            inventory,
            at: 0,
            began: 0,
            end: tokens.len(),
            counting: true,
            copies: tokens.iter().any(|token| making::copy::COPIES.contains(&token.word.as_str())),
            tabs: text.chars().enumerate().filter(|(_, c)| *c == '\t').map(|(at, _)| at).collect(),
            addressed: None,
            named: Default::default(),
            looks: vec![None; LOOKS],
            no_noun: [None; 64],
            common: Vec::new(),
            drafts: Vec::new(),
            unread: Vec::new(),
            asides: Vec::new(),
            topic: None,
            short_of_memory: None,
            #[cfg(any(test, feature = "fuzzing"))]
            visits: std::cell::Cell::new(0),
        }
    }

    /// Up to where `rule` reads from token `start` on, before token `end`; nothing is kept of it.
    pub fn reach<T>(&mut self, start: usize, end: usize, rule: impl FnOnce(&mut Self) -> Option<T>) -> Option<usize> {
        let drafts = self.drafts.clone();
        self.named = Default::default();
        (self.at, self.end) = (start, end);
        let reached = rule(self).map(|_| self.at);
        self.drafts = drafts;
        reached
    }

    /// What stands before what is read next: what was drafted, and what is not understood.
    pub fn resume(&mut self, drafts: Vec<Draft>, unread: Vec<Range<usize>>) {
        (self.drafts, self.unread, self.named) = (drafts, unread, Default::default());
    }

    /// What `rule` makes of exactly these tokens.
    pub fn exactly<T>(&mut self, tokens: Range<usize>, rule: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        (self.at, self.end) = (tokens.start, tokens.end);
        rule(self).filter(|_| self.done())
    }
}

impl Parser<'_> {
    fn sentences(&mut self) {
        while self.at < self.tokens.len() {
            let ends = self.tokens[self.at..].iter().position(Token::ends_sentence);
            let start = self.at;
            self.end = ends.map_or(self.tokens.len(), |ends| self.at + ends);
            let at_line = start == 0 || self.tokens[start - 1].kind == TokenKind::Break;
            if at_line && self.table().is_some() {
                continue;
            }
            self.began = start;
            self.addressed = self.remarked_on().or_else(|| self.then_of_the_same());
            self.sentence();
            let wonders = wonders(self.tokens, start..self.end);
            // What hangs on a condition, a time or a negation that was not understood is not understood at all.
            let turned = |tokens: &Range<usize>| {
                tokens.start >= start && self.tokens[tokens.clone()].iter().any(|token| vocabulary::turns(&token.word))
            };
            if self.unread.iter().rev().take_while(|tokens| tokens.start >= start).any(turned) || wonders {
                self.forget(start);
            }
            self.at = self.end + usize::from(ends.is_some());
        }
    }

    /// Takes back everything read from token `start` on, up to the end of the sentence.
    fn forget(&mut self, start: usize) {
        while self.unread.last().is_some_and(|tokens| tokens.start >= start) {
            self.unread.pop();
        }
        while self.drafts.last().is_some_and(|draft| draft.tokens().start >= start) {
            self.drafts.pop();
        }
        if let Some(draft) = self.drafts.last_mut() {
            draft.retract(start);
        }
        self.asides.retain(|aside| aside.start < start);
        self.unread.push(start..self.end);
    }

    fn sentence(&mut self) {
        loop {
            self.courtesies();
            if self.done() {
                return;
            }
            let clause = self.at;
            // What reads nothing of the text would be read for ever.
            if self.clause() && self.at > clause {
                continue;
            }
            self.at = clause;
            self.skip();
        }
    }

    /// Reads a clause, or what goes on with the one before.
    fn clause(&mut self) -> bool {
        if self.is_phrase_alone() && self.continuation().is_some()
            || self.attempt(Self::gapped).is_some()
            || self.attempt(Self::echoed).is_some()
            || self.attempt(Self::the_same).is_some()
            || self.attempt(Self::defaults).is_some()
            || self.attempt(Self::kinds_said).is_some()
            || self.attempt(Self::their_disks).is_some()
            || self.attempt(Self::snapshot_name).is_some()
        {
            return true;
        }
        // “the other to pve2” is said of one of the new guests.
        let goes_on = matches!(self.drafts.last(), Some(Draft::Create(_)))
            && !matches!(self.word(), "a" | "another")
            && (self.ahead(Self::places_among_them)
                || self.ahead(Self::all_of_them)
                || matches!(self.word(), "type" | "kind")
                || self.before_kind()
                || self.ahead(Self::names_the_next)
                || self.ahead(Self::says_more_of_it));
        goes_on && self.continuation().is_some()
            || self.ahead(Self::told_to_change) && self.addressing().is_some()
            || self.statement().is_some()
            || self.names_something() && self.remark_from(self.at) && self.aside().is_some()
            || self.continuation().is_some()
            || self.addressing().is_some()
            || self.going_on().is_some()
            || self.attempt(Self::left_alone).is_some()
            || self.aside().is_some()
    }

    /// “…, 4 GB RAM” behind a new guest: a phrase that ends its clause is no statement, which is seen sooner than by trying
    /// them all. At the beginning of a sentence it may be one: “2 cores, 4 GB RAM for each”.
    fn is_phrase_alone(&mut self) -> bool {
        matches!(self.drafts.last(), Some(Draft::Create(_)))
            && self.at > self.began
            && self.addressed.is_none()
            && self.ahead(|p| {
                let end = p.clause_end();
                p.item(How::Create).filter(|item| item.tokens.end == end)
            })
    }

    /// Whether a new guest was begun without its kind, and a noun for that stands here.
    fn before_kind(&mut self) -> bool {
        matches!(self.drafts.last(), Some(Draft::Create(group)) if group.kind.is_none() && group.tokens.end + 2 >= self.at)
            && self.ahead(Self::guest_noun)
    }

    /// A statement of its own.
    pub fn statement(&mut self) -> Option<()> {
        let before = self.drafts.len();
        if self.ahead(Self::begins_anew) || self.ahead(Self::numbered_anew) || self.ahead(Self::makes_anew) {
            return self.attempt(Self::create);
        }
        let read = self
            .attempt(Self::that_disk)
            .or_else(|| self.attempt(Self::firewall))
            .or_else(|| self.attempt(Self::deed))
            .or_else(|| self.attempt(Self::change))
            .or_else(|| self.attempt(Self::field_by_guest))
            .or_else(|| if self.ahead(Self::numbered_already) { None } else { self.attempt(Self::create) });
        if read.is_none() {
            self.drafts.truncate(before);
        }
        read
    }

    /// Gives up a clause, or of a guest that is being described only the words up to the next that fit.
    fn skip(&mut self) {
        let start = self.at;
        let describing = matches!(self.drafts.last(), Some(Draft::Create(_)));
        // An enumeration is given up whole: to try it anew from each of its parts would take quadratic time.
        let enumerated = !describing && (self.targets().is_some() || self.attempt(|p| p.names(true)).is_some());
        // Whom a sentence addresses is meant without a word.
        if !enumerated || self.at == start {
            self.at = start + 1;
        }
        while !(self.at_boundary() || describing && self.ahead(Self::goes_on)) {
            self.at += 1;
        }
        self.unread.push(start..self.at);
    }
}

#[cfg(test)]
mod tests {
    use mycopod_core::ports::Inventory;
    use mycopod_core::reading::MAX_DECLARATION;

    use super::Parser;
    use crate::lexer::lex;

    /// Texts that make a careless rule look at the rest of the text again at each word.
    const PATTERNS: [&str; 32] = [
        "VM a-1: 2 cores, 4 GB RAM, 20 GB disk on local-lvm, vmbr1 vlan 20\n",
        "delete ",
        "web-1, ",
        "“",
        "not a. ",
        "1 2 3 ",
        "the the ",
        "flurbish ",
        "give web-01 4 cores and ",
        "2x",
        "/",
        "((((",
        "tag a, b and ",
        "start web-01 and ",
        "memory of ",
        "''",
        "1.",
        "vm ",
        "all ",
        "it ",
        "descriptoin ",
        "nesting, ",
        "discard and ",
        "cache of scsi1 of ",
        "remove the snapshot ",
        "dns 1.1.1.1, ",
        "enable nesting and keyctl on ",
        "scsi0, ",
        "net1 of ",
        "boot order ",
        "with ",
        "@ ",
    ];

    fn visits(text: &str) -> (usize, usize) {
        let tokens = lex(text, |_| false);
        let inventory = Inventory::default();
        let mut parser = Parser::new(text, &tokens, &inventory);
        parser.sentences();
        (parser.visits.get(), tokens.len())
    }

    #[test]
    fn the_longest_declarations_are_read_in_linear_time() {
        /// Every rule looks at the first words of its clause, some of them again further on; what reads the rest of
        /// the text at each word takes ten times that.
        const PER_TOKEN: usize = 5_000;
        for pattern in PATTERNS {
            let text: String = pattern.chars().cycle().take(MAX_DECLARATION).collect();
            let (visits, tokens) = visits(&text);
            assert!(visits <= PER_TOKEN * tokens, "{pattern:?} took {visits} looks at {tokens} tokens");
        }
    }
}

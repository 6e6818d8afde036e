//! From the model's fragments to a reading: each must stand in the text, and its words decide, not the model.

use std::ops::Range;

use mycopod_core::field::{DiskPart, Plain};
use mycopod_core::ports::Inventory;
use mycopod_core::reading::{Amount, Answers, Deed, DiskRef, Reading, Selector, Sourced, Target};

use crate::account;
use crate::builtin::Parser;
use crate::builtin::change::{LESS, MORE, stepped};
use crate::builtin::draft::{self, Change, Context, Copy, Doing, Draft, Group};
use crate::builtin::fields::Named;
use crate::builtin::item::{DiskItem, How, Item, Said, Which};
use crate::builtin::named::Noun;
use crate::builtin::target::Targets;
use crate::cluster;
use crate::lexer::{Token, TokenKind, lex};
use crate::vocabulary;

use super::raw::{Action, RawField, RawReading, RawStatement, RawValue};

/// Words that only hold a sentence together. Others that the model leaves out become questions.
const LINKS: &str = "i we me us you my our your would like could can let's i'd we'd will shall should must it its it's them their they there \
     that this these those which who of on for in at to with called named name is are be has have having as so do it \
     then next finally additionally afterwards";

/// The words by which an action that is grounded word by word is known.
struct Evidence {
    /// Those that may be part of its verb.
    verb: &'static str,
    /// Those of which one must be there; none where the values prove it.
    proof: &'static str,
}

/// Words without which a text does not ask for an action, whatever the model says; `None` where the built-in reader’s
/// rules must read all of its words.
fn evidence(action: Action) -> Option<Evidence> {
    let (verb, proof) = match action {
        Action::Create => {
            ("create make build provision deploy set setup add spin launch new need want like up give get declare", "")
        }
        Action::Change => (
            "set change adjust update modify configure resize make let have put give gets get needs need has should shall must assign add attach \
             remove take tag label untag protect unprotect enable disable activate deactivate turn switch rename move connect plug double triple \
             quadruple halve increase raise grow extend expand enlarge bump boost upgrade reduce decrease lower shrink cut scale start starts up down on off",
            "",
        ),
        Action::Start => ("start boot on up launch fire", "start boot on up launch fire"),
        Action::Stop => (
            "stop off down shutdown shut halt kill plug force forcefully hard pull power turn switch the",
            "stop off down shutdown halt kill plug",
        ),
        Action::Reboot => ("reboot restart", "reboot restart"),
        Action::Delete => ("delete destroy remove rid tear down get of", "delete destroy remove rid tear"),
        Action::Snapshot => ("snapshot snapshots take make create a", "snapshot snapshots"),
        Action::Clone => ("clone copy duplicate make create full linked a", "clone copy duplicate"),
        Action::Adopt => ("adopt take over manage control of", "adopt over manage control"),
        Action::Suspend
        | Action::Resume
        | Action::Rollback
        | Action::DeleteSnapshot
        | Action::Backup
        | Action::Restore
        | Action::MakeTemplate
        | Action::Migrate
        | Action::DetachDisk
        | Action::DeleteDisk
        | Action::RemoveNic => return None,
    };
    Some(Evidence { verb, proof })
}

fn is_in(words: &str, word: &str) -> bool {
    !word.is_empty() && words.split_whitespace().any(|known| known == word)
}

/// The state of a grounding.
pub struct Grounder<'a> {
    text: &'a str,
    tokens: &'a [Token],
    inventory: &'a Inventory,
    parser: Parser<'a>,
    covered: Vec<bool>,
}

impl<'a> Grounder<'a> {
    /// Nothing is covered yet.
    pub fn new(text: &'a str, tokens: &'a [Token], inventory: &'a Inventory) -> Self {
        let parser = Parser::new(text, tokens, inventory);
        Self { text, tokens, inventory, parser, covered: vec![false; tokens.len()] }
    }

    /// Takes the model's statements over as far as the text bears them out. The error names a fragment that does not
    /// stand in the text.
    pub fn ground(mut self, raw: &RawReading) -> Result<Self, String> {
        for statement in &raw.statements {
            self.statement(statement)?;
        }
        Ok(self)
    }

    /// The reading, with a question for every word that is not covered.
    pub fn finish(mut self, answers: &Answers) -> Reading {
        let mut unread = Vec::new();
        let mut start = 0;
        while start < self.tokens.len() {
            let end =
                self.tokens[start..].iter().position(Token::ends_sentence).map_or(self.tokens.len(), |end| start + end);
            self.sentence(start..end, &mut unread);
            start = end + 1;
        }
        let drafts = std::mem::take(&mut self.parser.drafts);
        if drafts.is_empty()
            && let Some(refusal) = account::off_topic(self.tokens, self.inventory)
        {
            return Reading { refusal: Some(refusal), ..Reading::default() };
        }
        let context = Context { text: self.text, tokens: self.tokens, inventory: self.inventory, answers };
        draft::finish(&context, drafts, &unread)
    }

    /// What is open in a sentence; where one of its open words turns its meaning round, the whole of it.
    fn sentence(&mut self, sentence: Range<usize>, unread: &mut Vec<Range<usize>>) {
        let open = |at: &usize| self.is_open(*at);
        if self.turns(sentence.clone().filter(open)) {
            self.parser
                .drafts
                .retain(|draft| draft.tokens().end <= sentence.start || draft.tokens().start >= sentence.end);
            unread.push(sentence);
        } else {
            unread.extend(sentence.filter(open).map(|at| at..at + 1));
        }
    }

    /// Whether a token says something that nothing covers.
    fn is_open(&self, at: usize) -> bool {
        let token = &self.tokens[at];
        !self.covered[at] && account::is_content(token) && !is_in(LINKS, &token.word)
    }

    /// Whether one of these tokens turns the meaning of its sentence round.
    fn turns(&self, mut tokens: impl Iterator<Item = usize>) -> bool {
        tokens.any(|at| vocabulary::turns(&self.tokens[at].word))
    }

    /// Where `words` stand, token by token, within some tokens; a place that nothing else covers is preferred.
    fn find(&self, words: &str, within: &Range<usize>) -> Result<Range<usize>, String> {
        let wanted = self.lex(words);
        let wanted: Vec<&Token> = wanted.iter().filter(|token| token.kind != TokenKind::Break).collect();
        let fits = |start: usize| {
            let here = self.tokens[start..within.end].iter().take(wanted.len());
            !wanted.is_empty()
                && start + wanted.len() <= within.end
                && here.zip(&wanted).all(|(token, wanted)| token.text == wanted.text && token.kind == wanted.kind)
        };
        let places: Vec<usize> = within.clone().filter(|start| fits(*start)).collect();
        let free = places.iter().find(|start| !self.covered[**start]);
        let start = free.or(places.first()).ok_or_else(|| {
            let words: String = words.chars().take(80).collect();
            format!("“{words}” does not stand in the text.")
        })?;
        Ok(*start..start + wanted.len())
    }

    /// The model's words without those that name the cluster, as the text's tokens are.
    fn lex(&self, words: &str) -> Vec<Token> {
        let mut tokens = lex(words, |_| true);
        cluster::Named::take(words, &mut tokens, &self.inventory.clusters);
        tokens
    }

    fn cover(&mut self, tokens: &Range<usize>) {
        self.covered[tokens.clone()].fill(true);
    }

    fn statement(&mut self, raw: &RawStatement) -> Result<(), String> {
        let whole = self.find_loosely(&raw.words)?;
        let verb = if raw.verb.trim().is_empty() { None } else { Some(self.find(&raw.verb, &whole)?) };
        let said: Vec<String> = verb
            .clone()
            .map_or_else(Vec::new, |verb| self.tokens[verb].iter().map(|token| token.word.clone()).collect());
        let Some(evidence) = evidence(raw.action) else {
            let draft = self.by_rule(raw.action, &whole);
            self.parser.drafts.extend(draft);
            return Ok(());
        };
        let proven = evidence.proof.is_empty() || said.iter().any(|word| is_in(evidence.proof, word));
        if !proven {
            // Nothing of it is covered, so that its words are asked about.
            return Ok(());
        }
        for at in verb.into_iter().flatten() {
            self.covered[at] |= is_in(evidence.verb, &self.tokens[at].word);
        }
        let draft = match raw.action {
            Action::Create => self.create(raw, &whole)?,
            Action::Change => self.change(raw, &whole, &said)?,
            Action::Clone => self.clone_guest(raw, &whole)?,
            deed => self.deed(deed, raw, &whole, &said)?,
        };
        self.parser.drafts.extend(draft);
        Ok(())
    }

    /// A statement's words may run over several lines and leave words out; its first and last must stand there.
    fn find_loosely(&self, words: &str) -> Result<Range<usize>, String> {
        let all = 0..self.tokens.len();
        self.find(words, &all).or_else(|error| {
            let wanted = self.lex(words);
            let mut content = wanted.iter().filter(|token| token.is_content());
            let (Some(first), Some(last)) = (content.next(), wanted.iter().rfind(|token| token.is_content())) else {
                return Err(error);
            };
            let start = self.find(&first.text, &all)?.start;
            let end = self.find(&last.text, &(start..self.tokens.len()))?.end;
            Ok(start..end)
        })
    }

    /// What a rule makes of a fragment; it must use all of it.
    fn parse<T>(&mut self, tokens: &Range<usize>, rule: impl FnOnce(&mut Parser<'a>) -> Option<T>) -> Option<T> {
        let read = self.parser.exactly(tokens.clone(), rule)?;
        self.cover(tokens);
        Some(read)
    }

    fn names(&mut self, raw: &RawStatement, whole: &Range<usize>) -> Result<Vec<Said<String>>, String> {
        let mut names = Vec::new();
        for words in &raw.names {
            let tokens = self.find(words, whole)?;
            let read = self.parse(&tokens, |p| p.names(true)).or_else(|| {
                self.parse(&tokens, |p| p.any_name().map(|value| vec![Said { value, tokens: tokens.clone() }]))
            });
            names.extend(read.unwrap_or_default());
        }
        Ok(names)
    }

    fn targets(&mut self, raw: &RawStatement, whole: &Range<usize>) -> Result<Vec<Target>, String> {
        let mut targets = Vec::new();
        for words in &raw.targets {
            let tokens = self.find(words, whole)?;
            match self.parse(&tokens, Parser::targets) {
                Some(Targets::Old(read)) => targets.extend(read),
                Some(Targets::New) | None => {
                    let span = self.parser.span(&tokens);
                    targets.push(Target { span, selector: Selector::Vague(span.of(self.text)) });
                    if !self.turns(tokens.clone()) {
                        self.cover(&tokens);
                    }
                }
            }
        }
        Ok(targets)
    }

    fn items(&mut self, raw: &RawStatement, whole: &Range<usize>, how: How) -> Result<Vec<Said<Item>>, String> {
        let mut items = Vec::new();
        for value in &raw.values {
            if value.field == RawField::Cluster {
                // Which cluster is meant is found by code; words that it does not know are asked about.
                continue;
            }
            let tokens = self.find(&value.words, whole)?;
            if let Some(item) = self.item(value, &tokens, how) {
                items.push(Said { value: item, tokens });
            }
        }
        Ok(items)
    }

    /// The value that a fragment says. The field is the model's word only where the words name none themselves.
    fn item(&mut self, value: &RawValue, tokens: &Range<usize>, how: How) -> Option<Item> {
        let read = self.parser.exactly(tokens.clone(), |p| p.item(how)).map(|item| item.value);
        let item = match read {
            Some(Item::Bare(amount)) => match value.field {
                RawField::Named(Named::Plain(plain @ (Plain::Memory | Plain::Swap | Plain::Balloon))) => {
                    Some(Item::Plain(plain, amount))
                }
                RawField::Disk => {
                    let which = if how == How::Create { Which::One } else { Which::The(DiskRef::Only) };
                    Some(Item::Disk(DiskItem::sized(amount, which)))
                }
                _ => None,
            },
            Some(item) => is_of(&item, value.field).then_some(item),
            None => {
                let noun = noun(value.field)?;
                self.parser.exactly(tokens.clone(), |p| p.connected_value(&noun, how)).or_else(|| {
                    let amount = match how {
                        How::Add => Amount::Plus,
                        How::Remove => Amount::Minus,
                        _ => return None,
                    };
                    let step = self.parser.exactly(tokens.clone(), Parser::step)?;
                    stepped(&noun, step, amount)
                })
            }
        }?;
        self.cover(tokens);
        Some(item)
    }

    fn create(&mut self, raw: &RawStatement, whole: &Range<usize>) -> Result<Option<Draft>, String> {
        let mut group = Group::new(whole.clone(), whole.clone());
        if !raw.kind.trim().is_empty() {
            let tokens = self.find(&raw.kind, whole)?;
            if let Some(noun) = self.parse(&tokens, Parser::guest_noun) {
                group.plural = noun.plural;
                group.kind = noun.kind_to_make().map(|value| Said { value, tokens });
            }
        }
        if !raw.count.trim().is_empty() {
            let tokens = self.find(&raw.count, whole)?;
            group.count = self.parse(&tokens, Parser::number).map(|value| Said { value, tokens });
        }
        group.members = self.names(raw, whole)?;
        group.items = self.items(raw, whole, How::Create)?.into_iter().map(|item| (None, item)).collect();
        Ok(Some(Draft::Create(group)))
    }

    fn change(&mut self, raw: &RawStatement, whole: &Range<usize>, said: &[String]) -> Result<Option<Draft>, String> {
        let any = |words: &str| {
            said.iter().any(|word| words.split('|').any(|known| known.split(' ').any(|known| known == word)))
        };
        let factor = said.iter().find_map(|word| match word.as_str() {
            "double" => Some(Amount::Times(2)),
            "triple" => Some(Amount::Times(3)),
            "quadruple" => Some(Amount::Times(4)),
            "halve" => Some(Amount::Over(2)),
            _ => None,
        });
        let how = if any(MORE.text()) {
            How::More
        } else if any(LESS.text()) {
            How::Less
        } else if any("add|attach") {
            How::Add
        } else if any("remove|take|untag") {
            How::Remove
        } else {
            How::Give
        };
        let targets = self.targets(raw, whole)?;
        let items = match factor {
            None => self.items(raw, whole, how)?,
            Some(amount) => self.scaled(raw, whole, &amount)?,
        };
        let understood = !targets.is_empty() && !items.is_empty();
        Ok(understood.then(|| Draft::Change(Change { tokens: whole.clone(), targets, items, how })))
    }

    fn scaled(&mut self, raw: &RawStatement, whole: &Range<usize>, amount: &Amount) -> Result<Vec<Said<Item>>, String> {
        let mut items = Vec::new();
        for value in &raw.values {
            let tokens = self.find(&value.words, whole)?;
            let item = match self.parse(&tokens, Parser::noun) {
                Some(Noun::Plain(plain @ (Plain::Cores | Plain::Sockets | Plain::Memory | Plain::Swap))) => {
                    Item::Plain(plain, amount.clone())
                }
                Some(Noun::Disk(which, false)) => Item::Disk(DiskItem::sized(amount.clone(), which)),
                _ => continue,
            };
            items.push(Said { value: item, tokens });
        }
        Ok(items)
    }

    fn deed(
        &mut self,
        action: Action,
        raw: &RawStatement,
        whole: &Range<usize>,
        said: &[String],
    ) -> Result<Option<Draft>, String> {
        let hard = said.iter().any(|word| is_in("kill plug force forcefully hard", word));
        let name = self.names(raw, whole)?.pop();
        let deed = match action {
            Action::Start => Deed::Start,
            Action::Stop if hard => Deed::Stop,
            Action::Stop => Deed::Shutdown { within: None },
            Action::Reboot => Deed::Reboot,
            Action::Delete => Deed::Delete,
            Action::Adopt => Deed::Adopt,
            Action::Snapshot => {
                Deed::Snapshot { name: name.map(|name| Sourced::new(name.value, self.parser.source(&name.tokens))) }
            }
            // The others have been read by now.
            _ => return Ok(None),
        };
        let targets = self.targets(raw, whole)?;
        // “delete the disk of web-01” deletes no guest, whatever becomes of the words that are open.
        if deed == Deed::Delete && whole.clone().any(|at| self.is_open(at)) {
            return Ok(None);
        }
        Ok((!targets.is_empty()).then(|| Draft::Do(Doing { tokens: whole.clone(), targets, deed })))
    }

    /// A deed that the built-in reader’s rules read in these words, all of them; the model only says where it stands.
    fn by_rule(&mut self, action: Action, whole: &Range<usize>) -> Option<Draft> {
        let before = self.parser.drafts.len();
        let read = self.parser.exactly(whole.clone(), Parser::deed);
        let drafts = self.parser.drafts.split_off(before);
        read?;
        let [draft] = <[Draft; 1]>::try_from(drafts).ok()?;
        let is_meant = match &draft {
            Draft::Do(doing) => action_of(&doing.deed) == Some(action),
            Draft::Remove(_) => matches!(action, Action::DetachDisk | Action::DeleteDisk),
            Draft::Create(_) | Draft::Change(_) | Draft::Clone(_) | Draft::Facility(_) => false,
        };
        is_meant.then(|| {
            self.cover(whole);
            draft
        })
    }

    fn clone_guest(&mut self, raw: &RawStatement, whole: &Range<usize>) -> Result<Option<Draft>, String> {
        let targets = self.targets(raw, whole)?;
        let names = self.names(raw, whole)?;
        let items = self.items(raw, whole, How::Give)?;
        let full = whole.clone().find(|at| is_in("full linked", &self.tokens[*at].word)).map(|at| {
            let full = self.tokens[at].word == "full";
            self.covered[at] = true;
            Sourced::new(full, self.parser.source(&(at..at + 1)))
        });
        let (Ok([from]), Ok([name])) = (<[Target; 1]>::try_from(targets), <[Said<String>; 1]>::try_from(names)) else {
            return Ok(None);
        };
        let name = Sourced::new(name.value, self.parser.source(&name.tokens));
        Ok(Some(Draft::Clone(Copy { tokens: whole.clone(), from, names: vec![name], full, items })))
    }
}

/// Whether a phrase that names its field itself names the one that the model gave it.
fn is_of(item: &Item, field: RawField) -> bool {
    let named = |named: Named| field == RawField::Named(named);
    match item {
        Item::Plain(plain, _) | Item::Unitless(plain, _) | Item::OnStorage(plain) => named(Named::Plain(*plain)),
        Item::Disk(_) | Item::Several(_) => field == RawField::Disk,
        Item::DiskPart(_, part, _) => named(Named::Disk(*part)),
        // A bridge and its VLAN are said in one.
        Item::Nic { .. } | Item::Address(_) | Item::NicCount(_) => matches!(field, RawField::Named(Named::Nic(_))),
        Item::Storage(_) => named(Named::Disk(DiskPart::Storage)),
        Item::Node(_) => named(Named::Node),
        Item::Image(_) => field == RawField::Image,
        Item::Bare(_) | Item::Firewall(..) | Item::Vmid(_) | Item::Like(_) | Item::Same => false,
    }
}

fn noun(field: RawField) -> Option<Noun> {
    Some(match field {
        RawField::Named(Named::Plain(plain)) => Noun::Plain(plain),
        RawField::Named(Named::Disk(DiskPart::Storage)) => Noun::Storage,
        RawField::Named(Named::Disk(part)) => Noun::DiskPart(None, part),
        RawField::Named(Named::Nic(part)) => Noun::Nic(None, part),
        RawField::Named(Named::Node) => Noun::Node,
        RawField::Disk => Noun::Disk(Which::The(DiskRef::Only), false),
        RawField::Image | RawField::Cluster => return None,
    })
}

/// The action that a deed of the built-in reader’s own rules is; `None` for those that are grounded word by word.
const fn action_of(deed: &Deed) -> Option<Action> {
    Some(match deed {
        Deed::Suspend => Action::Suspend,
        Deed::Resume => Action::Resume,
        Deed::Rollback { .. } => Action::Rollback,
        Deed::DeleteSnapshot { .. } => Action::DeleteSnapshot,
        Deed::Backup { .. } => Action::Backup,
        Deed::Restore { .. } => Action::Restore,
        Deed::MakeTemplate => Action::MakeTemplate,
        Deed::Migrate { .. } => Action::Migrate,
        Deed::Detach(_) => Action::DetachDisk,
        Deed::DestroyDisk(_) => Action::DeleteDisk,
        Deed::RemoveNic(_) => Action::RemoveNic,
        Deed::Start
        | Deed::Shutdown { .. }
        | Deed::Stop
        | Deed::Reboot
        | Deed::Delete
        | Deed::Snapshot { .. }
        | Deed::Adopt => return None,
    })
}

#[cfg(test)]
mod tests {
    use mycopod_core::ports::Inventory;
    use mycopod_core::reading::{Answers, Deed, What};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::{Grounder, RawReading};
    use crate::lexer::lex;

    /// Some words in a row of `text`.
    fn part(text: &str) -> impl Strategy<Value = String> + use<> {
        let words: Vec<String> = text.split_inclusive(' ').map(str::to_owned).collect();
        let count = words.len();
        (0..count, 0..=4_usize)
            .prop_map(move |(from, length)| words[from..(from + length).min(count)].concat().trim().to_owned())
    }

    fn statement(text: &'static str) -> impl Strategy<Value = Value> {
        let actions = ["create", "change", "start", "stop", "reboot", "delete", "snapshot", "clone", "adopt"];
        let fields = [
            "cores",
            "memory",
            "disk",
            "bridge",
            "vlan",
            "ip",
            "tags",
            "running",
            "onboot",
            "node",
            "storage",
            "image",
            "name",
            "protection",
        ];
        let values = prop::collection::vec((prop::sample::select(fields.to_vec()), part(text)), 0..4);
        let parts = || prop::collection::vec(part(text), 0..3);
        (prop::sample::select(actions.to_vec()), any::<bool>(), part(text), part(text), part(text), part(text), parts(), parts(), values).prop_map(
            move |(action, all, words, verb, kind, count, names, targets, values)| {
                let values: Vec<Value> = values.into_iter().map(|(field, words)| json!({ "field": field, "words": words })).collect();
                let words = if all { text.to_owned() } else { words };
                json!({ "action": action, "words": words, "verb": verb, "kind": kind, "count": count, "names": names, "targets": targets, "values": values })
            },
        )
    }

    const TEXTS: [&str; 5] = [
        "create two VMs a-1 and a-2 with 2 cores, 4 GB RAM and a 20 GB disk on vmbr1 vlan 20",
        "web-01 gets 4 cores, then start test-1 and stop web-02",
        "increase the memory of web-01 by 2 GB, do not delete web-02",
        "give db-1 8 GB of memory unless it is night, and clone web-02 as web-03",
        "reboot web-01 and snapshot db-1 as pre, tagged prod",
    ];

    fn any_answer() -> impl Strategy<Value = (&'static str, Value)> {
        prop::sample::select(TEXTS.to_vec()).prop_flat_map(|text| {
            prop::collection::vec(statement(text), 0..4)
                .prop_map(move |statements| (text, json!({ "statements": statements })))
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2_000, ..ProptestConfig::default() })]

        /// A model that cuts the text at random may make it ask, but not act on what the text does not say.
        #[test]
        fn no_answer_of_the_model_acts_against_the_text((text, answer) in any_answer()) {
            let inventory = Inventory::default();
            let tokens = lex(text, |_| false);
            let raw = RawReading::parse(&answer.to_string()).unwrap();
            let Ok(grounded) = Grounder::new(text, &tokens, &inventory).ground(&raw) else { return Ok(()) };
            let reading = grounded.finish(&Answers::default());
            let deletes = reading.statements.iter().any(|s| matches!(s.what, What::Do { deed: Deed::Delete, .. }));
            prop_assert!(!deletes, "{:?}", reading);
            let turned = ["not", "unless"].iter().any(|word| text.contains(word));
            prop_assert!(!turned || !reading.questions.is_empty(), "{:?}", reading);
        }
    }
}

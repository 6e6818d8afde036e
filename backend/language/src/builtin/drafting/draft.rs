//! What was read, phrase by phrase, before it becomes statements and questions.

use std::collections::BTreeSet;
use std::ops::Range;

use mycopod_core::field::NicPart;
use mycopod_core::guest::Kind;
use mycopod_core::ports::Inventory;
use mycopod_core::reading::{
    Answers, Deed, DiskRef, Question, Reading, Selector, Source, Sourced, Span, Statement, Target, WantedFacility, What,
};

use crate::account;
use crate::lexer::{Token, source, span};

use super::describe;
use super::edits;
use super::settle;
use crate::builtin::making::members;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::whom::target::are_one;

/// The most names offered to choose from: more is a list nobody reads. Others may still be typed.
pub const MAX_OPTIONS: usize = 12;

/// A statement in the making.
#[derive(Clone, Debug)]
pub enum Draft {
    /// New guests of one description.
    Create(Group),
    /// Other values for guests that exist.
    Change(Change),
    /// A deed.
    Do(Doing),
    /// A disk that goes, and nobody said whether with its data.
    Remove(Removal),
    /// A copy.
    Clone(Copy),
    /// Something around the guests.
    Facility(Arrangement),
}

/// New guests of one description.
#[derive(Clone, Debug)]
pub struct Group {
    /// Everything that was said of them.
    pub tokens: Range<usize>,
    /// “three VMs”.
    pub head: Range<usize>,
    /// Their kind, where it was said.
    pub kind: Option<Said<Kind>>,
    /// How many, where it was said.
    pub count: Option<Said<u64>>,
    /// Whether there may be several.
    pub plural: bool,
    /// Their names.
    pub members: Vec<Said<String>>,
    /// What was said of all of them, or of the member of that number.
    pub items: Vec<(Option<usize>, Said<Item>)>,
    /// What was said of the guest that it shall be the same as, where it is one of this text.
    pub base: Vec<(Option<usize>, Said<Item>)>,
    /// The members that are being described; all where there are none.
    pub focus: Vec<usize>,
    /// Whether what follows holds for the groups before as well: “both with 2 cores”.
    pub shared: bool,
    /// “a small VM”: a word that says how large they are, where no number does.
    pub vague: Option<Range<usize>>,
}

impl Group {
    /// A group of which nothing but its head is known.
    pub const fn new(tokens: Range<usize>, head: Range<usize>) -> Self {
        Self {
            tokens,
            head,
            kind: None,
            count: None,
            plural: false,
            members: Vec::new(),
            items: Vec::new(),
            base: Vec::new(),
            focus: Vec::new(),
            shared: false,
            vague: None,
        }
    }

    /// Adds a phrase to the members that are being described.
    pub fn say(&mut self, item: Said<Item>) {
        if self.focus.is_empty() {
            self.items.push((None, item));
        } else {
            self.items.extend(self.focus.iter().map(|member| (Some(*member), item.clone())));
        }
    }

    /// One more member. What was said behind those before it, where nobody said how many there would be, is theirs alone.
    pub fn join(&mut self, member: Said<String>) -> usize {
        let first = self.members.first().map_or(usize::MAX, |first| first.tokens.start);
        let theirs = |whose: &Option<usize>, item: &Said<Item>| whose.is_none() && item.tokens.start > first;
        if self.plural && self.count.is_none() && self.items.iter().any(|(whose, item)| theirs(whose, item)) {
            let of_each = |(whose, item): (Option<usize>, Said<Item>)| {
                let members =
                    if theirs(&whose, &item) { (0..self.members.len()).map(Some).collect() } else { vec![whose] };
                members.into_iter().map(move |whose| (whose, item.clone()))
            };
            self.items = std::mem::take(&mut self.items).into_iter().flat_map(of_each).collect();
        }
        self.members.push(member);
        self.members.len() - 1
    }

    /// Whether names are still to come.
    pub fn awaits_names(&self) -> bool {
        self.plural
            && self.count.as_ref().is_none_or(|count| u64::try_from(self.members.len()).is_ok_and(|n| n < count.value))
    }

    /// What was said of a member, but for what “three VMs with 1 core, but blue gets 2” makes an exception from.
    pub fn items_of(&self, member: Option<usize>) -> impl Iterator<Item = &(Option<usize>, Said<Item>)> {
        let own = self.items.iter().filter(|(whose, _)| whose.is_some() && *whose == member);
        let own: Vec<&Said<Item>> = own.map(|(_, item)| item).filter(|_| self.members.len() > 1).collect();
        let excepted = move |item: &Said<Item>| {
            own.iter().any(|own| own.tokens.start > item.tokens.start && own.value.replaces(&item.value))
        };
        self.items
            .iter()
            .filter(move |(whose, item)| *whose == member && whose.is_some() || whose.is_none() && !excepted(item))
    }

    /// The member that `member` shall be like: “worker-9: same as worker-8”.
    pub fn sibling(&self, member: Option<usize>) -> Option<usize> {
        let like = self.items.iter().find_map(|(whose, item)| match &item.value {
            Item::Like(target) if whose.is_some() && *whose == member => Some(&target.selector),
            _ => None,
        })?;
        self.members
            .iter()
            .position(|other| *like == Selector::Name(other.value.clone()))
            .filter(|at| Some(*at) != member)
    }

    /// How many NICs were described.
    pub fn nics(&self) -> usize {
        let bridged = |item: &Item| match item {
            Item::Nic { parts, .. } => parts.iter().any(|(part, _)| *part == NicPart::Bridge),
            _ => false,
        };
        let described = |item: &Item| match item {
            Item::Several(items) => items.iter().filter(|item| bridged(item)).count(),
            item => usize::from(bridged(item)),
        };
        self.items.iter().map(|(_, item)| described(&item.value)).sum()
    }

    /// Whether nothing but a name, a place and an image was said of them.
    pub fn is_bare(&self) -> bool {
        self.items.iter().all(|(_, item)| matches!(item.value, Item::Image(_) | Item::Node(_)))
    }
}

/// Other values for guests that exist.
#[derive(Clone, Debug)]
pub struct Change {
    /// Everything that was said of it.
    pub tokens: Range<usize>,
    /// For whom.
    pub targets: Vec<Target>,
    /// The values.
    pub items: Vec<Said<Item>>,
    /// How the values are meant.
    pub how: How,
}

/// A deed.
#[derive(Clone, Debug)]
pub struct Doing {
    /// Everything that was said of it.
    pub tokens: Range<usize>,
    /// To whom.
    pub targets: Vec<Target>,
    /// What.
    pub deed: Deed,
}

/// Something that is made or deleted around the guests.
#[derive(Clone, Debug)]
pub struct Arrangement {
    /// Everything that was said of it.
    pub tokens: Range<usize>,
    /// What.
    pub wanted: WantedFacility,
}

/// A disk that goes.
#[derive(Clone, Debug)]
pub struct Removal {
    /// Everything that was said of it.
    pub tokens: Range<usize>,
    /// From whom.
    pub targets: Vec<Target>,
    /// Which disk.
    pub disk: DiskRef,
}

impl Removal {
    /// What the answer makes of it; without one it is asked.
    fn deed(&self, context: &Context<'_>, questions: &mut Vec<Question>) -> Option<Deed> {
        const KEPT: &str = "Keep it as an unused disk";
        const GONE: &str = "Delete it with its data";
        match context.answer("remove-disk", &self.tokens) {
            Some(KEPT) => Some(Deed::Detach(self.disk.clone())),
            Some(GONE) => Some(Deed::DestroyDisk(self.disk.clone())),
            _ => {
                let text = format!(
                    "“{}”: shall the disk be kept as an unused one, or deleted with its data?",
                    context.words(&self.tokens)
                );
                questions.push(context.question("remove-disk", &self.tokens, text, &[KEPT, GONE]));
                None
            }
        }
    }
}

/// A copy of a guest.
#[derive(Clone, Debug)]
pub struct Copy {
    /// Everything that was said of it.
    pub tokens: Range<usize>,
    /// Of whom.
    pub from: Target,
    /// Its name, or the names of several.
    pub names: Vec<Sourced<String>>,
    /// Full or linked.
    pub full: Option<Sourced<bool>>,
    /// Where it differs.
    pub items: Vec<Said<Item>>,
}

impl Copy {
    /// Whether one of the copies is called so.
    pub fn makes(&self, name: &str) -> bool {
        self.names.iter().any(|said| said.value == name)
    }

    /// The node that the copies shall be on and the VMID of a single one, taken out of what else was said.
    fn place(
        &mut self,
        context: &Context<'_>,
        questions: &mut Vec<Question>,
    ) -> (Option<Sourced<String>>, Option<Sourced<u32>>) {
        let (mut node, mut vmid) = (None, None);
        for said in std::mem::take(&mut self.items) {
            match said.value {
                Item::Node(name) => settle::once(context, "node", &mut node, name, &said.tokens, questions),
                Item::Vmid(number) if self.names.len() == 1 => {
                    settle::once(context, "vmid", &mut vmid, number, &said.tokens, questions);
                }
                _ => self.items.push(said),
            }
        }
        (node, vmid)
    }
}

impl Draft {
    /// Whether a new guest of that name is described.
    pub fn describes(&self, name: &str) -> bool {
        matches!(self, Self::Create(group) if group.members.iter().any(|member| member.value == name))
    }

    /// Everything that was said of it.
    pub const fn tokens(&self) -> &Range<usize> {
        match self {
            Self::Create(group) => &group.tokens,
            Self::Change(change) => &change.tokens,
            Self::Do(deed) => &deed.tokens,
            Self::Remove(removal) => &removal.tokens,
            Self::Clone(copy) => &copy.tokens,
            Self::Facility(arrangement) => &arrangement.tokens,
        }
    }

    /// The guests that exist which it is said of.
    pub fn targets(&self) -> &[Target] {
        match self {
            Self::Change(change) => &change.targets,
            Self::Do(doing) => &doing.targets,
            Self::Remove(removal) => &removal.targets,
            Self::Create(_) | Self::Clone(_) | Self::Facility(_) => &[],
        }
    }

    /// From the first to the last token of what was said of it, its values included.
    pub fn extent(&self) -> Range<usize> {
        let items: Vec<&Range<usize>> = match self {
            Self::Create(group) => {
                let members = group.members.iter().map(|member| &member.tokens);
                members.chain(group.items.iter().map(|(_, item)| &item.tokens)).collect()
            }
            Self::Change(change) => change.items.iter().map(|item| &item.tokens).collect(),
            Self::Clone(copy) => copy.items.iter().map(|item| &item.tokens).collect(),
            Self::Do(_) | Self::Remove(_) | Self::Facility(_) => Vec::new(),
        };
        let hull = |hull: Range<usize>, part: &Range<usize>| hull.start.min(part.start)..hull.end.max(part.end);
        items.into_iter().fold(self.tokens().clone(), hull)
    }

    /// Takes back what was said from token `start` on.
    pub fn retract(&mut self, start: usize) {
        let kept = |item: &Said<Item>| item.tokens.start < start;
        match self {
            Self::Create(group) => {
                group.members.retain(|member| member.tokens.start < start);
                group.items.retain(|(_, item)| kept(item));
                group.focus.retain(|focus| *focus < group.members.len());
                group.tokens.end = group.tokens.end.min(start);
            }
            Self::Change(change) => change.items.retain(kept),
            Self::Clone(copy) => copy.items.retain(kept),
            Self::Do(_) | Self::Remove(_) | Self::Facility(_) => {}
        }
    }
}

/// What statements and questions are made from.
pub struct Context<'a> {
    /// The declaration.
    pub text: &'a str,
    /// Its tokens.
    pub tokens: &'a [Token],
    /// The names on the cluster.
    pub inventory: &'a Inventory,
    /// The answers so far.
    pub answers: &'a Answers,
}

impl Context<'_> {
    /// The code points of some tokens.
    pub fn span(&self, tokens: &Range<usize>) -> Span {
        span(self.tokens, tokens)
    }

    /// The words of some tokens.
    pub fn words(&self, tokens: &Range<usize>) -> String {
        self.span(tokens).of(self.text)
    }

    /// That these tokens say it.
    pub fn source(&self, tokens: &Range<usize>) -> Source {
        source(self.text, self.tokens, tokens)
    }

    /// `value` as said by some tokens.
    pub fn said<T>(&self, value: T, tokens: &Range<usize>) -> Sourced<T> {
        Sourced::new(value, self.source(tokens))
    }

    /// The answer to the question on `topic` about some tokens.
    pub fn answer(&self, topic: &str, tokens: &Range<usize>) -> Option<&str> {
        self.answers.get(topic, Some(self.span(tokens)))
    }

    /// A question about some tokens.
    pub fn question(&self, topic: &str, tokens: &Range<usize>, text: impl Into<String>, options: &[&str]) -> Question {
        let options = options.iter().map(|option| (*option).to_owned()).collect();
        Question::new(topic, Some(self.span(tokens)), text, options)
    }
}

/// Gives each group that shall be the same as one before it what was said of that one.
fn bases(drafts: &mut [Draft]) {
    for at in 1..drafts.len() {
        let (before, rest) = drafts.split_at_mut(at);
        let [Draft::Create(group), ..] = rest else { continue };
        let model = group.items.iter().find_map(|(_, item)| match &item.value {
            Item::Same => before.last().map(|draft| (draft, None)),
            Item::SameAs(name) => before.iter().rfind(|draft| draft.describes(name)).map(|draft| (draft, Some(name))),
            _ => None,
        });
        if let Some((Draft::Create(before), name)) = model {
            let member = name.and_then(|name| before.members.iter().position(|member| member.value == *name));
            let of_all = before
                .items
                .iter()
                .chain(&before.base)
                .filter(|(whose, _)| whose.is_none() || *whose == member || before.members.len() == 1)
                // “a-1 with 2 cores and a second one like it, a-2. a-1 has 10.0.0.2/24”
                .filter(|(_, item)| item.tokens.start < group.tokens.start);
            group.base = of_all.map(|(_, item)| (None, item.clone())).collect();
        }
    }
}

/// The reading of everything that was drafted, and the questions about what was not; `asides` ask for nothing.
pub fn finish(
    context: &Context<'_>,
    mut drafts: Vec<Draft>,
    unread: &[Range<usize>],
    asides: &[Range<usize>],
) -> Reading {
    let fragments = account::fragments(context.text, context.tokens, unread);
    let asides = account::fragments(context.text, context.tokens, asides);
    let mut questions = account::questions(context.tokens, &fragments, context.answers);
    let mut statements = Vec::new();
    members::ask_about_neighbours(context, &drafts, &mut questions);
    bases(&mut drafts);
    for draft in drafts {
        let span = context.span(&draft.extent());
        let mut push = |what| statements.push(Statement { span, what });
        match draft {
            Draft::Create(group) => {
                for create in describe::creates(context, &group, &mut questions) {
                    push(What::Create(Box::new(create)));
                }
            }
            Draft::Change(change) => {
                let edits =
                    edits::edits(context, &change.items, change.how, false, !are_one(&change.targets), &mut questions);
                let edits = edits::in_its_direction(context, &change.tokens, edits);
                if !edits.is_empty() {
                    push(What::Change { targets: change.targets, edits });
                }
            }
            Draft::Do(deed) => push(What::Do { targets: deed.targets, deed: deed.deed }),
            Draft::Remove(removal) => {
                if let Some(deed) = removal.deed(context, &mut questions) {
                    push(What::Do { targets: removal.targets, deed });
                }
            }
            Draft::Clone(mut copy) => {
                let (node, vmid) = copy.place(context, &mut questions);
                let edits = edits::edits(context, &copy.items, How::Give, true, copy.names.len() > 1, &mut questions);
                for name in std::mem::take(&mut copy.names) {
                    let (from, full, node, edits) = (copy.from.clone(), copy.full.clone(), node.clone(), edits.clone());
                    push(What::Clone { from, name, vmid: vmid.clone(), node, full, edits });
                }
            }
            Draft::Facility(arrangement) => push(What::Facility(arrangement.wanted)),
        }
    }
    let mut seen = BTreeSet::new();
    questions.retain(|question| seen.insert(question.id.clone()));
    let refusal = (statements.is_empty() && questions.is_empty())
        .then(|| "Nothing is left to be done of this declaration.".to_owned());
    Reading {
        cluster: None,
        statements,
        questions,
        unread: fragments.into_iter().map(|(_, fragment)| fragment).collect(),
        asides: asides.into_iter().map(|(_, fragment)| fragment).collect(),
        refusal,
        ..Reading::default()
    }
}

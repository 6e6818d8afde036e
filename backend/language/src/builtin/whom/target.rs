//! Which guests are meant: names, ranges of names, numbers, tags, pronouns, and words too vague to tell.

use mycopod_core::field::Slot;
use mycopod_core::guest::{Kind, Vmid};
use mycopod_core::reading::{Selector, Target};

use crate::lexer::{Token, TokenKind};
use crate::vocabulary::{self, Class};

use crate::builtin::Parser;
use crate::builtin::said::fields;
use crate::builtin::said::item::{How, Said};
use crate::builtin::said::shaped::{is_device, is_machine};
use crate::builtin::wordings::words;

/// The most words of a vague description.
const MAX_VAGUE: usize = 6;

/// The least VMID that Proxmox gives.
const LEAST_VMID: u32 = 100;

/// A noun for guests.
#[derive(Clone, Copy, Debug)]
pub struct GuestNoun {
    /// Its kind, where it says one.
    pub kind: Option<Kind>,
    /// Whether it says more than one.
    pub plural: bool,
    /// “machine”: a VM where one is made, any guest where one is meant.
    pub machine: bool,
}

impl GuestNoun {
    /// The kind that it makes; “machine” means a VM there.
    pub fn kind_to_make(self) -> Option<Kind> {
        self.kind.or_else(|| self.machine.then_some(Kind::Qemu))
    }
}

/// Whom a sentence is about.
#[derive(Clone, Debug)]
pub enum Targets {
    /// Guests that exist.
    Old(Vec<Target>),
    /// What the declaration just described: the last new guests, or the copy.
    New,
}

/// What decides whom words mean, beside the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    at: usize,
    end: usize,
    drafts: usize,
    unread: usize,
    counting: bool,
}

/// Whom the words at a place name, as they were read before.
pub struct Named {
    state: State,
    addressed: Option<Vec<Target>>,
    targets: Option<Targets>,
    reached: usize,
}

/// Whether one guest is meant.
pub fn are_one(targets: &[Target]) -> bool {
    matches!(targets, [Target { selector: Selector::Name(_) | Selector::Vmid(_), .. }])
}

impl Parser<'_> {
    /// “VM”, “containers”, “machine (VM)”, “servers”.
    pub fn guest_noun(&mut self) -> Option<GuestNoun> {
        let noun = |kind, plural, machine| Some(GuestNoun { kind, plural, machine });
        if self.any(words!("virtual machines|kvm vms|qemu vms|vms")) {
            return noun(Some(Kind::Qemu), true, false);
        }
        // “qemu guest agent”
        let agent = self.word_ahead(1) == "guest" && self.word_ahead(2) == "agent";
        if !agent && self.any(words!("virtual machine|kvm vm|qemu vm|kvm guest|qemu guest|kvm machine|vm|kvm")) {
            return noun(Some(Kind::Qemu), false, false);
        }
        if self.any(words!("lxc containers|lxcs|containers|cts")) {
            return noun(Some(Kind::Lxc), true, false);
        }
        if self.any(words!("lxc container|lxc ct|container lxc|lxc|container|ct")) {
            return noun(Some(Kind::Lxc), false, false);
        }
        // “machine: q35” says a type.
        let typed = |p: &mut Self| {
            p.any(words!("machine")).then_some(())?;
            let _ = p.mark('=') || p.mark(':') || p.any(words!("type"));
            is_machine(p.word()).then_some(())
        };
        // So do “guest agent” and “machine type”.
        let names_a_field = self.field_length() > 1;
        if names_a_field || self.ahead(typed) {
            return None;
        }
        self.attempt(|p| {
            (p.any(words!("virtual")) && matches!(p.word(), "server" | "servers" | "box" | "boxes")).then_some(())
        });
        let (plural, machine) = match self.word() {
            "machine" => (false, true),
            "machines" => (true, true),
            "guest" | "server" | "box" | "instance" | "linux" => (false, false),
            "guests" | "servers" | "boxes" | "instances" => (true, false),
            _ => return None,
        };
        let linux = self.word() == "linux";
        self.at += 1;
        // “machine VM”, “server VM”, “Linux container”
        if let Some(noun) = self.attempt(|p| if machine || plural { None } else { p.guest_noun() }) {
            return Some(noun);
        }
        if linux {
            return None;
        }
        let bracketed =
            self.attempt(|p| (p.mark('(')).then_some(()).and_then(|()| p.guest_noun()).filter(|_| p.mark(')')));
        let kind = bracketed.and_then(|noun| noun.kind);
        Some(GuestNoun { kind, plural, machine })
    }

    /// [`Self::targets`], perhaps announced: “the following VMs: a, b”, “these: a, b”, “: a, b”.
    pub fn listed_targets(&mut self) -> Option<Targets> {
        // “reboot, please: web-01”
        self.attempt(|p| {
            (p.mark(',') && p.any(words!("please|kindly"))).then_some(())?;
            p.ahead(|p| p.mark(':').then_some(())).then_some(())
        });
        self.attempt(|p| {
            p.any(words!("the following|following|these"));
            p.attempt(Self::guest_noun);
            (p.mark(':') || p.any(words!("->|→|=>"))).then_some(())
        });
        self.targets()
    }

    /// Everyone a sentence names, joined by commas and “and”. Many rules begin with whom they are about, and ask at the same place:
    /// it is read once.
    pub fn targets(&mut self) -> Option<Targets> {
        let state = State {
            at: self.at,
            end: self.end,
            drafts: self.drafts.len(),
            unread: self.unread.len(),
            counting: self.counting,
        };
        if let Some((targets, reached)) = self.remembered(state) {
            self.at = reached;
            return targets;
        }
        // Where nobody is named with ranges, nobody is without them.
        if !self.counting
            && self.remembered(State { counting: true, ..state }).is_some_and(|(found, _)| found.is_none())
        {
            return None;
        }
        let addressed = self.addressed.clone();
        let targets = self.attempt(Self::everyone_named);
        let place = self.kept_at(state);
        self.named[place] = Some(Named { state, addressed, targets: targets.clone(), reached: self.at });
        targets
    }

    /// Whom it found in that state, and up to where.
    fn remembered(&self, state: State) -> Option<(Option<Targets>, usize)> {
        let known = self.named[self.kept_at(state)].as_ref()?;
        (known.state == state && known.addressed == self.addressed).then(|| (known.targets.clone(), known.reached))
    }

    /// Rules with and without counting come in between each other.
    fn kept_at(&self, state: State) -> usize {
        (2 * state.at + usize::from(state.counting)) % self.named.len()
    }

    /// “and mint-2” behind “mint-1”: the same word with another number.
    pub fn goes_on_like(&mut self, before: &Said<String>) -> Option<()> {
        let stem = |name: &str| name.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
        self.joint().then_some(())?;
        let next = &self.peek(0)?.text;
        (stem(next).ends_with('-') && stem(next) == stem(&before.value) && *next != before.value).then_some(())
    }

    /// Whether a guest stands behind the present word.
    fn named_at_next(&self) -> bool {
        self.peek(1).is_some_and(|token| self.inventory.guests.contains_key(token.text.as_str()))
    }

    fn everyone_named(&mut self) -> Option<Targets> {
        /// What may stand before each of those who are named.
        const LEADING: [&str; 4] = ["on", "of", "for", "to"];
        let lead = self.last_word().to_owned();
        let lead = lead.as_str();
        if let Some(targets) = self.attempt(Self::pronoun) {
            return Some(targets);
        }
        // “all of web-01, web-02 and db-1”
        let named = |p: &mut Self| {
            p.any(words!("both of|each of|all of|both|these two|these three|the following|these")).then_some(())?;
            p.guest_noun();
            let _ = p.mark(':') || p.mark(',');
            let known = p.peek(0).is_some_and(|token| p.inventory.guests.contains_key(token.text.as_str()));
            known.then(|| p.target())?
        };
        let first = self
            .attempt(Self::in_apposition)
            .or_else(|| self.attempt(named))
            .or_else(|| self.attempt(Self::target))
            .or_else(|| {
                self.attempt(|p| {
                    p.any(words!("both of|both|each of|all of")).then_some(())?;
                    p.target()
                })
            });
        let Some(mut targets) = first else { return self.addressee() };
        if let [one] = targets.as_slice()
            && let Some(told) = self.attempt(|p| p.told_in_passing(one))
        {
            targets = vec![told];
        }
        while let Some(more) = self.attempt(|p| {
            p.joint().then_some(())?;
            let then = p.any(words!("then"));
            p.any(words!("also|likewise"));
            // “on web-01 and on web-02”
            let again = LEADING.contains(&lead) && p.word() == lead && p.named_at_next();
            p.at += usize::from(again);
            let at = p.at;
            let more = match targets.last().and_then(|last| p.same_stem(last)) {
                Some(same) => vec![same],
                None => p.target()?,
            };
            // In “reboot web-01, and park db-1” a verb follows that is no word of the grammar.
            let nobody = !p.known(&Targets::Old(more.clone()));
            let before_a_guest =
                p.peek(0).is_some_and(|next| p.inventory.guests.contains_key(next.text.as_str()) && next.is_content());
            (!(nobody && before_a_guest)).then_some(())?;
            (!p.is_another_clause(at, &more)).then_some(())?;
            // In “remove the tag web from web-01 and db from db-1” a tag follows, and a text that is quoted is no name.
            let text = |token: &Token| token.kind == TokenKind::Quoted && token.text.contains(' ');
            let other = then || p.word() == "from" || p.tokens.get(at).is_some_and(text);
            (!other || p.known(&Targets::Old(more.clone()))).then_some(more)
        }) {
            targets.extend(more);
        }
        Some(Targets::Old(targets))
    }

    /// “both resolvers, dns-1 and dns-2,”, “the two proxies (px-1, px-2)”: as many as are said, between commas or brackets.
    fn in_apposition(&mut self) -> Option<Vec<Target>> {
        let count = if self.any(words!("both of the|both of our|both the|both our|both|the two|our two|my two")) {
            2
        } else {
            self.any(words!("all three of the|all three|the three|our three|my three")).then_some(3)?
        };
        let describes = |token: &Token| {
            token.kind == TokenKind::Word
                && vocabulary::class(&token.word).is_none()
                && !self.inventory.guests.contains_key(token.text.as_str())
        };
        let noun = (0..MAX_VAGUE).take_while(|ahead| self.peek(*ahead).is_some_and(describes)).count();
        self.at += noun;
        (self.guest_noun().is_some_and(|noun| noun.plural) || noun > 0 && self.last_word().ends_with('s'))
            .then_some(())?;
        let closing = if self.mark('(') { ')' } else { self.mark(',').then_some(',')? };
        let mut targets = self.target()?;
        while targets.len() < count && self.joint() {
            targets.extend(self.target()?);
        }
        let known = self.known(&Targets::Old(targets.clone()));
        (known && targets.len() == count && self.mark(closing)).then_some(targets)
    }

    /// A single guest, in a place where “a to b” is no range: “rename web-1 to web-2”.
    pub fn one_target(&mut self) -> Option<Target> {
        let start = self.at;
        if let Some(Targets::Old(targets)) = self.attempt(Self::pronoun) {
            return <[Target; 1]>::try_from(targets).ok().map(|[target]| target);
        }
        let article = self.any(words!("the|my|our"));
        let noun = self.any(words!("template")) || self.guest_noun().is_some();
        // “VM 104”, “clone 101 as …”
        let plain = |p: &mut Self| {
            let token = p.peek(0).filter(|token| token.kind == TokenKind::Number)?;
            let vmid = token.text.parse().ok().filter(|vmid| *vmid >= LEAST_VMID)?;
            p.at += 1;
            p.unit().is_none().then_some(vmid)
        };
        if let Some(vmid) = self.attempt(|p| if noun { p.vmid_number() } else { None }).or_else(|| self.attempt(plain))
        {
            return Some(Target { span: self.span(&(start..self.at)), selector: Selector::Vmid(vmid) });
        }
        let name = self.name()?;
        if article && !noun && !self.looks_like_name(&name) {
            self.at = start;
            let selector = self.vague()?;
            return Some(Target { span: self.span(&(start..self.at)), selector });
        }
        let _ = self.attempt(Self::guest_noun).is_some() || article && self.any(words!("template"));
        Some(Target { span: self.span(&(start..self.at)), selector: Selector::Name(name) })
    }

    /// One part of an enumeration; a range is several guests.
    pub fn target(&mut self) -> Option<Vec<Target>> {
        let start = self.at;
        if let Some(targets) = self.attempt(Self::some_of_those) {
            return Some(targets);
        }
        if let Some(target) = self.attempt(Self::one_of_those) {
            return Some(vec![target]);
        }
        if let Some(target) = self.attempt(Self::in_a_state) {
            return Some(vec![target]);
        }
        if let Some(targets) = self.attempt(Self::by_numbers) {
            return Some(targets);
        }
        if let Some(selectors) = self.attempt(Self::selections) {
            let span = self.span(&(start..self.at));
            return Some(selectors.into_iter().map(|selector| Target { span, selector }).collect());
        }
        let vague = |p: &mut Self| {
            let selector = p.attempt(Self::vague)?;
            Some(vec![Target { span: p.span(&(start..p.at)), selector }])
        };
        let named = self.attempt(Self::named).or_else(|| vague(self))?;
        let Some(other) = self.attempt(Self::in_brackets) else { return Some(named) };
        if matches!(named.as_slice(), [one] if self.is_same(one, &other)) {
            return Some(named);
        }
        // “web-01 (vm 102)”: two guests are named where one is meant.
        let span = self.span(&(start..self.at));
        Some(vec![Target { span, selector: Selector::Vague(span.of(self.text)) }])
    }

    /// “(vm 101)”, “(web-01)”: whom brackets behind a guest name.
    fn in_brackets(&mut self) -> Option<Target> {
        self.mark('(').then_some(())?;
        // “(#101)”, “(vmid: 101)”
        let at = self.at;
        if let Some(vmid) = self.attempt(|p| {
            (p.any(words!("vm id|vmid|id")) && (p.mark(':') || p.mark('=')) || p.mark('#')).then_some(())?;
            p.vmid_number()
        }) {
            let target = Target { span: self.span(&(at..self.at)), selector: Selector::Vmid(vmid) };
            return self.mark(')').then_some(target);
        }
        let other = <[Target; 1]>::try_from(self.attempt(Self::named)?).ok()?.into_iter().next()?;
        let known = match &other.selector {
            Selector::Name(name) => self.inventory.guests.contains_key(name),
            Selector::Vmid(_) => true,
            Selector::All(_) | Selector::Vague(_) => false,
        };
        (known && self.mark(')')).then_some(other)
    }

    /// Whether both are the same guest, by name and by number.
    fn is_same(&self, one: &Target, other: &Target) -> bool {
        let is = |name: &String, vmid: u32| {
            let keys = self.inventory.guests.get(name).map_or(&[][..], Vec::as_slice);
            matches!(keys, [key] if key.vmid.get() == vmid)
        };
        match (&one.selector, &other.selector) {
            (Selector::Name(name), Selector::Vmid(vmid)) | (Selector::Vmid(vmid), Selector::Name(name)) => {
                is(name, *vmid)
            }
            (one, other) => one == other,
        }
    }

    /// “web-01”, “the container cache”, “VM 105”, “the cache container”, “test-1 to test-3”.
    fn named(&mut self) -> Option<Vec<Target>> {
        let start = self.at;
        let article = self.any(words!("the two|the three|the|my|our|this|that|guest id|vmids|vmid|ids|id"));
        let noun = self.guest_noun();
        if noun.is_some() {
            self.any(words!("called|named|with the name|with name|with id|with vmid|number|with the id|with the ids|with ids|with vmids|with the vmids|ids|vmids|id"));
        }
        if let Some(targets) = self.attempt(Self::vmids) {
            return Some(targets);
        }
        if let Some(vmid) = self.attempt(|p| {
            // “VM #101”, “lxc/109”
            let _ = noun.is_some() && (p.mark('#') || p.mark('/'));
            let number: u32 = match p.peek(0)? {
                token if token.kind == TokenKind::Number => token.text.parse().ok()?,
                token => token.text.strip_prefix('#').filter(|_| noun.is_some())?.parse().ok()?,
            };
            p.at += 1;
            Vmid::try_from(number).ok().filter(|_| !p.ahead(|p| p.unit().map(|_| ())))
        }) {
            let span = self.span(&(start..self.at));
            let of_that_kind = |vmid: Vmid| {
                let known = self.inventory.guests.values().flatten().find(|key| key.vmid == vmid);
                known.zip(noun.and_then(|noun| noun.kind)).is_none_or(|(key, kind)| key.kind == kind)
            };
            let selector =
                if of_that_kind(vmid) { Selector::Vmid(vmid.get()) } else { Selector::Vague(span.of(self.text)) };
            return Some(vec![Target { span, selector }]);
        }
        let names = self.attempt(crate::builtin::Parser::range)?;
        // “scsi1” and “net0” are parts of guests.
        let part =
            |name: &str| (is_device(name) || name.parse::<Slot>().is_ok()) && !self.inventory.guests.contains_key(name);
        if names.iter().any(|name| part(&name.value)) {
            return None;
        }
        // So are “discard” and “nesting”.
        let field = |name: &str| fields::has(&name.to_lowercase()) && !self.inventory.guests.contains_key(name);
        if names.iter().any(|name| field(&name.value)) {
            return None;
        }
        let after = self.attempt(Self::guest_noun);
        // “web-01 itself”
        self.at += usize::from(matches!(self.word(), "itself" | "themselves"));
        if article && noun.is_none() && !self.looks_like_name(&names[0].value) {
            return None;
        }
        let kind = noun.or(after).and_then(|noun| noun.kind);
        let target = |name: Said<String>| {
            let kinds = self.inventory.guests.get(&name.value);
            let other = kinds.zip(kind).is_some_and(|(keys, kind)| keys.iter().all(|key| key.kind != kind));
            // Who says “container web-01” of a VM means something else than its name.
            let (span, selector) = if other {
                let span = self.span(&(start..self.at));
                (span, Selector::Vague(span.of(self.text)))
            } else {
                (self.span(&name.tokens), Selector::Name(name.value))
            };
            Target { span, selector }
        };
        Some(names.into_iter().map(target).collect())
    }

    /// A description that names nobody: “the web server”, “my old VM”, “all VMs”.
    fn vague(&mut self) -> Option<Selector> {
        let start = self.at;
        let first = self.any(words!("all of|all|every|each|any|both|the|my|our|that|those|some|everything|one of"));
        self.any(words!("the|my|our"));
        let mut words = 0;
        while let Some(token) = self.peek(0) {
            let describes = token.kind == TokenKind::Word
                && !self.inventory.guests.contains_key(token.text.as_str())
                && !token.text.contains(|c: char| c.is_ascii_digit() || c == '-')
                && match vocabulary::class(&token.word) {
                    None => true,
                    Some(Class::Outside) => matches!(
                        token.word.as_str(),
                        "old"
                            | "oldest"
                            | "newest"
                            | "best"
                            | "backup"
                            | "mail"
                            | "test"
                            | "bigger"
                            | "smaller"
                            | "better"
                    ),
                    Some(Class::Grammar) => matches!(
                        token.word.as_str(),
                        "vm" | "vms"
                            | "machine"
                            | "machines"
                            | "virtual"
                            | "container"
                            | "containers"
                            | "guest"
                            | "guests"
                            | "server"
                            | "servers"
                            | "box"
                            | "boxes"
                            | "instance"
                            | "instances"
                            | "first"
                            | "second"
                            | "third"
                            | "other"
                            | "running"
                            | "stopped"
                            | "new"
                            | "host"
                            | "hosts"
                            | "two"
                            | "three"
                            | "four"
                            | "one"
                    ),
                    Some(_) => false,
                };
            if !describes || words == MAX_VAGUE {
                break;
            }
            self.at += 1;
            words += 1;
        }
        let said = first && (words > 0 || self.word_at(start) == "everything" || self.word_at(start) == "all");
        said.then(|| Selector::Vague(self.span(&(start..self.at)).of(self.text)))
    }

    /// Names and ranges in a row. A plain word after a comma is a name only where `several` were announced.
    pub fn names(&mut self, several: bool) -> Option<Vec<Said<String>>> {
        let one = |p: &mut Self| {
            // Few words can be names: that is seen sooner than what they say of a guest.
            let start = p.at;
            let range = p.range()?;
            let end = std::mem::replace(&mut p.at, start);
            (!p.ahead(|p| p.item(How::Create))).then_some(())?;
            p.at = end;
            Some(range)
        };
        let mut names = self.attempt(one)?;
        while let Some(more) = self.attempt(|p| {
            p.joint().then_some(())?;
            let more = one(p)?;
            // “a-1 and a-2, a-1 with 2 cores”
            let again = more.iter().any(|more| names.iter().any(|name| name.value == more.value));
            if again && !p.at_boundary() {
                return None;
            }
            let follows = p.at_boundary()
                || p.peek(0).is_some_and(|t| vocabulary::class(&t.word).is_some() || t.kind != TokenKind::Word);
            (several && follows).then_some(more)
        }) {
            names.extend(more);
        }
        Some(names)
    }
}

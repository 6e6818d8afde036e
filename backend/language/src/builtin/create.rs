//! New guests: their head (“three VMs called web-1 to web-3”) and what describes them.

use mycopod_core::field::{Plain, Value};
use mycopod_core::guest::Kind;
use mycopod_core::reading::{Amount, Selector};

use crate::lexer::TokenKind;

use super::Parser;
use super::draft::{Draft, Group};
use super::item::{How, Item, Said};
use super::target::Targets;
use super::wordings::{Wordings, words};

/// What joins a phrase to the guest that it describes.
pub const JOINS: &Wordings = words!(
    "it 's|it should have|it should get|it should be|it shall have|it must have|it gets|it needs|\
    it has|it should|it will have|it is|they should have|they should be|they should get|they get|they need|\
    they have|they should|they are|they|that|which|that has|that have|which has|which have|which should|\
    that should|should have|should get|should be|should|shall have|must have|to have|each having|having|have|\
    has|use|uses|gets|get|goes|needs|need|is needed|is required|are needed|are required|needs to be|need to be|has to be|have to be|must be|shall be|to be|created with|created|along with|together with|just|with|w/|using|for me|for us|including|and|but|plus|&|+|also|for each|it|the|of|are|is|in total|made|please"
);

/// Words for what makes a guest like another.
const TRAITS: &Wordings = words!(
    "cpu and memory|hardware|specs|spec|specifications|specification|configuration|config|settings|setup|size|sizing|resources|values"
);

/// The most phrases before the noun: nobody says more of a guest before saying that it is one.
const MAX_ADJECTIVES: usize = 8;

impl Parser<'_> {
    /// The head of new guests.
    pub fn create(&mut self) -> Option<()> {
        let start = self.at;
        if let Some(group) = self.attempt(|p| p.resource(start)).or_else(|| self.attempt(|p| p.keyed(start))) {
            self.drafts.push(Draft::Create(group));
            return Some(());
        }
        if let Some(group) = self.attempt(|p| p.another_one(start)) {
            self.drafts.push(Draft::Create(group));
            return Some(());
        }
        let place = self.attempt(Self::leading_node);
        let titled = self.attempt(Self::title);
        let verb = self.any(words!("create|make|build|provision|deploy|set up|put up|stand up|roll out|let there be|setup|set me up|spin me up|spin us up|spin up|bring up|launch|add|\
            give me|give us|get me|get|have|declare"));
        self.any(words!("me|us|for me|for us"));
        let mut items = Vec::from_iter(place);
        let mut count = self.attempt(Self::head_count);
        let article = count.is_none() && self.any(words!("a single|a|an|another|the following|these|the"));
        let one = article && matches!(self.last_word(), "a" | "an" | "another" | "single");
        if !one {
            count = count.or_else(|| self.attempt(Self::head_count));
        }
        // In “… a 10 GB disk and container c-1” the disk belongs to the guest before.
        let introduced = verb || titled.is_some() || article || count.is_some() || self.drafts.is_empty();
        let noun = loop {
            self.any(words!("new|more|additional"));
            if count.is_some() {
                self.any(words!("identical|similar"));
            }
            let at = self.at;
            if let Some(noun) = self.attempt(Self::guest_noun) {
                break Some(Said { value: noun, tokens: at..self.at });
            }
            if items.len() > MAX_ADJECTIVES {
                break None;
            }
            let Some(item) = self.attempt(Self::adjective) else { break None };
            let short =
                matches!(item.value, Item::Image(_) | Item::Plain(_, Amount::To(Value::Flag(_) | Value::Count(_))));
            if !(short || introduced) {
                return None;
            }
            items.push((None, item));
            let _ = introduced && (self.mark(',') || self.mark('/')) || verb && self.any(words!("and"));
        };
        let head = start..self.at;
        let Some(noun) = noun else {
            let alone = !article && count.is_none() && items.is_empty() && titled.is_none();
            return if alone { self.without_a_noun(start, verb) } else { None };
        };
        let kind = noun.value.kind_to_make().map(|value| Said { value, tokens: noun.tokens.clone() });
        // Without a verb, a noun alone is no wish: “VM”, “the container”.
        let named = verb && self.ahead(Self::name);
        let the = article && !one && count.is_none() && !(noun.value.plural && verb || named);
        if the {
            return None;
        }
        let bracketed =
            self.attempt(|p| p.mark('(').then_some(()).and_then(|()| p.guest_noun()).filter(|_| p.mark(')')));
        let kind = match bracketed.and_then(|noun| noun.kind) {
            Some(kind) => Some(Said { value: kind, tokens: noun.tokens.start..self.at }),
            None => kind,
        };
        self.any(words!("for me|for us|request|wanted|needed|required|details"));
        let numbered = self.attempt(Self::numbered);
        let number = numbered.is_some();
        items.extend(numbered);
        let count =
            count.or_else(|| (one && !noun.value.plural).then(|| Said { value: 1, tokens: noun.tokens.clone() }));
        let plural = noun.value.plural || count.as_ref().is_some_and(|count| count.value > 1);
        let several = plural || count.is_none();
        let mut members = self.members(number, several, plural, count.as_ref().map(|count| count.value));
        if let Some(names) = titled {
            if !members.is_empty() {
                return None;
            }
            members = names;
        }
        let plural = plural || members.len() > 1;
        let focus = (noun.value.plural && members.len() == 1).then_some(0);
        self.drafts.push(Draft::Create(Group {
            kind,
            count,
            plural,
            members,
            items,
            focus,
            ..Group::new(start..self.at, head)
        }));
        Some(())
    }

    /// The number in “VM 334 named dmz-3” and “VM 401 (kv-23)”.
    fn numbered(&mut self) -> Option<(Option<usize>, Said<Item>)> {
        let at = self.at;
        let value = Item::Vmid(self.vmid_number()?);
        let tokens = at..self.at;
        let bracketed = |p: &mut Self| {
            p.mark('(').then_some(())?;
            p.name()?;
            p.mark(')').then_some(())
        };
        let named = self.ahead(|p| p.called(false)) || self.ahead(bracketed);
        named.then_some((None, Said { value, tokens }))
    }

    /// The names of new guests, right behind their noun or its `number`.
    fn members(&mut self, number: bool, several: bool, plural: bool, count: Option<u64>) -> Vec<Said<String>> {
        // “VM 401 (kv-23)”
        let bracketed = |p: &mut Self| {
            (number && p.mark('(')).then_some(())?;
            p.names(false).filter(|_| p.mark(')'))
        };
        let mut members = self.attempt(bracketed).or_else(|| self.head_names(several, count)).unwrap_or_default();
        // “vms q-1 q-2 q-3”
        let next = |p: &mut Self| {
            let named = p.peek(0).is_some_and(|token| token.kind == TokenKind::Word && p.looks_like_name(&token.text));
            if named { p.names(false) } else { None }
        };
        while plural
            && !members.is_empty()
            && let Some(more) = self.attempt(next)
        {
            members.extend(more);
        }
        members
    }

    /// “On pve2, create …”: the node of what is made, at the beginning of a sentence.
    fn leading_node(&mut self) -> Option<(Option<usize>, Said<Item>)> {
        let at = self.at;
        let before = at.checked_sub(1).map(|before| &self.tokens[before]);
        if before.is_some_and(|token| !token.ends_sentence() && token.kind != TokenKind::Mark('•')) {
            return None;
        }
        let value = self.place().filter(|place| matches!(place, Item::Node(_)))?;
        let tokens = at..self.at;
        (self.mark(',') || self.mark(':')).then_some((None, Said { value, tokens }))
    }

    /// “web-1: a VM with …”, “web-1 to web-3: three VMs …”.
    fn title(&mut self) -> Option<Vec<Said<String>>> {
        let names = self.names(true)?;
        let announces = self.mark(':') || self.any(words!("->|→|=>"));
        (announces && !self.done()).then_some(names)
    }

    /// “create web-05 with 2 cores”: a guest, of a kind yet to be asked; “create a-1 and a-2 as VMs”.
    fn without_a_noun(&mut self, start: usize, verb: bool) -> Option<()> {
        let members = self.names(true)?;
        // “create a-1 and a-2 as VMs”, “create a-1 (VM)”, “create a-1: VM, …”
        let kind = self.attempt(|p| {
            let shape = if p.any(words!("as a|as an|as")) {
                ' '
            } else if p.mark('(') {
                '('
            } else if verb && p.mark(':') {
                ':'
            } else {
                return None;
            };
            p.any(words!("a"));
            let at = p.at;
            let value = p.guest_noun()?.kind_to_make()?;
            let tokens = at..p.at;
            let ends = match shape {
                '(' => p.mark(')'),
                ':' => p.at_boundary(),
                _ => true,
            };
            ends.then_some(Said { value, tokens })
        });
        let named = self.at_boundary() && members.iter().all(|member| self.looks_like_name(&member.value));
        if kind.is_none() && !(verb && (named || self.ahead(Self::describes))) {
            return None;
        }
        self.drafts.push(Draft::Create(Group {
            kind,
            count: None,
            members,
            plural: true,
            ..Group::new(start..self.at, start..self.at)
        }));
        Some(())
    }

    /// `resource "vm" "web-09" {`
    fn resource(&mut self, start: usize) -> Option<Group> {
        self.any(words!("resource")).then_some(())?;
        let at = self.at;
        let kind = match self.peek(0)?.text.as_str() {
            "vm" | "qemu" => Kind::Qemu,
            "container" | "lxc" | "ct" => Kind::Lxc,
            _ => return None,
        };
        self.at += 1;
        let kind = Some(Said { value: kind, tokens: at..self.at });
        let at = self.at;
        let members = vec![Said { value: self.name()?, tokens: at..self.at }];
        self.mark('(').then(|| Group { kind, members, ..Group::new(start..self.at, start..self.at) })
    }

    /// “name=web-09 type=vm”, “vmid: 335, name: web-09, vm”: what a guest is, pair by pair.
    fn keyed(&mut self, start: usize) -> Option<Group> {
        let mut group = Group::new(start..start, start..start);
        loop {
            self.mark(',');
            let at = self.at;
            let sign = |p: &mut Self| (p.mark('=') || p.mark(':')).then_some(());
            if group.members.is_empty()
                && let Some(value) = self.attempt(|p| {
                    // “a-1: type: vm”
                    if let Some(name) = p.attempt(Self::name) {
                        sign(p)?;
                        return p.ahead(|p| p.any(words!("type|kind")).then_some(())).then_some(name);
                    }
                    p.any(words!("name|hostname")).then_some(())?;
                    sign(p)?;
                    p.any_name()
                })
            {
                group.members.push(Said { value, tokens: at..self.at });
            } else if group.kind.is_none()
                && let Some(value) = self.attempt(|p| {
                    let keyed = p.any(words!("type|kind"));
                    if keyed {
                        sign(p)?;
                        if p.any(words!("qemu|kvm")) {
                            return Some(Kind::Qemu);
                        }
                    }
                    p.guest_noun()?.kind_to_make()
                })
            {
                group.kind = Some(Said { value, tokens: at..self.at });
            } else if group.items.is_empty()
                && let Some(value) = self.attempt(Self::vmid)
            {
                group.items.push((None, Said { value, tokens: at..self.at }));
            } else {
                break;
            }
        }
        (group.tokens.end, group.head.end) = (self.at, self.at);
        (group.members.len() == 1 && group.kind.is_some()).then_some(group)
    }

    /// What stands before the noun: “Debian 12”, “unprivileged”, “4-core”, “8 GB”.
    fn adjective(&mut self) -> Option<Said<Item>> {
        let start = self.at;
        if let Some(system) = self.attempt(Self::system) {
            return Some(Said { value: Item::Image(system), tokens: start..self.at });
        }
        let fits =
            |item: &Said<Item>| matches!(item.value, Item::Plain(..) | Item::Bare(_) | Item::Image(_) | Item::Disk(_));
        self.item(How::Create).filter(fits)
    }

    /// How many; “4 cores VM” and “8 GB VM” begin with a number that does not count VMs.
    fn head_count(&mut self) -> Option<Said<u64>> {
        if self.ahead(|p| p.item(How::Create)) {
            return None;
        }
        let start = self.at;
        let value = self.number()?;
        let tokens = start..self.at;
        self.any(words!("x"));
        Some(Said { value, tokens })
    }

    /// The names right after the noun: “called a”, “a”, “: a, b”, “(a, b)”, “, a, b and c,”.
    fn head_names(&mut self, several: bool, count: Option<u64>) -> Option<Vec<Said<String>>> {
        self.attempt(|p| p.called(several)).or_else(|| self.attempt(|p| p.names(several))).or_else(|| {
            self.attempt(|p| {
                let bracket = p.mark('(');
                let colon = !bracket && p.ahead(|p| p.mark(':').then_some(()));
                // “vm=a-1”
                let assigned = p.mark('=');
                if !(bracket || assigned || p.mark(':') || p.mark(',') || p.mark('–') || p.mark('—')) {
                    return None;
                }
                let names = p.names(several)?;
                let enough = names.len() > 1 && count.is_none_or(|count| u64::try_from(names.len()) == Ok(count))
                    || assigned && names.len() == 1
                    || bracket && (several || names.len() == 1 && p.looks_like_name(&names[0].value))
                    || colon && count.is_none_or(|count| count == 1) && p.at_boundary()
                    // “one more VM, wiki-2: 1 core”
                    || !bracket
                        && count == Some(1)
                        && names.len() == 1
                        && p.looks_like_name(&names[0].value)
                        && (p.at_boundary() || p.ahead(|p| p.mark(':').then_some(())));
                (enough && (!bracket || p.mark(')'))).then_some(names)
            })
        })
    }

    /// “called web-01”, “with the name web-01”, “name: web-01”, “its name is web-01”.
    pub fn called(&mut self, several: bool) -> Option<Vec<Said<String>>> {
        self.any(words!("should be|shall be|to be|is|are|be"));
        if !self.any(words!("named|called|with the names|with the name|with names|with name|by the name of|its name is|\
            its name should be|its name shall be|its name will be|the name shall be|the name should be|the name is|their names are|name it|name them|call it|call them|names|name|\
            hostname|with the hostname|with hostname")) {
            return None;
        }
        let _ = self.mark('=') || self.mark(':');
        self.any(words!("is|are"));
        if let Some(names) = self.attempt(|p| p.names(several)) {
            return Some(names);
        }
        let at = self.at;
        let value = self.any_name()?;
        Some(vec![Said { value, tokens: at..self.at }])
    }

    /// Whether here goes on what is said of new guests, after words that were not understood.
    pub fn goes_on(&mut self) -> Option<()> {
        self.attempt(Self::describes).or_else(|| self.called(true).map(|_| ()))
    }

    /// Whether something follows that describes a guest.
    fn describes(&mut self) -> Option<()> {
        self.mark(':');
        while self.any(JOINS) {}
        self.item(How::Create).map(|_| ())
    }

    /// “with VMID 555”, “(id 555)”.
    pub fn vmid(&mut self) -> Option<Item> {
        let open = self.mark('(');
        self.any(words!("the"));
        self.any(words!("vmid|vm id|guest id|ct id|ctid|id")).then_some(())?;
        let _ = self.mark('=') || self.mark(':') || self.any(words!("is|of|number"));
        let vmid = self.vmid_number()?;
        (!open || self.mark(')')).then_some(Item::Vmid(vmid))
    }

    fn vmid_number(&mut self) -> Option<u32> {
        let number = self.peek(0).filter(|token| token.kind == TokenKind::Number)?.text.parse().ok()?;
        self.at += 1;
        self.unit().is_none().then_some(number)
    }

    /// “same as web-01”, “like web-01”, “with the same specs as test-1”; “with the same” alone means the guest before.
    pub fn alike(&mut self) -> Option<Item> {
        self.any(words!("exactly|just"));
        self.any(words!("the"));
        if self.any(words!("like|identical to|modelled on|modeled on")) {
            return self.model();
        }
        // “with the hardware of web-01”, “with web-01’s specs”
        if let Some(target) = self.attempt(|p| {
            if p.any(TRAITS) {
                return if p.any(words!("of")) { p.one_target() } else { None };
            }
            let target = p.one_target()?;
            (p.any(words!("'s")) && p.any(TRAITS)).then_some(target)
        }) {
            return self.known(&Targets::Old(vec![target.clone()])).then_some(Item::Like(target));
        }
        self.any(words!("same")).then_some(())?;
        self.any(TRAITS);
        if self.any(words!("as the first one|as the first|as before|as above|as the one before|as the previous one")) {
            return Some(Item::Same);
        }
        if self.any(words!("as|like")) {
            return self.model();
        }
        let before = self.drafts.len() > 1 && matches!(self.drafts[self.drafts.len() - 2], Draft::Create(_));
        (before && (self.at_boundary() || self.word() == "but")).then_some(Item::Same)
    }

    /// “…, and a second one m-49 with 4 cores”, “and another, m-23, with …”: one more of the kind that was just described.
    fn another_one(&mut self, start: usize) -> Option<Group> {
        let kind = match self.drafts.last() {
            Some(Draft::Create(group)) if !group.awaits_names() && !group.members.is_empty() => group.kind.clone()?,
            _ => return None,
        };
        self.any(words!("a second one|a third one|another one|one more|another|a second|a third")).then_some(())?;
        self.mark(',');
        let members = self.attempt(|p| p.called(false)).or_else(|| self.names(false))?;
        let named = members.len() == 1 && members.iter().all(|member| self.looks_like_name(&member.value));
        let count = Some(Said { value: 1, tokens: start..self.at });
        named.then(|| Group { kind: Some(kind), count, members, ..Group::new(start..self.at, start..self.at) })
    }

    /// The guest that another shall be like: one there is, or the one that was just described.
    fn model(&mut self) -> Option<Item> {
        let target = self.one_target()?;
        let before = self.drafts.len().checked_sub(2).map(|before| &self.drafts[before]);
        let described = match (&target.selector, before) {
            (Selector::Name(name), Some(Draft::Create(group))) => {
                matches!(group.members.as_slice(), [member] if member.value == *name)
            }
            _ => false,
        };
        // “…, except 8 GB RAM”: amounts alone, for “except the tag db” takes away.
        self.attempt(|p| {
            p.mark(',');
            p.any(words!("except for|except|apart from|but for")).then_some(())?;
            let amount = |p: &mut Self| {
                let amount =
                    matches!(p.value_noun(How::Create)?, Item::Plain(Plain::Cores | Plain::Memory, Amount::To(_)));
                amount.then_some(())
            };
            (p.peek(0).is_some_and(|token| token.kind == TokenKind::Number) && p.ahead(amount)).then_some(())
        });
        Some(if described { Item::Same } else { Item::Like(target) })
    }
}

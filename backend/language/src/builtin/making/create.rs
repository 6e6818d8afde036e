//! New guests: their head (“three VMs called web-1 to web-3”) and what describes them.

use mycopod_core::field::Value;
use mycopod_core::guest::Kind;
use mycopod_core::reading::Amount;

use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Draft, Group};
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::wordings::{Wordings, words};

/// What joins a phrase to the guest that it describes.
pub const JOINS: &Wordings = words!(
    "it 's|it should have|it should get|it should be|it shall have|it must have|it gets|it needs|\
    it has|it should|it will have|it is|they should have|they should be|they should get|they get|they need|\
    they have|they should|they are|they|that|which|that has|that have|which has|which have|which should|\
    that should|should have|should get|should be|should|shall have|must have|to have|each having|having|have|\
    has|whose|it wants|it takes|use|uses|gets|get|goes|needs|need|is needed|is required|are needed|are required|needs to be|need to be|has to be|have to be|must be|shall be|to be|created with|created|along with|together with|just|with|w/|using|for me|for us|including|and|but|plus|&|+|also|for each|it|the|of|are|is|in total|made|please"
);

/// Verbs that make guests.
const VERBS: &Wordings = words!(
    "prepare|spawn|instantiate|create|creating|making|make|build|provision|deploy|set up|put up|stand up|roll out|let there be|setup|set me up|spin me up|spin us up|spin up|bring up|launch|add|\
    give me|give us|get me|get|have|declare"
);

/// The most phrases before the noun: nobody says more of a guest before saying that it is one.
const MAX_ADJECTIVES: usize = 8;

impl Parser<'_> {
    /// The head of new guests.
    pub fn create(&mut self) -> Option<()> {
        let start = self.at;
        for rule in [Self::resource, Self::keyed, Self::another_one, Self::one_like_it] {
            if let Some(group) = self.attempt(|p| rule(p, start)) {
                self.drafts.push(Draft::Create(group));
                return Some(());
            }
        }
        let place = self.attempt(Self::leading_node);
        self.attempt(Self::name_of_the);
        let model = self.attempt(Self::blueprint);
        let (titled, beside) = self.attempt(Self::title).unzip();
        let verb = model.is_some() | self.any(VERBS);
        let verb = verb || self.attempt(Self::ordering).is_some();
        self.any(words!("me|us|for me|for us"));
        // “Please provision: vm / a-1 / 2c / 4g”
        let _ = verb && self.mark(':');
        let mut items: Vec<_> = place.into_iter().chain(model).chain(beside.flatten()).collect();
        let mut count = self.attempt(Self::head_count);
        let article = count.is_none() && self.any(words!("a single|a|an|another|the following|these|the"));
        let one = article && matches!(self.last_word(), "a" | "an" | "another" | "single");
        let following = article && verb && matches!(self.last_word(), "following" | "these");
        if !one {
            count = count.or_else(|| self.attempt(Self::head_count));
        }
        // In “… a 10 GB disk and container c-1” the disk belongs to the guest before.
        let introduced = verb || titled.is_some() || article || count.is_some() || self.drafts.is_empty();
        let noun = loop {
            self.any(words!("new|more|additional|urgent"));
            // “Test VM please: …”
            self.at += usize::from(self.word() == "test" && self.ahead_of_noun());
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
            let _ =
                introduced && (self.mark(',') || self.mark('/') || self.mark(':')) || verb && self.any(words!("and"));
        };
        let head = start..self.at;
        let Some(noun) = noun else {
            let alone = !article && count.is_none() && items.is_empty() && titled.is_none();
            return if alone { self.without_a_noun(start, verb) } else { None };
        };
        let kind = noun.value.kind_to_make().map(|value| Said { value, tokens: noun.tokens.clone() });
        // Without a verb, a noun alone is no wish: “VM”, “the container”.
        let named = following || verb && self.ahead(Self::name) || !verb && self.ahead(Self::called_anew);
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
        self.not_the_other(kind.as_ref().map(|kind| kind.value));
        self.announcing();
        let numbered = self.attempt(Self::numbered);
        let number = numbered.is_some();
        items.extend(numbered);
        let count =
            count.or_else(|| (one && !noun.value.plural).then(|| Said { value: 1, tokens: noun.tokens.clone() }));
        let plural = noun.value.plural || count.as_ref().is_some_and(|count| count.value > 1);
        let several = plural || count.is_none();
        let mut members = self.members(number, several, plural, count.as_ref().map(|count| count.value));
        self.any(words!("immediately|right away|right now|asap|urgently|please"));
        if members.len() == 1 {
            items.extend(self.attempt(Self::number_in_brackets));
        }
        let kind = match kind {
            None => self.attempt(Self::kind_in_brackets),
            kind => kind,
        };
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

    /// “create web-05 with 2 cores”: a guest, of a kind yet to be asked; “create a-1 and a-2 as VMs”.
    fn without_a_noun(&mut self, start: usize, verb: bool) -> Option<()> {
        let members = self.names(true)?;
        self.any(words!("for me|for us"));
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
            let _ = self.mark(',') || self.mark('|');
            let at = self.at;
            let sign = |p: &mut Self| (p.mark('=') || p.mark(':')).then_some(());
            // “hostname a-1, vm”
            let apart = |p: &mut Self| {
                sign(p).or_else(|| p.ahead(|p| p.name().filter(|name| p.looks_like_name(name))).then_some(()))
            };
            if group.members.is_empty()
                && let Some(value) = self.attempt(|p| {
                    // “a-1: type: vm”
                    if let Some(name) = p.attempt(Self::name) {
                        sign(p)?;
                        return p.ahead(|p| p.any(words!("type|kind")).then_some(())).then_some(name);
                    }
                    p.any(words!("name|hostname")).then_some(())?;
                    apart(p)?;
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

    /// Whether a noun for guests follows the present word.
    fn ahead_of_noun(&mut self) -> bool {
        self.ahead(|p| {
            p.at += 1;
            p.guest_noun()
        })
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

    /// “…; a-2 likewise”, “and a-2, identical”, “so has VM a-2”: one more, which is as the one that was just described.
    fn one_like_it(&mut self, start: usize) -> Option<Group> {
        let kind = match self.drafts.last() {
            Some(Draft::Create(group)) if group.members.len() == 1 && !group.is_bare() => group.kind.clone()?,
            _ => return None,
        };
        let ahead = self.any(words!("so has|so does|the same again for|same again for|the same for|same for|likewise"));
        let noun = self.attempt(Self::guest_noun);
        noun.is_none_or(|noun| !noun.plural && noun.kind == Some(kind.value)).then_some(())?;
        let at = self.at;
        let member = Said { value: self.name()?, tokens: at..self.at };
        let fresh = self.looks_like_name(&member.value) && !self.inventory.guests.contains_key(&member.value);
        self.mark(',');
        let same = ahead || self.any(words!("likewise|identical|ditto|too|as well|the same|same"));
        let ends = self.at_boundary() || matches!(self.word(), "with" | "but");
        (fresh && same && ends).then_some(())?;
        let items = vec![(None, Said { value: Item::Same, tokens: start..self.at })];
        Some(Group { kind: Some(kind), members: vec![member], items, ..Group::new(start..self.at, at..at + 1) })
    }
}

//! New guests: their head (“three VMs called web-1 to web-3”) and what describes them.

use super::head::OfMember;
use super::noun::Noun;
use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Draft, Group};
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::wordings::{Wordings, words};
use crate::vocabulary::is_system;

/// What joins a phrase to the guest that it describes.
pub const JOINS: &Wordings = words!(
    "it 's|it may be|it can be|it could be|may be|can be|be|must|shall|put it|let it have|let it|it should have|it should get|it should be|it shall have|it must have|it gets|it needs|\
    it has|it should|it will have|it is|they should have|they should be|they should get|they get|they need|\
    they have|they should|they are|they|that|which|that has|that have|which has|which have|which should|\
    that should|should have|should get|should be|should|shall have|must have|to have|each having|having|have|\
    has|whose|it wants|it takes|use|uses|gets|get|goes|go|runs|run|needs|need|is needed|is required|are needed|are required|needs to be|need to be|has to be|have to be|must be|shall be|to be|created with|created|along with|together with|just|with|w/|using|for me|for us|including|and|but|plus|&|+|also|for each|it|the|of|are|is|made|please"
);

/// Verbs that make guests.
pub const VERBS: &Wordings = words!(
    "prepare|spawn|instantiate|create|creating|making|make|build|provision|deploy|set up|put up|stand up|roll out|let there be|setup|set me up|set us up|spin me up|spin us up|spin up|bring up|fire up|launch|add|\
    throw together|throw up|put together|setting up|standing up|bringing up|building|deploying|provisioning|\
    give me|give us|get me|get us|get|have|declare"
);

impl Parser<'_> {
    /// A head of pairs, or one that goes on with the guest before.
    fn head_by_itself(&mut self, start: usize) -> Option<()> {
        let rules = [Self::resource, Self::keyed, Self::another_one, Self::one_like_it];
        let group = rules.into_iter().find_map(|rule| self.attempt(|p| rule(p, start)))?;
        self.takes_the_heading(group.kind.as_ref().map(|kind| kind.value));
        self.drafts.push(Draft::Create(group));
        Some(())
    }

    /// The head of new guests.
    pub fn create(&mut self) -> Option<()> {
        let start = self.at;
        if self.head_by_itself(start).is_some() || self.attempt(Self::vmids_ahead).is_some() {
            return Some(());
        }
        let leading = self.attempt(Self::leading);
        self.attempt(Self::name_of_the);
        let model = self.attempt(Self::blueprint);
        let titled = self.attempt(Self::title);
        // “put VM gw-2 on pve1 with …”
        let puts = |p: &mut Self| (p.any(words!("put|set")) && p.ahead(Self::guest_of_a_new_name)).then_some(());
        let verb = model.is_some() | (self.any(VERBS) || self.attempt(puts).is_some());
        let verb = verb || self.attempt(Self::ordering).is_some();
        while self.any(words!("please|me|us|for me|for us")) {}
        // “Please provision: vm / a-1 / 2c / 4g”
        let _ = verb && self.mark(':');
        let titled = titled.or_else(|| if verb { self.attempt(Self::made_as) } else { None });
        let (titled, beside) = titled.unzip();
        let between = if verb { self.attempt(Self::between) } else { None };
        let led = leading.is_some();
        // “2 cores for the new VM a-1”
        let nobody_yet = led && self.ahead(Self::noun_of_nobody_yet);
        let ahead = leading.into_iter().chain(between).flatten();
        let mut items: Vec<OfMember> = ahead.chain(model).chain(beside.into_iter().flatten()).collect();
        let mut count = self.attempt(Self::head_count);
        self.all_of_these(titled.as_deref());
        let article = count.is_none() && self.any(words!("a single|a|an|another|the following|these|the"));
        let one = article && matches!(self.last_word(), "a" | "an" | "another" | "single");
        let following = article && verb && matches!(self.last_word(), "following" | "these");
        if !one {
            count = count.or_else(|| self.attempt(Self::head_count));
        }
        // In “… a 10 GB disk and container c-1” the disk belongs to the guest before.
        let introduced = verb || titled.is_some() || article || count.is_some() || self.drafts.is_empty();
        // “a third web server”
        if one {
            self.any(words!("second|third|fourth|further"));
        }
        // “the same VM as web-01”
        let same = count.is_none() && self.any(words!("same|identical"));
        let Noun { noun, vague } = self.head_noun(verb, introduced, count.is_some(), &mut items)?;
        if same {
            noun.as_ref()?;
            self.any(words!("as|like|to|of"));
            let at = self.at;
            let model = self.model()?;
            items.push((None, Said { value: model, tokens: at..self.at }));
        }
        let head = start..self.at;
        let Some(noun) = noun else {
            // “from the debian-12 template bring up a-1”
            let from = items.is_empty() || led;
            let alone = !article && count.is_none() && from && titled.is_none();
            return if alone { self.without_a_noun(start, verb, items) } else { None };
        };
        let kind = noun.value.kind_to_make().map(|value| Said { value, tokens: noun.tokens.clone() });
        // Without a verb, a noun alone is no wish: “VM”, “the container”.
        let named = following || verb && self.ahead(Self::name) || !verb && self.ahead(Self::called_anew);
        let the = article && !one && !same && !nobody_yet && count.is_none() && !(noun.value.plural && verb || named);
        (!the).then_some(())?;
        let bracketed =
            self.attempt(|p| p.mark('(').then_some(()).and_then(|()| p.guest_noun()).filter(|_| p.mark(')')));
        let kind = match bracketed.and_then(|noun| noun.kind) {
            Some(kind) => Some(Said { value: kind, tokens: noun.tokens.start..self.at }),
            None => kind,
        };
        items.extend(self.system_behind(!noun.value.plural));
        self.not_the_other(kind.as_ref().map(|kind| kind.value));
        self.announcing();
        items.extend(self.attempt(Self::for_a_node));
        let numbered = match &titled {
            Some(said) if said.len() == 1 => self.attempt(Self::number_of_the_titled),
            _ => self.attempt(Self::numbered),
        };
        let number = numbered.is_some();
        items.extend(numbered);
        let count =
            count.or_else(|| (one && !noun.value.plural).then(|| Said { value: 1, tokens: noun.tokens.clone() }));
        let plural = noun.value.plural || count.as_ref().is_some_and(|count| count.value > 1);
        let several = plural || count.is_none();
        let mut members = self.members(number, several, plural, count.as_ref().map(|count| count.value));
        self.any(words!("immediately|right away|right now|asap|urgently|please"));
        self.attempt(Self::what_it_is_to_do);
        if members.len() == 1 {
            items.extend(self.attempt(Self::number_in_brackets));
        }
        let known = kind.as_ref().map(|kind| kind.value);
        let again = self.attempt(|p| p.kind_in_brackets().filter(|said| known.is_none_or(|known| known == said.value)));
        let kind = kind.or(again);
        if let Some(names) = titled {
            if !members.is_empty() {
                return None;
            }
            members = names;
        }
        let plural = plural || members.len() > 1;
        self.takes_what_is_announced(start, kind.as_ref().map(|kind| kind.value), plural);
        let focus = if noun.value.plural && members.len() == 1 { vec![0] } else { Vec::new() };
        self.drafts.push(Draft::Create(Group {
            kind,
            count,
            plural,
            members,
            items,
            focus,
            vague,
            ..Group::new(start..self.at, head)
        }));
        Some(())
    }

    /// “VM (Debian 12) a-1”, “VM debian 12 a-1: …”: what it is made from, behind its noun.
    fn system_behind(&mut self, single: bool) -> Option<OfMember> {
        let at = self.at;
        let value = self.attempt(|p| {
            if p.mark('(') {
                return p.system().filter(|_| p.mark(')'));
            }
            let name = |p: &mut Self| p.name().filter(|name| p.may_be_made(name) && !is_system(name));
            p.system().filter(|_| single && p.ahead(name))
        })?;
        Some((None, Said { value: Item::Image(value), tokens: at..self.at }))
    }

    /// “create web-05 with 2 cores”: a guest, of a kind yet to be asked; “create a-1 and a-2 as VMs”.
    fn without_a_noun(&mut self, start: usize, verb: bool, items: Vec<OfMember>) -> Option<()> {
        let members = self.names(true)?;
        self.any(words!("for me|for us"));
        // “create a-1 and a-2 as VMs”, “create a-1 (VM)”, “create a-1: VM, …”, “create a-1, a VM with …”
        let kind = self.attempt(|p| {
            let shape = if p.any(words!("as")) {
                ' '
            } else if p.mark('(') {
                '('
            } else if verb && p.mark(':') {
                ':'
            } else if verb && (p.mark(',') || p.mark('–') || p.mark('—')) {
                ','
            } else {
                return None;
            };
            let one = p.any(words!("a new|an additional|an|a single|a|another|one"));
            let counted = if one { Some(1) } else { p.number() };
            (shape != ',' || counted.is_some()).then_some(())?;
            counted.is_none_or(|count| u64::try_from(members.len()) == Ok(count)).then_some(())?;
            p.any(words!("new|identical"));
            p.attempt(Self::idle_adjective);
            let at = p.at;
            let value = p.guest_noun()?.kind_to_make()?;
            let tokens = at..p.at;
            let ends = match shape {
                '(' => p.mark(')'),
                ':' => p.at_boundary(),
                ',' => p.at_boundary() || p.ahead(Self::describes),
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
            items,
            plural: true,
            ..Group::new(start..self.at, start..self.at)
        }));
        Some(())
    }

    /// How many; “4 cores VM” and “8 GB VM” begin with a number that does not count VMs.
    fn head_count(&mut self) -> Option<Said<u64>> {
        if self.ahead(|p| p.item(How::Create)) {
            return None;
        }
        let start = self.at;
        let value = self.number()?;
        let tokens = start..self.at;
        // “one (1) VM”
        self.attempt(|p| (p.mark('(') && p.number() == Some(value) && p.mark(')')).then_some(()));
        self.any(words!("x"));
        Some(Said { value, tokens })
    }

    /// Whether here goes on what is said of new guests, after words that were not understood.
    pub fn goes_on(&mut self) -> Option<()> {
        self.attempt(Self::describes).or_else(|| self.called(true).map(|_| ()))
    }

    /// Whether something follows that describes a guest.
    pub fn describes(&mut self) -> Option<()> {
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
        let like = self.verb(words!(
            "just like it|exactly like it|like it|just like that|like that one|identical to it|of the same kind|of the same size|with the same specs"
        ));
        self.mark(',');
        let members = self.attempt(|p| p.called(false)).or_else(|| self.names(false))?;
        let named = members.len() == 1 && members.iter().all(|member| self.looks_like_name(&member.value));
        let count = Some(Said { value: 1, tokens: start..self.at });
        let items = if like { vec![(None, Said { value: Item::Same, tokens: start..self.at })] } else { Vec::new() };
        named.then(|| Group { kind: Some(kind), count, members, items, ..Group::new(start..self.at, start..self.at) })
    }

    /// “…; a-2 likewise”, “and a-2, identical”, “so has VM a-2”, “make a-2 the same”, “the same again as a-2”: one more, which is as the one that was just described.
    fn one_like_it(&mut self, start: usize) -> Option<Group> {
        let kind = match self.drafts.last() {
            Some(Draft::Create(group)) if group.members.len() == 1 && !group.is_bare() => group.kind.clone()?,
            _ => return None,
        };
        let made = self.any(words!("then make|make|create|set up"));
        let ahead = self.any(words!(
            "then the same again as|the same again as|same again as|then the same again for|the same again for|same again for|the same for|same for|\
             so has|so does|likewise"
        ));
        let noun = self.attempt(Self::guest_noun);
        noun.is_none_or(|noun| !noun.plural && noun.kind == Some(kind.value)).then_some(())?;
        let at = self.at;
        let member = Said { value: self.name()?, tokens: at..self.at };
        let fresh = self.looks_like_name(&member.value) && !self.inventory.guests.contains_key(&member.value);
        self.mark(',');
        let too = !made && self.any(words!("too|as well"));
        let same = ahead || too || self.any(words!("likewise|identical|ditto|the same|same"));
        let ends = self.at_boundary() || matches!(self.word(), "with" | "but");
        (fresh && same && ends).then_some(())?;
        let items = vec![(None, Said { value: Item::Same, tokens: start..self.at })];
        Some(Group { kind: Some(kind), members: vec![member], items, ..Group::new(start..self.at, at..at + 1) })
    }
}

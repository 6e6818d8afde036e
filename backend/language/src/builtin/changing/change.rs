//! Other values for guests that exist: “web-02 gets 4 cores”, “triple the memory of test-1”, “add 20 GB to the disk of db-1”.

use mycopod_core::field::{NicPart, Plain, Shape, Value};
use mycopod_core::reading::{Amount, DiskRef, Selector, Target};

use crate::lexer::TokenKind;

use super::subject::no_less;
use super::verbs::{Course, HOPING, LESS, Leads, MORE, SET};
use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Change, Copy, Draft};
use crate::builtin::said::item::{DiskItem, How, Item, Said, Which};
use crate::builtin::said::named::Noun;
use crate::builtin::whom::pointing::Number;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// For whom, what, and how it is meant.
pub type Wish = (Targets, Vec<Said<Item>>, How);

impl Parser<'_> {
    /// A change with everything that belongs to it, and nothing left of the clause.
    pub fn change(&mut self) -> Option<()> {
        let start = self.at;
        self.verb(HOPING);
        // “from now on web-01 is called front-1”
        let _ = self.any(words!("from now on")) && self.mark(',');
        let rules = [
            Self::scaled,
            Self::tagging,
            Self::noting,
            Self::switching,
            Self::keeping,
            Self::moving_a_disk,
            Self::pool_and_members,
            Self::joining,
            Self::changing_the_cd,
            Self::cabling,
            Self::backing_up_disks,
            Self::clearing,
            Self::plugging,
            Self::renaming,
            Self::giving,
            Self::anew,
            Self::bringing,
            Self::setting,
            Self::sized_disk,
            Self::of_a_part,
            Self::following,
            Self::zipped,
            Self::subject,
            Self::limiting,
            Self::beside,
        ];
        let (targets, items, how) = rules.into_iter().find_map(|rule| {
            self.attempt(|p| {
                let mut read = rule(p)?;
                p.with_more(&mut read);
                // “mp0 of proxy to 80 GB, now it is 50”
                // In “4 cores, from 4 to 8 GB” the next begins.
                if let [one] = read.1.as_mut_slice()
                    && p.word_ahead(1) != "from"
                {
                    one.value = p.instead_of(one.value.clone());
                }
                // “web-01 gets 8 GB instead”; a disk in place of another would be more than was said.
                if read.1.iter().all(Self::takes_a_place) {
                    p.any(words!("instead"));
                }
                p.manner();
                p.at_boundary().then_some(read)
            })
        })?;
        self.push_change(start, targets, items, how)
    }

    /// “set startup order 2 for web-01 with 30s up delay”: more of what is set, behind whom it is set for.
    fn with_more(&mut self, (_, items, how): &mut Wish) {
        let named = self.inventory.guests.contains_key(self.tokens[self.at.saturating_sub(1)].text.as_str());
        if *how == How::Set && named {
            let more = self.attempt(|p| if p.any(words!("with")) { p.items(How::Set) } else { None });
            items.extend(more.into_iter().flatten());
        }
    }

    /// Whether a value takes the place of the one there is.
    fn takes_a_place(item: &Said<Item>) -> bool {
        matches!(
            item.value,
            Item::Plain(_, Amount::To(_)) | Item::DiskPart(_, _, Amount::To(_)) | Item::Nic { fresh: false, .. }
        )
    }

    pub fn push_change(&mut self, start: usize, targets: Targets, items: Vec<Said<Item>>, how: How) -> Option<()> {
        let tokens = start..self.at;
        let items = self.of_what_is_short(items);
        let made =
            |items: Vec<Said<Item>>| if how == How::Add { items.into_iter().map(added).collect() } else { items };
        // The firewall of a new guest is set up once it exists, and so is a change of its own.
        let firewall = items.iter().all(|item| matches!(item.value, Item::Firewall(..)));
        match targets {
            Targets::New if firewall => {
                let targets = self.last_made()?;
                self.drafts.push(Draft::Change(Change { tokens, targets, items, how }));
                Some(())
            }
            Targets::New => self.extend_last(made(items)),
            Targets::Old(targets) => {
                let new = targets.iter().filter(|target| self.is_new(target)).count();
                if self.of_the_new_disk(&targets, &items).is_some()
                    || self.joins_tags(&tokens, &targets, &items).is_some()
                {
                    return Some(());
                }
                if new == 0 || firewall {
                    self.drafts.push(Draft::Change(Change { tokens, targets, items, how }));
                    return Some(());
                }
                if new < targets.len() {
                    return None;
                }
                let items = made(items);
                targets.iter().try_for_each(|target| self.extend_named(target, &items))?;
                self.share(&targets);
                Some(())
            }
        }
    }

    /// Whether the declaration itself makes the guest of that name.
    pub fn is_new(&self, target: &Target) -> bool {
        let Selector::Name(name) = &target.selector else { return false };
        self.drafts.iter().any(|draft| match draft {
            Draft::Create(group) => group.members.iter().any(|member| member.value == *name),
            Draft::Clone(copy) => copy.makes(name),
            Draft::Change(_) | Draft::Do(_) | Draft::Remove(_) | Draft::Facility(_) => false,
        })
    }

    /// The guests that were described last, where they have names.
    fn last_made(&self) -> Option<Vec<Target>> {
        let target = |name: &str, span| Target { span, selector: Selector::Name(name.to_owned()) };
        let targets: Vec<Target> = match self.drafts.last()? {
            Draft::Create(group) if !group.awaits_names() => {
                group.members.iter().map(|member| target(&member.value, self.span(&member.tokens))).collect()
            }
            _ => return None,
        };
        (!targets.is_empty()).then_some(targets)
    }

    /// More about the guest that was described last.
    fn extend_last(&mut self, items: Vec<Said<Item>>) -> Option<()> {
        match self.drafts.last_mut()? {
            Draft::Create(group) => {
                for item in items {
                    match item.value {
                        // “Its name shall be web-01.”
                        Item::Plain(Plain::Name, Amount::To(Value::Text(name))) if group.members.is_empty() => {
                            group.members.push(Said { value: name, tokens: item.tokens });
                        }
                        value => group.say(Said { value, tokens: item.tokens }),
                    }
                }
            }
            Draft::Clone(copy) => copy.items.extend(items),
            Draft::Change(_) | Draft::Do(_) | Draft::Remove(_) | Draft::Facility(_) => return None,
        }
        Some(())
    }

    /// More about a guest that the declaration makes.
    pub fn extend_named(&mut self, target: &Target, items: &[Said<Item>]) -> Option<()> {
        let Selector::Name(name) = &target.selector else { return None };
        self.set_apart(name);
        self.drafts.iter_mut().rev().find_map(|draft| match draft {
            Draft::Create(group) => {
                let member = group.members.iter().position(|member| member.value == *name)?;
                group.items.extend(items.iter().map(|item| (Some(member), item.clone())));
                Some(())
            }
            Draft::Clone(copy) if copy.makes(name) => {
                copy.items.extend(items.iter().cloned());
                Some(())
            }
            _ => None,
        })
    }

    /// One of several copies becomes one of its own, for something is said of it alone.
    fn set_apart(&mut self, name: &str) {
        let of_several =
            |draft: &Draft| matches!(draft, Draft::Clone(copy) if copy.names.len() > 1 && copy.makes(name));
        let Some(at) = self.drafts.iter().rposition(of_several) else { return };
        let Draft::Clone(copies) = &mut self.drafts[at] else { return };
        let Some(one) = copies.names.iter().position(|copy| copy.value == name) else { return };
        let names = vec![copies.names.remove(one)];
        let apart = Copy { names, ..copies.clone() };
        self.drafts.insert(at + 1, Draft::Clone(apart));
    }

    /// What follows is said of all `targets`, where something was said of all the new guests of several statements or of one.
    pub fn share(&mut self, targets: &[Target]) {
        let meant = |member: &Said<String>| {
            targets.iter().any(|target| matches!(&target.selector, Selector::Name(name) if *name == member.value))
        };
        let whole = |draft: &&mut Draft| match draft {
            Draft::Create(group) => group.members.iter().all(meant),
            _ => false,
        };
        if targets.len() > 1 && self.drafts.iter_mut().rev().take_while(whole).count() > 0 {
            let all: Vec<&mut Draft> = self.drafts.iter_mut().rev().take_while(whole).collect();
            let several = all.len() > 1;
            for draft in all {
                if let Draft::Create(group) = draft {
                    (group.focus, group.shared) = (Vec::new(), group.shared || several);
                }
            }
        }
    }

    /// Phrases in a row, joined by commas and “and”; at least one.
    pub fn items(&mut self, how: How) -> Option<Vec<Said<Item>>> {
        self.some_items(how, usize::MAX)
    }

    /// [`Self::items`], no more than `most` of them.
    pub fn some_items(&mut self, how: How, most: usize) -> Option<Vec<Said<Item>>> {
        let mut items = vec![self.item(how)?];
        while items.len() < most
            && let Some(item) = self.attempt(|p| {
                // “…, local-zfs is running out of space”
                (!(p.joint() && p.names_something() && p.remark_from(p.at))).then_some(())?;
                // “three cores but no swap”
                let _ = matches!(how, How::Give | How::Set) && p.any(words!("but"));
                let plus = matches!(how, How::Give | How::Set) && matches!(p.last_word(), "plus" | "+");
                p.any(words!("with|also|to have|down to|to"));
                let item = p.item(how)?;
                Some(if plus { no_less(item) } else { item })
            })
        {
            items.push(item);
        }
        let items = if how == How::Create { items } else { self.share_a_part(items) };
        Some(self.instead_of_all(items))
    }

    /// Where a change finds its guests after the field: “of web-01”, “for all VMs tagged web”, “on it”.
    pub fn of_targets(&mut self, prepositions: &Wordings) -> Option<Targets> {
        if !self.any(prepositions) {
            // The “on” of “nesting on cache” was taken for its value.
            let value = self.last_word() == "on"
                && self.peek(0).is_some_and(|token| self.inventory.guests.contains_key(token.text.as_str()));
            return if value { self.targets() } else { self.addressee() };
        }
        self.mark(':');
        self.targets()
    }

    /// “web-01’s”, “its”, “web-01” before a field.
    pub fn owner(&mut self) -> Option<Targets> {
        let several = self.word() == "their";
        if self.any(words!("its|their")) {
            // The pronoun is the possessive itself.
            let span = self.span(&(self.at - 1..self.at));
            return self.antecedent(if several { Number::Several } else { Number::One }, span);
        }
        let targets = self.targets()?;
        // “both web servers’ memory”
        let _ = self.any(words!("'s")) || self.mark('\'') || self.mark('’');
        Some(targets)
    }

    /// “the memory of web-01”, “web-01’s memory”, “its memory”.
    pub fn field_of_targets(&mut self) -> Option<(Noun, Targets)> {
        // In “the VLAN of web-01 to 30” no guests are counted.
        let counting = std::mem::replace(&mut self.counting, false);
        let read = self
            .attempt(|p| {
                let noun = p.noun_perhaps_new()?;
                // “RAM upgrade for web-01”
                let upgrade = p.any(words!("upgrade|increase|extension|expansion|change|bump|boost|resize"));
                let targets = match p.attempt(|p| p.of_targets(words!("of|on|for|in|at|from"))) {
                    Some(targets) => targets,
                    None => if upgrade { p.targets() } else { None }?,
                };
                Some((p.of_its_part(noun), targets))
            })
            .or_else(|| {
                self.attempt(|p| {
                    let targets = p.owner()?;
                    Some((p.noun_perhaps_new()?, targets))
                })
            });
        self.counting = counting;
        read
    }

    /// “new IP”, “requested RAM”: a field there is; a new disk or NIC is another one.
    fn noun_perhaps_new(&mut self) -> Option<Noun> {
        let new = self.verb(words!("new|requested|wanted|desired"));
        let part =
            |noun: &Noun| matches!(noun, Noun::Disk(..) | Noun::Nic(_, NicPart::Bridge) | Noun::Plain(Plain::Name));
        self.noun().filter(|noun| !new || !part(noun))
    }

    /// “set the memory of x to 8 GB”, “raise web-01's cores to 4”, “set cores=4 on x”, “make x start at boot”.
    fn setting(&mut self) -> Option<Wish> {
        let how = if self.verb(MORE) {
            How::More
        } else if self.verb(LESS) {
            How::Less
        } else if self.verb(SET) {
            How::Set
        } else {
            return None;
        };
        let resizes = ["resize", "rescale", "upgrade", "upsize", "downsize"].contains(&self.last_word());
        // “let the disk of web-01 grow to 50 GB”
        if self.last_word() == "let"
            && let Some(wish) = self.attempt(Self::owned)
        {
            return Some(wish);
        }
        // “update the config of web-01: …”
        let _ = self.attempt(Self::sizing_for);
        if self.ahead(Self::guest_of_a_new_name) {
            return None;
        }
        self.any(words!("of"));
        if let Some((targets, items)) = self.attempt(|p| p.field_and_value(how)) {
            return Some((targets, items, how));
        }
        if let Some((targets, items)) = self.attempt(|p| p.guest_and_values(how)) {
            let items = if resizes { items.into_iter().map(resized).collect() } else { items };
            return Some((targets, items, How::Give));
        }
        // “use this SSH key for test-2: …”
        if let Some(wish) = self.attempt(|p| {
            p.any(words!("this|these|the following")).then_some(())?;
            let start = p.at;
            let noun = p.noun()?;
            let targets = p.of_targets(words!("of|on|for|in"))?;
            p.mark(':').then_some(())?;
            let value = p.value(&noun, Amount::To)?;
            Some((targets, vec![Said { value, tokens: start..p.at }], How::Set))
        }) {
            return Some(wish);
        }
        // The values first: “set memory to 8 GB for web-01”, “increase memory by 2 GB on web-01”.
        let items = self.items(how)?;
        // “use mtu 1400 on web-01’s NIC”
        if let Some((items, targets)) = self.attempt(|p| p.for_a_part(&items)) {
            return Some((targets, items, how));
        }
        let targets = self.of_targets(words!("of|on|for|in|into|at"))?;
        self.any(words!("each"));
        Some((targets, items, how))
    }

    /// “VM notes-2”, where there is no such guest: “make VM notes-2 with …” makes one.
    pub fn guest_of_a_new_name(&mut self) -> Option<()> {
        self.any(words!("the|a|an"));
        self.guest_noun().filter(|noun| !noun.plural)?;
        let named = self.any(words!("called|named"));
        let name = self.name()?;
        let fresh = !self.inventory.guests.contains_key(&name)
            && !self.drafts.iter().any(|draft| matches!(draft, Draft::Create(_) | Draft::Clone(_)));
        (fresh && (named || self.looks_like_name(&name))).then_some(())
    }

    /// A field of a guest, then its value; and further fields of the same.
    pub fn field_and_value(&mut self, how: How) -> Option<(Targets, Vec<Said<Item>>)> {
        let start = self.at;
        let (noun, targets) = self.field_of_targets()?;
        let value = self.attempt(|p| p.halved(&noun, how)).or_else(|| self.connected_value(&noun, how))?;
        let value = self.instead_of(value);
        let mut items = vec![Said { value, tokens: start..self.at }];
        while let Some(more) = self.attempt(|p| {
            p.joint();
            p.any(words!("its|their"));
            p.item(how)
        }) {
            items.push(more);
        }
        self.any(words!("each|from now on|now|in size|big|large"));
        Some((targets, items))
    }

    /// The guest first: “set web-01 to 4 cores”, “increase web-01 by 2 cores”, “make web-01 start at boot”.
    fn guest_and_values(&mut self, how: How) -> Option<(Targets, Vec<Said<Item>>)> {
        let targets = self.targets()?;
        if how == How::Set && self.any(words!("as follows|like this|like so")) {
            self.mark(':').then_some(())?;
            return Some((targets, self.items(How::Set)?));
        }
        // “grow web-01 from 4 to 8 GB of memory”
        if let Some(item) = self.attempt(|p| {
            let start = p.at;
            let first = p.amount_before()?;
            let item = p.item(How::Give)?;
            Some(Said { value: p.changed_from(start, &first, item.value)?, tokens: start..p.at })
        }) {
            return Some((targets, vec![item]));
        }
        let leads = match how {
            How::More => Leads::Up,
            How::Less => Leads::Down,
            _ => Leads::Anywhere,
        };
        let has = words!("to have|to use|to be");
        let inner = match if self.any(has) { Some(Course::To) } else { self.course(leads) } {
            Some(Course::To) => How::Give,
            Some(Course::More) => How::Add,
            Some(Course::Less) => How::Remove,
            // “increase web-01 with 2 cores” may say by how many, or to how many.
            None if how == How::Set
                && (self.attempt(|p| (p.any(words!("on")) && p.ahead(Self::counted)).then_some(())).is_some()
                    || self.any(words!("with|have|use|get|at")))
                || self.known(&targets) && (self.mark(':') || self.mark('(')) =>
            {
                How::Give
            }
            None if how == How::Set => How::Set,
            None => return None,
        };
        let open = self.at.checked_sub(1).is_some_and(|at| self.tokens[at].kind == TokenKind::Mark('('));
        let items = self.items(inner)?;
        (!open || self.mark(')')).then_some(())?;
        self.any(words!("each|from now on|now|in size|big|large"));
        Some((targets, items))
    }

    /// Whether all of them exist: “web-01: 4 cores” alone does not say whether to make it.
    pub fn known(&self, targets: &Targets) -> bool {
        let Targets::Old(targets) = targets else { return false };
        let awaited = matches!(self.drafts.last(), Some(Draft::Create(group)) if group.awaits_names());
        !awaited
            && targets.iter().all(|target| match &target.selector {
                Selector::Name(name) => self.inventory.guests.contains_key(name) || self.is_new(target),
                Selector::Vmid(_) | Selector::All(_) => true,
                Selector::Vague(_) => false,
            })
    }
}

/// “resize web-01: 80 GB disk” is about the disk it has.
fn resized(mut item: Said<Item>) -> Said<Item> {
    if let Item::Disk(DiskItem {
        which: which @ (Which::One | Which::Unclear), times: 1, amount: Amount::To(_), ..
    }) = &mut item.value
    {
        *which = Which::The(DiskRef::Only);
    }
    item
}

/// `step` on the field `noun`.
pub fn stepped(noun: &Noun, step: Value, amount: impl Fn(Value) -> Amount) -> Option<Item> {
    match (noun, &step) {
        (Noun::Disk(which, false), Value::Size(_)) => Some(Item::Disk(DiskItem::sized(amount(step), which.clone()))),
        (Noun::Plain(plain), Value::Size(_)) if matches!(plain.shape(), Shape::Size { .. }) => {
            Some(Item::Plain(*plain, amount(step)))
        }
        (Noun::Plain(plain), Value::Count(_)) if matches!(plain.shape(), Shape::Count { .. }) => {
            Some(Item::Plain(*plain, amount(step)))
        }
        _ => None,
    }
}

/// What is added to a guest that the text makes.
pub fn added(mut item: Said<Item>) -> Said<Item> {
    if let Item::Disk(disk) = &mut item.value
        && disk.which == Which::One
    {
        disk.which = Which::Added;
    }
    item
}

/// The disk an edit of an existing disk means.
pub fn disk_ref(which: &Which) -> Option<DiskRef> {
    match which {
        Which::The(disk) => Some(disk.clone()),
        Which::System => Some(DiskRef::Nth(1)),
        Which::Mass => Some(DiskRef::Only),
        Which::One | Which::Unclear | Which::Further | Which::Added => None,
    }
}

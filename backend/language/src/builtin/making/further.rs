//! What goes on with new guests: what is said of all of them, of the first, of the one called so.

use mycopod_core::field::{NicPart, Plain};
use mycopod_core::reading::{Amount, Selector};

use crate::lexer::{Token, TokenKind};

use super::common::alike;
use super::create::JOINS;
use super::which::Whom;
use crate::builtin::Parser;
use crate::builtin::changing::change::added;
use crate::builtin::drafting::draft::{Change, Draft, Group};
use crate::builtin::said::item::{DiskItem, How, Item, Said, Which};
use crate::builtin::whom::pointing::Number;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// Words by which what follows is said of all new guests.
const OF_ALL: &Wordings = words!(
    "each of them|both of them|all of them|all three of them|all three|all four|each one|each|both|all|every one of them|every one|they both|they all|they each|they should have|they should be|\
     they should get|they get|they need|they have|they should|they are|they"
);

/// More of what joins a phrase to the guest or the disk that it describes: “it'll need …”, “… and sits on local”.
const SITS: &Wordings = words!(
    "it'll need|it'll get|it'll have|it'll be|it's got to be|it's got to have|it has got to be|they'll need|they'll get|they'll have|\
     it 's got to be|it 's got to have|sits|sit|lives|live|resides|reside|lies|is to|are to"
);

impl Parser<'_> {
    /// What goes on with the statement before.
    pub fn continuation(&mut self) -> Option<()> {
        match self.drafts.last()? {
            Draft::Create(_) => self.attempt(Self::describe),
            Draft::Change(change) => {
                // “tag web-01 as front; 6 GB RAM”: what comes on top, or goes, is what its verb stands before.
                let tags = change.items.iter().all(|item| matches!(item.value, Item::Plain(Plain::Tags, _)));
                let anew = matches!(change.how, How::Add | How::Remove) && (tags || change.tokens.end < self.began);
                let (targets, start) = (change.targets.clone(), self.at);
                let adds_a_disk = matches!(
                    change.items.last(),
                    Some(Said {
                        value: Item::Disk(DiskItem { which: Which::One | Which::Further | Which::Added, .. }),
                        ..
                    })
                );
                let several = change.targets.len() > 1
                    || change.targets.iter().any(|target| matches!(target.selector, Selector::All(_)));
                let before = change.how;
                // “web-01 loses 2 GB of RAM and gains a core”
                let turned = self.attempt(|p| {
                    while p.any(words!("and|but|also")) {}
                    if p.verb(words!("gains|gain")) {
                        return Some(How::Add);
                    }
                    p.verb(words!("loses|lose|gives up")).then_some(How::Remove)
                });
                if turned.is_none() && anew && before == How::Remove {
                    return None;
                }
                let how = turned.unwrap_or(if anew { How::Give } else { before });
                let anew = anew || turned.is_some();
                // “add a 30 GB disk. Cache writeback.” is said of that disk.
                let of_the_disk = |p: &mut Self| {
                    while p.any(words!("and|with")) {}
                    let item = p.item(How::Give).filter(|item| matches!(item.value, Item::DiskPart(None, ..)))?;
                    p.at_boundary().then_some(item)
                };
                if adds_a_disk && let Some(item) = self.attempt(of_the_disk) {
                    if let Some(Draft::Change(change)) = self.drafts.last_mut() {
                        change.items.push(item);
                    }
                    return Some(());
                }
                let item = self.attempt(|p| {
                    // “web-01 gets 4 cores, web-02 gets 8 GB RAM, they start at boot” says it of both.
                    while p.any(words!(
                        "and|but|also|add a|add|with|its|it|should|shall|must|have|has|get|gets|need|needs|set its|set"
                    )) || several && p.any(words!("their|they"))
                    {}
                    let item = p.item(how)?;
                    (p.at_boundary() || p.ahead(|p| p.item(how))).then_some(item)
                })?;
                if anew {
                    let tokens = start..self.at;
                    self.drafts.push(Draft::Change(Change { tokens, targets, items: vec![item], how }));
                } else if let Some(Draft::Change(change)) = self.drafts.last_mut() {
                    change.items.push(item);
                }
                Some(())
            }
            Draft::Clone(copy) => {
                let several = copy.names.len() > 1;
                let item = self.attempt(|p| {
                    // “it only needs 2 cores”, “set 4 cores”
                    p.verb(words!("it only needs|it just needs|they only need|it needs only|set it to|set"));
                    while several && p.any(OF_ALL) || p.any(JOINS) {}
                    let item = p.attempt(Self::vmid_said).or_else(|| p.item(How::Give))?;
                    let _ = several && p.any(words!("each"));
                    p.attempt(|p| p.beyond_the_original(&item.value));
                    let at = p.at;
                    if p.verb(words!("are enough for it|is enough for it|are enough|is enough|will do|suffice")) {
                        p.asides.push(at..p.at);
                    }
                    let goes_on = |p: &mut Self| {
                        while p.any(JOINS) {}
                        p.item(How::Give)
                    };
                    (p.at_boundary() || p.ahead(goes_on)).then_some(item)
                })?;
                if let Some(Draft::Clone(copy)) = self.drafts.last_mut() {
                    copy.items.push(item);
                }
                Some(())
            }
            Draft::Do(_) | Draft::Remove(_) | Draft::Facility(_) => None,
        }
    }

    /// “VMID 333”
    fn vmid_said(&mut self) -> Option<Said<Item>> {
        let start = self.at;
        let value = self.vmid()?;
        Some(Said { value, tokens: start..self.at })
    }

    /// “one core more than the original”, “tagged canary on top”: behind what a copy has more or less of.
    fn beyond_the_original(&mut self, item: &Item) -> Option<()> {
        let relative = matches!(item, Item::Plain(_, Amount::Plus(_) | Amount::Minus(_)));
        relative.then_some(())?;
        if self.any(words!("on top|additionally|as well|too")) {
            return Some(());
        }
        self.any(words!("than the")).then_some(())?;
        let original = ["original", "source", "template", "first"].contains(&self.word());
        self.at += usize::from(original);
        original.then_some(())
    }

    /// “Type: VM”, “…: VM, …”, “make it a VM”: of what kind the guest is that was begun without it. The same may be said again.
    pub fn kind_said(&mut self) -> Option<()> {
        let known = self.group()?.kind.as_ref().map(|kind| kind.value);
        let says = self.any(words!(
            "that 's|that is|make it|make that|it 's to be|it 's|its|it is to be|it is|it should be|it shall be|as"
        ));
        // “a machine called a-1, VM, …”
        let machine = self.group()?.kind.as_ref().is_some_and(|kind| {
            kind.tokens.clone().any(|at| matches!(self.word_at(at), "machine" | "server" | "box" | "host"))
        });
        (says || known.is_none() || machine).then_some(())?;
        self.mark(':');
        let keyed = !says && self.any(words!("type|kind")) && self.assigns();
        // “its a vm”, typed in a hurry; “its VM” is another.
        let its = self.last_word() == "its";
        let article = self.any(words!("a|an"));
        (article || !its).then_some(())?;
        let at = self.at;
        let value = self.guest_noun().filter(|noun| keyed || !noun.plural)?.kind_to_make()?;
        let tokens = at..self.at;
        let ends = self.done()
            || matches!(self.peek(0)?.kind, TokenKind::Mark(',' | '/' | '|' | ')'))
            || says && (self.at_boundary() || matches!(self.word(), "with" | "w/"));
        (ends && known.is_none_or(|known| known == value)).then_some(())?;
        let group = self.group_mut()?;
        (group.kind, group.tokens.end) = (Some(Said { value, tokens: tokens.clone() }), tokens.end);
        Some(())
    }

    /// “disks of 20 GB and 50 GB, the second one on local”, “…, both on local-lvm”
    fn said_of_its_disks(&mut self) -> Option<Said<Item>> {
        let at = self.at;
        let value = self
            .attempt(Self::one_of_its_disks)
            .or_else(|| self.rest_of_its_disks())
            .or_else(|| self.attempt(Self::all_disks_on))?;
        Some(Said { value, tokens: at..self.at })
    }

    /// Behind brackets that each guest's name had: “a-1 (pve1) and a-2 (pve2), 2 cores” goes on with all.
    fn behind_brackets(&mut self) {
        let joins = ["and", "&", "plus", "with", "also", "please"];
        let says = |token: &Token| token.is_content() && !joins.contains(&token.word.as_str());
        let Some(last) = self.tokens[..self.at].iter().rposition(says) else { return };
        let closed = self.tokens[last + 1..self.at].first().is_some_and(|token| token.kind == TokenKind::Mark(')'));
        let opens = |member: &Said<String>| {
            self.tokens.get(member.tokens.end).is_some_and(|token| token.kind == TokenKind::Mark('('))
        };
        let described = self.group().is_some_and(|group| {
            let all = group.count.as_ref().is_none_or(|count| u64::try_from(group.members.len()) == Ok(count.value));
            all && group.members.len() > 1 && group.members.iter().all(opens)
        });
        if closed
            && described
            && let Some(group) = self.group_mut()
        {
            group.focus.clear();
        }
    }

    /// Behind the place of each: “a pair of VMs, a-1 on pve1 and a-2 on pve2: 2 cores, …” goes on with all, but where that would be
    /// another amount of what was said of all before.
    fn behind_places(&mut self) {
        let parted =
            self.at.checked_sub(1).is_some_and(|at| matches!(self.tokens[at].kind, TokenKind::Mark(':' | ',')));
        let Some(group) = self.group().filter(|group| parted && !group.focus.is_empty() && group.members.len() > 1)
        else {
            return;
        };
        let own = |who: usize| group.items.iter().filter(move |(whose, _)| *whose == Some(who));
        let is_place = |item: &Item| match item {
            Item::Node(_) => true,
            Item::Nic { parts, .. } => matches!(parts.as_slice(), [(NicPart::Ip, _)]),
            _ => false,
        };
        let placed = |who: usize| own(who).count() == 1 && own(who).all(|(_, said)| is_place(&said.value));
        let last = group.focus == [group.members.len() - 1] && !group.awaits_names();
        if !last || !(0..group.members.len()).all(placed) {
            return;
        }
        let (at, asides) = (self.at, self.asides.len());
        let next = self.item(How::Create);
        self.at = at;
        self.asides.truncate(asides);
        if let (Some(next), Some(group)) = (next, self.group_mut())
            && !group.items.iter().any(|(whose, said)| whose.is_none() && alike(&said.value, &next.value))
        {
            group.focus.clear();
        }
    }

    pub fn describe(&mut self) -> Option<()> {
        self.behind_brackets();
        self.behind_places();
        if self.attempt(Self::kind_said).is_some() || self.attempt(Self::none_of_them).is_some() {
            return Some(());
        }
        if let Some(item) = self.attempt(Self::said_of_a_part) {
            return self.add(&item, None);
        }
        let mut all = None;
        // “Set the boot order to scsi0.”
        let adds = self.any(words!("add"));
        if !adds {
            self.any(words!("set its|set the|set|give it|grow|resize|expand|enlarge|extend"));
            all = self.attempt(Self::placing).filter(|number| *number != Number::One);
        }
        if let Some(item) = self.attempt(Self::said_of_its_disks) {
            return self.add(&item, None);
        }
        if self.attempt(Self::says_no_more).is_some() || self.attempt(Self::is_wanted).is_some() {
            return Some(());
        }
        loop {
            if let Some(members) = self.attempt(Self::which_of_them) {
                return self.describes_next(members);
            }
            // “one called a-1 with 2 cores and one called a-2 with 4”
            // “- name: a-1” begins the next of several.
            let point = self.at.checked_sub(1).is_some_and(|at| self.tokens[at].kind == TokenKind::Mark('•'));
            let one_of_them = matches!(self.word(), "one" | "another") || point;
            if let Some(names) = self.attempt(|p| {
                p.any(words!("one|another"));
                p.called(p.group().is_some_and(|group| group.plural))
            }) {
                let end = self.at;
                let group = self.group_mut()?;
                for name in names {
                    group.join(name);
                }
                if one_of_them {
                    group.focus = group.members.len().checked_sub(1).into_iter().collect();
                }
                group.tokens.end = end;
                return Some(());
            }
            let from = self.at;
            // “common: vmbr1, vlan 5” below them all
            if self
                .attempt(|p| (p.any(words!("common|shared|for all of them|for all")) && p.mark(':')).then_some(()))
                .is_some()
            {
                all = Some(Number::Several);
            } else if self.any(OF_ALL) {
                let said = (from..self.at).find_map(|at| match self.word_at(at) {
                    "both" => Some(2),
                    "three" => Some(3),
                    "four" => Some(4),
                    _ => None,
                });
                all = Some(said.map_or(Number::Several, Number::Exactly));
            } else if !(self.mark(':')
                || self.mark('(')
                || self.mark('=')
                || self.any(words!("->|→|=>"))
                || self.verb(SITS)
                || self.any(JOINS))
            {
                break;
            }
        }
        if all.is_none() && (self.attempt(Self::vmids_each).is_some() || self.attempt(Self::respective).is_some()) {
            return Some(());
        }
        if all.is_none() && (self.attempt(Self::one_each).is_some() || self.attempt(Self::as_many).is_some()) {
            return Some(());
        }
        if let Some(item) = self.item(How::Create) {
            return self.said_of_them(if adds { added(item) } else { item }, all);
        }
        if self.attempt(Self::name_alone).is_some() {
            return Some(());
        }
        let before = self.at.checked_sub(1).map(|before| &self.tokens[before]);
        let at_start =
            before.is_none_or(|token| !token.is_content() || matches!(token.word.as_str(), "and" | "&" | "plus"));
        if let Some(names) = self.attempt(Self::names_alone) {
            let end = self.at;
            let group = self.group_mut()?;
            (group.members, group.tokens.end) = (names, end);
            return Some(());
        }
        let members = self.attempt(|p| p.members_together(at_start));
        let members = members.or_else(|| self.attempt(|p| p.member(at_start)).map(|member| vec![member]))?;
        let group = self.group_mut()?;
        let place = |member: Said<String>| {
            let known = group.members.iter().position(|known| known.value == member.value);
            known.unwrap_or_else(|| group.join(member))
        };
        let members = members.into_iter().map(place).collect();
        self.describes_next(members)
    }

    /// What was just said of the new guests, behind words for so many of them (`all`); whom it is said of may stand behind it too.
    fn said_of_them(&mut self, item: Said<Item>, all: Option<Number>) -> Option<()> {
        self.attempt(Self::suffices);
        // “The disk is 15 GB big”
        let _ = item.value.is_disk() && self.verb(words!("in size|big|large"));
        if let Some(exceptions) = self.attempt(|p| p.but_for(&item)) {
            self.add(&item, all)?;
            let group = self.group_mut()?;
            group.items.extend(exceptions);
            return Some(());
        }
        // “worker-2 gets 8 GB RAM instead”
        let _ = self.is_an_exception(&item) && self.any(words!("instead"));
        if all.is_none() {
            if self.in_total(&Targets::New) {
                return self.add(&item, None);
            }
            if let Some(members) = self.attempt(Self::of_these) {
                let end = self.at;
                let group = self.group_mut()?;
                let before = std::mem::replace(&mut group.focus, members);
                group.say(item);
                (group.focus, group.tokens.end) = (before, end);
                return Some(());
            }
            // “firewall on both”
            if let Some(item) = self.attempt(|p| {
                let number = p.of_so_many()?;
                p.of_all_nics(&item, number)
            }) {
                return self.add(&item, None);
            }
        }
        match (self.attempt(Self::each_of_them), all) {
            (Some(each), None) => self.add_each(&item, each),
            _ => self.add(&item, all),
        }
    }

    /// What follows is said of these.
    fn describes_next(&mut self, members: Vec<usize>) -> Option<()> {
        let end = self.at;
        let group = self.group_mut()?;
        (group.focus, group.tokens.end) = (members, end);
        Some(())
    }

    /// “Create a VM:” or “a VM, please:”, and a name alone: in a line of its own, or before what describes it.
    fn name_alone(&mut self) -> Option<()> {
        let before = self.at.checked_sub(1).map(|before| self.tokens[before].kind)?;
        let begins = matches!(before, TokenKind::Break | TokenKind::Mark(':' | '.' | '!' | '?' | '–' | '—'));
        self.group().filter(|group| begins && !group.plural && group.members.is_empty())?;
        let at = self.at;
        let quoted = self.peek(0)?.kind == TokenKind::Quoted;
        let value = self.name()?;
        (quoted || self.looks_like_name(&value)).then_some(())?;
        (!self.inventory.guests.contains_key(&value)).then_some(())?;
        let ends = self.done()
            || self.peek(0).is_some_and(|next| matches!(next.kind, TokenKind::Mark(',' | ':' | '–' | '—' | '(')));
        ends.then_some(())?;
        let group = self.group_mut()?;
        group.members.push(Said { value, tokens: at..at + 1 });
        group.tokens.end = at + 1;
        Some(())
    }

    /// Adds a phrase to the guests it describes: to every one of them where words for so many (`all`) went before it.
    pub fn add(&mut self, item: &Said<Item>, all: Option<Number>) -> Option<()> {
        let end = self.at;
        let last = self.drafts.len().checked_sub(1)?;
        let head = self.group()?.head.start;
        let sentence = self.tokens[..head].iter().rposition(Token::ends_sentence).map_or(0, |end| end + 1);
        let mut before: Vec<&mut Group> = Vec::new();
        let (earlier, present) = self.drafts.split_at_mut(last);
        let [Draft::Create(group)] = present else { return None };
        let alone = !group.plural && group.members.len() < 2;
        // “Create VM a with 2 cores. Create VM b with 4 cores. Both with 8 GB RAM, 10 GB disk”
        let drafts = earlier.len();
        let beyond = alone && (all.is_some() || group.shared);
        for draft in earlier.iter_mut().rev() {
            match draft {
                Draft::Create(group) if group.head.start >= sentence || beyond => before.push(group),
                _ => break,
            }
        }
        let count = |group: &Group| group.members.len().max(1);
        let counted = before.iter().map(|group| count(group)).sum::<usize>() + count(group);
        let fits = |all: Number| all.fits(counted) || alone && drafts == 0 && all == Number::Several;
        if !(group.awaits_names() || all.is_none_or(fits)) || alone && all.is_some() && before.len() < drafts {
            return None;
        }
        match group.whom(all, counted, self.began) {
            Whom::All => group.focus.clear(),
            Whom::Focus => {}
            Whom::Unclear => return None,
        }
        group.tokens.end = end;
        group.say(item.clone());
        group.shared |= all.is_some();
        if !group.shared {
            return Some(());
        }
        // “a VM x and a container y, both with 2 cores”: those before it in the sentence as well.
        for group in before {
            if !(group.shared || group.is_bare() || all.is_some() && alone) {
                break;
            }
            group.shared = true;
            group.items.push((None, item.clone()));
        }
        Some(())
    }

    pub fn group(&self) -> Option<&Group> {
        match self.drafts.last() {
            Some(Draft::Create(group)) => Some(group),
            _ => None,
        }
    }

    pub fn group_mut(&mut self) -> Option<&mut Group> {
        match self.drafts.last_mut() {
            Some(Draft::Create(group)) => Some(group),
            _ => None,
        }
    }
}

//! What goes on with new guests: what is said of all of them, of the first, of the one called so.

use mycopod_core::field::Plain;
use mycopod_core::reading::{Amount, Selector};

use crate::lexer::{Token, TokenKind};

use super::create::JOINS;
use crate::builtin::Parser;
use crate::builtin::changing::change::added;
use crate::builtin::drafting::draft::{Change, Draft, Group};
use crate::builtin::said::amount::DISKS;
use crate::builtin::said::item::{DiskItem, How, Item, Said, Which};
use crate::builtin::whom::pointing::Number;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::{Wordings, words};

/// Words by which what follows is said of all new guests.
const OF_ALL: &Wordings = words!(
    "each of them|both of them|all of them|each one|each|both|all|every one|they both|they all|they each|they should have|they should be|\
     they should get|they get|they need|they have|they should|they are|they"
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
            Draft::Clone(_) => {
                let item = self.attempt(|p| {
                    while p.any(JOINS) {}
                    let item = p.item(How::Give)?;
                    p.attempt(|p| p.beyond_the_original(&item.value));
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
        let says =
            self.any(words!("make it|make that|it 's to be|it 's|its|it is to be|it is|it should be|it shall be|as"));
        (says || known.is_none()).then_some(())?;
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
            group.focus = None;
        }
    }

    pub fn describe(&mut self) -> Option<()> {
        self.behind_brackets();
        if self.attempt(Self::kind_said).is_some() {
            return Some(());
        }
        // “wan on vmbr0 and lan on vmbr1, both e1000”
        if let Some(item) = self.attempt(|p| {
            let at = p.at;
            let value = p.of_each_nic()?;
            Some(Said { value, tokens: at..p.at })
        }) {
            return self.add(&item, None);
        }
        let mut all = None;
        // “Set the boot order to scsi0.”
        let adds = self.any(words!("add"));
        if !adds {
            self.any(words!("set its|set the|set|give it|grow|resize|expand|enlarge|extend"));
        }
        if self.attempt(Self::says_no_more).is_some() {
            return Some(());
        }
        loop {
            if let Some(member) = self.attempt(Self::which_of_them) {
                let end = self.at;
                let group = self.group_mut()?;
                (group.focus, group.tokens.end) = (Some(member), end);
                return Some(());
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
                group.members.extend(names);
                if one_of_them {
                    group.focus = group.members.len().checked_sub(1);
                }
                group.tokens.end = end;
                return Some(());
            }
            let both = self.word() == "both";
            // “common: vmbr1, vlan 5” below them all
            if self
                .attempt(|p| (p.any(words!("common|shared|for all of them|for all")) && p.mark(':')).then_some(()))
                .is_some()
            {
                all = Some(Number::Several);
            } else if self.any(OF_ALL) {
                let counted = both || matches!(self.word_at(self.at - 1), "both");
                all = Some(if counted { Number::Exactly(2) } else { Number::Several });
            } else if !(self.mark(':') || self.mark('(') || self.mark('=') || self.any(JOINS)) {
                break;
            }
        }
        if all.is_none() && self.attempt(Self::respective).is_some() {
            return Some(());
        }
        if all.is_none() && (self.attempt(Self::one_each).is_some() || self.attempt(Self::as_many).is_some()) {
            return Some(());
        }
        if let Some(item) = self.item(How::Create) {
            let item = if adds { added(item) } else { item };
            self.attempt(Self::suffices);
            // “worker-2 gets 8 GB RAM instead”
            let _ = self.is_an_exception(&item) && self.any(words!("instead"));
            if all.is_none() && self.in_total(&Targets::New) {
                return self.add(&item, None);
            }
            // “firewall on both”
            if all.is_none()
                && let Some(item) = self.attempt(|p| {
                    let number = p.of_so_many()?;
                    p.of_all_nics(&item, number)
                })
            {
                return self.add(&item, None);
            }
            return match (self.attempt(Self::each_of_them), all) {
                (Some(each), None) => self.add_each(&item, each),
                _ => self.add(&item, all),
            };
        }
        if self.attempt(Self::name_alone).is_some() {
            return Some(());
        }
        let before = self.at.checked_sub(1).map(|before| &self.tokens[before]);
        let at_start =
            before.is_none_or(|token| !token.is_content() || matches!(token.word.as_str(), "and" | "&" | "plus"));
        if let Some(member) = self.attempt(|p| p.member(at_start)) {
            let end = self.at;
            let group = self.group_mut()?;
            let index =
                group.members.iter().position(|known| known.value == member.value).unwrap_or(group.members.len());
            if index == group.members.len() {
                group.members.push(member);
            }
            group.focus = Some(index);
            group.tokens.end = end;
            return Some(());
        }
        None
    }

    /// “to the cluster”, “with the following specs:”, and “with this key:” above the line in which it stands.
    fn says_no_more(&mut self) -> Option<()> {
        if self.any(words!("to the cluster|to our cluster|to this cluster|on the cluster|to proxmox|on proxmox")) {
            return Some(());
        }
        self.any(words!("with this|with these|with the following|with the|with|as follows|the following"))
            .then_some(())?;
        let specs = self.any(words!(
            "specs|spec|specifications|specification|configuration|config|settings|parameters|values|hardware|resources|properties|requirements"
        ));
        if !specs && self.last_word() != "follows" {
            self.any(words!("public|ssh"));
            matches!(self.word(), "key" | "keys").then_some(())?;
            self.at += 1;
            return (self.mark(':') && self.done()).then_some(());
        }
        self.mark(':').then_some(())
    }

    /// Whether it is said of one of the new guests, and something else of that kind of all of them.
    fn is_an_exception(&self, item: &Said<Item>) -> bool {
        let replaces =
            |(whose, other): &(Option<usize>, Said<Item>)| whose.is_none() && item.value.replaces(&other.value);
        self.group().is_some_and(|group| group.focus.is_some() && group.items.iter().any(replaces))
    }

    /// “too”, “is plenty”, “are sufficient”, “for now”: behind what is said of a guest, that it is so.
    fn suffices(&mut self) -> Option<()> {
        const ENOUGH: [&str; 9] =
            ["plenty", "enough", "sufficient", "fine", "ok", "okay", "good", "perfect", "adequate"];
        if self.any(words!("is|are|would be|will be")) {
            ENOUGH.contains(&self.word()).then_some(())?;
            self.at += 1;
        } else if ["suffice", "suffices"].contains(&self.word()) {
            self.at += 1;
        } else {
            self.any(words!("should do|would do|will do|for now|at first|to begin with|to start with|too|as well"))
                .then_some(())?;
        }
        self.any(words!("for now"));
        self.at_boundary().then_some(())
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

    /// “the first”, “the other”: one of the new guests, by its place among them.
    pub fn which_of_them(&mut self) -> Option<usize> {
        let known = self.group()?.members.len();
        let at = self.place_among_them()?;
        if at < known {
            return Some(at);
        }
        self.any(words!("will be|should be|shall be|is"));
        let named = |p: &mut Self| p.called(false).or_else(|| p.names(false));
        let name = self.attempt(named).filter(|names| names.len() == 1 && at == known)?;
        self.group_mut()?.members.extend(name);
        Some(at)
    }

    /// “the first”, “the other”: its place among the new guests.
    pub fn place_among_them(&mut self) -> Option<usize> {
        let group = self.group().filter(|group| group.plural)?;
        let known = group.members.len();
        let all = group.count.as_ref().and_then(|count| usize::try_from(count.value).ok()).unwrap_or(known);
        let at = if self.any(words!("the first one|the first|first one|first|the former")) {
            0
        } else if self.any(words!("the second one|the second|second one|second")) {
            1
        } else if self.any(words!("the third one|the third|third one|third")) {
            2
        } else if self.any(words!("the other one|the other|the latter|the last one|the last")) && all > 0 {
            all - 1
        } else {
            return None;
        };
        // “the first NIC”, “the second 20 GB disk”
        let part = |p: &mut Self| {
            p.quantity();
            p.any(words!("data|system|boot"));
            (p.any(DISKS) || p.nic_ref().is_some()).then_some(())
        };
        (!self.ahead(part)).then_some(at)
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
        if all.is_some() {
            group.focus = None;
        }
        group.tokens.end = end;
        group.items.push((group.focus, item.clone()));
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

    /// “web-1 with …”, “web-1: …”, “web-1 (…)” where several guests are described one by one.
    pub fn member(&mut self, at_start: bool) -> Option<Said<String>> {
        let group = self.group()?;
        if !group.plural {
            return None;
        }
        let known: Vec<String> = group.members.iter().map(|member| member.value.clone()).collect();
        let start = self.at;
        let value = self.name()?;
        let tokens = start..self.at;
        let introduced = self.peek(0).is_some_and(|t| matches!(t.kind, TokenKind::Mark(':' | '(' | '–' | '—' | '=')))
            || ["with", "gets", "has", "having", "get", "should"].contains(&self.word())
            || at_start && self.ahead(|p| p.item(How::Create))
            || at_start && self.at_boundary() && self.looks_like_name(&value);
        (introduced && at_start || known.contains(&value)).then_some(Said { value, tokens })
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

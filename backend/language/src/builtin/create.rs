//! New guests: their head (“three VMs called web-1 to web-3”) and what describes them.

use mycopod_core::field::Value;
use mycopod_core::reading::Amount;

use crate::lexer::{Token, TokenKind};

use super::Parser;
use super::change::added;
use super::draft::{Draft, Group};
use super::item::{How, Item, Said};

/// What joins a phrase to the guest that it describes.
const JOINS: &str = "it should have|it should get|it should be|it shall have|it must have|it gets|it needs|\
    it has|it should|it will have|it is|they should have|they should be|they should get|they get|they need|\
    they have|they should|they are|they|that|which|that has|that have|which has|which have|which should|\
    that should|should have|should get|should be|should|shall have|must have|to have|each having|having|have|\
    has|use|uses|gets|get|goes|needs|need|with|w/|using|for me|for us|including|and|but|plus|&|also|for each|it|the|of|are|is|in total|made|please";

/// The most phrases before the noun: nobody says more of a guest before saying that it is one.
const MAX_ADJECTIVES: usize = 8;

impl Parser<'_> {
    /// The head of new guests.
    pub fn create(&mut self) -> Option<()> {
        let start = self.at;
        if let Some(group) = self.attempt(|p| p.keyed(start)) {
            self.drafts.push(Draft::Create(group));
            return Some(());
        }
        let place = self.attempt(Self::leading_node);
        let titled = self.attempt(Self::title);
        let verb = self.any(
            "create|make|build|provision|deploy|set up|setup|set me up|spin me up|spin us up|spin up|bring up|launch|add|\
            give me|give us|get me|get|have|declare",
        );
        self.any("me|us|for me|for us");
        let mut items = Vec::from_iter(place);
        let mut count = self.attempt(Self::head_count);
        let article = count.is_none() && self.any("a single|a|an|another|the following|these|the");
        let one = article && matches!(self.last_word(), "a" | "an" | "another" | "single");
        if !one {
            count = count.or_else(|| self.attempt(Self::head_count));
        }
        // In “… a 10 GB disk and container c-1” the disk belongs to the guest before.
        let introduced = verb || titled.is_some() || article || count.is_some() || self.drafts.is_empty();
        let noun = loop {
            self.any("new|more|additional");
            if count.is_some() {
                self.any("identical|similar");
            }
            let at = self.at;
            if let Some(noun) = self.attempt(Self::guest_noun) {
                break Some(Said { value: noun, tokens: at..self.at });
            }
            if items.len() > MAX_ADJECTIVES {
                break None;
            }
            let Some(item) = self.attempt(Self::adjective) else { break None };
            let short = matches!(item.value, Item::Image(_) | Item::Plain(_, Amount::To(Value::Flag(_))));
            if !(short || introduced) {
                return None;
            }
            items.push((None, item));
            let _ = introduced && (self.mark(',') || self.mark('/')) || verb && self.any("and");
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
        self.any("for me|for us");
        // “VM 334 named dmz-3”
        let numbered = self.attempt(|p| {
            let at = p.at;
            let value = Item::Vmid(p.vmid_number()?);
            let tokens = at..p.at;
            p.ahead(|p| p.called(false)).then_some((None, Said { value, tokens }))
        });
        items.extend(numbered);
        let count =
            count.or_else(|| (one && !noun.value.plural).then(|| Said { value: 1, tokens: noun.tokens.clone() }));
        let plural = noun.value.plural || count.as_ref().is_some_and(|count| count.value > 1);
        let several = plural || count.is_none();
        let mut members = self.head_names(several, count.as_ref().map(|count| count.value)).unwrap_or_default();
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
        (self.mark(':') && !self.done()).then_some(names)
    }

    /// “create web-05 with 2 cores”: a guest, of a kind yet to be asked; “create a-1 and a-2 as VMs”.
    fn without_a_noun(&mut self, start: usize, verb: bool) -> Option<()> {
        let members = self.names(true)?;
        // “create a-1 and a-2 as VMs”
        let kind = self.attempt(|p| {
            p.any("as a|as an|as").then_some(())?;
            let at = p.at;
            let value = p.guest_noun()?.kind_to_make()?;
            Some(Said { value, tokens: at..p.at })
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

    /// “name=web-09 type=vm”, “vmid: 335, name: web-09, vm”: what a guest is, pair by pair.
    fn keyed(&mut self, start: usize) -> Option<Group> {
        let mut group = Group::new(start..start, start..start);
        loop {
            self.mark(',');
            let at = self.at;
            let sign = |p: &mut Self| (p.mark('=') || p.mark(':')).then_some(());
            if group.members.is_empty()
                && let Some(value) = self.attempt(|p| {
                    p.any("name|hostname").then_some(())?;
                    sign(p)?;
                    p.any_name()
                })
            {
                group.members.push(Said { value, tokens: at..self.at });
            } else if group.kind.is_none()
                && let Some(value) = self.attempt(|p| {
                    if p.any("type|kind") {
                        sign(p)?;
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
        self.item(How::Create).filter(|item| matches!(item.value, Item::Plain(..) | Item::Bare(_) | Item::Image(_)))
    }

    /// How many; “4 cores VM” and “8 GB VM” begin with a number that does not count VMs.
    fn head_count(&mut self) -> Option<Said<u64>> {
        if self.ahead(|p| p.item(How::Create)) {
            return None;
        }
        let start = self.at;
        let value = self.number()?;
        let tokens = start..self.at;
        self.any("x");
        Some(Said { value, tokens })
    }

    /// The names right after the noun: “called a”, “a”, “: a, b”, “(a, b)”, “, a, b and c,”.
    fn head_names(&mut self, several: bool, count: Option<u64>) -> Option<Vec<Said<String>>> {
        self.attempt(|p| p.called(several)).or_else(|| self.attempt(|p| p.names(several))).or_else(|| {
            self.attempt(|p| {
                let bracket = p.mark('(');
                let colon = !bracket && p.ahead(|p| p.mark(':').then_some(()));
                if !(bracket || p.mark(':') || p.mark(',') || p.mark('–') || p.mark('—')) {
                    return None;
                }
                let names = p.names(several)?;
                let enough = names.len() > 1 && count.is_none_or(|count| u64::try_from(names.len()) == Ok(count))
                    || bracket && several
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
    fn called(&mut self, several: bool) -> Option<Vec<Said<String>>> {
        self.any("should be|shall be|to be|is|are|be");
        if !self.any(
            "named|called|with the names|with the name|with names|with name|by the name of|its name is|\
            its name should be|its name shall be|its name will be|the name shall be|the name should be|the name is|their names are|name it|name them|call it|call them|names|name|\
            hostname|with the hostname|with hostname",
        ) {
            return None;
        }
        let _ = self.mark('=') || self.mark(':');
        self.any("is|are");
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
        self.any("the");
        self.any("vmid|vm id|guest id|ct id|ctid|id").then_some(())?;
        let _ = self.mark('=') || self.mark(':') || self.any("is|of|number");
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
        self.any("exactly|just");
        self.any("the");
        if self.any("like|identical to|modelled on|modeled on") {
            return self.one_target().map(Item::Like);
        }
        self.any("same").then_some(())?;
        self.any("cpu and memory|hardware|specs|spec|specifications|specification|configuration|config|settings|setup|size|sizing|resources|values");
        if self.any("as the first one|as the first|as before|as above|as the one before|as the previous one") {
            return Some(Item::Same);
        }
        if self.any("as|like") {
            return self.one_target().map(Item::Like);
        }
        let before = self.drafts.len() > 1 && matches!(self.drafts[self.drafts.len() - 2], Draft::Create(_));
        (before && (self.at_boundary() || self.word() == "but")).then_some(Item::Same)
    }

    /// What goes on with the statement before.
    pub fn continuation(&mut self) -> Option<()> {
        match self.drafts.last()? {
            Draft::Create(_) => self.attempt(Self::describe),
            Draft::Change(change) => {
                let how = change.how;
                let item = self.attempt(|p| {
                    while p.any("and|but|also|with|its|their|it|they|should|shall|must|have|has|get|gets|need|needs|set its|set") {}
                    let item = p.item(how)?;
                    (p.at_boundary() || p.ahead(|p| p.item(how))).then_some(item)
                })?;
                if let Some(Draft::Change(change)) = self.drafts.last_mut() {
                    change.items.push(item);
                }
                Some(())
            }
            Draft::Clone(_) => {
                let item = self.attempt(|p| {
                    while p.any(JOINS) {}
                    let item = p.item(How::Give)?;
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

    fn describe(&mut self) -> Option<()> {
        let mut all = false;
        // “Set the boot order to scsi0.”
        let adds = self.any("add");
        if !adds {
            self.any("set its|set the|set|give it");
        }
        loop {
            if let Some(member) = self.attempt(Self::which_of_them) {
                let end = self.at;
                let group = self.group_mut()?;
                (group.focus, group.tokens.end) = (Some(member), end);
                return Some(());
            }
            // “one called a-1 with 2 cores and one called a-2 with 4”
            let one_of_them = matches!(self.word(), "one" | "another");
            if let Some(names) = self.attempt(|p| {
                p.any("one|another");
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
            if self.any("each of them|both of them|all of them|each|both|all|every one") {
                all = true;
            } else if !(self.mark(':') || self.mark('(') || self.mark('=') || self.any(JOINS)) {
                break;
            }
        }
        if let Some(item) = self.item(How::Create) {
            let item = if adds { added(item) } else { item };
            let each = self.any("each|in total") && self.last_word() == "each";
            return self.add(&item, all, each);
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

    /// “the first”, “the other”: one of the new guests, by its place among them.
    pub fn which_of_them(&mut self) -> Option<usize> {
        let group = self.group().filter(|group| group.plural)?;
        let known = group.members.len();
        let all = group.count.as_ref().and_then(|count| usize::try_from(count.value).ok()).unwrap_or(known);
        let at = if self.any("the first one|the first|first one|first|the former") {
            0
        } else if self.any("the second one|the second|second one|second") {
            1
        } else if self.any("the third one|the third|third one|third") {
            2
        } else if self.any("the other one|the other|the latter|the last one|the last") && all > 0 {
            all - 1
        } else {
            return None;
        };
        // “the first NIC”, “the second 20 GB disk”
        let part = |p: &mut Self| {
            p.quantity();
            p.any("data|system|boot");
            (p.any(super::item::DISKS) || p.nic_ref().is_some()).then_some(())
        };
        if self.ahead(part) {
            return None;
        }
        if at < known {
            return Some(at);
        }
        let named = |p: &mut Self| p.called(false).or_else(|| p.names(false));
        let name = self.attempt(named).filter(|names| names.len() == 1 && at == known)?;
        self.group_mut()?.members.extend(name);
        Some(at)
    }

    /// Adds a phrase to the guests it describes: to every one of them where `all` went before it or `each` follows.
    fn add(&mut self, item: &Said<Item>, all: bool, each: bool) -> Option<()> {
        let end = self.at;
        let last = self.drafts.len().checked_sub(1)?;
        let head = self.group()?.head.start;
        let sentence = self.tokens[..head].iter().rposition(Token::ends_sentence).map_or(0, |end| end + 1);
        let mut before: Vec<&mut Group> = Vec::new();
        let (earlier, present) = self.drafts.split_at_mut(last);
        let [Draft::Create(group)] = present else { return None };
        for draft in earlier.iter_mut().rev() {
            match draft {
                Draft::Create(group) if group.head.start >= sentence => before.push(group),
                _ => break,
            }
        }
        let alone = !group.plural && group.members.len() < 2;
        let bare = before.iter().all(|group| group.shared || group.is_bare());
        // “VM a with 4 cores, VM b with 2 cores and a 10 GB disk each”: what of it is said of both?
        if each && !all && alone && !bare {
            return None;
        }
        if all || each {
            group.focus = None;
        }
        let mut items = Vec::new();
        if each && alone && !group.shared {
            items.extend(group.items.iter().cloned());
        }
        group.tokens.end = end;
        group.items.push((group.focus, item.clone()));
        group.shared |= all || each;
        if !group.shared {
            return Some(());
        }
        // “a VM x and a container y, both with 2 cores”: those before it in the sentence as well.
        items.push((None, item.clone()));
        for group in before {
            if !(group.shared || group.is_bare() || all && alone) {
                break;
            }
            group.shared = true;
            group.items.extend(items.iter().cloned());
        }
        Some(())
    }

    /// “web-1 with …”, “web-1: …”, “web-1 (…)” where several guests are described one by one.
    fn member(&mut self, at_start: bool) -> Option<Said<String>> {
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

    fn group(&self) -> Option<&Group> {
        match self.drafts.last() {
            Some(Draft::Create(group)) => Some(group),
            _ => None,
        }
    }

    fn group_mut(&mut self) -> Option<&mut Group> {
        match self.drafts.last_mut() {
            Some(Draft::Create(group)) => Some(group),
            _ => None,
        }
    }
}

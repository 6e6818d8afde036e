//! What is said once and holds for those who follow: “web-01 gets 8 GB of RAM, web-02 6 and db-1 16”, “… the same for web-02”.

use mycopod_core::field::{NicPart, Plain, Value};
use mycopod_core::reading::{Amount, Deed, DiskRef};
use mycopod_core::size::Size;

use crate::lexer::TokenKind;
use crate::quantity;

use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Change, Draft};
use crate::builtin::said::fields::Named;
use crate::builtin::said::item::{DiskItem, How, Item, Said, Which};
use crate::builtin::said::named::Noun;
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// “web-02 6 GB”, “4 to db-1”: the field and what is done with it stand in the statement before.
    pub fn gapped(&mut self) -> Option<()> {
        // In “web-02 to 6” no guests are counted.
        let counting = std::mem::replace(&mut self.counting, false);
        let read = self.gap();
        self.counting = counting;
        read
    }

    fn gap(&mut self) -> Option<()> {
        let start = self.at;
        let change = self.just_changed()?.clone();
        let how = change.how;
        let first = change.items.first()?;
        // “add 2 cores to web-01, 4 to db-1”
        let fronted = change.targets.iter().all(|target| target.span.start > self.span(&first.tokens).start);
        let (targets, items) = self
            .attempt(|p| p.values_behind_a_guest(&change))
            .or_else(|| if fronted { self.attempt(|p| p.values_before_a_guest(&change)) } else { None })
            .or_else(|| self.attempt(|p| p.another_disk(&change)))
            .or_else(|| self.attempt(|p| p.another_tag(&change)))
            .or_else(|| self.attempt(|p| p.another_note(&change)))?;
        self.any(words!("each"));
        self.at_boundary().then_some(())?;
        self.push_change(start, targets, items, how)
    }

    /// “web-02 6”, “web-02 to 6 GB”, “web-02 6 and 12 GB” behind “web-01 gets 4 cores and 8 GB of RAM”.
    fn values_behind_a_guest(&mut self, change: &Change) -> Option<(Targets, Vec<Said<Item>>)> {
        self.any(words!("for|of"));
        let theirs = self.any(words!("that of|those of"));
        let targets = self.targets().filter(|targets| self.known(targets))?;
        // “double web-01’s cores and db-1’s”
        let theirs = self.any(words!("'s")) || theirs;
        if theirs && self.at_boundary() {
            return Some((targets, change.items.clone()));
        }
        let _ = self.mark(':')
            || self.mark('=')
            || self.any(words!(
                "up to|down to|to be|to|gets|get|needs|need|should have|should get|shall have|shall get|must have|goes to|go to|->|→|=>"
            ));
        Some((targets, self.values_like(&change.items)?))
    }

    /// A value for each of what was just said, in its order.
    pub fn values_like(&mut self, items: &[Said<Item>]) -> Option<Vec<Said<Item>>> {
        let mut values = Vec::new();
        for like in items {
            (values.is_empty() || self.joint()).then_some(())?;
            let at = self.at;
            let value =
                self.attempt(|p| p.amount_like(like, false)).or_else(|| self.attempt(|p| p.word_like(&like.value)))?;
            values.push(Said { value, tokens: at..self.at });
        }
        Some(values)
    }

    /// “4 to db-1”, “db from db-1”, “20 GB to its disk”, “8 GB of RAM to db-1”: the verb stands in the statement before.
    fn values_before_a_guest(&mut self, change: &Change) -> Option<(Targets, Vec<Said<Item>>)> {
        let how = change.how;
        let before = words!("to|for|on|of|from");
        let like = |p: &mut Self| {
            let [like] = change.items.as_slice() else { return None };
            let at = p.at;
            let more = matches!(&like.value, Item::Plain(_, Amount::Plus(_) | Amount::Minus(_)));
            let steps = more || matches!(how, How::Add | How::Remove);
            let _ = !steps && p.any(words!("up to|down to|to"));
            let value = p.attempt(|p| p.amount_like(like, steps)).or_else(|| p.attempt(|p| p.tag_like(&like.value)))?;
            let tokens = at..p.at;
            p.any(before).then_some(())?;
            let targets = p.targets().filter(|targets| p.known(targets))?;
            Some((targets, vec![Said { value, tokens }]))
        };
        let onto_a_field = |p: &mut Self| {
            matches!(how, How::Add | How::Remove).then_some(())?;
            let (targets, item) = p.onto_a_field(how, before)?;
            Some((targets, vec![item]))
        };
        let other = |p: &mut Self| {
            let items = p.items(how)?;
            p.any(before).then_some(())?;
            let targets = p.targets().filter(|targets| p.known(targets))?;
            Some((targets, items))
        };
        self.attempt(like).or_else(|| self.attempt(onto_a_field)).or_else(|| self.attempt(other))
    }

    /// “the second one to 250 GB” behind “gitlab’s first disk to 80 GB”.
    fn another_disk(&mut self, change: &Change) -> Option<(Targets, Vec<Said<Item>>)> {
        let [Said { value: Item::Disk(disk), .. }] = change.items.as_slice() else { return None };
        matches!(disk.which, Which::The(DiskRef::Nth(_)) | Which::System).then_some(())?;
        let start = self.at;
        self.any(words!("the|its"));
        let nth = self.ordinal()?;
        self.any(words!("one|disk|drive|volume"));
        let _ = self.mark(':') || self.mark('=') || self.any(words!("up to|to|gets|should have|->|→|=>"));
        let amount = Amount::To(Value::Size(self.quantity()?));
        let value = Item::Disk(DiskItem::sized(amount, Which::The(DiskRef::Nth(nth))));
        Some((Targets::Old(change.targets.clone()), vec![Said { value, tokens: start..self.at }]))
    }

    /// “put public on it instead”, “gets front” behind “drop the tag intern from wiki”.
    fn another_tag(&mut self, change: &Change) -> Option<(Targets, Vec<Said<Item>>)> {
        let [Said { value: Item::Plain(Plain::Tags, Amount::Minus(_) | Amount::Plus(_)), .. }] =
            change.items.as_slice()
        else {
            return None;
        };
        let gets = self.any(words!("gets|get"));
        (gets || self.any(words!("put|add|give"))).then_some(())?;
        let start = self.at;
        let tags = Value::Set(self.tag_list(true)?.into_iter().collect());
        let value = Item::Plain(Plain::Tags, Amount::Plus(tags));
        let tokens = start..self.at;
        if !gets {
            self.any(words!("on|to")).then_some(())?;
            let Targets::Old(targets) = self.targets()? else { return None };
            let same =
                change.targets.iter().map(|target| &target.selector).eq(targets.iter().map(|target| &target.selector));
            same.then_some(())?;
        }
        self.any(words!("instead"));
        Some((Targets::Old(change.targets.clone()), vec![Said { value, tokens }]))
    }

    /// “and “spare” into the notes of db-2” behind “write “primary” into the notes of db-1”.
    fn another_note(&mut self, change: &Change) -> Option<(Targets, Vec<Said<Item>>)> {
        let [Said { value: Item::Plain(Plain::Description, Amount::To(_)), .. }] = change.items.as_slice() else {
            return None;
        };
        let item = self.quoted_note()?;
        self.any(words!("into|in|to|as|for|on")).then_some(())?;
        let of_notes = |p: &mut Self| match p.field_of_targets()? {
            (Noun::Plain(Plain::Description), targets) => Some(targets),
            _ => None,
        };
        let targets = self.attempt(of_notes).or_else(|| self.targets().filter(|targets| self.known(targets)))?;
        Some((targets, vec![item]))
    }

    /// “second”, “3rd”.
    pub fn ordinal(&mut self) -> Option<u8> {
        let ordinals = [words!("first|1st"), words!("second|2nd"), words!("third|3rd"), words!("fourth|4th")];
        ordinals.into_iter().zip(1..).find_map(|(ordinal, nth)| self.any(ordinal).then_some(nth))
    }

    /// The statement right before, where it is a change.
    pub fn just_changed(&self) -> Option<&Change> {
        let Some(Draft::Change(change)) = self.drafts.last() else { return None };
        let goes_on = change.tokens.start >= self.began
            || self
                .began
                .checked_sub(1)
                .is_some_and(|before| self.tokens[before].kind == TokenKind::Mark(';') && change.tokens.end >= before);
        goes_on.then_some(change)
    }

    /// An amount of what `like` is an amount of, meant as it was there; `steps` where more is meant without a word for it.
    pub fn amount_like(&mut self, like: &Said<Item>, steps: bool) -> Option<Item> {
        let (amount, counts) = match &like.value {
            Item::Plain(Plain::Cores | Plain::Sockets, amount) => (amount, true),
            Item::Plain(Plain::Memory | Plain::Swap | Plain::Balloon, amount) => (amount, false),
            Item::Disk(DiskItem {
                which: Which::The(_) | Which::System | Which::Mass,
                amount,
                storage: None,
                parts,
                ..
            }) if parts.is_empty() => (amount, false),
            _ => return None,
        };
        // “… twice as many cores, test-3 three times as many”
        if matches!(amount, Amount::Times(_) | Amount::Over(_) | Amount::PerCent(_)) {
            let times = self.times()?;
            self.any(words!("as many|as much"));
            return like.value.with_amount(times);
        }
        let unit = like.tokens.clone().rev().find_map(|at| quantity::unit(self.word_at(at)));
        let value = |p: &mut Self| {
            if counts {
                return p.number().filter(|number| *number > 0).map(Value::Count);
            }
            let number = |p: &mut Self| {
                let number = p.peek(0).filter(|token| token.kind == TokenKind::Number)?.text.clone();
                p.at += 1;
                quantity::size(&number, unit?)
            };
            p.quantity().or_else(|| p.attempt(number)).filter(|size| *size > Size::default()).map(Value::Size)
        };
        let start = self.at;
        if let Some(before) = self.attempt(Self::amount_before) {
            let to = value(self)?;
            let to = like.value.with_amount(Amount::To(to))?;
            return self.changed_from(start, &before, to);
        }
        let by = self.any(words!("by|+more"));
        let value = value(self)?;
        let more = self.any(words!("more"));
        let less = !more && self.any(words!("less|fewer"));
        let amount = match amount {
            _ if more => Amount::Plus(value),
            _ if less => Amount::Minus(value),
            Amount::Plus(_) if by || steps => Amount::Plus(value),
            Amount::Minus(_) if by || steps => Amount::Minus(value),
            Amount::To(_) | Amount::FromTo(..) if !by => Amount::To(value),
            _ => return None,
        };
        like.value.with_amount(amount)
    }

    /// A word for what `like` has a word for: “web-02 front-2” behind “web-01 shall be called front-1”.
    fn word_like(&mut self, like: &Item) -> Option<Item> {
        match like {
            // Two of one name are hardly meant.
            Item::Plain(Plain::Name, Amount::To(Value::Text(first))) => {
                let name = self.name().filter(|name| name != first && !self.inventory.guests.contains_key(name))?;
                Some(Item::Plain(Plain::Name, Amount::To(Value::Text(name))))
            }
            Item::Plain(
                plain @ (Plain::CpuType | Plain::StartupOrder | Plain::CpuLimit | Plain::CpuUnits),
                Amount::To(_),
            ) => Some(Item::Plain(*plain, Amount::To(self.shaped(Named::Plain(*plain))?))),
            Item::Nic { number, parts, fresh: false } => {
                let [(NicPart::Vlan, _)] = parts.as_slice() else { return None };
                self.nic_value(*number, NicPart::Vlan)
            }
            _ => None,
        }
    }

    /// “db from db-1” behind “remove the tag web from web-01”.
    fn tag_like(&mut self, like: &Item) -> Option<Item> {
        let tag = |name: String| Value::Set(std::iter::once(name).collect());
        match like {
            Item::Plain(Plain::Tags, Amount::Plus(_)) => {
                Some(Item::Plain(Plain::Tags, Amount::Plus(tag(self.name()?))))
            }
            Item::Plain(Plain::Tags, Amount::Minus(_)) => {
                Some(Item::Plain(Plain::Tags, Amount::Minus(tag(self.name()?))))
            }
            _ => None,
        }
    }

    /// “the same for web-02”, “web-02 too”: what was just said, of others.
    pub fn the_same(&mut self) -> Option<()> {
        let start = self.at;
        // Of several statements it is not plain which is meant.
        let spoken = self.drafts.iter().rev().take_while(|draft| self.goes_before(draft)).count();
        (spoken == 1).then_some(())?;
        let same = words!(
            "do the same for|do the same with|do the same on|similarly for|similarly|the same for|the same with|the same goes for|the same applies to|the same on|same for|same with|same goes for|same applies to|same on|ditto for|\
            likewise for|likewise|so should|so shall|so must|so does|so do|so is|so are|as does|as do|as should|as shall"
        );
        let also = self.last_word() == "also";
        let targets = if self.any(same) {
            self.targets()?
        } else if let Some(targets) = self.attempt(|p| {
            // “stop web-02; also the cache container”
            (p.last_word() == "also").then_some(())?;
            p.targets().filter(|targets| p.known(targets) && p.done())
        }) {
            targets
        } else {
            let targets = self.targets().filter(|targets| self.known(targets))?;
            let _ = self.mark(':')
                || self.any(words!(
                    "should have|should get|shall have|shall get|must have|gets|get|needs|need|does|do|->|→|=>"
                ));
            (self.any(words!("the same|same|too|as well|likewise|ditto")) || also).then_some(())?;
            targets
        };
        self.at_boundary().then_some(())?;
        let Targets::Old(targets) = targets else { return None };
        self.known(&Targets::Old(targets.clone())).then_some(())?;
        let tokens = start..self.at;
        if targets.iter().any(|target| self.is_new(target)) {
            return None;
        }
        let draft = match self.drafts.last()?.clone() {
            Draft::Change(change) => Draft::Change(Change { tokens, targets, ..change }),
            Draft::Do(mut doing) if !matches!(doing.deed, Deed::Delete | Deed::DestroyDisk(_)) => {
                (doing.tokens, doing.targets) = (tokens, targets);
                Draft::Do(doing)
            }
            _ => return None,
        };
        self.drafts.push(draft);
        Some(())
    }

    /// Whether a statement stands in this sentence or in the one right before.
    fn goes_before(&self, draft: &Draft) -> bool {
        let ends = self.began.saturating_sub(1);
        let before = self.tokens[..ends].iter().rposition(crate::lexer::Token::ends_sentence).map_or(0, |end| end + 1);
        draft.tokens().start >= before
    }
}

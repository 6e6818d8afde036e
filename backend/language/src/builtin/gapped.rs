//! What is said once and holds for those who follow: “web-01 gets 8 GB of RAM, web-02 6 and db-1 16”, “… the same for web-02”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::{Amount, Deed};
use mycopod_core::size::Size;

use crate::lexer::TokenKind;
use crate::quantity;

use super::Parser;
use super::draft::{Change, Draft};
use super::item::{DiskItem, How, Item, Said, Which};
use super::target::Targets;
use super::wordings::words;

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
        let change = self.just_changed()?;
        let [item] = change.items.as_slice() else { return None };
        let (item, how) = (item.clone(), change.how);
        // “add 2 cores to web-01, 4 to db-1”
        let fronted = change.targets.iter().all(|target| target.span.start > self.span(&item.tokens).start);
        self.any(words!("that of|those of"));
        let guest_first = |p: &mut Self| {
            let targets = p.targets().filter(|targets| p.known(targets))?;
            let _ =
                p.mark(':') || p.mark('=') || p.any(words!("up to|down to|to|gets|get|needs|need|should have|->|→|=>"));
            let at = p.at;
            let value = p.amount_like(&item, false)?;
            Some((targets, Said { value, tokens: at..p.at }))
        };
        let amount_first = |p: &mut Self| {
            let at = p.at;
            let value = p.amount_like(&item, matches!(how, How::Add | How::Remove))?;
            let tokens = at..p.at;
            p.any(words!("to|for|on|of|from")).then_some(())?;
            let targets = p.targets().filter(|targets| p.known(targets))?;
            Some((targets, Said { value, tokens }))
        };
        let (targets, item) =
            self.attempt(guest_first).or_else(|| if fronted { self.attempt(amount_first) } else { None })?;
        self.any(words!("each"));
        self.at_boundary().then_some(())?;
        self.push_change(start, targets, vec![item], how)
    }

    /// The statement right before, where it is a change.
    fn just_changed(&self) -> Option<&Change> {
        let Some(Draft::Change(change)) = self.drafts.last() else { return None };
        let goes_on = change.tokens.start >= self.began
            || self
                .began
                .checked_sub(1)
                .is_some_and(|before| self.tokens[before].kind == TokenKind::Mark(';') && change.tokens.end >= before);
        goes_on.then_some(change)
    }

    /// An amount of what `like` is an amount of, meant as it was there; `steps` where more is meant without a word for it.
    fn amount_like(&mut self, like: &Said<Item>, steps: bool) -> Option<Item> {
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

    /// “the same for web-02”, “web-02 too”: what was just said, of others.
    pub fn the_same(&mut self) -> Option<()> {
        let start = self.at;
        let same = words!(
            "the same for|the same with|the same goes for|the same on|same for|same with|same goes for|same on|ditto for|likewise for|so should|so shall"
        );
        let targets = if self.any(same) {
            self.targets()?
        } else {
            let targets = self.targets().filter(|targets| self.known(targets))?;
            let _ = self.mark(':') || self.any(words!("->|→|=>"));
            self.any(words!("the same|same|too|as well|likewise|ditto")).then_some(())?;
            targets
        };
        self.at_boundary().then_some(())?;
        let Targets::Old(targets) = targets else { return None };
        self.known(&Targets::Old(targets.clone())).then_some(())?;
        let tokens = start..self.at;
        // Of several statements it is not plain which is meant.
        let spoken = self.drafts.iter().rev().take_while(|draft| self.goes_before(draft)).count();
        let new = targets.iter().any(|target| self.is_new(target));
        if spoken != 1 || new {
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

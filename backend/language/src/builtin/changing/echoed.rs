//! What only the change before makes plain: “…; web-02 only gets 6 cores”, “… and give them to db-1”, “…; test-1 yes”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::{Amount, Target};

use super::verbs::{ADD, GIVE};
use crate::builtin::Parser;
use crate::builtin::drafting::draft::Change;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// A change of others, or by what others lose, behind another.
    pub fn echoed(&mut self) -> Option<()> {
        let start = self.at;
        let change = self.just_changed()?.clone();
        let (targets, items, how) = self
            .attempt(|p| p.handed_on(&change))
            .or_else(|| self.attempt(|p| p.only_gets(&change)))
            .or_else(|| self.attempt(|p| p.scaled_alike(&change)))
            .or_else(|| self.attempt(|p| p.goes_to_a_pool(&change)))
            .or_else(|| self.attempt(|p| p.otherwise_at_boot(&change)))?;
        self.at_boundary().then_some(())?;
        self.push_change(start, targets, items, how)
    }

    /// Guests there are that the change before is not about.
    fn others(&mut self, change: &Change) -> Option<Targets> {
        let targets = self.targets().filter(|targets| self.known(targets))?;
        let Targets::Old(all) = &targets else { return None };
        let again = |one: &Target| change.targets.iter().any(|other| other.selector == one.selector);
        (!all.iter().any(again)).then_some(targets)
    }

    /// “give them to db-1” behind “take 4 GB of memory from prod-db”.
    fn handed_on(&mut self, change: &Change) -> Option<(Targets, Vec<Said<Item>>, How)> {
        let start = self.at;
        (self.verb(GIVE) || self.verb(ADD)).then_some(())?;
        self.any(words!("it|them|those|that|these")).then_some(())?;
        self.any(words!("to")).then_some(())?;
        let targets = self.others(change)?;
        let [Said { value, .. }] = change.items.as_slice() else { return None };
        let Item::Plain(plain, Amount::Minus(less @ (Value::Count(_) | Value::Size(_)))) = value else { return None };
        let one = |targets: &[Target]| crate::builtin::whom::target::are_one(targets);
        let Targets::Old(to) = &targets else { return None };
        (one(&change.targets) && one(to)).then_some(())?;
        let value = Item::Plain(*plain, Amount::Plus(less.clone()));
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Add))
    }

    /// “but web-02 only gets 6 cores” behind “web-01 gets 8 cores”.
    fn only_gets(&mut self, change: &Change) -> Option<(Targets, Vec<Said<Item>>, How)> {
        self.any(words!("but"));
        let targets = self.others(change)?;
        let only = self.any(words!("only|just"));
        self.any(words!("gets|get|needs|need|should get|should have|shall get|shall have|to"));
        (only || self.any(words!("only|just"))).then_some(())?;
        let items = self.attempt(|p| p.items(How::Give)).or_else(|| self.values_like(&change.items))?;
        self.any(words!("each"));
        // More than the others get is not “only”.
        let no_more = |one: &Item, other: &Item| match (one, other) {
            (Item::Plain(one, Amount::To(to)), Item::Plain(other, Amount::To(of))) if one == other => match (to, of) {
                (Value::Count(to), Value::Count(of)) => to <= of,
                (Value::Size(to), Value::Size(of)) => to <= of,
                _ => false,
            },
            _ => false,
        };
        items.iter().all(|item| change.items.iter().any(|of| no_more(&item.value, &of.value))).then_some(())?;
        Some((targets, items, How::Give))
    }

    /// “the cores of db-1” behind “double the memory of web-01”.
    fn scaled_alike(&mut self, change: &Change) -> Option<(Targets, Vec<Said<Item>>, How)> {
        let start = self.at;
        let amount = match &change.items.last()?.value {
            Item::Plain(_, amount @ (Amount::Times(_) | Amount::Over(_))) => amount.clone(),
            _ => return None,
        };
        let (noun, targets) = self.field_of_targets().filter(|(_, targets)| self.known(targets))?;
        let value = noun.scaled(amount)?;
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// “mail into lab” behind “runner-1 out of its pool”.
    fn goes_to_a_pool(&mut self, change: &Change) -> Option<(Targets, Vec<Said<Item>>, How)> {
        let [Said { value: Item::Plain(Plain::Pool, _), .. }] = change.items.as_slice() else { return None };
        let targets = self.others(change)?;
        self.any(words!("goes into|goes to|into|to|in")).then_some(())?;
        let start = self.at;
        let pool = self.name()?;
        let other = &self.inventory;
        let taken = other.guests.contains_key(&pool) || other.nodes.contains(&pool) || other.storages.contains(&pool);
        (!taken).then_some(())?;
        self.manner();
        let value = Item::Plain(Plain::Pool, Amount::To(Value::Text(pool)));
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// “test-1 yes” behind “don't start test-2 at boot”.
    fn otherwise_at_boot(&mut self, change: &Change) -> Option<(Targets, Vec<Said<Item>>, How)> {
        let [Said { value: Item::Plain(plain @ Plain::OnBoot, Amount::To(Value::Flag(flag))), .. }] =
            change.items.as_slice()
        else {
            return None;
        };
        self.any(words!("but"));
        let targets = self.others(change)?;
        self.mark(':');
        let start = self.at;
        let yes = self.any(words!("yes"));
        (yes || self.any(words!("no|not"))).then_some(())?;
        (yes != *flag).then_some(())?;
        let value = Item::Plain(*plain, Amount::To(Value::Flag(yes)));
        Some((targets, vec![Said { value, tokens: start..self.at }], How::Set))
    }

    /// “web-01 is short of memory, 6 GB please”: of what an amount is that stands alone behind a remark.
    pub fn of_what_is_short(&self, items: Vec<Said<Item>>) -> Vec<Said<Item>> {
        let memory = self.short_of_memory == Some(self.drafts.len());
        let meant = |said: Said<Item>| match said.value {
            Item::Bare(amount) if memory => Said { value: Item::Plain(Plain::Memory, amount), tokens: said.tokens },
            value => Said { value, ..said },
        };
        items.into_iter().map(meant).collect()
    }
}

//! What is said of all new guests but some: “RAM is 4 GB except for stage-db, which gets 8 GB”, “none of them starts at boot”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::Amount;

use super::head::OfMember;
use crate::builtin::Parser;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::whom::pointing::Number;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// “except for a-2, which gets 8 GB”: behind what is said of all, another amount of the same for some of them.
    pub fn but_for(&mut self, of_all: &Said<Item>) -> Option<Vec<OfMember>> {
        self.group().filter(|group| group.plural && group.focus.is_empty() && group.members.len() > 1)?;
        self.mark(',');
        self.verb(words!("except for|except on|except|apart from|other than on")).then_some(())?;
        let names = self.names(true)?;
        let members = &self.group()?.members;
        let place = |name: &Said<String>| members.iter().position(|member| member.value == name.value);
        let places = names.iter().map(place).collect::<Option<Vec<_>>>()?;
        (places.len() < members.len()).then_some(())?;
        let open = self.mark('(');
        let _ = open || self.mark(',') || self.mark(':') || self.mark('–') || self.mark('—');
        self.verb(words!(
            "which gets|which get|which has|which have|which needs|which need|that gets|that get|where it is|with|gets|get|has|have"
        ));
        let item = self.another_amount(of_all)?;
        (!open || self.mark(')')).then_some(())?;
        self.at_boundary().then(|| places.into_iter().map(|place| (Some(place), item.clone())).collect())
    }

    /// “8 GB”, “8 GB of RAM”: another amount of what was said of all.
    fn another_amount(&mut self, of_all: &Said<Item>) -> Option<Said<Item>> {
        let item = self.item(How::Create)?;
        match (item.value, &of_all.value) {
            (Item::Bare(amount), Item::Plain(plain, _)) => {
                Some(Said { value: Item::Plain(*plain, amount), tokens: item.tokens })
            }
            (value, other) if value.replaces(other) => Some(Said { value, tokens: item.tokens }),
            _ => None,
        }
    }

    /// “none of them starts at boot”, “neither is protected”: of all of them that it is not so.
    pub fn none_of_them(&mut self) -> Option<()> {
        self.group().filter(|group| group.plural && group.members.len() > 1)?;
        let start = self.at;
        let two = self.verb(words!("neither of them|neither of the two|neither"));
        (two || self.verb(words!("none of them|none of these|none of the vms|none of the containers|none")))
            .then_some(())?;
        self.verb(words!("should|shall|must|may|is to|are to|has|have|needs|need|is|are"));
        self.verb(words!("be|have"));
        let item = self.item(How::Create)?;
        let Item::Plain(
            plain @ (Plain::OnBoot | Plain::Protection | Plain::Agent | Plain::Running),
            Amount::To(Value::Flag(true)),
        ) = item.value
        else {
            return None;
        };
        self.at_boundary().then_some(())?;
        let value = Item::Plain(plain, Amount::To(Value::Flag(false)));
        let number = if two { Number::Exactly(2) } else { Number::Several };
        self.add(&Said { value, tokens: start..self.at }, Some(number))
    }
}

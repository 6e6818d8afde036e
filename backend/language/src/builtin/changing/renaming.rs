//! New names for guests that exist: “rename web-01 to front-1”, “web-01’s new name is front-1”, “call it front-1 from now on”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::{Amount, Target};

use super::change::Wish;
use super::verbs::MODAL;
use crate::builtin::Parser;
use crate::builtin::said::item::{How, Item, Said};
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// “rename a to b”, “call a b from now on”, “new name for a: b”.
    pub fn renaming(&mut self) -> Option<Wish> {
        let target =
            self.attempt(Self::who_is_called).or_else(|| self.attempt(Self::who_is_renamed)).or_else(|| {
                let of_name = self.attempt(Self::name_of_whom);
                of_name.or_else(|| self.attempt(Self::whose_name))
            })?;
        let start = self.at;
        let value = Item::Plain(Plain::Name, Amount::To(Value::Text(self.name()?)));
        let item = Said { value, tokens: start..self.at };
        self.any(words!("from now on|now"));
        Some((Targets::Old(vec![target]), vec![item], How::Set))
    }

    /// One guest there is, by its name or VMID, or the one that the sentence addresses.
    fn renamed(&mut self) -> Option<Target> {
        // Where nobody is named with ranges, nobody is without them; and the former is mostly known already.
        self.ahead(Self::targets).then_some(())?;
        let counting = std::mem::replace(&mut self.counting, false);
        let targets = self.attempt(Self::targets).filter(|targets| self.known(targets));
        self.counting = counting;
        let Some(Targets::Old(targets)) = targets else { return None };
        <[Target; 1]>::try_from(targets).ok().map(|[target]| target)
    }

    /// “call test-1”, “give test-1 the name”
    fn who_is_called(&mut self) -> Option<Target> {
        if self.any(words!("call|name")) {
            return self.renamed();
        }
        self.any(words!("give")).then_some(())?;
        let target = self.renamed()?;
        self.any(words!("the new name|a new name|the name|the hostname")).then_some(())?;
        self.mark(':');
        Some(target)
    }

    /// “rename test-1 to”
    fn who_is_renamed(&mut self) -> Option<Target> {
        self.any(words!("rename")).then_some(())?;
        self.mark(':');
        let target = self.attempt(Self::renamed).or_else(|| self.one_target())?;
        let new = |p: &mut Self| {
            let _ = p.mark(',') || p.mark('–') || p.mark('(') || p.next_sentence();
            p.any(words!("the|its"));
            p.any(words!("new name|new hostname|to be called")).then(|| p.is_said())
        };
        let said = self.mark(':') || self.any(words!("to|as|into|in|->|→|=>")) || self.beyond(new).is_some();
        said.then_some(target)
    }

    /// “new name for test-1:”
    fn name_of_whom(&mut self) -> Option<Target> {
        self.any(words!("the"));
        self.any(words!("new name|new hostname")).then_some(())?;
        self.any(words!("of|for")).then_some(())?;
        let target = self.renamed()?;
        self.is_said().then_some(target)
    }

    /// “test-1’s new name is”, “test-1 gets a new name:”
    fn whose_name(&mut self) -> Option<Target> {
        let target = self.renamed()?;
        let _ =
            self.mark(':') || self.any(words!("'s|will get a|will get the|now gets a|gets a|gets the|should get a|should get the|needs a|shall get the"));
        self.any(words!("new name|new hostname")).then_some(())?;
        self.is_said();
        Some(target)
    }

    fn is_said(&mut self) -> bool {
        self.mark(':') || self.mark('=') || self.any(words!("should be|shall be|will be|is|->|→|=>"))
    }

    /// “called archive”, behind the guest that is meant.
    pub fn called_from_now_on(&mut self) -> Option<Said<Item>> {
        let modal = |p: &mut Self| {
            p.any(MODAL).then_some(())?;
            p.any(words!("now|also|then"));
            p.any(words!(
                "be called|be named|be renamed to|be renamed as|be renamed|have the name|get the name|carry the name"
            ))
            .then_some(())
        };
        let told = |p: &mut Self| {
            let first = (p.began..p.at).any(|at| p.word_at(at) == "from" && p.word_at(at + 1) == "now");
            p.any(words!("is called|is named")).then_some(())?;
            (first || p.ahead(|p| (p.name().is_some() && p.any(words!("from now on"))).then_some(()))).then_some(())
        };
        (self.attempt(modal).is_some()
            || self.attempt(told).is_some()
            || self.any(words!("gets the name|becomes|gets renamed to|gets renamed|is now called|is now named")))
        .then_some(())?;
        let start = self.at;
        let value = Item::Plain(Plain::Name, Amount::To(Value::Text(self.name()?)));
        self.any(words!("from now on|now"));
        Some(Said { value, tokens: start..self.at })
    }
}

//! Which guest starts before others: “before anything else (order 1)”, “first, order 1”, “follows with order 2”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::Amount;

use super::fields::Named;
use super::item::{How, Item, Said};
use super::named::Noun;
use crate::builtin::Parser;
use crate::builtin::drafting::draft::Draft;
use crate::builtin::wordings::words;
use crate::lexer::TokenKind;

impl Parser<'_> {
    /// “it should start before anything else, so startup order 1”, “mail goes first, order 1”: the number says which it is, and the
    /// words before it the same once more.
    fn first_of_all(&mut self) -> Option<Item> {
        let goes = self.verb(words!("goes|go|comes up|come up"));
        let starts = !goes && self.verb(words!("starts|boots"));
        let _ = goes || starts || self.verb(words!("start|boot"));
        // “db-1 starts first (order 1)” may ask to start it, behind a colon it tells how it is.
        let nth = if goes && self.verb(words!("first of all|first"))
            || self.verb(words!(
                "before anything else|before everything else|before anybody else|before anyone else|before everybody else|before everyone else|\
                 before all others|before all the others|before the others"
            )) {
            1
        } else {
            self.addressed.as_ref().filter(|_| starts)?;
            u64::from(self.ordinal()?)
        };
        let open = self.mark('(');
        let _ = open || self.mark(',');
        self.verb(words!("so with|so|with|i.e.|at|as"));
        let item = self.startup_order()?;
        let fits = |said: u64| said == nth || (said, nth) == (0, 1);
        let fits = matches!(item, Item::Plain(_, Amount::To(Value::Count(said))) if fits(said));
        // “(order 1, 60 seconds up delay)”
        let closes = !open || self.mark(')') || self.peek(0).is_some_and(|next| next.kind == TokenKind::Mark(','));
        (fits && closes).then_some(item)
    }

    /// “follows with order 2”, behind the order of others. Whether it starts at boot as well, where they were said to, is not plain.
    fn next_in_order(&mut self) -> Option<Item> {
        self.verb(words!("follows then|follow then|follows|follow|comes next|come next")).then_some(())?;
        self.verb(words!("with|at|as|in")).then_some(())?;
        let boots = |item: &Said<Item>| matches!(item.value, Item::Plain(Plain::OnBoot, _));
        let before = |draft: &Draft| matches!(draft, Draft::Change(change) if !change.items.iter().any(boots));
        self.drafts.last().is_some_and(before).then_some(())?;
        self.startup_order()
    }

    /// Which guest starts before others, and how long it may take to stop.
    pub fn in_an_order(&mut self) -> Option<Item> {
        let rules = [Self::first_of_all, Self::next_in_order, Self::time_to_shut_down];
        rules.into_iter().find_map(|rule| self.attempt(rule))
    }

    /// “may take 5 minutes to shut down”
    fn time_to_shut_down(&mut self) -> Option<Item> {
        self.verb(words!("may take|can take|might take|may need|can have|gets|has|needs|takes|give it|with"))
            .then_some(())?;
        self.any(words!("up to"));
        let time = self.shaped(Named::Plain(Plain::StartupDown))?;
        self.verb(words!("to shut down|to shutdown|to stop|for shutdown|for the shutdown|for its shutdown|for shutting down|to go down"))
            .then_some(())?;
        self.at_boundary().then_some(Item::Plain(Plain::StartupDown, Amount::To(time)))
    }

    /// “order 1”, “startup order: 1”
    fn startup_order(&mut self) -> Option<Item> {
        let noun = self.noun().filter(|noun| *noun == Noun::Plain(Plain::StartupOrder))?;
        let item = self.connected_value(&noun, How::Create)?;
        self.at_boundary().then_some(item)
    }
}

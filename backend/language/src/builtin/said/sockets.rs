//! Cores and sockets that are said as one: “8 cores on 2 sockets”, “4 vCPUs (2 sockets x 2 cores)”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::Amount;

use super::item::Item;
use crate::builtin::Parser;
use crate::builtin::wordings::{Wordings, words};

const CORES: &Wordings = words!("cpu cores|vcpu cores|cores|core|vcpus|vcpu|vcores|cpus|cpu");
const SOCKETS: &Wordings = words!("cpu sockets|cpu socket|sockets|socket");

impl Parser<'_> {
    /// “two sockets of four cores each”
    pub fn sockets_of_cores(&mut self) -> Option<Item> {
        let sockets = self.number().filter(|sockets| *sockets > 0)?;
        self.any(SOCKETS).then_some(())?;
        self.any(words!("of|with|x")).then_some(())?;
        let cores = self.number().filter(|cores| *cores > 0)?;
        self.any(CORES).then_some(())?;
        self.any(words!("each|per socket")).then_some(())?;
        let item = |plain, count| Item::Plain(plain, Amount::To(Value::Count(count)));
        Some(Item::Several(vec![item(Plain::Sockets, sockets), item(Plain::Cores, cores)]))
    }

    /// How many cores there are in all, and their sockets; nothing where the numbers do not agree.
    pub fn cores_on_sockets(&mut self) -> Option<Item> {
        let all = self.number()?;
        self.any(CORES).then_some(())?;
        let (sockets, each) =
            self.attempt(Self::sockets_in_brackets).or_else(|| self.attempt(|p| p.spread_on_sockets(all)))?;
        let item = |plain, count| Item::Plain(plain, Amount::To(Value::Count(count)));
        let agrees = each > 0 && sockets.checked_mul(each) == Some(all);
        agrees.then(|| Item::Several(vec![item(Plain::Sockets, sockets), item(Plain::Cores, each)]))
    }

    /// “(2 sockets x 4 cores)”
    fn sockets_in_brackets(&mut self) -> Option<(u64, u64)> {
        self.mark('(').then_some(())?;
        let sockets = self.number()?;
        self.any(SOCKETS).then_some(())?;
        let _ = self.mark(',') || self.any(words!("x|with|of|times"));
        let each = self.number()?;
        self.any(CORES);
        self.any(words!("each|per socket"));
        self.mark(')').then_some((sockets, each))
    }

    /// “on 2 sockets (so 4 each)”
    fn spread_on_sockets(&mut self, all: u64) -> Option<(u64, u64)> {
        self.at += usize::from(matches!(self.word(), "spread" | "split"));
        let across = self.word() == "across";
        self.at += usize::from(across);
        (across || self.any(words!("on|over|in"))).then_some(())?;
        let sockets = self.number().filter(|sockets| *sockets > 0)?;
        self.any(SOCKETS).then_some(())?;
        let told = self.attempt(|p| {
            let open = p.mark('(') || p.mark(',');
            p.any(words!("so"));
            let each = p.number()?;
            p.any(CORES);
            (p.any(words!("each|per socket")) && (!open || p.mark(')') || p.at_boundary())).then_some(each)
        });
        Some((sockets, told.unwrap_or(all / sockets)))
    }
}

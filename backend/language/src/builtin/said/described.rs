//! What is said of new guests alone, rule by rule; and texts that describe a guest: “description "…"”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::Amount;

use super::item::Item;
use crate::builtin::Parser;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// What only of a new guest is said so.
    pub fn of_a_new_guest(&mut self) -> Option<Item> {
        let rules = [
            Self::volume_alone,
            Self::volume_spec,
            Self::rate_of_a_nic,
            Self::in_the_startup_order,
            Self::counted_disks,
            Self::on_sockets,
            Self::noted,
            Self::disks_are_on,
        ];
        rules.into_iter().find_map(|rule| self.attempt(rule))
    }

    /// “description "…"”; without quotation marks up to the next comma, and only where nothing else can be in it.
    pub fn description(&mut self) -> Option<Item> {
        self.articles();
        let described = self.any(words!("described as"));
        if !described && !self.any(words!("description|notes|note|comment")) {
            return None;
        }
        // “note on it: …”
        let on_it = self.verb(words!("on it|for it|for this one"));
        let sign = self.assigns();
        (sign || !on_it).then_some(())?;
        self.any(words!("of|is|saying|to|reading|that says|which says|should be|shall be|must be"));
        self.mark(':');
        let text = self.free_text(sign)?;
        Some(Item::Plain(Plain::Description, Amount::To(Value::Text(text))))
    }

    /// A quoted text, or the words up to the next comma.
    pub fn free_text(&mut self, sign: bool) -> Option<String> {
        use crate::lexer::TokenKind::{Number, Quoted, Word};
        let token = self.peek(0)?;
        if token.kind == Quoted {
            let text = token.text.clone();
            self.at += 1;
            return Some(text.to_string());
        }
        let start = self.at;
        while let Some(token) = self.peek(0) {
            let fits = match token.kind {
                Word => !matches!(token.word.as_str(), "and" | "with") || sign,
                Number => sign,
                _ => false,
            };
            if !fits {
                break;
            }
            self.at += 1;
        }
        // “notes: conference bridge pls”
        while self.at > start + 1 && matches!(self.last_word(), "please" | "thanks") {
            self.at -= 1;
        }
        (self.at > start).then(|| self.span(&(start..self.at)).of(self.text))
    }
}

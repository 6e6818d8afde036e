//! What qualifies the phrase before it: “16 GB RAM, at least 4 GB guaranteed”, “2 GB fixed”, “order 3, wait 45 seconds after”.

use mycopod_core::field::{Plain, Value};
use mycopod_core::reading::Amount;
use mycopod_core::size::Size;

use crate::lexer::TokenKind;

use super::fields::Named;
use super::item::Item;
use crate::builtin::Parser;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// Whether the last that was said of a new guest is an amount of `plain`.
    fn spoke_of(&self, plain: Plain) -> bool {
        let said = |item: &Item| matches!(item, Item::Plain(said, Amount::To(_)) if *said == plain);
        self.group().and_then(|group| group.items.last()).is_some_and(|(_, item)| said(&item.value))
    }

    /// “at least 4 GB guaranteed via ballooning”, “4 GB guaranteed”, “fixed”: behind the memory of a new guest, how much of it is its own.
    pub fn of_its_memory(&mut self) -> Option<Item> {
        let balloon = |size| Some(Item::Plain(Plain::Balloon, Amount::To(Value::Size(size))));
        let begins =
            self.peek(0)?.kind == TokenKind::Number || matches!(self.word(), "at" | "min" | "minimum" | "fixed");
        (begins && self.spoke_of(Plain::Memory)).then_some(())?;
        if self.word() == "fixed" {
            self.at += 1;
            return if self.at_boundary() { balloon(Size::default()) } else { None };
        }
        self.any(words!("at least|minimum of|minimum|min"));
        let size = self.quantity()?;
        self.any(words!("minimum|min"));
        let guaranteed = self.word() == "guaranteed";
        self.at += usize::from(guaranteed);
        let ballooning = self.attempt(|p| {
            p.any(words!("via|with|by|through|using"));
            p.any(words!("ballooning|balloon")).then_some(())
        });
        // “min 4 GB” alone may be said of the memory as a whole.
        (guaranteed || ballooning.is_some()).then_some(())?;
        if self.at_boundary() { balloon(size) } else { None }
    }

    /// “wait 45 seconds after”, “delay 20 secs before the next one”, “15 seconds delay”: how long the guest behind it waits.
    pub fn delayed(&mut self) -> Option<Item> {
        let verb = matches!(self.word(), "wait" | "waits" | "waiting" | "delay" | "delays");
        let counts = self.peek(0)?.text.starts_with(|c: char| c.is_ascii_digit());
        (verb || self.word() == "a" || counts).then_some(())?;
        self.at += usize::from(verb || self.word() == "a");
        if verb {
            let _ = self.assigns() || self.any(words!("of|for"));
        }
        let value = self.shaped(Named::Plain(Plain::StartupUp))?;
        let counted = !self.last_word().is_empty();
        let noun = self.any(words!("start-up delay|startup delay|start delay|up delay|delay"));
        (counted && verb != noun).then_some(())?;
        self.any(words!(
            "after it|after that one|after that|afterwards|before the next one|before the next guest|before the next vm|before the next|before next"
        ));
        if self.word() == "after" {
            self.at += 1;
        }
        self.verb(words!("for the next one|for the next guest|for the next vm|for the next"));
        (self.at_boundary() || self.word() == "each").then_some(Item::Plain(Plain::StartupUp, Amount::To(value)))
    }

    /// “key ssh-ed25519 AAAA…”, and such a key alone: it says by itself what it is.
    pub fn key_alone(&mut self) -> Option<Item> {
        if matches!(self.word(), "key" | "keys" | "pubkey") {
            self.at += 1;
            self.assigns();
        }
        let key = self.peek(0).filter(|token| token.kind == TokenKind::Word)?;
        ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"].iter().any(|kind| key.text.starts_with(kind)).then_some(())?;
        let keys = self.shaped(Named::Plain(Plain::SshKeys))?;
        Some(Item::Plain(Plain::SshKeys, Amount::To(keys)))
    }
}

//! What a language model sees of the cluster: the text, with a handle in the place of each guest’s name, and which of its
//! other words are names of nodes, storages and bridges.
//!
//! Guests are named by whoever may make them in Proxmox. A name could be a sentence to a model; a handle says nothing, and is
//! put back by its place in the text.

use std::collections::HashMap;
use std::ops::Range;

use mycopod_core::ports::Inventory;

use crate::lexer::{Token, TokenKind, span};
use crate::vocabulary;

/// The longest name that enters a prompt: Proxmox’s own bound for a guest’s.
const MAX_NAME: usize = 63;

/// The most names that are told of besides the text.
const MAX_NAMES: usize = 100;

/// The handles of the guests that some tokens name: each token’s, if any.
pub struct Handles(Vec<Option<String>>);

impl Handles {
    /// Those of the guests that the `asked` tokens name, numbered in the order of the text.
    pub fn of(tokens: &[Token], asked: &[Range<usize>], inventory: &Inventory) -> Self {
        let mut stem = "g".to_owned();
        while tokens.iter().any(|token| is_handle(&stem, &token.text)) {
            stem.push('g');
        }
        let mut numbers: HashMap<&str, usize> = HashMap::new();
        let mut handles = vec![None; tokens.len()];
        for at in asked.iter().flat_map(Clone::clone) {
            let name = tokens[at].text.as_str();
            if is_name(&tokens[at]) && inventory.guests.contains_key(name) {
                let next = numbers.len() + 1;
                handles[at] = Some(format!("{stem}{}", numbers.entry(name).or_insert(next)));
            }
        }
        Self(handles)
    }

    /// The handle in the place of the token at `at`.
    pub fn handle(&self, at: usize) -> Option<&str> {
        self.0[at].as_deref()
    }

    /// The words of some tokens as the model sees them.
    pub fn show(&self, text: &str, tokens: &[Token], asked: &Range<usize>) -> String {
        let whole = span(tokens, asked);
        let mut named: Vec<(&Token, &str)> =
            asked.clone().filter_map(|at| Some((&tokens[at], self.handle(at)?))).collect();
        named.sort_by_key(|(token, _)| token.span.start);
        let mut chars = text.chars().skip(whole.start);
        let (mut shown, mut at) = (String::new(), whole.start);
        for (token, handle) in named {
            // Marks of quotation stay, so that what is a name stays one.
            let marks = usize::from(token.kind == TokenKind::Quoted);
            let (start, end) = (token.span.start + marks, token.span.end - marks);
            if start < at {
                continue;
            }
            shown.extend(chars.by_ref().take(start - at));
            shown.push_str(handle);
            chars.by_ref().take(end - start).for_each(drop);
            at = end;
        }
        shown.extend(chars.take(whole.end.saturating_sub(at)));
        shown
    }

    /// What is told of the words of some tokens: the handles, and which are names around the guests.
    pub fn known(&self, tokens: &[Token], asked: &[Range<usize>], inventory: &Inventory) -> Vec<String> {
        let around = [&inventory.nodes, &inventory.storages, &inventory.bridges];
        let mut names: Vec<String> = Vec::new();
        for at in asked.iter().flat_map(Clone::clone) {
            let name = tokens[at].text.as_str();
            let vetted = is_name(&tokens[at]) && is_plain(name) && around.iter().any(|all| all.contains(name));
            let name = self.handle(at).or(vetted.then_some(name)).map(str::to_owned);
            names.extend(name.filter(|name| names.len() < MAX_NAMES && !names.contains(name)));
        }
        names
    }
}

/// Whether a token may be a name: a word of the grammar is none, whatever somebody called a guest.
fn is_name(token: &Token) -> bool {
    match token.kind {
        TokenKind::Word => !token.mended && vocabulary::class(&token.word).is_none(),
        TokenKind::Quoted => true,
        TokenKind::Number | TokenKind::Mark(_) | TokenKind::Break => false,
    }
}

fn is_handle(stem: &str, word: &str) -> bool {
    let number = word.get(..stem.len()).filter(|begin| begin.eq_ignore_ascii_case(stem)).map(|_| &word[stem.len()..]);
    number.is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit()))
}

fn is_plain(name: &str) -> bool {
    name.len() <= MAX_NAME && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
}

//! Ways to name a guest that say no more than its name: “web-01 (101)”, “VM web-01:” above what it shall have, “by the name of”.

use mycopod_core::guest::{GuestKey, Kind};
use mycopod_core::ports::Inventory;
use mycopod_core::reading::Span;

use crate::lexer::{Token, TokenKind};

/// Words that stand for “named”.
const NAMED: [&[&str]; 4] = [
    &["by", "the", "name", "of"],
    &["under", "the", "name", "of"],
    &["with", "the", "name", "of"],
    &["going", "by", "the", "name"],
];

/// The tokens, with the name alone where more was said of who is meant; a number that is another guest’s stays.
pub fn write_out(tokens: &[Token], inventory: &Inventory) -> Vec<Token> {
    let mut written: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let begins = written.last().is_none_or(|token| matches!(token.kind, TokenKind::Break | TokenKind::Mark('•')));
        let rest = &tokens[at..];
        if let Some(swapped) = tagged_ahead(rest) {
            written.extend(swapped);
            at += 2;
            continue;
        }
        let (length, token) = named(rest)
            .or_else(|| numbered(rest, inventory))
            .or_else(|| if begins { above_values(rest, inventory) } else { None })
            .unwrap_or_else(|| (1, tokens[at].clone()));
        written.push(token);
        at += length;
    }
    written
}

/// One token for the first `length` of `tokens`, which reads as `text`.
fn one(tokens: &[Token], length: usize, text: &str) -> (usize, Token) {
    let span = Span { start: tokens[0].span.start, end: tokens[length - 1].span.end };
    let (text, word) = (text.to_owned(), text.to_lowercase());
    (length, Token { kind: TokenKind::Word, span, text: text.into(), word: word.into(), mended: false })
}

fn named(tokens: &[Token]) -> Option<(usize, Token)> {
    let said = |words: &&[&str]| {
        tokens.len() >= words.len() && words.iter().zip(tokens).all(|(word, token)| *word == token.word)
    };
    let words = NAMED.iter().find(|words| said(words))?;
    Some(one(tokens, words.len(), "named"))
}

/// “each ci-tagged VM” is each VM tagged ci.
fn tagged_ahead(tokens: &[Token]) -> Option<[Token; 3]> {
    const NOUNS: [&str; 10] =
        ["vm", "vms", "container", "containers", "ct", "cts", "guest", "guests", "machine", "machines"];
    let [tagged, noun, ..] = tokens else { return None };
    let tag = tagged.word.strip_suffix("-tagged").filter(|tag| !tag.is_empty() && tagged.kind == TokenKind::Word)?;
    NOUNS.contains(&noun.word.as_str()).then_some(())?;
    let (tag, rest) = tagged.parts(tag.chars().count());
    Some([noun.clone(), rest, tag])
}

/// The only guest of that name.
fn guest(inventory: &Inventory, name: &str) -> Option<GuestKey> {
    inventory.guests.get(name).and_then(|keys| <[GuestKey; 1]>::try_from(keys.clone()).ok()).map(|[key]| key)
}

/// “web-01 (101)”, “cache (CT 109)”
fn numbered(tokens: &[Token], inventory: &Inventory) -> Option<(usize, Token)> {
    let [name, open, inner @ ..] = tokens else { return None };
    (name.kind == TokenKind::Word && open.kind == TokenKind::Mark('(')).then_some(())?;
    let key = guest(inventory, &name.text)?;
    let (said, kind) = match inner.first()?.word.as_str() {
        "vm" => (1, Some(Kind::Qemu)),
        "ct" | "lxc" | "container" => (1, Some(Kind::Lxc)),
        "id" | "vmid" => (1, None),
        _ => (0, None),
    };
    let [number, close, ..] = &inner[said..] else { return None };
    let same = kind.is_none_or(|kind| kind == key.kind) && number.text == key.vmid.to_string();
    (same && close.kind == TokenKind::Mark(')')).then(|| one(tokens, 4 + said, &name.text))
}

/// “VM web-01:” at the beginning of a line
fn above_values(tokens: &[Token], inventory: &Inventory) -> Option<(usize, Token)> {
    let kind = match tokens[0].word.as_str() {
        "vm" => Some(Kind::Qemu),
        "ct" | "container" | "lxc" => Some(Kind::Lxc),
        "server" | "machine" | "guest" => None,
        _ => return None,
    };
    let [_, name, sign, ..] = tokens else { return None };
    (name.kind == TokenKind::Word && sign.kind == TokenKind::Mark(':')).then_some(())?;
    let key = guest(inventory, &name.text)?;
    kind.is_none_or(|kind| kind == key.kind).then(|| one(tokens, 2, &name.text))
}

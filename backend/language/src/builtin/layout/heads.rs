//! Headings that say of what is below them: “VM 1” above the pairs of a guest, “ROUTERS (VM)” above new guests, “More RAM (8 GB):”
//! above those that get it.

use std::slice;

use mycopod_core::reading::Span;

use crate::builtin::asides::words::{sort, sort_of};
use crate::lexer::{Token, TokenKind};
use crate::quantity;
use crate::vocabulary;

use super::lines::{Line, names_a_field, names_guests};
use super::mark;

/// Nouns that stand before a running number.
const NUMBERED: [&str; 8] = ["vm", "container", "ct", "lxc", "machine", "server", "guest", "host"];

/// What guests of a group are called by what they do.
const ROLES: [&str; 10] = [
    "routers",
    "workers",
    "runners",
    "proxies",
    "gateways",
    "firewalls",
    "backends",
    "frontends",
    "replicas",
    "monitors",
];

/// Takes the running numbers out of the headings “VM 1”, “VM 2” …, which say no more than that another guest follows.
pub fn without_numbers(tokens: &mut Vec<Token>) {
    let starts: Vec<usize> = (0..tokens.len())
        .filter(|at| at.checked_sub(1).is_none_or(|before| tokens[before].kind == TokenKind::Break))
        .map(|at| at + usize::from(tokens[at].kind == TokenKind::Mark('•')))
        .filter(|at| is_numbered(&tokens[*at..]))
        .collect();
    let runs = (1..).zip(&starts).all(|(number, at)| quantity::whole(&tokens[at + 1].text) == Some(number));
    if runs {
        for at in starts.into_iter().rev() {
            tokens.remove(at + 1);
        }
    }
}

/// Whether a line is “VM 1”, and below it or behind a colon is a name.
fn is_numbered(line: &[Token]) -> bool {
    let [noun, number, rest @ ..] = line else { return false };
    let heads = NUMBERED.contains(&noun.word.as_str()) && number.kind == TokenKind::Number;
    let parts = |token: &&Token| matches!(token.kind, TokenKind::Mark(':' | '•' | '–') | TokenKind::Break);
    let parted = rest.iter().take_while(parts).count();
    let named = |rest: &[Token]| {
        let [key, sign, ..] = rest else { return false };
        matches!(key.word.as_str(), "name" | "hostname") && matches!(sign.kind, TokenKind::Mark(':' | '='))
    };
    heads && parted > 0 && named(&rest[parted..])
}

/// “ROUTERS (VM)” above new guests, a point each: the kind is said of all of them, and the group’s name of none.
pub fn of_a_group(said: &[Token], tokens: &[Token], list: &[Line], known: impl Fn(&str) -> bool) -> Option<[Token; 2]> {
    let [name @ .., open, noun, close] = said else { return None };
    let kind = match noun.word.as_str() {
        "vm" | "vms" => "vms",
        "container" | "containers" | "ct" | "cts" | "lxc" | "lxcs" => "containers",
        _ => return None,
    };
    let bracketed = open.kind == TokenKind::Mark('(') && close.kind == TokenKind::Mark(')');
    let is_role = |token: &Token| ROLES.contains(&token.word.as_str()) || sort_of(token) & sort::NOUNS != 0;
    let names_it = name.last().is_some_and(is_role)
        && name.iter().all(|token| is_role(token) || sort_of(token) & sort::ADJECTIVE != 0)
        && !name.iter().any(|token| vocabulary::turns(&token.word) || known(&token.text));
    // “- rt-a: 1 core”
    let describes_anew = |line: &Line| {
        let [_, name, sign, ..] = &tokens[line.tokens.clone()] else { return false };
        let built = name.text.contains(|c: char| c.is_ascii_digit() || c == '-');
        line.bullet && built && !known(&name.text) && matches!(sign.kind, TokenKind::Mark(':' | '–' | '—' | '(' | ','))
    };
    (bracketed && names_it && !list.is_empty() && list.iter().all(describes_anew)).then(|| {
        // The heading as a whole says it.
        let span = Span { start: said[0].span.start, end: close.span.end };
        [Token { word: kind.into(), span, ..noun.clone() }, mark(TokenKind::Mark(':'), close)]
    })
}

/// “New machines:” above points that say by themselves what they make: “- VM a-1: …”, “- container a-2: …”.
pub fn of_the_new(said: &[Token], tokens: &[Token], list: &[Line], known: impl Fn(&str) -> bool) -> bool {
    const NEW: [&str; 14] = [
        "new",
        "the",
        "following",
        "these",
        "machines",
        "guests",
        "servers",
        "systems",
        "vms",
        "containers",
        "and",
        "create",
        "please",
        "add",
    ];
    let makes = |line: &Line| {
        let [_, noun, name, sign, ..] = &tokens[line.tokens.clone()] else { return false };
        let kind = ["vm", "container", "ct", "lxc"].contains(&noun.word.as_str());
        line.bullet && kind && !known(&name.text) && matches!(sign.kind, TokenKind::Mark(':' | '–' | '—' | '(' | ','))
    };
    let announces = |token: &Token| NEW.contains(&token.word.as_str());
    said.len() > 1 && said.iter().all(announces) && !list.is_empty() && list.iter().all(makes)
}

/// “More RAM (8 GB)”, “8 GB RAM” and “Snapshot (name: pre-move)” above guests there are, a point each: a sentence with all of them.
pub fn of_them_all(
    said: &[Token],
    tokens: &[Token],
    list: &[Line],
    known: impl Fn(&str) -> bool,
) -> Option<Vec<Token>> {
    let points = |line: &Line| line.bullet && names_guests(&tokens[line.tokens.start + 1..line.tokens.end], &known);
    let first = said.first().filter(|_| !list.is_empty() && list.iter().all(points))?;
    let is_amount = |said: &[Token]| match said {
        [number] => number.kind == TokenKind::Number,
        [number, unit] => number.kind == TokenKind::Number && quantity::unit(&unit.word).is_some(),
        _ => false,
    };
    let mut guests = Vec::new();
    for line in list {
        let point = &tokens[line.tokens.clone()];
        if !guests.is_empty() {
            guests.push(mark(TokenKind::Mark(','), &point[0]));
        }
        guests.extend_from_slice(&point[1..]);
    }
    if let [verb, open, key, rest @ .., name, close] = said
        && verb.word == "snapshot"
        && matches!((open.kind, close.kind), (TokenKind::Mark('('), TokenKind::Mark(')')))
        && matches!(key.word.as_str(), "name" | "named" | "called")
        && matches!(rest, [] | [Token { kind: TokenKind::Mark(':' | '='), .. }])
    {
        let named = Token { word: "as".into(), ..key.clone() };
        return Some([slice::from_ref(verb), &guests, &[named, name.clone()]].concat());
    }
    let word = |word: &str| vec![Token { word: word.into(), ..mark(TokenKind::Word, first) }];
    let verb = match first.word.as_str() {
        "more" => "increase",
        "less" | "fewer" => "reduce",
        _ => {
            let field = (1..said.len()).find_map(|cut| {
                let (one, other) = said.split_at(cut);
                if is_amount(one) && names_a_field(other) {
                    return Some([one, other].concat());
                }
                (names_a_field(one) && is_amount(other)).then(|| [other, one].concat())
            })?;
            let colon = vec![mark(TokenKind::Mark(':'), first)];
            return Some([field, colon, guests].concat());
        }
    };
    let open = said.iter().position(|token| token.kind == TokenKind::Mark('('))?;
    let [amount @ .., close] = &said[open + 1..] else { return None };
    let fits = close.kind == TokenKind::Mark(')') && is_amount(amount) && names_a_field(&said[1..open]);
    fits.then(|| [word(verb), said[1..open].to_vec(), word("of"), guests, word("to"), amount.to_vec()].concat())
}

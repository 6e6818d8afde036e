//! New guests whose kind is said behind them: “a-1 (2c/4g) and a-2 (4c/8g), all VMs”, “a-1 gets 2 cores, a-2 4. Both are VMs with …”,
//! and “one VM per office: a-1, a-2”. The kind is put in front, as the grammar has it.

use crate::builtin::asides::words::{sort, sort_of};
use crate::lexer::{Token, TokenKind};
use crate::vocabulary::{self, is_system};

use super::mark;

/// Nouns of guests, of which such a text has one alone.
const NOUNS: [&str; 15] = [
    "vm",
    "vms",
    "container",
    "containers",
    "ct",
    "cts",
    "lxc",
    "lxcs",
    "guest",
    "guests",
    "machine",
    "machines",
    "server",
    "servers",
    "boxes",
];

/// Words for all of the guests, and what may stand behind them.
const ALL: [&[&str]; 12] = [
    &["all", "of", "these"],
    &["all", "of", "them"],
    &["each", "of", "these"],
    &["each", "of", "them"],
    &["both", "of", "these"],
    &["both", "of", "them"],
    &["all", "three"],
    &["all", "four"],
    &["all"],
    &["both"],
    &["they"],
    &["these"],
];
const ARE: [&[&str]; 6] =
    [&["should", "all", "be"], &["shall", "all", "be"], &["should", "be"], &["shall", "be"], &["are", "all"], &["are"]];

/// The most words of a system before the noun: “Debian 12”.
const MAX_SYSTEM: usize = 2;

/// Puts the kind of new guests in front that is said behind them. `known` are the names of guests.
pub fn write_out(tokens: Vec<Token>, known: impl Fn(&str) -> bool) -> Vec<Token> {
    behind(&tokens, known).unwrap_or_else(|| one_for_each(tokens))
}

/// How many of `tokens` one of these rows of words is.
fn row(tokens: &[Token], rows: &[&[&str]]) -> Option<usize> {
    let fits =
        |row: &&&[&str]| row.len() <= tokens.len() && row.iter().zip(tokens).all(|(word, token)| *word == token.word);
    rows.iter().find(fits).map(|row| row.len())
}

fn behind(tokens: &[Token], known: impl Fn(&str) -> bool) -> Option<Vec<Token>> {
    let is_noun = |token: &&Token| NOUNS.contains(&token.word.as_str());
    (tokens.iter().filter(is_noun).count() == 1 && !tokens.iter().any(|token| known(&token.text))).then_some(())?;
    let noun = tokens.iter().position(|token| is_noun(&token))?;
    matches!(tokens[noun].word.as_str(), "vms" | "containers" | "cts" | "lxcs").then_some(())?;
    let first = tokens.iter().position(Token::is_content)?;
    let head = tokens[..first].iter().all(|token| token.kind != TokenKind::Mark('•'))
        && (is_new(&tokens[first]) || tokens[..noun].iter().any(|token| token.kind == TokenKind::Break));
    let parts = |token: &Token| token.ends_sentence() || matches!(token.kind, TokenKind::Mark(',' | '–' | '—'));
    let start = tokens[..noun].iter().rposition(parts).filter(|start| head && *start > first)?;
    let all = row(&tokens[start + 1..noun], &ALL)?;
    let are = row(&tokens[start + 1 + all..noun], &ARE).unwrap_or(0);
    let system = &tokens[start + 1 + all + are..noun];
    let pronoun = matches!(tokens[start + 1].word.as_str(), "they" | "these");
    let fits = (are > 0 || !pronoun) && is_a_system(system);
    let rest = &tokens[noun + 1..];
    let ends = rest.first().is_none_or(parts);
    // “both VMs” counts them, which nobody does once it is gone.
    let whole = ends && tokens[start + 1].word != "both";
    let told = rest.first().is_some_and(|next| next.word == "with");
    (fits && (whole || told)).then_some(())?;
    let described = &tokens[first..start + usize::from(told)];
    let table = described.iter().any(|token| token.kind == TokenKind::Break);
    let front = if table { TokenKind::Break } else { TokenKind::Mark(':') };
    let mut written = [system, &tokens[noun..=noun], &[mark(TokenKind::Mark(':'), &tokens[first])]].concat();
    if table {
        written.push(mark(front, &tokens[first]));
    }
    written
        .extend(described.iter().enumerate().map(|(at, token)| gets(described, at).unwrap_or_else(|| token.clone())));
    if told {
        let who = if tokens[start + 1].word == "both" { "both" } else { "all" };
        written.push(Token { word: who.into(), ..tokens[start + 1].clone() });
    }
    written.extend_from_slice(rest);
    Some(written)
}

/// “a-1 gets 2 cores”: behind the noun, “a-1 with 2 cores”.
fn gets(described: &[Token], at: usize) -> Option<Token> {
    let verb = ["gets", "has", "needs", "wants"].contains(&described[at].word.as_str());
    let named = at.checked_sub(1).is_some_and(|before| is_new(&described[before]));
    (verb && named).then(|| Token { word: "with".into(), ..described[at].clone() })
}

fn is_a_system(tokens: &[Token]) -> bool {
    let [name, rest @ ..] = tokens else { return true };
    tokens.len() <= MAX_SYSTEM && is_system(&name.word) && rest.iter().all(|token| token.kind == TokenKind::Number)
}

/// Whether it is built like the name of a guest.
fn is_new(token: &Token) -> bool {
    let built = token.text.contains(|c: char| c.is_ascii_digit() || c == '-');
    token.kind == TokenKind::Word && built && vocabulary::class(&token.word).is_none()
}

/// “one VM per office: a-1, a-2”: so many as there are names.
fn one_for_each(tokens: Vec<Token>) -> Vec<Token> {
    let says = |at: usize| {
        let [one, noun, per, owner, rest @ ..] = &tokens[at..] else { return None };
        let kind = match noun.word.as_str() {
            "vm" => "vms",
            "container" | "ct" | "lxc" => "containers",
            _ => return None,
        };
        let fits = matches!(one.word.as_str(), "one" | "a")
            && matches!(per.word.as_str(), "per" | "for each")
            && sort_of(owner) & sort::OCCASION != 0
            && sort_of(owner) & sort::THING == 0;
        let polite = rest.iter().take_while(|token| token.word == "please").count();
        let names =
            matches!(rest.get(polite..), Some([colon, name, ..]) if colon.kind == TokenKind::Mark(':') && is_new(name));
        (fits && names).then_some(kind)
    };
    let Some((at, kind)) = (0..tokens.len()).find_map(|at| Some((at, says(at)?))) else { return tokens };
    let noun = Token { word: kind.into(), ..tokens[at + 1].clone() };
    [&tokens[..at], &[noun], &tokens[at + 4..]].concat()
}

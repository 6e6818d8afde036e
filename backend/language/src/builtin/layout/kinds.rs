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
    behind(&tokens, known).or_else(|| by_kind(&tokens)).unwrap_or_else(|| one_for_each(tokens))
}

/// How many of `tokens` one of these rows of words is.
fn row(tokens: &[Token], rows: &[&[&str]]) -> Option<usize> {
    let fits =
        |row: &&&[&str]| row.len() <= tokens.len() && row.iter().zip(tokens).all(|(word, token)| *word == token.word);
    rows.iter().find(fits).map(|row| row.len())
}

/// Whether a word only greets or numbers, before what is said: “Hi team, …”, “Ticket #4711: …”.
fn opens(token: &Token) -> bool {
    const OPENING: [&str; 12] =
        ["hi", "hello", "hey", "team", "all", "there", "good", "morning", "afternoon", "please", "ticket", "folks"];
    OPENING.contains(&token.word.as_str()) || token.text.starts_with('#')
}

fn behind(tokens: &[Token], known: impl Fn(&str) -> bool) -> Option<Vec<Token>> {
    let is_noun = |token: &&Token| NOUNS.contains(&token.word.as_str());
    (tokens.iter().filter(is_noun).count() == 1 && !tokens.iter().any(|token| known(&token.text))).then_some(())?;
    let noun = tokens.iter().position(|token| is_noun(&token))?;
    matches!(tokens[noun].word.as_str(), "vms" | "containers" | "cts" | "lxcs").then_some(())?;
    let first = tokens.iter().position(|token| token.is_content() && !opens(token))?;
    let pointed = tokens[..noun].iter().any(|token| token.kind == TokenKind::Mark('•'));
    let broken = tokens[first..noun].iter().any(|token| token.kind == TokenKind::Break);
    let head = is_new(&tokens[first]) && !broken || broken && !pointed;
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
    let line = described.iter().position(|token| token.kind == TokenKind::Break);
    let kind = [system, &tokens[noun..=noun]].concat();
    let colon = mark(TokenKind::Mark(':'), &tokens[first]);
    let with = |(at, token): (usize, &Token)| gets(described, at).unwrap_or_else(|| token.clone());
    let mut written = match line {
        // “Please create:”, above a table
        Some(end) if end > 0 && described[end - 1].kind == TokenKind::Mark(':') => {
            [&described[..end - 1], &kind, &described[end - 1..]].concat()
        }
        Some(_) => [&kind[..], &[colon, mark(TokenKind::Break, &tokens[first])], described].concat(),
        None => kind.into_iter().chain([colon]).chain(described.iter().enumerate().map(with)).collect(),
    };
    written.splice(0..0, tokens[..first].iter().cloned());
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

/// “VM a-1 and container a-2; the VM gets 2 cores, the container 1 core”: what is said of each by its kind, behind its name.
fn by_kind(tokens: &[Token]) -> Option<Vec<Token>> {
    let nouns: Vec<usize> = (0..tokens.len()).filter(|at| NOUNS.contains(&tokens[*at].word.as_str())).collect();
    let [first, second, one, other] = *nouns else { return None };
    let word = |at: usize| tokens[at].word.as_str();
    let joins = |token: &Token| {
        !token.is_content() && !token.ends_sentence() || ["and", "a", "one", "&"].contains(&token.word.as_str())
    };
    let names = |from: usize, to: usize| {
        let said = &tokens[from..to];
        said.first().is_some_and(is_new) && said.iter().all(|token| is_new(token) || joins(token))
    };
    let points = |at: usize| at > second && word(at - 1) == "the";
    let told = points(one) && points(other) && word(first) != word(second);
    (told && word(one) == word(first) && word(other) == word(second)).then_some(())?;
    let parts = |token: &Token| !token.is_content() || token.word == "and";
    let last = |end: usize| tokens[..end].iter().rposition(|token| !parts(token)).map_or(0, |at| at + 1);
    let end = tokens[other..].iter().position(|token| matches!(token.kind, TokenKind::Mark('.') | TokenKind::Break));
    let end = end.map_or(tokens.len(), |length| other + length);
    // Between the names and what is said stands a mark.
    let (behind, article) =
        (last(one - 1), second - tokens[..second].iter().rev().take_while(|token| joins(token)).count());
    (behind < one - 1 && names(first + 1, second) && names(second + 1, behind)).then_some(())?;
    let said = |from: usize, to: usize| {
        let verb = matches!(word(from), "gets" | "get" | "has" | "have" | "needs" | "with");
        (from < to).then(|| &tokens[from + usize::from(verb)..to])
    };
    let (of_one, of_other) = (said(one + 1, last(other - 1))?, said(other + 1, end)?);
    let with = |near: usize| Token { word: "with".into(), ..mark(TokenKind::Word, &tokens[near]) };
    let stop = mark(TokenKind::Mark(';'), &tokens[second]);
    let made = [&tokens[..article], &[with(second)], of_one, &[stop], &tokens[second..behind], &[with(one)], of_other];
    Some([&made.concat(), &tokens[end..]].concat())
}

/// “one VM per office: a-1, a-2”, “one VM per line:”: so many as there are names.
fn one_for_each(tokens: Vec<Token>) -> Vec<Token> {
    let says = |at: usize| {
        let [one, noun, per, owner, rest @ ..] = &tokens[at..] else { return None };
        let kind = match noun.word.as_str() {
            "vm" => "vms",
            "container" | "ct" | "lxc" => "containers",
            _ => return None,
        };
        let fits = matches!(one.word.as_str(), "one" | "a")
            && per.word == "per"
            && (owner.word == "line" || sort_of(owner) & sort::OCCASION != 0)
            && sort_of(owner) & sort::THING == 0;
        let polite = rest.iter().take_while(|token| token.word == "please").count();
        let (colon, behind) = rest.get(polite..)?.split_first()?;
        // “one VM per line:”
        let below = usize::from(owner.word == "line");
        let breaks = behind.iter().take_while(|token| token.kind == TokenKind::Break).count();
        let names = colon.kind == TokenKind::Mark(':') && breaks == below && behind.get(breaks).is_some_and(is_new);
        (fits && names).then_some(kind)
    };
    let Some((at, kind)) = (0..tokens.len()).find_map(|at| Some((at, says(at)?))) else { return tokens };
    let noun = Token { word: kind.into(), ..tokens[at + 1].clone() };
    [&tokens[..at], &[noun], &tokens[at + 4..]].concat()
}

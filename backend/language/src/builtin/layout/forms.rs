//! Forms as they are typed or pasted: keys and values without a mark between them, in braces, or under words that say no more than
//! that they are wished. Each becomes the pairs it stands for.

use std::ops::Range;

use compact_str::CompactString;

use crate::builtin::said::fields;
use crate::lexer::{Token, TokenKind};
use crate::vocabulary;

use super::mark;
use super::tickets::NOW;

/// Keys beside the fields of a guest.
const KEYS: [&str; 8] = ["name", "hostname", "type", "kind", "node", "os", "image", "template"];

/// Words before a key that say no more than that it is wished.
const WISHED: [&str; 4] = ["requested", "desired", "wanted", "proposed"];

/// The fewest lines of a form without marks: two words in a row may be anything.
const MIN_PAIRS: usize = 3;

/// Writes out the forms among `tokens`. `known` are the names of guests.
pub fn write_out(mut tokens: Vec<Token>, known: impl Fn(&str) -> bool) -> Vec<Token> {
    bare_braces(&mut tokens);
    list_tags(&mut tokens, known);
    bare_keys(&mut tokens);
    name_images(&mut tokens);
    mark_pairs(&tokens)
}

fn lines(tokens: &[Token]) -> Vec<Range<usize>> {
    let mut start = 0;
    let ends = (0..=tokens.len()).filter(|at| tokens.get(*at).is_none_or(|token| token.kind == TokenKind::Break));
    ends.map(|end| std::mem::replace(&mut start, end + 1)..end).collect()
}

fn is_sign(token: &Token) -> bool {
    matches!(token.kind, TokenKind::Mark(':' | '='))
}

/// How many words a key is that a line begins with.
fn key(line: &[Token]) -> Option<usize> {
    let word = |at: usize| line.get(at).map_or("", |token| token.word.as_str());
    if KEYS.contains(&word(0)) { Some(1) } else { fields::field(word).map(|(length, _)| length) }
}

/// “- {name: a-1, cores: 2}”, without the braces.
fn bare_braces(tokens: &mut Vec<Token>) {
    for line in lines(tokens).into_iter().rev() {
        let [bullet, open, inside @ .., close] = &tokens[line.clone()] else { continue };
        let brace = |token: &Token, mark: char| token.kind == TokenKind::Mark(mark);
        let wrapped = brace(bullet, '•') && brace(open, '(') && brace(close, ')');
        let alone = !inside.iter().any(|token| brace(token, '(') || brace(token, ')'));
        let paired = key(inside).is_some_and(|length| inside.get(length).is_some_and(is_sign));
        if wrapped && alone && paired {
            tokens.remove(line.end - 1);
            tokens.remove(line.start + 1);
        }
    }
}

/// Makes a list of “tags: a; b”, where no word between its semicolons can be anything else, such as a guest
/// that is `known`, and the line ends behind them.
fn list_tags(tokens: &mut [Token], known: impl Fn(&str) -> bool) {
    let mut at = 0;
    while at + 2 < tokens.len() {
        let keyed = matches!(tokens[at].word.as_str(), "tags" | "tag")
            && matches!(tokens[at + 1].kind, TokenKind::Mark(':' | '='));
        at += 1;
        if !keyed {
            continue;
        }
        let first = at + 1;
        let free = |token: &Token| {
            token.kind == TokenKind::Word && vocabulary::class(&token.word).is_none() && !known(&token.text)
        };
        let parts = tokens[first..].chunks(2);
        let listed = parts.take_while(|part| {
            part.first().is_some_and(free) && part.get(1).is_some_and(|next| next.kind == TokenKind::Mark(';'))
        });
        let last = first + 2 * listed.count();
        let ends = tokens.get(last).is_some_and(free)
            && tokens
                .get(last + 1)
                .is_none_or(|next| matches!(next.kind, TokenKind::Break | TokenKind::Mark('.' | '!')));
        if ends {
            for semicolon in tokens[first..last].iter_mut().skip(1).step_by(2) {
                semicolon.kind = TokenKind::Mark(',');
                semicolon.text = CompactString::const_new(";");
            }
        }
        at = first;
    }
}

/// “Requested cores: 2”, where nothing is said of what is there now: “cores: 2”.
fn bare_keys(tokens: &mut Vec<Token>) {
    let word =
        |tokens: &[Token], line: &Range<usize>| tokens.get(line.start).map_or("", |token| &*token.word).to_owned();
    let all = lines(tokens);
    if all.iter().any(|line| NOW.contains(&word(tokens, line).as_str())) {
        return;
    }
    for line in all.into_iter().rev() {
        let said = &tokens[line.clone()];
        let paired = |rest: &[Token]| key(rest).is_some_and(|length| rest.get(length).is_some_and(is_sign));
        if WISHED.contains(&word(tokens, &line).as_str()) && paired(&said[1..]) {
            tokens.remove(line.start);
        }
    }
}

/// “from: debian-12” in a line of its own, in a form that tells the kind: “image: debian-12”.
fn name_images(tokens: &mut [Token]) {
    let all = lines(tokens);
    let keyed = |tokens: &[Token], line: &Range<usize>, keys: &[&str]| {
        let pair = tokens.get(line.start..(line.start + 2).min(line.end)).unwrap_or_default();
        matches!(pair, [key, sign] if keys.contains(&key.word.as_str()) && is_sign(sign))
    };
    if all.iter().any(|line| keyed(tokens, line, &["type", "kind"])) {
        for line in all.iter().filter(|line| line.len() == 3) {
            if keyed(tokens, line, &["from"]) {
                tokens[line.start].word = "image".into();
            }
        }
    }
}

/// “Name a-1”, “Cores 4”, “RAM 4 GB”, a line each from the name on: with a colon behind each key.
fn mark_pairs(tokens: &[Token]) -> Vec<Token> {
    let all = lines(tokens);
    // Where the value of a line begins that is a key and its value without a mark.
    let value = |line: &Range<usize>| {
        let at = line.start + key(&tokens[line.clone()])?;
        let said = tokens.get(at).filter(|_| at < line.end)?;
        (said.is_content() && !tokens[line.clone()].iter().any(|token| is_sign(token) || token.ends_sentence()))
            .then_some(at)
    };
    let names = |line: &Range<usize>| {
        tokens[line.clone()].first().is_some_and(|first| matches!(first.word.as_str(), "name" | "hostname"))
            && line.len() == 2
    };
    let mut marked = Vec::new();
    let mut nth = 0;
    while nth < all.len() {
        let pairs: Vec<usize> = all[nth..].iter().map_while(value).collect();
        if pairs.len() >= MIN_PAIRS && names(&all[nth]) {
            nth += pairs.len();
            marked.extend(pairs);
        } else {
            nth += 1;
        }
    }
    let mut written = Vec::with_capacity(tokens.len() + marked.len());
    for (at, token) in tokens.iter().enumerate() {
        if marked.binary_search(&at).is_ok() {
            written.push(mark(TokenKind::Mark(':'), token));
        }
        written.push(token.clone());
    }
    written
}

//! Telegrams, and what stands elsewhere in an English sentence.

use super::{MOVING, guests, is};
use crate::lexer::{Token, TokenKind};
use crate::vocabulary;

/// “CPU-Typ von db-1 auf host”, “Nenn test-1 stage-1”, “…, heißt web-9”: what has its preposition in English, or none.
pub fn mend(sentence: &mut Vec<Token>, known: impl Fn(&str) -> bool) {
    /// The last words of fields whose values are words.
    const FIELDS: [&str; 15] = [
        "type",
        "bios",
        "display",
        "order",
        "server",
        "domain",
        "zone",
        "address",
        "gateway",
        "description",
        "cache",
        "bridge",
        "name",
        "vlan",
        "agent",
    ];
    let verb = sentence.iter().any(|token| MOVING.contains(&token.word.as_str()) || token.word == "create");
    let mut at = 0;
    while at < sentence.len() {
        let begins = |at: usize| {
            at == 0
                || matches!(sentence[at - 1].kind, TokenKind::Mark(':'))
                || is(sentence, at - 1, &["want", "like", "please"])
        };
        if is(sentence, at, &["on"]) && !verb {
            let field = (at.saturating_sub(6)..at).rfind(|at| is(sentence, *at, &FIELDS));
            let named = field.is_some_and(|field| {
                field + 1 == at
                    || is(sentence, field + 1, &["of"]) && guests(sentence, field + 2, &known) == Some(at)
                    || is(sentence, field + 1, &["of"]) && is(sentence, field + 2, &["the"]) && field + 6 > at
            });
            let first = field.and_then(|field| (field.saturating_sub(3)..=field).find(|at| begins(*at)));
            if named && first.is_some() {
                sentence[at].word = "to".into();
            }
        }
        if is(sentence, at, &["rename"])
            && let Some(end) = guests(sentence, at + 1, &known)
            && sentence.get(end).is_some_and(|next| {
                matches!(next.kind, TokenKind::Word | TokenKind::Quoted)
                    && next.word != "to"
                    && vocabulary::class(&next.word).is_none()
            })
        {
            let to = Token { word: "to".into(), ..sentence[at].clone() };
            sentence.insert(end, to);
        }
        // “… und gleich einschalten”
        let ends = sentence.get(at + 2).is_none_or(|next| !next.is_content());
        if is(sentence, at, &["switch"]) && is(sentence, at + 1, &["on"]) && ends {
            sentence[at].word = "start".into();
            sentence.remove(at + 1);
        }
        // “…, heißt web-9, …”
        if sentence[at].kind == TokenKind::Mark(',')
            && is(sentence, at + 1, &["is"])
            && is(sentence, at + 2, &["called"])
        {
            sentence.remove(at + 1);
        }
        // “mach die Platte um 18 GB größer”
        if is(sentence, at, &["larger", "smaller"])
            && let Some(make) = sentence[..at].iter().rposition(|token| token.word == "make")
            && sentence[make..at].iter().any(|token| token.word == "by")
        {
            let verb = if is(sentence, at, &["larger"]) { "increase" } else { "reduce" };
            sentence[make].word = verb.into();
            sentence.remove(at);
            continue;
        }
        at += 1;
    }
}

/// “Bitte vor dem Patchen einen Snapshot ziehen”: what it is done before stands at the end in English.
pub fn before_last(sentence: &mut [Token]) {
    // What was put into English as a remark is spelt as it was said.
    let Some(at) = sentence.iter().position(|token| token.text == "before") else { return };
    let length = if sentence.get(at + 1).is_some_and(|token| token.text == "the") { 3 } else { 2 };
    let ends = |token: &Token| matches!(token.kind, TokenKind::Mark(_) | TokenKind::Break);
    let end = (at..sentence.len()).find(|at| ends(&sentence[*at])).unwrap_or(sentence.len());
    if at > 0 && !ends(&sentence[at - 1]) && at + length < end {
        sentence[at..end].rotate_left(length);
    }
}

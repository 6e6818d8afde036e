//! Slips in keywords, never in names.

use super::{Token, TokenKind};
use crate::{quantity, vocabulary};

/// Words before a name, which is never taken for a misspelt keyword.
const NAMING: [&str; 12] =
    ["called", "named", "name", "hostname", "vm", "vms", "container", "containers", "tagged", "tag", "tags", "pool"];

/// Those behind which a word of thanks names nobody.
const NOUNS: [&str; 4] = ["vm", "vms", "container", "containers"];

/// Whether a sentence, a line or an item of a list begins behind `before`.
fn begins(before: Option<&Token>) -> bool {
    before.is_none_or(|token| token.ends_sentence() || matches!(token.kind, TokenKind::Mark('•' | ',' | ':')))
}

/// “Web-01 needs 4 cores”: a sentence begins with a capital letter, whatever it begins with. Only a guest that is called so
/// but for it is meant, and none that is called just so.
fn uncapitalized(token: &Token, known: impl Fn(&str) -> bool) -> Option<String> {
    let mut chars = token.text.chars();
    let first = chars.next().filter(|first| first.is_uppercase())?;
    let name: String = first.to_lowercase().chain(chars).collect();
    (!known(&token.text) && known(&name)).then_some(name)
}

/// The word for a digit where people rather write words: “all 3”, “the first 2”, “3 times”.
fn how_many(tokens: &[Token], at: usize) -> Option<&'static str> {
    const WORDS: [(&str, &str); 4] = [("2", "two"), ("3", "three"), ("4", "four"), ("5", "five")];
    let (_, word) = WORDS.into_iter().find(|(digit, _)| tokens[at].text == *digit)?;
    let word_at = |at: usize| tokens.get(at).map_or("", |token| token.word.as_str());
    let before = at.checked_sub(1).map_or("", word_at);
    let counts = matches!(before, "all" | "first" | "last") && !vocabulary::counts(word_at(at + 1));
    let those = word_at(at + 1) == "of" && word_at(at + 2) == "them";
    (counts || those || word_at(at + 1) == "times").then_some(word)
}

/// Mends obvious slips in keywords.
pub fn mend(tokens: &mut [Token], known: impl Fn(&str) -> bool) {
    for at in 0..tokens.len() {
        let before = at.checked_sub(1).map(|before| &tokens[before]);
        let names =
            before.is_some_and(|token| NAMING.contains(&token.word.as_str()) || token.kind == TokenKind::Mark('='));
        if begins(before)
            && tokens[at].kind == TokenKind::Word
            && let Some(name) = uncapitalized(&tokens[at], &known)
        {
            tokens[at].text = name.into();
            continue;
        }
        if let Some(number) = how_many(tokens, at) {
            (tokens[at].kind, tokens[at].word) = (TokenKind::Word, number.into());
            continue;
        }
        let token = &tokens[at];
        // “new vm pls: …”
        let polite = before.is_some_and(|noun| NOUNS.contains(&noun.word.as_str()))
            && matches!(vocabulary::alias(&token.word), Some("please" | "thanks"));
        // “a vm called a-1”, with a slip in the verb
        let calls = before.is_some_and(|noun| NOUNS.contains(&noun.word.as_str()))
            && matches!(vocabulary::mend(&token.word), Some("called" | "named"))
            && tokens.get(at + 1).is_some_and(|name| name.word.contains(|c: char| c == '-' || c.is_ascii_digit()));
        // “a vm with 4 cores”, with a slip in the preposition
        let with = before.is_some_and(|noun| NOUNS.contains(&noun.word.as_str()))
            && vocabulary::mend(&token.word) == Some("with")
            && tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Number);
        if token.kind != TokenKind::Word || names && !(polite || calls || with) || known(&token.text) {
            continue;
        }
        // “2 cors”, “10 GB dsk”
        let sized = before.is_some_and(|unit| quantity::unit(&unit.word).is_some());
        let counted = before.is_some_and(|number| number.kind == TokenKind::Number);
        if (sized || counted)
            && let Some(noun) = vocabulary::mend_noun(&token.word, sized)
        {
            tokens[at].word = noun.into();
            tokens[at].mended = true;
        } else if let Some(word) = vocabulary::alias(&token.word) {
            tokens[at].word = word.into();
        } else if let Some(keyword) = vocabulary::mend(&token.word) {
            // A misspelt “switch off” stops somebody.
            let stops = || {
                tokens[at..]
                    .iter()
                    .take_while(|next| !next.ends_sentence())
                    .any(|next| matches!(next.word.as_str(), "off" | "down"))
            };
            if matches!(keyword, "turn" | "switch") && stops() {
                continue;
            }
            tokens[at].word = keyword.into();
            tokens[at].mended = true;
        }
    }
}

//! Pronouns that say once more whom a sentence is about.

use super::{Index, Tongue};
use compact_str::CompactString;

use crate::lexer::{Token, TokenKind};

impl Tongue {
    /// “Dale a web-01 4 núcleos”: a pronoun that says what a noun says as well is none in English, nor the noun’s “a”.
    pub fn datives(&self, index: &Index, tokens: &mut Vec<Token>, words: &mut Vec<CompactString>) {
        let is = |word: &str, all: &[&str]| all.contains(&word);
        let mut at = 1;
        while at < words.len() {
            if is(&words[at], self.dative) {
                let ends = |next: &usize| {
                    matches!(tokens[*next].kind, TokenKind::Break | TokenKind::Mark(_))
                        || index
                            .get(words[*next].as_str())
                            .is_some_and(|phrases| phrases.iter().any(|phrase| phrase.verb))
                            && !is(&words[next - 1], &["el", "la", "un", "una"])
                };
                let end = (at + 1..words.len()).find(ends).unwrap_or(words.len());
                let whom = |next: &usize| {
                    is(&words[*next], &["a", "al"])
                        && tokens.get(next + 1).is_some_and(|token| token.kind != TokenKind::Number)
                };
                if (at + 1..end).any(|next| whom(&next)) {
                    tokens.remove(at);
                    words.remove(at);
                    continue;
                }
                // “A web-01 ponle un disco más”
                let begins =
                    |next: &usize| *next == 0 || matches!(tokens[next - 1].kind, TokenKind::Break | TokenKind::Mark(_));
                let start = (0..at).rev().find(begins).unwrap_or(0);
                if start + 2 < at && whom(&start) {
                    tokens.remove(at);
                    words.remove(at);
                    tokens[start..at].rotate_right(1);
                    words[start..at].rotate_right(1);
                    continue;
                }
            }
            at += 1;
        }
    }
}

//! Texts in lines and columns, before or instead of being read as sentences: lists under headings, rows, tables.

pub mod forms;
pub mod heads;
pub mod kinds;
pub mod lines;
pub mod naming;
pub mod passive;
pub mod rows;
pub mod sheet;
pub mod table;
pub mod tickets;

use crate::lexer::{Token, TokenKind};

/// A token for a mark that stands nowhere in the text, right before `next`.
fn mark(kind: TokenKind, next: &Token) -> Token {
    let span = mycopod_core::reading::Span { start: next.span.start, end: next.span.start };
    Token { kind, span, text: "".into(), word: "".into(), mended: false }
}

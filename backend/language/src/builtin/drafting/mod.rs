//! From what was read, phrase by phrase, to statements and questions.

pub mod describe;
pub mod draft;
pub mod edits;
mod placing;
pub mod settle;

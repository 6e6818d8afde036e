//! Texts in lines and columns, before or instead of being read as sentences: lists under headings, rows, tables.

pub mod lines;
pub mod rows;
pub mod sheet;
pub mod table;

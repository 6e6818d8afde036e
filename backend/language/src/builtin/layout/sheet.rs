//! Tables that the grammar cannot read row by row: with their heads in the first column, or with what is done to each guest in
//! one. Each is written out as the sentences it stands for.

use std::ops::Range;

use super::mark;
use super::tickets::key_of;
use crate::lexer::{Token, TokenKind};

/// Heads of a column of names, of one of what is done, and of a table that says a field and its value a line.
const NAMES: [&str; 10] =
    ["name", "hostname", "vm", "vms", "guest", "guests", "host", "server", "machine", "container"];
const DEEDS: [&str; 4] = ["action", "operation", "task", "todo"];
const FIELDS: [&str; 6] = ["field", "property", "attribute", "setting", "parameter", "spec"];

/// A line of a table: its cells, without those outside of its outer bars.
struct Row {
    cells: Vec<Range<usize>>,
}

impl Row {
    fn of(tokens: &[Token], line: Range<usize>, bar: char) -> Self {
        let is_bar = |at: &usize| tokens[*at].kind == TokenKind::Mark(bar);
        let mut cells = Vec::new();
        let mut start = line.start;
        for bar in line.clone().filter(is_bar).chain([line.end]) {
            cells.push(start..bar);
            start = bar + 1;
        }
        if cells.len() > 2 && cells.last().is_some_and(Range::is_empty) {
            cells.pop();
            if cells.first().is_some_and(Range::is_empty) {
                cells.remove(0);
            }
        }
        Self { cells }
    }

    /// Whether it only parts the heads from what is below them.
    fn rules(&self, tokens: &[Token]) -> bool {
        let rule = |token: &Token| token.text.chars().all(|c| matches!(c, '-' | '=' | ':' | '+' | '•' | '–' | '—'));
        self.cells.iter().all(|cell| tokens[cell.clone()].iter().all(rule))
    }

    /// The word of a cell that is nothing else; empty for any other.
    fn word<'t>(&self, tokens: &'t [Token], cell: usize) -> &'t str {
        let said = self.cells.get(cell).map_or(&[][..], |cell| &tokens[cell.clone()]);
        if let [one] = said { &one.word } else { "" }
    }
}

/// Writes out the tables among `tokens` that need it.
pub fn write_out(tokens: Vec<Token>, known: impl Fn(&str) -> bool) -> Vec<Token> {
    let heads_deeds = |token: &Token| DEEDS.contains(&token.word.as_str());
    if !tokens.iter().any(|token| token.kind == TokenKind::Mark('|') || heads_deeds(token)) {
        return tokens;
    }
    let mut written = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let (rows, mut end) = table(&tokens, at, '|');
        let listed = || {
            // `action,guest`
            let heads = Row::of(&tokens, at..line_end(&tokens, at), ',');
            names_and_deeds(&tokens, &heads)?;
            let (rows, end) = table(&tokens, at, ',');
            Some((by_deed(&tokens, &rows)?, end))
        };
        let sentences = by_deed(&tokens, &rows)
            .or_else(|| turned(&tokens, &rows, &known))
            .or_else(|| keyed(&tokens, &rows, &known))
            .or_else(|| {
                let (sentences, behind) = listed()?;
                end = behind;
                Some(sentences)
            });
        if let Some(sentences) = sentences {
            written.extend(sentences);
            at = end;
        } else {
            // A table that is read as it stands, or a line that is in none.
            let end = end.max((line_end(&tokens, at) + 1).min(tokens.len()));
            written.extend_from_slice(&tokens[at..end]);
            at = end;
        }
    }
    written
}

fn line_end(tokens: &[Token], at: usize) -> usize {
    tokens[at..].iter().position(|token| token.kind == TokenKind::Break).map_or(tokens.len(), |length| at + length)
}

/// The rows from `at` on of as many cells as the first, parted by `bar`, without those that only rule it, and where they end.
fn table(tokens: &[Token], at: usize, bar: char) -> (Vec<Row>, usize) {
    let (mut rows, mut start, mut width): (Vec<Row>, usize, usize) = (Vec::new(), at, 0);
    while start < tokens.len() {
        let end = line_end(tokens, start);
        let row = Row::of(tokens, start..end, bar);
        if row.cells.len() < 2 || width != 0 && row.cells.len() != width {
            break;
        }
        width = row.cells.len();
        if !row.rules(tokens) {
            rows.push(row);
        }
        start = end + 1;
    }
    (rows, start.min(tokens.len()))
}

/// Which of two columns has the names, where the other has what is done.
fn names_and_deeds(tokens: &[Token], heads: &Row) -> Option<usize> {
    let names = (0..2).find(|at| NAMES.contains(&heads.word(tokens, *at)))?;
    (heads.cells.len() == 2 && DEEDS.contains(&heads.word(tokens, 1 - names))).then_some(names)
}

/// “VM | Action” and below “test-1 | start”: each row as a sentence.
fn by_deed(tokens: &[Token], rows: &[Row]) -> Option<Vec<Token>> {
    let (heads, rows) = rows.split_first().filter(|(_, rows)| !rows.is_empty())?;
    let names = names_and_deeds(tokens, heads)?;
    let mut sentences = Vec::new();
    for row in rows {
        let (deed, name) = (&tokens[row.cells[1 - names].clone()], &tokens[row.cells[names].clone()]);
        let next = deed.first()?;
        sentences.extend(deed.iter().chain(name).cloned());
        sentences.push(mark(TokenKind::Break, next));
    }
    Some(sentences)
}

/// “web-01 | cores: 6 | memory: 12 GB”: a guest there is, and each value with its key.
fn keyed(tokens: &[Token], rows: &[Row], known: impl Fn(&str) -> bool) -> Option<Vec<Token>> {
    let mut sentences = Vec::new();
    (!rows.is_empty()).then_some(())?;
    for row in rows {
        let [name] = &tokens[row.cells[0].clone()] else { return None };
        known(&name.text).then_some(())?;
        sentences.push(name.clone());
        for (at, cell) in row.cells[1..].iter().enumerate() {
            let said = &tokens[cell.clone()];
            key_of(said)?;
            sentences.push(mark(TokenKind::Mark(if at == 0 { ':' } else { ',' }), &said[0]));
            sentences.extend_from_slice(said);
        }
        sentences.push(mark(TokenKind::Break, name));
    }
    Some(sentences)
}

/// A table whose first column has the heads, and each other one a guest.
fn turned(tokens: &[Token], rows: &[Row], known: impl Fn(&str) -> bool) -> Option<Vec<Token>> {
    let (first, rest) = rows.split_first()?;
    let titled =
        FIELDS.contains(&first.word(tokens, 0)) && matches!(first.word(tokens, 1), "value" | "values" | "setting");
    let rows = if titled { rest } else { rows };
    let head = |row: &Row| tokens[row.cells[0].clone()].first().map_or("", |token| token.word.as_str());
    let empty = |row: &Row| tokens[row.cells[0].clone()].iter().all(|token| !token.is_content());
    let names_at = rows.iter().position(|row| ["name", "hostname"].contains(&head(row)));
    let names_at = names_at.or_else(|| rows.first().filter(|row| empty(row)).map(|_| 0))?;
    let names = &rows[names_at];
    let others = rows.iter().enumerate().filter(|(at, _)| *at != names_at).map(|(_, row)| row);
    // What kind it is stands first, as the grammar has it.
    let (kinds, others): (Vec<&Row>, Vec<&Row>) = others.partition(|row| ["type", "kind"].contains(&head(row)));
    let has_kind = !kinds.is_empty();
    let fields = [kinds, others].concat();
    let guests: Vec<&[Token]> = names.cells[1..].iter().map(|cell| &tokens[cell.clone()]).collect();
    let all_known = guests.iter().all(|guest| matches!(guest, [name] if known(&name.text)));
    (fields.len() > 1 && (has_kind || all_known)).then_some(())?;
    let mut sentences = Vec::new();
    for (column, guest) in guests.iter().enumerate() {
        let [name] = guest else { return None };
        if !all_known {
            sentences.push(Token { word: "name".into(), kind: TokenKind::Word, ..mark(TokenKind::Break, name) });
            sentences.push(mark(TokenKind::Mark(':'), name));
        }
        sentences.push((*name).clone());
        for (at, row) in fields.iter().enumerate() {
            let (field, value) = (&tokens[row.cells[0].clone()], &tokens[row.cells[column + 1].clone()]);
            let parts = if all_known && at == 0 { ':' } else { ',' };
            sentences.push(mark(TokenKind::Mark(parts), field.first()?));
            sentences.extend_from_slice(field);
            sentences.push(mark(TokenKind::Mark(':'), value.first()?));
            sentences.extend_from_slice(value);
        }
        sentences.push(mark(TokenKind::Break, name));
    }
    Some(sentences)
}

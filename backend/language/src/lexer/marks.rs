//! What marks are where they stand: a bullet, a dash, an ornament, a quotation.

use super::{Lexer, TokenKind, is_apostrophe};

/// How far back brackets may have been opened that a number closes: “(cores 2, sockets 1)”.
const MAX_BRACKETED: usize = 24;

impl Lexer<'_> {
    /// Whether a dash, or two, stands alone.
    pub fn dashes(&self, at: usize) -> bool {
        self.is_space(at + 1) || self.char(at + 1) == Some('-') && self.is_space(at + 2)
    }

    /// Where a smile or another ornament ends that begins at `at` and says nothing.
    pub fn ornament(&self, at: usize) -> Option<usize> {
        if matches!(
            self.chars[at],
            '🙏' | '🙂'
                | '😀'
                | '😊'
                | '😉'
                | '😅'
                | '😄'
                | '😃'
                | '👋'
                | '👍'
                | '💪'
                | '🚀'
                | '🎉'
                | '✨'
                | '😁'
                | '😂'
                | '🙄'
                | '😬'
                | '🤞'
                | '🙌'
        ) {
            return Some(at + 1);
        }
        let smile = matches!(self.chars[at], ':' | ';') && matches!(self.char(at + 1), Some(')')) && at > 0;
        (smile && self.is_space(at - 1) && self.is_space(at + 2)).then_some(at + 2)
    }

    /// A `-`, `*`, `•`, `1.`, `1)` or `##` at the beginning of a line.
    pub fn bullet(&self, at: usize) -> Option<usize> {
        if !self.tokens.last().is_none_or(|token| token.kind == TokenKind::Break) {
            return None;
        }
        let hashes = self.chars[at..].iter().take(6).take_while(|c| **c == '#').count();
        if hashes > 0 {
            return self.is_space(at + hashes).then_some(at + hashes);
        }
        let digits = self.chars[at..].iter().take(3).take_while(|c| c.is_ascii_digit()).count();
        let mark = at + digits;
        let fits = match self.char(mark)? {
            '-' | '*' | '•' | '–' | '·' => digits == 0,
            // “+ 2 GB” is an amount.
            '+' => digits == 0 && !self.char(mark + 2).is_some_and(|c| c.is_ascii_digit()),
            '.' | ')' => digits > 0,
            _ => false,
        };
        (fits && self.is_space(mark + 1)).then_some(mark + 1)
    }

    /// “(b)” or “2)” before one of several wishes in a row.
    pub fn enumerator(&self, at: usize) -> Option<usize> {
        let open = usize::from(self.chars[at] == '(');
        let counts = match self.char(at + open)? {
            'a'..='h' => open == 1,
            '1'..='9' => open == 0,
            _ => false,
        };
        let end = at + open + 2;
        let apart = (at == 0 || self.is_space(at - 1)) && self.is_space(end);
        // Brackets that were opened before are closed by it.
        let closes =
            open == 0 && self.tokens.iter().rev().take(MAX_BRACKETED).any(|token| token.kind == TokenKind::Mark('('));
        (counts && apart && !closes && self.char(end - 1) == Some(')')).then_some(end)
    }

    /// Where the quotation that opens at `at` closes, on the same line.
    pub fn closing_quote(&mut self, at: usize) -> Option<usize> {
        let closing: &[char] = match self.chars[at] {
            '"' => &['"', '”'],
            '“' => &['”', '"'],
            '„' => &['“', '”'],
            '«' => &['»'],
            '`' => &['`'],
            '\'' => &['\''],
            '‘' => &['’'],
            _ => return None,
        };
        let mark = self.chars[at];
        if self.open.get(&mark).is_some_and(|end| at < *end) {
            return None;
        }
        let apostrophe = is_apostrophe(mark);
        let line = self.chars[at + 1..].iter().take_while(|c| **c != '\n').count();
        let inside = &self.chars[at + 1..at + 1 + line];
        let length = (0..inside.len()).find(|i| {
            // An apostrophe closes only where no word goes on: 'the host's name'.
            closing.contains(&inside[*i]) && !(apostrophe && inside.get(i + 1).is_some_and(|c| c.is_alphanumeric()))
        });
        let Some(length) = length else {
            // Looked for once a line, so that a row of marks takes no quadratic time.
            self.open.insert(mark, at + 1 + line);
            return None;
        };
        (length > 0).then_some(at + 1 + length)
    }
}

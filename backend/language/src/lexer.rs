//! Text → tokens with their places in code points. Nothing is dropped but white space.

mod amounts;
mod marks;
mod slips;

use std::collections::HashMap;
use std::ops::Range;

use compact_str::{CompactString, ToCompactString};
use mycopod_core::reading::{Fragment, Source, Span};

use crate::quantity;
use crate::tongue;
use crate::vocabulary;
use amounts::{amounts, are_amounts, spelled_cores};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// A word, a name, an address.
    Word,
    /// Digits, perhaps with a fraction.
    Number,
    /// A text between quotation marks, without them. It is data, never a keyword.
    Quoted,
    /// A punctuation mark; `•` for whatever begins an item of a list.
    Mark(char),
    /// The end of a line.
    Break,
}

/// A word, number, quotation or mark of the text.
#[derive(Clone, Debug)]
pub struct Token {
    /// What it is.
    pub kind: TokenKind,
    /// Where it stands, quotation marks included.
    pub span: Span,
    /// Verbatim, without quotation marks.
    pub text: CompactString,
    /// Of a word: in lower case, with an obvious slip in a keyword mended. Empty otherwise.
    pub word: CompactString,
    /// Whether such a slip was mended.
    pub mended: bool,
}

impl Token {
    /// Whether it says something that must be accounted for.
    pub const fn is_content(&self) -> bool {
        matches!(self.kind, TokenKind::Word | TokenKind::Number | TokenKind::Quoted)
    }

    /// The word cut in two behind so many characters; a hyphen between the two is none of either.
    pub fn parts(&self, end: usize) -> (Self, Self) {
        let cut = |from: usize, to: usize| {
            let text: CompactString = self.text.chars().take(to).skip(from).collect();
            let span = Span { start: self.span.start + from, end: self.span.start + to };
            Self { word: lower(&text), text, span, ..self.clone() }
        };
        let length = self.text.chars().count();
        let hyphen = usize::from(self.text.chars().nth(end) == Some('-'));
        (cut(0, end), cut(end + hyphen, length))
    }

    fn mark(mark: char, start: usize, end: usize) -> Self {
        let span = Span { start, end };
        Self { kind: TokenKind::Mark(mark), span, text: mark.to_compact_string(), word: "".into(), mended: false }
    }

    /// Whether it ends a sentence.
    pub const fn ends_sentence(&self) -> bool {
        matches!(self.kind, TokenKind::Break | TokenKind::Mark('.' | '!' | '?' | ';'))
    }
}

/// The code points of some of `all` tokens.
pub fn span(all: &[Token], tokens: &Range<usize>) -> Span {
    // Words put into English need not stand in the order in which they were said.
    let said = || all.get(tokens.clone()).into_iter().flatten();
    let at = all.get(tokens.start).map_or(0, |token| token.span.start);
    let start = said().map(|token| token.span.start).min().unwrap_or(at);
    Span { start, end: said().map(|token| token.span.end).max().unwrap_or(start) }
}

/// That some of `all` tokens say it; where a slip was mended in them, that it is inferred.
pub fn source(text: &str, all: &[Token], tokens: &Range<usize>) -> Source {
    let fragment = Fragment::at(span(all, tokens), text);
    match all[tokens.clone()].iter().find(|token| token.mended) {
        Some(slip) => Source::inferred(format!("“{}”, with “{}” read as “{}”", fragment.text, slip.text, slip.word)),
        None => Source::Said(fragment),
    }
}

/// A word in lower case, with the apostrophe that keyboards have.
pub fn lower(text: &str) -> CompactString {
    if text.is_ascii() {
        let mut lower = CompactString::new(text);
        lower.make_ascii_lowercase();
        return lower;
    }
    let lower = CompactString::from_str_to_lowercase(text);
    if lower.contains('’') { lower.replace('’', "'").into() } else { lower }
}

/// The content types after the colon of a Proxmox volume (`local:vztmpl/…`), which is one name.
const VOLUME_CONTENT: [&str; 5] = ["vztmpl/", "iso/", "backup/", "import/", "snippets/"];

/// The tokens of `text`. `known` are names that are never taken for a misspelt keyword.
pub fn lex(text: &str, known: impl Fn(&str) -> bool) -> Vec<Token> {
    let chars: Vec<char> = text.chars().collect();
    let mut lexer = Lexer { chars: &chars, tokens: Vec::new(), open: HashMap::new() };
    let mut at = 0;
    while at < chars.len() {
        at = lexer.next(at);
    }
    let mut tokens = lexer.tokens;
    tongue::translate(&mut tokens, &known);
    slips::mend(&mut tokens, &known);
    tokens
}

/// The word of a plus sign before a number, which makes it an amount that comes on top.
pub const MORE: &str = "+more";

/// The word of a minus sign before a number behind a colon.
const LESS: &str = "minus";

/// Words that are cut short, with a dot behind them.
const ABBREVIATED: [&str; 3] = ["incl", "Incl", "approx"];

/// From so many on, dots in a row lead to a value, and dashes are a line.
const LEADERS: usize = 4;

/// The longest IPv6 address with its prefix.
const MAX_ADDRESS: usize = 43;

struct Lexer<'a> {
    chars: &'a [char],
    tokens: Vec<Token>,
    /// Up to where a quotation that opens with this mark is known not to close.
    open: HashMap<char, usize>,
}

impl Lexer<'_> {
    /// Whether a number, perhaps with its unit, is quoted as the value of a key: `memory = "8 GB"`.
    fn is_amount(&self, start: usize, end: usize) -> bool {
        const COUNTED: [&str; 14] = [
            "memory", "ram", "mem", "disk", "disks", "size", "cores", "cpu", "cpus", "vcpus", "sockets", "swap",
            "rootfs", "balloon",
        ];
        let [.., key, sign] = self.tokens.as_slice() else { return false };
        if !matches!(sign.kind, TokenKind::Mark('=' | ':')) || !COUNTED.contains(&key.word.as_str()) {
            return false;
        }
        let said = self.text(start, end);
        let digits = said.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | ','));
        let unit = digits.trim().to_lowercase();
        quantity::is_number(&said[..said.len() - digits.len()]) && (unit.is_empty() || quantity::unit(&unit).is_some())
    }

    /// Lexes what begins at `at`; returns where the next begins.
    fn next(&mut self, at: usize) -> usize {
        let c = self.chars[at];
        if c == '\n' {
            self.push(TokenKind::Break, at, at + 1);
        } else if c.is_whitespace() {
        } else if let Some(end) = self.bullet(at) {
            self.push(TokenKind::Mark('•'), at, end);
            return end;
        } else if let Some(close) = self.closing_quote(at) {
            if self.is_amount(at + 1, close) {
                let mut at = at + 1;
                while at < close {
                    at = self.next(at);
                }
            } else {
                self.quoted(at, close);
            }
            return close + 1;
        } else if c == ';' && at > 0 && !self.is_space(at - 1) && !self.is_space(at + 1) {
            // “tags=a;b” is a list; a sentence ends with a space behind its mark.
            self.tokens.push(Token { text: c.to_compact_string(), ..Token::mark(',', at, at + 1) });
        } else if is_arrow(c) {
            self.tokens.push(Token { kind: TokenKind::Word, word: "→".into(), ..Token::mark(c, at, at + 1) });
            // What makes a picture of the arrow.
            return at + 1 + usize::from(self.char(at + 1) == Some('\u{fe0f}'));
        } else if c == '-' && self.char(at + 1) == Some('-') && self.is_option(at + 2) {
            // `--cores 4`
            self.push(TokenKind::Mark('–'), at, at + 2);
            return at + 2;
        } else if c == '-' && at > 0 && self.is_space(at - 1) && self.dashes(at) {
            // “web-01 - 4 cores”
            let end = at + if self.char(at + 1) == Some('-') { 2 } else { 1 };
            self.tokens.push(Token::mark('–', at, end));
            return end;
        } else if let Some(end) = self.ornament(at) {
            return end;
        } else if let Some(end) = self.enumerator(at) {
            self.push(TokenKind::Mark('•'), at, end);
            return end;
        } else if matches!(c, '=' | '-') && self.char(at + 1) == Some('>') {
            self.push(TokenKind::Word, at, at + 2);
            return at + 2;
        } else if c == '*' && self.char(at + 1) == Some('*') {
            // “**VM a-1**”: how it is set says nothing.
            return at + 2;
        } else if matches!(c, '{' | '[') {
            // `vm a { cores = 2 }`; within a word they are a range.
            self.tokens.push(Token::mark('(', at, at + 1));
        } else if matches!(c, '}' | ']') {
            self.tokens.push(Token::mark(')', at, at + 1));
        } else if let Some(end) = self.url_in_brackets(at) {
            self.tokens.push(Token {
                kind: TokenKind::Word,
                span: Span { start: at, end },
                text: self.text(at + 1, end - 1),
                word: lower(&self.text(at + 1, end - 1)),
                mended: false,
            });
            return end;
        } else if c == '+'
            && self.char(at + 1).is_some_and(|c| c.is_ascii_digit())
            && (at == 0 || !self.chars[at - 1].is_alphanumeric())
        {
            // “+4 GB”
            self.tokens.push(Token { kind: TokenKind::Word, word: MORE.into(), ..Token::mark('+', at, at + 1) });
        } else if c == '-'
            && self.char(at + 1).is_some_and(|c| c.is_ascii_digit())
            && at > 0
            && self.is_space(at - 1)
            && self.tokens.last().is_some_and(|token| token.kind == TokenKind::Mark(':'))
        {
            // “web-01: -1 core”
            self.tokens.push(Token { kind: TokenKind::Word, word: LESS.into(), ..Token::mark('-', at, at + 1) });
        } else if is_mark(c) || is_quote(c) || is_apostrophe(c) {
            self.push(TokenKind::Mark(c), at, at + 1);
        } else {
            return self.chunk(at);
        }
        at + 1
    }

    fn char(&self, at: usize) -> Option<char> {
        self.chars.get(at).copied()
    }

    fn is_space(&self, at: usize) -> bool {
        self.char(at).is_none_or(char::is_whitespace)
    }

    /// Whether a word begins at `at` as behind the dashes of an option.
    fn is_option(&self, at: usize) -> bool {
        self.char(at).is_some_and(|c| c.is_ascii_lowercase()) && (at < 3 || self.is_space(at - 3))
    }

    fn text(&self, start: usize, end: usize) -> CompactString {
        self.chars[start..end].iter().collect()
    }

    fn push(&mut self, kind: TokenKind, start: usize, end: usize) {
        let text = self.text(start, end);
        let word = if kind == TokenKind::Word { lower(&text) } else { "".into() };
        self.tokens.push(Token { kind, span: Span { start, end }, text, word, mended: false });
    }

    /// Where `<https://…>` ends that begins at `at`.
    fn url_in_brackets(&self, at: usize) -> Option<usize> {
        let end = (self.chars[at] == '<').then(|| self.url(at + 1))??;
        (self.char(end) == Some('>')).then_some(end + 1)
    }

    fn quoted(&mut self, open: usize, close: usize) {
        // `disk: "20G"`
        let value = self.chars[open] == '`'
            || matches!(self.tokens.last(), Some(Token { kind: TokenKind::Mark(':' | '='), .. }));
        if value && let Some(cuts) = amounts(&self.chars[open + 1..close]) {
            for (from, to, kind) in cuts {
                self.push(kind, open + 1 + from, open + 1 + to);
            }
            return;
        }
        let (span, inside) = (Span { start: open, end: close + 1 }, self.text(open + 1, close));
        // “« … »” is how French sets it.
        let text = if self.chars[open] == '«' { inside.trim().into() } else { inside };
        self.tokens.push(Token { kind: TokenKind::Quoted, span, text, word: "".into(), mended: false });
    }

    /// A run of characters between white space and marks, cut into its words and numbers.
    fn chunk(&mut self, start: usize) -> usize {
        if let Some(end) = self.address(start).or_else(|| self.url(start)) {
            self.push(TokenKind::Word, start, end);
            return end;
        }
        let (mut end, mut brackets) = (start, 0_usize);
        while let Some(c) = self.char(end) {
            match c {
                '{' | '[' => brackets += 1,
                '}' | ']' if brackets == 0 => break,
                '}' | ']' => brackets -= 1,
                _ => {}
            }
            let digit_before = end > start && self.chars[end - 1].is_ascii_digit();
            let digit_after = self.char(end + 1).is_some_and(|c| c.is_ascii_digit());
            let inside = match c {
                ',' => digit_before && digit_after,
                ':' => VOLUME_CONTENT
                    .iter()
                    .any(|content| self.chars[end + 1..].iter().copied().take(content.len()).eq(content.chars())),
                '*' if self.char(end + 1) == Some('*') => false,
                '-' if self.char(end + 1) == Some('>') => false,
                c if is_arrow(c) => false,
                _ => !c.is_whitespace() && !is_mark(c) && !is_quote(c),
            };
            if !inside {
                break;
            }
            end += 1;
        }
        // `web-01,4,8GB` is a line of a table, `1,024` a number and `1.1.1.1,9.9.9.9` a list.
        let cell = self.chars[start].is_alphabetic() || start > 0 && self.chars[start - 1] == ',';
        let cells = cell && !self.chars[start..end].iter().any(|c| matches!(c, '{' | '['));
        if cells && let Some(comma) = self.chars[start..end].iter().position(|c| *c == ',') {
            end = start + comma;
        }
        let stop = end;
        // “incl. its disks”: what is cut short ends no sentence.
        if end > start && self.chars[end - 1] == '.' && ABBREVIATED.contains(&self.text(start, end - 1).as_str()) {
            self.push(TokenKind::Word, start, end - 1);
            return stop;
        }
        while end > start && (self.chars[end - 1] == '.' || is_apostrophe(self.chars[end - 1])) {
            end -= 1;
        }
        if end == start && stop - start > 1 && self.chars[start..stop].iter().all(|c| *c == '.') {
            // “web-1 .. web-3”, and “name ........ web-1”
            let leads = stop - start >= LEADERS && (start == 0 || self.is_space(start - 1)) && self.is_space(stop);
            self.tokens.push(Token::mark(if leads { ':' } else { '…' }, start, stop));
            return stop;
        }
        let rules = |c: &char| matches!(c, '-' | '_' | '~' | '*' | '#');
        if end - start >= LEADERS && self.chars[start..end].iter().all(rules) {
            // A line between parts of the text.
            self.push(TokenKind::Mark('—'), start, end);
        } else if self.chars[start..end] == ['/'] {
            self.push(TokenKind::Mark('/'), start, end);
        } else if end > start {
            self.words(start, end);
        }
        for at in end..stop {
            self.push(TokenKind::Mark(self.chars[at]), at, at + 1);
        }
        stop
    }

    /// Where a web address ends that begins at `start`; what ends a sentence behind it is none of it.
    fn url(&self, start: usize) -> Option<usize> {
        let begins = |scheme: &str| self.chars[start..].iter().copied().take(scheme.len()).eq(scheme.chars());
        ["https://", "http://"].into_iter().any(begins).then_some(())?;
        let goes_on = |c: &&char| !c.is_whitespace() && !is_quote(**c) && !matches!(c, '<' | '>');
        let length = self.chars[start..].iter().take_while(goes_on).count();
        let tail = self.chars[start..start + length].iter().rev().take_while(|c| ".,;:!?)".contains(**c)).count();
        Some(start + length - tail)
    }

    /// Where a MAC or IPv6 address ends that begins at `start`: the colons in it part nothing.
    fn address(&self, start: usize) -> Option<usize> {
        let length = self.chars[start..]
            .iter()
            .take(MAX_ADDRESS)
            .take_while(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '/'))
            .count();
        let whole = |end: usize| self.char(end).is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '-' | '_'));
        // “fd00::1: …” ends before its last colon.
        [length, length.saturating_sub(1)].into_iter().map(|length| start + length).find(|end| {
            let text = self.text(start, *end);
            let (address, prefix) = text.split_once('/').unwrap_or((&text, "0"));
            let digits = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit());
            whole(*end) && digits && (is_mac(address) || address.parse::<std::net::Ipv6Addr>().is_ok())
        })
    }

    /// `2C/4G/40G` is three amounts, `8GB` a number and a unit, `web-1's` a name and an `'s`.
    fn words(&mut self, start: usize, end: usize) {
        if end - start > 2 && self.chars[end - 1] == 's' && is_apostrophe(self.chars[end - 2]) {
            self.words(start, end - 2);
            // “2 cpu's”, “4 gb's of ram”
            match self.tokens.last_mut().filter(|last| vocabulary::counts(&last.word)) {
                Some(last) => last.span.end = end,
                None => self.push(TokenKind::Word, end - 2, end),
            }
            return;
        }
        let chunk = &self.chars[start..end];
        let parts: Vec<&[char]> = chunk.split(|c| *c == '/').collect();
        if parts.len() > 1 && are_amounts(&parts) {
            let mut at = start;
            for (n, part) in parts.iter().enumerate() {
                if n > 0 {
                    self.push(TokenKind::Mark('/'), at, at + 1);
                    at += 1;
                }
                self.words(at, at + part.len());
                at += part.len();
            }
            return;
        }
        let Some(cuts) = amounts(chunk) else {
            // “quad-core”, “four-core”
            let core = chunk
                .iter()
                .rposition(|c| *c == '-')
                .filter(|at| *at > 0 && spelled_cores(&chunk[..*at], &chunk[*at + 1..]));
            match core {
                Some(hyphen) => {
                    self.push(TokenKind::Word, start, start + hyphen);
                    self.push(TokenKind::Word, start + hyphen + 1, end);
                }
                None => self.push(TokenKind::Word, start, end),
            }
            return;
        };
        for (from, to, kind) in cuts {
            self.push(kind, start + from, start + to);
        }
    }
}

/// Six pairs of hexadecimal digits.
fn is_mac(text: &str) -> bool {
    let pairs = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
    text.split(':').count() == 6 && text.split(':').all(pairs)
}

const fn is_mark(c: char) -> bool {
    matches!(c, ',' | ';' | '(' | ')' | '=' | '!' | '?' | '¡' | '¿' | ':' | '|' | '–' | '—' | '…')
}

const fn is_arrow(c: char) -> bool {
    matches!(c, '→' | '➡' | '👉' | '⇒' | '➜' | '⟶' | '►' | '▶')
}

const fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '‘' | '’')
}

const fn is_quote(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '«' | '»' | '`')
}

#[cfg(test)]
mod tests {
    use compact_str::CompactString;

    use super::{TokenKind, lex};

    fn cut(text: &str) -> Vec<CompactString> {
        lex(text, |_| false).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn amounts_are_cut_from_their_units_and_names_are_not() {
        assert_eq!(cut("t-3 2C/4G/40G vmbr1.20"), ["t-3", "2", "C", "/", "4", "G", "/", "40", "G", "vmbr1.20"]);
        assert_eq!(
            cut("2x50GB 4-core 3com-srv 10.1.2.3/24"),
            ["2", "x", "50", "GB", "4", "core", "3com-srv", "10.1.2.3/24"]
        );
        assert_eq!(
            cut("web-02's disk. 1.5 TB, 1,024 MB"),
            ["web-02", "'s", "disk", ".", "1.5", "TB", ",", "1,024", "MB"]
        );
    }

    #[test]
    fn quotations_are_one_token_and_apostrophes_open_none() {
        assert_eq!(cut("note \"delete it, now\" don't"), ["note", "delete it, now", "don't"]);
        assert_eq!(lex("'a b'", |_| false)[0].kind, TokenKind::Quoted);
        assert_eq!(cut("“open"), ["“", "open"]);
    }

    #[test]
    fn spans_are_code_points() {
        let text = "grün 8 GB";
        let token = &lex(text, |_| false)[2];
        assert_eq!(token.span.of(text), "GB");
        assert_eq!(token.span.start, 7);
    }

    #[test]
    fn bullets_begin_lines_only() {
        let marks = |text| lex(text, |_| false).iter().filter(|t| t.kind == TokenKind::Mark('•')).count();
        assert_eq!(marks("- a\n* b\n1. c\n2) d"), 4);
        assert_eq!(marks("a - b"), 0);
    }

    #[test]
    fn addresses_are_one_word_with_their_colons() {
        assert_eq!(
            cut("mac bc:24:11:00:00:01, ip6:fd00::5/64 via fe80::1. ab:12"),
            ["mac", "bc:24:11:00:00:01", ",", "ip6", ":", "fd00::5/64", "via", "fe80::1", ".", "ab", ":", "12"]
        );
    }

    #[test]
    fn volumes_are_one_name() {
        assert_eq!(
            cut("local:vztmpl/debian-12.tar.zst cores:2"),
            ["local:vztmpl/debian-12.tar.zst", "cores", ":", "2"]
        );
    }
}

//! Lists under a heading: “Reboot:” with a guest a line, `web-01:` with its values below, and `name:`, `type:` and the rest of
//! a new guest a line each. Each becomes the sentences it stands for, which the grammar reads as any other.

use std::ops::Range;

use crate::lexer::{Token, TokenKind};

use super::heads::{of_a_group, of_the_new, of_them_all, without_numbers};
use super::mark;
use super::tickets::{CHANGES, NEW, key, one_line, one_sentence_of_pairs, pairs, renamed, ticket};
use crate::builtin::said::fields;

/// Verbs that are said once for everything listed below them.
const VERBS: [&str; 30] = [
    "add",
    "fire up",
    "bring up",
    "spin up",
    "boot up",
    "power up",
    "power down",
    "bounce",
    "pause",
    "start",
    "stop",
    "boot",
    "reboot",
    "restart",
    "delete",
    "remove",
    "destroy",
    "protect",
    "unprotect",
    "suspend",
    "resume",
    "shut down",
    "shutdown",
    "power on",
    "power off",
    "turn on",
    "turn off",
    "create",
    "snapshot",
    "back up",
];

/// Words around such a verb that say nothing more.
const AROUND: [&str; 8] = ["please", "to", "the", "following", "these", "now", "and", "thanks"];

/// Nouns behind such a verb, which stay.
const NOUNS: [&str; 8] = ["vm", "vms", "container", "containers", "guests", "machines", "servers", "cts"];

/// A line of the text.
pub struct Line {
    pub tokens: Range<usize>,
    /// How far it is set in.
    indent: usize,
    pub bullet: bool,
    /// Whether it is a heading: “## a-1”.
    hashed: bool,
    /// How many marks stand around it where it is one as files have it: `[a-1]`, `== a-1 ==`.
    boxed: usize,
}

/// Writes out what is said in lists. `known` are the names of guests.
pub fn write_out(mut tokens: Vec<Token>, known: impl Fn(&str) -> bool) -> Vec<Token> {
    one_sentence_of_pairs(&mut tokens);
    without_numbers(&mut tokens);
    if !tokens.iter().any(|token| token.kind == TokenKind::Break) {
        return one_line(&tokens, &known).unwrap_or(tokens);
    }
    let lines = lines(&tokens);
    let tokens = &tokens;
    let mut written = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < lines.len() {
        let head = &lines[at];
        let list = below(tokens, &lines, at);
        let said = &tokens[head.tokens.clone()];
        let pointed = head.bullet && lines[at + 1..list.end].iter().any(|line| line.bullet);
        let marks = head.boxed.max(usize::from(head.hashed || pointed));
        let said = &said[marks..said.len() - head.boxed];
        let colon = said.last().is_some_and(|last| last.kind == TokenKind::Mark(':'));
        let said = &said[..said.len() - usize::from(colon)];
        let verb = verb_of(said).filter(|_| lines[list.clone()].iter().all(|line| line.bullet));
        // “cores”, and below it a guest a point
        let field =
            names_a_field(said) && lines[list.clone()].iter().all(|line| line.bullet && is_about(tokens, line, &known));
        let points = &lines[list.clone()];
        let announces = colon || field || head.hashed || head.boxed > 0 || verb.is_some() || names_guests(said, &known);
        // “web-1” above “type: VM”, “set the following on web-01”
        let announces = announces
            || points.iter().all(|line| line.indent > head.indent) && describes(said, tokens, points)
            || points.iter().all(|line| line.bullet) && announced(said).is_some_and(|whom| names_guests(whom, &known));
        let titled = !said.is_empty() && announces && !list.is_empty();
        let end = if let Some(heading) = of_a_group(said, tokens, points, &known) {
            written.extend(heading);
            at + 1
        } else if of_the_new(said, tokens, points, &known) {
            at + 1
        } else if let Some(end) = one_by_points(tokens, &lines, at, &known) {
            joined(tokens, &lines, &(at..end).collect::<Vec<_>>(), &mut written);
            end
        } else if let Some(sentence) = of_them_all(said, tokens, points, &known) {
            written.extend(sentence);
            list.end
        } else if titled && let Some(verb) = verb {
            for line in &lines[list.clone()] {
                one_of_many(&verb, &tokens[line.tokens.clone()], &mut written);
            }
            list.end
        } else if titled && let Some(whom) = announced(said).filter(|whom| names_guests(whom, &known)) {
            written.extend_from_slice(whom);
            written.push(mark(TokenKind::Mark(':'), &tokens[lines[list.start].tokens.start]));
            joined(tokens, &lines, &list.clone().collect::<Vec<_>>(), &mut written);
            list.end
        } else if titled
            && (names_guests(changed(said), &known)
                || describes(said, tokens, &lines[list.clone()])
                || names_a_field(said)
                    && lines[list.clone()].iter().all(|line| is_about(tokens, line, &known) || is_amount(tokens, line)))
        {
            joined(tokens, &lines, &(at..list.end).collect::<Vec<_>>(), &mut written);
            list.end
        } else if let Some((end, guest)) = keyed_above(tokens, &lines, at, &known) {
            written.extend_from_slice(&tokens[guest]);
            written.push(mark(TokenKind::Mark(':'), &tokens[lines[at].tokens.start]));
            joined(tokens, &lines, &(at..end - 1).collect::<Vec<_>>(), &mut written);
            end
        } else if colon && let Some(end) = values_below(tokens, &lines, at, &known) {
            joined(tokens, &lines, &(at..end).collect::<Vec<_>>(), &mut written);
            end
        } else if let Some(end) = keyed_below(tokens, &lines, at, &known) {
            joined(tokens, &lines, &(at..end).collect::<Vec<_>>(), &mut written);
            end
        } else if let Some(change) = one_line(&tokens[head.tokens.clone()], &known) {
            written.extend(change);
            at + 1
        } else if let Some(change) = renamed(tokens, &lines, at) {
            written.extend(change);
            at + 2
        } else if let Some(end) = ticket(tokens, &lines, at, &known, &mut written) {
            end
        } else {
            let pairs = pairs(tokens, &lines, at);
            joined(tokens, &lines, &pairs, &mut written);
            at + pairs.len()
        };
        if let Some(line_end) = tokens.get(lines[end - 1].tokens.end) {
            written.push(line_end.clone());
        }
        at = end;
    }
    written
}

fn lines(tokens: &[Token]) -> Vec<Line> {
    let mut lines = Vec::new();
    let (mut start, mut margin) = (0, 0);
    for end in 0..=tokens.len() {
        if end < tokens.len() && tokens[end].kind != TokenKind::Break {
            continue;
        }
        let first = tokens[start..end].first();
        lines.push(Line {
            tokens: start..end,
            indent: first.map_or(0, |first| first.span.start.saturating_sub(margin)),
            bullet: first.is_some_and(|first| first.kind == TokenKind::Mark('•') && !first.text.starts_with('#')),
            hashed: first.is_some_and(|first| first.kind == TokenKind::Mark('•') && first.text.starts_with('#')),
            boxed: boxed(&tokens[start..end]),
        });
        (start, margin) = (end + 1, tokens.get(end).map_or(0, |line_end| line_end.span.end));
    }
    lines
}

/// How many marks stand before and behind one word.
fn boxed(said: &[Token]) -> usize {
    let marks = said.len() / 2;
    let (open, close) = match said.first().map(|first| first.kind) {
        Some(TokenKind::Mark('(')) if marks == 1 => ('(', ')'),
        Some(TokenKind::Mark('=')) => ('=', '='),
        _ => return 0,
    };
    let all = |tokens: &[Token], mark: char| tokens.iter().all(|token| token.kind == TokenKind::Mark(mark));
    let fits =
        said.len() % 2 == 1 && said[marks].is_content() && all(&said[..marks], open) && all(&said[marks + 1..], close);
    if fits { marks } else { 0 }
}

/// The lines of the list under line `head`: set in further than it, or the points of one. A blank line ends it.
fn below(tokens: &[Token], lines: &[Line], head: usize) -> Range<usize> {
    let first = head + 1;
    let goes_on = |line: &&Line| {
        if lines[head].boxed > 0 {
            return key(tokens, line).is_some();
        }
        !line.tokens.is_empty() && (line.indent > lines[head].indent || line.bullet && !lines[head].bullet)
    };
    first..first + lines[first..].iter().take_while(goes_on).count()
}

/// Where the values end that stand a line each, not set in, below a line that is nothing but a guest: “CT 109”, “web-01”.
fn keyed_below(tokens: &[Token], lines: &[Line], head: usize, known: impl Fn(&str) -> bool) -> Option<usize> {
    let guest = match &tokens[lines[head].tokens.clone()] {
        [name] => known(&name.text),
        [noun, name] => {
            ["vm", "ct", "container", "lxc", "guest", "server"].contains(&noun.word.as_str())
                && (known(&name.text) || name.kind == TokenKind::Number)
        }
        _ => false,
    };
    guest.then_some(())?;
    let value = |line: &&Line| {
        let word = |at: usize| tokens.get(line.tokens.start + at).map_or("", |token| token.word.as_str());
        !line.bullet && key(tokens, line).is_some_and(|key| !NEW.contains(&key)) && fields::field(word).is_some()
    };
    let end = head + 1 + lines[head + 1..].iter().take_while(value).count();
    (end > head + 1).then_some(end)
}

/// Where the points end that say of one new guest its kind, its name and the rest: “- new VM”, “- web-1”, “- 2 cores”.
fn one_by_points(tokens: &[Token], lines: &[Line], head: usize, known: impl Fn(&str) -> bool) -> Option<usize> {
    let is_kind = |token: &Token| ["vm", "container", "ct", "lxc"].contains(&token.word.as_str());
    let said = |line: &Line| &tokens[line.tokens.start + usize::from(line.bullet)..line.tokens.end];
    let [new, noun] = said(&lines[head]) else { return None };
    let [name] = said(lines.get(head + 1)?) else { return None };
    let built = name.text.contains(|c: char| c.is_ascii_digit() || c == '-') && !known(&name.text);
    (["new", "a", "one"].contains(&new.word.as_str()) && is_kind(noun) && built).then_some(())?;
    let goes_on = |line: &&Line| line.bullet && !said(line).iter().any(|token| is_kind(token) || known(&token.text));
    let count = lines[head + 1..].iter().take_while(goes_on).count();
    let ends = lines.get(head + 1 + count).is_none_or(|line| line.tokens.is_empty());
    (lines[head].bullet && count > 1 && ends).then_some(head + 1 + count)
}

/// Where the guests end that stand a line each, with their values, below the field that these are of: “Memory:”, “web-01 6 GB”.
fn values_below(tokens: &[Token], lines: &[Line], head: usize, known: impl Fn(&str) -> bool) -> Option<usize> {
    let said = &tokens[lines[head].tokens.clone()];
    names_a_field(&said[..said.len() - 1]).then_some(())?;
    let value = |line: &&Line| !line.bullet && line.tokens.len() > 1 && is_about(tokens, line, &known);
    let end = head + 1 + lines[head + 1..].iter().take_while(value).count();
    (end > head + 1).then_some(end)
}

/// Where values end that stand a line each above the guest that they are for: “RAM: 8 GB”, “→ web-01”; and where that guest is named.
fn keyed_above(
    tokens: &[Token],
    lines: &[Line],
    first: usize,
    known: impl Fn(&str) -> bool,
) -> Option<(usize, Range<usize>)> {
    let value = |line: &&Line| {
        let word = |at: usize| tokens.get(line.tokens.start + at).map_or("", |token| token.word.as_str());
        !line.bullet && key(tokens, line).is_some_and(|key| !NEW.contains(&key)) && fields::field(word).is_some()
    };
    let count = lines[first..].iter().take_while(value).count();
    let last = lines.get(first + count).filter(|_| count > 0)?;
    let [arrow, guest @ ..] = &tokens[last.tokens.clone()] else { return None };
    let leads = ["->", "→", "=>"].contains(&arrow.word.as_str());
    (leads && names_guests(guest, known)).then(|| (first + count + 1, last.tokens.start + 1..last.tokens.end))
}

/// The verb of a heading that is nothing else, with its noun.
fn verb_of(said: &[Token]) -> Option<Vec<Token>> {
    let kept: Vec<Token> = said.iter().filter(|token| !AROUND.contains(&token.word.as_str())).cloned().collect();
    let words: Vec<&str> = kept.iter().map(|token| token.word.as_str()).collect();
    let verb = VERBS.iter().find(|verb| {
        words.len() >= verb.split(' ').count()
            && verb.split(' ').eq(words.iter().copied().take(verb.split(' ').count()))
    })?;
    let noun = &words[verb.split(' ').count()..];
    // “Create the following VMs:” is read with its noun, for all that follows.
    let fits = noun.len() <= 1 && noun.iter().all(|noun| NOUNS.contains(noun) && *verb != "create");
    fits.then_some(kept)
}

/// A point of a list under a verb.
fn one_of_many(verb: &[Token], point: &[Token], written: &mut Vec<Token>) {
    let Some((bullet, said)) = point.split_first() else { return };
    if written.last().is_some_and(|last| last.kind != TokenKind::Break) {
        written.push(Token { kind: TokenKind::Break, ..bullet.clone() });
    }
    written.push(bullet.clone());
    written.extend(verb.iter().map(|token| Token { span: bullet.span, ..token.clone() }));
    written.extend_from_slice(said);
}

/// A heading without the verb of a change: “Change web-01”.
fn changed(said: &[Token]) -> &[Token] {
    let verb = said.first().is_some_and(|first| CHANGES.contains(&first.word.as_str()));
    &said[usize::from(verb)..]
}

/// The guests of a heading that announces changes: “Change request for web-01”.
fn announced(said: &[Token]) -> Option<&[Token]> {
    const WISHES: [&str; 7] = ["changes", "request", "requests", "wishes", "updates", "ticket", "settings"];
    let for_whom = said.iter().take(4).position(|token| ["for", "on", "to"].contains(&token.word.as_str()))?;
    let (wish, whom) = (&said[..for_whom], &said[for_whom + 1..]);
    let announces = |token: &Token| {
        let word = token.word.as_str();
        CHANGES.contains(&word) || WISHES.contains(&word) || ["the", "following", "these"].contains(&word)
    };
    (for_whom > 0 && wish.iter().all(announces)).then_some(whom)
}

/// Whether a heading is nothing but guests there are.
pub fn names_guests(said: &[Token], known: impl Fn(&str) -> bool) -> bool {
    let joins = |token: &Token| !token.is_content() || ["and", "&", "+"].contains(&token.word.as_str());
    said.iter().any(|token| known(&token.text)) && said.iter().all(|token| joins(token) || known(&token.text))
}

/// Whether a heading is nothing but the name of a field.
pub fn names_a_field(said: &[Token]) -> bool {
    let word = |at: usize| said.get(at).map_or("", |token| token.word.as_str());
    let disks = said.len() == 1 && ["disks", "drives", "volumes", "hdds"].contains(&word(0));
    disks || fields::field(word).is_some_and(|(length, _)| length == said.len())
}

/// Whether a line begins with a guest there is.
fn is_about(tokens: &[Token], line: &Line, known: impl Fn(&str) -> bool) -> bool {
    tokens[line.tokens.clone()].get(usize::from(line.bullet)).is_some_and(|first| known(&first.text))
}

/// Whether a point is an amount: “- 20 GB” below “Disks:”.
fn is_amount(tokens: &[Token], line: &Line) -> bool {
    line.bullet && tokens[line.tokens.clone()].get(1).is_some_and(|first| first.kind == TokenKind::Number)
}

/// Whether under a heading that is one word stands what kind of guest it is.
fn describes(said: &[Token], tokens: &[Token], list: &[Line]) -> bool {
    let one_word = said.len() == 1 && said[0].is_content();
    // “- VM”
    let kind = |line: &Line| {
        let said = &tokens[line.tokens.clone()];
        matches!(said, [.., noun] if said.len() == 1 + usize::from(line.bullet) && ["vm", "container", "ct", "lxc"].contains(&noun.word.as_str()))
    };
    one_word && list.iter().any(|line| key(tokens, line) == Some("type") || kind(line))
}

/// Lines as one sentence, with commas between them; none behind a heading.
fn joined(tokens: &[Token], lines: &[Line], of: &[usize], written: &mut Vec<Token>) {
    for (nth, at) in of.iter().enumerate() {
        let line = &lines[*at];
        let said = &tokens[line.tokens.clone()];
        let parts = nth > 0 && written.last().is_some_and(|last| last.kind != TokenKind::Mark(':'));
        if parts && let Some(near) = said.first().or_else(|| tokens.get(line.tokens.start)) {
            written.push(Token { kind: TokenKind::Mark(','), text: "".into(), word: "".into(), ..near.clone() });
        }
        let points = line.bullet
            && nth == 0
            && of[1..].iter().any(|other| lines[*other].bullet && lines[*other].indent > line.indent);
        let titles = (line.hashed || line.boxed > 0 || points) && of.len() > 1;
        let goes_on = written.last().is_some_and(|last| last.kind != TokenKind::Break);
        let marked = line.boxed.max(usize::from(titles || line.bullet && goes_on));
        written.extend_from_slice(&said[marked..said.len() - line.boxed]);
        // A heading announces as a colon does.
        let heads = titles || nth == 0 && !goes_on && of.len() > 1 && key(tokens, line).is_none();
        if heads && let Some(last) = said.last().filter(|last| last.kind != TokenKind::Mark(':')) {
            written.push(Token { text: ":".into(), ..mark(TokenKind::Mark(':'), last) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::write_out;
    use crate::lexer::{TokenKind, lex};

    fn written(text: &str) -> String {
        let tokens = write_out(lex(text, |_| false), |name| name.starts_with("web-"));
        let said = |token: &crate::lexer::Token| match token.kind {
            TokenKind::Break => "/".to_owned(),
            TokenKind::Mark(mark) => mark.to_string(),
            _ => token.text.to_string(),
        };
        tokens.iter().map(said).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn lists_become_the_sentences_they_stand_for() {
        for (text, meant) in [
            ("Reboot:\n- a\n- b\n\nthanks", "• Reboot a / • Reboot b / / thanks"),
            ("Please delete the following VMs:\n* a", "• delete VMs a"),
            ("web-01:\n  cores: 4\n  memory: 8G\nstop b", "web-01 : cores : 4 , memory : 8 G / stop b"),
            ("web-01:\n- 4 cores\n- 8 GB RAM", "web-01 : 4 cores , 8 GB RAM"),
            ("name: a\ntype: vm\ncores: 2\n\nstop b", "name : a , type : vm , cores : 2 / / stop b"),
            ("- name: a\n  kind: ct\n- name: b\n  kind: vm", "• name : a , kind : ct / • name : b , kind : vm"),
            ("a:\n  type: vm\n  cores: 2", "a : type : vm , cores : 2"),
            ("8 GB RAM:\n- web-1\n- web-2", "8 GB RAM : web-1 , web-2"),
            ("Workers (VMs):\n- a-1: 2 cores", "VMs : / • a-1 : 2 cores"),
            ("RAM:\nweb-1 8 GB\nweb-2 6 GB", "RAM : web-1 8 GB , web-2 6 GB"),
            ("- new VM\n- a-1\n- 2 cores", "• new VM : a-1 , 2 cores"),
        ] {
            assert_eq!(written(text), meant, "{text}");
        }
    }

    #[test]
    fn other_lines_stay() {
        for text in [
            "a\nb",
            "Create a VM:\nname: a\ncores: 2",
            "new VMs:\n- a: 2 cores",
            "delete a:\n- b",
            "a:\n  cores: 2",
            "VM 401\nName: a",
            "Cancelled (VMs):\n- a-1: 2 cores",
            "",
        ] {
            let plain = lex(text, |_| false);
            assert_eq!(write_out(plain.clone(), |_| false).len(), plain.len(), "{text}");
        }
    }
}

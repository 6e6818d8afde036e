//! Lists under a heading: “Reboot:” with a guest a line, `web-01:` with its values below, and `name:`, `type:` and the rest of
//! a new guest a line each. Each becomes the sentences it stands for, which the grammar reads as any other.

use std::ops::Range;

use crate::lexer::{Token, TokenKind};

use crate::builtin::said::fields;

/// Verbs that are said once for everything listed below them.
const VERBS: [&str; 29] = [
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
struct Line {
    tokens: Range<usize>,
    /// How far it is set in.
    indent: usize,
    bullet: bool,
    /// Whether it is a heading: “## a-1”.
    hashed: bool,
    /// Whether it is one as files have it: `[a-1]`.
    boxed: bool,
}

/// Writes out what is said in lists. `known` are the names of guests.
pub fn write_out(mut tokens: Vec<Token>, known: impl Fn(&str) -> bool) -> Vec<Token> {
    one_sentence_of_pairs(&mut tokens);
    if !tokens.iter().any(|token| token.kind == TokenKind::Break) {
        return tokens;
    }
    let lines = lines(&tokens);
    let tokens = &tokens;
    let mut written = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < lines.len() {
        let head = &lines[at];
        let list = below(tokens, &lines, at);
        let said = &tokens[head.tokens.clone()];
        let marks = usize::from(
            head.hashed || head.boxed || head.bullet && lines[at + 1..list.end].iter().any(|line| line.bullet),
        );
        let said = &said[marks..said.len() - usize::from(head.boxed)];
        let colon = said.last().is_some_and(|last| last.kind == TokenKind::Mark(':'));
        let said = &said[..said.len() - usize::from(colon)];
        let verb = verb_of(said).filter(|_| lines[list.clone()].iter().all(|line| line.bullet));
        let announces =
            colon || head.hashed || head.boxed || verb.is_some() || head.bullet && names_guests(said, &known);
        let titled = !said.is_empty() && announces && !list.is_empty();
        let end = if titled && let Some(verb) = verb {
            for line in &lines[list.clone()] {
                one_of_many(&verb, &tokens[line.tokens.clone()], &mut written);
            }
            list.end
        } else if titled
            && (names_guests(said, &known)
                || describes(said, tokens, &lines[list.clone()])
                || names_a_field(said) && lines[list.clone()].iter().all(|line| is_about(tokens, line, &known)))
        {
            joined(tokens, &lines, &(at..list.end).collect::<Vec<_>>(), &mut written);
            list.end
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
            boxed: matches!(&tokens[start..end], [open, name, close]
                if open.kind == TokenKind::Mark('(') && name.is_content() && close.kind == TokenKind::Mark(')')),
        });
        (start, margin) = (end + 1, tokens.get(end).map_or(0, |line_end| line_end.span.end));
    }
    lines
}

/// The lines of the list under line `head`: set in further than it, or the points of one. A blank line ends it.
fn below(tokens: &[Token], lines: &[Line], head: usize) -> Range<usize> {
    let first = head + 1;
    let goes_on = |line: &&Line| {
        if lines[head].boxed {
            return key(tokens, line).is_some();
        }
        !line.tokens.is_empty() && (line.indent > lines[head].indent || line.bullet && !lines[head].bullet)
    };
    first..first + lines[first..].iter().take_while(goes_on).count()
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

/// Whether a heading is nothing but guests there are.
fn names_guests(said: &[Token], known: impl Fn(&str) -> bool) -> bool {
    let joins = |token: &Token| !token.is_content() || ["and", "&", "+"].contains(&token.word.as_str());
    said.iter().any(|token| known(&token.text)) && said.iter().all(|token| joins(token) || known(&token.text))
}

/// Whether a heading is nothing but the name of a field.
fn names_a_field(said: &[Token]) -> bool {
    let word = |at: usize| said.get(at).map_or("", |token| token.word.as_str());
    fields::field(word).is_some_and(|(length, _)| length == said.len())
}

/// Whether a line begins with a guest there is.
fn is_about(tokens: &[Token], line: &Line, known: impl Fn(&str) -> bool) -> bool {
    tokens[line.tokens.clone()].get(usize::from(line.bullet)).is_some_and(|first| known(&first.text))
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

/// The key of a line that is a key and its value.
fn key<'t>(tokens: &'t [Token], line: &Line) -> Option<&'t str> {
    let said = &tokens[line.tokens.clone()];
    key_of(if line.bullet { &said[1..] } else { said })
}

/// Whether a mark stands between a key and its value.
fn assigns(token: &Token) -> bool {
    matches!(token.kind, TokenKind::Mark(':' | '=')) || ["->", "→", "=>"].contains(&token.word.as_str())
}

fn key_of(said: &[Token]) -> Option<&str> {
    let sign = said.iter().take(3).position(assigns)?;
    let key = said[..sign].first().map(|token| token.word.as_str())?;
    let kind = match &said[..sign] {
        [_] => ["kind", "create", "make"].contains(&key),
        // “Request type: new virtual machine”
        [_, last] => last.word == "type" && ["request", "guest", "instance", "server", "resource"].contains(&key),
        _ => false,
    };
    Some(if kind { "type" } else { key })
}

/// The tokens of a line behind its key.
fn value<'t>(tokens: &'t [Token], line: &Line) -> &'t [Token] {
    let said = &tokens[line.tokens.clone()];
    let sign = said.iter().position(assigns);
    sign.map_or(&[], |sign| &said[sign + 1..])
}

/// Keys of a ticket that say what is done, and to whom.
const DEEDS: [&str; 4] = ["action", "operation", "task", "change"];
const TARGETS: [&str; 10] =
    ["target", "targets", "guest", "vm", "container", "ct", "server", "machine", "host", "name"];
/// What such a ticket says that has values below.
const CHANGES: [&str; 8] = ["resize", "change", "update", "modify", "upgrade", "adjust", "scale", "set"];

/// The most lines of such a ticket.
const MAX_TICKET: usize = 16;

/// “Action: resize / Target: db-1 / CPU: 6”, and `VM: web-01` above its values: a guest there is, and what becomes of it.
/// Returns the line behind.
fn ticket(
    tokens: &[Token],
    lines: &[Line],
    first: usize,
    known: impl Fn(&str) -> bool,
    written: &mut Vec<Token>,
) -> Option<usize> {
    let count =
        lines[first..].iter().take(MAX_TICKET).take_while(|line| !line.bullet && key(tokens, line).is_some()).count();
    let (mut deed, mut target, mut rest) = (None, None, Vec::new());
    for line in &lines[first..first + count] {
        let (key, value) = (key(tokens, line)?, value(tokens, line));
        match (key, value) {
            (key, [verb]) if DEEDS.contains(&key) && deed.is_none() => deed = Some(verb),
            (key, names) if TARGETS.contains(&key) && names_guests(names, &known) && target.is_none() => {
                target = Some(names);
            }
            _ => rest.push(line),
        }
    }
    let target = target?;
    match deed.filter(|deed| !CHANGES.contains(&deed.word.as_str())) {
        Some(deed) => written.extend(std::iter::once(deed).chain(target).cloned()),
        None => written.extend_from_slice(target),
    }
    (deed.is_some() || !rest.is_empty()).then_some(())?;
    for (at, line) in rest.into_iter().enumerate() {
        let mark = if at == 0 && deed.is_none_or(|deed| CHANGES.contains(&deed.word.as_str())) { ':' } else { ',' };
        let said = &tokens[line.tokens.clone()];
        written.push(Token {
            kind: TokenKind::Mark(mark),
            text: String::new(),
            word: String::new(),
            ..said[0].clone()
        });
        written.extend_from_slice(said);
    }
    Some(first + count)
}

/// `name=a; type=vm; cores=2` and “Type: VM. Name: a. Cores: 2.”: where every part is a key and its value, they are one sentence.
fn one_sentence_of_pairs(tokens: &mut [Token]) {
    let mut start = 0;
    while start < tokens.len() {
        let length = tokens[start..].iter().position(|token| token.kind == TokenKind::Break);
        let end = length.map_or(tokens.len(), |length| start + length);
        let ends = |token: &Token| matches!(token.kind, TokenKind::Mark(';' | '.'));
        let parts: Vec<&[Token]> = tokens[start..end].split(ends).filter(|part| !part.is_empty()).collect();
        let keys: Vec<&str> = parts.iter().filter_map(|part| key_of(part)).collect();
        let whole = parts.len() > 1 && keys.len() == parts.len();
        if whole && keys.contains(&"type") && keys.iter().any(|key| matches!(*key, "name" | "hostname")) {
            for token in tokens[start..end].iter_mut().filter(|token| ends(token)) {
                token.kind = TokenKind::Mark(',');
            }
        }
        start = end + 1;
    }
}

/// Words that end what says of what kind a new guest is.
const KINDS: [&str; 6] = ["vm", "machine", "container", "ct", "lxc", "qemu"];

/// The most lines of one guest.
const MAX_PAIRS: usize = 32;

/// The lines from `first` on that are the keys and values of one guest, its name and kind among them, which come first;
/// `first` alone where they are not.
fn pairs(tokens: &[Token], lines: &[Line], first: usize) -> Vec<usize> {
    let is_name = |at: &usize| matches!(key(tokens, &lines[*at]), Some("name" | "hostname"));
    let is_kind = |at: &usize| {
        let kind = value(tokens, &lines[*at]).last().is_some_and(|kind| KINDS.contains(&kind.word.as_str()));
        kind && key(tokens, &lines[*at]) == Some("type")
    };
    // “- name: a”, and its type a point below
    let pointed = lines.get(first + 1).is_some_and(|line| line.bullet) && lines[first].bullet;
    let alike = |at: &usize| lines[*at].bullet == pointed && key(tokens, &lines[*at]).is_some();
    if !alike(&first) && !is_name(&first) {
        return vec![first];
    }
    let more = (first + 1..lines.len()).take(MAX_PAIRS).take_while(alike);
    let mut of: Vec<usize> = std::iter::once(first).chain(more).collect();
    // The next name begins another guest.
    let next = of.iter().enumerate().filter(|(_, at)| is_name(at)).map(|(nth, _)| nth).nth(1);
    of.truncate(next.unwrap_or(of.len()));
    if !of.iter().any(is_name) || !of.iter().any(is_kind) {
        return vec![first];
    }
    of.sort_by_key(|at| !is_name(at) && !is_kind(at));
    of
}

/// Lines as one sentence, with commas between them; none behind a heading.
fn joined(tokens: &[Token], lines: &[Line], of: &[usize], written: &mut Vec<Token>) {
    for (nth, at) in of.iter().enumerate() {
        let line = &lines[*at];
        let said = &tokens[line.tokens.clone()];
        let parts = nth > 0 && written.last().is_some_and(|last| last.kind != TokenKind::Mark(':'));
        if parts && let Some(near) = said.first().or_else(|| tokens.get(line.tokens.start)) {
            written.push(Token {
                kind: TokenKind::Mark(','),
                text: String::new(),
                word: String::new(),
                ..near.clone()
            });
        }
        let points = line.bullet
            && nth == 0
            && of[1..].iter().any(|other| lines[*other].bullet && lines[*other].indent > line.indent);
        let titles = (line.hashed || line.boxed || points) && of.len() > 1;
        let marked = titles || line.bullet && nth > 0;
        written.extend_from_slice(&said[usize::from(marked)..said.len() - usize::from(line.boxed)]);
        // A heading announces as a colon does.
        if titles && let Some(last) = said.last().filter(|last| last.kind != TokenKind::Mark(':')) {
            written.push(Token {
                kind: TokenKind::Mark(':'),
                text: ":".to_owned(),
                word: String::new(),
                ..last.clone()
            });
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
            _ => token.text.clone(),
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
            "",
        ] {
            let plain = lex(text, |_| false);
            assert_eq!(write_out(plain.clone(), |_| false).len(), plain.len(), "{text}");
        }
    }
}

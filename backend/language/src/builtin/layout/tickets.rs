//! Keys and their values, a line each or in a row: tickets about guests there are, and what a new guest shall be.

use super::lines::{Line, names_guests};
use super::mark;
use crate::builtin::said::fields;
use crate::lexer::{Token, TokenKind};

/// The key of a line that is a key and its value.
pub fn key<'t>(tokens: &'t [Token], line: &Line) -> Option<&'t str> {
    let said = &tokens[line.tokens.clone()];
    key_of(if line.bullet { &said[1..] } else { said })
}

/// Whether a mark stands between a key and its value.
fn assigns(token: &Token) -> bool {
    matches!(token.kind, TokenKind::Mark(':' | '=')) || ["->", "→", "=>"].contains(&token.word.as_str())
}

/// Keys of a ticket above which stands what it is about.
const TITLES: [&str; 3] = ["subject", "summary", "title"];

/// Whether a ticket is about a new guest of some kind, and these words say no more: “new VM”.
fn is_new_kind(title: &[Token]) -> bool {
    let known = |token: &Token| KINDS.contains(&token.word.as_str()) || token.word == "virtual";
    title.first().is_some_and(|first| first.word == "new") && title.len() > 1 && title[1..].iter().all(known)
}

pub fn key_of(said: &[Token]) -> Option<&str> {
    let sign = said.iter().take(3).position(assigns)?;
    let key = said[..sign].first().map(|token| token.word.as_str())?;
    let kind = match &said[..sign] {
        [_] => ["kind", "create", "make"].contains(&key) || TITLES.contains(&key) && is_new_kind(&said[sign + 1..]),
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
const TARGETS: [&str; 17] = [
    "target",
    "targets",
    "guest",
    "guests",
    "vm",
    "vms",
    "container",
    "containers",
    "ct",
    "cts",
    "server",
    "servers",
    "machine",
    "machines",
    "host",
    "hosts",
    "name",
];
/// What such a ticket says that has values below.
pub const CHANGES: [&str; 8] = ["resize", "change", "update", "modify", "upgrade", "adjust", "scale", "set"];

/// The most lines of such a ticket.
const MAX_TICKET: usize = 16;

/// “Action: resize / Target: db-1 / CPU: 6”, and `VM: web-01` above its values: a guest there is, and what becomes of it.
/// Returns the line behind.
pub fn ticket(
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
    let mut rest = rest.into_iter().peekable();
    let mut parts = if deed.is_none_or(|deed| CHANGES.contains(&deed.word.as_str())) { ':' } else { ',' };
    while let Some(line) = rest.next() {
        let said = &tokens[line.tokens.clone()];
        written.push(mark(TokenKind::Mark(parts), &said[0]));
        parts = ',';
        match rest.peek().and_then(|next| from_now_on(said, &tokens[next.tokens.clone()])) {
            Some(change) => {
                written.extend(change);
                rest.next();
            }
            None => written.extend_from_slice(said),
        }
    }
    Some(first + count)
}

/// Words before a field for what it is now, and for what it shall be.
pub const NOW: [&str; 5] = ["current", "present", "old", "existing", "previous"];
const WANTED: [&str; 7] = ["requested", "new", "wanted", "desired", "target", "proposed", "future"];

/// “Current RAM: 8 GB” and “Requested RAM: 16 GB” in a row: “RAM from 8 GB to 16 GB”.
fn from_now_on(now: &[Token], wanted: &[Token]) -> Option<Vec<Token>> {
    let parts = |said: &[Token]| {
        let sign = said.iter().take(4).position(|token| matches!(token.kind, TokenKind::Mark(':' | '=')))?;
        (sign > 1 && sign + 1 < said.len()).then_some(sign)
    };
    let (before, after) = (parts(now)?, parts(wanted)?);
    let same = now[1..before].iter().map(|token| &token.word).eq(wanted[1..after].iter().map(|token| &token.word));
    let told = NOW.contains(&now[0].word.as_str()) && WANTED.contains(&wanted[0].word.as_str());
    let word = |word: &str, next: &Token| Token { word: word.into(), ..mark(TokenKind::Word, next) };
    (told && same).then(|| {
        let from = word("from", &now[before]);
        let to = word("to", &wanted[after]);
        let said = [&now[1..before], &[from], &now[before + 1..], &[to], &wanted[after + 1..]];
        said.concat()
    })
}

/// “Old name: a-1” and “New name: b-1” in a row: “rename a-1 to b-1”.
pub fn renamed(tokens: &[Token], lines: &[Line], first: usize) -> Option<Vec<Token>> {
    let said = |line: &Line| &tokens[line.tokens.clone()];
    let change = from_now_on(said(&lines[first]), said(lines.get(first + 1)?))?;
    matches!(change[0].word.as_str(), "name" | "hostname").then_some(())?;
    let verb = Token { word: "rename".into(), ..change[0].clone() };
    Some(std::iter::once(verb).chain(change[1..].iter().filter(|token| token.word != "from").cloned()).collect())
}

/// `vm=web-01 cores=4`: the guest there is, and its values behind it in one line.
pub fn one_line(said: &[Token], known: impl Fn(&str) -> bool) -> Option<Vec<Token>> {
    let (greeting, said) = said.split_at(greeted(said));
    let [key, sign, name, rest @ ..] = said else { return None };
    let values = &rest[rest.iter().position(Token::is_content)?..];
    let field = |at: usize| values.get(at).map_or("", |token| token.word.as_str());
    let fits = TARGETS.contains(&key.word.as_str())
        && matches!(sign.kind, TokenKind::Mark(':' | '='))
        && known(&name.text)
        && key_of(values).is_some_and(|key| !NEW.contains(&key))
        && fields::field(field).is_some();
    fits.then(|| [greeting, std::slice::from_ref(name), &[mark(TokenKind::Mark(':'), &values[0])], values].concat())
}

/// How many tokens greet or ask at the beginning of a line: “Hi team, …”, “Good morning! …”, “Please …”.
fn greeted(said: &[Token]) -> usize {
    const GREETING: [&str; 12] =
        ["hi", "hello", "hey", "good", "morning", "afternoon", "day", "team", "all", "there", "please", "todo"];
    let bullet = usize::from(said.first().is_some_and(|token| token.kind == TokenKind::Mark('•')));
    let greets = |token: &&Token| GREETING.contains(&token.word.as_str());
    let words = bullet + said.iter().skip(bullet).take_while(greets).count();
    let ends = |token: &Token| matches!(token.kind, TokenKind::Mark(',' | '!' | ':' | '–'));
    words + usize::from(words > bullet && said.get(words).is_some_and(ends))
}

/// Keys that only a new guest has.
pub const NEW: [&str; 6] = ["name", "hostname", "type", "template", "image", "os"];
/// `name=a; type=vm; cores=2` and “Type: VM. Name: a. Cores: 2.”: where every part is a key and its value, they are one sentence.
pub fn one_sentence_of_pairs(tokens: &mut [Token]) {
    let mut start = 0;
    while start < tokens.len() {
        let length = tokens[start..].iter().position(|token| token.kind == TokenKind::Break);
        let end = length.map_or(tokens.len(), |length| start + length);
        start += greeted(&tokens[start..end]);
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
pub fn pairs(tokens: &[Token], lines: &[Line], first: usize) -> Vec<usize> {
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
    let mut of = vec![first];
    // “disks:”, and each of them a point below
    let mut open = false;
    for at in (first + 1..lines.len()).take(MAX_PAIRS) {
        if alike(&at) {
            open = value(tokens, &lines[at]).is_empty();
        } else if !(open && lines[at].bullet) {
            break;
        }
        of.push(at);
    }
    // The next name begins another guest.
    let next = of.iter().enumerate().filter(|(_, at)| is_name(at)).map(|(nth, _)| nth).nth(1);
    of.truncate(next.unwrap_or(of.len()));
    if !of.iter().any(is_name) || !of.iter().any(is_kind) {
        return vec![first];
    }
    of.sort_by_key(|at| !is_name(at) && !is_kind(at));
    of
}

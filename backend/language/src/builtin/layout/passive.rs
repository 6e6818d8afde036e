//! What a part of a guest shall undergo: “scsi1 of db-1 has to be detached”, “the tag db should be removed from db-1”. It is
//! written as the wish it is, “detach scsi1 of db-1”; of guests themselves the grammar reads it as it stands.

use crate::lexer::{Token, TokenKind};

use super::mark;

/// That it shall be so, before a participle.
const SHALL_BE: [&[&str]; 14] = [
    &["should", "please", "be"],
    &["should", "be"],
    &["shall", "be"],
    &["must", "be"],
    &["needs", "to", "be"],
    &["need", "to", "be"],
    &["has", "to", "be"],
    &["have", "to", "be"],
    &["is", "to", "be"],
    &["are", "to", "be"],
    &["can", "be"],
    &["may", "be"],
    &["wants", "to", "be"],
    &["to", "be"],
];

/// What parts undergo, and how it is asked for.
const PARTICIPLES: [(&str, &str); 9] = [
    ("detached", "detach"),
    ("removed", "remove"),
    ("deleted", "delete"),
    ("dropped", "remove"),
    ("unplugged", "unplug"),
    ("ejected", "eject"),
    ("disconnected", "disconnect"),
    ("added", "add"),
    ("attached", "attach"),
];

/// The nouns of parts. A slot is one by its name.
const PARTS: [&str; 17] = [
    "disk",
    "disks",
    "drive",
    "volume",
    "tag",
    "tags",
    "snapshot",
    "snapshots",
    "nic",
    "nics",
    "interface",
    "adapter",
    "iso",
    "cd",
    "card",
    "point",
    "note",
];

/// The tokens, with such sentences as wishes.
pub fn write_out(tokens: Vec<Token>) -> Vec<Token> {
    if !tokens.iter().any(|token| participle(token).is_some()) {
        return tokens;
    }
    let mut written = Vec::with_capacity(tokens.len() + 2);
    let ends = |token: &Token| token.ends_sentence() || matches!(token.kind, TokenKind::Mark(',' | ':' | '•'));
    for clause in tokens.split_inclusive(ends) {
        match turned(clause) {
            Some(wish) => written.extend(wish),
            None => written.extend_from_slice(clause),
        }
    }
    written
}

fn participle(token: &Token) -> Option<&'static str> {
    PARTICIPLES.iter().find(|(participle, _)| *participle == token.word).map(|(_, verb)| *verb)
}

fn is_part(token: &Token) -> bool {
    let slot = token.word.trim_end_matches(|c: char| c.is_ascii_digit());
    PARTS.contains(&token.word.as_str())
        || slot.len() < token.word.len() && ["scsi", "virtio", "sata", "ide", "net", "mp"].contains(&slot)
}

/// “delete the snapshot pre-1 of web-01” for “the snapshot pre-1 of web-01 has to be deleted”.
fn turned(clause: &[Token]) -> Option<Vec<Token>> {
    let done = clause.iter().position(|token| participle(token).is_some())?;
    let verb = participle(&clause[done])?;
    let said = |words: &&[&str]| {
        let start = done.checked_sub(words.len());
        start.is_some_and(|start| clause[start..done].iter().map(|token| token.word.as_str()).eq(words.iter().copied()))
    };
    let begins = done - SHALL_BE.into_iter().find(said)?.len();
    let courteous = |token: &&Token| matches!(token.word.as_str(), "please" | "and" | "also" | "then" | "hello" | "hi");
    let start = clause.iter().take_while(courteous).count();
    let subject = clause.get(start..begins).filter(|subject| subject.iter().any(is_part))?;
    let rest = &clause[done + 1..];
    let mut wish = clause[..start].to_vec();
    let asks = Token { text: verb.into(), word: verb.into(), ..mark(TokenKind::Word, &subject[0]) };
    wish.push(asks);
    wish.extend_from_slice(subject);
    if !rest.first().is_some_and(Token::is_content) {
        // What was said behind it stays in the wish’s span.
        let mut please = clause[done].clone();
        please.span.start = clause[begins].span.start;
        please.word = "please".into();
        wish.push(please);
    }
    wish.extend_from_slice(rest);
    Some(wish)
}

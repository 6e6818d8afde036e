//! The order of words of Spanish and French: what stands behind its noun, or before its object, where English has it the other way round.

use super::fold;
use crate::lexer::{Token, TokenKind};
use crate::quantity;
use crate::vocabulary;

/// Puts what was put into English word by word in the order that it has there. `known` are names of guests.
pub fn mend(behind: &[&str], tokens: &mut Vec<Token>, known: impl Fn(&str) -> bool) {
    sizes(tokens);
    please_first(tokens);
    prepositions(tokens);
    adjectives(behind, tokens);
    objects(tokens, &known);
}

/// “Un disco más, de 100 GB”: how large it is belongs to it.
fn sizes(tokens: &mut Vec<Token>) {
    let mut at = 1;
    while at + 3 < tokens.len() {
        let part = one_of(PARTS, word(tokens, at - 1)) || one_of("more additional", word(tokens, at - 1));
        let size = one_of("of by", word(tokens, at + 1))
            && is_number(tokens, at + 2)
            && quantity::unit(word(tokens, at + 3)).is_some();
        if tokens[at].kind == TokenKind::Mark(',') && part && size {
            tokens.remove(at);
        }
        at += 1;
    }
}

/// “von 100 auf 150 GB”, “de 10 a 20 GB”: the word before the first number is “from” in English; and what is set “en 8 GB” is
/// set to it. “De 10 Go” is “by 10 GB” where something is raised or lowered, and “of 10 GB” elsewhere.
fn prepositions(tokens: &mut [Token]) {
    let number = |token: Option<&Token>| {
        token.is_some_and(|token| token.kind == TokenKind::Number || quantity::number_word(&token.word).is_some())
    };
    let (mut set, mut moved) = (false, false);
    for at in 0..tokens.len() {
        let word = tokens[at].word.as_str();
        set = word == "set" || set && !tokens[at].ends_sentence();
        let raises = matches!(word, "increase" | "raise" | "extend" | "reduce");
        let ends = tokens[at].ends_sentence()
            || matches!(word, "add" | "give" | "create" | "connect" | "move" | "need" | "needs");
        moved = raises || moved && !ends;
        if word == "by" && !moved && fold(&tokens[at].text).starts_with('d') {
            tokens[at].word = "of".into();
        }
        let quoted = tokens.get(at + 1).is_some_and(|token| token.kind == TokenKind::Quoted);
        // “mets la mémoire sur 8 Go”, but not “mets 4 cœurs sur 101”
        let set_at = tokens[..at].iter().rposition(|token| token.word == "set");
        let field = set_at.is_some_and(|set| !number(tokens.get(set + 1)));
        // “pon el tipo de CPU de db-1 en host”
        let worded = set_at.is_some_and(|set| {
            tokens[set..at].iter().any(|token| one_of("type name address ip description gateway bios", &token.word))
        });
        if set && tokens[at].word == "on" && (quoted || worded || field && number(tokens.get(at + 1))) {
            tokens[at].word = "to".into();
        }
        let unit = tokens.get(at + 2).is_some_and(|token| quantity::unit(&token.word).is_some());
        let to = at + 2 + usize::from(unit);
        let amount = matches!(tokens[at].word.as_str(), "of" | "by") && number(tokens.get(at + 1));
        if amount && tokens.get(to).is_some_and(|token| token.word == "to") && number(tokens.get(to + 1)) {
            tokens[at].word = "from".into();
        } else if amount && set && tokens[at].word == "by" {
            tokens[at].word = "to".into();
        }
    }
}

/// “Mach bitte …”, “apaga ya …” begin with “please” and “now” in English, where these stand nowhere between a verb and whom it
/// is about.
fn please_first(tokens: &mut [Token]) {
    /// How many words a verb has at most.
    const VERB: usize = 2;
    let mut start = 0;
    while start < tokens.len() {
        let length = tokens[start..].iter().position(Token::ends_sentence).unwrap_or(tokens.len() - start);
        let please = (start + 1..=start + VERB)
            .find(|at| *at < start + length && matches!(tokens[*at].word.as_str(), "please" | "now"));
        if let Some(please) =
            please.filter(|please| tokens[start..*please].iter().all(|token| token.kind == TokenKind::Word))
        {
            tokens[start..=please].rotate_right(1);
        }
        start += length + 1;
    }
}

/// Nouns before which English has their adjectives.
const NOUNS: &str = "vm vms machine machines container containers server servers ct cts lxc guest guests core cores cpu vcpu cpus vcpus memory ram swap";

/// Nouns of parts, of which there may be more than one.
const PARTS: &str = "disk disks card cards nic nics interface interfaces";

/// The first words of nouns that are two.
const FIRST: &str = "virtual network lxc";

/// Whether `word` is one of `words`.
fn one_of(words: &str, word: &str) -> bool {
    !word.is_empty() && words.split_whitespace().any(|other| other == word)
}

/// The word at `at`, or none.
fn word(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |token| token.word.as_str())
}

fn is_number(tokens: &[Token], at: usize) -> bool {
    tokens.get(at).is_some_and(|token| token.kind == TokenKind::Number)
        || quantity::number_word(word(tokens, at)).is_some()
}

/// `all vms stopped` becomes `all stopped vms`, `a vm debian 12` `a debian 12 vm`, and `2 gb additional` `2 gb more`.
fn adjectives(behind: &[&str], tokens: &mut [Token]) {
    for at in 1..tokens.len() {
        let noun = word(tokens, at - 1);
        let part = one_of(PARTS, noun);
        let more = part && word(tokens, at) == "more";
        let adjective =
            behind.contains(&word(tokens, at)) && !(word(tokens, at) == "identical" && word(tokens, at + 1) == "to");
        // “una CPU más” is one.
        let counted = adjective && word(tokens, at) == "additional" || word(tokens, at) == "more";
        if counted && one_of(NOUNS, noun) && at > 1 && word(tokens, at - 2) == "a" {
            tokens[at - 2].word = "one".into();
        }
        let noun = word(tokens, at - 1);
        // “2 gb of ram additional” are to come on top.
        if adjective && word(tokens, at) == "additional" && (one_of(NOUNS, noun) || quantity::unit(noun).is_some()) {
            tokens[at].word = "more".into();
            continue;
        }
        if noun == "vm" && at > 1 && quantity::number_word(word(tokens, at - 2)).is_some_and(|number| number > 1) {
            tokens[at - 1].word = "vms".into();
        }
        // What is called so is no system.
        let system = vocabulary::is_system(word(tokens, at))
            && !tokens.get(at + 1).is_some_and(|next| next.kind == TokenKind::Mark(':'));
        if !(part || one_of(NOUNS, word(tokens, at - 1))) || !(adjective || more || system) {
            continue;
        }
        let start = at - 1 - usize::from(at > 1 && one_of(FIRST, word(tokens, at - 2)));
        // “Leave the VM running” tells what shall be.
        if tokens[start.saturating_sub(2)..start].iter().any(|token| one_of("leave keep", &token.word)) {
            continue;
        }
        if more {
            tokens[at].word = "additional".into();
        }
        let version = tokens.get(at + 1).is_some_and(|next| {
            next.kind == TokenKind::Number && !vocabulary::counts(word(tokens, at + 2))
                || vocabulary::is_release(&next.word)
        });
        let end = at + 1 + usize::from(system && version);
        tokens[start..end].rotate_right(end - at);
    }
}

/// Verbs behind which it may be said how far, where or of whom before it is said what.
const VERBS: &str = "enable disable multiply divide set put change increase raise extend reduce remove move migrate take make create connect attach detach back clone double triple halve";

/// What a clause begins behind.
const BEGINNINGS: &str = "and then please kindly now you also";

/// Puts objects and prepositions where English has them. `known` are names of guests.
fn objects(tokens: &mut Vec<Token>, known: impl Fn(&str) -> bool) {
    let mut at = 0;
    while at < tokens.len() {
        let begins = at == 0
            || matches!(tokens[at - 1].kind, TokenKind::Mark(_) | TokenKind::Break)
            || one_of(BEGINNINGS, word(tokens, at - 1));
        if begins && !word(tokens, at).is_empty() {
            let end = clause_end(tokens, at);
            let end = scaled(tokens, at, end);
            if one_of(VERBS, word(tokens, at)) {
                object_first(tokens, at, end, &known);
            }
            pairs(tokens, at, end, &known);
            whom(tokens, at, end, &known);
        }
        // “of a-1 and of a-2”
        let again = word(tokens, at) == "and"
            && one_of("of to on from for", word(tokens, at + 1))
            && (is_number(tokens, at + 2) || tokens.get(at + 2).is_some_and(|token| known(&token.text)));
        if again {
            tokens.remove(at + 1);
        }
        // “de a-1 a a-4”
        let named = |at: usize| tokens.get(at).is_some_and(|token| token.text.contains(|c: char| c.is_ascii_digit()));
        let behind = at > 0 && (word(tokens, at - 1) == "called" || tokens[at - 1].kind == TokenKind::Mark(','));
        if behind
            && one_of("of from", word(tokens, at))
            && named(at + 1)
            && word(tokens, at + 2) == "to"
            && named(at + 3)
        {
            tokens.remove(at);
        }
        // “en 2 GB más”
        let step = at + 2 + usize::from(quantity::unit(word(tokens, at + 2)).is_some());
        if word(tokens, at) == "by" && is_number(tokens, at + 1) && word(tokens, step) == "more" {
            tokens.remove(step);
        }
        if word(tokens, at) == "move" && at > 0 && known(&tokens[at - 1].text) {
            tokens[at].word = "moves".into();
            if word(tokens, at + 1) == "on" {
                tokens[at + 1].word = "to".into();
            }
        }
        at += 1;
    }
}

/// Where the clause ends that begins at `start`: before a mark, and before “and” with another verb.
fn clause_end(tokens: &[Token], start: usize) -> usize {
    let ends = |at: &usize| {
        matches!(tokens[*at].kind, TokenKind::Mark(_) | TokenKind::Break)
            || one_of("and then", word(tokens, *at))
                && (one_of(VERBS, word(tokens, at + 1))
                    || one_of("then start stop shut reboot delete give add", word(tokens, at + 1)))
    };
    (start + 1..tokens.len()).find(ends).unwrap_or(tokens.len())
}

/// `increase by 2 gb the memory of a-1` becomes `increase the memory of a-1 by 2 gb`.
fn object_first(tokens: &mut Vec<Token>, verb: usize, end: usize, known: &impl Fn(&str) -> bool) {
    let start = verb + 1;
    // “sube 2 GB la memoria de a-1”
    if one_of("increase raise extend reduce", word(tokens, verb)) && is_number(tokens, start) {
        let by = Token { word: "by".into(), ..tokens[start].clone() };
        let object = start + 1 + usize::from(quantity::unit(word(tokens, start + 1)).is_some());
        if word(tokens, object) == "the" {
            tokens.insert(start, by);
            tokens[start..=end].rotate_left(object + 1 - start);
        }
        return;
    }
    let object = match word(tokens, start) {
        "as" => (start + 2..end).find(|at| tokens[*at].kind == TokenKind::Quoted),
        "to" | "by" | "of" | "from" | "on" | "in" => Some(complement_end(tokens, start + 1, end, known)),
        _ => None,
    };
    let Some(object) = object.filter(|object| *object < end) else { return };
    let begins = one_of("enable disable", word(tokens, verb))
        || one_of("the a an another one its both all", word(tokens, object))
        || is_number(tokens, object)
        || tokens[object].kind == TokenKind::Quoted
        || tokens[object].text.contains(|c: char| c.is_ascii_digit())
        || known(&tokens[object].text);
    let called = (object..end).find(|at| one_of("called named with", word(tokens, *at)));
    if begins {
        tokens[start..called.unwrap_or(end)].rotate_left(object - start);
    }
}

/// `multiply the memory of a-1 by two` becomes `double the memory of a-1`; returns where the clause ends then.
fn scaled(tokens: &mut Vec<Token>, verb: usize, end: usize) -> usize {
    let Some(at) = (verb + 1..end).find(|at| one_of("by to", word(tokens, *at))) else { return end };
    let times = tokens.get(at + 1).and_then(|token| {
        quantity::whole(&token.text)
            .filter(|_| token.kind == TokenKind::Number)
            .or_else(|| quantity::number_word(&token.word))
    });
    let last = at + if word(tokens, at + 1) == "the" { 3 } else { 2 };
    let scaling = match (word(tokens, verb), times, word(tokens, last - 1)) {
        ("multiply", Some(2), _) | ("increase" | "raise" | "set", None, "double") => "double",
        ("multiply", Some(3), _) | ("increase" | "raise" | "set", None, "triple") => "triple",
        ("multiply", Some(4), _) => "quadruple",
        ("divide", Some(2), _) | ("set" | "reduce", None, "half") => "halve",
        _ => return end,
    };
    tokens[verb].word = scaling.into();
    tokens.drain(at..last.min(end));
    end + at - last.min(end)
}

/// Where `2 gb`, `the node pve2` or `a-1 and a-2` ends that begins at `at`.
fn complement_end(tokens: &[Token], mut at: usize, end: usize, known: &impl Fn(&str) -> bool) -> usize {
    if is_number(tokens, at) {
        return at + 1 + usize::from(quantity::unit(word(tokens, at + 1)).is_some());
    }
    while at < end && (one_of("the virtual node storage", word(tokens, at)) || one_of(NOUNS, word(tokens, at))) {
        at += 1;
    }
    at += 1;
    while at + 1 < end && word(tokens, at) == "and" && known(&tokens[at + 1].text) {
        at += 2;
    }
    at
}

/// “Tanto a-1 como a-2” and “de pve1 a pve2”: two words in one place that English has for each its own.
fn pairs(tokens: &mut [Token], start: usize, end: usize, known: &impl Fn(&str) -> bool) {
    // “tanto a-1 como a-2”
    let both = (start..end.min(tokens.len())).find(|at| word(tokens, *at) == "both");
    if let Some(and) = both.and_then(|both| (both..end.min(tokens.len())).find(|at| word(tokens, *at) == "as")) {
        tokens[and].word = "and".into();
    }
    if one_of("move migrate", word(tokens, start))
        && let Some(from) = (start + 1..end.min(tokens.len()))
            .find(|at| word(tokens, *at) == "of" && word(tokens, at + 2) == "to" && !known(&tokens[at + 1].text))
    {
        tokens[from].word = "from".into();
    }
    if one_of("change set", word(tokens, start))
        && word(tokens, start + 1) == "the"
        && let Some(to) = (start + 1..end.min(tokens.len())).rfind(|at| word(tokens, *at) == "as" && at + 2 == end)
    {
        tokens[to].word = "to".into();
    }
    if word(tokens, start) == "remove"
        && let Some(tags) = (start + 1..end.min(tokens.len())).find(|at| word(tokens, *at) == "tags")
        && let Some(from) = (tags..end.min(tokens.len())).rfind(|at| word(tokens, *at) == "of")
    {
        tokens[from].word = "from".into();
    }
    if word(tokens, start) == "rename"
        && let Some(to) = (start + 1..end.min(tokens.len())).find(|at| word(tokens, *at) == "by")
    {
        tokens[to].word = "to".into();
    }
}

/// What is given “to” a guest, needed “for” it or taken “from” it: other languages have one word for these.
fn whom(tokens: &mut [Token], start: usize, end: usize, known: &impl Fn(&str) -> bool) {
    let guest = |at: usize| {
        tokens.get(at).is_some_and(|token| known(&token.text))
            || one_of("the it them", word(tokens, at)) && !one_of("node pool storage bridge", word(tokens, at + 1))
    };
    let clause = start..end.min(tokens.len());
    let find = |wanted: &str| clause.clone().find(|at| word(tokens, *at) == wanted);
    let backup = word(tokens, start) == "back" || word(tokens, start + 2) == "backup";
    if let Some(on) = find("in").filter(|_| backup) {
        tokens[on].word = "on".into();
        return;
    }
    // “haz una copia de seguridad en nas de dns1”
    if backup && word(tokens, start + 3) == "on" && word(tokens, start + 5) == "of" {
        tokens[start + 3..end].rotate_left(2);
        return;
    }
    let snapshot = find("to").is_some_and(|to| word(tokens, to + 2) == "snapshot");
    if snapshot && one_of("reduce move set put", word(tokens, start)) {
        tokens[start].word = "restore".into();
        return;
    }
    // “passe l’adresse de a-1 à …” sets it; a part of a guest moves.
    let field = find("of")
        .filter(|of| find("to").is_some_and(|to| *of < to) && word(tokens, start + 1) == "the")
        .is_some_and(|of| {
            !tokens[start..of].iter().any(|token| one_of(PARTS, &token.word) || one_of("network", &token.word))
                && !one_of(NOUNS, word(tokens, start + 2))
        });
    if field && word(tokens, start) == "move" {
        tokens[start].word = "set".into();
        return;
    }
    let part = one_of("a another one", word(tokens, start + 1));
    if one_of("set put connect attach", word(tokens, start))
        && part
        && let Some(to) =
            (start + 1..end.min(tokens.len())).rfind(|at| one_of("to on in", word(tokens, *at)) && guest(at + 1))
    {
        tokens[start].word = "add".into();
        tokens[to].word = "to".into();
        return;
    }
    let Some(to) = (start + 1..end.min(tokens.len())).find(|at| word(tokens, *at) == "to" && guest(at + 1)) else {
        return;
    };
    let verb = word(tokens, start);
    if word(tokens, to - 1) == "identical" {
        return;
    }
    if one_of("increase reduce extend double triple halve", verb) {
        // “súbele la RAM a a-1”
        tokens[to].word = "of".into();
    } else if verb == "remove" || verb == "delete" && (start..to).any(|at| word(tokens, at) == "tag") {
        tokens[to].word = "from".into();
    } else if one_of("i we", verb) && one_of("need want", word(tokens, start + 1)) {
        tokens[to].word = "for".into();
    } else if one_of("set put", verb)
        && (is_number(tokens, start + 1)
            || one_of("a another", word(tokens, start + 1))
            || word(tokens, start + 1) == "the" && word(tokens, start + 2) == "tag")
    {
        tokens[start].word = "give".into();
    }
}

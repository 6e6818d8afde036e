//! What was put into English word by word, as the grammar expects it: courtesies and whom a sentence is about go before its verb.

mod telegram;

use crate::lexer::{Token, TokenKind};
use crate::{quantity, vocabulary};

/// Mends the English of tokens that were put into it. `known` are names.
pub fn mend(tokens: &mut Vec<Token>, known: impl Fn(&str) -> bool) {
    plurals(tokens);
    prepositions(tokens, &known);
    let mut mended = Vec::with_capacity(tokens.len());
    for sentence in tokens.chunk_by(|token, _| !token.ends_sentence()) {
        let mut sentence = sentence.to_vec();
        enabled(&mut sentence, &known);
        snapshots(&mut sentence);
        tagged(&mut sentence);
        active(&mut sentence);
        verbs(&mut sentence);
        please_first(&mut sentence);
        whom_first(&mut sentence, &known);
        that(&mut sentence, &known);
        telegram::mend(&mut sentence, &known);
        telegram::before_last(&mut sentence);
        mended.append(&mut sentence);
    }
    *tokens = mended;
}

/// “ich möchte, dass web-01 4 Kerne hat” is “web-01 should have 4 cores”.
fn that(sentence: &mut Vec<Token>, known: impl Fn(&str) -> bool) {
    let Some(at) = sentence.iter().position(|token| token.word == "that") else { return };
    let wish = ["i", "we", "want", "make", "sure", "please", "hello"];
    let wished =
        at > 1 && sentence[..at].iter().all(|token| wish.contains(&token.word.as_str()) || token.word.is_empty());
    let Some(end) = wished.then(|| guests(sentence, at + 1, known)).flatten() else { return };
    let last = sentence.iter().rposition(|token| token.kind == TokenKind::Word).unwrap_or(at);
    let verb = match sentence[last].word.as_str() {
        "has" => "have",
        "gets" => "get",
        "starts" => "start",
        // “gestartet wird”, “heruntergefahren wird”
        _ if (end..last).any(|at| sentence[at].word == "be" && at + 3 > last) => "",
        _ => return,
    };
    let first = if verb.is_empty() { (end..last).rfind(|at| sentence[*at].word == "be").unwrap_or(last) } else { last };
    if first < end {
        return;
    }
    let mut should = sentence[at].clone();
    should.word = "should".into();
    let mut parts: Vec<Token> = sentence.drain(first..=last).collect();
    if !verb.is_empty() {
        parts[0].word = verb.into();
    }
    parts.insert(0, should);
    sentence.splice(end..end, parts);
    let mut please = sentence[0].clone();
    please.word = "please".into();
    please.span.end = sentence[at].span.end;
    sentence.splice(..=at, [please]);
}

fn is(tokens: &[Token], at: usize, words: &[&str]) -> bool {
    tokens.get(at).is_some_and(|token| words.contains(&token.word.as_str()))
}

/// “Alle Container”: a word that has no plural of its own.
fn plurals(tokens: &mut [Token]) {
    let mut many = false;
    for token in tokens {
        if many && ["container", "server"].contains(&token.word.as_str()) {
            token.word.push('s');
        }
        let word = token.word.as_str();
        let several = quantity::number_word(word).is_some_and(|number| number > 1)
            || token.kind == TokenKind::Number && token.text.parse().is_ok_and(|number: u32| number > 1);
        let between =
            ["the", "new", "stopped", "running", "unprivileged", "lxc"].contains(&word) || vocabulary::is_system(word);
        many = several || ["all", "both"].contains(&word) || token.text.eq_ignore_ascii_case("die") || many && between;
    }
}

/// “von 100 auf 150 GB”, “de 10 a 20 GB”: the word before the first number is “from” in English; what is set “en 8 GB” is
/// set to it, and what is moved to a node is on it when it is made there.
fn prepositions(tokens: &mut [Token], known: impl Fn(&str) -> bool) {
    let number = |token: Option<&Token>| {
        token.is_some_and(|token| token.kind == TokenKind::Number || quantity::number_word(&token.word).is_some())
    };
    let (mut set, mut moved, mut named, mut asked, mut connected) = (false, false, false, false, false);
    for at in 0..tokens.len() {
        let word = tokens[at].word.as_str();
        if tokens[at].ends_sentence() {
            (set, moved, named, asked, connected) = (false, false, false, false, false);
        }
        set |= word == "set";
        asked |= ["should", "must", "rolled", "roll"].contains(&word);
        connected |= word == "connect";
        moved |= MOVING.contains(&word);
        named |= word == "renamed" || set && word == "name";
        let unit = tokens.get(at + 2).is_some_and(|token| quantity::unit(&token.word).is_some());
        let to = at + 2 + usize::from(unit);
        let digits = tokens.get(at + 1).is_some_and(|token| token.kind == TokenKind::Number);
        let amount = matches!(word, "of" | "by") && number(tokens.get(at + 1));
        let better = match word {
            "of" | "by" if amount && is(tokens, to, &["to"]) && number(tokens.get(to + 1)) => "from",
            // “von pve1 nach pve2”
            "of" if moved && is(tokens, at + 2, &["to", "onto"]) && !known(&tokens[at + 1].text) => "from",
            "by" if set && digits => "to",
            "onto" if set || asked && moved => "to",
            "onto" if !moved => "on",
            "in" if named || set && digits => "to",
            "with" if connected && !is(tokens, at + 1, &["a", "vlan", "the"]) && !digits => "to",
            "of" if at > 0 && is(tokens, at - 1, &["removed"]) => "from",
            _ => continue,
        };
        tokens[at].word = better.into();
    }
}

/// Words of what goes to another place.
const MOVING: [&str; 15] = [
    "move",
    "moves",
    "moved",
    "migrate",
    "migrated",
    "migration",
    "back",
    "backup",
    "backed",
    "roll",
    "rolled",
    "restore",
    "clone",
    "copy",
    "connect",
];

/// “web-01 bitte neu starten” begins with “please” in English, where that stands nowhere within a clause.
fn please_first(sentence: &mut [Token]) {
    let within = |sentence: &[Token], at: usize| {
        let ends = |token: &Token| matches!(token.kind, TokenKind::Mark(_));
        at > 0 && !ends(&sentence[at - 1]) && sentence.get(at + 1).is_some_and(|next| !ends(next))
    };
    let first = sentence.iter().position(|token| !matches!(token.kind, TokenKind::Mark(_))).unwrap_or(0);
    for at in first + 1..sentence.len() {
        // “starte jetzt test-1”, “gib ihr dann 4 Kerne”
        let soon = at <= first + 2 && matches!(sentence[at].word.as_str(), "now" | "then");
        if (soon || sentence[at].word == "please") && within(sentence, at) {
            sentence[first..=at].rotate_right(1);
        }
    }
}

/// Verbs whose object may stand behind those whom they are about.
const VERBS: [&str; 26] = [
    "set", "change", "increase", "raise", "lower", "reduce", "double", "triple", "halve", "add", "remove", "delete",
    "enable", "disable", "create", "make", "take", "do", "connect", "attach", "detach", "extend", "upgrade", "move",
    "tag", "switch",
];

/// “hänge eine weitere Platte an web-01”, “web-01 soll nach pve2”: the verb that English has there.
fn verbs(sentence: &mut Vec<Token>) {
    let mut at = 0;
    while at + 1 < sentence.len() {
        let thing = |token: &Token| matches!(token.word.as_str(), "disk" | "card" | "nic" | "interface" | "tag");
        if is(sentence, at, &["connect"])
            && (is(sentence, at + 1, &["a"]) || is(sentence, at + 2, &["tag"]))
            && sentence[at + 1..].iter().take(5).any(thing)
        {
            sentence[at].word = "add".into();
        }
        if is(sentence, at, &["should", "must"]) && is(sentence, at + 1, &["to", "onto"]) {
            let number = sentence.get(at + 2).is_some_and(|token| token.kind == TokenKind::Number);
            for (n, word) in ["be", if number { "set" } else { "moved" }].into_iter().enumerate() {
                let mut token = sentence[at].clone();
                token.word = word.into();
                sentence.insert(at + 1 + n, token);
            }
            sentence[at + 3].word = "to".into();
        } else if is(sentence, at, &["should", "must"]) && is(sentence, at + 1, &["on"]) {
            let be = Token { word: "be".into(), ..sentence[at].clone() };
            sentence.insert(at + 1, be);
        }
        at += 1;
    }
    // “… wird nicht mehr gebraucht, bitte löschen”
    let content: Vec<usize> = (0..sentence.len())
        .filter(|at| sentence[*at].kind == TokenKind::Word && sentence[*at].word != "please")
        .collect();
    if let Some((last, rest)) = content.split_last()
        && is(sentence, *last, &["delete", "remove"])
        && sentence[..*last].iter().any(|token| token.word == "longer")
        && !rest.last().is_some_and(|before| is(sentence, *before, &["it", "them"]))
    {
        let mut it = sentence[*last].clone();
        let many = sentence[..*last].iter().any(|token| matches!(token.word.as_str(), "are" | "and" | "all" | "vms"));
        it.word = if many { "them" } else { "it" }.into();
        sentence.insert(last + 1, it);
    }
}

/// Verbs that make something of those whom they are about.
const MAKING: [&str; 4] = ["create", "make", "take", "do"];

/// “setze bei web-01 den RAM auf 8 GB” is “on web-01 set the memory to 8 GB”.
fn whom_first(sentence: &mut Vec<Token>, known: impl Fn(&str) -> bool) {
    let mut verb = 0;
    while verb < sentence.len() {
        let at = verb + 1 + usize::from(is(sentence, verb, &["switch"]) && is(sentence, verb + 1, &["on", "off"]));
        let led = usize::from(is(sentence, at, &["on", "onto", "for", "of", "from", "to", "in"]));
        let whom = is(sentence, verb, &VERBS).then(|| guests(sentence, at + led, &known)).flatten();
        let Some(end) = whom.filter(|end| led == 1 || gives_way(sentence, verb, *end)) else {
            verb += 1;
            continue;
        };
        if led == 0 && is(sentence, verb, &["connect"]) {
            sentence[verb].word = "give".into();
            verb = end;
            continue;
        }
        if led == 0 {
            let mut on = sentence[verb].clone();
            on.word = "on".into();
            // “ergänze db-1 um den Tag sql”
            if sentence[end].word == "um" {
                sentence.remove(end);
                sentence[verb].word = "add".into();
            }
            sentence.insert(at, on);
        }
        let end = end + 1 - led;
        if sentence.get(end).is_none_or(|next| matches!(next.kind, TokenKind::Mark(_))) {
            verb = end;
            continue;
        }
        let things = (end..sentence.len()).find(|at| !is(sentence, *at, &["a", "the", "each", "one"])).unwrap_or(end);
        if is(sentence, verb, &MAKING) && is(sentence, things, &["snapshot", "backup", "clone", "copy", "snapshots"]) {
            // “erstelle von mail einen Snapshot namens a”, “erstelle von mail den Snapshot a”
            let named = vocabulary::class(sentence.get(things + 1).map_or("called", |next| &next.word)).is_none();
            sentence[at].word = "of".into();
            sentence[at..=things + usize::from(named)].rotate_left(end - at);
        } else if is(sentence, verb, &MAKING) && is(sentence, things, &["template"]) {
            // “mach aus test-3 eine Vorlage”
            sentence[verb].word = "convert".into();
            sentence[at].word = "into".into();
            sentence[at..end].rotate_left(1);
        } else {
            if is(sentence, verb, &["connect", "create", "make"]) {
                sentence[verb].word = "add".into();
            }
            sentence[at].word = "on".into();
            sentence[verb..end].rotate_left(at - verb);
        }
        verb = end;
    }
}

/// “nimm web-01 den Tag web weg”, “ergänze web-01 um den Tag web”: whom it is about stands between the verb and its object.
fn gives_way(sentence: &[Token], verb: usize, end: usize) -> bool {
    let number = sentence
        .get(end)
        .is_some_and(|token| token.kind == TokenKind::Number || quantity::number_word(&token.word).is_some());
    is(sentence, verb, &["connect"]) && is(sentence, end, &["a"])
        || is(sentence, verb, &["remove"]) && (number || is(sentence, end, &["the"]))
        || is(sentence, verb, &["add", "extend", "upgrade"]) && is(sentence, end, &["um"])
}

/// “Schalte den Autostart ein”: what is no guest is enabled, and not started.
fn enabled(sentence: &mut Vec<Token>, known: impl Fn(&str) -> bool) {
    let mut at = 0;
    while at + 2 < sentence.len() {
        let on = is(sentence, at + 1, &["on"]);
        if is(sentence, at, &["switch", "switched"])
            && (on || is(sentence, at + 1, &["off"]))
            && sentence[at].text == sentence[at + 1].text
        {
            let object = at + 2 + usize::from(is(sentence, at + 2, &["the"]));
            let field = vocabulary::class(sentence.get(object).map_or("", |token| token.word.as_str())).is_some();
            if field
                && guests(sentence, at + 2, &known).is_none()
                && !is(sentence, object, &["it", "them", "all", "please", "now"])
            {
                sentence[at].word = if on { "enable" } else { "disable" }.into();
                sentence.remove(at + 1);
            }
        }
        at += 1;
    }
}

/// “Erstelle je einen Snapshot”: it is taken, and of each guest anyway.
fn snapshots(sentence: &mut Vec<Token>) {
    let mut at = 0;
    while at < sentence.len() {
        let mut object = at + 1;
        while is(sentence, object, &["a", "the", "each"]) {
            object += 1;
        }
        if is(sentence, at, &MAKING) && is(sentence, object, &["snapshot"]) {
            sentence[at].word = "take".into();
        }
        if is(sentence, at, &["each"]) && is(sentence, at + 1, &["a"]) && is(sentence, object, &["snapshot", "backup"])
        {
            sentence.remove(at);
        }
        at += 1;
    }
}

/// “alle mit web getaggten VMs” are the VMs tagged web, and so are “alle VMs, die mit web getaggt sind”.
fn tagged(sentence: &mut Vec<Token>) {
    let mut at = 0;
    while at < sentence.len() {
        if is(sentence, at, &["with"]) && is(sentence, at + 2, &["tagged"]) && is(sentence, at + 3, &NOUNS) {
            // with web tagged vms
            sentence[at..at + 4].rotate_left(2);
            sentence[at..at + 2].rotate_left(1);
            sentence.remove(at + 2);
        } else if sentence[at].kind == TokenKind::Mark(',')
            && is(sentence, at + 1, &["the"])
            && is(sentence, at + 2, &["with"])
            && is(sentence, at + 4, &["tagged"])
            && is(sentence, at + 5, &["are", "is"])
        {
            // , the with web tagged are
            sentence[at + 3..at + 5].rotate_left(1);
            sentence.remove(at + 5);
            sentence.drain(at..at + 3);
        }
        at += 1;
    }
}

/// “Der Snapshot monday von wiki kann gelöscht werden”: what is no guest is not asked to be something.
fn active(sentence: &mut Vec<Token>) {
    let Some(at) = sentence.iter().position(|token| matches!(token.word.as_str(), "should" | "must" | "can")) else {
        return;
    };
    let done = |token: &Token| match token.word.as_str() {
        "deleted" => Some("delete"),
        "removed" => Some("remove"),
        "created" => Some("create"),
        "added" => Some("add"),
        _ => None,
    };
    let Some(verb) = sentence.get(at + 2).and_then(done).filter(|_| is(sentence, at + 1, &["be"])) else { return };
    let from = (0..at)
        .find(|at| !is(sentence, *at, &["please", "hello"]) && sentence[*at].kind == TokenKind::Word)
        .unwrap_or(at);
    let things = (from..at).find(|at| !is(sentence, *at, &["the", "a"])).unwrap_or(at);
    let it = is(sentence, from, &["it"]) && from + 1 == at;
    if it && verb == "create" || is(sentence, things, &["snapshot", "tag", "protection", "description"]) {
        sentence[at].word = verb.into();
        sentence.drain(at + 1..at + 3);
        sentence[from..=at].rotate_right(1);
        if it {
            sentence.remove(from + 1);
        }
    }
}

const NOUNS: [&str; 14] = [
    "vm",
    "vms",
    "machine",
    "machines",
    "container",
    "containers",
    "server",
    "servers",
    "guest",
    "guests",
    "ct",
    "cts",
    "lxc",
    "lxcs",
];

/// Where an enumeration of guests ends that begins at `at`, if one does.
fn guests(tokens: &[Token], at: usize, known: impl Fn(&str) -> bool) -> Option<usize> {
    let mut at = at;
    let mut reached = None;
    loop {
        while is(
            tokens,
            at,
            &["the", "all", "both", "every", "each", "two", "three", "four", "five", "virtual", "stopped", "running"],
        ) {
            at += 1;
        }
        let noun = is(tokens, at, &NOUNS);
        at += usize::from(noun);
        let token = tokens.get(at)?;
        if known(&token.text) && !token.text.is_empty() || noun && token.kind == TokenKind::Number {
            at += 1;
        } else if noun {
            at = selected(tokens, at)?;
        } else {
            return reached;
        }
        reached = Some(at);
        let joint = at;
        while is(tokens, at, &["and", "to"]) || tokens.get(at).is_some_and(|token| token.kind == TokenKind::Mark(',')) {
            at += 1;
        }
        if at == joint {
            return reached;
        }
    }
}

/// Where a choice of guests ends: `with the tag web`, `in the pool lab`, `on node beta`.
fn selected(tokens: &[Token], at: usize) -> Option<usize> {
    let mut to = at;
    let chosen = if is(tokens, to, &["tagged"]) {
        true
    } else if is(tokens, to, &["with", "in", "of", "from", "on", "onto"]) {
        to += 1;
        to += usize::from(is(tokens, to, &["the"]));
        is(tokens, to, &["tag", "pool", "node"])
    } else {
        false
    };
    let name = tokens.get(to + 1)?;
    (chosen && matches!(name.kind, TokenKind::Word | TokenKind::Quoted)).then_some(to + 2)
}

//! The words that asides are made of, by what they can be in one.

use std::sync::LazyLock;

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt};

use crate::lexer::{Token, TokenKind, lower};

/// What a word can be, as the headings of `words.txt` say; a word can be several.
pub mod sort {
    pub const OCCASION: u16 = 1;
    pub const THING: u16 = 1 << 1;
    pub const NOUN: u16 = 1 << 2;
    pub const ADJECTIVE: u16 = 1 << 3;
    /// As it stands behind “we”; at the beginning of a clause it is a command.
    pub const VERB: u16 = 1 << 4;
    /// Another form of a verb.
    pub const FORM: u16 = 1 << 5;
    pub const ADVERB: u16 = 1 << 6;
    pub const FUNCTION: u16 = 1 << 7;
    pub const FINITE: u16 = 1 << 8;
    pub const NOUNS: u16 = OCCASION | THING | NOUN;
}

static SORTS: LazyLock<HashMap<String, u16>> = LazyLock::new(|| {
    let mut sorts: HashMap<String, u16> = HashMap::new();
    let mut sort = sort::FUNCTION;
    for line in include_str!("words.txt").lines().filter(|line| !line.starts_with('#')) {
        if let Some(heading) = line.strip_prefix('[') {
            sort = match heading {
                "occasion]" => sort::OCCASION,
                "thing]" => sort::THING,
                "noun]" => sort::NOUN,
                "adjective]" => sort::ADJECTIVE,
                "verb]" => sort::VERB,
                "form]" => sort::FORM,
                "adverb]" => sort::ADVERB,
                "finite]" => sort::FINITE,
                _ => sort::FUNCTION,
            };
            continue;
        }
        for word in line.split_whitespace() {
            *sorts.entry(word.to_owned()).or_default() |= sort;
            if sort == sort::VERB {
                for form in forms(word) {
                    *sorts.entry(form).or_default() |= sort::FORM;
                }
            }
        }
    }
    sorts
});

/// The regular forms of a verb: “crashes”, “crashed”, “crashing”.
fn forms(verb: &str) -> [String; 3] {
    let ends_in = |letters: &str| verb.ends_with(|c| letters.contains(c));
    let third = match verb.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o'])) {
        Some(stem) => format!("{stem}ie"),
        None if verb.ends_with("sh") || verb.ends_with("ch") || ends_in("sx") => format!("{verb}e"),
        None => verb.to_owned(),
    };
    // “swap”, “swapping”
    let doubles = matches!(verb.as_bytes(), [.., before, vowel, last]
        if b"aiou".contains(vowel) && b"bdgmnpt".contains(last) && !b"aeiou".contains(before));
    let stem = match verb.strip_suffix('e') {
        Some(stem) => stem.to_owned(),
        None if doubles => format!("{verb}{}", &verb[verb.len() - 1..]),
        None => verb.to_owned(),
    };
    let past = if third.ends_with("ie") { format!("{third}d") } else { format!("{stem}ed") };
    [format!("{third}s"), past, format!("{stem}ing")]
}

/// A word as it was typed: what was mended or translated in it says nothing here.
pub fn typed(token: &Token) -> CompactString {
    lower(&token.text)
}

/// What the word of a token can be; nothing where it stands in no list.
pub fn sort_of(token: &Token) -> u16 {
    let word = || SORTS.get(typed(token).as_str()).copied().unwrap_or_default();
    if token.kind == TokenKind::Word { word() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::{SORTS, forms};
    use crate::vocabulary;

    #[test]
    fn no_word_of_an_aside_changes_or_asks_for_anything() {
        let wishes = "start stop delete destroy remove reboot restart shut create clone move migrate restore give gives gets set add \
            take put make leave keep drop detach attach grow's same alike likewise except excluding without other others instead only \
            either next later soon tomorrow tonight monday friday today weekend cancel cancelled postponed wait waiting example \
            optional maybe wrong ignore gone done ready core cores gb double half twice if unless \
            until when while after or bigger smaller less minimum template tag tagged pool vlan bridge protected";
        for word in wishes.split_whitespace() {
            assert!(!SORTS.contains_key(word), "{word}");
        }
    }

    #[test]
    fn verbs_have_their_forms() {
        assert_eq!(forms("swap"), ["swaps", "swapped", "swapping"]);
        assert_eq!(forms("crash"), ["crashes", "crashed", "crashing"]);
        assert_eq!(forms("reply"), ["replies", "replied", "replying"]);
        assert_eq!(forms("serve"), ["serves", "served", "serving"]);
        assert_eq!(forms("fill"), ["fills", "filled", "filling"]);
        assert_eq!(forms("groan"), ["groans", "groaned", "groaning"]);
    }

    #[test]
    fn no_verb_that_is_mended_is_one_of_an_aside() {
        let verbs = ["create", "clone", "reboot", "restart", "resize", "protect", "increase", "reduce", "provision"];
        assert!(verbs.into_iter().all(|verb| vocabulary::class(verb).is_some() && !SORTS.contains_key(verb)));
    }
}

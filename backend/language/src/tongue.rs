//! Other languages than English: their words are put into English before the grammar reads them.
//!
//! A language is a table of words and no code. What stands in none of its tables stays as it was said, is read by no rule,
//! and so becomes a question: a language that is known by halves says less, and nothing else.

mod french;
mod german;
mod spanish;

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use crate::lexer::{Token, TokenKind};
use crate::vocabulary;

/// A language. All its words are in lower case and [folded](fold).
struct Tongue {
    /// Words and phrases that tell the language, with their English.
    own: &'static [(&'static str, &'static str)],
    /// Words that other languages have as well, or that mean something else there. `#` at the end stands for a number
    /// that follows.
    common: &'static [(&'static str, &'static str)],
    /// Verbs in two parts, the second at the end of their clause: `fahre … herunter`.
    parted: &'static [(&'static str, &'static str, &'static str)],
    /// Verbs that stand at the end of a wish: `web-01 neu starten`.
    last: &'static [(&'static str, &'static str)],
    /// Words at the beginning of a wish, behind which such a verb goes in English.
    opening: &'static [&'static str],
    /// What stands glued before a word: `l'`.
    elided: &'static [&'static str],
    /// Pronouns that stand glued behind a verb, longer ones first: `démarre-le`, `iníciala`. In the tables they begin with `-`.
    clitics: &'static [&'static str],
    /// Nouns at the end of a word with a hyphen, before which something else stands: `Debian-VM`, `Test-VMs`.
    heads: &'static [&'static str],
    /// Words by which a sentence says how things shall be, so that a verb at its end is no wish of its own.
    modal: &'static [&'static str],
}

/// A phrase of a table.
struct Phrase {
    words: Vec<&'static str>,
    /// Whether a number must follow.
    number: bool,
    english: &'static str,
    /// Whether it tells the language.
    own: bool,
}

/// Phrases by their first word, the longer ones first.
type Index = HashMap<&'static str, Vec<Phrase>>;

static TONGUES: LazyLock<Vec<(&'static Tongue, Index)>> = LazyLock::new(|| {
    [&german::GERMAN, &spanish::SPANISH, &french::FRENCH].into_iter().map(|tongue| (tongue, index(tongue))).collect()
});

fn index(tongue: &Tongue) -> Index {
    let mut index = Index::new();
    let parts = tongue.parted.iter().flat_map(|(verb, particle, _)| [(*verb, *verb), (*particle, *particle)]);
    let own = tongue.own.iter().chain(tongue.last).map(|(words, english)| (*words, *english, true));
    let common = tongue.common.iter().map(|(words, english)| (*words, *english, false));
    for (key, english, own) in own.chain(common).chain(parts.map(|(word, _)| (word, "", true))) {
        for wording in key.split('|') {
            let number = wording.ends_with(" #");
            let words =
                wording.trim_end_matches(" #").split(' ').flat_map(|word| tongue.unglued(word)).collect::<Vec<_>>();
            index.entry(words[0]).or_default().push(Phrase { words, number, english, own });
        }
    }
    for phrases in index.values_mut() {
        phrases
            .sort_by_key(|phrase| std::cmp::Reverse((phrase.words.len(), phrase.number, !phrase.english.is_empty())));
    }
    index
}

/// A word without the letters that only some keyboards have: `löschen` is `loeschen`, `mémoire` is `memoire`.
fn fold(word: &str) -> String {
    let mut folded = String::with_capacity(word.len());
    for c in word.chars() {
        match c {
            'ä' => folded.push_str("ae"),
            'ö' | 'œ' => folded.push_str("oe"),
            'ü' => folded.push_str("ue"),
            'ß' => folded.push_str("ss"),
            'á' | 'à' | 'â' => folded.push('a'),
            'é' | 'è' | 'ê' | 'ë' => folded.push('e'),
            'í' | 'î' | 'ï' => folded.push('i'),
            'ó' | 'ô' => folded.push('o'),
            'ú' | 'ù' | 'û' => folded.push('u'),
            'ñ' => folded.push('n'),
            'ç' => folded.push('c'),
            c => folded.push(c),
        }
    }
    folded
}

/// Puts the words of another language into English, where the text is in one. `known` names are never words of it.
pub fn translate(tokens: &mut Vec<Token>, known: impl Fn(&str) -> bool) {
    let Some((tongue, index)) = spoken(tokens, &folded(tokens, &known)) else { return };
    tongue.cut(index, tokens, &known);
    let mut words = folded(tokens, &known);
    tongue.reorder(index, tokens, &mut words);
    let mut english = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if let Some(phrase) = phrase(index, tokens, &words, at).filter(|phrase| !phrase.english.is_empty()) {
            let said = &tokens[at..at + phrase.words.len()];
            english.extend(phrase.english.split(' ').map(|word| spoken_as(said, word)));
            at += said.len();
        } else {
            english.push(tokens[at].clone());
            at += 1;
        }
    }
    please_first(&mut english);
    prepositions(&mut english);
    *tokens = english;
}

/// The words of tokens, folded; empty for what is none, or a name that is `known`.
fn folded(tokens: &[Token], known: impl Fn(&str) -> bool) -> Vec<String> {
    let word = |(at, token): (usize, &Token)| {
        // “4 GiB” gives nothing in German.
        let counted = at > 0 && tokens[at - 1].kind == TokenKind::Number && token.word == "gib";
        // A letter is no name here, as it is none in English: “A web-01 …”.
        let named = token.text.len() > 1 && known(&token.text);
        let is_word = token.kind == TokenKind::Word && !named && !counted;
        if is_word { fold(&token.word) } else { String::new() }
    };
    tokens.iter().enumerate().map(word).collect()
}

/// “von 100 auf 150 GB”, “de 10 a 20 GB”: the word before the first number is “from” in English; and what is set “en 8 GB” is
/// set to it.
fn prepositions(tokens: &mut [Token]) {
    let number = |token: Option<&Token>| token.is_some_and(|token| token.kind == TokenKind::Number);
    let mut set = false;
    for at in 0..tokens.len() {
        set = tokens[at].word == "set" || set && !tokens[at].ends_sentence();
        let unit = tokens.get(at + 2).is_some_and(|token| crate::quantity::unit(&token.word).is_some());
        let to = at + 2 + usize::from(unit);
        let amount = matches!(tokens[at].word.as_str(), "of" | "by") && number(tokens.get(at + 1));
        if amount && tokens.get(to).is_some_and(|token| token.word == "to") && number(tokens.get(to + 1)) {
            "from".clone_into(&mut tokens[at].word);
        } else if amount && set && tokens[at].word == "by" {
            "to".clone_into(&mut tokens[at].word);
        }
    }
}

/// “Mach bitte …” begins with “please” in English, where that stands nowhere between a verb and whom it is about.
fn please_first(tokens: &mut [Token]) {
    /// How many words a verb has at most.
    const VERB: usize = 2;
    let mut start = 0;
    while start < tokens.len() {
        let length = tokens[start..].iter().position(Token::ends_sentence).unwrap_or(tokens.len() - start);
        let please = (start + 1..=start + VERB).find(|at| *at < start + length && tokens[*at].word == "please");
        if let Some(please) =
            please.filter(|please| tokens[start..*please].iter().all(|token| token.kind == TokenKind::Word))
        {
            tokens[start..=please].rotate_right(1);
        }
        start += length + 1;
    }
}

/// A token for an English word that these tokens say.
fn spoken_as(said: &[Token], word: &str) -> Token {
    let mut token = said[0].clone();
    token.span.end = said.iter().map(|token| token.span.end).max().unwrap_or(token.span.end);
    token.text = said.iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(" ");
    word.clone_into(&mut token.word);
    token
}

/// The phrase that stands at `at`.
fn phrase<'i>(index: &'i Index, tokens: &[Token], words: &[String], at: usize) -> Option<&'i Phrase> {
    index.get(words[at].as_str())?.iter().find(|phrase| {
        let next = at + phrase.words.len();
        let fits = phrase.words.iter().enumerate().all(|(n, word)| words.get(at + n).is_some_and(|said| said == word));
        let counts = |token: &Token| token.kind == TokenKind::Number;
        fits && (!phrase.number || tokens.get(next).is_some_and(counts))
    })
}

/// The language that the text is in, where it is none that has more English words than its own.
fn spoken(tokens: &[Token], words: &[String]) -> Option<&'static (&'static Tongue, Index)> {
    let best = TONGUES.iter().filter_map(|spoken| {
        let (mut own, mut common, mut english, mut at) = (0, 0, 0, 0);
        while at < words.len() {
            if let Some(phrase) = phrase(&spoken.1, tokens, words, at) {
                (own, common) = if phrase.own { (own + 1, common) } else { (own, common + 1) };
                at += phrase.words.len();
            } else {
                english += usize::from(!words[at].is_empty() && vocabulary::class(&tokens[at].word).is_some());
                at += 1;
            }
        }
        (own > 0 && own + common > english).then_some((own, common, spoken))
    });
    best.max_by_key(|(own, common, _)| (*own, *common)).map(|(.., spoken)| spoken)
}

impl Tongue {
    /// A word without what is glued before it, and that.
    fn unglued<'w>(&self, word: &'w str) -> impl Iterator<Item = &'w str> + use<'w> {
        let elided = self.elided.iter().find(|elided| word.len() > elided.len() && word.starts_with(**elided));
        let (first, rest) = elided.map_or((word, None), |elided| (&word[..elided.len()], Some(&word[elided.len()..])));
        std::iter::once(first).chain(rest)
    }

    /// Cuts words in two that are one in English: `l'étiquette`, `démarre-le`, `Debian-VM`.
    fn cut(&self, index: &Index, tokens: &mut Vec<Token>, known: impl Fn(&str) -> bool) {
        let mut cut = Vec::with_capacity(tokens.len());
        for token in tokens.drain(..) {
            match self.seam(&token, index).filter(|_| token.kind == TokenKind::Word && !known(&token.text)) {
                Some((end, clitic)) => {
                    let (first, mut second) = token.parts(end);
                    if clitic {
                        second.word = format!("-{}", second.word);
                    }
                    cut.extend([first, second]);
                }
                None => cut.push(token),
            }
        }
        *tokens = cut;
        // “Starten Sie web-01”
        let asks = |token: &Token| {
            let verb = fold(&token.word);
            let same = |verbs: &str| verbs.split('|').any(|other| other == verb);
            self.last.iter().any(|(verbs, _)| same(verbs)) || self.parted.iter().any(|(verbs, ..)| same(verbs))
        };
        let mut at = 1;
        while at < tokens.len() {
            if tokens[at].text == "Sie" && asks(&tokens[at - 1]) {
                tokens.remove(at);
            }
            at += 1;
        }
    }

    /// Behind how many characters a word is to be cut, and whether a pronoun is cut off.
    fn seam(&self, token: &Token, index: &Index) -> Option<(usize, bool)> {
        let word = token.word.as_str();
        let is_word = |part: &str| index.contains_key(fold(part).as_str());
        if word.chars().count() != token.text.chars().count() || is_word(word) {
            return None;
        }
        let first = self.unglued(word).next().filter(|first| first.len() < word.len());
        if let Some(elided) = first {
            return Some((elided.chars().count(), false));
        }
        let clitic = self.clitics.iter().find_map(|clitic| word.strip_suffix(clitic).filter(|verb| is_word(verb)));
        if let Some(verb) = clitic {
            return Some((verb.chars().count(), true));
        }
        let (first, head) = word.rsplit_once('-')?;
        // “Test-VMs” are no name.
        (self.heads.contains(&head) && (head == "vms" || vocabulary::is_system(first)))
            .then_some((first.chars().count(), false))
    }

    /// Puts verbs where English has them.
    fn reorder(&self, index: &Index, tokens: &mut Vec<Token>, words: &mut Vec<String>) {
        let mut start = 0;
        while start < tokens.len() {
            let length = tokens[start..].iter().position(Token::ends_sentence).unwrap_or(tokens.len() - start);
            let end = self.join_parts(start, start + length, tokens, words);
            self.bring_forward(index, start..end, tokens, words);
            start = end + 1;
        }
    }

    /// Whether a clause ends before `at`.
    fn ends_clause(tokens: &[Token], words: &[String], at: usize, end: usize) -> bool {
        at >= end
            || matches!(tokens[at].kind, TokenKind::Mark(',' | ':' | '(' | ')'))
            || ["und", "danach", "dann"].contains(&words[at].as_str())
    }

    /// `fahre web-01 herunter` becomes one verb; returns where the sentence ends then.
    fn join_parts(&self, start: usize, end: usize, tokens: &mut Vec<Token>, words: &mut Vec<String>) -> usize {
        let (mut at, mut end) = (start, end);
        while at < end {
            let verbs = self.parted.iter().filter(|(verb, ..)| verb.split('|').any(|verb| verb == words[at]));
            let found = verbs.into_iter().find_map(|(_, particle, english)| {
                let second = (at + 1..end).find(|second| {
                    particle.split('|').any(|particle| particle == words[*second])
                        && Self::ends_clause(tokens, words, second + 1, end)
                })?;
                Some((second, *english))
            });
            if let Some((second, english)) = found {
                let verb = [tokens[at].clone()];
                let joined: Vec<Token> = english.split(' ').map(|word| spoken_as(&verb, word)).collect();
                tokens.remove(second);
                words.remove(second);
                let more = joined.len();
                tokens.splice(at..=at, joined);
                words.splice(at..=at, std::iter::repeat_n(String::new(), more));
                end = end + more - 2;
                at += more;
            } else {
                at += 1;
            }
        }
        end
    }

    /// `web-01 neu starten` becomes `reboot web-01`.
    fn bring_forward(&self, index: &Index, sentence: Range<usize>, tokens: &mut [Token], words: &mut [String]) {
        let Range { start, end } = sentence;
        let mut from = start;
        let mut at = start;
        while at < end {
            // “beim Booten starten” asks for no start.
            let phrase = phrase(index, tokens, words, at).filter(|phrase| phrase.words.len() > 1);
            let verbs = || self.last.iter().flat_map(|(verbs, _)| verbs.split('|'));
            if let Some(phrase) = phrase.filter(|phrase| !verbs().any(|verb| phrase.words.join(" ") == verb)) {
                at += phrase.words.len();
                continue;
            }
            let verb = self.last.iter().flat_map(|(verbs, _)| verbs.split('|')).filter_map(|verb| {
                let length = verb.split(' ').count();
                let stands =
                    verb.split(' ').enumerate().all(|(n, word)| words.get(at + n).is_some_and(|said| said == word));
                (stands && at + length <= end).then_some(length)
            });
            let Some(length) = verb.max().filter(|length| Self::ends_clause(tokens, words, at + length, end)) else {
                at += 1;
                continue;
            };
            let wishes = !words[from..at].iter().any(|word| self.modal.contains(&word.as_str()));
            let opening = |at: &usize| {
                self.opening.contains(&words[*at].as_str()) || matches!(tokens[*at].kind, TokenKind::Mark(',' | '•'))
            };
            let to = (from..at).find(|at| !opening(at)).unwrap_or(at);
            if wishes && to < at {
                tokens[to..at + length].rotate_right(length);
                words[to..at + length].rotate_right(length);
            }
            at += length;
            from = at + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Phrase, TONGUES, fold, translate};
    use crate::lexer::lex;
    use crate::vocabulary;

    fn english(text: &str) -> String {
        let tokens = lex(text, |word| word.contains('-'));
        tokens
            .iter()
            .map(|token| if token.word.is_empty() { token.text.as_str() } else { token.word.as_str() })
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn plain_sentences_become_the_english_ones() {
        for (said, meant) in [
            ("Fahre web-01 und web-02 herunter", "shut down web-01 and web-02"),
            ("Bitte web-01 neu starten", "please reboot web-01"),
            ("Starte web-01 neu", "reboot web-01"),
            ("web-01 soll 8 GB RAM haben", "web-01 should have 8 gb ram"),
            ("Erhöhe den Arbeitsspeicher von db-1 auf 16 GB", "increase the memory of db-1 to 16 gb"),
            ("Aumenta la memoria de db-1 a 16 GB", "increase the memory of db-1 to 16 gb"),
            ("Agrandis le disque de web-02 de 8 Go", "extend the disk of web-02 by 8 gb"),
        ] {
            assert_eq!(english(said), meant);
        }
    }

    #[test]
    fn english_stays_as_it_is() {
        for text in [
            "create a vm called speicher with 2 cores",
            "vm a-1: 4 GiB ram, 20 GB disk",
            "tag web-01 with la and de",
            "double the memory of web-01",
        ] {
            let mut tokens = lex(text, |_| false);
            let before = tokens.clone();
            translate(&mut tokens, |_| false);
            let words =
                |tokens: &[crate::lexer::Token]| tokens.iter().map(|token| token.word.clone()).collect::<Vec<_>>();
            assert_eq!(words(&before), words(&tokens), "{text}");
        }
    }

    #[test]
    fn no_english_word_tells_another_language() {
        // Verbs in two parts and their particles tell nothing alone.
        let own = |phrase: &&Phrase| phrase.own && !phrase.english.is_empty() && phrase.words.len() == 1;
        let phrases = TONGUES.iter().flat_map(|(_, index)| index.values().flatten()).filter(own);
        let english: Vec<&str> =
            phrases.map(|phrase| phrase.words[0]).filter(|word| vocabulary::class(word).is_some()).collect();
        assert!(english.is_empty(), "{english:?}");
    }

    #[test]
    fn every_word_of_a_table_is_folded() {
        let phrases = TONGUES.iter().flat_map(|(_, index)| index.values().flatten());
        let words: Vec<&str> = phrases.flat_map(|phrase| phrase.words.iter().copied()).collect();
        assert!(words.len() > 300);
        assert!(words.iter().all(|word| fold(word) == *word));
    }
}

//! Other languages than English: their words are put into English before the grammar reads them.
//!
//! A language is a table of words and no code. What stands in none of its tables stays as it was said, is read by no rule,
//! and so becomes a question: a language that is known by halves says less, and nothing else.

mod datives;
mod english;
mod french;
mod german;
mod idioms;
mod order;
mod remarks;
mod romance;
mod spanish;

use std::sync::LazyLock;

use compact_str::CompactString;
use foldhash::{HashMap, HashMapExt};

use crate::lexer::{Token, TokenKind};
use crate::quantity;
use crate::vocabulary;

use order::{Order, Text, Verbs};

/// A language. All its words are in lower case and [folded](fold).
struct Tongue {
    /// Verbs that stand where English has them. Like all words of the tables they may end in `~` and one of the
    /// [endings](Self::endings).
    verbs: &'static [(&'static str, &'static str)],
    /// The endings in which something is wished, by the one that stands in the tables: `aument~ar` is `aumenta`, `aumente`, ….
    endings: &'static [(&'static str, &'static [&'static str])],
    /// Words and phrases that tell the language, with their English.
    own: &'static [(&'static str, &'static str)],
    /// Words that other languages have as well, or that mean something else there. In both tables `#` at the end stands for a number
    /// in digits that follows, `##` for any number, `$` for the end of the clause, `.` for that of the sentence, `~` for a verb, and `^` for the beginning of a sentence; `_` is
    /// nothing in English.
    common: &'static [(&'static str, &'static str)],
    /// Where its verbs stand.
    order: Order,
    /// What stands glued before a word: `l'`.
    elided: &'static [&'static str],
    /// Pronouns that stand glued behind a verb, longer ones first: `démarre-le`, `iníciala`. In the tables they begin with `-`.
    clitics: &'static [&'static str],
    /// Nouns at the end of a word with a hyphen, before which something else stands: `Debian-VM`, `Test-VMs`.
    heads: &'static [&'static str],
    /// Pronouns that a noun may say once more: `dale a web-01 …`.
    dative: &'static [&'static str],
    /// What stands behind its noun and goes before it in English, in English.
    behind: &'static [&'static str],
    /// What is said beside a wish.
    remarks: &'static remarks::Table,
}

/// A phrase of a table.
struct Phrase {
    words: Vec<&'static str>,
    stands: Stands,
    /// Empty for a part of a verb.
    english: &'static str,
    /// Whether it tells the language.
    own: bool,
    /// Whether it is a verb.
    verb: bool,
}

/// Where a phrase stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stands {
    Anywhere,
    /// At the end of its clause.
    Last,
    /// At the end of its sentence.
    End,
    /// At the beginning of its sentence.
    First,
    /// Before a verb.
    BeforeVerb,
    /// Before a number in digits.
    BeforeDigits,
    /// Before a number in digits or words.
    BeforeNumber,
}

/// Phrases by their first word, the longer ones first.
type Index = HashMap<&'static str, Vec<Phrase>>;

/// A language that is known, prepared for reading.
struct Known {
    tongue: &'static Tongue,
    index: Index,
    verbs: Verbs,
    remarks: remarks::Remarks,
}

static TONGUES: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let known = |tongue: &'static Tongue| Known {
        tongue,
        index: index(tongue),
        verbs: Verbs::of(&tongue.order),
        remarks: remarks::Remarks::of(tongue.remarks),
    };
    [&german::GERMAN, &spanish::SPANISH, &french::FRENCH].map(known).into()
});

fn index(tongue: &Tongue) -> Index {
    let mut index = Index::new();
    let common = tongue.common.iter().map(|(words, english)| (*words, *english, false, false));
    let own = tongue.own.iter().map(|(words, english)| (*words, *english, true, false));
    let plain = tongue.verbs.iter().map(|(words, english)| (*words, *english, true, true));
    let verbs = tongue.order.verbs.iter().flat_map(|(imperatives, particles, infinitives, participles, english, _)| {
        let whole = if particles.is_empty() { english } else { "" };
        [(*imperatives, whole), (*particles, ""), (*infinitives, *english), (*participles, "")]
            .map(|(words, english)| (words, english, true, false))
    });
    for (key, english, own, verb) in plain.chain(own).chain(common).chain(verbs) {
        for wording in key.split('|').filter(|wording| !wording.is_empty()) {
            let (wording, stands) = Stands::of(wording);
            for wording in tongue.conjugated(wording) {
                let words = wording.split(' ').flat_map(|word| tongue.unglued(word)).collect::<Vec<_>>();
                // A verb that is an English word as well tells nothing.
                let own = own && !(verb && words.len() == 1 && vocabulary::class(words[0]).is_some());
                index.entry(words[0]).or_default().push(Phrase { words, stands, english, own, verb });
            }
        }
    }
    longer_first(&mut index);
    index
}

fn longer_first(index: &mut Index) {
    for phrases in index.values_mut() {
        phrases
            .sort_by_key(|phrase| std::cmp::Reverse((phrase.words.len(), phrase.stands, !phrase.english.is_empty())));
    }
}

impl Stands {
    /// A wording of a table without its mark, and where it stands.
    fn of(wording: &str) -> (&str, Self) {
        let marked = [
            ("^", Self::First),
            (" $", Self::Last),
            (" .", Self::End),
            (" ~", Self::BeforeVerb),
            (" ##", Self::BeforeNumber),
            (" #", Self::BeforeDigits),
        ];
        let found = marked.into_iter().find_map(|(mark, stands)| {
            wording.strip_prefix(mark).or_else(|| wording.strip_suffix(mark)).map(|wording| (wording, stands))
        });
        found.unwrap_or((wording, Self::Anywhere))
    }
}

/// A word without the letters that only some keyboards have: `löschen` is `loeschen`, `mémoire` is `memoire`.
fn fold(word: &str) -> CompactString {
    if word.is_ascii() {
        return word.into();
    }
    let mut folded = CompactString::with_capacity(word.len());
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
    let words = folded(tokens, &known);
    let Some(Known { tongue, index, verbs, remarks }) = spoken(tokens, &words) else {
        return idioms::put(tokens, &words);
    };
    tongue.cut(index, tokens, &known);
    let told = remarks.put(tokens, &known);
    let mut words = folded(tokens, &known);
    for (token, word) in tokens.iter().zip(&mut words).filter(|(token, _)| told.contains(&token.span.start)) {
        if !known(&token.text) {
            word.clear();
        }
    }
    tongue.datives(index, tokens, &mut words);
    let mut text = Text { tokens, words, told };
    tongue.reorder(verbs, &mut text, |text, at| {
        phrase(index, text.tokens, &text.words, at).map_or(0, |phrase| phrase.words.len())
    });
    let Text { tokens, words, .. } = text;
    let mut english = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if let Some(phrase) = phrase(index, tokens, &words, at).filter(|phrase| !phrase.english.is_empty()) {
            let said = &tokens[at..at + phrase.words.len()];
            let meant = phrase.english.split(' ').filter(|word| *word != NOTHING);
            english.extend(meant.map(|word| spoken_as(said, word)));
            at += said.len();
        } else {
            english.push(tokens[at].clone());
            at += 1;
        }
    }
    if tongue.behind.is_empty() {
        english::mend(&mut english, known);
    } else {
        romance::mend(tongue.behind, &mut english, known);
    }
    *tokens = english;
}

/// The words of tokens, folded; empty for what is none, or a name that is `known`.
fn folded(tokens: &[Token], known: impl Fn(&str) -> bool) -> Vec<CompactString> {
    let word = |(at, token): (usize, &Token)| {
        // “4 GiB” gives nothing in German.
        let counted = at > 0 && tokens[at - 1].kind == TokenKind::Number && token.word == "gib";
        // A letter is no name here, as it is none in English: “A web-01 …”.
        let named = token.text.len() > 1 && known(&token.text);
        let is_word = token.kind == TokenKind::Word && !named && !counted;
        if is_word { fold(&token.word) } else { "".into() }
    };
    tokens.iter().enumerate().map(word).collect()
}

/// A token for an English word that these tokens say.
fn spoken_as(said: &[Token], word: &str) -> Token {
    let mut token = said[0].clone();
    token.span.end = said.iter().map(|token| token.span.end).max().unwrap_or(token.span.end);
    token.text = said.iter().map(|token| token.text.as_str()).collect::<Vec<_>>().join(" ").into();
    token.word = word.into();
    token
}

/// The phrase that stands at `at`.
fn phrase<'i>(index: &'i Index, tokens: &[Token], words: &[CompactString], at: usize) -> Option<&'i Phrase> {
    index.get(words[at].as_str())?.iter().find(|phrase| {
        let next = at + phrase.words.len();
        let digits = || tokens.get(next).is_some_and(|token| token.kind == TokenKind::Number);
        let in_words = || {
            let counts =
                |phrases: &Vec<Phrase>| phrases.iter().any(|phrase| quantity::number_word(phrase.english).is_some());
            words.get(next).and_then(|word| index.get(word.as_str())).is_some_and(counts)
        };
        let verb = |phrases: &Vec<Phrase>| phrases.iter().any(|phrase| phrase.verb);
        let last = || tokens.get(next).is_none_or(|token| token.ends_sentence() || token.kind == TokenKind::Mark(','));
        let first =
            || at == 0 || !matches!(tokens[at - 1].kind, TokenKind::Word | TokenKind::Number | TokenKind::Quoted);
        phrase.words.iter().enumerate().all(|(n, word)| words.get(at + n).is_some_and(|said| said == word))
            && match phrase.stands {
                Stands::Anywhere => true,
                Stands::Last => last(),
                Stands::End => tokens.get(next).is_none_or(Token::ends_sentence),
                Stands::BeforeVerb => words.get(next).and_then(|word| index.get(word.as_str())).is_some_and(verb),
                Stands::First => first(),
                Stands::BeforeDigits => digits(),
                Stands::BeforeNumber => digits() || in_words(),
            }
    })
}

/// The language that the text is in, where it is none that has more English words than its own. Words that are the same in English
/// tell nothing.
fn spoken(tokens: &[Token], words: &[CompactString]) -> Option<&'static Known> {
    let is_english = |(token, word): (&Token, &CompactString)| {
        word.starts_with(char::is_alphabetic) && vocabulary::class(&token.word).is_some()
    };
    let is_english: Vec<bool> = tokens.iter().zip(words).map(is_english).collect();
    let best = TONGUES.iter().filter_map(|spoken| {
        let (mut own, mut common, mut foreign, mut english, mut at) = (0, 0, 0, 0, 0);
        while at < words.len() {
            if let Some(phrase) = phrase(&spoken.index, tokens, words, at) {
                let length = phrase.words.len();
                // “8 Go”
                let unit = at > 0
                    && tokens[at - 1].kind == TokenKind::Number
                    && quantity::unit(phrase.english).is_some()
                    && quantity::unit(&tokens[at].word).is_none();
                (own, common) = if phrase.own || unit { (own + length, common) } else { (own, common + length) };
                foreign += usize::from(!is_english[at]);
                at += phrase.words.len();
            } else {
                let glued = spoken
                    .tongue
                    .seam(&tokens[at], &spoken.index)
                    .is_some_and(|(_, clitic)| clitic || tokens[at].word.contains('\''));
                (own, english) = (own + usize::from(glued), english + usize::from(is_english[at]));
                at += 1;
            }
        }
        // “web-01 con 8 GB de RAM”
        let tells = own > 0 || foreign > 1 && foreign > english;
        (tells && own + common > english).then_some((own, common, spoken))
    });
    best.max_by_key(|(own, common, _)| (*own, *common)).map(|(.., spoken)| spoken)
}

/// What says nothing in English.
const NOTHING: &str = "_";

impl Tongue {
    /// A wording in all its forms.
    fn conjugated(&self, wording: &'static str) -> Vec<&'static str> {
        let verb = wording.split(' ').find_map(|word| Some((word, word.split_once('~')?)));
        let Some((word, (stem, ending))) = verb else { return vec![wording] };
        let endings = self.endings.iter().find(|(name, _)| *name == ending).map_or(&[][..], |(_, endings)| endings);
        // The tables are prepared once.
        let form = |ending: &&str| &*wording.replacen(word, &format!("{stem}{ending}"), 1).leak();
        endings.iter().map(form).collect()
    }

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
                        second.word = compact_str::format_compact!("-{}", second.word);
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
            self.order.verbs.iter().any(|(imperatives, _, infinitives, ..)| same(imperatives) || same(infinitives))
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
        let is_word = |part: &str| {
            if part.is_ascii() { index.contains_key(part) } else { index.contains_key(fold(part).as_str()) }
        };
        let elided = || self.unglued(word).next().filter(|first| first.len() < word.len()).map(|first| (first, false));
        let verb = || {
            let verb = self.clitics.iter().find_map(|clitic| word.strip_suffix(clitic).filter(|verb| is_word(verb)));
            verb.map(|verb| (verb, true))
        };
        let noun = || {
            let (first, head) = word.rsplit_once('-')?;
            // “Test-VMs” are no name.
            (self.heads.contains(&head) && (head == "vms" || first == "lxc" || vocabulary::is_system(first)))
                .then_some((first, false))
        };
        let (first, clitic) = elided().or_else(verb).or_else(noun)?;
        let whole = word.chars().count() != token.text.chars().count() || is_word(word);
        (!whole).then(|| (first.chars().count(), clitic))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::Index;

    use super::{Phrase, Stands, TONGUES, fold, translate};
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
            // What is told beside a wish is nobody’s object, and what it is done before stands at the end.
            (
                "Der Server hängt schon wieder, bitte web-01 neu starten",
                "the server hangs again , please reboot web-01",
            ),
            ("Reinicia web-01, está colgada", "reboot web-01 , it is stuck"),
            ("Vor dem Update bitte einen Snapshot von db-1 ziehen", "please make a snapshot of db-1 before the update"),
            ("web-01 brauchen wir nicht mehr, bitte löschen", "web-01 is no longer needed , please delete it"),
            ("Der Server soll 4 Kerne haben", "the server should have 4 cores"),
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
        let own = |phrase: &&Phrase| phrase.own && !phrase.english.is_empty() && phrase.stands == Stands::Anywhere;
        let phrases = TONGUES.iter().flat_map(|known| known.index.values().flatten()).filter(own);
        let is_english = |words: &&Vec<&str>| words.iter().all(|word| vocabulary::class(word).is_some());
        let english: Vec<&Vec<&str>> = phrases.map(|phrase| &phrase.words).filter(is_english).collect();
        assert!(english.is_empty(), "{english:?}");
    }

    proptest! {
        /// Words of the tables in no order are put into some English, and none stands where it was not said.
        #[test]
        fn any_words_are_put_into_english(
            tongue in 0..TONGUES.len(),
            picks in proptest::collection::vec((any::<Index>(), 0..12_usize), 1..24),
        ) {
            let words: Vec<&str> =
                TONGUES[tongue].index.values().flatten().flat_map(|phrase| phrase.words.iter().copied()).collect();
            let more = [",", ":", "4", "8 GB", "web-01", "db-1", "VM 103", ". ", "RAM", "Platte"];
            let text: Vec<&str> =
                picks.iter().map(|(word, kind)| more.get(*kind).copied().unwrap_or(words[word.index(words.len())])).collect();
            let text = text.join(" ");
            let tokens = lex(&text, |word| word.contains('-'));
            prop_assert!(tokens.iter().all(|token| token.span.end <= text.len()));
        }
    }

    #[test]
    fn every_word_of_a_table_is_folded() {
        let phrases = TONGUES.iter().flat_map(|known| known.index.values().flatten());
        let words: Vec<&str> = phrases.flat_map(|phrase| phrase.words.iter().copied()).collect();
        assert!(words.len() > 300);
        assert!(words.iter().all(|word| fold(word) == *word));
    }
}

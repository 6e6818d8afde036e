//! An explanation in somebody else’s words, of whom nothing is believed.
//!
//! Whoever words it sees handles in the place of guests and of what becomes of them, and gives back a sentence for each
//! sentence. Of such a sentence nothing counts but in which of the known ways it says what its sentence says, and which small
//! words hold it together: there is no way for it to deny, add, swap or leave out anything.

use super::words::{Kind, Words};
use super::{Explanation, Sentence, Tongue};

/// The most words that hold a sentence together.
const MAX_LINKS: usize = 8;

/// What nobody’s guest is called in here.
const HANDLE: char = 'g';

impl Explanation {
    /// The language it is in.
    #[must_use]
    pub const fn tongue(&self) -> Tongue {
        self.tongue
    }

    /// Its sentences as they go to somebody else: with handles, and nothing of the cluster.
    #[must_use]
    pub fn with_handles(&self) -> Vec<String> {
        let words = Words::of(self.tongue);
        let mut numbers = 1..;
        let told = |sentence: &Sentence| {
            let handles: Vec<String> =
                numbers.by_ref().take(sentence.names.len()).map(|number| format!("{HANDLE}{number}")).collect();
            format!("{}: {}.", words.label(sentence.kind), handles.join(", "))
        };
        self.sentences.iter().map(told).collect()
    }

    /// What its sentences may be worded with: the small words, and of each sentence the ways to say what it says.
    #[must_use]
    pub fn vocabulary(&self) -> (String, Vec<Vec<String>>) {
        let words = Words::of(self.tongue);
        let ways = |sentence: &Sentence| {
            let ways = ways(words, sentence.kind);
            ways.flat_map(|way| words.endings.iter().map(move |ending| way.replace('*', ending))).collect::<Vec<_>>()
        };
        let mut all: Vec<Vec<String>> = self.sentences.iter().map(ways).collect();
        for ways in &mut all {
            ways.sort_unstable();
            ways.dedup();
        }
        (format!("{} {}", words.links, words.and), all)
    }

    /// The explanation in the words of `sentences`, where each says just what its own says, and they are not its own.
    #[must_use]
    pub fn worded(&self, sentences: &[String]) -> Option<String> {
        if self.sentences.is_empty() || sentences.len() != self.sentences.len() {
            return None;
        }
        let words = Words::of(self.tongue);
        let mut first = 1;
        let mut worded = Vec::new();
        for (own, said) in self.sentences.iter().zip(sentences) {
            worded.push(own.worded(words, first, said)?);
            first += own.names.len();
        }
        Some(worded.join(" ")).filter(|worded| *worded != self.to_string())
    }
}

impl Sentence {
    /// This sentence in other words; its first name has the handle with the number `first`.
    fn worded(&self, words: &Words, first: usize, said: &str) -> Option<String> {
        let said = said.trim().strip_suffix('.')?;
        let all: Vec<&str> = said.split_whitespace().collect();
        let handle = |word: &str| bare(word).strip_prefix(HANDLE)?.parse::<usize>().ok();
        let begin = all.iter().position(|word| handle(word).is_some())?;
        let end = all.iter().rposition(|word| handle(word).is_some())? + 1;
        // The names stand in one row, each once and in their order.
        let mut numbers = first..;
        let in_row = all[begin..end].iter().all(|word| match handle(word) {
            Some(number) => bare(word) == format!("{HANDLE}{number}") && Some(number) == numbers.next(),
            None => *word == words.and,
        });
        if !in_row || numbers.next() != Some(first + self.names.len()) {
            return None;
        }
        let lower = |words: &[&str]| words.iter().map(|word| bare(word).to_lowercase()).collect::<Vec<_>>();
        let (before, behind) = (lower(&all[..begin]), lower(&all[end..]));
        let says = ways(words, self.kind).any(|way| {
            let way: Vec<String> = way.split_whitespace().map(|word| bare(word).to_owned()).collect();
            let rest = |around: &[String]| without(around, &way, words.endings);
            rest(&before).is_some_and(|rest| are_links(words, rest.iter().chain(&behind)))
                || rest(&behind).is_some_and(|rest| are_links(words, before.iter().chain(&rest)))
        });
        let names = self.row(words, &all[begin..end]);
        let parts = [&all[..begin], &[names.as_str()], &all[end..]].concat();
        says.then(|| format!("{}.", parts.join(" ")))
    }

    /// The names in the place of their handles, joined as those are.
    fn row(&self, words: &Words, handles: &[&str]) -> String {
        let mut names = self.names.iter().map(String::as_str);
        let parts = handles.split(|word| *word == words.and).filter(|part| !part.is_empty());
        let parts = parts.map(|part| names.by_ref().take(part.len()).collect::<Vec<_>>().join(", "));
        parts.collect::<Vec<_>>().join(&format!(" {} ", words.and))
    }
}

/// The ways to say a kind, in lower case.
fn ways(words: &Words, kind: Kind) -> impl Iterator<Item = String> {
    let label = words.label(kind).to_lowercase();
    std::iter::once(label).chain(words.others(kind).iter().map(|way| (*way).to_owned()))
}

/// A word without the mark that may stand behind it.
fn bare(word: &str) -> &str {
    word.strip_suffix([',', ':']).unwrap_or(word)
}

/// What is left of some words around a way to say something; `None` where they do not say it.
fn without(some: &[String], way: &[String], endings: &[&str]) -> Option<Vec<String>> {
    let is = |(said, known): (&String, &String)| match known.strip_suffix('*') {
        None => said == known,
        Some(stem) => said.strip_prefix(stem).is_some_and(|ending| endings.contains(&ending)),
    };
    let at = some.windows(way.len()).position(|words| words.iter().zip(way).all(is))?;
    Some([&some[..at], &some[at + way.len()..]].concat())
}

/// Whether all of these words only hold a sentence together.
fn are_links<'a>(words: &Words, some: impl Iterator<Item = &'a String>) -> bool {
    let some: Vec<&String> = some.collect();
    some.len() <= MAX_LINKS && some.into_iter().all(|word| words.links.split(' ').any(|link| link == word))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::words::{Kind, Words};
    use super::{Explanation, Sentence, Tongue};

    fn explanation(tongue: Tongue, sentences: &[(Kind, &[&str])]) -> Explanation {
        let sentence = |(kind, names): &(Kind, &[&str])| {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            Sentence { kind: *kind, names }
        };
        Explanation { tongue, sentences: sentences.iter().map(sentence).collect() }
    }

    fn english() -> Explanation {
        explanation(
            Tongue::English,
            &[
                (Kind::Made, &["shop-1"]),
                (Kind::Changed, &["web-01 (Memory 4 GiB → 8 GiB)", "db-1 (Cores 2 → 4)"]),
                (Kind::Deleted, &["test-1"]),
                (Kind::Gone, &["test-1"]),
            ],
        )
    }

    fn worded(explanation: &Explanation, sentences: &[&str]) -> Option<String> {
        explanation.worded(&sentences.iter().map(|said| (*said).to_owned()).collect::<Vec<_>>())
    }

    const HONEST: [&str; 4] =
        ["g1 is newly created.", "g2 and g3 are changed.", "g4 will be deleted.", "g5 is gone for good."];

    #[test]
    fn what_says_the_same_in_known_words_is_taken() {
        assert_eq!(
            english().with_handles(),
            ["New: g1.", "Changed: g2, g3.", "Deleted: g4.", "Data that is gone for good: g5."]
        );
        assert_eq!(
            worded(&english(), &HONEST).unwrap(),
            "shop-1 is newly created. web-01 (Memory 4 GiB → 8 GiB) and db-1 (Cores 2 → 4) are changed. test-1 will be deleted. test-1 is gone \
             for good."
        );
        // Its own words again are none that anybody need see.
        assert_eq!(english().worded(&english().with_handles()), None);
        for (tongue, said, worded_as) in [
            (Tongue::German, "Gelöscht werden g1 und g2.", "Gelöscht werden a-1 und b-1."),
            (Tongue::Spanish, "g1 y g2 serán borradas.", "a-1 y b-1 serán borradas."),
            (Tongue::French, "g1 et g2 seront supprimées.", "a-1 et b-1 seront supprimées."),
        ] {
            let told = explanation(tongue, &[(Kind::Deleted, &["a-1", "b-1"])]);
            assert_eq!(worded(&told, &[said]).as_deref(), Some(worded_as));
        }
    }

    #[test]
    fn whatever_says_more_less_or_something_else_is_not() {
        for (at, said) in [
            (2, "g4 will not be deleted."),
            (2, "g4 will never be deleted."),
            (2, "g4 may be deleted."),
            (2, "g4 will be started."),
            (2, "g4 will be."),
            (2, "g4 will be deleted"),
            (2, "g4 will be deleted. g1 stays."),
            (2, "g4 will be deleted?"),
            (2, "g1 will be deleted."),
            (2, "g04 will be deleted."),
            (2, "g4 and g4 will be deleted."),
            (2, "g4, g5 will be deleted."),
            (2, "test-1 will be deleted."),
            (2, "g4 and web-01 will be deleted."),
            (2, "g4 will be deleted and restored."),
            (2, "g4 will be deleted by 3 steps."),
            (2, "**g4** will be deleted."),
            (2, "[g4](https://example.com) will be deleted."),
            (2, "g4 will be deleted, see https://example.com."),
            (2, "<b>g4</b> will be deleted."),
            (2, "g4 will be deleted\u{202e}."),
            (2, "g4 will be de leted."),
            (2, "undeleted g4."),
            (2, "g4 is is is is is is is is is deleted."),
            (2, ""),
            (2, "."),
            (1, "g3 and g2 are changed."),
            (1, "g2 is changed."),
            (1, "g2 is g3 changed."),
            (1, "g2 or g3 are changed."),
            (1, "g2 and g3 and g4 are changed."),
            (1, "g2 and g3 are changed and deleted."),
            (3, "g5 is gone."),
            (3, "g5 is for good gone."),
            (3, "g5 is gone for good and new."),
        ] {
            let mut all = HONEST;
            all[at] = said;
            assert_eq!(worded(&english(), &all), None, "{said}");
        }
        // A stem ends as its language does.
        for (tongue, said) in [(Tongue::Spanish, "g1 será borradísimo."), (Tongue::French, "g1 sera suppriméX.")] {
            assert_eq!(worded(&explanation(tongue, &[(Kind::Deleted, &["a-1"])]), &[said]), None, "{said}");
        }
        let [one, two, three, four] = HONEST;
        for all in [&[one, two, three] as &[&str], &[one, two, three, four, four], &[], &[two, one, three, four]] {
            assert_eq!(worded(&english(), all), None, "{all:?}");
        }
        assert_eq!(worded(&explanation(Tongue::English, &[]), &[]), None);
    }

    const TONGUES: [Tongue; 4] = [Tongue::English, Tongue::German, Tongue::Spanish, Tongue::French];

    /// Words that a hostile model may use, among those that it may not do without.
    fn word() -> impl Strategy<Value = String> {
        let known = TONGUES.into_iter().flat_map(|tongue| {
            let words = Words::of(tongue);
            let labels = words
                .kinds
                .iter()
                .flat_map(|(_, label, others)| label.split(' ').chain(others.iter().flat_map(|o| o.split(' '))));
            labels.chain(words.links.split(' ')).chain([words.and]).map(str::to_owned).collect::<Vec<_>>()
        });
        let foreign = "not never nicht no ne pas kein without unless only if may 3 99 web-01 prod-db all https://x.example <b> ** g7 g0 g99 , . :";
        prop_oneof![
            5 => prop::sample::select(known.collect::<Vec<_>>()),
            4 => prop::sample::select(vec!["g1", "g2", "g3", "g1,", "g2,", "g3:"]).prop_map(str::to_owned),
            1 => prop::sample::select(foreign.split(' ').collect::<Vec<_>>()).prop_map(str::to_owned),
            1 => "\\PC{1,4}",
        ]
    }

    /// A sentence: any words, or nearly an honest one.
    fn sentence() -> impl Strategy<Value = String> {
        let nearly = (
            0_usize..5,
            word(),
            prop::sample::select(vec!["deleted", "gelöscht", "borrado", "supprimé", "changed"]),
            any::<bool>(),
        );
        prop_oneof![
            prop::collection::vec(word(), 1..8).prop_map(|words| words.join(" ") + "."),
            nearly.prop_map(|(at, odd, verb, is_odd)| {
                let mut words = vec!["g1", "and", "g2", "are", verb];
                if is_odd {
                    words.insert(at, &odd);
                }
                words.join(" ") + "."
            }),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 20_000, ..ProptestConfig::default() })]

        /// Of whatever is taken, all but the names is small words and one of the ways to say the very thing.
        #[test]
        fn what_is_taken_says_the_names_once_each_and_the_very_thing(said in sentence(), tongue in prop::sample::select(TONGUES.to_vec())) {
            let names = ["Ärger 8 not", "b-2 (Cores 2 → 4)"];
            let Some(came) = worded(&explanation(tongue, &[(Kind::Deleted, &names)]), &[&said]) else { return Ok(()) };
            let words = Words::of(tongue);
            let rows = [", ".to_owned(), format!(" {} ", words.and)].map(|joint| names.join(&joint));
            prop_assert_eq!(rows.iter().map(|row| came.matches(row).count()).sum::<usize>(), 1, "{}", came);
            let rest = came.replace(&rows[0], " ").replace(&rows[1], " ").to_lowercase();
            let stem = match tongue {
                Tongue::English => "deleted",
                Tongue::German => "gelöscht",
                Tongue::Spanish => "borrad",
                Tongue::French => "supprimé",
            };
            let rest: Vec<&str> = rest.split([' ', ',', ':', '.']).filter(|word| !word.is_empty()).collect();
            prop_assert_eq!(rest.iter().filter(|word| word.starts_with(stem) && word.len() <= stem.len() + 2).count(), 1, "{}", came);
            for word in rest {
                prop_assert!(word.starts_with(stem) || words.links.split(' ').any(|link| link == word), "“{}” in {}", word, came);
            }
        }
    }
}

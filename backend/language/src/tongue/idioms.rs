//! Turns of English that say in other words what the grammar has words for.

use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt};

use super::{Index, NOTHING, Phrase, Stands, longer_first, phrase, spoken_as};
use compact_str::CompactString;

use crate::lexer::{Token, TokenKind};

/// Turns, marked like those of other languages, and what they say.
const IDIOMS: [(&str, &str); 50] = [
    // What is made.
    ("knock up|knock together|rustle up|whip up|conjure up|throw together|roll out|stand up|^derive", "create"),
    (
        "^i am ordering|^i'm ordering|^we are ordering|^we're ordering|^i would like to order|^i'd like to order",
        "i need",
    ),
    ("^order for a|^an order for a|^purchase order for a", "i need a"),
    ("^set me up with|^set us up with|^get me set up with|^fix me up with", "create"),
    (
        "like so|with the following data|with the following specs|with the following values|with these specs|with these data",
        NOTHING,
    ),
    ("^besides that|^apart from that|^on top of this", "also"),
    ("i'm after a|i am after a|we're after a|we are after a|i could use a|we could use a|i fancy a", "i need a"),
    ("i'm after an|we're after an|i could use an|we could use an", "i need an"),
    (
        "^give me a clone of|^get me a clone of|^give me a copy of|^get me a copy of|^give me a twin of",
        "make a clone of",
    ),
    ("by the name of|going by the name of|that goes by the name of|which goes by the name of|answering to", "called"),
    ("a twin of|a replica of|a double of|a carbon copy of|a sibling of", "a clone of"),
    ("come up with the host|come up with the node|come up on boot|come up at boot", "start at boot"),
    ("comes up with the host|comes up with the node|comes up on boot|comes up at boot", "starts at boot"),
    ("starts with the host|starts with the node|starts along with the host", "starts at boot"),
    ("start with the host|start with the node|start along with the host", "start at boot"),
    ("per vm $|per container $|per machine $|per guest $|per node vm $", "each"),
    // Amounts.
    ("takes ##", "gets"),
    ("put another|put a further|put an extra|put an additional", "add another"),
    ("are both to have|are all to have|are to have both", "should have"),
    (
        "^changes to|^changes for|^changes on|^two changes to|^three changes to|^some changes to|^a few changes to",
        "for",
    ),
    ("^request vm|^requesting vm|^requested vm", "create vm"),
    ("^request a|^requesting a|^i request a|^we request a|^i'd request a", "i need a"),
    ("^we're upsizing|^we are upsizing|^i'm upsizing|^we're resizing|^we are resizing|^i'm resizing", "resize"),
    ("^we're raising|^we are raising|^we're bumping|^we are bumping|^we're increasing|^we are increasing", "increase"),
    ("^we're lowering|^we are lowering|^we're reducing|^we are reducing", "reduce"),
    ("^we're doubling|^we are doubling|^i'm doubling", "double"),
    ("when the host boots|when the node boots|when the host starts|when the node starts", "at boot"),
    ("on top of", "to"),
    ("on top of that", "additionally"),
    ("no more swap", "no swap"),
    ("should read|should say|is to read|shall read", "shall be"),
    ("has outgrown", "needs more than"),
    // Whom it is about.
    ("whatever is tagged|whatever's tagged|whatever carries the tag|anything that is tagged", "everything tagged"),
    ("whatever sits in|whatever is in|whatever's in|whatever lives in", "everything in"),
    ("whatever runs on|whatever sits on|whatever is on|whatever lives on", "everything on"),
    ("with the exception of|save for|apart from|other than", "except"),
    ("vms bar", "vms except"),
    ("machines bar", "machines except"),
    ("containers bar", "containers except"),
    ("guests bar", "guests except"),
    ("everything bar", "everything except"),
    // Where it is, and what belongs to it.
    ("the additional tag|the extra tag|the further tag", "the tag"),
    ("'s new home is|'s new home shall be|'s new home will be", "goes to"),
    ("become members of|become part of|become a member of", "join"),
    ("becomes a member of|becomes part of", "joins"),
    ("across to|over to", "to"),
    ("write into the notes of|write in the notes of|write into the note of|put into the notes of", "set the notes of"),
    // When.
    ("from today on|from today onwards|from this day on", "from now on"),
    // Snapshots and backups.
    ("a checkpoint of|a restore point of", "a snapshot of"),
    ("hold on to the last|hang on to the last", "keep the last"),
];

static INDEX: LazyLock<Index> = LazyLock::new(|| {
    let mut index: Index = HashMap::new();
    for (wordings, english) in IDIOMS {
        for wording in wordings.split('|') {
            let (wording, stands) = Stands::of(wording);
            let words: Vec<&str> = wording.split(' ').collect();
            index.entry(words[0]).or_default().push(Phrase { words, stands, english, own: false, verb: false });
        }
    }
    longer_first(&mut index);
    index
});

/// Puts what is said in turns in plain words. `words` are those of the tokens, and empty for names that are known.
pub fn put(tokens: &mut Vec<Token>, words: &[CompactString]) {
    let found = |at: usize| phrase(&INDEX, tokens, words, at).filter(|_| !is_named(tokens, at));
    if !(0..tokens.len()).any(|at| found(at).is_some()) {
        return;
    }
    let mut plain = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        if let Some(phrase) = found(at) {
            let said = &tokens[at..at + phrase.words.len()];
            plain.extend(phrase.english.split(' ').filter(|word| *word != NOTHING).map(|word| spoken_as(said, word)));
            at += said.len();
        } else {
            plain.push(tokens[at].clone());
            at += 1;
        }
    }
    *tokens = plain;
}

/// Whether a name stands here, which may be any word.
fn is_named(tokens: &[Token], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| {
        matches!(tokens[before].word.as_str(), "called" | "named" | "name" | "tag" | "tagged" | "pool")
            || tokens[before].kind == TokenKind::Mark('=')
    })
}

//! Of what kind the guests are that were begun without one: “Both are VMs.”, “These are new VMs.” below a table.

use crate::builtin::Parser;
use crate::builtin::drafting::draft::Draft;
use crate::builtin::said::item::Said;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// The kind of all guests before that have none, in a sentence of its own.
    pub fn kinds_said(&mut self) -> Option<()> {
        (self.at == self.began || self.last_word() == "please").then_some(())?;
        let unknown = |draft: &Draft| matches!(draft, Draft::Create(group) if group.kind.is_none());
        let first = self.drafts.len() - self.drafts.iter().rev().take_while(|draft| unknown(draft)).count();
        (first < self.drafts.len()).then_some(())?;
        let made = self.any(words!("create|make|build|set up"));
        self.any(words!("both of them|all of them|all of these|all three|all four|all five|each of them|both|all|they|these|those|them")).then_some(())?;
        if made {
            self.any(words!("as"))
        } else {
            self.any(words!("should all be|shall all be|should be|shall be|are to be|are all|are"))
        }
        .then_some(())?;
        self.any(words!("new"));
        let at = self.at;
        let value = self.guest_noun().filter(|noun| noun.plural)?.kind?;
        let tokens = at..self.at;
        self.done().then_some(())?;
        for draft in &mut self.drafts[first..] {
            if let Draft::Create(group) = draft {
                group.kind = Some(Said { value, tokens: tokens.clone() });
                group.tokens.end = tokens.end;
            }
        }
        Some(())
    }
}

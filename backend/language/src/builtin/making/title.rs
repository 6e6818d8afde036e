//! New guests whose names come first: “web-1: a VM with …”, “web-1 / VM / …”, “web-1 should live on pve1 as a VM”.

use crate::builtin::Parser;
use crate::builtin::said::item::{Item, Said};
use crate::builtin::wordings::words;
use crate::lexer::TokenKind;

use super::head::OfMember;

/// The most words between a name and the noun behind it.
const MAX_ADJECTIVES: usize = 4;

impl Parser<'_> {
    /// “web-1: a VM with …”, “web-1 to web-3: three VMs …”, “web-1 on pve1: VM, …”, “web-1 to be a VM with …”.
    pub fn title(&mut self) -> Option<(Vec<Said<String>>, Vec<OfMember>)> {
        let names = self.names(true)?;
        let mut beside: Vec<OfMember> = self.beside_a_title().into_iter().collect();
        let fresh = names.iter().all(|name| !self.inventory.guests.contains_key(&name.value));
        let built = names.iter().all(|name| self.looks_like_name(&name.value));
        let announces = self.mark(':') || self.any(words!("->|→|=>"));
        let announces = announces
            || fresh && self.attempt(|p| p.listed_with_its_kind(built, names.len())).is_some()
            || fresh && self.attempt(|p| p.becoming(built, &mut beside)).is_some();
        (announces && !self.done()).then_some((names, beside))
    }

    /// “create web-1 as a debian container”, “create web-1, a small VM with …”: behind the verb.
    pub fn made_as(&mut self) -> Option<(Vec<Said<String>>, Vec<OfMember>)> {
        let names = self.names(true)?;
        let fresh =
            |name: &Said<String>| self.looks_like_name(&name.value) && !self.inventory.guests.contains_key(&name.value);
        names.iter().all(fresh).then_some(())?;
        let mut beside: Vec<OfMember> = self.beside_a_title().into_iter().collect();
        let listed = self.attempt(|p| p.listed_with_its_kind(true, names.len()));
        if listed.is_none() {
            self.becoming(true, &mut beside)?;
        }
        Some((names, beside))
    }

    /// “on pve1”, “in pool lab”, “gets VMID 510”, between a name and what announces its kind.
    fn beside_a_title(&mut self) -> Option<OfMember> {
        let at = self.at;
        let value = self
            .attempt(|p| p.place().filter(|place| matches!(place, Item::Node(_))))
            .or_else(|| self.attempt(Self::pool))
            .or_else(|| self.attempt(Self::vmid))?;
        Some((None, Said { value, tokens: at..self.at }))
    }

    /// “web-1, a VM with …”, “web-1 / VM / …”, “web-1 (VM, …)”: a mark, and the noun.
    fn listed_with_its_kind(&mut self, built: bool, count: usize) -> Option<()> {
        let dashed = self.mark('–') || self.mark('—') || self.mark('=');
        let listed = !dashed && built && (self.mark(',') || self.mark('/') || self.mark('|') || self.mark('('));
        (dashed || listed).then_some(())?;
        let opens = listed && self.tokens[self.at - 1].kind == TokenKind::Mark('(');
        self.ahead(|p| {
            let (article, plural) = p.noun_of_a_title()?;
            let ends = |p: &Self| {
                p.done()
                    || p.peek(0).is_some_and(|next| {
                        matches!(next.kind, TokenKind::Mark(',' | '/' | '|' | ')' | ':')) || next.word == "with"
                    })
            };
            (dashed || article && !opens || ends(p) && (count == 1 || plural)).then_some(())
        })
        .then_some(())
    }

    /// “web-1 is to be a VM”, “web-1 as a VM”, “web-1 should live on pve1 as a VM”.
    fn becoming(&mut self, built: bool, beside: &mut Vec<OfMember>) -> Option<()> {
        let modal = self.any(words!(
            "is going to be|is to be|are to be|to be|should be|shall be|will be|must be|has to be|have to be|needs to be|need to be"
        ));
        // “web-1 is a VM with …” declares it.
        let is = !modal && self.any(words!("is|are"));
        let verb = if modal {
            self.any(words!("created|deployed|built|set up|made|placed|hosted"))
        } else {
            let does = self.any(words!("is to|are to|should|shall|will|must|has to|have to|needs to|need to|to"));
            does && self.verb(words!("live|run|come into being|come into existence|exist|be born|go|sit|reside|become"))
        };
        if verb {
            self.any(words!("as well"));
            beside.extend(self.beside_a_title());
        }
        let r#as = (built || verb) && self.any(words!("as"));
        (modal || verb || r#as || is && built).then_some(())?;
        // “a-1 should exist with …” tells no kind.
        let at = self.at;
        let (article, _) = self.noun_of_a_title()?;
        self.at = at;
        (article || r#as || modal).then_some(())
    }

    /// The noun with what stands before it: whether an article or a number begins it, and whether it is plural.
    fn noun_of_a_title(&mut self) -> Option<(bool, bool)> {
        let article = self.any(words!("a new|an additional|an|a|another|one|the new"));
        // “train-1 to train-4, all of them VMs with …”
        let all = !article && self.verb(words!("all of them|each of them|both of them|all|both"));
        let article = article || all;
        let counted = !article
            && self
                .attempt(|p| {
                    p.number()?;
                    p.ahead(Self::guest_noun).then_some(())
                })
                .is_some();
        for _ in 0..MAX_ADJECTIVES {
            self.any(words!("new|identical"));
            if let Some(noun) = self.attempt(Self::guest_noun) {
                return Some((article || counted, noun.plural));
            }
            if self.attempt(Self::idle_adjective).is_none() {
                self.attempt(Self::adjective)?;
            }
        }
        None
    }

    /// “train-1 to train-4, all of them VMs with …”: behind several names.
    pub fn all_of_these(&mut self, names: Option<&[Said<String>]>) {
        let _ = names.is_some_and(|names| names.len() > 1)
            && self.verb(words!("all of them|each of them|both of them|all|both"));
    }

    /// “VM 410”, behind a name: its number.
    pub fn number_of_the_titled(&mut self) -> Option<OfMember> {
        let at = self.at;
        self.any(words!("number|id|with id|with the id"));
        let value = Item::Vmid(self.vmid_number().filter(|number| *number >= 100)?);
        let tokens = at..self.at;
        let ends = self.at_boundary() || self.ahead(|p| p.mark(':').then_some(())) || self.word() == "with";
        ends.then_some((None, Said { value, tokens }))
    }
}

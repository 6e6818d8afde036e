//! Copies: clones of guests and templates, and templates made of guests.

use mycopod_core::reading::{Deed, Sourced, Target};

use crate::builtin::Parser;
use crate::builtin::drafting::draft::{Copy, Draft};
use crate::builtin::said::item::{Item, Said};
use crate::builtin::whom::target::Targets;
use crate::builtin::wordings::words;

/// How copies are called, whether they are full ones, and whose they are.
type Cloned = (Vec<Sourced<String>>, Option<Sourced<bool>>, Target);

/// The words by which a guest is made a copy of another.
pub const COPIES: [&str; 10] =
    ["clone", "clones", "cloned", "cloning", "copy", "copies", "copied", "duplicate", "duplicates", "duplicated"];

impl Parser<'_> {
    /// “clone web-02 as web-copy”, “make a full copy of web-02 called b”, “linked clone of base named c”.
    pub fn clone_guest(&mut self) -> Option<Draft> {
        self.copies.then_some(())?;
        let start = self.at;
        if let Some((names, full, from)) =
            self.attempt(Self::name_of_a_clone).or_else(|| self.attempt(Self::is_a_clone))
        {
            let tokens = start..self.at;
            return Some(Draft::Clone(Copy { tokens, from, names, full, items: Vec::new() }));
        }
        // “test-1: clone as test-9”
        if self.addressed.is_some()
            && let Some(copy) = self.attempt(|p| p.clone_of_addressee(start))
        {
            return Some(copy);
        }
        let made =
            self.verb(words!("make|create|take|set up|spin up|set me up|get|i want|new|do|perform|generate|produce"));
        self.any(words!("me|us"));
        let article = self.any(words!("a|an|another|one"));
        self.any(words!("new|exact|identical|second|further"));
        let count = self.attempt(Self::number);
        let full = self.attempt(|p| {
            let at = p.at;
            let full = p.any(words!("full|complete"));
            (full || p.any(words!("linked"))).then(|| Sourced::new(full, p.source(&(at..p.at))))
        });
        let several = count.is_some_and(|count| count > 1);
        let noun = if several { self.any(words!("clones|copies|duplicates")) } else { self.any(words!("clone|copy")) };
        if !noun || count.is_some() && !(made || several) {
            return None;
        }
        let of = self.any(words!("of"));
        // “create a clone web-09 of web-01”
        let plain = |p: &mut Self| p.names_said().filter(|_| p.word() == "of");
        let plain = if of { None } else { self.attempt(plain) };
        if (made || article) && !of && plain.is_none() && !self.ahead(|p| p.any(words!("called|named")).then_some(())) {
            return None;
        }
        let early = if of { None } else { plain.or_else(|| self.names_of_copies()) };
        if early.is_some() && !self.any(words!("of|from")) {
            return None;
        }
        let from = self.one_target()?;
        self.any(words!("please|for me|for us"));
        self.attempt(Self::for_theirs);
        let at = self.at;
        let fully = self.any(words!("fully")).then(|| Sourced::new(true, self.source(&(at..self.at))));
        let times = [words!("twice|two times"), words!("three times"), words!("four times")];
        let times = times.into_iter().zip(2_u64..).find(|(said, _)| self.any(said)).map(|(_, times)| times);
        let (count, several) = (count.or(times), several || times.is_some());
        let numbered = if several { None } else { self.attempt(Self::number_of_the_copy) };
        let names = early.or_else(|| {
            let _ = self.mark(',');
            // “two clones of test-1: test-5 and test-6”
            if several && self.mark(':') { self.names_said() } else { self.names_of_copies() }
        })?;
        if count.is_some_and(|count| u64::try_from(names.len()) != Ok(count)) {
            return None;
        }
        let full = full.or(fully).or_else(|| {
            self.attempt(|p| {
                let open = p.mark('(');
                p.mark(',');
                let at = p.at;
                let full =
                    p.any(words!("as a full clone|as a full copy|as full clone|full clone|full copy|fully|full"));
                let linked = !full && p.any(words!("as a linked clone|as linked clone|linked clone|linked"));
                let said = (full || linked).then(|| Sourced::new(full, p.source(&(at..p.at))));
                said.filter(
                    |_| if open { p.mark(')') } else { p.at_boundary() || p.word() == "with" || p.word() == "on" },
                )
            })
        });
        let items = numbered.into_iter().collect();
        Some(Draft::Clone(Copy { tokens: start..self.at, from, names, full, items }))
    }

    /// “to 333”, “to VM 333”, before how the copy is called
    fn number_of_the_copy(&mut self) -> Option<Said<Item>> {
        let start = self.at;
        self.any(words!("to|into|as")).then_some(())?;
        self.any(words!("vmid|vm id|vm|ct|container|id"));
        let value = Item::Vmid(self.vmid_number()?);
        let tokens = start..self.at;
        self.mark(',');
        self.ahead(|p| {
            p.any(words!("named|called|and call it|and name it|with the name|with name|name|as")).then_some(())
        })
        .then_some(Said { value, tokens })
    }

    /// “as web-09”, “, the new one is to be called web-09”, “into a VM named web-09”
    pub fn names_of_copies(&mut self) -> Option<Vec<Sourced<String>>> {
        self.attempt(|p| {
            p.attempt(|p| {
                p.any(words!("and"));
                p.any(words!("the new one|the new vm|the new container|the new machine|the copy|the clone|its copy|it")).then_some(())?;
                p.any(words!("is to be|should be|shall be|will be|is")).then_some(())
            });
            // “…, the new VM is web-09”
            if p.last_word() == "is" && p.word() != "called" && p.word() != "named" {
                return p.names_said().filter(|_| p.at_boundary());
            }
            let open = p.mark('(');
            let into = p
                .attempt(|p| {
                    p.any(words!("to|into|as")).then_some(())?;
                    p.any(words!("a|an")).then_some(())?;
                    p.any(words!("new|full clone|linked clone"));
                    p.guest_noun();
                    p.any(words!("named|called|with the name")).then_some(())
                })
                .is_some();
            let said = into
                || p.any(words!(
                    "and call the clones|and name the clones|and call the copies|and name the clone|and name the copy|and call it|and name it|and call them|and name them|and call the clone|and call the copy|call it|name it|call them|name them|\
                     as a full clone named|as a linked clone named|as a full clone called|as a linked clone called|to a new vm|to a new container|to new vm|as vm|as container|\
                     over to|as|to|into|->|→|=>|named|called|with the name|with name|under the name|under the new name|name of the clone|name of the copy|name of the new vm|name of the new one|\
                     the name of the clone|new name|name"
                ))
                || p.ahead(|p| p.mark(':').then_some(()));
            said.then_some(())?;
            let _ = p.mark(':') || p.mark('=');
            let names = p.names_said()?;
            (!open || p.mark(')')).then_some(names)
        })
    }

    /// “… to web-09” behind who is cloned.
    pub fn copied(&mut self, start: usize, targets: Targets) -> Option<Draft> {
        let Targets::Old(targets) = targets else { return None };
        let [from] = <[Target; 1]>::try_from(targets).ok()?;
        let names = self.names_of_copies()?;
        Some(Draft::Clone(Copy { tokens: start..self.at, from, names, full: None, items: Vec::new() }))
    }

    /// “create web-09 as a clone of web-01”, “create a VM web-09 by cloning web-01”, “create a-1 and a-2 as clones of web-01”
    fn name_of_a_clone(&mut self) -> Option<Cloned> {
        let made = self.any(words!("make|create|set up"));
        self.any(words!("a|an"));
        let new = self.any(words!("new"));
        let noun = self.attempt(Self::guest_noun).is_some();
        (made || new || noun).then_some(())?;
        self.any(words!("called|named"));
        let names = self.names_said()?;
        names.iter().all(|name| !self.inventory.guests.contains_key(&name.value)).then_some(())?;
        let _ = self.mark(',') || self.mark(':');
        if self.verb(words!("cloned from|by cloning|copied from|duplicated from")) {
            return Some((names, None, self.one_target()?));
        }
        self.any(words!("as a|as|from a|a"));
        self.clones_of(names)
    }

    /// “web-09: clone of web-01”, “web-09 is to be a clone of web-01”, “a-1 and a-2 as clones of web-01”
    fn is_a_clone(&mut self) -> Option<Cloned> {
        let names = self.names_said()?;
        names.iter().all(|name| !self.inventory.guests.contains_key(&name.value)).then_some(())?;
        let said = self.mark(':')
            || self.mark('=')
            || self.any(words!("is to be|are to be|should be|shall be|will be|is|are|becomes|as"));
        said.then_some(())?;
        self.any(words!("a|an"));
        self.clones_of(names)
    }

    /// “full clone of web-01”, “clones of web-01”, which `names` shall be.
    fn clones_of(&mut self, names: Vec<Sourced<String>>) -> Option<Cloned> {
        let at = self.at;
        let full = self.any(words!("full")) || !self.any(words!("linked"));
        let full = (self.at > at).then(|| Sourced::new(full, self.source(&(at..self.at))));
        let said = if names.len() > 1 {
            self.any(words!("clones of|copies of|duplicates of"))
        } else {
            self.any(words!("clone of|copy of"))
        };
        said.then_some(())?;
        Some((names, full, self.one_target()?))
    }

    /// “clone as test-9”, “clone to a new VM called test-9”, of whom the sentence addresses.
    fn clone_of_addressee(&mut self, start: usize) -> Option<Draft> {
        let [from] = <[_; 1]>::try_from(self.addressed.clone()?).ok()?;
        self.any(words!("clone it|copy it|duplicate it|clone|copy")).then_some(())?;
        self.any(words!("to a new vm called|to a new vm named|as|to|into|->|→|=>")).then_some(())?;
        let names = self.names_said()?;
        Some(Draft::Clone(Copy { tokens: start..self.at, from, names, full: None, items: Vec::new() }))
    }

    /// The names of copies, each with its words.
    fn names_said(&mut self) -> Option<Vec<Sourced<String>>> {
        let names = self.attempt(|p| p.names(true)).or_else(|| {
            let at = self.at;
            let value = self.name()?;
            Some(vec![Said { value, tokens: at..self.at }])
        })?;
        Some(names.into_iter().map(|name| Sourced::new(name.value, self.source(&name.tokens))).collect())
    }

    /// “make a template of web-01”, “convert web-01 to a template”, “turn web-01 into a template”.
    pub fn template(&mut self) -> Option<Draft> {
        let start = self.at;
        let targets = if self.any(words!("make a template of|make a template from|make a template out of|create a template of|create a template from|create a template out of")) {
            self.targets()?
        } else {
            let made = self.any(words!("make"));
            if !made && !self.verb(words!("convert|turn|transform|change|let")) {
                return None;
            }
            let targets = self.targets()?;
            if !made {
                return self.becoming_a_template(start, targets);
            }
            self.any(words!("to|into"));
            if !self.any(words!("a template|templates|template")) {
                return None;
            }
            targets
        };
        self.doing(start, targets, Deed::MakeTemplate)
    }
}

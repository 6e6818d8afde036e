//! Headings between what is said of a new guest: “Resources: 2 cores, …”, “Network: 10.0.0.5/24”, “Specs as follows.”

use crate::builtin::Parser;
use crate::builtin::said::item::{How, Item};
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// A heading at the beginning of a sentence, behind a new guest.
    pub fn section(&mut self) -> Option<()> {
        self.group()?;
        let start = self.at;
        self.tokens[self.began..start].iter().all(|token| !token.is_content()).then_some(())?;
        if self.verb(words!(
            "specs as follows|specs are as follows|details as follows|details are as follows|specs below|details below|sizing as follows"
        )) {
            self.mark(':');
            return self.done().then(|| self.asides.push(start..self.at));
        }
        let plain = self.verb(words!("resources|options|extras|compute|features|requirements|settings|misc"));
        if !plain {
            self.verb(words!("networking|network|cloud-init|cloudinit")).then_some(())?;
        }
        let heading = start..self.at;
        (self.mark(':') && !self.done()).then_some(())?;
        // “Network: vmbr1” and “Cloud-init: local-lvm” are values.
        let value = |p: &mut Self| {
            p.at = start;
            p.item(How::Create)
        };
        let says = |p: &mut Self| p.item(How::Create).filter(|item| !matches!(item.value, Item::Storage(_)));
        (plain || !self.ahead(value) && self.ahead(says)).then(|| self.asides.push(heading))
    }
}

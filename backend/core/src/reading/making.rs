//! What a guest to be made shall be: the statement that makes it, and what a form sets of it instead.

use super::{FormEdit, FormField, FormGuest, Reading, What};
use crate::field::{DiskPart, Field, NicPart};
use crate::guest::Kind;
use crate::id::{DeclarationId, ResourceId};
use crate::typed::kind_of;

/// Something of a guest to be made that guests of another kind do not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    /// What it is called on a page.
    pub label: String,
    /// The number of the edit in a form that sets it; else the declaration says it.
    pub edit: Option<usize>,
}

impl Reading {
    /// The statement by which that guest is to be made.
    #[must_use]
    pub fn making(&self, declaration: DeclarationId, guest: ResourceId) -> Option<&What> {
        let makes = |what: &What| matches!(what, What::Create(_) | What::Clone { .. } | What::Typed(_));
        let mut said = self.statements.iter().map(|statement| &statement.what).enumerate();
        said.find(|(at, what)| makes(what) && ResourceId::nth_of(declaration, *at) == guest).map(|(_, what)| what)
    }

    /// The kind that a guest to be made shall be of. That of a copy is only known where what it is a copy of was seen.
    #[must_use]
    pub fn kind_of(&self, declaration: DeclarationId, guest: ResourceId) -> Option<Kind> {
        let of_guest = |edit: &FormEdit| edit.guest == FormGuest::New(guest) && edit.field == FormField::Kind;
        let set = FormEdit::standing(&self.edits).find(|(_, edit)| of_guest(edit)).map(|(_, edit)| edit);
        set.and_then(|edit| kind_of(&edit.to.to_string())).or_else(|| match self.making(declaration, guest)? {
            What::Create(create) => Some(create.kind.value),
            What::Typed(typed) => Some(typed.kind.value),
            What::Clone { .. } | What::Change { .. } | What::Do { .. } | What::Facility(_) => None,
        })
    }

    /// What was said and set of a guest to be made that those of `kind` do not have. What is there by default is none of
    /// it: they have defaults of their own.
    #[must_use]
    pub fn foreign_to(&self, kind: Kind, declaration: DeclarationId, guest: ResourceId) -> Vec<Foreign> {
        let mut foreign = Vec::new();
        let mut say = |label: String| foreign.push(Foreign { label, edit: None });
        match self.making(declaration, guest) {
            Some(What::Create(create)) => {
                let unlike = create.unlike.iter().map(|(plain, _)| plain);
                let plain = create.plain.iter().map(|(plain, _)| plain).chain(unlike).copied().map(Field::Plain);
                plain.filter(|field| !field.fits(kind)).for_each(|field| say(field.label()));
                let is_foreign = |part: &DiskPart| part.only().is_some_and(|only| only != kind);
                let parts = create.disks.iter().flat_map(|disk| &disk.parts).map(|(part, _)| *part);
                parts.filter(is_foreign).for_each(|part| say(format!("Disk {}", part.label())));
                let is_foreign = |part: &NicPart| part.only().is_some_and(|only| only != kind);
                let parts = create.nics.iter().flat_map(|nic| &nic.parts).map(|(part, _)| *part);
                parts.filter(is_foreign).for_each(|part| say(format!("NIC {}", part.label())));
            }
            Some(What::Typed(typed)) => {
                typed.fields.keys().filter(|field| !field.fits(kind)).for_each(|field| say(field.label()));
            }
            Some(What::Clone { .. } | What::Change { .. } | What::Do { .. } | What::Facility(_)) | None => {}
        }
        for (number, edit) in FormEdit::standing(&self.edits).filter(|(_, edit)| edit.guest == FormGuest::New(guest)) {
            // A container is always made from something.
            let is_bare = edit.field == FormField::Image && edit.leaves_out() && kind == Kind::Lxc;
            let is_foreign = edit.field.key().is_some_and(|field| !field.fits(kind));
            if is_bare || is_foreign || edit.parts.keys().any(|part| !part.fits(kind)) {
                foreign.push(Foreign { label: edit.field.label(), edit: Some(number) });
            }
        }
        foreign
    }
}

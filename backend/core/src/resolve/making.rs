//! A guest that is to be made, however it was asked for: where it begins, and where it ends.

use std::collections::BTreeMap;

use super::change::take_name;
use super::{Doubt, Fields, Resolver, Subject, about_new, disks_in_order, is_of, label};
use crate::guest::{GuestName, Kind, Vmid};
use crate::id::ResourceId;
use crate::intent::{NewGuest, NewOrigin, Wish};
use crate::observed::{Origin, Sighting};
use crate::reading::{Source, Sourced, Span};

/// What must be known of a guest before its fields mean anything.
#[derive(Clone, Copy)]
pub(super) struct Beginning<'s> {
    pub(super) kind: &'s Sourced<Kind>,
    pub(super) name: &'s Sourced<String>,
    pub(super) vmid: Option<&'s Sourced<u32>>,
    pub(super) node: Option<&'s Sourced<String>>,
    pub(super) image: Option<&'s Sourced<String>>,
}

impl<'a> Resolver<'a> {
    /// The guest without its fields, and the template that it is made from, if any.
    pub(super) fn begin(
        &mut self,
        ordinal: usize,
        at: Span,
        begins: Beginning<'_>,
    ) -> Option<(NewGuest, Option<&'a Sighting>)> {
        let Beginning { kind, name, vmid, node, image } = begins;
        let (resource, name) = self.named(ordinal, at, name)?;
        let vmid = vmid.and_then(|said| self.free_vmid(at, said));
        let node = node.and_then(|node| self.node(at, node));
        let mut origin = image.and_then(|said| self.image(at, kind.value, said));
        if origin.is_none() && kind.value == Kind::Lxc {
            origin = Some(self.default_image(at)?);
        }
        let mut new = NewGuest {
            resource,
            kind: kind.clone(),
            name,
            vmid,
            node,
            origin,
            fields: BTreeMap::new(),
            disks: Vec::new(),
        };
        let template = self.keep_alike_templates(&mut new);
        Some((new, template))
    }

    /// Wishes for the guest with these fields and the defaults for others.
    pub(super) fn end(
        &mut self,
        at: Span,
        mut new: NewGuest,
        from_template: bool,
        subject: &Subject<'a>,
        mut fields: Fields,
    ) {
        self.defaults(&new, from_template, &mut fields);
        self.together(at, subject, &mut fields);
        take_name(&mut new, &mut fields);
        new.fields = fields;
        self.wishes.push(Wish::Exist(Box::new(new)));
    }

    /// The resource and name of a new guest, unless it was left out.
    pub(super) fn named(
        &mut self,
        ordinal: usize,
        at: Span,
        said: &Sourced<String>,
    ) -> Option<(ResourceId, Sourced<GuestName>)> {
        let resource = ResourceId::nth_of(self.declaration, ordinal);
        let name = self.free_name(at, said, is_of(resource))?;
        (!self.answers.left_out(&about_new(&name.value), None)).then_some((resource, name))
    }

    /// The VMID that somebody said, where no guest has it.
    pub(super) fn free_vmid(&mut self, at: Span, said: &Sourced<u32>) -> Option<Sourced<Vmid>> {
        let observed = self.observed;
        let check = |number: u32| {
            let range = format!("{} to {}", Vmid::MIN, Vmid::MAX);
            let vmid = Vmid::try_from(number).map_err(|_| {
                Doubt::new(format!("Proxmox numbers guests {range}, and {number} is none of it. Which one?"))
            })?;
            match observed.numbered(vmid) {
                Some(seen) => Err(Doubt::new(format!("VMID {vmid} is {}. Which one shall it be?", label(seen)))),
                None => Ok(number),
            }
        };
        let number = self.settle("vmid", at, said, |answer| answer.trim().parse().ok(), check)?;
        let vmid = Vmid::try_from(number.value).ok()?;
        Some(Sourced::new(vmid, number.source))
    }

    /// The image of a container that nobody named one for.
    fn default_image(&mut self, at: Span) -> Option<Sourced<NewOrigin>> {
        let words = &self.policy.ct_image;
        let why = format!("a container is made from {words} unless an image is named");
        match super::image::find(self.observed, Kind::Lxc, words) {
            Ok((origin, _)) => Some(Sourced::new(origin, Source::default(why))),
            Err(_) => self.image(at, Kind::Lxc, &Sourced::new(words.clone(), Source::default(why))),
        }
    }

    /// Templates of one name may differ from node to node: those with another system disk than the first are
    /// not used, because the fields name its slot.
    fn keep_alike_templates(&self, new: &mut NewGuest) -> Option<&'a Sighting> {
        let observed = self.observed;
        let at = &mut new.origin.as_mut()?.value.at;
        let first = super::template_of(observed, at)?;
        let slot = disks_in_order(first).first().cloned();
        at.retain(|_, origin| match origin {
            Origin::Template(vmid) => {
                observed.numbered(*vmid).is_some_and(|seen| disks_in_order(seen).first() == slot.as_ref())
            }
            Origin::Volume(_) => true,
        });
        new.disks = disks_in_order(first);
        Some(first)
    }
}

//! From what was said of new guests to one description each, with a question for what stays open.

use std::ops::Range;

use mycopod_core::field::{DiskPart, NicPart, Plain, Value};
use mycopod_core::guest::Kind;
use mycopod_core::reading::{
    Amount, Create, DiskRef, LEAVE_OUT, Question, Source, Sourced, Target, WantedDisk, WantedNic,
};
use mycopod_core::size::Size;

use super::draft::{Context, Group};
use super::settle::{address_answered, cores_of_a_socket, once, set_part, settle, shared_cores, unit_answered};
use crate::builtin::making::members;
use crate::builtin::said::item::{DiskItem, Item, Said, Which};

/// The description of each guest of a group. Guests without a name or kind are left out; they are asked for.
pub fn creates(context: &Context<'_>, group: &Group, questions: &mut Vec<Question>) -> Vec<Create> {
    let kind = members::kind(context, group, questions);
    let names = members::names(context, group, kind.as_ref().map(|kind| kind.value), questions);
    let Some(kind) = kind else { return Vec::new() };
    if names.is_empty() {
        // What else is open about it is asked at once, not one question after the other.
        let kind_only = kind.clone();
        Description::of(context, group, None, questions).create(
            context,
            kind_only,
            Sourced::new(String::new(), Source::inferred("no name yet")),
            questions,
        );
        return Vec::new();
    }
    members::ask_about_the_undescribed(context, group, questions);
    if names.len() > 1 {
        let of_all = Description::of(context, group, None, &mut Vec::new());
        of_all.ask_about_shared_number(questions);
        questions.extend(of_all.cores_in_total.iter().map(|said| shared_cores(context, &said.tokens)));
        of_all.ask_about_shared_address(questions);
    }
    names
        .into_iter()
        .enumerate()
        .map(|(member, name)| {
            let description = Description::of(context, group, Some(member), questions);
            let create = description.create(context, kind.clone(), name, questions);
            ask_how_large(context, group, &create, questions);
            create
        })
        .collect()
}

/// “a small VM” says nothing where its cores and memory are not said.
fn ask_how_large(context: &Context<'_>, group: &Group, create: &Create, questions: &mut Vec<Question>) {
    let said = |wanted: Plain| create.plain.iter().any(|(plain, _)| *plain == wanted);
    if let Some(word) = &group.vague
        && create.like.is_none()
        && !(said(Plain::Cores) && said(Plain::Memory))
    {
        let text =
            format!("“{}”: how many cores, and how much memory? Say it in the declaration.", context.words(word));
        questions.push(context.question("size", word, text, &[]));
    }
}

/// A storage, and behind how many disks it was said.
pub(super) struct NamedStorage {
    pub(super) said: Said<String>,
    pub(super) behind: usize,
}

/// What was said of one guest.
#[derive(Default)]
pub(super) struct Description {
    pub(super) vmid: Option<Sourced<u32>>,
    pub(super) like: Option<Target>,
    pub(super) node: Option<Sourced<String>>,
    pub(super) image: Option<Sourced<String>>,
    pub(super) plain: Vec<(Plain, Sourced<Value>)>,
    /// More or less of something than the guest has that it shall be like.
    pub(super) unlike: Vec<(Plain, Sourced<Amount>)>,
    pub(super) disks: Vec<(Which, WantedDisk)>,
    /// A storage for all disks that have none of their own; where several are said, each of the disk before it.
    pub(super) storages: Vec<NamedStorage>,
    /// Parts of disks that are not described yet, or that are meant by their place.
    pub(super) disk_parts: Vec<Said<(Option<DiskRef>, DiskPart, Value)>>,
    /// Small volumes on a storage that is not said.
    pub(super) volumes: Vec<Said<Plain>>,
    pub(super) nics: Vec<WantedNic>,
    pub(super) nic_count: Option<Said<u64>>,
    /// The cores of all sockets together.
    pub(super) cores_in_total: Option<Said<u64>>,
    /// Whether its NICs are counted from one: “NIC 1 on vmbr0, NIC 2 on vmbr1”.
    pub(super) nics_from_one: bool,
    pub(super) bare: Vec<Said<Size>>,
}

impl Description {
    fn of(context: &Context<'_>, group: &Group, member: Option<usize>, questions: &mut Vec<Question>) -> Self {
        let mut description = Self::default();
        let sibling = group.sibling(member);
        for (_, item) in group.items_of(member) {
            if !(sibling.is_some() && matches!(item.value, Item::Like(_))) {
                description.add(context, &item.value, &item.tokens, questions);
            }
        }
        let of_sibling = sibling.into_iter().flat_map(|sibling| group.items_of(Some(sibling)));
        let base_items: Vec<&(Option<usize>, Said<Item>)> = group.base.iter().chain(of_sibling).collect();
        if !base_items.is_empty() {
            let mut base = Self::default();
            for (_, item) in base_items {
                base.add(context, &item.value, &item.tokens, questions);
            }
            base.place_bare_amounts(context, questions);
            description.place_bare_amounts(context, questions);
            description.complete(base);
        }
        description
    }

    /// Takes from `base` what was not said. Where a guest is, and its number, are its own.
    fn complete(&mut self, base: Self) {
        let has = |plain: Plain, of: &Self| of.plain.iter().any(|(known, _)| *known == plain);
        let open: Vec<_> = base.plain.into_iter().filter(|(plain, _)| !has(*plain, self)).collect();
        self.plain.extend(open);
        self.unlike.extend(base.unlike);
        self.image = self.image.take().or(base.image);
        self.like = self.like.take().or(base.like);
        if self.disks.iter().all(|(which, _)| *which == Which::Further) {
            self.disks.splice(0..0, base.disks);
            self.disk_parts.extend(base.disk_parts);
            if self.storages.is_empty() {
                self.storages = base.storages;
            }
        }
        self.volumes.extend(base.volumes);
        if self.nics.is_empty() {
            // An address is one guest's.
            let own = |part: NicPart| !matches!(part, NicPart::Ip | NicPart::Ip6 | NicPart::Mac);
            let dhcp = |value: &Sourced<Value>| value.value == Value::Text("dhcp".to_owned());
            let alike = |nic: WantedNic| WantedNic {
                parts: nic.parts.into_iter().filter(|(part, value)| own(*part) || dhcp(value)).collect(),
            };
            self.nics = base.nics.into_iter().map(alike).collect();
        }
    }

    fn add(&mut self, context: &Context<'_>, item: &Item, tokens: &Range<usize>, questions: &mut Vec<Question>) {
        match item {
            Item::Plain(plain, amount) => self.set(context, *plain, amount, tokens, questions),
            Item::Unitless(plain, number) => {
                if let Some(size) = unit_answered(context, *number, tokens, questions) {
                    self.set(context, *plain, &Amount::To(Value::Size(size)), tokens, questions);
                }
            }
            Item::Disk(disk) => self.disk(context, disk, tokens, questions),
            Item::DiskPart(disk, part, Amount::To(value)) => {
                self.disk_part(context, disk.as_ref(), *part, value, tokens, questions);
            }
            Item::DiskPart(..) | Item::Replug { .. } => questions.push(context.question(
                "amount",
                tokens,
                format!(
                    "“{}”: it is only made, so there is nothing it could be changed from. How shall it be?",
                    context.words(tokens)
                ),
                &[],
            )),
            Item::OnStorage(plain) => self.volumes.push(Said { value: *plain, tokens: tokens.clone() }),
            Item::Nic { number, parts, fresh } => self.nic(context, *number, parts, *fresh, tokens, questions),
            Item::Address(address) => {
                let text = address_answered(context, address, tokens, questions);
                if let Some(text) = text {
                    self.nic(context, None, &[(NicPart::Ip, Value::Text(text))], false, tokens, questions);
                }
            }
            Item::EachNic(number, parts) if number.fits(self.nics.len()) => {
                for at in 0..self.nics.len() {
                    let number = u8::try_from(at + usize::from(self.nics_from_one)).ok();
                    self.nic(context, number, parts, false, tokens, questions);
                }
            }
            Item::EachNic(..) => questions.push(context.question(
                "nic-count",
                tokens,
                format!(
                    "“{}”, and {} NICs are described before it. Which are meant?",
                    context.words(tokens),
                    self.nics.len()
                ),
                &[],
            )),
            Item::CoresInTotal(count) => self.cores_in_total = Some(Said { value: *count, tokens: tokens.clone() }),
            Item::NicCount(count) => self.nic_count = Some(Said { value: *count, tokens: tokens.clone() }),
            Item::Storage(storage) => {
                let said = Said { value: storage.clone(), tokens: tokens.clone() };
                self.storages.push(NamedStorage { said, behind: self.disks.len() });
            }
            Item::Node(node) => once(context, "node", &mut self.node, node.clone(), tokens, questions),
            Item::Vmid(vmid) => match &mut self.vmid {
                Some(first) => settle(context, "vmid", first, *vmid, tokens, questions),
                None => self.vmid = Some(context.said(*vmid, tokens)),
            },
            Item::Like(target) => self.like = Some(target.clone()),
            Item::Same | Item::SameAs(_) => {}
            Item::Image(image) => once(context, "image", &mut self.image, image.clone(), tokens, questions),
            Item::Bare(Amount::To(Value::Size(size))) => self.bare.push(Said { value: *size, tokens: tokens.clone() }),
            Item::Bare(_) => questions.push(context.question(
                "amount",
                tokens,
                format!("More of what is “{}”?", context.words(tokens)),
                &[],
            )),
            Item::Firewall(..) => {
                let text = format!(
                    "“{}”: the firewall is set up for guests that exist. Declare it when this one does. Leave it out?",
                    context.words(tokens)
                );
                if context.answer("unread", tokens) != Some(LEAVE_OUT) {
                    questions.push(context.question("unread", tokens, text, &[LEAVE_OUT]));
                }
            }
            Item::Several(items) => items.iter().for_each(|item| self.add(context, item, tokens, questions)),
        }
    }

    pub(super) fn set(
        &mut self,
        context: &Context<'_>,
        plain: Plain,
        amount: &Amount,
        tokens: &Range<usize>,
        questions: &mut Vec<Question>,
    ) {
        // “tag it web” adds to nothing yet.
        let (Amount::To(value) | Amount::Plus(value @ Value::Set(_))) = amount else {
            return self.unlike.push((plain, context.said(amount.clone(), tokens)));
        };
        let Some((_, first)) = self.plain.iter_mut().find(|(known, _)| *known == plain) else {
            self.plain.push((plain, context.said(value.clone(), tokens)));
            return;
        };
        if let (Value::Set(tags), Value::Set(more)) = (&mut first.value, value) {
            tags.extend(more.iter().cloned());
        } else {
            settle(context, Plain::as_str(plain), first, value.clone(), tokens, questions);
        }
    }

    fn disk(&mut self, context: &Context<'_>, disk: &DiskItem, tokens: &Range<usize>, questions: &mut Vec<Question>) {
        let Amount::To(Value::Size(size)) = disk.amount else {
            questions.push(context.question(
                "amount",
                tokens,
                format!("“{}”: more than what?", context.words(tokens)),
                &[],
            ));
            return;
        };
        let storage = disk.storage.as_ref().map(|storage| context.said(storage.value.clone(), &storage.tokens));
        let parts: Vec<(DiskPart, Sourced<Value>)> =
            disk.parts.iter().map(|(part, value)| (*part, context.said(value.clone(), tokens))).collect();
        for _ in 0..disk.times {
            let wanted = WantedDisk {
                size: context.said(size, tokens),
                storage: storage.clone(),
                parts: parts.clone(),
                further: false,
            };
            self.disks.push((disk.which.clone(), wanted));
        }
    }

    /// A part of the disk that was described last, or kept until all are.
    fn disk_part(
        &mut self,
        context: &Context<'_>,
        disk: Option<&DiskRef>,
        part: DiskPart,
        value: &Value,
        tokens: &Range<usize>,
        questions: &mut Vec<Question>,
    ) {
        match (disk, self.disks.last_mut()) {
            (None, Some((_, last))) => set_part(context, last, part, value.clone(), tokens, questions),
            _ => self.disk_parts.push(Said { value: (disk.cloned(), part, value.clone()), tokens: tokens.clone() }),
        }
    }

    fn nic(
        &mut self,
        context: &Context<'_>,
        number: Option<u8>,
        parts: &[(NicPart, Value)],
        fresh: bool,
        tokens: &Range<usize>,
        questions: &mut Vec<Question>,
    ) {
        if self.nics.is_empty() && number == Some(1) {
            let words = context.words(tokens).to_lowercase();
            self.nics_from_one =
                ["nic 1", "interface 1", "network card 1"].iter().any(|counted| words.contains(counted));
        }
        let number = if self.nics_from_one { number.map(|number| number.saturating_sub(1)) } else { number };
        let has = |nic: &WantedNic, part: NicPart| nic.parts.iter().any(|(known, _)| *known == part);
        let bridge = parts.iter().any(|(part, _)| *part == NicPart::Bridge);
        let begins = match self.nics.last() {
            None => true,
            // A second bridge is a second NIC; so is a second address once the first NIC is complete.
            Some(last) => {
                fresh
                    || bridge && has(last, NicPart::Bridge)
                    || has(last, NicPart::Bridge) && parts.iter().any(|(part, _)| has(last, *part))
            }
        };
        let at = match number.map(usize::from) {
            None if begins => self.nics.len(),
            None => self.nics.len() - 1,
            Some(number) if number <= self.nics.len() => number,
            Some(number) => {
                let text = format!(
                    "“{}” is NIC {number}, and {} described before it. Which bridges are those on?",
                    context.words(tokens),
                    if self.nics.is_empty() { "none is".to_owned() } else { format!("{} are", self.nics.len()) },
                );
                return questions.push(context.question("nic-count", tokens, text, &[]));
            }
        };
        if at == self.nics.len() {
            self.nics.push(WantedNic::default());
        }
        let nic = &mut self.nics[at];
        for (part, value) in parts {
            match nic.parts.iter_mut().find(|(known, _)| known == part) {
                Some((_, first)) => settle(context, part.as_str(), first, value.clone(), tokens, questions),
                None => nic.parts.push((*part, context.said(value.clone(), tokens))),
            }
        }
    }

    /// More or less than what, where it shall be like nobody, or where the same is said besides?
    fn ask_about_the_unlike(&mut self, questions: &mut Vec<Question>) {
        for (at, (plain, said)) in self.unlike.iter().enumerate() {
            let again = self.plain.iter().any(|(known, _)| known == plain)
                || self.unlike[..at].iter().any(|(known, _)| known == plain);
            if self.like.is_none() || again {
                let words = match &said.source {
                    Source::Said(fragment) => fragment.text.as_str(),
                    Source::Inferred { .. } | Source::Default { .. } | Source::Answered { .. } | Source::Set { .. } => {
                        plain.label()
                    }
                };
                let text = format!("“{words}”: more or less than what?");
                questions.push(Question::new("amount", said.source.span(), text, Vec::new()));
            }
        }
    }

    /// Nor can one VMID.
    fn ask_about_shared_number(&self, questions: &mut Vec<Question>) {
        if let Some(vmid) = &self.vmid {
            let text = format!(
                "VMID {} can be one guest’s, and several are made. Say it of one, or leave it out.",
                vmid.value
            );
            questions.push(Question::new("vmid", vmid.source.span(), text, Vec::new()));
        }
    }

    /// One address cannot be several guests'.
    fn ask_about_shared_address(&self, questions: &mut Vec<Question>) {
        for (part, value) in self.nics.iter().flat_map(|nic| &nic.parts) {
            if let (NicPart::Ip, Source::Said(fragment)) = (part, &value.source)
                && value.value != Value::Text("dhcp".into())
            {
                let span = mycopod_core::reading::Span { start: fragment.start, end: fragment.end };
                let text = format!(
                    "“{}” is one address for several guests. Which address shall each of them have? Say them one by one.",
                    fragment.text
                );
                questions.push(Question::new("ip", Some(span), text, Vec::new()));
            }
        }
    }

    fn create(
        mut self,
        context: &Context<'_>,
        kind: Sourced<Kind>,
        name: Sourced<String>,
        questions: &mut Vec<Question>,
    ) -> Create {
        self.place_bare_amounts(context, questions);
        self.share_cores(context, questions);
        self.ask_about_the_unlike(questions);
        self.ostype_tells(context);
        self.place_storages(context, questions);
        // The system disk is the first; a mount point never is.
        let mounted = |disk: &WantedDisk| disk.parts.iter().any(|(part, _)| *part == DiskPart::Mount);
        // What is made from an image has a system disk already, to which others are added.
        let from_image = self.image.is_some();
        for (which, disk) in &mut self.disks {
            disk.further = match which {
                Which::Further | Which::The(DiskRef::Data | DiskRef::Nth(2..)) => true,
                Which::Added => from_image,
                Which::One | Which::Unclear | Which::Mass | Which::System | Which::The(_) => false,
            };
        }
        self.disks.sort_by_key(|(which, disk)| (mounted(disk), disk.further, *which != Which::System));
        self.place_disk_parts(context, questions);
        if let Some((_, first)) = self.disks.first().filter(|(_, first)| mounted(first)) {
            let span = first.size.source.span();
            let text =
                "How large shall the disk of its system be? What is said is a mount point. Say it in the declaration.";
            questions.push(Question::new("disk-size", span, text, Vec::new()));
        }
        self.count_nics(context, questions);
        self.place_volumes(context, questions);
        Create {
            kind,
            name,
            vmid: self.vmid,
            like: self.like,
            unlike: self.unlike,
            node: self.node,
            image: self.image,
            plain: self.plain,
            disks: self.disks.into_iter().map(|(_, disk)| disk).collect(),
            nics: self.nics,
        }
    }

    /// “8 cores in total” is so many for each of the sockets.
    fn share_cores(&mut self, context: &Context<'_>, questions: &mut Vec<Question>) {
        let Some(Said { value, tokens }) = self.cores_in_total.take() else { return };
        let sockets = self.plain.iter().find(|(plain, _)| *plain == Plain::Sockets).map(|(_, sockets)| &sockets.value);
        if let Some(cores) = cores_of_a_socket(context, value, sockets, &tokens, questions) {
            self.set(context, Plain::Cores, &Amount::To(cores), &tokens, questions);
        }
    }
}

//! What values Proxmox takes for a field.
//!
//! Bounds are those of Proxmox VE 8.4's API, and of the nodes on which the guest is or may be placed.

use std::collections::BTreeSet;

use super::{Doubt, address, mended};
use crate::field::{Field, NicPart, Plain, Shape, Value};
use crate::guest::{GuestName, Kind};
use crate::observed::Node;
use crate::size::Size;

/// Nodes by name.
pub(super) type Nodes<'a> = [(&'a String, &'a Node)];

/// The most characters of a word, a path or a volume's name: Proxmox's own bounds lie below.
const MAX_WORD: usize = 200;
/// The most bytes of all of a guest's SSH keys together.
const MAX_SSH_KEYS: usize = 8_000;
/// The kinds of public key that OpenSSH knows.
const SSH_KEY_KINDS: [&str; 7] = [
    "ssh-ed25519",
    "ssh-rsa",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
];

/// What a storage must allow to hold a guest's disks.
#[must_use]
pub const fn content_for(kind: Kind) -> &'static str {
    match kind {
        Kind::Qemu => "images",
        Kind::Lxc => "rootdir",
    }
}

/// Why guests of this kind have no such field.
fn foreign(field: &Field, kind: Kind) -> Option<&'static str> {
    if field.fits(kind) {
        return None;
    }
    Some(match (field, kind) {
        (Field::Plain(Plain::Sockets), _) => "a container has cores, but no CPU sockets",
        (Field::Plain(Plain::CpuType), _) => "a container uses its node’s CPU as it is",
        (Field::Plain(Plain::Swap), _) => "swap is set inside a VM’s own system",
        (Field::Plain(Plain::Unprivileged), _) => "only containers are privileged or unprivileged",
        (Field::Plain(Plain::CiUser), _) => "cloud-init is for VMs; a container’s user is root",
        (Field::Nic(_, NicPart::Model), _) => "a container’s NIC has no model",
        (_, Kind::Lxc) => "only VMs have it",
        (_, Kind::Qemu) => "only containers have it",
    })
}

/// `value` as Proxmox will keep it, or what is wrong with it.
pub(super) fn check(field: &Field, kind: Kind, value: Value, nodes: &Nodes<'_>) -> Result<Value, Doubt> {
    if let Some(why) = foreign(field, kind) {
        return Err(Doubt::new(format!("{} “{value}” does not apply: {why}.", field.label())));
    }
    match (field.shape(), value) {
        (Shape::Flag, Value::Flag(flag)) => Ok(Value::Flag(flag)),
        (Shape::Count { least, most }, Value::Count(count)) => match field {
            Field::Plain(Plain::Cores) => {
                let cpus = nodes.iter().map(|(_, node)| u64::from(node.cpus)).max().unwrap_or(most);
                within(field, count, least, cpus, "the node’s CPUs")
            }
            _ => within(field, count, least, most, "what Proxmox takes"),
        },
        (Shape::Decimal { most }, Value::Count(count)) => decimal(field, &count.to_string(), most),
        (Shape::Decimal { most }, Value::Text(text)) => decimal(field, &text, most),
        (Shape::Size { .. }, Value::Size(size)) if matches!(field, Field::Disk(..)) => {
            if size.is_whole_mib() && size >= Size::mib(1) {
                Ok(Value::Size(size))
            } else {
                Err(Doubt::new(format!("A disk of {size} is no whole number of MiB. How large shall it be?"))
                    .or([Size::gib(size.as_gib_ceil().max(1))]))
            }
        }
        (Shape::Size { least }, Value::Size(size)) => whole_mib(field, size, Size::mib(least)),
        (Shape::Choice(words), Value::Text(text)) => choice(field, &text, words).map(Value::Text),
        (Shape::Choices(words), Value::Set(set)) => {
            set.iter().map(|text| choice(field, text, words)).collect::<Result<_, _>>().map(Value::Set)
        }
        (Shape::Tags, Value::Set(tags)) => tags.iter().map(|tag| tag_of(tag)).collect::<Result<_, _>>().map(Value::Set),
        (Shape::Name, Value::Text(name)) => match name.parse::<GuestName>() {
            Ok(name) => Ok(Value::Text(name.into())),
            Err(bad) => Err(Doubt::new(format!("{bad}. What shall it be called?")).or(mended(&name))),
        },
        (shape, Value::Text(text)) => checked_text(field, kind, shape, text, nodes).map(Value::Text),
        (_, value) => Err(Doubt::new(format!("{} cannot be “{value}”. What shall it be?", field.label()))),
    }
}

/// Texts of a form of their own.
fn checked_text(field: &Field, kind: Kind, shape: Shape, text: String, nodes: &Nodes<'_>) -> Result<String, Doubt> {
    let refuse = |text: &str, form: &str| {
        Err(Doubt::new(format!("{} cannot be “{text}”: {form}. What shall it be?", field.label())))
    };
    // What can be none is none where the text is empty.
    let clears = matches!(field, Field::Plain(plain) if plain.unset() == Some(Value::Text(String::new())));
    if text.is_empty()
        && (clears || matches!(field, Field::Nic(_, NicPart::Ip | NicPart::Gateway | NicPart::Ip6 | NicPart::Gateway6)))
    {
        return Ok(text);
    }
    match shape {
        Shape::Word => match field {
            Field::Disk(..) | Field::Plain(Plain::EfiDisk | Plain::Tpm | Plain::CloudInit) => {
                storage_of(kind, text, nodes)
            }
            Field::Nic(..) => bridge_of(text, nodes),
            // A pool in a pool has a slash before its name.
            Field::Plain(Plain::Pool) if is_word(&text, "/") => Ok(text),
            Field::Plain(_) | Field::Firewall(_) if is_word(&text, "") => Ok(text),
            Field::Plain(_) | Field::Firewall(_) => refuse(&text, "it is one word of letters, digits, - . and _"),
        },
        Shape::Cpu if (2..=40).contains(&text.len()) && is_word(&text, "") => Ok(text),
        Shape::Cpu => {
            Err(Doubt::new(format!("“{text}” is no CPU type. Which one?")).or(["host", "x86-64-v2-AES", "kvm64"]))
        }
        Shape::Machine => machine(&text),
        Shape::Text { .. } if *field == Field::Plain(Plain::Description) => description(&text),
        Shape::Text { most } => {
            let text = text.trim().to_owned();
            if text.chars().count() <= most && !text.chars().any(char::is_control) {
                Ok(text)
            } else {
                refuse(&text, &format!("it is one line of {most} characters at most"))
            }
        }
        Shape::Path => {
            let sound = text.starts_with('/')
                && text.len() > 1
                && text.len() <= MAX_WORD
                && is_word(text.trim_start_matches('/'), "/")
                && text.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."));
            if sound { Ok(text) } else { refuse(&text, "it is an absolute path such as /srv/data") }
        }
        Shape::Volume => {
            let sound = text.split_once(':').is_some_and(|(storage, name)| {
                is_word(storage, "") && is_word(name, "/+") && name.split('/').all(|part| part != "..")
            });
            let none = text == "none" && *field == Field::Plain(Plain::Cdrom);
            if sound || none { Ok(text) } else { refuse(&text, "it is a volume such as local:iso/debian-12.iso") }
        }
        Shape::Devices => {
            let devices: Vec<&str> = text.split([';', ',', ' ']).filter(|device| !device.is_empty()).collect();
            if !devices.is_empty() && devices.iter().all(|device| is_device(device)) {
                Ok(devices.join(";"))
            } else {
                refuse(&text, "it is a list of disks and NICs such as scsi0;net0")
            }
        }
        Shape::Timezone if is_word(&text, "/+") => Ok(text),
        Shape::Timezone => refuse(&text, "it is a time zone such as Europe/Berlin, or host"),
        Shape::SshKeys => ssh_keys(&text),
        Shape::Address4 => address::with_prefix4(&text),
        Shape::Host4 => address::host4(&text),
        Shape::Address6 => address::with_prefix6(&text),
        Shape::Host6 => address::host6(&text),
        Shape::Hosts => address::hosts(&text),
        Shape::Domains => address::domains(&text),
        Shape::Mac => address::mac(&text),
        Shape::Flag
        | Shape::Count { .. }
        | Shape::Decimal { .. }
        | Shape::Size { .. }
        | Shape::Choice(_)
        | Shape::Choices(_)
        | Shape::Tags
        | Shape::Name => Err(Doubt::new(format!("{} cannot be “{text}”. What shall it be?", field.label()))),
    }
}

/// Letters, digits, `-`, `.`, `_` and what is in `more`, beginning with a letter or digit.
fn is_word(text: &str, more: &str) -> bool {
    text.len() <= MAX_WORD
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c) || more.contains(c))
}

/// A disk, CD or NIC by Proxmox's name of it.
fn is_device(text: &str) -> bool {
    let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
    stem.len() < text.len() && ["scsi", "virtio", "sata", "ide", "net"].contains(&stem)
}

/// `i440fx` and `pc` are one machine; a version may follow either.
fn machine(text: &str) -> Result<String, Doubt> {
    let lower = text.to_ascii_lowercase();
    let machine = match lower.as_str() {
        "i440fx" | "pc-i440fx" => "pc",
        other => other,
    };
    let version = |text: &str| text.starts_with(|c: char| c.is_ascii_digit()) && is_word(text, "+");
    let known = matches!(machine, "pc" | "q35")
        || machine.strip_prefix("pc-q35-").or_else(|| machine.strip_prefix("pc-i440fx-")).is_some_and(version);
    if known {
        Ok(machine.to_owned())
    } else {
        Err(Doubt::new(format!("“{text}” is no machine type. Which one is meant?")).or(["q35", "pc"]))
    }
}

/// Public keys, one a line, each of a kind and its data; comments stay.
fn ssh_keys(text: &str) -> Result<String, Doubt> {
    let keys: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let sound = |key: &&str| {
        let mut parts = key.splitn(3, ' ');
        let kind = parts.next().is_some_and(|kind| SSH_KEY_KINDS.contains(&kind));
        let data = parts.next().is_some_and(|data| {
            data.len() >= 40 && data.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
        });
        kind && data && !key.chars().any(char::is_control)
    };
    if text.contains("PRIVATE KEY") {
        let text = "This is a private key. It was not used; only public keys belong here. Which public key is meant?";
        return Err(Doubt::new(text));
    }
    if !keys.is_empty() && keys.iter().all(sound) && text.len() <= MAX_SSH_KEYS {
        Ok(keys.join("\n"))
    } else {
        Err(Doubt::new("This is no public SSH key such as “ssh-ed25519 AAAA… name”. Which key is meant?"))
    }
}

/// One of `words`, whatever its case.
fn choice(field: &Field, text: &str, words: &[&str]) -> Result<String, Doubt> {
    let lower = text.to_ascii_lowercase();
    let none = lower.is_empty() && *field == Field::Plain(Plain::Ha);
    if none || words.contains(&lower.as_str()) {
        Ok(lower)
    } else {
        let text = format!("{} cannot be “{text}”: Proxmox does not know it. Which one is meant?", field.label());
        Err(Doubt::new(text).or(words))
    }
}

/// A number of at most two decimals, as short as it can be.
fn decimal(field: &Field, text: &str, most: u64) -> Result<Value, Doubt> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let number =
        whole.parse::<u64>().ok().filter(|_| fraction.len() <= 2 && fraction.bytes().all(|b| b.is_ascii_digit()));
    match number {
        Some(number) if number < most || (number == most && fraction.is_empty()) => {
            Ok(Value::Text(if fraction.is_empty() { number.to_string() } else { format!("{number}.{fraction}") }))
        }
        _ => Err(Doubt::new(format!(
            "{} cannot be {text}: it is a number from 0 to {most} with at most two decimals. How much?",
            field.label()
        ))),
    }
}

/// Reads an answer as a value of `field`.
pub(super) fn read(field: &Field, answer: &str) -> Option<Value> {
    let answer = answer.trim();
    match field.shape() {
        Shape::Count { .. } => answer.parse().ok().map(Value::Count),
        Shape::Size { .. } => read_size(answer).map(Value::Size),
        Shape::Flag => match answer {
            "yes" => Some(Value::Flag(true)),
            "no" => Some(Value::Flag(false)),
            _ => None,
        },
        Shape::Tags | Shape::Choices(_) => {
            let words = answer.split([',', ';', ' ']).filter(|word| !word.is_empty());
            Some(Value::Set(words.map(str::to_owned).collect()))
        }
        Shape::Decimal { .. }
        | Shape::Choice(_)
        | Shape::Name
        | Shape::Word
        | Shape::Text { .. }
        | Shape::Path
        | Shape::Volume
        | Shape::Address4
        | Shape::Host4
        | Shape::Address6
        | Shape::Host6
        | Shape::Hosts
        | Shape::Domains
        | Shape::Mac
        | Shape::SshKeys
        | Shape::Machine
        | Shape::Cpu
        | Shape::Devices
        | Shape::Timezone => Some(Value::Text(answer.into())),
    }
}

/// Reads a size as people write it: `8 GiB`, `8G`, `512MB`, `1.5 GB`. GB and GiB are the same, for units are binary, as
/// Proxmox's are, and fractions are rounded to the nearest MiB. A number alone is none: of what?
#[must_use]
pub fn read_size(text: &str) -> Option<Size> {
    let text = text.trim();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit_at);
    let mib: u64 = match unit.to_ascii_lowercase().as_str() {
        "m" | "mb" | "mib" => 1,
        "g" | "gb" | "gib" => 1 << 10,
        "t" | "tb" | "tib" => 1 << 20,
        _ => return None,
    };
    let (whole, fraction) = number.trim().split_once('.').unwrap_or((number.trim(), "0"));
    let digits = |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let scale = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let part = digits(fraction)?.checked_mul(mib)?;
    let whole = digits(whole)?.checked_mul(mib)?;
    let mib = whole.checked_add(part.checked_add(scale / 2)? / scale)?;
    mib.checked_mul(1 << 20).map(Size::bytes)
}

/// A storage that one of `nodes` has and that takes disks of this kind of guest.
pub(super) fn storage_of(kind: Kind, name: String, nodes: &Nodes<'_>) -> Result<String, Doubt> {
    let content = content_for(kind);
    let mut known = false;
    let mut fit = BTreeSet::new();
    for (storage_name, storage) in nodes.iter().flat_map(|(_, node)| &node.storages) {
        known |= *storage_name == name;
        if storage.content.contains(content) {
            fit.insert(storage_name);
        }
    }
    if fit.contains(&name) {
        return Ok(name);
    }
    let on = on_nodes(nodes);
    let text = if known {
        format!("Storage {name}{on} may not hold disks of a {} ({content}). Which one shall?", kind.noun())
    } else {
        format!("There is no active storage {name}{on}. Which one is meant?")
    };
    Err(Doubt::new(text).or(fit))
}

/// A bridge that one of `nodes` has.
fn bridge_of(name: String, nodes: &Nodes<'_>) -> Result<String, Doubt> {
    let known: BTreeSet<&String> = nodes.iter().flat_map(|(_, node)| node.bridges.keys()).collect();
    if known.contains(&name) {
        return Ok(name);
    }
    Err(Doubt::new(format!("There is no bridge {name}{}. Which one is meant?", on_nodes(nodes))).or(known))
}

/// ` on pve1` where only that node comes into question.
fn on_nodes(nodes: &Nodes<'_>) -> String {
    match nodes {
        [(name, _)] => format!(" on {name}"),
        _ => String::new(),
    }
}

fn within(field: &Field, number: u64, low: u64, high: u64, bound: &str) -> Result<Value, Doubt> {
    if (low..=high).contains(&number) {
        return Ok(Value::Count(number));
    }
    let text = format!("{} cannot be {number}: it goes from {low} to {high}, {bound}. How many?", field.label());
    Err(Doubt::new(text).or([number.clamp(low, high)]))
}

fn whole_mib(field: &Field, size: Size, least: Size) -> Result<Value, Doubt> {
    if size.is_whole_mib() && size >= least {
        return Ok(Value::Size(size));
    }
    let text =
        format!("{} of {size} is not possible: Proxmox takes whole MiB, {least} at least. How much?", field.label());
    Err(Doubt::new(text).or([Size::mib(size.as_mib()).max(least)]))
}

/// A tag as Proxmox keeps it: in lower case.
fn tag_of(tag: &str) -> Result<String, Doubt> {
    let tag = tag.to_lowercase();
    let first = tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_');
    if first && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-+.".contains(&b)) {
        return Ok(tag);
    }
    let mended: String =
        tag.chars().map(|c| if c.is_ascii_alphanumeric() || "_-+.".contains(c) { c } else { '-' }).collect();
    let mended = mended.trim_start_matches(['-', '+', '.']).to_owned();
    Err(Doubt::new(format!("“{tag}” is no tag: Proxmox takes letters, digits and _ - + . only. Which tags are meant?"))
        .or((!mended.is_empty()).then_some(mended)))
}

/// Notes as Proxmox gives them back, and without anything that looks like our marker.
fn description(text: &str) -> Result<String, Doubt> {
    let text = text.replace("\r\n", "\n").trim().to_owned();
    let Shape::Text { most } = Plain::Description.shape() else { return Ok(text) };
    if text.chars().count() > most {
        return Err(Doubt::new(format!("A description has {most} characters at most. What shall it say?")));
    }
    if text.contains("<!-- mycopod:") {
        return Err(Doubt::new("A description cannot contain MycoPod’s own marker. What shall it say?"));
    }
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err(Doubt::new("A description cannot contain control characters. What shall it say?"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: Result<Value, Doubt>) -> Option<String> {
        value.ok().map(|value| value.to_string())
    }

    #[test]
    fn sizes_in_answers_need_a_unit() {
        assert_eq!(read_size("8 GiB"), Some(Size::gib(8)));
        assert_eq!(read_size("512MB"), Some(Size::mib(512)));
        assert_eq!(read_size("1.5 gb"), Some(Size::mib(1536)));
        assert_eq!(read_size("0.25T"), Some(Size::gib(256)));
        assert_eq!(read_size("1.1 GB"), Some(Size::mib(1126)), "as the reader rounds it");
        for none in ["8", "99999999999999 TiB", "1. GB", ".5 GB", "-8 GB", "+8 GB", "1.5.5 GB", "8 GBit", ""] {
            assert_eq!(read_size(none), None, "{none}");
        }
    }

    #[test]
    fn what_a_kind_does_not_have_is_a_question() {
        assert!(check(&Field::Plain(Plain::Swap), Kind::Qemu, Value::Size(Size::gib(1)), &[]).is_err());
        assert!(check(&Field::Plain(Plain::Sockets), Kind::Lxc, Value::Count(1), &[]).is_err());
        assert!(check(&Field::Plain(Plain::Swap), Kind::Lxc, Value::Size(Size::gib(1)), &[]).is_ok());
    }

    #[test]
    fn no_vlan_is_said_by_0() {
        let vlan = |tag| check(&Field::Nic(0, NicPart::Vlan), Kind::Qemu, Value::Count(tag), &[]).is_ok();
        assert!(vlan(0) && vlan(4_094) && !vlan(4_095));
    }

    #[test]
    fn tags_are_kept_as_proxmox_keeps_them() {
        let tags =
            |tag: &str| text(check(&Field::Plain(Plain::Tags), Kind::Qemu, Value::Set([tag.to_owned()].into()), &[]));
        assert_eq!(tags("Web"), Some("web".to_owned()));
        assert_eq!(tags("a b"), None);
        assert_eq!(tags("-a"), None);
        assert_eq!(tags("x;y"), None);
    }

    #[test]
    fn a_description_cannot_forge_a_marker() {
        let of = |text: &str| check(&Field::Plain(Plain::Description), Kind::Qemu, Value::Text(text.to_owned()), &[]);
        assert!(of("hello <!-- mycopod:x:y -->").is_err());
        assert!(of("hello\nworld").is_ok());
        assert!(of("\u{7}").is_err());
    }

    #[test]
    fn memory_has_a_floor_and_whole_mebibytes() {
        let of = |size| check(&Field::Plain(Plain::Memory), Kind::Qemu, Value::Size(size), &[]).is_ok();
        assert!(of(Size::mib(16)));
        assert!(!of(Size::mib(15)));
        assert!(!of(Size::bytes(Size::gib(1).as_bytes() + 1)));
    }
}

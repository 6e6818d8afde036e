//! The named formats: names, ids, paths.

use super::{address, calendar, check_named_parts, firewall, is_digits, list, named_parts, size};
use crate::permission::PRIVILEGES;
use crate::schema::{is_numbered, numbered};

const CONTENT_TYPES: [&str; 8] = ["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// The areas of time zones.
const ZONES: [&str; 10] =
    ["Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"];
/// Buses that a VM boots its disks from.
const BOOTABLE: [&str; 4] = ["ide", "scsi", "virtio", "sata"];
const HOTPLUG: [&str; 6] = ["network", "disk", "cpu", "memory", "usb", "cloudinit"];
/// Pools nest at most so deep.
const POOL_LEVELS: usize = 3;
/// The longest user name, and the shortest.
const USER_NAME: std::ops::RangeInclusive<usize> = 3..=64;
/// The longest override of a content's directory, and of one part of it.
const OVERRIDE: usize = 1_023;
const OVERRIDE_PART: usize = 255;

fn plain(text: &str, allowed: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || allowed.contains(c))
}

fn starts_alphabetic(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// A name of two characters or more that begins with a letter and ends with none of `inner`.
fn id(text: &str, inner: &str) -> bool {
    text.len() > 1 && starts_alphabetic(text) && plain(text, inner) && !text.ends_with(|c| inner.contains(c))
}

fn label(text: &str) -> bool {
    !text.is_empty() && plain(text, "-") && !text.starts_with('-') && !text.ends_with('-')
}

/// Labels that are separated by dots.
pub(super) fn dns_name(text: &str) -> bool {
    text.split('.').all(label)
}

/// A storage's id.
pub fn storage_id(text: &str) -> bool {
    id(text, "-_.")
}

/// `STORAGE:NAME` in its parts.
pub fn volume_id(text: &str) -> Option<(&str, &str)> {
    let (storage, name) = text.split_once(':')?;
    (storage_id(storage) && !name.is_empty() && !name.starts_with(char::is_whitespace)).then_some((storage, name))
}

/// A network interface's name.
pub(super) fn iface(text: &str) -> bool {
    let (name, number) = text.split_once([':', '.']).map_or((text, None), |(name, number)| (name, Some(number)));
    (2..=21).contains(&name.len()) && starts_alphabetic(name) && plain(name, "_") && number.is_none_or(is_digits)
}

fn realm(text: &str) -> bool {
    text.len() > 1 && starts_alphabetic(text) && plain(text, ".-_")
}

fn user_name(text: &str) -> Result<(), String> {
    let length = text.chars().count();
    if length < *USER_NAME.start() {
        return Err(format!("user name '{text}' is too short\n"));
    }
    if length > *USER_NAME.end() {
        return Err(format!("user name '{text}' is too long ({length} > 64)\n"));
    }
    let known = text.rsplit_once('@').is_some_and(|(user, name)| {
        !user.is_empty() && !user.contains(|c: char| c.is_whitespace() || matches!(c, ':' | '/')) && realm(name)
    });
    if known { Ok(()) } else { Err(format!("value '{text}' does not look like a valid user name\n")) }
}

/// `USER@REALM`.
pub fn user_id(text: &str) -> bool {
    user_name(text).is_ok()
}

/// `USER@REALM!TOKEN`.
pub fn token_id(text: &str) -> bool {
    text.rsplit_once('!').is_some_and(|(user, token)| user_id(user) && realm(token))
}

/// `vm:100`.
pub fn ha_resource_id(text: &str) -> bool {
    text.split_once(':').is_some_and(|(kind, name)| {
        !kind.is_empty()
            && kind.bytes().all(|b| b.is_ascii_lowercase())
            && !name.is_empty()
            && !name.contains(char::is_whitespace)
    })
}

/// The guest and the number of a replication job's id: `100-0`.
pub fn replication_job(text: &str) -> Option<(u32, u32)> {
    let (guest, number) = text.split_once('-')?;
    (is_digits(guest) && is_digits(number)).then(|| Some((guest.parse().ok()?, number.parse().ok()?))).flatten()
}

fn email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, domain)| !user.is_empty() && plain(user, "_+-~.&'") && dns_name(domain))
}

fn pool_id(text: &str) -> Result<(), String> {
    if text.trim_end_matches('/').split('/').count() > POOL_LEVELS {
        return Err(format!("pool name '{text}' nested too deeply (max levels = {POOL_LEVELS})\n"));
    }
    let known = text.split('/').all(|part| !part.is_empty() && plain(part, ".-_"));
    if known { Ok(()) } else { Err(format!("pool name '{text}' contains invalid characters\n")) }
}

fn startup_order(text: &str) -> bool {
    let part = |part: &str| match part.split_once('=') {
        Some((key, number)) => matches!(key, "order" | "up" | "down") && is_digits(number),
        None => is_digits(part),
    };
    !matches!(text, "" | "0") && text.split(',').filter(|part| !part.trim().is_empty()).all(part)
}

fn cpu_set(text: &str) -> bool {
    text.split(',').all(|part| {
        let (first, last) = part.split_once('-').map_or((part, part), |range| range);
        is_digits(first) && is_digits(last) && first.parse::<u32>().ok() <= last.parse::<u32>().ok()
    })
}

fn boot_device(text: &str) -> bool {
    let Some((bus, _)) = numbered(text).filter(|_| is_numbered(text)) else { return false };
    BOOTABLE.contains(&bus) || matches!(bus, "net" | "usb" | "hostpci")
}

fn boot_disk(text: &str) -> bool {
    let drive = numbered(text).is_some_and(|(bus, _)| BOOTABLE.contains(&bus) && is_numbered(text));
    drive || matches!(text, "efidisk0" | "tpmstate0")
}

fn directory_override(text: &str) -> Result<(), String> {
    let invalid = || format!("invalid override '{text}'\n");
    let (content, path) = text.split_once('=').ok_or_else(invalid)?;
    if !content.bytes().all(|b| b.is_ascii_lowercase()) || path.is_empty() || path.ends_with('.') || path.contains("..")
    {
        return Err(invalid());
    }
    check("pve-storage-content", "", content)?;
    let short = path.len() < OVERRIDE && path.split('/').all(|part| part.len() < OVERRIDE_PART);
    if short { Ok(()) } else { Err(invalid()) }
}

/// `SOURCE:TARGET`, `TARGET` or `1`.
fn pair(text: &str, ok: fn(&str) -> bool, problem: fn(&str) -> String) -> Result<(), String> {
    let parts: Vec<&str> = text.split(':').collect();
    if text == "1" {
        return Ok(());
    }
    match if parts.len() == 2 { parts } else { vec![text] }.into_iter().find(|part| !ok(part)) {
        Some(part) => Err(format!("entry '{text}' contains invalid ID - {}\n\n\n", problem(part))),
        None => Ok(()),
    }
}

fn bridge_id(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
}

/// An id of the software-defined network, with the characters it may hold inside and its greatest length.
fn sdn_id(name: &str, text: &str) -> Option<Result<(), String>> {
    let (noun, inner, longest) = match name {
        "pve-sdn-zone-id" => ("zone", "", 8),
        "pve-sdn-vnet-id" => ("vnet", "", 8),
        "pve-sdn-dns-id" => ("dns", "", usize::MAX),
        "pve-sdn-ipam-id" => ("ipam", "", usize::MAX),
        "pve-sdn-controller-id" => ("controller", "-_", 64),
        _ => return None,
    };
    Some(if !id(text, inner) {
        Err(format!("{noun} ID '{text}' contains illegal characters\n"))
    } else if text.len() > longest {
        Err(format!("{noun} ID '{text}' can't be more length than {longest} characters\n"))
    } else {
        Ok(())
    })
}

fn pem(text: &str, certificate: bool) -> Result<(), String> {
    let (begin, end) = if certificate {
        ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----")
    } else {
        ("-----BEGIN ", "-----END ")
    };
    let text = text.trim();
    if text.starts_with(begin) && text.contains(end) && text.ends_with("-----") {
        Ok(())
    } else {
        Err("not a valid PEM-formatted string.\n".to_owned())
    }
}

/// Checks a named format. Unknown names accept everything.
pub fn check(name: &str, path: &str, text: &str) -> Result<(), String> {
    if let Some(element) = name.strip_suffix("-list") {
        return list(text).try_for_each(|part| check(element, path, part));
    }
    if let Some(element) = name.strip_suffix("-opt") {
        return if matches!(text, "" | "0") { Ok(()) } else { check(element, path, text) };
    }
    if let Some(parts) = named_parts(name) {
        return check_named_parts(name, parts, path, text);
    }
    // A final line feed ends the text, as in Perl's patterns.
    let line = text.strip_suffix('\n').unwrap_or(text);
    address::check(name, line)
        .or_else(|| firewall::check(name, text))
        .or_else(|| sdn_id(name, line))
        .or_else(|| look(name, line, text))
        .or_else(|| identifier(name, line, text))
        .or_else(|| guest(name, line, text))
        .or_else(|| setting(name, line, text))
        .unwrap_or(Ok(()))
}

/// Formats whose complaint is that a value does not look like one.
fn look(name: &str, line: &str, text: &str) -> Option<Result<(), String>> {
    Some(match name {
        "pve-realm" => looks(realm(line), "realm"),
        "pve-vmid" => looks((3..=9).contains(&line.len()) && is_digits(line) && !line.starts_with('0'), "VM ID"),
        "pve-node" => looks(label(line), "node name"),
        "dns-name" => looks(dns_name(line), "DNS name"),
        "graphite-path" => looks(dns_name(line), "graphite path"),
        "pve-ha-group-node" => {
            let (node, priority) = line.split_once(':').unwrap_or((line, "0"));
            looks(label(node) && is_digits(priority), "ha group node")
        }
        "pve-ha-resource-id" => looks(ha_resource_id(line), "ha resource id"),
        "pve-ha-resource-or-vm-id" => looks(ha_resource_id(line) || is_digits(line), "ha resource id"),
        "email" => looks(email(line), "email address"),
        "email-or-username" => {
            let user = !line.is_empty() && line.chars().all(|c| !c.is_whitespace() && !matches!(c, ':' | '/'));
            looks(email(line) || user && (!line.contains('@') || user_id(line)), "email address or user name")
        }
        "pve-storage-path" => {
            let second = line.chars().nth(1);
            looks(line.starts_with('/') && second.is_some_and(|c| !matches!(c, ';' | '(' | ')')), "absolute path")
        }
        "disk-size" => looks(size(line).is_some(), &format!("disk size: {text}")),
        _ => return None,
    })
}

/// Names of things.
fn identifier(name: &str, line: &str, text: &str) -> Option<Result<(), String>> {
    Some(match name {
        "pve-configid" => ensure(line.len() > 1 && starts_alphabetic(line) && plain(line, "-_"), || {
            format!("invalid configuration ID '{text}'")
        }),
        "pve-storage-id" => ensure(storage_id(line), || format!("storage ID '{text}' contains illegal characters")),
        "acme-plugin-id" => ensure(storage_id(line), || format!("ACME plugin ID '{text}' contains illegal characters")),
        "pve-storage-vgname" => {
            let named = line.len() > 1
                && plain(line, "-_.")
                && !line.starts_with(['-', '_', '.'])
                && !line.ends_with(['-', '_', '.']);
            ensure(named, || format!("lvm name '{text}' contains illegal characters"))
        }
        "pve-bridge-id" => ensure(bridge_id(line), || format!("invalid bridge ID '{text}'")),
        "storage-pair" => pair(text, storage_id, |id| format!("storage ID '{id}' contains illegal characters")),
        "bridge-pair" => pair(text, bridge_id, |id| format!("invalid bridge ID '{id}'")),
        "pve-poolid" => pool_id(line),
        "pve-iface" => ensure(iface(line), || format!("invalid network interface name '{text}'")),
        "pve-userid" => user_name(line),
        "pve-tokenid" => ensure(token_id(line), || format!("value '{text}' does not look like a valid token ID")),
        "pve-groupid" | "pve-roleid" => {
            let noun = if name == "pve-groupid" { "group" } else { "role" };
            ensure(!line.is_empty() && plain(line, ".-_"), || {
                format!("{noun} name '{text}' contains invalid characters")
            })
        }
        "pve-priv" => ensure(PRIVILEGES.contains(&text), || format!("invalid privilege '{text}'")),
        "ldap-simple-attr" => ensure(!line.is_empty() && plain(line, ""), || {
            format!("value '{text}' does not look like a simple ldap attribute name")
        }),
        _ => return None,
    })
}

/// Formats of guests' options.
fn guest(name: &str, line: &str, text: &str) -> Option<Result<(), String>> {
    Some(match name {
        "pve-tag" => {
            ensure(line.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && plain(line, "_-+."), || {
                "invalid characters in tag".to_owned()
            })
        }
        "pve-startup-order" => ensure(startup_order(line), || "unable to parse startup options".to_owned()),
        "pve-cpuset" => ensure(cpu_set(line), || "unable to parse cpuset option".to_owned()),
        "pve-phys-bits" => {
            let bits =
                line.parse::<u8>().is_ok_and(|bits| (8..=64).contains(&bits)) && is_digits(line) && line.len() < 3;
            ensure(line == "host" || bits, || "value must be an integer between 8 and 64 or 'host'".to_owned())
        }
        "urlencoded" => ensure(plain(line, "-%_.!~*'()"), || format!("invalid urlencoded string: {text}")),
        "pve-hotplug-features" => match list(text).find(|feature| !HOTPLUG.contains(feature)) {
            Some(feature) if !matches!(text, "0" | "1") => Err(format!("invalid hotplug feature '{feature}'\n")),
            _ => Ok(()),
        },
        "pve-volume-id-or-qm-path" if matches!(text, "none" | "cdrom") => Ok(()),
        "pve-volume-id-or-qm-path" | "pve-volume-id-or-absolute-path" if text.starts_with('/') => Ok(()),
        "pve-volume-id" | "pve-volume-id-or-qm-path" | "pve-volume-id-or-absolute-path" => {
            ensure(volume_id(text).is_some(), || format!("unable to parse volume ID '{text}'"))
        }
        "pve-qm-bootdev" => ensure(boot_device(line), || format!("invalid boot device '{text}'")),
        "pve-qm-bootdisk" => ensure(boot_disk(line), || format!("invalid boot disk '{text}'")),
        "pve-lxc-mp-string" => {
            let bad = line.starts_with("../")
                || line.contains("/./")
                || line.contains("/../")
                || line.ends_with("/.")
                || line.ends_with("/..");
            ensure(!bad, || format!("{text} contains illegal character sequences"))
        }
        "pve-lxc-dev-string" => {
            let bad = line.split('/').skip(1).any(|part| matches!(part, "." | ".."));
            ensure(line.starts_with("/dev/") && !bad, || format!("{text} is not a valid device path"))
        }
        "pve-ct-timezone" | "timezone" => {
            let zone = line
                .split_once('/')
                .is_some_and(|(area, place)| ZONES.contains(&area) && !place.is_empty() && plain(place, "_-/+"));
            ensure(zone || line == "UTC" || line == "host" && name == "pve-ct-timezone", || {
                format!("invalid time zone '{text}'")
            })
        }
        _ => return None,
    })
}

/// Formats of other settings.
fn setting(name: &str, line: &str, text: &str) -> Option<Result<(), String>> {
    Some(match name {
        "pve-storage-content" => ensure(CONTENT_TYPES.contains(&text), || format!("invalid content type '{text}'")),
        "pve-storage-options" => {
            ensure(!line.is_empty() && !line.contains(char::is_whitespace), || format!("invalid options '{text}'"))
        }
        "pve-dir-override" => directory_override(line),
        "pve-storage-path-in-property-string" => {
            let second = line.chars().nth(1);
            let known = line.starts_with('/') && second.is_some_and(|c| !";,=()".contains(c));
            ensure(known, || {
                "Value does not look like a valid absolute path. These symbols are currently not allowed in path: ;,=()"
                    .to_owned()
            })
        }
        "pve-calendar-event" => calendar::check(text),
        "pve-day-of-week" => ensure(DAYS.contains(&line), || format!("invalid day '{text}'")),
        "pve-task-status-type" => {
            let known = ["ok", "error", "warning", "unknown"].iter().any(|kind| line.eq_ignore_ascii_case(kind));
            ensure(known, || format!("invalid status '{text}'"))
        }
        "pve-replication-job-id" => match replication_job(line) {
            Some((guest, _)) if guest < 100 => {
                Err(format!("invalid replication job id '{text}' (guest IDs < 100 are reserved)\n"))
            }
            Some(_) => Ok(()),
            None => Err(format!("invalid replication job id '{text}'\n")),
        },
        "pve-acme-domain" | "pve-acme-alias" => {
            let (noun, first) = if name == "pve-acme-domain" { ("domain", "") } else { ("alias", "_") };
            let part = |part: &str| {
                part.starts_with(|c: char| c.is_ascii_alphanumeric() || first.contains(c)) && plain(part, "_-")
            };
            ensure(line.contains('.') && line.split('.').all(part), || {
                format!("value '{text}' does not look like a valid {noun} name!")
            })
        }
        "pem-certificate" | "pem-certificate-chain" => pem(text, true),
        "pem-string" => pem(text, false),
        _ => return None,
    })
}

fn ensure(ok: bool, problem: impl FnOnce() -> String) -> Result<(), String> {
    if ok { Ok(()) } else { Err(format!("{}\n", problem())) }
}

fn looks(ok: bool, what: &str) -> Result<(), String> {
    ensure(ok, || format!("value does not look like a valid {what}"))
}

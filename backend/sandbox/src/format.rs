//! Proxmox's named formats and its comma-separated property strings.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;

use crate::permission::PRIVILEGES;
use crate::schema::{Property, check_object};

/// The parts of a property string: key → value.
pub type Parts = BTreeMap<String, Property>;

/// The CPU models that a guest may name without the prefix `custom-`, with their vendors.
pub const CPU_MODELS: &[(&str, &str)] = &[
    ("486", "GenuineIntel"),
    ("Broadwell", "GenuineIntel"),
    ("Broadwell-IBRS", "GenuineIntel"),
    ("Broadwell-noTSX", "GenuineIntel"),
    ("Broadwell-noTSX-IBRS", "GenuineIntel"),
    ("Cascadelake-Server", "GenuineIntel"),
    ("Cascadelake-Server-noTSX", "GenuineIntel"),
    ("Cascadelake-Server-v2", "GenuineIntel"),
    ("Cascadelake-Server-v4", "GenuineIntel"),
    ("Cascadelake-Server-v5", "GenuineIntel"),
    ("Conroe", "GenuineIntel"),
    ("Cooperlake", "GenuineIntel"),
    ("Cooperlake-v2", "GenuineIntel"),
    ("EPYC", "AuthenticAMD"),
    ("EPYC-Genoa", "AuthenticAMD"),
    ("EPYC-IBPB", "AuthenticAMD"),
    ("EPYC-Milan", "AuthenticAMD"),
    ("EPYC-Milan-v2", "AuthenticAMD"),
    ("EPYC-Rome", "AuthenticAMD"),
    ("EPYC-Rome-v2", "AuthenticAMD"),
    ("EPYC-Rome-v3", "AuthenticAMD"),
    ("EPYC-Rome-v4", "AuthenticAMD"),
    ("EPYC-v3", "AuthenticAMD"),
    ("EPYC-v4", "AuthenticAMD"),
    ("GraniteRapids", "GenuineIntel"),
    ("Haswell", "GenuineIntel"),
    ("Haswell-IBRS", "GenuineIntel"),
    ("Haswell-noTSX", "GenuineIntel"),
    ("Haswell-noTSX-IBRS", "GenuineIntel"),
    ("Icelake-Client", "GenuineIntel"),
    ("Icelake-Client-noTSX", "GenuineIntel"),
    ("Icelake-Server", "GenuineIntel"),
    ("Icelake-Server-noTSX", "GenuineIntel"),
    ("Icelake-Server-v3", "GenuineIntel"),
    ("Icelake-Server-v4", "GenuineIntel"),
    ("Icelake-Server-v5", "GenuineIntel"),
    ("Icelake-Server-v6", "GenuineIntel"),
    ("IvyBridge", "GenuineIntel"),
    ("IvyBridge-IBRS", "GenuineIntel"),
    ("KnightsMill", "GenuineIntel"),
    ("Nehalem", "GenuineIntel"),
    ("Nehalem-IBRS", "GenuineIntel"),
    ("Opteron_G1", "AuthenticAMD"),
    ("Opteron_G2", "AuthenticAMD"),
    ("Opteron_G3", "AuthenticAMD"),
    ("Opteron_G4", "AuthenticAMD"),
    ("Opteron_G5", "AuthenticAMD"),
    ("Penryn", "GenuineIntel"),
    ("SandyBridge", "GenuineIntel"),
    ("SandyBridge-IBRS", "GenuineIntel"),
    ("SapphireRapids", "GenuineIntel"),
    ("SapphireRapids-v2", "GenuineIntel"),
    ("Skylake-Client", "GenuineIntel"),
    ("Skylake-Client-IBRS", "GenuineIntel"),
    ("Skylake-Client-noTSX-IBRS", "GenuineIntel"),
    ("Skylake-Client-v4", "GenuineIntel"),
    ("Skylake-Server", "GenuineIntel"),
    ("Skylake-Server-IBRS", "GenuineIntel"),
    ("Skylake-Server-noTSX-IBRS", "GenuineIntel"),
    ("Skylake-Server-v4", "GenuineIntel"),
    ("Skylake-Server-v5", "GenuineIntel"),
    ("Westmere", "GenuineIntel"),
    ("Westmere-IBRS", "GenuineIntel"),
    ("athlon", "AuthenticAMD"),
    ("core2duo", "GenuineIntel"),
    ("coreduo", "GenuineIntel"),
    ("host", "default"),
    ("kvm32", "default"),
    ("kvm64", "default"),
    ("max", "default"),
    ("pentium", "GenuineIntel"),
    ("pentium2", "GenuineIntel"),
    ("pentium3", "GenuineIntel"),
    ("phenom", "AuthenticAMD"),
    ("qemu32", "default"),
    ("qemu64", "default"),
    ("x86-64-v2", "default"),
    ("x86-64-v2-AES", "default"),
    ("x86-64-v3", "default"),
    ("x86-64-v4", "default"),
];

/// The CPU flags that a single guest may switch.
const CPU_FLAGS: [&str; 12] = [
    "pcid",
    "spec-ctrl",
    "ibpb",
    "ssbd",
    "virt-ssbd",
    "amd-ssbd",
    "amd-no-ssb",
    "pdpe1gb",
    "md-clear",
    "hv-tlbflush",
    "hv-evmcs",
    "aes",
];

const CONTENT_TYPES: [&str; 8] = ["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import", "none"];

/// Pools nest at most so deep.
const POOL_LEVELS: usize = 3;

/// Whether a text is an integer as Proxmox takes it.
pub fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a text is a number as Proxmox takes it.
pub fn is_number(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    is_integer(whole) && !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit())
}

/// The elements of a list: separated by commas, semicolons, white space or NUL.
pub fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| matches!(c, ',' | ';' | '\0') || c.is_whitespace()).filter(|part| !part.is_empty())
}

/// The number of bytes of `32G`, `512M`, `10486K` or `1073741824`.
pub fn size(text: &str) -> Option<u64> {
    let (digits, unit) = match text.char_indices().last()? {
        (at, 'K') => (&text[..at], 1_u64 << 10),
        (at, 'M') => (&text[..at], 1 << 20),
        (at, 'G') => (&text[..at], 1 << 30),
        (at, 'T') => (&text[..at], 1 << 40),
        _ => (text, 1),
    };
    if !is_number(digits) {
        return None;
    }
    match digits.parse::<u64>() {
        Ok(whole) => whole.checked_mul(unit),
        Err(_) => Some(scale(digits.parse().ok()?, unit)),
    }
}

/// A fractional number of units in bytes, rounded down.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "sizes are below 2^53, and a float cast saturates"
)]
pub fn scale(number: f64, unit: u64) -> u64 {
    (number * unit as f64) as u64
}

/// A size as a volume's `size=` shows it: the largest unit that leaves no remainder.
pub fn print_size(bytes: u64) -> String {
    if bytes == 0 {
        return "0T".to_owned();
    }
    let mut number = bytes;
    for unit in ["", "K", "M", "G"] {
        if !number.is_multiple_of(1024) {
            return match unit {
                // Below a kibibyte Proxmox rounds up to the next one.
                "" => format!("{}K", bytes.div_ceil(1024)),
                unit => format!("{number}{unit}"),
            };
        }
        number /= 1024;
    }
    format!("{number}T")
}

fn plain(text: &str, allowed: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || allowed.contains(c))
}

fn starts_alphabetic(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
}

fn label(text: &str) -> bool {
    !text.is_empty() && plain(text, "-") && !text.starts_with('-') && !text.ends_with('-')
}

fn dns_name(text: &str) -> bool {
    text.split('.').all(label)
}

/// A storage's id.
pub fn storage_id(text: &str) -> bool {
    text.len() > 1 && starts_alphabetic(text) && plain(text, "-_.") && !text.ends_with(['-', '_', '.'])
}

/// `STORAGE:NAME` in its parts.
pub fn volume_id(text: &str) -> Option<(&str, &str)> {
    let (storage, name) = text.split_once(':')?;
    (storage_id(storage) && !name.is_empty() && !name.starts_with(char::is_whitespace)).then_some((storage, name))
}

fn cidr4(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(ip, mask)| ip.parse::<Ipv4Addr>().is_ok() && mask.parse::<u8>().is_ok_and(|mask| mask <= 32))
}

fn cidr6(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(ip, mask)| ip.parse::<Ipv6Addr>().is_ok() && mask.parse::<u8>().is_ok_and(|mask| mask <= 128))
}

fn email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, domain)| !user.is_empty() && plain(user, "_+-~.&'") && dns_name(domain))
}

fn firewall_address(text: &str) -> Result<(), String> {
    if text.starts_with('+') || text.contains('/') && !text.contains(',') && starts_alphabetic(text) {
        return Ok(());
    }
    for part in text.split(',') {
        let known = part.parse::<IpAddr>().is_ok()
            || cidr4(part)
            || cidr6(part)
            || part.split_once('-').is_some_and(|(a, b)| a.parse::<IpAddr>().is_ok() && b.parse::<IpAddr>().is_ok())
            || (starts_alphabetic(part) && plain(part, "-_"));
        if !known {
            return Err(format!("invalid IP address: Invalid chars in IP {part}\n"));
        }
    }
    Ok(())
}

/// Checks a named format. Unknown names accept everything.
pub fn check(name: &str, path: &str, text: &str) -> Result<(), String> {
    if let Some(element) = name.strip_suffix("-list") {
        return list(text).try_for_each(|part| check(element, path, part));
    }
    if let Some(parts) = named_parts(name) {
        return check_parts(parts, path, text);
    }
    match name {
        "pve-vmid" => ensure(
            (3..=9).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0'),
            "value does not look like a valid VM ID",
        ),
        "pve-node" => ensure(label(text), "value does not look like a valid node name"),
        "dns-name" => ensure(dns_name(text), "value does not look like a valid DNS name"),
        "pve-configid" => ensure(
            text.len() > 1 && starts_alphabetic(text) && plain(text, "-_"),
            &format!("invalid configuration ID '{text}'"),
        ),
        "pve-storage-id" => ensure(storage_id(text), &format!("storage ID '{text}' contains illegal characters")),
        "pve-poolid" => pool_id(text),
        "pve-iface" => ensure(
            (3..=21).contains(&text.len()) && starts_alphabetic(text) && plain(text, "_.:"),
            &format!("invalid network interface name '{text}'"),
        ),
        "pve-userid" => ensure(user_id(text), &format!("value '{text}' does not look like a valid user name")),
        "pve-groupid" => {
            ensure(!text.is_empty() && plain(text, ".-_"), &format!("group name '{text}' contains invalid characters"))
        }
        "pve-roleid" => {
            ensure(!text.is_empty() && plain(text, ".-_"), &format!("role name '{text}' contains invalid characters"))
        }
        "pve-priv" => ensure(PRIVILEGES.contains(&text), &format!("invalid privilege '{text}'")),
        "email-opt" | "email" => ensure(
            (text.is_empty() && name == "email-opt") || email(text),
            "value does not look like a valid email address",
        ),
        "pve-storage-content" => ensure(CONTENT_TYPES.contains(&text), &format!("invalid content type '{text}'")),
        "pve-storage-path" => ensure(text.starts_with('/'), "value does not look like a valid absolute path"),
        "pve-tag" => ensure(
            text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') && plain(text, "_-+."),
            "invalid characters in tag",
        ),
        "mac-addr" => ensure(unicast_mac(text), "value does not look like a valid unicast MAC address"),
        "pve-startup-order" => {
            ensure(!text.is_empty() && list(text).all(startup_part), "unable to parse startup options")
        }
        "pve-cpuset" => ensure(
            text.split([',', '-']).all(|part| is_integer(part) && !part.starts_with(['+', '-'])),
            "unable to parse cpuset option",
        ),
        "urlencoded" => ensure(plain(text, "-%_.!~*'()"), &format!("invalid urlencoded string: {text}")),
        "pve-hotplug-features" => hotplug_features(text),
        "pve-volume-id" => ensure(volume_id(text).is_some(), &format!("unable to parse volume ID '{text}'")),
        "pve-volume-id-or-qm-path" => ensure(
            matches!(text, "none" | "cdrom") || text.starts_with('/') || volume_id(text).is_some(),
            &format!("unable to parse volume ID '{text}'"),
        ),
        "pve-volume-id-or-absolute-path" => {
            ensure(text.starts_with('/') || volume_id(text).is_some(), &format!("unable to parse volume ID '{text}'"))
        }
        "pve-qm-bootdev" => ensure(
            crate::schema::numbered(text).is_some_and(|(prefix, _)| {
                matches!(prefix, "ide" | "sata" | "scsi" | "virtio" | "net" | "usb" | "hostpci")
            }),
            "invalid boot device",
        ),
        "disk-size" => ensure(size(text).is_some(), "value does not look like a valid disk size"),
        "pve-lxc-mp-string" => {
            ensure(!text.split('/').any(|part| part == ".." || part == "."), "property is not a valid mount path")
        }
        "pve-ha-resource-or-vm-id" => ensure(
            is_integer(text)
                || text.split_once(':').is_some_and(|(kind, id)| matches!(kind, "vm" | "ct") && is_integer(id)),
            "value does not look like a valid ha resource id",
        ),
        "pve-fw-addr-spec" => firewall_address(text),
        "pve-calendar-event" => {
            ensure(calendar_event(text), &format!("invalid calendar event '{text}' - unable to parse calendar event\n"))
        }
        _ => check_address(name, text),
    }
}

fn ensure(ok: bool, problem: &str) -> Result<(), String> {
    if ok { Ok(()) } else { Err(format!("{problem}\n")) }
}

/// The formats of addresses and networks.
fn check_address(name: &str, text: &str) -> Result<(), String> {
    match name {
        "ip" | "lxc-ip-with-ll-iface" => ensure(
            text.split('%').next().unwrap_or_default().parse::<IpAddr>().is_ok() || text == "host",
            "value does not look like a valid IP address",
        ),
        "ipv4" => ensure(text.parse::<Ipv4Addr>().is_ok(), "value does not look like a valid IPv4 address"),
        "ipv6" => ensure(text.parse::<Ipv6Addr>().is_ok(), "value does not look like a valid IPv6 address"),
        "address" => {
            ensure(text.parse::<IpAddr>().is_ok() || dns_name(text), "value does not look like a valid address")
        }
        "CIDR" | "IPorCIDR" => ensure(
            cidr4(text) || cidr6(text) || (name == "IPorCIDR" && text.parse::<IpAddr>().is_ok()),
            "value does not look like a valid CIDR network",
        ),
        "pve-ipv4-config" => ensure(
            matches!(text, "dhcp" | "manual") || cidr4(text),
            "value does not look like a valid ipv4 network configuration",
        ),
        "pve-ipv6-config" => ensure(
            matches!(text, "auto" | "dhcp" | "manual") || cidr6(text),
            "value does not look like a valid ipv6 network configuration",
        ),
        _ => Ok(()),
    }
}

fn startup_part(part: &str) -> bool {
    match part.split_once('=') {
        Some((key, number)) => matches!(key, "order" | "up" | "down") && number.parse::<u32>().is_ok(),
        None => part.parse::<u32>().is_ok(),
    }
}

fn calendar_event(text: &str) -> bool {
    const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    const WORDS: [&str; 8] =
        ["minutely", "hourly", "daily", "weekly", "monthly", "quarterly", "semiannually", "yearly"];
    let time = |part: &str| part.starts_with(|c: char| c.is_ascii_digit() || c == '*') && plain(part, ":*/,.-");
    let days = |part: &str| {
        part.split([',', '.'])
            .filter(|day| !day.is_empty())
            .all(|day| DAYS.contains(&day.get(..3).unwrap_or_default()) && plain(day, ""))
    };
    WORDS.contains(&text) || (!text.is_empty() && text.split_whitespace().all(|part| time(part) || days(part)))
}

fn pool_id(text: &str) -> Result<(), String> {
    if text.split('/').count() > POOL_LEVELS {
        return Err(format!("pool name '{text}' nested too deeply (max levels = {POOL_LEVELS})\n"));
    }
    if text.split('/').all(|part| !part.is_empty() && plain(part, ".-_")) {
        Ok(())
    } else {
        Err(format!("pool name '{text}' contains invalid characters\n"))
    }
}

/// `USER@REALM`.
pub fn user_id(text: &str) -> bool {
    text.len() <= 64
        && text.rsplit_once('@').is_some_and(|(user, realm)| {
            !user.is_empty()
                && !user.contains(|c: char| c.is_whitespace() || matches!(c, ':' | '/'))
                && realm.len() > 1
                && starts_alphabetic(realm)
                && plain(realm, ".-_")
        })
}

fn hotplug_features(text: &str) -> Result<(), String> {
    const FEATURES: [&str; 6] = ["network", "disk", "cpu", "memory", "usb", "cloudinit"];
    if matches!(text, "0" | "1") {
        return Ok(());
    }
    match list(text).find(|feature| !FEATURES.contains(feature)) {
        Some(feature) => Err(format!("invalid hotplug feature '{feature}'\n")),
        None => Ok(()),
    }
}

fn unicast_mac(text: &str) -> bool {
    let bytes: Vec<_> =
        text.split(':').map(|part| u8::from_str_radix(part, 16).ok().filter(|_| part.len() == 2)).collect();
    bytes.len() == 6 && bytes.iter().all(Option::is_some) && bytes[0].is_some_and(|first| first & 1 == 0)
}

/// The parts of a named property string.
fn named_parts(name: &str) -> Option<&'static Parts> {
    static NAMED: OnceLock<BTreeMap<String, Parts>> = OnceLock::new();
    let named = NAMED.get_or_init(|| {
        serde_json::from_str(include_str!("formats.json")).expect("the embedded formats are read by a test")
    });
    named.get(name)
}

/// Checks a property string.
pub fn check_parts(parts: &Parts, path: &str, text: &str) -> Result<(), String> {
    let values = parse(parts, text)?;
    let errors = check_object(parts, path, &values);
    if !errors.is_empty() {
        let lines: String = errors.iter().flat_map(|(name, problem)| [name, ": ", problem, "\n"]).collect();
        return Err(format!("format error\n{lines}"));
    }
    values.get("cputype").map_or(Ok(()), |model| cpu_type(model))?;
    values.get("flags").filter(|_| parts.contains_key("cputype")).map_or(Ok(()), |flags| cpu_flags(flags))
}

fn cpu_type(model: &str) -> Result<(), String> {
    let built_in = CPU_MODELS.iter().any(|(name, _)| *name == model);
    if built_in || model.starts_with("custom-") {
        Ok(())
    } else {
        Err(format!("Built-in cputype '{model}' is not defined (missing 'custom-' prefix?)\n"))
    }
}

fn cpu_flags(flags: &str) -> Result<(), String> {
    let known = |flag: &str| CPU_FLAGS.contains(&flag.trim_start_matches(['+', '-']));
    if flags.split(';').all(known) {
        Ok(())
    } else {
        Err(format!("VM-specific CPU flags must be a subset of: {}\n", CPU_FLAGS.join(", ")))
    }
}

/// Takes a property string apart, aliases resolved (`virtio=MAC` is `model=virtio,macaddr=MAC`).
pub fn parse(parts: &Parts, text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut values = BTreeMap::new();
    let mut default_used = false;
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        match part.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                let mut key = key;
                if values.contains_key(key) {
                    return Err(format!("duplicate key in comma-separated list property: {key}\n"));
                }
                if let Some(alias) = parts.get(key).and_then(|p| p.alias.as_deref()) {
                    if let Some(other) = parts.get(key).and_then(|p| p.key_alias.as_deref()) {
                        if values.contains_key(other) {
                            return Err(format!("key alias '{other}' is already defined\n"));
                        }
                        values.insert(other.to_owned(), key.to_owned());
                    }
                    key = alias;
                }
                values.insert(key.to_owned(), value.to_owned());
            }
            None => {
                let Some((key, _)) = parts.iter().find(|(_, property)| property.default_key) else {
                    return Err("value without key, but schema does not define a default key\n".to_owned());
                };
                if default_used {
                    return Err(format!("duplicate key in comma-separated list property: {key}\n"));
                }
                default_used = true;
                values.insert(key.clone(), part.to_owned());
            }
            Some(_) => {
                return Err("missing key in comma-separated list property\n".to_owned());
            }
        }
    }
    Ok(values)
}

/// `key=value,…` as a map; a part without `=` goes under `default`.
pub fn split(text: &str, default: &str) -> BTreeMap<String, String> {
    text.split(',')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((default, part)))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_printed_in_the_largest_whole_unit() {
        assert_eq!(print_size(1 << 30), "1G");
        assert_eq!(print_size(540_672), "528K");
        assert_eq!(print_size(1_649_267_442_688), "1610612737K");
        assert_eq!(print_size(64 << 20), "64M");
        assert_eq!(print_size(0), "0T");
        assert_eq!(print_size(2 << 40), "2T");
    }

    #[test]
    fn sizes_are_read_with_fractions() {
        assert_eq!(size("1.5T"), Some(1_649_267_441_664));
        assert_eq!(size("4000000000"), Some(4_000_000_000));
        assert_eq!(size("5g"), None);
        assert_eq!(size("99999999999999999999T"), Some(u64::MAX));
    }

    #[test]
    fn the_named_property_strings_are_read() {
        assert!(named_parts("pve-qm-boot").is_some());
        assert!(check("pve-qm-boot", "boot", "order=scsi0;net0").is_ok());
        assert_eq!(
            check("pve-qm-boot", "boot", "foo").unwrap_err(),
            "format error\nboot.legacy: value does not match the regex pattern\n"
        );
        assert_eq!(
            check("pve-qm-ipconfig", "ipconfig0", "gw=1.2.3.4").unwrap_err(),
            "format error\nipconfig0.ip: missing property - 'ipconfig0.gw' requires this property\n"
        );
    }

    #[test]
    fn names_are_dns_names() {
        for good in ["a", "dot.ted.name", "UPPER", "1"] {
            assert!(check("dns-name", "", good).is_ok(), "{good}");
        }
        for bad in ["", "-lead", "trail-", "a..b", "under_score", "ünï"] {
            assert!(check("dns-name", "", bad).is_err(), "{bad}");
        }
    }
}

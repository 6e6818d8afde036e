//! Proxmox's formats: numbers, sizes, lists, comma-separated property strings, and the named formats of parameters.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::schema::{Kind, Property, check_object};

mod address;
mod calendar;
pub mod cpu;
pub mod firewall;
mod named;

pub use firewall::ip_version;
pub use named::{check, user_id, volume_id};

/// The parts of a property string: key → value.
pub type Parts = BTreeMap<String, Property>;

/// Whether a text is an integer as Proxmox takes it.
pub fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    is_digits(digits)
}

/// Whether a text is digits and nothing else.
pub fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether a text is a number as Proxmox takes it: `1`, `1.5`, `.5`, `1e3`.
pub fn is_number(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mantissa = mantissa.strip_prefix(['+', '-']).unwrap_or(mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.is_empty() || is_digits(part);
    is_integer(exponent) && digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty())
}

/// Whether a text is a size in GiB, as new disks are asked for: `32`, `1.5`.
pub fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    is_digits(whole) && is_digits(fraction)
}

/// What a boolean of a property string says: `on`, `yes`, `true` and `1` are the same.
pub fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => Some(true),
        "0" | "off" | "no" | "false" => Some(false),
        _ => None,
    }
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
    if !is_decimal(digits) {
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
    parse_checked(parts, path, text).map(drop)
}

/// Takes a property string apart and checks its parts.
fn parse_checked(parts: &Parts, path: &str, text: &str) -> Result<BTreeMap<String, String>, String> {
    let values = parse(parts, text)?;
    let errors = check_object(parts, path, &values);
    if errors.is_empty() {
        return Ok(values);
    }
    let lines: String = errors.iter().flat_map(|(name, problem)| [name, ": ", problem, "\n"]).collect();
    Err(format!("format error\n{lines}"))
}

/// Checks a named property string, with what its name demands beyond its parts.
fn check_named_parts(name: &str, parts: &Parts, path: &str, text: &str) -> Result<(), String> {
    let values = parse_checked(parts, path, text)?;
    match name {
        "pve-vm-cpu-conf" => cpu::check(&values),
        "prune-backups" => {
            let others = values.iter().any(|(key, value)| key != "keep-all" && value.parse().is_ok_and(|n: u64| n > 0));
            if others && values.get("keep-all").is_some_and(|all| all == "1") {
                return Err("keep-all cannot be set together with other options.\n".to_owned());
            }
            Ok(())
        }
        _ => Ok(()),
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
                let kind = parts.get(key).map(|property| property.kind);
                let flag = boolean(value).filter(|_| kind == Some(Kind::Boolean));
                values.insert(key.to_owned(), flag.map_or_else(|| value.to_owned(), |flag| u8::from(flag).to_string()));
            }
            None => {
                let Some((key, _)) = parts.iter().find(|(_, property)| property.default_key) else {
                    return Err("value without key, but schema does not define a default key\n".to_owned());
                };
                if default_used || values.get(key).is_some_and(|value: &String| !matches!(value.as_str(), "" | "0")) {
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

//! The formats of firewall rules: addresses, ports, protocols.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::is_digits;

/// An alias's name is at most so long, an IP set's too.
const LONGEST_NAME: usize = 64;
/// Numbers in a list of ports.
const MOST_PORTS: usize = 15;
/// Names of the protocols and services that Debian knows.
const PROTOCOLS: &str = include_str!("protocols.txt");
const SERVICES: &str = include_str!("services.txt");
/// Connection tracking helpers.
const HELPERS: [&str; 9] = ["amanda", "ftp", "irc", "netbios-ns", "pptp", "sane", "sip", "snmp", "tftp"];
/// Names of ICMP's types.
const ICMP_TYPES: [&str; 37] = [
    "any",
    "echo-reply",
    "destination-unreachable",
    "network-unreachable",
    "host-unreachable",
    "protocol-unreachable",
    "port-unreachable",
    "fragmentation-needed",
    "source-route-failed",
    "network-unknown",
    "host-unknown",
    "network-prohibited",
    "host-prohibited",
    "TOS-network-unreachable",
    "TOS-host-unreachable",
    "communication-prohibited",
    "host-precedence-violation",
    "precedence-cutoff",
    "source-quench",
    "redirect",
    "network-redirect",
    "host-redirect",
    "TOS-network-redirect",
    "TOS-host-redirect",
    "echo-request",
    "router-advertisement",
    "router-solicitation",
    "time-exceeded",
    "ttl-zero-during-transit",
    "ttl-zero-during-reassembly",
    "parameter-problem",
    "ip-header-bad",
    "required-option-missing",
    "timestamp-request",
    "timestamp-reply",
    "address-mask-request",
    "address-mask-reply",
];
/// Names of the types of IPv6's ICMP.
const ICMPV6_TYPES: [&str; 25] = [
    "destination-unreachable",
    "no-route",
    "communication-prohibited",
    "beyond-scope",
    "address-unreachable",
    "port-unreachable",
    "failed-policy",
    "reject-route",
    "packet-too-big",
    "time-exceeded",
    "ttl-zero-during-transit",
    "ttl-zero-during-reassembly",
    "parameter-problem",
    "bad-header",
    "unknown-header-type",
    "unknown-option",
    "echo-request",
    "echo-reply",
    "router-solicitation",
    "router-advertisement",
    "neighbor-solicitation",
    "neighbour-solicitation",
    "neighbor-advertisement",
    "neighbour-advertisement",
    "redirect",
];

/// Names of the types of an IP version's ICMP.
pub fn icmp_types(version: u8) -> &'static [&'static str] {
    if version == 6 { &ICMPV6_TYPES } else { &ICMP_TYPES }
}

fn is_icmp_type(text: &str) -> bool {
    ICMP_TYPES.contains(&text) || ICMPV6_TYPES.contains(&text)
}

/// Whether a text names an alias, with or without its scope.
pub fn alias(text: &str) -> bool {
    let name = text.strip_prefix("dc/").or_else(|| text.strip_prefix("guest/")).unwrap_or(text);
    name.len() > 1
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// What is wrong with an IPv4 address, which may have fewer than four parts.
fn wrong_quads(text: &str) -> Option<String> {
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Some(format!("Invalid chars in IP {text}"));
    }
    let quads: Vec<&str> = text.split('.').collect();
    if text.starts_with('.') {
        return Some(format!("Invalid IP {text} - starts with a dot"));
    }
    if text.ends_with('.') {
        return Some(format!("Invalid IP {text} - ends with a dot"));
    }
    if quads.len() > 4 {
        return Some(format!("Invalid IP address {text}"));
    }
    if quads.iter().any(|quad| quad.is_empty()) {
        return Some(format!("Empty quad in IP address {text}"));
    }
    let wrong = |quad: &&&str| quad.parse::<u32>().map_or(true, |n| n > 255) || quad.len() > 1 && quad.starts_with('0');
    quads.iter().find(wrong).map(|quad| format!("Invalid quad in IP address {text} - {quad}"))
}

/// The version of an address, and its bits as text.
fn version(text: &str) -> Result<(u8, String), String> {
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        return Ok((6, format!("{:0128b}", u128::from(address))));
    }
    if let Some(problem) = wrong_quads(text) {
        return Err(format!("invalid IP address: {problem}\n"));
    }
    let mut quads = [0_u8; 4];
    for (quad, text) in quads.iter_mut().zip(text.split('.')) {
        *quad = text.parse().unwrap_or_default();
    }
    Ok((4, format!("{:032b}", u32::from_be_bytes(quads))))
}

/// The IP version of an address, a network or a range.
fn element(text: &str) -> Result<u8, String> {
    if let Some((first, last)) = text.split_once('-') {
        let (first, last) = (version(first.trim())?, version(last.trim())?);
        return if first.0 == last.0 && first.1 <= last.1 {
            Ok(first.0)
        } else {
            Err(format!("invalid IP address: begin address is greater than end address {text}\n"))
        };
    }
    let Some((address, prefix)) = text.split_once('/') else {
        return Ok(version(text)?.0);
    };
    let (number, bits) = version(address)?;
    let length = prefix.parse::<usize>().ok().filter(|length| is_digits(prefix) && *length <= bits.len());
    match length {
        Some(length) if bits[length..].contains('1') => {
            Err(format!("invalid IP address: Invalid prefix {bits}/{length}\n"))
        }
        Some(_) => Ok(number),
        None => Err(format!("invalid IP address: Invalid prefix length {prefix}\n")),
    }
}

/// Checks a set's or alias's name, or a list of addresses, and gives these addresses' IP version.
pub fn addresses(text: &str) -> Result<Option<u8>, String> {
    if text.len() > 1 && text.starts_with('+') && !text.contains(char::is_whitespace) {
        return if text.len() > LONGEST_NAME + 1 { Err("ipset name too long\n".to_owned()) } else { Ok(None) };
    }
    if alias(text) {
        return if text.len() > LONGEST_NAME { Err("alias name too long\n".to_owned()) } else { Ok(None) };
    }
    let elements = elements(text)?;
    let mut known = None;
    for part in &elements {
        let version = element(part)?;
        if known.is_some_and(|known| known != version) {
            return Err(format!("detected mixed ipv4/ipv6 addresses in address list '{text}'\n"));
        }
        known = Some(version);
    }
    if elements.len() > 1 && text.contains('-') {
        return Err("you can't use a range in a list\n".to_owned());
    }
    Ok(known)
}

fn elements(text: &str) -> Result<Vec<&str>, String> {
    if text.ends_with(',') {
        return Err("extraneous commas in list\n".to_owned());
    }
    Ok(text.split(',').filter(|_| !text.is_empty()).collect())
}

/// Checks a list of ports; of a destination, these may be ICMP types.
pub fn ports(text: &str, destination: bool) -> Result<(), String> {
    let (mut count, mut icmp) = (0, false);
    let port = |text: &str| {
        text.parse::<u64>().ok().filter(|port| *port <= 65_535).ok_or_else(|| format!("invalid port '{text}'\n"))
    };
    for part in elements(text)? {
        match part.split_once(':') {
            Some((first, last)) if is_digits(first) && is_digits(last) => {
                count += 2;
                if port(first)? > port(last)? {
                    return Err(format!("backwards range '{part}' not allowed, did you mean '{last}:{first}'?\n"));
                }
            }
            _ if is_digits(part) => {
                count += 1;
                port(part)?;
            }
            _ if destination && is_icmp_type(part) => icmp = true,
            _ if SERVICES.split_whitespace().any(|service| service == part) => {}
            _ => return Err(format!("invalid port '{part}'\n")),
        }
    }
    if icmp && count > 0 {
        return Err("ICMP ports not allowed in port range\n".to_owned());
    }
    if count > MOST_PORTS {
        return Err("too many entries in port list (> 15 numbers)\n".to_owned());
    }
    Ok(())
}

/// Whether a protocol is known by its name or number.
pub fn is_protocol(text: &str) -> bool {
    text == "icmpv6" || PROTOCOLS.split_whitespace().any(|known| known == text)
}

/// Checks a format of this kind; `None` where the name is not one.
pub fn check(name: &str, text: &str) -> Option<Result<(), String>> {
    Some(match name {
        "pve-fw-addr-spec" => addresses(text).map(drop),
        "pve-fw-sport-spec" => ports(text, false),
        "pve-fw-dport-spec" => ports(text, true),
        "pve-fw-protocol-spec" if text.is_empty() || text == "0" || is_protocol(text) => Ok(()),
        "pve-fw-protocol-spec" => Err(format!("unknown protocol '{text}'\n")),
        "pve-fw-icmp-type-spec" if text.is_empty() || is_icmp_type(text) => Ok(()),
        "pve-fw-icmp-type-spec" => Err(format!("invalid icmp-type value '{text}'\n")),
        "pve-fw-conntrack-helper" => elements(text).and_then(|helpers| {
            let unknown = helpers.into_iter().find(|helper| !HELPERS.contains(helper));
            unknown.map_or(Ok(()), |helper| Err(format!("unknown helper {helper}")))
        }),
        _ => return None,
    })
}

/// 4 or 6, by the first address of a list.
pub fn ip_version(addresses: &str) -> Option<u8> {
    let first = addresses.split([',', '/', '-']).next()?;
    match first.parse::<IpAddr>().ok()? {
        IpAddr::V4(_) => Some(4),
        IpAddr::V6(_) => Some(6),
    }
}

/// A network without the bits of its address beyond the prefix.
pub fn network(text: &str) -> String {
    let Some((address, prefix)) = text.split_once('/') else { return text.to_owned() };
    match (address.parse::<IpAddr>(), prefix.parse::<u32>()) {
        (Ok(IpAddr::V4(address)), Ok(length @ 1..=32)) => {
            format!("{}/{length}", Ipv4Addr::from_bits(address.to_bits() & u32::MAX << (32 - length)))
        }
        (Ok(IpAddr::V6(address)), Ok(length @ 1..=128)) => {
            format!("{}/{length}", Ipv6Addr::from_bits(address.to_bits() & u128::MAX << (128 - length)))
        }
        _ => text.to_owned(),
    }
}

/// An address without a prefix that says no more than the address does.
pub fn without_full_prefix(text: &str) -> &str {
    let full = if text.contains(':') { "/128" } else { "/32" };
    text.strip_suffix(full).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(name: &str, text: &str) -> String {
        check(name, text).unwrap().err().unwrap_or_default()
    }

    #[test]
    fn addresses_are_names_addresses_networks_or_ranges() {
        for good in ["10.0.0.0/8", "10.0.0.1,10.0.0.2", "10.0.0.1-10.0.0.9", "fe80::1", "+set", "dc/alias", "name"] {
            assert_eq!(problem("pve-fw-addr-spec", good), "", "{good}");
        }
        let bits = "00001010000000000000000000000001";
        let bad = [
            ("bogus host!", "invalid IP address: Invalid chars in IP bogus host!\n".to_owned()),
            ("10.0.0.300", "invalid IP address: Invalid quad in IP address 10.0.0.300 - 300\n".to_owned()),
            ("10.0.0.1/24", format!("invalid IP address: Invalid prefix {bits}/24\n")),
            ("10.0.0.1,fe80::1", "detected mixed ipv4/ipv6 addresses in address list '10.0.0.1,fe80::1'\n".to_owned()),
            ("10.0.0.1,", "extraneous commas in list\n".to_owned()),
        ];
        for (text, expected) in bad {
            assert_eq!(problem("pve-fw-addr-spec", text), expected);
        }
    }

    #[test]
    fn ports_are_numbers_ranges_or_services() {
        for good in ["22", "80,443", "1000:2000", "ssh", "echo-request"] {
            assert_eq!(problem("pve-fw-dport-spec", good), "", "{good}");
        }
        assert_eq!(problem("pve-fw-dport-spec", "70000"), "invalid port '70000'\n");
        assert_eq!(problem("pve-fw-sport-spec", "echo-request"), "invalid port 'echo-request'\n");
        let backwards = "backwards range '9:1' not allowed, did you mean '1:9'?\n";
        assert_eq!(problem("pve-fw-dport-spec", "9:1"), backwards);
    }
}

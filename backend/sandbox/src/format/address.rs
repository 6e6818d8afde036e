//! The formats of addresses, networks and names on the network.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::named::{dns_name, iface};
use super::{is_digits, is_integer};

/// Networks larger than that are not believed.
const SHORTEST_PREFIX: u8 = 8;

/// `ADDRESS/PREFIX` in its parts, where the prefix is digits.
fn network(text: &str) -> Option<(&str, u32)> {
    let (address, prefix) = text.split_once('/')?;
    Some((address, prefix.parse().ok().filter(|_| is_digits(prefix))?))
}

fn cidr4(text: &str) -> bool {
    network(text).is_some_and(|(address, prefix)| {
        address.parse::<Ipv4Addr>().is_ok() && (u32::from(SHORTEST_PREFIX)..=32).contains(&prefix)
    })
}

fn cidr6(text: &str) -> bool {
    network(text).is_some_and(|(address, prefix)| {
        address.parse::<Ipv6Addr>().is_ok() && (u32::from(SHORTEST_PREFIX)..=128).contains(&prefix)
    })
}

fn is_ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok()
}

/// An address or a network of any size.
fn ip_or_cidr(text: &str) -> Result<(), String> {
    let Some((address, prefix)) = text.split_once('/') else {
        return if is_ip(text) {
            Ok(())
        } else {
            Err("value does not look like a valid IP address or CIDR network\n".to_owned())
        };
    };
    match (address.parse::<IpAddr>(), prefix.parse::<u32>()) {
        (Ok(IpAddr::V4(_)), Ok(0..=32)) | (Ok(IpAddr::V6(_)), Ok(0..=128)) if is_digits(prefix) => Ok(()),
        (Ok(_), Ok(length)) if is_digits(prefix) => Err(format!("Invalid prefix length {length}\n")),
        _ => Err("value does not look like a valid IP address or CIDR network\n".to_owned()),
    }
}

/// Whether a text is the mask of a prefix: `255.255.255.0`.
fn mask4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok_and(|mask| {
        let bits = u32::from(mask);
        bits.leading_ones() + bits.trailing_zeros() >= 32
    })
}

fn unicast_mac(text: &str) -> bool {
    let bytes: Vec<Option<u8>> =
        text.split(':').map(|part| u8::from_str_radix(part, 16).ok().filter(|_| part.len() == 2)).collect();
    bytes.len() == 6 && bytes.iter().all(Option::is_some) && bytes[0].is_some_and(|first| first & 1 == 0)
}

fn mac_prefix(text: &str) -> bool {
    let parts: Vec<&str> = text.strip_suffix(':').unwrap_or(text).split(':').collect();
    let hex = |part: &&str| part.len() == 2 && u8::from_str_radix(part, 16).is_ok();
    (1..=3).contains(&parts.len())
        && parts.iter().all(hex)
        && parts.first().and_then(|first| u8::from_str_radix(first, 16).ok()).is_some_and(|first| first & 1 == 0)
}

/// An address, or a link-local one with its interface.
fn with_interface(text: &str) -> bool {
    match text.split_once('%') {
        Some((address, interface)) => address.starts_with("fe80:") && is_ip(address) && iface(interface),
        None => is_ip(text),
    }
}

/// A host with or without a port.
fn portal(text: &str) -> bool {
    let host = |text: &str| is_ip(text) || dns_name(text);
    match text.rsplit_once(':') {
        Some((name, port)) => host(text) || is_digits(port) && host(name.trim_matches(['[', ']'])),
        None => host(text),
    }
}

fn vlan(text: &str) -> Result<(), String> {
    let (first, last) = text.split_once('-').map_or((text, None), |(first, last)| (first, Some(last)));
    if !is_digits(first) || last.is_some_and(|last| !is_digits(last)) {
        return Err(format!("invalid VLAN configuration '{text}'\n"));
    }
    let tag = |text: &str| text.parse::<u32>().ok().filter(|tag| (2..=4094).contains(tag));
    for part in [Some(first), last].into_iter().flatten() {
        tag(part).ok_or_else(|| format!("invalid VLAN tag '{part}'\n"))?;
    }
    if last.is_some_and(|last| tag(first) >= tag(last)) {
        return Err(format!("VLAN range must go from lower to higher tag '{text}'\n"));
    }
    Ok(())
}

/// Checks a format of this kind; `None` where the name is not one.
pub fn check(name: &str, text: &str) -> Option<Result<(), String>> {
    let looks =
        |ok: bool, what: &str| if ok { Ok(()) } else { Err(format!("value does not look like a valid {what}\n")) };
    Some(match name {
        "ip" => looks(is_ip(text), "IP address"),
        "ipv4" => looks(text.parse::<Ipv4Addr>().is_ok(), "IPv4 address"),
        "ipv6" => looks(text.parse::<Ipv6Addr>().is_ok(), "IPv6 address"),
        "ipv4mask" => looks(mask4(text), "IP netmask"),
        "lxc-ip-with-ll-iface" => looks(with_interface(text) || text == "host", "IP address"),
        "address" => looks(is_ip(text) || dns_name(text), &format!("address: {text}")),
        "pve-storage-server" => looks(is_ip(text) || dns_name(text), "server name or IP address"),
        "pve-storage-portal-dns" => looks(portal(text), "portal address"),
        "CIDR" => looks(cidr4(text) || cidr6(text), "CIDR network"),
        "CIDRv4" => looks(cidr4(text), "IPv4 CIDR network"),
        "CIDRv6" => looks(cidr6(text), "IPv6 CIDR network"),
        "IPorCIDRorAlias" if super::firewall::alias(text) => Ok(()),
        "IPorCIDR" | "IPorCIDRorAlias" => ip_or_cidr(text),
        "pve-ipv4-config" => looks(matches!(text, "dhcp" | "manual") || cidr4(text), "ipv4 network configuration"),
        "pve-ipv6-config" => {
            looks(matches!(text, "auto" | "dhcp" | "manual") || cidr6(text), "ipv6 network configuration")
        }
        "pve-sdn-subnet-id" => {
            let cidr = match text.split('-').collect::<Vec<_>>().as_slice() {
                _ if text.contains('/') => text.to_owned(),
                [_, address, prefix, ..] => format!("{address}/{prefix}"),
                _ => String::new(),
            };
            looks(cidr4(&cidr) || cidr6(&cidr), "CIDR network")
        }
        "mac-addr" => looks(unicast_mac(text), "unicast MAC address"),
        "mac-prefix" if mac_prefix(text) => Ok(()),
        "mac-prefix" => Err("value is not a valid unicast MAC address prefix\n".to_owned()),
        "pve-vlan-id-or-range" => vlan(text),
        "pve-sdn-bgp-rt" => {
            let number = |part: &str| is_integer(part) && part.parse::<u32>().is_ok();
            let known = text.split_once(':').is_some_and(|(asn, id)| number(asn) && number(id));
            looks(known, "bgp route-target")
        }
        "pve-sdn-isis-net" => {
            let parts: Vec<&str> = text.split('.').collect();
            let hex = |part: &&str, length: usize| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
            let known = matches!(parts.as_slice(), [first, middle @ .., last]
                if (3..=9).contains(&middle.len()) && hex(first, 2) && hex(last, 2) && middle.iter().all(|part| hex(part, 4)));
            looks(known, "isis net")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(name: &str, text: &str) -> String {
        check(name, text).unwrap().err().unwrap_or_default()
    }

    #[test]
    fn networks_larger_than_a_byte_are_not_believed() {
        assert_eq!(problem("CIDR", "10.0.0.0/8"), "");
        assert_eq!(problem("CIDR", "10.0.0.0/7"), "value does not look like a valid CIDR network\n");
        assert_eq!(problem("IPorCIDR", "0.0.0.0/0"), "");
    }

    #[test]
    fn masks_and_ranges_are_checked() {
        assert_eq!(problem("ipv4mask", "255.255.240.0"), "");
        assert_ne!(problem("ipv4mask", "255.0.255.0"), "");
        assert_eq!(problem("pve-vlan-id-or-range", "10-20"), "");
        assert_eq!(problem("pve-vlan-id-or-range", "20-10"), "VLAN range must go from lower to higher tag '20-10'\n");
        assert_eq!(problem("pve-vlan-id-or-range", "1"), "invalid VLAN tag '1'\n");
    }
}

//! Addresses: of hosts, of networks, and of network cards.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::Doubt;

/// The most DNS servers or domains: the resolvers of guests heed three and six.
const MAX_LIST: usize = 6;

/// `dhcp`, or a host's IPv4 address with its prefix.
pub(super) fn with_prefix4(text: &str) -> Result<String, Doubt> {
    if text.eq_ignore_ascii_case("dhcp") {
        return Ok("dhcp".to_owned());
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        let text = format!("{address} has no prefix: how large is its network?");
        return Err(Doubt::new(text).or([24, 16, 8].map(|prefix| format!("{address}/{prefix}"))));
    }
    let Some(network) = Network::read(text) else {
        return Err(Doubt::new(format!("“{text}” is no IPv4 address such as 10.0.0.5/24, and not dhcp. What is it?")));
    };
    if network.is_host() {
        Ok(format!("{}/{}", network.address, network.prefix))
    } else {
        Err(Doubt::new(format!("{text} is the network itself or its broadcast address. Which host’s address is it?")))
    }
}

/// An IPv4 address with its prefix.
pub(super) struct Network {
    pub(super) address: Ipv4Addr,
    prefix: u32,
}

impl Network {
    pub(super) fn read(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let prefix: u32 = prefix.parse().ok().filter(|prefix| (1..=32).contains(prefix))?;
        Some(Self { address: address.parse().ok()?, prefix })
    }

    fn mask(&self) -> u32 {
        u32::MAX << (32 - self.prefix)
    }

    /// Neither the network's own nor its broadcast address; networks of two have neither (RFC 3021).
    fn is_host(&self) -> bool {
        let host = self.address.to_bits() & !self.mask();
        self.prefix >= 31 || (host != 0 && host != !self.mask())
    }

    /// Whether `other` is another address in it.
    pub(super) fn reaches(&self, other: Ipv4Addr) -> bool {
        other != self.address && (other.to_bits() ^ self.address.to_bits()) & self.mask() == 0
    }
}

/// A host's IPv4 address.
pub(super) fn host4(text: &str) -> Result<String, Doubt> {
    match text.parse::<Ipv4Addr>() {
        Ok(address) => Ok(address.to_string()),
        Err(_) => Err(Doubt::new(format!("“{text}” is no IPv4 address of a gateway. Which one is it?"))),
    }
}

/// A host's IPv6 address.
pub(super) fn host6(text: &str) -> Result<String, Doubt> {
    match text.parse::<Ipv6Addr>() {
        Ok(address) if !address.is_unspecified() && !address.is_multicast() => Ok(address.to_string()),
        _ => Err(Doubt::new(format!("“{text}” is no IPv6 address of a gateway. Which one is it?"))),
    }
}

/// `dhcp`, `auto` (SLAAC), or a host's IPv6 address with its prefix.
pub(super) fn with_prefix6(text: &str) -> Result<String, Doubt> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "dhcp" | "auto" => return Ok(lower),
        "slaac" => return Ok("auto".to_owned()),
        _ => {}
    }
    let read = || {
        let (address, prefix) = text.split_once('/')?;
        let prefix: u32 = prefix.parse().ok().filter(|prefix| (1..=128).contains(prefix))?;
        let address: Ipv6Addr = address.parse().ok()?;
        (!address.is_unspecified() && !address.is_multicast()).then(|| format!("{address}/{prefix}"))
    };
    if let Ok(address) = text.parse::<Ipv6Addr>() {
        let text = format!("{address} has no prefix: how large is its network?");
        return Err(Doubt::new(text).or([64, 56, 48].map(|prefix| format!("{address}/{prefix}"))));
    }
    read().ok_or_else(|| {
        Doubt::new(format!("“{text}” is no IPv6 address such as fd00::5/64, and neither dhcp nor auto. What is it?"))
    })
}

/// IP addresses, separated by blanks.
pub(super) fn hosts(text: &str) -> Result<String, Doubt> {
    let parts: Vec<&str> = text.split([' ', ',', ';']).filter(|part| !part.is_empty()).collect();
    let read: Option<Vec<String>> =
        parts.iter().map(|part| part.parse::<IpAddr>().ok().map(|address| address.to_string())).collect();
    match read {
        Some(addresses) if (1..=MAX_LIST).contains(&addresses.len()) => Ok(addresses.join(" ")),
        _ => Err(Doubt::new(format!("“{text}” is no list of IP addresses of DNS servers. Which ones are meant?"))),
    }
}

/// DNS domains, separated by blanks.
pub(super) fn domains(text: &str) -> Result<String, Doubt> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let parts: Vec<&str> = text.split([' ', ',', ';']).filter(|part| !part.is_empty()).collect();
    let sound = parts.iter().all(|domain| domain.len() <= 253 && domain.split('.').all(label));
    if sound && (1..=MAX_LIST).contains(&parts.len()) {
        Ok(parts.join(" ").to_ascii_lowercase())
    } else {
        Err(Doubt::new(format!("“{text}” is no DNS domain such as example.org. Which one is meant?")))
    }
}

/// The MAC address of one host, in upper case: a group's address is none (the first octet's lowest bit, IEEE 802).
pub(super) fn mac(text: &str) -> Result<String, Doubt> {
    let octet = |octet: &str| {
        let digits = octet.len() == 2 && octet.bytes().all(|b| b.is_ascii_hexdigit());
        digits.then(|| u8::from_str_radix(octet, 16).ok()).flatten()
    };
    let octets: Option<Vec<u8>> = text.split([':', '-']).map(octet).collect();
    match octets.as_deref() {
        Some(octets @ [first, ..]) if octets.len() == 6 && first & 1 == 0 => {
            Ok(octets.iter().map(|octet| format!("{octet:02X}")).collect::<Vec<_>>().join(":"))
        }
        _ => {
            Err(Doubt::new(format!("“{text}” is no MAC address of a host such as BC:24:11:00:00:01. Which one is it?")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_hosts_with_a_prefix() {
        assert_eq!(with_prefix4("10.1.2.3/24").ok().as_deref(), Some("10.1.2.3/24"));
        assert_eq!(with_prefix4("DHCP").ok().as_deref(), Some("dhcp"));
        for bad in ["10.1.2.0/24", "10.1.2.255/24", "10.1.2.3/33", "10.1.2.3/0", "10.1.2.300/24", "fe80::1/64", "x"] {
            assert!(with_prefix4(bad).is_err(), "{bad}");
        }
        let bare = with_prefix4("10.1.2.3").err().unwrap();
        assert!(bare.options.contains(&"10.1.2.3/24".to_owned()));
        let network = Network::read("10.1.2.3/24").unwrap();
        assert!(network.reaches("10.1.2.1".parse().unwrap()));
        assert!(!network.reaches("10.1.2.3".parse().unwrap()), "a guest is not its own gateway");
        assert!(!network.reaches("10.1.3.1".parse().unwrap()));
    }

    #[test]
    fn ipv6_addresses_are_written_in_one_way() {
        assert_eq!(with_prefix6("FD00:0:0::5/64").ok().as_deref(), Some("fd00::5/64"));
        assert_eq!(with_prefix6("SLAAC").ok().as_deref(), Some("auto"));
        assert!(with_prefix6("fd00::5").is_err_and(|doubt| doubt.options.contains(&"fd00::5/64".to_owned())));
        for bad in ["ff02::1/64", "::/64", "fd00::5/129", "10.0.0.1/24", "x"] {
            assert!(with_prefix6(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_mac_is_one_hosts() {
        assert_eq!(mac("bc-24-11-00-00-0a").ok().as_deref(), Some("BC:24:11:00:00:0A"));
        for bad in ["01:00:5e:00:00:01", "bc:24:11:00:00", "bc:24:11:00:00:zz", "+c:24:11:00:00:01", ""] {
            assert!(mac(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn lists_have_an_end_and_no_strange_parts() {
        assert_eq!(hosts("1.1.1.1, 9.9.9.9").ok().as_deref(), Some("1.1.1.1 9.9.9.9"));
        assert!(hosts("1.1.1.1 dns").is_err() && hosts("").is_err());
        assert_eq!(domains("Example.org").ok().as_deref(), Some("example.org"));
        assert!(domains("-x.org").is_err() && domains("a_b").is_err());
    }
}

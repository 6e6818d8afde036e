//! What values a field takes.

use std::fmt;

/// What values a field takes, by Proxmox VE 8.4's own bounds. Which [`super::Value`] holds them stands at each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Yes or no: [`super::Value::Flag`].
    Flag,
    /// A whole number within bounds: [`super::Value::Count`].
    Count {
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// A number of at most two decimals from 0 on, written as short as it can be (`1.5`): [`super::Value::Text`].
    Decimal {
        /// The most.
        most: u64,
    },
    /// An amount: [`super::Value::Size`], in whole MiB.
    Size {
        /// The least, in MiB.
        least: u64,
    },
    /// One of these words: [`super::Value::Text`].
    Choice(&'static [&'static str]),
    /// Any of these words: [`super::Value::Set`].
    Choices(&'static [&'static str]),
    /// Tags: [`super::Value::Set`].
    Tags,
    /// A guest's name: [`super::Value::Text`].
    Name,
    /// The name of something in Proxmox (a storage, a bridge, a pool): [`super::Value::Text`].
    Word,
    /// A text of at most that many characters: [`super::Value::Text`].
    Text {
        /// The most characters.
        most: usize,
    },
    /// An absolute path in the guest: [`super::Value::Text`].
    Path,
    /// A volume, `STORAGE:NAME`: [`super::Value::Text`].
    Volume,
    /// `dhcp`, or a host's IPv4 address with its prefix: [`super::Value::Text`].
    Address4,
    /// An IPv4 address without prefix: [`super::Value::Text`].
    Host4,
    /// `dhcp`, `auto`, or a host's IPv6 address with its prefix: [`super::Value::Text`].
    Address6,
    /// An IPv6 address without prefix: [`super::Value::Text`].
    Host6,
    /// IP addresses, separated by blanks: [`super::Value::Text`].
    Hosts,
    /// DNS domains, separated by blanks: [`super::Value::Text`].
    Domains,
    /// A MAC address of one host, in upper case: [`super::Value::Text`].
    Mac,
    /// Public SSH keys, one a line: [`super::Value::Text`].
    SshKeys,
    /// A machine type, `pc` or `q35`, perhaps with its version: [`super::Value::Text`].
    Machine,
    /// A CPU type: [`super::Value::Text`].
    Cpu,
    /// Devices in the order in which they are booted from, separated by semicolons: [`super::Value::Text`].
    Devices,
    /// A name of Debian's time zones, or `host`: [`super::Value::Text`].
    Timezone,
}

/// As a reference has it: `a whole number from 1 to 4094`.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |f: &mut fmt::Formatter<'_>, head: &str, words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
            write!(f, "{head}{}", words.join(", "))
        };
        match self {
            Self::Flag => f.write_str("yes or no"),
            Self::Count { least, most } => write!(f, "a whole number from {least} to {most}"),
            Self::Decimal { most } => write!(f, "a number from 0 to {most}, at most two decimals"),
            Self::Size { least: 0 } => f.write_str("a size"),
            Self::Size { least } => write!(f, "a size from {least} MiB on"),
            Self::Choice(choices) => words(f, "one of ", choices),
            Self::Choices(choices) => words(f, "any of ", choices),
            Self::Tags => f.write_str("tags"),
            Self::Name => f.write_str("a DNS name of at most 64 characters"),
            Self::Word => f.write_str("a name"),
            Self::Text { most } => write!(f, "a text of at most {most} characters"),
            Self::Path => f.write_str("an absolute path, e.g. `/srv/data`"),
            Self::Volume => f.write_str("a volume, e.g. `local:iso/debian-12.iso`"),
            Self::Address4 => f.write_str("`dhcp`, or an IPv4 address with its prefix"),
            Self::Host4 => f.write_str("an IPv4 address"),
            Self::Address6 => f.write_str("`dhcp`, `auto`, or an IPv6 address with its prefix"),
            Self::Host6 => f.write_str("an IPv6 address"),
            Self::Hosts => f.write_str("IP addresses"),
            Self::Domains => f.write_str("DNS domains"),
            Self::Mac => f.write_str("a MAC address"),
            Self::SshKeys => f.write_str("public SSH keys"),
            Self::Machine => f.write_str("`q35` or `pc`, perhaps with a version"),
            Self::Cpu => f.write_str("a CPU type, e.g. `host`"),
            Self::Devices => f.write_str("disks and NICs in order, e.g. `scsi0;net0`"),
            Self::Timezone => f.write_str("a time zone, e.g. `Europe/Berlin`, or `host`"),
        }
    }
}

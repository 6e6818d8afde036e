//! What values a field takes.

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

//! The words for every field that can be declared: the one table of both readers.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use foldhash::{HashMap, HashMapExt, HashSet};

use mycopod_core::field::{DiskPart, NicPart, Plain, Shape, Value};
use mycopod_core::size::Size;

use crate::builtin::wordings::{Wordings, words};

/// A field as words name it, without the disk or NIC that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// One that every guest has once.
    Plain(Plain),
    /// A part of a disk.
    Disk(DiskPart),
    /// A part of a NIC.
    Nic(NicPart),
    /// The node it is on.
    Node,
}

/// The words for each field, divided by `|`. Each field has its key among them.
const WORDS: &[(Named, &str)] = &[
    (Named::Plain(Plain::Name), "hostname|host name|name"),
    (
        Named::Plain(Plain::Cores),
        "cores per cpu socket|cores per socket|cpu core count|cpu cores|cpu count|core count|cores|core|vcpu count|vcpus|vcpu|vcores|cpus|cpu|processor count|processors|processor",
    ),
    (Named::Plain(Plain::Sockets), "cpu sockets|cpu socket|sockets|socket count|socket"),
    (
        Named::Plain(Plain::Vcpus),
        "plugged vcpus|plugged cpus|plugged-in cpus|hot-plugged vcpus|hot-plugged cpus|hotplugged vcpus|hotplugged cpus|online vcpus|online cpus|active vcpus|active cpus",
    ),
    (Named::Plain(Plain::CpuType), "cpu type|cpu model|processor type|processor model|type of cpu"),
    (Named::Plain(Plain::Numa), "numa nodes|numa"),
    (Named::Plain(Plain::CpuLimit), "cpu limit|cpulimit|cpu-limit|cpu cap|cpu time limit|limit of cpu time"),
    (Named::Plain(Plain::CpuUnits), "cpu units|cpuunits|cpu-units|cpu weight|cpu shares|cpu priority"),
    (
        Named::Plain(Plain::Memory),
        "memory size|memory limit|ram limit|maximum memory|maximum ram|max memory|max ram|main memory|memory|ram size|vram|ram|vmem|mem",
    ),
    (
        Named::Plain(Plain::Balloon),
        "memory ballooning|ram ballooning|minimum memory for ballooning|minimum ram for ballooning|minimum memory|minimum ram|min memory|min ram|memory minimum|balloon minimum|balloon target|balloon size|balloon memory|ballooning|balloon",
    ),
    (Named::Plain(Plain::Shares), "memory shares|memory weight|balloon shares|shares"),
    (Named::Plain(Plain::Swap), "swap space|swap size|swap"),
    (Named::Plain(Plain::Machine), "machine type|machine model|chipset|machine"),
    (Named::Plain(Plain::Bios), "bios type|bios|firmware type|firmware"),
    (
        Named::Plain(Plain::EfiDisk),
        "efi disk|uefi disk|efidisk|efidisk0|efi vars disk|efi variables|efi vars|efi storage",
    ),
    (Named::Plain(Plain::Tpm), "tpm state|tpm storage|tpm chip|tpm device|virtual tpm|vtpm|tpmstate0|tpm"),
    (Named::Plain(Plain::OsType), "guest os type|os type|ostype|os-type"),
    (
        Named::Plain(Plain::ScsiController),
        "scsi controller type|scsi controller model|scsi controller|scsi hardware|scsi adapter|disk controller|scsihw",
    ),
    (Named::Plain(Plain::Vga), "display type|display|graphics card|graphics|video card|vga"),
    (Named::Plain(Plain::Serial), "serial console|serial port|serial terminal|serial0|serial"),
    (Named::Plain(Plain::Agent), "qemu guest agent|qemu-guest-agent|guest agent|guest-agent|qemu agent|agent"),
    (Named::Plain(Plain::Hotplug), "hot-plugging|hot-plug|hotplugging|hotplug|hot plugging|hot plug"),
    (
        Named::Plain(Plain::BootOrder),
        "boot order|bootorder|boot sequence|boot devices|boot device|boots from|boot from|booting from|boots off|boot",
    ),
    (
        Named::Plain(Plain::Cdrom),
        "cd-rom drive|cd-rom|cdrom drive|cdrom|cd rom|cd drive|dvd drive|cd|dvd|iso image|iso file|iso|installation medium|install medium",
    ),
    (
        Named::Plain(Plain::CloudInit),
        "cloud-init drive|cloud-init disk|cloud-init storage|cloudinit drive|cloudinit disk|cloud init drive|cloud-init|cloudinit|cloud init",
    ),
    (
        Named::Plain(Plain::CiUser),
        "cloud-init user name|cloud-init username|cloud-init user|cloud init user|cloudinit user|ci user|ciuser|default user|login user|ssh user|user name|username|user",
    ),
    (
        Named::Plain(Plain::Password),
        "cloud-init password|cloud init password|cloudinit password|cipassword|root password|user password|login password|password",
    ),
    (
        Named::Plain(Plain::SshKeys),
        "public ssh keys|public ssh key|ssh public keys|ssh public key|public keys|public key|authorized ssh keys|authorized ssh key|authorized keys|authorized key|ssh keys|ssh key|ssh-keys|ssh-key|sshkeys|sshkey",
    ),
    (
        Named::Plain(Plain::CiUpgrade),
        "cloud-init package upgrades|cloud-init package upgrade|package upgrades|package upgrade|package-upgrade|ciupgrade|cloud-init upgrade",
    ),
    (
        Named::Plain(Plain::Snippets),
        "cloud-init snippets|cloud-init snippet|snippets|snippet|custom cloud-init|cicustom",
    ),
    (
        Named::Plain(Plain::Nameserver),
        "cloud-init dns|dns servers|dns server|dns resolvers|dns resolver|resolvers|resolver|name servers|name server|nameservers|nameserver|dns",
    ),
    (
        Named::Plain(Plain::SearchDomain),
        "dns search domains|dns search domain|dns domain|search domains|search domain|searchdomain|search-domain|domain",
    ),
    (Named::Plain(Plain::Nesting), "nesting"),
    (Named::Plain(Plain::Keyctl), "keyctl"),
    (Named::Plain(Plain::Fuse), "fuse mounts|fuse"),
    (Named::Plain(Plain::Timezone), "time zone|timezone|time-zone|tz"),
    (Named::Plain(Plain::OnBoot), "autostart|auto-start|onboot|start at boot|start on boot"),
    (
        Named::Plain(Plain::StartupOrder),
        "start-up order|startup order|order|start order|boot-up order|startup.order|startup priority|start priority",
    ),
    (
        Named::Plain(Plain::StartupUp),
        "start-up delay|startup delay|start delay|up delay|startup.up|start-up wait|startup wait",
    ),
    (
        Named::Plain(Plain::StartupDown),
        "shutdown timeout|shutdown time-out|shut-down timeout|shutdown delay|down timeout|down delay|down time-out|startup.down",
    ),
    (Named::Plain(Plain::Protection), "delete protection|deletion protection|protection"),
    (Named::Plain(Plain::Unprivileged), "unprivileged"),
    (Named::Plain(Plain::Tags), "tags"),
    (Named::Plain(Plain::Description), "description|notes|note|comment"),
    (Named::Plain(Plain::Pool), "resource pool|pool"),
    (Named::Plain(Plain::Ha), "ha state|ha mode|high availability|high-availability|ha"),
    (Named::Disk(DiskPart::Storage), "storage|datastore"),
    (Named::Disk(DiskPart::Cache), "cache mode|disk cache|caching mode|caching|cache"),
    (Named::Disk(DiskPart::Discard), "discard|trim"),
    (Named::Disk(DiskPart::Ssd), "ssd emulation|ssd-emulation|ssd flag|ssd"),
    (
        Named::Disk(DiskPart::Iothread),
        "io threads|io thread|i/o threads|i/o thread|io-threads|io-thread|iothreads|iothread",
    ),
    (Named::Disk(DiskPart::Backup), "backup flag|backups|backup"),
    (Named::Disk(DiskPart::ReadOnly), "read-only|readonly|read only"),
    (
        Named::Disk(DiskPart::Mount),
        "mount point|mount path|mountpoint|mounted at|mounted on|mounted under|mount at|mount",
    ),
    (Named::Disk(DiskPart::Import), "imported from|import from|import of|imports|import|copied from"),
    (Named::Nic(NicPart::Bridge), "network bridge|bridge|vnet|network|net|nic"),
    (Named::Nic(NicPart::Vlan), "vlan tag|vlan id|vlan"),
    (
        Named::Nic(NicPart::Ip),
        "cloud-init ip address|cloud-init ip|cloud-init address|static ip address|static ip|static address|ip address|ipv4 address|static ipv4 address|static ipv4|ipv4 static|ip static|fixed ip address|fixed ip|fixed address|ipv4|ip|address",
    ),
    (Named::Nic(NicPart::Gateway), "default gateway|default router|ipv4 gateway|gateway|router|gw"),
    (Named::Nic(NicPart::Ip6), "static ipv6 address|static ipv6|ipv6 static|ipv6 address|ip6 address|ipv6|ip6"),
    (Named::Nic(NicPart::Gateway6), "default ipv6 gateway|ipv6 default gateway|ipv6 gateway|ip6 gateway|gateway6|gw6"),
    (Named::Nic(NicPart::Model), "nic model|network model|network card model|network card type|nic type|model"),
    (Named::Nic(NicPart::Mac), "mac address|mac addr|macaddr|hardware address|hwaddr|mac"),
    (Named::Nic(NicPart::Firewall), "nic firewall|firewall flag|firewall"),
    (
        Named::Nic(NicPart::Rate),
        "nic limited|nic limit|interface limited|link limited|network limited|bandwidth limited|rate limited|rate limit|bandwidth limit|network rate|network limit|bandwidth|rate",
    ),
    (Named::Nic(NicPart::Mtu), "mtu size|mtu"),
    (Named::Nic(NicPart::LinkDown), "link down|link_down|link-down|link disconnected|cable out|cable unplugged"),
    (Named::Nic(NicPart::Queues), "packet queues|multiqueue|multi-queue|queues"),
    (Named::Node, "node"),
];

/// Words that say a field and its value at once.
const PHRASES: &[(Named, Said, &str)] = &[
    (
        Named::Plain(Plain::Bios),
        Said::Text("ovmf"),
        "boot with uefi|boot via uefi|boots with uefi|uefi boot|uefi firmware|uefi bios|uefi|ovmf bios|ovmf",
    ),
    (Named::Plain(Plain::Bios), Said::Text("seabios"), "legacy bios|seabios"),
    (Named::Plain(Plain::Machine), Said::Text("q35"), "q35 chipset|q35"),
    (
        Named::Plain(Plain::ScsiController),
        Said::Text("virtio-scsi-single"),
        "virtio-scsi-single controller|virtio-scsi-single|virtio scsi single",
    ),
    (
        Named::Plain(Plain::Ha),
        Said::Text("started"),
        "highly available|highly-available|managed by ha|under ha|ha managed|ha-managed",
    ),
    (Named::Plain(Plain::Numa), Said::Flag(true), "numa aware"),
    (
        Named::Disk(DiskPart::Cache),
        Said::Text("writeback"),
        "writeback cache|write-back cache|write back cache|writeback caching|write-back caching|writeback mode|write-back mode|writeback",
    ),
    (
        Named::Disk(DiskPart::Cache),
        Said::Text("writethrough"),
        "writethrough cache|write-through cache|write through cache|writethrough caching|writethrough mode|writethrough",
    ),
    (
        Named::Disk(DiskPart::Backup),
        Said::Flag(false),
        "excluded from the backups|excluded from the backup|excluded from backups|excluded from backup|not in the backups|not in the backup|not in backups|not backed up|left out of backups|left out of the backups|skipped in backups|skipped in the backups",
    ),
    (
        Named::Disk(DiskPart::Backup),
        Said::Flag(true),
        "included in the backups|included in the backup|included in backups|included in backup|in the backups|in the backup|in backups|in backup|backed up",
    ),
    (
        Named::Nic(NicPart::Vlan),
        Said::Count(0),
        "without vlan tag|without vlan|without a vlan|no vlan tag|no vlan|untagged",
    ),
    (Named::Nic(NicPart::LinkDown), Said::Flag(false), "link up"),
    (Named::Nic(NicPart::LinkDown), Said::Flag(true), "unplugged|disconnected"),
    (
        Named::Plain(Plain::CiUpgrade),
        Said::Flag(false),
        "no package upgrades on first boot|no package upgrade on first boot|no package upgrades at first boot|no package upgrade at first boot|no package upgrades|no package upgrade|no upgrades on first boot|no upgrade on first boot|no upgrades at first boot",
    ),
];

/// A value in a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    /// Yes or no.
    Flag(bool),
    /// A number.
    Count(u64),
    /// A word.
    Text(&'static str),
}

impl Said {
    /// As a field holds it.
    pub fn value(self) -> Value {
        match self {
            Self::Flag(flag) => Value::Flag(flag),
            Self::Count(count) => Value::Count(count),
            Self::Text(text) => Value::Text(text.to_owned()),
        }
    }
}

/// Other words for the values of a field that takes one of several.
const CHOICES: &[(Plain, &str, &Wordings)] = &[
    (Plain::Bios, "ovmf", words!("uefi|efi")),
    (Plain::Bios, "seabios", words!("legacy bios|legacy|sea bios")),
    (Plain::OsType, "l26", words!("linux")),
    (Plain::OsType, "win11", words!("windows 11|windows server 2025|windows server 2022|windows 2025|windows 2022")),
    (Plain::OsType, "win10", words!("windows 10|windows server 2019|windows server 2016|windows 2019|windows 2016")),
    (Plain::ScsiController, "virtio-scsi-single", words!("virtio scsi single")),
    (Plain::ScsiController, "virtio-scsi-pci", words!("virtio-scsi|virtio scsi")),
    (Plain::Vga, "std", words!("standard")),
    (Plain::Vga, "serial0", words!("serial console|serial")),
    (Plain::Ha, "started", words!("on|enabled|running|active|yes|true|managed")),
    (Plain::Ha, "", words!("off|removed|no|false|none")),
];

/// The other words for `field`'s values, with the value each means.
pub fn choices(field: Named) -> impl Iterator<Item = (&'static str, &'static Wordings)> {
    let caches =
        [("writeback", words!("write-back|write back")), ("writethrough", words!("write-through|write through"))];
    let plain = CHOICES.iter().filter(move |(plain, ..)| field == Named::Plain(*plain));
    let disk = caches.into_iter().filter(move |_| field == Named::Disk(DiskPart::Cache));
    plain.map(|(_, value, words)| (*value, *words)).chain(disk)
}

/// Words in a row, and what they say.
type Entry<T> = (Vec<&'static str>, T);
/// Entries by their first word, the longer ones first.
type Index<T> = HashMap<&'static str, Vec<Entry<T>>>;

fn index<T: Copy>(table: impl Iterator<Item = (T, &'static str)>) -> Index<T> {
    let mut index: Index<T> = HashMap::new();
    for (said, wordings) in table {
        for wording in wordings.split('|') {
            let words: Vec<&str> = wording.split(' ').collect();
            index.entry(words[0]).or_default().push((words, said));
        }
    }
    for entries in index.values_mut() {
        entries.sort_by_key(|(words, _)| std::cmp::Reverse(words.len()));
    }
    index
}

static FIELDS: LazyLock<Index<Named>> = LazyLock::new(|| index(WORDS.iter().copied()));

static VALUES: LazyLock<Index<(Named, Said)>> =
    LazyLock::new(|| index(PHRASES.iter().map(|(field, value, words)| ((*field, *value), *words))));

/// The longest entry of `index` that fits the words that `word` gives, and how many they are.
fn longest<'w, T: Copy>(index: &Index<T>, word: impl Fn(usize) -> &'w str) -> Option<(usize, T)> {
    index
        .get(word(0))?
        .iter()
        .find(|(words, _)| words.iter().enumerate().all(|(at, wanted)| word(at) == *wanted))
        .map(|(words, said)| (words.len(), *said))
}

/// The field that these words name, and how many words they are.
pub fn field<'w>(word: impl Fn(usize) -> &'w str) -> Option<(usize, Named)> {
    longest(&FIELDS, word)
}

/// Whether `word` stands in the table.
pub fn has(word: &str) -> bool {
    static ALL: LazyLock<HashSet<&str>> = LazyLock::new(|| {
        let all = WORDS.iter().map(|(_, words)| *words).chain(PHRASES.iter().map(|(.., words)| *words));
        all.flat_map(|words| words.split([' ', '|'])).collect()
    });
    ALL.contains(word)
}

/// The field and value that these words say at once, and how many words they are.
pub fn phrase<'w>(word: impl Fn(usize) -> &'w str) -> Option<(usize, (Named, Said))> {
    longest(&VALUES, word)
}

impl Named {
    /// What values it takes; the name of a node is a word.
    pub const fn shape(self) -> Shape {
        match self {
            Self::Plain(plain) => plain.shape(),
            Self::Disk(part) => part.shape(),
            Self::Nic(part) => part.shape(),
            Self::Node => Shape::Word,
        }
    }

    /// The value by which it is not there; `None` where it always is.
    pub fn cleared(self) -> Option<Value> {
        let text = |text: &str| Some(Value::Text(text.to_owned()));
        match self {
            Self::Plain(Plain::Name | Plain::Password | Plain::Snippets | Plain::Running) => None,
            Self::Plain(Plain::Tags) => Some(Value::Set(BTreeSet::new())),
            Self::Plain(Plain::Balloon | Plain::Swap) => Some(Value::Size(Size::default())),
            Self::Plain(plain) => match (plain.shape(), plain.unset()) {
                (Shape::Flag, _) => Some(Value::Flag(false)),
                (Shape::Decimal { .. }, _) => text("0"),
                (_, Some(Value::Text(none))) if none.is_empty() => text(""),
                _ => None,
            },
            Self::Disk(DiskPart::Cache) => text("none"),
            Self::Nic(NicPart::Rate) => text("0"),
            Self::Nic(NicPart::Vlan | NicPart::Mtu | NicPart::Queues) => Some(Value::Count(0)),
            Self::Nic(NicPart::Gateway | NicPart::Gateway6 | NicPart::Ip6) => text(""),
            Self::Disk(part) if part.shape() == Shape::Flag => Some(Value::Flag(false)),
            Self::Nic(part) if part.shape() == Shape::Flag => Some(Value::Flag(false)),
            Self::Disk(_) | Self::Nic(_) | Self::Node => None,
        }
    }

    /// Whether its value is the storage of a small volume of its own.
    pub const fn is_volume(self) -> bool {
        matches!(self, Self::Plain(Plain::EfiDisk | Plain::Tpm | Plain::CloudInit))
    }
}

#[cfg(test)]
mod tests {
    use mycopod_core::field::{DiskPart, NicPart, Plain};

    use super::{Named, WORDS, field};

    #[test]
    fn every_field_is_found_by_its_key() {
        // A disk is its size, and whether a guest runs is said by verbs.
        let plain = Plain::ALL.into_iter().filter(|plain| *plain != Plain::Running);
        let disk = DiskPart::ALL.into_iter().filter(|part| *part != DiskPart::Size);
        let fields = plain
            .map(|plain| (plain.as_str(), Named::Plain(plain)))
            .chain(disk.map(|part| (part.as_str(), Named::Disk(part))))
            .chain(NicPart::ALL.into_iter().map(|part| (part.as_str(), Named::Nic(part))));
        for (key, named) in fields {
            let found = field(|at| if at == 0 { key } else { "" }).map(|(_, named)| named);
            // “cpu=4” counts and “cpu=host” names a type; people say vCPUs for cores.
            let cores = matches!(key, "cpu" | "vcpus");
            assert_eq!(found, Some(if cores { Named::Plain(Plain::Cores) } else { named }), "{key}");
        }
    }

    #[test]
    fn no_words_name_two_fields() {
        let mut all: Vec<&str> = WORDS.iter().flat_map(|(_, words)| words.split('|')).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}

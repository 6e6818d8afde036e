//! Guests as Terraform has them, for the provider `bpg/proxmox`: with an `import` block, so that what exists is taken
//! over and not made again. What the provider cannot say stands in a comment that names it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value as Json;

use super::{TypedGuest, given};
use crate::field::{DiskPart, Field, NicPart, Plain, Slot, Value};
use crate::guest::Kind;
use crate::observed::Origin;
use crate::size::Size;

/// What an attribute is.
enum Expression {
    Value(Json),
    /// The variable of that name.
    Variable(String),
}

/// A block's body: attributes, and blocks in order.
#[derive(Default)]
struct Body {
    attributes: Vec<(&'static str, Expression)>,
    blocks: Vec<(&'static str, Body)>,
}

impl Body {
    fn set(&mut self, path: &[&'static str], value: Json) {
        self.express(path, Expression::Value(value));
    }

    fn express(&mut self, path: &[&'static str], expression: Expression) {
        match path {
            [] => {}
            [key] => self.attributes.push((key, expression)),
            [block, rest @ ..] => self.block(block).express(rest, expression),
        }
    }

    /// The block of that name, made where there is none.
    fn block(&mut self, name: &'static str) -> &mut Self {
        let at = self.blocks.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.blocks.push((name, Self::default()));
            self.blocks.len() - 1
        });
        &mut self.blocks[at].1
    }

    fn write(&self, out: &mut String, indent: usize) {
        let lead = "  ".repeat(indent);
        let width = self.attributes.iter().map(|(key, _)| key.len()).max().unwrap_or(0);
        // Writing to a String does not fail.
        for (key, expression) in &self.attributes {
            let value = match expression {
                Expression::Value(value) => hcl(value),
                Expression::Variable(name) => format!("var.{name}"),
            };
            let _ = writeln!(out, "{lead}{key:width$} = {value}");
        }
        for (name, body) in &self.blocks {
            let _ = writeln!(out, "{lead}{name} {{");
            body.write(out, indent + 1);
            let _ = writeln!(out, "{lead}}}");
        }
    }
}

/// A guest that exists, as a resource with its import. `origin` is what a container was made from, and the node that had
/// it, where that is known.
#[must_use]
pub fn resource(guest: &TypedGuest, node: &str, vmid: u32, origin: Option<(&str, &Origin)>) -> String {
    let is_vm = guest.kind.value == Kind::Qemu;
    let kind = if is_vm { "proxmox_virtual_environment_vm" } else { "proxmox_virtual_environment_container" };
    let label = label(&guest.name.value);
    let mut body = Body::default();
    let mut unsaid = Vec::new();
    body.set(if is_vm { &["name"] } else { &["initialization", "hostname"] }, guest.name.value.as_str().into());
    body.set(&["node_name"], node.into());
    body.set(&["vm_id"], vmid.into());
    let mut disks: BTreeMap<&Slot, BTreeMap<DiskPart, &Value>> = BTreeMap::new();
    let mut nics: BTreeMap<u8, BTreeMap<NicPart, &Value>> = BTreeMap::new();
    for (field, said) in &guest.fields {
        match field {
            Field::Disk(slot, part) => drop(disks.entry(slot).or_default().insert(*part, &said.value)),
            Field::Nic(number, part) => drop(nics.entry(*number).or_default().insert(*part, &said.value)),
            Field::Plain(plain) if is_none(&said.value) && *plain != Plain::Balloon => {}
            Field::Plain(Plain::Serial) => {
                if said.value == Value::Flag(true) {
                    let _ = body.block("serial_device");
                }
            }
            Field::Plain(plain) => match place(*plain, is_vm).zip(plainly(*plain, field, &said.value)) {
                Some((path, value)) => body.set(path, value),
                None => unsaid.push((field.clone(), &said.value)),
            },
            Field::Firewall(_) => unsaid.push((field.clone(), &said.value)),
        }
    }
    for (slot, parts) in &disks {
        disk(&mut body, slot, parts, is_vm, &mut unsaid);
    }
    for (number, parts) in &nics {
        nic(&mut body, *number, parts, is_vm, &mut unsaid);
    }
    let mut out = format!("import {{\n  to = {kind}.{label}\n  id = {}\n}}\n\n", hcl(&format!("{node}/{vmid}").into()));
    let is_copy = matches!(origin, Some((_, Origin::Template(_))));
    match origin {
        _ if is_vm => {}
        Some((from, Origin::Template(template))) => {
            body.set(&["clone", "node_name"], from.into());
            body.set(&["clone", "vm_id"], template.get().into());
            let storage = guest.fields.get(&Field::storage_of(Slot::rootfs()));
            if let Some(Value::Text(storage)) = storage.map(|said| &said.value) {
                body.set(&["clone", "datastore_id"], storage.as_str().into());
            }
        }
        Some((_, Origin::Volume(volume))) => {
            body.set(&["operating_system", "template_file_id"], volume.as_str().into());
        }
        None => {
            let name = format!("{label}_template");
            out.push_str(&variable(&name, &guest.name.value));
            body.express(&["operating_system", "template_file_id"], Expression::Variable(name));
        }
    }
    for (field, value) in unsaid {
        let _ = writeln!(out, "# The provider does not say {field}: {}", given(&field, value));
    }
    for rule in &guest.rules {
        let _ = writeln!(out, "# The provider does not say this rule here: {}", Json::from(rule.value.as_str()));
    }
    let _ = writeln!(out, "resource \"{kind}\" \"{label}\" {{");
    body.write(&mut out, 1);
    out.push_str("  # A plan that would replace it is refused.\n  lifecycle {\n    prevent_destroy = true\n");
    if !is_vm {
        // Of the making alone: compared with what is read back, it would be made anew.
        let clone = if is_copy { "clone, " } else { "" };
        let _ = writeln!(out, "    ignore_changes  = [{clone}operating_system]");
    }
    out.push_str("  }\n}\n");
    out
}

/// The provider wants to know from which template a container was made, and Proxmox does not tell: who knows it says it.
fn variable(name: &str, guest: &str) -> String {
    let about = format!(
        "The template that {guest} was made from, as a volume id such as \
         local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst. Proxmox does not tell it; it is used where the container is \
         made anew, and never compared."
    );
    format!("variable \"{name}\" {{\n  type        = string\n  description = {}\n}}\n\n", hcl(&about.into()))
}

/// Where the provider has a field.
fn place(plain: Plain, is_vm: bool) -> Option<&'static [&'static str]> {
    Some(match plain {
        Plain::Cores => &["cpu", "cores"],
        Plain::CpuUnits => &["cpu", "units"],
        Plain::Sockets => &["cpu", "sockets"],
        Plain::Vcpus => &["cpu", "hotplugged"],
        Plain::CpuType => &["cpu", "type"],
        Plain::Numa => &["cpu", "numa"],
        Plain::CpuLimit if is_vm => &["cpu", "limit"],
        Plain::Memory => &["memory", "dedicated"],
        Plain::Balloon => &["memory", "floating"],
        Plain::Swap => &["memory", "swap"],
        Plain::Machine => &["machine"],
        Plain::Bios => &["bios"],
        Plain::EfiDisk => &["efi_disk", "datastore_id"],
        Plain::Tpm => &["tpm_state", "datastore_id"],
        Plain::OsType => &["operating_system", "type"],
        Plain::ScsiController => &["scsi_hardware"],
        Plain::Vga => &["vga", "type"],
        Plain::Agent => &["agent", "enabled"],
        Plain::BootOrder => &["boot_order"],
        Plain::Cdrom => &["cdrom", "file_id"],
        Plain::CloudInit => &["initialization", "datastore_id"],
        Plain::CiUser => &["initialization", "user_account", "username"],
        Plain::SshKeys => &["initialization", "user_account", "keys"],
        Plain::Nameserver => &["initialization", "dns", "servers"],
        Plain::SearchDomain => &["initialization", "dns", "domain"],
        Plain::Nesting => &["features", "nesting"],
        Plain::Keyctl => &["features", "keyctl"],
        Plain::Fuse => &["features", "fuse"],
        Plain::OnBoot if is_vm => &["on_boot"],
        Plain::OnBoot => &["start_on_boot"],
        Plain::StartupOrder => &["startup", "order"],
        Plain::StartupUp => &["startup", "up_delay"],
        Plain::StartupDown => &["startup", "down_delay"],
        Plain::Protection => &["protection"],
        Plain::Unprivileged => &["unprivileged"],
        Plain::Tags => &["tags"],
        Plain::Description => &["description"],
        Plain::Pool => &["pool_id"],
        Plain::Running => &["started"],
        Plain::Name
        | Plain::CpuLimit
        | Plain::Shares
        | Plain::Serial
        | Plain::Hotplug
        | Plain::Password
        | Plain::CiUpgrade
        | Plain::Snippets
        | Plain::Timezone
        | Plain::Ha => return None,
    })
}

/// The value as the provider has it: memory in MiB, domains as one text.
fn plainly(plain: Plain, field: &Field, value: &Value) -> Option<Json> {
    match (plain, value) {
        (_, Value::Size(size)) => size.is_whole_mib().then(|| size.as_mib().into()),
        (Plain::SearchDomain, Value::Text(domains)) => Some(domains.as_str().into()),
        (Plain::StartupOrder | Plain::StartupUp | Plain::StartupDown, Value::Count(count)) => {
            Some(count.to_string().into())
        }
        _ => Some(given(field, value)),
    }
}

fn is_none(value: &Value) -> bool {
    match value {
        Value::Text(text) => text.is_empty(),
        Value::Set(set) => set.is_empty(),
        Value::Size(size) => *size == Size::default(),
        Value::Flag(_) | Value::Count(_) => false,
    }
}

type Unsaid<'g> = Vec<(Field, &'g Value)>;

fn disk<'g>(body: &mut Body, slot: &Slot, parts: &BTreeMap<DiskPart, &'g Value>, is_vm: bool, unsaid: &mut Unsaid<'g>) {
    let mut leave = |part: DiskPart, value: &'g Value| unsaid.push((Field::Disk(slot.clone(), part), value));
    let mounted = !is_vm && slot.as_str() != "rootfs";
    let mut block = Body::default();
    if is_vm {
        block.set(&["interface"], slot.as_str().into());
    }
    let whole = matches!(parts.get(&DiskPart::Size), Some(Value::Size(size)) if size.is_whole_gib());
    for (part, value) in parts {
        let said: Option<(&'static str, Json)> = match (part, value) {
            (DiskPart::Size, Value::Size(size)) if whole && mounted => {
                Some(("size", format!("{}G", size.as_gib_ceil()).into()))
            }
            (DiskPart::Size, Value::Size(size)) if whole => Some(("size", size.as_gib_ceil().into())),
            (DiskPart::Storage, Value::Text(storage)) => {
                Some((if mounted { "volume" } else { "datastore_id" }, storage.as_str().into()))
            }
            (DiskPart::Mount, Value::Text(path)) if mounted => Some(("path", path.as_str().into())),
            (DiskPart::Cache, Value::Text(cache)) if is_vm => Some(("cache", cache.as_str().into())),
            (DiskPart::Discard, Value::Flag(on)) if is_vm => {
                Some(("discard", if *on { "on" } else { "ignore" }.into()))
            }
            (DiskPart::Ssd, Value::Flag(on)) if is_vm => Some(("ssd", (*on).into())),
            (DiskPart::Iothread, Value::Flag(on)) if is_vm => Some(("iothread", (*on).into())),
            (DiskPart::Backup, Value::Flag(on)) if is_vm || mounted => Some(("backup", (*on).into())),
            (DiskPart::ReadOnly, Value::Flag(on)) if mounted => Some(("read_only", (*on).into())),
            // It is so where nothing is said.
            (DiskPart::ReadOnly, Value::Flag(false)) | (DiskPart::Backup, Value::Flag(true)) => continue,
            _ => None,
        };
        match said {
            Some((key, value)) => block.set(&[key], value),
            None => leave(*part, value),
        }
    }
    // The provider knows no IDE disks.
    if is_vm && slot.as_str().starts_with("ide") {
        for (part, value) in parts {
            leave(*part, value);
        }
    } else {
        body.blocks.push((if mounted { "mount_point" } else { "disk" }, block));
    }
}

fn nic<'g>(body: &mut Body, number: u8, parts: &BTreeMap<NicPart, &'g Value>, is_vm: bool, unsaid: &mut Unsaid<'g>) {
    let mut block = Body::default();
    let mut address = Body::default();
    if !is_vm {
        block.set(&["name"], format!("eth{number}").into());
    }
    for (part, value) in parts {
        let field = Field::Nic(number, *part);
        let json = given(&field, value);
        match (part, value) {
            (NicPart::Bridge, _) => block.set(&["bridge"], json),
            (NicPart::Vlan | NicPart::Mtu | NicPart::Queues, Value::Count(0))
            | (NicPart::LinkDown, Value::Flag(false)) => {}
            (NicPart::Ip | NicPart::Gateway | NicPart::Ip6 | NicPart::Gateway6, Value::Text(text))
                if text.is_empty() => {}
            (NicPart::Rate, Value::Text(rate)) if rate == "0" => {}
            (NicPart::Vlan, _) => block.set(&["vlan_id"], json),
            (NicPart::Model, _) => block.set(&["model"], json),
            (NicPart::Mac, _) => block.set(&["mac_address"], json),
            (NicPart::Firewall, _) => block.set(&["firewall"], json),
            (NicPart::Rate, _) => block.set(&["rate_limit"], json),
            (NicPart::Mtu, _) => block.set(&["mtu"], json),
            (NicPart::Queues, _) => block.set(&["queues"], json),
            (NicPart::Ip, _) => address.set(&["ipv4", "address"], json),
            (NicPart::Gateway, _) => address.set(&["ipv4", "gateway"], json),
            (NicPart::Ip6, _) => address.set(&["ipv6", "address"], json),
            (NicPart::Gateway6, _) => address.set(&["ipv6", "gateway"], json),
            (NicPart::LinkDown, _) => unsaid.push((field, value)),
        }
    }
    body.blocks.push((if is_vm { "network_device" } else { "network_interface" }, block));
    // One block a NIC, in their order; those without an address have an empty one.
    if !address.blocks.is_empty() || body.blocks.iter().any(|(name, _)| *name == "initialization") {
        body.block("initialization").blocks.push(("ip_config", address));
    }
}

/// A resource's name: letters, digits, `_` and `-`, a letter first.
fn label(name: &str) -> String {
    let label: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    if label.starts_with(|c: char| c.is_ascii_alphabetic()) { label } else { format!("guest_{label}") }
}

/// A value as HCL writes it. Its texts are JSON’s, but that they have templates.
fn hcl(value: &Json) -> String {
    match value {
        Json::Array(items) => format!("[{}]", items.iter().map(hcl).collect::<Vec<_>>().join(", ")),
        Json::String(_) => value.to_string().replace("${", "$${").replace("%{", "%%{"),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::Vmid;
    use crate::reading::{Source, Sourced};
    use crate::typed;

    fn bare<T>(value: T) -> Sourced<T> {
        Sourced::new(value, Source::inferred("a test"))
    }

    /// Some value of a field.
    fn some(field: &Field) -> Value {
        use crate::field::Shape;
        match field.shape() {
            Shape::Flag => Value::Flag(true),
            Shape::Count { .. } => Value::Count(2),
            Shape::Decimal { .. } => Value::Text("1.5".to_owned()),
            Shape::Size { .. } => Value::Size(Size::gib(3)),
            Shape::Tags | Shape::Choices(_) => Value::Set(["a".to_owned()].into()),
            _ => Value::Text("a ${b} %{c} \"d\"".to_owned()),
        }
    }

    #[test]
    fn every_field_is_an_attribute_or_a_comment_that_names_it() {
        let made_from = Origin::Volume("local:vztmpl/a.tar.zst".to_owned());
        for (kind, slot) in [(Kind::Qemu, "scsi0"), (Kind::Qemu, "ide1"), (Kind::Lxc, "rootfs"), (Kind::Lxc, "mp0")] {
            let slot: Slot = slot.parse().unwrap();
            for field in typed::fields(&slot, 1, "office").into_iter().filter(|field| field.fits(kind)) {
                let guest = TypedGuest {
                    kind: bare(kind),
                    name: bare("1-web.example".to_owned()),
                    vmid: None,
                    node: None,
                    image: None,
                    adopt: None,
                    fields: [(field.clone(), bare(some(&field)))].into(),
                    rules: vec![bare("IN DROP".to_owned())],
                };
                let empty = TypedGuest { fields: BTreeMap::new(), ..guest.clone() };
                let text = resource(&guest, "pve1", 101, Some(("pve1", &made_from)));
                let parsed: hcl::Body = hcl::from_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
                let blocks: Vec<&str> = parsed.blocks().map(|block| block.identifier.as_str()).collect();
                assert_eq!(blocks, ["import", "resource"]);
                let commented = text.contains(&format!("# The provider does not say {field}: "));
                let attributes = |text: &str| text.lines().filter(|line| line.contains(" = ")).count();
                let said = attributes(&text) > attributes(&resource(&empty, "pve1", 101, Some(("pve1", &made_from))))
                    || text.contains("serial_device {");
                // A root file system is in backups without a word.
                let is_implied = field.to_string() == "disk.rootfs.backup";
                assert!(said || commented || is_implied, "{field} is neither said nor named:\n{text}");
                assert!(text.contains(".guest_1-web_example") && text.contains("prevent_destroy = true"));
            }
        }
    }

    #[test]
    fn a_container_names_the_volume_it_was_made_from_or_asks_for_it() {
        let guest = TypedGuest {
            kind: bare(Kind::Lxc),
            name: bare("dns-1".to_owned()),
            vmid: None,
            node: None,
            image: Some(bare("debian-12".to_owned())),
            adopt: None,
            fields: BTreeMap::new(),
            rules: Vec::new(),
        };
        let volume = "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst";
        let known = resource(&guest, "pve1", 101, Some(("pve1", &Origin::Volume(volume.to_owned()))));
        assert!(known.contains(&format!("template_file_id = \"{volume}\"")) && !known.contains("variable"), "{known}");
        let unknown = resource(&guest, "pve1", 101, None);
        assert!(unknown.contains("template_file_id = var.dns-1_template"), "{unknown}");
        let parsed: hcl::Body = hcl::from_str(&unknown).unwrap();
        let blocks: Vec<&str> = parsed.blocks().map(|block| block.identifier.as_str()).collect();
        assert_eq!(blocks, ["import", "variable", "resource"]);
        assert!(unknown.contains("local:vztmpl/"), "it says what a volume id is: {unknown}");
    }

    #[test]
    fn a_container_that_is_a_copy_says_of_which() {
        let storage = Field::storage_of(Slot::rootfs());
        let guest = |kind| TypedGuest {
            kind: bare(kind),
            name: bare("dns-2".to_owned()),
            vmid: None,
            node: None,
            image: Some(bare("dns-base".to_owned())),
            adopt: None,
            fields: [(storage.clone(), bare(Value::Text("local-lvm".to_owned())))].into(),
            rules: Vec::new(),
        };
        let template = Origin::Template(Vmid::try_from(900).unwrap());
        let text = resource(&guest(Kind::Lxc), "pve2", 102, Some(("pve1", &template)));
        let parsed: hcl::Body = hcl::from_str(&text).unwrap();
        let container = parsed.blocks().find(|block| block.identifier.as_str() == "resource").unwrap();
        let clone = container.body.blocks().find(|block| block.identifier.as_str() == "clone").unwrap();
        let said: Vec<String> = clone.body.attributes().map(|said| format!("{}={}", said.key, said.expr)).collect();
        assert_eq!(said, ["node_name=\"pve1\"", "vm_id=900", "datastore_id=\"local-lvm\""], "{text}");
        assert!(!text.contains("template_file_id") && !text.contains("variable"), "{text}");
        assert!(text.contains("ignore_changes  = [clone, operating_system]"), "a clone block is not read back: {text}");
        assert!(!resource(&guest(Kind::Qemu), "pve2", 102, Some(("pve1", &template))).contains("clone"));
    }
}

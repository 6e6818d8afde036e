//! Container templates that can be downloaded by name.

use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use super::content;
use crate::call::{Call, Reply};
use crate::cluster::Cluster;
use crate::download::{Checksum, Download};
use crate::failure::{Failure, Outcome};

const SOURCE: &str = "http://download.proxmox.com/images";

/// A container template.
struct Appliance {
    os: &'static str,
    package: &'static str,
    version: &'static str,
    /// How its file is packed.
    end: &'static str,
    headline: &'static str,
}

/// Those that are known, of the many that there are.
const APPLIANCES: [Appliance; 6] = [
    Appliance {
        os: "alpine-3.21",
        package: "alpine-3.21-default",
        version: "20241217",
        end: "tar.xz",
        headline: "LXC default image for alpine 3.21",
    },
    Appliance {
        os: "almalinux-9",
        package: "almalinux-9-default",
        version: "20240911",
        end: "tar.xz",
        headline: "LXC default image for almalinux 9",
    },
    Appliance {
        os: "archlinux",
        package: "archlinux-base",
        version: "20240911-1",
        end: "tar.zst",
        headline: "ArchLinux base image",
    },
    Appliance {
        os: "debian-12",
        package: "debian-12-standard",
        version: "12.7-1",
        end: "tar.zst",
        headline: "Debian 12 Bookworm (standard)",
    },
    Appliance {
        os: "ubuntu-22.04",
        package: "ubuntu-22.04-standard",
        version: "22.04-1",
        end: "tar.zst",
        headline: "Ubuntu 22.04 Jammy (standard)",
    },
    Appliance {
        os: "ubuntu-24.04",
        package: "ubuntu-24.04-standard",
        version: "24.04-2",
        end: "tar.zst",
        headline: "Ubuntu 24.04 Noble (standard)",
    },
];

impl Appliance {
    fn template(&self) -> String {
        format!("{}_{}_amd64.{}", self.package, self.version, self.end)
    }

    fn location(&self) -> String {
        format!("{SOURCE}/system/{}", self.template())
    }

    /// Of a file that nobody has seen: always the same.
    fn checksum(&self) -> String {
        hex::encode(Sha512::digest(self.template()))
    }

    fn shown(&self) -> Value {
        json!({
            "architecture": "amd64", "description": format!("{}.", self.headline),
            "headline": self.headline, "infopage": "https://pve.proxmox.com/wiki/Linux_Container",
            "location": self.location(), "maintainer": "Proxmox Support Team <support@proxmox.com>", "os": self.os,
            "package": self.package, "section": "system", "sha512sum": self.checksum(), "source": SOURCE,
            "template": self.template(), "type": "lxc", "version": self.version,
        })
    }
}

pub fn list(cluster: &mut Cluster, _: &Call) -> Outcome<Reply> {
    // Without the internet the list of them was never fetched.
    let known = if cluster.internet { &APPLIANCES[..] } else { &[] };
    Ok(known.iter().map(Appliance::shown).collect::<Value>().into())
}

pub fn download(cluster: &mut Cluster, call: &Call) -> Outcome<Reply> {
    let (name, template) = (call.text("storage"), call.text("template"));
    let known = APPLIANCES.iter().filter(|_| cluster.internet).find(|appliance| appliance.template() == template);
    let appliance = known.ok_or_else(|| Failure::parameter("template", "no such template"))?;
    if !cluster.usable_storage(&call.node, name)?.holds("vztmpl") {
        return Err(Failure::failed(format!("storage '{name}' does not support templates")));
    }
    let download = Download {
        volid: format!("{name}:vztmpl/{template}"),
        content: "vztmpl".to_owned(),
        url: appliance.location(),
        checksum: Some(Checksum { algorithm: "sha512".to_owned(), expected: appliance.checksum() }),
        ..Download::default()
    };
    content::fetch(cluster, call, template, download)
}

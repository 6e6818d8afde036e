//! Files that come onto a storage: fetched from a URL, or copied from where an upload has put them.

use chrono::DateTime;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};

use crate::cluster::Cluster;
use crate::receive::{File, host_of};
use crate::storage::Volume;

/// What the pretended internet delivers, in bytes a second.
const SPEED: u64 = 110_000_000;
/// The sizes of its files.
const SMALLEST: u64 = 100_000_000;
const SIZES: u64 = 900_000_000;
/// Where the names of its servers lead: a network that is kept for documentation.
const ADDRESS: &str = "198.51.100.200";

/// A checksum that a file must have.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Checksum {
    pub algorithm: String,
    pub expected: String,
}

/// A file that is fetched.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Download {
    pub volid: String,
    pub content: String,
    pub url: String,
    pub size: u64,
    pub checksum: Option<Checksum>,
    /// The checksum of what arrived; of a file that is made up it is the one expected.
    pub got: Option<String>,
    /// What the file is packed with.
    pub compression: Option<String>,
    /// Why nothing arrives.
    pub problem: Option<String>,
}

/// A file that was uploaded.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Import {
    pub volid: String,
    pub content: String,
    /// Where the server has put it.
    pub from: String,
    pub size: u64,
    /// Its first bytes.
    pub start: Vec<u8>,
    pub checksum: Option<Checksum>,
    pub got: Option<String>,
}

/// What the pretended internet has at a URL: always the same.
pub fn made_up(url: &str) -> File {
    let [a, b, c, d, ..]: [u8; 20] = Sha1::digest(url).into();
    let mimetype = if url.to_lowercase().rsplit('.').next() == Some("iso") {
        "application/x-iso9660-image"
    } else {
        "application/octet-stream"
    };
    let size = SMALLEST + u64::from(u32::from_be_bytes([a, b, c, d])) % SIZES;
    File { size, mimetype: Some(mimetype.to_owned()), ..File::default() }
}

/// The format of a file, as its storage lists it.
fn format(content: &str, name: &str) -> String {
    let lower = name.to_lowercase();
    let end = lower.rsplit('.').next().unwrap_or_default();
    match content {
        "iso" => "iso".to_owned(),
        "vztmpl" => format!("t{end}"),
        _ => end.to_owned(),
    }
}

/// Compares a checksum, as a line of the log that ends with how it went.
fn verify(checksum: &Checksum, got: Option<&str>, log: &mut Vec<String>) -> Result<(), String> {
    let Checksum { algorithm: _, expected } = checksum;
    let got = got.unwrap_or_default();
    if got.eq_ignore_ascii_case(expected) {
        log.push("calculating checksum...OK, checksum verified".to_owned());
        return Ok(());
    }
    log.push("calculating checksum...".to_owned());
    Err(format!("checksum mismatch: got '{got}' != expect '{expected}'"))
}

impl Cluster {
    /// Puts a file that has arrived in its place, over the one that was there.
    fn put_file(&mut self, node: &str, volid: &str, content: &str, size: u64) {
        self.insert_volume(Volume {
            volid: volid.to_owned(),
            node: node.to_owned(),
            content: content.to_owned(),
            format: format(content, volid),
            size,
            used: size,
            ctime: self.seconds(),
            ..Volume::default()
        });
    }
}

impl Download {
    /// How long it takes.
    #[expect(clippy::cast_precision_loss, reason = "seconds need no precision")]
    pub fn seconds(&self) -> f64 {
        if self.problem.is_some() { 5.0 } else { (self.size as f64 / SPEED as f64).max(1.0) }
    }

    pub fn finish(&self, cluster: &mut Cluster, node: &str, log: &mut Vec<String>) -> Result<(), String> {
        let Self { volid, url, size, .. } = self;
        let (storage, name) = volid.split_once(':').unwrap_or_default();
        let path = cluster.usable_storage(node, storage)?.path(name);
        let at = DateTime::from_timestamp(cluster.seconds(), 0).unwrap_or_default().format("%Y-%m-%d %H:%M:%S");
        log.push(format!("downloading {url} to {path}"));
        log.push(format!("--{at}--  {url}"));
        if let Some(problem) = &self.problem {
            return Err(format!("download failed: {problem}"));
        }
        let host = host_of(url);
        let host = host.split(':').next().unwrap_or(host);
        let port = url.parse::<http::Uri>().ok().and_then(|uri| uri.port_u16());
        let port = port.unwrap_or(if url.starts_with("https:") { 443 } else { 80 });
        let (_, _, free) = cluster.usage(node, storage);
        let temporary = format!("{path}.tmp_dwnl.{}", cluster.next_pid());
        log.push(format!("Resolving {host} ({host})... {ADDRESS}"));
        log.push(format!("Connecting to {host} ({host})|{ADDRESS}|:{port}... connected."));
        log.push("HTTP request sent, awaiting response... 200 OK".to_owned());
        log.push(format!("Length: {size} [application/octet-stream]"));
        log.push(format!("Saving to: '{temporary}'"));
        if free < *size {
            return Err(format!("download failed: Cannot write to '{temporary}' (No space left on device)."));
        }
        log.push(format!("{at} ({} MB/s) - '{temporary}' saved [{size}/{size}]", SPEED / 1_000_000));
        if let Some(checksum) = &self.checksum {
            verify(checksum, self.got.as_deref(), log)?;
        }
        if self.compression.is_some() {
            log.push(format!("decompressing {temporary} to {path}.tmp_dcom"));
        }
        cluster.put_file(node, volid, &self.content, *size);
        log.push(format!("download of '{url}' to '{path}' finished"));
        Ok(())
    }
}

impl Import {
    pub fn finish(&self, cluster: &mut Cluster, node: &str, log: &mut Vec<String>) -> Result<(), String> {
        let Self { volid, from, size, .. } = self;
        let (storage, name) = volid.split_once(':').unwrap_or_default();
        let path = cluster.usable_storage(node, storage)?.path(name);
        log.push(format!("starting file import from: {from}"));
        if let Some(checksum) = &self.checksum {
            verify(checksum, self.got.as_deref(), log)?;
        }
        if self.content == "import"
            && let Some(kind) = self.not_an_image()
        {
            log.push(format!("command '/usr/bin/qemu-img info '--output=json' {from} -f {kind}' failed: exit code 1"));
            return Err(format!("qemu-img: Could not open '{from}': Image is not in {kind} format"));
        }
        log.push(format!("target node: {node}"));
        log.push(format!("target file: {path}"));
        log.push(format!("file size is: {size}"));
        log.push(format!("command: cp -- {from} {path}"));
        let (_, _, free) = cluster.usage(node, storage);
        if free < *size {
            return Err(format!("import failed: cp: error writing '{path}': No space left on device"));
        }
        cluster.put_file(node, volid, &self.content, *size);
        log.push("finished file import successfully".to_owned());
        Ok(())
    }

    /// The format that the name says and the content is not in.
    fn not_an_image(&self) -> Option<String> {
        let kind = format("import", &self.volid);
        let is = match kind.as_str() {
            "qcow2" => self.start.starts_with(b"QFI\xfb"),
            "vmdk" => self.start.starts_with(b"KDMV") || self.start.starts_with(b"# Disk DescriptorFile"),
            _ => true,
        };
        (!is).then_some(kind)
    }
}

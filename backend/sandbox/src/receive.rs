//! Files from outside: what an upload brings, and what is fetched from this machine. Nothing of a file is kept but its
//! size, its first bytes and its checksum.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderName};
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use sha1::Sha1;
use sha2::digest::DynDigest;
use sha2::{Sha224, Sha256, Sha384, Sha512};
use tokio::net::TcpStream;

/// So much of a file's beginning tells what it is.
const START: usize = 512;
/// The longest file that is fetched: a service on this machine that never ends must not hold a call for ever.
const LONGEST: u64 = 4 << 30;
/// A file from this machine arrives within that.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is known of a file that arrived.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct File {
    pub size: u64,
    /// Its first bytes.
    pub start: Vec<u8>,
    /// Its checksum in hexadecimal digits, where one was asked for.
    pub checksum: Option<String>,
    /// The media type that its server named.
    pub mimetype: Option<String>,
    /// The name that its server gave it.
    pub name: Option<String>,
}

/// A file while it arrives.
pub struct Intake {
    size: u64,
    start: Vec<u8>,
    hash: Option<Box<dyn DynDigest + Send>>,
}

impl Intake {
    /// Of an algorithm as the API names it, or none.
    pub fn new(algorithm: Option<&str>) -> Self {
        let hash: Option<Box<dyn DynDigest + Send>> = match algorithm {
            Some("md5") => Some(Box::new(md5::Md5::default())),
            Some("sha1") => Some(Box::new(Sha1::default())),
            Some("sha224") => Some(Box::new(Sha224::default())),
            Some("sha256") => Some(Box::new(Sha256::default())),
            Some("sha384") => Some(Box::new(Sha384::default())),
            Some("sha512") => Some(Box::new(Sha512::default())),
            _ => None,
        };
        Self { size: 0, start: Vec::new(), hash }
    }

    pub fn take(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        let room = START.saturating_sub(self.start.len()).min(bytes.len());
        self.start.extend_from_slice(&bytes[..room]);
        if let Some(hash) = &mut self.hash {
            hash.update(bytes);
        }
    }

    pub fn end(self) -> File {
        let checksum = self.hash.map(|hash| hex::encode(hash.finalize()));
        File { size: self.size, start: self.start, checksum, ..File::default() }
    }
}

/// What a call needs from elsewhere before it can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub url: String,
    pub algorithm: Option<String>,
    /// Only what its server says of it.
    pub head: bool,
}

/// The authority of a URL: `host:port`.
pub fn host_of(url: &str) -> &str {
    let authority = url.split('/').nth(2).unwrap_or_default();
    authority.rsplit('@').next().unwrap_or_default()
}

/// Whether a URL leads to this very machine.
pub fn is_here(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else { return false };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Fetches a file from this machine; what goes wrong is told as `wget` does.
pub async fn fetch(wanted: &Wanted) -> Result<File, String> {
    tokio::time::timeout(PATIENCE, get(wanted))
        .await
        .unwrap_or_else(|_| Err("Read error (Connection timed out).".into()))
}

async fn get(wanted: &Wanted) -> Result<File, String> {
    let host = host_of(&wanted.url);
    let uri: Uri = wanted.url.parse().map_err(|_| "Invalid URL.".to_owned())?;
    if uri.scheme_str() == Some("https") {
        return Err("Unable to establish SSL connection.".to_owned());
    }
    let refused = |_| format!("Connecting to {host}... failed: Connection refused.");
    let name = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let stream = TcpStream::connect((name, uri.port_u16().unwrap_or(80))).await.map_err(refused)?;
    let broken = |_| "Read error (Connection reset by peer).".to_owned();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let connection = tokio::spawn(connection);
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::builder()
        .method(if wanted.head { Method::HEAD } else { Method::GET })
        .uri(path)
        .header(HOST, host)
        .body(Empty::<Bytes>::new())
        .map_err(|_| "Invalid URL.".to_owned())?;
    let response = sender.send_request(request).await.map_err(broken)?;
    let file = read(response, wanted).await;
    connection.abort();
    file
}

async fn read(response: Response<Incoming>, wanted: &Wanted) -> Result<File, String> {
    let status = response.status();
    if !status.is_success() {
        return Err(format!("ERROR {}: {}.", status.as_u16(), status.canonical_reason().unwrap_or_default()));
    }
    let header = |name: HeaderName| response.headers().get(name).and_then(|value| value.to_str().ok());
    let mimetype = header(CONTENT_TYPE).map(|kind| kind.split(';').next().unwrap_or_default().trim().to_owned());
    let named = header(CONTENT_DISPOSITION).and_then(|value| value.split("filename=").nth(1));
    let name = named.map(|name| name.split(';').next().unwrap_or_default().trim_matches(['"', ' ']).to_owned());
    let announced = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    if wanted.head {
        return Ok(File { size: announced.unwrap_or_default(), mimetype, name, ..File::default() });
    }
    let mut intake = Intake::new(wanted.algorithm.as_deref());
    let mut body = response.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| "Read error (Connection reset by peer).".to_owned())?;
        intake.take(frame.data_ref().map_or(&[][..], |data| data));
        if intake.size > LONGEST {
            return Err("the file is longer than the sandbox takes".to_owned());
        }
    }
    Ok(File { mimetype, name, ..intake.end() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_told_from_others() {
        for here in ["http://127.0.0.1:9/a", "http://localhost/a", "http://[::1]:80/a", "http://127.9.9.9"] {
            assert!(is_here(here), "{here}");
        }
        for there in ["http://localhost.example/a", "http://10.0.0.1/a", "http://127.0.0.1@example.com/", "http://"] {
            assert!(!is_here(there), "{there}");
        }
    }

    #[test]
    fn a_file_is_summed_up_whatever_pieces_it_comes_in() {
        let whole = vec![7_u8; 2_000];
        for piece in [1, 511, 512, 513, 2_000] {
            let mut intake = Intake::new(Some("md5"));
            whole.chunks(piece).for_each(|bytes| intake.take(bytes));
            let file = intake.end();
            assert_eq!((file.size, file.start.len()), (2_000, START));
            let mut at_once = Intake::new(Some("md5"));
            at_once.take(&whole);
            assert_eq!(file.checksum, at_once.end().checksum, "{piece}");
        }
        let sum = |algorithm| {
            let mut intake = Intake::new(Some(algorithm));
            intake.take(b"abc");
            intake.end().checksum.unwrap()
        };
        assert_eq!(sum("md5"), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(sum("sha1"), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(sum("sha256"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!([sum("sha224"), sum("sha384"), sum("sha512")].map(|sum| sum.len()), [56, 96, 128]);
    }
}

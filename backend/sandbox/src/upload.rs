//! An upload as `pveproxy` reads it: a form in parts whose fields come in one order, the file last. It streams through;
//! its size is bounded, and only what it is is kept.

use std::time::Duration;

use bytes::{Buf, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::receive::{File, Intake};
use crate::schema::Parameters;

/// The longest file.
const LONGEST: u64 = 16 << 30;
/// What stands before the file is at most so long.
const FIELDS: usize = 64 * 1024;
/// More of it arrives within that.
const PATIENCE: Duration = Duration::from_secs(30);
/// The order that the fields must have.
const ORDER: [&str; 3] = ["content", "checksum-algorithm", "checksum"];

/// Why an upload is refused: status and reason.
pub type Refused = (u16, String);

/// Whether a call is an upload.
pub fn is_upload(verb: &str, segments: &[String]) -> bool {
    let parts: Vec<&str> = segments.iter().map(String::as_str).collect();
    matches!((verb, parts.as_slice()), ("POST", ["nodes", _, "storage", _, "upload"]))
}

/// The boundary of a form in parts, where the body is one.
pub fn boundary(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let (essence, rest) = kind.split_once(';')?;
    let boundary = rest.split(';').find_map(|part| part.trim().strip_prefix("boundary="))?.trim_matches('"');
    (essence.trim().eq_ignore_ascii_case("multipart/form-data") && !boundary.is_empty()).then(|| boundary.to_owned())
}

/// Reads the form to its end: its fields with the file's name among them, and the file.
pub async fn read(boundary: &str, body: Incoming) -> Result<(Parameters, File), Refused> {
    let mut source = Source { body, bytes: BytesMut::new(), ended: false };
    let delimiter = format!("\r\n--{boundary}");
    // The first delimiter has no line before it.
    source.bytes.extend_from_slice(b"\r\n");
    source.skip_to(delimiter.as_bytes()).await?;
    let mut parameters = Parameters::new();
    let mut order = ORDER.iter();
    loop {
        let head = source.text_to(b"\r\n\r\n").await?;
        let Some((name, filename)) = disposition(&head) else { return Err(bad()) };
        let Some(filename) = filename else {
            if !order.any(|known| *known == name) {
                return Err(bad());
            }
            let value = source.text_to(delimiter.as_bytes()).await?;
            parameters.insert(name, json!(value));
            continue;
        };
        if name != "filename" {
            return Err(bad());
        }
        parameters.insert(name, json!(filename));
        let algorithm = parameters.get("checksum-algorithm").and_then(Value::as_str);
        let file = source.file_to(delimiter.as_bytes(), Intake::new(algorithm)).await?;
        source.drain().await?;
        return Ok((parameters, file));
    }
}

fn bad() -> Refused {
    (400, "Bad Request".to_owned())
}

/// The name and the file's name that a part's head gives.
fn disposition(head: &str) -> Option<(String, Option<String>)> {
    let prefix = "content-disposition:";
    let line =
        head.lines().find(|line| line.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)))?;
    let value = |key: &str| Some(line.split_once(&format!("; {key}=\""))?.1.split('"').next()?.to_owned());
    Some((value("name")?, value("filename")))
}

/// A body that is read up to what is looked for.
struct Source {
    body: Incoming,
    bytes: BytesMut,
    ended: bool,
}

impl Source {
    /// Reads on; at the end there is nothing more to be found.
    async fn more(&mut self) -> Result<(), Refused> {
        if self.ended {
            return Err(bad());
        }
        match tokio::time::timeout(PATIENCE, self.body.frame()).await {
            Ok(Some(Ok(frame))) => self.bytes.extend_from_slice(frame.data_ref().map_or(&[][..], |data| data)),
            Ok(None) => self.ended = true,
            Ok(Some(Err(_))) | Err(_) => return Err(bad()),
        }
        Ok(())
    }

    /// What stands before a mark, which is taken as well.
    async fn text_to(&mut self, mark: &[u8]) -> Result<String, Refused> {
        loop {
            if let Some(at) = find(&self.bytes, mark) {
                let text = String::from_utf8_lossy(&self.bytes[..at]).into_owned();
                self.bytes.advance(at + mark.len());
                return Ok(text);
            }
            if self.bytes.len() > FIELDS {
                return Err((501, "for data too large".to_owned()));
            }
            self.more().await?;
        }
    }

    async fn skip_to(&mut self, mark: &[u8]) -> Result<(), Refused> {
        self.text_to(mark).await.map(|_| ())
    }

    async fn file_to(&mut self, mark: &[u8], mut intake: Intake) -> Result<File, Refused> {
        let mut size = 0;
        loop {
            let found = find(&self.bytes, mark);
            // The mark's beginning may be here and its rest not yet.
            let whole = found.unwrap_or_else(|| self.bytes.len().saturating_sub(mark.len() - 1));
            intake.take(&self.bytes[..whole]);
            self.bytes.advance(whole);
            size += whole as u64;
            if found.is_some() {
                return Ok(intake.end());
            }
            if size > LONGEST {
                return Err((501, "for data too large".to_owned()));
            }
            self.more().await?;
        }
    }

    /// Lets the client finish.
    async fn drain(&mut self) -> Result<(), Refused> {
        let mut rest = self.bytes.len();
        while !self.ended && rest <= FIELDS {
            self.bytes.clear();
            self.more().await?;
            rest += self.bytes.len();
        }
        Ok(())
    }
}

fn find(bytes: &[u8], mark: &[u8]) -> Option<usize> {
    bytes.windows(mark.len()).position(|window| window == mark)
}

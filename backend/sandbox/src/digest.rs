//! Checksums of configuration, by which a change that goes out from an older one is found out.

use serde::Serialize;
use sha1::{Digest, Sha1};

/// The checksum of a part of the configuration, of a kind whose files the sandbox does not write.
pub fn digest<T: Serialize>(part: &T) -> String {
    let text = match serde_json::to_string(part) {
        Ok(text) if !matches!(text.as_str(), "{}" | "[]") => text,
        _ => String::new(),
    };
    hex::encode(Sha1::digest(text))
}

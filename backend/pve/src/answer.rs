//! What an answer of Proxmox means.
//!
//! How an attempt can end, and what it says about a call that changes something:
//!
//! | what happened | what it means |
//! |---|---|
//! | no connection, no valid certificate, 595 (the server could not connect to the daemon or node behind it) | [`CallError::NotSent`] |
//! | time-out, lost connection, answer cut short, 596 to 599, whatever is not Proxmox's JSON, a lock lost in the middle | [`CallError::MaybeSent`]; of a 2xx to 4xx to a reading call [`CallError::Malformed`] |
//! | 4xx and 5xx with Proxmox's JSON; 4xx and 501 of its web server, which have no body but the reason | [`CallError::Rejected`] |

use std::error::Error;

use mycopod_core::ports::CallError;
use reqwest::Response;
use serde_json::{Map, Value};

use crate::json::{Row, excerpt};

/// 10,000 guests in one list are about 5 MiB.
const MAX_BODY: usize = 32 << 20;
/// Proxmox says so when it lost a cluster-wide lock while it was working under it.
const BROKE_OFF: &str = "got lock timeout - aborting command";

/// What Proxmox answered to a call that it carried out.
#[derive(Debug)]
pub struct Answer {
    pub data: Value,
    /// How many entries there are in all, where `data` is a part of a list.
    pub total: Option<u64>,
}

/// The whole body, or what it means that there is none.
pub async fn read(mut response: Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_BODY => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(CallError::MaybeSent(format!("the answer is longer than {MAX_BODY} bytes"))),
            Err(error) => return Err(CallError::MaybeSent(format!("the answer broke off: {}", describe(&error)))),
        }
    }
}

/// What an answer means; see the table at the top.
pub fn judge(status: u16, phrase: &str, body: &[u8], is_write: bool) -> Result<Answer, CallError> {
    let envelope = match serde_json::from_slice(body) {
        // Every answer of Proxmox's API has `data`; the JSON of a proxy in between has not.
        Ok(Value::Object(envelope)) if envelope.contains_key("data") => Some(envelope),
        _ => None,
    };
    match (status, envelope) {
        (200..=299, Some(mut envelope)) => {
            let data = envelope.remove("data").unwrap_or_default();
            Ok(Answer { data, total: Row::of(envelope.into()).number("total") })
        }
        (400..=594, Some(envelope)) => Err(rejected(status, phrase, envelope, is_write)),
        (400..=499 | 501, None) if !is_page(body) => Err(rejected(status, phrase, Map::new(), is_write)),
        (595, _) => Err(CallError::NotSent(format!("595 {}", excerpt(phrase)))),
        _ => {
            let why = format!("{status} {} without an answer of its API", excerpt(phrase));
            Err(if is_write || status >= 500 { CallError::MaybeSent(why) } else { CallError::Malformed(why) })
        }
    }
}

/// Whether a body is a page for people: Proxmox's API answers none, but a proxy in between does.
fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

/// Proxmox's no, with what it says of single parameters. The reason phrase is the first line of `message`.
fn rejected(status: u16, phrase: &str, envelope: Map<String, Value>, is_write: bool) -> CallError {
    let envelope = Row::of(envelope.into());
    let mut reason = envelope.text("message").unwrap_or_else(|| phrase.to_owned());
    for (parameter, why) in envelope.inner("errors").parts() {
        reason.push('\n');
        reason.push_str(parameter);
        reason.push_str(": ");
        reason.push_str(why.as_str().unwrap_or_default());
    }
    if is_write && reason.contains(BROKE_OFF) {
        return CallError::MaybeSent(excerpt(&reason));
    }
    let (status, reason) = unwrapped(status, &reason);
    CallError::Rejected { status, reason: excerpt(reason) }
}

/// Some errors of a lower layer come wrapped: as 500 with the status at the head of the reason.
fn unwrapped(status: u16, reason: &str) -> (u16, &str) {
    let inner = reason.split_once(' ').and_then(|(head, rest)| Some((head.parse().ok()?, rest)));
    match inner {
        Some((inner @ 400..=499, rest)) if status == 500 => (inner, rest),
        _ => (status, reason),
    }
}

/// What a failure comes down to: its innermost cause, without references to manuals.
pub fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "time-out".to_owned();
    }
    let mut cause: &dyn Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    let text = cause.to_string();
    excerpt(text.split(": https://").next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{CallError, judge};

    fn reason(status: u16, phrase: &str, body: &str) -> (u16, String) {
        match judge(status, phrase, body.as_bytes(), true) {
            Err(CallError::Rejected { status, reason }) => (status, reason),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_rejection_names_the_parameters() {
        let body = r#"{"data":null,"message":"Parameter verification failed.\n","errors":{"cores":"type check ('integer') failed - got 'x'","name":"bad\n"}}"#;
        let text = "Parameter verification failed.; cores: type check ('integer') failed - got 'x'; name: bad";
        assert_eq!(reason(400, "Parameter verification failed.", body), (400, text.to_owned()));
        let body = "{\"data\":null,\"message\":\"Parameter verification failed.\\n\",\"errors\":{\"scsi0\":\"unable to parse volume ID 'stör:1'\\n\\n\"}}";
        assert!(reason(400, "Parameter verification failed.", body).1.ends_with("'stör:1'"));
    }

    #[test]
    fn a_wrapped_400_is_a_400() {
        let body = r#"{"data":null,"message":"400 Parameter verification failed.\nvmid: property is missing\n"}"#;
        let text = "Parameter verification failed.; vmid: property is missing".to_owned();
        assert_eq!(reason(500, "400 Parameter verification failed.", body), (400, text));
        let body = r#"{"data":null,"message":"400 files are in the way"}"#;
        assert_eq!(reason(403, "", body).0, 403, "only a 500 wraps another");
    }

    #[test]
    fn only_answers_of_the_api_settle_what_became_of_a_write() {
        assert!(judge(200, "OK", br#"{"data":null}"#, true).is_ok());
        for (status, body) in [
            (401, &b""[..]),
            (400, b""),
            (501, b"no such uri"),
            (500, br#"{"data":null}"#),
            (503, br#"{"data":null,"message":"no"}"#),
        ] {
            assert!(matches!(judge(status, "no", body, true), Err(CallError::Rejected { .. })), "{status}");
        }
        assert!(matches!(judge(595, "Connection refused", b"", true), Err(CallError::NotSent(_))));
        for (status, body) in [
            (596, &b""[..]),
            (599, b""),
            (500, b""),
            (502, b"<html>"),
            (404, b"\n<!doctype html>"),
            (403, b"<html>"),
            (503, br#"{"error":"no upstream"}"#),
            (200, b"{\"da"),
            (200, br#"{"ok":true}"#),
            (200, b"[]"),
            (302, b""),
        ] {
            assert!(matches!(judge(status, "", body, true), Err(CallError::MaybeSent(_))), "{status}");
        }
        for (status, body) in [(200, &b"<html>"[..]), (200, b"null"), (200, b""), (302, b""), (404, b"<html>")] {
            assert!(matches!(judge(status, "", body, false), Err(CallError::Malformed(_))), "{status}");
        }
    }

    #[test]
    fn a_lock_lost_in_the_middle_leaves_open_what_was_done() {
        let body = br#"{"data":null,"message":"cfs-lock 'storage-nfs' error: got lock timeout - aborting command\n"}"#;
        assert!(matches!(judge(500, "", body, true), Err(CallError::MaybeSent(_))));
        assert!(matches!(judge(500, "", body, false), Err(CallError::Rejected { .. })));
    }
}

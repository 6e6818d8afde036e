//! How a call fails, in the forms that Proxmox VE answers.

use std::collections::BTreeMap;

use crate::receive::Wanted;

/// Why a call was not carried out. The text's first line becomes the reason phrase.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// 400: parameter name → what is wrong with it.
    Parameters(BTreeMap<String, String>),
    /// 401 with the reason.
    Unauthorized(String),
    /// 403.
    Denied(String),
    /// 404, which Proxmox answers for second factors and a few others only.
    NotFound(String),
    /// 500: everything that fails while the call is carried out, "not found" among it.
    Failed(String),
    /// 500 that carries an `errors` map like a 400.
    FailedParameters(String, BTreeMap<String, String>),
    /// 595 without a body: the node that the call is passed on to cannot be reached.
    Unreachable(String),
    /// 501.
    NotImplemented(String),
    /// Another call holds the guest's lock file: wait and try again, at most [`crate::cluster::LOCK_WAIT`].
    Busy(u32),
    /// A file is needed first: fetch it, and call again with what arrived.
    Wanting(Wanted),
}

/// The result of a call.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// 400 with one wrong parameter.
    pub fn parameter(name: &str, text: impl Into<String>) -> Self {
        Self::Parameters(BTreeMap::from([(name.to_owned(), text.into())]))
    }

    /// 500.
    pub fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }

    /// 403 with Proxmox's prefix; `what` is the part in parentheses.
    pub fn denied(what: &str) -> Self {
        Self::Denied(if what.is_empty() {
            "Permission check failed".to_owned()
        } else {
            format!("Permission check failed ({what})")
        })
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        match self {
            Self::Parameters(_) => 400,
            Self::Unauthorized(_) => 401,
            Self::Denied(_) => 403,
            Self::NotFound(_) => 404,
            Self::Failed(_) | Self::FailedParameters(..) | Self::Busy(_) | Self::Wanting(_) => 500,
            Self::NotImplemented(_) => 501,
            Self::Unreachable(_) => 595,
        }
    }

    /// The message, without its final newline.
    pub fn message(&self) -> String {
        match self {
            Self::Parameters(_) => "Parameter verification failed.".to_owned(),
            Self::Unauthorized(text)
            | Self::Denied(text)
            | Self::NotFound(text)
            | Self::Failed(text)
            | Self::FailedParameters(text, _)
            | Self::NotImplemented(text)
            | Self::Unreachable(text) => text.clone(),
            Self::Wanting(wanted) => format!("{} was not fetched", wanted.url),
            Self::Busy(vmid) => {
                format!("can't lock file '/var/lock/qemu-server/lock-{vmid}.conf' - got timeout")
            }
        }
    }

    /// The `errors` map, where there is one.
    pub fn errors(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Self::Parameters(errors) | Self::FailedParameters(_, errors) => Some(errors),
            _ => None,
        }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Failed(text)
    }
}

//! A cluster as an installation knows it: its name, and how it is reached.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::id::ClusterId;

/// The longest name, in characters: it stands in sentences and beside every guest.
pub const MAX_NAME: usize = 32;
/// The most addresses of one cluster: Proxmox's own limit of nodes is not far above.
pub const MAX_URLS: usize = 32;
/// The longest address, in bytes: a host name has 253 at most.
const MAX_URL: usize = 300;
/// The longest CA file, in bytes: a chain of some certificates.
const MAX_PEM: usize = 64 * 1024;
/// The longest list of pins, in bytes: one of 95 for each address.
const MAX_PINS: usize = 100 * MAX_URLS;
/// The longest part of a token or log-in, in bytes: Proxmox's own bounds are far below.
const MAX_PART: usize = 400;
/// The longest pool's name; Proxmox nests three of 40 or so.
const MAX_POOL: usize = 200;

/// What people call a cluster: a lower-case word that a declaration can name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClusterName(String);

/// Settings of a cluster that cannot be. Never repeats a secret.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum NoCluster {
    /// The name.
    #[error("a cluster’s name has 1 to {MAX_NAME} lower-case letters, digits and dashes, and begins with a letter")]
    Name,
    /// The addresses.
    #[error("a cluster has 1 to {MAX_URLS} addresses such as https://pve1.example.org:8006")]
    Urls,
    /// The token.
    #[error("the API token must be like USER@REALM!NAME=SECRET, as Proxmox shows it when it is made")]
    Token,
    /// The user, or the password.
    #[error("a user is given as USER@REALM, such as root@pam, with the password")]
    User,
    /// The CA.
    #[error("the CA must be a certificate in PEM, such as a copy of /etc/pve/pve-root-ca.pem")]
    Ca,
    /// The pin.
    #[error(
        "the pin must be a SHA-256 of 64 hexadecimal digits, colons allowed, of the certificate or its public key; several \
         with commas between them"
    )]
    Pin,
    /// The pool.
    #[error("the pool must be the name of a pool in Proxmox")]
    Pool,
}

impl ClusterName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClusterName {
    type Err = NoCluster;
    fn from_str(text: &str) -> Result<Self, NoCluster> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_name = text.starts_with(|c: char| c.is_ascii_lowercase())
            && text.len() <= MAX_NAME
            && text.chars().all(fits)
            && !text.ends_with('-');
        is_name.then(|| Self(text.to_owned())).ok_or(NoCluster::Name)
    }
}

impl TryFrom<String> for ClusterName {
    type Error = NoCluster;
    fn try_from(text: String) -> Result<Self, NoCluster> {
        text.parse()
    }
}

impl From<ClusterName> for String {
    fn from(name: ClusterName) -> Self {
        name.0
    }
}

impl fmt::Display for ClusterName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which server is believed to be the cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "lowercase")]
pub enum Trust {
    /// One whose certificate the system's authorities have signed.
    System,
    /// One whose certificate these authorities have signed, in PEM.
    Ca(String),
    /// One with a certificate or public key of this SHA-256, in hexadecimal digits; several with commas between them.
    Pin(String),
}

impl Trust {
    /// `system`, `ca` or `pin`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Ca(_) => "ca",
            Self::Pin(_) => "pin",
        }
    }
}

/// How a cluster is reached, all but the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// The API's addresses, one for each host that may be asked.
    pub urls: Vec<String>,
    /// Who we are there, as Proxmox calls both kinds: the API token `USER@REALM!NAME`, or the user `USER@REALM` whose
    /// password the secret is.
    // Stored by the name it had first, to which secrets that are sealed already are bound.
    #[serde(rename = "token")]
    pub authid: String,
    /// Which server is believed to be the cluster.
    pub trust: Trust,
    /// The pool that new guests join, for tokens that have their rights on a pool alone.
    pub pool: Option<String>,
}

impl Access {
    /// Whether it has the right shape. That it also works shows when it is used.
    pub fn check(&self) -> Result<(), NoCluster> {
        let is_url = |url: &String| url.starts_with("https://") && url.len() <= MAX_URL && is_plain(url);
        if !(1..=MAX_URLS).contains(&self.urls.len()) || !self.urls.iter().all(is_url) {
            return Err(NoCluster::Urls);
        }
        if self.is_user() {
            Secret::of_password(&self.authid, "x")?;
        } else {
            Secret::of_token(&format!("{}=x", self.authid))?;
        }
        match &self.trust {
            Trust::System => {}
            Trust::Ca(pem) if pem.len() <= MAX_PEM && pem.contains("-----BEGIN CERTIFICATE-----") => {}
            Trust::Ca(_) => return Err(NoCluster::Ca),
            Trust::Pin(pins) => {
                let is_pin = |pin: &str| {
                    let digits = pin.trim().replace(':', "");
                    digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
                };
                if pins.len() > MAX_PINS || !pins.split(',').all(is_pin) {
                    return Err(NoCluster::Pin);
                }
            }
        }
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        match &self.pool {
            Some(pool) if pool.is_empty() || pool.len() > MAX_POOL || !pool.chars().all(fits) => Err(NoCluster::Pool),
            _ => Ok(()),
        }
    }

    /// Whether we are a user with a password there, and no API token.
    #[must_use]
    pub fn is_user(&self) -> bool {
        !self.authid.contains('!')
    }

    /// What a sealed secret is bound to: this very cluster with these very settings. A secret that is moved to another
    /// row, or whose addresses are changed past MycoPod, cannot be opened, and is sent nowhere.
    #[must_use]
    pub fn bound_to(&self, id: ClusterId, name: &ClusterName) -> Vec<u8> {
        serde_json::json!(["mycopod cluster v1", id, name, self]).to_string().into_bytes()
    }
}

/// The secret of an API token, or a user's password. Never printed, never stored unsealed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The token's id and its secret, from `USER@REALM!NAME=SECRET`.
    pub fn of_token(token: &str) -> Result<(String, Self), NoCluster> {
        let (id, secret) = split_token(token.trim()).ok_or(NoCluster::Token)?;
        Ok((id.to_owned(), Self(secret.to_owned())))
    }

    /// The user `USER@REALM` and the password, which is taken to the letter.
    pub fn of_password(user: &str, password: &str) -> Result<(String, Self), NoCluster> {
        let user = user.trim();
        let is_part = |part: &str| is_plain(part) && part.len() <= MAX_PART && !part.contains(['!', '=']);
        let is_user = user.rsplit_once('@').is_some_and(|(account, realm)| is_part(account) && is_part(realm));
        let is_password = (1..=MAX_PART).contains(&password.len()) && !password.contains(char::is_control);
        (is_user && is_password).then(|| (user.to_owned(), Self(password.to_owned()))).ok_or(NoCluster::User)
    }

    /// The secret as it was sealed.
    #[must_use]
    pub const fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The secret itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

fn is_plain(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == ',')
}

fn split_token(text: &str) -> Option<(&str, &str)> {
    let (id, secret) = text.split_once('=')?;
    let (user, name) = id.split_once('!')?;
    let (account, realm) = user.rsplit_once('@')?;
    let parts = [account, realm, name, secret];
    parts.iter().all(|part| is_plain(part) && part.len() <= MAX_PART).then_some((id, secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        Access {
            urls: vec!["https://pve1.example.org:8006".to_owned()],
            authid: "mycopod@pve!mycopod".to_owned(),
            trust: Trust::System,
            pool: None,
        }
    }

    #[test]
    fn a_name_is_a_word_that_a_declaration_can_name() {
        for good in ["lab", "dc-2", "a", &"a".repeat(MAX_NAME)] {
            assert!(good.parse::<ClusterName>().is_ok(), "{good}");
        }
        for bad in ["", "Lab", "2nd", "-lab", "lab-", "my lab", "läb", "lab.1", &"a".repeat(MAX_NAME + 1)] {
            assert_eq!(bad.parse::<ClusterName>(), Err(NoCluster::Name), "{bad}");
        }
    }

    #[test]
    fn settings_that_cannot_be_are_named() {
        assert_eq!(access().check(), Ok(()));
        let urls = |urls: &[&str]| Access { urls: urls.iter().map(|url| (*url).to_owned()).collect(), ..access() };
        for bad in [&[][..], &["http://pve1:8006"], &["https://a,https://b"], &["https://pve1 :8006"]] {
            assert_eq!(urls(bad).check(), Err(NoCluster::Urls), "{bad:?}");
        }
        assert_eq!(Access { authid: "mycopod@pve!".into(), ..access() }.check(), Err(NoCluster::Token));
        assert_eq!(Access { authid: "root@pam".into(), ..access() }.check(), Ok(()));
        for bad in ["", "mycopod", "@pam", "root@", "root @pam"] {
            assert_eq!(Access { authid: bad.into(), ..access() }.check(), Err(NoCluster::User), "{bad}");
        }
        assert_eq!(Access { trust: Trust::Ca("x".into()), ..access() }.check(), Err(NoCluster::Ca));
        assert_eq!(Access { trust: Trust::Pin("ab:cd".into()), ..access() }.check(), Err(NoCluster::Pin));
        assert_eq!(Access { trust: Trust::Pin("ab:".repeat(32)), ..access() }.check(), Ok(()));
        let two = format!("{},{}", "0f".repeat(32), "AB".repeat(32));
        assert_eq!(Access { trust: Trust::Pin(two), ..access() }.check(), Ok(()));
        assert_eq!(Access { pool: Some("a b".into()), ..access() }.check(), Err(NoCluster::Pool));
    }

    #[test]
    fn a_token_is_taken_apart_and_its_secret_never_printed() {
        let (id, secret) = Secret::of_token(" mycopod@pve!mycopod=6f1c=2\n").unwrap();
        assert_eq!((id.as_str(), secret.expose()), ("mycopod@pve!mycopod", "6f1c=2"));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        for bad in ["", "mycopod@pve", "mycopod@pve!a", "mycopod@pve!a=", "a!b=c", "a@b!c=d e"] {
            assert!(Secret::of_token(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_password_is_taken_to_the_letter_and_never_printed() {
        let (user, secret) = Secret::of_password(" root@pam ", " a!b=c, d ").unwrap();
        assert_eq!((user.as_str(), secret.expose()), ("root@pam", " a!b=c, d "));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        for (user, password) in [("root", "x"), ("root@pam!lab", "x"), ("root@pam", ""), ("root@pam", "a\nb")] {
            assert_eq!(Secret::of_password(user, password), Err(NoCluster::User), "{user} {password}");
        }
    }
}

//! Who calls: API tokens, tickets and CSRF prevention tokens.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use crate::access::{Caller, User};
use crate::ambient;
use crate::cluster::Cluster;
use crate::format;

/// A ticket is good for so many seconds.
const TICKET_LIFE: i64 = 2 * 60 * 60;
/// And may be that much in the future, for clocks that differ.
const TICKET_SKEW: i64 = 300;

/// What a request brings along to say who calls.
#[derive(Debug, Default)]
pub struct Credentials {
    pub authorization: Option<String>,
    pub cookie: Option<String>,
    pub csrf: Option<String>,
}

impl Credentials {
    /// The ticket: the cookie's, else the authorization's.
    fn ticket(&self) -> Option<String> {
        [&self.cookie, &self.authorization].into_iter().find_map(|header| value(header.as_deref()?, "PVEAuthCookie"))
    }

    /// The API token, where there is no ticket.
    fn token(&self) -> Option<String> {
        self.ticket().is_none().then(|| value(self.authorization.as_deref()?, "PVEAPIToken")).flatten()
    }

    /// Whether the request is made with an API token.
    pub fn names_token(&self) -> bool {
        self.token().is_some()
    }
}

/// Who calls, or the reason phrase of a 401.
pub fn authenticate(cluster: &Cluster, credentials: &Credentials, writes: bool) -> Result<Caller, String> {
    if let Some(token) = credentials.token() {
        return by_token(cluster, &token);
    }
    let ticket = credentials.ticket().ok_or("No ticket")?;
    let user = verify_ticket(cluster, &ticket)?;
    if writes && !verify_csrf(cluster, &user, credentials.csrf.as_deref().unwrap_or_default()) {
        return Err("Permission denied - invalid csrf token".to_owned());
    }
    Ok(Caller { user, token: None })
}

/// What stands behind a key in a header, up to the next semicolon: `PVEAuthCookie=VALUE; …`.
fn value(header: &str, key: &str) -> Option<String> {
    let found = header.match_indices(key).find_map(|(at, _)| {
        let begins = at == 0 || header[..at].ends_with(char::is_whitespace);
        header[at + key.len()..].strip_prefix(['=', ' ']).filter(|_| begins)
    })?;
    let value = crate::http::percent_decode(found.split(';').next().unwrap_or_default());
    (!matches!(value.as_str(), "" | "0")).then_some(value)
}

fn by_token(cluster: &Cluster, text: &str) -> Result<Caller, String> {
    let (id, secret) = text.rsplit_once('=').ok_or("no tokenid specified")?;
    let invalid = || format!("'{id}' is not a valid token ID - not able to split into user and token parts");
    let (user, token) = id.split_once('!').ok_or_else(invalid)?;
    if !format::user_id(user) || token.is_empty() {
        return Err(invalid());
    }
    let account = active_user(cluster, user)?;
    let known = account.tokens.get(token).ok_or_else(|| format!("no such token '{token}' for user '{user}'"))?;
    if known.expire != 0 && known.expire <= cluster.seconds() {
        return Err(format!("token '{token}' access expired"));
    }
    if !same(known.secret.as_bytes(), secret.as_bytes()) {
        return Err("invalid token value!".to_owned());
    }
    Ok(Caller { user: user.to_owned(), token: Some(token.to_owned()) })
}

fn active_user<'a>(cluster: &'a Cluster, user: &str) -> Result<&'a User, String> {
    let account = cluster.access.users.get(user).ok_or_else(|| format!("no such user ('{user}')"))?;
    if !account.enabled {
        return Err(format!("user '{user}' is disabled"));
    }
    if account.expire != 0 && account.expire <= cluster.seconds() {
        return Err(format!("user '{user}' access expired"));
    }
    Ok(account)
}

/// Compares without telling by the time taken where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    Sha256::digest(a) == Sha256::digest(b)
}

/// Whether a password, or a ticket in its place, is the user's.
pub fn verify_password(cluster: &Cluster, user: &str, password: &str) -> bool {
    let Ok(account) = active_user(cluster, user) else {
        return false;
    };
    if password.starts_with("PVE:") {
        return verify_ticket(cluster, password).is_ok_and(|owner| owner == user);
    }
    account.password.as_deref().is_some_and(|kept| {
        let salt = kept.split('$').next().unwrap_or_default();
        same(kept.as_bytes(), hash(salt, password).as_bytes())
    })
}

/// A password's salted hash. It protects a sandbox, which holds nothing of worth.
pub fn hash_password(password: &str) -> String {
    hash(&hex::encode(ambient::random::<8>()), password)
}

fn hash(salt: &str, password: &str) -> String {
    format!("{salt}${}", hex::encode(Sha256::digest(format!("{salt}{password}"))))
}

fn sign(cluster: &Cluster, text: &str) -> String {
    // A key of any length is good for HMAC.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(cluster.secret.as_bytes()) else {
        return String::new();
    };
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

/// A fresh ticket of a user.
pub fn ticket(cluster: &Cluster, user: &str) -> String {
    let text = format!("PVE:{user}:{:08X}", cluster.seconds());
    let signature = sign(cluster, &text);
    format!("{text}::{signature}")
}

/// A fresh CSRF prevention token of a user.
pub fn csrf(cluster: &Cluster, user: &str) -> String {
    let time = format!("{:08X}", cluster.seconds());
    let signature = sign(cluster, &format!("CSRF:{user}:{time}"));
    format!("{time}:{signature}")
}

fn fresh(cluster: &Cluster, time: &str) -> bool {
    let age = i64::from_str_radix(time, 16).map(|time| cluster.seconds() - time);
    age.is_ok_and(|age| (-TICKET_SKEW..TICKET_LIFE).contains(&age))
}

fn verify_ticket(cluster: &Cluster, ticket: &str) -> Result<String, String> {
    let invalid = "permission denied - invalid PVE ticket";
    let (text, signature) = ticket.split_once("::").ok_or(invalid)?;
    let (head, time) = text.rsplit_once(':').ok_or(invalid)?;
    let user = head.strip_prefix("PVE:").ok_or(invalid)?;
    if !fresh(cluster, time) || !same(sign(cluster, text).as_bytes(), signature.as_bytes()) {
        return Err(invalid.to_owned());
    }
    active_user(cluster, user)?;
    Ok(user.to_owned())
}

fn verify_csrf(cluster: &Cluster, user: &str, token: &str) -> bool {
    token.split_once(':').is_some_and(|(time, signature)| {
        let expected = sign(cluster, &format!("CSRF:{user}:{time}"));
        fresh(cluster, time) && same(expected.as_bytes(), signature.as_bytes())
    })
}

//! Single values: what each should be, in words, and what it is then.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;

use mycopod_core::cluster::Secret;
use mycopod_core::policy::Policy;
use mycopod_pve::Pin;
use mycopod_store::Hosts;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

/// Beyond this factor a sandbox's create takes over six minutes.
const MAX_TIME_SCALE: f64 = 100.0;
/// What `PROXMOX_API_URL` should be.
pub const PROXMOX_URL_SHAPE: &str = "should be the API’s address, such as https://pve1.example.org:8006, or those of several hosts of the cluster with commas between them";
/// What `PROXMOX_USER` should be.
pub const USER_SHAPE: &str = "should be USER@REALM, such as root@pam";
/// What `PROXMOX_API_TOKEN` should be.
pub const TOKEN_SHAPE: &str = "should be USER@REALM!NAME=SECRET, such as mycopod@pve!mycopod=6f1c…";

/// An HTTP address without credentials, query and fragment, all of which have no place in a setting that is shown.
pub fn http_url(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    (plain && matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

/// Whether nobody on the way can listen: HTTPS, or this machine.
pub fn is_private_way(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    url.scheme() == "https" || is_loopback
}

/// The same of a server's address in text.
pub fn is_private_address(text: &str) -> bool {
    http_url(text).is_some_and(|url| is_private_way(&url))
}

/// The addresses of one or several hosts of a cluster, with commas between them.
pub fn proxmox_urls(text: &str) -> Result<Vec<String>, String> {
    text.split(',').map(|url| proxmox_url(url.trim())).collect()
}

fn proxmox_url(text: &str) -> Result<String, String> {
    let url = http_url(text).ok_or(PROXMOX_URL_SHAPE)?;
    if url.scheme() != "https" {
        return Err(format!("{PROXMOX_URL_SHAPE}: over plain HTTP the token could be read on the way"));
    }
    match url.path().trim_end_matches('/') {
        "" | "/api2" | "/api2/json" => Ok(url.origin().ascii_serialization()),
        _ => Err(format!("{PROXMOX_URL_SHAPE}, without a path")),
    }
}

/// The server's address for the client commands, without a path.
pub fn server_url(text: &str) -> Result<String, String> {
    match http_url(text) {
        Some(url) if url.path() == "/" => Ok(url.origin().ascii_serialization()),
        _ => Err("should be the server’s address, such as http://localhost:4000".to_owned()),
    }
}

/// The token's id and its secret.
pub fn proxmox_token(text: &str) -> Result<(String, Secret), String> {
    Secret::of_token(text).map_err(|_| TOKEN_SHAPE.to_owned())
}

/// The user and the password.
pub fn proxmox_user(user: &str, password: &SecretString) -> Result<(String, Secret), String> {
    Secret::of_password(user, password.expose_secret())
        .map_err(|_| format!("{USER_SHAPE}, and the password of at most 400 characters"))
}

pub fn pin(text: &str) -> Result<String, String> {
    let problem = "should be a SHA-256 fingerprint of 64 hexadecimal digits, with or without colons, or several with commas between them";
    text.parse::<Pin>().map(|_| text.to_owned()).map_err(|_| problem.to_owned())
}

pub fn database_url(text: &str) -> Result<SecretString, String> {
    let is_postgres = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
    match Hosts::from_str(text) {
        Ok(_) if is_postgres => Ok(SecretString::from(text)),
        _ => Err("should be postgres://USER:PASSWORD@HOST:PORT/DATABASE; PostgreSQL is the only database".to_owned()),
    }
}

pub fn email(text: &str) -> Result<String, String> {
    match text.split_once('@') {
        Some((name, host)) if !name.is_empty() && !host.is_empty() && !text.contains(char::is_whitespace) => {
            Ok(text.to_owned())
        }
        _ => Err("should be an e-mail address, such as admin@example.org".to_owned()),
    }
}

pub fn origin(text: &str) -> Result<String, String> {
    let text = text.trim();
    match http_url(text) {
        Some(url) if url.path() == "/" => Ok(url.origin().ascii_serialization()),
        _ => Err("should be origins with commas between them, such as http://localhost:3000".to_owned()),
    }
}

pub fn addresses(text: &str) -> Result<Vec<IpAddr>, String> {
    let addresses: Result<_, _> = text.split(',').map(|address| address.trim().parse()).collect();
    addresses.map_err(|_| "should be IP addresses with commas between them, such as 10.0.0.101".to_owned())
}

pub fn installation_name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if text.len() <= 64 && text.chars().all(fits) {
        Ok(text.to_owned())
    } else {
        Err("should be at most 64 letters, digits, dots, dashes and underscores".to_owned())
    }
}

pub fn absolute(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_absolute() { Ok(path) } else { Err("should be a path that begins with /".to_owned()) }
}

pub fn ca_file(text: &str) -> Result<String, String> {
    std::fs::read_to_string(text)
        .map_err(|error| format!("should be a file with certificates in PEM, and cannot be read: {error}"))
}

pub fn pool(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if text.chars().all(fits) { Ok(text.to_owned()) } else { Err("should be the name of a pool in Proxmox".to_owned()) }
}

pub fn policy(text: &str) -> Result<Policy, String> {
    let file = std::fs::read_to_string(text).map_err(|error| format!("cannot be read: {error}"))?;
    serde_json::from_str(&file).map_err(|error| format!("should be JSON as docs/DEPLOYMENT.md shows: {error}"))
}

pub fn flag(text: &str) -> Result<bool, String> {
    match text {
        "1" | "true" | "yes" => Ok(true),
        "0" | "false" | "no" => Ok(false),
        _ => Err("should be true or false".to_owned()),
    }
}

/// A sandbox's time scale: 0 is at once, 1 as long as Proxmox takes.
pub fn time_scale(text: &str) -> Result<f64, String> {
    let scale = text.parse().ok().filter(|scale| (0.0..=MAX_TIME_SCALE).contains(scale));
    scale.ok_or_else(|| format!("should be a number from 0 (at once) to {MAX_TIME_SCALE}; 1 is real time"))
}

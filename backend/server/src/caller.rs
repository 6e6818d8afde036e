//! Who sends a request, and from where.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::HeaderMap;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use mycopod_engine::Actor;
use mycopod_store::users;

use crate::Config;
use crate::app::App;
use crate::problem::Problem;

/// Somebody who is logged in, as their account stands now: what a token says of a role may be ten minutes old.
pub struct Caller {
    /// Who.
    pub actor: Actor,
    /// When their token ends.
    pub token_expires_at: DateTime<Utc>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let token = bearer(&parts.headers).ok_or_else(|| {
            Problem::unauthenticated("unauthenticated", "Log in, and send the token as Authorization: Bearer.")
        })?;
        let claims = app.tokens.read(token, app.now())?;
        let mut connection = app.connection().await?;
        let user = users::get(&mut connection, claims.sub)
            .await?
            .ok_or_else(|| Problem::unauthenticated("invalid_token", "The token's account does not exist. Log in."))?;
        let actor = Actor { id: user.id, email: user.email, role: user.role, approved: user.approved };
        Ok(Self { actor, token_expires_at: claims.expires_at() })
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A caller who is an approved Admin now.
pub struct Admin(pub Actor);

impl FromRequestParts<App> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let Caller { actor, .. } = Caller::from_request_parts(parts, app).await?;
        if !actor.is_admin() {
            return Err(Problem::forbidden("admin_only", "Only an approved Admin may do this. Nothing was changed."));
        }
        Ok(Self(actor))
    }
}

/// Where a request comes from, as far as it can be believed: the connection's address, or
/// what a trusted proxy says of the connection before it.
pub struct Peer {
    /// The client's address.
    pub address: IpAddr,
    /// Whether the client speaks HTTPS with a trusted proxy.
    pub https: bool,
    /// Whether the browser says that this origin, or one of the allowed, sent the request.
    /// Where there is no browser, there is no other site either.
    pub own_site: bool,
}

impl FromRequestParts<App> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let connection = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        // A connection without an address comes from within the process.
        Ok(Self::of(connection.unwrap_or(Ipv4Addr::LOCALHOST.into()), &parts.headers, &app.config))
    }
}

impl Peer {
    fn of(connection: IpAddr, headers: &HeaderMap, config: &Config) -> Self {
        let trusted = |address: &IpAddr| config.trusted_proxies.contains(address);
        let behind_proxy = trusted(&connection);
        let forwarded = |name: &str| behind_proxy.then(|| last(headers, name)).flatten();
        Self {
            address: if behind_proxy { client(connection, headers, trusted) } else { connection },
            https: forwarded("x-forwarded-proto") == Some("https"),
            own_site: own_site(headers, forwarded("x-forwarded-host"), config),
        }
    }

    /// Refuses a session over plain HTTP beyond this machine, where passwords and cookies could be read on the way.
    pub fn may_hold_session(&self, config: &Config) -> Result<(), Problem> {
        if self.https || self.address.is_loopback() || config.allow_plain_http {
            return Ok(());
        }
        let detail = "Logging in over plain HTTP would show the password to the network. Use HTTPS by way of a proxy \
            that is named in MYCOPOD_TRUSTED_PROXIES, or allow it with MYCOPOD_ALLOW_PLAIN_HTTP=true.";
        Err(Problem::forbidden("plain_http", detail))
    }

    /// Refuses a request that another site may have made a browser send, cookie and all.
    pub fn is_own_site(&self) -> Result<(), Problem> {
        if self.own_site {
            return Ok(());
        }
        Err(Problem::forbidden("cross_site", "Another site sent this request; the session was not touched."))
    }
}

/// The nearest address in X-Forwarded-For that is no trusted proxy's; each proxy appends the one it saw.
fn client(connection: IpAddr, headers: &HeaderMap, trusted: impl Fn(&IpAddr) -> bool) -> IpAddr {
    let seen = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let hops: Vec<&str> = seen.flat_map(|value| value.split(',')).map(str::trim).collect();
    let mut nearest = connection;
    for hop in hops.iter().rev() {
        let Ok(address) = hop.parse::<IpAddr>() else { break };
        nearest = address.to_canonical();
        if !trusted(&nearest) {
            break;
        }
    }
    nearest
}

fn last<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get_all(name).iter().next_back()?.to_str().ok()?.rsplit(',').next().map(str::trim)
}

/// Fetch Metadata (`Sec-Fetch-Site`) and `Origin` are set by the browser and out of a script's reach.
fn own_site(headers: &HeaderMap, forwarded_host: Option<&str>, config: &Config) -> bool {
    let site = last(headers, "sec-fetch-site");
    match last(headers, ORIGIN.as_str()) {
        Some(origin) => {
            let host = forwarded_host.or_else(|| last(headers, HOST.as_str()));
            let to_itself = origin.split_once("://").is_some_and(|(_, authority)| Some(authority) == host);
            site == Some("same-origin") || to_itself || config.cors_origins.iter().any(|allowed| allowed == origin)
        }
        None => matches!(site, None | Some("same-origin" | "none")),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::Peer;
    use crate::Config;

    fn peer(connection: &str, headers: &[(&'static str, &str)]) -> Peer {
        let proxies = ["10.0.0.1", "10.0.0.2"].map(|address| address.parse().unwrap()).to_vec();
        let config = Config {
            cors_origins: vec!["http://localhost:3000".to_owned()],
            trusted_proxies: proxies,
            ..Config::default()
        };
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
            .collect();
        Peer::of(connection.parse().unwrap(), &headers, &config)
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let address = |connection, hops| peer(connection, &[("x-forwarded-for", hops)]).address;
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(address("192.0.2.9", "198.51.100.1"), ip("192.0.2.9"));
        assert_eq!(address("10.0.0.1", "198.51.100.1"), ip("198.51.100.1"));
        assert_eq!(
            address("10.0.0.1", "127.0.0.1, 198.51.100.1, 10.0.0.2"),
            ip("198.51.100.1"),
            "the first was made up"
        );
        assert_eq!(address("10.0.0.1", "nonsense"), ip("10.0.0.1"));
        assert!(!peer("192.0.2.9", &[("x-forwarded-proto", "https")]).https);
        assert!(peer("10.0.0.1", &[("x-forwarded-proto", "https")]).https);
    }

    #[test]
    fn sessions_need_https_beyond_this_machine() {
        let config = Config::default();
        assert!(peer("127.0.0.1", &[]).may_hold_session(&config).is_ok());
        assert!(peer("192.0.2.9", &[]).may_hold_session(&config).is_err());
        assert!(peer("192.0.2.9", &[("x-forwarded-for", "127.0.0.1")]).may_hold_session(&config).is_err());
        let proxied = [("x-forwarded-for", "192.0.2.9"), ("x-forwarded-proto", "https")];
        assert!(peer("10.0.0.1", &proxied).may_hold_session(&config).is_ok());
        let allowed = Config { allow_plain_http: true, ..Config::default() };
        assert!(peer("192.0.2.9", &[]).may_hold_session(&allowed).is_ok());
    }

    #[test]
    fn other_sites_are_told_from_our_own() {
        for (headers, own) in [
            (&[][..], true),
            (&[("origin", "http://mycopod.lan"), ("host", "mycopod.lan")], true),
            (&[("origin", "http://localhost:3000"), ("host", "localhost:4000")], true),
            (&[("origin", "https://ui.lan"), ("host", "agent:4000"), ("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "none")], true),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("origin", "https://evil.example"), ("host", "mycopod.lan")], false),
            (&[("origin", "https://evil.example"), ("host", "mycopod.lan"), ("sec-fetch-site", "cross-site")], false),
            (&[("origin", "null"), ("host", "mycopod.lan")], false),
        ] {
            assert_eq!(peer("192.0.2.9", headers).is_own_site().is_ok(), own, "{headers:?}");
        }
    }
}

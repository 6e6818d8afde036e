//! Who we are to Proxmox: an API token, or a user with a ticket.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use mycopod_core::cluster::{Access, Secret};
use mycopod_core::ports::CallError;
use reqwest::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::client::ConfigError;
use crate::json::Row;

/// A way to log in.
#[derive(Clone, Debug)]
pub enum Credential {
    /// An API token, `USER@REALM!ID=SECRET`.
    Token(SecretString),
    /// A user's name with its realm (`root@pam`), and the password.
    Password {
        /// `USER@REALM`.
        user: String,
        /// The password.
        password: SecretString,
    },
}

impl Credential {
    /// The one that an installation has for a cluster.
    #[must_use]
    pub fn of(access: &Access, secret: &Secret) -> Self {
        if access.is_user() {
            Self::Password { user: access.authid.clone(), password: secret.expose().into() }
        } else {
            Self::Token(format!("{}={}", access.authid, secret.expose()).into())
        }
    }
}

/// From this age on a ticket is renewed …
const RENEW_AFTER: TimeDelta = TimeDelta::hours(1);
/// … by itself, as long as Proxmox takes it; its two hours less what clocks may differ and calls take.
const HOLDS_FOR: TimeDelta = TimeDelta::minutes(115);

/// Proxmox takes no change by ticket without this header.
const CSRF: HeaderName = HeaderName::from_static("csrfpreventiontoken");

/// The headers that prove who we are. They hold on every host of a cluster.
#[derive(Debug)]
pub enum Login {
    Token(HeaderValue),
    Ticket(Tickets),
}

#[derive(Debug)]
pub struct Ticket {
    cookie: HeaderValue,
    csrf: HeaderValue,
    secret: SecretString,
    since: DateTime<Utc>,
}

impl Ticket {
    pub fn headers(&self) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, self.cookie.clone()), (CSRF, self.csrf.clone())])
    }

    /// Reads the answer to `POST /access/ticket` that was given at `since`.
    pub fn of(answer: &Row, since: DateTime<Utc>) -> Result<Self, CallError> {
        if answer.flag("NeedTFA") {
            let why = "this account asks for a second factor; give an API token instead";
            return Err(CallError::Rejected { status: 401, reason: why.to_owned() });
        }
        let (ticket, csrf) = (answer.text("ticket"), answer.text("CSRFPreventionToken"));
        let parts = ticket.and_then(|ticket| {
            Some((sensitive(&format!("PVEAuthCookie={ticket}"))?, sensitive(&csrf?)?, SecretString::from(ticket)))
        });
        let Some((cookie, csrf, secret)) = parts else {
            return Err(CallError::Malformed("a log-in without a ticket".to_owned()));
        };
        Ok(Self { cookie, csrf, secret, since })
    }
}

/// A user's log-in, and the ticket that it gave last.
#[derive(Debug)]
pub struct Tickets {
    pub user: String,
    password: SecretString,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    ticket: Option<Arc<Ticket>>,
    failed: Option<(Instant, CallError)>,
}

impl Tickets {
    /// A ticket, by `log_in` with the given password where there is none that is young and other than `spent`.
    /// Callers wait for each other, so that one expiry means one log-in, and one failure fails all who waited for it.
    pub async fn get<F>(
        &self,
        spent: Option<&Arc<Ticket>>,
        now: DateTime<Utc>,
        log_in: impl Fn(SecretString) -> F,
    ) -> Result<Arc<Ticket>, CallError>
    where
        F: Future<Output = Result<Ticket, CallError>>,
    {
        let asked = Instant::now();
        let mut last = self.last.lock().await;
        if let Some((at, error)) = &last.failed
            && *at >= asked
        {
            return Err(error.clone());
        }
        let held = last.ticket.clone().filter(|held| !spent.is_some_and(|spent| Arc::ptr_eq(spent, held)));
        let age = |held: &Ticket| now - held.since;
        let made = match held {
            Some(held) if age(&held) < RENEW_AFTER => return Ok(held),
            // A ticket is taken for a password as long as it holds, which spares the real one.
            Some(held) if age(&held) < HOLDS_FOR => match log_in(held.secret.clone()).await {
                Err(CallError::Rejected { status: 401, .. }) => log_in(self.password.clone()).await,
                end => end,
            },
            Some(_) | None => log_in(self.password.clone()).await,
        };
        match made {
            Ok(ticket) => {
                let ticket = Arc::new(ticket);
                *last = Last { ticket: Some(Arc::clone(&ticket)), failed: None };
                Ok(ticket)
            }
            Err(error) => {
                last.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }
}

impl Login {
    pub fn new(credential: Credential) -> Result<Self, ConfigError> {
        match credential {
            Credential::Token(token) => {
                let token = token.expose_secret();
                let well_formed = token.split_once('=').is_some_and(|(id, secret)| {
                    let named = id.split_once('!').is_some_and(|(user, name)| user.contains('@') && !name.is_empty());
                    named && !secret.is_empty()
                });
                let header = sensitive(&format!("PVEAPIToken={token}")).filter(|_| well_formed);
                header.map(Self::Token).ok_or(ConfigError::Token)
            }
            Credential::Password { user, password } => {
                if user.contains('@') {
                    Ok(Self::Ticket(Tickets { user, password, last: Mutex::default() }))
                } else {
                    Err(ConfigError::User)
                }
            }
        }
    }
}

/// The headers of an API token.
pub fn token_headers(token: &HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, token.clone())])
}

/// A header that is never shown.
fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

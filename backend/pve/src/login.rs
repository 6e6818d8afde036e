//! Who we are to Proxmox: an API token, or a user with a ticket.

use std::sync::Arc;
use std::time::Duration;

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

/// A ticket lives for two hours; it is renewed well before.
const RENEW_AFTER: Duration = Duration::from_hours(1);

/// Proxmox takes no change by ticket without this header.
const CSRF: HeaderName = HeaderName::from_static("csrfpreventiontoken");

/// The headers that prove who we are.
#[derive(Debug)]
pub enum Login {
    Token(HeaderValue),
    Ticket { user: String, password: SecretString, current: Mutex<Option<Arc<Ticket>>> },
}

#[derive(Debug)]
pub struct Ticket {
    cookie: HeaderValue,
    csrf: HeaderValue,
    since: Instant,
}

impl Ticket {
    pub fn headers(&self) -> HeaderMap {
        HeaderMap::from_iter([(COOKIE, self.cookie.clone()), (CSRF, self.csrf.clone())])
    }

    fn is_fresh(&self) -> bool {
        self.since.elapsed() < RENEW_AFTER
    }

    /// Reads the answer to `POST /access/ticket`.
    pub fn of(answer: &Row) -> Result<Self, CallError> {
        if answer.flag("NeedTFA") {
            let why = "this account asks for a second factor; give an API token instead";
            return Err(CallError::Rejected { status: 401, reason: why.to_owned() });
        }
        let part = |key, prefix: &str| answer.text(key).and_then(|text| sensitive(&format!("{prefix}{text}")));
        let (Some(cookie), Some(csrf)) = (part("ticket", "PVEAuthCookie="), part("CSRFPreventionToken", "")) else {
            return Err(CallError::Malformed("a log-in without a ticket".to_owned()));
        };
        Ok(Self { cookie, csrf, since: Instant::now() })
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
                    Ok(Self::Ticket { user, password, current: Mutex::new(None) })
                } else {
                    Err(ConfigError::User)
                }
            }
        }
    }

    /// A ticket, by `log_in` where there is none that is fresh and other than `spent`.
    /// Callers wait for each other, so that one expiry means one log-in.
    pub async fn ticket<F>(
        current: &Mutex<Option<Arc<Ticket>>>,
        spent: Option<&Arc<Ticket>>,
        log_in: F,
    ) -> Result<Arc<Ticket>, CallError>
    where
        F: Future<Output = Result<Ticket, CallError>>,
    {
        let mut current = current.lock().await;
        if let Some(ticket) = current.as_ref()
            && ticket.is_fresh()
            && !spent.is_some_and(|spent| Arc::ptr_eq(spent, ticket))
        {
            return Ok(Arc::clone(ticket));
        }
        let ticket = Arc::new(log_in.await?);
        *current = Some(Arc::clone(&ticket));
        Ok(ticket)
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

//! Sessions: a short access token for the API, and a rotating refresh token in a cookie that scripts cannot read.

use axum::Json;
use axum::extract::State;
use axum::http::header::{COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::IntoResponse;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use mycopod_core::id::UserId;
use mycopod_store::audit::{self, Kind, NewEntry};
use mycopod_store::sessions::{self, Rotation, TokenHash};
use mycopod_store::users::{self, User};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, Postgres, Transaction};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::{Builder, Uuid};

use super::users::UserView;
use crate::app::App;
use crate::caller::Peer;
use crate::extract::JsonBody;
use crate::problem::{Problem, ProblemDetails};
use crate::throttle::Attempt;

/// The cookie that holds the refresh token.
const COOKIE_NAME: &str = "mycopod_refresh";
/// How long a session lasts that nobody uses.
const SESSION: TimeDelta = TimeDelta::days(7);
/// Bytes of a refresh token: out of reach of guessing, so that its hash needs no salt.
const TOKEN_LEN: usize = 32;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(login)).routes(routes!(refresh)).routes(routes!(logout))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    /// The account's address.
    #[schema(format = Email)]
    email: String,
    /// Its password.
    #[schema(format = Password)]
    password: String,
}

/// Somebody's session.
#[derive(Serialize, ToSchema)]
struct Session {
    /// A JWT for the header `Authorization: Bearer`.
    token: String,
    /// When it ends. Before that, refresh.
    expires_at: DateTime<Utc>,
    /// Whose it is.
    user: UserView,
}

type Begun = ([(HeaderName, String); 1], Json<Session>);

/// Logs in. The answer's cookie keeps the session: see refresh.
#[utoipa::path(post, path = "/api/v1/login", tag = "session", security(()), request_body = Login,
    responses(
        (status = OK, body = Session, headers(("Set-Cookie" = String, description = "`mycopod_refresh`"))),
        (status = UNAUTHORIZED, body = ProblemDetails, content_type = "application/problem+json",
            description = "The address or the password is wrong"),
        (status = TOO_MANY_REQUESTS, body = ProblemDetails, content_type = "application/problem+json",
            description = "Too many failed logins from this address",
            headers(("Retry-After" = u64, description = "Seconds to wait")))))]
async fn login(State(app): State<App>, peer: Peer, JsonBody(body): JsonBody<Login>) -> Result<Begun, Problem> {
    peer.may_hold_session(&app.config)?;
    let email = users::normalised(&body.email);
    let attempt = Attempt::new(peer.address, &email);
    let turn = app.hasher.turn().await?;
    let credentials = {
        let mut connection = app.connection().await?;
        attempt.check(&mut connection, app.now()).await?;
        users::credentials(&mut connection, &email).await?
    };
    // From here on an account that does not exist takes the same way as one with another password.
    let hash = credentials.as_ref().map(|credentials| credentials.password_hash.clone());
    let fits = turn.verify(body.password, hash).await?;
    let user = credentials.map(|credentials| credentials.user);
    let address = json!({ "address": peer.address });
    match user {
        Some(user) if fits => {
            let now = app.now();
            let mut transaction = app.transaction().await?;
            attempt.succeeded(&mut transaction).await?;
            users::logged_in(&mut transaction, user.id, now).await?;
            let token = begin(&app, &mut transaction, user.id).await?;
            enter(&app, &mut transaction, Kind::UserLogin, Some(&user), "logged_in", address).await?;
            transaction.commit().await?;
            session(&app, &User { last_login_at: Some(now), ..user }, &token, &peer)
        }
        user => {
            let mut transaction = app.transaction().await?;
            attempt.failed(&mut transaction, app.now()).await?;
            enter(&app, &mut transaction, Kind::UserLoginFailed, user.as_ref(), "refused", address).await?;
            transaction.commit().await?;
            Err(Problem::unauthenticated("wrong_credentials", "The address or the password is wrong."))
        }
    }
}

/// Trades the cookie for a new access token and a new cookie. Each cookie counts once: one that comes back
/// later was copied, and ends the session.
#[utoipa::path(post, path = "/api/v1/refresh", tag = "session", security(("cookie" = [])),
    responses(
        (status = OK, body = Session, headers(("Set-Cookie" = String, description = "`mycopod_refresh`"))),
        (status = UNAUTHORIZED, body = ProblemDetails, content_type = "application/problem+json",
            description = "There is no session, or it has ended"),
        (status = FORBIDDEN, body = ProblemDetails, content_type = "application/problem+json",
            description = "Another site sent this request")))]
async fn refresh(State(app): State<App>, peer: Peer, headers: HeaderMap) -> Result<Begun, Problem> {
    peer.is_own_site()?;
    peer.may_hold_session(&app.config)?;
    let no_session = || Problem::unauthenticated("no_session", "There is no session, or it has ended. Log in.");
    let presented = cookie(&headers).ok_or_else(no_session)?;
    let next = fresh_token(&app);
    let now = app.now();
    let mut transaction = app.transaction().await?;
    match sessions::rotate(&mut transaction, &hash(presented), &hash(&next), now, now + SESSION).await? {
        Rotation::Rotated(id) => {
            let user = users::get(&mut transaction, id).await?.ok_or_else(no_session)?;
            transaction.commit().await?;
            session(&app, &user, &next, &peer)
        }
        Rotation::Reused(id) => {
            let user = users::get(&mut transaction, id).await?;
            let details = json!({ "address": peer.address, "why": "a refresh token came back after its use; its session was ended" });
            enter(&app, &mut transaction, Kind::UserLoginFailed, user.as_ref(), "ended", details).await?;
            transaction.commit().await?;
            Err(no_session())
        }
        Rotation::Unknown => Err(no_session()),
    }
}

/// Ends the session that the cookie belongs to. The access token ends by itself, within ten minutes.
#[utoipa::path(post, path = "/api/v1/logout", tag = "session", security(("cookie" = [])),
    responses((status = NO_CONTENT), (status = FORBIDDEN, body = ProblemDetails,
        content_type = "application/problem+json", description = "Another site sent this request")))]
async fn logout(State(app): State<App>, peer: Peer, headers: HeaderMap) -> Result<impl IntoResponse, Problem> {
    peer.is_own_site()?;
    if let Some(token) = cookie(&headers) {
        sessions::end(&mut *app.connection().await?, &hash(token)).await?;
    }
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, set_cookie("", TimeDelta::zero(), peer.https))]))
}

fn session(app: &App, user: &User, refresh_token: &str, peer: &Peer) -> Result<Begun, Problem> {
    let (token, expires_at) = app.tokens.issue(user, app.now())?;
    let cookie = set_cookie(refresh_token, SESSION, peer.https);
    Ok(([(SET_COOKIE, cookie)], Json(Session { token, expires_at, user: user.into() })))
}

/// Begins a session and gives its first refresh token.
async fn begin(app: &App, connection: &mut PgConnection, user: UserId) -> Result<String, Problem> {
    let token = fresh_token(app);
    let now = app.now();
    sessions::begin(connection, user, family(app), &hash(&token), now, now + SESSION).await?;
    Ok(token)
}

/// Ends all of somebody's sessions; whoever sent a cookie with the request gets a new one.
pub async fn begin_anew(
    app: &App,
    connection: &mut PgConnection,
    user: UserId,
    headers: &HeaderMap,
    peer: &Peer,
) -> Result<Option<String>, Problem> {
    sessions::end_all(connection, user).await?;
    if cookie(headers).is_none() {
        return Ok(None);
    }
    let token = begin(app, connection, user).await?;
    Ok(Some(set_cookie(&token, SESSION, peer.https)))
}

/// Enters what happened to an account or its sessions; nobody in particular where the account is not known.
async fn enter(
    app: &App,
    transaction: &mut Transaction<'_, Postgres>,
    kind: Kind,
    user: Option<&User>,
    status: &str,
    details: Value,
) -> Result<(), Problem> {
    let actor = match user {
        // Who fails to log in has not shown who they are.
        Some(user) if kind == Kind::UserLogin => audit::Actor::User { id: user.id, email: user.email.clone() },
        _ => audit::Actor::System,
    };
    let subject = user.map_or_else(|| "unknown".to_owned(), |user| user.id.to_string());
    let entry =
        NewEntry { time: app.now(), actor, kind, subject, status: status.to_owned(), declaration: None, details };
    audit::append(transaction, entry).await?;
    Ok(())
}

fn fresh_token(app: &App) -> String {
    let mut token = [0; TOKEN_LEN];
    app.engine.clock().random(&mut token);
    BASE64_URL_SAFE_NO_PAD.encode(token)
}

fn family(app: &App) -> Uuid {
    let mut random = [0; 16];
    app.engine.clock().random(&mut random);
    Builder::from_random_bytes(random).into_uuid()
}

fn hash(token: &str) -> TokenHash {
    Sha256::digest(token.as_bytes()).into()
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let pairs =
        headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    pairs.filter_map(|pair| pair.trim().split_once('=')).find(|(name, _)| *name == COOKIE_NAME).map(|(_, token)| token)
}

/// The cookie goes to the API alone, from its own site alone (RFC 6265bis), and where the client speaks HTTPS never without.
fn set_cookie(token: &str, lifetime: TimeDelta, https: bool) -> String {
    let secure = if https { "; Secure" } else { "" };
    let seconds = lifetime.num_seconds();
    format!("{COOKIE_NAME}={token}; HttpOnly; SameSite=Strict; Path=/api/v1; Max-Age={seconds}{secure}")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderMap;
    use axum::http::header::COOKIE;
    use chrono::TimeDelta;

    use super::{cookie, set_cookie};

    #[test]
    fn the_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, "a=b; mycopod_refresh=token; c=d".parse().unwrap());
        assert_eq!(cookie(&headers), Some("token"));
        headers.insert(COOKIE, "xmycopod_refresh=token".parse().unwrap());
        assert_eq!(cookie(&headers), None);
    }

    #[test]
    fn the_cookie_is_out_of_reach_of_scripts_and_other_sites() {
        let plain = set_cookie("t", TimeDelta::days(7), false);
        assert_eq!(plain, "mycopod_refresh=t; HttpOnly; SameSite=Strict; Path=/api/v1; Max-Age=604800");
        assert!(set_cookie("t", TimeDelta::days(7), true).ends_with("; Secure"));
    }
}

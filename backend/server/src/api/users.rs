//! Accounts: an Admin makes them and says what they may do; everybody changes their own password.

use axum::Json;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse};
use chrono::{DateTime, Utc};
use mycopod_core::id::UserId;
use mycopod_core::status::Role;
use mycopod_engine::{Actor, Engine};
use mycopod_store::audit::{self, Kind, NewEntry};
use mycopod_store::users::{self, User};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sqlx::{Postgres, Transaction};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::session::begin_anew;
use crate::app::App;
use crate::caller::{Admin, Caller, Peer};
use crate::extract::{JsonBody, PathParams};
use crate::password::{self, Hasher};
use crate::problem::{Problem, ProblemDetails};
use crate::throttle::Attempt;

/// The longest address that mail takes (RFC 5321, section 4.5.3.1.3, without the angle brackets).
const MAX_EMAIL: usize = 254;

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(register))
        .routes(routes!(list))
        .routes(routes!(update))
        .routes(routes!(change_password))
}

/// An account.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    id: Uuid,
    /// The address they log in with, in lower case.
    email: String,
    /// `Admin` approves plans and looks after users; `User` declares.
    #[schema(value_type = String, pattern = "^(Admin|User)$")]
    role: Role,
    /// Whether an Admin has let them declare.
    approved: bool,
    created_at: DateTime<Utc>,
    /// When they last logged in with their password.
    last_login_at: Option<DateTime<Utc>>,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.0,
            email: user.email.clone(),
            role: user.role,
            approved: user.approved,
            created_at: user.created_at,
            last_login_at: user.last_login_at,
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewUser {
    /// The address to log in with; case does not matter.
    #[schema(format = Email)]
    email: String,
    /// From 12 to 128 characters, hard to guess, without the address's name in it.
    #[schema(format = Password, min_length = 12, max_length = 128)]
    password: String,
    /// `Admin` or `User`.
    #[schema(value_type = String, pattern = "^(Admin|User)$")]
    role: Role,
    /// Whether they may declare at once.
    approved: bool,
}

/// Makes an account, as an Admin.
#[utoipa::path(post, path = "/api/v1/register", tag = "users", request_body = NewUser,
    responses(
        (status = CREATED, body = UserView),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "There is an account with this address"),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "The address is none, or the password is weak")))]
async fn register(
    State(app): State<App>,
    Admin(admin): Admin,
    JsonBody(body): JsonBody<NewUser>,
) -> Result<(StatusCode, Json<UserView>), Problem> {
    let user = new_user(&app.engine, &body.email, &body.password, body.role, body.approved)?;
    let hash = app.hasher.turn().await?.hash(body.password, app.engine.clock()).await?;
    let mut transaction = app.transaction().await?;
    users::create(&mut transaction, &user, &hash).await?;
    let details = json!({ "email": user.email, "role": user.role, "approved": user.approved });
    enter(&app.engine, &mut transaction, Some(&admin), Kind::UserCreated, &user, details).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json((&user).into())))
}

/// All accounts, as an Admin.
#[utoipa::path(get, path = "/api/v1/users", tag = "users", responses((status = OK, body = Vec<UserView>)))]
async fn list(State(app): State<App>, _: Admin) -> Result<Json<Vec<UserView>>, Problem> {
    let users = users::list(&mut *app.connection().await?).await?;
    Ok(Json(users.iter().map(UserView::from).collect()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct UserUpdate {
    /// Whether they may declare.
    approved: Option<bool>,
    /// `Admin` or `User`.
    #[schema(value_type = Option<String>, pattern = "^(Admin|User)$")]
    role: Option<Role>,
}

/// Says what somebody may do, as an Admin. It holds from their next request on. What is left out stays.
#[utoipa::path(patch, path = "/api/v1/users/{id}", tag = "users", params(("id" = Uuid, Path)),
    request_body = UserUpdate,
    responses(
        (status = OK, body = UserView),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It is the last approved Admin")))]
async fn update(
    State(app): State<App>,
    Admin(admin): Admin,
    PathParams(id): PathParams<Uuid>,
    JsonBody(body): JsonBody<UserUpdate>,
) -> Result<Json<UserView>, Problem> {
    if body.approved.is_none() && body.role.is_none() {
        return Err(Problem::invalid("approved", "Give approved, role or both; nothing was changed."));
    }
    let mut transaction = app.transaction().await?;
    let user = users::update(&mut transaction, UserId(id), body.role, body.approved)
        .await?
        .ok_or_else(|| Problem::not_found("There is no such user."))?;
    let details = json!({ "role": user.role, "approved": user.approved });
    enter(&app.engine, &mut transaction, Some(&admin), Kind::UserUpdated, &user, details).await?;
    transaction.commit().await?;
    Ok(Json((&user).into()))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    /// The password until now.
    #[schema(format = Password)]
    current: String,
    /// From 12 to 128 characters, hard to guess, without the address's name in it.
    #[schema(format = Password, min_length = 12, max_length = 128)]
    new: String,
}

/// Changes your password. All of your sessions end; where the request comes with the cookie, its session begins anew.
#[utoipa::path(post, path = "/api/v1/password", tag = "users", request_body = PasswordChange,
    responses(
        (status = NO_CONTENT),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "The current password is wrong, or the new one weak"),
        (status = TOO_MANY_REQUESTS, body = ProblemDetails, content_type = "application/problem+json",
            description = "Too many wrong passwords from this address")))]
async fn change_password(
    State(app): State<App>,
    Caller { actor, .. }: Caller,
    peer: Peer,
    headers: HeaderMap,
    JsonBody(body): JsonBody<PasswordChange>,
) -> Result<impl IntoResponse, Problem> {
    if let Some(why) = password::weakness(&body.new, &actor.email) {
        return Err(Problem::invalid("new", why));
    }
    if body.new == body.current {
        return Err(Problem::invalid("new", "The new password is the current one."));
    }
    let attempt = Attempt::new(peer.address, &actor.email);
    let turn = app.hasher.turn().await?;
    let credentials = {
        let mut connection = app.connection().await?;
        attempt.check(&mut connection, app.now()).await?;
        users::credentials(&mut connection, &actor.email).await?
    };
    let Some(credentials) = credentials else { return Err(Problem::not_found("The account is gone.")) };
    if !turn.verify(body.current, Some(credentials.password_hash)).await? {
        let mut transaction = app.transaction().await?;
        attempt.failed(&mut transaction, app.now()).await?;
        transaction.commit().await?;
        return Err(Problem::invalid("current", "The current password is wrong; nothing was changed."));
    }
    let hash = app.hasher.turn().await?.hash(body.new, app.engine.clock()).await?;
    let mut transaction = app.transaction().await?;
    attempt.succeeded(&mut transaction).await?;
    users::set_password(&mut transaction, actor.id, &hash).await?;
    let cookie = begin_anew(&app, &mut transaction, actor.id, &headers, &peer).await?;
    let details = json!({ "password": "changed" });
    enter(&app.engine, &mut transaction, Some(&actor), Kind::UserUpdated, &credentials.user, details).await?;
    transaction.commit().await?;
    Ok((StatusCode::NO_CONTENT, AppendHeaders(cookie.map(|cookie| (SET_COOKIE, cookie)))))
}

/// What came of making the first Admin.
#[derive(Debug)]
pub enum FirstAdmin {
    /// There was one already; nothing was changed.
    Exists,
    /// There is one now.
    Made {
        /// Their address.
        email: String,
        /// Their password where none was given: shown once, stored nowhere.
        made_password: Option<String>,
    },
}

/// Makes the first Admin, where there is none. Without a `password` one of 100 random bits is made.
/// Of several replicas that start together one does it.
pub async fn create_first_admin(engine: &Engine, email: &str, password: Option<String>) -> Result<FirstAdmin, Problem> {
    if users::has_admin(&mut *engine.pool().acquire().await?).await? {
        return Ok(FirstAdmin::Exists);
    }
    let made_password = if password.is_none() { Some(password::made(engine.clock())) } else { None };
    let Some(password) = password.or_else(|| made_password.clone()) else { return Err(Problem::internal()) };
    let admin = new_user(engine, email, &password, Role::Admin, true)?;
    let hash = Hasher::new().turn().await?.hash(password, engine.clock()).await?;
    let mut transaction = engine.pool().begin().await?;
    if !users::create_first_admin(&mut transaction, &admin, &hash).await? {
        return Ok(FirstAdmin::Exists);
    }
    let details = json!({ "email": admin.email, "role": admin.role, "approved": true });
    enter(engine, &mut transaction, None, Kind::UserCreated, &admin, details).await?;
    transaction.commit().await?;
    Ok(FirstAdmin::Made { email: admin.email, made_password })
}

fn new_user(engine: &Engine, email: &str, password: &str, role: Role, approved: bool) -> Result<User, Problem> {
    let email = users::normalised(email);
    if !is_address(&email) {
        return Err(Problem::invalid("email", format!("“{email}” is no e-mail address.")));
    }
    if let Some(why) = password::weakness(password, &email) {
        return Err(Problem::invalid("password", why));
    }
    let clock = engine.clock();
    Ok(User { id: UserId::fresh(clock), email, role, approved, created_at: clock.now(), last_login_at: None })
}

/// The syntax that browsers take for `<input type=email>` (WHATWG HTML, section 4.10.5.1.5), normalised.
fn is_address(email: &str) -> bool {
    let Some((local, domain)) = email.split_once('@') else { return false };
    let is_local = |c: char| c.is_ascii_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    email.len() <= MAX_EMAIL
        && (1..=64).contains(&local.len())
        && local.chars().all(is_local)
        && domain.split('.').all(is_label)
}

/// Enters what was done to an account: by an Admin, by its owner, or at the first start by MycoPod itself.
async fn enter(
    engine: &Engine,
    transaction: &mut Transaction<'_, Postgres>,
    actor: Option<&Actor>,
    kind: Kind,
    user: &User,
    details: Value,
) -> Result<(), Problem> {
    let entry = NewEntry {
        time: engine.clock().now(),
        actor: actor.map_or(audit::Actor::System, audit::Actor::from),
        kind,
        subject: user.id.to_string(),
        status: if user.approved { "approved" } else { "waiting" }.to_owned(),
        declaration: None,
        details,
    };
    audit::append(transaction, entry).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_address;

    #[test]
    fn addresses_are_told_from_other_texts() {
        for good in ["ada@example.com", "admin@localhost", "a.b+c@sub.example.org", "o'neil@example.ie"] {
            assert!(is_address(good), "{good}");
        }
        let long = format!("{}@example.com", "a".repeat(65));
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a da@example.com",
            "ada@ex_ample.com",
            "ada@-x.com",
            "a@b@c",
            "ä@b.de",
            "ada@example..com",
            &long,
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}

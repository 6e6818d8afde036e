//! Clusters: everybody sees which there are; an Admin adds, changes, tests and removes them.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mycopod_core::cluster::{ClusterName, NoCluster, Secret, Trust};
use mycopod_engine::view::{ClusterLine, Tested};
use mycopod_engine::{ClusterChange, NewCluster};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::caller::{Admin, Caller};
use crate::extract::{JsonBody, PathParams};
use crate::problem::{Problem, ProblemDetails};

pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(change, remove)).routes(routes!(test))
}

/// All clusters, the first one first, as last seen. How they are reached is shown to Admins alone, secrets to nobody.
#[utoipa::path(get, path = "/api/v1/clusters", tag = "cluster", responses((status = OK, body = Vec<ClusterLine>)))]
async fn list(State(app): State<App>, Caller { actor, .. }: Caller) -> Result<Json<Vec<ClusterLine>>, Problem> {
    Ok(Json(app.engine.clusters(&actor).await?))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewCluster)]
struct NewClusterBody {
    /// What declarations shall call it: lower-case letters, digits and dashes, beginning with a letter.
    #[schema(min_length = 1, max_length = 32, example = "lab")]
    name: String,
    /// The API's addresses, one for each host that may be asked.
    #[schema(min_items = 1, max_items = 32, example = json!(["https://pve1.example.org:8006"]))]
    urls: Vec<String>,
    /// `USER@REALM!NAME=SECRET`, as Proxmox shows it once. Its secret is kept sealed and never shown again.
    #[schema(format = Password)]
    token: Option<String>,
    /// Instead of a token: `USER@REALM`, who logs in with the password.
    #[schema(example = "root@pam")]
    user: Option<String>,
    /// The user's password. It is kept sealed and never shown again.
    #[schema(format = Password)]
    password: Option<String>,
    /// The cluster's certificate authority in PEM: a copy of `/etc/pve/pve-root-ca.pem`.
    ca: Option<String>,
    /// Instead of it: the SHA-256 of the certificate or its public key. Without both the system's authorities count.
    pin: Option<String>,
    /// The pool that new guests join, where the token has its rights on a pool alone.
    pool: Option<String>,
}

/// Adds a cluster, as an Admin. It is asked for its version and our privileges there first; where it does not answer
/// as a Proxmox VE 8, or is there already, nothing is stored. Privileges that we lack are named.
#[utoipa::path(post, path = "/api/v1/clusters", tag = "cluster", request_body = NewClusterBody,
    responses(
        (status = CREATED, body = Tested),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "There is a cluster of this name, or it is there under another"),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "A setting is wrong, or the cluster does not answer with these")))]
async fn add(
    State(app): State<App>,
    Admin(admin): Admin,
    JsonBody(body): JsonBody<NewClusterBody>,
) -> Result<(StatusCode, Json<Tested>), Problem> {
    body.name.parse::<ClusterName>().map_err(|error| wrong(&error))?;
    let login = login(body.token, body.user, body.password)?
        .ok_or_else(|| Problem::invalid("token", "Give an API token, or a user with the password."))?;
    let trust = trust(body.ca, body.pin)?.unwrap_or(Trust::System);
    let new = NewCluster { name: body.name, urls: body.urls, login, trust, pool: body.pool.and_then(some) };
    new.access().check().map_err(|error| wrong(&error))?;
    Ok((StatusCode::CREATED, Json(app.engine.add_cluster(&admin, new).await?)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClusterChange)]
struct ClusterChangeBody {
    /// The API's addresses, all of them.
    urls: Option<Vec<String>>,
    /// Another token, with its secret.
    #[schema(format = Password)]
    token: Option<String>,
    /// Instead of a token: `USER@REALM`, who logs in with the password.
    user: Option<String>,
    /// The user's password.
    #[schema(format = Password)]
    password: Option<String>,
    /// Another certificate authority in PEM; empty: the system's.
    ca: Option<String>,
    /// Another SHA-256 of the certificate or its public key; empty: the system's authorities.
    pin: Option<String>,
    /// The pool that new guests join; empty: none.
    pool: Option<String>,
}

/// Changes how a cluster is reached, as an Admin. What is left out stays; it is asked again first, and must be the same
/// cluster. The first cluster is changed in the server's settings.
#[utoipa::path(patch, path = "/api/v1/clusters/{name}", tag = "cluster", params(("name" = String, Path)),
    request_body = ClusterChangeBody,
    responses(
        (status = OK, body = Tested),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It is another cluster, the first one, or was changed meanwhile"),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "A setting is wrong, or the cluster does not answer with these")))]
async fn change(
    State(app): State<App>,
    Admin(admin): Admin,
    PathParams(name): PathParams<String>,
    JsonBody(body): JsonBody<ClusterChangeBody>,
) -> Result<Json<Tested>, Problem> {
    let change = ClusterChange {
        urls: body.urls,
        login: login(body.token, body.user, body.password)?,
        trust: trust(body.ca, body.pin)?,
        pool: body.pool.map(some),
    };
    Ok(Json(app.engine.change_cluster(&admin, &name, change).await?))
}

/// Removes a cluster, as an Admin: one on which MycoPod looks after no guest and no declaration is under way. Nothing on
/// the cluster itself is touched.
#[utoipa::path(delete, path = "/api/v1/clusters/{name}", tag = "cluster", params(("name" = String, Path)),
    responses(
        (status = NO_CONTENT),
        (status = CONFLICT, body = ProblemDetails, content_type = "application/problem+json",
            description = "It is in use, and by what; or it is the first one")))]
async fn remove(
    State(app): State<App>,
    Admin(admin): Admin,
    PathParams(name): PathParams<String>,
) -> Result<StatusCode, Problem> {
    app.engine.remove_cluster(&admin, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Asks a cluster for its version and our privileges there, as an Admin.
#[utoipa::path(post, path = "/api/v1/clusters/{name}/test", tag = "cluster", params(("name" = String, Path)),
    responses(
        (status = OK, body = Tested),
        (status = UNPROCESSABLE_ENTITY, body = ProblemDetails, content_type = "application/problem+json",
            description = "It does not answer, or not as a Proxmox VE 8")))]
async fn test(
    State(app): State<App>,
    Admin(admin): Admin,
    PathParams(name): PathParams<String>,
) -> Result<Json<Tested>, Problem> {
    Ok(Json(app.engine.test_cluster(&admin, &name).await?))
}

/// Empty is none.
fn some(text: String) -> Option<String> {
    Some(text).filter(|text| !text.trim().is_empty())
}

/// Who we shall be there, and the secret; nothing where a request says nothing.
fn login(
    token: Option<String>,
    user: Option<String>,
    password: Option<String>,
) -> Result<Option<(String, Secret)>, Problem> {
    let login = match (token, user, password) {
        (None, None, None) => return Ok(None),
        (Some(token), None, None) => Secret::of_token(&token),
        (None, user, password) => Secret::of_password(&user.unwrap_or_default(), &password.unwrap_or_default()),
        (Some(_), ..) => {
            return Err(Problem::invalid("token", "Give an API token, or a user with the password: not both."));
        }
    };
    login.map(Some).map_err(|error| wrong(&error))
}

/// What a request says of trust; nothing where it says nothing.
fn trust(ca: Option<String>, pin: Option<String>) -> Result<Option<Trust>, Problem> {
    if ca.is_none() && pin.is_none() {
        return Ok(None);
    }
    match (ca.and_then(some), pin.and_then(some)) {
        (Some(_), Some(_)) => Err(Problem::invalid("pin", "Give a CA or a pin: only one of them can hold.")),
        (Some(pem), None) => Ok(Some(Trust::Ca(pem))),
        (None, Some(pin)) => Ok(Some(Trust::Pin(pin))),
        (None, None) => Ok(Some(Trust::System)),
    }
}

fn wrong(error: &NoCluster) -> Problem {
    let field = match error {
        NoCluster::Name => "name",
        NoCluster::Urls => "urls",
        NoCluster::Token => "token",
        NoCluster::User => "user",
        NoCluster::Ca => "ca",
        NoCluster::Pin => "pin",
        NoCluster::Pool => "pool",
    };
    Problem::invalid(field, format!("Nothing was stored: {error}."))
}

//! A call from its path to its method, in Proxmox's order: who calls, whether the method takes a token, permission,
//! the node, the parameters, the method itself.

use serde_json::{Value, json};

use crate::access::Caller;
use crate::api;
use crate::auth::{self, Credentials};
use crate::call::{Call, Reply};
use crate::cluster::Cluster;
use crate::failure::{Failure, Outcome};
use crate::permission::Rights;
use crate::receive::File;
use crate::schema::{Method, Parameters, schema};

/// What lies at the root of the API.
const ROOT_INDEX: [&str; 6] = ["version", "cluster", "nodes", "storage", "access", "pools"];
/// Methods that want a ticket; tokens are refused.
const NO_TOKENS: [(&str, &str); 5] = [
    ("POST", "/access/ticket"),
    ("PUT", "/access/password"),
    ("POST", "/access/tfa/{userid}"),
    ("PUT", "/access/tfa/{userid}/{id}"),
    ("DELETE", "/access/tfa/{userid}/{id}"),
];

/// A request without its HTTP.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub verb: &'a str,
    /// The path's segments behind the formatter, decoded.
    pub segments: &'a [String],
    pub credentials: &'a Credentials,
    pub given: &'a Parameters,
    /// The certificate's fingerprint.
    pub fingerprint: &'a str,
    /// The file that came with it or was fetched for it.
    pub received: Option<&'a Result<File, String>>,
}

/// Whether a method needs no caller.
pub fn is_for_everybody(verb: &str, segments: &[String]) -> bool {
    schema().find(verb, segments).is_some_and(|(method, _)| method.user.as_deref() == Some("world"))
}

/// Finds the method, checks everything that comes before it, and carries it out.
pub fn dispatch(cluster: &mut Cluster, request: &Request) -> Outcome<Reply> {
    let Request { verb, segments, credentials, given, fingerprint, received } = *request;
    let uri = format!("/{}", segments.join("/"));
    if verb == "GET" && segments.is_empty() {
        auth::authenticate(cluster, credentials, false).map_err(Failure::Unauthorized)?;
        return Ok(json!(ROOT_INDEX.map(|name| json!({ "subdir": name }))).into());
    }
    let unknown = || Failure::NotImplemented(format!("Method '{verb} {uri}' not implemented"));
    let (method, path_values) = schema().find(verb, segments).ok_or_else(unknown)?;
    let everybody = method.user.as_deref() == Some("world");
    let caller = match auth::authenticate(cluster, credentials, verb != "GET" && !everybody) {
        Ok(caller) => caller,
        Err(_) if everybody => Caller { user: String::new(), token: None },
        Err(reason) => return Err(Failure::Unauthorized(reason)),
    };
    let mut parameters = merge(path_values, given)?;
    let refuses_tokens = NO_TOKENS.contains(&(method.verb.as_str(), method.path.as_str()));
    if refuses_tokens && credentials.names_token() {
        return Err(Failure::denied(&format!("URI '{uri}' not available with API token, need proper ticket.\n")));
    }
    Rights { cluster, caller: &caller }.check(method, &parameters)?;
    let node = match parameters.get("node").and_then(Value::as_str) {
        Some(node) if method.path.starts_with("/nodes/{node}") => cluster.resolve_node(node)?,
        _ => String::new(),
    };
    cluster.faults.ensure_reachable(&node, method)?;
    for (name, value) in &mut parameters {
        if let Some(property) = schema().property(method, name) {
            *value = property.normalized(value.take());
        }
    }
    let errors = schema().validate(method, &parameters);
    if !errors.is_empty() {
        return Err(Failure::Parameters(errors));
    }
    for value in parameters.values_mut() {
        if let Value::Bool(flag) = value {
            *value = json!(u8::from(*flag).to_string());
        }
    }
    cluster.faults.ensure_quorum(method)?;
    let call = Call { caller, method, parameters, node, fingerprint, received };
    match api::handler(method) {
        Some(handler) => handler(cluster, &call),
        None => index(method),
    }
}

/// The path's values and the others; a path's value may be repeated, not contradicted.
fn merge(path_values: Parameters, given: &Parameters) -> Outcome<Parameters> {
    let mut parameters = given.clone();
    for (name, value) in path_values {
        match parameters.get(&name) {
            Some(other) if *other != value => {
                return Err(Failure::parameter(
                    &name,
                    "duplicate parameter (already defined in URI) with conflicting values!",
                ));
            }
            _ => {
                parameters.insert(name, value);
            }
        }
    }
    Ok(parameters)
}

/// The answer of a method that has no behaviour of its own: an index names what lies below it.
fn index(method: &Method) -> Outcome<Reply> {
    let names = schema().children(&method.path);
    match (&method.child, method.verb.as_str()) {
        (Some(key), "GET") if !names.is_empty() => {
            let entries = names.into_iter().map(|name| json!({ key.as_str(): name }));
            Ok(entries.collect::<Value>().into())
        }
        _ => {
            Err(Failure::NotImplemented(format!("Method '{} {}' is not part of the sandbox", method.verb, method.path)))
        }
    }
}

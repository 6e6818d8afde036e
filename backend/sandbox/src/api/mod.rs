//! The API methods, one module a subject.
#![expect(clippy::unnecessary_wraps, reason = "all handlers are of one type")]

mod access;
mod backup;
mod cluster;
mod firewall;
mod group;
mod guest;
mod ha;
mod lxc;
mod migration;
mod network;
mod node;
mod options;
mod pool;
mod qemu;
mod realm;
mod replication;
mod sdn;
mod section;
mod status;
mod storage;
mod task;
mod user;

use crate::call::Handler;
use crate::schema::Method;

/// The function behind a method, where the sandbox has one.
pub fn handler(method: &Method) -> Option<Handler> {
    let (verb, path) = (method.verb.as_str(), method.path.as_str());
    let subjects: [fn(&str, &str) -> Option<Handler>; 21] = [
        qemu::handler,
        lxc::handler,
        guest::handler,
        migration::handler,
        task::handler,
        cluster::handler,
        options::handler,
        node::handler,
        network::handler,
        storage::handler,
        access::handler,
        user::handler,
        group::handler,
        realm::handler,
        pool::handler,
        firewall::handler,
        ha::handler,
        sdn::handler,
        replication::handler,
        section::handler,
        backup::handler,
    ];
    subjects.into_iter().find_map(|subject| subject(verb, path))
}

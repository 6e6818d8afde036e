//! Users, groups, roles, tokens and the access control list, as a cluster stores them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::permission::ROLES;

/// Everything that decides who may do what.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Access {
    pub users: BTreeMap<String, User>,
    pub groups: BTreeMap<String, Option<String>>,
    /// Roles that were added to the built-in ones.
    pub roles: BTreeMap<String, BTreeSet<String>>,
    pub acl: Vec<Grant>,
}

/// A user, or a token's owner.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct User {
    /// Attributes as the API names them (`comment`, `email`, …).
    pub attributes: BTreeMap<String, String>,
    pub enabled: bool,
    /// Seconds since the epoch; 0 is never.
    pub expire: i64,
    pub groups: BTreeSet<String>,
    /// The password's salted hash.
    pub password: Option<String>,
    pub tokens: BTreeMap<String, Token>,
}

/// An API token.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Token {
    pub comment: Option<String>,
    pub expire: i64,
    /// Whether the token has rights of its own, within its user's.
    pub privsep: bool,
    pub secret: String,
}

/// Who is granted something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grantee {
    User,
    Group,
    Token,
}

/// One line of the access control list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    pub path: String,
    #[serde(rename = "type")]
    pub grantee: Grantee,
    pub ugid: String,
    pub roleid: String,
    pub propagate: bool,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// `USER@REALM`
    pub user: String,
    pub token: Option<String>,
}

impl Caller {
    /// `USER@REALM` or `USER@REALM!TOKEN`.
    pub fn id(&self) -> String {
        match &self.token {
            Some(token) => format!("{}!{token}", self.user),
            None => self.user.clone(),
        }
    }

    /// Takes `USER@REALM` or `USER@REALM!TOKEN` apart.
    pub fn parse(id: &str) -> Self {
        match id.split_once('!') {
            Some((user, token)) => Self { user: user.to_owned(), token: Some(token.to_owned()) },
            None => Self { user: id.to_owned(), token: None },
        }
    }

    /// Whether this is root itself; a token of root is not.
    pub fn is_root(&self) -> bool {
        self.user == ROOT && self.token.is_none()
    }
}

/// The role that takes every other away.
const NO_ACCESS: &str = "NoAccess";
/// The user that may do everything.
pub const ROOT: &str = "root@pam";

impl Access {
    /// The privileges of a role.
    pub fn privileges_of(&self, role: &str) -> BTreeSet<String> {
        match ROLES.iter().find(|(name, _)| *name == role) {
            Some((_, privileges)) => privileges.split(',').filter(|p| !p.is_empty()).map(str::to_owned).collect(),
            None => self.roles.get(role).cloned().unwrap_or_default(),
        }
    }

    /// Whether a role of that name exists.
    pub fn has_role(&self, role: &str) -> bool {
        ROLES.iter().any(|(name, _)| *name == role) || self.roles.contains_key(role)
    }

    fn token(&self, caller: &Caller) -> Option<&Token> {
        self.users.get(&caller.user)?.tokens.get(caller.token.as_ref()?)
    }

    /// Whether a caller may do on every path what Administrator may: root, and its tokens without rights of their own.
    pub fn is_administrator(&self, caller: &Caller) -> bool {
        caller.user == ROOT && (caller.token.is_none() || self.token(caller).is_some_and(|token| !token.privsep))
    }

    /// The roles that hold at a path, each with whether it propagates. A nearer path replaces a farther one;
    /// a user's own roles replace those of the groups.
    fn roles_at(&self, caller: &Caller, path: &str, as_token: bool) -> BTreeMap<String, bool> {
        if caller.user == ROOT && !as_token {
            return BTreeMap::from([("Administrator".to_owned(), true)]);
        }
        let groups = self.users.get(&caller.user).map(|user| &user.groups);
        let mut roles = BTreeMap::new();
        for prefix in prefixes(path) {
            let here = |grantee: Grantee, is: &dyn Fn(&str) -> bool| -> BTreeMap<String, bool> {
                self.acl
                    .iter()
                    .filter(|grant| grant.path == prefix && grant.grantee == grantee)
                    .filter(|grant| is(&grant.ugid) && (grant.propagate || prefix == path))
                    .map(|grant| (grant.roleid.clone(), grant.propagate))
                    .collect()
            };
            let found = if as_token {
                let id = caller.id();
                here(Grantee::Token, &|ugid| ugid == id)
            } else {
                let own = here(Grantee::User, &|ugid| ugid == caller.user);
                if own.is_empty() {
                    here(Grantee::Group, &|ugid| groups.is_some_and(|groups| groups.contains(ugid)))
                } else {
                    own
                }
            };
            if !found.is_empty() {
                roles = found;
            }
        }
        roles
    }

    /// The privileges that a user, or a token by its own grants, has at a path, each with whether it propagates.
    fn own_privileges(
        &self,
        caller: &Caller,
        path: &str,
        pool: Option<&str>,
        as_token: bool,
    ) -> BTreeMap<String, bool> {
        let mut roles = self.roles_at(caller, path, as_token);
        if let Some(pool) = pool.filter(|_| !roles.contains_key(NO_ACCESS)) {
            let pooled = self.roles_at(caller, &format!("/pool/{pool}"), as_token);
            if pooled.contains_key(NO_ACCESS) {
                return BTreeMap::new();
            }
            // What comes from a pool goes no further down.
            for role in pooled.into_keys() {
                roles.entry(role).or_insert(false);
            }
        }
        if roles.contains_key(NO_ACCESS) {
            return BTreeMap::new();
        }
        let mut privileges = BTreeMap::new();
        for (role, propagate) in &roles {
            for privilege in self.privileges_of(role) {
                *privileges.entry(privilege).or_insert(false) |= *propagate;
            }
        }
        privileges
    }

    /// The privileges that a caller has at a path, each with whether it propagates. `pool` is the pool that the
    /// path's guest or storage is in.
    pub fn privileges(&self, caller: &Caller, path: &str, pool: Option<&str>) -> BTreeMap<String, bool> {
        let of_user = self.own_privileges(caller, path, pool, false);
        let Some(_) = &caller.token else { return of_user };
        match self.token(caller) {
            None => BTreeMap::new(),
            Some(token) if !token.privsep => of_user,
            Some(_) => {
                let own = self.own_privileges(caller, path, pool, true).into_iter();
                own.filter_map(|(privilege, down)| {
                    Some((of_user.get(&privilege).map(|of_user| *of_user && down)?, privilege))
                })
                .map(|(down, privilege)| (privilege, down))
                .collect()
            }
        }
    }

    /// Removes every grant to a user, group or token.
    pub fn revoke(&mut self, grantee: Grantee, ugid: &str) {
        self.acl.retain(|grant| grant.grantee != grantee || grant.ugid != ugid);
    }
}

/// `/`, `/vms`, `/vms/100` for `/vms/100`.
fn prefixes(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.match_indices('/').skip(1).map(|(at, _)| at);
    let root = std::iter::once("/");
    root.chain(ends.map(|at| &path[..at])).chain((path != "/").then_some(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(path: &str, grantee: Grantee, ugid: &str, roleid: &str) -> Grant {
        Grant { path: path.to_owned(), grantee, ugid: ugid.to_owned(), roleid: roleid.to_owned(), propagate: true }
    }

    fn access(acl: Vec<Grant>) -> Access {
        let token = |privsep| Token { privsep, ..Token::default() };
        let alice = User {
            enabled: true,
            tokens: BTreeMap::from([("own".to_owned(), token(true)), ("all".to_owned(), token(false))]),
            ..User::default()
        };
        Access { users: BTreeMap::from([("alice@pve".to_owned(), alice)]), acl, ..Access::default() }
    }

    #[test]
    fn a_separated_token_has_at_most_what_its_user_has() {
        let access = access(vec![
            grant("/vms/700", Grantee::User, "alice@pve", "PVEVMUser"),
            grant("/vms/700", Grantee::Token, "alice@pve!own", "PVEVMAdmin"),
        ]);
        let own = access.privileges(&Caller::parse("alice@pve!own"), "/vms/700", None);
        assert!(own.contains_key("VM.PowerMgmt"));
        assert!(!own.contains_key("VM.Allocate"));
        let all = access.privileges(&Caller::parse("alice@pve!all"), "/vms/700", None);
        assert_eq!(all, own);
    }

    #[test]
    fn a_nearer_path_replaces_a_farther_one() {
        let access = access(vec![
            grant("/vms", Grantee::User, "alice@pve", "PVEVMAdmin"),
            grant("/vms/700", Grantee::User, "alice@pve", "PVETemplateUser"),
        ]);
        let at = |path| access.privileges(&Caller::parse("alice@pve"), path, None);
        assert!(at("/vms/701").contains_key("VM.Allocate"));
        assert!(!at("/vms/700").contains_key("VM.Allocate"));
    }

    #[test]
    fn a_pool_gives_rights_to_its_guests() {
        let access = access(vec![grant("/pool/p", Grantee::User, "alice@pve", "PVEVMAdmin")]);
        let caller = Caller::parse("alice@pve");
        assert!(access.privileges(&caller, "/vms/1", Some("p")).contains_key("VM.Audit"));
        assert!(access.privileges(&caller, "/vms/1", None).is_empty());
    }
}

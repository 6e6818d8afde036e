//! Reading a guest's firewall.

use std::collections::BTreeSet;

use futures::future::{try_join, try_join_all, try_join5};
use mycopod_core::firewall::{Firewall, Rule, SeenRule};
use mycopod_core::guest::GuestRef;
use mycopod_core::ports::CallError;

use crate::client::Pve;
use crate::json::Row;

/// More rules, IP sets or addresses than anybody keeps for one guest.
const MAX_ENTRIES: usize = 2_000;

impl Pve {
    /// A guest's firewall with all that its rules may name.
    pub(crate) async fn read_firewall(&self, guest: &GuestRef) -> Result<Firewall, CallError> {
        let vmid = guest.vmid.to_string();
        let base = ["nodes", &guest.node, guest.kind.as_str(), &vmid, "firewall"];
        let at = |below: &[&'static str]| [&base[..], below].concat();
        let (options, rules, aliases, sets, refs) = try_join5(
            async { self.object(&at(&["options"])).await },
            async { self.list(&at(&["rules"]), &[]).await },
            async { self.list(&at(&["aliases"]), &[]).await },
            async { self.list(&at(&["ipset"]), &[]).await },
            async { self.list(&at(&["refs"]), &[]).await },
        )
        .await?;
        if rules.len() > MAX_ENTRIES || sets.len() > MAX_ENTRIES || aliases.len() > MAX_ENTRIES {
            return Err(CallError::Malformed(format!("it lists {} rules and {} IP sets", rules.len(), sets.len())));
        }
        let names: Vec<String> = sets.iter().filter_map(|set| set.text("name")).collect();
        let (entries, (groups, cluster)) = try_join(
            try_join_all(names.iter().map(async |name| {
                let path = [&base[..], &["ipset", name.as_str()]].concat();
                let entries = self.list(&path, &[]).await?;
                Ok::<_, CallError>((name.clone(), entries.iter().filter_map(address).collect::<BTreeSet<String>>()))
            })),
            try_join(async { visible(self.list(&["cluster", "firewall", "groups"], &[]).await) }, async {
                visible(self.object(&["cluster", "firewall", "options"]).await)
            }),
        )
        .await?;
        let of_cluster = refs.iter().filter(|row| row.text("scope").as_deref() == Some("dc"));
        let known = of_cluster.filter_map(|row| {
            let name = row.text("name")?;
            Some(if row.text("type").as_deref() == Some("ipset") { format!("+{name}") } else { name })
        });
        let groups = groups.unwrap_or_default();
        let known = known.chain(groups.iter().filter_map(|group| Some(format!("@{}", group.text("group")?)))).collect();
        let rules_digest = rules.first().and_then(|rule| rule.text("digest"));
        let rules: Option<Vec<SeenRule>> = rules.iter().map(rule).collect();
        Ok(Firewall {
            options: options
                .parts()
                .filter(|(key, _)| *key != "digest")
                .filter_map(|(key, _)| Some((key.clone(), options.text(key)?)))
                .collect(),
            options_digest: options.text("digest"),
            // A rule that cannot be read still has its place: without it, every other would be addressed wrongly.
            rules: rules.ok_or_else(|| CallError::Malformed("it lists a rule without type or action".to_owned()))?,
            rules_digest,
            sets: entries.into_iter().collect(),
            aliases: aliases.iter().filter_map(|alias| Some((alias.text("name")?, alias.text("cidr")?))).collect(),
            known,
            cluster: cluster.map(|options| options.flag("enable")),
        })
    }
}

fn rule(row: &Row) -> Option<SeenRule> {
    Some(SeenRule { rule: Rule::of(|part| row.text(part))?, comment: row.text("comment").unwrap_or_default() })
}

/// An address in an IP set; one that is excepted has a `!` in front.
fn address(row: &Row) -> Option<String> {
    let cidr = row.text("cidr")?;
    Some(if row.flag("nomatch") { format!("!{cidr}") } else { cidr })
}

/// What may not be seen is not known, and nothing fails by that.
fn visible<T>(answer: Result<T, CallError>) -> Result<Option<T>, CallError> {
    match answer {
        Err(CallError::Rejected { status: 403, .. }) => Ok(None),
        answer => answer.map(Some),
    }
}

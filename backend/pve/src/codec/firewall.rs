//! Calls on a guest's firewall. Rules are addressed by their place, which is found by the marker in the comment and
//! guarded by the digest of the list in which it was found.

use mycopod_core::field::Value;
use mycopod_core::firewall::{Firewall, FirewallCall, Rule, marked};
use mycopod_core::observed::Sighting;
use mycopod_core::ports::CallError;
use reqwest::Method;

use super::form::{Form, plain, unfit};

/// Method, path below the guest's firewall, and form of `call` on the guest that was just seen with its firewall.
pub fn call(call: &FirewallCall, guest: &Sighting) -> Result<(Method, Vec<String>, Form), CallError> {
    let firewall = guest.firewall.as_deref().ok_or_else(|| unfit("the guest’s firewall was not read"))?;
    let mut form = Form::default();
    let mut digest = |digest: &Option<String>| {
        if let Some(digest) = digest {
            form.set("digest", digest);
        }
    };
    let path = |parts: &[&str]| parts.iter().map(|&part| part.to_owned()).collect::<Vec<String>>();
    match call {
        FirewallCall::SetOptions(options) => {
            digest(&firewall.options_digest);
            for (option, value) in options {
                match value {
                    Value::Flag(flag) => form.set(option.as_str(), &u8::from(*flag)),
                    Value::Text(text) => form.set(option.as_str(), plain(text)?),
                    Value::Count(_) | Value::Size(_) | Value::Set(_) => {
                        return Err(unfit(format!("{value} for the firewall’s {}", option.as_str())));
                    }
                }
            }
            Ok((Method::PUT, path(&["options"]), form))
        }
        FirewallCall::AddRule { id, rule } => {
            // Proxmox puts it in front, and takes no digest here: what was there before is not touched by it.
            for (part, value) in rule.parts() {
                form.set(part, value);
            }
            form.set("comment", &marked(id));
            Ok((Method::POST, path(&["rules"]), form))
        }
        FirewallCall::ChangeRule { id, rule } => {
            let (at, seen) = find(firewall, id)?;
            digest(&firewall.rules_digest);
            for (part, value) in rule.parts().filter(|(part, value)| seen.get(part) != Some(value)) {
                form.set(part, value);
            }
            for (part, _) in seen.parts().filter(|(part, _)| rule.get(part).is_none()) {
                form.delete(part);
            }
            Ok((Method::PUT, path(&["rules", &at.to_string()]), form))
        }
        FirewallCall::MoveRule { id, behind } => {
            let ((at, _), (other, _)) = (find(firewall, id)?, find(firewall, behind)?);
            digest(&firewall.rules_digest);
            // It comes in front of the rule that has that place now.
            form.set("moveto", &(other + 1));
            Ok((Method::PUT, path(&["rules", &at.to_string()]), form))
        }
        FirewallCall::RemoveRule { id } => {
            let (at, _) = find(firewall, id)?;
            digest(&firewall.rules_digest);
            Ok((Method::DELETE, path(&["rules", &at.to_string()]), form))
        }
        FirewallCall::RemoveDouble { id, .. } => {
            let at = firewall.first(id).ok_or_else(|| unfit(format!("firewall rule {id} is not there")))?;
            digest(&firewall.rules_digest);
            Ok((Method::DELETE, path(&["rules", &at.to_string()]), form))
        }
        FirewallCall::AddSet { name } => {
            form.set("name", name);
            Ok((Method::POST, path(&["ipset"]), form))
        }
        FirewallCall::AddEntry { set, cidr } => {
            let (except, address) = cidr.strip_prefix('!').map_or((false, cidr.as_str()), |address| (true, address));
            form.set("cidr", address);
            if except {
                form.set("nomatch", &1);
            }
            Ok((Method::POST, path(&["ipset", set]), form))
        }
        FirewallCall::RemoveEntry { set, cidr } => {
            Ok((Method::DELETE, path(&["ipset", set, cidr.trim_start_matches('!')]), form))
        }
        FirewallCall::RemoveSet { name } => {
            form.set("force", &1);
            Ok((Method::DELETE, path(&["ipset", name]), form))
        }
        FirewallCall::AddAlias { name, cidr } => {
            form.set("name", name);
            form.set("cidr", cidr);
            Ok((Method::POST, path(&["aliases"]), form))
        }
        FirewallCall::ChangeAlias { name, cidr } => {
            form.set("cidr", cidr);
            Ok((Method::PUT, path(&["aliases", name]), form))
        }
        FirewallCall::RemoveAlias { name } => Ok((Method::DELETE, path(&["aliases", name]), form)),
    }
}

fn find<'a>(firewall: &'a Firewall, id: &str) -> Result<(usize, &'a Rule), CallError> {
    let at = firewall.position(id).map_err(|count| unfit(format!("{count} rules carry the marker of rule {id}")))?;
    let seen = at.and_then(|at| Some((at, &firewall.rules.get(at)?.rule)));
    seen.ok_or_else(|| unfit(format!("firewall rule {id} is not there")))
}

//! The macros that rules may name: names for rules of protocols and ports.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

use super::Rule;

/// A macro.
#[derive(Debug, Deserialize)]
pub struct Macro {
    pub descr: Option<String>,
    /// The only IP version it is for.
    version: Option<u8>,
    rules: Vec<BTreeMap<String, String>>,
    /// What it stands for with IPv6, where that differs.
    rules6: Option<Vec<BTreeMap<String, String>>>,
}

/// All macros by name.
pub fn macros() -> &'static BTreeMap<String, Macro> {
    static MACROS: OnceLock<BTreeMap<String, Macro>> = OnceLock::new();
    MACROS.get_or_init(|| serde_json::from_str(include_str!("macros.json")).unwrap_or_default())
}

/// The macro of a name, however that is capitalized.
pub fn find(name: &str) -> Option<(&'static str, &'static Macro)> {
    let (name, found) = macros().iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some((name.as_str(), found))
}

impl Macro {
    /// Where a rule contradicts the macro: the parameter, and what the macro has there.
    pub fn contradiction(&self, rule: &Rule, version: Option<u8>) -> Option<(&'static str, &str)> {
        if self.version.is_some() && version.is_some() && self.version != version {
            return None;
        }
        let rules = self.rules6.as_ref().filter(|_| version == Some(6)).unwrap_or(&self.rules);
        rules.iter().find_map(|template| {
            ["proto", "dport", "sport"].into_iter().find_map(|name| {
                let (own, wanted) = (template.get(name)?, rule.get(name)?);
                (own != wanted).then_some((name, own.as_str()))
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_macro_keeps_its_protocol_and_ports() {
        let rule = |protocol: &str| Rule::from([("proto".to_owned(), protocol.to_owned())]);
        let (name, ssh) = find("ssh").unwrap();
        assert_eq!(name, "SSH");
        assert_eq!(ssh.contradiction(&rule("tcp"), None), None);
        assert_eq!(ssh.contradiction(&rule("udp"), None), Some(("proto", "tcp")));
        assert!(find("Nope").is_none());
        assert_eq!(macros().len(), 86);
    }
}

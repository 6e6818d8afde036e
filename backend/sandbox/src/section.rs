//! Configuration that is kept as typed sections: HA, replication, SDN, mappings, metric servers, realms, storages.
//!
//! The rules and their texts are those of `PVE::SectionConfig`; which options a type of section takes is in
//! `sections.json`, each `required`, `optional`, `fixed` or `optional fixed`.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::digest::digest;
use crate::schema::{Kind, schema};

/// One section: option → value.
pub type Section = BTreeMap<String, String>;

/// The options of a type of section, each with its rule.
type Rules = BTreeMap<String, String>;

/// The option of a section that holds its type.
pub const TYPE: &str = "type";

const MODIFIED: &str = "detected modified configuration - file changed by other user? Try again.";

fn rules(kind: &str) -> &'static BTreeMap<String, Rules> {
    static RULES: OnceLock<BTreeMap<String, BTreeMap<String, Rules>>> = OnceLock::new();
    static NONE: BTreeMap<String, Rules> = BTreeMap::new();
    let rules = RULES.get_or_init(|| {
        serde_json::from_str(include_str!("sections.json")).expect("the embedded sections are read by a test")
    });
    rules.get(kind).unwrap_or(&NONE)
}

/// The rules of a type.
fn rules_of(kind: &str, of: &str) -> Result<&'static Rules, String> {
    rules(kind).get(of).ok_or_else(|| format!("unknown section type '{of}'"))
}

/// Checks options that a section is made of, or that are changed in it.
pub fn check(kind: &str, of: &str, options: &Section, create: bool) -> Result<(), String> {
    let rules = rules_of(kind, of)?;
    for option in options.keys().filter(|option| *option != TYPE) {
        match rules.get(option).map(String::as_str) {
            Some(rule) if !create && rule.contains("fixed") => {
                return Err(format!("can't change value of fixed parameter '{option}'"));
            }
            Some(_) => {}
            None => return Err(format!("unexpected property '{option}'")),
        }
    }
    let missing = rules.iter().find(|(option, rule)| !rule.contains("optional") && !options.contains_key(*option));
    match missing {
        Some((option, _)) if create => Err(format!("missing value for required option '{option}'")),
        _ => Ok(()),
    }
}

/// Takes options away.
pub fn delete(kind: &str, of: &str, section: &mut Section, set: &Section, names: &[&str]) -> Result<(), String> {
    let rules = rules_of(kind, of)?;
    for name in names {
        let rule = rules.get(*name).ok_or_else(|| format!("no such option '{name}'"))?;
        if !rule.contains("optional") {
            return Err(format!("unable to delete required option '{name}'"));
        }
        if rule.contains("fixed") {
            return Err(format!("unable to delete fixed option '{name}'"));
        }
        if set.contains_key(*name) {
            return Err(format!("cannot set and delete property '{name}' at the same time!"));
        }
        section.remove(*name);
    }
    Ok(())
}

/// A section's options as the API shows them: numbers where the method at `create`, which makes such sections,
/// takes numbers.
pub fn shown(create: &str, section: &Section) -> Value {
    let value = |(name, text): (&String, &String)| {
        let text_only = schema().parameter("POST", create, name).is_none_or(|property| property.kind == Kind::String);
        let read = (!text_only).then(|| serde_json::from_str::<Value>(text).ok()).flatten();
        (name.clone(), read.unwrap_or_else(|| json!(text)))
    };
    Value::Object(section.iter().map(value).collect())
}

impl Cluster {
    /// The sections of a kind, by id.
    pub fn sections_of(&self, kind: &str) -> &BTreeMap<String, Section> {
        static NONE: BTreeMap<String, Section> = BTreeMap::new();
        self.sections.get(kind).unwrap_or(&NONE)
    }

    /// As [`Cluster::sections_of`], to be changed.
    pub fn sections_mut(&mut self, kind: &str) -> &mut BTreeMap<String, Section> {
        self.sections.entry(kind.to_owned()).or_default()
    }

    /// The checksum of all sections of a kind, which are one file.
    pub fn sections_digest(&self, kind: &str) -> String {
        digest(self.sections_of(kind))
    }

    /// Refuses a digest that is not the current one.
    pub fn ensure_sections_digest(&self, kind: &str, digest: Option<&str>) -> Result<(), String> {
        match digest {
            Some(digest) if !digest.is_empty() && digest != self.sections_digest(kind) => Err(MODIFIED.to_owned()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section(options: &[(&str, &str)]) -> Section {
        options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn options_are_known_required_or_fixed() {
        let check = |options: &[(&str, &str)], create| check("storage", "dir", &section(options), create);
        assert_eq!(check(&[("path", "/srv")], true), Ok(()));
        assert_eq!(check(&[], true), Err("missing value for required option 'path'".to_owned()));
        assert_eq!(check(&[("path", "/x")], false), Err("can't change value of fixed parameter 'path'".to_owned()));
        let unexpected = Err("unexpected property 'export'".to_owned());
        assert_eq!(check(&[("path", "/srv"), ("export", "/e")], true), unexpected);
    }

    #[test]
    fn what_is_required_is_not_deleted() {
        let mut dir = section(&[("path", "/srv"), ("nodes", "a")]);
        assert_eq!(delete("storage", "dir", &mut dir, &Section::new(), &["nodes"]), Ok(()));
        assert_eq!(dir, section(&[("path", "/srv")]));
        let refused = Err("unable to delete required option 'path'".to_owned());
        assert_eq!(delete("storage", "dir", &mut dir, &Section::new(), &["path"]), refused);
    }
}

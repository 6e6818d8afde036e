//! Intents as text: YAML, each field in its place, in an order that does not change.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::{TypedGuest, VERSION, VERSION_KEY, given, kind_word, path};

/// What a field's path leads to.
enum Tree {
    Leaf(Json),
    Branch(Vec<(String, Tree)>),
}

/// An intent of these guests.
#[must_use]
pub fn yaml(cluster: Option<&str>, guests: &[TypedGuest]) -> String {
    let mut out = format!("{VERSION_KEY}: {VERSION}\n");
    if let Some(cluster) = cluster {
        // Writing to a String does not fail.
        let _ = writeln!(out, "cluster: {}", scalar(&cluster.into()));
    }
    out.push_str("guests:\n");
    for guest in guests {
        for (at, (key, tree)) in entries(guest).iter().enumerate() {
            let lead = if at == 0 { "  - " } else { "    " };
            branch(&mut out, lead, 4, key, tree);
        }
    }
    out
}

/// A guest's entries, what it is first.
fn entries(guest: &TypedGuest) -> Vec<(String, Tree)> {
    let mut entries: Vec<(String, Tree)> = Vec::new();
    let mut head = |key: &str, value: Json| entries.push((key.to_owned(), Tree::Leaf(value)));
    head("name", guest.name.value.as_str().into());
    head("kind", kind_word(guest.kind.value).into());
    if let Some(vmid) = &guest.vmid {
        head("vmid", vmid.value.into());
    }
    if let Some(node) = &guest.node {
        head("node", node.value.as_str().into());
    }
    if let Some(image) = &guest.image {
        head("image", image.value.as_str().into());
    }
    if let Some(adopt) = &guest.adopt {
        head("adopt", adopt.value.into());
    }
    for (field, said) in &guest.fields {
        insert(&mut entries, &path(field), given(field, &said.value));
    }
    if !guest.rules.is_empty() {
        let rules: Json = guest.rules.iter().map(|rule| rule.value.as_str()).collect();
        insert(&mut entries, &["firewall".to_owned(), "rules".to_owned()], rules);
    }
    entries
}

fn insert(entries: &mut Vec<(String, Tree)>, path: &[String], value: Json) {
    let [key, rest @ ..] = path else { return };
    if rest.is_empty() {
        entries.push((key.clone(), Tree::Leaf(value)));
        return;
    }
    let at = entries.iter().position(|(known, _)| known == key).unwrap_or_else(|| {
        entries.push((key.clone(), Tree::Branch(Vec::new())));
        entries.len() - 1
    });
    if let Some((_, Tree::Branch(under))) = entries.get_mut(at) {
        insert(under, rest, value);
    }
}

fn branch(out: &mut String, lead: &str, indent: usize, key: &str, tree: &Tree) {
    let key = if key.bytes().all(|b| b.is_ascii_digit()) { key.to_owned() } else { scalar(&key.into()) };
    match tree {
        Tree::Leaf(value) => {
            let _ = writeln!(out, "{lead}{key}: {}", scalar(value));
        }
        Tree::Branch(under) => {
            let _ = writeln!(out, "{lead}{key}:");
            for (key, tree) in under {
                branch(out, &" ".repeat(indent + 2), indent + 2, key, tree);
            }
        }
    }
}

/// A value on one line. JSON is YAML; what every reader takes for the same text stands without quotes.
fn scalar(value: &Json) -> String {
    match value {
        Json::String(text) if is_plain(text) => text.clone(),
        Json::Array(items) => format!("[{}]", items.iter().map(scalar).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// Whether a text is the same text without quotes, in every version of YAML.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 12] = ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "none", "nan", "inf"];
    let safe = |c: char| c.is_ascii_alphanumeric() || "._/+@=-".contains(c);
    // “8 GiB” is a text, “8”, “0x8”, “1e5” and “2026-01-01” are not, or not everywhere.
    let numeric = !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/');
    let parted = text.split_once(' ').is_some_and(|(number, unit)| {
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        is_number && !unit.is_empty() && unit.bytes().all(|b| b.is_ascii_alphabetic())
    });
    let lower = text.to_ascii_lowercase();
    if numeric {
        return parted;
    }
    text.chars().all(safe) && !WORDS.contains(&lower.as_str())
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn what_could_be_taken_for_something_else_is_quoted() {
        for plain in ["web-01", "8 GiB", "/srv/data", "Europe/Berlin", "local-lvm"] {
            assert!(is_plain(plain), "{plain}");
        }
        for quoted in [
            "",
            "no",
            "NO",
            "1",
            "0x1F",
            "1e5",
            "10.0.0.5/24",
            "2026-01-01",
            "a: b",
            "a #b",
            "- a",
            "~",
            "a\nb",
            "é",
            "8 GiB ",
            "*a",
            "BC:24:11:00:00:01",
            "a, b",
            "nan",
            ".5",
            "+1",
            "8 ",
        ] {
            assert!(!is_plain(quoted), "{quoted}");
        }
    }
}

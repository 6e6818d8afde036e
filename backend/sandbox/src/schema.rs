//! The schema of Proxmox VE 8.4's API: which methods there are, what they accept, and who may call them.
//!
//! The rules and their texts are those of `PVE::JSONSchema`, as far as the API shows them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::Regex;
use serde::Deserialize;
use serde_json::Value;

use crate::format;

/// Parameters of a call, by name. Scalars are strings, as in a form.
pub type Parameters = BTreeMap<String, Value>;
/// What is wrong, by parameter.
pub type Errors = BTreeMap<String, String>;

/// What one parameter, or one part of a property string, may be.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Property {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub optional: bool,
    pub format: Option<Format>,
    minimum: Option<serde_json::Number>,
    maximum: Option<serde_json::Number>,
    min_length: Option<usize>,
    max_length: Option<usize>,
    pattern: Option<Pattern>,
    #[serde(rename = "enum")]
    values: Option<Vec<String>>,
    requires: Option<String>,
    #[serde(rename = "default_key")]
    pub default_key: bool,
    pub alias: Option<String>,
    pub key_alias: Option<String>,
    items: Option<Box<Property>>,
}

/// The type of a value.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Integer,
    Number,
    Boolean,
    #[default]
    String,
    Array,
}

/// A named format, or a property string's parts.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Format {
    Named(String),
    Parts(BTreeMap<String, Property>),
}

/// A pattern, compiled when it is first needed.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
struct Pattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self { text, compiled: OnceLock::new() }
    }
}

impl Pattern {
    /// A pattern that does not compile accepts nothing; a test sees to it that all compile.
    fn is_match(&self, value: &str) -> bool {
        self.compiled
            .get_or_init(|| Regex::new(&format!("^{}$", self.text)).ok())
            .as_ref()
            .is_some_and(|regex| regex.is_match(value))
    }
}

/// One API method.
#[derive(Debug, Deserialize)]
pub struct Method {
    pub verb: String,
    /// With placeholders: `/nodes/{node}/qemu`.
    pub path: String,
    #[serde(default)]
    parameters: BTreeMap<String, usize>,
    /// The permission check, in `PVE::RPCEnvironment`'s notation.
    #[serde(default)]
    pub check: Value,
    /// `all`: whoever is known; `world`: everybody.
    #[serde(default)]
    pub user: Option<String>,
    /// The key of an index's entries.
    #[serde(default)]
    pub child: Option<String>,
}

#[derive(Debug, Deserialize)]
pub struct Schema {
    properties: Vec<Property>,
    methods: Vec<Method>,
}

/// How many of a numbered parameter there are (`net[n]` is net0 … net31).
const NUMBERED: [(&str, u32); 17] = [
    ("acmedomain", 6),
    ("dev", 256),
    ("hostpci", 16),
    ("ide", 4),
    ("ipconfig", 32),
    ("link", 8),
    ("mp", 256),
    ("net", 32),
    ("numa", 8),
    ("parallel", 3),
    ("sata", 6),
    ("scsi", 31),
    ("serial", 4),
    ("unused", 256),
    ("usb", 14),
    ("virtio", 16),
    ("virtiofs", 10),
];

/// The schema, read once.
pub fn schema() -> &'static Schema {
    static SCHEMA: OnceLock<Schema> = OnceLock::new();
    SCHEMA.get_or_init(|| {
        serde_json::from_str(include_str!("schema.json")).expect("the embedded schema is read by a test")
    })
}

/// The name without its number, and the number: `scsi12` → (`scsi`, 12).
pub fn numbered(name: &str) -> Option<(&str, u32)> {
    let at = name.find(|c: char| c.is_ascii_digit())?;
    let (prefix, digits) = name.split_at(at);
    let number = digits.parse().ok()?;
    (!prefix.is_empty() && (digits == "0" || !digits.starts_with('0'))).then_some((prefix, number))
}

/// Whether a name is one of a numbered parameter's: `scsi30` is, `scsi31` is not.
pub fn is_numbered(name: &str) -> bool {
    numbered(name).is_some_and(|(prefix, n)| NUMBERED.iter().any(|(known, count)| *known == prefix && n < *count))
}

impl Schema {
    /// The method of a path (its segments, decoded), with the values of the path's placeholders.
    pub fn find(&self, verb: &str, path: &[String]) -> Option<(&Method, Parameters)> {
        self.methods
            .iter()
            .filter(|method| method.verb == verb)
            .filter_map(|method| Some((method, method.matches(path)?)))
            // A literal segment wins over a placeholder.
            .min_by_key(|(_, values)| values.len())
    }

    /// The names one level below a path's template, for the index methods.
    pub fn children(&self, template: &str) -> Vec<&str> {
        let prefix = format!("{}/", template.trim_end_matches('/'));
        let mut names: Vec<&str> = self
            .methods
            .iter()
            .filter_map(|method| method.path.strip_prefix(&prefix)?.split('/').next())
            .filter(|name| !name.is_empty() && !name.starts_with('{'))
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// The property of that name in a method.
    pub fn property(&self, method: &Method, name: &str) -> Option<&Property> {
        let number = method.parameters.get(name).or_else(|| {
            let (prefix, _) = numbered(name).filter(|_| is_numbered(name))?;
            method.parameters.get(&format!("{prefix}[n]"))
        })?;
        self.properties.get(*number)
    }

    /// The parameter of that name of the method with that template.
    pub fn parameter(&self, verb: &str, template: &str, name: &str) -> Option<&Property> {
        let method = self.methods.iter().find(|method| method.verb == verb && method.path == template)?;
        self.property(method, name)
    }

    /// The property of a guest's configuration, as its PUT method describes it.
    pub fn config_property(&self, kind: &str, name: &str) -> Option<&Property> {
        self.parameter("PUT", &format!("/nodes/{{node}}/{kind}/{{vmid}}/config"), name)
    }

    /// Checks a call's parameters as Proxmox does; empty means accepted.
    pub fn validate(&self, method: &Method, parameters: &Parameters) -> Errors {
        let mut errors = Errors::new();
        for (name, value) in parameters {
            match self.property(method, name) {
                Some(property) => {
                    if let Some(needed) = &property.requires
                        && parameters.get(needed).is_none_or(Value::is_null)
                    {
                        add(&mut errors, needed, format!("missing property - '{name}' requires this property"));
                    }
                    property.check(name, value, &mut errors);
                }
                None => {
                    errors.insert(name.clone(), UNKNOWN.to_owned());
                }
            }
        }
        for (name, number) in &method.parameters {
            let required = self.properties.get(*number).is_some_and(|property| !property.optional);
            if required && !name.ends_with("[n]") && parameters.get(name).is_none_or(Value::is_null) {
                add(&mut errors, name, MISSING.to_owned());
            }
        }
        errors
    }
}

/// Adds what is wrong to what is wrong already; Proxmox joins the two by a backslash and an n.
fn add(errors: &mut Errors, name: &str, problem: String) {
    errors
        .entry(name.to_owned())
        .and_modify(|known| {
            let (first, second) = if problem == MISSING { (&problem, &*known) } else { (&*known, &problem) };
            *known = format!("{first}\\n{second}");
        })
        .or_insert(problem);
}

const UNKNOWN: &str = "property is not defined in schema and the schema does not allow additional properties";
const MISSING: &str = "property is missing and it is not optional";

impl Method {
    fn matches(&self, path: &[String]) -> Option<Parameters> {
        let template = self.path.trim_start_matches('/');
        let mut values = Parameters::new();
        let mut segments = path.iter();
        for part in template.split('/').filter(|part| !part.is_empty()) {
            let segment = segments.next()?;
            if let Some(name) = part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                // These may contain slashes; they are always the last placeholder.
                let value = if matches!(name, "volume" | "cidr") {
                    let rest: Vec<&str> =
                        std::iter::once(segment).chain(segments.by_ref()).map(String::as_str).collect();
                    rest.join("/")
                } else if segment.contains(char::is_whitespace) {
                    return None;
                } else {
                    segment.clone()
                };
                values.insert(name.to_owned(), Value::String(value));
            } else if part != segment {
                return None;
            }
        }
        segments.next().is_none().then_some(values)
    }
}

impl Property {
    /// Checks one value; what is wrong goes to `errors` under `path`.
    pub fn check(&self, path: &str, value: &Value, errors: &mut Errors) {
        match (self.kind, value) {
            (_, Value::Null) | (Kind::Boolean, Value::Bool(_)) => {}
            (Kind::Array, Value::Array(items)) => {
                for (n, item) in items.iter().enumerate() {
                    if let Some(property) = &self.items {
                        property.check(&format!("{path}[{n}]"), item, errors);
                    }
                }
            }
            (Kind::Array, _) => add(errors, path, "type check ('array') failed".to_owned()),
            (_, Value::String(text)) => {
                if let Err(problem) = self.check_text(path, text) {
                    add(errors, path, problem);
                }
            }
            (kind, Value::Array(_)) => add(errors, path, mismatch(kind, "ARRAY")),
            (kind, Value::Bool(_)) => add(errors, path, mismatch(kind, "JSON::PP::Boolean")),
            (kind, _) => add(errors, path, mismatch(kind, "HASH")),
        }
    }

    /// A value as the method takes it: one element for an array of one, a list joined where a list is written as
    /// text.
    pub fn normalized(&self, value: Value) -> Value {
        let listed = matches!(&self.format, Some(Format::Named(name)) if name.ends_with("-list"));
        match value {
            Value::String(text) if self.kind == Kind::Array && !matches!(text.as_str(), "" | "0") => {
                Value::Array(vec![Value::String(text)])
            }
            Value::Array(items) if self.kind == Kind::String && listed => {
                let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                Value::String(items.join(","))
            }
            other => other,
        }
    }

    fn check_text(&self, path: &str, text: &str) -> Result<(), String> {
        // A final line feed ends the text, as in Perl's patterns.
        let line = text.strip_suffix('\n').unwrap_or(text);
        let typed = match self.kind {
            Kind::Integer => format::is_integer(line),
            Kind::Number => format::is_number(line),
            Kind::Boolean => matches!(text, "0" | "1"),
            Kind::String | Kind::Array => true,
        };
        if !typed {
            return Err(mismatch(self.kind, &format!("'{text}'")));
        }
        let format = match &self.format {
            None => Ok(()),
            Some(Format::Named(name)) => format::check(name, path, text),
            Some(Format::Parts(parts)) => format::check_parts(parts, path, text),
        };
        format.map_err(|problem| format!("invalid format - {problem}"))?;
        if let Some(pattern) = &self.pattern
            && !pattern.is_match(line)
        {
            return Err("value does not match the regex pattern".to_owned());
        }
        let length = text.chars().count();
        if let Some(most) = self.max_length.filter(|most| length > *most) {
            return Err(format!("value may only be {most} characters long"));
        }
        if let Some(least) = self.min_length.filter(|least| length < *least) {
            return Err(format!("value must be at least {least} characters long"));
        }
        if let Some(number) = format::is_number(line).then(|| line.parse::<f64>().ok()).flatten() {
            let beyond = |limit: &serde_json::Number| limit.as_f64().unwrap_or(number);
            if let Some(most) = self.maximum.as_ref().filter(|most| number > beyond(most)) {
                return Err(format!("value must have a maximum value of {most}"));
            }
            if let Some(least) = self.minimum.as_ref().filter(|least| number < beyond(least)) {
                return Err(format!("value must have a minimum value of {least}"));
            }
        }
        if let Some(values) = &self.values
            && !values.iter().any(|value| value == text)
        {
            return Err(format!("value '{text}' does not have a value in the enumeration '{}'", values.join(", ")));
        }
        Ok(())
    }
}

fn mismatch(kind: Kind, got: &str) -> String {
    let kind = match kind {
        Kind::Integer => "integer",
        Kind::Number => "number",
        Kind::Boolean => "boolean",
        Kind::String => "string",
        Kind::Array => "array",
    };
    format!("type check ('{kind}') failed - got {got}")
}

/// Checks the parts of a property string against their properties.
pub fn check_object(parts: &BTreeMap<String, Property>, path: &str, values: &BTreeMap<String, String>) -> Errors {
    let under = |name: &str| {
        if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
    };
    let mut errors = Errors::new();
    for (name, value) in values {
        let at = under(name);
        match parts.get(name) {
            Some(property) => {
                if let Some(needed) = property.requires.as_ref().filter(|needed| !values.contains_key(*needed)) {
                    add(&mut errors, &under(needed), format!("missing property - '{at}' requires this property"));
                }
                property.check(&at, &Value::String(value.clone()), &mut errors);
            }
            None => {
                errors.insert(at, UNKNOWN.to_owned());
            }
        }
    }
    for (name, property) in parts {
        let required = !property.optional && property.alias.is_none();
        if required && !values.contains_key(name) {
            add(&mut errors, &under(name), MISSING.to_owned());
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split('/').filter(|s| !s.is_empty()).map(str::to_owned).collect()
    }

    fn errors(verb: &str, at: &str, parameters: &[(&str, &str)]) -> Errors {
        let (method, mut all) = schema().find(verb, &path(at)).unwrap();
        all.extend(parameters.iter().map(|(k, v)| ((*k).to_owned(), Value::from(*v))));
        schema().validate(method, &all)
    }

    #[test]
    fn every_method_of_the_schema_is_read() {
        assert_eq!(schema().methods.len(), 605);
    }

    #[test]
    fn every_pattern_compiles() {
        fn patterns(property: &Property) -> Vec<&Pattern> {
            let parts = match &property.format {
                Some(Format::Parts(parts)) => parts.values().flat_map(patterns).collect(),
                _ => Vec::new(),
            };
            let items = property.items.iter().flat_map(|items| patterns(items));
            property.pattern.iter().chain(parts).chain(items).collect()
        }
        for pattern in schema().properties.iter().flat_map(patterns) {
            assert!(Regex::new(&pattern.text).is_ok(), "{}", pattern.text);
        }
    }

    #[test]
    fn numbered_parameters_end_where_proxmox_ends_them() {
        let create = |name: &str| errors("POST", "/nodes/pve1/qemu", &[("vmid", "100"), (name, "local:1")]);
        assert!(create("scsi30").is_empty());
        assert_eq!(create("scsi31")["scsi31"], UNKNOWN);
        assert_eq!(create("ide4")["ide4"], UNKNOWN);
        assert_eq!(create("scsi01")["scsi01"], UNKNOWN);
    }

    #[test]
    fn errors_are_collected_for_all_parameters_at_once() {
        let errors = errors(
            "POST",
            "/nodes/pve1/qemu",
            &[("vmid", "99"), ("memory", "1024M"), ("cores", "x"), ("foo", "y"), ("name", "bad name!")],
        );
        assert_eq!(errors["vmid"], "invalid format - value does not look like a valid VM ID\n");
        assert_eq!(
            errors["memory"],
            "invalid format - format error\nmemory.current: type check ('integer') failed - got '1024M'\n"
        );
        assert_eq!(errors["cores"], "type check ('integer') failed - got 'x'");
        assert_eq!(errors["foo"], UNKNOWN);
        assert_eq!(errors["name"], "invalid format - value does not look like a valid DNS name\n");
    }

    #[test]
    fn a_literal_segment_wins_over_a_placeholder() {
        let (method, values) = schema().find("GET", &path("/cluster/ha/status/current")).unwrap();
        assert_eq!(method.path, "/cluster/ha/status/current");
        assert!(values.is_empty());
    }

    #[test]
    fn a_volume_keeps_its_slashes() {
        let (_, values) =
            schema().find("GET", &path("/nodes/n/storage/local/content/local:100/vm-100-disk-0.raw")).unwrap();
        assert_eq!(values["volume"], "local:100/vm-100-disk-0.raw");
    }
}

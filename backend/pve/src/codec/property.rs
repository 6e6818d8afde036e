//! Proxmox's property strings: `virtio=BC:24:11:31:0E:51,bridge=vmbr0,firewall=1`.

use std::fmt;

/// A property string: options in their order, of which some (mostly the first) may have no key.
///
/// Parsing and printing give back the same text, whatever it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyString(Vec<(Option<String>, String)>);

impl PropertyString {
    /// No options at all.
    pub const fn empty() -> Self {
        Self(Vec::new())
    }

    pub fn parse(text: &str) -> Self {
        let option = |part: &str| match part.split_once('=') {
            Some((key, value)) => (Some(key.to_owned()), value.to_owned()),
            None => (None, part.to_owned()),
        };
        Self(text.split(',').map(option).collect())
    }

    /// The value of an option.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(k, _)| k.as_deref() == Some(key)).map(|(_, value)| value.as_str())
    }

    /// The value of the option `key` that may stand without its key.
    pub fn get_default(&self, key: &str) -> Option<&str> {
        self.get(key).or_else(|| self.0.iter().find(|(k, _)| k.is_none()).map(|(_, value)| value.as_str()))
    }

    /// The options that have a key.
    pub fn keyed(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().filter_map(|(key, value)| Some((key.as_deref()?, value.as_str())))
    }

    /// Sets an option in its place. A new one goes where Proxmox would write it: behind the first by the alphabet, or
    /// at the end where the others are in no order.
    pub fn set(&mut self, key: &str, value: &str) {
        if let Some((_, old)) = self.0.iter_mut().find(|(k, _)| k.as_deref() == Some(key)) {
            return value.clone_into(old);
        }
        let rest = self.0.get(1..).unwrap_or_default();
        let end = self.0.len();
        let at = if rest.is_sorted_by_key(|(k, _)| k.as_deref()) {
            rest.iter().position(|(k, _)| k.as_deref() > Some(key)).map_or(end, |at| at + 1)
        } else {
            end
        };
        self.0.insert(at, (Some(key.to_owned()), value.to_owned()));
    }

    /// Sets the option `key` that may stand without its key; a new one stands first and without.
    pub fn set_default(&mut self, key: &str, value: &str) {
        match self.0.iter_mut().find(|(k, _)| k.is_none() || k.as_deref() == Some(key)) {
            Some((_, old)) => value.clone_into(old),
            None => self.0.insert(0, (None, value.to_owned())),
        }
    }

    /// Gives an option another key, its value and place being kept.
    pub fn rename(&mut self, old: &str, new: &str) {
        if let Some((key, _)) = self.0.iter_mut().find(|(k, _)| k.as_deref() == Some(old)) {
            *key = Some(new.to_owned());
        }
    }

    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(k, _)| k.as_deref() != Some(key));
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for PropertyString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (key, value)) in self.0.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            if let Some(key) = key {
                write!(f, "{key}=")?;
            }
            f.write_str(value)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::PropertyString;

    #[test]
    fn the_default_option_is_found_with_and_without_its_key() {
        for text in ["host,flags=+aes", "cputype=host,flags=+aes", "flags=+aes,cputype=host"] {
            let mut cpu = PropertyString::parse(text);
            assert_eq!(cpu.get_default("cputype"), Some("host"));
            cpu.set_default("cputype", "qemu64");
            assert_eq!(cpu.to_string(), text.replace("host", "qemu64"));
        }
    }

    proptest! {
        #[test]
        fn printing_gives_back_what_was_parsed(text in ".*") {
            prop_assert_eq!(PropertyString::parse(&text).to_string(), text);
        }

        #[test]
        fn setting_one_option_keeps_the_others(
            options in prop::collection::btree_map("[a-m]{1,4}", "[^,]{0,8}", 0..6),
            key in "[n-z]{1,4}",
            value in "[a-z0-9]{0,8}",
        ) {
            let text = options.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",");
            let mut edited = PropertyString::parse(&text);
            edited.set(&key, &value);
            let reread = PropertyString::parse(&edited.to_string());
            prop_assert_eq!(reread.get(&key), Some(value.as_str()));
            for (k, v) in &options {
                prop_assert_eq!(reread.get(k), Some(v.as_str()));
            }
            edited.remove(&key);
            prop_assert_eq!(edited.to_string(), text);
        }
    }
}

//! Values by the shape of their field: one rule each, whatever the field.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use mycopod_core::field::{NicPart, Plain, Shape, Slot, Value};
use mycopod_core::size::Size;

use crate::lexer::{Token, TokenKind};
use crate::quantity;
use crate::vocabulary;

use super::fields::{self, Named};
use crate::builtin::Parser;
use crate::builtin::wordings::words;

/// Numbers of MiB from here on are meant by “balloon=2048”, since no guest has so many GB and none so few MB below it.
pub const LEAST_MIB: u64 = 128;

/// Units of a rate, in thousandths of MB/s. “Mb/s” is a bit for some and a byte for others, so it is none of them.
const RATES: [(&str, u64); 12] = [
    ("MB/s", 1_000),
    ("MBps", 1_000),
    ("GB/s", 1_000_000),
    ("GBps", 1_000_000),
    ("Mbit/s", 125),
    ("mbit/s", 125),
    ("Mbit", 125),
    ("mbit", 125),
    ("Gbit/s", 125_000),
    ("gbit/s", 125_000),
    ("Gbit", 125_000),
    ("gbit", 125_000),
];

impl Parser<'_> {
    /// A value of `field`, by its shape.
    pub fn shaped(&mut self, field: Named) -> Option<Value> {
        let text = |text: Option<String>| text.map(Value::Text);
        match field.shape() {
            // “discard on scsi1” says where.
            Shape::Flag if self.word() == "on" && self.is_slot(1) => Some(Value::Flag(true)),
            Shape::Flag => self.yes_or_no().map(Value::Flag),
            Shape::Count { .. } if matches!(field, Named::Plain(Plain::StartupUp | Plain::StartupDown)) => {
                self.seconds().map(Value::Count)
            }
            Shape::Count { .. } => self.number().map(Value::Count),
            Shape::Decimal { .. } => text(self.decimal(field)),
            Shape::Size { .. } => self.size(),
            Shape::Choice(words) => text(self.choice(field, words)),
            Shape::Choices(words) => self.choices(words).map(Value::Set),
            Shape::Tags => self.tag_list(true).map(|tags| Value::Set(tags.into_iter().collect())),
            Shape::Name => text(self.any_name()),
            Shape::Word if field == Named::Plain(Plain::Password) => text(self.secret()),
            Shape::Word if field.is_volume() => text(self.storage_word()),
            Shape::Word => text(self.name()),
            Shape::Text { .. } if field == Named::Plain(Plain::Snippets) => text(self.snippets()),
            Shape::Text { .. } if field == Named::Plain(Plain::Description) => text(self.free_text(false)),
            Shape::Text { .. } => text(self.user()),
            Shape::Path => text(self.token(|text| text.starts_with('/') && text.len() > 1)),
            Shape::Volume => text(self.volume(field)),
            Shape::Address4 | Shape::Host4 => text(self.token(|text| text.parse::<Ipv4Addr>().is_ok())),
            Shape::Address6 => text(self.address6()),
            Shape::Host6 => text(self.token(|text| text.parse::<Ipv6Addr>().is_ok())),
            Shape::Hosts => text(self.hosts()),
            Shape::Domains => text(self.domains()),
            Shape::Mac => text(self.token(is_mac)),
            Shape::SshKeys => text(self.ssh_keys()),
            Shape::Machine => text(self.token(is_machine)),
            Shape::Cpu => text(self.raw_word()),
            Shape::Devices => text(self.devices()),
            Shape::Timezone => text(self.token(|text| text.contains('/') && !text.starts_with('/') || text == "UTC"))
                .or_else(|| self.any(words!("host")).then(|| Value::Text("host".to_owned()))),
        }
    }

    /// Whether so far ahead a disk or NIC is called by its key.
    fn is_slot(&self, ahead: usize) -> bool {
        let word = self.word_ahead(ahead);
        word.parse::<Slot>().is_ok() || word.strip_prefix("net").is_some_and(|number| number.parse::<u8>().is_ok())
    }

    /// A word or number that is built so.
    pub fn token(&mut self, built: impl Fn(&str) -> bool) -> Option<String> {
        let token = self.peek(0).filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Quoted))?;
        let text = Some(token.text.clone()).filter(|text| built(text))?;
        self.at += 1;
        Some(text.to_string())
    }

    /// Parts in a row, joined by commas, “and”, “then” or nothing.
    fn row<T>(&mut self, part: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut parts = vec![self.attempt(&part)?];
        while let Some(next) = self.attempt(|p| {
            p.joint();
            p.any(words!("then from|then|followed by"));
            p.joint();
            part(p)
        }) {
            parts.push(next);
        }
        Some(parts)
    }

    /// “yes”, “on”, “enabled”, “1” and their opposites.
    pub fn yes_or_no(&mut self) -> Option<bool> {
        if self.any(words!("yes|true|on|enabled|active|switched on|turned on|activated")) {
            return Some(true);
        }
        if self.any(words!("no|false|off|disabled|inactive|switched off|turned off|deactivated")) {
            return Some(false);
        }
        self.attempt(|p| p.number().and_then(|n| (n < 2).then_some(n == 1)))
    }

    /// “30 s”, “30s”, “2 minutes”, “90”: in seconds.
    pub fn seconds(&mut self) -> Option<u64> {
        let scale = |unit: &str| match unit {
            "s" | "sec" | "secs" | "second" | "seconds" => Some(1),
            "min" | "mins" | "minute" | "minutes" => Some(60),
            "h" | "hour" | "hours" => Some(3_600),
            _ => None,
        };
        if let Some(glued) = self.attempt(|p| {
            let text = p.peek(0).filter(|token| token.kind == TokenKind::Word)?.text.to_lowercase();
            let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
            let number = quantity::whole(&text[..text.len() - unit.len()])?;
            p.at += 1;
            number.checked_mul(scale(unit)?)
        }) {
            return Some(glued);
        }
        let number = self.number().or_else(|| self.any(words!("a|one")).then_some(1))?;
        match scale(self.word()) {
            Some(scale) => {
                self.at += 1;
                number.checked_mul(scale)
            }
            // “5 m” and “1 day” are no seconds.
            None => (quantity::unit(self.word()).is_none() && !vocabulary::turns(self.word())).then_some(number),
        }
    }

    /// Digits with at most two decimals; of a rate with its unit.
    fn decimal(&mut self, field: Named) -> Option<String> {
        if field == Named::Nic(NicPart::Rate) {
            return self.rate();
        }
        let text = self.peek(0).filter(|token| token.kind == TokenKind::Number)?.text.clone();
        self.at += 1;
        self.any(words!("cpu cores|cpus|cpu|cores|core|vcpus|vcpu"));
        shortest(&text)
    }

    fn rate(&mut self) -> Option<String> {
        // More than two decimals is finer than Proxmox takes.
        let in_megabytes = |number: &str, thousandths: u64| {
            let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
            let digits: u64 = format!("{whole}{fraction}").parse().ok()?;
            let divisor = 10_u64.checked_pow(u32::try_from(fraction.len()).ok()?)?.checked_mul(10)?;
            let scaled = digits.checked_mul(thousandths)?;
            let hundredths = scaled.is_multiple_of(divisor).then_some(scaled / divisor)?;
            shortest(&format!("{}.{:02}", hundredths / 100, hundredths % 100))
        };
        let token = self.peek(0)?;
        let text = token.text.clone();
        if token.kind == TokenKind::Number {
            self.at += 1;
            let unit = self.peek(0).map_or("", |token| token.text.as_str());
            let Some((_, scale)) = RATES.into_iter().find(|(known, _)| *known == unit) else {
                // “10 Mb/s” and “10 GB” say another unit than MB/s.
                let other = quantity::unit(self.word()).is_some() || self.word().contains("/s");
                return if other { None } else { shortest(&text) };
            };
            self.at += 1;
            return in_megabytes(&text, scale);
        }
        let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
        let (_, scale) = RATES.into_iter().find(|(known, _)| *known == unit && unit.len() < text.len())?;
        self.at += 1;
        in_megabytes(&text[..text.len() - unit.len()], scale)
    }

    /// An amount of memory; a large number alone counts MiB.
    fn size(&mut self) -> Option<Value> {
        if let Some(size) = self.quantity() {
            self.any(words!("of ram|of memory|ram|memory"));
            return Some(Value::Size(size));
        }
        self.number().filter(|number| *number >= LEAST_MIB || *number == 0).map(|mib| Value::Size(Size::mib(mib)))
    }

    /// One of `words`, or of the other words for them.
    fn choice(&mut self, field: Named, words: &[&str]) -> Option<String> {
        let token = self.peek(0).filter(|token| matches!(token.kind, TokenKind::Word | TokenKind::Quoted))?;
        let mark = self.marks[self.at];
        let synonym = fields::choices(field)
            .flat_map(|(value, synonyms)| synonyms.beginning(&token.word, mark).map(move |words| (value, words)))
            .filter_map(|(value, words)| Some((self.row_of(words)?, value)))
            .max_by_key(|(length, _)| *length);
        if let Some((length, value)) = synonym {
            self.at += length;
            return Some(value.to_owned());
        }
        let known = words.iter().find(|word| token.text.eq_ignore_ascii_case(word))?;
        self.at += 1;
        Some((*known).to_owned())
    }

    /// Some of `words`; one that begins something else ends them.
    fn choices(&mut self, words: &[&str]) -> Option<BTreeSet<String>> {
        let one = |p: &mut Self| {
            let word = p.word().to_owned();
            p.at += 1;
            (words.contains(&word.as_str()) && p.at_boundary()).then_some(word)
        };
        Some(self.row(one)?.into_iter().collect())
    }

    /// “from secret web-root”: a secret’s name, never a password itself.
    fn secret(&mut self) -> Option<String> {
        self.any(words!("stored in|kept in|taken from|read from|from|in|of"));
        self.any(words!("the|a"));
        if !self.any(words!("secret called|secret named|secret")) {
            return None;
        }
        let _ = self.mark(':') || self.mark('=');
        self.name()
    }

    /// “on local-lvm”, “on the storage tank”, “local-lvm”.
    fn storage_word(&mut self) -> Option<String> {
        self.any(words!("stored on|goes on|placed on|on|in|at|to"));
        self.any(words!("the"));
        self.any(words!("storage pool|storage|datastore"));
        let name = self.name()?;
        self.any(words!("storage|datastore"));
        Some(name)
    }

    /// A user’s name: one word that says nothing else.
    fn user(&mut self) -> Option<String> {
        self.any(words!("called|named"));
        if self.any(words!("root")) {
            return Some("root".to_owned());
        }
        // “user deploy”: a word of the grammar is a user where nothing goes on with it.
        self.name().or_else(|| {
            let user = self.any_name()?;
            (self.at_boundary() || matches!(self.word(), "with" | "for" | "on")).then_some(user)
        })
    }

    /// `user=local:snippets/web.yaml`, perhaps with further ones behind a comma.
    fn snippets(&mut self) -> Option<String> {
        let one = |p: &mut Self| {
            let part = p.word().to_owned();
            p.at += 1;
            let known = ["user", "meta", "network", "vendor"].contains(&part.as_str());
            (known && (p.mark('=') || p.mark(':'))).then_some(())?;
            let volume = p.token(|text| text.contains(":snippets/"))?;
            Some(format!("{part}={volume}"))
        };
        Some(self.row(one)?.join(","))
    }

    /// `local:iso/debian.iso`; of a CD also `none`.
    fn volume(&mut self, field: Named) -> Option<String> {
        if field == Named::Plain(Plain::Cdrom) && self.any(words!("none|empty")) {
            return Some("none".to_owned());
        }
        if field == Named::Plain(Plain::Cdrom)
            && let Some(volume) = self.attempt(Self::iso_by_name)
        {
            return Some(volume);
        }
        self.token(|text| text.split_once(':').is_some_and(|(storage, name)| !storage.is_empty() && !name.is_empty()))
    }

    /// “debian-12.iso”: a CD by its file’s name, where one storage alone has it.
    pub fn iso_by_name(&mut self) -> Option<String> {
        let volumes = self.inventory.isos.get(self.peek(0)?.text.as_str())?;
        let volume = volumes.first().filter(|_| volumes.len() == 1)?.clone();
        self.at += 1;
        Some(volume)
    }

    fn address6(&mut self) -> Option<String> {
        if self.any(words!("dhcp|dhcpv6")) {
            return Some("dhcp".to_owned());
        }
        if self.any(words!("auto|slaac")) {
            return Some("auto".to_owned());
        }
        self.token(|text| text.split('/').next().is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()))
    }

    /// “1.1.1.1 and 9.9.9.9”, “1.1.1.1,9.9.9.9”.
    fn hosts(&mut self) -> Option<String> {
        let address = |text: &str| text.parse::<std::net::IpAddr>().is_ok();
        Some(self.row(|p| p.token(|text| text.split(',').all(address)))?.join(" ").replace(',', " "))
    }

    /// “example.org and lan.example.org”: after the first one, only what has a dot.
    fn domains(&mut self) -> Option<String> {
        let domain = |p: &mut Self| p.name().filter(|name| name.contains('.'));
        if self.ahead(domain) { Some(self.row(domain)?.join(" ")) } else { self.name() }
    }

    /// “scsi0;net0”, “scsi0 then net0”, “order=scsi0”.
    fn devices(&mut self) -> Option<String> {
        if self.any(words!("order")) {
            let _ = self.mark('=') || self.mark(':');
        }
        self.any(words!("first from|from"));
        self.any(words!("the"));
        self.any(words!("disk"));
        // “net0 first and then scsi0”
        let device = |p: &mut Self| {
            let device = p.token(is_device)?;
            p.any(words!("first"));
            Some(device)
        };
        Some(self.row(device)?.join(";"))
    }

    /// Public keys as `ssh-keygen` writes them, each with its comment, or quoted.
    fn ssh_keys(&mut self) -> Option<String> {
        let quoted = self.token(|text| text.contains(' ') && text.starts_with(['s', 'e']));
        if quoted.is_some() {
            return quoted;
        }
        let key = |p: &mut Self| {
            let kind =
                p.token(|text| text.starts_with("ssh-") || text.starts_with("ecdsa-") || text.starts_with("sk-"))?;
            let start = p.at;
            p.token(|text| text.starts_with("AAAA"))?;
            while p.mark('=') {}
            let data = p.span(&(start..p.at)).of(p.text);
            let comment = p.attempt(|p| {
                let comment = p.peek(0).filter(|token| token.kind == TokenKind::Word)?.clone();
                p.at += 1;
                let free = vocabulary::class(&comment.word).is_none() || comment.word == "me";
                (comment.text.contains('@') || free && p.at_boundary()).then_some(comment.text)
            });
            Some(comment.map_or_else(|| format!("{kind} {data}"), |comment| format!("{kind} {data} {comment}")))
        };
        Some(self.row(key)?.join("\n"))
    }

    /// A word taken as it stands: a CPU type, a NIC model.
    pub fn raw_word(&mut self) -> Option<String> {
        let fits = |token: &Token| match token.kind {
            TokenKind::Quoted => true,
            TokenKind::Word => token.word == "host" || vocabulary::class(&token.word).is_none(),
            _ => false,
        };
        let text = self.peek(0).filter(|token| fits(token))?.text.clone();
        self.at += 1;
        Some(text.to_string())
    }

    /// A disk’s slot.
    pub fn slot(&mut self) -> Option<Slot> {
        let word = self.word();
        let begins = word == "rootfs" || word.ends_with(|c: char| c.is_ascii_digit());
        let slot = begins.then(|| word.parse().ok())??;
        self.at += 1;
        Some(slot)
    }
}

/// A number of at most two decimals, as short as it can be.
fn shortest(text: &str) -> Option<String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole = quantity::whole(whole)?;
    let fraction = fraction.trim_end_matches('0');
    match fraction.len() {
        0 => Some(whole.to_string()),
        1 | 2 => Some(format!("{whole}.{fraction}")),
        _ => None,
    }
}

fn is_mac(text: &str) -> bool {
    let pairs = |mark: char| {
        text.split(mark).count() == 6
            && text.split(mark).all(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit()))
    };
    pairs(':') || pairs('-')
}

/// `q35`, `pc`, `i440fx`, with a version or without.
pub fn is_machine(text: &str) -> bool {
    let lower = text.to_lowercase();
    ["q35", "pc", "i440fx"].contains(&lower.as_str())
        || ["pc-q35", "pc-i440fx"].iter().any(|stem| lower.starts_with(stem))
}

/// A disk, CD or NIC by Proxmox’s name of it.
pub fn is_device(text: &str) -> bool {
    let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
    stem.len() < text.len() && ["scsi", "virtio", "sata", "ide", "net"].contains(&stem)
}

//! What the rules of a firewall refer to: security groups, IP sets and aliases.

use mycopod_core::field::Value;
use mycopod_core::reading::{Amount, FirewallPart};

use super::firewall::Wish;
use crate::builtin::Parser;
use crate::builtin::wordings::words;

impl Parser<'_> {
    /// “apply security group web to web-01”, “remove security group web from web-01”.
    pub fn firewall_group(&mut self) -> Option<Wish> {
        let start = self.at;
        let remove = self.any(words!("remove|detach|take"));
        if !remove && !self.any(words!("use|apply|add|attach|put")) {
            return None;
        }
        self.articles();
        self.any(words!("security group")).then_some(())?;
        let name = self.any_name()?;
        self.any(words!("to|on|for|from|of|off")).then_some(())?;
        let targets = self.targets()?;
        let rule = Value::Text(format!("GROUP {name}"));
        let amount = if remove { Amount::Minus(rule) } else { Amount::To(rule) };
        Some((targets, vec![self.part(start, FirewallPart::Rule, amount)]))
    }

    /// “create ip set admins on web-01 with 10.1.0.0/16”, “add 10.3.0.0/16 to ip set admins of web-01”.
    pub fn firewall_set(&mut self) -> Option<Wish> {
        let start = self.at;
        let named = |p: &mut Self| {
            p.articles();
            p.any(words!("ip set|ipset")).then_some(())?;
            p.any(words!("called|named"));
            p.any_name()
        };
        let list = |p: &mut Self| {
            let list = p.addresses().filter(|list| !list.starts_with('+') && !list.is_empty())?;
            Some(Value::Set(list.split(',').map(str::to_owned).collect()))
        };
        let of = words!("on|for|in|of|from");
        let remove = self.any(words!("remove|delete|drop|take"));
        if !remove && !self.any(words!("create|make|add|put")) {
            return None;
        }
        let (name, targets, amount) = if let Some(name) = self.attempt(named) {
            let mut amount = remove.then(|| Amount::To(Value::Text(String::new())));
            let mut targets = None;
            while self
                .attempt(|p| {
                    if amount.is_none() && p.any(words!("with|containing|holding")) {
                        amount = Some(Amount::To(list(p)?));
                        return Some(());
                    }
                    if targets.is_some() || !p.any(of) {
                        return None;
                    }
                    targets = Some(p.targets()?);
                    Some(())
                })
                .is_some()
            {}
            (name, targets?, amount.unwrap_or_else(|| Amount::To(Value::Set([].into()))))
        } else {
            let value = list(self)?;
            self.any(if remove { words!("from|out of") } else { words!("to|into") }).then_some(())?;
            let name = named(self)?;
            self.any(of).then_some(())?;
            let targets = self.targets()?;
            (name, targets, if remove { Amount::Minus(value) } else { Amount::Plus(value) })
        };
        Some((targets, vec![self.part(start, FirewallPart::IpSet(name), amount)]))
    }

    /// “create alias office on web-01 for 192.0.2.4”, “delete alias office of web-01”.
    pub fn firewall_alias(&mut self) -> Option<Wish> {
        let start = self.at;
        let remove = self.any(words!("remove|delete|drop"));
        if !remove && !self.any(words!("create|make|add|set")) {
            return None;
        }
        self.articles();
        self.any(words!("firewall"));
        self.any(words!("alias")).then_some(())?;
        self.any(words!("called|named"));
        let name = self.any_name()?;
        let mut address = remove.then(String::new);
        let mut targets = None;
        while self
            .attempt(|p| {
                let sign = p.mark('=');
                if address.is_none()
                    && let Some(read) = p.attempt(|p| {
                        (sign || p.any(words!("for|as|to|with|of"))).then_some(())?;
                        p.address_literal()
                    })
                {
                    address = Some(read);
                    return Some(());
                }
                if targets.is_some() || !p.any(words!("on|for|in|of|from")) {
                    return None;
                }
                targets = Some(p.targets()?);
                Some(())
            })
            .is_some()
        {}
        let amount = Amount::To(Value::Text(address?));
        Some((targets?, vec![self.part(start, FirewallPart::Alias(name), amount)]))
    }
}

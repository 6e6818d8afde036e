//! Relative amounts made absolute.

use std::collections::BTreeSet;

use crate::field::Value;
use crate::reading::Amount;
use crate::size::Size;

/// The value that an amount comes to, from what is now.
pub(super) fn absolute(amount: &Amount, now: Option<&Value>) -> Result<Value, String> {
    let unknown = || "it is not known what it is now".to_owned();
    let size = |bytes: Option<u64>| bytes.map(|bytes| Value::Size(Size::bytes(bytes))).ok_or_else(out_of_range);
    match (amount, now) {
        (Amount::To(value), _) => Ok(value.clone()),
        // Tags in place of some there are.
        (Amount::FromTo(Value::Set(from), Value::Set(to)), Some(Value::Set(now)))
            if from.iter().all(|tag| now.contains(&tag.to_lowercase())) =>
        {
            let kept = now.iter().filter(|tag| !from.iter().any(|from| from.to_lowercase() == **tag)).cloned();
            Ok(Value::Set(kept.chain(to.iter().map(|tag| tag.to_lowercase())).collect()))
        }
        (Amount::UpTo(to), Some(now)) if higher(now, to) => Err(format!("it is {now} now, which is more than {to}")),
        (Amount::DownTo(to), Some(now)) if higher(to, now) => Err(format!("it is {now} now, which is less than {to}")),
        (Amount::UpTo(to) | Amount::DownTo(to), _) => Ok(to.clone()),
        (Amount::FromTo(from, to), now) if now == Some(from) => Ok(to.clone()),
        (Amount::FromTo(from, _), Some(now)) => Err(format!("it is {now} now, and not {from}")),
        (Amount::Plus(Value::Set(more)), now) => {
            let mut set = match now {
                Some(Value::Set(set)) => set.clone(),
                _ => BTreeSet::new(),
            };
            set.extend(more.iter().map(|tag| tag.to_lowercase()));
            Ok(Value::Set(set))
        }
        (Amount::Minus(Value::Set(less)), Some(Value::Set(set))) => {
            Ok(Value::Set(set.iter().filter(|tag| !less.contains(&tag.to_lowercase())).cloned().collect()))
        }
        (_, None) => Err(unknown()),
        (Amount::Plus(Value::Count(more)), Some(Value::Count(now))) => {
            now.checked_add(*more).map(Value::Count).ok_or_else(out_of_range)
        }
        (Amount::Minus(Value::Count(less)), Some(Value::Count(now))) => {
            now.checked_sub(*less).map(Value::Count).ok_or_else(|| format!("it has {now}, which is less than {less}"))
        }
        (Amount::Plus(Value::Size(more)), Some(Value::Size(now))) => size(now.as_bytes().checked_add(more.as_bytes())),
        (Amount::Minus(Value::Size(less)), Some(Value::Size(now))) => now
            .as_bytes()
            .checked_sub(less.as_bytes())
            .map(|bytes| Value::Size(Size::bytes(bytes)))
            .ok_or_else(|| format!("it has {now}, which is less than {less}")),
        (Amount::Times(factor), Some(Value::Count(now))) => {
            now.checked_mul((*factor).into()).map(Value::Count).ok_or_else(out_of_range)
        }
        (Amount::Times(factor), Some(Value::Size(now))) => size(now.as_bytes().checked_mul((*factor).into())),
        (Amount::Over(divisor), Some(now)) => match now {
            Value::Count(count) if *divisor > 0 && count.is_multiple_of((*divisor).into()) => {
                Ok(Value::Count(count / u64::from(*divisor)))
            }
            Value::Size(size) if *divisor > 0 && size.as_bytes().is_multiple_of((*divisor).into()) => {
                Ok(Value::Size(Size::bytes(size.as_bytes() / u64::from(*divisor))))
            }
            _ => Err(format!("{now} cannot be divided by {divisor}")),
        },
        (Amount::PerCent(per_cent), Some(now)) => hundredths(*per_cent, now),
        (Amount::Plus(by) | Amount::Minus(by), Some(now)) => Err(format!("{now} cannot be changed by {by}")),
        (Amount::Times(factor), Some(now)) => Err(format!("{now} cannot be multiplied by {factor}")),
    }
}

/// Whether one count or size is above another.
fn higher(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Count(one), Value::Count(other)) => one > other,
        (Value::Size(one), Value::Size(other)) => one > other,
        _ => false,
    }
}

/// So many hundredths of a count or a size, where they are a whole number of things or of Proxmox’s MiB.
fn hundredths(per_cent: u32, now: &Value) -> Result<Value, String> {
    let of = |amount: u64, unit: u64| {
        let all = amount.checked_mul(per_cent.into()).ok_or_else(out_of_range)?;
        let whole = all.is_multiple_of(unit * 100) && all > 0;
        whole.then_some(all / 100).ok_or_else(|| format!("{per_cent} % of {now} is no whole amount"))
    };
    match now {
        Value::Count(count) => of(*count, 1).map(Value::Count),
        Value::Size(size) => of(size.as_bytes(), Size::mib(1).as_bytes()).map(|bytes| Value::Size(Size::bytes(bytes))),
        now => Err(format!("{now} has no hundredths")),
    }
}

fn out_of_range() -> String {
    "the amount is beyond all bounds".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_become_absolute() {
        let gib = |n| Value::Size(Size::gib(n));
        assert_eq!(absolute(&Amount::Times(3), Some(&gib(1))), Ok(gib(3)));
        assert_eq!(absolute(&Amount::Plus(gib(8)), Some(&gib(32))), Ok(gib(40)));
        assert_eq!(absolute(&Amount::Minus(gib(2)), Some(&gib(8))), Ok(gib(6)));
        assert_eq!(absolute(&Amount::UpTo(gib(8)), Some(&gib(4))), Ok(gib(8)));
        assert_eq!(absolute(&Amount::UpTo(gib(8)), Some(&gib(8))), Ok(gib(8)));
        assert!(absolute(&Amount::UpTo(gib(2)), Some(&gib(4))).is_err());
        assert_eq!(absolute(&Amount::DownTo(Value::Count(1)), Some(&Value::Count(2))), Ok(Value::Count(1)));
        assert!(absolute(&Amount::DownTo(Value::Count(4)), Some(&Value::Count(2))).is_err());
        assert_eq!(absolute(&Amount::Over(2), Some(&Value::Count(4))), Ok(Value::Count(2)));
        assert_eq!(absolute(&Amount::PerCent(150), Some(&gib(4))), Ok(gib(6)));
        assert_eq!(absolute(&Amount::PerCent(75), Some(&Value::Count(4))), Ok(Value::Count(3)));
        for (per_cent, now) in [(133, gib(4)), (110, Value::Count(2)), (0, gib(4)), (150, Value::Flag(true))] {
            assert!(absolute(&Amount::PerCent(per_cent), Some(&now)).is_err());
        }
        assert!(absolute(&Amount::Over(2), Some(&Value::Count(3))).is_err());
        assert!(absolute(&Amount::Over(0), Some(&Value::Count(3))).is_err());
        assert!(absolute(&Amount::Minus(gib(9)), Some(&gib(8))).is_err());
        assert!(absolute(&Amount::Times(u32::MAX), Some(&Value::Size(Size::bytes(u64::MAX)))).is_err());
        assert_eq!(absolute(&Amount::FromTo(gib(1), gib(2)), Some(&gib(1))), Ok(gib(2)));
        assert!(absolute(&Amount::FromTo(gib(1), gib(2)), Some(&gib(3))).is_err());
        assert!(absolute(&Amount::FromTo(gib(1), gib(2)), None).is_err());
        assert!(absolute(&Amount::Times(2), None).is_err());
        assert!(absolute(&Amount::Times(2), Some(&Value::Flag(true))).is_err());
    }

    #[test]
    fn tags_are_added_to_and_taken_from_those_there_are() {
        let set = |tags: &[&str]| Value::Set(tags.iter().map(|&tag| tag.to_owned()).collect());
        assert_eq!(absolute(&Amount::Plus(set(&["b"])), Some(&set(&["a"]))), Ok(set(&["a", "b"])));
        assert_eq!(absolute(&Amount::Plus(set(&["b"])), None), Ok(set(&["b"])));
        assert_eq!(absolute(&Amount::Minus(set(&["a"])), Some(&set(&["a", "b"]))), Ok(set(&["b"])));
    }
}

//! What a new guest is made from, by people's words for it.
//!
//! Words and image names are compared token by token: “debian 12”, “Debian-12” and
//! “debian12” are the tokens `debian`, `12`, and fit every image in whose name these stand
//! side by side. So `12` never fits `12x` and `debian 1` never fits `debian-12`.

use std::collections::{BTreeMap, BTreeSet};

use super::{Doubt, MAX_OPTIONS, Resolver, label};
use crate::guest::Kind;
use crate::intent::NewOrigin;
use crate::observed::{Image, Observed, Origin, Sighting};
use crate::reading::{LEAVE_OUT, Source, Sourced, Span};

/// Words around an image's name that say nothing about which one.
const NOISE: [&str; 9] = ["template", "image", "the", "a", "latest", "newest", "linux", "cloud", "lts"];

impl Resolver<'_> {
    /// The image that `said` means, for a guest of `kind`.
    pub(super) fn image(&mut self, at: Span, kind: Kind, said: &Sourced<String>) -> Option<Sourced<NewOrigin>> {
        self.of_edit(&said.source, |resolver| resolver.image_of(at, kind, said))
    }

    fn image_of(&mut self, at: Span, kind: Kind, said: &Sourced<String>) -> Option<Sourced<NewOrigin>> {
        let is_set = matches!(said.source, Source::Set { .. });
        let span = (!is_set).then(|| said.source.span().unwrap_or(at));
        let doubt = match find(self.observed, kind, &said.value) {
            Ok((origin, Some(why))) if !is_set => return Some(Sourced::new(origin, Source::inferred(why))),
            Ok((origin, _)) => return Some(Sourced::new(origin, said.source.clone())),
            Err(doubt) => doubt,
        };
        let doubt = match self.answers.get("image", span) {
            None => doubt,
            Some(LEAVE_OUT) => return None,
            Some(answer) => match find(self.observed, kind, answer) {
                Ok((origin, _)) => return Some(Sourced::new(origin, super::answered(answer))),
                Err(doubt) => doubt,
            },
        };
        self.ask("image", span, doubt);
        None
    }
}

/// What a guest to be made can be made from on a cluster.
#[derive(Clone, Copy)]
pub struct Origins<'o> {
    /// The cluster, as it was seen.
    pub observed: &'o Observed,
    /// What the guest shall be.
    pub kind: Kind,
    /// Whether it is a copy of a guest that exists; else it is made from an image.
    pub is_copy: bool,
}

impl Origins<'_> {
    /// Their names; where several have one name, with what tells them apart.
    #[must_use]
    pub fn names(&self) -> BTreeSet<String> {
        if self.is_copy {
            let mut called: BTreeMap<&str, usize> = BTreeMap::new();
            for seen in &self.observed.guests {
                *called.entry(&seen.guest.name).or_default() += 1;
            }
            let is_one = |seen: &Sighting| called.get(seen.guest.name.as_str()) == Some(&1);
            let name = |seen: &Sighting| if is_one(seen) { seen.guest.name.clone() } else { label(seen) };
            return self.observed.guests.iter().filter(|seen| seen.guest.kind == self.kind).map(name).collect();
        }
        let images = || self.observed.images.iter().filter(|image| image.kind == self.kind);
        let name = |image: &Image| {
            let alike: Vec<&Image> = images().filter(|other| other.name == image.name).collect();
            if origin(&alike).is_ok() { image.name.clone() } else { option(image) }
        };
        images().map(name).collect()
    }

    /// Why `words` mean none of them, or no one.
    #[must_use]
    pub fn refusal(&self, words: &str) -> Option<String> {
        const QUESTION: &str = " Which one is meant?";
        let kind = self.kind.noun();
        let (why, names) = if self.is_copy {
            match self.called(words).as_slice() {
                [seen] if seen.guest.kind == self.kind => return None,
                [] => (format!("There is no {kind} “{words}”."), self.names()),
                [seen] => (
                    format!("{} is a {}, and a {kind} is no copy of it.", label(seen), seen.guest.kind.noun()),
                    self.names(),
                ),
                several => {
                    let labels = several.iter().map(|seen| label(seen)).collect();
                    (format!("{} guests are called {words}.", several.len()), labels)
                }
            }
        } else {
            let doubt = find(self.observed, self.kind, words).err()?;
            (doubt.text.replace(QUESTION, ""), doubt.options.into_iter().collect())
        };
        let mut shown: Vec<String> = names.iter().take(MAX_OPTIONS).cloned().collect();
        if names.len() > MAX_OPTIONS {
            shown.push(format!("and {} more", names.len() - MAX_OPTIONS));
        }
        let there_is = if shown.is_empty() { "none".to_owned() } else { shown.join(", ") };
        Some(format!("{why} There is {there_is}"))
    }

    /// The guests that are meant by a name, a VMID or an option.
    fn called(&self, words: &str) -> Vec<&Sighting> {
        let is_it =
            |seen: &&Sighting| seen.guest.name == words || seen.guest.vmid.to_string() == words || label(seen) == words;
        self.observed.guests.iter().filter(is_it).collect()
    }
}

/// The image that `words` mean for a guest of `kind` and, where it was chosen among several, why that one.
pub(super) fn find(observed: &Observed, kind: Kind, words: &str) -> Result<(NewOrigin, Option<String>), Doubt> {
    let all: Vec<&Image> = observed.images.iter().filter(|image| image.kind == kind).collect();
    let exactly: Vec<&Image> = all.iter().copied().filter(|image| is_exactly(image, words)).collect();
    if !exactly.is_empty() {
        return Ok((origin(&exactly)?, None));
    }
    let wanted = tokens(words);
    let near: Vec<&Image> = all.iter().copied().filter(|image| fits(&wanted, &tokens(&image.name))).collect();
    let same: Vec<&Image> = near.iter().copied().filter(|image| tokens(&image.name) == wanted).collect();
    if !same.is_empty() {
        return Ok((origin(&same)?, None));
    }
    let names: BTreeSet<&str> = near.iter().map(|image| image.name.as_str()).collect();
    let products: BTreeSet<Vec<String>> = names.iter().map(|name| product(name)).collect();
    match (names.len(), products.len()) {
        (0, _) => {
            let other = observed.images.iter().any(|image| image.kind != kind && fits(&wanted, &tokens(&image.name)));
            let hint = if other { format!(" (There is one, but not for a {}.)", kind.noun()) } else { String::new() };
            let text = format!("There is no image “{words}” for a {}.{hint} Which one is meant?", kind.noun());
            Err(Doubt::new(text).or(all.iter().map(|image| &image.name).collect::<BTreeSet<_>>()))
        }
        (1, _) => {
            let origin = origin(&near)?;
            let why = format!("“{words}” is {} here", origin.name);
            Ok((origin, Some(why)))
        }
        (count, 1) => {
            let newest = names.iter().max_by_key(|name| version(name)).copied().unwrap_or_default();
            let images: Vec<&Image> = near.iter().copied().filter(|image| image.name == newest).collect();
            Ok((origin(&images)?, Some(format!("the newest of {count} versions that “{words}” fits"))))
        }
        _ => Err(Doubt::new(format!("“{words}” fits {} images. Which one is meant?", names.len())).or(names)),
    }
}

/// Whether `words` are the image's own name, its volume or its template's VMID.
fn is_exactly(image: &Image, words: &str) -> bool {
    let addressed = match &image.origin {
        Origin::Volume(volume) => volume == words,
        Origin::Template(vmid) => words.trim().trim_start_matches("template ").parse() == Ok(vmid.get()),
    };
    addressed || image.name == words || option(image) == words
}

/// As an option names one of two templates of the same name.
fn option(image: &Image) -> String {
    match &image.origin {
        Origin::Template(vmid) => format!("{} ({vmid} on {})", image.name, image.node),
        Origin::Volume(volume) => volume.clone(),
    }
}

/// Images of one name as one origin. Two of them on one node are a question.
fn origin(images: &[&Image]) -> Result<NewOrigin, Doubt> {
    let mut at = BTreeMap::new();
    for image in images {
        if at.insert(image.node.clone(), image.origin.clone()).is_some_and(|other| other != image.origin) {
            let text = format!("{} has several images {}. Which one is meant?", image.node, image.name);
            return Err(Doubt::new(text).or(images.iter().map(|image| option(image))));
        }
    }
    let name = images.first().map(|image| image.name.clone()).unwrap_or_default();
    Ok(NewOrigin { name, at, full: true })
}

/// Runs of letters and runs of digits, in lower case, without noise.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut last = None;
    for c in text.to_lowercase().chars() {
        let class = (c.is_alphanumeric(), c.is_ascii_digit());
        match tokens.last_mut() {
            Some(token) if last == Some(class) && class.0 => token.push(c),
            _ if class.0 => tokens.push(c.to_string()),
            _ => {}
        }
        last = Some(class);
    }
    tokens.retain(|token| !NOISE.contains(&token.as_str()));
    tokens
}

/// Whether the wanted tokens stand side by side among the image's.
fn fits(wanted: &[String], image: &[String]) -> bool {
    !wanted.is_empty() && image.windows(wanted.len()).any(|window| window == wanted)
}

/// What an image is without its version: `debian-12-standard_12.7-1_amd64.tar.zst` is `debian`, `standard`.
fn product(name: &str) -> Vec<String> {
    let name = name.split('_').next().unwrap_or(name);
    tokens(name).into_iter().filter(|token| !is_number(token)).collect()
}

/// An image's numbers in order, by which the newest is found.
fn version(name: &str) -> Vec<u64> {
    tokens(name).iter().filter_map(|token| token.parse().ok()).collect()
}

fn is_number(token: &str) -> bool {
    token.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{fits, product, tokens, version};

    const DEBIAN: &str = "debian-12-standard_12.7-1_amd64.tar.zst";

    #[test]
    fn people_s_spellings_fit_and_other_versions_do_not() {
        let fit = |words: &str, image: &str| fits(&tokens(words), &tokens(image));
        for words in ["debian 12", "Debian-12", "debian12", "the debian 12 template", "Debian"] {
            assert!(fit(words, DEBIAN), "{words}");
        }
        assert!(fit("ubuntu 24.04", "ubuntu-24.04"));
        assert!(fit("Ubuntu 24.04 LTS", "ubuntu-24.04"));
        for words in ["debian 1", "debian 11", "debian 2", "ubuntu", "", "template"] {
            assert!(!fit(words, DEBIAN), "{words}");
        }
    }

    #[test]
    fn versions_of_one_product_are_told_from_other_products() {
        assert_eq!(product(DEBIAN), product("debian-11-standard_11.7-1_amd64.tar.zst"));
        assert_ne!(product(DEBIAN), product("debian-12-turnkey-nginx_18.0-1_amd64.tar.gz"));
        assert!(version("debian-12-standard_12.10-1") > version("debian-12-standard_12.7-1"));
    }
}

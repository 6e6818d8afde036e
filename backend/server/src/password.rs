//! Passwords: which are good enough, and how they are hashed.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use mycopod_core::ports::Clock;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::problem::Problem;

/// The shortest password, in Unicode code points.
pub const MIN_LENGTH: usize = 12;
/// The longest.
pub const MAX_LENGTH: usize = 128;
/// What must remain of a password once common words, sequences and repetitions count as one character each.
const MIN_SURPRISE: usize = 8;
/// The fewest different characters.
const MIN_DIFFERENT: usize = 5;

/// Words that guessing programs try first, in their plain spelling (`4` as `a`, `$` as `s`).
const COMMON: [&str; 24] = [
    "administrator",
    "password",
    "passwort",
    "welcome",
    "willkommen",
    "letmein",
    "iloveyou",
    "changeme",
    "default",
    "dragon",
    "football",
    "baseball",
    "princess",
    "sunshine",
    "superman",
    "trustno",
    "monkey",
    "shadow",
    "secret",
    "master",
    "summer",
    "winter",
    "admin",
    "login",
];

/// Keys and letters that stand beside one another.
const ROWS: [&str; 5] = ["abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm"];

/// Why a password is refused, or nothing where it is good enough for the account of `email`.
pub fn weakness(password: &str, email: &str) -> Option<&'static str> {
    let length = password.chars().count();
    if length < MIN_LENGTH {
        return Some("The password is shorter than 12 characters.");
    }
    if length > MAX_LENGTH {
        return Some("The password is longer than 128 characters.");
    }
    let lower = password.to_lowercase();
    let local_part = email.split('@').next().unwrap_or_default().to_lowercase();
    // A local part of one or two letters is in almost every password.
    if local_part.len() >= 3 && lower.contains(&local_part) {
        return Some("The password contains the name of its address.");
    }
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    if different.len() < MIN_DIFFERENT || surprise(&lower) < MIN_SURPRISE {
        return Some("The password is easy to guess: it is made of a common word, a sequence or a repetition.");
    }
    None
}

/// A password's length where each common word, sequence and repetition counts as one character.
fn surprise(lower: &str) -> usize {
    let said: Vec<char> = lower.chars().collect();
    let meant: Vec<char> = said.iter().copied().map(plain).collect();
    let (mut at, mut count) = (0, 0);
    while at < said.len() {
        let word = COMMON.iter().filter(|word| starts_with(&meant[at..], word)).map(|word| word.len()).max();
        at += word.unwrap_or(1).max(run(&said[at..]));
        count += 1;
    }
    count
}

/// The letter that a digit or sign stands for.
const fn plain(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

fn starts_with(text: &[char], word: &str) -> bool {
    text.len() >= word.len() && word.chars().zip(text).all(|(a, b)| a == *b)
}

/// The length of the sequence or repetition that `text` begins with; 1 where there is none of three or more.
fn run(text: &[char]) -> usize {
    let step = |a: char, b: char| -> Option<i64> {
        if a == b {
            return Some(0);
        }
        ROWS.iter().find_map(|row| {
            let (a, b) = (row.find(a)?, row.find(b)?);
            (a.abs_diff(b) == 1).then_some(if b > a { 1 } else { -1 })
        })
    };
    let [first, second, ..] = text else { return 1 };
    let Some(direction) = step(*first, *second) else { return 1 };
    let length = 1 + text.windows(2).take_while(|pair| step(pair[0], pair[1]) == Some(direction)).count();
    if length >= 3 { length } else { 1 }
}

/// Signs of a made password: lower case and digits without those that look alike; five bits each.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// 100 bits.
const MADE_SIGNS: usize = 20;

/// A fresh password of 100 random bits, in groups of five.
pub fn made(clock: &dyn Clock) -> String {
    let mut random = [0; MADE_SIGNS];
    clock.random(&mut random);
    let signs: Vec<char> = random.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    signs.chunks(5).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// argon2id with 19 MiB, two passes and one lane: OWASP's Password Storage Cheat Sheet (its first choice of equal strength
/// for servers that are short of memory).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// RFC 9106, section 3.1.
const SALT_LEN: usize = 16;

/// A hash of these parameters that no password is known to have: an account that does not exist takes as long as one
/// that does.
const NOBODYS: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$bXljb3BvZCBub2JvZHkhIQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Hashes at once: 76 MiB, and not all of a small machine's cores.
const AT_ONCE: usize = 4;
/// How long a login waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Hashes passwords, a few at a time, away from the threads that serve.
#[derive(Clone)]
pub struct Hasher(Arc<Semaphore>);

/// The right to hash one password now.
pub struct Turn {
    _permit: OwnedSemaphorePermit,
}

impl Hasher {
    /// A hasher with all turns free.
    pub fn new() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }

    /// Waits for a turn; refuses where too many wait before.
    pub async fn turn(&self) -> Result<Turn, Problem> {
        match timeout(PATIENCE, Arc::clone(&self.0).acquire_owned()).await {
            Ok(Ok(permit)) => Ok(Turn { _permit: permit }),
            _ => Err(Problem::busy("Too many people log in at this moment. Try again.", PATIENCE.as_secs())),
        }
    }
}

fn argon2id() -> Argon2<'static> {
    // The constants lie within the parameters' ranges, as a test shows.
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

impl Turn {
    /// The password's hash in PHC string format.
    pub async fn hash(self, password: String, clock: &dyn Clock) -> Result<String, Problem> {
        let mut salt = [0; SALT_LEN];
        clock.random(&mut salt);
        let hashed = spawn_blocking(move || {
            let _turn = self;
            let hash: Result<PasswordHash, _> = argon2id().hash_password_with_salt(password.as_bytes(), &salt);
            hash.map(|hash| hash.to_string())
        });
        match hashed.await {
            Ok(Ok(hash)) => Ok(hash),
            failed => {
                tracing::error!(error = ?failed.err(), "a password could not be hashed");
                Err(Problem::internal())
            }
        }
    }

    /// Whether the password has this hash. Without a hash the answer is no, after the same work.
    pub async fn verify(self, password: String, hash: Option<String>) -> Result<bool, Problem> {
        let verified = spawn_blocking(move || {
            let _turn = self;
            let known = hash.is_some();
            let hash = hash.as_deref().unwrap_or(NOBODYS);
            let fits = PasswordHash::new(hash)
                .is_ok_and(|hash| argon2id().verify_password(password.as_bytes(), &hash).is_ok());
            known && fits
        });
        verified.await.map_err(|_| Problem::internal())
    }
}

#[cfg(test)]
mod tests {
    use argon2::Params;
    use argon2::password_hash::phc::PasswordHash;
    use mycopod_engine::clock::SystemClock;

    use super::{Hasher, LANES, MEMORY_KIB, NOBODYS, PASSES, argon2id, made, weakness};

    #[test]
    fn passwords_that_guessing_finds_first_are_refused() {
        for weak in [
            "short-one",
            "aaaaaaaaaaaaaa",
            "abababababab",
            "123456789012",
            "abcdefghijklmno",
            "qwertyuiop123",
            "Password1234!",
            "P@ssw0rdP@ssw0rd",
            "Admin12345678",
            "secret123secret123",
            "iloveyou!iloveyou!",
            "ada-lovelace-1815",
        ] {
            assert!(weakness(weak, "ada@example.com").is_some(), "{weak}");
        }
        assert!(weakness(&"xk7-".repeat(33), "ada@example.com").is_some(), "132 characters");
    }

    #[test]
    fn passwords_that_people_and_programs_make_are_taken() {
        for good in ["correct horse battery staple", "Tr0ub4dor&3-horses", "пароль-для-кластера", "mushroom ring 42"]
        {
            assert_eq!(weakness(good, "ada@example.com"), None, "{good}");
        }
        for _ in 0..100 {
            let made = made(&SystemClock);
            assert_eq!(made.len(), 23);
            // Too long a name to be in it by chance, as a short one now and then is.
            assert_eq!(weakness(&made, "administrator@example.com"), None, "{made}");
        }
    }

    #[tokio::test]
    async fn a_hash_fits_its_password_alone() {
        let hasher = Hasher::new();
        let hash = hasher.turn().await.unwrap().hash("mushroom ring 42".to_owned(), &SystemClock).await.unwrap();
        let fits = |password: &'static str, hash: Option<&str>| {
            let (hasher, hash) = (hasher.clone(), hash.map(str::to_owned));
            async move { hasher.turn().await.unwrap().verify(password.to_owned(), hash).await.unwrap() }
        };
        assert!(fits("mushroom ring 42", Some(&hash)).await);
        assert!(!fits("mushroom ring 43", Some(&hash)).await);
        assert!(!fits("mushroom ring 42", None).await);
        assert!(!fits("mushroom ring 42", Some("no hash")).await);
    }

    #[test]
    fn nobodys_hash_takes_the_work_of_a_real_one() {
        let nobodys = PasswordHash::new(NOBODYS).unwrap();
        let params = Params::try_from(&nobodys).unwrap();
        assert_eq!((params.m_cost(), params.t_cost(), params.p_cost()), (MEMORY_KIB, PASSES, LANES));
        assert_eq!(nobodys.algorithm.as_str(), "argon2id");
        let ours = argon2id();
        assert_eq!((ours.params().m_cost(), ours.params().t_cost()), (MEMORY_KIB, PASSES));
    }
}

//! Wordings that a rule looks for, prepared when the reader is compiled: most rules fail at their first word, and must
//! cost next to nothing there.

/// Several wordings, of which the longer ones stand first.
pub struct Wordings {
    /// Divided by `|`.
    text: &'static str,
    /// The marks of their first words.
    begins: [u64; 4],
}

/// `words!("power on|power up|start")`: wordings that are prepared once, by the compiler.
macro_rules! words {
    ($text:expr) => {
        &const { $crate::builtin::wordings::Wordings::new($text) }
    };
}
pub(crate) use words;

impl Wordings {
    /// Prepares wordings that are divided by `|`.
    pub const fn new(text: &'static str) -> Self {
        let bytes = text.as_bytes();
        let mut begins = [0; 4];
        let (mut at, mut mark, mut first) = (0, SEED, true);
        while at <= bytes.len() {
            let ends = at == bytes.len() || bytes[at] == b'|';
            if first && (ends || bytes[at] == b' ') {
                begins[(mark >> 6) as usize & 3] |= 1 << (mark & 63);
                first = false;
            } else if first {
                mark = marked(mark, bytes[at]);
            }
            if ends {
                (mark, first) = (SEED, true);
            }
            at += 1;
        }
        Self { text, begins }
    }

    /// All of them, divided by `|`.
    pub const fn text(&self) -> &'static str {
        self.text
    }

    /// Those that may begin with `word`, whose mark this is.
    pub fn beginning<'w>(&self, word: &'w str, mark: u8) -> impl Iterator<Item = &'static str> + use<'w> {
        let may = self.begins[usize::from(mark >> 6)] >> (mark & 63) & 1 == 1;
        let text = if may { self.text } else { "" };
        text.split('|').filter(move |wording| !wording.is_empty() && wording.starts_with(word))
    }
}

const SEED: u8 = 7;

const fn marked(mark: u8, byte: u8) -> u8 {
    (mark ^ byte).wrapping_mul(167).rotate_left(3)
}

/// The mark of a word: words with different marks differ.
pub fn mark(word: &str) -> u8 {
    word.bytes().fold(SEED, marked)
}

#[cfg(test)]
mod tests {
    use super::mark;

    #[test]
    fn only_wordings_that_may_begin_so_are_looked_at() {
        let wordings = words!("power on|start up|start|shut down");
        let found = |word: &str| wordings.beginning(word, mark(word)).collect::<Vec<_>>();
        assert_eq!(found("start"), ["start up", "start"]);
        assert_eq!(found("power"), ["power on"]);
        assert_eq!(found("stop"), Vec::<&str>::new());
        assert_eq!(found("down"), Vec::<&str>::new());
    }

    #[test]
    fn marks_are_spread() {
        let words =
            "create make build give set add remove delete on in of to for with and the its all each both start stop";
        let marks: std::collections::BTreeSet<u8> = words.split(' ').map(mark).collect();
        assert!(marks.len() + 2 >= words.split(' ').count(), "{marks:?}");
    }
}

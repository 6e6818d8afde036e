//! Wordings that a rule looks for, prepared when the reader is compiled: most rules fail at their first word, and must
//! cost next to nothing there.

/// Several wordings, of which the longer ones stand first.
pub struct Wordings {
    /// Divided by `|`.
    text: &'static str,
    /// The marks of their first words.
    begins: [u64; 4],
    /// Where each of them stands.
    each: &'static [Wording],
}

/// Where a wording stands in the text.
#[derive(Clone, Copy)]
pub struct Wording {
    /// The mark of its first word.
    mark: u8,
    start: usize,
    end: usize,
}

/// `words!("power on|power up|start")`: wordings that are prepared once, by the compiler.
macro_rules! words {
    ($text:expr) => {
        &const {
            const EACH: [$crate::builtin::wordings::Wording; $crate::builtin::wordings::count($text)] =
                $crate::builtin::wordings::each($text);
            $crate::builtin::wordings::Wordings::new($text, &EACH)
        }
    };
}
pub(crate) use words;

/// How many wordings `text` has.
pub const fn count(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut count, mut at) = (1, 0);
    while at < bytes.len() {
        count += (bytes[at] == b'|') as usize;
        at += 1;
    }
    count
}

/// Where each wording of `text` stands.
pub const fn each<const COUNT: usize>(text: &str) -> [Wording; COUNT] {
    let bytes = text.as_bytes();
    let mut each = [Wording { mark: SEED, start: 0, end: 0 }; COUNT];
    let (mut at, mut number, mut first) = (0, 0, true);
    while at < bytes.len() {
        if bytes[at] == b'|' {
            number += 1;
            each[number].start = at + 1;
            first = true;
        } else {
            first &= bytes[at] != b' ';
            if first {
                each[number].mark = marked(each[number].mark, bytes[at]);
            }
        }
        each[number].end = at + 1;
        at += 1;
    }
    each
}

impl Wordings {
    /// The wordings of `text`, which stand where `each` says.
    pub const fn new(text: &'static str, each: &'static [Wording]) -> Self {
        let mut begins = [0; 4];
        let mut at = 0;
        while at < each.len() {
            let mark = each[at].mark;
            begins[(mark >> 6) as usize & 3] |= 1 << (mark & 63);
            at += 1;
        }
        Self { text, begins, each }
    }

    /// All of them, divided by `|`.
    pub const fn text(&self) -> &'static str {
        self.text
    }

    /// Whether one of them may begin with a word of this mark.
    #[inline]
    pub const fn may_begin(&self, mark: u8) -> bool {
        self.begins[(mark >> 6) as usize] >> (mark & 63) & 1 == 1
    }

    /// Those that may begin with `word`, whose mark this is.
    pub fn beginning<'w>(&self, word: &'w str, mark: u8) -> impl Iterator<Item = &'static str> + use<'w> {
        let text = self.text;
        self.each
            .iter()
            .filter(move |wording| wording.mark == mark)
            .map(move |wording| &text[wording.start..wording.end])
            .filter(move |wording| !word.is_empty() && wording.starts_with(word))
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

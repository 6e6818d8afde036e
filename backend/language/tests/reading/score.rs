//! The verdicts on one half of the corpus, counted.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::case::{Case, Due, cases};
use crate::judge::{Judged, Verdict, judge};
use crate::world::worlds;

/// One half of the corpus.
pub struct Score {
    /// `dev` or `held-out`.
    pub half: &'static str,
    /// Those that can be planned.
    pub plannable: usize,
    /// Of those, the ones of which exactly what was said would be there.
    pub exact: usize,
    /// Of those, the ones that were asked about.
    pub asked: usize,
    /// Plans that do something else.
    pub misread: usize,
    /// Plans where a question was due.
    pub not_asked: usize,
    /// Those that must be asked about or refused, and were.
    pub held: usize,
    /// Of those, the ones whose question names the words that it is about.
    pub named: usize,
    judged: Vec<(Case, Judged)>,
}

impl Score {
    /// Judges all of `half`.
    pub fn of(half: &'static str) -> Self {
        // What Proxmox would refuse is a verdict, not a failure of the test.
        std::panic::set_hook(Box::new(|_| {}));
        let worlds = worlds();
        let judged: Vec<(Case, Judged)> = cases(half)
            .into_iter()
            .map(|case| {
                let verdict = judge(&case, &worlds);
                (case, verdict)
            })
            .collect();
        drop(std::panic::take_hook());
        let count = |planned: bool, verdict: Verdict| {
            let of = |(case, (is, _)): &&(Case, Judged)| *is == verdict && matches!(case.due, Due::Plan(_)) == planned;
            judged.iter().filter(of).count()
        };
        let named =
            judged.iter().filter(|(case, (_, why))| matches!(case.due, Due::Question(_)) && why.is_empty()).count();
        Self {
            half,
            plannable: judged.iter().filter(|(case, _)| matches!(case.due, Due::Plan(_))).count(),
            exact: count(true, Verdict::Exact),
            asked: count(true, Verdict::Asked),
            misread: count(true, Verdict::Misread),
            not_asked: count(false, Verdict::Unsafe),
            held: count(false, Verdict::Exact),
            named,
            judged,
        }
    }

    /// Everything that is not as it must be, a declaration a paragraph.
    pub fn wrong(&self) -> String {
        let wrong = self.judged.iter().filter(|(_, (verdict, why))| *verdict != Verdict::Exact || !why.is_empty());
        let paragraph =
            |(case, (verdict, why)): &(Case, Judged)| format!("{verdict:?} {} {:?}\n      {why}\n", case.at, case.say);
        wrong.map(paragraph).collect()
    }

    /// The sums in a sentence.
    pub fn line(&self) -> String {
        format!(
            "{}: {} declarations; {} of {} that can be planned are exact ({:.1} %), asked instead {}, misread {}, unsafe {}; rightly held \
             back {}, {} of them by a question that names the words",
            self.half,
            self.judged.len(),
            self.exact,
            self.plannable,
            per_cent(self.exact, self.plannable),
            self.asked,
            self.misread,
            self.not_asked,
            self.held,
            self.named,
        )
    }

    /// Exact and all, by subject.
    fn by_subject(&self) -> BTreeMap<String, (usize, usize)> {
        let mut subjects = BTreeMap::new();
        for (case, (verdict, _)) in &self.judged {
            let subject = case.at.split(['/', ':']).nth(1).unwrap_or_default().to_owned();
            let (exact, all): &mut (usize, usize) = subjects.entry(subject).or_default();
            *all += 1;
            *exact += usize::from(*verdict == Verdict::Exact);
        }
        subjects
    }
}

fn per_cent(part: usize, whole: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    100.0 * number(part) / number(whole.max(1))
}

/// The numbers as docs/READING.md has them.
pub fn table(halves: &[Score]) -> String {
    let mut text = String::from(
        "| half | declarations | can be planned | exact | asked instead | misread | unsafe | rightly held back |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for score in halves {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} ({:.1} %) | {} | {} | {} | {} of {} |",
            score.half,
            score.judged.len(),
            score.plannable,
            score.exact,
            per_cent(score.exact, score.plannable),
            score.asked,
            score.misread,
            score.not_asked,
            score.held,
            score.judged.len() - score.plannable,
        );
    }
    text.push_str("\nExact or rightly held back, by subject:\n\n| subject | dev | held-out |\n|---|---|---|\n");
    let subjects: Vec<_> = halves.iter().map(Score::by_subject).collect();
    let all: std::collections::BTreeSet<&String> = subjects.iter().flat_map(BTreeMap::keys).collect();
    for subject in all {
        let cell = |of: &BTreeMap<String, (usize, usize)>| {
            of.get(subject).map_or_else(|| "–".to_owned(), |(exact, all)| format!("{exact} of {all}"))
        };
        let cells: Vec<String> = subjects.iter().map(cell).collect();
        let _ = writeln!(text, "| {subject} | {} |", cells.join(" | "));
    }
    text
}

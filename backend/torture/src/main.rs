//! `torture`: crash points, pairs of them, and whole lives, at any size.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use mycopod_sandbox::Snapshot;
use mycopod_torture::deeds::{DEEDS, Deed};
use mycopod_torture::lab::Lab;
use mycopod_torture::points::{self, Case, Prepared};
use mycopod_torture::time::Chance;
use mycopod_torture::{SCALE, life};

/// Runs MycoPod over a sandbox and a real PostgreSQL, lets it die at every point, and says what was wrong.
#[derive(Parser)]
struct Arguments {
    /// Every crash point of every deed
    #[arg(long)]
    points: bool,
    /// So many pairs of things that go wrong in one run
    #[arg(long, default_value_t = 0)]
    pairs: u64,
    /// So many whole lives
    #[arg(long, default_value_t = 0)]
    lives: u64,
    /// The seed that everything follows from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only the deed of this name, or those of which the name contains it
    #[arg(long, default_value = "")]
    deed: String,
    /// Only this exchange, with everything that comes late at every distance: its number, or a part of its label; after
    /// commas, what comes after it
    #[arg(long)]
    at: Option<String>,
    /// Only every n-th case
    #[arg(long, default_value_t = 1)]
    every: usize,
    /// Print the exchanges of a run in which nothing goes wrong
    #[arg(long)]
    list: bool,
    /// Stop at the first violation
    #[arg(long)]
    first: bool,
    /// Write MycoPod’s own log to standard error, for a single run: a filter, such as warn,mycopod=debug
    #[arg(long)]
    log: Option<String>,
}

/// How often a long run says how far it is, in lives.
const TELL_EVERY: u64 = 500;

#[derive(Default)]
struct Tally {
    runs: u64,
    wrong: u64,
    time: Duration,
}

impl Tally {
    fn note(&mut self, what: &str, wrong: &[String]) {
        self.runs += 1;
        if !wrong.is_empty() {
            self.wrong += 1;
            println!("VIOLATION {what}");
            for wrong in wrong {
                println!("    {wrong}");
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate, to be read")]
    fn tell(&self, what: &str) {
        let minutes = self.time.as_secs_f64() / 60.0;
        println!(
            "{} {what}, {} with violations, in {:.0} s: {:.0} a minute",
            self.runs,
            self.wrong,
            self.time.as_secs_f64(),
            self.runs as f64 / minutes.max(1e-9)
        );
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(filter) = &arguments.log {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    let wrong = runtime.expect("a runtime").block_on(run(&arguments));
    if wrong { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

async fn run(arguments: &Arguments) -> bool {
    let mut lab = Lab::new(SCALE).await;
    let pristine = points::pristine(&mut lab);
    let mut wrong = false;
    if arguments.points || arguments.pairs > 0 || arguments.list {
        wrong |= deeds(&mut lab, &pristine, arguments).await;
    }
    if arguments.lives > 0 {
        let mut tally = Tally::default();
        let started = Instant::now();
        for seed in arguments.seed..arguments.seed.saturating_add(arguments.lives) {
            let found = life::live(&mut lab, &pristine, seed).await;
            tally.note(&format!("life {seed}: torture --lives 1 --seed {seed}"), &found);
            if tally.runs.is_multiple_of(TELL_EVERY) && tally.runs < arguments.lives {
                tally.time = started.elapsed();
                tally.tell("lives so far");
            }
            if arguments.first && tally.wrong > 0 {
                break;
            }
        }
        tally.time = started.elapsed();
        tally.tell(&format!("lives from seed {}", arguments.seed));
        wrong |= tally.wrong > 0;
    }
    wrong
}

async fn deeds(lab: &mut Lab, pristine: &Snapshot, arguments: &Arguments) -> bool {
    let (mut singles, mut pairs) = (Tally::default(), Tally::default());
    let (mut points, mut fewest) = (0, usize::MAX);
    let mut chance = Chance::new(arguments.seed);
    let is_named = DEEDS.iter().any(|deed| deed.name == arguments.deed);
    let wanted = |deed: &&Deed| deed.name == arguments.deed || !is_named && deed.name.contains(&arguments.deed);
    let deeds: Vec<_> = DEEDS.iter().filter(wanted).collect();
    for (n, deed) in deeds.iter().enumerate() {
        let prepared = match points::prepare(lab, pristine, deed, arguments.seed).await {
            Ok(prepared) => prepared,
            Err(why) => {
                singles.note(deed.name, &[why]);
                if arguments.first {
                    return true;
                }
                continue;
            }
        };
        let cases = match &arguments.at {
            None => prepared.cases(),
            Some(path) => prepared.find(path).map(|at| prepared.thoroughly(at)).unwrap_or_default(),
        };
        println!("{}: {} points, {} cases", deed.name, prepared.count(), cases.len());
        points += prepared.count();
        fewest = fewest.min(prepared.count());
        if arguments.list {
            for (n, point) in prepared.points.iter().enumerate() {
                println!("  {:3} {:?} {}", n + 1, point.side, point.label);
            }
        }
        if arguments.points {
            let started = Instant::now();
            for case in cases.iter().step_by(arguments.every.max(1)) {
                try_out(lab, &prepared, case, &mut singles).await;
                if arguments.first && singles.wrong > 0 {
                    return true;
                }
            }
            singles.time += started.elapsed();
        }
        let share = arguments.pairs / deeds.len() as u64 + u64::from((n as u64) < arguments.pairs % deeds.len() as u64);
        let started = Instant::now();
        for _ in 0..share {
            let case = prepared.pair(&mut chance);
            try_out(lab, &prepared, &case, &mut pairs).await;
        }
        pairs.time += started.elapsed();
    }
    println!("{} deeds with {points} points, {fewest} at least", deeds.len());
    if singles.runs > 0 {
        singles.tell("single cases");
    }
    if pairs.runs > 0 {
        pairs.tell(&format!("pairs from seed {}", arguments.seed));
    }
    singles.wrong + pairs.wrong > 0
}

async fn try_out(lab: &mut Lab, prepared: &Prepared, case: &Case, tally: &mut Tally) {
    let wrong = prepared.run(lab, case).await;
    let at = usize::try_from(case.fates[0].0).unwrap_or(1);
    let label = prepared.points.get(at - 1).map_or("", |point| point.label.as_str());
    tally.note(&format!("{case} [{label}]"), &wrong);
}

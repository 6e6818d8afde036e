#!/usr/bin/env python3
"""Tries a seeded sample of cargo-mutants’ mutants of planner and engine: `scripts/torture --cargo-mutants [N]` runs it.

Built one by one they take a day. So all are built at once, each behind a switch: a function’s body becomes
`if mutant(17) { changed body } else { body }`. A first run of all tests notes which of them reaches which mutant; then each
mutant is tried by those that reach it, the quickest first, until one fails. What was found is kept in target/cargo-mutants,
and the next run goes on from there: a mutant that was caught stays so while its function is as it was, and one that was
missed is tried again when anything has changed."""
import concurrent.futures, functools, hashlib, json, os, re, shutil, signal, subprocess, sys, time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HOME = ROOT / 'target/cargo-mutants'
TREE = HOME / 'tree'
# Not the tree’s that it was copied from: cargo takes the two for one, and would put what is mutated here into programs there.
TARGET = HOME / 'target'
SEED = 4
MUTATED = {'mycopod-core': ['backend/core/src/planner*', 'backend/core/src/planner/**'], 'mycopod-engine': ['backend/engine/src/**']}
TESTED_BY = [*MUTATED, 'mycopod-server', 'mycopod-torture']
JOBS = int(os.environ.get('JOBS', os.cpu_count()))
PROFILE = os.environ.get('TORTURE_PROFILE', 'dev')
# A mutant that so much time of tests has not caught is missed: all tests that reach the heart of the engine take far longer.
SECONDS = int(os.environ.get('MUTANT_SECONDS', 240))
# A test ends by then, unless the mutant lets it wait or loop for ever: a busy machine needs not ten times as long.
def longest(seconds): return 30 + 10 * seconds
# One that only grows takes no more of the machine than this.
MEMORY_KIB = 8 << 20
SWITCH = '''
#[doc(hidden)]
#[allow(missing_docs, clippy::all, clippy::pedantic, clippy::disallowed_methods)]
pub fn mutant(number: u32) -> bool {
    use std::{collections::BTreeSet, env, fs, io::Write, sync::{LazyLock, Mutex}};
    static CHOSEN: LazyLock<u32> = LazyLock::new(|| env::var("MUTANT").map_or(0, |text| text.parse().unwrap_or(0)));
    static REACHED: LazyLock<Option<String>> = LazyLock::new(|| env::var("MUTANTS_REACHED").ok());
    static TOLD: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());
    if let Some(path) = &*REACHED && TOLD.lock().is_ok_and(|mut told| told.insert(number))
        && let Ok(mut file) = fs::OpenOptions::new().create(true).append(true).open(path) {
        let _ = file.write_all(format!("{number}\\n").as_bytes());
    }
    *CHOSEN == number
}
'''

def run(*command, **more):
    return subprocess.run(command, check=True, text=True, capture_output=True, cwd=ROOT, **more).stdout

@functools.cache
def original(file):
    """As it was when its mutants were listed: whoever edits it meanwhile must not move their places."""
    return (ROOT / file).read_text()

def offset(text, place):
    lines = text.split('\n')
    return sum(len(line) + 1 for line in lines[:place['line'] - 1]) + place['column'] - 1

class Mutant:
    def __init__(self, found):
        self.name, self.package, self.file = found['name'], found['package'], found['file']
        self.within, self.span, self.replacement = found['function'], found['span'], found['replacement']
        # Line numbers come and go; what it changes within which lines stays.
        what = re.sub(r'^@@.*$', '', found['diff'], flags=re.M)
        self.key = hashlib.sha256(f'{SEED} {what}'.encode()).hexdigest()[:24]

    def body(self, text):
        """Where the body of its function begins and ends, braces included, and where the function itself begins."""
        start, end = (offset(text, self.within['span'][at]) for at in ('start', 'end'))
        attributes = re.match(r'(\s*(///|//|#\[).*\n)*', text[start:end]).end()
        return start + attributes, text.index('{', start + attributes), end

    def can_switch(self, text):
        """A constant has no body; a function that returns a hidden type has one type for both ways."""
        if not self.within: return False
        start, body, _ = self.body(text)
        return not re.search(r'->[^{]*\bimpl\b', text[start:body])

    def changed(self, text):
        """The body as the mutant has it."""
        _, begin, end = self.body(text)
        at, to = (offset(text, self.span[which]) for which in ('start', 'end'))
        return text[begin:at] + self.replacement + ' ' + text[to:end]

def mutants(count):
    """Those of the sample, in an order that follows from the seed; and how many there are in each package."""
    files = [word for patterns in MUTATED.values() for pattern in patterns for word in ('--file', pattern)]
    packages = [word for package in MUTATED for word in ('--package', package)]
    every = [Mutant(found) for found in json.loads(run('cargo', 'mutants', '--list', '--json', '--diff', *packages, *files))]
    every = [mutant for mutant in every if mutant.can_switch(original(mutant.file))]
    return sorted(every, key=lambda mutant: mutant.key)[:count], Counter(mutant.package for mutant in every)

def write(sample, without):
    """Writes the tree with all of the sample but `without`, and says which lines of which file are whose."""
    lines = {}
    for file in sorted({mutant.file for mutant in sample}):
        text = before = original(file)
        called = 'crate::mutant' if 'backend/core/' in file else 'mycopod_core::mutant'
        whole = {}
        for number, mutant in enumerate(sample, 1):
            if mutant.file == file and number not in without:
                whole.setdefault(mutant.body(before), []).append((number, mutant))
        # From the end, so that what is before stays where it is.
        edits = []
        for (start, begin, end), of in sorted(whole.items(), reverse=True):
            signature = re.sub(r'\bconst (?=fn\b)', '', text[start:begin])
            ways = [(number, f'if {called}({number})\n{mutant.changed(before)}\nelse ') for number, mutant in of]
            body = f'{signature}{{\n' + ''.join(way for _, way in ways) + f'{text[begin:end]}\n}}'
            edits = [(at + body.count('\n') - text[start:end].count('\n'), long, number) for at, long, number in edits]
            at = text[:start].count('\n') + signature.count('\n') + 1
            for number, way in ways:
                edits.append((at, way.count('\n'), number))
                at += way.count('\n')
            text = text[:start] + body + text[end:]
        lines[file] = edits
        if (TREE / file).read_text() != text: (TREE / file).write_text(text)
    return lines

def build(sample):
    """Builds the tests with all mutants; leaves out, and returns, those that do not build. Keeps the programs."""
    unviable = set()
    packages = [word for package in TESTED_BY for word in ('--package', package)]
    while True:
        lines = write(sample, unviable)
        built = subprocess.run(['cargo', 'test', '--locked', '--no-run', '--message-format', 'json', '--profile', PROFILE, '--lib', '--tests', *packages],
                               cwd=TREE, env={**os.environ, 'CARGO_TARGET_DIR': str(TARGET)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        told = [json.loads(line) for line in built.stdout.splitlines() if line.startswith('{')]
        if built.returncode == 0: break
        errors = [message['message'] for message in told if message['reason'] == 'compiler-message' and message['message']['level'] == 'error']
        found = {number for error in errors for span in error['spans'] for at, long, number in lines.get(span['file_name'], [])
                 if at < span['line_start'] <= at + long}
        if not found: sys.exit('mutants: the tree does not build:\n' + '\n'.join(error['rendered'] for error in errors) + built.stderr[-3000:])
        print(f'{len(found)} mutants do not build', flush=True)
        unviable |= found
    # The next build overwrites them.
    shutil.rmtree(HOME / 'programs', ignore_errors=True)
    (HOME / 'programs').mkdir()
    programs = []
    for made in told:
        if made['reason'] == 'compiler-artifact' and made.get('executable') and made['profile']['test']:
            kept = HOME / 'programs' / Path(made['executable']).name
            shutil.copy2(made['executable'], kept)
            programs.append((str(kept), str(Path(made['manifest_path']).parent)))
    return sorted(unviable), programs

def attempt(test, limit, **environment):
    """Runs one test alone: 'passed', 'failed' or 'timeout', and the seconds that it took."""
    program, folder, name = test
    environment = {**os.environ, 'INSTA_UPDATE': 'no', 'INSTA_WORKSPACE_ROOT': str(TREE), 'PROPTEST_DISABLE_FAILURE_PERSISTENCE': 'true', **environment}
    began = time.monotonic()
    process = subprocess.Popen(['sh', '-c', f'ulimit -v {MEMORY_KIB}; exec "$@"', 'sh', program, '--exact', name], cwd=folder, env=environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        end = 'passed' if process.wait(limit) == 0 else 'failed'
    except subprocess.TimeoutExpired:
        end = 'timeout'
        os.killpg(process.pid, 9)
        process.wait()
    return end, time.monotonic() - began

def first_run(programs, pool):
    """Which tests reach each mutant, with their seconds, the quickest first."""
    tests = [(program, folder, line.removesuffix(': test')) for program, folder in programs
             for line in subprocess.run([program, '--list', '--format', 'terse'], cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()
             if line.endswith(': test')]
    notes = HOME / 'notes'
    shutil.rmtree(notes, ignore_errors=True)
    notes.mkdir()
    def look(numbered):
        number, test = numbered
        note = notes / str(number)
        end, seconds = attempt(test, 900, MUTANTS_REACHED=str(note))
        if end != 'passed': print(f'without any mutant {test[2]} {end}: it is not used', flush=True)
        return test, seconds, {int(line) for line in note.read_text().split()} if note.exists() and end == 'passed' else set()
    reached = {}
    for test, seconds, numbers in pool.map(look, enumerate(tests)):
        for number in numbers: reached.setdefault(number, []).append((seconds, test))
    return {number: sorted(tests) for number, tests in reached.items()}

def verdict(number, tests):
    """How one mutant ends, by which test, and after how long."""
    spent = 0.0
    for clean, test in tests:
        if spent >= SECONDS: break
        end, seconds = attempt(test, longest(clean), MUTANT=str(number))
        spent += seconds
        # Once may be the machine’s fault.
        if end == 'failed': end = attempt(test, longest(clean), MUTANT=str(number))[0]
        if end != 'passed': return ('caught' if end == 'failed' else 'timeout'), test[2], spent
    return 'missed', f'{len(tests)} tests reach it', spent

def state():
    """What the outcome depends on: all code, committed or not."""
    untracked = run('git', 'ls-files', '--others', '--exclude-standard', 'backend').split()
    text = run('git', 'rev-parse', 'HEAD:backend') + run('git', 'diff', 'HEAD', '--', 'backend') + ''.join((ROOT / file).read_text() for file in untracked)
    return hashlib.sha256(text.encode()).hexdigest()[:16]

def copy_tree():
    TREE.mkdir(parents=True, exist_ok=True)
    files = run('git', 'ls-files', '--cached', '--others', '--exclude-standard').splitlines()
    for file in files:
        source, target = ROOT / file, TREE / file
        if not source.is_file(): continue
        text = source.read_bytes() + (SWITCH.encode() if file == 'backend/core/src/lib.rs' else b'')
        if not target.exists() or target.read_bytes() != text:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(text)
            shutil.copymode(source, target)
    for stale in {str(path.relative_to(TREE)) for path in TREE.glob('backend/**/*.rs')} - set(files): (TREE / stale).unlink()

def results():
    """By key, the newest of each: state, verdict, by, seconds."""
    file = HOME / 'results'
    return {line.split('\t')[0]: line.split('\t')[1:] for line in file.read_text().splitlines()} if file.exists() else {}

def tell(sample, every):
    """Prints what is known of the sample, and writes it into docs/TORTURE.md."""
    known = results()
    table = ['| | mutants | in the sample | tried | do not build | caught | of these by time-out | missed | share caught |', '|---|---|---|---|---|---|---|---|---|']
    for name, packages in [*((package.removeprefix('mycopod-'), [package]) for package in MUTATED), ('both', list(MUTATED))]:
        of = [mutant for mutant in sample if mutant.package in packages]
        ends = Counter(known[mutant.key][1] for mutant in of if mutant.key in known)
        caught = ends['caught'] + ends['timeout']
        share = f'{100 * caught / (caught + ends["missed"]):.1f} %' if caught + ends['missed'] else ''
        table.append(f'| {name} | {sum(every[package] for package in packages):,} | {len(of)} | {ends.total()} | {ends["unviable"]} | {caught} | {ends["timeout"]} | {ends["missed"]} | {share} |')
    missed = [mutant for mutant in sample if known.get(mutant.key, ['', ''])[1] == 'missed']
    for mutant in missed: print(f'missed: {mutant.name} ({known[mutant.key][2]})')
    print('\n'.join(table))
    text = '\n'.join(table) + f'\n\nSeed {SEED}, on {time.strftime("%F")}, at commit {run("git", "rev-parse", "--short", "HEAD").strip()}.\n'
    document = ROOT / 'docs/TORTURE.md'
    document.write_text(re.sub(r'(<!-- cargo-mutants -->\n).*?(<!-- end -->)', lambda found: found[1] + text + found[2], document.read_text(), flags=re.S))

def main():
    if not shutil.which('cargo-mutants'): run('cargo', 'install', '--locked', 'cargo-mutants')
    HOME.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sample, every = mutants(int(sys.argv[1]))
    now, known = state(), results()
    def is_open(mutant):
        of, end = known.get(mutant.key, ['', ''])[:2]
        return not end or (end == 'missed' and of != now)
    left = [number for number, mutant in enumerate(sample, 1) if is_open(mutant)]
    def note(number, end, by, seconds):
        with open(HOME / 'results', 'a') as file: file.write(f'{sample[number - 1].key}\t{now}\t{end}\t{by}\t{seconds:.0f}\t{sample[number - 1].name}\n')
        print(f'{end:8} {seconds:4.0f} s  {sample[number - 1].name} ({by})', flush=True)
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        prepared = HOME / f'prepared-{now}-{len(sample)}.json'
        if left and not prepared.exists():
            copy_tree()
            unviable, programs = build(sample)
            for number in set(unviable) & set(left): note(number, 'unviable', '', 0)
            print('all others are built; which test reaches which?', flush=True)
            for old in HOME.glob('prepared-*.json'): old.unlink()
            prepared.write_text(json.dumps([unviable, first_run(programs, pool)]))
        if left:
            unviable, reached = json.loads(prepared.read_text())
            left = [number for number in left if number not in unviable]
            def attend(number): return number, *verdict(number, reached.get(str(number), []))
            try:
                for done in concurrent.futures.as_completed([pool.submit(attend, number) for number in left]): note(*done.result())
            except KeyboardInterrupt: pool.shutdown(cancel_futures=True)
    tell(sample, every)

if __name__ == '__main__': main()

"""What scripts/chaos and scripts/ha-drill share: processes that are killed, a proxy that disturbs, a client that never
gives up, and the reckoning at the end. Python's own library alone."""
import http.client, json, os, random, re, signal, socket, ssl, subprocess, sys, tempfile, threading, time, urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOKEN = 'root@pam!drill=SECRET'
EMAIL, PASSWORD = 'admin@example.org', 'correct-horse-battery-7'
# Longer than anything here takes on a busy machine.
PATIENCE = 240
UNDER_WAY = ('reading', 'approved', 'applying')

def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]

def say(text):
    print(f'{time.monotonic() - STARTED:7.1f} s  {text}', flush=True)

STARTED = time.monotonic()

def fail(text):
    raise SystemExit(f'{Path(sys.argv[0]).name}: {text}')

def postgres_bin():
    found = sorted(Path('/usr/lib/postgresql').glob('*/bin'), key=lambda path: int(path.parent.name))
    if not found: fail('PostgreSQL is missing: apt-get install postgresql')
    return found[-1]

def as_postgres():
    """PostgreSQL refuses to run as root."""
    return ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups', '--'] if os.getuid() == 0 else []

class Process:
    """A process of ours, in a session of its own, with its log."""
    def __init__(self, name, folder, arguments, env=None, cwd=None):
        self.name, self.log, self.arguments = name, Path(folder) / f'{name}.log', arguments
        self.env, self.cwd, self.process, self.starting = env, cwd, None, threading.Lock()

    def start(self):
        """Starts it, unless somebody else did meanwhile: a second one would be known to nobody, and outlive the drill."""
        with self.starting:
            if self.runs(): return
            self.from_byte = self.log.stat().st_size if self.log.exists() else 0
            with open(self.log, 'ab') as log:
                self.process = subprocess.Popen(self.arguments, env=self.env, cwd=self.cwd or self.log.parent, stdin=subprocess.DEVNULL,
                                                stdout=log, stderr=log, start_new_session=True)

    def said(self):
        """What it has written since it was last started."""
        with open(self.log, 'rb') as log:
            log.seek(self.from_byte)
            return log.read().decode(errors='replace')

    def wait_for(self, pattern, within=90):
        deadline = time.monotonic() + within
        while not (found := re.search(pattern, self.said())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                fail(f'{self.name} did not say “{pattern}”; its log ends:\n{self.said()[-3000:]}')
            time.sleep(0.05)
        return found

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def send(self, number):
        """A signal to it and all its children."""
        if self.runs():
            try: os.killpg(self.process.pid, number)
            except ProcessLookupError: pass

    def kill(self):
        self.send(signal.SIGKILL)
        if self.process: self.process.wait()

    def stop(self, within=60):
        self.send(signal.SIGCONT)
        if self.runs(): self.process.terminate()
        if self.process:
            try: self.process.wait(within)
            except subprocess.TimeoutExpired: self.kill()

class Proxy:
    """Passes TCP connections on, and cuts, delays or truncates them when told to."""
    def __init__(self, target, rng):
        self.target, self.rng, self.pairs, self.lock = target, rng, set(), threading.Lock()
        self.delay, self.until, self.truncate = 0.0, 0.0, False
        self.listener = socket.create_server(('127.0.0.1', 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            try: server = socket.create_connection(('127.0.0.1', self.target), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for end in (client, server): end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock: self.pairs.add((client, server))
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(a, b, (client, server)), daemon=True).start()

    def pump(self, a, b, pair):
        try:
            while data := a.recv(65536):
                if time.monotonic() < self.until:
                    if self.delay: time.sleep(self.delay)
                    if self.truncate and self.rng.random() < 0.3:
                        b.sendall(data[:self.rng.randrange(len(data))])
                        break
                b.sendall(data)
        except OSError: pass
        self.close(pair)

    def close(self, pair):
        with self.lock: self.pairs.discard(pair)
        for end in pair:
            try: end.shutdown(socket.SHUT_RDWR)
            except OSError: pass
            end.close()

    def cut(self):
        with self.lock: pairs = list(self.pairs)
        for pair in pairs: self.close(pair)

    def disturb(self, seconds, delay=0.0, truncate=False):
        self.delay, self.truncate, self.until = delay, truncate, time.monotonic() + seconds

class Postgres(Process):
    """One server that survives `kill -9`: what it confirmed was handed to the system's files."""
    def __init__(self, folder, data):
        self.bin, self.data, self.port = postgres_bin(), Path(data) / 'pg', free_port()
        super().__init__('postgres', folder, as_postgres() + [str(self.bin / 'postgres'), '-D', str(self.data), '-p', str(self.port), '-c', 'listen_addresses=127.0.0.1',
                         '-c', f'unix_socket_directories={data}', '-c', 'fsync=off', '-c', 'synchronous_commit=on', '-c', 'max_connections=100', '-c', 'jit=off',
                         '-c', 'max_wal_size=64MB', '-c', 'min_wal_size=32MB'])
        made = subprocess.run(as_postgres() + [str(self.bin / 'initdb'), '--no-sync', '--username', 'mycopod', '--auth', 'trust', '--encoding', 'UTF8', '--no-locale',
                              '--wal-segsize', '8', '--pgdata', str(self.data)], cwd='/', capture_output=True, text=True)
        if made.returncode: fail(made.stderr)

    def start(self):
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            super().start()
            while self.runs() and time.monotonic() < deadline:
                if 'ready to accept connections' in self.said(): return
                time.sleep(0.05)
            # The children of one that was killed need a moment to notice.
            time.sleep(0.2)
        fail(f'PostgreSQL does not start: {self.said()[-2000:]}')

class Sandbox(Process):
    def __init__(self, binary, folder, scale):
        self.ca, self.port = Path(folder) / 'ca.pem', free_port()
        super().__init__('sandbox', folder, [str(binary), 'sandbox', '--listen', f'127.0.0.1:{self.port}', '--token', TOKEN, '--time-scale', str(scale), '--ca-out', str(self.ca)])

    def get(self, path):
        context = ssl.create_default_context(cafile=self.ca)
        connection = http.client.HTTPSConnection('127.0.0.1', self.port, context=context, timeout=30)
        connection.request('GET', '/api2/json' + path, headers={'Authorization': f'PVEAPIToken={TOKEN}'})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200: fail(f'the sandbox says {answer.status} {answer.reason} to GET {path}')
        return json.loads(body)['data']

    def nodes(self):
        return [node['node'] for node in self.get('/nodes')]

    def guests(self):
        """Name → the VMIDs that bear it."""
        found = {}
        for node in self.nodes():
            for guest in self.get(f'/nodes/{node}/qemu'): found.setdefault(guest['name'], []).append(guest['vmid'])
        return found

    def tasks(self):
        """Type → how many were submitted."""
        counted = {}
        for node in self.nodes():
            for task in self.get(f'/nodes/{node}/tasks?source=all&limit=100000'): counted[task['type']] = counted.get(task['type'], 0) + 1
        return counted

class Replica(Process):
    """A `mycopod serve` of several on one database."""
    def __init__(self, binary, folder, name, database, pve_port, ca, **more):
        port = free_port()
        env = {'PATH': os.environ.get('PATH', ''), 'HOME': str(folder), 'DATABASE_URL': database, 'PROXMOX_API_URL': f'https://127.0.0.1:{pve_port}',
               'PROXMOX_API_TOKEN': TOKEN, 'PROXMOX_CA_FILE': str(ca), 'MYCOPOD_DATA_DIR': str(Path(folder) / name), 'MYCOPOD_SECRET_FILE': str(Path(folder) / 'secret'),
               'MYCOPOD_LISTEN': f'127.0.0.1:{port}', 'MYCOPOD_ADMIN_EMAIL': EMAIL, 'MYCOPOD_ADMIN_PASSWORD': PASSWORD, 'MYCOPOD_LOG': 'warn,mycopod=info', **more}
        super().__init__(name, folder, [str(binary), 'serve'], env, folder)
        self.port = port

class Unknown(Exception):
    """Nobody confirmed it, and it may have been done."""

class Client:
    """Uses whichever replica answers. What was not confirmed is looked at before it is sent again."""
    def __init__(self, replicas):
        self.replicas, self.token, self.asked, self.unconfirmed = replicas, None, 0, 0

    def once(self, method, path, body=None, timeout=10):
        self.asked += 1
        replica = self.replicas[self.asked % len(self.replicas)]
        connection = http.client.HTTPConnection('127.0.0.1', replica.port, timeout=timeout)
        headers = {'Content-Type': 'application/json'}
        if self.token: headers['Authorization'] = f'Bearer {self.token}'
        try:
            connection.request(method, '/api/v1' + path, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unknown(str(error))
        finally:
            connection.close()
        if answer.status >= 500: raise Unknown(f'{answer.status} {data[:200]!r}')
        try: return answer.status, json.loads(data) if data else None
        except ValueError: raise Unknown(f'{answer.status} with a body that breaks off')

    def login(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                status, session = self.once('POST', '/login', {'email': EMAIL, 'password': PASSWORD})
                if status == 200:
                    self.token = session['token']
                    return
            except Unknown: pass
            time.sleep(0.3)
        fail('nobody can log in')

    def get(self, path):
        """Asks until somebody answers."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                status, data = self.once('GET', path)
                if status == 200: return data
                if status == 401: self.login()
                elif status == 404: return None
                elif status != 429: fail(f'GET {path}: {status} {data}')
            except Unknown: pass
            time.sleep(0.2)
        fail(f'GET {path}: no answer')

    def find(self, content):
        """The declarations of that text that were not called off. Each text is said once at a time."""
        return [row for row in self.all() if row['content'] == content and row['status'] != 'cancelled']

    def all(self):
        """All declarations, page by page."""
        rows, before = [], ''
        while page := self.get(f'/declarations?limit=200{before}'):
            rows += page
            before = f'&before={page[-1]["id"]}'
        return rows

    def declare(self, content):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                status, made = self.once('POST', '/declarations', {'content': content})
                if status in (200, 201, 202): return made['id']
                if status == 401: self.login()
                elif status != 429: fail(f'declare: {status} {made}')
            except Unknown:
                self.unconfirmed += 1
                # A commit may wait for a standby longer than anybody for its answer. Once a later write is confirmed (a
                # log-in is one), it was kept or never will be.
                self.login()
                if known := self.find(content): return known[0]['id']
        fail('nobody takes a declaration')

    def settled(self, id):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = self.get(f'/declarations/{id}?wait=5')
            if found is None: return None
            if found['status'] not in UNDER_WAY: return found
        fail(f'{id} does not come to an end: {json.dumps(found)[:2000]}')

    def confirm(self, id):
        """Approves whatever plan stands, until somebody says that it was, or that it is under way already."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            found = self.settled(id)
            if found['status'] != 'awaiting_approval': return found['status']
            steps = found['plan']['steps']
            destroy = sorted({step['guest']['name'] for step in steps if step['effect'] == 'destroy' and step['guest']})
            try:
                status, answer = self.once('POST', f'/declarations/{id}/confirm', {'plan_digest': found['plan']['digest'], 'destroy': destroy})
                if status in (200, 202, 204): return 'acknowledged'
                if status == 401: self.login()
                elif status not in (409, 429): fail(f'confirm: {status} {answer}')
            except Unknown: self.unconfirmed += 1
            time.sleep(0.2)
        fail(f'{id} cannot be confirmed')

class Applies:
    """Declarations that are said, confirmed and carried out while things break, and what must be so afterwards."""
    def __init__(self, client_of, count, at_once):
        self.client_of, self.ids, self.acknowledged, self.problems, self.unconfirmed = client_of, {}, set(), [], 0
        self.said = {}
        # How many guests there are, and how many there are to be: without a number, until it is enough.
        self.count, self.most, self.enough, self.lock = 0, count, threading.Event(), threading.Lock()
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(at_once)]

    def texts(self, n):
        """One guest's life, each deed with the task that it takes once."""
        yield 'qmcreate', f'create a vm called drill-{n} with 1 core, 512 MB memory and a 1 GB disk'
        yield 'qmstart', f'start drill-{n}'
        if n % 2 == 0: yield 'qmsnapshot', f'take a snapshot called s{n}x of drill-{n}'
        if n % 3 == 0: yield '', f'tag drill-{n} with t{n}'
        if n % 4 == 3: yield 'qmreboot', f'reboot drill-{n}'
        if n % 8 == 7: yield 'qmshutdown', f'stop drill-{n}'
        if n % 8 == 7: yield 'qmdestroy', f'delete drill-{n}'

    def start(self):
        for thread in self.threads: thread.start()

    def active(self):
        return any(thread.is_alive() for thread in self.threads)

    def work(self):
        client = self.client_of()
        client.login()
        while True:
            with self.lock:
                if self.enough.is_set() or self.count == self.most: break
                n, self.count = self.count, self.count + 1
            try:
                for _, text in self.texts(n): self.carry(client, text)
            except SystemExit as problem:
                with self.lock: self.problems.append(f'the life of drill-{n}: {problem}')
        with self.lock: self.unconfirmed += client.unconfirmed

    def say(self, client, text):
        id = client.declare(text)
        with self.lock: self.ids[text], self.said[text] = id, self.said.get(text, 0) + 1
        return id

    def carry(self, client, text):
        id = self.say(client, text)
        for _ in range(12):
            said = client.confirm(id)
            if said == 'acknowledged':
                with self.lock: self.acknowledged.add(id)
            found = client.settled(id)
            if found is None: return
            if found['status'] == 'converged': return
            # A person would look, and plan again; where a node did not answer and its guests were not known, say it again.
            time.sleep(1)
            try:
                if found['status'] != 'needs_answer': client.once('POST', f'/declarations/{id}/plan', {})
                elif client.once('POST', f'/declarations/{id}/cancel', {})[0] < 300: id = self.say(client, text)
            except Unknown: pass
        asked = [question['text'] for question in (found.get('questions') or found.get('reading', {}).get('questions') or [])]
        raise SystemExit(f'“{text}” ended as {found["status"]}: {found.get("status_reason")} {asked}')

    def reckon(self, client, sandbox):
        """What was lost, and what was done more than once."""
        lost, repeated = list(self.problems), []
        contents = [row['content'] for row in client.all()]
        for text, id in self.ids.items():
            declaration = client.get(f'/declarations/{id}')
            if declaration is None: lost.append(f'the declaration “{text}”')
            elif id in self.acknowledged and declaration['status'] not in ('converged', 'superseded'):
                lost.append(f'the approval of “{text}”, which is {declaration["status"]}: {declaration.get("status_reason")}')
            if contents.count(text) > self.said[text]: repeated.append(f'the declaration “{text}”')
        guests, tasks = sandbox.guests(), sandbox.tasks()
        for n in range(self.count):
            found, expected = guests.get(f'drill-{n}', []), 0 if n % 8 == 7 else 1
            if len(found) > expected: repeated.append(f'drill-{n} exists as {found}')
            if len(found) < expected: lost.append(f'the guest drill-{n}')
        deeds = [kind for n in range(self.count) for kind, _ in self.texts(n) if kind]
        for kind in sorted(set(deeds)):
            took, takes = tasks.get(kind, 0), deeds.count(kind)
            if took > takes: repeated.append(f'{kind}: {took} tasks, and {takes} deeds were declared')
            if took < takes: lost.append(f'{kind}: {took} tasks, and {takes} deeds were declared')
        audit = client.get('/audit/verify')
        if not audit['ok']: lost.append(f'the audit log’s truth: {audit}')
        return lost, repeated

    def report(self, client, sandbox, what):
        """Says how it went; the exit status."""
        lost, repeated = self.reckon(client, sandbox)
        for one in lost[:20]: say(f'LOST: {one}')
        for one in repeated[:20]: say(f'REPEATED: {one}')
        say(f'{self.count} guests, {len(self.ids)} declarations, {len(self.acknowledged)} approvals acknowledged, '
            f'{self.unconfirmed} answers lost; {what}')
        say(f'{len(lost)} lost, {len(repeated)} repeated')
        return 1 if lost or repeated else 0

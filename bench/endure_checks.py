# SPDX-License-Identifier: MIT
"""The checks of bench/endure. Each takes the command line's options and answers (figures,
failures): a dictionary, and a list of sentences that is empty where all was well.
"""
import itertools
import json
import os
import pathlib
import random
import select
import signal
import socket
import statistics
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))
import serving  # noqa: E402 (the path comes first)
from serving import Client, percentile  # noqa: E402

# "small" writes thousands of tokens a second; "long" takes seconds for a long prompt.
SMALL = "llama --vocabulary --set context_length=1024"
LONG = ("llama --vocabulary --format q8_0 --set D=256 --set F=512 --set K=64 --set W=64 "
        "--set R=64 --set block_count=6 --set context_length=8192")
SEED = 20261121
MAX_FAILURES_TOLD = 10


def serve(args, options=(), **toys):
    return serving.Server(args.hearth, toys=toys or {"small": SMALL}, make_toy=args.make_toy,
                          options=options)


class Failures:
    """What went wrong; from any thread."""

    def __init__(self):
        self.n = 0
        self.told = []
        self.lock = threading.Lock()

    def add(self, what):
        with self.lock:
            self.n += 1
            if len(self.told) < MAX_FAILURES_TOLD:
                self.told.append(what)

    def expect(self, condition, what):
        if not condition:
            self.add(what)

    def list(self):
        more = self.n - len(self.told)
        return self.told + ([f"and {more} more"] if more else [])


def in_threads(n, work):
    threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(n)]
    for thread in threads:
        thread.start()
    return threads


def wait_for(condition, seconds, what):
    """What the condition answers once that is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.005)
    return found


def resident_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


def n_descriptors(pid):
    """The least of five counts: where a store changed within the last seconds, each request opens
    the description of its model for some microseconds."""
    return min(len(list(pathlib.Path(f"/proc/{pid}/fd").iterdir())) for _ in range(5))


# --- streams: many at once, for minutes ---

class Load:
    """n_clients that ask again and again, each answer compared with that of the same seed alone."""

    def __init__(self, args, server, failures, n_clients):
        self.server, self.failures = server, failures
        self.n_cases, self.n_tokens = (8, 16) if args.quick else (64, 64)
        self.stopping = threading.Event()
        self.n_answers = self.n_answered_tokens = 0
        self.first_s = []
        with Client(server.url) as client:
            self.alone = [self.ask(client, case) for case in range(self.n_cases)]
        for answer in self.alone:
            failures.expect(answer.good and answer.text, f"alone: {answer.status} {answer.error}")
        self.lock = threading.Lock()
        self.connected = set()
        self.threads = in_threads(n_clients, self._run)
        wait_for(lambda: len(self.connected) == n_clients, 300, "some clients get no answer")

    def ask(self, client, case):
        words = " ".join(["Story", str(case), "is long"] * (1 + case % 8))
        return client.complete("small", words, self.n_tokens, temperature=1, seed=case)

    def _run(self, which):
        chosen = random.Random(SEED + which)
        with Client(self.server.url) as client:
            while not self.stopping.is_set():
                case = chosen.randrange(self.n_cases)
                answer = self.ask(client, case)
                self.failures.expect(answer.good, f"{answer.status} {answer.error or 'cut short'}")
                self.failures.expect(not answer.good or answer.text == self.alone[case].text,
                                     f"the text of case {case} is not that of the case alone")
                with self.lock:
                    self.connected.add(which)
                    self.n_answers += 1
                    self.n_answered_tokens += answer.n_tokens
                    self.first_s.append(answer.first_s)

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def check_streams(args):
    """64 streams for 10 minutes: each answer is that of its seed alone; memory and descriptors."""
    seconds = 60 * (args.minutes or (0.05 if args.quick else 10))
    settled = min(120, seconds / 3)
    failures = Failures()
    server = serve(args, ["--parallel", "64"])
    try:
        load = Load(args, server, failures, 64)
        begin, n_before = time.monotonic(), load.n_answered_tokens
        pids = {"server": server.process.pid, "engine": server.engines()[0]}
        rows = []
        while time.monotonic() - begin < seconds:
            time.sleep(1)
            rows.append({"s": time.monotonic() - begin,
                         **{name: (resident_kib(pid), n_descriptors(pid))
                            for name, pid in pids.items()}})
        load.stop()
    finally:
        status = server.stop()
    failures.expect(status == 0, f"hearth serve ended with {status}")
    after = [row for row in rows if row["s"] >= settled]
    figures = {"streams": 64, "answers": load.n_answers,
               "tokens_per_s": round((load.n_answered_tokens - n_before) / seconds),
               "differing": sum("is not that of" in told for told in failures.told)}
    for name in pids:
        kib, descriptors = zip(*(row[name] for row in after))
        tenth = max(1, len(kib) // 10)
        grown = statistics.median(kib[-tenth:]) / statistics.median(kib[:tenth]) - 1
        figures[name] = {"resident_kib": kib[-1], "growth_percent": round(100 * grown, 3),
                         "descriptors": sorted(set(descriptors))}
        failures.expect(grown < 0.01 or args.quick, f"{name} grew by {100 * grown:.2f} %")
        failures.expect(len(set(descriptors)) == 1, f"{name}: descriptors {set(descriptors)}")
    return figures, failures.list()


def check_idle(args):
    """1,000 idle connections beside 64 streams: no errors, the same speed, and they live."""
    n_idle, seconds = (200, 3) if args.quick else (1000, 40)
    failures = Failures()
    server = serve(args, ["--parallel", "64"])
    idle = [Client(server.url) for _ in range(n_idle)]
    try:
        load = Load(args, server, failures, 64)

        def rate():
            begin, before = time.monotonic(), load.n_answered_tokens
            time.sleep(seconds)
            return (load.n_answered_tokens - before) / (time.monotonic() - begin)

        rate()
        alone, kib = rate(), resident_kib(server.process.pid)
        for client in idle:
            client.get("/health")
        kib = resident_kib(server.process.pid) - kib
        beside = rate()
        begin = time.perf_counter()
        for client in idle:
            try:
                client.connection.auto_open = False
                client.get("/health")
            except OSError as problem:
                failures.add(f"an idle connection ended: {problem}")
        asked_again_s = time.perf_counter() - begin
        load.stop()
    finally:
        for client in idle:
            client.close()
        status = server.stop()
    failures.expect(status == 0, f"hearth serve ended with {status}")
    return {"idle": n_idle, "streams": 64, "answers": load.n_answers,
            "tokens_per_s_without": round(alone), "tokens_per_s_beside": round(beside),
            "kib_per_idle_connection": round(kib / n_idle, 2),
            "asked_again_ms_each": round(1000 * asked_again_s / n_idle, 2)}, failures.list()


# --- gone: clients that go away ---

class Gone:
    """Clients of the model "long" that hang up in a phase, and how long their work goes on."""

    PHASES = ("prefill", "queue", "decode")
    # Seconds: the promise of P09, and after which a request counts as one that never ends.
    BOUNDS = {"prefill": 0.150, "queue": 0.100, "decode": 0.100}
    WEDGED = 20.0

    def __init__(self, server):
        self.server = server
        self.random = random.Random(SEED)
        self.gauge = Client(server.url)
        self.n_trials = 0

    def over(self):
        return self.server.metric(self.gauge, "hearth_jobs_cancelled_total")

    def trial(self, phase):
        """Seconds from hanging up until the engine has said that the request is over; nothing
        where the answer was complete before."""
        self.n_trials += 1
        pause = self.random.random()
        # Prompts that differ at the beginning share no computed prefix.
        prompt = str(self.n_trials) + " word of a long prompt" * (250 if phase == "prefill" else 0)
        first = threading.Event()
        before = self.over()
        jobs = self.server.metric(self.gauge, "hearth_jobs_total")
        client = Client(self.server.url)
        thread = threading.Thread(target=client.complete, args=("long", prompt, 4000, first.set))
        thread.start()
        wait_for(lambda: self.server.metric(self.gauge, "hearth_jobs_total") > jobs, 30,
                 "the request does not arrive")
        if phase == "decode":
            first.wait(30)
            time.sleep(0.2 * pause)
        else:
            time.sleep(0.4 * pause)
        if phase == "prefill" and first.is_set():
            phase = "decode"
        begin = time.perf_counter()
        client.hang_up()
        while self.over() == before:
            if time.perf_counter() - begin > self.WEDGED:
                break
            time.sleep(0.001)  # who asks without a pause takes the processors that the engine has
        seconds = time.perf_counter() - begin
        thread.join()
        client.close()
        return phase, seconds


def check_gone(args):
    """1,000 clients that go away in prefill, queue and decode: when the slot is free."""
    n_trials = args.trials or (15 if args.quick else 1000)
    failures = Failures()
    server = serve(args, ["--parallel", "2"], long=LONG)
    taken = {phase: [] for phase in Gone.PHASES}
    try:
        gone = Gone(server)
        with Client(server.url) as client:
            failures.expect(client.complete("long", "warm", 4).good, "the model does not load")
        for phase in Gone.PHASES:
            # In the queue: all places are taken. Else one other stream goes on beside.
            neighbours = [Client(server.url) for _ in range(2 if phase == "queue" else 1)]
            threads = [endless(neighbour, failures) for neighbour in neighbours]
            for _ in range(n_trials // len(Gone.PHASES) + 1):
                reached, seconds = gone.trial(phase)
                taken[reached].append(seconds)
            for neighbour, (stop, thread) in zip(neighbours, threads):
                stop.set()
                neighbour.hang_up()
                thread.join()
        wait_for(lambda: server.metric(gone.gauge, "llamacpp:requests_processing") == 0, 10,
                 "a place is never free again")
        with Client(server.url) as client:
            failures.expect(client.complete("long", "after", 4).good, "the next request fails")
    finally:
        server.stop()
    figures = {"trials": gone.n_trials, "wedged": 0}
    for phase, times in taken.items():
        figures["wedged"] += sum(seconds >= Gone.WEDGED for seconds in times)
        figures[phase] = {"n": len(times), "p50_ms": round(1000 * percentile(times, 0.5), 2),
                          "p99_ms": round(1000 * percentile(times, 0.99), 2),
                          "max_ms": round(1000 * max(times, default=0), 2)}
        failures.expect(args.quick or percentile(times, 0.99) <= Gone.BOUNDS[phase],
                        f"{phase}: p99 is above {1000 * Gone.BOUNDS[phase]:.0f} ms")
    failures.expect(figures["wedged"] == 0, f"{figures['wedged']} requests went on for 20 s")
    return figures, failures.list()


def endless(client, failures, model="long", n_tokens=8000):
    """(event that ends it, thread): one answer after the other."""
    stop = threading.Event()

    def run():
        while not stop.is_set():
            answer = client.complete(model, "a neighbour", n_tokens)
            failures.expect(stop.is_set() or answer.good, f"a neighbour: {answer.error or 'cut'}")

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return stop, thread


# --- term: the end while streams run ---

def end_under_streams(server, pause, n_tokens, failures):
    """Seconds until the server has ended, and how its clients' answers ended."""
    answers, begun = [], threading.Semaphore(0)

    def run(which):
        told = []

        def on_piece():
            if not told:
                told.append(True)
                begun.release()

        with Client(server.url) as client:
            # Some are short and end by themselves while the server waits for them.
            answers.append(client.complete("small", f"Tell {which}", n_tokens(which), on_piece))
        begun.release()

    threads = in_threads(50, run)
    for _ in range(50):
        begun.acquire()
    time.sleep(pause)
    begin = time.monotonic()
    status = server.stop(keep=True)
    seconds = time.monotonic() - begin
    for thread in threads:
        thread.join()
    failures.expect(status == 0, f"hearth serve ended with {status}")
    failures.expect(seconds <= 6.5, f"the end took {seconds:.1f} s")
    for answer in answers:
        failures.expect(answer.told, f"cut without a word after {len(answer.text)} characters")
    return seconds, answers


def check_term(args):
    """SIGTERM under 50 streams, 100 times: it ends in time, and each client is told."""
    n_rounds = args.trials or (3 if args.quick else 100)
    chosen = random.Random(SEED)
    failures = Failures()
    server = serve(args, ["--parallel", "64"],
                   small=SMALL.replace("context_length=1024", "context_length=100000"))
    times, n_complete, n_told = [], 0, 0
    try:
        for i in range(n_rounds):
            if i > 0:
                server.start(["--parallel", "64"])
            # Every third round all answers could end by themselves.
            longest = 2000 if i % 3 == 2 else 90_000
            seconds, answers = end_under_streams(
                server, chosen.random(), lambda which, most=longest: 20 + which * most // 50,
                failures)
            times.append(seconds)
            n_complete += sum(answer.good for answer in answers)
            n_told += sum(bool(answer.error) for answer in answers)
    finally:
        server.stop()
    return {"rounds": n_rounds, "streams": 50, "end_s_p50": round(percentile(times, 0.5), 2),
            "end_s_max": round(max(times), 2), "complete": n_complete,
            "told_by_an_error": n_told}, failures.list()


# --- kill: the engine dies ---

class Killed:
    """Clients of two models; the engine of one of them is killed again and again."""

    def __init__(self, server, failures):
        self.server, self.failures = server, failures
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        # Of kills: one more before each, and one more when its process is gone for the server too.
        # Odd: what is sent now may still go to the process that is about to end.
        self.n_halves = 0
        self.counts = {"good": 0, "failed": 0, "others_good": 0}
        self.threads = in_threads(12, self._run)

    def _run(self, which):
        model = "victim" if which < 8 else "other"
        chosen = random.Random(SEED + which)
        with Client(self.server.url) as client:
            while not self.stopping.is_set():
                halves = self.n_halves
                answer = client.complete(model, f"Tell {which}", chosen.randrange(20, 400))
                self._note(model, answer, halves % 2 == 1 or self.n_halves > halves)

    def _note(self, model, answer, was_killed):
        with self.lock:
            if answer.good:
                self.counts["good" if model == "victim" else "others_good"] += 1
                return
            self.counts["failed"] += 1
        self.failures.expect(model == "victim", f"of the other model: {answer.error or 'cut'}")
        self.failures.expect("killed" in answer.error or "signal" in answer.error,
                             f"not a clear error: {answer.status} '{answer.error}'")
        self.failures.expect(was_killed, f"failed without a kill: {answer.error}")

    def run_one(self, chosen):
        """A kill at a random time; seconds until the model answers again."""
        with Client(self.server.url) as client:
            time.sleep(chosen.uniform(0.05, 1.0))
            pid = wait_for(lambda: engine_of(self.server, "victim"), 20, "the model is not loaded")
            self.n_halves += 1
            os.kill(pid, signal.SIGKILL)
            begin = time.monotonic()
            # Until the server has waited for its end.
            wait_for(lambda: not pathlib.Path(f"/proc/{pid}").exists(), 20,
                     "a killed process remains")
            self.n_halves += 1
            answer = client.complete("victim", "next", 8)
            self.failures.expect(answer.good, f"the next request: {answer.status} {answer.error}")
            return time.monotonic() - begin

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()


def engine_of(server, model):
    """The process that has the model's file mapped; nothing where there is none."""
    for pid in server.engines():
        try:
            if f"/{model}.gguf" in pathlib.Path(f"/proc/{pid}/maps").read_text(encoding="utf-8"):
                return pid
        except OSError:
            continue  # it ended
    return None


def check_kill(args):
    """kill -9 of one engine of two, 100 times at random under load: only its requests fail, each
    with a clear error, and the next one works."""
    n_rounds = args.trials or (2 if args.quick else 100)
    chosen = random.Random(SEED)
    failures = Failures()
    server = serve(args, victim=SMALL, other=SMALL)
    try:
        with Client(server.url) as client:
            for model in ("victim", "other"):
                failures.expect(client.complete(model, "warm", 4).good, f"{model} does not load")
        killed = Killed(server, failures)
        back_s = [killed.run_one(chosen) for _ in range(n_rounds)]
        killed.stop()
    finally:
        status = server.stop()
    failures.expect(status == 0, f"hearth serve ended with {status}")
    return {"kills": n_rounds, **killed.counts, "back_s_p50": round(percentile(back_s, 0.5), 2),
            "back_s_max": round(max(back_s), 2)}, failures.list()


# --- slow: clients that dawdle ---

class Slow:
    """Connections that send or read a byte now and then, and when the server ends each of them."""

    # Seconds: docs/server.md, and one more for a busy machine. Streams: 60, and until the kernel
    # takes no more of the answer.
    BOUNDS = {"head": 10 + 1, "body": 30 + 1 + 1, "read": 120}
    HEAD = b"POST /v1/completions HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n"

    def __init__(self, server, numbers):
        self.held = []  # [kind, socket, when it began, when it ended or nothing, bytes to send]
        for kind, n in numbers.items():
            self.held += [self._open(server, kind, i) for i in range(n)]

    def _open(self, server, kind, which):
        s = socket.socket()
        if kind == "read":
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", server.port))
        head = self.HEAD % server.port
        rest = itertools.cycle(b"X-Slow: 1\r\n")
        if kind == "body":
            s.sendall(head + b"Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n")
            rest = itertools.cycle(b" ")
        elif kind == "read":
            # Many bytes a token: sixteen streams share the machine.
            body = json.dumps({"model": "reader", "prompt": f"Tell {which}", "ignore_eos": True,
                               "max_tokens": 90_000, "stream": True, "logprobs": 5}).encode()
            s.sendall(head + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" %
                      (len(body), body))
        else:
            s.sendall(head)
        s.setblocking(False)
        return [kind, s, time.monotonic(), None, rest]

    def dawdle(self):
        """One byte more of each; whether any connection is left."""
        for one in self.held:
            kind, s, _, ended, rest = one
            if ended:
                continue
            try:
                if kind == "read":
                    if select_hang_up(s):
                        one[3] = time.monotonic()
                    continue
                s.send(bytes([next(rest)]))
                if s.recv(4096) == b"":
                    one[3] = time.monotonic()
            except BlockingIOError:
                continue
            except OSError:
                one[3] = time.monotonic()
        return any(one[3] is None for one in self.held)

    def seconds(self, kind):
        return [(ended or time.monotonic()) - begun
                for of, _, begun, ended, _ in self.held if of == kind]

    def close(self):
        for one in self.held:
            one[1].close()


def select_hang_up(s):
    """Whether the other end has closed or reset the connection, without reading from it."""
    poller = select.poll()
    poller.register(s, select.POLLRDHUP)
    return bool(poller.poll(0))


def check_slow(args):
    """Slow heads, slow bodies, streams that nobody reads: ended in time, and others are served."""
    n = 20 if args.quick else 300
    failures = Failures()
    server = serve(args, small=SMALL, reader=SMALL.replace("=1024", "=100000"))
    slow = None
    try:
        load = Load(args, server, failures, 4)
        time.sleep(5)
        before_s, before = percentile(load.first_s, 0.99), resident_kib(server.process.pid)
        load.first_s.clear()
        slow = Slow(server, {"head": n, "body": n, "read": 16})
        most, end = before, time.monotonic() + max(Slow.BOUNDS.values()) + 10
        while slow.dawdle() and time.monotonic() < end:
            most = max(most, resident_kib(server.process.pid))
            time.sleep(0.5)
        load.stop()
        with Client(server.url) as client:
            dropped = server.metric(client, "hearth_http_connections_dropped_total")
    finally:
        if slow:
            slow.close()
        status = server.stop()
    failures.expect(status == 0, f"hearth serve ended with {status}")
    figures = {"connections": len(slow.held), "dropped": dropped, "others_answers": load.n_answers,
               "others_first_p99_ms_before": round(1000 * before_s, 1),
               "others_first_p99_ms_beside": round(1000 * percentile(load.first_s, 0.99), 1),
               "most_resident_kib_more": most - before}
    for kind, bound in Slow.BOUNDS.items():
        times = slow.seconds(kind)
        figures[f"{kind}_s_max"] = round(max(times), 1)
        failures.expect(max(times) <= bound, f"{kind}: {max(times):.1f} s, above {bound}")
    return figures, failures.list()


CHECKS = {"streams": check_streams, "idle": check_idle, "gone": check_gone, "term": check_term,
          "kill": check_kill, "slow": check_slow}

# SPDX-License-Identifier: MIT
"""A running `hearth serve` in a home of its own, and a client that reads streams: what the tests
and benchmarks that are written in Python ask a server with. Only Python's own library.
"""
import dataclasses
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """The program `hearth` as a server. models: a folder of models to see, by links. toys: models
    to make with the program make_toy, name -> its words ("llama --vocabulary")."""

    def __init__(self, hearth, models=None, toys=None, make_toy=None, options=(), variables=None):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="hearth-serving-"))
        self.hearth = hearth
        self.environment = dict(os.environ, HEARTH_HOME=str(self.home), **(variables or {}))
        (self.home / "models").mkdir()
        for folder in pathlib.Path(models).resolve().iterdir() if models else ():
            if (folder / "model.json").exists():
                os.symlink(folder, self.home / "models" / folder.name)
        for name, words in (toys or {}).items():
            self.make(name, words, make_toy)
        self.log_path = self.home / "log"
        self.log = open(self.log_path, "a", encoding="utf-8")
        self.process = None
        self.start(options)

    def make(self, name, words, make_toy):
        arch, *rest = words.split()
        path = self.home / f"{name}.gguf"
        subprocess.run([make_toy, arch, path, *rest], check=True)
        subprocess.run([self.hearth, "import", "--link", path, "--name", name],
                       env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def new_key(self, *options):
        """The text of a new key of the server's."""
        done = subprocess.run([self.hearth, "key", "add", "test", *options, "--json"],
                              env=self.environment, check=True, capture_output=True, text=True)
        return json.loads(done.stdout)["key"]

    def start(self, options=()):
        """Also after stop(keep=True)."""
        self.options = options
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen([self.hearth, "serve", "--port", str(self.port), *options],
                                        env=self.environment, stdout=self.log, stderr=self.log)
        deadline = time.monotonic() + 30
        while True:
            try:
                with Client(self.url, timeout=5) as client:
                    client.get("/health")
                return
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    self.process.kill()
                    raise
                time.sleep(0.02)

    def engines(self):
        """Process ids of the engines that run."""
        found = []
        for thread in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            found += (thread / "children").read_text(encoding="ascii").split()
        return [int(word) for word in found]

    def metric(self, client, name):
        for line in client.get("/metrics").decode().splitlines():
            if line.startswith(name + " "):
                return int(line.split()[1])
        raise KeyError(name)

    def stop(self, keep=False):
        """Asks it to end; answers its exit status. keep: its home stays, for start()."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        if not keep:
            self.log.close()
            shutil.rmtree(self.home)
        return status


@dataclasses.dataclass
class Answer:
    """What came of one streamed request. first_s, total_s, longest_gap_s: seconds."""
    status: int = 0  # 0: there was no answer
    text: str = ""
    error: str = ""  # as the server said it, before the stream or in it
    ended: bool = False  # the stream came to its own end, or the answer was whole
    retry_after: str = ""
    finish_reason: str = ""
    n_prompt: int = 0
    n_cached: int = 0
    n_tokens: int = 0
    first_s: float = 0.0
    total_s: float = 0.0
    longest_gap_s: float = 0.0

    @property
    def good(self):
        return self.status == 200 and self.ended and not self.error

    @property
    def told(self):
        """The client knows how it ended, well or not."""
        return self.ended or bool(self.error)


class Client:
    """One connection, kept alive and opened anew where it is needed. For one thread at a time,
    except that any may hang_up()."""

    def __init__(self, url, timeout=600):
        parts = urllib.parse.urlsplit(url)
        self.address = (parts.hostname, parts.port or 80)
        self.connection = http.client.HTTPConnection(*self.address, timeout=timeout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.connection.close()

    def hang_up(self):
        """Ends the connection as a client does that goes away, whoever reads from it."""
        held = self.connection.sock
        if held is not None:
            try:
                held.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the server was first

    def get(self, path):
        self.connection.request("GET", path)
        return self.connection.getresponse().read()

    def post(self, path, body):
        """(status, what was answered)."""
        response = self._send(path, body)
        return response.status, json.loads(response.read())

    def _send(self, path, body):
        headers = {"Content-Type": "application/json"}
        self.connection.request("POST", path, json.dumps(body), headers)
        return self.connection.getresponse()

    def complete(self, model, prompt, n_tokens, on_piece=None, **fields):
        """A streamed completion of n_tokens tokens. on_piece() is called after each piece of
        text."""
        body = {"model": model, "prompt": prompt, "max_tokens": n_tokens, "ignore_eos": True,
                "temperature": 0, "stream": True, "stream_options": {"include_usage": True},
                **fields}
        return self.stream("/v1/completions", body, on_piece)

    def stream(self, path, body, on_piece=None):
        answer = Answer()
        begin = time.perf_counter()
        try:
            self._read(path, body, on_piece, answer, begin)
        except (OSError, http.client.HTTPException):
            self.close()
        answer.total_s = time.perf_counter() - begin
        return answer

    def _read(self, path, body, on_piece, answer, begin):
        response = self._send(path, body)
        answer.retry_after = response.getheader("Retry-After", "")
        answer.status = response.status
        if response.status != 200:
            said = json.loads(response.read())["error"]
            answer.error = said["message"] if isinstance(said, dict) else said
            answer.ended = True
            return
        last = begin
        for line in response:
            if line.startswith(b"data: [DONE]"):
                answer.ended = True
            if not line.startswith(b"data: {"):
                continue
            event = json.loads(line[6:])
            if "error" in event:
                answer.error = event["error"]["message"]
                answer.ended = False
            if self._take(event, answer):
                now = time.perf_counter()
                if answer.first_s == 0:
                    answer.first_s = now - begin
                else:
                    answer.longest_gap_s = max(answer.longest_gap_s, now - last)
                last = now
                if on_piece:
                    on_piece()

    @staticmethod
    def _take(event, answer):
        """Whether there was text in the event."""
        usage = event.get("usage")
        if usage:
            answer.n_prompt, answer.n_tokens = usage["prompt_tokens"], usage["completion_tokens"]
            details = usage.get("prompt_tokens_details") or {}
            answer.n_cached = details.get("cached_tokens", 0)
        for choice in event.get("choices", ()):
            answer.finish_reason = choice.get("finish_reason") or answer.finish_reason
            if choice.get("text"):
                answer.text += choice["text"]
                return True
        return False


def percentile(values, share):
    """The value below which that share of them lies (nearest rank)."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

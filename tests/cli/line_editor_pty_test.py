#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Types at the line editor through a pseudo-terminal, as a person would, and compares the events
that it reports. Usage: line_editor_pty_test.py DRIVER (the program line_editor_driver)."""

import json
import os
import pty
import select
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

DRIVER = sys.argv.pop(1)
PATIENCE_S = 20  # a loaded machine may be slow; a test that passes does not wait

PROMPT = b"\x1b[?2004h>>> "


class Terminal:
    """The driver at a pseudo-terminal of its own."""

    def __init__(self, folder, environment=None, shell=False):
        self.history = os.path.join(folder, "home", "history")
        self.events_file = os.path.join(folder, "events")
        open(self.events_file, "w").close()
        env = {"TERM": "xterm", "LANG": "C.UTF-8", "HOME": folder, "PATH": os.environ["PATH"]}
        env.update(environment or {})
        command = [DRIVER, self.history, self.events_file]
        if shell:  # with job control: when the program is stopped, it is brought back
            command = ["/bin/bash", "-c", 'set -m; "$@"; echo SHELL; fg', "bash", *command]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                os.execve(command[0], command, env)
            finally:
                os._exit(127)
        self.screen = b""
        self.taken = 0
        self.wait_for(PROMPT)

    def pump(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if ready:
            try:
                self.screen += os.read(self.fd, 65536)
            except OSError:  # the other end is closed
                time.sleep(seconds)

    def wait_for(self, text):
        """Until `text` has appeared on the screen since the last wait."""
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.screen:
            if time.monotonic() > deadline:
                raise AssertionError(f"no {text!r} in {self.screen!r}")
            self.pump(0.05)
        self.screen = self.screen.split(text, 1)[1]

    def type(self, text):
        data = text.encode() if isinstance(text, str) else text
        while data:
            data = data[os.write(self.fd, data[:256]):]
            self.pump(0.001)

    def event(self):
        """The next event that the driver reports."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            with open(self.events_file, encoding="utf-8") as file:
                lines = [line for line in file.read().split("\n")[:-1]]
            if len(lines) > self.taken:
                self.taken += 1
                return json.loads(lines[self.taken - 1])
            self.pump(0.02)
        raise AssertionError(f"no event; screen: {self.screen!r}")

    def close(self):
        os.close(self.fd)
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


class LineEditor(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def open(self, shell=False, **environment):
        terminal = Terminal(self.folder.name, environment, shell)
        self.addCleanup(terminal.close)
        return terminal

    def expect(self, terminal, text, event="message"):
        got = terminal.event()
        self.assertEqual((got["event"], got["text"]), (event, text))
        self.assertTrue(got["interactive"])
        if event != "end":
            # Keys typed before the next prompt would meet the terminal's own line discipline.
            terminal.wait_for(PROMPT)

    def test_a_line_is_a_message_and_editing_keys_work(self):
        t = self.open()
        t.type("helo\x1b[Dl\r")  # left, then the missing letter
        self.expect(t, "hello")
        t.type("one two\x17three\r")  # Ctrl-W takes the last word
        self.expect(t, "one three")
        t.type("xab\x01\x1b[3~\r")  # start of line, delete
        self.expect(t, "ab")

    def test_composed_and_wide_characters_are_whole_under_backspace(self):
        t = self.open()
        t.type("Xin chào, tiếng Việt: ư\x7fở\r")
        self.expect(t, "Xin chào, tiếng Việt: ở")
        t.type("日本語\x7f文 🙂\r")
        self.expect(t, "日本文 🙂")

    def test_an_input_method_that_retypes_a_syllable_leaves_the_right_text(self):
        # As Vietnamese input methods do: "a", "a" becomes backspace and "â", then "ấ".
        t = self.open()
        t.type("ca\x7fâ\x7fấp\r")
        self.expect(t, "cấp")

    def test_utf8_works_where_the_locale_is_not_utf8(self):
        t = self.open(LANG="C", LC_ALL="C")
        t.type("đường\x7f\x7fng\r")
        self.expect(t, "đường")

    def test_ctrl_c_drops_text_and_on_an_empty_prompt_is_an_event(self):
        t = self.open()
        t.type("not this")
        t.wait_for(b"not this")
        t.type("\x03")
        t.wait_for(PROMPT)
        t.type("this\r")
        self.expect(t, "this")
        t.type("\x03")
        self.expect(t, "", "interrupted")
        t.type("still here\r")
        self.expect(t, "still here")

    def test_ctrl_d_ends_only_on_an_empty_prompt(self):
        t = self.open()
        t.type("a\x04b\r")
        self.expect(t, "ab")
        t.type("\x04")
        self.expect(t, "", "end")

    def test_a_backslash_and_triple_quotes_make_messages_of_several_lines(self):
        t = self.open()
        t.type("one\\\r")
        t.wait_for(b"... ")
        t.type("two\r")
        self.expect(t, "one\ntwo")
        t.type('"""\r')
        t.wait_for(b"... ")
        t.type("x\r")
        t.wait_for(b"... ")
        t.type('y"""\r')
        self.expect(t, "x\ny")
        t.type("dropped\\\r")
        t.wait_for(b"... ")
        t.type("\x03")
        t.wait_for(PROMPT)
        t.type("kept\r")
        self.expect(t, "kept")

    def test_pasted_lines_are_one_message_without_control_characters(self):
        t = self.open()
        t.type("\x1b[200~first\rsecond\rthird\x07\x1b[31m\x1b[201~ end\r")
        self.expect(t, "first\nsecond\nthird[31m end")

    def test_alt_enter_breaks_the_line(self):
        t = self.open()
        t.type("a\x1b\rb\r")
        self.expect(t, "a\nb")

    def test_a_long_paste_arrives_whole(self):
        t = self.open()
        text = "\n".join(f"line {i} ắ" for i in range(2000))
        t.type("\x1b[200~" + text.replace("\n", "\r") + "\x1b[201~\r")
        self.expect(t, text)

    def test_history_is_there_for_the_arrow_keys_in_the_next_chat(self):
        t = self.open()
        t.type("first\r")
        self.expect(t, "first")
        t.type("two\\\r")
        t.wait_for(b"... ")
        t.type("lines\r")
        self.expect(t, "two\nlines")
        t.type(" secret\r")
        self.expect(t, " secret")
        mode = stat.S_IMODE(os.stat(t.history).st_mode)
        self.assertEqual(mode, 0o600)
        u = self.open()
        u.type("\x1b[A\r")
        self.expect(u, "two\nlines")
        u.type("\x1b[A\x1b[A\r")
        self.expect(u, "first")
        with open(u.history, encoding="utf-8") as file:
            self.assertEqual(file.read(), "two\\nlines\nfirst\n")

    def test_ctrl_z_stops_the_process_and_the_line_is_still_there_afterwards(self):
        t = self.open(shell=True)
        t.type("half")
        t.wait_for(b"half")
        t.type("\x1a")
        t.wait_for(b"SHELL")
        t.wait_for(b"half")
        t.type(" done\r")
        self.expect(t, "half done")

    def test_a_vanished_terminal_ends_the_input(self):
        t = self.open()
        os.close(t.fd)
        t.fd = os.open(os.devnull, os.O_RDWR)
        for _ in range(PATIENCE_S * 20):
            pid, _status = os.waitpid(t.pid, os.WNOHANG)
            if pid:
                break
            time.sleep(0.05)
        else:
            self.fail("the editor still waits for a terminal that is gone")
        t.pid = None


class WithoutTerminal(unittest.TestCase):
    def test_plain_lines_are_read_and_no_history_is_written(self):
        with tempfile.TemporaryDirectory() as folder:
            events = os.path.join(folder, "events")
            history = os.path.join(folder, "history")
            text = 'one\r\ntwo\\\nmore\n"""\na\n"""\nlast'
            done = subprocess.run([DRIVER, history, events], input=text.encode(), check=True,
                                  capture_output=True, timeout=PATIENCE_S)
            self.assertEqual(done.stdout, b"")
            with open(events, encoding="utf-8") as file:
                got = [json.loads(line) for line in file]
            self.assertEqual([e["text"] for e in got], ["one", "two\nmore", "a", "last", ""])
            self.assertEqual(got[-1]["event"], "end")
            self.assertFalse(any(e["interactive"] for e in got))
            self.assertFalse(os.path.exists(history))


if __name__ == "__main__":
    unittest.main()

# SPDX-License-Identifier: MIT
"""What bench/load and bench/load_peers measure of a server that speaks OpenAI's dialect."""
import pathlib
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "support"))
from serving import Client  # noqa: E402 (the path comes first)

STORY = ("The river behind the house rises every autumn, and each year somebody says that it has "
         "never been so high. ")
STORY_TOKENS = 22


class NoAnswer(Exception):
    """What a server said instead of an answer."""


def ask(url, model, prompt, n_tokens, **fields):
    with Client(url) as client:
        answer = client.complete(model, prompt, n_tokens, **fields)
    if not answer.good:
        raise NoAnswer(f"{answer.status} {answer.error or 'the answer was cut short'}")
    return answer


class Asked(threading.Thread):
    """One answer on a thread of its own. begun: its first piece is there."""

    def __init__(self, *words, **fields):
        super().__init__(daemon=True)
        self.begun = threading.Event()
        self.asked, self.fields, self.outcome = words, fields, None
        self.start()

    def run(self):
        try:
            self.outcome = ask(*self.asked, on_piece=self.begun.set, **self.fields)
        except (NoAnswer, OSError) as problem:
            self.outcome = problem
        self.begun.set()

    def answer(self):
        self.join()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


def tokens_per_s(url, model, n, n_tokens, tag):
    """Of n streams with short prompts of their own, together, from asking to the last token."""
    begin = time.perf_counter()
    asked = [Asked(url, model, f"Story {tag}-{i}:", n_tokens) for i in range(n)]
    n_all = sum(one.answer().n_tokens for one in asked)
    return n_all / (time.perf_counter() - begin)


def long_prompt(url, model, n_tokens):
    """Short prompts are asked twice: alone, and while the long one is read."""
    words = STORY * (n_tokens // STORY_TOKENS)
    tag = f"{time.time()} "
    alone = ask(url, model, f"Hello {tag}", 4)
    first = Asked(url, model, tag + words, 4)
    time.sleep(0.2)
    if first.begun.is_set():
        raise NoAnswer("the long prompt was read before the short request came: use a longer one")
    short = ask(url, model, f"Again {tag}", 4)
    first = first.answer()
    second = ask(url, model, tag + words + "And then?", 4)
    stream = Asked(url, model, f"Stream {tag}", 1000)
    stream.begun.wait()
    beside = ask(url, model, "Other " + tag + words, 4)
    running = stream.is_alive()
    stream = stream.answer()
    return {"what": "long prompt", "prompt_tokens": first.n_prompt,
            "first_token_s": round(first.first_s, 3),
            "second_turn_s": round(second.first_s, 3), "second_turn_cached": second.n_cached,
            "second_turn_percent": round(100 * second.first_s / first.first_s, 1),
            "short_alone_s": round(alone.first_s, 3), "short_beside_it_s": round(short.first_s, 3),
            "first_token_beside_a_stream_s": round(beside.first_s, 3),
            "longest_pause_of_the_stream_s": round(stream.longest_gap_s, 3),
            "stream_outlasted_it": running}

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""/v1/rerank over HTTP with engine processes on toy models: a cross-encoder's scores are those of
the original implementation (tests/engine/golden/rank_scores.json), and what is asked of the wrong
kind of model is refused with the right kind's name.

Usage: rerank_test.py HEARTH MAKE_TOY_MODEL
"""
import json
import pathlib
import subprocess
import sys
import unittest
import urllib.error
import urllib.request

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS / "support"))
from serving import Server  # noqa: E402 (the path comes first)

HEARTH = MAKE_TOY = ""
# As the case "bert" of tests/engine/rank_cases.txt.
WHOLE = "bert --vocabulary --set pooling_type=4 --with cls.weight"
TOYS = {"ranker": WHOLE,
        "bare": "bert --vocabulary --set pooling_type=4",
        "vectors": "bert --vocabulary",
        "writer": "llama --vocabulary"}
SERVER = None


def setUpModule():
    global SERVER
    SERVER = Server(HEARTH, toys=TOYS, make_toy=MAKE_TOY)


def tearDownModule():
    status = SERVER.stop()
    assert status == 0, f"hearth serve ended with {status}"


def ask(path, **body):
    """Status and body."""
    request = urllib.request.Request(SERVER.url + path, data=json.dumps(body).encode(),
                                     headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def show(name, *options):
    done = subprocess.run([HEARTH, "show", name, *options], env=SERVER.environment, check=True,
                          capture_output=True, text=True)
    return done.stdout


class Rerank(unittest.TestCase):
    def test_scores_are_those_of_the_original_best_first(self):
        golden = json.loads((TESTS / "engine/golden/rank_scores.json").read_text())
        by_query = {}
        for pair in golden["bert"]["pairs"]:
            by_query.setdefault(pair["query"], []).append(pair)
        for query, pairs in by_query.items():
            documents = [pair["document"] for pair in pairs]
            status, answer = ask("/v1/rerank", model="ranker", query=query, documents=documents)
            self.assertEqual(status, 200, answer)
            results = answer["results"]
            self.assertEqual(sorted(one["index"] for one in results), list(range(len(pairs))))
            for one in results:
                self.assertAlmostEqual(one["relevance_score"], pairs[one["index"]]["score"],
                                       delta=1e-3)
            scores = [one["relevance_score"] for one in results]
            self.assertEqual(scores, sorted(scores, reverse=True))
            n_tokens = sum(len(pair["tokens"]) for pair in pairs)
            self.assertEqual(answer["usage"]["total_tokens"], n_tokens)
            self.assertNotIn("warnings", answer)

    def test_the_best_come_with_their_texts_where_asked(self):
        documents = ["hello", {"text": "the cat"}, "", "cat cat"]
        _, every = ask("/v1/rerank", model="ranker", query="cat", documents=documents)
        _, best = ask("/v1/rerank", model="ranker", query="cat", documents=documents, top_n=2,
                      return_documents=True)
        self.assertEqual([one["index"] for one in best["results"]],
                         [one["index"] for one in every["results"][:2]])
        texts = ["hello", "the cat", "", "cat cat"]
        for one in best["results"]:
            self.assertEqual(one["document"], {"text": texts[one["index"]]})

    def test_a_pair_that_is_too_long_is_an_error_with_its_number(self):
        status, answer = ask("/v1/rerank", model="ranker", query="cat",
                             documents=["hello", "cat " * 300])
        self.assertEqual(status, 400, answer)
        self.assertIn("document 1 with the query has ", answer["error"]["message"])
        self.assertIn("takes 256", answer["error"]["message"])

    def test_all_of_many_documents_are_scored(self):
        documents = [f"the cat {i}" for i in range(200)]
        status, answer = ask("/v1/rerank", model="ranker", query="cat", documents=documents)
        self.assertEqual(status, 200, answer)
        self.assertEqual(len(answer["results"]), 200)

    def test_a_file_without_its_pooler_says_so_in_each_answer(self):
        for _ in range(2):
            status, answer = ask("/v1/rerank", model="bare", query="cat", documents=["hello"])
            self.assertEqual(status, 200, answer)
            self.assertTrue(any("pooler" in one for one in answer["warnings"]), answer)

    def test_what_a_reranker_cannot_do_is_refused_with_what_it_can(self):
        for path, body in (("/v1/embeddings", {"input": "cat"}),
                           ("/v1/completions", {"prompt": "cat"}),
                           ("/v1/chat/completions",
                            {"messages": [{"role": "user", "content": "cat"}]}),
                           ("/api/embed", {"input": "cat"})):
            status, answer = ask(path, model="ranker", **body)
            self.assertIn(status, (400, 501), (path, answer))
            self.assertIn("reranker", json.dumps(answer), path)
            self.assertIn("/v1/rerank", json.dumps(answer), path)
        status, answer = ask("/v1/rerank", model="writer", query="cat", documents=["hello"])
        self.assertIn(status, (400, 501), answer)
        self.assertIn("embedding model", json.dumps(answer))

    def test_embedding_models_still_rank_by_the_angle_of_their_vectors(self):
        status, answer = ask("/v1/rerank", model="vectors", query="cat", documents=["hello", "cat"])
        self.assertEqual(status, 200, answer)
        self.assertEqual(answer["results"][0]["index"], 1)
        self.assertAlmostEqual(answer["results"][0]["relevance_score"], 1, places=4)

    def test_the_kind_of_a_model_is_told(self):
        for name, kind, capability in (("ranker", "reranker", "rerank"),
                                       ("vectors", "embedding model", "embedding"),
                                       ("writer", "language model", "completion")):
            self.assertEqual(json.loads(show(name, "--json"))["kind"], kind)
            self.assertIn(kind, show(name).splitlines()[0])
            _, shown = ask("/api/show", model=name)
            self.assertIn(capability, shown["capabilities"])

    def test_the_program_says_what_a_reranker_is_for(self):
        for words in (("embed", "ranker", "cat"), ("run", "ranker", "cat")):
            done = subprocess.run([HEARTH, *words], env=SERVER.environment, capture_output=True,
                                  text=True, check=False)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("reranker", done.stderr)
            self.assertIn("/v1/rerank", done.stderr)


if __name__ == "__main__":
    HEARTH, MAKE_TOY = sys.argv[1:3]
    unittest.main(argv=sys.argv[:1])

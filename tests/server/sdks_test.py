#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The official Python packages openai, ollama and anthropic, unchanged, against a running hearth
with real models (embeddings: a toy one): chat, streams, tools, structured output, embeddings,
errors.

Usage: sdks_test.py HEARTH MAKE_TOY_MODEL     (the models are those of HEARTH_TEST_MODELS)
"""
import json
import os
import pathlib
import sys
import unittest
import urllib.request

import anthropic
import ollama
import openai
from pydantic import BaseModel

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "support"))
from serving import Server  # noqa: E402 (the path comes first)

HEARTH = MAKE_TOY = ""
SMALL, CODER, VECTORS = "smollm2-135m", "qwen2.5-coder-1.5b", "toy-bert"
WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city now",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
        "additionalProperties": False,
    },
}


class City(BaseModel):
    name: str
    country: str
    inhabitants: int


SERVER = None


def setUpModule():
    global SERVER
    SERVER = Server(HEARTH, models=os.environ["HEARTH_TEST_MODELS"],
                    toys={VECTORS: "bert --vocabulary"}, make_toy=MAKE_TOY)


def tearDownModule():
    status = SERVER.stop()
    assert status == 0, f"hearth serve ended with {status}"


class OpenAi(unittest.TestCase):
    def setUp(self):
        self.client = openai.OpenAI(base_url=SERVER.url + "/v1", api_key="none", max_retries=0,
                                    timeout=120)

    def test_models_are_listed(self):
        self.assertIn(CODER, [m.id for m in self.client.models.list()])
        self.assertEqual(self.client.models.retrieve(SMALL).id, SMALL)

    def test_chat_counts_its_tokens(self):
        answer = self.client.chat.completions.create(
            model=CODER, temperature=0, max_completion_tokens=40,
            messages=[{"role": "user", "content": "What is 2+3? Answer with the number alone."}])
        self.assertIn("5", answer.choices[0].message.content)
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        usage = answer.usage
        self.assertEqual(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens)

    def test_a_stream_gives_the_text_of_the_whole_answer(self):
        question = dict(model=CODER, temperature=0, max_tokens=24, messages=[
            {"role": "user", "content": "Count from one to ten."}])
        whole = self.client.chat.completions.create(**question)
        chunks = list(self.client.chat.completions.create(
            **question, stream=True, stream_options={"include_usage": True}))
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(text, whole.choices[0].message.content)
        self.assertEqual(chunks[-1].usage.completion_tokens, whole.usage.completion_tokens)

    def test_several_answers_stops_seeds_and_logprobs(self):
        def ask():
            return self.client.chat.completions.create(
                model=SMALL, n=3, seed=7, max_tokens=12, logprobs=True, top_logprobs=2,
                stop=["."], messages=[{"role": "user", "content": "Tell me about rain."}])
        first, second = ask(), ask()
        self.assertEqual([c.message.content for c in first.choices],
                         [c.message.content for c in second.choices])
        self.assertEqual(len(first.choices), 3)
        for choice in first.choices:
            self.assertNotIn(".", choice.message.content)
            for position in choice.logprobs.content:
                self.assertEqual(len(position.top_logprobs), 2)
                self.assertLessEqual(position.logprob, 0)

    def test_a_forced_tool_is_called_with_arguments_that_fit(self):
        answer = self.client.chat.completions.create(
            model=CODER, temperature=0, max_tokens=80, tool_choice="required",
            tools=[{"type": "function", "function": WEATHER}],
            messages=[{"role": "user", "content": "How is the weather in Hanoi?"}])
        self.assertEqual(answer.choices[0].finish_reason, "tool_calls")
        self.assertEqual(len(answer.choices[0].message.tool_calls), 1)
        call = answer.choices[0].message.tool_calls[0]
        self.assertEqual(call.function.name, "get_weather")
        self.assertIn("hanoi", json.loads(call.function.arguments)["city"].lower())

    def test_tool_calls_come_as_a_stream_and_results_go_back(self):
        messages = [{"role": "user", "content": "How is the weather in Hanoi?"}]
        tools = [{"type": "function", "function": WEATHER}]
        name = arguments = call_id = ""
        for chunk in self.client.chat.completions.create(
                model=CODER, temperature=0, max_tokens=80, tool_choice="required", tools=tools,
                messages=messages, stream=True):
            for call in chunk.choices[0].delta.tool_calls or []:
                call_id = call.id or call_id
                name += call.function.name or ""
                arguments += call.function.arguments or ""
        self.assertEqual(name, "get_weather")
        json.loads(arguments)
        messages += [
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": call_id, "type": "function",
                 "function": {"name": name, "arguments": arguments}}]},
            {"role": "tool", "tool_call_id": call_id, "content": '{"sky": "rain", "celsius": 31}'}]
        answer = self.client.chat.completions.create(
            model=CODER, temperature=0, max_tokens=60, tools=tools, messages=messages)
        self.assertRegex(answer.choices[0].message.content, "31|rain")

    def test_a_pydantic_model_is_parsed(self):
        answer = self.client.chat.completions.parse(
            model=CODER, temperature=0, max_tokens=120, response_format=City,
            messages=[{"role": "user", "content": "Describe Paris as JSON."}])
        self.assertIn("Paris", answer.choices[0].message.parsed.name)

    def test_any_json_object(self):
        answer = self.client.chat.completions.create(
            model=CODER, temperature=0, max_tokens=120, response_format={"type": "json_object"},
            messages=[{"role": "user", "content":
                       "Describe a dog as a JSON object: its name and its age, nothing else."}])
        self.assertEqual(answer.choices[0].finish_reason, "stop")
        self.assertIsInstance(json.loads(answer.choices[0].message.content), dict)

    def test_embeddings_are_of_length_one_and_as_short_as_asked(self):
        texts = ["a cat", "rain"]
        whole = self.client.embeddings.create(model=VECTORS, input=texts)
        self.assertEqual(len(whole.data), 2)
        self.assertAlmostEqual(sum(x * x for x in whole.data[0].embedding), 1, places=4)
        self.assertNotEqual(whole.data[0].embedding, whole.data[1].embedding)
        short = self.client.embeddings.create(model=VECTORS, input=texts, dimensions=8)
        self.assertEqual(len(short.data[0].embedding), 8)
        request = urllib.request.Request(
            SERVER.url + "/tokenize", headers={"Content-Type": "application/json"},
            data=json.dumps({"model": VECTORS, "content": "rain", "add_special": True}).encode())
        tokens = json.load(urllib.request.urlopen(request, timeout=60))["tokens"]
        of_tokens = self.client.embeddings.create(model=VECTORS, input=tokens)
        self.assertEqual(of_tokens.data[0].embedding, whole.data[1].embedding)

    def test_completions_echo_their_prompt(self):
        answer = self.client.completions.create(model=SMALL, prompt="Once upon a", max_tokens=8,
                                                temperature=0, echo=True)
        self.assertTrue(answer.choices[0].text.startswith("Once upon a"))

    def test_responses_go_on_from_the_one_before(self):
        first = self.client.responses.create(model=CODER, temperature=0, max_output_tokens=40,
                                             input="My name is Linh. Say hello to me.")
        self.assertTrue(first.output_text)
        second = self.client.responses.create(model=CODER, temperature=0, max_output_tokens=40,
                                              previous_response_id=first.id,
                                              input="What is my name?")
        self.assertIn("Linh", second.output_text)
        text = ""
        with self.client.responses.stream(model=CODER, temperature=0, max_output_tokens=20,
                                          input="Count to three.") as stream:
            for event in stream:
                if event.type == "response.output_text.delta":
                    text += event.delta
            self.assertEqual(stream.get_final_response().output_text, text)

    def test_errors_are_of_the_packages_own_kinds(self):
        with self.assertRaises(openai.NotFoundError):
            self.client.chat.completions.create(model="no-such-model", messages=[
                {"role": "user", "content": "hi"}])
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.chat.completions.create(model=SMALL, temperature=-3, messages=[
                {"role": "user", "content": "hi"}])
        self.assertIn("temperature", str(caught.exception))
        with self.assertRaises(openai.BadRequestError) as caught:
            self.client.chat.completions.create(model=SMALL, messages=[{
                "role": "user", "content": [
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}])
        self.assertRegex(str(caught.exception), "image")


class Ollama(unittest.TestCase):
    def setUp(self):
        self.client = ollama.Client(host=SERVER.url)

    def test_models_are_listed_shown_and_running(self):
        self.assertTrue(any(m.model.startswith(CODER) for m in self.client.list().models))
        self.assertIn("qwen2", json.dumps(self.client.show(CODER).model_dump(), default=str))
        self.client.generate(model=SMALL, prompt="")
        self.assertTrue(any(m.model.startswith(SMALL) for m in self.client.ps().models))

    def test_chat_and_its_stream_agree(self):
        question = dict(model=CODER, options={"temperature": 0, "num_predict": 16}, messages=[
            {"role": "user", "content": "Count from one to ten."}])
        whole = self.client.chat(**question)
        parts = list(self.client.chat(**question, stream=True))
        self.assertEqual("".join(p.message.content for p in parts), whole.message.content)
        self.assertTrue(parts[-1].done)
        self.assertEqual(parts[-1].eval_count, whole.eval_count)

    def test_a_schema_is_kept(self):
        answer = self.client.chat(model=CODER, format=City.model_json_schema(),
                                  options={"temperature": 0, "num_predict": 120},
                                  messages=[{"role": "user", "content": "Describe Paris."}])
        self.assertIn("Paris", City.model_validate_json(answer.message.content).name)

    def test_tools_are_called(self):
        answer = self.client.chat(
            model=CODER, options={"temperature": 0, "num_predict": 80},
            tools=[{"type": "function", "function": WEATHER}],
            messages=[{"role": "user", "content": "Use the tool: how is the weather in Hanoi?"}])
        self.assertEqual(len(answer.message.tool_calls or []), 1, answer.message.content)
        call = answer.message.tool_calls[0]
        self.assertEqual(call.function.name, "get_weather")
        self.assertIn("hanoi", call.function.arguments["city"].lower())

    def test_embeddings(self):
        answer = self.client.embed(model=VECTORS, input=["a cat", "rain"])
        self.assertEqual(len(answer.embeddings), 2)
        self.assertNotEqual(answer.embeddings[0], answer.embeddings[1])

    def test_generate_streams_text(self):
        parts = list(self.client.generate(model=SMALL, prompt="Once upon a", raw=True, stream=True,
                                          options={"num_predict": 8, "temperature": 0}))
        self.assertTrue("".join(p.response for p in parts))

    def test_an_unknown_model_is_a_response_error(self):
        with self.assertRaises(ollama.ResponseError) as caught:
            self.client.chat(model="no-such-model", messages=[{"role": "user", "content": "hi"}])
        self.assertEqual(caught.exception.status_code, 404)

    def test_pulling_what_is_here_and_what_nobody_has(self):
        client = ollama.Client(host=SERVER.url, headers={"x-api-key": SERVER.new_key("--admin")})
        self.assertEqual([part.status for part in client.pull(SMALL, stream=True)],
                         ["pulling manifest", "success"])
        self.assertEqual(client.pull(SMALL).status, "success")
        with self.assertRaises(ollama.ResponseError) as caught:
            client.pull("no-such-model")
        self.assertEqual(caught.exception.status_code, 404)
        self.assertIn(SMALL, caught.exception.error)


class Anthropic(unittest.TestCase):
    def setUp(self):
        self.client = anthropic.Anthropic(base_url=SERVER.url, api_key="none", max_retries=0,
                                          timeout=120)

    def test_a_message_and_its_stream_agree(self):
        question = dict(model=CODER, max_tokens=24, extra_body={"temperature": 0},
                        system="You are brief.",
                        messages=[{"role": "user", "content": "Count from one to ten."}])
        whole = self.client.messages.create(**question)
        self.assertIn(whole.stop_reason, ("end_turn", "max_tokens"))
        with self.client.messages.stream(**question) as stream:
            text = "".join(stream.text_stream)
            final = stream.get_final_message()
        self.assertEqual(text, whole.content[0].text)
        self.assertEqual(final.usage.output_tokens, whole.usage.output_tokens)

    def test_models_are_listed_in_pages(self):
        names = [m.id for m in self.client.models.list(limit=1)]
        self.assertTrue({CODER, SMALL}.issubset(names))
        self.assertEqual(len(names), len(set(names)))
        self.assertEqual(self.client.models.retrieve(SMALL).type, "model")

    def test_a_forced_tool_gives_a_tool_use_block(self):
        tool = {"name": "get_weather", "description": WEATHER["description"],
                "input_schema": WEATHER["parameters"]}
        answer = self.client.messages.create(
            model=CODER, max_tokens=80, extra_body={"temperature": 0}, tools=[tool],
            tool_choice={"type": "tool", "name": "get_weather"},
            messages=[{"role": "user", "content": "How is the weather in Hanoi?"}])
        self.assertEqual(answer.stop_reason, "tool_use")
        [block] = [b for b in answer.content if b.type == "tool_use"]
        self.assertIn("hanoi", block.input["city"].lower())
        back = self.client.messages.create(
            model=CODER, max_tokens=60, extra_body={"temperature": 0}, tools=[tool],
            messages=[{"role": "user", "content": "How is the weather in Hanoi?"},
                      {"role": "assistant", "content": [b.model_dump(exclude_none=True)
                                                        for b in answer.content]},
                      {"role": "user", "content": [{"type": "tool_result", "tool_use_id": block.id,
                                                    "content": '{"sky": "rain", "celsius": 31}'}]}])
        self.assertRegex(back.content[0].text, "31|rain")

    def test_stop_sequences_and_counts(self):
        answer = self.client.messages.create(
            model=CODER, max_tokens=60, extra_body={"temperature": 0}, stop_sequences=["5"],
            messages=[{"role": "user", "content": "Write the digits 1 to 9."}])
        self.assertEqual((answer.stop_reason, answer.stop_sequence), ("stop_sequence", "5"))
        self.assertNotIn("5", answer.content[0].text)
        self.assertIn("4", answer.content[0].text)
        counted = self.client.messages.count_tokens(
            model=CODER, messages=[{"role": "user", "content": "Write the digits 1 to 9."}])
        usage = answer.usage
        self.assertEqual(counted.input_tokens,
                         usage.input_tokens + (usage.cache_read_input_tokens or 0))

    def test_an_unknown_model_is_not_found(self):
        with self.assertRaises(anthropic.NotFoundError):
            self.client.messages.create(model="no-such-model", max_tokens=5, messages=[
                {"role": "user", "content": "hi"}])


if __name__ == "__main__":
    HEARTH, MAKE_TOY = sys.argv.pop(1), sys.argv.pop(1)
    unittest.main(verbosity=2)

#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Renders real chat templates with jinja2, set up as Hugging Face's apply_chat_template does, for
many conversations, and writes inputs and results (or "raises") as one JSON file.

    capture_templates.py --templates DIR [--gguf DIR ...] --out FILE

DIR holds *.jinja; under --gguf every *.gguf gives the template that it brings. The templates are
other people's: the output is made where it is needed and not kept in the repository.
"""
import argparse
import datetime
import glob
import itertools
import json
import mmap
import os
import struct

import jinja2
import jinja2.ext
import jinja2.sandbox

NOW = datetime.datetime(2024, 7, 26, 14, 5, 9)


class GenerationTag(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_body")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _body(self, caller):
        return caller()


class PlainNamespace(jinja2.utils.Namespace):
    def __init__(*args, **kwargs):
        self, args = args[0], args[1:]
        attrs = dict(*args, **kwargs)
        for name in attrs:
            PlainNamespace.check(name)
        jinja2.utils.Namespace.__init__(self, attrs)

    def __setitem__(self, name, value):
        PlainNamespace.check(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)

    @staticmethod
    def check(name):
        if isinstance(name, str) and name.startswith("_"):
            raise jinja2.exceptions.SecurityError(name)


class PlainDict:
    def __call__(self, *args, **kwargs):
        return dict(*args, **kwargs)


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                      sort_keys=sort_keys)


def environment():
    env = jinja2.sandbox.ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True,
        extensions=[GenerationTag, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = lambda text: NOW.strftime(text)
    env.globals["dict"] = PlainDict()
    env.globals["namespace"] = PlainNamespace
    return env


def compiled(env, text):
    """The template, or the error of its syntax."""
    try:
        return env.from_string(text)
    except (jinja2.exceptions.TemplateError, SyntaxError) as error:
        return error


def render(template, variables):
    """{"text": …} or {"error": …}."""
    try:
        if isinstance(template, Exception):
            raise template
        rendered = template.render(**variables)
        rendered.encode("utf-8")
        return {"text": rendered}
    except Exception as error:  # whatever a template raises is its outcome
        return {"error": f"{type(error).__name__}: {error}"}


def gguf_templates(folders):
    """Finds the metadata entry by its bytes: key, type 8 (text), length, text."""
    key = b"tokenizer.chat_template" + struct.pack("<I", 8)
    for folder in folders:
        for path in sorted(glob.glob(os.path.join(folder, "**", "*.gguf"), recursive=True)):
            with open(path, "rb") as file, mmap.mmap(file.fileno(), 0,
                                                     access=mmap.ACCESS_READ) as data:
                at = data.find(key)
                if at >= 0:
                    at += len(key)
                    (size,) = struct.unpack_from("<Q", data, at)
                    yield os.path.basename(path), data[at + 8:at + 8 + size].decode("utf-8")


def read_templates(arguments):
    templates = {}
    for path in sorted(glob.glob(os.path.join(arguments.templates, "**", "*.jinja"),
                                 recursive=True)):
        with open(path, encoding="utf-8", newline="") as file:
            templates[os.path.relpath(path, arguments.templates)] = file.read()
    for name, text in gguf_templates(arguments.gguf):
        if text not in templates.values():
            templates[name] = text
    return templates


# Conversations: roles, turns, tools, calls, reasoning, parts, scripts.

VIETNAMESE = "Xin chào! Hôm nay trời đẹp quá, phở ngon tuyệt — đúng không? Ừ, đặc biệt lắm."
MIXED = "Zürich 東京 עִבְרִית 🙂‍↔️ naïve ﬁ Ω≈ç√ \u00a0nbsp\u2028line"
TRICKY = "  <b>&\"quoted\"</b> {{ x }} {% if %} \\n \t 'single' \r\n end  \n"

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city.",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Name of the city"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"],
                         "description": "Unit of the temperature", "default": "celsius"},
                "days": {"type": "integer", "minimum": 1, "maximum": 14},
            },
            "required": ["city"],
        },
        "return": {"type": "object", "description": "temperature and sky"},
    },
}
SEARCH = {
    "type": "function",
    "function": {
        "name": "tra_cứu",
        "description": "Tìm kiếm \"mọi thứ\" <nhanh> & 'đúng'",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {
                "queries": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                "filter": {
                    "type": "object",
                    "description": "Nested.",
                    "properties": {
                        "from": {"type": ["string", "null"], "format": "date"},
                        "scores": {"type": "array", "items": {"type": "number"}},
                        "any": {"anyOf": [{"type": "integer"}, {"type": "boolean"}]},
                    },
                    "required": ["from"],
                    "additionalProperties": False,
                },
                "limit": {"type": "number", "default": 0.5},
                "exact": {"type": "boolean", "default": False, "nullable": True},
            },
            "required": ["queries", "filter"],
        },
    },
}
EMPTY_TOOL = {"type": "function",
              "function": {"name": "noop", "description": "", "parameters": {
                  "type": "object", "properties": {}}}}
BARE_TOOL = {"name": "bare", "description": "No wrapper", "parameters": {
    "type": "object", "properties": {"a": {"type": "string"}}}}


def system(content="You are a careful assistant."):
    return {"role": "system", "content": content}


def user(content="What is the weather in Hanoi?"):
    return {"role": "user", "content": content}


def assistant(content="It is sunny.", **more):
    return {"role": "assistant", "content": content, **more}


def call(name, arguments, number=0, **more):
    return {"id": f"call{number:05d}", "type": "function",
            "function": {"name": name, "arguments": arguments}, **more}


def tool(content, number=0, name="get_weather", **more):
    return {"role": "tool", "tool_call_id": f"call{number:05d}", "name": name, "content": content,
            **more}


def part(text):
    return {"type": "text", "text": text}


def plain_chats():
    yield [user()]
    yield [system(), user("Hi")]
    yield [user("a"), assistant("b"), user("c")]
    yield [system(""), user(""), assistant(""), user(" ")]
    yield [system(VIETNAMESE), user(MIXED), assistant(TRICKY), user(TRICKY)]
    yield [user("a"), user("b")]
    yield [user("a"), assistant("b"), assistant("c"), user("d")]
    yield [assistant("I begin."), user("ok")]
    yield [system("one"), system("two"), user("x")]
    yield [user("x"), system("late"), user("y")]
    yield [{"role": "developer", "content": "Be brief."}, user("x")]
    yield [{"role": "stranger", "content": "?"}, user("x")]
    yield [user("x"), assistant("half an ans")]
    yield [user("1"), assistant("2"), user("3"), assistant("4"), user("5"), assistant("6"),
           user("7")]
    yield []
    yield [system("only")]
    yield [user("line one\nline two\n\n  indented\n")]
    yield [user("x" * 300 + " " + VIETNAMESE * 5)]
    yield [{"role": "user"}]
    yield [user(None)]
    yield [{"content": "no role"}]


def part_chats():
    yield [user([part("Describe "), part("this.")])]
    yield [system([part("Be kind.")]), user([part(VIETNAMESE)]), assistant([part("ok")]),
           user([part("more")])]
    yield [user([part("See "), {"type": "image", "image": "file:a.png"}, part("?")])]
    yield [user([{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}])]
    yield [user([{"type": "audio", "audio": "a.wav"}, {"type": "video", "video": "v.mp4"}])]
    yield [user([]), assistant("?"), user("x")]
    yield [user(["plain", "strings"])]


def reasoning_chats():
    yield [user("2+2"), assistant("4", reasoning_content="Two and two."), user("3+3")]
    yield [user("2+2"), assistant("<think>\nTwo and two.\n</think>\n\n4"), user("3+3"),
           assistant("<think>x</think>6")]
    yield [user("2+2"), assistant("4", thinking="Two and two."), user("again")]
    yield [user("2+2"), assistant("4", reasoning="Two and two."), user("again")]
    yield [user("2+2"), assistant("", reasoning_content="Only thought."), user("and?")]
    yield [user("q"), assistant(None, reasoning_content="r", tool_calls=[
        call("get_weather", {"city": "Huế"})]), tool("31 °C"), assistant(
            "Nóng.", reasoning_content="done")]
    yield [user("/no_think hi"), assistant("ok"), user("hi /think")]
    yield [system("Reason step by step. /no_think"), user("hi")]
    yield [user("q"), {"role": "assistant", "content": [
        {"type": "thinking", "thinking": "hmm"}, part("a")]}, user("r")]


def tool_chats():
    one = call("get_weather", {"city": "Hà Nội", "unit": "celsius", "days": 3})
    two = call("tra_cứu", {"queries": ["phở", "bún \"chả\""], "filter": {"from": None, "scores":
               [1, 2.5, -3e-07, 1e21]}, "exact": True, "limit": 10}, 1)
    text = call("get_weather", "{\"city\": \"Đà Nẵng\"}", 2)
    yield [user(), assistant(None, tool_calls=[one]), tool("31 °C"), assistant("Hot.")]
    yield [user(), assistant("", tool_calls=[one]), tool("31 °C")]
    yield [user(), assistant("Let me look.", tool_calls=[one, two]), tool("31 °C", 0),
           tool("{\"hits\": []}", 1, "tra_cứu"), assistant("Done."), user("Thanks")]
    yield [system(), user(), assistant(None, tool_calls=[text]), tool("{\"t\": 31.5}", 2),
           user("?")]
    yield [user(), {"role": "assistant", "tool_calls": [one]}, tool("31")]
    yield [user(), assistant(None, tool_calls=[call("noop", {})]), tool("")]
    yield [user(), assistant(None, tool_calls=[]), user("x")]
    yield [user(), assistant("x", tool_calls=None), user("x")]
    yield [user(), assistant(None, tool_calls=[one]), tool([part("31"), part("°C")]), user("ok")]
    yield [user(), assistant(None, tool_calls=[{"name": "get_weather",
           "arguments": {"city": "X"}}]), {"role": "tool", "content": "y"}]
    yield [user(), assistant(None, tool_calls=[one]), {"role": "tool", "content": {"t": 31}}]
    yield [user(), assistant(None, tool_calls=[{**one, "id": "123456789"}]),
           {"role": "tool", "tool_call_id": "123456789", "content": "31"}, assistant("Hot.")]
    yield [user(), assistant(None, tool_calls=[one]), {"role": "ipython", "content": "31"}]
    yield [user(), assistant(None, tool_calls=[one]), tool("1"), assistant(
        None, tool_calls=[call("get_weather", {"city": "B"}, 4)]), tool("2", 4), user("and?")]


SWITCHES = [
    {},
    {"enable_thinking": True},
    {"enable_thinking": False},
    {"thinking": True, "reasoning_effort": "high"},
    {"thinking": False, "reasoning_effort": "low", "builtin_tools": ["browser", "python"]},
    {"thinking_mode": "thinking", "keep_past_thinking": True, "preserve_thinking": True,
     "add_vision_id": True, "tools_in_user_message": False, "date_string": "26 Jul 2024",
     "model_identity": "You are Hearth."},
    {"reasoning_effort": "none", "clear_thinking": False, "truncate_history_thinking": False,
     "available_tools": [WEATHER], "citations": True, "thinking_budget": 512,
     "documents": [{"title": "Phở", "text": "Soup."}]},
]
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}
TOOL_SETS = [[WEATHER], [WEATHER, SEARCH, EMPTY_TOOL], [BARE_TOOL], []]


def all_inputs():
    """Variables for rendering, in full."""
    inputs = []

    def add(messages, tools, prompt, switches):
        inputs.append({"messages": messages, "tools": tools, "add_generation_prompt": prompt,
                       **TOKENS, **switches})

    for messages, prompt in itertools.product(plain_chats(), (True, False)):
        add(messages, None, prompt, {})
    for messages in itertools.chain(part_chats(), reasoning_chats()):
        add(messages, None, True, {})
    for messages, switches in itertools.product(reasoning_chats(), SWITCHES[1:]):
        add(messages, [WEATHER] if "tool_calls" in str(messages) else None, True, switches)
    for messages, tools in itertools.product(tool_chats(), TOOL_SETS[:2]):
        add(messages, tools, True, {})
    for tools, switches in itertools.product(TOOL_SETS, SWITCHES):
        add([system(), user()], tools, True, switches)
        add([user(VIETNAMESE)], tools, False, switches)
    for messages in tool_chats():
        add(messages, None, False, {})
    inputs.append({"messages": [user()], "tools": None, "add_generation_prompt": True})
    return inputs


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--templates", required=True)
    parser.add_argument("--gguf", nargs="*", default=[])
    parser.add_argument("--out", required=True)
    arguments = parser.parse_args()
    env = environment()
    templates = read_templates(arguments)
    inputs = all_inputs()
    results = []
    for name, text in templates.items():
        template = compiled(env, text)
        results.append([render(template, {"documents": None, **one}) for one in inputs])
    with open(arguments.out, "w", encoding="utf-8") as out:
        json.dump({"now": NOW.timetuple()[:9], "names": list(templates),
                   "templates": list(templates.values()), "inputs": inputs, "results": results},
                  out, ensure_ascii=False)
    n_raised = sum("error" in one for row in results for one in row)
    print(f"{len(templates)} templates, {len(inputs)} inputs, {n_raised} raise")


if __name__ == "__main__":
    main()

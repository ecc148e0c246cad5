#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A thousand JSON schemas, answers of random allowed tokens on real vocabularies, and the package
jsonschema as the judge: every answer that comes to its end is valid, hardly a schema is refused,
and what is refused names its keyword.

schema_walk_test.py WALK_SCHEMAS     needs build/inputs (scripts/prepare_inputs); 77: skipped
"""
import json
import os
import random
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
INPUTS = os.environ.get("HEARTH_TEST_INPUTS", os.path.join(ROOT, "build/inputs"))
VOCABS = os.environ.get("HEARTH_TEST_VOCABS", os.path.join(INPUTS, "vocabs"))
N_SCHEMAS = 1000
N_LARGE = 100  # on a vocabulary of 150 k tokens; the others on one of 32 k


def with_packages():
    """Goes on under the Python that has jsonschema."""
    try:
        import jsonschema  # noqa: F401
    except ImportError:
        python = os.path.join(INPUTS, "venv/bin/python")
        if not os.path.exists(python) or os.environ.get("HEARTH_SCHEMA_WALK"):
            missing(python)
        os.environ["HEARTH_SCHEMA_WALK"] = "1"
        os.execv(python, [python, "-B", *sys.argv])


def missing(what):
    print(f"{what} is missing or incomplete: run scripts/prepare_inputs")
    sys.exit(1 if os.environ.get("HEARTH_TEST_STRICT") else 77)


WORDS = ["name", "id", "age", "tags", "städte", "x y", "a/b", "quote\"d", "kind", "value", "items",
         "Zähler", "$key", "naïve", "\U0001f600"]
PATTERNS = ["^[a-z]{2,8}$", "^\\d{3}-\\d{4}$", "^(red|green|blue)$", "[A-Z]", "^\\+?[0-9 ]{3,12}$",
            "^[^\\s@]+@[^\\s@]+\\.[a-z]{2,3}$", "^(?:[01]\\d|2[0-3]):[0-5]\\d$", "[x-z].[a-m]",
                "[a-z]$",
            "^\\w+(?:-\\w+)*$", "^[\\u00e0-\\u00ff]+$", "^$|^a+b*c?$", "^\"\\\\[a-f]*\"$",
                "[a-f]{2,3}[g-z]"]
FORMATS = ["date", "date-time", "time", "uuid", "ipv4", "ipv6", "email", "hostname", "duration",
           "uri", "json-pointer", "int32"]


class Schemas:
    """Random schemas of everything that docs/structured_output.md says is supported."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def chance(self, p):
        return self.random.random() < p

    def schema(self, depth, refs=()):
        r = self.random
        kinds = [self.string, self.integer, self.number, self.values, self.small]
        if depth > 0:
            kinds += [self.object, self.object, self.object, self.array, self.array, self.choice]
        if refs and self.chance(0.3):
            return {"$ref": r.choice(refs)}
        made = r.choice(kinds)(depth, refs)
        if isinstance(made, dict) and self.chance(0.2):
            made = {"title": "t", "description": "what it is", **made}
        return made

    def small(self, depth, refs):
        return self.random.choice([{"type": "boolean"}, {"type": "null"}, {"type": ["string",
            "null"]},
                                   {"type": ["integer", "boolean", "null"]}, True, {}])

    def string(self, depth, refs):
        r = self.random
        made = {"type": "string"}
        kind = r.randrange(5)
        if kind == 0:
            made["pattern"] = r.choice(PATTERNS)
        elif kind == 1:
            made["format"] = r.choice(FORMATS)
        elif kind == 2:
            made["minLength"] = r.choice([0, 1, 3, 20])
            made["maxLength"] = made["minLength"] + r.choice([0, 1, 5, 40, 500])
        elif kind == 3:
            made["maxLength"] = r.choice([0, 1, 8, 64])
        return made

    def integer(self, depth, refs):
        r = self.random
        made = {"type": "integer"}
        low = r.choice([-10**12, -1000, -7, 0, 1, 18, 65536])
        if self.chance(0.5):
            made[r.choice(["minimum", "exclusiveMinimum"])] = low
        if self.chance(0.5):
            made[r.choice(["maximum", "exclusiveMaximum"])] = low + r.choice([2, 10, 999, 10**9])
        if self.chance(0.1):
            made["multipleOf"] = 1
        return made

    def number(self, depth, refs):
        r = self.random
        made = {"type": "number"}
        low = r.choice([-1e6, -90, -0.5, 0, 0.001, 1, 2.75, 99.99])
        if self.chance(0.5):
            made[r.choice(["minimum", "exclusiveMinimum"])] = low
        if self.chance(0.5):
            made[r.choice(["maximum", "exclusiveMaximum"])] = low + r.choice([0.5, 1, 0.125, 1000])
        return made

    def values(self, depth, refs):
        r = self.random
        pool = ["a", "b", "long value", "é", "\n", "", 0,
                1, -5, 2.5, None, True, False, [1, "x"], {"k": 1}]
        if self.chance(0.3):
            return {"const": r.choice(pool)}
        if self.chance(0.3):
            return {"type": "string", "enum": ["low", "medium", "high"]}
        return {"enum": r.sample(pool, r.randrange(1, 5))}

    def object(self, depth, refs):
        r = self.random
        names = r.sample(WORDS, r.randrange(0, 6))
        made = {"type": "object", "properties": {n: self.schema(depth - 1, refs) for n in names}}
        made["required"] = [n for n in names if self.chance(0.6) and made["properties"][n] != {}]
        kind = r.randrange(7)
        if kind == 0:
            made["additionalProperties"] = False
        elif kind == 1:
            made["additionalProperties"] = self.schema(depth - 1, refs)
        elif kind == 2 and names:
            made["minProperties"] = r.randrange(0, len(names) + 1)
            if self.chance(0.5):
                made["maxProperties"] = max(made["minProperties"], len(made["required"]), 1)
        elif kind == 3 and names:
            made["allOf"] = [{"properties": {"more": self.schema(0)}, "required": ["more"]}]
        elif kind == 4:
            return {"type": "object", "propertyNames": {"pattern": "^[a-z]{1,4}$"},
                    "additionalProperties": self.schema(depth - 1, refs), "maxProperties": 4}
        elif kind == 5:
            return {"type": "object", "patternProperties": {"^k[0-9]$": self.schema(depth - 1,
                refs)},
                    "additionalProperties": False}
        return made

    def array(self, depth, refs):
        r = self.random
        made = {"type": "array"}
        if self.chance(0.25):
            made["prefixItems"] = [self.schema(depth - 1, refs) for _ in range(r.randrange(1, 4))]
            if self.chance(0.5):
                made["items"] = r.choice([False, self.schema(0)])
        else:
            made["items"] = self.schema(depth - 1, refs)
        if self.chance(0.4):
            made["minItems"] = r.choice([0, 1, 2, 5])
            if made.get("items") is False or "prefixItems" in made and "items" not in made:
                made["minItems"] = min(made["minItems"], len(made["prefixItems"]))
        if self.chance(0.4):
            made["maxItems"] = made.get("minItems", 0) + r.choice([0, 1, 3, 50])
        return made

    def choice(self, depth, refs):
        r = self.random
        kind = r.randrange(4)
        if kind == 0:
            return {"oneOf": [{"type": "object", "properties": {
                "kind": {"const": f"k{i}"}, "data": self.schema(depth - 1, refs)},
                    "required": ["kind"]}
                for i in range(r.randrange(2, 5))]}
        if kind == 1:
            return {"oneOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]}
        if kind == 2:
            return {"type": "object", "properties": {"a": self.schema(0), "b": self.schema(0)},
                    "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}
        return {"anyOf": [self.schema(depth - 1, refs) for _ in range(r.randrange(2, 4))]}

    def whole(self):
        if self.chance(0.25):
            node = {"type": "object", "properties": {
                "v": self.schema(1), "next": {"anyOf": [{"type": "null"},
                    {"$ref": "#/$defs/node"}]},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}, "maxItems": 2}},
                "required": ["v"]}
            refs = ("#/$defs/node", "#/$defs/small")
            return {"$schema": "https://json-schema.org/draft/2020-12/schema",
                    "$defs": {"node": node, "small": self.schema(0)}, **self.plain(refs)}
        return self.plain(())

    def plain(self, refs):
        made = self.schema(3, refs)
        return made if isinstance(made, dict) else {"anyOf": [made]}


# What libraries and public suites send, as they send it.
HAND_WRITTEN = [
    {"properties": {"name": {"title": "Name", "type": "string"}, "age": {
        "anyOf": [{"minimum": 0, "type": "integer"}, {"type": "null"}], "default": None}},
     "required": ["name"], "title": "User", "type": "object", "additionalProperties": False},
    {"type": "object", "properties": {"steps": {"type": "array", "items": {
        "type": "object", "properties": {"explanation": {"type": "string"},
            "output": {"type": "string"}},
        "required": ["explanation", "output"], "additionalProperties": False}},
        "final_answer": {"type": "string"}}, "required": ["steps", "final_answer"],
     "additionalProperties": False},
    {"$defs": {"Color": {"enum": ["red", "green"], "type": "string"}}, "type": "object",
     "properties": {"c": {"$ref": "#/$defs/Color", "description": "which"}}, "required": ["c"]},
    {"type": "object", "additionalProperties": {"type": "array", "items": {"type": "number"}}},
    {"type": "object", "properties": {"ui": {"$ref": "#/$defs/ui"}}, "required": ["ui"], "$defs": {
        "ui": {"type": "object", "properties": {
            "type": {"type": "string", "enum": ["div", "button"]}, "label": {"type": "string"},
            "children": {"type": "array", "items": {"$ref": "#/$defs/ui"}}},
            "required": ["type", "label", "children"], "additionalProperties": False}}},
    {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}], "items": False,
     "minItems": 2},
    {"allOf": [{"$ref": "#/$defs/a"}, {"properties": {"b": {"type": "integer"}},
        "required": ["b"]}],
     "$defs": {"a": {"type": "object", "properties": {"a": {"type": "string"}},
         "required": ["a"]}}},
    {"type": ["object", "array", "string"]}, {"type": "object"}, {"type": "array"}, True,
]


def walk(program, vocab, seed, schemas):
    lines = "".join(json.dumps(s) + "\n" for s in schemas)
    done = subprocess.run([program, os.path.join(VOCABS, vocab), str(seed)], input=lines,
                          capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main():
    with_packages()
    import jsonschema
    small, large = "ggml-vocab-llama-spm.gguf", "ggml-vocab-qwen2.gguf"
    for vocab in (small, large):
        if not os.path.exists(os.path.join(VOCABS, vocab)):
            missing(os.path.join(VOCABS, vocab))
    generator = Schemas(20261121)
    schemas = HAND_WRITTEN + [generator.whole() for _ in range(N_SCHEMAS - len(HAND_WRITTEN))]
    answers = walk(sys.argv[1], large, 1, schemas[:N_LARGE])
    answers += walk(sys.argv[1], small, 2, schemas[N_LARGE:])
    assert len(answers) == N_SCHEMAS
    wrong, refused, unfinished = [], [], []
    # All that the package knows but "time", which it reads without the zone of RFC 3339.
    formats = jsonschema.FormatChecker(
        f for f in jsonschema.FormatChecker.checkers if f != "time")
    for schema, answer in zip(schemas, answers):
        error = answer.get("error", "")
        if error == "the answer has no end":
            unfinished.append(schema)
        elif error:
            refused.append((error, schema))
        else:
            try:
                value = json.loads(answer["text"])
                jsonschema.Draft202012Validator(schema, format_checker=formats).validate(value)
            except (ValueError, jsonschema.ValidationError, RecursionError) as e:
                wrong.append((str(e).split("\n")[0], answer["text"], schema))
    for why, text, schema in wrong[:10]:
        print(f"invalid: {why}\n  {text[:500]}\n  {json.dumps(schema)[:1500]}")
    for error, schema in refused[:10]:
        print(f"refused: {error}\n  {json.dumps(schema)[:600]}")
    tokens = sum(a.get("tokens", 0) for a in answers[:N_LARGE])
    spent = sum(a.get("mask_us", 0) for a in answers[:N_LARGE])
    print(f"{N_SCHEMAS} schemas: {len(wrong)} wrong answers, {len(refused)} refused, "
          f"{len(unfinished)} unfinished; {spent / max(tokens, 1):.1f} us a token on {large}")
    unnamed = [e for e, _ in refused if "#" not in e and "no text at all" not in e]
    return bool(wrong or unnamed or len(unfinished) > N_SCHEMAS // 50
                or len(refused) > N_SCHEMAS // 20)


sys.exit(main())

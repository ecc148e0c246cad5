#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes golden/jinja_expressions.json: small templates and what jinja2 makes of them, null where
it raises. Some are written by hand (golden/jinja_sentences.txt), the others are random expressions
over values of every kind, operators, filters, tests and methods.

    capture_expressions.py --out FILE [--seed N] [--count N]
"""
import argparse
import functools
import json
import os
import random
import re
import sys

sys.dont_write_bytecode = True
import capture_templates  # noqa: E402 (beside this script)

VARIABLES = {
    "s": "Hello, World", "e": "", "u": "Xin chào ß ŉ Ω 🙂", "w": "  pad\t\n", "n": 7, "z": 0,
    "m": -3, "f": 2.5, "g": -0.125, "t": True, "o": None, "h": "<a href='x'>&\"</a>",
    "l": [3, 1, 2], "ls": ["b", "A", "c", "a"], "le": [], "lm": [1, "a", None, 2.0, True],
    "d": {"b": 1, "a": [1, {"x": "y"}], "items": "shadow", "c": None}, "de": {},
    "r": [{"n": "x", "v": 2, "k": {"i": 1}}, {"n": "Y", "v": 1, "k": {"i": 3}},
          {"n": "z", "k": {"i": 2}}],
    "lines": "one\ntwo\r\n\n  three\n", "num": " 42 ", "big": 9007199254740993,
}

NAMES = list(VARIABLES) + ["nope"]
LITERALS = ["0", "1", "2", "-1", "10", "3.0", "0.1", "1e17", "1.5e-7", "true", "false", "none",
            "''", "'a'", "'abc'", "'a-b c'", "'é'", "','", "' '", "[]", "[1, 2]", "['a', 'b']",
            "{}", "{'a': 1}", "(1, 2)", "('a',)", "()", "[[1, 'a'], [2, 'b']]", "range(4)"]
BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "and", "or", "==", "!=", "<", ">", "<=", ">=",
          "in", "not in"]
FILTERS = ["abs", "capitalize", "count", "default('D')", "default('D', true)", "d(1)", "e",
           "escape", "first", "float", "float(1.5)", "forceescape", "int", "int(5)", "int(base=16)",
           "items", "join", "join(',')", "join('-', attribute='n')", "last", "length", "list",
           "lower", "map('upper')", "map(attribute='n')", "map(attribute='v', default=0)",
           "map('int')", "max", "min", "min(attribute='v')", "reject", "select", "select('string')",
           "select('defined')", "reject('none')", "selectattr('v')", "selectattr('v', 'defined')",
           "rejectattr('n', 'equalto', 'x')", "selectattr('k.i', 'gt', 1)", "replace('a', 'X')",
           "replace('', '.')", "replace('l', 'L', 1)", "reverse", "round", "round(1)",
           "round(1, 'floor')", "round(0, 'ceil')", "round(-1)", "safe", "sort",
           "sort(reverse=true)", "sort(attribute='n')", "sort(case_sensitive=true)", "string",
           "sum", "sum(start=1)", "sum(attribute='k.i')", "title", "tojson", "tojson(indent=2)",
           "tojson(ensure_ascii=true)", "tojson(sort_keys=true)",
           "tojson(separators=(',', ':'))", "trim", "trim('H')", "truncate(6)",
           "truncate(6, true, '~', 0)", "unique", "upper", "urlencode", "wordcount", "center(15)",
           "batch(2)", "batch(2, 'f')", "slice(2)", "slice(3, 'f')", "dictsort",
           "dictsort(by='value')", "dictsort(true, reverse=true)", "groupby('n')", "indent",
           "indent(2, true)", "indent('>', blank=true)", "format(1, 'x')", "format(a=1)",
           "attr('upper')", "attr('b')", "filesizeformat", "filesizeformat(true)", "xmlattr"]
TESTS = ["defined", "undefined", "none", "string", "number", "integer", "float", "boolean", "true",
         "false", "mapping", "sequence", "iterable", "callable", "odd", "even", "divisibleby(3)",
         "lower", "upper", "sameas(none)", "in([1, 'a', none])", "eq(1)", "ne(1)", "gt(1)", "lt(1)",
         "ge(1)", "le(1)", "escaped", "filter", "test", "divisibleby 2", "equalto 'a'"]
METHODS = ["upper()", "lower()", "strip()", "strip('Ho')", "lstrip()", "rstrip()", "title()",
           "capitalize()", "swapcase()", "split()", "split(' ')", "split('l', 1)", "split(',')",
           "rsplit(None, 1)", "rsplit('o', 1)", "splitlines()", "splitlines(true)",
           "replace('l', '_')", "replace('o', '', 1)", "startswith('H')", "startswith(('x', ''))",
           "endswith('d')", "endswith(('d', 'x'))", "find('o')", "find('o', 5)", "rfind('o')",
           "find('zz')", "index('W')", "count('l')", "count('')", "join(['a', 'b'])", "join(ls)",
           "format(1)", "format(1, 2, x=3)", "zfill(8)", "ljust(15, '.')", "rjust(15)",
           "center(16, '*')", "partition(',')", "rpartition('o')", "isdigit()", "isalpha()",
           "isalnum()", "isspace()", "islower()", "isupper()", "istitle()", "isnumeric()",
           "isdecimal()", "isidentifier()", "isascii()", "isprintable()", "expandtabs(4)",
           "removeprefix('He')", "removesuffix('ld')", "items()", "keys()",
           "values()", "get('a')", "get('zz')", "get('zz', 'D')", "copy()", "index(1)", "count(1)",
           "append(1)", "pop()", "update({})", "bit_length()", "is_integer()"]
SUFFIXES = ["[0]", "[-1]", "[9]", "['a']", "['b']", "['items']", ".a", ".b", ".items", ".n", "[1:]",
            "[:-1]", "[::2]", "[::-1]", "[-3:-1]", "[5:1:-2]", "[:99]", "[none]", ".0", "[0].n",
            "['upper']", ".a.b", ".__class__", "._x", ".real"]
FORMATS = ["'%s'", "'%d'", "'%5d|'", "'%-5s|'", "'%05.1f'", "'%x'", "'%r'", "'%s %s'", "'%%'",
           "'%(a)s'", "'%e'", "'%g'", "'%+d'", "'%.2s'", "'%c'", "'%#o'"]


class OneShot:
    """A generator that prints without its address, as ours do."""

    def __init__(self, iterator):
        self.iterator = iterator

    def __iter__(self):
        return self

    def __next__(self):
        return next(self.iterator)

    def __repr__(self):
        return "<generator object>"


def without_addresses(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        result = function(*args, **kwargs)
        return OneShot(result) if hasattr(result, "__next__") else result
    return wrapper


class Generator:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, items):
        return self.random.choice(items)

    def expression(self, depth):
        if depth <= 0:
            return self.pick(NAMES) if self.random.random() < 0.6 else self.pick(LITERALS)
        inner = self.expression(depth - 1)
        kind = self.random.randrange(12)
        if kind < 4:
            return f"({inner})|{self.pick(FILTERS)}"
        if kind < 6:
            return f"({inner}) {self.pick(BINARY)} ({self.expression(depth - 1)})"
        if kind == 6:
            return f"({inner}) is {self.pick(['', 'not '])}{self.pick(TESTS)}"
        if kind < 9:
            return f"({inner}).{self.pick(METHODS)}"
        if kind == 9:
            suffix = self.pick(SUFFIXES)
            # jinja2 folds slices of constants in its own way
            return f"{self.pick(NAMES)}{suffix}" if ":" in suffix else f"({inner}){suffix}"
        if kind == 10:
            return f"{self.pick(FORMATS)} % ({inner})"
        return (f"({inner}) if ({self.expression(depth - 1)})"
                + self.pick(["", f" else ({self.expression(depth - 1)})"]))

    def template(self):
        text = self.expression(self.pick([1, 1, 2, 2, 3]))
        kind = self.random.randrange(10)
        if kind == 0:
            return "{% for x in " + text + " %}[{{ x }}{{ loop.index }}]{% else %}none{% endfor %}"
        if kind == 1:
            return "{% if " + text + " %}yes{% else %}no{% endif %}"
        if kind == 2:
            return "{% set x = " + text + " %}{{ x|list }}"
        return "{{ " + text + " }}"


def hand_written():
    with open(os.path.join(os.path.dirname(__file__), "golden",
                           "jinja_sentences.txt"), encoding="utf-8") as file:
        for line in file:
            line = line.rstrip("\n")
            if line and not line.startswith("## "):
                yield json.loads('"' + line.replace('"', '\\"') + '"')


def is_stable(result):
    """Short, and without the address of an object."""
    text = result.get("text", "").replace("<generator object>", "")
    letters = re.sub("[^a-z]", "", text.lower())
    return len(text) < 300 and not re.search("object|builtin|function|class", letters)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=6000)
    arguments = parser.parse_args()
    env = capture_templates.environment()
    env.filters = {name: without_addresses(each) for name, each in env.filters.items()}
    generator = Generator(arguments.seed)
    texts = list(hand_written())
    n_hand_written = len(texts)
    texts += [generator.template() for _ in range(arguments.count)]
    cases = []
    for i, text in enumerate(texts):
        result = capture_templates.render(capture_templates.compiled(env, text),
                                          json.loads(json.dumps(VARIABLES)))
        if i >= n_hand_written and "error" in result and i % 4:
            continue  # most random expressions raise
        if is_stable(result):
            cases.append([text, result.get("text")])
        elif i < n_hand_written:
            sys.exit(f"not stable: {text}")
    with open(arguments.out, "w", encoding="utf-8") as out:
        lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
        out.write(f'{{"variables": {json.dumps(VARIABLES, ensure_ascii=False)},\n'
                  f'"cases": [\n{lines}\n]}}\n')
    print(f"{len(cases)} cases, {sum(case[1] is None for case in cases)} raise")


if __name__ == "__main__":
    main()

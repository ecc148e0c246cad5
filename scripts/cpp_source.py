# SPDX-License-Identifier: MIT
"""Reads C++ text for the checks: blanks comments and literals, finds functions and their lengths.

It leans on the repository's format (clang-format), so it is a reader of our code, not of all C++.
"""
import os
import re

CPP_SUFFIXES = (".cpp", ".h", ".inc")

_TOKENS = re.compile(
    r'R"(?P<tag>[^(\s]{0,16})\(.*?\)(?P=tag)"'  # raw string
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'"  # a character, not the separator in 100'000
    r"|//(?:\\\n|[^\n])*"
    r"|/\*.*?\*/",
    re.DOTALL,
)


def _blank(text):
    return re.sub(r"[^\n]", " ", text)


def without_comments(text):
    """The text with comments blanked; literals stay; line numbers stay."""

    def replace(match):
        token = match.group(0)
        return _blank(token) if token.startswith(("//", "/*")) else token

    return _TOKENS.sub(replace, text)


def code_only(text):
    """The text with comments and the insides of literals blanked; line numbers stay."""

    def replace(match):
        token = match.group(0)
        if token.startswith(("//", "/*")):
            return _blank(token)
        return token[0] + _blank(token[1:-1]) + token[-1]

    return _TOKENS.sub(replace, text)


def _without_preprocessor(text):
    pattern = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
    return pattern.sub(lambda match: _blank(match.group(0)), text)


_SCOPE = re.compile(r"\b(?:namespace|class|struct|union|enum|extern)\b")


def _opens_scope(header):
    """Whether the text before a '{' begins a namespace or a type rather than a function."""
    if not _SCOPE.search(header):
        return False
    # "struct X f(int a) {" is a function; "struct alignas(64) X : Base<int()> {" is a type.
    header = re.sub(r"\b(?:alignas|requires|__attribute__)\s*\([^()]*\)", "", header)
    return "(" not in re.sub(r"<[^;]*>", "", header)


def functions(text):
    """(first line, last line, header) of every function body, counted from 1.

    A function is a braced block after a parameter list, directly in a file, namespace or type.
    Lambdas and blocks inside belong to the function around them.
    """
    code = _without_preprocessor(code_only(text))
    found = []
    scopes = []  # "scope" or "body" or "value" for each open brace
    begin = 0  # where the present statement begins
    opened = []  # start offsets of the functions that are open
    parens = 0
    for i, c in enumerate(code):
        if c == "(":
            parens += 1
        elif c == ")":
            parens -= 1
        elif c == "{":
            header = code[begin:i]
            in_scope = all(scope == "scope" for scope in scopes)
            if in_scope and parens == 0 and _opens_scope(header):
                scopes.append("scope")
                begin = i + 1
            elif in_scope and parens == 0 and "(" in header and not _is_value(header):
                scopes.append("body")
                opened.append(begin + len(header) - len(header.lstrip()))
            else:
                scopes.append("value")
        elif c == "}" and scopes:
            scope = scopes.pop()
            if scope == "body":
                start = opened.pop()
                first = code.count("\n", 0, start) + 1
                last = code.count("\n", 0, i) + 1
                found.append((first, last, " ".join(code[start:i].split("{")[0].split())))
            if scope != "value" or all(s == "scope" for s in scopes) and _ends_statement(code, i):
                begin = i + 1
        elif c == ";" and parens == 0 and all(scope == "scope" for scope in scopes):
            begin = i + 1
        elif c == ":" and parens == 0 and re.search(r"\b(?:public|private|protected)\s*$",
                                                    code[begin:i]):
            begin = i + 1
    return found


def _is_value(header):
    """Whether '{' begins a value: "int x[] = {" or a member's initialiser ": a_{"."""
    plain = re.sub(r"operator\s*[=<>!+*/&|^%~-]+", "operator", header)
    depth = 0
    for i, c in enumerate(plain):
        if c in "([":
            depth += 1
        elif c in ")]":
            depth -= 1
        elif c == "=" and depth == 0 and plain[i - 1] not in "=<>!" and plain[i + 1 : i + 2] != "=":
            return True
    last = plain.rstrip()
    # A constructor's list: "X(int a) : a_{a}, b_{b} {" - an opening brace right after a name.
    after_list = re.search(r"\)\s*(?:noexcept\s*)?:(?!:)", plain)
    ends_in_name = re.search(r"\w$", last) and not re.search(r"\)\s*\w+$|\bnoexcept$", last)
    return bool(after_list and ends_in_name)


def _ends_statement(code, i):
    return re.match(r"\}\s*(?:;|\n\s*\n|\Z)", code[i:]) is not None


def cpp_files(root, folders):
    """Paths of the C++ files below root/<folder>, relative to root, sorted."""
    paths = []
    for folder in folders:
        for at, _, names in os.walk(os.path.join(root, folder)):
            for name in names:
                if name.endswith(CPP_SUFFIXES):
                    paths.append(os.path.relpath(os.path.join(at, name), root))
    return sorted(paths)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8") as file:
        return file.read()

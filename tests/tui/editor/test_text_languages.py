"""Which language a script is in, and how it is coloured: each grammar once in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

from opsconsole.tui.screens.editor.languages import BY_ID, LANGUAGES, grammar_of, interpreter_of, language_of, query_of
from opsconsole.tui.screens.editor.painting import LAYERS


@pytest.mark.parametrize(
    ("text", "name", "interpreter", "language"),
    [
        ("#!/bin/sh\n", "", "", "bash"),
        ("#!/usr/bin/env -S python3 -u\n", "x.sh", "", "python"),
        ("#!/usr/bin/python3.11\n", "", "", "python"),
        ("#!/usr/bin/env pwsh\n", "", "", "powershell"),
        ("#!/usr/bin/osascript\n", "", "", "applescript"),
        ("echo\n", "a.PS1", "", "powershell"),
        ("echo\n", "a.applescript", "bash", "applescript"),
        ("x = 1\n", "", "/usr/bin/python3", "python"),
        ("#!/usr/bin/awk -f\n", "b.py", "", "python"),
        ("", "", "", "bash"),
    ],
)
def test_the_first_line_tells_then_the_ending_then_the_interpreter(
    text: str, name: str, interpreter: str, language: str
) -> None:
    assert language_of(text, name, interpreter).id == language


@pytest.mark.parametrize(
    ("text", "language", "interpreter"),
    [("#!/bin/sh\n", "bash", "sh"), ("#!/usr/bin/env ksh\n", "bash", "ksh"), ("", "bash", "bash"),
     ("#!/usr/bin/python3.11\n", "python", "python3"), ("#!/bin/sh\n", "python", "python3")],
)  # fmt: skip
def test_a_shell_that_the_first_line_names_is_kept(text: str, language: str, interpreter: str) -> None:
    assert interpreter_of(text, BY_ID[language]) == interpreter


PROGRAM = """
import sys
from tree_sitter import Parser, Query, QueryCursor
from opsconsole.tui.screens.editor.languages import BY_ID, grammar_of, query_of
language = BY_ID[sys.argv[1]]
tree = Parser(grammar_of(language)).parse(sys.stdin.buffer.read())
captures = QueryCursor(Query(grammar_of(language), query_of(language))).captures(tree.root_node)
for name, nodes in captures.items():
    for node in nodes:
        print(name, node.text.decode())
"""
SHELL = """#!/bin/sh
# a comment
for x in "$A ${B:-c}" 'raw'; do ls -l "$x" >&2 && f; done
f() { local y=1; }
cat <<E
hi
E
"""
PYTHON = """# a comment
import os
@cache
def f(a: int, *, key=None) -> str:
    return g(f"{a}\\n", key=1.5, X=True)
class C: pass
"""
POWERSHELL = """# a comment
<# a block #>
param([string]$Name = "x $HOME", [int]$n = 3)
function Get-It { return @{ a = 1 } }
foreach ($s in Get-Service -Name foo* | Where-Object { $_.Status -ne 'Running' }) { [IO.File]::Delete($s.Name) }
try { $x = 0x1F } catch { throw 'no' } finally { exit 2 }
class Point { [int] $X; Move() { } }
"""


def captured(language: str, text: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, language], input=text, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines())


def test_shell_is_coloured() -> None:
    assert {
        "comment # a comment", "keyword for", "keyword in", "keyword do", "keyword done", "keyword local",
        'string "$A ${B:-c}"', "string 'raw'", "variable A", "variable B", "function ls", "option -l", "function f",
        "operator >&", "operator &&", "number 1",
    } <= captured("bash", SHELL)  # fmt: skip


def test_python_is_coloured() -> None:
    assert {
        "comment # a comment", "keyword import", "keyword def", "keyword return", "keyword class", "function f",
        "function g", "function @cache", "type int", "type str", "type C", "number None", "number 1.5", "number True",
        "option key", "option X",
    } <= captured("python", PYTHON)  # fmt: skip


def test_powershell_is_coloured() -> None:
    assert {
        "comment # a comment", "comment <# a block #>", "keyword param", "keyword function", "keyword return",
        "keyword foreach", "keyword in", "keyword try", "keyword catch", "keyword throw", "keyword finally",
        "keyword exit", "type [string]", "type [IO.File]", "type Point", "variable $Name", "variable $HOME",
        "variable $_", 'string "x $HOME"', "string 'no'", "number 3", "number 0x1F", "function Get-It",
        "function Get-Service", "function Where-Object", "function Delete", "function Move", "option -Name", "option a",
        "operator -ne", "operator =", "operator |",
    } <= captured("powershell", POWERSHELL)  # fmt: skip


def test_applescript_is_plain() -> None:
    assert grammar_of(BY_ID["applescript"]) is None


def test_every_query_captures_what_can_be_painted_only() -> None:
    from tree_sitter import Query

    for language in LANGUAGES:
        if (grammar := grammar_of(language)) is not None:
            query = Query(grammar, query_of(language))
            names = {query.capture_name(at) for at in range(query.capture_count)}
            assert names <= {*LAYERS, "plain"}


def test_every_template_is_of_its_language() -> None:
    for language in LANGUAGES:
        assert language_of(language.template, f"x{language.endings[0]}") is language

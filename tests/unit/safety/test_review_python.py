"""The judge of Python: it warns and tells what a script does, never calls it harmless, and nothing makes it fail."""

import sysconfig
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.safety.review.edits import apply
from opsconsole.safety.review.model import Judgement, Severity, Source, Span, describe
from opsconsole.safety.review.python import LARGEST, judge
from tests.cases import each
from tests.unit.safety.rule_pages import Page, pages

PAGES = pages("py-")
LIBRARY = sorted(Path(sysconfig.get_path("stdlib")).glob("*.py"))


def rules(text: str) -> set[str]:
    judgement = judge(Source(text))
    return {finding.rule for finding in judgement.findings + judgement.denials}


@each(PAGES)
def test_the_bad_example_of_a_page_is_found_and_the_good_one_is_not(page: Page):
    assert page.rule in rules(page.bad)
    assert page.good is None or page.rule not in rules(page.good)


@each(PAGES)
def test_the_severity_of_a_page_is_one_that_is_reported(page: Page):
    judgement = judge(Source(page.bad))
    severities = {finding.severity for finding in judgement.findings + judgement.denials if finding.rule == page.rule}
    assert severities
    assert page.severity in {str(severity) for severity in severities} | {"warning"}


@pytest.mark.parametrize("text", ["", "pass", "x = 1", "import os"])
def test_it_never_calls_a_script_harmless(text):
    (denial,) = judge(Source(text)).denials
    assert "cannot be proven" in denial.message


def test_a_dozen_rules_and_more():
    assert len(PAGES) >= 12


def test_a_byte_order_mark_is_passed_over_and_moves_what_is_found_by_one():
    text = "import os; os.system('rm -rf /tmp/x')\r\nyaml = eval(input())\r\n"
    plain, marked = judge(Source(text)), judge(Source("\ufeff" + text))
    assert plain.findings and marked.parsed
    assert [(one.rule, one.start, one.line) for one in marked.findings] == [
        (one.rule, one.start + 1, one.line) for one in plain.findings
    ]
    assert [one.column for one in marked.effects if one.line == 1] == [
        one.column + 1 for one in plain.effects if one.line == 1
    ]


def test_a_syntax_error_has_its_place():
    judgement = judge(Source("x = 1\ny = = 2\n"))
    (finding,) = judgement.findings
    assert not judgement.parsed
    assert (finding.rule, finding.line, finding.column) == ("py-syntax", 2, 5)


def test_columns_count_characters_after_letters_outside_of_ascii():
    (finding,) = judge(Source("'äöü€𝄞'; eval(x)")).findings
    assert (finding.column, finding.end_column) == (10, 17)


@pytest.mark.parametrize(
    ("text", "effects"),
    [
        ("open('a'); open('b', 'w'); open('c', mode='a')", ["reads a (line 1)", "writes b, c"]),
        ("import os\nos.remove('a'); os.rename('b', 'c')", ["writes c (line 2)", "deletes a (line 2)"]),
        ("from subprocess import run as r\nr(['ls', '-l', 'a b'])", ["runs ls -l 'a b' (line 2)"]),
        ("import os as o\no.execv('/bin/sh', ['sh'])", ["runs /bin/sh (line 2)"]),
        ("from pathlib import Path\nPath('x').write_text('y')", ["writes x (line 2)"]),
        ("import requests\nrequests.get('https://u:p@h.org/x', timeout=1)", ["contacts h.org (line 2)"]),
        ("import socket\ns = socket.socket()\ns.connect(('h', 80))", ["contacts h (line 3)"]),
        ("import os\nos.kill(1, 9); os.setuid(0)", ["signals processes (line 2)", "runs as root (line 2)"]),
        ("__import__('os').system('id')", ["runs id (line 1)", "runs os (line 1)"]),
    ],
)
def test_it_tells_what_a_script_does(text, effects):
    told = describe(judge(Source(text)).effects)
    wanted = [word for effect in effects for word in effect.replace(",", "").split()]
    assert all(any(word in phrase for phrase in told) for word in wanted), told


def test_a_literal_command_line_goes_to_the_judge_of_shell_text():
    seen = []

    def shell(text: str, offset: int) -> Judgement:
        seen.append((text, offset))
        return Judgement(findings=[Source(text).finding("x", Severity.CATASTROPHIC, "no", Span(0, 2))])

    judgement = judge(Source("import os, subprocess\nos.system('rm -rf /')\nsubprocess.run(['rm', '-rf', '/'])"), shell)
    assert [text for text, _ in seen] == ["rm -rf /", "rm -rf /"]
    first, second = [finding for finding in judgement.findings if finding.rule == "x"]
    assert (first.line, first.column) == (2, 12)
    assert (second.line, second.column) == (3, 16)


def test_a_constant_is_followed_when_it_is_given_once():
    assert "py-remove-system" in rules("import shutil\nplace = '/'\nshutil.rmtree(place)")
    assert "py-remove-system" not in rules("import shutil\nplace = '/'\nplace = f()\nshutil.rmtree(place)")


@pytest.mark.parametrize("path", LIBRARY[::6], ids=lambda path: path.name)
def test_the_standard_library_is_read(path):
    judgement = judge(Source(path.read_text("utf-8", "replace")))
    assert judgement.parsed


LONG = [
    "(" * 50_000,
    "[" * 200,
    "-" * 50_000 + "1",
    "1" + "+1" * 50_000,
    "x" + ".a" * 50_000,
    "f(" * 90 + ")" * 90,
    "'a'+" * 900 + "'b'",
    "\x00",
    "\ud800",
    "if x:\n" * 200,
    "x" + "()" * 5_000,
    "\\\n" * 50_000,
    "while 1:\n  x()\n" * 3_000,
    "".join(f"{' ' * level}while 1:\n" for level in range(90)) + " " * 90 + "x()",
    "#" * (LARGEST + 1),
]


@pytest.mark.parametrize("text", LONG, ids=lambda text: ascii(text[:6]))
def test_nesting_and_length_do_not_stop_it(text):
    assert judge(Source(text)).denials


@pytest.mark.unmeasured
@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_is_judged(text):
    assert judge(Source(text)).denials


@pytest.mark.unmeasured
@given(
    st.sampled_from(PAGES), st.lists(st.tuples(st.integers(0, 150), st.integers(0, 4), st.text(max_size=4)), max_size=4)
)
@settings(max_examples=300, deadline=None)
def test_a_damaged_script_is_judged(page, changes):
    script = page.bad
    for at, length, text in changes:
        script = script[:at] + text + script[at + length :]
    judgement = judge(Source(script))
    assert all(finding.line >= 1 and finding.column >= 1 for finding in judgement.findings)


@pytest.mark.parametrize(
    ("text", "fixed"),
    [
        ("import yaml\nx = 'ü'; yaml.load(x)\n", "import yaml\nx = 'ü'; yaml.safe_load(x)\n"),
        ("import yaml\nyaml.load(x, Loader=yaml.Loader)\n", None),
        ("from yaml import load\nload(x)\n", None),
        ("import requests\nrequests.get(u, 1, verify=False, timeout=1)\n",
         "import requests\nrequests.get(u, 1, verify=True, timeout=1)\n"),
        ("import requests\nrequests.get(\n  u,\n)\n", "import requests\nrequests.get(\n  u, timeout=60\n)\n"),
        ("import requests\nrequests.get(\n  u  # it\n)\n", None),
        ("import smtplib\nsmtplib.SMTP()\n", "import smtplib\nsmtplib.SMTP(timeout=60)\n"),
        ("import requests\nrequests.get(u for u in x)\n", None),
    ],
)  # fmt: skip
def test_what_is_beyond_doubt_has_a_fix(text, fixed):
    (finding,) = judge(Source(text)).findings
    made = None if finding.fix is None else apply(text, finding.fix)
    assert made == fixed
    assert made is None or judge(Source(made)).findings == []

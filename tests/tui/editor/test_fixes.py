"""A fix as edits of the text: over every rule that offers one, what it complained of is gone and nothing worse came."""

from __future__ import annotations

import re

import pytest

from opsconsole.safety.review import review, rules
from opsconsole.safety.review.model import Edit, Finding, Review, Severity
from opsconsole.tui.screens.editor.fixes import Fixed, apply_all, apply_fix, preview
from opsconsole.tui.screens.editor.said import folded

_BLOCKS = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
_LANGUAGES = ("bash", "sh", "python", "powershell", "applescript")


def _examples() -> list[tuple[str, str]]:
    """The language and text of every example in the rules' pages."""
    pages = "\n".join(rules.page(rule) for rule in rules.all_ids())
    return [(language, text) for language, text in _BLOCKS.findall(pages) if language in _LANGUAGES]


def _offered() -> list[tuple[str, str, str, str]]:
    """Rule, language, policy and text of each finding with a fix; one example a rule and policy."""
    found: dict[tuple[str, str], tuple[str, str, str, str]] = {}
    for language, text in _examples():
        for policy in ("standard", "safe"):
            for one in review(text, language, policy).findings:
                if one.fix:
                    found.setdefault((one.rule, policy), (one.rule, language, policy, text))
    return sorted(found.values())


OFFERED = _offered()


def made(text: str, edits: Fixed) -> str:
    """What a text area makes of the edits, one after the other, by rows and columns."""
    for edit in edits.edits:
        lines = text.split("\n")
        start = sum(len(line) + 1 for line in lines[: edit.start[0]]) + edit.start[1]
        end = sum(len(line) + 1 for line in lines[: edit.end[0]]) + edit.end[1]
        text = text[:start] + edit.text + text[end:]
    return text


def errors(judged: Review) -> int:
    return sum(one.severity >= Severity.ERROR for one in judged.findings)


def test_many_rules_offer_a_fix() -> None:
    assert len({rule for rule, *_ in OFFERED}) >= 30


@pytest.mark.parametrize(("rule", "language", "policy", "text"), OFFERED, ids=lambda value: value[:30].split("\n")[0])
def test_after_its_fix_a_finding_is_gone_and_no_error_is_new(rule: str, language: str, policy: str, text: str) -> None:
    before = review(text, language, policy)
    finding = next(one for one in before.findings if one.rule == rule and one.fix)
    fixed = apply_fix(text, finding)
    assert fixed is not None and fixed.text != text
    assert made(text, fixed) == fixed.text
    assert preview(text, finding)
    after = review(fixed.text, language, policy)
    assert after.parsed or not before.parsed
    count = sum(one.rule == rule for one in before.findings)
    assert sum(one.rule == rule for one in after.findings) < count
    assert errors(after) <= errors(before)


@pytest.mark.parametrize("text", ["cd $1\r\nrm $2/x\r\n", "# ü 漢 🙂\n\ncd $1; rm $2\n"])
def test_all_that_go_together_are_made_and_rows_and_columns_agree(text: str) -> None:
    findings = review(text, "bash", "standard").findings
    fixed = apply_all(text, findings)
    assert fixed is not None and len(fixed.done) >= 2
    assert made(text, fixed) == fixed.text
    assert list(fixed.edits) == sorted(fixed.edits, key=lambda one: (one.start, one.end), reverse=True)
    assert "cd $1 || exit" in fixed.text and 'rm "$2"' in fixed.text


def _with(*edits: Edit) -> Finding:
    return Finding("x", Severity.INFO, "said", 1, 1, 1, 2, 0, 1, edits or None)


@pytest.mark.parametrize("text", ["echo", "echo \udcff"])
def test_where_there_is_no_fix_none_is_made(text: str) -> None:
    assert apply_fix(text, _with()) is None
    assert apply_fix(text, _with(Edit(0, 99, "x"))) is None, "it is of another text"
    assert preview(text, _with()) == ""


def test_bytes_that_are_no_text_are_not_fixed() -> None:
    """The review counted bytes there, and the edits would lie elsewhere."""
    assert apply_fix("echo \udcff $x", _with(Edit(0, 1, "E"))) is None


def test_words_are_folded_to_a_few_lines() -> None:
    lines = folded("one two three four five six seven", 12, 2, "plain")
    assert ["".join(cell.text for cell in line) for line in lines] == [" one two", " three fou…"]

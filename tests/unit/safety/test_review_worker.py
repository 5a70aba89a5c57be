"""The process that reviews: the newest request is answered, and nothing slow stands in its way."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opsconsole.safety.review import review, shellcheck, worker
from opsconsole.safety.review.worker import MOST_EFFECTS, MOST_FINDINGS, Frames, _Server, question, read_review, request


class Line:
    """Both ends of a server that runs in a thread."""

    def __init__(self) -> None:
        self._theirs, self.ours = os.pipe()
        self._sink_read, self._sink = os.pipe()
        self._frames = Frames()
        self._held: list[dict[str, Any]] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        server = _Server(self._theirs, self._sink)
        while (asked := server.newest()) is not None:
            server.answer(asked)

    def ask(self, *texts: str, interpreter: str = "bash") -> None:
        """In one piece, numbered from 1."""
        frames = [request(at, text, interpreter, "standard", None) for at, text in enumerate(texts, 1)]
        os.write(self.ours, b"".join(frames))

    def ask_for_a_submission(self, number: int, body: bytes, policy: str, **more: Any) -> None:
        asked = {"allow": (), "site": "", "given": frozenset[str](), **more}
        os.write(self.ours, question(number, body, "bash", policy, **asked))

    def next(self) -> dict[str, Any]:
        while not self._held:
            self._held += self._frames.feed(os.read(self._sink_read, 1 << 16))
        return self._held.pop(0)

    def end(self) -> None:
        os.close(self.ours)
        self._thread.join(20)
        assert not self._thread.is_alive()
        for fd in (self._theirs, self._sink_read, self._sink):
            os.close(fd)


@pytest.fixture
def line() -> Iterator[Line]:
    line = Line()
    yield line
    line.end()


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A ShellCheck that says it has begun, and never comes to an end. The file that it then makes."""
    begun, program = tmp_path / "begun", tmp_path / "shellcheck"
    os.mkfifo(begun)
    program.write_text(f"#!/bin/sh\nexec 3>{begun}\nexec sleep 1000\n")
    program.chmod(stat.S_IRWXU)
    monkeypatch.setattr(shellcheck, "find", lambda: str(program))
    return begun


def test_of_several_requests_the_last_is_answered(line: Line) -> None:
    line.ask("echo 1", "echo 2", "rm -rf /", interpreter="sh")
    answer = line.next()
    assert answer["version"] == 3
    assert read_review(answer) == review("rm -rf /", "sh", "standard", given=frozenset())


LADDER = {"safe": "refuse", "restricted": "allow", "standard": "allow", "elevated": "confirm"}


def test_another_language_is_answered_at_once_and_whole(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_CHEAP_S", float("inf"))  # however long this machine takes
    line.ask("print(1)", interpreter="python")
    answer = line.next()
    assert answer["refined"] and answer["ladder"] == LADDER


def test_what_took_long_is_answered_for_one_policy_first(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_CHEAP_S", 0.0)
    line.ask("print(1)", interpreter="python")
    first, then = line.next(), line.next()
    assert not first["refined"] and first["ladder"] == {"standard": "allow"}
    assert then["refined"] and then["ladder"] == LADDER


def test_a_slow_shellcheck_is_ended_by_the_next_request(endless: Path, line: Line) -> None:
    line.ask("echo 1")
    first = line.next()
    assert (first["version"], first["refined"]) == (1, False)
    with open(endless) as begun:  # it has begun
        line.ask("echo a", "echo b")
        assert line.next()["version"] == 2
        assert begun.read() == "", "and it is gone: nobody holds the other end"


def test_a_slow_shellcheck_is_ended_by_the_end_of_the_input(endless: Path) -> None:
    line = Line()
    line.ask("echo 1")
    line.next()
    with open(endless) as begun:
        line.end()
        assert begun.read() == ""


def test_without_shellcheck_there_is_a_note(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shellcheck, "find", lambda: None)
    line.ask("echo 1")
    assert line.next()["refined"] is False
    refined = line.next()
    assert refined["refined"] and read_review(refined).notes == (shellcheck.MISSING,)


@pytest.mark.parametrize("policy", ["safe", "standard"])
def test_a_question_has_the_very_review_that_decides(line: Line, policy: str) -> None:
    bodies = (
        b"echo \xff\x00\r\n", b"rm -rf /\n", b'echo "$GIVEN"\n', b"",
        b"echo $x; rm /a$x\n" * (max(MOST_FINDINGS, MOST_EFFECTS) + 1),
    )  # fmt: skip
    more: dict[str, Any] = {"allow": ("rm-root",), "given": frozenset({"GIVEN", "A"})}
    for number, body in enumerate(bodies):
        line.ask_for_a_submission(number, body, policy, **more)
        answer = line.next()
        assert answer["question"] == number
        assert read_review(answer) == review(body, "bash", policy, site="", **more)


def test_questions_are_all_answered_and_overtake_nothing(endless: Path, line: Line) -> None:
    line.ask("echo 1")
    assert line.next()["refined"] is False
    with open(endless):  # ShellCheck goes on meanwhile
        for number in (1, 2):
            line.ask_for_a_submission(number, b"echo 1", "standard")
        assert [line.next()["question"] for _ in range(2)] == [1, 2]
        line.ask("echo a", "echo b")
        line.ask_for_a_submission(3, b"echo b", "standard")
        answers = [line.next(), line.next()]
        assert sorted(one.get("question", one.get("version")) for one in answers) == [2, 3]

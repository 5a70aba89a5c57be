"""Drives' health: asked hourly, in a thread of its own, and never good for want of an answer."""

from __future__ import annotations

import stat
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from opsconsole.anomalies import Change, Severity
from opsconsole.monitoring.detection.smart_source import EVERY_S, Reading, SmartSource
from opsconsole.monitoring.sampling import smart
from opsconsole.monitoring.sampling.smart_document import DriveHealth, State
from tests.monitoring.watched import Hand, Host


def watching(read: Reading) -> Host:
    clock = Hand()
    return Host(lambda _, __: SmartSource(clock, read=read, start=lambda work: work()), clock=clock)


def reading(*drives: DriveHealth) -> Reading:
    return lambda previous: drives


def sda(state: State, why: str = "") -> DriveHealth:
    return DriveHealth("/dev/sda", state, why)


@pytest.mark.parametrize(
    ("state", "severity"),
    [
        ("ok", None), ("standby", None), ("unsupported", None), ("unreadable", None), ("worn", Severity.MEDIUM),
        ("failing", Severity.CRITICAL),
    ],
)  # fmt: skip
def test_a_state_has_its_severity(state: State, severity: Severity | None) -> None:
    host = watching(reading(sda(state, "4 unreadable sectors; 2 of them new")))
    for _ in range(3):
        host.tick()
    assert [one.severity for one in host.open()] == ([] if severity is None else [severity])
    assert [one.subject for one in host.open()] == ([] if severity is None else ["sda"])


def test_the_message_says_why() -> None:
    host = watching(reading(sda("failing", "4 unreadable sectors\x1b[2J")))
    host.tick()
    (found,) = host.open()
    assert "4 unreadable sectors" in found.message
    assert found.message.isprintable()
    assert found.details is not None
    assert found.details["state"] == "failing"


@pytest.mark.parametrize("state", ["standby", "unsupported", "unreadable"])
def test_a_drive_that_gives_no_answer_has_not_recovered(state: State) -> None:
    answers: list[Sequence[DriveHealth]] = [[sda("failing")], [sda(state)], [sda("ok")]]
    host = watching(lambda previous: answers.pop(0))
    assert [t.change for t in host.tick()] == [Change.OPENED]
    host.tick(seconds=EVERY_S)
    assert host.open()
    assert [t.change for t in host.tick(seconds=EVERY_S)] == [Change.CLOSED]


def test_it_is_asked_once_an_hour_and_told_what_it_said_before() -> None:
    given: list[Sequence[DriveHealth]] = []
    first = DriveHealth("/dev/sda", "ok", figures={"media_errors": 1})
    answers = [[first], [sda("standby")], [first]]

    def read(previous: Sequence[DriveHealth]) -> Sequence[DriveHealth]:
        given.append(list(previous))
        return answers.pop(0)

    host = watching(read)
    for _ in range(2 * 60 + 1):
        host.tick(seconds=60.0)
    assert given == [[], [first], [first]]  # figures outlast an hour of sleep


def test_a_tick_does_not_wait_for_smartctl() -> None:
    asked, done = threading.Event(), threading.Event()

    def slow(previous: Sequence[DriveHealth]) -> Sequence[DriveHealth]:
        asked.set()
        assert done.wait(20)
        return ()

    clock = Hand()
    host = Host(lambda _, __: SmartSource(clock, read=slow), clock=clock)
    for _ in range(100):
        assert host.tick(seconds=60.0) == []
    assert asked.wait(20)
    done.set()


def test_a_program_that_fails_is_asked_again_later(caplog: pytest.LogCaptureFixture) -> None:
    answers: list[Sequence[DriveHealth] | None] = [None, [sda("worn", "1 replaced sectors")]]

    def read(previous: Sequence[DriveHealth]) -> Sequence[DriveHealth]:
        answer = answers.pop(0)
        if answer is None:
            raise OSError("no program")
        return answer

    host = watching(read)
    assert host.tick() == []
    assert "smartctl could not be asked" in caplog.text
    assert [t.change for t in host.tick(seconds=EVERY_S)] == [Change.OPENED]


def test_a_real_program_is_asked(tmp_path: Path) -> None:
    program = tmp_path / "smartctl"
    program.write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        '*--scan*) echo \'{"devices": [{"name": "/dev/sdz", "type": "sat"}]}\' ;;\n'
        '*/dev/sdz*) echo \'{"smart_status": {"passed": false}, "smartctl": {"exit_status": 8}}\'; exit 8 ;;\n'
        "*) exit 1 ;;\nesac\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    host = watching(lambda previous: smart.read(previous, search_path=str(tmp_path), sys=str(tmp_path)))
    host.tick()
    assert [(one.subject, one.severity) for one in host.open()] == [("sdz", Severity.CRITICAL)]

"""Signals and nice values reach who was meant, or nobody: without a screen."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from opsconsole.errors import ConsoleError
from opsconsole.tui.screens.processes.acting import Target, each, renice, send, special
from tests.tui.processes.fake_processes import child, row
from tests.tui.processes.scene import Patch


def test_what_is_not_permitted_is_said(monkeypatch: Patch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(signal, "pidfd_send_signal", refuse)
    monkeypatch.setattr(os, "setpriority", refuse)
    with child() as (_, process):
        target = replace(Target.of(process), user="root")
        acts: list[Callable[[], None]] = [lambda: send(target, signal.SIGTERM), lambda: renice(target, -5)]
        for act in acts:
            with pytest.raises(ConsoleError, match="may not") as caught:
                act()
            assert "runs as root" in str(caught.value.hint)


@pytest.mark.parametrize("number", [38, 1])
def test_without_descriptors_the_start_is_still_compared(monkeypatch: Patch, number: int) -> None:
    def lacks(*_: Any) -> int:
        raise OSError(number, "not here")

    monkeypatch.setattr(os, "pidfd_open", lacks)
    with child() as (running, process):
        with pytest.raises(ConsoleError, match="another process"):
            send(replace(Target.of(process), start_ticks=1), signal.SIGKILL)
        assert running.poll() is None
        send(Target.of(process), signal.SIGKILL)
        assert running.wait(60) == -signal.SIGKILL


def test_a_number_that_was_used_again_is_left_alone() -> None:
    """The one that is meant began earlier than the one that has its number now."""
    with child() as (running, process):
        earlier = replace(Target.of(process), start_ticks=process.start_ticks - 1)
        acts: list[Callable[[], None]] = [lambda: send(earlier, signal.SIGKILL), lambda: renice(earlier, 19)]
        for act in acts:
            with pytest.raises(ConsoleError, match="its number belongs to another process"):
                act()
        assert running.poll() is None
        assert os.getpriority(os.PRIO_PROCESS, process.pid) == os.getpriority(os.PRIO_PROCESS, 0)


def test_one_that_fails_does_not_keep_the_others_from_it() -> None:
    with child() as (running, process):
        gone = replace(Target.of(process), start_ticks=1)
        outcomes = each([gone, Target.of(process)], lambda one: send(one, signal.SIGTERM))
        assert [outcome.error is None for outcome in outcomes] == [False, True]
        assert running.wait(60) == -signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGUSR1])
def test_a_signal_reaches_its_process(number: signal.Signals) -> None:
    with child() as (running, process):
        send(Target.of(process), number)
        assert running.wait(60) == -number


def test_stop_and_continue() -> None:
    with child() as (_, process):
        send(Target.of(process), signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        send(Target.of(process), signal.SIGCONT)
        os.waitid(os.P_PID, process.pid, os.WCONTINUED)


def test_no_descriptor_is_left_open() -> None:
    def descriptors() -> list[str]:
        """Of processes: threads that other tests have left may open something else."""
        found = []
        for number in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                found.append(os.readlink(f"/proc/self/fd/{number}"))
        return [one for one in found if "pidfd" in one or f"/{process.pid}" in one]

    with child() as (_, process):
        with open(f"/proc/{process.pid}/stat", "rb"):
            assert len(descriptors()) == 1, "it would be seen"
        for _ in range(5):
            send(Target.of(process), signal.SIGCONT)
            each([replace(Target.of(process), start_ticks=1)], lambda one: send(one, signal.SIGCONT))
        assert descriptors() == []


def test_process_1_and_this_console_are_special() -> None:
    assert "process 1" in str(special(Target.of(row(1, "systemd"))))
    assert "this console" in str(special(Target.of(row(os.getpid(), "python"))))
    assert special(Target.of(row(2, "other"))) is None

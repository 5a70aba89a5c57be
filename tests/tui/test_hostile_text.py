"""Names, reasons, output and paths are written by others: nothing of them reaches the terminal as a control."""

from __future__ import annotations

import unicodedata
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from opsconsole.errors import QueueFull
from opsconsole.events import Notice
from opsconsole.models import Status
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.scenes import HOSTILE, console
from tests.tui.waiting import output, shown, started, table, until

LONG = HOSTILE * 300
BYTES = (
    HOSTILE.encode()
    + b"\xff\xfe\x00\x9b2J\x1b[2J\x1b]52;c;ZXZpbA==\x07\x1b]8;;http://x\x1b\\link\x1bP q\x1b\\\r\n\x1b[31mred"
)
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def controls(text: str) -> set[str]:
    """What a terminal would act on or hide, besides the newlines that we put there."""
    return {f"U+{ord(c):04X}" for c in text if c != "\n" and unicodedata.category(c) in _INVISIBLE}


def assert_harmless(pilot: Pilot[Any]) -> None:
    for strip in pilot.app.screen._compositor.render_strips():
        for segment in strip:
            assert not controls(segment.text), segment.text
            assert segment.style is None or not segment.style.link
    svg = pilot.app.export_screenshot()
    assert not controls(svg)
    ElementTree.fromstring(svg)  # noqa: S314 - well-formed whatever the data holds
    assert "<script" not in svg


@pytest.fixture
def hostile(engine: FakeEngine) -> FakeEngine:
    """Every field that others write, in every status."""
    for status in Status:
        task = engine.put(
            name=HOSTILE if status is not Status.CANCELLED else LONG, status=status, reason=HOSTILE, actor=HOSTILE,
            door=HOSTILE, ssh_client=HOSTILE, interpreter=HOSTILE, signal=HOSTILE, parent_id=1, parent_kind=HOSTILE,
            labels={HOSTILE: HOSTILE}, started_at=NOW - 9 * SECOND, finished_at=NOW, duration_s=9.0, attempts=3,
        )  # fmt: skip
        process = [{"pid": 1, "name": HOSTILE}]
        engine.report(
            task.id,
            supervision={"survivors": process, "leftovers": process, "kill": HOSTILE, "stopped_by": HOSTILE},
            containment={"degraded": [HOSTILE], "limits": {}},
        )
        engine.waiting[task.id] = HOSTILE
        engine.write(task.id, ("stdout", BYTES + b"\n"), ("stderr", BYTES * 50), ended=not status.is_open)
    return engine


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
async def test_tasks_and_their_output_are_harmless(hostile: FakeEngine, size: tuple[int, int]) -> None:
    async with console(hostile).run_test(size=size) as pilot:
        await started(pilot)
        for task in list(table(pilot).tasks):
            table(pilot).select(task.id)
            await until(pilot, lambda: output(pilot).line_count)
            assert_harmless(pilot)
        for key in ("enter", "w", "g", "escape"):
            await pilot.press(key)
            assert_harmless(pilot)


async def test_dialogs_and_notices_are_harmless(hostile: FakeEngine) -> None:
    async with console(hostile).run_test(size=(120, 40), notifications=True) as pilot:
        await started(pilot)
        await pilot.press("x")
        await until(pilot, lambda: "Cancel task" in shown(pilot))
        assert "[bold]" in shown(pilot)
        assert_harmless(pilot)
        hostile.refusal = QueueFull(HOSTILE, hint=HOSTILE)
        await pilot.press("y")
        hostile.publish(Notice("error", HOSTILE))
        await until(pilot, lambda: len(pilot.app._notifications) >= 2)
        await pilot.pause(0.2)
        assert "[bold]" in shown(pilot)
        assert_harmless(pilot)
        await pilot.press("q")
        await pilot.pause(0.1)
        assert_harmless(pilot)


async def test_names_of_files_are_harmless(hostile: FakeEngine, samples: Path) -> None:
    bad = HOSTILE.replace("/", "_")
    (samples / f"{bad}.sh").write_text(f"#!/bin/sh\n# {HOSTILE}\n# Usage: x {HOSTILE}\n")
    (Path.cwd() / f"{bad}2.sh").write_text("true\n")
    (Path.cwd() / f"{bad}dir").mkdir()
    async with console(hostile).run_test(size=(120, 40)) as pilot:
        await started(pilot)
        await pilot.press("n", *"pwned")
        await until(pilot, lambda: "pwned" in shown(pilot))
        assert_harmless(pilot)
        await pilot.press("enter")
        await pilot.pause(0.1)
        assert_harmless(pilot)
        await pilot.press("escape", *["backspace"] * 5, "full_stop", "slash")
        await pilot.pause(0.2)
        assert_harmless(pilot)


async def test_a_pasted_filter_is_harmless(hostile: FakeEngine) -> None:
    from textual import events

    async with console(hostile).run_test(size=(120, 40)) as pilot:
        await started(pilot)
        await pilot.press("slash")
        pilot.app.post_message(events.Paste("state:\x1b]0;pwned\x07\u202e[bold]"))
        await pilot.pause(0.3)
        assert_harmless(pilot)

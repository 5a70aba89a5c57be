"""What it says of what is known and of what is not; what others write stays harmless."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsconsole.anomalies import Severity
from opsconsole.errors import StorageError
from opsconsole.models import Status
from opsconsole.tui.screens.tasks.screen import TasksScreen
from tests.tui.anomalies.scene import (
    detail,
    episodes,
    ids,
    opened,
    put,
    screen,
    told,
)
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.hostile import Seen
from tests.tui.scenes import HOSTILE, HOUR, MINUTE, trouble
from tests.tui.waiting import lines_of, shown, until


async def test_nothing_on_record_and_nobody_watches(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        await until(pilot, lambda: "Nobody watches this host: press m to start the monitor." in shown(pilot))
        text = shown(pilot)
        assert "Nothing is on record in the last 24 h." in text and "Nothing was wrong" not in text
        assert "- shows a longer time." in text


async def test_all_was_well(watched: FakeEngine) -> None:
    watched.monitoring._anomalies.clear()
    async with opened(watched, (80, 24)) as pilot:
        await until(pilot, lambda: "Nothing was wrong in the last 24 h." in shown(pilot))
        assert "Nobody watches" not in shown(pilot)
        await pilot.press("left")
        await until(pilot, lambda: "Nothing was wrong then." in shown(pilot))


async def test_a_record_that_cannot_be_read_is_said_where_one_looks_and_told_once(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        watched.monitoring.broken = StorageError("opsconsole.db is damaged")
        for key in ("plus", "minus", "plus"):
            await pilot.press(key)
            await until(pilot, lambda: "✗ opsconsole.db is damaged" in shown(pilot))
            await pilot.pause()
        assert told(pilot).count("opsconsole.db is damaged") == 1
        watched.monitoring.broken = None
        await pilot.press("0")
        await until(pilot, lambda: "✗ opsconsole.db" not in shown(pilot) and ids(pilot) == [2, 1])


async def test_a_record_that_never_could_be_read_is_not_called_empty(engine: FakeEngine) -> None:
    engine.monitoring.broken = StorageError("opsconsole.db is damaged")
    async with opened(engine, (80, 24)) as pilot:
        await until(pilot, lambda: "The record cannot be read." in shown(pilot))
        assert "Nothing" not in shown(pilot)
        assert "the last 24 h" in lines_of(pilot)[1], "the time is known without the record"


async def test_the_first_line_names_the_worst_and_the_mode_is_left_and_found_as_it_was(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: "/var is 91 % full" in lines_of(pilot)[0])
        await pilot.press("j", "plus", "2")
        await until(pilot, lambda: isinstance(pilot.app.screen, TasksScreen))
        await pilot.press("4")
        await until(pilot, lambda: "the last 6 h" in shown(pilot))
        assert episodes(pilot).selected.id == 1  # type: ignore[union-attr]


async def test_nothing_overlaps_whatever_the_size(tmp_path: Path) -> None:
    async with opened(trouble(tmp_path / "there"), (80, 24)) as pilot:
        for size in ((80, 24), (120, 36), (300, 60), (40, 12), (20, 5)):
            await pilot.resize_terminal(*size)
            await until(pilot, lambda size=size: [len(line) for line in lines_of(pilot)] == [size[0]] * size[1])
            leaves = [one for one in screen(pilot).query("*") if one.region and not one.children and one.is_on_screen]
            for at, one in enumerate(leaves):
                covered = [other for other in leaves[at + 1 :] if one.region.overlaps(other.region)]
                assert not covered, (one, one.region, covered)


SECRET = "hunter2-hunter2-hunter2"  # noqa: S105 - what must not be shown


async def test_a_password_in_a_note_is_not_shown(watched: FakeEngine) -> None:
    notes = ({"at": NOW, "by": "deploy", "text": f"ran mysql --password={SECRET}"},)
    put(watched, "disk_full", Severity.HIGH, HOUR, id=2, notes=notes)
    async with opened(watched) as pilot:
        await until(pilot, lambda: "ran mysql --password=" in detail(pilot))
        assert SECRET not in shown(pilot)


@pytest.mark.parametrize("size", [(160, 45), (80, 24)])
async def test_hostile_names_are_harmless(engine: FakeEngine, size: tuple[int, int]) -> None:
    evil = HOSTILE + "\x1b]0;pwned\x07<script>[red]"
    engine.put(name=evil, status=Status.RUNNING, started_at=NOW)
    entry = {"at": evil, "by": evil, "kind": evil, "ref": evil, "text": evil, "note": evil}
    put(
        engine, evil, Severity.CRITICAL, HOUR, subject=evil, message=evil, unit=evil, acknowledged_at=NOW,
        acknowledged_by=evil, notes=(entry,), links=(entry,), runs=(evil, "1.1"),
        details={evil: evil, "x": {evil: [1]}},
        processes=({"pid": evil, "name": evil, "cpu_percent": evil, "rss_bytes": None},),
    )  # fmt: skip
    put(engine, "unusual", Severity.HIGH, HOUR, MINUTE, subject=evil * 50, message="")
    async with opened(engine, size) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 2)
        for key in ("a", "enter", "G", "g", "escape", "j", "t"):
            await pilot.press(key)
            await pilot.pause()
            Seen().check(pilot)
        for key in ("z", "N", "C"):
            await pilot.press(key)
            await until(pilot, lambda: pilot.app.screen.is_modal)
            Seen().check(pilot)
            await pilot.press("escape")
            await until(pilot, lambda: not pilot.app.screen.is_modal)

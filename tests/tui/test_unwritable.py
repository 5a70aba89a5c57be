"""A console whose state directory cannot be written: it opens, says so at once and for good, and only looks."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from opsconsole.console_settings import ConsoleSettings
from opsconsole.engine import Engine
from opsconsole.errors import DiskFull, OpsError, StateDirError, StorageError
from opsconsole.models import Status, TaskSpec
from opsconsole.settings import Settings
from opsconsole.tui.actions import ACTIONS
from opsconsole.tui.app import ConsoleApp, run_console
from opsconsole.tui.keys import keys_of, shown_keys
from opsconsole.tui.modes import MODES, Mode
from tests.places import Place, place
from tests.tui.fake_engine import FakeEngine
from tests.tui.overview.scene import said
from tests.tui.scenes import console, trouble
from tests.tui.test_read_only import mine
from tests.tui.waiting import lines_of, shown, started, told, until

__all__ = ["place"]

WHY = StateDirError(
    "the state directory /home/ops/.local/state/opsconsole cannot be used: Read-only file system",
    hint="mount it for writing (`dmesg` may say why it is not), or set OPSCONSOLE_STATE_DIR",
)
CHANGING = [action for action in ACTIONS if action.changes]


@pytest.fixture
def host(tmp_path: Path) -> FakeEngine:
    engine = trouble(tmp_path / "state")
    engine.unwritable = WHY
    return engine


@asynccontextmanager
async def opened(
    engine: FakeEngine, mode: Mode = MODES[1], size: tuple[int, int] = (160, 45)
) -> AsyncIterator[Pilot[Any]]:
    app = console(engine)
    async with app.run_test(size=size, notifications=True) as pilot:
        await started(pilot)
        await pilot.press(mode.key)
        await until(pilot, lambda: app.modes.current == mode.id and app.screen.is_current)
        await until(pilot, lambda: "CANNOT WRITE" in lines_of(pilot)[0])
        yield pilot


async def test_it_says_why_and_what_to_do(host: FakeEngine) -> None:
    async with opened(host) as pilot:
        await until(pilot, lambda: "Nothing can be written" in said(pilot))
        text = said(pilot)
        assert "cannot be used: Read-only file system." in text
        assert "Mount it for writing (`dmesg` may say why it is not)" in text and text.count("Then start again.") == 1
        assert "error" in told(pilot) or any(entry.severity == "error" for entry in pilot.app.journal.entries)


async def test_all_of_it_is_on_a_small_screen(host: FakeEngine) -> None:
    async with opened(host, size=(80, 24)) as pilot:
        await until(pilot, lambda: "Then start again." in shown(pilot))
        assert "the log has all of it" not in shown(pilot)


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (300, 60)], ids=str)
async def test_the_mark_is_there_at_every_size(host: FakeEngine, size: tuple[int, int]) -> None:
    async with opened(host, size=size) as pilot:
        assert "CANNOT WRITE" in lines_of(pilot)[0] and "READ-ONLY" not in lines_of(pilot)[0]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.id)
async def test_no_key_that_changes_something_is_to_be_had(host: FakeEngine, mode: Mode) -> None:
    names = {action.id for action in CHANGING}
    async with opened(host, mode) as pilot:
        app: Any = pilot.app
        await until(pilot, lambda: not names & set(shown_keys(app.screen)))
        assert not names & set(keys_of(app))
        screen, before = app.screen, list(host.calls)
        for key in mine(mode):
            app.clear_notifications()
            await pilot.press(key)
            await until(pilot, lambda: "Nothing can be written: the state directory" in said(pilot))
        assert app.screen is screen and host.calls == before


async def test_who_asked_for_read_only_is_told_nevertheless(host: FakeEngine) -> None:
    app = console(host, read_only=True)
    async with app.run_test(size=(160, 45), notifications=True) as pilot:
        await started(pilot)
        await until(pilot, lambda: "CANNOT WRITE" in lines_of(pilot)[0])
        assert "READ-ONLY" not in lines_of(pilot)[0] and "Nothing can be written" in said(pilot)


async def test_a_record_that_cannot_be_read_is_no_empty_one(tmp_path: Path) -> None:
    engine = FakeEngine(tmp_path / "state")
    engine.unwritable, engine.unread = WHY, StorageError("opsconsole.db is damaged: \x1b]0;p\x07 no database")
    async with opened(engine) as pilot:
        await until(pilot, lambda: "The record cannot be read." in shown(pilot))
        assert "opsconsole.db is damaged" in shown(pilot) and "No tasks yet" not in shown(pilot)
        assert "NO RECORD" in lines_of(pilot)[0] and "Nor can the record be read" in said(pilot)
        assert "\x1b" not in shown(pilot) + said(pilot)


@pytest.mark.parametrize("why", [DiskFull("no space left for it", hint="free some space"), StateDirError("not yours")])
async def test_every_reason_makes_a_sentence(tmp_path: Path, why: OpsError) -> None:
    engine = FakeEngine(tmp_path / "state")
    engine.unwritable = why
    async with opened(engine) as pilot:
        await until(pilot, lambda: "Nothing can be written" in said(pilot))
        todo = " Free some space." if why.hint else ""
        assert f"{why.message}.{todo} Then start again." in " ".join(said(pilot).split())


async def test_it_leaves_nothing_and_pictures_go_elsewhere(host: FakeEngine) -> None:
    before = sorted(host.paths.root.rglob("*"))
    async with opened(host, MODES[0]) as pilot:
        await pilot.press("x")
        await until(pilot, lambda: "Picture: " in said(pilot))
        assert str(host.paths.root) not in said(pilot).partition("Picture: ")[2]
        folder = pilot.app.picture_folder
        assert len(list(folder.iterdir())) == 2 and folder.parent.stat().st_mode & 0o077 == 0
    assert sorted(host.paths.root.rglob("*")) == before
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()
    folder.parent.rmdir()


async def test_without_a_picture_there_is_no_folder_elsewhere_either(
    host: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "temporary"
    elsewhere.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    async with opened(host) as pilot:
        for mode in MODES:
            await pilot.press(mode.key)
            await until(pilot, lambda mode=mode: pilot.app.modes.current == mode.id)
    assert [file.name for file in elsewhere.iterdir() if file.name.startswith("opsconsole-")] == []


async def test_quit_leaves_without_a_question(host: FakeEngine) -> None:
    async with opened(host) as pilot:
        await pilot.press("q")
        await until(pilot, lambda: pilot.app._exit)


# -- only for a while


@pytest.fixture
def well(tmp_path: Path) -> FakeEngine:
    return trouble(tmp_path / "state")


async def goes(pilot: Pilot[Any], engine: FakeEngine, why: OpsError | None) -> None:
    engine.unwritable = why
    await until(pilot, lambda: ("CANNOT WRITE" in lines_of(pilot)[0]) is (why is not None))


@asynccontextmanager
async def working(engine: FakeEngine, mode: Mode = MODES[1], **given: Any) -> AsyncIterator[Pilot[Any]]:
    app = console(engine, **given)
    async with app.run_test(size=(160, 45), notifications=True) as pilot:
        await started(pilot)
        await pilot.press(mode.key)
        await until(pilot, lambda: app.modes.current == mode.id and app.screen.is_current)
        yield pilot


async def test_it_is_said_for_as_long_as_it_lasts(well: FakeEngine) -> None:
    async with working(well) as pilot:
        app: Any = pilot.app
        await until(pilot, lambda: "cancel" in keys_of(app))
        before = keys_of(app)
        await goes(pilot, well, WHY)
        await until(pilot, lambda: "Nothing can be written: the state directory" in said(pilot))
        assert "Mount it for writing" in said(pilot) and "What runs goes on" in said(pilot)
        assert "start again" not in said(pilot).lower()
        await until(pilot, lambda: not {"cancel", "submit", "hold"} & set(shown_keys(app.screen)))
        calls = list(well.calls)
        app.clear_notifications()
        await pilot.press("H")
        await until(pilot, lambda: "Nothing can be written: the state directory" in said(pilot))
        assert well.calls == calls
        await goes(pilot, well, None)
        await until(pilot, lambda: "can be written again" in said(pilot))
        assert keys_of(app) == before and not app.read_only
        await pilot.press("p")
        await until(pilot, lambda: len(well.calls) > len(calls))
        assert sum("Nothing can be written" in entry.text for entry in app.journal.entries) == 1


async def test_what_needs_no_record_is_done_meanwhile(well: FakeEngine) -> None:
    async with working(well) as pilot:
        app: Any = pilot.app
        await goes(pilot, well, WHY)
        assert all(app.allows(name) for name in ("signal", "renice", "save_script", "undo_edit", "change_row"))
        lacking = [one.id for one in CHANGING if not app.allows(one.id)]
        assert {"submit", "cancel", "rerun", "pin_run", "acknowledge", "clear_episodes", "run_script"} <= set(lacking)


async def test_who_asked_for_read_only_stays_so(well: FakeEngine) -> None:
    async with working(well, read_only=True) as pilot:
        app: Any = pilot.app
        assert "READ-ONLY" in lines_of(pilot)[0]
        await goes(pilot, well, WHY)
        assert "READ-ONLY" not in lines_of(pilot)[0]
        await goes(pilot, well, None)
        assert "READ-ONLY" in lines_of(pilot)[0] and not app.allows("signal")
        app.say_read_only()
        await until(pilot, lambda: "This console is read-only." in said(pilot))


async def test_another_reason_is_said_as_well(well: FakeEngine) -> None:
    async with working(well) as pilot:
        await goes(pilot, well, WHY)
        well.unwritable = DiskFull("no space left for it")
        await until(pilot, lambda: "Nothing can be written: no space left for it." in said(pilot))
        assert lines_of(pilot)[0].count("CANNOT WRITE") == 1


async def test_what_a_run_says_meanwhile_is_not_said_to_be_followed(well: FakeEngine) -> None:
    task = next(one for one in well.tasks() if one.status is Status.RUNNING)
    well.write(task.id, ("stdout", b"one\ntwo\n"), ended=False)
    async with working(well) as pilot:
        app: Any = pilot.app
        app.go("tasks").go_to(task.id)
        await until(pilot, lambda: " following " in shown(pilot))
        await goes(pilot, well, WHY)
        await until(pilot, lambda: "what comes may be lost" in shown(pilot) and " following " not in shown(pilot))
        await pilot.press("q")
        await until(pilot, lambda: "and output may be lost." in shown(pilot))
        await pilot.press("escape")
        await goes(pilot, well, None)
        await until(pilot, lambda: " following " in shown(pilot))


async def test_on_a_full_disk_everything_can_be_tried(well: FakeEngine) -> None:
    async with working(well) as pilot:
        app: Any = pilot.app
        well.cramped = True
        await until(pilot, lambda: "DISK FULL" in lines_of(pilot)[0] and "no space left" in said(pilot))
        assert all(app.allows(one.id) for one in CHANGING)
        well.cramped = False
        await until(pilot, lambda: "DISK FULL" not in lines_of(pilot)[0] and "space again" in said(pilot))
        assert sum("no space left" in entry.text for entry in app.journal.entries) == 1


# -- for real


@pytest.fixture
def in_a_pilot(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What `run_console` makes is driven by a pilot; the screens it saw."""
    seen: list[str] = []

    async def run(app: ConsoleApp, close: Any, *, mouse: str) -> int:
        async with app.run_test(size=(160, 45), notifications=True) as pilot:
            await started(pilot)
            await until(pilot, lambda: "CANNOT WRITE" in lines_of(pilot)[0])
            await until(pilot, lambda: "Nothing can be written" in said(pilot))
            for mode, wanted in (
                ("2", r"waits.*held"), ("5", "No script is open"), ("7", "cannot be used|not writable"),
                ("6", "ran .*exit 3"), ("3", "[0-9]+ processes"), ("4", "the last [0-9]+ (h|min)"),
                ("1", "seen here only, nothing is recorded"), ("1", r"CPU [0-9]+ %"),
            ):  # fmt: skip
                await pilot.press(mode)
                await until(pilot, lambda wanted=wanted: re.search(wanted, shown(pilot)))
            seen.append(shown(pilot))
        await close()
        return 0

    monkeypatch.setattr("opsconsole.tui.terminal.run", run)
    monkeypatch.setattr("opsconsole.tui.terminal.refusal", lambda _: "")
    yield seen


async def test_a_real_file_system_that_became_read_only(place: Place, in_a_pilot: list[str]) -> None:
    settings = Settings(others={"console": ConsoleSettings(start="tasks")})
    async with Engine(settings, state_dir=place.state) as engine:
        await engine.run(TaskSpec(script="exit 3", name="ran"))
        await engine.submit(TaskSpec(script="true", name="waits", hold=True))
    before = place.freeze()
    code = await asyncio.to_thread(run_console, settings, state_dir=place.state)
    assert code == 0 and in_a_pilot
    assert place.contents() == before

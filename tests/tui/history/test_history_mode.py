"""The history's mode as it is used: list, search, run, comparison, statistics, reports."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from textual.widgets import Input

from opsconsole.errors import DatabaseLocked
from opsconsole.events import TaskChanged
from opsconsole.models import Status
from opsconsole.storage import archive
from opsconsole.tui.screens.history.export import ExportScreen
from opsconsole.tui.screens.history.listing import PAGE, PAGES
from opsconsole.tui.screens.tasks.why import WhyScreen
from opsconsole.tui.widgets.answers import Answers
from tests.benchmarks.bench_history import BEGIN_US, STEP_US, fill
from tests.tui.history.record import HOSTILE, MINUTE, SECRET, RecordEngine, believable
from tests.tui.history.scene import at_rest, history, opened, screen_of, table, typed
from tests.tui.waiting import lines_of, shown, told, until


@pytest.fixture
def record(tmp_path: Path) -> Iterator[RecordEngine]:
    engine = believable(tmp_path / "state")
    yield engine
    engine.record.close()


# -- the list


async def test_list_detail_and_moving(record: RecordEngine) -> None:
    async with history(record).run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        assert screen.selected_id == 167
        assert "167 runs" in shown(pilot)
        assert "rsync error: code 3" in shown(pilot)
        assert "attempt 3 of 3" in shown(pilot)
        await pilot.press("j")
        await until(pilot, lambda: "php-fpm restarted" in shown(pilot))
        await pilot.press("end")
        await until(pilot, lambda: screen.selected_id == 1 and at_rest(screen))
        assert "row 167" in shown(pilot)
        await pilot.press("home")
        await until(pilot, lambda: screen.selected_id == 167)


async def test_beside_the_list_is_the_run_of_the_cursor_also_when_it_moved_while_there_was_no_room(
    record: RecordEngine,
) -> None:
    async with history(record).run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        assert "rsync error: code 3" in screen._detail.text
        await pilot.resize_terminal(100, 45)
        await until(pilot, lambda: not screen._detail.display)
        await pilot.press("j")
        await until(pilot, lambda: at_rest(screen))
        await pilot.resize_terminal(160, 45)
        await until(pilot, lambda: "php-fpm restarted" in screen._detail.text)
        assert "rsync error: code 3" not in screen._detail.text


async def test_the_cursor_stays_on_its_run_when_others_end(record: RecordEngine) -> None:
    async with history(record).run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        await pilot.press("j", "j")
        assert screen.selected_id == 165
        new = record.ran("just-now", ago=0)
        record.publish(TaskChanged(record.task(new), Status.RUNNING))
        screen._tick()
        await until(pilot, lambda: len(screen.listing) == 168 and at_rest(screen))
        assert screen.selected_id == 165
        assert table(screen).line == 3
        await until(pilot, lambda: "just-now" in shown(pilot))


async def test_a_run_is_read_once(record: RecordEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    result = RecordEngine.result
    monkeypatch.setattr(RecordEngine, "result", lambda self, id: asked.append(int(id)) or result(self, id))
    async with history(record).run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        await until(pilot, lambda: screen._shown is not None and at_rest(screen))
        assert asked == [167]


async def test_who_runs_down_the_list_looks_at_none_of_the_runs(
    record: RecordEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[MagicMock] = []
    async with history(record).run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        with monkeypatch.context() as patch:
            patch.setattr(screen, "set_timer", lambda delay, call: waits.append(MagicMock(end=call)) or waits[-1])
            await pilot.press("j", "j", "j")
            await until(pilot, lambda: len(waits) == 3)
        assert [one.stop.called for one in waits] == [True, True, False]
        assert screen._shown is not None and screen._shown.run.task.id == 167
        waits[-1].end()
        await until(pilot, lambda: screen._shown is not None and screen._shown.run.task.id == 164)


async def test_search_as_you_type_with_the_line_that_was_found(record: RecordEngine) -> None:
    async with history(record).run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        await pilot.press("slash", "l", "o", "s", "t")
        await until(pilot, lambda: len(screen.listing) == 1 and at_rest(screen))
        assert "1 of 167" in shown(pilot)
        await until(pilot, lambda: "Found: lost" in shown(pilot))
        assert "rsync: connection to web-04 lost" in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: len(screen.listing) == 167)
        await typed(pilot, screen, "state:failed longer:10s")
        assert list(screen.listing.ids) == [167, 165, 163]
        await typed(pilot, screen, "nothing-like-it")
        assert "Nothing that has ended passes this filter." in shown(pilot)
        assert "in names, in scripts, and of outputs the last 64 KiB." in shown(pilot), "nothing is denied in silence"
        assert "0 of 167 · of outputs the last 64 KiB" in shown(pilot)
        assert "is searched in the tasks' mode, with s." in shown(pilot)
        await typed(pilot, screen, "state:failed longer:9999s")
        assert "of outputs" not in shown(pilot), "it looks for no words"
        await pilot.press("slash")
        screen._filter.query_one(Input).value = "colour:red"
        await until(pilot, lambda: "colour: is not one of" in shown(pilot))


async def test_no_line_of_an_output_has_a_number_that_is_not_so(tmp_path: Path) -> None:
    """Only the end of it is known to the search; a script is known whole."""
    engine = RecordEngine(tmp_path / "state")
    lines = b"".join(b"line %d\n" % number for number in range(10_000))
    engine.ran("a", script=b"#!/bin/sh\necho needle\n", output=lines + b"the needle\n")
    async with history(engine).run_test(size=(160, 45)) as pilot:
        await opened(pilot)
        await pilot.press("slash", *"needle")
        await until(pilot, lambda: "the needle" in shown(pilot))
        found = [line.rpartition("▏")[2].split() for line in lines_of(pilot) if "needle" in line]
        assert ["script", "2", "echo", "needle"] in found and ["output", "the", "needle"] in found
        assert "in script and end of output" in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: "Found" not in shown(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "lines left out" in pilot.app.screen.sheet.text)  # type: ignore[attr-defined]
        await pilot.press("slash", *"line 3333")
        await until(pilot, lambda: "nowhere here · what is left out is not searched" in shown(pilot))


async def test_an_answer_to_an_older_question_is_never_shown(record: RecordEngine) -> None:
    async with history(record).run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        taken: list[str] = []
        take = screen._lists._take
        screen._lists._take = lambda query, found: (taken.append(query.text), take(query, found))[1]  # type: ignore[func-returns-value]
        for text in ("sync", "state:failed", "import"):
            screen._filter.query_one(Input).value = text
            screen._ask()
        await until(pilot, lambda: at_rest(screen))
        assert taken[-1] == "import"
        assert "sync" not in taken[1:]
        assert list(screen.listing.ids) == [163]


async def test_a_hundred_thousand_runs_are_never_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    fill(state / "opsconsole.db", 20_000, scripts=50)
    record = RecordEngine(state)
    read: list[int] = []
    rows = archive.Archive.rows

    def counted(self: archive.Archive, ids: Any) -> Any:
        read.append(len(ids))
        return rows(self, ids)

    monkeypatch.setattr(archive.Archive, "rows", counted)
    app = history(record, clock=lambda: BEGIN_US + 20_001 * STEP_US)
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        assert sum(read) <= 2 * PAGE
        for key in ("end", "home", "pagedown", "pagedown", "end", "pageup"):
            read.clear()
            await pilot.press(key)
            await until(pilot, lambda: at_rest(screen) and screen.selected_task is not None)
            assert sum(read) <= 3 * PAGE, key
            assert max(read, default=0) <= PAGE
            assert screen.listing.held <= PAGE * PAGES <= 1000
        assert "20,000 runs" in shown(pilot)
        await typed(pilot, screen, "state:failed")
        assert f"{len(screen.listing):,} of 20,000" in shown(pilot)
    record.record.close()


# -- a run, on a page


async def test_a_run_on_the_whole_screen_can_be_searched(record: RecordEngine) -> None:
    async with history(record).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: screen.sheet.rows and at_rest(screen) and "Script" in screen.sheet.text)
        assert "sent 38 of 40 files" in screen.sheet.text
        assert "sha256" in screen.sheet.text
        await pilot.press("slash", *"sent 3", "enter")
        await until(pilot, lambda: "1 of 10" in shown(pilot))
        assert "sent 3 of 40 files" in shown(pilot)
        await pilot.press("n", "n")
        await until(pilot, lambda: "3 of 10" in shown(pilot))
        await pilot.press("N")
        await until(pilot, lambda: "2 of 10" in shown(pilot))
        top = screen.sheet.scroll_offset.y
        await pilot.press("g")
        assert screen.sheet.scroll_offset.y == 0 != top
        await pilot.press("escape")
        assert not screen.find_line.text
        await pilot.press("escape")
        assert screen.page == ""
        assert screen.focused is table(screen)
        assert not screen.sheet.rows and screen._run is None, "a long output is held by nobody"


# -- two runs


async def test_marking_and_comparing(record: RecordEngine) -> None:
    async with history(record).run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        await pilot.press("equals_sign")
        assert screen.page == "" and "Mark one run with space" in told(pilot)
        await pilot.press("space")
        assert "◆ 1 marked: run 167   now go to another row" in shown(pilot)
        assert "space unmark" in lines_of(pilot)[-1]
        await pilot.press("c")
        assert screen.page == "" and "Run 167 is the marked one itself" in told(pilot)
        await pilot.press("j")
        await until(pilot, lambda: "◆ 1 marked: run 167   c compares it with this row" in shown(pilot))
        assert table(screen).select(161)
        await pilot.press("c")
        await until(pilot, lambda: "2.1× slower" in screen.sheet.text)
        text = screen.sheet.text
        assert text.index("161.1") < text.index("167.3")
        assert "+ rsync -a --delete" in text
        assert "- reloaded nginx" in text
        await pilot.press("escape", "space")
        assert screen.marked == 161
        await pilot.press("space")
        assert screen.marked is None


# -- statistics


async def test_statistics_by_span_and_group(record: RecordEngine) -> None:
    async with history(record).run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        await typed(pilot, screen, "host:web")
        await pilot.press("S")
        await until(pilot, lambda: "succeeded" in screen.sheet.text)
        assert "the last 7 days" in screen.sheet.text
        assert "filtered by host:web" in screen.sheet.text
        assert "Most failing by name" in screen.sheet.text
        await pilot.press("s", "s")
        await until(pilot, lambda: "all there is" in screen.sheet.text)
        await pilot.press("b")
        await until(pilot, lambda: "Slowest by policy" in screen.sheet.text)
        await pilot.press("S")
        assert screen.page == ""
        screen.show_statistics()
        await until(pilot, lambda: "succeeded" in screen.sheet.text)


async def test_statistics_open_at_what_there_is_until_somebody_chooses(tmp_path: Path) -> None:
    record = RecordEngine(tmp_path / "short")
    record.ran("fine", ago=16 * MINUTE)
    record.ran("broken", Status.FAILED, ago=4 * MINUTE, exit_code=3)
    async with history(record).run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        await pilot.press("S")
        await until(pilot, lambda: "50.0 % (1 of 2) succeeded" in screen.sheet.text)
        assert "the last hour" in screen.sheet.text
        await pilot.press("s")
        await until(pilot, lambda: "the last 6 hours" in screen.sheet.text)
        await pilot.press("S", "S")
        await until(pilot, lambda: "the last 6 hours" in screen.sheet.text)


# -- commands


async def test_run_again_pin_edit_and_the_task(record: RecordEngine) -> None:
    app = history(record)
    async with app.run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        await pilot.press("r")
        await until(pilot, lambda: ("retry", 167) in record.calls)
        await pilot.press("P")
        await until(pilot, lambda: ("pin", 167, True) in record.calls)
        await until(pilot, lambda: "sync-assets ★" in shown(pilot))
        went: list[tuple[object, ...]] = []
        screen._elsewhere = lambda *what: went.append(what)  # type: ignore[method-assign]
        await pilot.press("E", "t")
        assert went[0][:2] == ("editor", "open_text")
        assert "rsync -a --delete" in str(went[0][2])
        assert went[0][3:] == ("sync-assets", "bash", 167)
        assert went[1] == ("tasks", "go_to", 167)


async def test_a_pin_takes_a_reason_that_is_said_first(record: RecordEngine) -> None:
    app = history(record)
    async with app.run_test(size=(160, 45)) as pilot:
        await opened(pilot)
        await pilot.press("W", *"audit", "enter")
        await until(pilot, lambda: isinstance(app.screen, WhyScreen) and isinstance(app.focused, Answers))
        assert "Pin" in shown(pilot)
        await pilot.press("i")
        await until(pilot, lambda: ("pin", 167, True, "audit") in record.calls)
        await until(pilot, lambda: "sync-assets ★" in shown(pilot))
        await pilot.press("W")
        await until(pilot, lambda: isinstance(app.screen, WhyScreen))
        await pilot.press("enter", "escape")
        await until(pilot, lambda: not isinstance(app.screen, WhyScreen))
        assert [call for call in record.calls if call[0] == "pin"] == [("pin", 167, True, "audit")]


async def test_to_its_task_and_back(record: RecordEngine) -> None:
    app = history(record)
    async with app.run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        await pilot.press("t")
        await until(pilot, lambda: app.modes.current == "tasks")
        await pilot.press("6")
        await until(pilot, lambda: app.screen is screen)
        screen.go_to(150)
        assert screen.selected_id == 150


# -- reports


@pytest.mark.parametrize("keys", [(), ("S",), ("space", "j", "equals_sign")])
async def test_a_report_of_what_is_seen(record: RecordEngine, keys: tuple[str, ...]) -> None:
    app = history(record)
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await pilot.press(*keys)
        await until(pilot, lambda: at_rest(screen))
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, ExportScreen))
        kind = app.screen._subject.kind  # type: ignore[attr-defined]
        assert kind == {0: "run", 1: "statistics", 3: "comparison"}[len(keys)]
        await pilot.press("tab")
        while app.screen._format != "json":  # type: ignore[attr-defined]
            await pilot.press("right")
        await pilot.press("enter")
        folder = record.paths.reports
        await until(pilot, lambda: folder.is_dir() and list(folder.glob("*.json")))
        (file,) = folder.iterdir()
        assert json.loads(file.read_text())["report"] == kind
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


async def test_the_list_as_it_is_filtered_is_exported(record: RecordEngine) -> None:
    app = history(record)
    async with app.run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        await typed(pilot, screen, "state:failed longer:10s")
        await pilot.press("e", "right", "enter")
        folder = record.paths.reports
        await until(pilot, lambda: folder.is_dir() and list(folder.glob("runs-*.csv")))
        (file,) = folder.iterdir()
        assert [line.split(",")[0] for line in file.read_text().splitlines()] == ["id", "167", "165", "163"]
        await pilot.press("e", "escape")
        assert app.screen is screen
        await pilot.press("e", "tab", "tab", "end", "slash", "enter")
        assert isinstance(app.screen, ExportScreen)
        assert "without a slash" in shown(pilot)


# -- states


async def test_an_empty_record_says_what_to_do(tmp_path: Path) -> None:
    record = RecordEngine(tmp_path / "state")
    async with history(record).run_test(size=(80, 24)) as pilot:
        screen = await opened(pilot)
        assert "Nothing has ended yet." in shown(pilot)
        await pilot.press("enter", "space", "c", "r", "E", "e", "n")
        assert screen.page == ""
        await pilot.press("S")
        await until(pilot, lambda: "Nothing ended in this time." in shown(pilot))
    record.record.close()


async def test_a_record_that_cannot_be_read_is_said_and_tried_again(
    record: RecordEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    beginning, broken = archive.Archive.beginning, [True]

    def read(self: archive.Archive, filter: Any, most: int) -> Any:
        if broken[0]:
            raise DatabaseLocked("the database is locked by another program", hint="try again")
        return beginning(self, filter, most)

    monkeypatch.setattr(archive.Archive, "beginning", read)
    app = history(record)
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: app.engine is not None)
        await until(pilot, lambda: "The record cannot be read." in shown(pilot))
        assert "locked by another program" in shown(pilot)
        broken[0] = False
        screen = screen_of(app)
        screen._tick()
        await until(pilot, lambda: "167 runs" in shown(pilot))
        assert "✗ the database" not in shown(pilot)


async def test_a_read_only_console_changes_nothing(record: RecordEngine) -> None:
    app = history(record, read_only=True)
    async with app.run_test(size=(160, 45)) as pilot:
        screen = await opened(pilot)
        await pilot.press("r", "P")
        await pilot.pause()
        assert not [call for call in record.calls if call[0] in ("retry", "pin")]
        assert "run again" not in shown(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: screen.page == "run" and at_rest(screen))


async def test_hostile_text_and_secrets_reach_no_widget(tmp_path: Path) -> None:
    record = RecordEngine(tmp_path / "state")
    script = f"#!/bin/bash\n# {HOSTILE}\necho {SECRET}\n".encode()
    printed = f"{HOSTILE}\n\x1b[31mred\x1b[0m token {SECRET}\n".encode()
    for ago in (5, 3):
        record.ran(
            HOSTILE, Status.FAILED, ago=ago * MINUTE, reason=HOSTILE, script=script + b"#" * ago, output=printed,
            stderr=printed, actor=HOSTILE, host=HOSTILE, signal=HOSTILE, attempts=2,
        )  # fmt: skip
    app = history(record)
    async with app.run_test(size=(200, 50)) as pilot:
        screen = await opened(pilot)
        for keys in ((), ("enter",), ("escape", "space", "j", "c"), ("escape", "S"), ("e",)):
            await pilot.press(*keys)
            await until(pilot, lambda: at_rest(screen))
            await until(pilot, lambda: "<script>" in shown(pilot) + screen.sheet.text + screen._detail.text)
            text = shown(pilot) + screen.sheet.text + screen._detail.text
            assert not {chr(code) for code in (*range(9), *range(11, 32), *range(127, 160), 0x202E)} & set(text), keys
            assert SECRET not in text
            assert "\x1b" not in app.export_screenshot()
    record.record.close()


async def test_a_database_that_another_program_locks_does_not_hold_up_a_key(tmp_path: Path) -> None:
    record = believable(tmp_path / "state")
    async with history(record).run_test(size=(120, 36)) as pilot:
        screen = await opened(pilot)
        other = sqlite3.connect(record.paths.database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")  # a writer: with a write-ahead log nobody who reads has to wait
        await pilot.press("j", "j", "slash", "s", "y")
        await until(pilot, lambda: len(screen.listing) == 2)
        other.execute("ROLLBACK")
        other.close()
    record.record.close()

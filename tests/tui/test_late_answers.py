"""What comes late, or in between: an answer nobody waits for any more, a row that goes while a dialog asks about it, a
list that is older than the way to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.anomalies import Severity
from opsconsole.errors import DatabaseLocked, StorageError
from opsconsole.events import TasksRemoved
from opsconsole.execution.showing import Hiding
from opsconsole.models import TaskSpec
from opsconsole.safety.policy import Decision
from opsconsole.tui.screens.anomalies import reading as anomalies_reading
from opsconsole.tui.screens.anomalies import screen as anomalies_screen
from opsconsole.tui.screens.anomalies.reading import Found
from opsconsole.tui.screens.history.export import ExportScreen
from opsconsole.tui.screens.history.reading import Detail, Reading, Wanted
from opsconsole.tui.screens.overview import zoom
from opsconsole.tui.screens.submit import SubmitScreen
from tests.tui.anomalies import scene as anomalies
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.history.record import RecordEngine, believable
from tests.tui.history.scene import at_rest, history
from tests.tui.history.scene import opened as history_opened
from tests.tui.overview import scene as overview
from tests.tui.processes import scene as processes
from tests.tui.processes.fake_processes import row, small_host
from tests.tui.scenes import HOUR
from tests.tui.tasks.scene import ENDED, in_dialog
from tests.tui.tasks.scene import opened as tasks_opened
from tests.tui.waiting import Gate, output, shown, table, told, until


@pytest.fixture
def record(tmp_path: Path) -> Iterator[RecordEngine]:
    engine = believable(tmp_path / "state")
    yield engine
    engine.record.close()


# -- tasks


async def test_who_goes_back_before_the_task_is_stored_has_not_run_it(
    engine: FakeEngine, tmp_path: Path, gate: Gate
) -> None:
    script = tmp_path / "fine.sh"
    script.write_text("#!/bin/sh\ntrue\n")
    held = False

    def plan(spec: TaskSpec, **_: Any) -> Any:
        if held:
            gate.wait()
        return SimpleNamespace(name="fine.sh", decision=Decision("allow"), spec={"findings": []})

    engine.plan = plan  # type: ignore[method-assign]
    async with tasks_opened(engine) as pilot:
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)
        form = pilot.app.screen
        assert isinstance(form, SubmitScreen)
        form.query_one("#script", Input).value = str(script)
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: form.seen is not None)
        held = True
        await pilot.press("enter")
        await until(pilot, gate.reached.is_set)
        await pilot.press("escape")
        await until(pilot, lambda: form._chosen is None)
        gate.open()
        await until(pilot, lambda: not any(one.group == "submit" and not one.is_finished for one in form.workers))
        assert engine.specs == [] and pilot.app.screen is form


async def test_a_run_whose_output_could_not_be_read_once_is_shown_the_next_time(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for text in (b"of the first\n", b"of the second\n"):
        task = engine.put(name="one", **ENDED)
        engine.write(task.id, ("stdout", text), ended=True)
    locked = [2]

    def hiding(task_id: int, _: str) -> Hiding:
        if task_id in locked:
            raise DatabaseLocked("the database is locked")
        return Hiding()

    async with tasks_opened(engine) as pilot:
        table(pilot).select(1)
        await until(pilot, lambda: "of the first" in shown(pilot))
        monkeypatch.setattr(engine, "hiding_of", hiding)
        table(pilot).select(2)
        await until(pilot, lambda: "the database is locked" in told(pilot))
        locked.clear()
        engine.put(id=1, pinned=True)
        await until(pilot, lambda: "of the second" in shown(pilot) and output(pilot).line_count == 1)


async def test_who_is_sent_to_a_task_that_is_older_than_the_list_finds_it(engine: FakeEngine) -> None:
    for at in range(520):
        engine.put(name=f"task-{at}", **{**ENDED, "finished_at": NOW - (600 - at) * SECOND})
    async with tasks_opened(engine) as pilot:
        screen = pilot.app.screen
        await until(pilot, lambda: len(table(pilot).tasks) == 500)
        screen.go_to(3)  # type: ignore[attr-defined]
        await until(pilot, lambda: table(pilot).selected is not None and table(pilot).selected.id == 3)  # type: ignore[union-attr]
        await pilot.press("escape")
        await until(pilot, lambda: len(table(pilot).tasks) == 500)


# -- history


async def test_a_report_is_of_the_run_that_the_dialog_names(record: RecordEngine) -> None:
    async with history(record).run_test(size=(160, 45)) as pilot:
        screen = await history_opened(pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(pilot.app.screen, ExportScreen))
        assert "run 167" in shown(pilot)
        for table_name in ("execution", "task"):
            key = "task_id" if table_name == "execution" else "id"
            record.record.execute(f"DELETE FROM {table_name} WHERE {key} = 167")  # noqa: S608
        record.publish(TasksRemoved(1))
        screen._tick()
        await until(pilot, lambda: screen.selected_id == 166 and at_rest(screen))
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        await until(pilot, lambda: "167" in told(pilot))
        assert "Written" not in told(pilot)
        assert not record.paths.reports.is_dir() or not list(record.paths.reports.iterdir())


async def test_what_goes_wrong_with_a_page_that_was_left_is_not_said_on_the_next(
    record: RecordEngine, monkeypatch: pytest.MonkeyPatch, gate: Gate
) -> None:
    read = Reading.detail

    def detail(self: Reading, wanted: Wanted) -> Detail:
        if wanted.whole:
            gate.wait()
            raise StorageError("of the run that nobody looks at any more")
        return read(self, wanted)

    monkeypatch.setattr(Reading, "detail", detail)
    async with history(record).run_test(size=(160, 45)) as pilot:
        screen = await history_opened(pilot)
        await pilot.press("enter")
        await until(pilot, gate.reached.is_set)
        await pilot.press("S")
        await until(pilot, lambda: "How it went" in shown(pilot))
        gate.open()
        await until(pilot, lambda: not screen._pages.busy)
        assert "How it went" in shown(pilot) and "nobody looks at" not in shown(pilot)


async def test_the_run_beside_the_list_is_pinned_when_the_list_says_so(record: RecordEngine) -> None:
    async with history(record).run_test(size=(160, 45)) as pilot:
        screen = await history_opened(pilot)
        await until(pilot, lambda: "sync-assets" in screen._detail.text)
        assert "★" not in screen._detail.text
        await pilot.press("P")
        await until(pilot, lambda: "★" in screen._detail.text)


# -- processes


@pytest.mark.parametrize("frozen", [False, True])
async def test_a_process_that_is_younger_than_the_list_has_not_ended(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, frozen: bool
) -> None:
    sampler = small_host()
    async with processes.opened(engine, sampler, monkeypatch) as pilot:
        if frozen:
            await pilot.press("p")
        await processes.no_look(pilot)
        sampler.put(*sampler.processes, row(900, "late"))
        processes.screen(pilot).go_to(900)
        await until(pilot, lambda: "late" in shown(pilot) and processes.selected(pilot) == 900)
        assert "has ended" not in told(pilot)


async def test_rules_for_secrets_that_were_read_again_hold_for_what_is_shown_already(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def with_rule(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "shop.jar" in shown(pilot))
        app: Any = pilot.app
        rules = replace(app.settings.redaction, rules={"jars": r"shop\.jar"})
        app.put_in_force(replace(app.settings, redaction=rules))
        await until(pilot, lambda: "shop.jar" not in shown(pilot) and "jars" in shown(pilot))

    async with processes.opened(engine, small_host(), monkeypatch) as pilot:
        await with_rule(pilot)


async def test_the_overview_too_holds_to_rules_that_were_read_again(engine: FakeEngine) -> None:
    async with overview.opened(overview.watched(engine)) as pilot:
        await until(pilot, lambda: "the-small-one" in shown(pilot))
        app: Any = pilot.app
        rules = replace(app.settings.redaction, rules={"ours": "the-small-one"})
        app.put_in_force(replace(app.settings, redaction=rules))
        await until(pilot, lambda: "the-small-one" not in shown(pilot) and "ours" in shown(pilot))


# -- overview


async def test_a_graph_that_could_not_be_read_says_nothing_over_the_next(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, gate: Gate
) -> None:
    read = zoom.read

    def reading(station: Any, graph: str, *more: Any) -> zoom.Reading:
        if graph == "cpu":
            gate.wait()
            raise StorageError("of a graph that nobody looks at any more")
        return read(station, graph, *more)

    monkeypatch.setattr(zoom, "read", reading)
    async with overview.opened(overview.watched(engine)) as pilot:
        await pilot.press("z")
        await until(pilot, gate.reached.is_set)
        await pilot.press("tab")
        view = overview.screen(pilot).zoomed
        await until(pilot, lambda: view._reading is not None and view._reading.graph == "memory")
        gate.open()
        works = overview.screen(pilot).workers
        await until(pilot, lambda: not any(one.group == "zoom" and not one.is_finished for one in works))
        assert view._problem == ""


# -- anomalies


async def test_what_was_read_of_another_time_is_not_said_of_the_one_that_is_shown(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch, gate: Gate
) -> None:
    held = False
    read = anomalies_reading.read

    def reading(*given: Any) -> Any:
        if held:
            gate.wait()
        return read(*given)

    monkeypatch.setattr(anomalies_screen, "read", reading)
    anomalies.put(engine, "load_high", Severity.HIGH, 20 * HOUR, HOUR)
    async with anomalies.opened(engine) as pilot:
        await until(pilot, lambda: len(anomalies.ids(pilot)) == 1)
        screen, taken = anomalies.screen(pilot), list[tuple[int, int]]()
        take = screen._take

        def taking(found: Found, *more: Any) -> None:
            taken.append((found.query.since_us, screen._window.span[0]))
            take(found, *more)

        monkeypatch.setattr(screen, "_take", taking)
        held = True
        await pilot.press(*"hhhhhhhh")
        await until(pilot, gate.reached.is_set)
        await pilot.press("0")
        gate.open()
        await until(pilot, lambda: any(abs(was - NOW) < 30 * HOUR for was, _ in taken) and not screen._reading)
        assert len(anomalies.ids(pilot)) == 1
        assert all(was == shown_since for was, shown_since in taken)

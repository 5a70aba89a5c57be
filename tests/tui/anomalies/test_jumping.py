"""From other modes to an episode, and from an episode to the process or the run that is behind it."""

from __future__ import annotations

import threading
from typing import Any

from opsconsole.anomalies import Anomaly, AnomalyState, Change, Severity, Transition
from opsconsole.events import AnomalyEvent
from opsconsole.models import Status
from opsconsole.tui.screens.anomalies import reading
from opsconsole.tui.screens.anomalies.dialogs import WhichScreen
from opsconsole.tui.screens.anomalies.jumping import culprits, runs_of
from opsconsole.tui.screens.anomalies.screen import AnomaliesScreen
from opsconsole.tui.screens.processes.screen import ProcessesScreen
from opsconsole.tui.screens.tasks.screen import TasksScreen
from tests.tui.anomalies.scene import DAY, asked, episodes, filtered, ids, opened, put, screen, told
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.processes.fake_processes import closely, install, small_host
from tests.tui.processes.scene import Patch, selected, table
from tests.tui.scenes import HOUR, MINUTE
from tests.tui.waiting import shown, tasks_screen, until

BUSY = (
    {"pid": 600, "start_time": 1.0, "name": "java", "cpu_percent": 141.7, "rss_bytes": 5_120_000_000},
    {"pid": 400, "start_time": 1.0, "name": "postgres", "cpu_percent": 41.0, "rss_bytes": 2_000_000_000},
)


def episode(**fields: Any) -> Anomaly:
    blank: dict[str, Any] = {
        "id": 1, "kind": "cpu_high", "subject": "", "host": "h", "severity": Severity.HIGH,
        "state": AnomalyState.OPEN, "began_at": 0, "opened_at": 0, "last_at": 0, "closed_at": None, "value": 1.0,
        "peak": 1.0, "mean": 1.0, "count": 1, "threshold": None, "unit": "%", "message": "",
    }  # fmt: skip
    return Anomaly(**{**blank, **fields})


def test_the_process_it_is_about_goes_before_those_that_were_busy() -> None:
    def found(**fields: Any) -> list[tuple[int, float | None]]:
        return [(one.pid, one.start_time) for one in culprits(episode(**fields))]

    assert found(processes=BUSY) == [(600, 1.0), (400, 1.0)]
    assert found(processes=BUSY, details={"pid": 9, "start_time": 5}) == [(9, 5.0)]
    assert found(processes=BUSY, subject="java[4711]") == [(4711, None)]
    assert found(details={"parents": [{"pid": 7, "name": "sh", "count": 4}]}) == [(7, None)]
    odd: tuple[Any, ...] = ({"pid": "1"}, {"pid": True}, {"pid": -4}, {}, "x")
    assert found(processes=odd, subject="a[x]") == []


def test_the_run_it_is_about_goes_before_those_that_ran() -> None:
    assert runs_of(episode(runs=("14.2", "9.1", "14.1"))) == [14, 9]
    assert runs_of(episode(runs=("9.1",), details={"task_id": 3})) == [3]
    assert runs_of(episode(subject="14.2", runs=("9.1",))) == [14, 9]
    assert runs_of(episode(subject="reindex", runs=("x", "1.", "1.2.3"))) == []


async def test_to_the_process_and_to_the_run(watched: FakeEngine, monkeypatch: Patch) -> None:
    install(monkeypatch, small_host(), closely)
    for number in (5, 6):
        watched.put(id=number, name=f"job-{number}", status=Status.RUNNING, started_at=NOW)
    put(watched, "disk_full", Severity.HIGH, 2 * HOUR, id=2, subject="/var", processes=BUSY, runs=("5.1", "6.1"))
    async with opened(watched) as pilot:
        await until(pilot, lambda: screen(pilot).label_of("go_to_process") and screen(pilot).label_of("go_to_its_run"))
        for key in ("escape", "n"):
            await asked(pilot, "p")
            assert isinstance(pilot.app.screen, WhichScreen)
            assert "Which process?" in shown(pilot) and "600 java  141.7 % of a core, 4.77 GiB" in shown(pilot)
            await pilot.press(key)
            await until(pilot, lambda: isinstance(pilot.app.screen, AnomaliesScreen))
        await asked(pilot, "p")
        await pilot.press("2")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProcessesScreen))
        await until(pilot, lambda: table(pilot).selected and selected(pilot) == 400)
        await pilot.press("4")
        await asked(pilot, "r")
        assert "#5 job-5" in shown(pilot)
        await pilot.press("2")
        await until(pilot, lambda: isinstance(pilot.app.screen, TasksScreen))
        await until(pilot, lambda: tasks_screen(pilot).selected and tasks_screen(pilot).selected.id == 6)
        put(watched, "run_stuck", Severity.HIGH, HOUR, id=1, subject="5.1", details={"task_id": 5, "pid": 600})
        await pilot.press("4")
        screen(pilot).go_to(1)
        await until(pilot, lambda: episodes(pilot).selected and episodes(pilot).selected.kind == "run_stuck")
        await pilot.press("r")
        await until(pilot, lambda: tasks_screen(pilot).selected and tasks_screen(pilot).selected.id == 5)
        await pilot.press("4", "p")
        await until(pilot, lambda: isinstance(pilot.app.screen, ProcessesScreen) and selected(pilot) == 600)


async def test_what_has_neither_says_so(watched: FakeEngine) -> None:
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        assert "p process" not in shown(pilot) and "r run" not in shown(pilot)
        await pilot.press("p", "r")
        assert {"No process is on record with this episode.", "No run is on record with this episode."} <= set(
            told(pilot)
        )


async def test_another_mode_sends_here_whatever_hides_the_episode(watched: FakeEngine) -> None:
    old = put(watched, "io_pressure", Severity.HIGH, 9 * DAY, HOUR)
    async with opened(watched) as pilot:
        await until(pilot, lambda: len(ids(pilot)) == 3)
        screen(pilot).go_to(1)
        await until(pilot, lambda: episodes(pilot).selected.id == 1)  # type: ignore[union-attr]
        await filtered(pilot, "var")
        await pilot.press("enter", "s", "o")
        screen(pilot).go_to(3)
        await until(pilot, lambda: episodes(pilot).selected and episodes(pilot).selected.id == 3)
        screen(pilot).go_to(old.id)
        await until(pilot, lambda: episodes(pilot).selected and episodes(pilot).selected.id == old.id)
        assert "2026-11-1" in shown(pilot) and MINUTE


async def test_a_read_that_began_before_the_filters_were_dropped_does_not_say_that_it_is_gone(
    watched: FakeEngine, monkeypatch: Patch
) -> None:
    read, anomaly, found = reading.read, watched.monitoring.anomaly, threading.Event()
    hold, held = list[bool](), list[threading.Event]()

    def held_up(engine: Any, query: Any) -> Any:
        if hold:
            held.append(threading.Event())
            held[-1].wait(120)
        return read(engine, query)

    def sought(id: int) -> Anomaly:
        found.wait(120)
        return anomaly(id)

    monkeypatch.setattr("opsconsole.tui.screens.anomalies.screen.read", held_up)
    monkeypatch.setattr(watched.monitoring, "anomaly", sought)
    async with opened(watched) as pilot:
        await filtered(pilot, "var")
        await until(pilot, lambda: ids(pilot) == [2])
        screen(pilot).go_to(3)
        await until(pilot, lambda: screen(pilot)._sought == 3)
        hold.append(True)
        watched.publish(AnomalyEvent(Transition(Change.OPENED, anomaly(2))))
        await until(pilot, lambda: held)
        found.set()
        await until(pilot, lambda: screen(pilot)._uncovered == 3)
        hold.clear()
        held[0].set()
        await until(pilot, lambda: episodes(pilot).selected and episodes(pilot).selected.id == 3)
        assert not [one for one in told(pilot) if "not on record" in one]

"""`opsconsole analyze`: the verdict first, in 80 columns, nothing hostile, nothing written."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsconsole.anomalies import Severity
from opsconsole.cli.analysis_text import text_of, wrapped
from opsconsole.cli.main import main
from opsconsole.cli.table import cell_width
from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring.analysis import Analysis, Health, IoSeen, ProcessIo, health, process_io
from opsconsole.monitoring.analysis.examination import Looked, examine, look
from opsconsole.monitoring.control import Files, Lock
from opsconsole.paths import StatePaths
from opsconsole.samples import Interface, Sample
from opsconsole.storage import anomalies as stored
from opsconsole.storage.database import open_database
from opsconsole.storage.metrics import MetricsStore
from tests.monitoring.analysis_situations import (
    CPU_BOUND,
    GIB,
    IO_BOUND,
    MINUTE,
    NOW,
    QUIET,
    THRASHING,
    Hand,
    calm,
    calm_history,
    disk,
    episode,
    now,
    over,
    process,
)  # fmt: skip

EVIL = "\x1b[31mx\x1b]0;pwn\x07\n\u202e漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字"
UNKNOWN = Health("unknown", "the monitor is not running")


def shown(found: Analysis, state: Health = UNKNOWN, *, width: int | None = None, colours: bool = False) -> str:
    return text_of(found, state, width=width, colours=colours)


def situations() -> list[Analysis]:
    many = [
        process(8, EVIL, 300.0, 9 * GIB, user=EVIL),
        process(9, "日本語" * 20, 90.0, GIB),
        process(10, "dd", state="D"),
    ]
    many += [process(100 + each, "cc1plus", 40.0) for each in range(30)]
    worst = replace(
        THRASHING, zombies=50, open_files=99_900, forks_per_s=900.0, oom_kills=1, notes=(EVIL, "word " * 60),
        disks=(disk("/" + "very-long-name/" * 12, 100.0), disk("/\x1b[2J", 97.0)),
        interfaces=(Interface("e\x1bth\n", 1, 1, 1, 1, 50.0, 50.0),),
    )  # fmt: skip
    seen = IoSeen((ProcessIo(8, 0.0, 5e7),), unreadable=3)
    episodes = [episode("process_memory_leak", subject=EVIL, message=EVIL)]
    past = calm_history(30, pressure_cpu=[1.0] * 20 + [40.0] * 10, cpu=99.0)
    return [
        now(QUIET),
        now(worst, processes=many, anomalies=episodes, io=seen),
        now(CPU_BOUND, processes=many),
        over(IO_BOUND, past, processes=many, io=seen),
        over(None, past),
        over(QUIET, past, anomalies=episodes),
    ]


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("width", [None, 80, 60])
def test_it_fits_and_is_harmless(number: int, width: int | None) -> None:
    found = situations()[number]
    state = health([episode("cpu_high", message=EVIL)], QUIET, True, clock=Hand())
    lines = shown(found, state, width=width).splitlines()
    assert all(line.isprintable() for line in lines)
    commands = [line for line in lines if line.startswith("     $ ")]
    assert [line for line in lines if line not in commands and cell_width(line) > (width or 80)] == []
    suggested = [command for each in found.suggestions for command in each.look]
    assert [line.removeprefix("     $ ") for line in commands] == suggested, "a command can be copied as it is"


def test_the_first_line_is_the_verdict_and_the_second_the_health() -> None:
    lines = shown(now(IO_BOUND), width=200).splitlines()
    assert lines[0] == now(IO_BOUND).verdict + "."
    assert lines[1] == "Health: unknown: the monitor is not running"


def test_colours_are_only_ours_and_only_where_wanted() -> None:
    found = now(CPU_BOUND, processes=[process(8, EVIL, 300.0)])
    coloured, plain = shown(found, colours=True), shown(found)
    assert "\x1b[33msaturated\x1b[0m" in coloured
    assert "\x1b" not in plain and re.sub(r"\x1b\[[0-9]+m", "", coloured) == plain


def test_a_quiet_host_is_told_in_few_words() -> None:
    said = shown(now(QUIET))
    assert "Nothing to suggest: there is no evidence of a shortage." in said
    assert "Who" not in said and "Since" not in said and len(said.splitlines()) < 16


def test_nothing_known_is_not_nothing_to_suggest() -> None:
    from opsconsole.monitoring.analysis import analyze

    assert "Nothing to suggest" not in shown(analyze(None, (), None, (), clock=Hand()))


def test_the_table_has_now_and_the_span() -> None:
    past = calm_history(cpu=[20.0] * 12 + [95.0] * 3, pressure_cpu=1.0)
    row = next(line for line in shown(over(QUIET, past)).splitlines() if line.startswith("CPU "))
    assert row.split() == ["CPU", "ok", "12", "%", "1", "%", "35", "%", "95", "%", "20", "%"]


def test_since_and_usual_are_said() -> None:
    store = calm_history(30, pressure_cpu=[1.0] * 20 + [40.0] * 10, cpu=90.0)
    hour = NOW - NOW % (60 * MINUTE)
    store.values["cpu"] += [(hour - day * 24 * 60 * MINUTE, 30.0) for day in (1, 2, 3)]
    said = " ".join(shown(over(CPU_BOUND, store), width=200).split())
    assert "(10 min): waiting for a core above 10 %" in said
    assert "CPU used 90 %: 3.0× what this hour usually has, 30 % (median of 3 earlier days)" in said


def test_a_suggestion_has_its_evidence_effect_risk_and_script() -> None:
    said = shown(now(CPU_BOUND, processes=[process(8, "ffmpeg", 300.0)]), width=120)
    assert "  1. CPU: Lower the priority of ffmpeg[8], or stop it\n" in said
    assert "     - ffmpeg[8] uses 300 % of a core (75 % of the CPU)\n" in said
    assert "; risk medium\n" in said and "     script: high_cpu\n" in said


@pytest.mark.parametrize("words", ["", "a", "one two  three", "x" * 100, "漢" * 50, "38 % of 15"])
def test_wrapped_loses_nothing(words: str) -> None:
    lines = list(wrapped(words, 20, "- ", "  "))
    assert all(cell_width(line) <= 20 for line in lines)
    assert "".join("".join(line[2:] for line in lines).split()) == "".join(words.split())
    assert not any(line.strip().startswith("%") for line in lines)


# -- looking


class Ticks(Hand):
    """A second passes only where the command waits."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> int:
        return int(self.seconds * 1e6)

    def monotonic(self) -> float:
        return self.seconds

    def wait(self, seconds: float) -> None:
        self.seconds += seconds


def test_it_looks_twice_a_second_apart(tmp_path: Path) -> None:
    clock = Ticks()
    found = look(StatePaths(tmp_path), MonitorSettings(), clock, clock.wait)
    assert clock.seconds == 1001.0
    assert found.sample.interval_s == 1.0 and found.sample.gap is None
    assert os.getpid() in {one.pid for one in found.processes}


def io_file(proc: Path, pid: int, read: int, written: int, cancelled: int = 0) -> None:
    folder = proc / str(pid)
    folder.mkdir(exist_ok=True)
    text = f"rchar: 9\nread_bytes: {read}\nwrite_bytes: {written}\ncancelled_write_bytes: {cancelled}\n"
    (folder / "io").write_text(text)


def test_rates_of_processes_come_from_two_looks_at_the_same_process(tmp_path: Path) -> None:
    here = [process(8, "dd"), process(9, "sh"), process(10, "gone"), process(50, "kworker", rss=0, ppid=2)]
    io_file(tmp_path, 8, 100, 1000, 500)
    io_file(tmp_path, 9, 0, 0)
    io_file(tmp_path, 50, 0, 0)
    before = process_io.totals(here, tmp_path)
    assert set(before) == {(8, 80), (9, 90)}
    io_file(tmp_path, 8, 300, 3000, 500)
    io_file(tmp_path, 9, 0, 9000)
    again = [here[0], replace(here[1], start_ticks=91)]
    found = process_io.between(before, process_io.totals(again, tmp_path), 2.0)
    assert found == IoSeen((ProcessIo(8, 100.0, 1000.0),), 0), "9 is another process with the same number"


def test_what_may_not_be_read_is_counted() -> None:
    assert process_io.between({}, {(1, 10): None, (2, 20): (0, 0)}, 1.0) == IoSeen((), 1)
    assert process_io.between({}, {(1, 10): None}, 1.0) is None
    assert process_io.between({}, {(2, 20): (0, 0)}, 0.0) is None


def test_a_counter_that_shrinks_makes_no_negative_rate() -> None:
    found = process_io.between({(8, 80): (500, 900)}, {(8, 80): (400, 800)}, 1.0)
    assert found == IoSeen((ProcessIo(8, 0.0, 0.0),), 0)


# -- what is on record


def examined(root: Path, sample: Sample = QUIET, minutes: float = 15) -> tuple[Analysis, Health]:
    return examine(StatePaths(root), MonitorSettings(), Looked(sample, (), None), minutes, Hand())


def record(root: Path, *episodes: Any) -> None:
    def tell(message: str) -> None:
        raise AssertionError(message)

    with closing(open_database(StatePaths(root).prepare().database, tell)) as connection:
        for each in episodes:
            stored.save(connection, each)


def test_without_a_state_directory_nothing_is_made(tmp_path: Path) -> None:
    root = tmp_path / "none"
    found, state = examined(root)
    assert not root.exists() and state.state == "unknown" and found.span is None


def test_history_and_open_episodes_are_read_and_nothing_is_written(tmp_path: Path) -> None:
    record(tmp_path, episode("cpu_high", Severity.HIGH, began_at=NOW - 4 * MINUTE))
    with closing(MetricsStore(tmp_path / "metrics.db", MonitorSettings(), Hand())) as store:
        for age in range(30, 0, -1):
            store.record(NOW - age * 30_000_000, {**calm(), "cpu": 97.0, "pressure_cpu": 50.0})
    lock = Lock(Files(tmp_path))
    assert lock.take(NOW, "headless")
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.db")}
    try:
        found, state = examined(tmp_path, CPU_BOUND)
    finally:
        lock.release()
    assert (state.state, state.why) == ("degraded", "cpu_high")
    assert found.past_bottleneck is not None and found.past_bottleneck.waiting == pytest.approx(50.0)
    assert found.since is not None and found.since.time_us == NOW - 4 * MINUTE
    assert {path.name: path.read_bytes() for path in tmp_path.glob("*.db")} == before


def test_no_monitor_is_an_unknown_health_whatever_is_on_record(tmp_path: Path) -> None:
    record(tmp_path, episode("cpu_high"))
    _, state = examined(tmp_path)
    assert state.state == "unknown" and "1 episode is on record as open" in state.why


@pytest.mark.parametrize(("name", "words"), [
    ("metrics.db", "the history cannot be read"), ("opsconsole.db", "open anomalies cannot be read"),
])  # fmt: skip
def test_a_file_that_cannot_be_read_is_said_and_left_as_it_is(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / name).write_bytes(b"not a database at all, but long enough to look like one " * 200)
    before = (tmp_path / name).read_bytes()
    found, _ = examined(tmp_path)
    assert any(note.startswith(words) for note in found.notes)
    assert found.verdict.startswith("Nothing is short")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {name: before}


def test_a_database_from_before_there_were_anomalies_is_said(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "opsconsole.db")) as connection:
        connection.execute("CREATE TABLE task (id INTEGER)")
    assert any(note.startswith("open anomalies cannot be read") for note in examined(tmp_path)[0].notes)


# -- the command


@pytest.fixture
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("OPSCONSOLE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("OPSCONSOLE_CONFIG", str(tmp_path / "config.toml"))
    return tmp_path / "state"


def test_json_is_one_object_with_health_and_analysis(_state: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["analyze", "--json", "--minutes", "5"]) == 0
    out, err = capfdbinary.readouterr()
    assert err == b"" and out.count(b"\n") == 1
    found = json.loads(out)
    assert found["health"]["state"] == "unknown" and found["minutes"] == 5.0 and found["verdict"]
    assert [use["resource"] for use in found["resources"]] == ["cpu", "memory", "io", "disk", "network", "processes"]
    assert not _state.exists()


def test_for_people(_state: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["analyze"]) == 0
    lines = capfdbinary.readouterr().out.decode().splitlines()
    assert any(line.startswith("Health: unknown") for line in lines)
    assert any(line.startswith("note: no history") for line in lines)


@pytest.mark.parametrize("minutes", ["0", "-5", "nan", "43201", "inf"])
def test_a_span_that_makes_no_sense(_state: Path, minutes: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["analyze", f"--minutes={minutes}"]) == 2
    assert b"out of range" in capfdbinary.readouterr().err

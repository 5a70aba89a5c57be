"""The recorded trace: well-formed, what the scenario says, the same each time."""

from __future__ import annotations

import json
import tomllib
from itertools import pairwise

import pytest

from opsconsole.anomalies import Severity
from opsconsole.demo import record
from opsconsole.demo.host import PlayedHost
from opsconsole.demo.moment import DemoClock
from opsconsole.demo.play import said
from opsconsole.demo.trace import FILE, FOLD_S, read, recorded
from opsconsole.demo.troubles import Troubles
from opsconsole.monitoring.detection import messages
from opsconsole.monitoring.detection.kinds import KINDS
from opsconsole.monitoring.detection.thresholds import parse

SHIPPED = FILE.read_text(encoding="utf-8")


def test_it_is_made_of_the_scenario_and_of_nothing_else() -> None:
    scenario = tomllib.loads(record.SCENARIO.read_text(encoding="utf-8"))
    made = "".join(f"{line}\n" for line in record.lines(scenario))
    assert made == SHIPPED, "run `python -m opsconsole.demo.record`"


def test_it_is_small_and_holds_no_raw_control_byte() -> None:
    assert len(SHIPPED) <= 150_000
    assert all(json.loads(line) for line in SHIPPED.splitlines())
    assert set(SHIPPED.encode()) & set(range(32)) == {10}


def test_it_holds_what_a_demo_is_to_show() -> None:
    trace = recorded()
    assert trace.begins == -2400 and trace.ends > 600
    assert len(trace.processes) >= 45 and len({one.pid for one in trace.processes}) == len(trace.processes)
    assert any("\x1b]0;" in one.name and "<script>" in one.cmdline for one in trace.processes)
    assert {one.ppid for one in trace.processes} <= {0, *(one.pid for one in trace.processes)}
    stands = [run.get("as", "ended") for run in trace.runs]
    assert sum(one in ("running", "again") for one in stands) == 3 and stands.count("queued") == 5
    assert stands.count("refused") == stands.count("retry") == 1
    assert sum(bool(run.get("pinned")) for run in trace.runs) == 1
    assert len(trace.routine) > 200 and all(-31 * 86_400 < ran.at < -86_400 for ran in trace.routine)


def test_scripts_and_kinds_that_are_named_exist() -> None:
    trace = recorded()
    assert {run["name"] for run in trace.runs} | {ran.name for ran in trace.routine} <= set(trace.scripts)
    for episode in trace.episodes:
        kind = KINDS[episode["kind"]]
        begun, peak, _ = episode["values"]
        assert (peak <= begun) if kind.below else (peak >= begun)
        assert Severity.parse(episode["severity"]) <= max(severity for severity, _ in kind.levels)


def test_no_episode_says_more_than_its_value() -> None:
    """Each is as grave as its worst value, at its opening as after each rise, and its sentence holds true."""
    trace = recorded()
    thresholds, clock = parse(), DemoClock(1_700_000_000_000_000, frozen=True)
    troubles = Troubles(PlayedHost(trace, clock), clock, lambda *_: None)
    for number, episode in enumerate(trace.episodes, 1):
        threshold = thresholds.general(episode["kind"])
        steps = [(episode["at"], episode["severity"]), *episode.get("rises", ())]
        grave = threshold.severity(troubles.at(number, episode.get("until", 1000.0) - 0.1).peak)  # type: ignore[union-attr]
        assert grave is not None and grave.word == steps[-1][1], episode
        for at, severity in steps:
            one = troubles.at(number, at)
            assert one is not None and one.severity.word == severity
            if one.threshold and episode["kind"] != "unusual":
                limit = f"{messages.side(threshold.kind)} {messages.amount(threshold.kind, one.threshold)}"
                assert limit in one.message or at < trace.begins, one.message


@pytest.mark.parametrize("second", [-5000.0, -2400.0, -7.3, 0.0, 1199.9, 1200.0, 1200.0 + FOLD_S, 90_000.0])
def test_every_moment_has_all_values(second: float) -> None:
    trace = recorded()
    values = trace.values(second)
    assert list(values) == trace.series
    assert all(value >= 0 for value in values.values()) and values["memory"] < 100
    assert trace.value("memory", second) == values["memory"]


def test_behind_its_end_it_goes_on_without_a_jump() -> None:
    trace = recorded()
    memory = [trace.value("memory", second) for second in range(900, 4000)]
    assert max(abs(after - before) for before, after in pairwise(memory)) < 1


def test_what_a_script_says_is_in_order_and_grows() -> None:
    for script in recorded().scripts.values():
        lines = said(script, 0, script["takes"])
        assert [at for at, *_ in lines] == sorted(at for at, *_ in lines)
        assert said(script, 0, script["takes"] / 2) == [line for line in lines if line[0] <= script["takes"] / 2]


def test_a_line_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="not a line of a trace"):
        read(['{"other": 1}'])

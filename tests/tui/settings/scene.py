"""Mode 7 on a host that is the same everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

from textual.pilot import Pilot

from opsconsole.checkup import Fact
from opsconsole.settings import load_settings
from opsconsole.tui.app import ConsoleApp
from opsconsole.tui.screens.settings import about
from opsconsole.tui.screens.settings.page import Page
from opsconsole.tui.screens.settings.screen import SettingsScreen
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.waiting import started, until

_BWRAP = "apt-get install bubblewrap"
FACTS = (
    Fact("platform", "system", "ok", "Linux 6.18.9 x86_64, Python 3.11.7"),
    Fact("state", "directory", "ok", "/var/lib/ops", details={"uid": 1000, "mode": "0o700"}),
    Fact(
        "state", "free space", "broken", "2.96 MiB", "nothing starts below 16 MiB", "free some space",
        {"free_bytes": 3_100_000, "min_free": 16 << 20},
    ),
    Fact("state", "database", "ok", "schema 5, check: ok", details={"known_version": 5, "quick_check": "ok"}),
    Fact("interpreters", "bash", "ok", "/usr/bin/bash"),
    Fact("interpreters", "powershell", "missing", "not found", "powershell scripts end with 127", "install PowerShell"),
    Fact("killing", "cgroup v2", "ok", "/sys/fs/cgroup/user.slice/ops"),
    Fact(
        "limits", "cpu", "degraded", "rlimit", "a run can use more with several processes",
        "as root: systemctl edit user@.service", {"tier": "rlimit"},
    ),
    Fact("tools", "bwrap", "missing", "not found", "containment of safe and restricted scripts", _BWRAP),
    Fact("policies", "safe", "missing", "refuses", "nothing runs under it", _BWRAP, {"bwrap": "no bwrap"}),
    Fact(
        "policies", "restricted", "degraded", "runs, contained by landlock",
        "contained by landlock in place of bwrap: each record names what is weaker", _BWRAP,
        {"bwrap": "no bwrap", "landlock": "works"},
    ),
    Fact("policies", "standard", "ok", "runs"),
    Fact("redaction", "secrets", "ok", "58 rules, 2 known values: DEPLOY_TOKEN, PGPASSWORD"),
    Fact("monitor", "pressure", "ok", "/proc/pressure: who waits for CPU, memory and I/O is measured"),
)  # fmt: skip


def same_everywhere(monkeypatch: Any, tmp_path: Path, facts: tuple[Fact, ...] = FACTS) -> Path:
    """The configuration's folder; a check-up, versions and a terminal that no machine changes."""
    folder = tmp_path / "config"
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("OPSCONSOLE_CONFIG", str(folder / "config.toml"))
    monkeypatch.setattr("opsconsole.checkup.facts", lambda paths, settings: _asked(facts))
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    for name in ("TMUX", "STY"):
        monkeypatch.delenv(name, raising=False)
    lines = [("opsconsole", "0.1.0"), ("Python", "3.11.7 (CPython)"), ("Textual", "8.2.8")]
    monkeypatch.setattr(about, "versions", lambda: [about.Line("Versions", *line) for line in lines])
    return folder


def _asked(facts: tuple[Fact, ...]) -> Iterator[Fact]:
    yield from facts


def console(engine: FakeEngine, *, theme: str | None = None, read_only: bool = False) -> ConsoleApp:
    """With the settings that the file says now; it opens with this mode."""
    settings = load_settings()
    engine.settings = settings
    return ConsoleApp(
        lambda: engine, settings, host="web-03", user="deploy", clock=lambda: NOW, theme=theme, read_only=read_only,
        load=lambda: 0.42, start="settings",
    )  # fmt: skip


def screen(pilot: Pilot[Any]) -> SettingsScreen:
    return cast("SettingsScreen", cast("ConsoleApp", pilot.app).modes.on_top)


def page(pilot: Pilot[Any]) -> Page:
    return screen(pilot).page


async def opened(pilot: Pilot[Any], key: str = "H", rows: int = 1) -> Page:
    """The page of this key, when it has rows."""
    await started(pilot)
    await until(pilot, lambda: screen(pilot).begun)
    await pilot.press(key)
    await until(pilot, lambda: page(pilot).shown_count >= rows)
    return page(pilot)


async def at(pilot: Pilot[Any], row_id: str) -> Page:
    """The cursor on a row."""
    one = page(pilot)
    await until(pilot, lambda: any(row.id == row_id for row in one.list.rows))
    one.list.select(row_id)
    await until(pilot, lambda: one.list.selected == row_id)
    return one


def after(*keys: str, key: str = "H", row: str = "", rows: int = 1) -> Callable[[Pilot[Any]], Any]:
    """For snapshots: a page, perhaps a row of it, then keys."""
    from tests.tui.waiting import settled

    async def prepare(pilot: Pilot[Any]) -> None:
        await opened(pilot, key, rows)
        if row:
            await at(pilot, row)
        for one in keys:
            await pilot.press(one)
        await settled(pilot)

    return prepare

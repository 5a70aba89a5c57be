"""What mode 7 looks like. After a wanted change: `pytest tests/tui/settings/test_snapshots.py --snapshot-update`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from textual.pilot import Pilot

from opsconsole.tui.app import ConsoleApp
from tests.tui.fake_engine import FakeEngine
from tests.tui.scenes import mixed
from tests.tui.settings.scene import after, at, console, opened
from tests.tui.waiting import settled, told, until

Compare = Callable[..., bool]
HUGE, LARGE, MIDDLE, SMALL = (300, 100), (160, 45), (120, 36), (80, 24)
LIGHT = "opsconsole-light"
CONFIG = """\
on_hangup = "drain"

[execution]
concurrency = 3
output_limit = "128M"
"""


@pytest.fixture
def host(tmp_path: Path, config: Path) -> FakeEngine:
    engine = mixed(tmp_path / "state")
    (engine.paths.prepare().root / "welcomed").touch()
    return engine


@pytest.mark.parametrize(("size", "theme"), [(SMALL, None), (LARGE, None), (HUGE, None), (MIDDLE, LIGHT)])
def test_host(snap_compare: Compare, host: FakeEngine, size: tuple[int, int], theme: str | None) -> None:
    app = console(host, theme=theme)
    assert snap_compare(app, terminal_size=size, run_before=after(row="policies restricted", rows=13))


@pytest.mark.parametrize(("size", "theme"), [(SMALL, None), (LARGE, LIGHT)])
def test_settings(
    snap_compare: Compare, host: FakeEngine, config: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int],
    theme: str | None,
) -> None:  # fmt: skip
    (config / "config.toml").write_text(CONFIG)
    monkeypatch.setenv("OPSCONSOLE_EXECUTION__CONCURRENCY", "5")
    app = console(host, theme=theme)
    assert snap_compare(app, terminal_size=size, run_before=after(key="S", row="execution.concurrency"))


def test_a_setting_that_cannot_be(snap_compare: Compare, host: FakeEngine) -> None:
    keys = ("enter", "backspace", "0", "enter")
    run_before = after(*keys, key="S", row="execution.concurrency")
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=run_before)


def test_a_file_that_is_not_understood(snap_compare: Compare, host: FakeEngine, config: Path) -> None:
    app = console(host, theme=LIGHT)
    (config / "config.toml").write_text("[execution\n")
    assert snap_compare(app, terminal_size=MIDDLE, run_before=after(key="S", row="execution.shell"))


def test_nothing_is_changed(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=SMALL, run_before=after("c", key="S"))


def test_keys(snap_compare: Compare, host: FakeEngine, config: Path) -> None:
    (config / "keymap.toml").write_text('[keys]\npause = "f5"\nnonsense = "x"\n')
    app = console(host)
    assert snap_compare(app, terminal_size=LARGE, run_before=after(key="K", row="pause"))


def test_press_a_key(snap_compare: Compare, host: FakeEngine) -> None:
    run_before = after("enter", "q", key="K", row="log_severity")
    assert snap_compare(console(host), terminal_size=SMALL, run_before=run_before)


@pytest.mark.parametrize(("size", "row"), [(LARGE, "nord"), (MIDDLE, "opsconsole-light"), (SMALL, "monochrome")])
def test_themes(snap_compare: Compare, host: FakeEngine, config: Path, size: tuple[int, int], row: str) -> None:
    (config / "themes").mkdir()
    (config / "themes" / "my-dusk.toml").write_text('name = "my-dusk"\n[colours]\nprimary = "#c08040"\n')
    (config / "themes" / "broken.toml").write_text('[colours]\nprimary = "mauve-ish"\n')

    async def prepare(pilot: Pilot[Any]) -> None:
        await opened(pilot, "T")
        await until(pilot, lambda: "broken.toml" in told(pilot))
        pilot.app.clear_notifications()
        await at(pilot, row)
        await until(pilot, lambda: pilot.app.theme == row)
        await settled(pilot)

    assert snap_compare(console(host), terminal_size=size, run_before=prepare)


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_log(snap_compare: Compare, host: FakeEngine, size: tuple[int, int]) -> None:
    host.paths.journal.write_text(
        "2026-11-19T16:21:07.000Z warning     The keymap has no action 'puase'; did you mean 'pause'?\n"
        "2026-11-19T16:40:55.000Z error       The database is locked by another process. (×4)\n"
    )

    async def prepare(pilot: Pilot[Any]) -> None:
        journal = cast("ConsoleApp", pilot.app).journal
        journal._entries.clear()
        journal.add("information", "execution.concurrency is written: in force when the console starts again.")
        journal.add("warning", "mail: the server did not answer within 5 s; it is tried again in 10 s.")
        for _ in range(3):
            journal.add("error", "There is less than 16 MiB free: nothing starts.\nfree some space")
        await opened(pilot, "L", rows=4)
        await settled(pilot)

    assert snap_compare(console(host), terminal_size=size, run_before=prepare)


def test_an_empty_log(snap_compare: Compare, host: FakeEngine) -> None:
    async def prepare(pilot: Pilot[Any]) -> None:
        await opened(pilot)
        cast("ConsoleApp", pilot.app).journal._entries.clear()
        await pilot.press("L")
        await settled(pilot)

    assert snap_compare(console(host, theme=LIGHT), terminal_size=SMALL, run_before=prepare)


def test_about(snap_compare: Compare, host: FakeEngine) -> None:
    assert snap_compare(console(host), terminal_size=MIDDLE, run_before=after(key="A", rows=10))

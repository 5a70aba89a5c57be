"""What the editor looks like. After a wanted change: `pytest tests/tui/editor/test_snapshots.py --snapshot-update`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from opsconsole.settings import DoorSettings, DoorsSettings, Settings
from opsconsole.tui.screens.editor.screen import EditorScreen
from tests.tui.editor.scene import ScriptedEngine, editor_console, own_scripts, scripted
from tests.tui.waiting import settled, started, until

Compare = Callable[..., bool]
HUGE, LARGE, MIDDLE, SMALL = (300, 100), (160, 45), (120, 36), (80, 24)
HOSTILE = b"#!/bin/sh\necho '\x1b]0;pwned\x07 [bold]<b>&amp;\x9b2J' # \xe2\x80\xaegnp.exe\x00\x7f\nrm -rf \"$1\"/\n"


@pytest.fixture
def own(tmp_path: Path, samples: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("opsconsole.tui.screens.editor.keeping.scripts_folder", lambda: tmp_path / "scripts")
    monkeypatch.setattr(
        "opsconsole.tui.screens.editor.reviewing.containment_words", lambda *_: ("contained: bwrap, cgroup2", "muted")
    )
    folder = own_scripts(tmp_path)
    folder.rename(tmp_path / "scripts")
    return tmp_path / "scripts"


@pytest.fixture
def scripts(tmp_path: Path, own: Path) -> ScriptedEngine:
    return scripted(tmp_path / "state")


def after(*keys: str, open: Path | None = None, ready: bool = True) -> Callable[[Pilot[Any]], Any]:
    """Open the script, wait for its review, press the keys."""

    async def prepare(pilot: Pilot[Any]) -> None:
        await started(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, EditorScreen)
        await until(pilot, lambda: screen.library.entries)
        if open is not None:
            screen.open_file(open)
            await until(pilot, lambda: screen.opened is not None)
            screen.to_text()
            await until(pilot, lambda: screen.live.state.current and screen.live.state.reviewed.refined, 30)
        for key in keys:
            await pilot.press(key)
        if ready and screen.opened is not None:
            await until(pilot, lambda: screen.live.state.current and screen.live.state.reviewed.refined, 30)
        await settled(pilot)

    return prepare


def test_nothing_is_open(snap_compare: Compare, scripts: ScriptedEngine) -> None:
    assert snap_compare(editor_console(scripts), terminal_size=MIDDLE, run_before=after())


def test_shell_on_a_large_screen(snap_compare: Compare, scripts: ScriptedEngine, own: Path) -> None:
    prepare = after("f8", "f8", "f8", "f8", open=own / "clean_old_logs.sh")
    assert snap_compare(editor_console(scripts), terminal_size=LARGE, run_before=prepare)


def test_shell_in_light(snap_compare: Compare, scripts: ScriptedEngine, own: Path) -> None:
    app = editor_console(scripts, theme="opsconsole-light")
    assert snap_compare(app, terminal_size=LARGE, run_before=after("f8", open=own / "clean_old_logs.sh"))


def test_shell_in_the_terminals_own_colours(snap_compare: Compare, scripts: ScriptedEngine, own: Path) -> None:
    app = editor_console(scripts, theme="ansi-dark")
    assert snap_compare(app, terminal_size=MIDDLE, run_before=after("f8", open=own / "clean_old_logs.sh"))


def test_shell_without_colours(
    snap_compare: Compare, scripts: ScriptedEngine, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert snap_compare(
        editor_console(scripts), terminal_size=MIDDLE, run_before=after("f8", "f8", open=own / "clean_old_logs.sh")
    )


def test_python_on_a_small_screen(snap_compare: Compare, scripts: ScriptedEngine, own: Path) -> None:
    assert snap_compare(
        editor_console(scripts), terminal_size=SMALL, run_before=after("f8", "x", open=own / "report.py")
    )


def test_the_list_on_a_small_screen(snap_compare: Compare, scripts: ScriptedEngine, own: Path) -> None:
    assert snap_compare(
        editor_console(scripts), terminal_size=SMALL, run_before=after("escape", "down", open=own / "report.py")
    )


def test_the_review_on_a_small_screen(snap_compare: Compare, scripts: ScriptedEngine, own: Path) -> None:
    app = editor_console(scripts, theme="opsconsole-light")
    assert snap_compare(app, terminal_size=SMALL, run_before=after("f7", open=own / "clean_old_logs.sh"))


def test_powershell_on_a_huge_screen(snap_compare: Compare, scripts: ScriptedEngine, own: Path) -> None:
    assert snap_compare(editor_console(scripts), terminal_size=HUGE, run_before=after(open=own / "services.ps1"))


def test_hostile_text(snap_compare: Compare, scripts: ScriptedEngine, own: Path) -> None:
    (own / "hostile.sh").write_bytes(HOSTILE)
    assert snap_compare(editor_console(scripts), terminal_size=MIDDLE, run_before=after(open=own / "hostile.sh"))


def test_a_text_that_cannot_be_edited(snap_compare: Compare, scripts: ScriptedEngine, own: Path) -> None:
    (own / "odd.sh").write_text("#!/bin/sh\necho \U00100001\n")
    assert snap_compare(editor_console(scripts), terminal_size=MIDDLE, run_before=after("x", open=own / "odd.sh"))


def test_the_changes(snap_compare: Compare, scripts: ScriptedEngine, own: Path) -> None:
    keys = ("down", *"new ", "ctrl+g", *"10", "enter", "ctrl+k", "f4")
    prepare = after(*keys, open=own / "clean_old_logs.sh", ready=False)
    assert snap_compare(editor_console(scripts), terminal_size=MIDDLE, run_before=prepare)


def test_finding_in_the_text(snap_compare: Compare, scripts: ScriptedEngine, own: Path) -> None:
    prepare = after("ctrl+f", *"dir", open=own / "clean_old_logs.sh")
    assert snap_compare(editor_console(scripts), terminal_size=MIDDLE, run_before=prepare)


def test_a_new_script(snap_compare: Compare, scripts: ScriptedEngine) -> None:
    assert snap_compare(editor_console(scripts), terminal_size=MIDDLE, run_before=after("n", ready=False))


def test_long_lines_wrapped_on_a_small_screen(snap_compare: Compare, scripts: ScriptedEngine, own: Path) -> None:
    path = own / "long.sh"
    path.write_text(
        "#!/bin/bash\nset -eu\ntar --create --gzip --file /backup/site.tar.gz --directory /srv --exclude cache site "
        "&& rm -rf $OLD/* && echo 'the old ones are gone, the new one is there'\nexit 0\n"
    )
    app = editor_console(scripts)
    assert snap_compare(app, terminal_size=SMALL, run_before=after("alt+z", "f8", open=path))


def test_a_policy_above_the_ceiling(snap_compare: Compare, scripts: ScriptedEngine, own: Path) -> None:
    scripts.settings = Settings(doors=DoorsSettings(tui=DoorSettings(max_policy="restricted")))
    prepare = after("f6", open=own / "clean_old_logs.sh")
    assert snap_compare(editor_console(scripts), terminal_size=LARGE, run_before=prepare)

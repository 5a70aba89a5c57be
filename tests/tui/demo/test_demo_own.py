"""A demo writes nothing but its own, and what it leaves of a failure stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsconsole.demo.engine import RecordedHost
from opsconsole.demo.host import PlayedHost
from opsconsole.tui import crash
from opsconsole.tui.screens.editor.screen import EditorScreen
from tests.tui.fake_engine import FakeEngine
from tests.tui.scenes import console
from tests.tui.waiting import started, told, until


async def test_a_file_of_the_operator_is_shown_and_not_written(tmp_path: Path, engine: FakeEngine) -> None:
    mine = tmp_path / "mine.sh"
    mine.write_text("echo mine\n")
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "link.sh").symlink_to(mine)
    app = console(engine, start="editor")
    app.recorded = RecordedHost(PlayedHost.__new__(PlayedHost), tmp_path / "demo")
    async with app.run_test(size=(160, 45)) as pilot:
        await until(pilot, lambda: app.engine is not None)
        screen = app.screen
        assert isinstance(screen, EditorScreen)
        await until(pilot, lambda: screen.begun)
        for path in (mine, tmp_path / "demo" / "link.sh"):
            screen.open_file(path)
            await until(pilot, lambda path=path: screen.opened is not None and screen.opened.path == path)
            screen.to_text()
            await pilot.press("X", "ctrl+o")
            await until(pilot, lambda: "nothing of yours is changed" in told(pilot))
            assert screen.text_area.text == "echo mine\n"
        assert not screen.may_write(mine) and screen.may_write(tmp_path / "demo" / "own.sh")
    assert mine.read_text() == "echo mine\n"


async def test_a_failure_leaves_its_report_where_it_stays(
    tmp_path: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    file = crash.write_apart("report\n")
    assert file.parent == temporary and file.name.startswith("opsconsole-demo-crash-")
    assert file.read_text() == "report\n" and file.stat().st_mode & 0o777 == 0o600
    app = console(engine)
    app.recorded = RecordedHost(PlayedHost.__new__(PlayedHost), tmp_path)
    with pytest.raises(ZeroDivisionError):
        async with app.run_test(size=(80, 24)) as pilot:
            await started(pilot)
            app.call_later(lambda: 1 // 0)
            await pilot.pause()
    assert len(list(temporary.iterdir())) == 2 and not list(tmp_path.rglob("crash-*.txt"))

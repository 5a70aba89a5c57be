"""What works on every screen: jump, copy, print, reload; and what a failure of the console itself leaves behind."""

from __future__ import annotations

import gc
import os
import weakref
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from opsconsole.settings import load_settings
from opsconsole.tui.modes import MODES
from opsconsole.tui.screens.jump import JumpScreen, Overlay
from tests.tui.fake_engine import FakeEngine
from tests.tui.scenes import console, mixed
from tests.tui.waiting import lines_of, output, settled, shown, started, table, tasks_screen, told, until


async def test_jump_mode_puts_a_letter_on_each_pane_and_goes_there(tmp_path: Path) -> None:
    async with console(mixed(tmp_path / "state")).run_test(size=(160, 45)) as pilot:
        await started(pilot)
        table(pilot).select(14)
        await until(pilot, lambda: output(pilot).line_count)
        await pilot.press("semicolon")
        await until(pilot, lambda: isinstance(pilot.app.screen, JumpScreen))
        letters = {target: letter for letter, target in pilot.app.screen._targets.items()}  # type: ignore[attr-defined]
        assert table(pilot) in letters and output(pilot) in letters
        y = output(pilot).region.y
        x = output(pilot).region.x
        await until(pilot, lambda: letters[output(pilot)] in lines_of(pilot)[y][x - 1 : x + 1])
        await pilot.press(letters[output(pilot)])
        await until(pilot, lambda: tasks_screen(pilot).focused is output(pilot))
        await pilot.press("semicolon", "0")
        await until(pilot, lambda: pilot.app.screen is tasks_screen(pilot))
        assert tasks_screen(pilot).focused is output(pilot)


@pytest.mark.parametrize("size", [(160, 45), (80, 24)], ids=str)
@pytest.mark.parametrize("mode", [mode.id for mode in MODES])
async def test_letters_to_jump_by_hide_no_letter_of_what_is_there(
    tmp_path: Path, mode: str, size: tuple[int, int]
) -> None:
    async with console(mixed(tmp_path / "state"), start=mode).run_test(size=size) as pilot:
        await until(pilot, lambda: getattr(pilot.app.screen, "begun", False))
        await settled(pilot)
        await pilot.press("semicolon")
        await until(pilot, lambda: isinstance(pilot.app.screen, JumpScreen))
        jump: Any = pilot.app.screen
        letters = jump.query_one(Overlay)._at
        await until(pilot, lambda: all(lines_of(pilot)[y][x] == letter for (x, y), letter in letters.items()))
        assert len(letters) == len(jump._targets)
        below = ["".join(segment.text for segment in strip) for strip in jump._below]
        hidden = {below[y][x] for x, y in letters if below[y].isascii()}
        assert all(not char.isalnum() for char in hidden), hidden


async def test_copy_takes_the_line_under_the_cursor(tmp_path: Path) -> None:
    async with console(mixed(tmp_path / "state")).run_test(size=(160, 45)) as pilot:
        await started(pilot)
        table(pilot).select(14)
        await until(pilot, lambda: table(pilot).selected.id == 14)
        await pilot.press("y")
        await until(pilot, lambda: "characters to the terminal's clipboard" in told(pilot))
        assert "reindex-orders" in pilot.app.clipboard and "\n" not in pilot.app.clipboard
        tasks_screen(pilot).set_focus(output(pilot))
        await until(pilot, lambda: "chunk 612" in shown(pilot))
        await pilot.press("y")
        await until(pilot, lambda: "chunk 612" in pilot.app.clipboard)


async def test_y_in_a_line_of_text_is_text(engine: FakeEngine) -> None:
    async with console(engine).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        await pilot.press("slash", "x", "y", ";")
        assert pilot.app.screen.query_one(Input).value == "xy;"


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "etc" / "config.toml"
    file.parent.mkdir()
    monkeypatch.setenv("OPSCONSOLE_CONFIG", str(file))
    return file


async def test_a_changed_file_is_taken_up_and_a_broken_one_is_not(engine: FakeEngine, configured: Path) -> None:
    engine.settings = load_settings()
    app = console(engine)
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)
        configured.write_text('[console]\ntheme = "opsconsole-light"\n[execution]\nconcurrency = 2\n')
        (configured.parent / "keymap.toml").write_text('[keys]\nhelp = "f12"\n')
        app._look_at_configuration()
        await until(pilot, lambda: app.theme == "opsconsole-light")
        assert app.settings.execution.concurrency == 2
        await until(pilot, lambda: "next start on: execution" in told(pilot))
        await until(pilot, lambda: "f12 help" in lines_of(pilot)[-1])
        configured.write_text("[console\n")
        app._look_at_configuration()
        await until(pilot, lambda: "config.toml" in told(pilot))
        assert app.settings.execution.concurrency == 2 and app.theme == "opsconsole-light"
        configured.write_text("")
        await pilot.press("ctrl+l")
        await until(pilot, lambda: app.settings.execution.concurrency == 8)


async def test_a_user_theme_that_is_written_while_the_console_runs_can_be_chosen(
    engine: FakeEngine, configured: Path
) -> None:
    app = console(engine)
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)
        (configured.parent / "themes").mkdir()
        (configured.parent / "themes" / "mine.toml").write_text('name = "mine"\n[colours]\nprimary = "#123456"\n')
        configured.write_text('[console]\ntheme = "mine"\n')
        app._look_at_configuration()
        await until(pilot, lambda: app.theme == "mine")


async def test_a_failure_of_the_console_leaves_a_report_without_secrets(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_PASSWORD", "tr0ub4dor&3-horse")
    app = console(engine)
    app.tell("said before \x1b]0;pwned\x07")

    def fail() -> None:
        raise RuntimeError("it broke: tr0ub4dor&3-horse \x1b[2J")

    folder = engine.paths.root / "crashes"
    with pytest.raises(RuntimeError):
        async with app.run_test(size=(120, 36)) as pilot:
            await started(pilot)
            app.call_later(fail)
            await until(pilot, folder.exists)
    (file,) = folder.iterdir()
    report = file.read_text()
    assert "RuntimeError: it broke" in report and "in fail" in report and "said before" in report
    assert "tr0ub4dor" not in report and "\x1b" not in report and "\x07" not in report
    assert os.stat(file).st_mode & 0o777 == 0o600


@pytest.mark.parametrize("keys", [("semicolon", "z", "z", "0"), ("question_mark", "escape", "escape", "escape")])
async def test_keys_that_come_in_one_breath_close_no_more_than_one_page(
    engine: FakeEngine, keys: tuple[str, ...]
) -> None:
    async with console(engine).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        before = list(pilot.app.screen_stack)
        await pilot.press(keys[0])
        await until(pilot, lambda: len(pilot.app.screen_stack) == len(before) + 1)
        for key in keys[1:]:
            pilot.app.simulate_key(key)
        await until(pilot, lambda: pilot.app.screen_stack == before)
        await pilot.press("question_mark")
        await until(pilot, lambda: len(pilot.app.screen_stack) == len(before) + 1)


async def test_a_question_is_answered_once(engine: FakeEngine) -> None:
    from opsconsole.tui.screens.confirm import ConfirmScreen

    answers: list[bool | None] = []
    async with console(engine).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        question = ConfirmScreen("Sure?", "it", [], yes="Yes", no="No")
        pilot.app.push_screen(question, answers.append)
        await until(pilot, lambda: pilot.app.screen is question)
        for _ in range(3):
            pilot.app.simulate_key("y")
        await until(pilot, lambda: pilot.app.screen is tasks_screen(pilot))
        assert answers == [True]


async def test_what_was_drawn_of_a_dialog_goes_with_it(engine: FakeEngine) -> None:
    app = console(engine)
    async with app.run_test(size=(100, 30)) as pilot:
        await started(pilot)
        await pilot.press("question_mark")
        await until(pilot, lambda: app.screen.is_modal)
        drawn = [weakref.ref(one._styles_cache) for one in app.screen.walk_children()]
        assert drawn
        await pilot.press("escape")
        await until(pilot, lambda: not app.screen.is_modal)

        def gone() -> bool:
            gc.collect()
            return not any(one() for one in drawn)

        await until(pilot, gone)

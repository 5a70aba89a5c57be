"""The editor's keys, each with what it does; the review comes from its own process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key
from textual.pilot import Pilot

from opsconsole.errors import StateDirError
from opsconsole.tui.app import ConsoleApp
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.editor.dialogs import LanguageScreen, NameScreen
from opsconsole.tui.screens.editor.difference import DifferenceScreen
from opsconsole.tui.screens.editor.screen import EditorScreen
from tests.tui.editor.scene import CLEAN, ScriptedEngine, editor_console, own_scripts, scripted
from tests.tui.waiting import shown, started, until

HOSTILE = b"#!/bin/sh\necho '\x1b]0;pwned\x07\x9b2J' # \xe2\x80\xae\x00\nls $1\n"


@pytest.fixture
def own(tmp_path: Path, samples: Path) -> Path:
    return own_scripts(tmp_path)


@pytest.fixture
def scripts(tmp_path: Path, own: Path) -> ScriptedEngine:
    return scripted(tmp_path / "state")


@asynccontextmanager
async def editing(
    engine: Any, size: tuple[int, int] = (140, 40), open: Path | None = None, **kwargs: Any
) -> AsyncIterator[tuple[Pilot[Any], EditorScreen]]:
    app = editor_console(engine, **kwargs)
    async with app.run_test(size=size) as pilot:
        await started(pilot)
        await until(pilot, lambda: isinstance(app.screen, EditorScreen) and app.screen.library.entries)
        screen = app.screen
        assert isinstance(screen, EditorScreen)
        if open is not None:
            screen.open_file(open)
            await until(pilot, lambda: screen.opened is not None)
            screen.to_text()
            await pilot.pause()
        yield pilot, screen


def told(app: ConsoleApp) -> str:
    """All that was told; of the notices only the last few stand on the screen."""
    texts = [*(entry.text for entry in app.journal.entries), *(note.message for note in app._notifications)]
    return "\n".join(texts)


def dialog(pilot: Pilot[Any], kind: type) -> Callable[[], bool]:
    return lambda: isinstance(pilot.app.screen, kind)


async def answered(pilot: Pilot[Any], kind: type, *keys: str) -> None:
    """Wait for the dialog, answer it, wait until it is gone."""
    await until(pilot, dialog(pilot, kind))
    await pilot.press(*keys)
    await until(pilot, lambda: not isinstance(pilot.app.screen, kind))


async def reviewed(pilot: Pilot[Any], screen: EditorScreen) -> None:
    await until(pilot, lambda: screen.live.state.current and screen.live.state.reviewed.refined)


def drafts(engine: ScriptedEngine) -> list[bytes]:
    found = []
    for file in engine.paths.drafts.glob("*.draft"):
        with suppress(FileNotFoundError):  # its text has just been saved or discarded
            found.append(file.read_bytes().partition(b"\n")[2])
    return found


async def test_the_library_opens_narrows_and_folds(scripts: ScriptedEngine, own: Path) -> None:
    async with editing(scripts) as (pilot, screen):
        page = shown(pilot)
        for heading in ("mine", "samples", "from history"):
            assert f" {heading} " in page
        assert "generated" not in page
        assert "unsaved" not in page
        assert "No script is open." in page
        assert screen.library.selected.shown == "clean_old_logs.sh"
        await pilot.press("slash", *"reindex", "enter")
        await until(pilot, lambda: len(screen.library.entries) == 1)
        await pilot.press("enter")
        await until(pilot, lambda: screen.opened is not None)
        assert screen.text_area.text == "#!/bin/sh\necho reindex-orders\n"
        assert screen.opened.path is None
        assert not screen.modified
        assert screen.focused is screen.text_area
        await pilot.press("escape")
        assert screen.focused is screen.library
        await pilot.press("escape")
        await until(pilot, lambda: len(screen.library.entries) > 5)
        screen.library.select(f"mine:{own / 'report.py'}")
        await pilot.press("down", "down", "k", "enter")
        await until(pilot, lambda: screen.opened.name == "services.ps1")
        assert "▸ services.ps1" in shown(pilot)
        await pilot.press("escape", "b")
        await pilot.pause()
        assert not screen.library.is_on_screen
        assert screen.focused is screen.text_area
        await pilot.press("escape", "up", "e", "z")
        assert screen.text_area.text.startswith("z#!/usr/bin/env pwsh")


async def test_a_name_that_is_typed_with_its_ending_gets_no_second_one(scripts: ScriptedEngine, own: Path) -> None:
    async with editing(scripts) as (pilot, screen):
        await pilot.press("n")
        await answered(pilot, LanguageScreen, "p")
        await answered(pilot, NameScreen, *"tidy.py", "enter")
        await until(pilot, lambda: screen.opened is not None)
        assert (own / "tidy.py").exists() and screen.opened.name == "tidy.py"


async def test_new_duplicate_rename_and_delete(scripts: ScriptedEngine, own: Path) -> None:
    async with editing(scripts) as (pilot, screen):
        await pilot.press("n")
        await answered(pilot, LanguageScreen, "p")
        await until(pilot, dialog(pilot, NameScreen))
        assert shown(pilot).count("script.py") == 1
        await pilot.press(*"/x", "enter")  # what is typed replaces the name that stood there
        await pilot.pause()
        assert "no slash" in shown(pilot)
        await pilot.press("backspace", "backspace", *"tidy", "enter")
        await until(pilot, lambda: screen.opened is not None)
        made = own / "tidy.py"
        assert made.read_text().startswith("#!/usr/bin/env python3")
        assert made.stat().st_mode & 0o777 == 0o700
        assert screen.opened.language.id == "python"
        await pilot.press("escape")
        await until(pilot, lambda: any(entry.path == made for entry in screen.library.entries))

        screen.library.select(f"mine:{own / 'report.py'}")
        await pilot.press("C")
        await answered(pilot, NameScreen, "enter")
        await until(pilot, lambda: screen.opened.name == "report-2.py")
        assert (own / "report-2.py").read_bytes() == (own / "report.py").read_bytes()

        await pilot.press("escape")
        await until(pilot, lambda: any(entry.shown == "report-2.py" for entry in screen.library.entries))
        screen.library.select(f"mine:{own / 'report-2.py'}")
        await pilot.press("R")
        await answered(pilot, NameScreen, *"-b", "enter")
        await until(pilot, lambda: screen.opened.name == "report-2-b.py")
        await until(pilot, lambda: any(entry.shown == "report-2-b.py" for entry in screen.library.entries))

        screen.library.select(f"mine:{own / 'report-2-b.py'}")
        await pilot.press("delete")
        await answered(pilot, ConfirmScreen, "enter")
        assert (own / "report-2-b.py").exists()
        await pilot.press("X")
        await answered(pilot, ConfirmScreen, "y")
        await until(pilot, lambda: not (own / "report-2-b.py").exists())
        await until(pilot, lambda: screen.opened is None)

        screen.library.select(next(entry.key for entry in screen.library.entries if entry.section == "samples"))
        await pilot.press("X")
        await pilot.pause()
        assert "Only your own scripts" in told(pilot.app)


async def test_a_path_is_opened_and_what_cannot_be_is_said(scripts: ScriptedEngine, tmp_path: Path) -> None:
    (tmp_path / "work" / "here.sh").write_text("echo here\n")
    large = tmp_path / "large.sh"
    large.write_bytes(b"#" * 1_100_000)
    async with editing(scripts) as (pilot, screen):
        await pilot.press("o")
        await answered(pilot, NameScreen, *"here.sh", "enter")
        await until(pilot, lambda: screen.opened is not None and screen.opened.name == "here.sh")
        assert screen.opened.path == tmp_path / "work" / "here.sh"
        screen.open_file(large)
        await until(pilot, lambda: "1,100,000 bytes" in told(pilot.app))
        assert screen.opened.name == "here.sh"


async def test_saving_discarding_and_the_difference(scripts: ScriptedEngine, own: Path) -> None:
    file = own / "clean_old_logs.sh"
    async with editing(scripts, open=file) as (pilot, screen):
        await pilot.press("x", "f2")
        await until(pilot, lambda: not screen.modified)
        assert file.read_text() == "x" + CLEAN
        await pilot.press("y")
        assert "● modified" in shown(pilot)
        await pilot.press("f4")
        await until(pilot, dialog(pilot, DifferenceScreen))
        page = shown(pilot)
        assert "+1 -1" in page
        assert "1   - x#!/usr/bin/env bash" in page
        assert "  1 + xy#!/usr/bin/env bash" in page
        await pilot.press("down", "G", "right", "escape")
        await until(pilot, dialog(pilot, EditorScreen))
        await pilot.press("ctrl+o")
        await until(pilot, lambda: not screen.modified)
        assert file.read_text() == "xy" + CLEAN

        file.write_text("somebody else's\n")
        await pilot.press("z", "f2")
        await answered(pilot, ConfirmScreen, "n")
        assert file.read_text() == "somebody else's\n"
        await pilot.press("f2")
        await answered(pilot, ConfirmScreen, "y")
        await until(pilot, lambda: not screen.modified)
        assert file.read_text() == "xyz" + CLEAN
        assert file.stat().st_mode & 0o777 == 0o700

        await pilot.press("q", "escape", "D")
        await answered(pilot, ConfirmScreen, "y")
        await until(pilot, lambda: not screen.modified)
        assert screen.text_area.text == "xyz" + CLEAN
        await pilot.press("u")
        assert screen.modified
        await pilot.press("U", "f4")
        assert "Nothing was changed" in told(pilot.app)


async def test_a_sample_is_saved_under_a_name_of_its_own(scripts: ScriptedEngine, own: Path, samples: Path) -> None:
    before = (samples / "ports.py").read_bytes()
    async with editing(scripts) as (pilot, screen):
        screen.library.select(f"samples:{samples / 'ports.py'}")
        await pilot.press("enter")
        await until(pilot, lambda: screen.opened is not None)
        await pilot.press("x", "f2")
        await answered(pilot, NameScreen, "enter")
        await until(pilot, lambda: not screen.modified)
        assert (own / "ports.py").read_bytes() == b"x" + before
        assert (samples / "ports.py").read_bytes() == before


async def test_hostile_bytes_are_shown_and_saved_as_they_were(scripts: ScriptedEngine, own: Path) -> None:
    file = own / "hostile.sh"
    file.write_bytes(HOSTILE)
    async with editing(scripts, open=file) as (pilot, screen):
        page = shown(pilot)
        assert "echo '␛]0;pwned␇�2J' # �␀" in page
        assert "5 hidden characters" in page
        assert not any(ord(one) < 32 or 127 <= ord(one) < 160 or one == "\u202e" for one in page if one != "\n")
        assert "\x1b" not in pilot.app.export_screenshot()
        await pilot.press("ctrl+end", *"id", "f2")
        await until(pilot, lambda: not screen.modified)
        assert file.read_bytes() == HOSTILE + b"id"
        await reviewed(pilot, screen)
        assert "\x9b" not in pilot.app.export_screenshot()


async def test_a_file_of_cr_lf_is_fixed_and_saved_with_them(scripts: ScriptedEngine, own: Path) -> None:
    file = own / "dos.py"
    file.write_bytes(b"import os\r\nx = 1\r\n")
    async with editing(scripts, open=file) as (pilot, screen):
        assert "CR LF" in shown(pilot)
        assert screen.true_text == "import os\r\nx = 1\r\n"
        await pilot.press("enter", "f2")
        await until(pilot, lambda: not screen.modified)
        assert file.read_bytes() == b"\r\nimport os\r\nx = 1\r\n"


async def test_a_shell_script_of_cr_lf_is_asked_about_and_a_key_makes_its_lines_end_in_lf(
    scripts: ScriptedEngine, own: Path
) -> None:
    file = own / "dos.sh"
    file.write_bytes(b"#!/bin/bash\r\nrm -rf /tmp/foo\r\n")
    async with editing(scripts, open=file) as (pilot, screen):
        await reviewed(pilot, screen)
        review = screen.live.state.reviewed.review
        assert review.verdict == "confirm"
        assert [one.rule for one in review.findings if one.severity >= 2] == ["carriage-returns"]
        await pilot.press("escape", "A")
        await until(pilot, lambda: screen.modified and "Every line ends in LF now" in told(pilot.app))
        await until(pilot, lambda: "CR LF" not in shown(pilot) and "● modified" in shown(pilot))
        assert screen.true_text == "#!/bin/bash\nrm -rf /tmp/foo\n"
        await until(pilot, lambda: drafts(scripts) == [b"#!/bin/bash\nrm -rf /tmp/foo\n"])
        await reviewed(pilot, screen)
        assert screen.live.state.reviewed.review.verdict == "allow"
        await pilot.press("D")
        await answered(pilot, ConfirmScreen, "y")
        await until(pilot, lambda: screen.true_text == "#!/bin/bash\r\nrm -rf /tmp/foo\r\n" and not screen.modified)
        await reviewed(pilot, screen)
        await pilot.press("A")
        await until(pilot, lambda: screen.modified)
        screen.to_text()
        await pilot.press("f2")
        await until(pilot, lambda: not screen.modified)
        assert file.read_bytes() == b"#!/bin/bash\nrm -rf /tmp/foo\n"


async def test_a_byte_order_mark_is_one_hidden_character_and_its_fix_takes_it_away(
    scripts: ScriptedEngine, own: Path
) -> None:
    file = own / "marked.sh"
    file.write_bytes(b"\xef\xbb\xbf#!/bin/bash\ndate\n")
    async with editing(scripts, open=file) as (pilot, screen):
        assert " 1 hidden character " in shown(pilot)
        await reviewed(pilot, screen)
        assert screen.live.state.reviewed.review.verdict == "confirm"
        await pilot.press("escape", "A")
        await until(pilot, lambda: screen.true_text == "#!/bin/bash\ndate\n")
        await until(pilot, lambda: "hidden character" not in shown(pilot))


async def test_a_file_with_unsaved_text_stands_once_in_the_list_with_its_mark(
    scripts: ScriptedEngine, own: Path
) -> None:
    async with editing(scripts, open=own / "report.py") as (pilot, screen):
        await pilot.press("x")
        await until(pilot, lambda: "● report.py" in shown(pilot))
        screen.open_file(own / "services.ps1")
        await until(pilot, lambda: screen.opened.name == "services.ps1" and "▸ services.ps1" in shown(pilot))
        page = shown(pilot)
        assert page.count("report.py") == 1 and "● report.py" in page and " unsaved " not in page
        await pilot.press("escape")
        screen.library.select(f"mine:{own / 'report.py'}")
        await pilot.press("enter")
        await until(pilot, lambda: screen.opened.name == "report.py")
        assert screen.text_area.text.startswith("x#!/usr/bin/env python3") and screen.modified


async def test_finding_lines_comments_and_languages(scripts: ScriptedEngine, own: Path) -> None:
    async with editing(scripts, open=own / "clean_old_logs.sh") as (pilot, screen):
        area = screen.text_area
        await pilot.press("ctrl+f", *"dir")
        await until(pilot, lambda: "3 found" in shown(pilot))
        assert area.selected_text == "DIR"
        await pilot.press("enter")
        assert area.cursor_location[0] == 6
        await pilot.press("escape", "f3")
        assert screen.focused is area
        assert area.cursor_location[0] == 9
        await pilot.press("alt+s")
        assert area.cursor_location[0] == 5
        await pilot.press("ctrl+f", "x", "y")
        assert "not in the text" in shown(pilot)
        await pilot.press("escape", "ctrl+g", *"99", "enter")
        await pilot.pause()
        assert "a number from 1 to 12" in shown(pilot)
        await pilot.press("backspace", "enter")
        assert area.cursor_location == (8, 0)
        await pilot.press("ctrl+t")
        assert area.document.get_line(8) == "# done"
        await pilot.press("escape", "number_sign")
        assert area.document.get_line(8) == "done"
        await pilot.press("l")
        await answered(pilot, LanguageScreen, "a")
        assert "AppleScript" in shown(pilot)
        await pilot.press("alt+l")
        await answered(pilot, LanguageScreen, "escape")
        assert screen.opened.language.id == "applescript"


async def test_findings_are_painted_walked_and_fixed(scripts: ScriptedEngine, own: Path) -> None:
    async with editing(scripts, open=own / "clean_old_logs.sh") as (pilot, screen):
        area = screen.text_area
        await reviewed(pilot, screen)
        await pilot.press("ctrl+g", *"10", "enter")
        await until(pilot, lambda: "10:1" in screen._place.text and "$DIR" in screen._place.text)
        assert area.render_line(9).text.lstrip()[0] in "!✗⊘"
        assert any(segment.style.underline for segment in area.render_line(9))
        found = screen._finding_here()
        assert found is not None
        assert found.fix
        await pilot.press("f9")
        await until(pilot, lambda: area.document.get_line(9) != "rm -rf $DIR/*.log")
        await reviewed(pilot, screen)
        await pilot.press("ctrl+z")
        assert area.text == CLEAN
        await reviewed(pilot, screen)
        await pilot.press("ctrl+home", "f8")
        first = area.cursor_location
        await pilot.press("alt+n")
        second = area.cursor_location
        assert second > first
        await pilot.press("alt+p")
        assert area.cursor_location == first
        await pilot.press("escape", "left_square_bracket")
        assert area.cursor_location == max((one.row, one.start) for one in area.painted)
        await pilot.press("escape", "right_square_bracket", "escape", "F")
        await until(pilot, lambda: screen.modified or "no fix" in told(pilot.app))


TWICE = "#!/bin/bash\nset -euo pipefail\necho fine\nrm -rf $A/* $B/*\necho $C\n"


async def test_a_fix_is_that_of_the_cursors_line_and_each_finding_is_visited(
    scripts: ScriptedEngine, own: Path
) -> None:
    (own / "twice.sh").write_text(TWICE)
    async with editing(scripts, open=own / "twice.sh") as (pilot, screen):
        await reviewed(pilot, screen)
        assert "f9 fix" in shown(pilot) and "F fix" not in shown(pilot), "the key that works while somebody types"
        await pilot.press("f8", "ctrl+home", "down", "down")
        assert screen.review.selected is not None and screen.review.selected.line > 3
        await pilot.press("f9")
        await until(pilot, lambda: "No finding is on line 3: f8 goes to the next." in told(pilot.app))
        assert screen.text_area.text == TWICE
        found = screen._in_order()
        assert len({(one.line, one.column) for one in found}) < len(found), "several share a place"
        await pilot.press("ctrl+home")
        visited = []
        for _ in found:
            await pilot.press("f8")
            visited.append(screen.review.selected)
        assert visited == found
        await pilot.press("ctrl+end", "up", "home")
        assert screen.review.selected is not None and screen.review.selected.line == 5
        await pilot.press("f9")
        await until(pilot, lambda: screen.text_area.document.get_line(4) != "echo $C")
        assert screen.text_area.document.get_line(3) == "rm -rf $A/* $B/*"


async def test_all_fixes_at_once_and_the_page_of_a_rule(scripts: ScriptedEngine, own: Path) -> None:
    from opsconsole.tui.screens.editor.explain import ExplainScreen

    async with editing(scripts, open=own / "clean_old_logs.sh") as (pilot, screen):
        await reviewed(pilot, screen)
        first = screen.review.findings.findings[0]
        await pilot.press("escape", "E")
        await until(pilot, dialog(pilot, ExplainScreen))
        await pilot.press("escape")
        await until(pilot, dialog(pilot, EditorScreen))
        await pilot.press("O")
        assert screen.review.findings.by_severity
        assert screen.review.findings.findings[0] is not first
        await pilot.press("A")
        await until(pilot, lambda: screen.modified)
        assert "fixes applied" in told(pilot.app)
        screen.to_text()
        await pilot.press("ctrl+z")
        assert screen.text_area.text == CLEAN


async def test_what_is_not_shown_exactly_is_not_run(scripts: ScriptedEngine, own: Path) -> None:
    (own / "odd.sh").write_text("echo \U00100001\n")
    async with editing(scripts, open=own / "odd.sh") as (pilot, _):
        await pilot.press("ctrl+r", "f2")
        await until(pilot, lambda: "run the file itself" in told(pilot.app))
        assert isinstance(pilot.app.screen, EditorScreen)


async def test_the_policy_turns_and_the_review_folds(scripts: ScriptedEngine, own: Path) -> None:
    async with editing(scripts, open=own / "clean_old_logs.sh") as (pilot, screen):
        await reviewed(pilot, screen)
        await pilot.press("f6")
        assert screen.policy == "elevated"
        await pilot.press("escape", "p")
        assert screen.policy == "safe"
        await until(pilot, lambda: "safe: refused" in shown(pilot))
        await pilot.press("v")
        await pilot.pause()
        assert not screen.review.is_on_screen
        await pilot.press("f7")
        await pilot.pause()
        assert screen.review.is_on_screen
        screen.set_focus(screen.review.findings)
        await pilot.press("enter")
        assert screen.focused is screen.text_area


async def test_running_asks_and_goes_to_the_task(scripts: ScriptedEngine, own: Path) -> None:
    from opsconsole.tui.screens.editor.run_form import RunForm

    async with editing(scripts, open=own / "clean_old_logs.sh") as (pilot, screen):
        await pilot.press("x", "ctrl+r")
        await until(pilot, dialog(pilot, RunForm))
        await pilot.press("escape")
        await until(pilot, dialog(pilot, EditorScreen))
        assert not scripts.specs
        assert screen.focused is screen.text_area
        await pilot.press("f5")
        await until(pilot, dialog(pilot, RunForm))
        form = pilot.app.screen
        assert isinstance(form, RunForm)
        await until(pilot, lambda: form.seen is not None)  # before its verdict nothing runs
        await pilot.press("r", "enter")
        await until(pilot, lambda: scripts.specs)
        assert scripts.specs[0].script == b"x" + CLEAN.encode() or scripts.specs[0].script == "x" + CLEAN
        await until(pilot, lambda: pilot.app.modes.current == "tasks")


async def test_small_screens_fold_and_unfold(scripts: ScriptedEngine, own: Path) -> None:
    async with editing(scripts, size=(80, 24), open=own / "clean_old_logs.sh") as (pilot, screen):
        assert not screen.library.is_on_screen
        assert screen.review.narrow
        await pilot.press("escape")
        await pilot.pause()
        assert screen.library.is_on_screen
        assert screen.focused is screen.library
        await pilot.press("b")
        await pilot.pause()
        assert not screen.library.is_on_screen
        await pilot.press("f7")
        await pilot.pause()
        assert not screen.text_area.is_on_screen
        assert screen.focused is screen.review.findings
        await pilot.press("escape")
        await pilot.pause()
        assert screen.focused is screen.text_area
        for width, height in ((200, 50), (60, 15), (110, 24), (80, 24)):
            await pilot.resize_terminal(width, height)
            await pilot.pause()
        assert screen.focused is screen.text_area


async def test_unsaved_text_is_a_draft_until_it_is_saved(scripts: ScriptedEngine, own: Path) -> None:
    async with editing(scripts, open=own / "clean_old_logs.sh") as (pilot, screen):
        await pilot.press("x")
        await until(pilot, lambda: drafts(scripts) == [b"x" + CLEAN.encode()])
        await pilot.press("y", "escape", "4")
        await until(pilot, lambda: drafts(scripts) == [b"xy" + CLEAN.encode()])
        await pilot.press("5")
        await pilot.press("e", "f2")
        await until(pilot, lambda: not screen.modified)
        await until(pilot, lambda: not drafts(scripts))
        await pilot.press("z", "backspace")
        screen.open_text("echo generated\n", "fix me", "bash")
        await until(pilot, lambda: drafts(scripts) == [b"echo generated\n"])
        assert "never saved" in shown(pilot)
        screen.open_file(own / "report.py")
        await until(pilot, lambda: " unsaved " in shown(pilot))
        assert "● fix me" in shown(pilot)
        await pilot.press("escape", "g", "X")
        await answered(pilot, ConfirmScreen, "y")
        await until(pilot, lambda: not drafts(scripts))


async def test_a_draft_that_could_not_be_written_is_as_soon_as_it_can_be(scripts: ScriptedEngine, own: Path) -> None:
    folder, aside = scripts.paths.drafts, scripts.paths.root / "aside"
    async with editing(scripts, open=own / "clean_old_logs.sh") as (pilot, screen):
        await until(pilot, lambda: screen._autosave is not None and folder.is_dir())
        folder.rename(aside)
        scripts.unwritable = StateDirError("the disk is gone")
        await until(pilot, lambda: "CANNOT WRITE" in shown(pilot))
        await pilot.press("x")
        await until(pilot, lambda: "Unsaved text is not kept against a crash" in told(pilot.app))
        kept = screen.unsaved()
        assert kept is not None and not kept.kept and screen.text_area.text.startswith("x")
        assert pilot.app.allows("save_script") and not pilot.app.allows("run_script")  # type: ignore[attr-defined]
        aside.rename(folder)
        scripts.unwritable = None
        await until(pilot, lambda: drafts(scripts) == [b"x" + CLEAN.encode()])
        kept = screen.unsaved()
        assert kept is not None and kept.kept


async def test_leaving_loses_nothing_and_the_next_start_says_so(
    tmp_path: Path, scripts: ScriptedEngine, own: Path
) -> None:
    file = own / "clean_old_logs.sh"
    async with editing(scripts, open=file) as (pilot, _):
        await pilot.press("down", "x", "y")
    assert drafts(scripts) == [CLEAN.replace("# Remove", "xy# Remove").encode()]
    async with editing(scripted(tmp_path / "state")) as (pilot, screen):
        await until(pilot, lambda: screen.opened is not None)
        assert screen.opened.path == file
        assert screen.modified
        assert "Unsaved text of clean_old_logs.sh is here again" in told(pilot.app)
        assert screen.text_area.cursor_location == (1, 2)
        screen.to_text()
        await pilot.press("f4")
        await until(pilot, dialog(pilot, DifferenceScreen))
        assert "+1 -1" in shown(pilot)
        await pilot.press("escape", "f2")
        await until(pilot, lambda: not screen.modified)
    assert file.read_text() == CLEAN.replace("# Remove", "xy# Remove")
    assert not drafts(scripts)


async def test_the_console_says_at_its_start_that_text_was_left(
    tmp_path: Path, scripts: ScriptedEngine, own: Path
) -> None:
    async with editing(scripts, open=own / "report.py") as (pilot, _):
        await pilot.press("x")
    app = editor_console(scripted(tmp_path / "state"), start="anomalies")
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: "Unsaved text of report.py was kept: 5 opens the editor." in told(app))


async def test_a_draft_whose_file_was_changed_meanwhile_asks(
    tmp_path: Path, scripts: ScriptedEngine, own: Path
) -> None:
    file = own / "clean_old_logs.sh"
    async with editing(scripts, open=file) as (pilot, _):
        await pilot.press("x")
    file.write_text("other\n")
    async with editing(scripted(tmp_path / "state")) as (pilot, screen):
        await until(pilot, lambda: screen.opened is not None)
        assert "written by somebody else" in told(pilot.app)
        screen.to_text()
        await pilot.press("f2")
        await answered(pilot, ConfirmScreen, "enter")
        assert file.read_text() == "other\n"


async def test_other_modes_open_texts_and_files(scripts: ScriptedEngine, own: Path) -> None:
    app = editor_console(scripts, start="anomalies")
    async with app.run_test(size=(120, 36)) as pilot:
        screen = app.go("editor")
        assert isinstance(screen, EditorScreen)
        screen.open_text("#!/usr/bin/env python3\nprint()\n", "fix memory", "python3")
        await until(pilot, lambda: "fix memory" in shown(pilot) and "never saved" in shown(pilot))
        assert screen.opened is not None
        assert screen.opened.language.id == "python"
        await until(pilot, lambda: drafts(scripts) == [b"#!/usr/bin/env python3\nprint()\n"])
        app.go("anomalies")
        app.go("editor")
        screen.open_file(own / "report.py")
        await until(pilot, lambda: screen.opened is not None and screen.opened.name == "report.py")
        await reviewed(pilot, screen)
    assert drafts(scripts) == [b"#!/usr/bin/env python3\nprint()\n"]


PROGRAM = """
import asyncio, sys
from pathlib import Path
from tests.tui.editor.scene import scripted
from tests.tui.editor.test_editor_screen import editing, until
async def main():
    async with editing(scripted(Path(sys.argv[1])), open=Path(sys.argv[2])) as (pilot, screen):
        await pilot.press(*"precious")
        drafts = Path(sys.argv[1], "drafts")
        await until(pilot, lambda: any(b"precious" in one.read_bytes() for one in drafts.glob("*.draft")))
        print("typed", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_a_killed_console_leaves_what_was_typed(tmp_path: Path, own: Path) -> None:
    file, state = own / "clean_old_logs.sh", tmp_path / "state"
    environ = {**os.environ, "HOME": str(tmp_path), "OPSCONSOLE_CONFIG": os.devnull}
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(state), str(file)], stdout=subprocess.PIPE, env=environ, cwd=root
    ) as console:
        assert console.stdout is not None
        assert console.stdout.readline() == b"typed\n"
        console.send_signal(signal.SIGKILL)
    async with editing(scripted(state)) as (pilot, screen):
        await until(pilot, lambda: screen.opened is not None)
        assert screen.text_area.text == "precious" + CLEAN
        assert screen.opened.path == file


async def test_a_read_only_console_changes_nothing(scripts: ScriptedEngine, own: Path) -> None:
    file = own / "clean_old_logs.sh"
    app_kwargs: dict[str, Any] = {"read_only": True}
    async with editing(scripts, open=file, **app_kwargs) as (pilot, screen):
        await pilot.press("x", "f2", "f9", "ctrl+t", "escape", "u", "n", "X", "R", "C", "D")
        await pilot.pause()
        assert isinstance(pilot.app.screen, EditorScreen)
        assert screen.text_area.text == CLEAN
        assert "read-only" in told(pilot.app)
    assert not scripts.paths.drafts.exists()
    assert file.read_text() == CLEAN


async def test_alt_and_a_letter_as_a_terminal_sends_it_is_no_letter(scripts: ScriptedEngine, own: Path) -> None:
    async with editing(scripts, open=own / "clean_old_logs.sh") as (pilot, screen):
        await reviewed(pilot, screen)
        area, text = screen.text_area, screen.text_area.text
        for letter in "nzflazb":
            pilot.app.post_message(Key(f"alt+{letter}", letter))
            await pilot.pause()
            if letter == "n":
                assert area.cursor_location == (1, 0), "to the first finding"
            elif letter == "l":
                await answered(pilot, LanguageScreen, "escape")
        assert area.text == text and not screen.modified
        assert not area.soft_wrap, "on and off again"

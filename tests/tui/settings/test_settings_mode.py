"""Mode 7 by its keys: every action of it, seen to work."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from textual import events

from opsconsole.checkup import Fact
from opsconsole.settings import load_settings
from opsconsole.tui.keymap import load_keymap
from opsconsole.tui.screens.help import HelpScreen
from opsconsole.tui.screens.settings.actions import ACTIONS, PAGES
from opsconsole.tui.screens.settings.edit_setting import EditSettingScreen
from opsconsole.tui.screens.settings.host_page import HostPage
from opsconsole.tui.screens.settings.press_key import PressKeyScreen
from opsconsole.tui.screens.settings.themes_page import ThemesPage
from opsconsole.tui.widgets.choice import Choice
from opsconsole.tui.widgets.text_field import TextField
from tests.tui.fake_engine import FakeEngine
from tests.tui.settings.scene import at, console, opened, page, same_everywhere, screen
from tests.tui.waiting import shown, until

SIZE = (120, 36)
CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e]")


def test_every_action_of_this_mode_is_pressed_in_this_file() -> None:
    pressed = {"change_row", "reset_row", "only_changed", "refresh_page", "graph_glyphs", "log_severity", "log_follow"}
    turned = {"page_before", "page_after", *(name for name, *_ in PAGES)}
    assert {one.id for one in ACTIONS} == pressed | turned


async def test_pages_are_a_key_away_and_in_a_ring(config: Path, engine: FakeEngine) -> None:
    app = console(engine)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot)
        for name, key, _, _ in PAGES:
            await pilot.press(key)
            assert name.removeprefix("page_") == screen(pilot).page.ID
            assert screen(pilot).page.display and sum(one.display for one in screen(pilot)._pages.values()) == 1
        await pilot.press("right")
        assert page(pilot).ID == "host"
        await pilot.press("h")
        assert page(pilot).ID == "about"
        await pilot.press("l", "l", "left")
        assert page(pilot).ID == "host"
        await pilot.click("#settings-tabs", offset=(3, 3))
        await until(pilot, lambda: page(pilot).ID == "keys")


async def test_keys_behind_the_one_that_makes_a_page_are_not_lost(config: Path, engine: FakeEngine) -> None:
    app = console(engine)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot)
        for key in "Lf?":  # in one breath
            app.post_message(events.Key("question_mark" if key == "?" else key, key))
        await until(pilot, lambda: isinstance(app.screen, HelpScreen))
        await pilot.press("escape")
        await until(pilot, lambda: page(pilot).ID == "log" and app.screen.focused is page(pilot).list)
        assert not page(pilot)._follows  # type: ignore[attr-defined]


async def test_host_says_what_is_missing_and_how_to_get_it(config: Path, engine: FakeEngine) -> None:
    app = console(engine)
    async with app.run_test(size=SIZE) as pilot:
        host = await opened(pilot, rows=14)
        await until(pilot, lambda: host.list.selected == "state free space")  # the worst comes first
        await until(pilot, lambda: not host.progress)  # that there is no more is known a moment after the last one
        assert "✗ free space" in shown(pilot) and "free some space" in host.detail.text
        assert "free      2.96 MiB" in host.detail.text and "needed    16 MiB" in host.detail.text
        assert host.badge is not None and host.badge.text == "✗1 !2"
        assert host.list.rows[0].cells[0].text == "Policies: what contains a script here"
        await at(pilot, "policies restricted")
        assert "landlock" in host.detail.text and "apt-get install bubblewrap" in host.detail.text
        await pilot.press("y")
        assert app.clipboard == "apt-get install bubblewrap"
        await pilot.press("c")
        assert host.shown_count == 6 and "standard" not in host.list.rows
        await pilot.press("c", "r")
        await until(pilot, lambda: host.shown_count == 14)
        assert host.list.selected == "policies restricted"
        await pilot.press("slash", *"bubble", "enter")
        assert host.shown_count == 3 and "3 shown" in shown(pilot)
        await pilot.press("S", "H")
        assert host.filter == "bubble" and "3 shown" in shown(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: host.shown_count == 14)
        await pilot.press("slash", *"zzz")
        assert "Nothing here passes the filter." in shown(pilot)


async def test_a_setting_is_changed_in_place_and_reset(config: Path, engine: FakeEngine) -> None:
    file = config / "config.toml"
    file.write_text("# mine\n[execution]\nconcurrency = 3  # cores\n")
    app = console(engine)
    async with app.run_test(size=SIZE) as pilot:
        settings = await opened(pilot, "S")
        await at(pilot, "execution.concurrency")
        assert "● concurrency              3" in shown(pilot)
        assert "your file" in settings.detail.text and "at least 1" in settings.detail.text
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EditSettingScreen))
        field = app.screen.query_one("#setting-value", TextField)
        assert field.value == "3"
        field.value = "0"
        await pilot.press("enter")
        await until(pilot, lambda: "must be at least 1" in shown(pilot))
        assert file.read_text().count("concurrency = 3") == 1
        field.value = "5"
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen(pilot))
        assert file.read_text() == "# mine\n[execution]\nconcurrency = 5  # cores\n"
        await until(pilot, lambda: "5, when the console starts again" in settings.detail.text)
        assert screen(pilot).in_force.execution.concurrency == 3
        assert any("starts again" in one.text for one in app.journal.entries)
        await pilot.press("d")
        await until(pilot, lambda: file.read_text() == "# mine\n[execution]\n")
        await at(pilot, "console.mouse")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EditSettingScreen))
        assert app.screen.query_one("#setting-value", Choice).value == "auto"
        await pilot.press("right", "enter")
        await until(pilot, lambda: load_settings().console.mouse == "on")
        await pilot.press("enter", "escape")
        await until(pilot, lambda: app.screen is screen(pilot))
        await pilot.press("c")
        await until(pilot, lambda: settings.shown_count == 2)


async def test_what_the_next_start_would_not_take_is_not_written(config: Path, engine: FakeEngine) -> None:
    app, file = console(engine), config / "config.toml"
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, "S")
        for name, wrong, why, right in (
            ("console.theme", "nope", "there is no theme called nope", "nord"),
            ("execution.concurrency", "999999", "at most 1024", "12"),
        ):
            await at(pilot, name)
            await pilot.press("enter")
            await until(pilot, lambda: isinstance(app.screen, EditSettingScreen))
            field = app.screen.query_one("#setting-value", TextField)
            field.value = wrong
            await pilot.press("enter")
            await until(pilot, lambda why=why: why in shown(pilot))  # type: ignore[misc]
            assert not file.exists() or wrong not in file.read_text()
            field.value = right
            await pilot.press("enter")
            await until(pilot, lambda: app.screen is screen(pilot))
            assert right in file.read_text()
        await until(pilot, lambda: "8, at the next start 12" in shown(pilot))


async def test_a_keymap_that_was_mended_is_no_problem_any_more(config: Path, engine: FakeEngine) -> None:
    keymap = config / "keymap.toml"
    keymap.write_text('[keys]\nnothing = "z"\n')
    app = console(engine)
    async with app.run_test(size=SIZE) as pilot:
        page = await opened(pilot, "K")
        await until(pilot, lambda: "The keymap has problems" in shown(pilot))
        keymap.write_text('[keys]\npause = "z"\n')
        app.read_configuration(asked=False)
        await until(pilot, lambda: "The keymap has problems" not in shown(pilot))
        assert page.badge is None and screen(pilot)._pages["keys"].shown_count
        keymap.write_text('[keys]\nother = "z"\n')
        await pilot.press("2")
        app.read_configuration(asked=False)
        await pilot.press("7")
        await until(pilot, lambda: "The keymap has problems" in shown(pilot) and page.badge is not None)


async def test_a_broken_file_is_said_and_never_written(
    config: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = config / "config.toml"
    monkeypatch.setenv("OPSCONSOLE_CONSOLE__MOUSE", "off")
    app = console(engine)
    file.write_text("[execution\n")
    async with app.run_test(size=SIZE) as pilot:
        settings = await opened(pilot, "S")
        assert settings.badge is not None and settings.badge.text == "✗"
        assert "is not valid TOML" in settings.detail.text
        await pilot.press("enter")
        assert app.screen is screen(pilot)
        assert app.journal.unread_errors == 1
        assert file.read_text() == "[execution\n"
        await at(pilot, "console.mouse")
        assert "the environment" in settings.detail.text


async def test_a_key_is_bound_by_pressing_it_and_holds_at_once(config: Path, engine: FakeEngine) -> None:
    app = console(engine)
    async with app.run_test(size=SIZE) as pilot:
        keys = await opened(pilot, "K")
        await at(pilot, "page_about")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PressKeyScreen))
        assert "it replaces this one" in shown(pilot)
        await pilot.press("q")
        await until(pilot, lambda: "The key q is taken" in shown(pilot))
        await pilot.press("colon")  # a command's key goes nowhere else
        await until(pilot, lambda: "The key colon is taken" in shown(pilot))
        await pilot.press("f9")
        await until(pilot, lambda: app.screen is screen(pilot))
        await until(pilot, lambda: app.keys_for("page_about") == "f9")
        assert load_keymap(config / "keymap.toml").keys == {"page_about": "f9"}
        assert "●" in shown(pilot) and keys.detail.text.count("usually")
        assert 'page_about = "f9"' in keys.detail.text
        await pilot.press("A")
        assert page(pilot).ID == "keys"
        await pilot.press("f9")
        assert page(pilot).ID == "about"
        await pilot.press("K", "c")
        assert [row.id for row in keys.list.rows if row.id and row.id[0] != "!"] == ["page_about"]
        await pilot.press("d")
        await until(pilot, lambda: app.keys_for("page_about") == "A")
        await pilot.press("A")
        assert page(pilot).ID == "about"
        await pilot.press("K", "c")
        (config / "keymap.toml").write_text('[keys]\nnonsense = "x"\n')
        await pilot.press("r")
        await until(pilot, lambda: any("no action 'nonsense'" in row.cells[-1].text for row in keys.list.rows))
        assert keys.badge is not None


async def test_a_theme_is_tried_by_the_cursor_kept_by_enter_and_dropped_by_escape(
    config: Path, engine: FakeEngine
) -> None:
    (config / "themes").mkdir()
    (config / "themes" / "mine.toml").write_text('name = "mine"\n[colours]\nprimary = "#ff0000"\n')
    (config / "themes" / "bad\x1b]0;x\x07.toml").write_text("name = 3\n")
    app = console(engine)
    async with app.run_test(size=SIZE) as pilot:
        themes = await opened(pilot, "T")
        assert isinstance(themes, ThemesPage)
        first = app.theme
        assert themes.list.selected == first
        await at(pilot, "mine")
        await until(pilot, lambda: app.theme == "mine")
        assert "tried" in themes.sample.text
        await pilot.press("escape")
        assert app.theme == first and themes.list.selected == first
        await at(pilot, "nord")
        await until(pilot, lambda: app.theme == "nord")
        await pilot.press("4")
        await until(pilot, lambda: app.theme == first)  # what is not kept goes back
        await pilot.press("7")
        await until(pilot, lambda: app.modes.current == "settings" and screen(pilot).looks)
        await at(pilot, "nord")
        await until(pilot, lambda: app.theme == "nord")
        await pilot.press("enter")
        await until(pilot, lambda: load_settings().console.theme == "nord")
        await until(pilot, lambda: not themes.tried)
        await pilot.press("escape", "H", "T")
        assert app.theme == "nord" and app.settings.console.theme == "nord"
        failure = next(row.id for row in themes.list.rows if row.id.startswith("!"))
        await at(pilot, failure)
        assert "was skipped" in themes.sample.text and not CONTROL.search(shown(pilot))
        await pilot.press("b", "b")
        await until(pilot, lambda: load_settings().console.graphs == "block")
        await until(pilot, lambda: app.settings.console.graphs == "block")  # what was between is in force no more
        assert app.glyphs.name == "block" and "block" in themes.sample.text
        (config / "themes" / "late.toml").write_text('name = "late"\n[colours]\nprimary = "#00ff00"\n')
        await pilot.press("r")
        assert "late" in {row.id for row in themes.list.rows}


async def test_a_theme_that_was_mended_elsewhere_is_no_failure_any_more(config: Path, engine: FakeEngine) -> None:
    """The configuration is read again by itself; the cursor may be on what was wrong with it."""
    (config / "themes").mkdir()
    for name in ("one", "two"):
        (config / "themes" / f"{name}.toml").write_text("name = 3\n")
    app = console(engine)
    async with app.run_test(size=SIZE) as pilot:
        themes = await opened(pilot, "T")
        await at(pilot, "!1")
        (config / "themes" / "two.toml").write_text('name = "two"\n[colours]\nprimary = "#ff0000"\n')
        app.read_configuration(asked=False)
        themes.look()
        await until(pilot, lambda: "✗1" in shown(pilot))
        assert "was skipped" not in themes.sample.text  # type: ignore[attr-defined]


async def test_the_log_says_whose_an_old_line_may_be_and_what_is_over_is_calm(config: Path, engine: FakeEngine) -> None:
    engine.paths.prepare()
    engine.paths.journal.write_text(
        "2020-01-01T10:00:00.000Z warning     long ago\n2020-01-03T10:00:00.000Z warning     [RESOLVED] db1: CPU\n"
    )
    second = round(datetime(2020, 1, 2, tzinfo=UTC).timestamp() * 1e6)
    engine.other_consoles = [SimpleNamespace(pid=1, started_at=second)]
    async with console(engine).run_test(size=(120, 36)) as pilot:
        await opened(pilot)
        log = await opened(pilot, "L", rows=2)
        await until(pilot, lambda: len([row for row in log.list.rows if row.id]) == 2)
        await until(pilot, lambda: "another console, which may be open still" in " ".join(log.detail.text.split()))
        row = next(line for line in shown(pilot).splitlines() if re.search(r":00 +\[RESOLVED\]", line))
        assert "✔" in row and "!" not in row
        log.list.select("-0")
        await until(pilot, lambda: "an earlier console" in " ".join(log.detail.text.split()))


async def test_the_log_keeps_what_was_told_here_and_earlier(config: Path, engine: FakeEngine) -> None:
    engine.paths.prepare()
    engine.paths.journal.write_text("2026-11-19T10:00:00.000Z error       yesterday's trouble (×3)\nrubbish\n")
    app = console(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot)
        before = len(app.journal.entries)
        app.tell("first", "warning")
        for _ in range(3):
            app.tell("it broke\nbadly\x1b]52;c;evil\x07", "error")
        await until(pilot, lambda: "✗3" in shown(pilot))  # unread, beside the page's name
        log = await opened(pilot, "L", rows=3)
        assert "✗3" not in shown(pilot) and "×3" in shown(pilot)
        first, broke, newest, newer = (f"+{before + at}" for at in range(4))
        await until(pilot, lambda: log.list.selected == broke)
        assert "badly" in log.detail.text and not CONTROL.search(log.detail.text)
        app.tell("newest")
        await until(pilot, lambda: "less grave: s shows more" in shown(pilot))
        assert newest not in [row.id for row in log.list.rows], "what went wrong comes first"
        await pilot.press("s")
        await until(pilot, lambda: log.list.selected == newest)
        await pilot.press("k")
        assert log.list.selected == broke
        app.tell("newer still")
        await until(pilot, lambda: any(row.id == newer for row in log.list.rows))
        assert log.list.selected == broke
        await pilot.press("f")
        assert log.list.selected == newer
        await pilot.press("f", "s")
        assert [row.id for row in log.list.rows if row.id] == ["-0", broke]
        await pilot.press("y")
        assert "it broke" in app.clipboard
        await pilot.press("s", "r")
        await until(pilot, lambda: any(row.id == first for row in log.list.rows))
        assert app.journal.flush(60.0) and "badly" in engine.paths.journal.read_text()
        assert engine.paths.journal.read_text().count("newest") == 1


async def test_the_eye_begins_with_the_worst_however_late_moves_are_told(config: Path, engine: FakeEngine) -> None:
    app = console(engine)
    async with app.run_test(size=SIZE) as pilot:
        host = await opened(pilot, rows=14)
        assert isinstance(host, HostPage)
        await until(pilot, lambda: not host._looking)
        known, host._facts = host._facts, {}
        for key, one in known.items():  # all within one turn: their moves are told after the last
            host._facts[key] = one
            host._show()
        await pilot.pause()
        host._facts = dict(reversed(known.items()))
        host._facts.pop("state free space")
        host._show()
        assert host.list.selected == "policies restricted"


async def test_what_is_said_over_a_sample_is_folded_for_the_width_it_is_drawn_in(
    config: Path, engine: FakeEngine
) -> None:
    (config / "themes").mkdir()
    (config / "themes" / "broken.toml").write_text('[colours]\nprimary = "mauve-ish"\n')
    app = console(engine)
    async with app.run_test(size=(80, 45)) as pilot:
        themes = await opened(pilot, "T")
        assert isinstance(themes, ThemesPage)
        await at(pilot, "!0")
        await until(pilot, lambda: "broken.toml" in themes.sample.text)
        narrow = themes.sample.text.splitlines()
        await pilot.resize_terminal(300, 45)
        await until(pilot, lambda: themes.sample.size.width > 100)
        wide = themes.sample.text.splitlines()
        assert max(map(len, map(str.strip, wide[2:4]))) > max(map(len, map(str.strip, narrow[2:4])))


async def test_about_says_where_and_who(config: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_CONNECTION", "10.0.4.7 51122 10.0.4.1 22")
    monkeypatch.setenv("TERM", "xterm\x1b]0;pwned\x07")
    app = console(engine)
    async with app.run_test(size=SIZE) as pilot:
        about = await opened(pilot, "A", rows=10)
        said = "\n".join(cell.text for row in about.list.rows for cell in row.cells)
        for words in ("0.1.0", "~/state", "nobody watches", "SSH, from 10.0.4.7", "120 columns, 36 lines", "left to"):
            assert words in said
        assert not CONTROL.search(said) and not CONTROL.search(shown(pilot))
        await pilot.press("y")
        assert app.clipboard
        engine.paths.prepare().journal.write_text("x" * 5000)
        await pilot.press("r")
        await until(pilot, lambda: any("4.88 KiB" in cell.text for row in about.list.rows for cell in row.cells))


async def test_a_read_only_console_changes_nothing(config: Path, engine: FakeEngine) -> None:
    app = console(engine, read_only=True)
    async with app.run_test(size=SIZE) as pilot:
        for key in "SKT":
            await opened(pilot, key)
            await pilot.press("down", "enter", "d", "b")
            assert app.screen is screen(pilot)
            assert "enter" not in shown(pilot).splitlines()[-1]
        await pilot.press("H")
        assert list(config.iterdir()) == []


async def test_hostile_facts_and_values_are_harmless(
    tmp_path: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    evil = "\x1b]0;pwned\x07[bold]\u202e\x9b2J\x7f\u200b" + "x" * 9000
    fact = Fact("tools", evil, "missing", evil, evil, evil, {evil: evil})
    folder = same_everywhere(monkeypatch, tmp_path, (fact,))
    monkeypatch.setenv("OPSCONSOLE_EXECUTION__SHELL", evil.replace("\x00", ""))
    (folder / "keymap.toml").write_text('[keys]\n"\\u001b]0;pwned\\u0007" = "x"\n')
    app = console(engine)
    async with app.run_test(size=SIZE) as pilot:
        for key in "HSKTLA":
            one = await opened(pilot, key)
            if key == "S":
                await at(pilot, "execution.shell")
            assert not CONTROL.search(shown(pilot)) and not CONTROL.search(one.detail.text)
            assert not CONTROL.search(app.export_screenshot())
            if key == "S":
                await pilot.press("enter")
                await until(pilot, lambda: isinstance(app.screen, EditSettingScreen))
                assert not CONTROL.search(shown(pilot))
                await pilot.press("escape")


async def test_details_of_a_fact_are_called_so_that_people_understand(config: Path, engine: FakeEngine) -> None:
    async with console(engine).run_test(size=SIZE) as pilot:
        host = await opened(pilot, rows=14)
        await at(pilot, "state database")
        assert "known here  5" in host.detail.text and "check       ok" in host.detail.text


async def test_settings_that_were_read_again_are_shown(config: Path, engine: FakeEngine) -> None:
    app = console(engine)
    async with app.run_test(size=SIZE) as pilot:
        settings = await opened(pilot, "S")
        (config / "config.toml").write_text("[queue]\ncapacity = 7\n[monitor]\ntop_processes = 9\n")
        app.settings = load_settings()
        screen(pilot).configured(app.settings)
        await until(pilot, lambda: settings.badge is not None and settings.badge.text == "●1")
        await at(pilot, "monitor.top_processes")
        assert "value     9" in settings.detail.text
        await at(pilot, "queue.capacity")  # that is the engine's, which has begun with the default
        assert "value     20000" in settings.detail.text and "7, when the console starts again" in settings.detail.text


async def test_without_colours_no_theme_is_tried(
    config: Path, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = console(engine)
    async with app.run_test(size=SIZE) as pilot:
        themes = await opened(pilot, "T")
        assert isinstance(themes, ThemesPage)
        before = app.theme
        await at(pilot, "nord")
        await until(pilot, lambda: "NO_COLOR is set" in themes.sample.text)
        await pilot.press("enter")
        await until(pilot, lambda: load_settings().console.theme == "nord")
        await pilot.press("H")
        assert before == "monochrome" and not re.search("NO_COLOR", shown(pilot))


async def test_what_is_typed_in_one_packet_stays_in_order(config: Path, engine: FakeEngine) -> None:
    app = console(engine)
    async with app.run_test(size=SIZE) as pilot:
        await opened(pilot, "S")
        await at(pilot, "execution.timeout_s")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, EditSettingScreen))
        await until(pilot, lambda: app.screen.focused is not None)
        for key, character in (("backspace", None), ("7", "7"), ("home", None), ("1", "1"), ("enter", None)):
            app.post_message(events.Key(key, character))
        await until(pilot, lambda: load_settings().execution.timeout_s == 1307)


async def test_every_page_at_every_size(config: Path, engine: FakeEngine) -> None:
    app = console(engine)
    async with app.run_test(size=(80, 24)) as pilot:
        for key in "HSKTLA":
            await opened(pilot, key, rows=0)
            for width, height in ((300, 100), (20, 6), (160, 45), (80, 24)):
                await pilot.resize_terminal(width, height)
                await until(pilot, lambda: screen(pilot).size == (width, height))  # noqa: B023 - awaited here
                lines = shown(pilot).splitlines()
                assert len(lines) == height and "ops" in lines[0]
                if width >= 80:
                    assert page(pilot).list.region.bottom <= page(pilot).region.bottom
                    assert page(pilot).list.size.height > 5

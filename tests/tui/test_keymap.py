"""The operator's own keys: what a file may say, and what is said of what it may not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from opsconsole.models import Status
from opsconsole.tui.keymap import Keymap, canonical, load_keymap
from opsconsole.tui.screens.help import HelpScreen
from tests.tui.fake_engine import NOW, FakeEngine
from tests.tui.scenes import console
from tests.tui.waiting import lines_of, shown, started, until


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the console looks for it."""
    monkeypatch.setenv("OPSCONSOLE_CONFIG", str(tmp_path / "config.toml"))
    return tmp_path / "keymap.toml"


def load(file: Path, text: str) -> Keymap:
    file.write_text(text)
    return load_keymap(file)


def test_no_file_is_no_problem(file: Path) -> None:
    assert load_keymap(file) == Keymap({})


@pytest.mark.parametrize(
    ("written", "key"),
    [("?", "question_mark"), ("+", "plus"), ("=", "equals_sign"), ("G", "G"), ("F5", "f5"), (" ctrl+X", "ctrl+x"),
     ("ctrl+?", "ctrl+question_mark"), ("slash", "slash"), ("pageup", "pageup"), ("ö", "ö"), ("space", "space"),
     ("alt+shift+f2", "alt+shift+f2")],
)  # fmt: skip
def test_keys_are_understood_as_people_write_them(written: str, key: str) -> None:
    assert canonical(written) == key


@pytest.mark.parametrize("written", ["", "nope", "ctrl+", "f99", "hyperspace+x", "\x1b", "xx", "ctrl+nope"])
def test_what_is_no_key_is_refused(written: str) -> None:
    with pytest.raises(ValueError):
        canonical(written)


def test_several_keys_as_one_text_or_as_a_list(file: Path) -> None:
    found = load(file, '[keys]\npause = "z, f5"\nretry = ["R", "f6"]\n')
    assert found == Keymap({"pause": "z,f5", "retry": "R,f6"})


def test_an_unknown_action_is_named_with_what_was_meant(file: Path) -> None:
    found = load(file, '[keys]\npuase = "z"\nretry = "R"\n')
    assert found.keys == {"retry": "R"}
    assert found.problems == ("keymap.toml: there is no action 'puase'; did you mean 'pause'?",)


def test_an_unknown_key_is_named_and_the_others_of_the_line_hold(file: Path) -> None:
    found = load(file, '[keys]\npause = "z,nope"\nretry = "nope"\n')
    assert found.keys == {"pause": "z"}
    assert found.problems == (
        "keymap.toml: pause: there is no key 'nope'.", "keymap.toml: retry: there is no key 'nope'.",
    )  # fmt: skip


@pytest.mark.parametrize("key", ["tab", "shift+tab", "ctrl+c"])
def test_keys_that_are_nobodys_are_not_given_away(file: Path, key: str) -> None:
    found = load(file, f'[keys]\npause = "{key}"\n')
    assert found.keys == {} and f"the key {key} is taken" in found.problems[0]


@pytest.mark.parametrize(
    ("action", "key"),
    [("help", "ctrl+q"), ("quit", "ctrl+s"), ("command_palette", "super+p"), ("pause", "ctrl+shift+p"),
     ("pause", "ctrl+1"), ("pause", "ctrl+b,ctrl+z")],
)  # fmt: skip
def test_no_action_is_left_with_keys_only_that_others_take(file: Path, action: str, key: str) -> None:
    found = load(file, f'[keys]\n{action} = "{key}"\n')
    assert found.keys == {} and len(found.problems) == 1
    assert f"{action}: the key {key.partition(',')[0]} does not come through everywhere" in found.problems[0]
    assert found.problems[0].endswith("Its usual keys hold.")


def test_beside_a_key_that_arrives_one_that_may_not_is_fine(file: Path) -> None:
    assert load(file, '[keys]\npause = "ctrl+q,Z"\n') == Keymap({"pause": "ctrl+q,Z"})


@pytest.mark.parametrize("line", ['help = ""', "help = []", 'quit = "nope"', 'command_palette = "tab"', 'help = "q"'])
def test_help_quit_and_the_palette_never_are_without_a_key(file: Path, line: str) -> None:
    found = load(file, f"[keys]\n{line}\n")
    assert found.keys == {} and len(found.problems) == 1


def test_a_clash_with_a_usual_key_is_told_and_ignored(file: Path) -> None:
    found = load(file, '[keys]\npause = "c"\n')
    assert found.keys == {}
    assert found.problems == (
        "keymap.toml: The key c is given to both cancel and pause. The line of pause is ignored.",
    )  # fmt: skip


def test_of_two_lines_that_clash_the_later_is_ignored(file: Path) -> None:
    found = load(file, '[keys]\nretry = "z"\npause = "z"\n')
    assert found.keys == {"retry": "z"}
    assert "The key z is given to both pause and retry. The line of pause is ignored." in found.problems[0]


def test_an_ignored_line_may_bring_the_next_clash(file: Path) -> None:
    """`pause` falls back to p, which `retry` has been given."""
    found = load(file, '[keys]\nretry = "p"\npause = "c"\n')
    assert (found.keys, len(found.problems)) == ({}, 2)


def test_keys_may_be_swapped(file: Path) -> None:
    assert load(file, '[keys]\npause = "c"\ncancel = "p"\n') == Keymap({"pause": "c", "cancel": "p"})


def test_one_key_may_mean_something_else_in_another_mode(file: Path) -> None:
    assert load(file, '[keys]\npause = "Z"\ntree = "Z"\n').problems == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [("[keys\n", "is not TOML"), ("[kyes]\npause = 'z'\n", "no section [kyes]"), ("keys = 3\n", "must be a section"),
     ("[keys]\npause = 3\n", "pause takes keys as a text"), ("[keys]\npause = []\n", "pause takes keys as a text"),
     ("[keys.pause]\na = 1\n", "pause takes keys as a text")],
)  # fmt: skip
def test_a_file_that_says_something_else_is_told_of(file: Path, text: str, said: str) -> None:
    found = load(file, text)
    assert found.keys == {} and len(found.problems) == 1 and said in found.problems[0]


def test_a_file_that_cannot_be_read_is_told_of(file: Path) -> None:
    file.write_bytes(b"[keys]\npause = '\xff'\n")
    assert "cannot be read" in load_keymap(file).problems[0]
    file.unlink()
    file.mkdir()
    assert "cannot be read" in load_keymap(file).problems[0]


# -- in the console


def notices(pilot: Pilot[Any]) -> str:
    return "\n".join(notification.message for notification in pilot.app._notifications)


async def test_the_console_uses_it_says_it_and_reports_what_is_wrong(file: Path, engine: FakeEngine) -> None:
    file.write_text('[keys]\npause = "z"\nprocesses = "9"\nretry = "c"\nhlep = "h"\n')
    task = engine.put(name="a", status=Status.RUNNING, started_at=NOW)
    async with console(engine).run_test(size=(220, 40), notifications=True) as pilot:
        await started(pilot)
        await until(pilot, lambda: "z pause" in lines_of(pilot)[-1] and "9 processes" in lines_of(pilot)[-1])
        assert "The key c is given to both cancel and retry. The line of retry is ignored." in notices(pilot)
        assert "there is no action 'hlep'; did you mean 'help'?" in notices(pilot)
        await pilot.press("p")  # as if it had never been a key
        await pilot.press("z")
        await until(pilot, lambda: engine.calls[-1] == ("pause", task.id))
        assert len([call for call in engine.calls if call[0] in ("pause", "resume")]) == 1
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        await until(pilot, lambda: "z            Pause it, or let it go on" in shown(pilot))
        assert "keymap.toml" in shown(pilot)
        await pilot.press("escape", "3")
        await pilot.pause()
        assert pilot.app.modes.current == "tasks"  # type: ignore[attr-defined]
        await pilot.press("9")
        await until(pilot, lambda: pilot.app.modes.current == "processes")  # type: ignore[attr-defined]


async def test_hostile_text_in_it_is_made_harmless(file: Path, engine: FakeEngine) -> None:
    file.write_text('[keys]\n"\\u001b]0;pwned\\u0007" = "z"\npause = "\\u001b[2J"\n')
    async with console(engine).run_test(size=(120, 36), notifications=True) as pilot:
        await started(pilot)
        assert "pwned" in notices(pilot) and "\x1b" not in notices(pilot)

"""Keys of the operator's own: which can be, and the file they are written to."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsconsole.errors import SettingsError
from opsconsole.tui.actions import ACTIONS
from opsconsole.tui.keymap import SWALLOWED, load_keymap
from opsconsole.tui.screens.settings.key_writing import refusal, write

IN_FORCE = {one.id: one.keys for one in ACTIONS}


@pytest.mark.parametrize("key", ["f5", "ctrl+t", "M", "exclamation_mark"])
def test_a_free_key_can_be(key: str) -> None:
    assert refusal("pause", key, IN_FORCE) == ""


@pytest.mark.parametrize(
    ("key", "words"),
    [("q", "quit"), ("tab", "between the panes"), ("escape", "esc goes back"), ("nonsense", "no key"), ("r", "taken")],
)
def test_a_key_that_is_taken_is_refused_with_whose_it_is(key: str, words: str) -> None:
    assert words in refusal("pause", key, IN_FORCE)


def test_keys_that_do_not_come_through_are_refused() -> None:
    assert all(refusal("pause", key, IN_FORCE) for key in SWALLOWED)


def test_a_key_of_another_mode_can_be_had_and_ones_own_key_again() -> None:
    assert refusal("pause", "p", IN_FORCE) == ""
    assert refusal("log_severity", "p", IN_FORCE) == ""


def test_the_file_is_what_the_console_reads(tmp_path: Path) -> None:
    file = tmp_path / "keymap.toml"
    write(file, "pause", "f5")
    assert load_keymap(file).keys["pause"] == "f5"
    file.write_text('# mine\n[keys] # all\npause = "f5" # old\n')
    write(file, "pause", "f6")
    write(file, "wrap", "f7")
    assert file.read_text() == '# mine\n[keys] # all\npause = "f6" # old\nwrap = "f7"\n'
    write(file, "pause", None)
    assert dict(load_keymap(file).keys) == {"wrap": "f7"}
    for broken in ("keys = 3\n", "[keys\n"):
        file.write_text(broken)
        with pytest.raises(SettingsError):
            write(file, "pause", "f5")
        assert file.read_text() == broken

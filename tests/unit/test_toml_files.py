"""The operator's TOML files: whatever stands there, reading it ends, with a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opsconsole.errors import SettingsError
from opsconsole.settings import load_settings
from opsconsole.toml_files import MOST_BYTES, NotTomlError, parse, read_text
from opsconsole.tui.keymap import load_keymap
from opsconsole.tui.theming import load_themes

DEEP = "keys = " + "[" * 30_000


@pytest.mark.parametrize(
    ("text", "said"), [(DEEP, "nested too deeply"), ("a = " + "9" * 5000, "limit"), ("=", "Invalid")]
)
def test_whatever_the_parser_stumbles_over_is_a_sentence(text: str, said: str) -> None:
    with pytest.raises(NotTomlError, match=said):
        parse(text)


def test_what_is_no_file_is_not_waited_for_and_what_has_no_end_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "long").write_bytes(b"#" * (MOST_BYTES + 1))
    for name, said in (("pipe", "no file"), ("zero", "no file"), ("long", "more than")):
        with pytest.raises(NotTomlError, match=said):
            read_text(tmp_path / name)


def test_a_file_that_is_nested_without_end_stops_no_start(tmp_path: Path) -> None:
    file = tmp_path / "keymap.toml"
    file.write_text(DEEP)
    assert "is not TOML: it is nested too deeply" in load_keymap(file).problems[0]
    assert "nested too deeply" in load_themes([tmp_path]).failures[0]
    with pytest.raises(SettingsError, match="nested too deeply"):
        load_settings(file, {})
    file.write_text("redaction.rules" + ".a" * 3_000 + " = 1")  # flat for the parser, which is slow with it
    with pytest.raises(SettingsError, match="nested too deeply"):
        load_settings(file, {})


def test_a_pipe_as_keymap_is_named_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "keymap.toml")
    assert "it is no file" in load_keymap(tmp_path / "keymap.toml").problems[0]

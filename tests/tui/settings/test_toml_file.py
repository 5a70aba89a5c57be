"""A value of a TOML file is changed and every other byte stays; what is not understood is not touched."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from opsconsole.errors import SettingsError
from opsconsole.tui.screens.settings.toml_file import changed, literal, read, write

FILE = """\
# Mine.
on_hangup = "drain"   # work goes on

# How much at once.
[execution]   # runs
concurrency = 3   # it has 4 cores
timeout_s=60.0

[retry]
exit_codes = [
    75,  # try again
    111,
]
[redaction.rules]
"site.key" = '''ACME-[0-9]+'''
"""


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        ("on_hangup", "leave", 'on_hangup = "leave"   # work goes on'),
        ("execution.concurrency", 8, "concurrency = 8   # it has 4 cores"),
        ("execution.timeout_s", 90.5, "timeout_s=90.5"),
        ("retry.exit_codes", (1, 2), "exit_codes = [1, 2]"),
    ],
)
def test_what_is_there_is_changed_in_its_place(path: str, value: Any, line: str) -> None:
    found = changed(FILE, tuple(path.split(".")), value)
    assert line in found.splitlines()
    assert len(found.splitlines()) == len(FILE.splitlines()) - (3 if "exit" in path else 0)
    if "exit" not in path:
        assert sum(a != b for a, b in zip(found.splitlines(), FILE.splitlines(), strict=True)) == 1


def test_what_is_new_goes_to_its_section_and_a_new_section_to_the_end() -> None:
    found = changed(FILE, ("execution", "shell"), 'a"b')
    assert 'timeout_s=60.0\nshell = "a\\"b"\n\n[retry]' in found
    assert changed(FILE, ("console", "theme"), "x").endswith("+'''\n\n[console]\ntheme = \"x\"\n")
    assert changed("", ("console", "theme"), "x") == '[console]\ntheme = "x"\n'
    assert changed("a = 1", ("b",), 2) == "a = 1\nb = 2\n"


def test_a_setting_of_no_section_goes_before_the_sections() -> None:
    assert changed("# top\n\n# of it\n[execution]\nshell = 'sh'\n", ("on_hangup",), "drain") == (
        "# top\n\non_hangup = \"drain\"\n\n# of it\n[execution]\nshell = 'sh'\n"
    )
    assert changed("# only\n", ("on_hangup",), "drain") == '# only\non_hangup = "drain"\n'


def test_a_setting_is_taken_out_with_its_line() -> None:
    assert changed(FILE, ("execution", "concurrency"), None) == FILE.replace("concurrency = 3   # it has 4 cores\n", "")
    assert changed(FILE, ("retry", "exit_codes"), None).count("[") == FILE.count("[") - 1
    assert changed(FILE, ("console", "theme"), None) == FILE


def test_dotted_keys_are_joined_by_dotted_keys() -> None:
    assert changed("execution.shell = 'sh'\n", ("execution", "concurrency"), 2) == (
        "execution.shell = 'sh'\nexecution.concurrency = 2\n"
    )
    assert changed("[doors]\ntui.max_policy = 'safe'\n", ("doors", "tui", "submissions_per_minute"), 2) == (
        "[doors]\ntui.max_policy = 'safe'\ntui.submissions_per_minute = 2\n"
    )


def test_a_text_over_lines_and_windows_ends_are_kept() -> None:
    text = 'a = """\nx = 1\n[execution]\n"""\r\n[execution]\r\nshell = "sh" # x\r\n'
    assert changed(text, ("execution", "shell"), "bash") == text.replace('"sh"', '"bash"')
    assert changed(text, ("execution", "concurrency"), 1) == text + "concurrency = 1\r\n"


@pytest.mark.parametrize("text", ["execution = {shell = 'sh'}\n", "execution = 3\n", "[[execution]]\nshell = 'sh'\n"])
def test_a_form_that_is_not_known_is_refused(text: str) -> None:
    with pytest.raises(SettingsError):
        changed(text, ("execution", "concurrency"), 2)


def test_a_file_that_is_no_toml_is_never_touched(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_bytes(b"a = = 1\n")
    with pytest.raises(SettingsError, match="not valid TOML"):
        read(file)
    file.write_bytes(b"a = '\xff'\n")
    with pytest.raises(SettingsError, match="UTF-8"):
        read(file)
    assert read(tmp_path / "none") == ("", {})


def test_writing_keeps_the_mode_and_follows_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "dotfiles" / "config.toml", tmp_path / "config.toml"
    real.parent.mkdir()
    real.write_text("a = 1\n")
    real.chmod(0o640)
    link.symlink_to(real)
    write(link, "a = 2\n")
    assert link.is_symlink() and real.read_text() == "a = 2\n" and real.stat().st_mode & 0o777 == 0o640
    fresh = tmp_path / "new" / "config.toml"
    write(fresh, "b = 1\n")
    assert fresh.stat().st_mode & 0o777 == 0o600
    assert os.listdir(fresh.parent) == ["config.toml"]
    with pytest.raises(SettingsError):
        write(Path(os.devnull), "x = 1\n")


VALUES = st.one_of(
    st.booleans(), st.integers(-(2**60), 2**60), st.floats(allow_nan=False), st.text(max_size=30), st.lists(st.text())
)
NAMES = st.text(min_size=1, max_size=8)


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=3), max_size=3), NAMES, NAMES, VALUES)
def test_whatever_the_file_and_the_value_it_says_what_was_meant(
    data: dict[str, dict[str, Any]], section: str, key: str, value: Any
) -> None:
    text = "".join(
        f"[{literal(name)}] # a ] comment\n" + "".join(f"{literal(k)} = {literal(v)} # x\n" for k, v in found.items())
        for name, found in data.items()
    )
    found = tomllib.loads(changed(text, (section, key), value))
    assert found == {**data, section: {**data.get(section, {}), key: value}}
    assert changed(text, (section, key), None).count("#") >= text.count("#") - 1

"""Which program runs a script: option, shebang, extension, default; and commands without a shell."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsconsole.errors import InterpreterMissing, SpecError
from opsconsole.execution.interpreters import KNOWN, Choice, choose, command_line, locate, stored_command


@pytest.fixture
def bin(tmp_path: Path) -> Path:
    """A folder with every interpreter there is, none of them real."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("bash", "sh", "dash", "python3", "python", "pwsh", "osascript"):
        (folder / name).write_text("")
        (folder / name).chmod(0o755)
    return folder


def argv(body: bytes, bin: Path, file_name: str | None = None, asked: str | None = None) -> list[str]:
    """The command line before the script, with `bin/` cut off."""
    found = locate(choose(asked, body, file_name, "bash"), str(bin))
    return [found[0].removeprefix(f"{bin}/"), *found[1:]]


# -- the choice


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"#!/bin/sh\n", ["sh"]),
        (b"#!/bin/bash\n", ["bash"]),
        (b"#! /bin/bash\n", ["bash"]),
        (b"#!/bin/bash -eu\n", ["bash", "-eu"]),
        (b"#!/bin/bash -e -u\n", ["bash", "-e -u"]),  # the kernel hands all of it over as one word
        (b"#!/bin/dash\n", ["dash"]),
        (b"#!/usr/bin/env bash\n", ["bash"]),
        (b"#!/usr/bin/env -S bash -e -u\n", ["bash", "-e", "-u"]),
        (b"#!/usr/bin/env -Sbash -e\n", ["bash", "-e"]),
        (b"#!/usr/bin/env -S python3 -X 'a b'\n", ["python3", "-X", "a b"]),
        (b"#!/usr/bin/env -S LANG=C python3\n", ["python3"]),
        (b"#!/usr/bin/env python3\n", ["python3"]),
        (b"#!/usr/bin/python\n", ["python"]),
        (b"#!/opt/other/host/bin/python3\n", ["python3"]),
        (b"#!/usr/bin/env pwsh\n", ["pwsh", "-NoProfile", "-NonInteractive", "-File"]),
        (b"#!/usr/bin/osascript\n", ["osascript"]),
        (b"#!/bin/bash\r\necho hi\r\n", ["bash"]),
        (b"#!/bin/bash", ["bash"]),
    ],
)
def test_a_shebang_chooses_the_program_and_its_options(body: bytes, expected: list[str], bin: Path) -> None:
    # /bin/bash exists here: the program of the shebang itself goes before that of the PATH
    found = argv(body, bin)
    assert [os.path.basename(found[0]), *found[1:]] == expected


def test_the_program_the_shebang_names_goes_before_the_path(bin: Path) -> None:
    own = bin.parent / "elsewhere" / "bash"
    own.parent.mkdir()
    own.write_text("")
    own.chmod(0o755)
    assert argv(f"#!{own}\n".encode(), bin) == [str(own)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("job.sh", "bash"), ("job.bash", "bash"), ("job.py", "python3"), ("JOB.PY", "python3"), ("job.ps1", "pwsh"),
        ("job.scpt", "osascript"), ("job.applescript", "osascript"), ("job.txt", "bash"),
        ("job", "bash"), (None, "bash"),
    ],
)  # fmt: skip
def test_without_a_shebang_the_extension_decides_then_the_setting(name: str | None, expected: str, bin: Path) -> None:
    assert argv(b"x", bin, name)[0] == expected


def test_the_setting_is_the_interpreter_of_a_text_that_names_none() -> None:
    assert choose(None, b"echo", None, "sh") == Choice("sh")


def test_a_shebang_goes_before_the_extension_and_the_option_before_both(bin: Path) -> None:
    assert choose(None, b"#!/usr/bin/env python3\n", "job.sh", "bash").name == "python"
    assert argv(b"#!/bin/bash -eu\n", bin, "job.py", asked="sh") == ["sh"]


@pytest.mark.parametrize(
    ("asked", "name"),
    [("python3", "python"), ("py", "python"), ("pwsh", "powershell"), ("BASH", "bash"), ("dash", "sh")],
)
def test_an_option_may_use_the_common_name(asked: str, name: str) -> None:
    assert choose(asked, b"", None, "bash") == Choice(name)


def test_an_unknown_option_lists_the_known_ones() -> None:
    with pytest.raises(SpecError, match=f"unknown interpreter 'fish' .*{', '.join(KNOWN)}"):
        choose("fish", b"", None, "bash")


@pytest.mark.parametrize(
    "body", [b"#!/usr/bin/perl\n", b"#!/usr/bin/env ruby\n", b"#!/usr/bin/env\n", b"#!\n", b"#!/\xff\n"]
)
def test_a_shebang_of_a_language_not_run_here_says_how_to_choose(body: bytes) -> None:
    with pytest.raises(InterpreterMissing, match=r"the shebang asks for .*--interpreter NAME") as raised:
        choose(None, body, "job.sh", "bash")
    assert raised.value.exit_code == 127


def test_a_shebang_with_an_open_quote_is_an_error_and_no_crash() -> None:
    with pytest.raises(InterpreterMissing, match="the shebang cannot be read: No closing quotation"):
        choose(None, b"#!/usr/bin/env -S bash -c 'x\n", None, "bash")


# -- the program


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_a_missing_interpreter_says_what_to_install(name: str, tmp_path: Path) -> None:
    with pytest.raises(InterpreterMissing, match=f"{name} is not on this host: no {KNOWN[name].programs[0]}") as raised:
        locate(Choice(name), str(tmp_path))
    assert raised.value.hint == KNOWN[name].install


def test_a_version_that_is_here_is_taken(bin: Path) -> None:
    (bin / "python3.14").write_text("")
    (bin / "python3.14").chmod(0o755)
    assert argv(b"#!/usr/bin/env python3.14\n", bin) == ["python3.14"]
    assert argv(b"#!/opt/other/host/python3.14 -u\n", bin) == ["python3.14", "-u"]


@pytest.mark.parametrize("asked", ["/usr/bin/env python2", "/usr/bin/env python2.7", "/opt/none/python3.1"])
def test_no_other_version_stands_in_for_one_that_is_missing(asked: str, bin: Path) -> None:
    """A script of Python 2 under Python 3 is worse than none."""
    with pytest.raises(InterpreterMissing, match=os.path.basename(asked.split()[-1])):
        argv(f"#!{asked}\n".encode(), bin)


def test_python_is_found_under_its_other_name(tmp_path: Path) -> None:
    (tmp_path / "python").write_text("")
    (tmp_path / "python").chmod(0o755)
    assert locate(Choice("python"), str(tmp_path)) == [str(tmp_path / "python")]


def test_a_file_that_cannot_be_executed_is_no_interpreter(tmp_path: Path) -> None:
    (tmp_path / "bash").write_text("")
    with pytest.raises(InterpreterMissing):
        locate(Choice("bash"), str(tmp_path))


def test_the_program_is_an_absolute_path_even_from_a_relative_search_path(
    bin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bin.parent)
    assert locate(Choice("bash"), "bin") == [str(bin / "bash")]


# -- commands without a shell

WORDS = st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])), min_size=1).map(tuple)


@given(WORDS)
def test_a_command_survives_the_way_into_the_record_and_back(words: tuple[str, ...]) -> None:
    read = command_line(stored_command(("/" + words[0], *words[1:])), "/", None)
    assert tuple(read) == ("/" + words[0], *words[1:])


def test_bytes_that_are_no_utf8_survive_it_too() -> None:
    odd = os.fsdecode(b"/caf\xe9")
    assert stored_command((odd, odd)) == b"'/caf\xe9' '/caf\xe9'\n"
    assert command_line(stored_command((odd, odd)), "/", None) == [odd, odd]


def test_a_plain_word_is_looked_for_on_the_path_of_the_caller(bin: Path) -> None:
    assert command_line(b"bash -c 'a b'\n", "/", str(bin)) == [str(bin / "bash"), "-c", "a b"]


def test_a_path_is_taken_from_the_working_directory() -> None:
    assert command_line(b"./run.sh\n", "/srv/job", None) == ["/srv/job/./run.sh"]
    assert command_line(b"/bin/true\n", "/srv/job", None) == ["/bin/true"]


def test_a_command_that_is_not_on_the_path_is_127(tmp_path: Path) -> None:
    with pytest.raises(InterpreterMissing, match="nonesuch: no such command") as raised:
        command_line(b"nonesuch --now\n", "/", str(tmp_path))
    assert raised.value.exit_code == 127

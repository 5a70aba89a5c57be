"""What a terminal must never get is shown, and the bytes of a file come out as they went in."""

from __future__ import annotations

import os
import random
import stat
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsconsole.safety.sanitise import sanitise
from opsconsole.tui.screens.editor import script_text
from opsconsole.tui.screens.editor.script_text import (
    LARGEST,
    CannotOpen,
    ScriptText,
    Stamp,
    cannot_hold,
    changed_since,
    drawn,
    read_file,
    shown,
    true,
    write_file,
)

HOSTILE = (
    b"\x1b]52;c;cHduZWQ=\x07 \x00 \x7f \xc2\x9b2J \xe2\x80\xaegnp \xff\xfe \xef\xbb\xbf \r lone \x0b\x0c "
    b"\xe2\x80\xa8 end"
)


@given(st.binary(max_size=300))
def test_any_bytes_come_out_as_they_went_in(data: bytes) -> None:
    script = ScriptText.of(data)
    assert script.locked or script.encoded(script.text) == data
    assert sanitise(drawn(script.text)) == drawn(script.text)


@given(st.text(st.characters(exclude_categories=["Co"]), max_size=200))
def test_any_text_comes_out_as_it_went_in(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    script = ScriptText.of(data)
    assert not script.locked
    assert script.encoded(script.text) == data


def test_every_byte_value_in_random_order_many_times() -> None:
    noise = random.Random(7).randbytes(200_000)
    script = ScriptText.of(noise)
    assert script.locked or script.encoded(script.text) == noise


def test_every_character_the_sanitiser_changes_is_held_and_comes_back() -> None:
    for code in range(sys.maxunicode + 1):
        character = chr(code)
        if character in "\n\t" or code >= 0xF0000:
            continue
        held = shown(character)
        assert true(held) == character
        assert len(held) == 1
        if not 0xD800 <= code <= 0xDFFF and sanitise(character) != character:
            assert held != character, hex(code)
        if held != character:
            assert sanitise(drawn(held)) == drawn(held) != character


def test_hostile_bytes_are_shown_as_pictures_of_the_same_length() -> None:
    script = ScriptText.of(HOSTILE)
    assert script.hidden == 13
    assert drawn(script.text).startswith("␛]52;c;cHduZWQ=␇ ␀ ␡ �2J �gnp �� � ␍ lone ␋␌ � end")
    assert "\n" not in script.text
    assert script.encoded(script.text) == HOSTILE


def test_what_was_not_edited_keeps_its_bytes() -> None:
    script = ScriptText.of(b"echo a\n" + HOSTILE + b"\necho b\n")
    edited = script.text.replace("echo b", "echo \u00e4")
    assert script.encoded(edited) == b"echo a\n" + HOSTILE + b"\necho \xc3\xa4\n"


@pytest.mark.parametrize("data", [b"a\r\nb\r\n", b"a\r\nb", b"\r\n", b"a\r\n\xff\r\n"])
def test_a_file_of_cr_lf_keeps_it(data: bytes) -> None:
    script = ScriptText.of(data)
    assert script.newline == "\r\n"
    assert "\r" not in script.text
    assert script.encoded(script.text) == data
    assert script.encoded(script.text + "\nnew").endswith(b"\r\nnew")


@pytest.mark.parametrize("data", [b"a\r\nb\n", b"a\rb", b"a\n\rb\n", b"\r"])
def test_mixed_line_ends_are_shown_and_kept(data: bytes) -> None:
    script = ScriptText.of(data)
    assert script.newline == "\n"
    assert "␍" in drawn(script.text)
    assert script.encoded(script.text) == data


def test_places_of_the_true_text_are_places_of_the_editor() -> None:
    script = ScriptText.of(b"ab\r\n\x1bcd\r\nx")
    text = script.true(script.text)
    assert text == "ab\r\n\x1bcd\r\nx"
    places = [script.place(text, offset) for offset in range(len(text) + 1)]
    assert places == [(0, 0), (0, 1), (0, 2), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3), (1, 3), (2, 0), (2, 1)]


def test_private_use_characters_that_would_be_mistaken_lock_the_text() -> None:
    script = ScriptText.of("x\U0010001by".encode())
    assert "private-use" in script.locked
    assert drawn(script.text) == "x�y"
    assert not ScriptText.of("\ue0b0 powerline".encode()).locked


def test_a_large_file_a_folder_and_a_pipe_are_refused_with_what_to_do(tmp_path: Path) -> None:
    large = tmp_path / "large.sh"
    large.write_bytes(b"x" * (LARGEST + 1))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(CannotOpen, match=r"1,048,577 bytes.*Run it as it is"):
        read_file(large)
    for name in ("", "pipe", "missing"):
        with pytest.raises(CannotOpen):
            read_file(tmp_path / name)


def test_saving_keeps_the_mode_follows_links_and_leaves_nothing_else(tmp_path: Path) -> None:
    real, link = tmp_path / "real.sh", tmp_path / "link.sh"
    real.write_bytes(b"old")
    real.chmod(0o750)
    link.symlink_to(real)
    stamp = write_file(link, b"new")
    assert link.is_symlink()
    assert real.read_bytes() == b"new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o750
    assert stamp == Stamp.of(b"new", 0o750)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["link.sh", "real.sh"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "a.sh"
    file.write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(script_text.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_file(file, b"new")
    assert file.read_bytes() == b"old"
    assert [one.name for one in tmp_path.iterdir()] == ["a.sh"]


def test_a_change_by_somebody_else_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "a.sh"
    file.write_bytes(b"one")
    stamp = read_file(file).stamp
    assert not changed_since(file, stamp)
    file.write_bytes(b"two")
    assert changed_since(file, stamp)
    file.unlink()
    assert not changed_since(file, stamp)


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_pasted_text_is_written_as_it_is_or_refused(text: str) -> None:
    text = text.replace("\r", "")
    assert cannot_hold(text) or ScriptText.of(b"").encoded(shown(text)) == text.encode()


def test_every_code_point_is_written_as_it_is_or_refused() -> None:
    script, refused = ScriptText.of(b""), 0
    for code in range(sys.maxunicode + 1):
        if cannot_hold(chr(code)):
            refused += 1
        else:
            assert script.encoded(shown(chr(code))) == chr(code).encode(), hex(code)
    assert refused == 0x800 + 0x2000 + 0x10000
    assert ScriptText.of(chr(0xE0B0).encode()).locked == ""


def test_writing_never_fails_and_no_name_makes_reading_fail(tmp_path: Path) -> None:
    assert ScriptText.of(b"").encoded("a\U0010d800\U0010dc80") == "a\ufffd".encode() + b"\x80"
    for name in ("a\0b", "a\ud800b"):
        with pytest.raises(CannotOpen, match="no file can be called so"):
            read_file(tmp_path / name)

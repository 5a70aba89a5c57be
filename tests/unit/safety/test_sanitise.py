"""Whatever comes in, however it is cut: what goes out is harmless, and plain text is untouched."""

from __future__ import annotations

import re
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.safety.sanitise import Sanitiser, sanitise, sanitise_name

MARK = "\u241b"
UNKNOWN = "\ufffd"

INTRODUCERS = [b"\x1b", *(b"\x1b" + bytes([final]) for final in b"[]P_^X\\(")]
INNARDS = [b"[", b"]", b"\\", b"m", b"31", b";", b":", b"?", b"J", b" ", b"a", b"x" * 70, b"0" * 65]
SEQUENCES = [b"\x1b[31m", b"\x1b[0m", b"\x1b[38;5;0m", b"\x1b[2J", b"\x1b]0;t\x07", b"\x1b]" + b"y" * 4090]
CONTROLS = [bytes([code]) for code in b"\n\r\t\b\0\a\x7f\x18\x1a"]
BROKEN = [b"\x9b", b"\x9d", b"\xc2", b"\xe2\x80", b"\xed\xa0", b"\xf0\x9f"]
CHARACTERS = [c.encode() for c in "\x85\x90\x98\x9b\x9c\x9d\x9e\x9f\u202e\u200b\u2066\ufeff\U000e0041é漢😀"]
NASTY = INTRODUCERS + INNARDS + SEQUENCES + CONTROLS + BROKEN + CHARACTERS

byte_streams = st.one_of(st.binary(max_size=60), st.lists(st.sampled_from(NASTY), max_size=25).map(b"".join))
line_limits = st.sampled_from([1, 3, 10_000])
printable = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E) | st.sampled_from("\n\t"))
moderate = settings(deadline=None, max_examples=250)

SGR = re.compile(r"\x1b\[[0-9;:]{0,64}m")
HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


def stream(*chunks: bytes, colours: bool = True, max_line: int = 10_000) -> str:
    sanitiser = Sanitiser(colours=colours, max_line=max_line)
    return "".join([*map(sanitiser.feed, chunks), sanitiser.finish()])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in pairwise(edges)]


class TestProperties:
    @moderate
    @given(byte_streams, st.lists(st.integers(0, 10_000), max_size=6), st.booleans(), line_limits)
    def test_the_output_does_not_depend_on_the_split(
        self, data: bytes, places: list[int], colours: bool, max_line: int
    ) -> None:
        whole = stream(data, colours=colours, max_line=max_line)
        assert stream(*cut(data, places), colours=colours, max_line=max_line) == whole

    @moderate
    @given(byte_streams, st.booleans(), line_limits)
    def test_a_byte_at_a_time_gives_the_same_output(self, data: bytes, colours: bool, max_line: int) -> None:
        whole = stream(data, colours=colours, max_line=max_line)
        pieces = [*(bytes([byte]) for byte in data[:300]), data[300:]]
        assert stream(*pieces, colours=colours, max_line=max_line) == whole

    @moderate
    @given(byte_streams)
    def test_only_well_formed_sgr_is_left_of_all_controls(self, data: bytes) -> None:
        assert not HARMFUL.search(SGR.sub("", stream(data)))

    @moderate
    @given(byte_streams)
    def test_without_colours_no_escape_is_left(self, data: bytes) -> None:
        assert not HARMFUL.search(stream(data, colours=False))

    @moderate
    @given(byte_streams | st.text(st.characters(), max_size=60))
    def test_a_name_is_one_harmless_line(self, text: bytes | str) -> None:
        name = sanitise_name(text, limit=40)
        assert not HARMFUL.search(name)
        assert not {"\n", "\t"} & set(name)
        assert len(name) <= 40

    @moderate
    @given(printable, st.booleans())
    def test_printable_ascii_is_unchanged(self, text: str, colours: bool) -> None:
        assert stream(text.encode(), colours=colours) == text
        assert sanitise(text) == text

    @moderate
    @given(byte_streams, st.integers(1, 5))
    def test_no_line_exceeds_the_limit_and_folding_loses_nothing(self, data: bytes, max_line: int) -> None:
        folded = stream(data, max_line=max_line)
        assert all(len(SGR.sub("", line)) <= max_line for line in folded.split("\n"))
        assert folded.replace("\n", "") == stream(data).replace("\n", "")

    @moderate
    @given(byte_streams)
    def test_harmless_text_is_a_fixed_point(self, data: bytes) -> None:
        once = stream(data)
        assert stream(once.encode()) == once

    @moderate
    @given(byte_streams)
    def test_one_shot_and_stream_agree(self, data: bytes) -> None:
        assert sanitise(data, colours=True) == stream(data)
        assert sanitise(data.decode("utf-8", "replace"), colours=True) == stream(data)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param(b"\x1b]0;pwned\x07<script>", f"{MARK}<script>", id="OSC 0, BEL"),
        pytest.param(b"\x1b]0;pwned\x1b\\after", f"{MARK}after", id="OSC 0, ST"),
        pytest.param(b"\xc2\x9d0;pwned\xc2\x9cafter", f"{MARK}after", id="OSC and ST as C1"),
        pytest.param(b"\x1b]8;;http://evil\x1b\\here\x1b]8;;\x1b\\.", f"{MARK}here{MARK}.", id="OSC 8 link"),
        pytest.param(b"\x1b]52;c;cm0gLXJm\x07x", f"{MARK}x", id="OSC 52 clipboard"),
        pytest.param(b"a\x1b[2Jb", f"a{MARK}b", id="CSI 2J"),
        pytest.param(b"a\x1b[?1049hb", f"a{MARK}b", id="private CSI"),
        pytest.param(b"a\x1b[>4;2mb", f"a{MARK}b", id="CSI m that is not SGR"),
        pytest.param(b"a\x1b[1 qb", f"a{MARK}b", id="CSI with an intermediate"),
        pytest.param(b"a\xc2\x9b2Jb", f"a{MARK}b", id="CSI as C1"),
        pytest.param(b"a\x9b2Jb", f"a{UNKNOWN}2Jb", id="raw byte 9B"),
        pytest.param(b"\x1bP$qm\x1b\\x", f"{MARK}x", id="DECRQSS"),
        pytest.param(b"\xc2\x90$qm\xc2\x9cx", f"{MARK}x", id="DECRQSS as C1"),
        pytest.param(b"\x1b_a\x1b\\\x1b^p\x1b\\\x1bXs\x1b\\.", f"{MARK * 3}.", id="APC, PM, SOS"),
        pytest.param(b"\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\x", f"{MARK * 4}x", id="tmux passthrough"),
        pytest.param(b"\x1bc\x1b(B\x1b7.", f"{MARK * 3}.", id="RIS, charset, DECSC"),
        pytest.param(b"\x1b\x1b[31mx", f"{MARK}\x1b[31mx\x1b[0m", id="ESC before SGR"),
        pytest.param(b"\x1b\xc3\xa9", f"{MARK}é", id="ESC before a letter it cannot take"),
        pytest.param(b"\x1b[3\nJ", f"{MARK}\nJ", id="CSI broken by a newline"),
        pytest.param(b"\x1b[3\xe6\xbc\xa2", f"{MARK}漢", id="CSI broken by a letter it cannot take"),
        pytest.param(b"\0\x07\x0b\x0c", "\u2400\u2407\u240b\u240c", id="NUL, BEL, VT, FF"),
        pytest.param(b"X\bX", "X\u2408X", id="overstrike"),
        pytest.param(b"a\x7fb", "a\u2421b", id="DEL"),
        pytest.param("a\x85\x80b\0".encode(), f"a{UNKNOWN * 2}b\u2400", id="other C1, NUL beside them"),
        pytest.param("\u202egnp.exe".encode(), f"{UNKNOWN}gnp.exe", id="RLO"),
        pytest.param("\u200b\u2066\ufeff\u2028\u061c\u180e\U000e0041".encode(), UNKNOWN * 7, id="invisible"),
        pytest.param("é 漢字 😀 ❤\ufe0f ─│█ ⣿".encode(), "é 漢字 😀 ❤\ufe0f ─│█ ⣿", id="ordinary Unicode"),
        pytest.param(b"\xff\xc3(", f"{UNKNOWN * 2}(", id="invalid UTF-8"),
        pytest.param(b"\xed\xa0\x80", UNKNOWN * 3, id="surrogate as UTF-8"),
        pytest.param(b"one\r\ntwo\r\n\r\n", "one\ntwo\n\n", id="CRLF"),
        pytest.param(b"one\r\r\ntwo", "one\ntwo", id="CR CR LF"),
        pytest.param(b"get\n\r 1%\r 2%\r\r 3%\r\n", "get\n 1%\n 2%\n 3%\n", id="progress bar"),
        pytest.param(b"end\r", "end\n", id="CR at the end"),
        pytest.param(b"\r\nx", "\nx", id="CRLF at the start"),
    ],
)
def test_what_a_stream_shows(raw: bytes, shown: str) -> None:
    assert stream(raw) == shown
    assert stream(*(bytes([b]) for b in raw)) == shown


class TestColours:
    def test_are_kept_and_an_open_one_is_reset_at_the_end(self) -> None:
        assert stream(b"\x1b[1;31mred\n") == "\x1b[1;31mred\n\x1b[0m"

    @pytest.mark.parametrize("reset", [b"\x1b[0m", b"\x1b[m", b"\x1b[00m", b"\x1b[;m"])
    def test_a_closed_one_needs_no_reset(self, reset: bytes) -> None:
        assert stream(b"\x1b[31mred" + reset) == f"\x1b[31mred{reset.decode()}"

    def test_a_palette_index_of_zero_is_no_reset(self) -> None:
        assert stream(b"\x1b[38;5;0mx").endswith("x\x1b[0m")

    def test_of_an_8_bit_introducer_leave_as_7_bit(self) -> None:
        assert stream(b"\xc2\x9b4:3mx\xc2\x9b0m") == "\x1b[4:3mx\x1b[0m"

    def test_are_dropped_silently_when_off(self) -> None:
        assert stream(b"\x1b[31mred\x1b[0m", colours=False) == "red"

    def test_of_more_than_64_characters_are_no_colours(self) -> None:
        assert stream(b"\x1b[" + b"1" * 64 + b"m") == "\x1b[" + "1" * 64 + "m\x1b[0m"
        assert stream(b"\x1b[" + b"1" * 65 + b"m") == MARK

    def test_are_off_in_one_shot_by_default(self) -> None:
        assert sanitise("\x1b[31mred") == "red"
        assert sanitise("\x1b[31mred", colours=True) == "\x1b[31mred\x1b[0m"


class TestUnterminated:
    def test_string_ends_with_its_line(self) -> None:
        assert stream(b"\x1b]0;title\nnext\x07") == f"{MARK}\nnext\u2407"

    def test_string_ends_at_a_carriage_return(self) -> None:
        assert stream(b"\x1b]0;title\rnext") == f"{MARK}\nnext"

    def test_string_ends_at_the_next_sequence(self) -> None:
        assert stream(b"\x1b]0;title\x1b[0mnext") == f"{MARK}\x1b[0mnext"

    def test_string_swallows_4096_characters_at_most(self) -> None:
        assert stream(b"\x1b]" + b"x" * 4096 + b"shown") == f"{MARK}shown"
        assert stream(b"\x1b]" + b"x" * 4096 + b"\x07shown") == f"{MARK}shown"

    def test_csi_swallows_4096_characters_at_most(self) -> None:
        assert stream(b"\x1b[" + b"1" * 4096 + b"2shown") == f"{MARK}2shown"

    @pytest.mark.parametrize("tail", [b"\x1b", b"\x1b[3", b"\x1b]0", b"\x1b]0\x1b", b"\x1b(", b"\xc2\x9b"])
    def test_sequence_at_the_end_leaves_a_mark(self, tail: bytes) -> None:
        assert stream(b"a" + tail) == f"a{MARK}"

    def test_character_at_the_end_is_replaced(self) -> None:
        assert stream(b"a\xe2\x82") == f"a{UNKNOWN}"


class TestStreaming:
    def test_text_is_not_held_back(self) -> None:
        assert Sanitiser().feed(b"Password: ") == "Password: "

    def test_an_unfinished_sequence_waits_for_the_next_chunk(self) -> None:
        sanitiser = Sanitiser()
        assert sanitiser.feed(b"a\x1b[3") == "a"
        assert sanitiser.feed(b"1mb") == "\x1b[31mb"

    def test_after_finish_the_object_stands_as_new(self) -> None:
        sanitiser = Sanitiser(max_line=3)
        assert sanitiser.feed(b"\x1b[31mab") + sanitiser.finish() == "\x1b[31mab\x1b[0m"
        assert sanitiser.feed(b"abc") + sanitiser.finish() == "abc"

    @pytest.mark.parametrize("endless", [b"\x1b]" + b"x" * 65_536, b"\x1b[" + b"1" * 65_536, b"\r" * 65_536])
    def test_memory_is_constant(self, endless: bytes) -> None:
        sanitiser = Sanitiser()
        sanitiser.feed(endless)
        tracemalloc.start()
        try:
            for _ in range(20):
                sanitiser.feed(endless)
            assert tracemalloc.get_traced_memory()[0] < 20_000
        finally:
            tracemalloc.stop()


class TestLongLines:
    def test_of_half_a_megabyte_are_folded_without_loss(self) -> None:
        folded = stream(*[b"x" * 4096] * 125)
        lines = folded.split("\n")
        assert {len(line) for line in lines[:-1]} == {10_000}
        assert sum(map(len, lines)) == 125 * 4096

    def test_a_line_of_exactly_the_limit_is_not_folded(self) -> None:
        assert stream(b"abc\nabc\n", max_line=3) == "abc\nabc\n"

    def test_colours_do_not_count(self) -> None:
        assert stream(b"\x1b[31mab\x1b[32mc\x1b[0m\n", max_line=3) == "\x1b[31mab\x1b[32mc\x1b[0m\n"

    def test_a_limit_below_one_is_refused(self) -> None:
        with pytest.raises(ValueError, match="max_line"):
            Sanitiser(max_line=0)


class TestOneLine:
    def test_without_newlines_they_are_shown_and_nothing_is_folded(self) -> None:
        long = "x" * 20_000
        assert sanitise(f"a\tb\r\n{long}", keep_newlines=False) == f"a\tb\u240d\u240a{long}"

    def test_an_open_colour_is_reset(self) -> None:
        assert sanitise("\x1b[31ma\nb", colours=True, keep_newlines=False) == "\x1b[31ma\u240ab\x1b[0m"

    def test_a_name_shows_newline_return_and_tab(self) -> None:
        assert sanitise_name("a\n\rb\tc") == "a\u240a\u240db\u2409c"

    def test_a_name_shows_undecodable_bytes(self) -> None:
        assert sanitise_name(b"\xffname") == f"{UNKNOWN}name"
        assert sanitise_name(b"\xffname".decode("utf-8", "surrogateescape")) == f"{UNKNOWN}name"

    def test_a_name_drops_colours_and_marks_sequences(self) -> None:
        assert sanitise_name("\x1b[31mred\x1b]0;x\x07") == f"red{MARK}"

    def test_a_name_is_cut_with_an_ellipsis_within_the_limit(self) -> None:
        assert sanitise_name("x" * 200) == "x" * 200
        assert sanitise_name("x" * 201) == "x" * 199 + "\u2026"
        assert sanitise_name("ab", limit=1) == "\u2026"

    def test_a_limit_below_one_is_refused(self) -> None:
        with pytest.raises(ValueError, match="limit"):
            sanitise_name("a", limit=0)

"""What reaches a real terminal: no colour where none is wanted, sixteen colours or ASCII where there is no more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.tui.wire import Wire

_ATTRIBUTES = {"", "0", "1", "2", "3", "4", "7", "9"}
CONFIG = '[console]\nstart = "tasks"\n'


def visit(wire: Wire) -> None:
    """Screens, a dialog, the palette, the editor."""
    wire.until("Press n to run a script")
    wire.press("3", "COMMAND")
    wire.press("4", "the last ")
    wire.press("?", "Acknowledge the selected")
    wire.press("\x1b", lambda screen: "Acknowledge the selected" not in screen)
    wire.press("\x10", "Search for commands")
    wire.press("\x1b", lambda screen: "Search for commands" not in screen)
    wire.press("5", "system_health")
    wire.press("\r", "#!/")  # its colours are the editor's own


def codes(wire: Wire) -> set[str]:
    return {code for sgr in wire.terminal.sgr for code in _split(sgr.split(";"))}


def _split(parts: list[str]) -> Iterable[str]:
    while parts:
        code = parts.pop(0)
        if code in ("38", "48"):
            count = 4 if parts[0] == "2" else 2
            code, parts = ";".join([code, *parts[:count]]), parts[count:]
        yield code


@pytest.mark.parametrize(
    ("config", "variables"),
    [(CONFIG, {"NO_COLOR": "1", "COLORTERM": "truecolor"}), (CONFIG + 'theme = "monochrome"\n', {"TERM": "xterm"})],
    ids=["NO_COLOR", "theme"],
)
def test_without_colours_not_one_is_sent(tmp_path: Path, config: str, variables: dict[str, str]) -> None:
    with Wire(tmp_path, config=config, **variables) as wire:
        visit(wire)
        assert codes(wire) <= _ATTRIBUTES
        assert {"1", "2", "7"} <= codes(wire), "attributes tell what colours cannot"


@pytest.mark.parametrize(
    ("config", "variables"),
    [
        (CONFIG, {"TERM": "xterm"}), (CONFIG, {"TERM": "linux"}),
        (CONFIG + 'theme = "terminal-16"\n', {"TERM": "xterm-256color", "COLORTERM": "truecolor"}),
    ],
    ids=["xterm", "linux", "theme"],
)  # fmt: skip
def test_a_plain_terminal_gets_its_own_sixteen_colours(tmp_path: Path, config: str, variables: dict[str, str]) -> None:
    with Wire(tmp_path, config=config, **variables) as wire:
        visit(wire)
        assert not any(code.startswith(("38", "48")) for code in codes(wire))
        assert {"36", "32"} & codes(wire), "the terminal's own colours are used"
        if variables["TERM"] == "linux":
            assert not any("\u2800" <= char <= "\u28ff" or char in "▶◦✗…" for char in wire.sent)


def test_a_theme_of_many_colours_can_be_read_where_there_are_sixteen(tmp_path: Path) -> None:
    with Wire(tmp_path, config=CONFIG + 'theme = "opsconsole-light"\n', TERM="xterm") as wire:
        visit(wire)
        assert not any(code.startswith(("38", "48")) for code in codes(wire))
        assert {"90", "107"} <= codes(wire), "quiet words are grey on white"
        both = [set(sgr.split(";")) for sgr in wire.terminal.sgr]
        assert not [one for one in both if {"37", "97"} & one and {"47", "107"} & one], "no white on white"


def test_a_terminal_of_many_colours_that_takes_only_ascii(tmp_path: Path) -> None:
    with Wire(tmp_path, config=CONFIG, LC_ALL="C") as wire:
        visit(wire)
        assert wire.sent.isascii()
        assert any(code.startswith("38;5;") for code in codes(wire))

"""Names, reasons, output and paths are written by others: nothing of them reaches the terminal as a control."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widget import Widget

from opsconsole import tui
from opsconsole.engine import Engine
from opsconsole.errors import QueueFull
from opsconsole.events import Notice
from opsconsole.models import TaskSpec
from opsconsole.settings import load_settings
from tests.tui.editor.scene import own_scripts
from tests.tui.fake_engine import FakeEngine
from tests.tui.hostile import (
    BYTES,
    EVIL,
    LONG,
    MARK,
    STORABLE,
    HostileRecord,
    Seen,
    controls,
    hostile_engine,
    hostile_host,
    toml_string,
)  # fmt: skip
from tests.tui.scenes import console
from tests.tui.waiting import settled, shown, started, until
from tests.tui.wire import Wire

PAGES = {
    "overview": "tab tab tab z + escape C A + escape p s",
    "tasks":
        "o v + u + e + i + enter w T escape W + escape c + r x escape escape slash e v escape down down down enter "
        "escape space c escape s e v escape n + escape",
    "processes": "enter + down escape t enter escape home K t enter + escape r escape slash e escape",
    "anomalies": "slash e escape enter + down escape p + escape N a b escape z escape t t a C escape",
    "editor":
        "slash e escape down up enter + escape shift+tab shift+tab + E + escape escape e x escape p d + "
        "escape f e escape escape R escape "
        "C escape n escape o escape X escape ctrl+r + tab tab escape",
    "settings":
        "H + down down enter escape slash e escape S + down down enter escape K down down enter escape T + "
        "down enter L "
        "down enter A + down",
}  # fmt: skip
"""What is pressed in each mode: all its pages and dialogs; at a + they are waited for."""
HISTORY = (
    "space down equals_sign + escape enter + down slash e v enter escape escape S + b b escape e escape slash "
    "e v i l + "
    "enter escape"
)
PAGE_NAMES = {"v": "review", "u": "usage", "e": "events", "i": "info"}
SHARED = {
    "tasks": {
        "Answers", "ConfirmScreen", "HeaderLine", "HelpScreen", "JumpScreen", "KeyLine", "OutputView", "Overlay",
        "Palette", "QuitScreen", "SubmitScreen", "TextField", "WhyLine",
    },
    "processes": {"FactLine", "PhraseScreen"},
    "editor": {"Choice"},
}  # fmt: skip
"""In which mode each widget and dialog is looked at that belongs to none."""
EVERYWHERE = "question_mark escape semicolon escape colon e escape"


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, samples: Path) -> FakeEngine:
    hostile_host(monkeypatch, tmp_path)
    engine = hostile_engine(tmp_path / "state")
    engine.settings = load_settings()
    return engine


def marked(pilot: Pilot[Any]) -> bool:
    """Between header and footer."""
    return MARK in "\n".join(shown(pilot).splitlines()[1:-1])


async def walk(pilot: Pilot[Any], seen: Seen, mode: str, keys: str) -> None:
    """The mode, when what others wrote is to be seen in it; then the keys."""
    screen = pilot.app.go(mode)  # type: ignore[attr-defined]
    await until(pilot, lambda: pilot.app.screen is screen and screen.looks and marked(pilot))
    seen.check(pilot, mode)
    for key in keys.split():
        if key == "+":
            await settled(pilot, quiet_s=0.1)
        else:
            await pilot.press(key)
            await pilot.pause()
        seen.check(pilot, f"{mode}, {key}")
    for _ in range(3):
        if pilot.app.screen is not screen:
            await pilot.press("escape")
    assert pilot.app.screen is screen, f"{pilot.app.screen} is still over {mode}"


@pytest.mark.parametrize("mode", [*PAGES, "history"])
async def test_no_page_and_no_dialog_shows_a_control(
    hostile: FakeEngine, tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: str
) -> None:
    seen = Seen()
    engine = hostile
    if mode == "history":
        engine = HostileRecord(tmp_path / "record")
        engine.settings = hostile.settings
    async with console(engine, start=mode, host=EVIL, user=LONG).run_test(size=(160, 45), notifications=True) as pilot:
        await started(pilot)
        pilot.app.tell(EVIL, "error")  # type: ignore[attr-defined]
        engine.publish(Notice("error", LONG))
        await walk(pilot, seen, mode, HISTORY if mode == "history" else PAGES[mode])
        if mode == "tasks":
            await walk(pilot, seen, mode, EVERYWHERE)
            engine.refusal = QueueFull(EVIL, hint=EVIL)
            await pilot.press("2", "c", "y")
            await pilot.pause()
            seen.check(pilot, "a refusal")
            await pilot.press("q")
            await pilot.pause()
            seen.check(pilot, "leaving")
    forgotten = expected(mode) - {one.__name__ for one in seen.kinds}
    assert not forgotten, "no hostile text was shown in these: PAGES says where they are to be found"
    assert not [one for one in caplog.records if one.levelname == "ERROR"], caplog.text


def test_each_widget_is_looked_at_in_some_mode() -> None:
    assert {one.__name__ for one in known() if mode_of(one) is None} == set().union(*SHARED.values())


def expected(mode: str) -> set[str]:
    """What must be seen in this mode."""
    return {one.__name__ for one in known() if mode_of(one) == mode} | SHARED.get(mode, set())


def mode_of(kind: type[Widget]) -> str | None:
    """Whose package it is in; None: that of all."""
    name = kind.__module__.removeprefix("opsconsole.tui.screens.").partition(".")[0]
    return name if name in (*PAGES, "history") else None


def known() -> set[type[Widget]]:
    """All widgets and screens of ours, but for bases, which are never shown."""
    modules = [importlib.import_module(one.name) for one in pkgutil.walk_packages(tui.__path__, "opsconsole.tui.")]
    ours = {
        one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Widget) and one.__module__ == module.__name__
    }
    return {one for one in ours if ours.isdisjoint(one.__subclasses__())}


_SEQUENCE = re.compile(
    r"\x1b\[[?><=]?[\d;]*[A-Za-z]|\x1b\[\?[\d;]+\$p|\x1b[()][A-Z0-9]|\x1b[=>78]|\x1b\]22;[a-z-]*\x07"
)
_OURS = re.compile(
    r"\x1b\[(\d+;\d+H|[\d;]*m|H|2J|\?[\d;]+[hl]|\?\d+\$p|[=>]?\d*u|[><]\d*u|c|6n|0?J|K|14t|16t)|\x1b\]22;[a-z-]*\x07|\x1b[()=>78].?"
)
"""What the console itself sends: moves, colours, modes, questions to the terminal."""


HOST_NAME = os.fsdecode(b"A\x1b]0;pwned\x07\x1b[31mB\xff\r\nC\xe2\x80\xaeD\x9b")
UNDER_A_NAME = """
import ctypes, os, runpy, socket, sys
user, group = os.getuid(), os.getgid()
if ctypes.CDLL(None).unshare(0x04000000 if user == 0 else 0x14000000):
    sys.exit("NOT POSSIBLE HERE")
if user:
    open("/proc/self/uid_map", "w").write(f"{user} {user} 1")
socket.sethostname(b"A\\x1b]0;pwned\\x07\\x1b[31mB\\xff\\r\\nC\\xe2\\x80\\xaeD\\x9b")
runpy.run_module("opsconsole", run_name="__main__", alter_sys=True)
"""
"""A program that runs opsconsole on a host of that name, which ends with this process."""


@pytest.fixture
def names_can_be_given() -> None:
    """Skips where not even in a space of one's own a host can be named."""
    done = subprocess.run([sys.executable, "-c", UNDER_A_NAME, "--version"], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip("a host cannot be named here")


@pytest.mark.parametrize("words", [("-c", "echo hi"), ("monitor", "--once"), ("queue", "list"), ("doctor",)])
def test_a_host_whose_name_is_no_text_runs_everything(
    tmp_path: Path, names_can_be_given: None, words: tuple[str, ...]
) -> None:
    environ = {**os.environ, "OPSCONSOLE_STATE_DIR": str(tmp_path / "state"), "OPSCONSOLE_CONFIG": os.devnull}
    done = subprocess.run(
        [sys.executable, "-c", UNDER_A_NAME, *words], capture_output=True, check=False, timeout=100,
        env={**environ, "SUDO_USER": HOST_NAME, "SSH_CLIENT": HOST_NAME},
    )  # fmt: skip
    assert done.returncode in ((0,) if words[0] != "doctor" else (0, 1)), done.stderr.decode()
    said = done.stdout + done.stderr
    assert b"\x1b" not in said and b"\xff" not in said and b"\x9b" not in said and b"defect" not in said
    if words[0] == "-c":
        assert done.stdout == b"hi\n"
        with Engine.look(state_dir=tmp_path / "state") as engine:
            assert engine.task(1).host == r"A\x1b]0;pwned\x07\x1b[31mB\xff\r\nC\u202eD\x9b"


def test_the_name_of_the_host_is_shown_as_text(tmp_path: Path, names_can_be_given: None) -> None:
    with Wire(tmp_path, size=(200, 40), program=("-c", UNDER_A_NAME)) as wire:
        wire.until(r"A\x1b]0;pwned\x07\x1b[31mB\xff\r\nC\u202eD\x9b")
        assert wire.leave("q") == 0
    assert not controls(_SEQUENCE.sub("", wire.sent).replace("\r", ""))


def test_nothing_of_it_reaches_a_real_terminal(tmp_path: Path, names_can_be_given: None) -> None:
    """Tasks, output, scripts, files, processes and configuration, through a pseudo-terminal."""
    config = tmp_path / "config"
    config.mkdir()
    name = STORABLE.replace("/", "_").replace("\x00", "")[:60]
    (config / "keymap.toml").write_text(f"[keys]\n{toml_string(STORABLE)} = 'f2'\n")
    own_scripts(tmp_path, {f"{name}.sh": f"#!/bin/bash\n# {STORABLE}\nrm -rf $DIR/{STORABLE}\n"})
    (tmp_path / "said").write_bytes(BYTES)
    with Engine.look(state_dir=tmp_path / "state") as engine:
        spoken = f"cat {tmp_path / 'said'}; cat {tmp_path / 'said'} >&2"
        engine.add(TaskSpec(script=spoken, name=STORABLE.replace("\x00", "")))
    arguments = [STORABLE.replace("\x00", ""), "600"]
    shell = subprocess.Popen(["sh", "-c", "read x", *arguments], stdin=subprocess.PIPE)
    try:
        program = ("-c", UNDER_A_NAME)
        variables = dict.fromkeys(("SUDO_USER", "SSH_CLIENT", "USER", "LOGNAME"), HOST_NAME)
        config_text = '[console]\nstart = "tasks"\n'
        with Wire(tmp_path, size=(160, 45), program=program, config=config_text, **variables) as wire:
            wire.until(lambda screen: screen.count(MARK) > 2 and "completed" in screen)
            for page in "vuei":
                wire.press(page, f"[{PAGE_NAMES[page]}]")
            wire.press("1", lambda screen: "Trouble" in screen and MARK in screen)
            wire.press("3", "COMMAND")
            wire.press(f"/{MARK}", lambda screen: all(one in screen for one in (f"{MARK}␛", "1 of", "keep the")))
            wire.press("\r", "s sort")  # not typed before the footer has changed once
            wire.press("4", "the last ")
            wire.press("5", lambda screen: "Scripts" in screen and "from history" in screen and MARK in screen)
            wire.press("\r", lambda screen: "esc scripts" in screen and "#!/bin/bash" in screen)
            wire.press("\x1b", "enter open  e edit")
            wire.press("6", lambda screen: "space mark" in screen and MARK in screen)
            wire.press("\r", lambda screen: "esc back" in screen and "Facts ─" in screen)
            wire.press("\x1b", "enter open")
            wire.press("7", "A About")
            wire.press("L", lambda screen: "kept in" in screen and "q quit" in screen)
            assert wire.leave("q") == 0
    finally:
        shell.kill()
        shell.communicate()
    rest = wire.sent
    for found in _SEQUENCE.findall(rest):
        assert _OURS.fullmatch(found), repr(found)
    assert not controls(_SEQUENCE.sub("", rest).replace("\r", "")), "only the console's own sequences were sent"
    assert wire.sent.count("\x1b[2J") <= 1

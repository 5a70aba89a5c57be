"""What reaches a real terminal when it is lent out, when something is copied, and when the console fails."""

from __future__ import annotations

import base64
import os
import re
import signal
import threading
import time
from pathlib import Path

import pytest
from textual.app import App
from textual.drivers._writer_thread import MAX_QUEUED_WRITES, WriterThread

from opsconsole.engine import Engine
from opsconsole.models import TaskSpec
from opsconsole.tui.terminal import ConsoleDriver
from tests.tui.wire import Wire

CONFIG = '[console]\nstart = "tasks"\n'
NAME = "grüße-[bold]"
BACK = "-- enter: back to the console --"
FAILING = """
from opsconsole.settings import load_settings
from opsconsole.tui.app import ConsoleApp, run_console

def fail(self):
    raise RuntimeError("the bell is broken")

ConsoleApp.action_help = fail
raise SystemExit(run_console(load_settings()))
"""


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """A state directory with a task that waits."""
    with Engine.look(state_dir=tmp_path / "state") as engine:
        engine.add(TaskSpec(script="true", name=NAME, hold=True))
        (engine.paths.root / "welcomed").touch()
    return tmp_path


def in_console(wire: Wire) -> bool:
    """The alternate screen is the one that is seen."""
    return wire.sent.rfind("\x1b[?1049h") > wire.sent.rfind("\x1b[?1049l")


def left(wire: Wire) -> int:
    """Its exit code, with the task still waiting."""
    wire.press("q", "l   Leave")
    return wire.leave("\r")


def restored(wire: Wire) -> bool:
    return not in_console(wire) and wire.sent.rfind("\x1b[?25h") > wire.sent.rfind("\x1b[?25l")


def test_copy_is_the_sequence_that_terminals_know(held: Path) -> None:
    with Wire(held, config=CONFIG) as wire:
        wire.until(NAME)
        wire.press("y", "to the terminal's clipboard")
        (sent,) = re.findall(r"\x1b\]52;c;([A-Za-z0-9+/=]*)(?:\x07|\x1b\\)", wire.sent)
        assert NAME in base64.b64decode(sent, validate=True).decode()
        assert left(wire) == 0


def test_print_lends_the_terminal_out_and_the_engine_goes_on(held: Path) -> None:
    with Wire(held, config=CONFIG) as wire:
        wire.until(NAME)
        wire.press("Y", lambda _: BACK in wire.sent)
        assert not in_console(wire)
        printed = wire.sent[wire.sent.rindex("\x1b[?1049l") :]
        plain = printed[: printed.index(BACK)].rpartition("\x1b")[2]
        assert NAME in plain, "what is to be selected has no colours and no frames"
        seen = held / "seen"
        with Engine.look(state_dir=held / "state") as engine:
            engine.add(TaskSpec(script=f"touch {seen}", name="meanwhile"))
        end = time.monotonic() + 40
        while not seen.exists():
            assert time.monotonic() < end, "nothing runs while the terminal is lent out"
            time.sleep(0.02)
        assert "meanwhile" not in wire.sent, "nothing is drawn on what is not ours"
        wire.press("\r", lambda screen: in_console(wire) and "meanwhile" in screen and NAME in screen)
        assert left(wire) == 0
        assert restored(wire)


async def test_frames_while_the_terminal_is_lent_out_hold_nobody_up(tmp_path: Path) -> None:
    with (tmp_path / "screen").open("w+") as screen:
        driver = ConsoleDriver(App())
        driver._writer_thread = WriterThread(screen)
        driver._writer_thread.start()
        driver.write("a frame")
        driver.close()

        def draw() -> None:
            for _ in range(2 * MAX_QUEUED_WRITES):
                driver.write("another")

        drawing = threading.Thread(target=draw, daemon=True)
        drawing.start()
        drawing.join(20)
        assert not drawing.is_alive(), "nobody takes what is written, and the loop waits until somebody does"
        screen.seek(0)
        assert screen.read() == "a frame"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_ends_it_while_the_terminal_is_lent_out(held: Path, number: int, code: int) -> None:
    with Wire(held, config=CONFIG) as wire:
        wire.until(NAME)
        wire.press("Y", lambda _: BACK in wire.sent)
        os.kill(wire.process.pid, number)
        assert wire.leave("") == code
        assert restored(wire)
        assert "Traceback" not in wire.sent


def paging(held: Path, script: str) -> Wire:
    """A console with a pager of that kind, on a run that has printed something."""
    pager = held / "pager"
    pager.write_text(script)
    pager.chmod(0o700)
    with Engine.look(state_dir=held / "state") as engine:
        engine.add(TaskSpec(script="echo what it said", name="talker"))
    wire = Wire(held, config=CONFIG, PAGER=str(pager))
    wire.until("talker")
    wire.press("/talker\r", "what it said")  # whether it still runs, and is the first, or has ended and is the last
    return wire


def test_a_pager_that_cannot_be_started_gives_the_terminal_back(held: Path) -> None:
    with paging(held, "#!/no/such/interpreter\n") as wire:
        wire.press("O", lambda screen: in_console(wire) and "cannot be started" in screen)
        wire.press("3", "COMMAND")
        wire.press("2", "talker")
        assert left(wire) == 0


def test_a_console_that_ends_takes_its_pager_with_it(held: Path) -> None:
    with paging(held, "#!/bin/sh\necho $$ >pid.new; mv pid.new pid; cat; echo all of it; exec sleep 600\n") as wire:
        wire.press("O", lambda _: "all of it" in wire.sent)
        os.kill(wire.process.pid, signal.SIGTERM)
        assert wire.leave("") == 143
        assert restored(wire)
        assert not Path("/proc", (held / "pid").read_text().strip()).exists()


def test_a_console_that_fails_says_where_the_report_is(held: Path) -> None:
    with Wire(held, config=CONFIG, program=("-c", FAILING)) as wire:
        wire.until(NAME)
        assert wire.leave("?") == 125
        assert restored(wire)
        after = wire.sent[wire.sent.rindex("\x1b[?1049l") :]
        (report,) = (held / "state" / "crashes").iterdir()
        said = re.sub(r"\s+", "", after)
        assert "theconsolefailed(RuntimeError)" in said and str(report) in said
        assert "Traceback" not in after
    text = report.read_text()
    assert "RuntimeError: the bell is broken" in text and "in fail" in text


def test_a_theme_that_is_written_into_the_file_is_taken_up(held: Path) -> None:
    with Wire(held, config=CONFIG) as wire:
        wire.until(NAME)
        (anew := held / "anew.toml").write_text(f'{CONFIG}theme = "monochrome"\n')
        anew.replace(held / "config" / "config.toml")  # else it may be read when it is half written
        wire.until("The configuration was read again")
        wire.terminal.sgr.clear()
        wire.press("3", "COMMAND")
        assert not any(code.startswith(("38", "48")) for code in wire.terminal.sgr)
        assert left(wire) == 0


def test_a_dumb_terminal_is_told_what_works_there(tmp_path: Path) -> None:
    with Wire(tmp_path, TERM="dumb") as wire:
        assert wire.leave("") != 0
        assert "--run" in wire.sent and "\x1b" not in wire.sent

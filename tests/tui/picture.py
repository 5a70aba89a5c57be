"""The README's pictures, of the demo: `python -m tests.tui.picture [MODE …]` writes `tests/tui/pictures/MODE.svg`.

Of one picture in another size or theme: `… MODE --size 120x36 --theme opsconsole-light --out FILE`.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import tempfile
import time
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from opsconsole.demo import demo_app
from opsconsole.tui.picture import svg_of
from opsconsole.tui.widgets.graph import Graph
from tests.tui.waiting import settled, started, until

FOLDER = Path(__file__).parent / "pictures"
KEYS: dict[str, tuple[str, ...]] = {
    "overview": (),
    "tasks": ("j",),
    "processes": ("j",),
    "anomalies": ("j",),
    "editor": (),
    "history": ("j",),
    "settings": ("T",),
}
"""What is pressed before the picture is taken."""
_MOVED = 9_000 * 1.25
"""Bytes a second for a percent of a core, as the demo's processes move them."""

_SCRIPT = """#!/usr/bin/env bash
# Make room on a full disk: old logs of the application, then the journal.
# Usage: make_room.sh DIRECTORY
set -eu

DIR=$1
KEEP_DAYS=14

find "$DIR" -name '*.log' -mtime +"$KEEP_DAYS" -print
rm -rf $DIR/archive/*
curl -s https://hooks.example.org/notify -d "room made on $(hostname)"
journalctl --vacuum-size=200M
df -h "$DIR" > /tmp/room.txt
"""


async def picture(mode: str, size: tuple[int, int], theme: str | None) -> str:
    """The mode as SVG."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(HOME=folder, TZ="UTC", OPSCONSOLE_CONFIG=os.devnull)
        os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
        for name in ("NO_COLOR", "SSH_CONNECTION", "SSH_TTY"):
            os.environ.pop(name, None)
        time.tzset()
        app = demo_app(Path(folder, "state"), start=mode, theme=theme)
        try:
            async with app.run_test(size=size) as pilot:
                await started(pilot)
                await until(pilot, lambda: app.modes.on_top.begun)
                await settled(pilot)
                if mode == "overview":  # what was recorded is read after the first frame
                    graphs = [one for one in pilot.app.screen.query(Graph) if one.size]
                    await until(pilot, lambda: all(any(one.values[:-9]) for one in graphs))
                    await settled(pilot)
                if mode == "editor":
                    await _write(pilot)
                await pilot.press(*KEYS[mode])
                await settled(pilot)
                if mode == "processes":
                    _look_closely(pilot.app.screen)
                return svg_of(app)
        finally:
            await app.link.close()


async def _write(pilot: Pilot[Any]) -> None:
    """A script with something wrong, as it is reviewed."""
    pilot.app.screen.open_text(_SCRIPT, "make_room.sh", "bash")  # type: ignore[attr-defined]
    await settled(pilot, quiet_s=1.5)
    await pilot.press("f8")


def _look_closely(screen: Any) -> None:
    """The graphs of the selected process, as after five minutes: the clock of the demo stands still."""
    host, chosen, clock = screen.engine.host, screen._table.selected, screen.engine._demo_clock
    for second in range(-300, 1, 2):
        one = next(one for one in host.processes(second) if one.identity == chosen.identity)
        screen._detail.add(one, clock.at(second), 2.0)
        screen._detail.add_transfer(one.identity, clock.at(second), 2.0, (one.cpu_percent + 1) * _MOVED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modes", nargs="*", default=list(KEYS), metavar="MODE")
    parser.add_argument("--size", default="132x38")
    parser.add_argument("--theme")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    width, _, height = given.size.partition("x")
    FOLDER.mkdir(exist_ok=True)
    for mode in given.modes:
        drawn = asyncio.run(picture(mode, (int(width), int(height)), given.theme))
        (given.out or FOLDER / f"{mode}.svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()

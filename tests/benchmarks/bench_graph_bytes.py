"""Bytes to the terminal of four graphs of 40×4 cells, a new value each second: ours, and Textual's Sparkline as peer.

Each app runs in a pty, in the same run and on the same values; time is the app's own: ten minutes pass as fast as the
terminal takes them. `python -m tests.benchmarks graph_bytes`.
"""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios

SECONDS = 300
_APP = """
import math, sys
from textual.app import App
from textual.widgets import Sparkline
from opsconsole.paths import shipped
from opsconsole.tui import terminal
from opsconsole.tui.appearance import DressedApp
from opsconsole.tui.widgets.graph import Graph

from pathlib import Path
import opsconsole.tui
TONES = Path(opsconsole.tui.__file__).parent / "widgets/tones.tcss"

SECONDS, MINE = int(sys.argv[2]), sys.argv[1] == "ours"
BASE = DressedApp if MINE else App

def value(graph, second):
    noise = (second * 7919 * (graph + 3)) % 23
    return max(0.0, min(100.0, 50 + 45 * math.sin(second / (23 + 7 * graph)) + noise - 11))

class Four(BASE):
    CSS_PATH = [TONES] if MINE else []
    CSS = "Screen { layout: grid; grid-size: 2; } Graph, Sparkline { width: 40; height: 4; }"
    ENABLE_COMMAND_PALETTE = False

    def compose(self):
        if MINE:
            self.graphs = [Graph(name, warn=85, bad=95) for name in ("CPU", "Memory", "Waiting for", "Network")]
        else:
            self.graphs = [Sparkline([0.0] * 40) for _ in range(4)]
        yield from self.graphs

    def on_mount(self):
        self.second = 0
        self.call_after_refresh(self.tick)

    def tick(self):
        self.second += 1
        for at, graph in enumerate(self.graphs):
            now = value(at, self.second)
            if MINE:
                graph.add((100_000 + self.second) * 1_000_000, 1.0, now, f"{now:.0f} %", ["4 cores"])
            else:
                graph.data = [value(at, second) for second in range(self.second - 39, self.second + 1)]
        if self.second == 320:
            self.bell()
        if self.second == 320 + SECONDS:
            self.exit()
        else:
            self.set_timer(0.02, self.tick)

if MINE:
    Four(folders=[shipped("themes")], theme="opsconsole", graphs="braille", encoding="utf-8").run(mouse=False)
else:
    Four().run(mouse=False)
"""


def bytes_a_second(which: str, colours: str = "truecolor", seconds: int = SECONDS) -> float:
    """What is sent from the moment the graphs are full."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    environ = {**os.environ, "TERM": "xterm-256color", "COLORTERM": colours, "LC_ALL": "C.UTF-8"}
    environ.pop("NO_COLOR", None)
    child = subprocess.Popen(
        [sys.executable, "-c", _APP, which, str(seconds)], stdin=follower, stdout=follower, stderr=follower,
        env=environ, start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    sent = bytearray()
    while select.select([leader], [], [], 60)[0]:
        try:
            piece = os.read(leader, 65536)
        except OSError:
            break
        if not piece:
            break
        sent += piece
    os.close(leader)
    if child.wait() or b"\x07" not in sent:
        raise RuntimeError(sent[-2000:].decode(errors="replace"))
    return len(sent[sent.index(b"\x07") :]) / seconds


def main() -> None:
    for colours in ("truecolor", ""):
        peer, ours = bytes_a_second("peer", colours), bytes_a_second("ours", colours)
        print(
            f"four graphs of 40×4 at 1 Hz, {colours or '256 colours'}: ours {ours / 1000:.2f} KB/s, Sparkline "
            f"{peer / 1000:.2f} KB/s; ratio {ours / peer:.2f}; target ≤ 3 KB/s (24 KB/s → 3)",
            flush=True,
        )


if __name__ == "__main__":
    main()

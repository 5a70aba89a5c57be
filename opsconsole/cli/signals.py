"""The signals a command without a screen answers to, unless its caller had them ignored (`nohup`, `&` in a script)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

STOPPING = (signal.SIGINT, signal.SIGTERM)


def listen(loop: asyncio.AbstractEventLoop, heard: Callable[[signal.Signals], None]) -> None:
    """Call `heard` on the loop for SIGINT, SIGTERM and SIGHUP."""
    for number in (*STOPPING, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            loop.add_signal_handler(number, heard, number)

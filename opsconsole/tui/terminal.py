"""The terminal the console lives in, and how it may go away: signals, a lost line, one that cannot show anything."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import threading
from codecs import getincrementaldecoder
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from textual import events
from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

if TYPE_CHECKING:
    from textual.app import App

HANGUP_CODE = 128 + signal.SIGHUP
TERMINATED_CODE = 128 + signal.SIGTERM
_PATIENCE_S, _LONG_PATIENCE_S = 3.0, 10.0
_LOOK_MS = 100


def refusal(environ: Mapping[str, str]) -> str | None:
    """Why no console can be shown here, or None."""
    term = environ.get("TERM", "")
    if not (sys.__stdin__ and sys.__stdin__.isatty() and _screen_file().isatty()):
        return "the console needs a terminal; without one use `opsconsole --run FILE`"
    if term in ("", "dumb", "unknown"):
        return f"the terminal (TERM={term}) cannot show the console; use `opsconsole --run FILE`"
    return None


def wants_mouse(environ: Mapping[str, str], setting: str = "auto") -> bool:
    """Over SSH the mouse stays with the terminal: its selection keeps working, its motion sends no bytes.

    `setting` is `console.mouse`: on, off, or auto.
    """
    if setting != "auto":
        return setting == "on"
    return not (environ.get("SSH_CONNECTION") or environ.get("SSH_TTY"))


def has_job_control() -> bool:
    """Whether a shell has started this process as a job of its own, which it brings back after ^Z."""
    try:
        return os.getpgrp() == os.getpid() != os.getsid(0) == os.getsid(os.getppid())
    except OSError:
        return False


def _screen_file() -> Any:
    """stderr, as Textual has it, unless that was redirected."""
    if sys.__stderr__ is not None and sys.__stderr__.isatty():
        return sys.__stderr__
    return sys.__stdout__


def encoding() -> str:
    """How what is written to the screen gets there."""
    file = _screen_file()
    return getattr(file, "encoding", None) or "utf-8"


class _LossyFile:
    """Writes to the terminal; when that has gone, writes are dropped, so that nobody waits for them."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, text: str) -> None:
        try:
            self._file.write(text)
        except (OSError, ValueError):
            pass

    def flush(self) -> None:
        try:
            self._file.flush()
        except (OSError, ValueError):
            pass

    def fileno(self) -> int:
        return int(self._file.fileno())

    def isatty(self) -> bool:
        return True


class KeyParser(XTermParser):
    """Textual's, but escape and a digit that come in one piece stay those two.

    Textual takes them for option and a digit on a Mac, and types a `™`: over a slow line that is what becomes of
    "out of the text, to mode 2". Nobody needs alt with a digit here. And alt with a small letter is that at once: no
    sequence begins so, and while Textual waits whether one does, the next alt becomes a `^` and a letter in the text.
    A line feed is enter, as it is to a shell: lines that something types must not become one.
    """

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        if len(sequence) == 2 and isinstance(ANSI_SEQUENCES_KEYS.get(sequence), str):
            yield events.Key("escape", "\x1b")
            sequence = sequence[1]
        elif len(sequence) == 2 and sequence not in ANSI_SEQUENCES_KEYS and "a" <= sequence[1] <= "z":
            sequence, alt = sequence[1], sequence[0] == "\x1b"
        for key in super()._sequence_to_key_events("\r" if sequence == "\n" else sequence, alt):
            yield events.Key(key.key, None) if key.key.startswith("alt+") else key  # a field would type its letter


class _End(threading.Event):
    """An event that a poll is woken by: who waits for keys need not look up again and again."""

    def __init__(self) -> None:
        super().__init__()
        self._reading, self._writing = os.pipe()

    def fileno(self) -> int:
        return self._reading

    def set(self) -> None:
        if not self.is_set():
            super().set()
            os.write(self._writing, b"!")

    def clear(self) -> None:
        if self.is_set():
            os.read(self._reading, 1)
            super().clear()


class ConsoleDriver(LinuxDriver):
    """Textual's driver, that neither waits for nor reads on from a terminal that has gone."""

    def __init__(
        self, app: App[Any], *, debug: bool = False, mouse: bool = True, size: tuple[int, int] | None = None
    ) -> None:
        super().__init__(app, debug=debug, mouse=mouse, size=size)
        self._file = _LossyFile(_screen_file())  # type: ignore[assignment]
        self.exit_event: _End = _End()

    def start_application_mode(self) -> None:
        """Also after a pager or ^Z: nothing of what was there is there any more."""
        if forget := getattr(self._app, "forget_frame", None):
            forget()
        super().start_application_mode()  # type: ignore[no-untyped-call]

    def _sigcont_application(self, *_: object) -> None:
        """On the loop, not between any two steps of it. It comes with a hang-up too: then nothing begins again."""
        self._loop.call_soon_threadsafe(self._go_on)

    def _go_on(self) -> None:
        if not self._auto_restart or self._app._exit:
            return
        if self._writer_thread is not None:  # stopped without a word: the terminal is as the shell has left it
            self.suspend_application_mode()
        self.resume_application_mode()
        if self._app._screen_stack:
            self._app.screen.refresh()

    def write(self, data: str) -> None:
        """While the terminal is lent out, nothing is drawn on it."""
        if self._writer_thread is not None:
            super().write(data)

    def close(self) -> None:
        """Textual ends the thread that writes and keeps it: what is given to it then fills its queue, and the loop
        waits for ever."""
        super().close()
        self._writer_thread = None

    def run_input_thread(self) -> None:
        """As Textual's, but it ends at the end of the line, where that one reads on for ever; while there is nothing
        to read and nothing half read, it sleeps."""
        parser = KeyParser(self._debug)
        decode = getincrementaldecoder("utf-8")("replace").decode
        ready = select.poll()
        ready.register(self.fileno, select.POLLIN)
        ready.register(self.exit_event, select.POLLIN)
        while True:
            waits = _LOOK_MS if parser._timeout_time is not None else None
            found = ready.poll(waits)
            if self.exit_event.is_set():
                return
            if found:
                try:
                    data = os.read(self.fileno, 4096)
                except OSError:
                    data = b""
                if not data:
                    return  # the line is gone; `Departure` hears of it by itself
                for event in parser.feed(decode(data)):
                    self.process_message(event)
            for event in parser.tick():
                self.process_message(event)


async def run(app: App[Any], close: Callable[[], Awaitable[None]], *, mouse: str = "auto") -> int:
    """Show the app on this terminal until it or the terminal goes; its exit code. `close` runs on a restored screen.

    `mouse` is the setting.
    """
    departure = Departure(lambda code: app.exit(return_code=code))
    departure.watch(0)
    try:
        await app.run_async(mouse=wants_mouse(os.environ, mouse))
    finally:
        await close()
        departure.stop()
    return app.return_code or 0


class Departure:
    """Hears SIGHUP, SIGTERM and the end of the line, and calls `leave(exit_code)` on the loop, once.

    Should the loop be stuck (a terminal that was stopped with ^S takes no bytes), the process ends after three
    seconds all the same: runs have supervisors of their own, and nothing is lost with a console. A loop that has heard
    has longer: what it clears away on a busy machine takes its time.
    """

    def __init__(self, leave: Callable[[int], None]) -> None:
        self._leave = leave
        self._loop = asyncio.get_running_loop()
        self._gone = False
        self._line: select.epoll | None = None
        self._watchdog: threading.Timer | None = None
        self._before: dict[signal.Signals, Any] = {}

    def watch(self, fd: int | None) -> None:
        """Begin; `fd` is the terminal's input, None where there is none."""
        for number in (signal.SIGHUP, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._on_signal)
        if fd is not None and os.isatty(fd) and hasattr(select, "epoll"):
            self._line = select.epoll()
            self._line.register(fd, 0)  # nothing but hang-up and error
            self._loop.add_reader(self._line.fileno(), self._depart, HANGUP_CODE)

    def stop(self) -> None:
        """Give the signals back; after a departure they are ignored, since a hang-up can come in several parts."""
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_IGN if self._gone else handler)
        if self._line is not None:
            self._loop.remove_reader(self._line.fileno())
            self._line.close()
            self._line = None

    def _on_signal(self, number: int, _frame: object) -> None:
        if not self._gone:
            self._watch_over(_PATIENCE_S, 128 + number)
        self._loop.call_soon_threadsafe(self._depart, 128 + number)

    def _watch_over(self, patience_s: float, code: int) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._watchdog = threading.Timer(patience_s, os._exit, (code,))
        self._watchdog.daemon = True
        self._watchdog.start()

    def _depart(self, code: int) -> None:
        if self._line is not None:
            self._loop.remove_reader(self._line.fileno())
        if not self._gone:
            self._gone = True
            self._watch_over(_LONG_PATIENCE_S, code)
            self._leave(code)

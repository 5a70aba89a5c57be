"""A run's output in the operator's own pager: redacted and sanitised before the pager sees a byte of it."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from opsconsole.errors import ConsoleError
from opsconsole.execution.outputs import Follower
from opsconsole.execution.showing import Hiding
from opsconsole.safety.sanitise import Sanitiser
from opsconsole.tui.wording import size

_PIECE = 256 * 1024
_USUAL = ("less -R", "more")
_BOXES = frozenset({"busybox", "toybox"})
"""Their `less` knows nothing of LESSSECURE."""


def pager_of(environ: Mapping[str, str]) -> list[str]:
    """What to run. Raises ConsoleError: there is no pager."""
    asked = environ.get("PAGER", "").strip()
    try:
        words = shlex.split(asked)
    except ValueError:
        words = [asked]
    if words:
        if shutil.which(words[0], path=environ.get("PATH")) is None:
            raise ConsoleError(
                f"the pager {words[0]} is not there", hint="set PAGER to a program you have, such as less"
            )
        return [*words, "-R"] if words == ["less"] else words
    for line in _USUAL:
        if shutil.which(line.split()[0], path=environ.get("PATH")) is not None:
            return line.split()
    raise ConsoleError("there is no pager on this host", hint="install less, or set PAGER")


def confined_pager_of(environ: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
    """A pager that runs and writes nothing, and its environment: for a console that only looks, and for a demo.

    Only `less` can be held to that. Raises ConsoleError: it is not there.
    """
    found = shutil.which("less", path=environ.get("PATH"))
    if found is None or os.path.basename(os.path.realpath(found)) in _BOXES:
        raise ConsoleError(
            "there is no pager here that could be kept from running commands", hint="install less; $PAGER is not used"
        )
    kept = {name: value for name, value in environ.items() if not name.startswith("LESS")}
    secure = {"LESSSECURE": "1", "LESSHISTFILE": "-", "LESSKEY": os.devnull, "LESSKEYIN": os.devnull}
    return [found, "-R"], {**kept, **secure}


def shown_bytes(folder: Path, hiding: Hiding) -> Iterator[bytes]:
    """Both streams in the order they came, as they may be shown."""
    follower = Follower(folder)
    streams = {name: (hiding.stream(name), Sanitiser(colours=True)) for name in ("stdout", "stderr")}
    try:
        while chunks := follower.read(_PIECE):
            for chunk in chunks:
                shown, clean = streams[chunk.stream]
                if chunk.missing:
                    yield f"\n[{size(chunk.missing)} of {chunk.stream} were not kept]\n".encode()
                yield clean.feed(shown.feed(chunk)).encode()
        for shown, clean in streams.values():
            yield (clean.feed(shown.finish()) + clean.finish()).encode()
    finally:
        follower.close()


class Pager:
    """One look at a run's output in a pager, on this terminal."""

    def __init__(
        self, command: list[str], pieces: Iterator[bytes], environment: Mapping[str, str] | None = None
    ) -> None:
        self._command, self._pieces, self._environment = command, pieces, environment
        self._process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Return when the pager is left, whatever went wrong; one that is left early reads no further.

        Nothing is written to a disk. Raises ConsoleError.
        """
        screen = None if sys.__stdout__ is not None and sys.__stdout__.isatty() else sys.__stderr__
        try:
            self._process = process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=screen, env=self._environment
            )
        except OSError as error:
            raise ConsoleError(f"the pager {self._command[0]} cannot be started: {error.strerror}") from error
        assert process.stdin is not None  # noqa: S101 - it was asked for
        try:
            for piece in self._pieces:
                process.stdin.write(piece)
        except BrokenPipeError:
            pass
        except OSError as error:
            raise ConsoleError(f"the output cannot be read on: {error.strerror or error}") from error
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            process.wait()

    def stop(self) -> None:
        """The console ends: a pager that went on would fight with the shell over the terminal."""
        if self._process is not None:
            self._process.terminate()

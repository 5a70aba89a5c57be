"""A look at the host before there is an engine, so that the first frame has figures in it and nobody waits for the
second one."""

from __future__ import annotations

import threading
from pathlib import Path

from opsconsole import host
from opsconsole.errors import OpsError
from opsconsole.events import SampleTaken
from opsconsole.settings import Settings

_MOST_TASKS = 2_000
"""Processes and threads of a host that is looked at before anything is drawn; where there are more, the screen is
there first."""
_MOST_S = 0.2
"""No longer does the first frame wait for a look, whatever a drive or a busy kernel does; 20 ms are usual."""


def first_look(settings: Settings, root: Path) -> SampleTaken | None:
    """What this console's own monitor would see first. None: it is not the one who looks (it was stopped, or is not to
    start by itself, or another console watches), or the look takes too long for who waits for the screen.

    `root` is the state directory, which need not be there yet; nothing in it is changed.
    """
    if not (settings.monitor.autostart and host.LINUX and 0 < _tasks() <= _MOST_TASKS):
        return None
    from opsconsole.monitoring import control

    files = control.Files(root)
    try:
        if files.off.exists() or control.holder(files) is not None:
            return None
    except OSError:
        return None  # the monitor says what there is to say about it
    from opsconsole.monitoring.sampling.sampler import Sampler

    found: list[SampleTaken] = []

    def look() -> None:
        try:
            sampler = Sampler(settings.monitor)
            try:
                found.append(SampleTaken(*sampler.take(), settings.monitor.interval_s))
            finally:
                sampler.close()
        except (OpsError, OSError, ValueError):
            return  # as above

    looking = threading.Thread(target=look, name="opsconsole-first-look", daemon=True)
    looking.start()
    looking.join(_MOST_S)
    return found[0] if found else None


def _tasks(loads: str = "/proc/loadavg") -> int:
    """Processes and threads of the host; 0: it does not tell."""
    try:
        return int(Path(loads).read_text(encoding="ascii").split()[3].partition("/")[2])
    except (OSError, ValueError, IndexError):
        return 0

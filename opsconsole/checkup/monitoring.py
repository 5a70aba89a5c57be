"""What this host lets a monitor see."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from opsconsole import host
from opsconsole.checkup.fact import Fact, State
from opsconsole.errors import SettingsError
from opsconsole.paths import StatePaths
from opsconsole.settings import Settings

if TYPE_CHECKING:
    from opsconsole.monitoring.monitor import MonitorStatus


def monitor_facts(paths: StatePaths, settings: Settings) -> list[Fact]:
    """Pressure, drives' health, who watches, whether the thresholds are sound."""
    return [_pressure(), _smart(settings), _watching(paths), _thresholds(settings)]


def _fact(name: str, state: State, found: str, effect: str = "", remedy: str = "") -> Fact:
    return Fact("monitor", name, state, found, effect, remedy)


def _pressure() -> Fact:
    if os.access("/proc/pressure/cpu", os.R_OK):
        return _fact("pressure", "ok", "/proc/pressure: who waits for CPU, memory and I/O is measured")
    effect = "busy and waiting cannot be told apart: run queue, iowait and swapping stand in"
    remedy = "boot with psi=1 (CONFIG_PSI)" if host.LINUX else ""
    return _fact("pressure", "degraded", "no pressure figures", effect, remedy)


def _smart(settings: Settings) -> Fact:
    if not settings.monitor.smart:
        return _fact("drives", "ok", "health is not asked for (monitor.smart = false)")
    found = shutil.which("smartctl", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if found is None:
        return _fact("drives", "missing", "no smartctl", "a failing drive is not seen", "install smartmontools")
    if os.geteuid() != 0:
        return _fact("drives", "degraded", found, "only root may ask the drives", "run the monitor as root")
    return _fact("drives", "ok", found)


def _watching(paths: StatePaths) -> Fact:
    from opsconsole.monitoring.control import Files, holder
    from opsconsole.monitoring.monitor import MonitorStatus

    files = Files(paths.root)
    if (found := holder(files)) is not None:
        who = MonitorStatus("elsewhere", found.pid, found.started_at, found.door)
        return _fact("watching", "ok", status(who))
    state = "stopped" if os.path.exists(files.off) else "off"
    effect = "nothing is recorded and nobody is told"
    return _fact("watching", "missing", "nobody watches this host", effect, status(MonitorStatus(state)))


def status(found: MonitorStatus) -> str:
    """One line: who watches, since when, how often."""
    if found.state == "off":
        return "nobody watches this host: `opsconsole monitor start`"
    if found.state == "stopped":
        return "stopped by hand: `opsconsole monitor start` starts it again"
    words = ["somebody who could not write down who it is"]
    if found.pid:
        words = [f"process {found.pid} ({found.door})", f"since {_moment(found.started_at)}"]
    if found.last_sample_at:
        words.append(f"last sample {_moment(found.last_sample_at)}")
    if not found.recorded:
        words.append("for this screen alone, nothing is recorded")
    if found.slowed:
        words.append(found.slowed)
    return ", ".join(words)


def _moment(microseconds: int | None) -> str:
    when = None if microseconds is None else datetime.fromtimestamp(microseconds / 1_000_000, UTC).astimezone()
    return "" if when is None else f"{when:%Y-%m-%d %H:%M:%S}"


def _thresholds(settings: Settings) -> Fact:
    from opsconsole.monitoring.detection.thresholds import parse

    try:
        parse(settings.monitor.thresholds)
    except SettingsError as error:
        return _fact("thresholds", "degraded", error.message, "no monitor starts", error.hint or "")
    own = len(settings.monitor.thresholds)
    return _fact("thresholds", "ok", f"{own} kinds set by the settings" if own else "the defaults")

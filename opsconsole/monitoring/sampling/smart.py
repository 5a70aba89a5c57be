"""Asks smartctl how the drives are. For a thread that may wait: each drive is given TIMEOUT_S."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from opsconsole.monitoring.sampling.smart_document import DriveHealth, judge, message

__all__ = ["DriveHealth", "SmartReading", "read"]

TIMEOUT_S = 20.0
_ENDING_S = 10.0
"""How long one that was killed is waited for: a busy host lets it end late."""
_SBIN = "/usr/sbin:/sbin:/usr/local/sbin"
"""Where it lives; not on every user's PATH."""
_NOT_HARDWARE = ("loop", "ram", "zram", "fd", "sr", "dm-", "md", "nbd", "zd")
_GUESSED = ("scsi", "ata", "sat")
"""Types a scan only guesses: a SATA disk asked as `scsi` says that it knows no SMART."""


class SmartReading(list[DriveHealth]):
    """The drives' health. `reason`: why the list is empty, if it is."""

    def __init__(self, drives: Iterable[DriveHealth] = (), reason: str = "") -> None:
        super().__init__(drives)
        self.reason = reason


def read(
    previous: Sequence[DriveHealth] = (),
    *,
    search_path: str | None = None,
    sys: str = "/sys",
    timeout_s: float = TIMEOUT_S,
) -> SmartReading:
    """The health of every drive; one that sleeps is not woken up. `previous` is the last reading, against which errors
    grow. `search_path`: where smartctl is looked for; None: $PATH and the folders of administrators' programs."""
    path = f"{os.environ.get('PATH', '')}:{_SBIN}" if search_path is None else search_path
    program = shutil.which("smartctl", path=path)
    if program is None:
        return SmartReading(reason="smartctl is not installed (package smartmontools)")
    found = _devices(program, sys, timeout_s)
    if not found:
        return SmartReading(reason="smartctl and the kernel know no drives here")
    before = {health.device: health for health in previous}
    health: list[DriveHealth] = []
    for device, kind in found:
        options = ("-d", kind) if kind else ()
        name = f"{device} {kind}" if kind and sum(device == other for other, _ in found) > 1 else device
        answer = _ask((program, "--json", "-n", "standby", "-a", *options, device), timeout_s)
        if isinstance(answer, str):
            health.append(DriveHealth(name, "unreadable", answer))
        else:
            health.append(judge(name, answer, before.get(name)))
    return SmartReading(health)


def _devices(program: str, sys: str, timeout_s: float) -> list[tuple[str, str]]:
    """(device, type to be told to smartctl or ""): what its scan finds, and block devices it does not look for."""
    found: list[tuple[str, str]] = []
    scan = _ask((program, "--json", "--scan"), timeout_s)
    devices = scan.get("devices", ()) if isinstance(scan, dict) else ()
    for device in devices if isinstance(devices, list) else ():
        name, kind = device.get("name"), device.get("type")
        if isinstance(name, str) and isinstance(kind, str) and name.startswith("/dev/"):
            found.append((name, "" if kind in _GUESSED else kind))
    try:
        blocks = sorted(os.listdir(f"{sys}/block"))
    except OSError:
        blocks = []
    for block in blocks:
        device = f"/dev/{block.replace('!', '/')}"
        known = any(
            device == name or (name.startswith("/dev/nvme") and device.startswith(f"{name}n")) for name, _ in found
        )
        if not known and not block.startswith(_NOT_HARDWARE):
            found.append((device, ""))
    return found


def _ask(command: Sequence[str], timeout_s: float) -> dict[str, Any] | str:
    """smartctl's document, with its exit status in it; a text says why there is none."""
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"}
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        )
    except OSError as error:
        return f"smartctl cannot be started: {error.strerror or error}"
    try:
        output, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        with suppress(subprocess.TimeoutExpired):  # in the kernel, waiting for a dead drive: nobody can end it
            process.wait(_ENDING_S)
        if process.stdout is not None:
            process.stdout.close()
        return f"smartctl did not answer within {timeout_s:g} s"
    try:
        document = json.loads(output)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return f"smartctl said nothing that can be read (exit status {process.returncode}); it may be older than 7.0"
    about = document.setdefault("smartctl", {})
    if isinstance(about, dict):
        about.setdefault("exit_status", process.returncode)
    if process.returncode == 1 and "device" not in document and not message(document):
        return "smartctl did not understand the question; it may be older than 7.0"
    return document

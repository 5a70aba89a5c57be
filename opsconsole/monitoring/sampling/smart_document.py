"""What a document of `smartctl --json -a` says about a drive.

The exit status is a bit mask, and no error: 0 and 1 the drive could not be opened, 2 a command failed, 3 FAILING,
4 an attribute is at its threshold, 5 it was once, 6 the error log has entries, 7 a self-test failed (smartctl(8)).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["ok", "worn", "failing", "standby", "unsupported", "unreadable"]

WORN_AT_PERCENT = 90
_FAILING_ATTRIBUTES = {187: "uncorrected errors", 197: "sectors waiting to be replaced", 198: "unreadable sectors"}
_WORN_ATTRIBUTES = {5: "replaced sectors", 188: "commands timed out"}
_CRITICAL_WARNINGS = (
    "spare blocks below the threshold", "temperature out of bounds", "reliability is degraded", "media is read-only",
    "volatile memory backup failed", "persistent memory is read-only",
)  # fmt: skip
_NOT_A_DRIVE = ("QEMU", "VBOX", "VMware", "Virtual Disk", "Virtual disk", "Amazon Elastic Block", "PersistentDisk")
"""Virtual: what they say of themselves is made up by the hypervisor."""


@dataclass(frozen=True, slots=True)
class DriveHealth:
    """`failing`: it says so itself, or data is lost already. `worn`: replace it in time. `standby`: asleep, not asked.
    `unsupported`: nothing to ask, as in a virtual machine; never a good sign nor a bad one. `why` is for people;
    `figures` are smartctl's numbers by their names, ATA attributes as `attribute_N`."""

    device: str
    state: State
    why: str = ""
    figures: dict[str, int] = field(default_factory=dict)


def judge(device: str, document: dict[str, Any], previous: DriveHealth | None = None) -> DriveHealth:
    """The health a document tells of. `previous`: the same drive's, an hour ago; growing media errors are failing."""
    status = _number(document, "smartctl", "exit_status") or 0
    said, model = message(document), str(document.get("model_name", ""))
    figures = _figures(document)
    passed = _at(document, "smart_status", "passed")
    if any(maker in model for maker in _NOT_A_DRIVE):
        return DriveHealth(device, "unsupported", f"a virtual disk ({model})")
    if status & 2 and "smart_status" not in document and not figures:
        if "STANDBY" in said or "SLEEP" in said or (not said and "device" in document):
            return DriveHealth(device, "standby", "asleep, and not woken up to be asked")
        return DriveHealth(device, "unreadable", said or "the drive could not be opened")
    if passed is None and not figures:
        if status & 1 and "Unable to detect device type" not in said and "unsupported" not in said.lower():
            return DriveHealth(device, "unreadable", said or "smartctl did not understand the question")
        if status & 4 and _at(document, "smart_support", "available") is True:
            return DriveHealth(device, "unreadable", said or "the drive refused a SMART command")
        return DriveHealth(device, "unsupported", said or "the drive has no SMART")
    failing, worn = _signs(document, status, passed, figures, previous)
    if failing:
        return DriveHealth(device, "failing", "; ".join(failing + worn), figures)
    if worn:
        return DriveHealth(device, "worn", "; ".join(worn), figures)
    return DriveHealth(device, "ok", "its log has old errors" if status & 64 else "", figures)


def message(document: dict[str, Any]) -> str:
    """What smartctl says to people in it."""
    messages = _at(document, "smartctl", "messages")
    texts = [entry.get("string") for entry in messages if isinstance(entry, dict)] if isinstance(messages, list) else []
    return "; ".join(text for text in texts if isinstance(text, str))


def _signs(
    document: dict[str, Any], status: int, passed: Any, figures: dict[str, int], previous: DriveHealth | None
) -> tuple[list[str], list[str]]:
    """(of failing, of wear)."""
    failing: list[str] = []
    worn: list[str] = []
    if passed is False or status & 8:
        failing.append("the drive says that it is failing")
    if status & 16:
        failing.append("an attribute is at its threshold" + _named(document))
    warnings = figures.get("critical_warning", 0)
    failing += [text for bit, text in enumerate(_CRITICAL_WARNINGS) if warnings >> bit & 1]
    if warnings >> len(_CRITICAL_WARNINGS):
        failing.append(f"critical warning {warnings:#x}")
    for signs, attributes in ((failing, _FAILING_ATTRIBUTES), (worn, _WORN_ATTRIBUTES)):
        signs += [
            f"{figures[f'attribute_{n}']} {text}" for n, text in attributes.items() if figures.get(f"attribute_{n}")
        ]
    errors = figures.get("media_errors", 0)
    if previous is not None and errors > previous.figures.get("media_errors", errors):
        failing.append(f"{errors} media errors, {errors - previous.figures['media_errors']} of them new")
    spare, threshold = figures.get("available_spare"), figures.get("available_spare_threshold")
    if spare is not None and threshold is not None and spare <= threshold and not warnings & 1:
        worn.append(f"{spare} % spare blocks left")
    used = max(figures.get("percentage_used", 0), figures.get("endurance_used", 0))
    if used >= WORN_AT_PERCENT:
        worn.append(f"{used} % of its life is used")
    if figures.get("grown_defects"):
        worn.append(f"{figures['grown_defects']} grown defects")
    if status & 32 and not status & 16:
        worn.append("an attribute was at its threshold once" + _named(document))
    if status & 128:
        worn.append("a self-test failed")
    return failing, worn


def _figures(document: dict[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    table = _at(document, "ata_smart_attributes", "table")
    for attribute in table if isinstance(table, list) else ():
        number, raw = _number(attribute, "id"), _number(attribute, "raw", "value")
        if number in _FAILING_ATTRIBUTES or number in _WORN_ATTRIBUTES:
            # Of 188 some makers use the upper words for slower commands; only the lowest counts the timeouts.
            found[f"attribute_{number}"] = (raw or 0) & 0xFFFF if number == 188 else raw or 0
    log = document.get("nvme_smart_health_information_log")
    for name in ("critical_warning", "available_spare", "available_spare_threshold", "percentage_used", "media_errors"):
        _keep(found, name, _number(log, name))
    _keep(found, "grown_defects", _number(document, "scsi_grown_defect_list"))
    _keep(found, "endurance_used", _number(document, "endurance_used", "current_percent"))
    _keep(found, "endurance_used", _number(document, "scsi_percentage_used_endurance_indicator"))
    if found or "smart_status" in document:
        _keep(found, "temperature", _number(document, "temperature", "current"))
        _keep(found, "power_on_hours", _number(document, "power_on_time", "hours"))
    return found


def _named(document: dict[str, Any]) -> str:
    table = _at(document, "ata_smart_attributes", "table")
    names = [
        str(attribute.get("name"))
        for attribute in (table if isinstance(table, list) else ())
        if isinstance(attribute, dict) and attribute.get("when_failed")
    ]
    return f": {', '.join(names)}" if names else ""


def _keep(found: dict[str, int], name: str, value: int | None) -> None:
    if value is not None:
        found[name] = value


def _at(document: Any, *keys: str) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document


def _number(document: Any, *keys: str) -> int | None:
    value = _at(document, *keys)
    return value if isinstance(value, int) and not isinstance(value, bool) else None

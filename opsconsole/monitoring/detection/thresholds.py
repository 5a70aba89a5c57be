"""The thresholds in force: a kind's defaults, what the settings change in general, and what they change for a subject.

```toml
[monitor.thresholds.disk_full]
low = 80                    # a level's value; `critical = false` takes a level away
clear = 75                  # the value at which it has recovered
for_s = 60
[monitor.thresholds.disk_full.on."/var"]    # a mount, device, process name, script, series or host; `*` and `?` work
enabled = false
```
`enter` moves the mildest level. A default level that a set one leaves on the wrong side gives way; where the mildest
set level so displaces graver ones, it is as grave as the gravest of them: memory_high, critical from 98 % on by
default, is critical with `enter = 98`, and does not become a mild thing that wakes nobody. `critical = false` says that
it is meant so. Two set levels that contradict each other are an error.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any

from opsconsole.anomalies import Severity
from opsconsole.errors import SettingsError
from opsconsole.monitoring.detection.kinds import KINDS, Kind

LEVELS: dict[str, Severity] = {severity.word: severity for severity in Severity if severity > Severity.INFO}
KEYS = ("enter", *LEVELS, "for_s", "clear", "clear_for_s", "enabled", "on")
_REMEMBERED = 4096


@dataclass(frozen=True, slots=True)
class Threshold:
    """What is in force for one kind and subject; `levels` from the mildest up, never empty."""

    kind: Kind
    levels: tuple[tuple[Severity, float], ...]
    clear: float
    """The value at which it has recovered."""
    for_s: float
    clear_for_s: float
    enabled: bool = True

    @property
    def enter(self) -> float:
        """Beyond this value an episode begins."""
        return self.levels[0][1]

    def severity(self, value: float) -> Severity | None:
        """Of this value; None: it is not beyond the mildest level."""
        found = None
        for severity, level in self.levels:
            if not (value < level if self.kind.below else value > level):
                break
            found = severity
        return found

    def recovered(self, value: float) -> bool:
        return value >= self.clear if self.kind.below else value <= self.clear

    def level_of(self, severity: Severity) -> float:
        """The level an episode of that severity is beyond; the mildest, where the severity was lowered."""
        found = self.enter
        for each, level in self.levels:
            if each <= severity:
                found = level
        return found

    def passed(self, value: float, most: Severity) -> float | None:
        """The gravest level, up to that severity's, that the value is beyond; None: it is beyond none.

        Less than `level_of` where an episode is graver than its value is now, as one that opens anew may be.
        """
        reached = self.severity(value)
        return None if reached is None else self.level_of(min(reached, most))


class Thresholds:
    """Every kind's, for every subject; does not change. A reload makes another one."""

    def __init__(self, general: Mapping[str, Threshold], special: Mapping[str, Mapping[str, Threshold]]) -> None:
        self._general = dict(general)
        self._special = {kind: dict(patterns) for kind, patterns in special.items() if patterns}
        self._found: dict[tuple[str, str, str, tuple[str, ...]], Threshold] = {}

    def general(self, kind: str) -> Threshold:
        """Where nothing more special is set. Raises KeyError."""
        return self._general[kind]

    def special(self, kind: str) -> Mapping[str, Threshold]:
        """By pattern, as the settings have them."""
        return self._special.get(kind, {})

    def lookup(self, kind: str, subject: str, host: str, aliases: tuple[str, ...] = ()) -> Threshold:
        """The most special one: for the subject, then for its other names, then for the host; for each of these the
        exact name, then the first pattern that matches. Raises KeyError for an unknown kind.
        """
        patterns = self._special.get(kind)
        if patterns is None:
            return self._general[kind]
        key = (kind, subject, host, aliases)
        found = self._found.get(key)
        if found is None:
            if len(self._found) >= _REMEMBERED:  # processes come and go
                self._found.clear()
            found = self._found[key] = _most_special(patterns, _names(subject, host, aliases), self._general[kind])
        return found


def _names(subject: str, host: str, aliases: Iterable[str]) -> list[str]:
    names = [subject] if subject else []
    if subject.endswith("]") and "[" in subject:
        names.append(subject[: subject.rindex("[")])  # a process without its pid
    return [*names, *aliases, host]


def _most_special(patterns: Mapping[str, Threshold], names: Iterable[str], general: Threshold) -> Threshold:
    for name in names:
        if name in patterns:
            return patterns[name]
        for pattern, threshold in patterns.items():
            if fnmatchcase(name, pattern):
                return threshold
    return general


def parse(settings: Mapping[str, Mapping[str, Any]] | None = None) -> Thresholds:
    """The defaults with the section `[monitor.thresholds]` over them. Raises SettingsError, naming the key."""
    settings = settings or {}
    for name in settings:
        _known(name, KINDS, "monitor.thresholds", "kind of anomaly", "`opsconsole anomalies kinds` lists them")
    general: dict[str, Threshold] = {}
    special: dict[str, dict[str, Threshold]] = {}
    for name, kind in KINDS.items():
        where = f"monitor.thresholds.{name}"
        own = _table(settings.get(name, {}), where)
        general[name] = _threshold(kind, [own], where)
        on = _table(own.get("on", {}), f"{where}.on")
        special[name] = {}
        for pattern, table in on.items():
            place = f'{where}.on."{pattern}"'
            its = _table(table, place)
            if "on" in its:
                raise SettingsError(f"setting {place} cannot have `on` itself")
            special[name][pattern] = _threshold(kind, [own, its], place)
    return Thresholds(general, special)


def _known(name: object, names: Iterable[str], where: str, what: str, hint: str) -> None:
    known = list(names)
    if name in known:
        return
    import difflib

    near = difflib.get_close_matches(str(name), known, 1)
    raise SettingsError(
        f"setting {where}.{name}: there is no {what} {str(name)!r}", hint=f"did you mean {near[0]}?" if near else hint
    )


def _table(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SettingsError(f"setting {where} must be a table", hint=f"its keys are {', '.join(KEYS)}")
    return value


def _threshold(kind: Kind, tables: list[Mapping[str, Any]], where: str) -> Threshold:
    """The kind's defaults with each table over what is before it; `where` is the last one."""
    levels = dict(kind.levels)
    chosen: dict[Severity, float] = {}
    off: set[Severity] = set()
    clear: float | None = None
    for_s: float | None = None
    clear_for_s: float | None = None
    enabled = True
    for table in tables:
        for key in table:
            _known(key, KEYS, where, "key", f"its keys are {', '.join(KEYS)}")
        chosen = _chosen(kind, chosen, off, table, where)
        levels = _levels(kind, chosen, off, where)
        if "clear" in table:
            clear = _number(table["clear"], f"{where}.clear", kind.upper)
        elif _sets_levels(table) and clear is not None and not _on_good_side(kind, clear, _mildest(levels)):
            clear = None  # set for other levels, more generally: it gives way
        if "for_s" in table:
            for_s = _number(table["for_s"], f"{where}.for_s")
        if "clear_for_s" in table:
            clear_for_s = _number(table["clear_for_s"], f"{where}.clear_for_s")
        enabled = _flag(table.get("enabled", enabled), f"{where}.enabled")
    enter = _mildest(levels)
    if clear is None:
        clear = enter + kind.clear if kind.below else max(enter - kind.clear, 0.0)
    elif not _on_good_side(kind, clear, enter):
        side = "at least" if kind.below else "at most"
        raise SettingsError(
            f"setting {where}.clear is {clear:g}, and must be {side} the level at which it begins, {enter:g}"
        )
    lasting = kind.for_s if for_s is None else for_s
    if clear_for_s is None:
        clear_for_s = kind.clear_for if for_s is None else max(2 * lasting, max(kind.clear_for_s, 0.0))
    return Threshold(kind, tuple(sorted(levels.items())), clear, lasting, clear_for_s, enabled)


def _sets_levels(table: Mapping[str, Any]) -> bool:
    return "enter" in table or any(word in table for word in LEVELS)


def _mildest(levels: Mapping[Severity, float]) -> float:
    return levels[min(levels)]


def _on_good_side(kind: Kind, clear: float, enter: float) -> bool:
    return clear >= enter if kind.below else clear <= enter


def _chosen(
    kind: Kind, before: Mapping[Severity, float], off: set[Severity], table: Mapping[str, Any], where: str
) -> dict[Severity, float]:
    """The levels that are set: the table's, and of those set more generally what does not contradict them. Levels that
    are taken away are added to `off`."""
    chosen: dict[Severity, float] = {}
    kept = dict(before)
    for word, severity in LEVELS.items():
        if word in table:
            kept.pop(severity, None)
            if table[word] is False:
                off.add(severity)
            else:
                off.discard(severity)
                chosen[severity] = _number(table[word], f"{where}.{word}", kind.upper)
    if "enter" in table:
        value = _number(table["enter"], f"{where}.enter", kind.upper)
        mildest = min({*dict(kind.levels), *before} - off, default=kind.levels[0][0])
        if chosen and min(chosen) <= mildest:
            raise SettingsError(f"setting {where}.enter is the same as {where}.{min(chosen).word}: set one of them")
        kept.pop(mildest, None)
        chosen[mildest] = value
    ordered = sorted(chosen.items())
    for (milder, low), (graver, high) in pairwise(ordered):
        if not (high < low if kind.below else high > low):
            raise SettingsError(
                f"settings of {where}: {graver.word} ({high:g}) must be {'below' if kind.below else 'above'} "
                f"{milder.word} ({low:g})"
            )
    for severity, value in kept.items():
        if _fits(kind, severity, value, chosen):
            chosen[severity] = value
    return chosen


def _fits(kind: Kind, severity: Severity, value: float, chosen: Mapping[Severity, float]) -> bool:
    return all(
        (value > other) == ((severity > each) != kind.below) and value != other for each, other in chosen.items()
    )


def _levels(kind: Kind, chosen: Mapping[Severity, float], off: set[Severity], where: str) -> dict[Severity, float]:
    """Those that are set, and the defaults that do not contradict them."""
    levels = dict(chosen)
    displaced: list[Severity] = []
    for severity, value in kind.levels:
        if severity in chosen or severity in off:
            continue
        if _fits(kind, severity, value, chosen):
            levels[severity] = value
        else:
            displaced.append(severity)
    if not levels:
        raise SettingsError(f"setting {where} leaves no level", hint="`enabled = false` switches the kind off")
    if chosen:
        mildest, *graver = sorted(chosen)
        taken = [each for each in displaced if mildest < each < min(graver, default=Severity.CRITICAL + 1)]
        if taken:
            levels[max(taken)] = levels.pop(mildest)
    return levels


def _number(value: object, where: str, upper: float = math.inf) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise SettingsError(f"setting {where} must be a number, not {value!r}")
    if not 0 <= value <= upper:
        most = "" if math.isinf(upper) else f" and at most {upper:g}"
        raise SettingsError(f"setting {where} must be at least 0{most}, not {value:g}")
    return float(value)


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool):
        raise SettingsError(f"setting {where} must be true or false, not {value!r}")
    return value

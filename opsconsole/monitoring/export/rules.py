"""Alerting rules for Prometheus from the thresholds in force, as a YAML file.

One rule a kind and severity; a kind's thresholds for a subject make rules of their own, and the general ones leave that
subject out. Patterns that name a host apply to kinds about the host, by the `instance` label. `keep_firing_for` (since
Prometheus 2.42) stands in for the hysteresis.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from opsconsole.monitoring.detection.kinds import KINDS, Kind
from opsconsole.monitoring.detection.thresholds import Threshold, Thresholds
from opsconsole.monitoring.export.expressions import expression, filled

SILENT_S = 120
"""A sample older than this: nobody looks at the host any more. With long intervals it is `MISSED` of them."""
MISSED = 4
REMEMBERED_S = 24 * 3600
"""So long a host whose series vanished (its monitor ended) is missed by its last sample, whatever its job is called."""

_HEAD = """\
# Alerting rules of opsconsole, generated from its thresholds: opsconsole monitor rules
# OpsconsoleSilent knows a host that is down for longer than a day by its job's name: scrape it as job "opsconsole".
# A graver alert says what a milder one of its kind says; in Alertmanager let it hush these:
#   inhibit_rules:
#     - source_matchers: [severity="critical"]
#       target_matchers: [severity=~"low|medium|high"]
#       equal: [kind, instance, mountpoint, device, name]
groups:
  - name: opsconsole
    rules:
"""
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")


class _Where(NamedTuple):
    """Matchers of subjects with thresholds of their own, or of all the others."""

    matchers: str
    threshold: Threshold


def alert_rules(thresholds: Thresholds, idle_interval_s: float = 30.0) -> str:
    """The text of the file; `idle_interval_s` is the settings' (monitor.idle_interval_s)."""
    written = list(_silent(idle_interval_s))
    for kind in KINDS.values():
        if expression(kind.name) is None:
            written += _verdicts(kind, [thresholds.general(kind.name), *thresholds.special(kind.name).values()])
            continue
        for where in _wheres(kind, thresholds):
            written += _levels(kind, where)
    return _HEAD + "".join(written)


def _silent(idle_interval_s: float) -> Iterator[str]:
    """Series of a monitor that ended vanish within minutes: it is missed by its last sample, or by `up`."""
    limit = max(SILENT_S, math.ceil(MISSED * idle_interval_s))
    last = f"last_over_time(opsconsole_sample_timestamp_seconds[{max(REMEMBERED_S, 2 * limit)}s])"
    labels = {"severity": "high", "kind": "monitor"}
    start = "Start it again: opsconsole monitor start"
    yield _rule(
        "OpsconsoleSilent", f'time() - {last} > {limit} or up{{job=~"opsconsole.*"}} == 0', 60, 0, labels,
        {"summary": "opsconsole does not look at {{ $labels.instance }} any more", "description": start},
    )  # fmt: skip
    yield _rule(
        "OpsconsoleAbsent",
        "absent(opsconsole_sample_timestamp_seconds)",
        max(300, limit),
        0,
        labels,
        {"summary": "opsconsole looks at no host that is scraped", "description": start},
    )


def _wheres(kind: Kind, thresholds: Thresholds) -> Iterator[_Where]:
    found = expression(kind.name)
    special = thresholds.special(kind.name)
    label = (found.label if found else "") or "instance"
    ending = "(:[0-9]+)?" if label == "instance" else ""  # a host, with the port it is scraped at
    earlier: list[str] = []
    for pattern, threshold in special.items():
        regex = _regex(pattern) + ending
        yield _Where(_matchers(label, regex, earlier), threshold)
        earlier.append(regex)
    yield _Where(_matchers(label, "", earlier), thresholds.general(kind.name))


def _matchers(label: str, regex: str, others: list[str]) -> str:
    """Of what one pattern matches and none before it did."""
    made = [f"{label}=~{_quoted(regex)}"] if regex else []
    if others:
        made.append(f"{label}!~{_quoted('|'.join(others))}")
    return ",".join(made)


def _levels(kind: Kind, where: _Where) -> Iterator[str]:
    found = expression(kind.name)
    if found is None or not where.threshold.enabled:
        return
    inner = filled(found.promql, where.matchers)
    for severity, level in where.threshold.levels:
        value = f"{level * found.scale:.10g}"
        text = found.level or ("{e} < {v}" if kind.below else "{e} > {v}")
        yield _rule(
            _alert(kind), filled(text, where.matchers, inner=inner, value=value),
            where.threshold.for_s, where.threshold.clear_for_s,
            {"severity": severity.word, "kind": kind.name}, _annotations(kind, found.label),
        )  # fmt: skip


def _verdicts(kind: Kind, thresholds: list[Threshold]) -> Iterator[str]:
    """The console has waited already, and knows when it is over."""
    for severity in sorted({severity for each in thresholds if each.enabled for severity, _ in each.levels}):
        matchers = f'kind="{kind.name}",severity="{severity.word}"'
        annotations = _annotations(kind, "") | {"value": "{{ $value }} open"}
        labels = {"severity": severity.word, "kind": kind.name}
        yield _rule(_alert(kind), f"opsconsole_anomalies{{{matchers}}} > 0", 0, 0, labels, annotations)


def _alert(kind: Kind) -> str:
    return "Opsconsole" + "".join(part.capitalize() for part in kind.name.split("_"))


def _annotations(kind: Kind, label: str) -> dict[str, str]:
    about = "{{ $labels." + label + " }} on {{ $labels.instance }}" if label else "{{ $labels.instance }}"
    return {"summary": f"{kind.title}: {about}", "description": kind.what_to_do, "value": "{{ $value }}"}


def _rule(
    alert: str, promql: str, for_s: float, keep_s: float, labels: dict[str, str], annotations: dict[str, str]
) -> str:
    lines = [f"      - alert: {alert}", f"        expr: {_yaml(promql)}"]
    if for_s > 0:
        lines.append(f"        for: {round(for_s)}s")
    if keep_s > 0:
        lines.append(f"        keep_firing_for: {round(keep_s)}s")
    for title, table in (("labels", labels), ("annotations", annotations)):
        lines.append(f"        {title}:")
        lines += [f"          {key}: {_yaml(text)}" for key, text in table.items()]
    return "\n".join(lines) + "\n"


def _regex(pattern: str) -> str:
    """RE2 for what `fnmatch` matches with * ? and [ ]; Prometheus anchors it."""
    made, at = "", 0
    while at < len(pattern):
        char = pattern[at]
        at += 1
        end = pattern.find("]", at + 1) if char == "[" else -1
        if char in "*?":
            made += ".*" if char == "*" else "."
        elif end > 0:
            inside = re.sub(r"([\\\[\]^&~|])", r"\\\1", pattern[at:end].removeprefix("!"))
            made += f"[{'^' if pattern[at] == '!' else ''}{inside}]"
            at = end + 1
        else:
            made += "\\" + char if char in r"\.+*?()|[]{}^$" else char
    return made


def _quoted(text: str) -> str:
    """A PromQL string, which has Go's escapes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _yaml(text: str) -> str:
    """A YAML string in double quotes: JSON's escapes are YAML's too."""
    quoted = json.dumps(text, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", quoted)

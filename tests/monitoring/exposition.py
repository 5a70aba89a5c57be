"""A strict reader of Prometheus' text format 0.0.4, written from its specification; raises ValueError.

https://prometheus.io/docs/instrumenting/exposition_formats/#text-format-details and the data model's rules for names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_HELP = re.compile(rf"# HELP ({_NAME}) (.*)")
_TYPE = re.compile(rf"# TYPE ({_NAME}) (counter|gauge|histogram|summary|untyped)")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"')
_SAMPLE = re.compile(rf"({_NAME})(?:\{{(.*)\}})? ([^ ]+)(?: (-?[0-9]+))?")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|NaN|[+-]Inf")
_UNESCAPED = {r"\\": "\\", r"\"": '"', r"\n": "\n"}


@dataclass
class Read:
    type: str = ""
    help: str = ""
    samples: dict[tuple[tuple[str, str], ...], float] = field(default_factory=dict)

    def value(self, **labels: str) -> float:
        return self.samples[tuple(sorted(labels.items()))]


def read(text: str) -> dict[str, Read]:
    """Family → its type, help and samples."""
    if not text.endswith("\n"):
        raise ValueError("the last line has no line feed")
    text.encode("utf-8")
    found: dict[str, Read] = {}
    current = ""
    for line in text.split("\n")[:-1]:
        if line.startswith("#"):
            current = _comment(line, found, current)
            continue
        match = _SAMPLE.fullmatch(line)
        if match is None or not _NUMBER.fullmatch(match[3]):
            raise ValueError(f"no sample: {line!r}")
        if match[1] != current:
            raise ValueError(f"a sample outside its group: {line!r}")
        labels = _labels(match[2] or "")
        if labels in found[current].samples:
            raise ValueError(f"the same series twice: {line!r}")
        found[current].samples[labels] = float(match[3].replace("Inf", "inf"))
    for name, family in found.items():
        if not family.type or not family.help or not family.samples:
            raise ValueError(f"{name} lacks a type, a help or samples")
        if (family.type == "counter") != name.endswith("_total"):
            raise ValueError(f"{name} is a {family.type}")
    return found


def _comment(line: str, found: dict[str, Read], current: str) -> str:
    if match := _HELP.fullmatch(line):
        if match[1] in found:
            raise ValueError(f"a second group: {line!r}")
        if re.search(r"\\(?![\\n])", match[2]):
            raise ValueError(f"a wrong escape: {line!r}")
        found[match[1]] = Read(help=match[2])
    elif match := _TYPE.fullmatch(line):
        if match[1] != current or found[current].type or found[current].samples:
            raise ValueError(f"a type at the wrong place: {line!r}")
        found[current].type = match[2]
    else:
        raise ValueError(f"an unexpected comment: {line!r}")
    return match[1]


def _labels(text: str) -> tuple[tuple[str, str], ...]:
    labels: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _LABEL.match(text, at)
        if match is None:
            raise ValueError(f"no label: {text[at:]!r}")
        if match[1] in labels or match[1].startswith("__"):
            raise ValueError(f"the label {match[1]} twice, or reserved")
        labels[match[1]] = re.sub(r'\\[\\"n]', lambda found: _UNESCAPED[found[0]], match[2])
        at = match.end()
        if at < len(text):
            if text[at] != ",":
                raise ValueError(f"no comma: {text[at:]!r}")
            at += 1
    return tuple(sorted(labels.items()))

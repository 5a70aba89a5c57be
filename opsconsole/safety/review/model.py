"""What a review says: the verdict, the findings that carry it, and the effects the script would have."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import asdict, field
from enum import IntEnum
from typing import Any, Literal

from opsconsole.values import dataclass

Verdict = Literal["allow", "confirm", "refuse"]


class Severity(IntEnum):
    """How bad a finding is. ERROR asks for a confirmation under standard, CATASTROPHIC is refused everywhere."""

    INFO = 0
    WARNING = 1
    ERROR = 2
    CATASTROPHIC = 3

    def __str__(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of the script, in characters from its start. `Source` turns it into lines and columns."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the characters `start` to `end` of the script by `text`."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One remark. Lines and columns count from 1, columns in characters; the end is exclusive.

    `fix` are edits that make it go away, applied together, or None. `start` and `end` are the same place as offsets.
    """

    rule: str
    severity: Severity
    message: str
    line: int
    column: int
    end_line: int
    end_column: int
    start: int = 0
    end: int = 0
    fix: tuple[Edit, ...] | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "severity": str(self.severity),
            "message": self.message,
            "line": self.line,
            "column": self.column,
            "end_line": self.end_line,
            "end_column": self.end_column,
            "fix": None if self.fix is None else [asdict(edit) for edit in self.fix],
        }


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing a command does. `kind` is one of EFFECTS; `target` is what it does it to, where that is known."""

    kind: str
    target: str | None
    command: str
    line: int
    column: int
    detail: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


# Kind → how a person reads it, before the target; and without a target.
EFFECTS: dict[str, tuple[str, str]] = {
    "read": ("reads {}", "reads files named at run time"),
    "write": ("writes {}", "writes files named at run time"),
    "delete": ("deletes {}", "deletes files named at run time"),
    "execute": ("runs {}", "runs code that cannot be read from here"),
    "network": ("contacts {}", "contacts the network"),
    "service": ("asks the service {}", "asks a service"),
    "kill": ("signals {}", "signals processes"),
    "privilege": ("runs as {}", "changes its privileges"),
    "system": ("changes the host: {}", "changes the host"),
    "interactive": ("opens {}, which needs a terminal", "needs a terminal"),
}

HARMLESS = frozenset({"read", "network", "service"})  # nothing is changed; the last two need a grant


@dataclass(frozen=True, slots=True)
class Review:
    """The judgement of one script under one policy.

    `verdict`: allow; confirm (runs with a confirmation); refuse. `reason` is one sentence when it is not allow.
    `parsed` is False when the text could not be read by a parser of its language.
    """

    verdict: Verdict
    policy: str
    interpreter: str
    sha256: str
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    effects: tuple[Effect, ...] = ()
    parsed: bool = True
    notes: tuple[str, ...] = field(default=())

    @property
    def worst(self) -> Severity | None:
        return max((finding.severity for finding in self.findings), default=None)

    def summary(self) -> list[str]:
        """What the script does, one phrase an effect: `reads /etc (line 3)`."""
        return describe(self.effects)


@dataclass(slots=True)
class Judgement:
    """What a judge of one language found, before a policy is applied.

    `denials` say why the script is not proven to change nothing; they count under SAFE only, as errors.
    """

    findings: list[Finding] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    denials: list[Finding] = field(default_factory=list)
    parsed: bool = True
    notes: list[str] = field(default_factory=list)


def describe(effects: Iterable[Effect]) -> list[str]:
    """Phrases for people, each effect once, with the lines it is on."""
    lines: dict[tuple[str, str | None], list[int]] = {}
    commands = set[str]()
    for effect in effects:
        commands.add(effect.command)
        where = lines.setdefault((effect.kind, effect.detail or effect.target), [])
        if effect.line not in where:
            where.append(effect.line)
    order = list(EFFECTS)
    phrases = []
    for (kind, target), where in sorted(lines.items(), key=lambda item: (order.index(item[0][0]), item[1])):
        with_target, without = EFFECTS[kind]
        command, about, what = (target or "").partition(": ")
        if about and command in commands:  # a phrase about the command, no target
            told = "" if kind != "system" or what.startswith("is any other") else f": {what}"
            phrase = f"{without} ({command}{told})"
        elif kind == "execute" and target in commands and "/" not in target and " " not in target:
            phrase = f"runs the command {target}"  # it may read as a word of ours
        else:
            phrase = with_target.format(target) if target else without
        shown = ", ".join(map(str, where[:5])) + (", …" if len(where) > 5 else "")
        phrases.append(f"{phrase} (line {shown})")
    return phrases


def describe_recorded(effects: Iterable[Mapping[str, Any]]) -> list[str]:
    """`describe`, from a record's JSON."""
    return describe(Effect(**effect) for effect in effects)


class Source:
    """The text with its line table: offsets to lines and columns."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, both from 1."""
        line = bisect_right(self.starts, offset)
        return line, offset - self.starts[line - 1] + 1

    def finding(
        self,
        rule: str,
        severity: Severity,
        message: str,
        span: Span,
        fix: tuple[Edit, ...] | None = None,
    ) -> Finding:
        line, column = self.place(span.start)
        end_line, end_column = self.place(span.end)
        return Finding(rule, severity, message, line, column, end_line, end_column, span.start, span.end, fix)

"""What a report says, before it has a format: a title and blocks, and the same as data.

All text in it is harmless already (`Harmless`): redacted first, then sanitised. How to quote it is each format's own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opsconsole.safety.redact import NOTHING, Redaction
from opsconsole.safety.sanitise import sanitise, sanitise_name

_LONGEST_LINE = 2000


@dataclass(frozen=True, slots=True)
class Harmless:
    """Takes secrets and control sequences out of what goes into a report or on a screen."""

    redaction: Redaction = NOTHING

    def line(self, text: str, limit: int = _LONGEST_LINE) -> str:
        """On one line."""
        return sanitise_name(self.redaction.text(text), limit=limit)

    def text(self, text: str) -> str:
        """With its lines."""
        return sanitise(self.redaction.text(text))

    def data(self, value: Any) -> Any:
        """Every text in a JSON value, keys too."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.line(str(key)): self.data(one) for key, one in self.redaction.value(dict(value)).items()}
        if isinstance(value, (list, tuple)):
            return [self.data(one) for one in value]
        return value if isinstance(value, (int, float, bool)) or value is None else self.text(str(value))


@dataclass(frozen=True, slots=True)
class Words:
    """A paragraph."""

    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known, line by line: label and text."""

    caption: str
    rows: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Table:
    """`columns`: title, and whether it holds numbers."""

    caption: str
    columns: Sequence[tuple[str, bool]]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Code:
    """Text with lines, as it stands. `language` is one of ours: `bash`, `diff`, …"""

    caption: str
    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Bars:
    """A number for each of a few names; `said` is how it is put. `full`: what a whole bar is; None: the largest."""

    caption: str
    rows: Sequence[tuple[str, float, str]]
    full: float | None = None

    @property
    def top(self) -> float:
        """What a whole bar is; never 0."""
        return self.full or max((value for _, value, _ in self.rows), default=0) or 1.0


@dataclass(frozen=True, slots=True)
class Stacks:
    """Counts over time: a column for each span, with how many of each kind; `kinds` from the bottom up.

    `lines` are figures over the same spans (None: nothing there), drawn as lines of their own scale.
    """

    caption: str
    kinds: Sequence[str]
    columns: Sequence[tuple[str, Sequence[int]]]
    lines: Sequence[tuple[str, Sequence[float | None]]] = ()


Block = Words | Facts | Table | Code | Bars | Stacks


@dataclass(frozen=True, slots=True)
class Document:
    """A report. `data` is its JSON, `records` its rows for a table of figures; `made_at` in words."""

    kind: str
    title: str
    made_at: str
    blocks: Sequence[Block]
    data: Mapping[str, Any] = field(default_factory=dict)
    records: Sequence[Mapping[str, Any]] = ()

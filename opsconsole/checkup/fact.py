"""One thing a check-up looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

State = Literal["ok", "degraded", "missing", "broken"]


@dataclass(frozen=True, slots=True)
class Fact:
    """`effect`: what its state means for the operator; `remedy`: what to do."""

    topic: str
    name: str
    state: State
    found: str
    effect: str = ""
    remedy: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {key: value for key, value in asdict(self).items() if key != "topic"}

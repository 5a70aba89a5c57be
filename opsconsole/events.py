"""The typed events, and the bus that carries them: facts come up, nothing else.

A listener that raises cannot break the engine: its error is logged and the others still hear.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from opsconsole.models import ExecutionResult, Status, Task
from opsconsole.values import dataclass

if TYPE_CHECKING:
    from opsconsole.anomalies import Transition
    from opsconsole.samples import ProcessSample, RunUsage, Sample

_log = logging.getLogger("opsconsole.events")


@dataclass(frozen=True, slots=True)
class TaskChanged:
    """A task was created or its row changed, here or in another console. `previous` status: None for a new task, that
    of `task` when something else changed.
    """

    task: Task
    previous: Status | None


@dataclass(frozen=True, slots=True)
class ExecutionFinished:
    """An attempt ended, with its recorded result."""

    result: ExecutionResult


@dataclass(frozen=True, slots=True)
class TasksRemoved:
    """Clean-up removed ended tasks."""

    count: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the operator must be told: a degraded mode, a moved-aside file, a full disk."""

    level: str
    message: str


@dataclass(frozen=True, slots=True)
class SampleTaken:
    """A look at the host, not stored as an event. `processes` is all of them; `interval_s` is when the next is due."""

    sample: Sample
    processes: tuple[ProcessSample, ...]
    interval_s: float


@dataclass(frozen=True, slots=True)
class AnomalyEvent:
    """An episode opened, changed or closed, here or seen from another console."""

    transition: Transition


@dataclass(frozen=True, slots=True)
class RunSampled:
    """What the tree of a running execution uses now."""

    usage: RunUsage


Event = TaskChanged | ExecutionFinished | TasksRemoved | Notice | SampleTaken | AnomalyEvent | RunSampled
Listener = Callable[[Event], object]


class EventBus:
    """Carries events to listeners, in the order of publication."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Add a listener; the returned call removes it."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return unsubscribe

    @property
    def heard(self) -> bool:
        """Whether anybody listens, so that building an event can be left out."""
        return bool(self._listeners)

    def publish(self, event: Event) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - a listener's bug stays the listener's
                _log.exception("a listener failed on %s", type(event).__name__)

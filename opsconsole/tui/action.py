"""What an action is. All of them are in `actions`."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum, StrEnum

from opsconsole.models import Task
from opsconsole.values import dataclass


class Where(StrEnum):
    """Where a key works; the value is the help's heading."""

    TASKS = "The selected task"
    CONSOLE = "The console"
    OUTPUT = "Its output"
    FOUND = "What was found in its output"
    OVERVIEW = "Overview"
    PROCESSES = "Processes"
    ANOMALIES = "Anomalies"
    EDITOR = "The editor"
    HISTORY = "History"
    SETTINGS = "Settings"
    MOTION = "Moving in a list or in output"


class Danger(IntEnum):
    """What an action can do. A read-only console leaves out all from `CHANGES` on."""

    NONE = 0
    CHANGES = 1
    CONFIRM = 2


Refusal = Callable[[Task], str | None]


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `refusal` says why it makes no sense for a task, or None.

    Where `undoes` holds for the task, the key does the opposite and is called `opposite`.
    """

    id: str
    keys: str
    label: str
    description: str
    where: Where
    danger: Danger = Danger.NONE
    refusal: Refusal | None = None
    opposite: str = ""
    undoes: Callable[[Task], bool] | None = None
    footer: bool = False
    opens_text: bool = False
    """What is typed next goes into a line of text, also when it is in the same packet: the key is taken at once."""
    also: tuple[str, ...] = ()
    """What else it is called, by who is used to vim, htop or k9s: the palette finds it by these as well."""

    @property
    def changes(self) -> bool:
        """It changes something, here or on the host: a read-only console does not have it."""
        return self.danger >= Danger.CHANGES

    def label_for(self, task: Task | None) -> str:
        """The footer's word."""
        return self.opposite if task is not None and self.undoes is not None and self.undoes(task) else self.label

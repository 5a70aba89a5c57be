"""The slots of one console: started on demand, reused, parted with.

Ordinary and elevated runs have a lean parent and slots each; an elevated one may be root's while we are not.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from opsconsole.errors import SupervisorError
from opsconsole.execution import elevation
from opsconsole.execution.dispatch import Launch
from opsconsole.execution.slots import LeanParent, Slot


class SlotPool:
    """Idle and busy slots. `on_message` and `on_lost` get the execution id the slot was busy with."""

    def __init__(
        self,
        log: Path,
        on_message: Callable[[str, dict[str, Any], Slot], None],
        on_lost: Callable[[str], None],
        *,
        use_cgroup: bool = True,
    ) -> None:
        self._log = log
        self._use_cgroup = use_cgroup
        self._report = on_message
        self._report_loss = on_lost
        self._parents: dict[bool, LeanParent] = {}
        self._idle: dict[bool, list[Slot]] = {False: [], True: []}
        self._busy: dict[Slot, tuple[str, bool]] = {}

    @property
    def busy(self) -> int:
        return len(self._busy)

    def warm(self) -> None:
        """Have the parent started before the first launch needs it. Raises SupervisorError."""
        if False not in self._parents:
            self._parents[False] = LeanParent(self._log, use_cgroup=self._use_cgroup)

    def prefork(self) -> None:
        """Have one slot waiting. Raises SupervisorError."""
        if not self._idle[False] and not self._busy:
            self._idle[False].append(self._fork(False))

    def launch(self, execution_id: str, launch: Launch, environment: Mapping[str, str], *, elevated: bool) -> None:
        """Give a launch to an idle slot or a new one. Raises SupervisorError: nothing was started then."""
        apart = elevated and elevation.needs_sudo()
        for attempt in range(3):
            slot = self._idle[apart].pop() if self._idle[apart] else self._fork(apart)
            self._busy[slot] = (execution_id, apart)
            try:
                slot.launch(launch, environment)
            except SupervisorError:
                self._busy.pop(slot, None)
                slot.close()
                if attempt == 2:
                    raise
            else:
                return

    def close(self) -> None:
        """Part with all: busy ones finish their run and leave, idle ones leave now."""
        for slot in [*self._busy, *self._idle[False], *self._idle[True]]:
            slot.close()
        for parent in self._parents.values():
            parent.close()
        self._busy.clear()
        self._idle = {False: [], True: []}
        self._parents.clear()

    def _fork(self, apart: bool) -> Slot:
        parent = self._parents.get(apart)
        if parent is not None and not parent.alive:
            parent.close()
            parent = None
        if parent is None:
            prefix = elevation.command_prefix() if apart else []
            parent = self._parents[apart] = LeanParent(self._log, prefix, use_cgroup=self._use_cgroup)
        return Slot(asyncio.get_running_loop(), parent.fork_slot(), self._on_message, self._on_lost)

    def _on_message(self, slot: Slot, message: dict[str, Any]) -> None:
        execution_id, apart = self._busy.get(slot, ("", False))
        if message["op"] in ("result", "lost", "failed"):
            self._busy.pop(slot, None)
            if message.get("retired"):
                slot.close()
            else:
                self._idle[apart].append(slot)
        self._report(execution_id, message, slot)

    def _on_lost(self, slot: Slot) -> None:
        busy = self._busy.pop(slot, None)
        for idle in self._idle.values():
            with contextlib.suppress(ValueError):
                idle.remove(slot)
        if busy is not None:
            self._report_loss(busy[0])

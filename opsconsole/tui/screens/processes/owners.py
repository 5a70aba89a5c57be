"""Which of our own runs a process belongs to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from opsconsole.samples import ProcessSample

if TYPE_CHECKING:
    from opsconsole.storage.running import Running


def owners(processes: Sequence[ProcessSample], running: Iterable[Running]) -> Mapping[int, str]:
    """Pid → execution, of all that hangs below a supervisor, and of the supervisor itself.

    A supervisor is a subreaper: whatever its script started is below it, also what left the script's session. One
    whose number belongs to a later process has no run.
    """
    roots = {one.supervisor: one for one in running}
    if not roots:
        return {}
    parents = {one.pid: one.ppid for one in processes}
    found: dict[int, str | None] = {
        one.pid: roots[one.pid].execution_id if _is(one, roots[one.pid]) else None
        for one in processes
        if one.pid in roots
    }
    for pid in parents:
        way: list[int] = []
        while pid in parents and pid not in found:
            found[pid] = None  # a circle ends here
            way.append(pid)
            pid = parents[pid]
        owner = found.get(pid)
        found.update(dict.fromkeys(way, owner))
    return {pid: owner for pid, owner in found.items() if owner is not None}


def _is(process: ProcessSample, run: Running) -> bool:
    return run.supervisor_start is None or process.start_ticks == run.supervisor_start

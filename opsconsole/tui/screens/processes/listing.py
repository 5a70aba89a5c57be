"""Which processes, in which order: filtered, sorted, as a plain list or as a tree. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

from opsconsole.samples import ProcessSample
from opsconsole.tui.screens.processes.filter import EVERYTHING, Look, ProcessFilter

Identity = tuple[int, int]

SORTS: Mapping[str, tuple[Callable[[ProcessSample], Any], bool, str]] = {
    "cpu": (lambda one: round(one.cpu_percent, 1), True, "CPU"),  # as it is shown: equals keep their order
    "rss": (attrgetter("rss_bytes"), True, "memory"),
    "name": (lambda one: one.name.casefold(), False, "name"),
    "pid": (attrgetter("pid"), False, "process id"),
    "user": (lambda one: one.user or str(one.uid), False, "user"),
    "state": (lambda one: "RDZTtSI".find(one.state) % 99, False, "state"),
    "threads": (attrgetter("threads"), True, "threads"),
    "nice": (attrgetter("nice"), False, "nice value"),
    "time": (attrgetter("cpu_time_s"), True, "CPU time"),
    "command": (lambda one: one.cmdline.casefold() or one.name.casefold(), False, "command line"),
    "age": (attrgetter("start_time"), True, "age"),
}
"""Column → its key, whether the large come first, and how it is called."""

_BY_PID = attrgetter("pid")


@dataclass(frozen=True, slots=True)
class Wish:
    """How the operator wants it."""

    sort: str = "cpu"
    reverse: bool = False
    tree: bool = False
    filter: ProcessFilter = EVERYTHING
    folded: frozenset[Identity] = frozenset()
    """Whose children the tree does not show."""

    paths: bool = False
    """Programs are shown with their folders."""

    def sorted_by(self, column: str) -> Wish:
        """By this column; once more: the other way round."""
        return replace(self, sort=column, reverse=column == self.sort and not self.reverse)

    def next_sort(self) -> Wish:
        names = list(SORTS)
        return replace(self, sort=names[(names.index(self.sort) + 1) % len(names)], reverse=False)


@dataclass(frozen=True, slots=True)
class Listing:
    """`branches`: what stands before the command in a tree. `around`: those that only show where others hang.
    `below`: of those that are folded, how many processes are not shown for that."""

    processes: Sequence[ProcessSample] = ()
    branches: Sequence[str] = ()
    around: frozenset[int] = frozenset()
    below: Mapping[Identity, int] = field(default_factory=dict)
    found: int = 0
    """How many pass the filter."""

    states: Mapping[str, int] = field(default_factory=dict)
    """How many of those are in each state."""

    index: Mapping[Identity, int] = field(default_factory=dict)
    measured: bool = True
    """Their CPU is known, which takes two looks."""


def arrange(
    processes: Sequence[ProcessSample],
    wish: Wish,
    now: float,
    runs: Mapping[int, str] | None = None,
    *,
    measured: bool = True,
    memory: int = 0,
) -> Listing:
    """What is to be shown. `now`: seconds since the epoch; `runs`: which pid belongs to which execution of ours. What
    is not `measured` yet is in no order by CPU. `memory`: of the host, in bytes.
    """
    test, look = wish.filter.test, Look(now, runs or {}, memory)
    passing = list(processes) if test is None else [one for one in processes if test(one, look)]
    found, states = len(passing), Counter([one.state for one in passing])
    around: frozenset[int] = frozenset()
    if wish.tree and test is not None:
        around = _ancestors(passing, processes)
        passing += [one for one in processes if one.pid in around]
    key, large_first, _ = SORTS[wish.sort]
    passing.sort(key=_BY_PID)
    passing.sort(key=key, reverse=large_first is not wish.reverse)
    branches: Sequence[str] = ()
    below: Mapping[Identity, int] = {}
    if wish.tree:
        passing, branches, below = _tree(passing, wish.folded)
    index = {one.identity: line for line, one in enumerate(passing)}
    return Listing(passing, branches, around, below, found, states, index, measured)


def without_folder(command: str, name: str) -> str:
    """A command line whose program has no folder: what it does stands at its end, and room is short.

    `name`: as the kernel calls it, which tells where a path ends that has blanks.
    """
    if not command.startswith("/"):
        return command
    end = f"{command} ".find(f"/{name} ") if name else -1
    if end < 0 or any(sign in command[:end] for sign in (" /", " -")):
        end = command.partition(" ")[0].rfind("/")
    return command[end + 1 :] or command


def parents_of(listing: Listing) -> set[Identity]:
    """Who has children in it: what can be folded."""
    pids = {one.ppid for one in listing.processes if one.ppid != one.pid}
    return {one.identity for one in listing.processes if one.pid in pids} | set(listing.below)


def _ancestors(passing: Sequence[ProcessSample], everybody: Sequence[ProcessSample]) -> frozenset[int]:
    """The pids between those that pass and the root, without those that pass themselves."""
    parents = {one.pid: one.ppid for one in everybody}
    shown = {one.pid for one in passing}
    above: set[int] = set()
    for one in passing:
        pid = one.ppid
        while pid in parents and pid not in above:
            above.add(pid)
            pid = parents[pid]
    return frozenset(above - shown)


def _tree(
    ordered: Sequence[ProcessSample], folded: frozenset[Identity]
) -> tuple[list[ProcessSample], list[str], dict[Identity, int]]:
    """Depth first, brothers in the order given. Nobody is left out, also where the parents go in a circle."""
    here = {one.pid for one in ordered}
    children: dict[int, list[ProcessSample]] = {}
    roots: list[ProcessSample] = []
    for one in ordered:
        if one.ppid in here and one.ppid != one.pid:
            children.setdefault(one.ppid, []).append(one)
        else:
            roots.append(one)
    below: dict[Identity, int] = {}
    hidden: set[int] = set()
    for one in ordered if folded else ():
        if one.identity in folded and one.pid not in hidden:
            below[one.identity] = _uproot(one, children, below, hidden)
    processes: list[ProcessSample] = []
    branches: list[str] = []
    _descend(roots, children, processes, branches)
    if len(processes) + len(hidden) < len(ordered):  # a pid that was used again while it was looked
        seen = hidden.union(one.pid for one in processes)
        for one in ordered:
            if one.pid not in seen:
                processes.append(one)
                branches.append("")
    return processes, branches, {identity: count for identity, count in below.items() if count}


def _uproot(
    root: ProcessSample, children: dict[int, list[ProcessSample]], below: dict[Identity, int], hidden: set[int]
) -> int:
    """Take all below it away; how many they were, those below folded ones too."""
    waiting, count = children.pop(root.pid, []), 0
    while waiting:
        one = waiting.pop()
        if one is not root:  # in a circle
            hidden.add(one.pid)
            count += 1 + below.pop(one.identity, 0)
            waiting += children.pop(one.pid, [])
    return count


def _descend(
    roots: list[ProcessSample], children: dict[int, list[ProcessSample]], processes: list[ProcessSample],
    branches: list[str],
) -> None:  # fmt: skip
    stack = [(one, "", "") for one in reversed(roots)]
    while stack:
        one, branch, below = stack.pop()
        processes.append(one)
        branches.append(branch)
        brood = children.pop(one.pid, None)
        if brood is None:
            continue
        deep = len(below) >= _DEEPEST
        last = brood[-1]
        for child in reversed(brood):
            if deep:
                stack.append((child, below + "… ", below))
            elif child is last:
                stack.append((child, below + "└ ", below + "  "))
            else:
                stack.append((child, below + "├ ", below + "│ "))


_DEEPEST = 40
"""Columns of branches; what is deeper has an ellipsis."""

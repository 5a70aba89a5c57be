"""How the room is shared out: what is wrong first, then what runs, then what happened; graphs are never gone. Pure."""

from __future__ import annotations

from typing import NamedTuple

WIDE = 110
"""From so many columns on, graphs stand in one row and the lists side by side."""
_LOW = 14
_TALL = 34
_FEW_LINES = 4
_FEW_GRAPHS = 2
_FOOT = 4


class Wants(NamedTuple):
    """How many lines each list has to show."""

    trouble: int = 0
    running: int = 0
    since: int = 0


class Plan(NamedTuple):
    """Lines of the screen; 0: not shown."""

    trouble: int
    graphs: int
    running: int
    since: int
    processes: int
    per_row: int = _FEW_GRAPHS
    stacked: bool = True
    """All lists one under the other; else the processes beside the others."""
    feet: bool = False
    """A graph has a line of its own for who is busiest."""


def plan(width: int, height: int, wants: Wants, graphs: int = 4) -> Plan:
    """For a body of so many cells, in which `graphs` graphs are wanted."""
    if height < _LOW:
        return _low(height, wants)
    return _wide(height, wants, graphs) if width >= WIDE else _narrow(height, wants, graphs)


def _low(height: int, wants: Wants) -> Plan:
    shares = _Shares(height, trouble=1, running=1, since=1)
    shares.grow("trouble", 1 + min(wants.trouble, 3))
    shares.grow("running", 1 + min(wants.running, 3))
    shares.grow("trouble", 1 + wants.trouble)
    shares.grow("since", height)
    return Plan(shares["trouble"], 0, shares["running"], shares["since"], 0)


def _narrow(height: int, wants: Wants, graphs: int) -> Plan:
    rows = -(-graphs // _FEW_GRAPHS)
    shares = _Shares(height, trouble=1, graphs=2 * rows, running=1, since=1)
    shares.grow("trouble", 1 + min(wants.trouble, 4))
    shares.grow("running", 1 + min(wants.running, 3))
    shares.grow("since", 1 + min(wants.since, 3))
    shares.grow("graphs", 3 * rows)
    shares.grow("processes", 4)
    shares.grow("trouble", 1 + min(wants.trouble, 8))
    shares.grow("running", 1 + min(wants.running, 6))
    shares.grow("graphs", 4 * rows)
    shares.grow("since", 1 + min(wants.since, 6))
    shares.grow("trouble", 1 + min(wants.trouble, height // 3))
    shares.grow("graphs", min(6, max(4, height // 6)) * rows)
    shares.grow("processes", height)
    if 0 < shares["processes"] < 2:  # a title without a process says nothing
        shares.give("processes", "graphs")
    feet = shares["graphs"] // rows >= _FOOT
    trouble, running, since = shares["trouble"], shares["running"], shares["since"]
    return Plan(trouble, shares["graphs"], running, since, shares["processes"], feet=feet)


def _wide(height: int, wants: Wants, graphs: int) -> Plan:
    """Where something is wrong that takes room from the graphs.

    The processes stand beside the other lists while something is wrong or runs, and below them while nothing does:
    how much has happened meanwhile moves no pane to another place.
    """
    calm = not wants.trouble
    quiet = calm and not wants.running
    shares = _Shares(height, trouble=1, graphs=5, lists=6)
    shares.grow("trouble", 1 + min(wants.trouble, max(3, height // 3)))
    shares.grow("graphs", max(5, height * (40 if quiet else 34 if calm else 22) // 100))
    if not calm and height >= _TALL:
        shares.grow("trouble", shares["trouble"] + 1)  # air below it: what is wrong stands apart
    shares.grow("lists", height)
    lists = shares["lists"]
    if quiet:
        running, since = 1, 1 + min(wants.since, max(_FEW_LINES, lists // 3))
        processes = max(0, lists - running - since)
        feet = shares["graphs"] >= _FOOT
        return Plan(shares["trouble"], shares["graphs"], running, since, processes, graphs, feet=feet)
    side = _Shares(lists, running=1, since=1)
    side.grow("running", 1 + min(wants.running, 3))
    side.grow("since", 1 + min(wants.since, 3))
    side.grow("running", 1 + min(wants.running, lists * 6 // 10))
    side.grow("since", lists)
    feet = shares["graphs"] >= _FOOT
    trouble, above = shares["trouble"], shares["graphs"]
    return Plan(trouble, above, side["running"], side["since"], lists, graphs, stacked=False, feet=feet)


class _Shares:
    """Lines by name, out of so many."""

    def __init__(self, lines: int, **least: int) -> None:
        self._left = lines
        self._lines: dict[str, int] = {}
        for name, wanted in least.items():
            self.grow(name, wanted)

    def __getitem__(self, name: str) -> int:
        return self._lines.get(name, 0)

    def grow(self, name: str, wanted: int) -> None:
        """Up to so many, as far as there are any left."""
        more = max(0, min(wanted - self[name], self._left))
        self._lines[name] = self[name] + more
        self._left -= more

    def give(self, name: str, to: str) -> None:
        """All lines of one to another."""
        self._lines[to] = self[to] + self._lines.pop(name, 0)

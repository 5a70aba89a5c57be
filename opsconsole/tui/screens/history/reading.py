"""What the history's mode reads, each in a thread: the list, its rows, a run, statistics."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from opsconsole.models import ENDED, Task
from opsconsole.reporting.runs import Run, read_run
from opsconsole.storage.archive import PAGE, Archive, Snippet
from opsconsole.storage.history import Filter
from opsconsole.tui.screens.history.listing import PAGE as FIRST_ROWS
from opsconsole.tui.screens.history.query import Query
from opsconsole.tui.screens.history.spans import SPANS, fitting

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.storage.trends import GroupBy, Trends

_BRIEF_BYTES = 16 * 1024
_COUNTED_BYTES = 16 * 1024 * 1024
"""Of an output's lines for a preview: some 20 ms. Of more, the bytes are told."""
_EVERYTHING = Filter(statuses=ENDED)
_KIN, _KIN_LOOKED_AT = 10, 30
"""Names that only contain a name are among what is found."""
_FIRST = 400
"""Lines that are shown before all are known."""


@dataclass(frozen=True, slots=True)
class Found:
    """`total`: how many have ended, whatever the filter; None: it is still to be counted. `rows`: of the first ids, as
    far as they are read already. Not `whole`: the first of them, and the others are being read."""

    query: Query
    ids: array[int]
    total: int | None
    rows: Sequence[Task] = ()
    whole: bool = True


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run that somebody looks at; `words` are to be shown where they stand."""

    task_id: int
    words: tuple[str, ...] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Detail:
    """`kin`: the newest runs of the same name that have ended, the newest first."""

    run: Run
    snippets: list[Snippet]
    kin: Sequence[Task] = ()


@dataclass(frozen=True, slots=True)
class Figures:
    """Statistics that are asked for, of one of `SPANS`; `span` None: of that which holds what there is."""

    filter: Filter
    span: int | None
    buckets: int
    by: GroupBy
    now_us: int


@dataclass(frozen=True, slots=True)
class Pictured:
    """`span`: which one it is of."""

    trends: Trends
    span: int


class Reading:
    """Connections of its own, so that no long question holds up a short one, and none the screen."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.search: Archive = engine.archive()
        self.lists: Archive = engine.archive()
        self.figures: Archive = engine.archive()
        self.total: int | None = None
        """How many have ended; None: it is to be counted again."""
        self._begun: Found | None = None
        self._ahead: Ahead | None = None
        self._counted: Ahead | None = None
        self._kin: dict[str, Sequence[Task]] = {}

    def count(self) -> int:
        """How many have ended. Raises OpsErrors, InterruptedReadError."""
        counted, self._counted = self._counted, None
        return self.figures.count(_EVERYTHING) if counted is None else counted.total()

    def recount(self) -> None:
        """Another number has ended."""
        self.total = self._counted = None
        self._kin = {}

    def begin(self, query: Query, selected: int | None, line: int) -> Found | None:
        """What can be shown at once of a list, of whatever length. None: the cursor, which is on this run and this
        line, could not stay where it belongs without knowing all. Raises OpsErrors, InterruptedReadError."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.query is query:
            return ahead.wait()
        return self.first_of(query, selected, line)

    def first_of(self, query: Query, selected: int | None = None, line: int = 0) -> Found | None:
        """As `begin`, of what is not read ahead."""
        self._begun = None
        first = self.search.beginning(query.filter, _FIRST)
        if first is None or not (first.whole or line < len(first.ids)):
            return None
        lost = selected is not None and selected not in first.ids
        if lost and not first.whole and self.search.passes(query.filter, selected or 0):
            return None
        if first.whole and query.filter == _EVERYTHING:
            self.total = len(first.ids)
        rows = self.search.rows(first.ids[:FIRST_ROWS])
        self._begun = Found(query, first.ids, self.total, rows, first.whole)
        return self._begun

    def find(self, query: Query) -> Found:
        """All of the list. Raises OpsErrors, InterruptedReadError."""
        begun = self._begun
        if begun is not None and begun.whole and begun.query is query and begun.total is not None:
            return begun
        ids = self.search.index(query.filter)
        if query.filter == _EVERYTHING:
            self.total = len(ids)
        elif self.total is None:
            self.total = self.search.count(_EVERYTHING)
        return Found(query, ids, self.total)

    def page(self, ids: list[int]) -> list[Task]:
        """Raises OpsErrors."""
        return self.lists.rows(ids)

    def detail(self, wanted: Wanted) -> Detail:
        """Raises OpsErrors."""
        task = self._engine.task(wanted.task_id)
        brief = {} if wanted.whole else {"head": _BRIEF_BYTES, "tail": _BRIEF_BYTES, "count": _COUNTED_BYTES}
        run = read_run(self._engine, task, **brief)
        snippets = self.lists.snippets(wanted.task_id, wanted.words) if wanted.words else []
        return Detail(run, snippets, () if wanted.whole else self._kin_of(task))

    def _kin_of(self, task: Task) -> Sequence[Task]:
        """Of those that ended not long ago: more would be searched for too long. Raises OpsErrors."""
        if not task.name:
            return ()
        if (known := self._kin.get(task.name)) is None:
            first = self.lists.beginning(Filter(statuses=ENDED, name=task.name), _KIN_LOOKED_AT)
            rows = self.lists.rows(first.ids) if first is not None else []
            known = self._kin[task.name] = [one for one in rows if one.name == task.name][:_KIN]
        return known

    def trends(self, asked: Figures) -> Pictured:
        """Raises OpsErrors, InterruptedReadError."""
        narrowed = replace(asked.filter, statuses=asked.filter.statuses or ENDED)
        span = asked.span
        if span is None:
            span = fitting(self.figures.extent(narrowed), asked.now_us)
        _, span_s = SPANS[span]
        since = None if span_s is None else asked.now_us - span_s * 1_000_000
        return Pictured(self.figures.trends(narrowed, since, asked.now_us, asked.buckets, asked.by), span)

    def rows_of(self, ids: array[int], most: int) -> list[Task]:
        """Of a list that is exported. Raises OpsErrors."""
        found: list[Task] = []
        for start in range(0, min(len(ids), most), PAGE):
            found += self.lists.rows(ids[start : min(start + PAGE, most)])
        return found

    def ahead(self, query: Query) -> Ahead:
        """Begin to read this list now, for a screen that is still being made: `begin` waits for it then."""
        self._ahead = self._counted = ahead = Ahead(self, query)
        return ahead

    def close(self) -> None:
        for archive in (self.search, self.lists, self.figures):
            archive.close()


class Ahead:
    """The first lines of a list, and how many there are in all, read in a thread from now on."""

    def __init__(self, reading: Reading, query: Query) -> None:
        self.query = query
        self._first: Future[Found | None] = Future()
        self._total: Future[int] = Future()
        # A thread of the loop's own: starting another one waits until it runs.
        asyncio.get_running_loop().run_in_executor(None, self._read, reading)

    def _read(self, reading: Reading) -> None:
        try:
            self._first.set_result(reading.first_of(self.query))
        except BaseException as error:  # noqa: BLE001 - whoever waits for it gets it
            self._first.set_exception(error)
        try:
            self._total.set_result(reading.search.count(_EVERYTHING))
        except BaseException as error:  # noqa: BLE001
            self._total.set_exception(error)

    def known(self) -> Found | None:
        """What has come by now. None: nothing yet, or an error that `wait` raises."""
        if not self._first.done() or self._first.exception() is not None:
            return None
        return self.wait()

    def wait(self) -> Found | None:
        """As `Reading.begin`."""
        first = self._first.result()
        counted = self._total.done() and self._total.exception() is None
        return replace(first, total=self.total()) if first and first.total is None and counted else first

    def total(self) -> int:
        """As `Reading.count`."""
        return self._total.result()

"""A list of any length: all ids, and the rows of the few pages that somebody looks at."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from opsconsole.models import Task

PAGE = 100
PAGES = 9
"""Kept at once: no more than `PAGE * PAGES` rows are ever in memory."""


class Listing:
    """Ids in the order shown. A row is there once its page was read (`keep`)."""

    def __init__(self, ids: array[int] | None = None, *, whole: bool = True) -> None:
        self.ids: array[int] = array("q") if ids is None else ids
        self.whole = whole
        """No: these are the first, and all are being read."""
        self._pages: OrderedDict[int, dict[int, Task]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.ids)

    def at(self, line: int) -> Task | None:
        """The row of a line, if it has been read."""
        if not 0 <= line < len(self.ids):
            return None
        page = self._pages.get(line // PAGE)
        return None if page is None else page.get(self.ids[line])

    def line_of(self, task_id: int) -> int | None:
        """Where a task is."""
        try:
            return self.ids.index(task_id)
        except ValueError:
            return None

    def missing(self, first: int, last: int) -> list[int]:
        """Pages of the lines [first, last] that have not been read; nearest the middle first."""
        if not self.ids:
            return []
        low, high = max(0, first) // PAGE, min(last, len(self.ids) - 1) // PAGE
        middle = (first + last) / 2 / PAGE - 0.5
        found = [page for page in range(low, high + 1) if page not in self._pages]
        return sorted(found, key=lambda page: abs(page - middle))[:PAGES]

    def ids_of(self, page: int) -> Sequence[int]:
        return self.ids[page * PAGE : (page + 1) * PAGE]

    def keep(self, page: int, rows: Iterable[Task]) -> None:
        """What was read of a page; the one that was longest not read goes."""
        self._pages[page] = {task.id: task for task in rows}
        self._pages.move_to_end(page)
        while len(self._pages) > PAGES:
            self._pages.popitem(last=False)

    def take(self, task: Task) -> bool:
        """A row that changed; whether it is one of those that are here."""
        for page in self._pages.values():
            if task.id in page:
                page[task.id] = task
                return True
        return False

    def take_over(self, other: Listing, around: int) -> None:
        """The rows near line `around` that another listing has read are here at once."""
        known = {task_id: task for page in other._pages.values() for task_id, task in page.items()}
        middle = around // PAGE
        for page in (middle - 1, middle + 1, middle):
            ids = self.ids_of(page) if page >= 0 else ()
            if ids and all(task_id in known for task_id in ids):
                self.keep(page, [known[task_id] for task_id in ids])

    @property
    def held(self) -> int:
        """Rows in memory."""
        return sum(map(len, self._pages.values()))

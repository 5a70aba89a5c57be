"""An archive without a database, on the rows that a stand-in of the engine has in memory."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence

from opsconsole.models import Task
from opsconsole.storage.archive import Beginning, Snippet
from opsconsole.storage.history import Filter
from opsconsole.storage.trends import GroupBy, Tally, Trends


class FakeArchive:
    """`rows` gives all tasks, the newest first. Only statuses, exit code and words of the name narrow it."""

    def __init__(self, tasks: Callable[[], list[Task]]) -> None:
        self._tasks = tasks

    def index(self, filter: Filter) -> array[int]:
        found = [task for task in self._tasks() if _passes(task, filter)]
        found.sort(key=lambda task: (-(task.finished_at or task.queued_at), -task.id))
        return array("q", [task.id for task in found])

    def beginning(self, filter: Filter, most: int) -> Beginning | None:
        ids = self.index(filter)
        return Beginning(ids[:most], whole=len(ids) <= most)

    def passes(self, filter: Filter, task_id: int) -> bool:
        return task_id in self.index(filter)

    def rows(self, ids: Sequence[int]) -> list[Task]:
        known = {task.id: task for task in self._tasks()}
        return [known[one] for one in ids if one in known]

    def count(self, filter: Filter) -> int:
        return len(self.index(filter))

    def snippets(self, task_id: int, words: Sequence[str], most: int = 3) -> list[Snippet]:
        return []

    def trends(self, filter: Filter, since_us: int | None, until_us: int, buckets: int, by: GroupBy) -> Trends:
        nothing = Tally({}, None, None)
        return Trends(since_us or 0, until_us, by, nothing, [nothing] * buckets, {})

    def interrupt(self) -> None:
        pass

    def close(self) -> None:
        pass


def _passes(task: Task, filter: Filter) -> bool:
    words = (filter.text or "").casefold().split()
    return (
        (not filter.statuses or task.status in filter.statuses)
        and filter.exit_code in (None, task.exit_code)
        and all(word in task.name.casefold() for word in words)
    )

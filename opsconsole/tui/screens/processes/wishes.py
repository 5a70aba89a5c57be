"""Keys that say how the list is wanted: its order, and the tree with what is folded in it."""

from __future__ import annotations

from dataclasses import replace

from opsconsole import host
from opsconsole.tui.screens.processes.actions import SORTS
from opsconsole.tui.screens.processes.commands import ProcessCommands
from opsconsole.tui.screens.processes.listing import Listing, Wish, parents_of
from opsconsole.tui.screens.processes.table import ProcessTable

_NO_TREE = "Only the tree can be folded: {} shows it."


class ProcessWishes(ProcessCommands):
    """The part of the screen that holds the wish; the screen shows the list by it."""

    _table: ProcessTable

    def __init__(self) -> None:
        super().__init__()
        self._wish = Wish()

    def show_list(self) -> None:
        """Another order, other lines."""
        raise NotImplementedError

    def _want(self, wish: Wish) -> None:
        self._wish = wish
        self.show_list()
        self.show_keys()

    @property
    def looks(self) -> bool:
        """Beneath a question the list stands still: that asks about what is seen."""
        return super().looks and self.app.screen is self

    @property
    def memory(self) -> int:
        """Bytes that the host has, as its last sample says; without one, as the system does."""
        taken = self.engine.monitoring.latest()
        return host.memory_bytes() if taken is None else taken.sample.memory.total

    # -- order

    def on_process_table_sorted(self, event: ProcessTable.Sorted) -> None:
        self._want(self._wish.sorted_by(event.column))

    def action_sort_next(self) -> None:
        self._want(self._wish.next_sort())

    def action_sort_reverse(self) -> None:
        self._want(replace(self._wish, reverse=not self._wish.reverse))

    def action_sort_cpu(self) -> None:
        self._want(self._wish.sorted_by(SORTS["sort_cpu"]))

    def action_sort_memory(self) -> None:
        self._want(self._wish.sorted_by(SORTS["sort_memory"]))

    def action_sort_name(self) -> None:
        self._want(self._wish.sorted_by(SORTS["sort_name"]))

    def action_sort_pid(self) -> None:
        self._want(self._wish.sorted_by(SORTS["sort_pid"]))

    def action_sort_user(self) -> None:
        self._want(self._wish.sorted_by(SORTS["sort_user"]))

    def action_sort_time(self) -> None:
        self._want(self._wish.sorted_by(SORTS["sort_time"]))

    def action_full_paths(self) -> None:
        self._want(replace(self._wish, paths=not self._wish.paths))

    # -- tree

    def action_tree(self) -> None:
        self._want(replace(self._wish, tree=not self._wish.tree))

    def action_fold(self) -> None:
        """As in any tree: once folds it, once more goes to who started it."""
        if (listing := self._tree()) is None or (one := self._table.selected) is None:
            return
        if one.identity in parents_of(listing) and one.identity not in listing.below:
            self._want(replace(self._wish, folded=self._wish.folded | {one.identity}))
        else:
            self._table.select(one.ppid)

    def action_unfold(self) -> None:
        if self._tree() is not None and (one := self._table.selected) is not None:
            self._want(replace(self._wish, folded=self._wish.folded - {one.identity}))

    def action_fold_all(self) -> None:
        if (listing := self._tree()) is not None:
            folded = frozenset() if self._wish.folded else frozenset(parents_of(listing))
            self._want(replace(self._wish, folded=folded))

    def _tree(self) -> Listing | None:
        if not self._wish.tree:
            self.app.tell(_NO_TREE.format(self.app.key_display(self.app.keys_for("tree").split(",")[0])))
            return None
        return self._table.listing

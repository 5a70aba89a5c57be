"""What `opsconsole doctor` says, as a page: what works here, what is missing, what that disables, how to get it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from opsconsole import checkup
from opsconsole.checkup import Fact
from opsconsole.errors import OpsError
from opsconsole.tui.screens.settings.page import Page
from opsconsole.tui.screens.settings.prose import Paragraph, fact
from opsconsole.tui.screens.settings.row_list import Column, Row, heading
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.wording import size

FACES = {"ok": ("✔", "good"), "degraded": ("!", "warning"), "missing": ("–", "warning"), "broken": ("✗", "bad")}
_TITLES = {
    "policies": "Policies: what contains a script here", "interpreters": "Interpreters",
    "killing": "Killing a whole tree", "limits": "Limits, and what bears them", "tools": "Tools",
    "redaction": "Secrets", "monitor": "Watching", "state": "State directory", "platform": "Platform",
}  # fmt: skip
_ORDER = tuple(_TITLES)
_LABELS = {
    "free_bytes": "free", "min_free": "needed", "version": "schema", "known_version": "known here",
    "quick_check": "check", "uid": "user id", "unfit": "too short", "missing": "not set", "tier": "borne by",
}  # fmt: skip
"""Details of facts, for people; the others are called what they are called."""
_BYTES = frozenset({"free_bytes", "min_free"})
_STATES = {
    "ok": "works", "degraded": "works, but not as well as it could", "missing": "is not there", "broken": "is broken",
}  # fmt: skip


class HostPage(Page):
    """Looked at when the page is first seen, and on a key; each topic is shown as soon as it is known."""

    ID = "host"
    COLUMNS = (Column("", 1), Column("PART", 13), Column("FOUND", 0))
    KEYS: ClassVar[tuple[str, ...]] = ("refresh_page", "copy", "only_changed")

    def __init__(self) -> None:
        super().__init__()
        self._facts: dict[str, Fact] = {}
        self._seen: set[str] = set()
        self._looking = self._moved = False
        self._chosen = ""

    def look(self) -> None:
        if not self._facts and not self._looking:
            self.refresh_page()

    def refresh_page(self) -> None:
        if self._looking:
            return
        self._looking = True
        self._seen = set()
        recorded = self.app.recorded
        this_host = checkup.facts(self.mode.engine.paths, self.app.settings) if recorded is None else recorded.facts()
        self._next(this_host)

    def _next(self, found: Iterator[Fact]) -> None:
        """One fact at a time: what was asked for last is dropped when the page goes."""
        self.in_background(lambda: _asked(found), lambda one: self._take(one, found))

    def _take(self, one: Fact | None, found: Iterator[Fact]) -> None:
        if one is None:
            self._looking = False
            self._facts = {key: value for key, value in self._facts.items() if key in self._seen}
        else:
            key = f"{one.topic} {one.name}"
            self._seen.add(key)
            self._facts[key] = one
            if (one.topic, one.name) == ("tools", "sudo -n"):
                self.app.know_root(one.state == "ok")
            self._next(found)
        self._show()

    def _show(self) -> None:
        rows: list[Row] = []
        for topic in sorted({one.topic for one in self._facts.values()}, key=_place):
            own = [(key, one) for key, one in self._facts.items() if one.topic == topic]
            if self.only_changed:
                own = [(key, one) for key, one in own if one.state != "ok"]
            if own:
                rows += [heading(_TITLES.get(topic, topic)), *(self._row(key, one) for key, one in own)]
        self.show_rows(rows)
        if not self._moved:  # the eye begins with the worst
            graver = [key for key, one in self._facts.items() if one.state == "broken"]
            graver += [key for key, one in self._facts.items() if one.state == "degraded"]
            first = next((row.id for row in rows if row.id), "")
            self.list.select(next((row.id for row in rows if row.id in graver[:1]), first))
            self._chosen = self.list.selected

    def moved(self, row_id: str) -> None:
        """Told late: by now more may be known, and the cursor be where that has put it."""
        self._moved = self._moved or self.list.selected != self._chosen
        super().moved(row_id)

    def _row(self, key: str, one: Fact) -> Row:
        glyph, tone = FACES[one.state]
        quiet = "plain" if one.state == "ok" else tone
        found = one.found if one.state == "ok" or not one.effect else f"{one.found}: {one.effect}"
        cells = (Cell(glyph, tone), Cell(self.harmless(one.name), "plain"), Cell(self.harmless(found), quiet))
        return Row(key, cells, f"{one.topic} {one.state} {self.harmless(one.remedy)}")

    def empty(self) -> Sequence[str]:
        if self._looking:
            return ("Looking at this host …",)
        return (
            ("All is well here.", f"{self.key('only_changed')} shows all of it")
            if self.only_changed
            else ("Nothing was found.",)
        )

    @property
    def progress(self) -> str:
        """What is being looked at, or empty."""
        if not self._looking:
            return ""
        done = len({key.partition(" ")[0] for key in self._seen})
        return f"looking … {done} of {len(checkup.TOPICS)}"

    @property
    def badge(self) -> Cell | None:
        if self._looking:
            return Cell("…", "muted")
        states = [one.state for one in self._facts.values()]
        counts = [(state, states.count(state)) for state in ("broken", "degraded") if state in states]
        if not counts:
            return None
        return Cell(" ".join(f"{FACES[state][0]}{count}" for state, count in counts), FACES[counts[0][0]][1])

    def title_of(self, row_id: str) -> Cell:
        one = self._facts[row_id]
        return Cell(f"{self.harmless(one.name)} {_STATES[one.state]}", "strong")

    def describe(self, row_id: str) -> Sequence[Paragraph]:
        one = self._facts[row_id]
        said: list[Paragraph] = [(), fact("found", self.harmless(one.found))]
        if one.effect:
            label = "disables" if one.state in ("missing", "broken") else "means"
            label = "brings" if one.topic == "tools" else label
            said.append(fact(label, self.harmless(one.effect), "plain" if one.state == "ok" else FACES[one.state][1]))
        if one.remedy:
            said += [
                (),
                fact("get it", self.harmless(one.remedy), "strong"),
                fact("", f"{self.key('copy')} copies it", "faint"),
            ]
        if one.details:
            known = {_LABELS.get(name, name.replace("_", " ")): _shown(name, v) for name, v in one.details.items()}
            wide = min(16, max(map(len, known)))
            said += [(), *(fact(self.harmless(name.ljust(wide)), self.harmless(v)) for name, v in known.items())]
        return said

    def copied(self, row_id: str) -> str:
        one = self._facts[row_id]
        return one.remedy or f"{one.name}: {one.found}"

    def label_of(self, action_id: str) -> str | None:
        if action_id == "copy":
            one = self._facts.get(self.list.selected)
            return None if one is None else "copy the command" if one.remedy else "copy"
        if action_id == "only_changed":
            return "show all" if self.only_changed else "only what is not well"
        return super().label_of(action_id)

    def toggled(self) -> None:
        self._show()


def _asked(found: Iterator[Fact]) -> Fact | None:
    """The next one; None: that was all. What ends the whole check-up is a fact, too."""
    try:
        return next(found, None)
    except (OSError, OpsError) as error:
        return Fact("platform", "check-up", "broken", str(error), "the rest was not looked at")


def _place(topic: str) -> int:
    return _ORDER.index(topic) if topic in _ORDER else len(_ORDER)


def _shown(name: str, value: object) -> str:
    if name in _BYTES and isinstance(value, int):
        return size(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)

"""A form under which the verdict stands of what it says: made anew with each choice, and never waited for by a key."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from textual.screen import ScreenResultType
from textual.worker import WorkType

from opsconsole.errors import OpsError
from opsconsole.models import ExecutionPolicy, TaskSpec
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.editor.forecast import told
from opsconsole.tui.screens.editor.live_review import REVIEWING_AFTER_S
from opsconsole.tui.screens.editor.said import Said, folded
from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.widgets.cells import Cell

if TYPE_CHECKING:
    from opsconsole.execution.submission import Plan

_SETTLES_S = 0.15
_Question = tuple[object, ...]


class JudgedForm(Modal[ScreenResultType]):
    """`judge` begins; the verdict is shown in `verdict` when it is there, and `judged` is called."""

    def __init__(self) -> None:
        super().__init__()
        self.verdict = Said(id="run-verdict")
        self.seen: Plan | None = None
        """The plan whose verdict stands there."""
        self._seen_of: _Question = ()
        self._wanted = self._failed = False
        self._planning: asyncio.Future[Plan] | None = None

    # -- for the form

    def chosen(self, *, hold: bool = False, reason: str = "") -> tuple[TaskSpec | None, dict[str, str]]:
        """What the fields say: the spec, or None and what is wrong by field. `reason`: where none is given."""
        raise NotImplementedError

    async def make_plan(self, spec: TaskSpec) -> Plan:
        """Raises OpsErrors."""
        raise NotImplementedError

    def show_problems(self, problems: Mapping[str, str]) -> None:
        raise NotImplementedError

    def judged(self, planned: Plan) -> None:
        """Its verdict has just been shown."""

    # -- the verdict

    def judge(self) -> None:
        """What the fields say now; the one before is forgotten."""
        spec, problems = self.chosen()
        self.show_problems(problems)
        if problems.keys() == {"reason"}:
            spec, _ = self.chosen(reason="given later")  # the verdict is there before somebody writes why
        look: WorkType[None] = partial(self._look, spec)  # not the coroutine: the next key may drop it before it begins
        self.run_worker(look, group="plan", exclusive=True)

    def has_seen(self, spec: TaskSpec) -> bool:
        """Whether the verdict that stands there is of what would run: of this text under this policy."""
        return self.seen is not None and self._seen_of == _question(spec)

    def say_it_is_reviewed(self) -> None:
        """To somebody who wanted it to run already."""
        self._wanted = True
        if self._failed:
            self.judge()
        self.say("… ", "it is still being reviewed: press it again when the verdict stands here", "warning")

    async def is_as_seen(self, spec: TaskSpec) -> bool:
        """Whether its text is still what the verdict on the screen was made of; else the new one stands there now."""
        before, planned = self.seen, await self.plan(spec)
        if before is None or getattr(planned, "body", None) == getattr(before, "body", None):
            return True
        self.show_plan(planned, spec)
        self.app.notify("The script has changed since: look at its verdict again.", severity="warning")
        return False

    async def _look(self, spec: TaskSpec | None) -> None:
        self._wanted = self._failed = False
        if spec is None:
            self.seen = None
            self.say("! ", "a field is wrong: why is said beneath it", "warning")
            return
        if not self.has_seen(spec):
            self.seen = None
        if self.verdict.text:
            await asyncio.sleep(_SETTLES_S)
        planning = asyncio.ensure_future(self.plan(spec))
        planning.add_done_callback(_heard)
        try:
            ready, _ = await asyncio.wait([planning], timeout=REVIEWING_AFTER_S)
            if not ready and not self._wanted:
                self.say("… ", "it is being reviewed", "muted")
            planned = await planning
        except OpsError as error:
            self.seen, self._failed = None, True
            self.say("✗ ", sanitise_name(str(error), limit=300), "bad")
            return
        finally:
            planning.cancel()
        self.show_plan(planned, spec)

    def show_plan(self, planned: Plan, spec: TaskSpec) -> None:
        """Its verdict is what stands there now."""
        self.seen, self._seen_of = planned, _question(spec)
        self.verdict.say(lambda width: told(planned, spec, width))
        self.judged(planned)
        if self.focused is not None:  # what is said may have pushed it off a small screen
            self.call_after_refresh(self.focused.scroll_visible, animate=False)

    def say(self, glyph: str, text: str, tone: str) -> None:
        """Harmless text in place of the verdict."""
        self.verdict.say(lambda width: [[Cell(f" {glyph}", tone), *folded(text, width, 1, tone, "")[0]]])

    async def plan(self, spec: TaskSpec) -> Plan:
        """One at a time, whoever was waiting for the one before: the threads of a console are few."""
        while self._planning is not None and not self._planning.done():
            await asyncio.wait([self._planning])
        self._planning = asyncio.ensure_future(self.make_plan(spec))
        self._planning.add_done_callback(_heard)
        return await asyncio.shield(self._planning)


def _question(spec: TaskSpec) -> _Question:
    """All that the review of a text depends on."""
    given = tuple(sorted(spec.env)) if spec.policy is ExecutionPolicy.SAFE else ()
    return spec.script, spec.path, spec.interpreter, spec.policy, given, spec.allow


def _heard(planning: asyncio.Future[Plan]) -> None:
    """Nobody may be left who waits for it."""
    if not planning.cancelled():
        planning.exception()

"""How to run the text in the editor: every choice of a run in one form, with the verdict and the containment it has."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static
from textual.worker import WorkType

from opsconsole.errors import OpsError
from opsconsole.models import TaskSpec
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.confirming import confirmed, unnamed
from opsconsole.tui.screens.editor.faces import VERDICTS
from opsconsole.tui.screens.editor.live_review import REVIEWING_AFTER_S
from opsconsole.tui.screens.editor.run_fields import Field, RunScript, read, rows
from opsconsole.tui.screens.editor.said import Lines, Said, folded
from opsconsole.tui.screens.editor.verdicts import in_short
from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.screens.submit import keys_in_form, type_into
from opsconsole.tui.widgets.answers import Answer, Answers
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.choice import Choice
from opsconsole.tui.widgets.text_field import TextField

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.execution.judging import MakesReview
    from opsconsole.execution.submission import Plan

Remembered = dict[str, dict[str, str]]
"""Script → field → what it was last."""
_SETTLES_S = 0.15
_FORGOTTEN = frozenset({"policy", "reason"})
"""The policy is the editor's, and a reason is for one run."""
_COUNTED = frozenset({"pids", "open_files", "core"})


class RunForm(Modal[TaskSpec | None]):
    """Dismissed with the spec, all it needs confirmed, or None. It submits nothing."""

    CSS_PATH = "run_form.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "leave", "Back"),
        ("down", "app.focus_next", "next"),
        ("up", "app.focus_previous", "previous"),
        ("enter", "run", "Run it"),
    ]

    def __init__(
        self,
        text: str | bytes,
        name: str,
        interpreter: str,
        *,
        policy: str,
        path: Path | None,
        engine: Engine,
        remembered: Remembered | None = None,
        review_by: MakesReview | None = None,
    ) -> None:
        super().__init__()
        body = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
        self._script = RunScript(body, name, interpreter, policy, path)
        self._engine = engine
        self._remembered = remembered if remembered is not None else {}
        self._rows = rows(self._script, engine.settings)
        self._verdict = Said(id="run-verdict")
        self._answers = Answers(
            Answer("run", "r", "Run it"), Answer("hold", "h", "Queue it, held until released"), typed=self._type
        )
        self._review_by = review_by
        self._planning: asyncio.Future[Plan] | None = None
        self._touched = False
        self._sending = False

    # -- what it looks like

    def compose(self) -> ComposeResult:
        last = self._remembered.get(self._script.key, {})
        with Vertical(classes="dialog", id="run-form") as dialog:
            dialog.border_title = Content(f"Run {sanitise_name(self._script.name, limit=60)}")
            dialog.border_subtitle = keys_in_form(self._answers)
            for fields in self._rows:
                with Horizontal(classes="field", id=f"row-{fields[0].id}"):
                    for field in fields:
                        yield Static(field.label, classes="label", id=f"label-{field.id}", markup=False)
                        yield self._widget(field, last)
                    for field in fields:
                        yield Static("", classes="problem", id=f"problem-{field.id}", markup=False)
            yield self._verdict
            yield self._answers

    @staticmethod
    def _widget(field: Field, last: Mapping[str, str]) -> Widget:
        value = last.get(field.id, field.value)
        if field.options:
            return Choice(list(field.options), value if value in field.options else field.options[0], id=field.id)
        return TextField(value, placeholder=field.placeholder, id=field.id)

    def on_mount(self) -> None:
        self._show_fields()
        needs_reason = self._script.policy == "elevated"
        self.set_focus(self.query_one("#reason") if needs_reason else self._answers)
        self._judge()

    @property
    def values(self) -> dict[str, str]:
        """What the fields hold, by id."""
        found = {}
        for fields in self._rows:
            for field in fields:
                found[field.id] = self._field(field).value
        return found

    def _field(self, field: Field) -> Choice | Input:
        if field.options:
            return self.query_one(f"#{field.id}", Choice)
        return self.query_one(f"#{field.id}", Input)

    def _show_fields(self) -> None:
        """Those of the chosen policy."""
        policy = self.query_one("#policy", Choice).value
        for fields in self._rows:
            shown = [field for field in fields if policy in field.when]
            self.query_one(f"#row-{fields[0].id}").display = bool(shown)
            for field in fields:
                for part in (f"#{field.id}", f"#label-{field.id}"):
                    self.query_one(part).display = field in shown

    def _show_problems(self, problems: Mapping[str, str]) -> None:
        for fields in self._rows:
            for field in fields:
                said = self.query_one(f"#problem-{field.id}", Static)
                said.update(Content(sanitise_name(problems.get(field.id, ""), limit=80)))
                said.display = field.id in problems
                self.query_one(f"#label-{field.id}").set_class(field.id in problems, "-wrong")

    # -- the verdict of what is chosen

    @on(Input.Changed)
    @on(Choice.Changed)
    def _changed(self, event: Input.Changed | Choice.Changed) -> None:
        if isinstance(event, Choice.Changed):
            self._touched = True
            self._show_fields()
        self._judge()

    def _judge(self) -> None:
        """What the fields say now; the one before is forgotten."""
        spec, problems = read(self.values, self._script, self._engine.settings)
        self._show_problems(problems)
        look: WorkType[None] = partial(self._look, spec)  # not the coroutine: the next key may drop it before it begins
        self.run_worker(look, group="plan", exclusive=True)

    async def _look(self, spec: TaskSpec | None) -> None:
        if spec is None:
            self._say("! ", "a field is wrong: why is said beneath it", "warning")
            return
        if self._verdict.text:
            await asyncio.sleep(_SETTLES_S)
        planning = asyncio.ensure_future(self._plan(spec))
        planning.add_done_callback(_heard)
        try:
            ready, _ = await asyncio.wait([planning], timeout=REVIEWING_AFTER_S)
            if not ready:
                self._say("… ", "it is being reviewed", "muted")
            planned = await planning
        except OpsError as error:
            self._say("✗ ", sanitise_name(str(error), limit=300), "bad")
            return
        finally:
            planning.cancel()
        self._verdict.say(lambda width: told(planned, spec, width))
        if planned.decision.verdict == "refuse" and not self._touched and self.focused is self._answers:
            self.set_focus(self.query_one("#policy"))

    def _say(self, glyph: str, text: str, tone: str) -> None:
        self._verdict.say(lambda width: [[Cell(f" {glyph}", tone), *folded(text, width, 1, tone, "")[0]]])

    async def _plan(self, spec: TaskSpec) -> Plan:
        """One at a time, whoever was waiting for the one before: the threads of a console are few."""
        while self._planning is not None and not self._planning.done():
            await asyncio.wait([self._planning])
        work = asyncio.to_thread(self._engine.plan, spec, review_by=self._review_by)
        self._planning = asyncio.ensure_future(work)
        self._planning.add_done_callback(_heard)
        return await asyncio.shield(self._planning)

    # -- the answers

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._run(hold=False)

    def _type(self, text: str) -> None:
        type_into(self.query_one("#arguments", Input), text)

    def on_descendant_focus(self) -> None:
        self.query_one("#run-form").border_subtitle = keys_in_form(self.focused)

    def on_answers_marked(self) -> None:
        self.on_descendant_focus()

    def action_run(self) -> None:
        """Enter on what is chosen with ← and →."""
        self._run(hold=False)

    def on_answers_given(self, event: Answers.Given) -> None:
        self._run(hold=event.value == "hold")

    def _run(self, *, hold: bool) -> None:
        if self._sending:
            return
        values = self.values
        spec, problems = read(values, self._script, self._engine.settings, hold=hold)
        self._show_problems(problems)
        if spec is None:
            self.set_focus(self.query_one(f"#{next(iter(problems))}"))
            return
        self._sending = True
        self.run_worker(self._send(spec, values), group="send")

    async def _send(self, spec: TaskSpec, values: dict[str, str]) -> None:
        try:
            agreed = await confirmed(self.app, spec, self._plan)
            if agreed is None:
                return
            planned = await self._plan(agreed)
            if planned.decision.verdict == "refuse":
                self._verdict.say(lambda width: told(planned, agreed, width))
                self.set_focus(self.query_one("#policy"))
                return
        except OpsError as error:
            self._say("✗ ", sanitise_name(str(error), limit=300), "bad")
        else:
            self._remembered[self._script.key] = {
                name: value for name, value in values.items() if name not in _FORGOTTEN
            }
            self.dismiss(agreed)
        finally:
            self._sending = False

    def action_leave(self) -> None:
        self.dismiss(None)


def _heard(planning: asyncio.Future[Plan]) -> None:
    """Nobody may be left who waits for it."""
    if not planning.cancelled():
        planning.exception()


def told(planned: Plan, spec: TaskSpec, width: int) -> Lines:
    """The verdict and why, what would hold the run, and what is weaker than it should be."""
    decision = planned.decision
    face = VERDICTS[decision.verdict]
    word = {"allow": "it runs", "confirm": "it asks first", "refuse": "it is refused"}[decision.verdict]
    first = [Cell(f" {face.glyph} ", face.tone), Cell(word, face.tone)]
    reason = in_short(decision.reason)
    if missing := getattr(planned, "missing", None):
        first = [Cell(" ! ", "warning"), Cell("it cannot run here", "warning")]
        reason = sanitise_name(f"{missing.message}: {missing.hint}" if missing.hint else missing.message, limit=400)
    elif unnamed(planned, spec):
        reason = f"type the rule's name to run it all the same. {reason}"
    if reason:
        first = [*first, Cell(f": {reason}", "plain")]
    lines: list[list[Cell]] = _wrapped(first, width, 3)
    held = _held(planned.spec)
    return [*lines, *folded(held, width, 2, "muted")] if held else lines


def _wrapped(cells: list[Cell], width: int, most: int) -> list[list[Cell]]:
    """The last cell flows on below."""
    *fixed, last = cells
    used = sum(len(cell.text) for cell in fixed)
    if len(last.text) + used < width:
        return [cells]
    cut = last.text.rfind(" ", 0, max(1, width - used - 1))
    cut = cut if cut > 0 else width - used - 1
    head, rest = last.text[:cut], last.text[cut:].strip()
    return [[*fixed, Cell(head, last.tone)], *folded(rest, width, most - 1, last.tone, "   ")]


def _held(stored: Mapping[str, Any]) -> str:
    """`contained by bwrap · memory 512 MiB (cgroup2)`; harmless."""
    provider = stored.get("provider") or "none"
    parts = ["not contained" if provider == "none" else f"contained by {provider}"]
    for name, each in (stored.get("limits") or {}).items():
        if isinstance(each, Mapping) and name != "core":
            amount = _amount(name, each["value"])
            parts.append(f"{name.replace('_', ' ')} {amount} ({each['tier'] or 'not enforced'})")
    parts += [*stored.get("containment_degraded", ()), *stored.get("limits_degraded", ())]
    return sanitise_name(" · ".join(parts), limit=500)


def _amount(name: str, value: float) -> str:
    """Sizes in the units they are typed in."""
    if name == "cpu":
        return f"{value * 100:g} %"
    if name in _COUNTED:
        return f"{value:g}"
    return f"{value / (1 << 20):.4g} MiB"

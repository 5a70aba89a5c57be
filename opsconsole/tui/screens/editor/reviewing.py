"""The review of the text, beside it and in it; its fixes, and running the text."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from textual import on
from textual.worker import WorkType

from opsconsole.errors import OpsError
from opsconsole.models import Task, TaskSpec
from opsconsole.safety.review.model import Finding, Review
from opsconsole.safety.review.shellcheck import wiki
from opsconsole.tui.screens.editor.commands import EditorCommands
from opsconsole.tui.screens.editor.faces import SEVERITIES
from opsconsole.tui.screens.editor.findings import FindingsList, ordered
from opsconsole.tui.screens.editor.fixes import apply_all
from opsconsole.tui.screens.editor.gutter import spans
from opsconsole.tui.screens.editor.languages import too_large
from opsconsole.tui.screens.editor.live_review import LiveReview, ReviewReady, ReviewWaits, State
from opsconsole.tui.screens.editor.marks import Painted
from opsconsole.tui.screens.editor.opened import Opened
from opsconsole.tui.screens.editor.review_pane import ReviewPane
from opsconsole.tui.screens.editor.text import ScriptArea
from opsconsole.tui.screens.editor.verdicts import above_ceiling, containment_words
from opsconsole.tui.screens.mode import WIDE
from opsconsole.tui.wording import POLICIES

if TYPE_CHECKING:
    from opsconsole.tui.screens.editor.run_form import RunForm
    from opsconsole.tui.screens.editor.taken_over import TakenOver


def _place_of(finding: Finding) -> tuple[int, int]:
    return finding.line - 1, finding.column - 1


class Reviewing(EditorCommands):
    """The review is made elsewhere and comes when it comes; until then its marks move along with the text."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = "standard"
        self._chosen = False
        self.live = LiveReview(self)
        self.review = ReviewPane(id="review")
        self._remembered: dict[Any, Any] = {}
        self._like: TakenOver | None = None
        self._form: RunForm | None = None
        self._before_like: tuple[str, bool] | None = None
        """The policy of before a past run's, and whether it was chosen."""
        self._contained = False

    def leave(self) -> None:
        super().leave()
        self.live.rest()

    def take(self, opened: Opened | None) -> None:
        """A past run's script is reviewed under the policy it ran with; the next text under that of before."""
        if self._before_like is not None:
            self.policy, self._chosen = self._before_like
        self._like = self._read_like(opened.task, opened) if opened is not None and opened.task else None
        self._before_like = (self.policy, self._chosen) if opened is not None and opened.task else None
        if opened is not None and opened.task:  # where nobody knows how it ran, it is held as tightly as there is
            self.policy, self._chosen = self._like.policy if self._like is not None else POLICIES[0], True
        self._contained = False
        super().take(opened)

    def _read_like(self, task_id: int, opened: Opened) -> TakenOver | None:
        """How it ran; None, and said, where that is on record no more."""
        from opsconsole.tui.screens.editor.taken_over import taken_over

        try:
            task, result = self.engine.task(task_id), self.engine.result(task_id)
            body = self.engine.shown_script(task_id)
        except OpsError:
            name = self.harmless(opened.name, 60)
            self.app.tell(f"How {name} ran as task {task_id} is not on record any more: the policy is safe.", "warning")
            return None
        return taken_over(task, result, body, self.engine.settings)

    def say_place(self) -> None:
        """Where the cursor is, and what is wrong there."""
        raise NotImplementedError

    def fit(self) -> None:
        """The review has another room now."""
        raise NotImplementedError

    def submit(self, *, asked: bool = False) -> None:
        """Have the text reviewed as it is now; a large one only if somebody `asked` for it."""
        if self.opened is not None and self.is_attached:
            self._look_at_ceiling()
            if not self._contained:
                self._contained = True
                self._contain()
            if not asked and (large := too_large(self.text_area.document.lines)):
                key = self.app.key_display(self.app.keys_for("cycle_policy").split(",")[0])
                self.live.put_off(f"The text is too large for that: {large}. {key} reviews it as it is now.")
                return
            self.live.submit(self.true_text, self.opened.interpreter(self._known), self.policy)
            if self.review.state.reviewed is None:
                self.review.show(State("waiting", self.live.state.version))

    @on(ReviewReady)
    def _reviewed(self, event: ReviewReady) -> None:
        self.review.show(event.state)
        if self._form is not None and event.state.current:
            self._form.advised()
        if event.state.current and self.opened is not None and event.text == self.true_text:
            self.text_area.show_painted(self._painted(event.review))
            self.select_here()
            self.say_place()

    @on(ReviewWaits)
    def _waits(self, event: ReviewWaits) -> None:
        self.review.show(event.state)

    def _painted(self, review: Review) -> list[Painted]:
        faces = {face.tone: face.glyph for face in SEVERITIES.values()}
        return [
            Painted(one.row, one.start, one.end_row, one.end, one.tone, faces[one.tone], one.message)
            for one in spans(review)
        ]

    def select_here(self) -> None:
        """What is marked beside the text is what the cursor's line has."""
        if (finding := self._finding_here()) is not None:
            self.review.select(finding)

    def _finding_here(self) -> Finding | None:
        """Of the cursor's line the finding that the cursor is on, else the next one after it, else the last one; of a
        review that still holds. Of several at that place it is the one selected beside the text."""
        row, column = self.text_area.cursor_location
        here = [one for one in self._in_order() if one.line == row + 1]
        found = next((one for one in here if one.line < one.end_line or column < one.end_column - 1), None)
        found = found or next((one for one in here if column <= one.column - 1), None)
        found = found or (here[-1] if here else None)
        selected = self.review.selected
        if found is not None and selected in here and _place_of(selected) == _place_of(found):
            return selected
        return found

    def _in_order(self) -> list[Finding]:
        """By place; none, where the review does not hold any more."""
        reviewed = self.live.state.reviewed
        if reviewed is None or not self.live.state.current:
            return []
        return ordered(reviewed.review.findings, by_severity=False)

    def action_cycle_policy(self) -> None:
        self._chosen = True
        if self.live.state.kind != "put off":  # that is reviewed under the same one first
            self.policy = POLICIES[(POLICIES.index(self.policy) + 1) % len(POLICIES)]
        self.submit(asked=True)
        self._contain()

    def _look_at_ceiling(self) -> None:
        """Nobody begins with a policy that is not to be had here."""
        if not self.begun:
            return
        origin = self.engine.origin
        above = above_ceiling(self.engine.settings, origin.door, origin.actor)
        self.review.show_ceiling(above)
        if not self._chosen and self.policy in above:
            below = [one for one in POLICIES[: POLICIES.index(self.policy)] if one not in above]
            self.policy = below[-1] if below else self.policy

    def _contain(self) -> None:
        say: WorkType[None] = partial(self._say_containment, self.policy)  # the next may drop it before it begins
        self.run_worker(say, group="editor-policy", exclusive=True)

    async def _say_containment(self, policy: str) -> None:
        words, tone = await asyncio.to_thread(containment_words, policy, self.app.settings)
        self.review.show_containment(words, tone)

    def action_toggle_review(self) -> None:
        if self.size.width >= WIDE:
            self.toggle_class("-no-review")
            return
        self.toggle_class("-reading")
        self.fit()
        self.set_focus(self.review.findings if self.has_class("-reading") else self.text_area)

    def action_next_finding(self) -> None:
        self._step(1)

    def action_previous_finding(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        """From where the cursor is, around the end; each is visited, also of several at one place."""
        found = self._in_order()
        if self.opened is None or not found:
            self.app.tell("No findings." if self.live.state.current else "The review is not there yet.")
            return
        here, selected = self.text_area.cursor_location, self.review.selected
        places = [self.text_area.clamp_visitable(_place_of(one)) for one in found]
        if selected in found and places[found.index(selected)] == here:
            target = (found.index(selected) + by) % len(found)
        elif by > 0:
            target = next((at for at, place in enumerate(places) if place >= here), 0)
        else:
            target = next((at for at in reversed(range(len(found))) if places[at] < here), len(found) - 1)
        self.review.select(found[target])
        self.text_area.move_cursor(places[target])
        self.say_place()
        if self.has_class("-reading"):
            return
        self.to_text()

    def on_findings_list_chosen(self, event: FindingsList.Chosen) -> None:
        self.text_area.move_cursor((event.finding.line - 1, event.finding.column - 1))
        if not event.stays:
            self.to_text()

    def on_findings_list_fix_wanted(self, event: FindingsList.FixWanted) -> None:
        if self.app.allows("apply_fix"):
            self.apply(event.finding)

    def on_findings_list_explain_wanted(self, event: FindingsList.ExplainWanted) -> None:
        from opsconsole.tui.screens.editor.explain import ExplainScreen

        self.app.push_screen(ExplainScreen(event.finding), lambda fix: self._explained(event.finding, fix))

    def _explained(self, finding: Finding, fix: bool | None) -> None:
        if fix and self.app.allows("apply_fix"):
            self.apply(finding)

    def action_explain_finding(self) -> None:
        self.review.findings.action_explain()

    def action_order_findings(self) -> None:
        self.review.findings.action_order()

    def action_apply_fixes(self) -> None:
        """All that go together."""
        reviewed = self.live.state.reviewed
        if self.opened is not None and reviewed is not None:
            self._apply(reviewed.review.findings, "There is nothing that can be fixed.")

    def action_apply_fix(self) -> None:
        if self.opened is None:
            return
        finding = self.review.selected if self.focused is self.review.findings else self._finding_here()
        if finding is None:
            row, key = self.text_area.cursor_location[0], self.app.keys_for("next_finding").split(",")[0]
            clean = f"No finding is on line {row + 1}: {self.app.key_display(key)} goes to the next."
            self.app.tell(clean if self.live.state.current else "The review is not there yet.")
            return
        self.apply(finding)

    def apply(self, finding: Finding) -> None:
        """Apply its fix as one step for undo; only to the very text it was made for."""
        self._apply([finding], f"There is no fix for this one: {self.harmless(finding.message, 200)}")

    def _apply(self, findings: Sequence[Finding], nothing: str) -> None:
        state = self.live.state
        if state.reviewed is None or not state.current or state.reviewed.text != self.true_text:
            self.app.tell("The text has changed since: the fix comes with the next review.")
            return
        if self.text_area.read_only:
            self.on_script_area_refused()
            return
        fixed = apply_all(state.reviewed.text, findings)
        if fixed is None:
            self.app.tell(nothing)
            return
        area = self.text_area
        changes = [(area.clamp_visitable(one.start), area.clamp_visitable(one.end), one.text) for one in fixed.edits]
        # A CR of a script whose every line has one stands in no line of the area.
        area.replace_all(change for change in changes if change[0] != change[1] or change[2])
        if self.opened is not None and self.opened.script.newline == "\r\n" and "\r\n" not in fixed.text:
            self._end_lines_in_lf(self.opened)
        elif len(findings) > 1:
            self.app.tell(f"{len(fixed.done)} fixes applied; {self.app.key_display('ctrl+z')} undoes them.")

    def _end_lines_in_lf(self, opened: Opened) -> None:
        opened.end_lines_in("\n")
        self.app.tell("Every line ends in LF now, no longer in CR LF.")
        self._known = self.text_area.text
        self._schedule()
        self.text_changed()

    # -- running

    def action_run_script(self) -> None:
        if self.opened is None:
            self.app.tell("No script is open.")
        elif not self.begun:
            self.app.tell("The engine is still starting.")
        elif self.opened.script.locked:
            self.app.tell(
                "What is shown is not exactly what the file has: run the file itself, from the tasks.", "warning"
            )
        else:
            self.run_worker(self._run(), group="editor-run", exclusive=True)

    def _advice(self, interpreter: str) -> Sequence[Finding]:
        """What the pane has of this text beside the findings of the verdict: ShellCheck's, in this language."""
        reviewed = self.live.state.reviewed
        if reviewed is None or not self.live.state.current or reviewed.review.interpreter != interpreter:
            return ()
        return [one for one in reviewed.review.findings if wiki(one.rule) is not None]

    async def _submit(self, spec: TaskSpec) -> Task:
        return await self.engine.submitted(spec)

    async def _run(self) -> None:
        from opsconsole.tui.screens.editor.run_form import RunForm

        opened = self.opened
        assert opened is not None  # noqa: S101 - looked at by whoever starts this
        self.keep()
        form = RunForm(
            self.true_text, opened.name, opened.interpreter(self._known), policy=self.policy, path=opened.path,
            engine=self.engine, remembered=self._remembered, review_by=self.live.maker(), taken=self._like,
            advice=self._advice,
        )  # fmt: skip
        self._form = form
        try:
            spec = await self.app.push_screen_wait(form)
        finally:
            self._form = None
        if spec is None:
            return
        if (task := await self.app.attempt(self._submit(spec))) is not None:
            tasks: Any = self.app.go("tasks")
            tasks.go_to(task.id)

    def on_script_area_refused(self, event: ScriptArea.Refused | None = None) -> None:
        if event is not None and event.why:
            self.app.tell(f"It was not put into the text: {event.why}.", "warning")
            return
        why = self.opened.script.locked if self.opened is not None else ""
        self.app.tell(f"This text is read-only: {why or 'the console is'}.", "warning")

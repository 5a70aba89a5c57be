"""Commands go down: what a key does to the selected task, or to all that are tagged; bound to their ids before any
question is asked."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from opsconsole.errors import OpsError
from opsconsole.models import Priority, Status, Task
from opsconsole.tui.actions import BY_ID
from opsconsole.tui.screens.mode import ModeScreen
from opsconsole.tui.wording import FACES, count_of, duration, name_of, running_for, span

if TYPE_CHECKING:
    from opsconsole.engine import Engine


Command = Callable[["Engine", Task, str | None], Coroutine[Any, Any, Task]]
"""What is done to a task, and why, where anybody said so."""
_MOST_NAMED = 12
_ASKED = {
    "raise_priority": ("Raise the priority of", "raise it"), "lower_priority": ("Lower the priority of", "lower it"),
}  # fmt: skip
"""How a question names what is not called by a verb."""
_NO_REASON = frozenset({"retry", "pin"})
"""What nobody has to answer for."""


def _hold(engine: Engine, task: Task, why: str | None) -> Coroutine[Any, Any, Task]:
    return (engine.release if task.held else engine.hold)(task.id, why)


def _pause(engine: Engine, task: Task, why: str | None) -> Coroutine[Any, Any, Task]:
    return (engine.resume if task.status is Status.PAUSED else engine.pause)(task.id, why)


def _raise(engine: Engine, task: Task, why: str | None) -> Coroutine[Any, Any, Task]:
    return engine.set_priority(task.id, Priority(task.priority + 1), why)


def _lower(engine: Engine, task: Task, why: str | None) -> Coroutine[Any, Any, Task]:
    return engine.set_priority(task.id, Priority(task.priority - 1), why)


_AT_ONCE: dict[str, tuple[str, Command]] = {
    "hold": ("h", _hold), "pause": ("p", _pause), "raise_priority": ("s", _raise), "lower_priority": ("l", _lower),
}  # fmt: skip
"""What asks nothing of a single task, with its letter where one says why first."""


class TaskCommands(ModeScreen):
    """The half of the tasks screen that changes something. The other half looks."""

    @property
    def selected(self) -> Task | None:
        """The task that commands are for."""
        raise NotImplementedError

    @property
    def tagged(self) -> list[int]:
        """Ids of the tasks that commands are for instead, if there are any."""
        raise NotImplementedError

    def go_to(self, task_id: int) -> None:
        """Select a task, as soon as it is in the list."""
        raise NotImplementedError

    def _engine_or_say(self) -> Engine | None:
        if self.app.engine is None:
            self.app.tell("The engine is still starting.")
        return self.app.engine

    def _target(self, action_id: str) -> tuple[Engine, Task] | None:
        """The selected task as it is now, if the action makes sense for it; else the reason is shown."""
        engine, task, refusal = self._engine_or_say(), self.selected, BY_ID[action_id].refusal
        if engine is None:
            return None
        if task is None:
            self.app.tell("There is no task to do this with.")
            return None
        try:
            task = engine.task(task.id)
        except OpsError as error:
            self.app.report(error)
            return None
        if refusal is not None and (reason := refusal(task)):
            self.app.tell(f"Task {task.id} {reason}.")
            return None
        return engine, task

    def _targets(self, action_id: str) -> tuple[Engine, list[Task], list[str]] | None:
        """The tagged tasks as they are now, those for which the action makes sense, and why it makes none for others;
        where it makes none for all, that is shown."""
        engine = self._engine_or_say()
        if engine is None:
            return None
        found, reasons = _sensible(engine, self.tagged, action_id)
        if not found:
            self.app.tell("\n".join(reasons[:3]) or "The tagged tasks are gone.")
            return None
        return engine, found, reasons

    def _command(self, action_id: str, command: Command, *, follow: bool = False) -> None:
        """Do it to the selected task, and with `follow` select what came of it; to tagged ones after a question."""
        if self.tagged:
            self._ask_for_all(action_id, command)
        elif target := self._target(action_id):
            self.run_worker(self._do(command(*target, None), follow), group="command")

    async def _do(self, work: Coroutine[Any, Any, Task], follow: bool) -> None:
        task = await self.app.attempt(work)
        if task is not None and follow:
            self.go_to(task.id)

    def _ask_for_all(self, action_id: str, command: Command, consequences: Sequence[str] = ()) -> None:
        """One question that names them all."""
        if (targets := self._targets(action_id)) is None:
            return
        engine, tasks, reasons = targets
        from opsconsole.tui.screens.confirm import ConfirmScreen, Question

        ids, tagged = [task.id for task in tasks], len(self.tagged)
        word = BY_ID[action_id].label_for(tasks[0])
        verb, yes = _ASKED.get(action_id, (word.capitalize(), f"{word} {'them' if len(tasks) > 1 else 'it'}"))

        def answered(yes: bool | None) -> None:
            if yes:
                found, _ = _sensible(engine, ids, action_id)
                self.run_worker(self._do_all([command(engine, task, ask.reason) for task in found]), group="command")

        def question(found: list[Task], reasons: Sequence[str]) -> Question:
            names = "\n".join(map(_in_a_line, found[:_MOST_NAMED]))
            if len(found) > _MOST_NAMED:
                names += f"\n… and {len(found) - _MOST_NAMED} more"
            left = tagged - len(found)
            rest = [_left_out(left, reasons)] if left else []
            return Question(f"{verb} {count_of(len(found), 'task')}?", names, [*consequences, *rest])

        def anew() -> Question | str:
            found, since = _sensible(engine, ids, action_id)
            if not found:
                return "\n".join(since[:3]) or "These tasks are gone."
            return question(found, [*reasons, *since])  # what was left out at first is so for the same reason

        asks_why = action_id not in _NO_REASON
        ask = ConfirmScreen(*question(tasks, reasons), yes=f"Yes, {yes}", no="No", anew=anew, asks_why=asks_why)
        self.app.push_screen(ask, answered)

    async def _do_all(self, works: list[Coroutine[Any, Any, Task]]) -> None:
        """One after the other; each error is shown."""
        for work in works:
            await self.app.attempt(work)

    def go_to_new(self, task_id: int) -> None:
        self.go_to(task_id)

    def action_cancel(self) -> None:
        if self.tagged:
            grace = span(self.app.settings.execution.grace_s)
            said = [f"What runs is asked to end (TERM), and killed after {grace} (KILL); what waits will not run."]
            self._ask_for_all("cancel", lambda engine, task, why: engine.cancel(task.id, why), said)
            return
        if (target := self._target("cancel")) is None:
            return
        engine, task = target
        from opsconsole.tui.screens.confirm import ConfirmScreen, Question

        def answered(yes: bool | None) -> None:
            if yes:
                self.run_worker(self._do(engine.cancel(task.id, ask.reason), False), group="command")

        def question(task: Task) -> Question:
            return Question(f"Cancel task {task.id}?", _in_a_line(task), self._consequences(task))

        def anew() -> Question | str:
            found, reasons = _sensible(engine, [task.id], "cancel")
            return question(found[0]) if found else next(iter(reasons), f"Task {task.id} is gone.")

        ask = ConfirmScreen(*question(task), yes="Yes, cancel it", no="No, keep it", anew=anew, asks_why=True)
        self.app.push_screen(ask, answered)

    def _consequences(self, task: Task) -> list[str]:
        word = FACES[task.status].word
        if not task.status.is_active:
            ran = f"waits for attempt {task.attempt}" if task.attempt > 1 else f"is {word} and has not run"
            return [f"It {ran}. It will not run any more."]
        began = duration(running_for(task, self.clock()), ticking=True)
        grace = span(self.app.settings.execution.grace_s)
        return [
            f"It is {word}" + (f"; it began {began} ago." if began else "."),
            f"All its processes are asked to end (TERM), and killed after {grace} (KILL).",
        ]

    def action_pause(self) -> None:
        undo = self._all(lambda task: task.status is Status.PAUSED)
        self._command("pause", lambda engine, task, why: (engine.resume if undo else engine.pause)(task.id, why))

    def action_retry(self) -> None:
        self._command("retry", lambda engine, task, _: engine.retry(task.id), follow=True)

    def action_say_why(self) -> None:
        """What otherwise asks nothing, with a reason."""
        if self.tagged:
            self.app.tell("For tagged tasks each question has r, to say why.")
            return
        engine, task = self._engine_or_say(), self.selected
        if engine is None or task is None:
            return
        from opsconsole.tui.screens.tasks.why import WhyScreen
        from opsconsole.tui.widgets.answers import Answer

        there = [name for name in _AT_ONCE if self.app.allows(name) and _sensible(engine, [task.id], name)[0]]
        if not there:
            self.app.tell(f"Task {task.id} can be neither held, paused nor moved.")
            return

        def answered(name: str | None) -> None:
            if name:
                found, reasons = _sensible(engine, [task.id], name)
                if found:
                    self.run_worker(self._do(_AT_ONCE[name][1](engine, found[0], ask.reason), False), group="command")
                else:
                    self.app.tell(next(iter(reasons), f"Task {task.id} is gone."))

        answers = [Answer(name, _AT_ONCE[name][0], BY_ID[name].label_for(task).capitalize()) for name in there]
        ask = WhyScreen(_in_a_line(task), answers)
        self.app.push_screen(ask, answered)

    def action_hold(self) -> None:
        undo = self._all(lambda task: task.held)
        self._command("hold", lambda engine, task, why: (engine.release if undo else engine.hold)(task.id, why))

    def action_raise_priority(self) -> None:
        self._command("raise_priority", _raise)

    def action_lower_priority(self) -> None:
        self._command("lower_priority", _lower)

    def action_pin(self) -> None:
        undo = self._all(lambda task: task.pinned)
        self._command("pin", lambda engine, task, _: engine.pin(task.id, not undo))

    def _all(self, holds: Callable[[Task], bool]) -> bool:
        """Whether it holds for every task that is meant, as it is now: then the key undoes it."""
        engine = self.app.engine
        ids = self.tagged or ([self.selected.id] if self.selected is not None else [])
        if engine is None:
            return False
        try:
            return all(holds(engine.task(task_id)) for task_id in ids)
        except OpsError:
            return False

    def action_edit_task(self) -> None:
        """Its script, as it may be shown, in the editor."""
        engine, task = self._engine_or_say(), self.selected
        if engine is None or task is None:
            return
        try:
            shown = engine.redaction_of(task.id).data(engine.shown_script(task.id))
            whole = shown == engine.script(task.id)
        except OpsError as error:
            self.app.report(error)
            return
        open_text = getattr(self.app.go("editor"), "open_text", None)
        if open_text is None:
            self.app.go("tasks")
            self.app.tell("There is no editor in this console.")
            return
        open_text(shown.decode("utf-8", "replace"), name_of(task), task.interpreter, task.id)
        if not whole:
            self.app.tell("Secrets in the script are left out of it: [redacted:…] stands in their place.", "warning")


def _in_a_line(task: Task) -> str:
    return f"{FACES[task.status].glyph} {task.id} {name_of(task)}"


def _left_out(count: int, reasons: Sequence[str]) -> str:
    """`3 tagged tasks are left out: task 4 has already ended: completed.`"""
    said = f"{count_of(count, 'tagged task')} {'is' if count == 1 else 'are'} left out"
    if not reasons:
        return f"{said}: {'it is' if count == 1 else 'they are'} gone."
    first = reasons[0][:1].lower() + reasons[0][1:]
    return f"{said}: {first}" if count == 1 else f"{said}, for instance: {first}"


def _sensible(engine: Engine, ids: Sequence[int], action_id: str) -> tuple[list[Task], list[str]]:
    """The tasks as they are now, those for which the action makes sense; and for each other one, why it makes none."""
    refusal = BY_ID[action_id].refusal
    found, reasons = list[Task](), list[str]()
    for task_id in ids:
        try:
            task = engine.task(task_id)
        except OpsError:
            continue  # cleaned up since
        if refusal is not None and (reason := refusal(task)):
            reasons.append(f"Task {task.id} {reason}.")
        else:
            found.append(task)
    return found, reasons

"""Commands go down: what a key does to the selected task, or to all that are tagged; bound to their ids before any
question is asked."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from opsconsole.errors import OpsError, StorageError, TaskNotFound
from opsconsole.models import Priority, Task
from opsconsole.tui.actions import BY_ID
from opsconsole.tui.past_scripts import LEFT_OUT, past_script
from opsconsole.tui.screens.mode import ModeScreen
from opsconsole.tui.screens.tasks.unanswered import Unanswered
from opsconsole.tui.wording import FACES, count_of, duration, name_of, running_for, span

if TYPE_CHECKING:
    from textual.worker import WorkType

    from opsconsole.engine import Engine


Command = Callable[["Engine", Task, bool, str | None], Coroutine[Any, Any, Task]]
"""What is done to a task, or undone, and why, where anybody said so."""
Begin = Callable[[], Coroutine[Any, Any, Task]]
"""Makes it when its turn has come: a coroutine that nobody awaits is complained of."""
_MOST_NAMED = 12
_ASKED = {
    "raise_priority": ("Raise the priority of", "raise it"), "lower_priority": ("Lower the priority of", "lower it"),
}  # fmt: skip
"""How a question names what is not called by a verb."""
_NO_REASON = frozenset({"retry"})
"""What nobody has to answer for."""
_DONE = {"hold": "held", "pause": "paused", "pin": "pinned"}
"""What a task is to which a key of two opposites was done."""


def _cancel(engine: Engine, task: Task, _: bool, why: str | None) -> Coroutine[Any, Any, Task]:
    return engine.cancel(task.id, why)


def _retry(engine: Engine, task: Task, _: bool, __: str | None) -> Coroutine[Any, Any, Task]:
    return engine.retry(task.id)


def _hold(engine: Engine, task: Task, undo: bool, why: str | None) -> Coroutine[Any, Any, Task]:
    return (engine.release if undo else engine.hold)(task.id, why)


def _pause(engine: Engine, task: Task, undo: bool, why: str | None) -> Coroutine[Any, Any, Task]:
    return (engine.resume if undo else engine.pause)(task.id, why)


def _raise(engine: Engine, task: Task, _: bool, why: str | None) -> Coroutine[Any, Any, Task]:
    return engine.set_priority(task.id, Priority(task.priority + 1), why)


def _lower(engine: Engine, task: Task, _: bool, why: str | None) -> Coroutine[Any, Any, Task]:
    return engine.set_priority(task.id, Priority(task.priority - 1), why)


def _pin(engine: Engine, task: Task, undo: bool, why: str | None) -> Coroutine[Any, Any, Task]:
    return engine.pin(task.id, not undo, why)


_AT_ONCE: dict[str, tuple[str, Command]] = {
    "hold": ("h", _hold), "pause": ("p", _pause), "raise_priority": ("s", _raise), "lower_priority": ("l", _lower),
    "pin": ("i", _pin),
}  # fmt: skip
"""What asks nothing of a single task, with its letter where one says why first."""


class TaskCommands(ModeScreen):
    """The half of the tasks screen that changes something. The other half looks."""

    def __init__(self) -> None:
        super().__init__()
        self.unanswered = Unanswered(self, self.show_unanswered)

    def show_unanswered(self) -> None:
        """What was asked for and not answered is another now."""
        raise NotImplementedError

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
        try:
            found, reasons = _sensible(engine, self.tagged, action_id)
        except OpsError as error:
            self.app.report(error)
            return None
        if not found:
            self.app.tell("\n".join(reasons[:3]) or "The tagged tasks are gone.")
            return None
        return engine, found, reasons

    def _command(self, action_id: str, command: Command, *, follow: bool = False) -> None:
        """Do it to the selected task, and with `follow` select what came of it; to tagged ones after a question."""
        if self.tagged:
            self._ask_for_all(action_id, command)
        elif target := self._target(action_id):
            engine, task = target
            undo = _undone(action_id, [task])
            self._do(action_id, task, partial(command, engine, task, undo, None), undo=undo, follow=follow)

    def _do(self, action_id: str, task: Task, begin: Begin, *, undo: bool = False, follow: bool = False) -> None:
        word = _word(action_id, undo)

        async def work() -> None:
            answered = self.unanswered.ask(task.id, word)
            try:
                done = await self.app.attempt(_named(word, task.id, begin()))
            finally:
                answered()
            if done is not None and follow:
                self.go_to(done.id)

        do: WorkType[None] = work  # not the coroutine: it may be dropped before it begins
        self.run_worker(do, group="command")

    def _ask_for_all(self, action_id: str, command: Command, consequences: Sequence[str] = ()) -> None:
        """One question that names them all. What it says is done to each of them, or, where others were faster, it is
        left out; never the opposite."""
        if (targets := self._targets(action_id)) is None:
            return
        engine, tasks, reasons = targets
        from opsconsole.tui.screens.confirm import ConfirmScreen, Question

        undo = _undone(action_id, tasks)
        tasks, done_already = _not_so_yet(action_id, tasks, undo)
        reasons = [*reasons, *done_already]
        ids, tagged = [task.id for task in tasks], len(self.tagged)
        word = _word(action_id, undo)
        verb, yes = _ASKED.get(action_id, (word.capitalize(), f"{word} {'them' if len(tasks) > 1 else 'it'}"))

        def now() -> tuple[list[Task], list[str]]:
            found, since = _sensible(engine, ids, action_id)
            found, done_already = _not_so_yet(action_id, found, undo)
            return found, [*since, *done_already]

        def answered(yes: bool | None) -> None:
            if not yes:
                return
            try:
                found, since = now()
            except OpsError as error:
                self.app.report(error)
                return
            if not found:
                self.app.tell("\n".join(since[:3]) or "These tasks are gone.")
                return
            works = [(task, partial(command, engine, task, undo, ask.reason)) for task in found]
            do: WorkType[None] = partial(self._do_all, word, works)
            self.run_worker(do, group="command")

        def question(found: list[Task], reasons: Sequence[str]) -> Question:
            names = "\n".join(map(_in_a_line, found[:_MOST_NAMED]))
            if len(found) > _MOST_NAMED:
                names += f"\n… and {len(found) - _MOST_NAMED} more"
            left = tagged - len(found)
            rest = [_left_out(left, reasons)] if left else []
            return Question(f"{verb} {count_of(len(found), 'task')}?", names, [*consequences, *rest])

        def anew() -> Question | str | None:
            try:
                found, since = now()
            except OpsError:
                return None
            if not found:
                return "\n".join(since[:3]) or "These tasks are gone."
            return question(found, [*reasons, *since])  # what was left out at first is so for the same reason

        asks_why = action_id not in _NO_REASON
        ask = ConfirmScreen(*question(tasks, reasons), yes=f"Yes, {yes}", no="No", anew=anew, asks_why=asks_why)
        self.app.push_screen(ask, answered)

    async def _do_all(self, word: str, works: Sequence[tuple[Task, Begin]]) -> None:
        """One after the other; each error is shown. What is not begun when it is cancelled is not made."""
        answers = [self.unanswered.ask(task.id, word) for task, _ in works]
        try:
            for (task, begin), answered in zip(works, answers, strict=True):
                await self.app.attempt(_named(word, task.id, begin()))
                answered()
        finally:
            for answered in answers:
                answered()

    def go_to_new(self, task_id: int) -> None:
        self.go_to(task_id)

    def action_cancel(self) -> None:
        if self.tagged:
            grace = span(self.app.settings.execution.grace_s)
            said = [f"What runs is asked to end (TERM), and killed after {grace} (KILL); what waits will not run."]
            self._ask_for_all("cancel", _cancel, said)
            return
        if (target := self._target("cancel")) is None:
            return
        engine, task = target
        from opsconsole.tui.screens.confirm import ConfirmScreen, Question

        def answered(yes: bool | None) -> None:
            if yes:
                self._do("cancel", task, partial(engine.cancel, task.id, ask.reason))

        def question(task: Task) -> Question:
            return Question(f"Cancel task {task.id}?", _in_a_line(task), self._consequences(task))

        def anew() -> Question | str | None:
            try:
                found, reasons = _sensible(engine, [task.id], "cancel")
            except OpsError:
                return None
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
        self._command("pause", _pause)

    def action_retry(self) -> None:
        self._command("retry", _retry, follow=True)

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

        try:
            there = [name for name in _AT_ONCE if self.app.allows(name) and _sensible(engine, [task.id], name)[0]]
            task = engine.task(task.id)
        except TaskNotFound:
            self.app.tell(f"Task {task.id} is gone.")
            return
        except OpsError as error:
            self.app.report(error)
            return
        undo = {name: _undone(name, [task]) for name in there}

        def answered(name: str | None) -> None:
            if not name:
                return
            try:
                found, reasons = _sensible(engine, [task.id], name)
            except OpsError as error:
                self.app.report(error)
                return
            found, done_already = _not_so_yet(name, found, undo[name])
            if found:
                begin = partial(_AT_ONCE[name][1], engine, found[0], undo[name], ask.reason)
                self._do(name, found[0], begin, undo=undo[name])
            else:
                self.app.tell(next(iter([*reasons, *done_already]), f"Task {task.id} is gone."))

        answers = [Answer(name, _AT_ONCE[name][0], BY_ID[name].label_for(task).capitalize()) for name in there]
        ask = WhyScreen(_in_a_line(task), answers)
        self.app.push_screen(ask, answered)

    def action_hold(self) -> None:
        self._command("hold", _hold)

    def action_raise_priority(self) -> None:
        self._command("raise_priority", _raise)

    def action_lower_priority(self) -> None:
        self._command("lower_priority", _lower)

    def action_pin(self) -> None:
        self._command("pin", _pin)

    def action_edit_task(self) -> None:
        """Its script, as it may be shown, in the editor."""
        engine, task = self._engine_or_say(), self.selected
        if engine is None or task is None:
            return
        try:
            shown, whole = past_script(engine, task.id)
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
            self.app.tell(LEFT_OUT, "warning")


async def _named(word: str, task_id: int, work: Coroutine[Any, Any, Task]) -> Task:
    """What could not be written down says what it was."""
    try:
        return await work
    except StorageError as error:
        raise type(error)(f"Task {task_id}: {word} was not done. {error.message}", hint=error.hint) from error


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
    """The tasks as they are now, those for which the action makes sense; and for each other one, why it makes none.
    Raises OpsErrors where nobody can tell."""
    refusal = BY_ID[action_id].refusal
    found, reasons = list[Task](), list[str]()
    for task_id in ids:
        try:
            task = engine.task(task_id)
        except TaskNotFound:
            continue  # cleaned up since
        if refusal is not None and (reason := refusal(task)):
            reasons.append(f"Task {task.id} {reason}.")
        else:
            found.append(task)
    return found, reasons


def _undone(action_id: str, tasks: Sequence[Task]) -> bool:
    """Whether the key does the opposite: where there is nothing left to do to any of them."""
    undoes = BY_ID[action_id].undoes
    return undoes is not None and all(map(undoes, tasks))


def _word(action_id: str, undo: bool) -> str:
    return BY_ID[action_id].opposite if undo else BY_ID[action_id].label


def _not_so_yet(action_id: str, tasks: Sequence[Task], undo: bool) -> tuple[list[Task], list[str]]:
    """Those to which it is not done, or undone, already; and for each other one, that it is."""
    undoes = BY_ID[action_id].undoes
    if undoes is None:
        return list(tasks), []
    word = f"is {'not ' if undo else ''}{_DONE[action_id]} {'any more' if undo else 'already'}"
    found = [task for task in tasks if undoes(task) == undo]
    return found, [f"Task {task.id} {word}." for task in tasks if undoes(task) != undo]

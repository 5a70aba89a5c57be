"""Every action of the registry, by its key, as an operator presses it."""

from __future__ import annotations

import ast
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

from opsconsole.errors import QueueFull
from opsconsole.events import Notice
from opsconsole.models import ExecutionPolicy, Priority, Status
from opsconsole.tui.actions import ACTIONS, BY_ID, Danger, Where
from opsconsole.tui.screens.help import HelpScreen, laid_out
from opsconsole.tui.screens.phrase import PhraseScreen
from opsconsole.tui.screens.quit import QuitScreen
from opsconsole.tui.screens.submit import SubmitScreen
from opsconsole.tui.widgets.choice import Choice
from tests.tui.fake_engine import NOW, SECOND, FakeEngine
from tests.tui.scenes import console
from tests.tui.waiting import output, shown, started, table, tasks_screen, until

RUNNING = {"status": Status.RUNNING, "started_at": NOW - 5 * SECOND}
ENDED = {
    "status": Status.COMPLETED,
    "started_at": NOW - 5 * SECOND,
    "finished_at": NOW,
    "duration_s": 5.0,
    "exit_code": 0,
}


@asynccontextmanager
async def opened(engine: FakeEngine, size: tuple[int, int] = (120, 36)) -> AsyncIterator[Pilot[Any]]:
    async with console(engine).run_test(size=size, notifications=True) as pilot:
        await started(pilot)
        yield pilot


def commands(engine: FakeEngine) -> list[tuple[Any, ...]]:
    return [call for call in engine.calls if call[0] != "start"]


def notices(pilot: Pilot[Any]) -> str:
    return "\n".join(notification.message for notification in pilot.app._notifications)


async def in_dialog(pilot: Pilot[Any], kind: type) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, kind) and pilot.app.screen.focused is not None)


PLACES = {
    Where.CONSOLE: "", Where.MOTION: "", Where.OVERVIEW: "overview", Where.TASKS: "tasks", Where.OUTPUT: "tasks",
    Where.FOUND: "tasks", Where.PROCESSES: "processes", Where.ANOMALIES: "anomalies", Where.EDITOR: "editor",
    Where.HISTORY: "history", Where.SETTINGS: "settings",
}  # fmt: skip
"""Where the tests of an action are, below this folder."""


def pressed(test: ast.AST) -> Iterator[str]:
    """Keys that a test presses and then looks what came of it: in a call itself, or of a table in the test."""
    nodes = list(ast.walk(test))
    last_check = max((one.lineno for one in nodes if _checks(one)), default=0)
    for node in nodes:
        listed = node.iter if isinstance(node, ast.For | ast.comprehension) else None
        if isinstance(node, ast.Dict):
            listed = ast.Tuple([one for one in node.keys if one is not None])
        if isinstance(node, ast.Call) and node.lineno <= last_check and _name(node.func) not in ("until", "put"):
            listed = ast.Tuple([one for one in node.args if not isinstance(one, ast.Starred)])
        if listed is not None:
            yield from (one.value for one in ast.walk(listed) if isinstance(one, ast.Constant) and one.value in KEYS)


def _checks(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert) or (
        isinstance(node, ast.Call) and _name(node.func) in ("until", "snap_compare")
    )


def _name(function: ast.AST) -> str:
    return getattr(function, "attr", "") or getattr(function, "id", "")


KEYS = {key for action in ACTIONS for key in action.keys.split(",")}


@pytest.mark.parametrize("place", sorted(set(PLACES.values())), ids=lambda place: place or "everywhere")
def test_every_action_has_a_test(place: str) -> None:
    """By its key, in the tests of its mode. That no key leads elsewhere is seen in `test_modes`."""
    found = set[str]()
    for file in (Path(__file__).parent / place).glob("test_*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.update(pressed(node))
    mine = [action for action in ACTIONS if PLACES[action.where] == place]
    assert [one.id for one in mine if not found & set(one.keys.split(","))] == []
    assert len(mine) > 5


def test_a_key_that_nothing_comes_of_is_no_test() -> None:
    def keys(body: str) -> set[str]:
        return set(pressed(ast.parse(f"async def test_it(pilot):\n    {body}")))

    assert keys("await pilot.press('p', 'r'); assert pilot") == {"p", "r"}
    assert keys("await pilot.press('p'); await until(pilot, bool)") == {"p"}
    assert keys("await pilot.press(*'pause'); assert pilot") == set()
    assert keys("assert pilot\n    await pilot.press('p')") == set()
    assert keys("[await pilot.press(key) for key in 'p']; assert pilot") == {"p"}


def test_no_action_hangs_on_a_key_that_terminals_take() -> None:
    taken = {"ctrl+q", "ctrl+s", "ctrl+b", "ctrl+a", "alt+enter", "ctrl+enter", "ctrl+j"}
    assert [action.id for action in ACTIONS if set(action.keys.split(",")) <= taken] == []


def test_no_two_actions_have_one_name() -> None:
    assert len(BY_ID) == len(ACTIONS)


async def test_a_keymap_replaces_keys_by_the_id_of_an_action(engine: FakeEngine) -> None:
    engine.put(name="a", **RUNNING)
    app = console(engine)
    app.set_keymap({"pause": "z"})
    async with app.run_test(size=(120, 36)) as pilot:
        await started(pilot)
        assert "z pause" in shown(pilot)
        await pilot.press("z")
        await until(pilot, lambda: commands(engine) == [("pause", 1)])


# -- the console


async def test_submit_enter_enter_runs_with_the_defaults(engine: FakeEngine, samples: Path) -> None:
    engine.put(name="old", **ENDED)
    async with opened(engine) as pilot:
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: engine.specs)
        spec = engine.specs[0]
        body = (samples / "disk_report.sh").read_bytes()
        assert (spec.name, spec.script) == ("disk_report.sh", body)
        assert (spec.policy, spec.priority) == (ExecutionPolicy.STANDARD, Priority.NORMAL)
        assert (spec.timeout_s, spec.retries, spec.args, spec.hold) == (300.0, 0, (), False)
        await until(pilot, lambda: table(pilot).selected.name == "disk_report.sh")


async def test_submit_takes_arguments_policy_priority_timeout_and_retries(engine: FakeEngine, samples: Path) -> None:
    async with opened(engine) as pilot:
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)
        await pilot.press(*"long", "enter")
        form = pilot.app.screen
        form.query_one("#arguments", Input).value = "--name 'two words' 3"
        form.query_one("#timeout", Input).value = "90s"
        form.query_one("#priority", Choice).focus()
        await pilot.press("right", "down", "down", "right", "right")
        assert form.query_one("#retries", Choice).value == "2"
        form.query_one("#policy", Choice).focus()
        await pilot.press("right", "down", *"disk full", "enter")
        await until(pilot, lambda: engine.specs)
        spec = engine.specs[0]
        assert spec.args == ("--name", "two words", "3")
        assert (spec.policy, spec.reason, spec.confirmed) == (ExecutionPolicy.ELEVATED, "disk full", True)
        assert (spec.priority, spec.timeout_s, spec.retries) == (Priority.HIGH, 90.0, 2)


async def test_submit_completes_a_path_as_it_is_typed(engine: FakeEngine, samples: Path, tmp_path: Path) -> None:
    (tmp_path / "ops" / "deep").mkdir(parents=True)
    (tmp_path / "ops" / "deep" / "fix.sh").write_text("true\n")
    async with opened(engine) as pilot:
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)
        pilot.app.screen.query_one("#script", Input).value = f"{tmp_path}/op"
        await until(pilot, lambda: pilot.app.screen.query_one(OptionList).option_count == 1)
        await pilot.press("enter", "enter", "enter", "enter")
        await until(pilot, lambda: engine.specs)
        assert (engine.specs[0].name, engine.specs[0].script) == ("fix.sh", b"true\n")


async def test_submit_can_hold(engine: FakeEngine, samples: Path) -> None:
    async with opened(engine) as pilot:
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)
        await pilot.press(*"ports", "enter", "h")
        await until(pilot, lambda: "enter queues it, held" in shown(pilot))
        assert engine.specs == []
        await pilot.press("enter")
        await until(pilot, lambda: engine.specs)
        assert engine.specs[0].hold


async def test_submit_that_fails_says_why_and_keeps_the_form(engine: FakeEngine, samples: Path) -> None:
    async with opened(engine) as pilot:
        engine.refusal = QueueFull("the queue is full: 20000 of 20000 tasks are open", hint="cancel some, or wait")
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: "the queue is full" in shown(pilot))
        assert "cancel some, or wait" in shown(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: engine.specs)


async def test_submit_refused_by_policy_shows_the_reason(engine: FakeEngine, samples: Path) -> None:
    async with opened(engine) as pilot:
        accept = engine.submit

        async def refuse(spec: Any) -> Any:
            task = await accept(spec)
            return engine.put(id=task.id, status=Status.REFUSED, reason="sudo needs a password here", finished_at=NOW)

        engine.submit = refuse  # type: ignore[method-assign]
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: "sudo needs a password here" in notices(pilot))


async def test_submit_complains_in_the_form(engine: FakeEngine, samples: Path) -> None:
    async with opened(engine) as pilot:
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)
        await pilot.press("enter")
        for field, value, complaint in (
            ("timeout", "soon", "not a time"), ("timeout", "2h", "at most 3600"),
            ("arguments", "'open", "cannot be split"),
        ):  # fmt: skip
            one = pilot.app.screen.query_one(f"#{field}", Input)
            before, one.value = one.value, value
            await pilot.press("enter")
            await until(pilot, lambda complaint=complaint: complaint in shown(pilot))
            assert engine.specs == []
            one.value = before


async def test_submit_esc_goes_back_step_by_step(engine: FakeEngine, samples: Path) -> None:
    async with opened(engine) as pilot:
        await pilot.press("n")
        await in_dialog(pilot, SubmitScreen)
        await pilot.press("enter", "escape")
        assert isinstance(pilot.app.screen, SubmitScreen)
        await pilot.press("escape")
        assert pilot.app.screen is tasks_screen(pilot)


async def test_filter_narrows_as_you_type_and_esc_drops_it(engine: FakeEngine) -> None:
    engine.put(name="backup", **RUNNING)
    engine.put(name="report", **{**ENDED, "status": Status.FAILED, "exit_code": 3})
    async with opened(engine) as pilot:
        await pilot.press("slash", *"rep")
        await until(pilot, lambda: [task.name for task in table(pilot).tasks] == ["report"])
        await pilot.press("enter")
        assert pilot.app.focused is table(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: len(table(pilot).tasks) == 2)
        await pilot.press("slash", *"state", "colon", *"fail")
        await until(pilot, lambda: [task.name for task in table(pilot).tasks] == ["report"])
        await pilot.press("escape")
        await until(pilot, lambda: len(table(pilot).tasks) == 2)


def in_one_packet(pilot: Pilot[Any], *keys: str) -> None:
    """As fast as a terminal sends what was pasted or typed ahead."""
    for key in keys:
        pilot.app.post_message(events.Key(key, {"slash": "/", "enter": "\r"}.get(key, key)))


async def test_filter_takes_what_is_typed_ahead_and_no_letter_becomes_a_command(engine: FakeEngine) -> None:
    engine.put(name="a", **RUNNING)
    async with opened(engine) as pilot:
        in_one_packet(pilot, "slash", *"pin/x")
        await until(pilot, lambda: not table(pilot).tasks)
        assert pilot.app.screen.query_one("#filter-text", Input).value == "pin/x"
    assert commands(engine) == []


async def test_submit_takes_what_is_typed_ahead(engine: FakeEngine, samples: Path) -> None:
    engine.put(name="a", **RUNNING)
    async with opened(engine) as pilot:
        in_one_packet(pilot, "n", *"long")
        await in_dialog(pilot, SubmitScreen)
        await until(pilot, lambda: pilot.app.screen.query_one("#script", Input).value == "long")
    assert commands(engine) == []


async def test_filter_that_nothing_passes_says_what_to_do(engine: FakeEngine) -> None:
    engine.put(name="backup", **RUNNING)
    async with opened(engine) as pilot:
        await pilot.press("slash", *"zzz", "enter")
        await until(pilot, lambda: "No task passes this filter" in shown(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "backup" in shown(pilot))


async def test_back_leaves_the_whole_screen_then_the_output(engine: FakeEngine) -> None:
    engine.put(name="a", **RUNNING)
    async with opened(engine) as pilot:
        await pilot.press("enter")
        assert tasks_screen(pilot).has_class("-zoomed")
        await pilot.press("escape")
        assert not tasks_screen(pilot).has_class("-zoomed")
        await pilot.press("tab")
        assert pilot.app.focused is output(pilot)
        await pilot.press("escape")
        assert pilot.app.focused is table(pilot)


async def test_help_lists_every_action_with_its_key_and_closes_on_esc(engine: FakeEngine) -> None:
    async with opened(engine, (120, 60)) as pilot:
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, HelpScreen))
        groups = pilot.app.screen.groups()
        said = {entry.said.removesuffix(" !") for group in groups for entry in group.entries}
        assert [action.description for action in ACTIONS if action.description not in said] == []
        assert groups[0].title == "The selected task"
        for width in (75, 120, 127):  # what fits is not wrapped again, and keys never run into what they do
            lines = laid_out(groups, width).plain.splitlines()
            assert max(map(len, lines)) <= width and not any(line[:1] == "│" for line in lines)
        text = " ".join(" ".join(str(part.content) for part in pilot.app.screen.query(Static)).split())
        assert "+ =" in text and "pgdn ^d" in text and "keymap.toml" in text
        await pilot.press("escape")
        assert pilot.app.screen is tasks_screen(pilot)


@pytest.mark.parametrize("key", ["q", "f10"])
async def test_quit_leaves_at_once_when_nothing_is_open(engine: FakeEngine, key: str) -> None:
    engine.put(name="a", **ENDED)
    async with opened(engine) as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert pilot.app._exit and pilot.app.return_code == 0


@pytest.mark.parametrize("key", ["enter", "l"])
async def test_quit_leaves_everything_running_by_default(engine: FakeEngine, key: str) -> None:
    engine.put(name="a", **RUNNING)
    async with opened(engine) as pilot:
        await pilot.press("q")
        await in_dialog(pilot, QuitScreen)
        await pilot.press(key)
        await pilot.pause()
        assert pilot.app._exit
    assert commands(engine) == []


async def test_quit_stays(engine: FakeEngine) -> None:
    engine.put(name="a", **RUNNING)
    async with opened(engine) as pilot:
        for key in ("s", "escape", "q"):
            await pilot.press("q")
            await in_dialog(pilot, QuitScreen)
            await pilot.press(key)
            await pilot.pause()
            assert not pilot.app._exit and pilot.app.screen is tasks_screen(pilot), key


async def test_quit_cancels_all_when_told_to_the_queue_first(engine: FakeEngine) -> None:
    engine.put(name="running", **RUNNING)
    engine.put(name="queued")
    engine.put(name="ended", **ENDED)
    async with opened(engine) as pilot:
        await pilot.press("q")
        await in_dialog(pilot, QuitScreen)
        assert "ends 2 tasks" in shown(pilot)
        await pilot.press("c")
        await in_dialog(pilot, PhraseScreen)
        assert "1 running, 2 queued" in shown(pilot) and "The run is ended" in shown(pilot)
        await pilot.press(*"cancel all", "enter")
        await until(pilot, lambda: pilot.app._exit)
    assert commands(engine) == [("cancel", 2), ("cancel", 1)]


async def test_quit_asks_twice_before_it_ends_what_others_started(engine: FakeEngine) -> None:
    engine.put(name="a", **RUNNING)
    async with opened(engine) as pilot:
        await pilot.press("q")
        await in_dialog(pilot, QuitScreen)
        await pilot.press("c")
        await in_dialog(pilot, PhraseScreen)
        await pilot.press("enter")
        await pilot.press("escape")
        await in_dialog(pilot, QuitScreen)
        assert not pilot.app._exit
    assert commands(engine) == []


async def test_quit_by_ctrl_q_asks_too(engine: FakeEngine) -> None:
    engine.put(name="a", **RUNNING)
    async with opened(engine) as pilot:
        await pilot.press("ctrl+q")
        await in_dialog(pilot, QuitScreen)


# -- moving


@pytest.fixture
def ten(engine: FakeEngine) -> FakeEngine:
    for number in range(10):
        engine.put(name=f"job-{number}", **RUNNING)
    return engine


async def test_up_down_and_by_the_page(ten: FakeEngine) -> None:
    """In one list that is higher than its place, from its first line on."""
    async with opened(ten, (80, 12)) as pilot:
        await until(pilot, lambda: table(pilot).tasks)
        for keys, line in (
            (("down",), 1), (("j",), 1), (("j", "j", "g"), 0), (("j", "j", "home"), 0), (("G",), 9), (("end",), 9),
            (("G", "up"), 8), (("G", "k"), 8), (("pagedown",), 2), (("ctrl+d",), 2), (("G", "pageup"), 7),
            (("end", "ctrl+u"), 7),
        ):  # fmt: skip
            await pilot.press(*keys)
            assert [task.id for task in table(pilot).tasks].index(table(pilot).selected.id) == line, keys
            table(pilot).action_top()
            await pilot.pause()


# -- what comes up by itself


async def test_notices_of_the_engine_are_shown(engine: FakeEngine) -> None:
    async with opened(engine) as pilot:
        engine.publish(Notice("warning", "the database could not be read and was moved aside\x1b]0;x\x07"))
        await until(pilot, lambda: "was moved aside" in notices(pilot))
        assert "\x1b" not in notices(pilot)


async def test_an_engine_that_cannot_start_ends_the_console_with_its_error(engine: FakeEngine) -> None:
    engine.refusal = QueueFull("the state directory cannot be used")
    app = console(engine)
    async with app.run_test() as pilot:
        await until(pilot, lambda: app._exit)
    assert app.failure is not None and app.return_code == 125


def test_only_what_ends_something_asks_first() -> None:
    """In the order of the registry: the modes one after the other."""
    assert [action.id for action in ACTIONS if action.danger is Danger.CONFIRM] == [
        "cancel_run", "watch", "cancel", "signal", "renice", "clear_episodes", "discard_changes", "delete_script",
    ]  # fmt: skip
    assert BY_ID["open"].danger is Danger.NONE

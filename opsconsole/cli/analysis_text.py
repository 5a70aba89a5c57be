"""An analysis for people, in the terminal's width; 80 columns where there is none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from opsconsole.cli import diagnostics, wording
from opsconsole.cli.table import Cell, Column, cell_width, render

if TYPE_CHECKING:
    from opsconsole.monitoring.analysis.health import Health
    from opsconsole.monitoring.analysis.model import Analysis, Cause, Reading, ResourceUse, Since, Suggestion, Usual

WIDTH = 80
_ESTIMATES = ("run queue", "iowait", "swap rate", "blocked tasks", "memory.some", "io.some")
"""What waiting is told by where it is not the usual figure."""
_WORDS = re.compile(" (?!%)")
"""Between words; "38 %" is one."""
_COLOURS = {
    "ok": "32", "busy": "36", "saturated": "33", "failing": "31", "unknown": "2",
    "watch": "33", "degraded": "33", "critical": "31",
}  # fmt: skip


def text_of(analysis: Analysis, health: Health, *, width: int | None, colours: bool) -> str:
    """All of it, the verdict first. Every string was sanitised and passes `harmless` on top."""
    return _Text(analysis, health, width or WIDTH, colours).whole()


class _Text:
    def __init__(self, analysis: Analysis, health: Health, width: int, colours: bool) -> None:
        self._analysis = analysis
        self._health = health
        self._width = max(width, 40)
        self._colours = colours

    def whole(self) -> str:
        blocks = [
            [*self._paragraph(self._analysis.verdict + "."), *self._health_line()],
            self._resources(),
            self._who(),
            self._before(),
            self._suggestions(),
            [line for note in self._analysis.notes for line in self._paragraph(note, "note: ", "  ")],
        ]
        return "\n".join("".join(f"{line}\n" for line in block) for block in blocks if block)

    def _paragraph(self, words: str, first: str = "", other: str = "") -> list[str]:
        return list(wrapped(diagnostics.harmless(words), self._width, first, other))

    def _coloured(self, word: str, key: str) -> str:
        return f"\x1b[{_COLOURS[key]}m{word}\x1b[0m" if self._colours and key in _COLOURS else word

    def _health_line(self) -> list[str]:
        state = self._health.state
        lines = self._paragraph(f"{state}: {self._health.why}", "Health: ", "  ")
        return [lines[0].replace(state, self._coloured(state, state), 1), *lines[1:]]

    def _resources(self) -> list[str]:
        columns = (
            Column("RESOURCE"), Column("STATE"), Column("USED", right=True), Column("WAITS", right=True),
            Column("MEAN", right=True), Column("MAX", right=True), Column("HIGH", right=True),
            Column("WHAT", yields=True, least=4),
        )  # fmt: skip
        rows = [self._row(use) for use in self._analysis.resources]
        lines = render(columns, rows, self._width).splitlines()
        if self._analysis.span is not None:
            over = _minutes(self._analysis.minutes)
            lines += self._paragraph(f"MEAN, MAX of USED over {over}; HIGH: part of it with high use or waiting.")
        return lines

    def _row(self, use: ResourceUse) -> list[str | Cell]:
        from opsconsole.monitoring.analysis.model import TITLES, Reading

        reading = use.now or use.past or Reading()
        used = next((trend for trend in use.trends if trend.unit == "%"), None)
        above = [trend.above for trend in use.trends if trend.above is not None]
        state = use.state.value
        return [
            TITLES[use.resource],
            Cell(state, _COLOURS[state] if self._colours else ""),
            _percent(reading.utilisation),
            _percent(reading.waiting),
            _percent(used.mean if used is not None else None),
            _percent(used.max if used is not None else None),
            _percent(100 * max(above) if above else None),
            diagnostics.harmless(_what(reading)),
        ]

    def _who(self) -> list[str]:
        short = {use.resource for use in self._analysis.resources if use.state.value != "ok"}
        for found in (self._analysis.bottleneck, self._analysis.past_bottleneck):
            if found is not None:
                short.add("cpu" if found.resource == "steal" else found.resource)
        said = [cause for cause in self._analysis.causes if cause.resource in short]
        return ["Who", *(line for cause in said for line in self._cause(cause))] if said else []

    def _cause(self, cause: Cause) -> list[str]:
        from opsconsole.monitoring.analysis.model import TITLES

        amount = "" if cause.value is None else _amount(cause.value, cause.unit)
        share = "" if cause.share is None else f" ({100 * cause.share:.0f} % of all)"
        words = [f"{cause.label} {amount}{share}".strip(), cause.note]
        if len(cause.pids) > 1:
            words.append("pids " + " ".join(map(str, cause.pids[:6])) + (" …" if len(cause.pids) > 6 else ""))
        return self._paragraph("; ".join(filter(None, words)), f"  {TITLES[cause.resource]:<10} ", " " * 13)

    def _before(self) -> list[str]:
        said: list[str] = []
        if self._analysis.since is not None:
            said += self._paragraph(_since(self._analysis.since, self._analysis.time_us), "  Since      ", " " * 13)
        for use in self._analysis.resources:
            for usual in use.usual:
                if usual.ratio is not None and (usual.ratio >= 1.5 or use.state.value != "ok"):
                    said += self._paragraph(_usual(usual), "  Usual      ", " " * 13)
        return ["Before", *said] if said else []

    def _suggestions(self) -> list[str]:
        found = self._analysis.suggestions
        if not found:
            return ["Nothing to suggest: there is no evidence of a shortage."] if self._known() else []
        return ["What to do", *(line for place, each in enumerate(found, 1) for line in self._suggestion(place, each))]

    def _known(self) -> bool:
        return any(use.state.value != "unknown" for use in self._analysis.resources)

    def _suggestion(self, place: int, each: Suggestion) -> Iterator[str]:
        yield from self._paragraph(f"{each.category}: {each.title}", f" {place:>2}. ", "     ")
        for evidence in each.evidence:
            yield from self._paragraph(evidence, "     - ", "       ")
        yield from self._paragraph(f"{each.expected_effect}; risk {each.risk}", "     → ", "       ")
        for command in each.look:
            yield f"     $ {diagnostics.harmless(command)}"
        if each.template is not None:
            yield f"     script: {each.template}"


def wrapped(words: str, width: int, first: str = "", other: str = "") -> Iterator[str]:
    """Lines of at most `width` terminal cells; a word that is longer than a line is cut into several."""
    line, empty = first, True
    for word in _pieces(_WORDS.split(words), width - max(cell_width(first), cell_width(other))):
        if not empty and cell_width(line) + 1 + cell_width(word) > width:
            yield line.rstrip()
            line, empty = other, True
        line += word if empty else f" {word}"
        empty = False
    yield line.rstrip()


def _pieces(words: Iterable[str], width: int) -> Iterator[str]:
    for word in words:
        piece, used = "", 0
        for character in word:
            cells = cell_width(character)
            if used + cells > width:
                yield piece
                piece, used = "", 0
            piece += character
            used += cells
        yield piece


def _what(reading: Reading) -> str:
    from opsconsole.monitoring.analysis.model import clean

    said = [*reading.errors, *reading.saturation]
    if not said and reading.subject:
        said = [clean(reading.subject)]
    if reading.basis in _ESTIMATES:
        said.append(f"by {reading.basis}")
    return "; ".join(said)


def _percent(value: float | None) -> str:
    from opsconsole.monitoring.analysis.model import percent_words

    return "-" if value is None else f"{percent_words(value)} %"


def _amount(value: float, unit: str) -> str:
    if unit in ("B", "B/s"):
        return wording.quantity(value, unit)
    return f"{value:.0f} {unit}" if unit else f"{value:.2f}"


def _minutes(minutes: float) -> str:
    from opsconsole.monitoring.analysis.verdict import span_of

    return span_of(minutes)


def _since(since: Since, now: int) -> str:
    lasted = wording.long_duration((now - since.time_us) / 1e6, whole=True)
    begin = "at least " if since.at_least else ""
    return f"{begin}{wording.moment(since.time_us)} ({lasted}): {since.why}"


def _usual(usual: Usual) -> str:
    from opsconsole.monitoring.analysis.compare import words_of

    here, median = _amount(usual.value, usual.unit), _amount(usual.median, usual.unit)
    ratio = f"{usual.ratio:.1f}× what this hour usually has" if usual.ratio is not None else ""
    return f"{words_of(usual.series)} {here}: {ratio}, {median} (median of {usual.days} earlier days)"

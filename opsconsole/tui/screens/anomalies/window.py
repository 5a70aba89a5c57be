"""What of the record the anomalies' mode shows: a span of time, and what of it passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from opsconsole.anomalies import Severity
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.anomalies.commands import closed_only
from opsconsole.tui.screens.anomalies.filter import EVERYTHING, OPEN_STATES, EpisodeFilter

if TYPE_CHECKING:
    from opsconsole.storage.anomalies import AnomalyFilter
    from opsconsole.tui.screens.anomalies.reading import Found

_HOUR_US = 3600 * 1_000_000
SPANS = (
    ("15 min", _HOUR_US // 4), ("1 h", _HOUR_US), ("6 h", 6 * _HOUR_US), ("24 h", 24 * _HOUR_US),
    ("7 d", 168 * _HOUR_US), ("30 d", 720 * _HOUR_US),
)  # fmt: skip
_FIRST_SPAN = 3
_OLDEST_US = 400 * 24 * _HOUR_US
_LEAST = (Severity.INFO, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)


class Window:
    """A span of time that ends now, or at a moment that was panned to."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._zoom = _FIRST_SPAN
        self._until: int | None = None
        self._chosen = False

    def fit(self, first_us: int | None) -> bool:
        """As short a span as has all from this moment on, never longer than it opens with. What somebody chose stays,
        and so does what fitted once. True: it is a shorter one now, in which more may be known of that moment."""
        if self._chosen:
            return False
        before, needed = self._zoom, self._now() - (0 if first_us is None else first_us)
        self._zoom = next((at for at, (_, length) in enumerate(SPANS[:before]) if length >= needed), before)
        self._chosen = self._zoom == before
        return not self._chosen

    @property
    def follows(self) -> bool:
        """It ends now."""
        return self._until is None

    @property
    def place(self) -> tuple[int, int | None]:
        """The same for as long as nobody moves it."""
        return self._zoom, self._until

    @property
    def span(self) -> tuple[int, int]:
        """[since, until) in microseconds."""
        until = self._now() if self._until is None else self._until
        return until - SPANS[self._zoom][1], until

    @property
    def length(self) -> str:
        return SPANS[self._zoom][0]

    @property
    def longest(self) -> bool:
        return self._zoom == len(SPANS) - 1

    @property
    def words(self) -> str:
        if self.follows:
            return f"the last {self.length}"
        first, last = (datetime.fromtimestamp(one / 1e6) for one in self.span)
        return f"{first:%Y-%m-%d %H:%M} – {last:%m-%d %H:%M}"

    def zoom(self, by: int) -> bool:
        """The middle stays where it is; the present does, while it is shown. False: there is no such span."""
        zoom = self._zoom + by
        if not 0 <= zoom < len(SPANS):
            return False
        until, longer = self._until, SPANS[zoom][1] - SPANS[self._zoom][1]
        self._zoom, self._chosen = zoom, True
        if until is not None:
            self._move_to(until + longer // 2)
        return True

    def pan(self, by: int) -> None:
        """By so many quarters of the span."""
        self._move_to(self.span[1] + by * SPANS[self._zoom][1] // 4)

    def show(self, began_us: int, ended_us: int | None) -> None:
        """Move so that this is seen; what lasts still is seen in any span that ends now. The length stays."""
        self._chosen = True
        since, until = self.span
        if ended_us is None:
            self.to_now()
        elif ended_us < since or began_us >= until:
            self._move_to(ended_us + SPANS[self._zoom][1] // 4)

    def to_now(self) -> None:
        self._until = None

    def _move_to(self, until: int) -> None:
        now, self._chosen = self._now(), True
        self._until = None if until >= now else max(until, now - _OLDEST_US)


@dataclass
class Narrowing:
    """What was typed, and what the quick keys add."""

    typed: EpisodeFilter = EVERYTHING
    least: Severity = Severity.INFO
    only_open: bool = False
    kind: str = ""

    @property
    def filter(self) -> EpisodeFilter:
        typed = self.typed
        severities = typed.severities & {one for one in Severity if one >= self.least}
        states = typed.states & OPEN_STATES if typed.states and self.only_open else typed.states
        if self.only_open and not states:
            states = OPEN_STATES
        kinds = (self.kind,) if self.kind else typed.kinds
        return replace(typed, severities=frozenset(severities), states=states, kinds=kinds)

    @property
    def said(self) -> list[str]:
        """What the quick keys leave of it."""
        said = [f"{self.least.word} or graver"] if self.least > Severity.INFO else []
        said += ["only open"] if self.only_open else []
        return [*said, sanitise_name(self.kind, limit=40)] if self.kind else said

    def next_least(self) -> None:
        self.least = _LEAST[(_LEAST.index(self.least) + 1) % len(_LEAST)]

    def drop(self) -> None:
        """Only what was typed stays."""
        self.least, self.only_open, self.kind = Severity.INFO, False, ""

    def clearable(self, known: Iterable[str], window: Window) -> tuple[AnomalyFilter | None, str]:
        """The closed ones of it, as the record can be asked for them, and in words; None, why it cannot."""
        from opsconsole.storage.anomalies import AnomalyFilter

        shown, (since, until) = self.filter, window.span
        if shown.words or shown.subjects:
            return None, "The record is not cleared by words or subjects: filter by kind and severity, or by nothing."
        least = min(shown.severities, default=None)
        if least is None or shown.severities != {one for one in Severity if one >= least}:
            return None, "The record is cleared by the least severity only: severity>=high."
        if shown.states and not shown.states - OPEN_STATES:
            return None, "Only closed episodes can be cleared, and only open ones are shown."
        kinds = frozenset(kind for kind in known if shown.kind_matches(kind)) if shown.kinds else frozenset()
        if shown.kinds and not kinds:
            return None, "No episode of this time passes the filter."
        words = [f"of {window.words}", *sorted(kinds)]
        if least > Severity.INFO:
            words.append(f"{least.word} or graver")
        return closed_only(AnomalyFilter(kinds, least, frozenset(), since, until)), ", ".join(words)


def why_empty(found: Found, window: Window, keys: Mapping[str, str]) -> list[str]:
    """What stands in place of no episode; `keys`: those that work, by action."""
    if found.counts.total:
        return ["No episode of this time passes the filter.", "", f"Press {keys.get('back', 'esc')} to see all."]
    since, until = window.span
    when = f"in {window.words}" if window.follows else "then"
    blind = sum(end - begin for begin, end in found.unwatched) >= (until - since) * 9 // 10
    lines = [f"Nothing is on record {when}." if blind else f"Nothing was wrong {when}."]
    if not found.alive:
        start = f": press {keys['watch']} to start the monitor." if "watch" in keys else "."
        lines += ["", f"Nobody watches this host{start}"]
    if not window.longest and "zoom_out" in keys:
        lines += ["", f"{keys['zoom_out']} shows a longer time."]
    return lines

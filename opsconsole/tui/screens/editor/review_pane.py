"""The review beside the text: the verdict and why, the findings, the selected one in full, what the script would do."""

from __future__ import annotations

from collections.abc import Sequence

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical

from opsconsole.safety.review.model import Finding
from opsconsole.tui.screens.editor.effects import EffectsView, caveat, deeds
from opsconsole.tui.screens.editor.findings import FindingsList
from opsconsole.tui.screens.editor.fixes import preview
from opsconsole.tui.screens.editor.live_review import State
from opsconsole.tui.screens.editor.said import Lines, Said
from opsconsole.tui.screens.editor.verdicts import Above, detail, head, summary, worst_of

_LEAST = 3
_FIXED = 8  # the selected finding, and the empty lines


class ReviewPane(Vertical):
    """`show` what is known. With the class `-narrow` it is three lines, to stand below the text."""

    Chosen = FindingsList.Chosen
    FixWanted = FindingsList.FixWanted
    ExplainWanted = FindingsList.ExplainWanted

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.findings = FindingsList(id="findings")
        self.effects = EffectsView(id="effects")
        self._head = Said(id="review-head")
        self._detail = Said(id="finding-detail")
        self._summary = Said(id="review-summary")
        self._state = State()
        self._contained = ("", "muted")
        self._above: Above = {}

    def compose(self) -> ComposeResult:
        yield self._summary
        yield self._head
        yield self.findings
        yield self._detail
        yield self.effects

    def on_mount(self) -> None:
        self.show(self._state)

    @property
    def narrow(self) -> bool:
        return self.has_class("-narrow")

    @narrow.setter
    def narrow(self, narrow: bool) -> None:
        self.set_class(narrow, "-narrow")

    @property
    def selected(self) -> Finding | None:
        """Where the list's cursor is."""
        return self.findings.selected

    @property
    def state(self) -> State:
        return self._state

    def show(self, state: State) -> None:
        """A review of an older text stays, dimmed in its title, until the next one is there."""
        self._state = state
        self._say_head()
        reviewed = state.reviewed
        if reviewed is None:
            self.findings.show([])
            self.effects.show([], empty="what it does is said here")
        else:
            review = reviewed.review
            self.findings.show(review.findings, empty="no findings")
            found = deeds(review.effects)
            more = caveat(review)
            self.effects.show(found, more, "" if found or more else "change nothing, and read nothing that is known")
        self._fit()
        self._say_detail()

    def show_containment(self, words: str, tone: str = "muted") -> None:
        """How a run would be held; harmless words."""
        self._contained = (words, tone)
        self._say_head()

    def show_ceiling(self, above: Above) -> None:
        """The policies that are not to be had in this console, with why."""
        if above != self._above:
            self._above = above
            self._say_head()

    def select(self, finding: Finding) -> None:
        """Put the list's cursor on it, and say nothing."""
        self.findings.select(finding)
        self._say_detail()
        self._say_head()

    def name_keys(self, keys: Sequence[tuple[str, str]]) -> None:
        """While a text is typed: the keys that work there, with their words. None: the list's own."""
        if list(keys) != self.findings.keys_while_typing:
            self.findings.name_keys(keys)
            self._say_head()
            self._say_detail()

    # -- inside

    @on(FindingsList.Chosen)
    def _moved(self) -> None:
        self._say_detail()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        """The findings take what they need, and leave the effects what those need, up to two fifths."""
        height = self.size.height
        effects = max(_LEAST, min(self.effects.wanted_height, height * 2 // 5))
        left = height - effects - self._head.height_at(self.size.width) - _FIXED
        wanted = max(_LEAST, min(self.findings.wanted_height, left))
        styles = self.findings.styles
        if styles.height is None or styles.height.value != wanted:
            styles.height = wanted

    def _say_head(self) -> None:
        state, contained, above = self._state, self._contained, self._above
        policy = state.reviewed.review.policy if state.reviewed else ""

        def write(width: int) -> Lines:
            return head(state, policy, contained, width, above)

        def write_short(width: int) -> Lines:
            worst = worst_of(state.reviewed.review) if state.reviewed else None
            key = self.findings.fix_key if worst == self.selected else ""
            return summary(state, policy, worst, width, key, above)

        self._head.say(write)
        self._summary.say(write_short)

    def _say_detail(self) -> None:
        finding, reviewed = self.selected, self._state.reviewed
        shown = preview(reviewed.text, finding) if finding is not None and reviewed is not None else ""
        key = self.findings.fix_key
        self._detail.say(lambda width: detail(finding, shown, width, key))

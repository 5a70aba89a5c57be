"""Two runs beside each other: what differs, by how much, and the difference of their scripts and outputs."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from opsconsole.models import ExecutionResult
from opsconsole.reporting.invocation import called_with, limits_of
from opsconsole.reporting.runs import Run
from opsconsole.reporting.wording import duration, moment, ratio, size
from opsconsole.wording import reason

MOST_LINES = 1500
"""Of each side are compared, after what they begin and end with alike is set aside."""
MOST_CHARACTERS = 400
"""Of a line are compared."""
_CONTEXT = 3
_LONGEST = 1000
"""Of a fact's text, in characters."""


class Pair(NamedTuple):
    """A fact of both; `said`: by how much the second differs; `worse` or better or neither (None)."""

    label: str
    before: str
    after: str
    differs: bool = False
    said: str = ""
    worse: bool | None = None


class Changed(NamedTuple):
    """A line of a difference: `sign` is `+`, `-`, ` ` or `@` (where it is)."""

    sign: str
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """`lines` in the unified form, empty when both are the same; `left_out` says what was not looked at."""

    same: bool
    lines: Sequence[Changed]
    left_out: str = ""

    @property
    def added(self) -> int:
        return sum(line.sign == "+" for line in self.lines)

    @property
    def removed(self) -> int:
        return sum(line.sign == "-" for line in self.lines)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Of two runs, the older one first."""

    before: Run
    after: Run
    script: Difference
    output: Difference

    @property
    def pairs(self) -> Sequence[Pair]:
        """The facts of both, as a report has them."""
        return self.pairs_at(moment)

    def pairs_at(self, when: Callable[[int | None], str]) -> Sequence[Pair]:
        """`when` puts times: on a screen by the clock of this host."""
        return _pairs(self.before, self.after, when)


def compare(one: Run, other: Run) -> Comparison:
    """The older one is what the other is compared with. Takes no longer for huge outputs: they come bounded."""
    before, after = sorted((one, other), key=lambda run: (run.result.started_at or run.task.queued_at, run.task.id))
    same_script = before.task.script_sha256 == after.task.script_sha256
    return Comparison(
        before, after,
        Difference(True, ()) if same_script else difference(before.script, after.script),
        _output_difference(before, after),
    )  # fmt: skip


def _output_difference(before: Run, after: Run) -> Difference:
    found = difference(
        [_line(one.stream, one.text) for one in before.output], [_line(one.stream, one.text) for one in after.output]
    )
    left = []
    for run in (before, after):
        if kept := run.left_out.kept:
            left.append(f"{size(kept)} of #{run.task.id} in the middle of its output")
        if lost := run.left_out.not_kept:
            left.append(f"{size(lost)} of #{run.task.id} that were not kept")
    said = "; ".join(filter(None, [found.left_out, *left]))
    return Difference(found.same and not left, found.lines, said)


def _line(stream: str, text: str) -> str:
    return f"! {text}" if stream == "stderr" else text


# -- facts


def _pairs(before: Run, after: Run, when: Callable[[int | None], str]) -> list[Pair]:
    one, other = before.result, after.result
    line = before.harmless.line, after.harmless.line

    def words(label: str, left: object, right: object, worse: bool | None = None) -> Pair:
        one_said, other_said = (
            make("" if value is None else str(value), _LONGEST) for make, value in zip(line, (left, right), strict=True)
        )
        differs = one_said != other_said
        return Pair(label, one_said, other_said, differs, worse=worse if differs else None)

    def figure(label: str, left: float | None, right: float | None, put: str, more: str, less: str) -> Pair:
        said = ratio(left, right, more, less)
        show = duration if put == "time" else size if put == "size" else _count
        worse = (right or 0) > (left or 0) if said else None
        return Pair(label, show(left), show(right), bool(said) or (left is None) != (right is None), said, worse)

    succeeded = one.succeeded, other.succeeded
    return [
        words("status", one.status.value, other.status.value, worse=succeeded[0] and not succeeded[1]),
        words("exit code", one.exit_code, other.exit_code, worse=succeeded[0] and not succeeded[1]),
        words("signal", one.signal, other.signal),
        words("reason", reason(one.reason or ""), reason(other.reason or "")),
        figure("duration", one.duration_s, other.duration_s, "time", "slower", "faster"),
        figure("CPU time", _cpu(one), _cpu(other), "time", "more", "less"),
        figure("memory, peak", before.peak.known, after.peak.known, "size", "more", "less")._replace(
            before=before.peak.said, after=after.peak.said
        ),
        figure("processes", one.metrics.get("processes"), other.metrics.get("processes"), "count", "more", "less"),
        figure("read", one.metrics.get("read_bytes"), other.metrics.get("read_bytes"), "size", "more", "less"),
        figure("written", one.metrics.get("write_bytes"), other.metrics.get("write_bytes"), "size", "more", "less"),
        figure("output", _printed(one), _printed(other), "size", "more", "less")._replace(worse=None),
        words("attempt", f"{one.attempt} of {one.attempts}", f"{other.attempt} of {other.attempts}"),
        *(words(label, left, right) for label, left, right in _called_with(before, after)),
        words("policy", one.policy, other.policy),
        words("verdict", one.verdict, other.verdict),
        words("containment", one.containment.get("provider"), other.containment.get("provider")),
        words("name", before.task.name, after.task.name),
        words("by", _who(before), _who(after)),
        Pair("started", when(one.started_at), when(other.started_at)),
        words("script", before.task.script_sha256[:16], after.task.script_sha256[:16]),
    ]  # fmt: skip


def _cpu(result: ExecutionResult) -> float | None:
    user, system = result.metrics.get("user_cpu_s"), result.metrics.get("system_cpu_s")
    return None if user is None else float(user) + float(system or 0)


def _called_with(before: Run, after: Run) -> Iterator[tuple[str, str, str]]:
    """Arguments and the like; of the limits those that differ."""
    one, other = (dict(called_with(run.result, run.harmless.line)) for run in (before, after))
    for label in one | other:
        nothing = "none" if label == "arguments" else ""
        yield label, one.get(label) or nothing, other.get(label) or nothing
    one, other = (limits_of(run.result) for run in (before, after))
    for name in one | other:
        if one.get(name) != other.get(name):
            yield f"limit {name}", one.get(name, "none"), other.get(name, "none")


def _printed(result: ExecutionResult) -> float | None:
    return float((result.output.get("stdout_bytes") or 0) + (result.output.get("stderr_bytes") or 0))


def _count(number: float | None) -> str:
    return "" if number is None else f"{number:,.0f}"


def _who(run: Run) -> str:
    return f"{run.task.actor} on {run.task.host} via {run.task.door}"


# -- differences


def difference(before: Sequence[str], after: Sequence[str]) -> Difference:
    """Line by line, in the unified form. What both begin and end with is set aside first, the rest is bounded."""
    if list(before) == list(after):
        return Difference(True, ())
    head = sum(1 for _ in itertools.takewhile(lambda two: two[0] == two[1], zip(before, after, strict=False)))
    rest = min(len(before), len(after)) - head
    ends = zip(reversed(before), reversed(after), strict=False)
    tail = sum(1 for _ in itertools.takewhile(lambda two: two[0] == two[1], itertools.islice(ends, rest)))
    start = max(0, head - _CONTEXT)
    old, new = _bounded(before, start, tail), _bounded(after, start, tail)
    cut = (
        max(len(before) - start - max(0, tail - _CONTEXT) - len(old), 0),
        max(len(after) - start - max(0, tail - _CONTEXT) - len(new), 0),
    )
    left_out = f"the first {MOST_LINES:,} lines that differ are compared; {sum(cut):,} more are not" if any(cut) else ""
    return Difference(False, _unified(old, new, start), left_out)


def _bounded(lines: Sequence[str], start: int, tail: int) -> list[str]:
    end = len(lines) - max(0, tail - _CONTEXT)
    return [line[:MOST_CHARACTERS] for line in lines[start : min(end, start + MOST_LINES)]]


def _unified(old: list[str], new: list[str], offset: int) -> list[Changed]:
    found: list[Changed] = []
    for group in difflib.SequenceMatcher(None, old, new).get_grouped_opcodes(_CONTEXT):
        first, last = group[0], group[-1]
        where = _place(first[1], last[2], offset), _place(first[3], last[4], offset)
        found.append(Changed("@", f"@@ -{where[0]} +{where[1]} @@"))
        for kind, i1, i2, j1, j2 in group:
            if kind == "equal":
                found += [Changed(" ", line) for line in old[i1:i2]]
                continue
            found += [Changed("-", line) for line in old[i1:i2]]
            found += [Changed("+", line) for line in new[j1:j2]]
    return found


def _place(start: int, end: int, offset: int) -> str:
    length = end - start
    return f"{start + offset + bool(length)},{length}"

"""What a source is given at each tick, and what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from opsconsole.anomalies import Severity
from opsconsole.samples import ProcessSample, RunUsage, Sample


class Observation(NamedTuple):
    """One value of one kind for one subject, at the moment of the look.

    A source lists a subject at every look as long as it exists, in the unit of the kind, good values too: a recovery
    is a good value seen, not silence. A source that lists only some (the busiest processes) goes on listing those
    that `frozen(kind, subject)` says are in an episode. What is not listed is "no data", and, once it is missing from
    the sample itself (no such process, mount, drive, interface), "subject gone".
    """

    kind: str
    """A name in kinds.KINDS."""
    subject: str = ""
    """"" is the host itself; else a mount, a device, "name[pid]", a script's name, a series."""
    value: float | None = None
    """In the kind's unit; None: no data just now, which is not recovery."""
    details: dict[str, Any] | None = None
    """What goes into Anomaly.details, JSON values only: {"eta_s": 5400.0}."""
    baseline: float | None = None
    """For kinds that are relative to one."""
    most: Severity | None = None
    """The severity it cannot exceed just now, whatever the value: a busy CPU for which nothing waits."""
    words: str = ""
    """A clause of our own words that follows in the message: "but nothing waits for it"."""
    aliases: tuple[str, ...] = ()
    """Other names by which the settings may mean it: the device of a mount."""
    gone: bool = False
    """The subject is gone for good (the process ended, the run is over): its episode closes at once."""


class Look(NamedTuple):
    """What a source is given at each tick. `values` is samples.series(sample)."""

    sample: Sample
    values: Mapping[str, float]
    processes: Sequence[ProcessSample] = ()
    """Empty where they were not read at this tick."""
    runs: Sequence[RunUsage] = ()


class Source(Protocol):
    """Something that can tell how things are. Causal, quick, without I/O.

    One that keeps a baseline is given `frozen: Callable[[str, str], bool]` when it is made: whether (kind, subject) is
    in an episode now, or about to be. It must not learn from such a time, or it would learn the incident.
    """

    def observe(self, look: Look) -> Iterable[Observation]: ...

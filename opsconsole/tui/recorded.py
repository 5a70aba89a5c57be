"""A host that was recorded, in the place of this one: what a demo hands to the modes that look by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opsconsole.checkup import Fact
    from opsconsole.monitoring.sampling.selected import ProcessDetails
    from opsconsole.samples import ProcessSample


class Processes(Protocol):
    """Who samples processes, as `ProcessSampler` does. `interval_s`: since the look before, None at the first."""

    @property
    def interval_s(self) -> float | None: ...

    def sample(self) -> list[ProcessSample]: ...

    def close(self) -> None: ...


class Recorded(Protocol):
    """`refusal` says why nothing can be done to its processes."""

    @property
    def refusal(self) -> str: ...

    @property
    def pictures(self) -> Path:
        """Where pictures of it stay when it is over."""

    def sampler(self) -> Processes: ...

    def details(self, pid: int, start_ticks: int) -> ProcessDetails | None: ...

    def facts(self) -> Iterator[Fact]:
        """What its check-up says."""

    def owns(self, path: Path) -> bool:
        """Whether the file goes with the demo, and may be written; links are followed."""

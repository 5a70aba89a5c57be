"""The part of the Engine that watches: the monitor and what it is asked, and what its own runs use.

Everything of monitoring is loaded on first use: a headless run that ends within a second never loads it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opsconsole.events import Event, RunSampled
from opsconsole.execution.verbs import Verbs
from opsconsole.models import Origin, Task, TaskSpec
from opsconsole.storage.consoles import Registration

if TYPE_CHECKING:
    from opsconsole.monitoring.sampling.runs import Active, RunSampler
    from opsconsole.monitoring.station import Station
    from opsconsole.samples import RunUsage
    from opsconsole.storage.looks import Happened
    from opsconsole.storage.running import Running


class Watching(Verbs):
    """The Engine provides `add`, `_publish_from_any_thread` and what is declared here."""

    origin: Origin
    _loop: asyncio.AbstractEventLoop | None
    _registration: Registration | None
    _watches: bool
    _records: bool
    looked_before: bool = False
    """Whoever waits before a screen has seen a look at the host already: the monitor need not hasten."""
    _station: Station | None = None
    _own_runs: RunSampler | None = None
    _active: list[Active]
    _sampled: asyncio.Future[list[RunUsage]] | None = None

    def add(self, spec: TaskSpec) -> Task:
        raise NotImplementedError

    def _publish_from_any_thread(self, event: Event) -> None:
        raise NotImplementedError

    @property
    def monitoring(self) -> Station:
        """The monitor, anomalies, metrics, analysis: made on first use."""
        if self._station is None:
            self._station = self._new_station(
                clock=self._clock, host=self.origin.host, actor=self.origin.actor,
                door=self.origin.door, job=self._job, reads=lambda: self._reads.connection,
                publish=self._publish_from_any_thread, submit=self._submit_notice,
            )  # fmt: skip
            self.subscribe(self._station.heard)
            if self.looked_before:
                self._station.drawn()
        return self._station

    def _new_station(self, **known: Any) -> Station:
        """Who looks at the host; the demo's looks at a recorded one."""
        if not self._records:
            from opsconsole.monitoring.unrecorded import UnrecordedStation

            return UnrecordedStation(self.settings, self.paths, **known)
        from opsconsole.monitoring.station import Station

        return Station(self.settings, self.paths, **known)

    def _watch(self) -> None:
        """Take the monitor over where nobody has it; asked again and again, since its console may leave."""
        if self._watches:
            self.monitoring.start(by_hand=False)

    def _submit_notice(self, text: str, policy: str, environ: Mapping[str, str]) -> Task:
        """The command that an alert runs is a task like any other. Raises OpsErrors."""
        from opsconsole.models import ExecutionPolicy

        return self.add(
            TaskSpec(
                script=text,
                name="alert",
                policy=ExecutionPolicy(policy),
                env=dict(environ),
                labels={"alert": "command"},
            )
        )

    def _look_at_runs(self) -> None:
        """What this console's runs use now: a line of each one's series, and an event; in a thread."""
        if self._registration is None or self._loop is None or (self._sampled and not self._sampled.done()):
            return
        from opsconsole.monitoring.sampling.runs import Active, RunSampler
        from opsconsole.storage.running import running

        found = running(self._reads.connection, self._registration.id)
        active = [Active(one[0], self.paths.run_folder(one[0]), *one[1:]) for one in found]
        self._own_runs = self._own_runs or RunSampler(lambda: self._active, keep=True, clock=self._clock)
        self._active = active
        if active:
            self._sampled = self._loop.run_in_executor(None, self._own_runs.look)
            self._sampled.add_done_callback(self._on_runs_sampled)

    def _on_runs_sampled(self, future: asyncio.Future[list[RunUsage]]) -> None:
        if not future.cancelled() and future.exception() is None:
            for usage in future.result():
                self.bus.publish(RunSampled(usage))

    def under_way(self) -> list[Running]:
        """The runs of all consoles, each with the process that its tree hangs below."""
        from opsconsole.storage.running import running

        return running(self._reads.connection)

    def last_look(self) -> int | None:
        """When this operator last looked at what had happened, in microseconds since the epoch."""
        from opsconsole.storage import looks

        return looks.last(self._reads.connection, self.origin.actor)

    def looked(self, at_us: int) -> None:
        """What ended before that is known to this operator. Never goes back; returns before it is on the disk."""
        from opsconsole.storage import looks

        self._job(lambda c: looks.remember(c, self.origin.actor, at_us))

    def happened(self, since_us: int) -> Happened:
        """What ended, opened, closed or died since then."""
        from opsconsole.storage import looks

        return looks.happened(self._reads.connection, since_us)

    def next_queued(self) -> Task | None:
        """What is claimed next."""
        from opsconsole.storage import looks

        return looks.next_queued(self._reads.connection)

    def _stop_watching(self) -> None:
        if self._station is not None:
            self._station.close()
            self._station = None

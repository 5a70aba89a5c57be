"""What the monitor and the engine talk to. No call waits: the deciding is the writer's, the sending a thread's own."""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from datetime import tzinfo
from typing import TYPE_CHECKING, Any, TypeVar

from opsconsole.alert_settings import AlertSettings
from opsconsole.anomalies import AnomalyState, Transition
from opsconsole.clock import SYSTEM, Clock
from opsconsole.models import ExecutionResult, Priority, Status
from opsconsole.monitoring.alerts.dispatch import Dispatch
from opsconsole.monitoring.alerts.grouping import Grouping
from opsconsole.monitoring.alerts.messages import Message, of_test, public_key
from opsconsole.monitoring.alerts.notifiers import Means, Submit
from opsconsole.monitoring.alerts.sender import Sender
from opsconsole.storage import anomalies
from opsconsole.storage.steadiness import Steadiness

if TYPE_CHECKING:
    from opsconsole.safety.redact import Redaction

T = TypeVar("T")
Job = Callable[[Callable[[sqlite3.Connection], T]], Future[T]]

_log = logging.getLogger("opsconsole.alerts")
_REVIEW_S = 15.0
_CLEAN_S = 600.0
_OWN_RUNS = 1000
_FAILED = frozenset({Status.FAILED, Status.TIMED_OUT, Status.ABANDONED, Status.REFUSED})


class Alerts:
    """`job` runs a function of the connection in the writer's thread; `submit` runs a script under a policy with
    variables; `tell` shows a notice. `redaction` None: the secrets of this process's environment.

    What was told and when is in the database: several consoles may be given the same transition.
    """

    def __init__(
        self,
        settings: AlertSettings,
        job: Job[Any],
        clock: Clock = SYSTEM,
        host: str = "",
        submit: Submit | None = None,
        tell: Callable[[str], None] = lambda _: None,
        *,
        redaction: Redaction | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        from opsconsole.safety.redact import Redaction
        from opsconsole.settings import RedactionSettings

        self._settings = settings
        self._job = job
        self._clock = clock
        self._host = host
        self._tell = tell
        self._submit = submit
        self._own_runs: deque[object] = deque(maxlen=_OWN_RUNS)
        self._zone = zone
        self._me = f"{os.getpid()}-{secrets.token_hex(6)}"
        self._redaction = redaction or Redaction.of(os.environ, RedactionSettings())
        self._grouping = Grouping(settings, host, self._redaction, zone)
        self._dispatch = Dispatch(settings.outbox, self._grouping, self._me)
        means = Means(host, tell, None if submit is None else self._run, clock.now)
        self._sender = Sender(settings, job, clock, self._dispatch, means, self._redaction)
        self._steadiness = Steadiness(clock)
        self._reviewed = self._cleaned = float("-inf")
        self._reviewing: Future[Any] | None = None
        self._told_trouble = False

    # -- what happens

    def on_transition(self, transition: Transition) -> None:
        """An episode opened, changed or closed; its row is saved already."""
        if not self._settings.enabled or transition.anomaly.state is AnomalyState.PENDING:
            return
        anomaly, now = transition.anomaly, self._clock.now()
        self._do(lambda c: self._grouping.anomaly(c, anomaly, now))

    def on_execution(self, result: ExecutionResult, *, priority: Priority | None = None) -> None:
        """An attempt ended. One that is to be retried is not yet a failure; a run of the notifier `command` never is
        one, so that a broken script does not tell of itself for ever.
        """
        runs = self._settings.runs
        if not self._settings.enabled or result.status not in _FAILED or result.task_id in self._own_runs:
            return
        last = result.attempt >= result.attempts or result.status in (Status.REFUSED, Status.ABANDONED)
        kinds = []
        if runs.critical_failed and priority is Priority.CRITICAL and last:
            kinds.append("run_critical_failed")
        elif runs.abandoned and result.status is Status.ABANDONED:
            kinds.append("run_abandoned")
        now = self._clock.now()

        def work(c: sqlite3.Connection) -> None:
            for kind in kinds:
                self._grouping.execution(c, result, kind, now)
            self._grouping.failure_rate(c, now)

        if kinds or runs.failure_rate:
            self._do(work)

    def tick(self) -> None:
        """Called with every sample; every 15 s it has repeats, the end of silences and the like looked at."""
        now = self._clock.monotonic()
        if not self._settings.enabled or now - self._reviewed < _REVIEW_S:
            return
        if self._reviewing is not None and not self._reviewing.done():
            return  # a slow disk must not pile up reviews
        self._reviewed = now
        moment = self._clock.now()
        self._reviewing = self._do(lambda c: self._grouping.review(c, moment))
        trusted = self._steadiness.trusted_now()
        if trusted is not None and now - self._cleaned >= _CLEAN_S:
            self._cleaned = now
            self._do(lambda c: self._grouping.clean_up(c, trusted))

    def reload(self, settings: AlertSettings) -> None:
        """Go on with other settings; what was told before counts."""
        before, self._settings = self._settings, settings
        self._grouping = Grouping(settings, self._host, self._redaction, self._zone)
        self._dispatch = Dispatch(settings.outbox, self._grouping, self._me)
        self._sender.reload(settings, self._dispatch)
        self._reviewed = float("-inf")
        if before.enabled and not settings.enabled:
            self.stop()
        elif settings.enabled and not before.enabled:
            self.start()

    # -- sending

    def start(self) -> None:
        """Begin to send; what an earlier console left behind is caught up with."""
        if not self._settings.enabled:
            return
        now = self._clock.now()
        self._do(lambda c: self._catch_up(c, now))
        self._sender.start()

    def stop(self) -> None:
        """At once. What was not sent stays in the outbox. Can be called twice."""
        self._sender.stop()

    def send_due(self, ids: list[int] | None = None) -> float | None:
        """Send what is due in the caller's thread (`ids`: these, due or not), for a console without a sender of its
        own; seconds until the next is due. Raises StorageError.
        """
        return self._sender.work(ids)

    def test(self, notifier: str) -> str:
        """Send a test message now; what the receiver answered. Raises DeliveryError."""
        now = self._clock.now()
        key = public_key(f"{self._host} test {now} {notifier}")
        return self._sender.try_out(notifier, Message.of(key, [of_test(self._host, now)], now))

    # -- inside

    def _catch_up(self, c: sqlite3.Connection, now: int) -> None:
        """Episodes that opened, closed or went while nobody listened."""
        self._grouping.forget_missing(c, now)
        for anomaly in anomalies.open_ones(c):
            self._grouping.anomaly(c, anomaly, now)
        self._grouping.review(c, now)

    def _do(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        future: Future[T] = self._job(work)
        future.add_done_callback(self._done)
        return future

    def _done(self, future: Future[Any]) -> None:
        """In the writer's thread."""
        error = None if future.cancelled() else future.exception()
        if error is None:
            self._told_trouble = False
            self._sender.wake()
            return
        if not self._told_trouble:
            self._told_trouble = True
            _log.error("an alert could not be recorded", exc_info=error)
            self._tell(f"an alert could not be recorded: {error}")

    def _run(self, script: str, policy: str, environment: Mapping[str, str]) -> object:
        """Submit the notifier's script, and remember that the run is ours."""
        assert self._submit is not None  # noqa: S101 - Means has none otherwise
        submitted = self._submit(script, policy, environment)
        number = getattr(submitted, "task_id", getattr(submitted, "id", submitted))
        self._own_runs.append(number)
        return number

"""The thread that delivers what is in the outbox. Nobody waits for it, and it can be stopped amid a delivery.

A receiver that fails is left alone for a while with all its messages, so that a dead one neither holds up the others
nor is hammered; what piles up meanwhile goes out as a digest.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from opsconsole.alert_settings import AlertSettings
from opsconsole.clock import Clock
from opsconsole.monitoring.alerts.dispatch import Dispatch, Parcel
from opsconsole.monitoring.alerts.messages import Message
from opsconsole.monitoring.alerts.notifiers import DeliveryError, Line, Means, Notifier, make
from opsconsole.safety.redact import Redaction
from opsconsole.safety.sanitise import sanitise_name

T = TypeVar("T")

_log = logging.getLogger("opsconsole.alerts")
_LONGEST_WAIT_S = 60.0
_AFTER_TROUBLE_S = 10.0
_STOP_S = 2.0


@dataclass(slots=True)
class _Standing:
    """A receiver that failed: how often in a row, and until when it is left alone (monotonic seconds)."""

    failures: int = 0
    until: float = 0.0
    said: bool = False


class Sender:
    """`work` is one look at the outbox, for whoever has a thread; `start` gives it one of its own."""

    def __init__(
        self, settings: AlertSettings, job: Callable[..., Future[Any]], clock: Clock, dispatch: Dispatch, means: Means,
        redaction: Redaction,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._job = job
        self._clock = clock
        self._dispatch = dispatch
        self._means = means
        self._redaction = redaction
        self._notifiers: dict[str, Notifier] = {}
        self._standings: dict[str, _Standing] = {}
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._line: Line | None = None
        self._line_lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to deliver. What an earlier console left is sent, too."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="opsconsole-alerts", daemon=True)
        self._thread.start()

    def reload(self, settings: AlertSettings, dispatch: Dispatch) -> None:
        """From the next message on."""
        self._settings, self._dispatch = settings, dispatch
        self._notifiers = {}
        self._standings = {}
        self._wake.set()

    def wake(self) -> None:
        """There is something new in the outbox."""
        self._wake.set()

    def stop(self) -> None:
        """At once, also while a receiver hangs: its message stays queued. Can be called twice."""
        self._stopping.set()
        self._wake.set()
        with self._line_lock:
            if self._line is not None:
                self._line.cancel()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_STOP_S)  # a resolver that hangs cannot be broken off; the claim runs out by itself
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            try:
                delay = self.work()
            except Exception as error:  # noqa: BLE001 - the thread's outermost frame: the outbox must go on
                if self._stopping.is_set():
                    break
                _log.exception("alerts could not be sent")
                self._say_once("", f"alerts cannot be sent: {error}")
                delay = _AFTER_TROUBLE_S
            if not self._stopping.is_set():
                self._wake.wait(_LONGEST_WAIT_S if delay is None else min(delay, _LONGEST_WAIT_S))

    def work(self, only: Sequence[int] | None = None) -> float | None:
        """Deliver what is due (`only`: these rows, due or not); returns seconds to the next, None: nothing waits.

        Raises StorageError.
        """
        while not self._stopping.is_set():
            held = {name for name, one in self._standings.items() if one.until > self._clock.monotonic()}
            taken = self._take(held, only)
            if not isinstance(taken, Parcel):
                return self._until(taken)
            if not self._deliver(taken) and only is not None:
                return None
        return None

    def _take(self, held: set[str], only: Sequence[int] | None) -> Parcel | int | None:
        return self._await(lambda c: self._dispatch.take(c, self._clock.now(), held, only))

    def try_out(self, name: str, message: Message) -> str:
        """Send it now, past the outbox; what the receiver answered. Raises DeliveryError."""
        return self._send(name, message)

    def _until(self, moment: int | None) -> float | None:
        """Seconds to a moment of the outbox, or until a receiver may be tried again."""
        waits = [] if moment is None else [max(0.0, (moment - self._clock.now()) / 1e6)]
        now = self._clock.monotonic()
        waits += [one.until - now for one in self._standings.values() if one.until > now]
        return min(waits, default=None)

    def _deliver(self, parcel: Parcel) -> bool:
        """Whether it went out."""
        name = parcel.notifier
        standing = self._standings.setdefault(name, _Standing())
        try:
            answer = self._clean(self._send(name, parcel.message))
        except DeliveryError as error:
            if self._stopping.is_set():
                self._await(self._dispatch.release)
            else:
                self._failed(parcel, standing, error)
            return False
        self._await(lambda c: self._dispatch.delivered(c, parcel, self._clock.now(), answer))
        if standing.said:
            self._means.tell(f"alerts by {name} go out again")
        self._standings[name] = _Standing()
        return True

    def _send(self, name: str, message: Message) -> str:
        """Raises DeliveryError."""
        notifier = self._notifiers.get(name)
        if notifier is None:
            notifier = make(name, self._settings, self._means)
        with Line(notifier.timeout_s, notifier.total_s) as line:
            with self._line_lock:
                self._line = line
            try:
                if self._stopping.is_set():
                    raise DeliveryError("broken off")
                answer = notifier.send(message, line)
            except DeliveryError:
                raise
            except Exception as error:  # a notifier's bug, or one of a library, is a failed delivery
                _log.exception("notifier %s", name)
                raise DeliveryError(f"{name}: {type(error).__name__}: {error}") from error
            finally:
                with self._line_lock:
                    self._line = None
        self._notifiers[name] = notifier  # one that failed is made anew: a password may have been corrected
        return answer

    def _failed(self, parcel: Parcel, standing: _Standing, error: DeliveryError) -> None:
        standing.failures += 1
        self._notifiers.pop(parcel.notifier, None)
        answer = self._clean(str(error))
        delay = None
        if not error.permanent:
            delay = self._dispatch.delay_s(standing.failures, error.retry_after_s)
            standing.until = self._clock.monotonic() + delay
        again = self._await(lambda c: self._dispatch.failed(c, parcel, self._clock.now(), answer, delay))
        if not again:
            what = "one alert" if len(parcel.entries) == 1 else f"{len(parcel.entries)} alerts"
            self._means.tell(f"{what} could not be sent and was given up: {answer} (`opsconsole alerts retry`)")
        else:
            self._say_once(parcel.notifier, f"alerts by {parcel.notifier} are delayed: {answer}")

    def _say_once(self, name: str, words: str) -> None:
        standing = self._standings.setdefault(name, _Standing())
        if not standing.said:
            standing.said = True
            self._means.tell(words)

    def _clean(self, text: str) -> str:
        """What a receiver answers is as hostile as anything."""
        return sanitise_name(self._redaction.text(text), limit=300)

    def _await(self, work: Callable[[sqlite3.Connection], T]) -> T:
        found: Future[T] = self._job(work)
        return found.result()

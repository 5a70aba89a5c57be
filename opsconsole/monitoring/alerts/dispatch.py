"""Which messages go out next, and what becomes of them: one transaction before a delivery and one after it."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from opsconsole.alert_settings import OutboxSettings
from opsconsole.monitoring.alerts.grouping import Grouping
from opsconsole.monitoring.alerts.messages import Message, public_key
from opsconsole.storage import outbox
from opsconsole.storage.outbox import Entry

LEASE_US = 30_000_000
"""How long a claim lasts: well over the longest delivery. After a crash, somebody else takes the message then."""
_LONGEST_WISH_S = 3600.0


@dataclass(frozen=True, slots=True)
class Parcel:
    """Rows of the outbox that go to one notifier as one message."""

    notifier: str
    entries: tuple[Entry, ...]
    message: Message

    @property
    def ids(self) -> list[int]:
        return [entry.id for entry in self.entries]

    @property
    def attempts(self) -> int:
        return max(entry.attempts for entry in self.entries)


class Dispatch:
    """`me` names this sender in its claims. `chance` gives 0–1 for the jitter."""

    def __init__(
        self, settings: OutboxSettings, grouping: Grouping, me: str, chance: Callable[[], float] = random.random
    ) -> None:
        self._settings = settings
        self._grouping = grouping
        self._me = me
        self._chance = chance

    def take(
        self, c: sqlite3.Connection, now: int, held: Collection[str] = (), only: Sequence[int] | None = None
    ) -> Parcel | int | None:
        """Claim the next message for a notifier that is not `held`; else when to look again, None: not before woken.

        `only`: these rows, now, and nothing else.
        """
        again: list[int] = []
        around = None
        seen: dict[str, list[Entry]] = {}
        for entry in outbox.due(c, now, only):
            if entry.notifier in held and only is None:
                continue
            around = around or self._grouping.surroundings(c, now)
            if only is not None or not self._grouping.withdraw(c, entry, now, around):
                seen.setdefault(entry.notifier, []).append(entry)
        for notifier, entries in seen.items():
            chosen = entries if only is not None else self._chosen(c, notifier, entries, now)
            if isinstance(chosen, int):
                again.append(chosen)
            else:
                return self._claim(c, notifier, chosen, now)
        later = outbox.next_due(c, now, held)
        return min([*again, *([] if later is None else [later])], default=None)

    def _chosen(self, c: sqlite3.Connection, notifier: str, entries: list[Entry], now: int) -> list[Entry] | int:
        """One message, a whole digest, or when there may be one again."""
        first = entries[0]
        if first.batch is not None:
            return [entry for entry in entries if entry.batch == first.batch]
        if first.state == "sending":  # its sender died, perhaps after it went out: once more with its own key
            return [first]
        loose = [entry for entry in entries if entry.batch is None and entry.state == "queued"]
        window_us = int(self._settings.digest_window_s * 1e6)
        gone = outbox.messages_since(c, notifier, now - window_us)
        room = self._settings.digest_over - len(gone)
        if room <= 0 and gone[-1] <= now:
            return gone[-self._settings.digest_over] + window_us
        return [first] if len(loose) <= room else loose

    def _claim(self, c: sqlite3.Connection, notifier: str, entries: list[Entry], now: int) -> Parcel:
        batch = entries[0].batch
        if batch is None and len(entries) > 1:
            batch = public_key("\n".join(entry.key for entry in entries))
        outbox.claim(c, [entry.id for entry in entries], self._me, now + LEASE_US, batch)
        key = batch or public_key(entries[0].key)
        first = min(entry.created_at for entry in entries)
        return Parcel(notifier, tuple(entries), Message.of(key, [entry.facts for entry in entries], first))

    def delivered(self, c: sqlite3.Connection, parcel: Parcel, now: int, answer: str) -> None:
        outbox.sent(c, parcel.ids, now, answer)

    def failed(self, c: sqlite3.Connection, parcel: Parcel, now: int, answer: str, delay_s: float | None) -> bool:
        """Whether it will be tried again, in `delay_s`; None: it would not help."""
        limits = self._settings
        age_s = (now - min(entry.created_at for entry in parcel.entries)) / 1e6
        if delay_s is None or parcel.attempts + 1 >= limits.attempts or age_s >= limits.give_up_s:
            outbox.give_up(c, parcel.ids, self._me, answer)
            return False
        outbox.put_off(c, parcel.ids, self._me, now + int(delay_s * 1e6), answer)
        return True

    def release(self, c: sqlite3.Connection) -> None:
        """What is claimed here, and was not sent."""
        outbox.release(c, self._me)

    def delay_s(self, failures: int, wished_s: float | None = None) -> float:
        """How long to wait after so many failures in a row; a receiver may wish for longer, up to an hour."""
        limits = self._settings
        delay = min(limits.retry_max_s, limits.retry_base_s * 2.0 ** min(max(failures, 1) - 1, 30))
        delay *= 1 - limits.retry_jitter * self._chance()
        return max(delay, min(wished_s or 0.0, _LONGEST_WISH_S))

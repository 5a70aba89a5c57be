"""/proc/net/dev: what went through each network interface since the last look. Linux only."""

from __future__ import annotations

from opsconsole.monitoring.sampling.counters import per_second
from opsconsole.monitoring.sampling.kept import KeptFile, shown
from opsconsole.samples import Interface

_CONTAINER_ENDS = (b"veth", b"cali", b"lxc")
"""Host ends of containers' interfaces: they come and go by the hundred, and their traffic passes the bridge as well."""


class NetworkFiles:
    def __init__(self, proc: str) -> None:
        # net/dev of /proc itself follows the reading thread's network namespace at the time of opening.
        self._file = KeptFile(f"{proc}/net/dev")
        self._before: dict[bytes, bytes] = {}
        self.left_out = 0
        """Container ends that were not looked at."""

    def look(self, elapsed_s: float | None) -> tuple[Interface, ...]:
        """Interfaces that carried anything since they came; loopback too. Raises OSError, ValueError."""
        found: list[Interface] = []
        now: dict[bytes, bytes] = {}
        left_out = 0
        for line in self._file.read().splitlines()[2:]:
            name, _, figures = line.rpartition(b":")
            name = name.strip()
            if name.startswith(_CONTAINER_ENDS):
                left_out += 1
                continue
            interface = _interface(shown(name), figures, self._before.get(name), elapsed_s)
            if interface is not None:
                now[name] = figures
                found.append(interface)
        self._before, self.left_out = now, left_out
        return tuple(found)

    def close(self) -> None:
        self._file.close()


def _interface(name: str, figures: bytes, before: bytes | None, elapsed_s: float | None) -> Interface | None:
    """None: nothing ever went through it."""
    now = _numbers(figures)
    if not (now[0] or now[8]):
        return None
    if before is None or not elapsed_s:
        return Interface(name, rx_bytes=now[0], tx_bytes=now[8])
    if figures == before:
        return Interface(name, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, now[0], now[8])
    was = _numbers(before)
    if any(new < old for new, old in zip(now, was, strict=True)):
        # One counter that went back means a new interface under an old name, or a wrap: no figure is to be trusted.
        return Interface(name, rx_bytes=now[0], tx_bytes=now[8])
    return Interface(
        name,
        per_second(now[0], was[0], elapsed_s),
        per_second(now[8], was[8], elapsed_s),
        per_second(now[1], was[1], elapsed_s),
        per_second(now[9], was[9], elapsed_s),
        per_second(now[2] + now[10], was[2] + was[10], elapsed_s),
        per_second(now[3] + now[11], was[3] + was[11], elapsed_s),
        now[0],
        now[8],
    )


def _numbers(figures: bytes) -> list[int]:
    """Received: bytes packets errs drop fifo frame compressed multicast; sent: bytes packets errs drop …"""
    return [int(figure) for figure in figures.split(None, 12)[:12]]

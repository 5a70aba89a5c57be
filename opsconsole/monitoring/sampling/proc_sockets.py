"""Which sockets these are: /proc/N/net of the process's own network namespace."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator, Set
from dataclasses import dataclass

from opsconsole.monitoring.sampling.proc_stat import text

_STATES = (
    "", "established", "syn-sent", "syn-received", "fin-wait-1", "fin-wait-2", "time-wait", "closed", "close-wait",
    "last-ack", "listen", "closing", "new-syn-received",
)  # fmt: skip
"""include/net/tcp_states.h"""

_INET = ("tcp", "tcp6", "udp", "udp6")


@dataclass(frozen=True, slots=True)
class Socket:
    """`kind`: tcp, tcp6, udp, udp6, unix, or other (netlink, packet, …; another namespace's). `local` and `remote` are
    address:port, or the path of a unix socket ("@…" is abstract); "" where there is none."""

    kind: str
    inode: int
    local: str = ""
    remote: str = ""
    state: str = ""


def inode(link: bytes) -> int | None:
    """The number in `socket:[123]`. None: no socket."""
    number = link[8:-1]
    return int(number) if link.startswith(b"socket:[") and number.isdigit() else None


def find(folder: int, inodes: Set[int], most: int) -> tuple[Socket, ...]:
    """The sockets with these inodes, `most` at the most. `folder`: the open /proc/N. Raises OSError."""
    left = set(inodes)
    found: list[Socket] = []
    for kind in (*_INET, "unix"):
        if not left:
            break
        try:
            for socket in _lines(folder, kind, left):
                left.discard(socket.inode)
                found.append(socket)
        except FileNotFoundError:  # a kernel without IPv6
            continue
    found += (Socket("other", number) for number in sorted(left))
    return tuple(found[:most])


def _lines(folder: int, kind: str, wanted: Set[int]) -> Iterator[Socket]:
    descriptor = os.open(f"net/{kind}", os.O_RDONLY | os.O_CLOEXEC, dir_fd=folder)
    column = 6 if kind == "unix" else 9
    numbers = {str(number).encode() for number in wanted}
    with open(descriptor, "rb") as file:
        next(file, None)
        for line in file:
            words = line.split(None, column + 1)
            if len(words) <= column or words[column] not in numbers:
                continue
            if kind == "unix":
                path = text(words[7].rstrip(b"\n")) if len(words) > 7 else ""
                yield Socket(kind, int(words[column]), path, state=_unix_state(int(words[3], 16), int(words[5], 16)))
            else:
                state = int(words[3], 16)
                name = _STATES[state] if kind.startswith("tcp") and state < len(_STATES) else ""
                yield Socket(kind, int(words[column]), _address(words[1]), _address(words[2]), name)


def _unix_state(flags: int, state: int) -> str:
    """SO_ACCEPTCON in the flags; SS_CONNECTED (include/uapi/linux/net.h)."""
    return "listen" if flags & 0x10000 else "established" if state == 3 else ""


def _address(word: bytes) -> str:
    """address:port, from 32-bit words in this machine's byte order. "" is nobody (a remote of port 0)."""
    host, _, port = word.partition(b":")
    raw = bytes.fromhex(host.decode())
    if sys.byteorder == "little":
        raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    number = int(port, 16)
    if not number and not any(raw):
        return ""
    address = ipaddress.ip_address(raw)
    return f"[{address}]:{number}" if address.version == 6 else f"{address}:{number}"

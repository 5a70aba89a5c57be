#!/usr/bin/env python3
# List the TCP and UDP ports this host listens on, with the process behind each where this user may see it.
# Usage: listening_ports.py [--proc DIR]
"""List the TCP and UDP ports this host listens on.

Exit: 0 listed, 2 the kernel's socket tables could not be read.
"""

from __future__ import annotations

import io
import ipaddress
import pwd
import struct
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from dataclasses import dataclass
from pathlib import Path

LISTENING = {"tcp": "0A", "tcp6": "0A", "udp": "07", "udp6": "07"}  # include/net/tcp_states.h


@dataclass(frozen=True)
class Socket:
    protocol: str
    address: str
    port: int
    uid: int
    inode: str


def visible(text: str) -> str:
    """TEXT with control characters and other unprintable ones written as escapes: names are hostile."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def decode_address(encoded: str) -> str:
    """The address the kernel prints as hexadecimal 32-bit words in the host's byte order."""
    words = [int(encoded[i : i + 8], 16) for i in range(0, len(encoded), 8)]
    return str(ipaddress.ip_address(struct.pack(f"={len(words)}I", *words)))


def read_sockets(table: Path, protocol: str) -> list[Socket]:
    """The listening sockets of one table; OSError when it cannot be read."""
    sockets = []
    for line in table.read_text().splitlines()[1:]:
        fields = line.split()
        if len(fields) < 10 or fields[3] != LISTENING[protocol]:
            continue
        address, _, port = fields[1].rpartition(":")
        sockets.append(Socket(protocol, decode_address(address), int(port, 16), int(fields[7]), fields[9]))
    return sockets


def socket_owners(proc: Path) -> tuple[dict[str, list[str]], int]:
    """Socket inode -> "pid/name" of each process holding it, and how many processes were closed to us."""
    owners: dict[str, list[str]] = {}
    closed = 0
    for process in (entry for entry in proc.iterdir() if entry.name.isdigit()):
        try:
            links = [str(fd.readlink()) for fd in (process / "fd").iterdir()]
            name = (process / "comm").read_text(errors="replace").removesuffix("\n")
        except PermissionError:
            closed += 1
            continue
        except OSError:  # it ended while we looked
            continue
        for inode in {link[8:-1] for link in links if link.startswith("socket:[")}:
            owners.setdefault(inode, []).append(f"{process.name}/{visible(name)}")
    return owners, closed


def user_name(uid: int) -> str:
    try:
        return visible(pwd.getpwuid(uid).pw_name)
    except KeyError:
        return str(uid)


def reach(address: str) -> str:
    parsed = ipaddress.ip_address(address)
    if parsed.is_loopback:
        return "this host"
    return "any network" if parsed.is_unspecified else "one address"


def main() -> int:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--proc", type=Path, default=Path("/proc"), metavar="DIR", help="default: /proc")
    proc: Path = parser.parse_args().proc

    sockets: list[Socket] = []
    problems: list[str] = []
    for protocol in LISTENING:
        try:
            sockets += read_sockets(proc / "net" / protocol, protocol)
        except OSError as problem:
            problems.append(visible(f"cannot read {proc / 'net' / protocol}: {problem.strerror}"))
    for problem_line in problems:
        print(problem_line, file=sys.stderr)
    if len(problems) == len(LISTENING):
        return 2

    owners, closed = socket_owners(proc)
    row = "{:<5} {:<40} {:>5}  {:<12} {:<14} {}"
    print(row.format("PROTO", "ADDRESS", "PORT", "REACHED FROM", "USER", "PROCESSES"))
    for found in sorted(sockets, key=lambda s: (s.protocol, s.port, s.address)):
        holders = ", ".join(sorted(owners.get(found.inode, []))) or "not visible to this user"
        where = reach(found.address)
        print(row.format(found.protocol, found.address, found.port, where, user_name(found.uid), holders))
    print(f"total: {len(sockets)} listening sockets; {closed} processes closed to this user")
    return 0


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):  # the locale may lack a letter of a name
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())

#!/usr/bin/env python3
# Warn about certificates that expire soon, in PEM files and on servers.
# Usage: certificate_expiry.py [--days N] [PATH | HOST:PORT]...
"""Warn about certificates that expire soon, in PEM or DER files and on servers.

Exit: 0 none expires within N days, 1 at least one does or has expired, 2 nothing was found to check, or part
of a named target could not be. Roots of the system's own CA bundle are shown, and do not count.
"""

from __future__ import annotations

import binascii
import io
import os
import re
import socket
import ssl
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

DEFAULT_PATHS = ["/etc/ssl/certs", "/etc/letsencrypt"]
CA_BUNDLE = re.compile(r"/usr/(local/)?share/ca-certificates/|/ca-certificates\.crt$")
SUFFIXES, LARGEST_FILE = (".pem", ".crt", ".cer"), 4 << 20  # bytes; no certificate file is larger
COMMON_NAME = bytes.fromhex("0603550403")  # OID 2.5.4.3


def visible(text: str) -> str:
    """TEXT with control characters and other unprintable ones written as escapes: names are hostile."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def read_value(der: bytes, start: int) -> tuple[int, bytes, int]:
    """Tag, content and end of the DER value at START; ValueError when it is cut short."""
    tag, length, body = *der[start : start + 2].ljust(2, b"\0"), start + 2
    if length & 0x80:  # the long form: so many bytes hold the length
        size = length & 0x7F
        length, body = int.from_bytes(der[body : body + size], "big"), body + size
    if body + length > len(der):
        raise ValueError("certificate is cut short")
    return tag, der[body : body + length], body + length


def children(der: bytes) -> list[tuple[int, bytes]]:
    """Tag and content of each value inside a DER sequence."""
    values, position = [], 0
    while position < len(der):
        tag, content, position = read_value(der, position)
        values.append((tag, content))
    return values


def read_certificate(der: bytes) -> tuple[datetime, str]:
    """notAfter and common name of an X.509 certificate (RFC 5280, 4.1); ValueError or IndexError if none."""
    fields = children(children(read_value(der, 0)[1])[0][1])
    fields = fields[1:] if fields[0][0] == 0xA0 else fields  # the version is optional
    (tag, moment), subject = children(fields[3][1])[1], fields[4][1]
    text = moment.decode("ascii")
    if tag == 0x17:  # UTCTime: two-digit years below 50 are 20xx
        text = ("20" if int(text[:2]) < 50 else "19") + text
    expires = datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    at = subject.rfind(COMMON_NAME)
    name = read_value(subject, at + len(COMMON_NAME))[1].decode("utf-8", "replace") if at >= 0 else ""
    return expires, name or "(no common name)"


def files_below(path: Path, problem: Callable[[OSError], None]) -> Iterator[Path]:
    """Certificate files below PATH; not behind linked directories, nor Let's Encrypt's old copies."""
    for folder, folders, names in os.walk(path, onerror=problem):
        if "live" in folders and "archive" in folders:
            folders.remove("archive")
        folders.sort()
        yield from (Path(folder, name) for name in sorted(names) if name.endswith(SUFFIXES))


def read_file(path: Path) -> list[bytes]:
    if not path.is_file() or path.stat().st_size > LARGEST_FILE:  # a FIFO would keep us waiting
        raise ValueError("not a regular file of a certificate's size")
    data = path.read_bytes()
    blocks = data.split(b"-----BEGIN CERTIFICATE-----")[1:]
    if not blocks and data.startswith(b"\x30\x82"):
        return [data]
    return [binascii.a2b_base64(block.partition(b"-----END")[0]) for block in blocks]


def read_server(host: str, port: int) -> list[bytes]:
    """The server's own certificate, trusted or not: the question is when it ends."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    plain = socket.create_connection((host, port), timeout=5)
    with plain, context.wrap_socket(plain, server_hostname=host) as secure:
        return [secure.getpeercert(binary_form=True) or b""]


def gather(targets: list[str]) -> tuple[list[tuple[str, bytes]], int]:
    """(where, DER) of every certificate found once, and how many places could not be checked."""
    found: dict[bytes, str] = {}
    problems: list[str] = []
    for target in targets or [path for path in DEFAULT_PATHS if Path(path).exists()]:
        path, server = Path(target), re.fullmatch(r"\[?([\w.:%-]+?)\]?:(\d{1,5})", target)
        single = not path.is_dir()
        for item in [path] if single else files_below(path, lambda e: problems.append(str(e))):
            try:
                if server and not path.exists():
                    where, ders = target, read_server(server[1], int(server[2]))
                else:
                    where, ders = os.path.realpath(item), read_file(item)
                if single and not ders:
                    raise ValueError("holds no certificate")
                for der in ders:
                    found.setdefault(der, where)
            except (OSError, OverflowError, ValueError) as problem:
                problems.append(f"{item}: {problem}")
    for text in problems:
        print("cannot check", visible(text), file=sys.stderr)
    return [(where, der) for der, where in found.items()], len(problems)


def main() -> int:
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30, metavar="N", help="warn so long before (default 30)")
    parser.add_argument("target", nargs="*", help=f"PATH or HOST:PORT; default: {' '.join(DEFAULT_PATHS)}")
    options = parser.parse_args()
    certificates, failed = gather(options.target)
    now = datetime.now(UTC)
    rows, expiring, listed = [], 0, 0
    for where, der in certificates:
        try:
            expires, name = read_certificate(der)
        except (ValueError, IndexError):
            print("cannot check", visible(f"{where}: not an X.509 certificate"), file=sys.stderr)
            failed += 1
            continue
        days = (expires - now).days
        soon, bundled = days < options.days, bool(CA_BUNDLE.search(where))
        listed, expiring = listed + soon, expiring + (soon and not bundled)
        state = "ok" if not soon else "CA root" if bundled else "EXPIRED" if expires <= now else "SOON"
        rows.append(f"{expires:%Y-%m-%d} {days:>6} days  {state:<8} {visible(name)}  {visible(where)}")
    rows.sort()
    total = f"{len(rows)} certificates, {expiring} end within {options.days} days, {failed} not checked"
    print(*rows[: max(listed, 5)], f"total: {total}", sep="\n")  # at least the next five to end
    return 1 if expiring else 2 if (failed and options.target) or not rows else 0


if __name__ == "__main__":
    if isinstance(sys.stdout, io.TextIOWrapper):  # the locale may lack a letter of a name
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.exit(main())

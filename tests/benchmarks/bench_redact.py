"""Redaction of ordinary text, MB/s: access log, in chunks of 64 KiB, with no known secret and with five."""

from __future__ import annotations

import random
import time

from opsconsole.safety.redact import Redactor

CHUNK = 64 * 1024


def _log() -> bytes:
    luck = random.Random(1)
    return "\n".join(
        f"Nov 20 03:{n % 60:02d}:11 web{n % 9} nginx[{n}]: 10.0.{n % 255}.7 - - [20/Nov/2026:03:04:05 +0000] "
        f'"GET /static/app.{luck.getrandbits(64):x}.js HTTP/1.1" 200 {n * 7} "-" "Mozilla/5.0 (X11; Linux x86_64)"'
        for n in range(40_000)
    ).encode()


def _rate(data: bytes, secrets: list[str]) -> float:
    stream, start = Redactor(secrets), time.perf_counter()
    out = b"".join(stream.feed(data[at : at + CHUNK]) for at in range(0, len(data), CHUNK)) + stream.finish()
    spent = time.perf_counter() - start
    if out != data:
        raise SystemExit("ordinary text was changed: the figure means nothing")
    return len(data) / spent / 1e6


def main() -> None:
    data = _log()
    for count in (0, 5):
        best = max(_rate(data, [f"s3cr3t-value-{n}-of-{count}" for n in range(count)]) for _ in range(3))
        print(f"redaction, {count} known secrets: {best:.0f} MB/s")


if __name__ == "__main__":
    main()

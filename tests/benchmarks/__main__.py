"""Run the benchmarks named on the command line, or all."""

from __future__ import annotations

import importlib
import sys

NAMES = (
    "throughput",
    "output",
    "startup",
    "latency",
    "history",
    "containment",
    "review",
    "redact",
    "processes",
    "sampling",
    "monitor",
    "metrics",
    "detector",
    "growth",
    "graph_bytes",
    "console",
)


def main(names: list[str]) -> int:
    for name in names or NAMES:
        if name not in NAMES:
            print(f"unknown benchmark {name}: one of {', '.join(NAMES)}", file=sys.stderr)
            return 2
        print(f"== {name}", flush=True)
        sys.argv = [name]  # each may have options of its own
        importlib.import_module(f"tests.benchmarks.bench_{name}").main()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

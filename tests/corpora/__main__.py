"""The confusion table over labelled commands: `python -m tests.corpora FOLDER [--show TIER]`.

FOLDER holds dangerous.jsonl, bypass.jsonl and benign.jsonl (one object a line with `script`, `tier`, `stratum`). The
rows are not part of this project. Dangerous and bypass must be refused under SAFE, benign should be allowed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections import Counter
from pathlib import Path

from opsconsole.safety.review import review


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", action="append", default=[], help="a tier or stratum whose wrong rows are listed")
    options = parser.parse_args()
    times: list[float] = []
    for name in ("dangerous", "bypass", "benign"):
        rows = [json.loads(line) for line in (options.folder / f"{name}.jsonl").read_text().splitlines()]
        total: Counter[str] = Counter()
        wrong: Counter[str] = Counter()
        shown = []
        for row in rows:
            kind = row.get("stratum") or row.get("tier") or name
            start = time.perf_counter()
            verdict = review(row["script"])
            times.append(time.perf_counter() - start)
            total[kind] += 1
            if (verdict.verdict == "allow") == (name != "benign"):
                wrong[kind] += 1
                if {kind, name, "all"} & set(options.show):
                    shown.append(f"  {kind}: {row['script']!r}  {verdict.reason[:160]}")
        what = "refused" if name == "benign" else "let through"
        print(f"{name}: {sum(wrong.values())} of {len(rows)} {what} ({sum(wrong.values()) / len(rows):.2%})")
        for kind, count in total.most_common():
            print(f"    {kind:14} {wrong[kind]:5} of {count}")
        print("\n".join(shown))
    times.sort()
    print(
        f"verdict: median {statistics.median(times) * 1000:.2f} ms, p95 {times[int(len(times) * 0.95)] * 1000:.2f} ms"
    )


if __name__ == "__main__":
    main()

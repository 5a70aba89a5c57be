"""`python -m tests.fuzz.guided review|sanitise|redact [libFuzzer options]`: inputs guided by coverage (atheris).

A crash, a hang or a broken promise ends it with a report. The corpus starts from the sample scripts.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]

with atheris.instrument_imports(include=["opsconsole.safety"]):
    from opsconsole.safety.redact import Redactor
    from opsconsole.safety.review import _judge, review, rules
    from opsconsole.safety.sanitise import Sanitiser

LANGUAGES = ("bash", "bash", "sh", "pwsh", "python3", "osascript")


def judged(data: bytes) -> None:
    """The first byte chooses the language. What cannot be parsed is never allowed, and nothing raises."""
    _judge.cache_clear()
    interpreter = LANGUAGES[data[0] % len(LANGUAGES)] if data else "bash"
    found = review(data[1:], interpreter)
    assert found.parsed or found.verdict != "allow"
    assert rules.FAILED not in {finding.rule for finding in found.findings}
    assert all(finding.line >= 1 and finding.column >= 1 for finding in found.findings)


def sanitised(data: bytes) -> None:
    """Cut anywhere, the same harmless text."""
    cut = data[0] % len(data) if data else 0
    whole, parts = Sanitiser(colours=False), Sanitiser(colours=False)
    text = whole.feed(data) + whole.finish()
    assert text == parts.feed(data[:cut]) + parts.feed(data[cut:]) + parts.finish()
    assert all(character in "\n\t" or character.isprintable() or ord(character) > 0x9F for character in text)


def redacted(data: bytes) -> None:
    """Cut anywhere, the same text, and never the known secret."""
    cut = data[0] % len(data) if data else 0
    whole, parts = Redactor(["hunter2-hunter2"]), Redactor(["hunter2-hunter2"])
    text = whole.feed(data) + whole.finish()
    assert text == parts.feed(data[:cut]) + parts.feed(data[cut:]) + parts.finish()
    assert b"hunter2-hunter2" not in text


TARGETS = {"review": judged, "sanitise": sanitised, "redact": redacted}


def main() -> None:
    target = TARGETS[sys.argv[1]]
    with tempfile.TemporaryDirectory() as folder:
        for path in (ROOT / "sample_scripts").iterdir():
            if path.is_file():
                Path(folder, path.name).write_bytes(b"\0" + path.read_bytes()[:2000])
        atheris.Setup([sys.argv[0], "-timeout=10", "-max_len=2000", *sys.argv[2:], folder], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

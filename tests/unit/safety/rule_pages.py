"""The pages of lint rules, as tests read them."""

import re
from dataclasses import dataclass
from pathlib import Path

import opsconsole.safety.review

PAGES = Path(opsconsole.safety.review.__file__).with_name("pages")
_BLOCK = re.compile(r"^## (Bad|Good)\n```\w*\n(.*?)\n```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    """One page: its rule, its severity, its first bad and good example (good is None where there is none)."""

    rule: str
    severity: str
    bad: str
    good: str | None


def _meant(example: str) -> str:
    """What a page cannot show is written as a picture of it."""
    return example.replace("␍", "\r").replace("⟨BOM⟩", "\ufeff")


def pages(prefix: str) -> list[Page]:
    """The pages of the rules whose ids begin with `prefix`, in the order of their names."""
    found = []
    for path in sorted(PAGES.glob(f"{prefix}*.md")):
        text = path.read_text("utf-8")
        heading, severity, *_ = text.split("\n\n")
        assert heading.startswith(f"# {path.stem}: "), path
        examples = {what: _meant(example) for what, example in _BLOCK.findall(text)}
        found.append(Page(path.stem, severity.removeprefix("Severity: "), examples["Bad"], examples.get("Good")))
    return found

"""Every reason that a proof can fail for has a page, and its examples are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from opsconsole.safety import review as package
from opsconsole.safety.review import review, rules
from tests.unit.safety.rule_pages import pages

HOUSE = Path(package.__file__).parent
REASON = re.compile(r"""(?:deny|_denied|_unread|finding)\(\s*(?:script, )?"([a-z0-9]+(?:-[a-z0-9]+)*)"[,\s]""")
SOURCES = [HOUSE / "__init__.py", *sorted((HOUSE / "shell").rglob("*.py"))]
REASONS = sorted({name for path in SOURCES for name in REASON.findall(path.read_text())})
PAGES = [page for page in pages("") if page.rule in REASONS and not page.bad.startswith("(no example")]


def test_the_reasons_are_found() -> None:
    assert {"not-read-only", "no-parse", "changes-the-shell", "dynamic-redirection"} <= set(REASONS)


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_has_a_page(reason: str) -> None:
    assert rules.page(reason).startswith(f"# {reason}: ")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.rule)
def test_the_bad_example_is_refused_for_it_and_the_good_one_allowed(page) -> None:  # type: ignore[no-untyped-def]
    judged = review(page.bad)
    assert page.rule in {finding.rule for finding in judged.findings}, judged.reason
    assert page.good is None or review(page.good).verdict == "allow", review(page.good or "").reason

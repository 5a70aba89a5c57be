"""The one place that decides whether a task may run under its policy.

Until review and containment exist, SAFE and RESTRICTED fail closed, and a limit that only containment could enforce
is refused rather than ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from opsconsole.models import ExecutionPolicy

Verdict = Literal["allow", "confirm", "refuse"]


@dataclass(frozen=True, slots=True)
class Decision:
    """`confirm` means: it would run with the confirmation that `reason` names."""

    verdict: Verdict
    reason: str = ""

    @property
    def runs(self) -> bool:
        return self.verdict == "allow"


def decide(
    policy: ExecutionPolicy,
    *,
    confirmed: bool = False,
    reason: str | None = None,
    unenforced: Sequence[str] = (),
    grants: Sequence[str] = (),
) -> Decision:
    """Whether a task may run. `unenforced`: limits asked for; `grants`: of --allow-network and --writable."""
    if policy in (ExecutionPolicy.SAFE, ExecutionPolicy.RESTRICTED):
        return Decision(
            "refuse",
            f"policy {policy} needs script review and kernel containment, which this version does not have yet; "
            "nothing runs under it without them. Read the script and choose standard",
        )
    if unenforced:
        return Decision("refuse", f"limits that this version cannot enforce: {', '.join(unenforced)} (only output= is)")
    if grants:
        return Decision("refuse", f"{', '.join(grants)}: a grant under restricted; {policy} runs as the user anyway")
    if policy is ExecutionPolicy.ELEVATED and not (confirmed and reason and reason.strip()):
        return Decision("confirm", "policy elevated needs a confirmation with a written reason (--yes --reason TEXT)")
    return Decision("allow")

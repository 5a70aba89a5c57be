"""The one place that decides whether a task may run under its policy.

In order: the door's ceiling, what this host can contain and limit, the grants, the review, the confirmations. SAFE and
RESTRICTED fail closed where this host cannot contain them. A limit that nothing here can enforce is refused rather
than ignored. `--yes` and `--allow` never widen SAFE.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from opsconsole.models import ExecutionPolicy
from opsconsole.values import dataclass

if TYPE_CHECKING:
    from opsconsole.safety.review.model import Review
    from opsconsole.settings import DoorSettings

Verdict = Literal["allow", "confirm", "refuse"]

ORDER = tuple(ExecutionPolicy)
"""From the tightest to the widest."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`confirm` means: it would run with the confirmation that `reason` names."""

    verdict: Verdict
    reason: str = ""

    @property
    def runs(self) -> bool:
        return self.verdict == "allow"


def ceiling(policy: ExecutionPolicy, door: str, actor: str, settings: DoorSettings) -> str | None:
    """Why this door does not let that user run under `policy`, or None."""
    highest = settings.max_policy
    whose = f"doors.{door}.max_policy"
    if actor in settings.users:
        highest = min(highest, settings.users[actor], key=lambda name: ORDER.index(ExecutionPolicy(name)))
        whose = f"doors.{door}.users"
    if ORDER.index(policy) > ORDER.index(ExecutionPolicy(highest)):
        return f"policy {policy} is above what {actor} may run through {door}: at most {highest} (setting {whose})"
    if settings.policies and policy not in settings.policies:
        names = ", ".join(settings.policies)
        return f"policy {policy} is not among those that {door} may run: {names} (setting doors.{door}.policies)"
    return None


def decide(
    policy: ExecutionPolicy,
    *,
    review: Review | None = None,
    confirmed: bool = False,
    reason: str | None = None,
    above: str | None = None,
    unavailable: str | None = None,
    unenforceable: str = "",
    grants: Sequence[str] = (),
) -> Decision:
    """Whether a task may run. `above`: why its door does not let it; `unavailable`: why it cannot be contained;
    `unenforceable`: why its limits cannot hold; `grants`: of --allow-network and --writable.
    """
    if why := above or unavailable or unenforceable:
        return Decision("refuse", why)
    if policy is ExecutionPolicy.SAFE and (written := [grant for grant in grants if grant != "--allow-network"]):
        return Decision("refuse", f"{', '.join(written)}: safe changes nothing; choose restricted to have it write")
    if grants and policy in (ExecutionPolicy.STANDARD, ExecutionPolicy.ELEVATED):
        return Decision("refuse", f"{', '.join(grants)}: a grant under restricted; {policy} runs as the user anyway")
    if review is not None and review.verdict == "refuse":
        return Decision("refuse", review.reason)
    if policy is ExecutionPolicy.SAFE and review is not None and (cut := _out_of_reach(review, grants)):
        return Decision("refuse", cut)
    if policy is ExecutionPolicy.ELEVATED and not (confirmed and reason and reason.strip()):
        return Decision("confirm", "policy elevated needs a confirmation with a written reason (--yes --reason TEXT)")
    if review is not None and review.verdict == "confirm" and not confirmed:
        return Decision("confirm", review.reason)
    return Decision("allow")


def _out_of_reach(review: Review, grants: Sequence[str]) -> str | None:
    """What SAFE would answer wrongly, because it cuts it off: refused rather than answered as from an emptier world."""
    for effect in review.effects:
        place = f"line {effect.line}, column {effect.column}: `{effect.command}`"
        if effect.kind == "service":
            return (
                f"{place} asks {effect.target or 'a service'} through its socket, which SAFE cuts off, since more than "
                "questions can be sent there; choose standard"
            )
        if effect.kind == "network" and "--allow-network" not in grants:
            return f"{place} reads over the network; grant it with --allow-network"
    return None

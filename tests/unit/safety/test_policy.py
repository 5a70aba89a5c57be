"""One place decides: ceilings, grants, the review, confirmations."""

from __future__ import annotations

import pytest

from opsconsole.models import ExecutionPolicy
from opsconsole.safety.policy import ceiling, decide
from opsconsole.safety.review import review
from opsconsole.settings import DoorSettings

SAFE, RESTRICTED, STANDARD, ELEVATED = ExecutionPolicy


@pytest.mark.parametrize(
    ("settings", "policy", "lets_in"),
    [
        (DoorSettings(), ELEVATED, True),
        (DoorSettings(max_policy="standard"), STANDARD, True),
        (DoorSettings(max_policy="standard"), ELEVATED, False),
        (DoorSettings(policies=("safe", "standard")), RESTRICTED, False),
        (DoorSettings(policies=("safe", "standard")), STANDARD, True),
        (DoorSettings(users={"ann": "safe"}), RESTRICTED, False),
        (DoorSettings(users={"bob": "safe"}), RESTRICTED, True),
        (DoorSettings(max_policy="safe", users={"ann": "elevated"}), RESTRICTED, False),
    ],
)
def test_the_ceiling_of_a_door_and_of_a_user(settings: DoorSettings, policy: ExecutionPolicy, lets_in: bool) -> None:
    why = ceiling(policy, "tui", "ann", settings)
    assert (why is None) is lets_in
    if why:
        assert "doors.tui." in why
        assert decide(policy, above=why).verdict == "refuse"


def test_nothing_widens_safe() -> None:
    refused = review("rm x", policy="safe", allow=("rm-root",))
    assert decide(SAFE, review=refused, confirmed=True, reason="because").verdict == "refuse"
    assert decide(SAFE, review=review("ls"), grants=["--writable /srv"]).verdict == "refuse"


def test_safe_reads_over_the_network_with_the_grant_only() -> None:
    judged = review("curl -s https://example.org/")
    without = decide(SAFE, review=judged)
    assert without.verdict == "refuse" and "--allow-network" in without.reason
    assert decide(SAFE, review=judged, grants=["--allow-network"]).runs


def test_safe_refuses_what_it_would_answer_wrongly() -> None:
    decision = decide(SAFE, review=review("systemctl list-units"), grants=["--allow-network"])
    assert decision.verdict == "refuse" and "socket" in decision.reason
    assert review("systemctl list-units").verdict == "allow"  # it changes nothing: that is the review's question


def test_an_error_asks_under_standard_and_a_confirmation_answers() -> None:
    judged = review('rm -rf "$BUILD/"', policy="standard")
    assert decide(STANDARD, review=judged).verdict == "confirm"
    assert decide(STANDARD, review=judged, confirmed=True).runs


@pytest.mark.parametrize("policy", ["restricted", "standard", "elevated"])
def test_a_catastrophe_needs_its_own_name(policy: str) -> None:
    kind = ExecutionPolicy(policy)
    script = "rm -rf /"
    assert not decide(kind, review=review(script, policy=policy), confirmed=True, reason="why not").runs
    allowed = review(script, policy=policy, allow=("rm-root",))
    assert decide(kind, review=allowed, confirmed=True, reason="a throw-away machine").runs


def test_elevated_needs_both_words() -> None:
    judged = review("ls", policy="elevated")
    assert decide(ELEVATED, review=judged).verdict == "confirm"
    assert decide(ELEVATED, review=judged, confirmed=True, reason=" ").verdict == "confirm"
    assert decide(ELEVATED, review=judged, confirmed=True, reason="disk is full").runs

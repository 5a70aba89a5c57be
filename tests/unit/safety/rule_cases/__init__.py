"""Scripts that a rule of the shell finds, and scripts that it does not. The first of each stands on the rule's page."""

from tests.unit.safety.rule_cases import dangers, habits, portability, rights

Cases = dict[str, tuple[tuple[str, ...], tuple[str, ...]]]
BASH: Cases = {**dangers.CASES, **rights.CASES, **habits.CASES}
SH: Cases = portability.CASES

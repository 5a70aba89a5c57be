"""`--run … --dry-run`: the verdict and the containment that would apply. Runs nothing, writes nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from opsconsole.checkup.host import kill_mechanism
from opsconsole.cli import diagnostics, output, wording
from opsconsole.execution.submission import Plan, plan
from opsconsole.models import TaskSpec
from opsconsole.settings import load_settings


def show(specs: Sequence[TaskSpec], *, json: bool) -> int:
    """Returns the exit code that refusal or a missing interpreter would give, else 0. Raises OpsErrors."""
    settings = load_settings()
    codes = []
    for spec in specs:
        planned = plan(spec, settings)
        code = _code(planned)
        codes.append(code)
        described = planned.redaction.value(_describe(spec, planned, would_run=code == 0))
        if json:
            output.ndjson([described])
        else:
            output.text(_for_people(described))
        if planned.missing is not None:
            diagnostics.report(planned.missing)
    return next((code for code in codes if code), 0)


def _code(planned: Plan) -> int:
    if not planned.decision.runs:
        return diagnostics.REFUSED
    return planned.missing.exit_code if planned.missing is not None else 0


def _describe(spec: TaskSpec, planned: Plan, *, would_run: bool) -> dict[str, Any]:
    stored = planned.spec
    return {
        "name": planned.name,
        "would_run": would_run,
        "policy": spec.policy.value,
        "verdict": planned.decision.verdict,
        "reason": planned.decision.reason or (planned.missing and planned.missing.message) or None,
        "findings": stored["findings"],
        "effects": stored["effects"],
        "summary": stored["summary"],
        "containment": {
            "provider": stored["provider"],
            "limits": {"timeout_s": stored["timeout_s"], "output": stored["output_limit"], **stored["limits"]},
            "degraded": [*stored["containment_degraded"], *stored["limits_degraded"]],
            "notes": stored["containment_notes"],
            "kill": kill_mechanism(),
        },
        "interpreter": planned.interpreter,
        "command": planned.argv,
        "cwd": stored["cwd"],
        "stdin": stored["stdin"],
        "script_sha256": hashlib.sha256(planned.body).hexdigest(),
    }


def _for_people(described: dict[str, Any]) -> str:
    containment = described["containment"]
    limits = containment["limits"]
    facts = {
        "script": described["name"],
        "would run": "yes" if described["would_run"] else "no",
        "verdict": described["verdict"],
        "reason": described["reason"],
        "policy": described["policy"],
        "does": "; ".join(described["summary"]),
        "findings": wording.findings(described["findings"]),
        "containment": f"{containment['provider']}; killed by {containment['kill']}",
        "limits": ", ".join(
            [
                f"{wording.long_duration(limits['timeout_s'])}, "
                f"{wording.size(limits['output']) if limits['output'] else 'all'} of each output stream",
                *wording.limits(limits),
            ]
        ),
        "degraded": "; ".join(containment["degraded"]),
        "notes": "; ".join(containment["notes"]),
        "interpreter": f"{described['interpreter']}: {' '.join(described['command'])}",
        "directory": described["cwd"],
        "sha256": described["script_sha256"],
    }
    return "".join(f"{key:<14}{diagnostics.harmless(str(value))}\n" for key, value in facts.items() if value) + "\n"

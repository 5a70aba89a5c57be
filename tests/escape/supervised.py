"""Contained runs through the real supervisor, without a console around them: `python -m tests.escape.supervised`.

Reads a JSON list of runs on standard input ({policy, body, interpreter, state, cwd, env, …}), executes one after the
other as a slot does, and writes the list of results ({result, stdout, stderr, ms}) on standard output. `stdin`: the
number of a descriptor that becomes the standard input of the run; `provider`: the one to use.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from typing import Any

from opsconsole.execution import containing, interpreters
from opsconsole.execution.supervisor import kernel
from opsconsole.execution.supervisor.slot import Note, Slot
from opsconsole.models import ExecutionPolicy
from opsconsole.safety import containment


def message(run: dict[str, Any], number: int) -> dict[str, Any]:
    """What `dispatch.prepare` would send."""
    folder = f"{run['state']}/runs/{number}.1"
    policy = ExecutionPolicy(run["policy"])
    if "provider" in run:
        every = {provider.name: provider for chosen in containment.PROVIDERS.values() for provider in chosen}
        containment.PROVIDERS[policy] = (every[run["provider"]],)
    environment = {**os.environ, **run.get("env", {})}
    spec = {
        "cwd": run.get("cwd", "/"),
        "environment_names": sorted(run.get("env", {})),
        "allow_network": run.get("allow_network", False),
        "writable": run.get("writable", []),
    }
    path = containing.search_path(policy, environment)
    argv = [*interpreters.locate(interpreters.Choice(run.get("interpreter", "bash")), path), f"{folder}/script"]
    if run.get("argv"):
        argv = run["argv"]
    return {
        "op": "launch", "id": f"{number}.1", "launch": 1, "folder": folder, "argv": argv, "environment": "key",
        "cwd": spec["cwd"], "umask": 0o022, "timeout_s": run.get("timeout_s", 30), "grace_s": 0.3, "kill_wait_s": 15.0,
        "output_limit": 1 << 24, "kill_leftovers": False, "stdin": None, "script": run.get("body", ""), "fds": 0,
        "owner": None,
        **containing.as_message(policy, spec, environment, argv, folder, run["state"]),
    }  # fmt: skip


def execute(run: dict[str, Any], number: int) -> dict[str, Any]:
    """One run in a slot of its own in this process."""
    launch = message(run, number)
    ours, theirs = socket.socketpair()
    fds = [os.dup(run["stdin"])] if "stdin" in run else []
    launch["fds"] = len(fds)
    lines = [{"op": "environment", "key": "key", "values": dict(os.environ)}, launch]
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    socket.send_fds(ours, [data], fds)
    for fd in fds:
        os.close(fd)
    ours.shutdown(socket.SHUT_WR)
    theirs.setblocking(False)
    slot = Slot(theirs, Note(), None)
    before = time.monotonic()
    slot.serve()
    spent = time.monotonic() - before
    theirs.close()
    ours.close()
    with open(f"{launch['folder']}/result.json") as file:
        result = json.load(file)
    texts = {}
    for name in ("stdout", "stderr"):
        try:
            with open(f"{launch['folder']}/{name}", errors="backslashreplace") as file:
                texts[name] = file.read()
        except OSError:
            texts[name] = ""
    return {"result": result, "ms": spent * 1000, **texts}


def main() -> None:
    kernel.become_subreaper()
    runs = json.load(sys.stdin)
    for run in runs:
        os.makedirs(f"{run['state']}/runs", mode=0o700, exist_ok=True)
    start = int(time.time() * 1000) % 10**9
    print(json.dumps([execute(run, start + index) for index, run in enumerate(runs)]))


if __name__ == "__main__":
    main()

"""What a process ran, noted by coverage's tracer alone: reading coverage itself, and writing one of its databases,
takes longer than most of what is measured so. `measured` gathers the notes.
"""

import atexit
import contextlib
import importlib.machinery
import importlib.util
import marshal
import os
import sys
import time
from typing import Any


def note(tracer_file: str, package: str, into: str, *, threads: bool = False) -> None:
    """From now on, in this process and in what it forks; a file in the folder `into` when one of them ends.

    `threads`: in those too that begin from now on, which needs a module that a supervisor does without.
    """
    loader = importlib.machinery.ExtensionFileLoader("coverage.tracer", tracer_file)
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    made: Any = importlib.util.module_from_spec(spec)
    loader.exec_module(made)
    ran: dict[str, set[int]] = {}

    def should_trace(name: str, _frame: object) -> Any:
        found = made.CFileDisposition()
        found.original_filename = found.canonical_filename = found.source_filename = name
        found.trace, found.reason = name.startswith(package), ""
        found.file_tracer, found.has_dynamic_filename = None, False
        return found

    known: dict[str, Any] = {}
    leave = os._exit

    def begin() -> Any:
        tracer = made.CTracer()
        tracer.data, tracer.trace_arcs = ran, True
        tracer.should_trace, tracer.should_trace_cache = should_trace, known
        tracer.lock_data = tracer.unlock_data = lambda: None
        tracer.concur_id_func = tracer.should_start_context = tracer.switch_context = None
        tracer.warn = lambda *_, **__: None
        return tracer.start()

    def begin_in_thread(frame: Any, event: str, argument: Any) -> Any:
        sys.settrace(None)
        return begin()(frame, event, argument)

    def forget() -> None:
        for pairs in ran.values():  # each tells its own
            pairs.clear()

    def write() -> None:
        sys.settrace(None)
        with contextlib.suppress(OSError):  # a child with the rights of another user, or none
            with open(f"{into}/{os.getpid()}-{time.time_ns()}.part", "xb") as file:
                marshal.dump({name: pairs.copy() for name, pairs in ran.copy().items() if pairs}, file)
            os.rename(file.name, file.name.removesuffix(".part"))

    def leave_noted(code: int) -> None:
        write()
        leave(code)

    os._exit = leave_noted  # type: ignore[assignment]
    atexit.register(write)
    os.register_at_fork(after_in_child=forget)
    sys.path.remove(os.path.dirname(__file__))
    if threads:
        import threading

        threading.settrace(begin_in_thread)
    begin()

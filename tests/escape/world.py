"""The world that the attempts attack: secrets, sockets, processes of the same uid; outside of every containment."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsconsole.safety.containment.syscalls import NUMBERS

ROOT = Path(__file__).parents[2]
SECRET = "SECRET-that-nobody-may-read"  # noqa: S105 - it is the bait
NOBODY = 65534
_IPC_CREATE_0666 = 0o1666
_NUMBERS_TOO = {"future": (600, 600)}


def system_python() -> str | None:
    """An interpreter that any uid can run: this one may live in a home of root's."""
    for name in ("python3.13", "python3.12", "python3.11"):
        if found := shutil.which(name, path="/usr/bin:/usr/local/bin"):
            return found
    return None


@dataclass
class World:
    """`console_uid`: who runs the supervisor, `run_uid`: who the run is."""

    base: Path
    console_uid: int
    run_uid: int
    policy: str
    facts: dict[str, Any] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)

    @property
    def open(self) -> Path:
        return self.base / "open"

    @property
    def state(self) -> Path:
        return self.base / "state"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.base / "home"),
            "PYTHONPATH": str(_source()),
            "PYTHONDONTWRITEBYTECODE": "1",
            "LANG": "C.UTF-8",
            "CONSOLE_SECRET": SECRET,
        }

    def supervise(self, runs: list[dict[str, Any]], *, stdin: int | None = None) -> list[dict[str, Any]]:
        """Execute runs under the console's uid; see `tests.escape.supervised`."""
        for run in runs:
            run.setdefault("state", str(self.state))
            run.setdefault("policy", self.policy)
            run.setdefault("cwd", str(self.base))
            if stdin is not None:
                run["stdin"] = stdin
        python = system_python()
        assert python is not None
        with open(self.base / "inherited", "w") as inherited:
            return self._supervise(python, runs, [inherited.fileno(), *([] if stdin is None else [stdin])])

    def _supervise(self, python: str, runs: list[dict[str, Any]], fds: list[int]) -> list[dict[str, Any]]:
        done = subprocess.run(
            [python, "-m", "tests.escape.supervised"],
            input=json.dumps(runs),
            stdout=subprocess.PIPE,
            env=self.environment,
            cwd="/",
            text=True,
            timeout=60,
            check=True,
            pass_fds=fds,
            **as_uid(self.console_uid),
        )
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found


def as_uid(uid: int) -> dict[str, Any]:
    """Options of subprocess."""
    return {} if uid == os.geteuid() else {"user": uid, "group": uid, "extra_groups": []}


@contextlib.contextmanager
def world(console_uid: int, run_uid: int, policy: str) -> Iterator[World]:
    """One world, taken away in the end with all that was left in it."""
    base = _folder()
    made = World(base, console_uid, run_uid, policy)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, base, ignore_errors=True)
        _secrets(made)
        _open_places(made)
        _services(made, stack)
        _victims(made, stack)
        number = 0 if os.uname().machine == "x86_64" else 1
        numbers = {name: row[number] for name, row in {**NUMBERS, **_NUMBERS_TOO}.items() if row[number] is not None}
        made.facts |= {
            "open": str(made.open),
            "home": str(base / "home"),
            "state": str(made.state),
            "numbers": numbers,
            "policy": policy,
            "mark": f"{base.name}-mark",
            "daemon": base.name[-14:],
            "sleeps": f"8{os.getpid()}.{run_uid % 1000}{len(policy)}",
        }
        yield made


def _folder() -> Path:
    place = "/srv" if os.access("/srv", os.W_OK) else "/var/tmp"
    base = Path(tempfile.mkdtemp(prefix="opsconsole-escape-", dir=place))
    base.chmod(0o755)
    return base


@functools.cache
def _source() -> Path:
    """The package, where every uid can read it and none but ours write; what all worlds run, compiled."""
    target = _folder()
    atexit.register(shutil.rmtree, target, ignore_errors=True)
    skip = shutil.ignore_patterns("__pycache__", "tui", "demo", "*.pyc")
    shutil.copytree(ROOT / "opsconsole", target / "opsconsole", ignore=skip)
    shutil.copytree(ROOT / "tests" / "escape", target / "tests" / "escape", ignore=skip)
    (target / "tests" / "__init__.py").touch()
    python = system_python()
    assert python is not None
    subprocess.run(
        [python, "-c", "import tests.escape.supervised"],
        env={"PYTHONPATH": str(target), "LANG": "C.UTF-8"},
        cwd="/",
        check=True,
    )
    for folder, _, names in os.walk(target):
        os.chmod(folder, 0o755)
        for name in names:
            os.chmod(f"{folder}/{name}", 0o644)
    return target


def _secrets(made: World) -> None:
    """Readable by everybody as far as modes go: only the containment hides them."""
    home = made.base / "home"
    for name in (".ssh/id_ed25519", ".aws/credentials"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(SECRET)
    run = made.state / "runs" / "99.1"
    run.mkdir(parents=True)
    (run / "stdout").write_text(SECRET)
    (made.state / "opsconsole.db").write_text(SECRET)
    _give(made.state, made.console_uid)
    made.state.chmod(0o700)


def _open_places(made: World) -> None:
    made.open.mkdir()
    for name in ("file", "own", "removable"):
        (made.open / name).write_text("as it was")
    (made.open / "empty").mkdir()
    (made.open / "to-the-key").symlink_to(made.base / "home/.ssh/id_ed25519")
    _give(made.open, made.run_uid)
    made.open.chmod(0o777)


def _give(folder: Path, uid: int) -> None:
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, uid, follow_symlinks=False)


def _services(made: World, stack: contextlib.ExitStack) -> None:
    """Sockets of all kinds that note who came."""
    abstract = f"{made.base.name}-abstract"
    made.facts["abstract"] = abstract
    kinds = [
        (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0), "tcp"),
        (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0), "udp"),
        (socket.AF_UNIX, socket.SOCK_STREAM, str(made.open / ".s.PGSQL.5432"), "database"),
        (socket.AF_UNIX, socket.SOCK_STREAM, str(made.open / "docker.sock"), "docker"),
        (socket.AF_UNIX, socket.SOCK_STREAM, "\0" + abstract, "abstract socket"),
        (socket.AF_UNIX, socket.SOCK_DGRAM, str(made.open / "log"), "log"),
    ]
    if socket.has_ipv6 and os.path.exists("/proc/net/if_inet6"):
        kinds.append((socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0), "tcp6"))
    made.facts["tcp6"] = 1
    for family, kind, address, name in kinds:
        one = stack.enter_context(socket.socket(family, kind))
        one.bind(address)
        if family == socket.AF_UNIX and not str(address).startswith("\0"):
            os.chmod(str(address), 0o777)
        if kind == socket.SOCK_STREAM:
            one.listen()
        if family in (socket.AF_INET, socket.AF_INET6):
            made.facts[name] = one.getsockname()[1]
        threading.Thread(target=_serve, args=(one, kind, name, made.heard), daemon=True).start()
        stack.callback(_shut, one)


def _shut(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


def _serve(one: socket.socket, kind: int, name: str, heard: list[str]) -> None:
    while True:
        try:
            if kind == socket.SOCK_STREAM:
                connection, _ = one.accept()
                connection.close()
            else:
                data, address = one.recvfrom(100)
                if not data:
                    return
                if address:
                    one.sendto(data, address)
        except OSError:
            return
        heard.append(name)


_VICTIM = (
    "import ctypes, sys, time; kept = ctypes.create_string_buffer(b'untouched'); "
    "print(ctypes.addressof(kept), flush=True); time.sleep(300)"
)


def _victims(made: World, stack: contextlib.ExitStack) -> None:
    """A process and a shared memory segment of the run's own uid."""
    python = system_python()
    assert python is not None
    options: dict[str, Any] = {"stdout": subprocess.PIPE, "text": True, "cwd": "/", **as_uid(made.run_uid)}
    victim = subprocess.Popen([python, "-c", _VICTIM], env={"VICTIM_SECRET": SECRET}, **options)
    stack.callback(_end, victim)
    assert victim.stdout is not None
    made.facts["address"] = int(victim.stdout.readline())
    made.facts["victim"] = victim.pid
    console = subprocess.Popen(["/bin/sleep", "300"], env=made.environment, cwd="/", **as_uid(made.console_uid))
    stack.callback(console.wait)
    stack.callback(console.kill)
    made.facts["console"] = console.pid
    key = 0x0E5C0000 | os.getpid() & 0xFFFF
    libc = ctypes.CDLL(None, use_errno=True)
    identifier = libc.shmget(key, 4096, _IPC_CREATE_0666)
    assert identifier >= 0
    stack.callback(libc.shmctl, identifier, 0, None)
    made.facts |= {"shared": key, "shared_id": identifier}


def _end(victim: subprocess.Popen[str]) -> None:
    victim.kill()
    victim.wait()
    assert victim.stdout is not None
    victim.stdout.close()

"""One Settings object from TOML and the environment, passed down, never global.

File: `$OPSCONSOLE_CONFIG`, else `~/.config/opsconsole/config.toml`. A variable `OPSCONSOLE_<SECTION>__<KEY>` (or
`OPSCONSOLE_<KEY>` at the top) wins over the file. The text under a field is its documentation: `opsconsole config`
prints it. pydantic validates these dataclasses, and is imported only where there is something to validate.
"""

from __future__ import annotations

import functools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, fields, is_dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from opsconsole.errors import SettingsError, SpecError
from opsconsole.models import MAX_TIMEOUT_S, MIB, parse_size
from opsconsole.paths import config_file
from opsconsole.values import dataclass

if TYPE_CHECKING:
    from opsconsole.alert_settings import AlertSettings
    from opsconsole.console_settings import ConsoleSettings
    from opsconsole.monitor_settings import MonitorSettings

Wrong = list[SettingsError]
RESERVED = frozenset(
    {
        "OPSCONSOLE_STATE_DIR", "OPSCONSOLE_CONFIG", "OPSCONSOLE_EXEC_ID", "OPSCONSOLE_TASK_ID", "OPSCONSOLE_RUN_ID",
        "OPSCONSOLE_RUN_FOLDER", "OPSCONSOLE_REPORT", "OPSCONSOLE_TOKEN", "OPSCONSOLE_VENV",
    }
)  # fmt: skip


@dataclass(frozen=True)
class ExecutionSettings:
    concurrency: int = 8
    """Runs at the same time on this state directory, all consoles together."""
    timeout_s: float = 300.0
    """Wall time of a run that does not say its own, in seconds; at most 3600."""
    grace_s: float = 5.0
    """Seconds between TERM and KILL."""
    kill_wait_s: float = 2.0
    """Seconds to wait after KILL before survivors are reported."""
    output_limit: int = 64 * MIB
    """Bytes kept of each of stdout and stderr ("64M"); 0 keeps everything."""
    min_free: int = 16 * MIB
    """No run starts with less free space on the state directory's file system."""
    use_cgroup: bool = True
    """Kill and freeze trees through a cgroup v2 group of their own where one can be made; false: by signals only."""
    shell: str = "bash"
    """Interpreter of a text that names none."""
    redact_at_rest: bool = False
    """Rewrite a run's stdout and stderr without secrets when it has ended; else the files (0600) keep every byte."""


@dataclass(frozen=True)
class RetrySettings:
    base_s: float = 1.0
    """Delay before the first retry, in seconds; it doubles with each further one."""
    max_s: float = 60.0
    """Longest delay, in seconds."""
    jitter: float = 0.25
    """Share of the delay that is random, so that retries do not come in step."""
    exit_codes: tuple[int, ...] = ()
    """Exit codes worth a retry; empty: every failure. Timeouts and refusals are never retried."""


@dataclass(frozen=True)
class QueueSettings:
    capacity: int = 20_000
    """Open tasks at the most; one more is refused."""
    ageing_s: float = 600.0
    """A priority level is worth this head start in seconds: an older LOW overtakes a newer NORMAL."""


@dataclass(frozen=True)
class HistorySettings:
    keep_days: int = 90
    """Ended tasks older than this are cleaned up; 0: no limit."""
    keep_tasks: int = 50_000
    """Ended tasks kept at the most; 0: no limit."""
    keep_bytes: int = 10 * 1024 * MIB
    """Bytes of run folders kept at the most; 0: no limit."""
    index_output: int = 64 * 1024
    """Bytes at the end of each output stream that full-text search sees ("64K"), without secrets; 0: none."""


@dataclass(frozen=True)
class RedactionSettings:
    """Values shorter than 6 bytes, and words such as `production`, are never looked for: they stand everywhere."""

    names: tuple[str, ...] = ()
    """Patterns (`ACME_*`) of variables whose values are secrets, besides those whose name says so (TOKEN, …)."""
    values_from: tuple[str, ...] = ()
    """Variables, by their exact name, whose values are secrets however ordinary they look."""
    rules: Mapping[str, str] = field(default_factory=dict)
    """A site's own rules, name = "regular expression": what it matches (or its first group) is replaced by the name."""


@dataclass(frozen=True)
class PolicyLimits:
    """What runs under one policy may use; 0: no limit of the policy's own."""

    memory: int = 0
    """Bytes of memory of all its processes together ("512M"); 0: no limit."""
    swap: int = 0
    """Bytes of swap beside its memory ("0"); where memory is limited and this is 0, it has none."""
    cpu: float = 0.0
    """Share of one core: 0.5 is half of one, 2.0 two; 0: no limit."""
    pids: int = 0
    """Processes and threads at the same time; 0: no limit."""
    read_bps: int = 0
    """Bytes per second read from the disks of its folders ("10M"); 0: no limit."""
    write_bps: int = 0
    """Bytes per second written to the disks of its folders ("10M"); 0: no limit."""
    file_size: int = 0
    """Bytes of the largest file it may write ("64M"); 0: no limit."""
    open_files: int = 0
    """Files that one process may have open; 0: no limit."""


_SAFE = PolicyLimits(memory=512 * MIB, cpu=1.0, pids=64, file_size=64 * MIB, open_files=1024)
_RESTRICTED = PolicyLimits(memory=1024 * MIB, cpu=2.0, pids=256, file_size=1024 * MIB, open_files=4096)


@dataclass(frozen=True)
class LimitSettings:
    safe: PolicyLimits = _SAFE
    restricted: PolicyLimits = _RESTRICTED
    standard: PolicyLimits = PolicyLimits()
    elevated: PolicyLimits = PolicyLimits()


PolicyName = Literal["safe", "restricted", "standard", "elevated"]


@dataclass(frozen=True)
class DoorSettings:
    """What may come in through one door."""

    max_policy: PolicyName = "elevated"
    """The widest policy that may be asked for."""
    policies: tuple[PolicyName, ...] = ()
    """Only these policies; none listed: all up to max_policy."""
    users: Mapping[str, PolicyName] = field(default_factory=dict)
    """A user's own, tighter ceiling: `alice = "restricted"`."""
    submissions_per_minute: int = 0
    """More in a minute are turned away; 0: as many as come."""


@dataclass(frozen=True)
class DoorsSettings:
    tui: DoorSettings = DoorSettings()
    headless: DoorSettings = DoorSettings()
    api: DoorSettings = DoorSettings()
    schedule: DoorSettings = DoorSettings()
    remediation: DoorSettings = DoorSettings()
    work: DoorSettings = DoorSettings()

    def of(self, door: str) -> DoorSettings:
        """By the door's name; a door without a section has the defaults."""
        found = getattr(self, door, None)
        return found if isinstance(found, DoorSettings) else DoorSettings()


@dataclass(frozen=True)
class Settings:
    on_hangup: Literal["leave", "drain"] = "leave"
    """When the terminal goes: "leave" (runs go on, queued work stays queued) or "drain" (a worker without a screen
    works the queue off, then leaves)."""
    execution: ExecutionSettings = field(default_factory=ExecutionSettings)
    retry: RetrySettings = field(default_factory=RetrySettings)
    queue: QueueSettings = field(default_factory=QueueSettings)
    history: HistorySettings = field(default_factory=HistorySettings)
    limits: LimitSettings = field(default_factory=LimitSettings)
    doors: DoorsSettings = field(default_factory=DoorsSettings)
    redaction: RedactionSettings = field(default_factory=RedactionSettings)
    others: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def monitor(self) -> MonitorSettings:
        return self._other("monitor")  # type: ignore[no-any-return]

    @property
    def alerts(self) -> AlertSettings:
        return self._other("alerts")  # type: ignore[no-any-return]

    @property
    def console(self) -> ConsoleSettings:
        return self._other("console")  # type: ignore[no-any-return]

    def _other(self, name: str) -> Any:
        found = self.others.get(name)
        return _other_kind(name)() if found is None else found


OTHERS = {"monitor": "MonitorSettings", "alerts": "AlertSettings", "console": "ConsoleSettings"}
"""Sections with a module of their own, `monitor_settings` and so on: a headless run has no use for them and does not
load them."""


def _other_kind(name: str) -> Any:
    import importlib

    return getattr(importlib.import_module(f"opsconsole.{name}_settings".replace("alerts_", "alert_")), OTHERS[name])


def _sections(section: Any) -> dict[str, Any]:
    """Its keys with their values, the sections of other modules too."""
    found = {item.name: getattr(section, item.name) for item in fields(section) if item.name != "others"}
    return {**found, **{name: getattr(section, name) for name in OTHERS}} if isinstance(section, Settings) else found


def load_settings(file: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from `file` (default: `paths.config_file`) and the environment. Raises SettingsError."""
    environ = os.environ if environ is None else environ
    file = file or config_file(dict(environ))
    try:
        return settings_of(_read_toml(file) if file.is_file() else {}, environ, str(file))
    except RecursionError as error:  # a.a.a.… is flat for the parser
        raise SettingsError(f"{file} is not valid TOML: it is nested too deeply") from error


def settings_of(data: dict[str, Any], environ: Mapping[str, str], where: str) -> Settings:
    """Settings from what a file at `where` says (it is changed) and the environment. Raises one SettingsError with all
    that is wrong."""
    wrong: Wrong = []
    overrides = _from_environment(environ, wrong)
    if not data and not overrides and not wrong:
        return Settings()
    _take_out_unknown(data, where, wrong)
    for path, value in overrides:
        section = data
        for part in path[:-1]:
            section = section.setdefault(part, {})
        section[path[-1]] = value
    settings = _validate(data, wrong)
    if wrong:
        raise SettingsError.of_all(wrong)
    return settings


def variable_of(name: str) -> str:
    """The environment's name for a setting: `execution.concurrency` is OPSCONSOLE_EXECUTION__CONCURRENCY."""
    return "OPSCONSOLE_" + name.replace(".", "__").upper()


def documented(section: Any = None, prefix: str = "") -> Iterator[tuple[str, Any, str]]:
    """(`section.key`, default, documentation) of every setting."""
    section = Settings() if section is None else section
    kind: Any = type(section)
    docs = _field_docs(kind)
    for key, default in _sections(section).items():
        name = prefix + key
        if is_dataclass(default):
            yield from documented(default, name + ".")
        else:
            yield name, default, docs.get(key, "")


@functools.cache  # the source of a class is looked for by reading its whole module
def _field_docs(kind: type) -> dict[str, str]:
    import ast
    import inspect
    import textwrap

    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101 - shape of our own source
    docs: dict[str, str] = {}
    for here, after in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(here, ast.AnnAssign)
            and isinstance(here.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
        ):
            docs[here.target.id] = " ".join(str(after.value.value).split())
    return docs


def _read_toml(file: Path) -> dict[str, Any]:
    from opsconsole.toml_files import NotTomlError, parse, read_text

    try:
        return parse(read_text(file))
    except OSError as error:
        raise SettingsError(f"{file} cannot be read: {error.strerror}") from error
    except (NotTomlError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} is not valid TOML: {error}") from error


def _from_environment(environ: Mapping[str, str], wrong: Wrong) -> list[tuple[list[str], str]]:
    found = []
    for key in environ:
        if not key.startswith("OPSCONSOLE_") or key in RESERVED:
            continue
        path = key.removeprefix("OPSCONSOLE_").lower().split("__")
        nested: dict[str, Any] = {}
        section = nested
        for part in path[:-1]:
            section[part] = section = {}
        section[path[-1]] = None
        before = len(wrong)
        _take_out_unknown(nested, f"variable {key}", wrong, environment=True)
        if len(wrong) == before:
            found.append((path, environ[key]))
    return found


def _take_out_unknown(data: dict[str, Any], where: str, wrong: Wrong, *, environment: bool = False) -> None:
    """What is left is known, and a section or a value as it should be."""
    if not (unknown := [*_unknown(data, Settings, where, wrong)]):
        return
    near = [found for name in unknown if (found := _nearest(name))]
    if environment:
        near = [variable_of(name) for name in near]
    hint = f"did you mean {' and '.join(near)}?" if near else "`opsconsole config` lists all settings"
    wrong.append(SettingsError(f"{where}: unknown setting{'s' * (len(unknown) > 1)} {', '.join(unknown)}", hint=hint))


def _unknown(data: dict[str, Any], kind: type, where: str, wrong: Wrong, prefix: str = "") -> Iterator[str]:
    known = _sections(kind())
    for key, value in tuple(data.items()):
        name, default = prefix + key, known.get(key)
        if key not in known:
            del data[key]
            yield name
        elif is_dataclass(default) and isinstance(value, dict):
            yield from _unknown(value, type(default), where, wrong, f"{name}.")
        elif is_dataclass(default):
            del data[key]
            wrong.append(SettingsError(f"{where}: {name} is a section, not a value"))
        elif isinstance(value, Mapping) and not isinstance(default, Mapping):
            del data[key]
            wrong.append(SettingsError(f"{where}: {name} is a value, not a section"))


def _nearest(name: str) -> str:
    """The setting that may be meant: one of that section, else one that is called so in another."""
    import difflib

    names = [known for known, _, _ in documented()]
    section, _, last = name.rpartition(".")
    here = {known.rpartition(".")[2]: known for known in names if known.rpartition(".")[0] == section}
    anywhere = {known.partition(".")[0]: known.partition(".")[0] for known in names}
    anywhere |= {known.rpartition(".")[2]: known for known in names}
    for meant in (here, anywhere):
        if close := difflib.get_close_matches(last, meant, 1, 0.65):
            return meant[close[0]]
    return ""


SIZES = frozenset(
    {
        "output_limit", "min_free", "keep_bytes", "index_output", "memory", "swap", "read_bps", "write_bps",
        "file_size",
    }
)  # fmt: skip
"""Keys that are bytes, and may be given as "64M"."""


def _validate(data: dict[str, Any], wrong: Wrong) -> Settings:
    """What is wrong with a value is noted, and the default looked at in its place."""
    _parse_sizes(data, wrong)
    for policy, given in data.get("limits", {}).items():  # what a site does not say stays as it is under that policy
        data["limits"][policy] = {**vars(getattr(LimitSettings(), policy)), **given}
    for section, key in (("retry", "exit_codes"), ("redaction", "names"), ("redaction", "values_from")):
        words = data.get(section, {}).get(key)
        if isinstance(words, str):
            data[section][key] = words.replace(",", " ").split()
    others = {name: data.pop(name) for name in OTHERS if name in data}

    settings: Settings = _checked(Settings, data, wrong)
    wrong += _out_of_range(settings)
    for name, given in others.items():
        others[name] = _checked(_other_kind(name), given, wrong, f"{name}.")
        try:
            others[name].check()
        except SettingsError as error:
            wrong.append(error)
    return replace(settings, others=others)


def _checked(kind: Any, given: dict[str, Any], wrong: Wrong, prefix: str = "") -> Any:
    from pydantic import TypeAdapter, ValidationError

    for _ in range(3):  # what is wrong is taken out; some of it hides more
        try:
            return TypeAdapter(kind).validate_python(given)
        except ValidationError as error:
            for one in error.errors():
                name = prefix + ".".join(str(part) for part in one["loc"])
                wrong.append(SettingsError(f"setting {name}: {one['msg']}, got {one['input']!r}"))
            for at, key in [_innermost(given, one["loc"]) for one in error.errors()]:
                at.pop(key, None)
    return kind()


def _innermost(given: dict[str, Any], place: Sequence[int | str]) -> tuple[dict[str, Any], str]:
    """The last table on the way to this place, and its key."""
    at, key = given, str(place[0])
    for part in map(str, place[1:]):
        inner = at.get(key)
        if not isinstance(inner, dict) or part not in inner:
            break
        at, key = inner, part
    return at, key


def _parse_sizes(data: dict[str, Any], wrong: Wrong, prefix: str = "") -> None:
    for key, value in tuple(data.items()):
        if isinstance(value, dict):
            _parse_sizes(value, wrong, f"{prefix}{key}.")
        elif key in SIZES and isinstance(value, str):
            try:
                data[key] = parse_size(value)
            except SpecError as error:
                del data[key]
                wrong.append(SettingsError(f"{prefix}{key}: {error}"))


def _values(section: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for item in fields(section):
        value = getattr(section, item.name)
        if is_dataclass(value) and item.name != "others":
            yield from _values(value, f"{prefix}{item.name}.")
        else:
            yield prefix + item.name, value


RANGES: Mapping[str, tuple[float | None, float | None, float]] = {
    "execution.concurrency": (None, 1, 1024),  # each has processes and open files; more is a slip of the finger
    "execution.timeout_s": (0, None, MAX_TIMEOUT_S),
    "execution.grace_s": (None, 0, math.inf),
    "execution.kill_wait_s": (None, 0, math.inf),
    "execution.output_limit": (None, 0, math.inf),
    "execution.min_free": (None, 0, math.inf),
    "queue.capacity": (None, 1, math.inf),
    "queue.ageing_s": (None, 0, math.inf),
    "retry.base_s": (None, 0, math.inf),
    "retry.jitter": (None, 0, 1),
    "history.keep_days": (None, 0, math.inf),
    "history.keep_tasks": (None, 0, math.inf),
    "history.keep_bytes": (None, 0, math.inf),
    "history.index_output": (None, 0, MIB),
}
"""What a number must be more than, or at least, and at most."""


def range_of(name: str) -> str:
    """Which numbers a setting may have, in words; empty: `RANGES` does not say."""
    if name not in RANGES:
        return ""
    above, least, most = RANGES[name]
    low = f"more than {above:.12g}" if above is not None else f"at least {least:.12g}" if least is not None else ""
    high = "" if most == math.inf else f"at most {most:.12g}"
    return " and ".join(filter(None, (low, high)))


def _out_of_range(settings: Settings) -> Iterator[SettingsError]:
    retry = settings.retry
    for name, value in _values(settings):
        if isinstance(value, float) and not math.isfinite(value):
            yield SettingsError(f"setting {name} must be a finite number")
    for name, (above, least, most) in RANGES.items():
        number: Any = functools.reduce(getattr, name.split("."), settings)
        if (above is not None and number <= above) or (least is not None and number < least) or number > most:
            yield SettingsError(f"setting {name} must be {range_of(name)}")
    if retry.max_s < retry.base_s:
        yield SettingsError("setting retry.max_s cannot be less than retry.base_s")
    for name, value in (*_values(settings.limits, "limits."), *_values(settings.doors, "doors.")):
        if isinstance(value, int | float) and value < 0:
            yield SettingsError(f"setting {name} cannot be negative")
    for name, pattern in settings.redaction.rules.items():
        try:
            _check_rule(name, pattern)
        except SettingsError as error:
            yield error


def _check_rule(name: str, pattern: str) -> None:
    """A rule is tried on every line of every output: it must be sound and quick."""
    import re

    where = f"setting redaction.rules.{name}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}", name):
        raise SettingsError(f"{where}: the name may have letters, digits, - _ and ., 40 at the most")
    try:
        compiled = re.compile(pattern.encode())
    except re.error as error:
        raise SettingsError(f"{where} is no regular expression: {error}") from error
    if len(pattern) > 1000:
        raise SettingsError(f"{where} is longer than 1000 characters")
    if compiled.search(b"") is not None:
        raise SettingsError(f"{where} matches where there is nothing")
    if re.search(r"[*+}]\)(?:[*+]|\{\d*,)", pattern):
        raise SettingsError(f"{where} repeats a repeat, which can take for ever", hint="repeat one of them only")

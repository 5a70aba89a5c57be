"""The filter language of the process list.

words             each must be in the name or the command line: `nginx worker`, `"two words"`
FIELD OP VALUE    `cpu>5`, `rss>=100M`, `user=www`, `state=DZ`, `name~^ng`, `age<10m`, with = != > >= < <= ~ !~
and or not ( )    two conditions side by side are an `and`

Numbers: cpu (percent of one core), rss or mem (with K M G T, binary as in the column and as KiB MiB are, or with kB MB
GB; with % of the host's memory),
pid, ppid, uid, threads, nice, and with s m h d: time (CPU time used), age (since its start). Texts: user, name,
command, cgroup, state; `~` is "has a match of" (a regular expression, so a plain word is "contains"), `=` is "is",
both whatever the case; `state=DZ` is any of the letters. In a quoted text and, or and the signs are plain text:
`command~"^nginx: (master|worker)"`.

run: which of our own runs it belongs to, with all below its supervisor: `run=14` (any attempt), `run=14.2` (this one),
`run=*` (any of ours); `run!=14` is everything else, also what is no run's at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from operator import attrgetter, eq, ge, gt, le, lt, ne
from typing import NamedTuple

from opsconsole.samples import ProcessSample


class Look(NamedTuple):
    """When the host was looked at (seconds since the epoch), which pid belonged to which execution then, and how much
    memory the host has (bytes; 0: nobody knows, and no share of it passes)."""

    now: float
    runs: Mapping[int, str]
    memory: int = 0


Test = Callable[[ProcessSample, Look], bool]
"""Whether a process passes."""

_TOKEN = re.compile(
    r"""\s*(?:(?P<sign>[()]|!=|!~|>=|<=|[=<>~])|"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<word>[^\s()=<>~"!]+|!))"""
)
_DEEPEST = 60
_SEARCHED = 500
"""Characters of a text that a regular expression is searched in."""

_RUN = re.compile(r"0*(?P<task>\d{1,18})(?:\.0*(?P<attempt>\d{1,9}))?\Z", re.ASCII)
_NO_RUNS: Mapping[int, str] = {}

_COMPARE: dict[str, Callable[[float, float], bool]] = {"=": eq, "!=": ne, ">": gt, ">=": ge, "<": lt, "<=": le}
_SIGNS = frozenset({*_COMPARE, "~", "!~"})
_NUMBER = re.compile(r"([+-]?\d+(?:\.\d+)?|[+-]?\.\d+)([a-z%]*)\Z")
_BYTES = {"": 1.0, "b": 1.0} | {
    unit + rest: float(step**power)
    for power, unit in enumerate("kmgt", 1)
    for rest, step in (("", 1024), ("ib", 1024), ("b", 1000))
}
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PLAIN = {"": 1.0}


class FilterError(ValueError):
    """Raised when a filter cannot be understood. `at` is where, 0 the first character; the message is harmless as far
    as the filter is."""

    def __init__(self, message: str, at: int, more: str = "") -> None:
        super().__init__(f"{message} (column {at + 1}){more}")
        self.at = at


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


class _Number(NamedTuple):
    of: Callable[[ProcessSample, float], float]
    units: dict[str, float]


_NUMBERS: dict[str, _Number] = {
    "cpu": _Number(lambda one, _: one.cpu_percent, {"": 1.0, "%": 1.0}),
    "rss": _Number(lambda one, _: one.rss_bytes, _BYTES),
    "pid": _Number(lambda one, _: one.pid, _PLAIN),
    "ppid": _Number(lambda one, _: one.ppid, _PLAIN),
    "uid": _Number(lambda one, _: one.uid, _PLAIN),
    "threads": _Number(lambda one, _: one.threads, _PLAIN),
    "nice": _Number(lambda one, _: one.nice, _PLAIN),
    "time": _Number(lambda one, _: one.cpu_time_s, _SECONDS),
    "age": _Number(lambda one, now: now - one.start_time, _SECONDS),
}
_TEXTS: dict[str, Callable[[ProcessSample], str]] = {
    "user": lambda one: one.user or str(one.uid),
    "name": attrgetter("name"),
    "command": lambda one: one.cmdline or one.name,
    "cgroup": attrgetter("cgroup"),
    "state": attrgetter("state"),
}
_ALIASES = {
    "mem": "rss", "memory": "rss", "thr": "threads", "ni": "nice", "cmd": "command", "cmdline": "command", "s": "state",
    "parent": "ppid", "task": "run",
}  # fmt: skip
FIELDS = (*_NUMBERS, *_TEXTS, "run")


@dataclass(frozen=True, slots=True)
class ProcessFilter:
    """What the list shows; false when it lets everything through."""

    test: Test | None = None

    def __bool__(self) -> bool:
        return self.test is not None

    def matches(self, process: ProcessSample, now: float, runs: Mapping[int, str] = _NO_RUNS, memory: int = 0) -> bool:
        """`now`: seconds since the epoch, for `age`; `runs`: pid → execution, for `run`; `memory`: of the host."""
        return self.test is None or self.test(process, Look(now, runs, memory))


EVERYTHING = ProcessFilter()


def parse(line: str) -> ProcessFilter:
    """The filter that `line` says. Raises FilterError."""
    tokens = _tokens(line)
    if not tokens:
        return EVERYTHING
    parser = _Parser(tokens, len(line))
    test = parser.alternatives(0)
    if (left := parser.peek()) is not None:
        raise FilterError(f"a {left.text} too many" if left.text == ")" else f"{left.text} is out of place", left.at)
    return ProcessFilter(test)


def _tokens(line: str) -> list[_Token]:
    tokens: list[_Token] = []
    at, end = 0, len(line.rstrip())
    while at < end:
        match = _TOKEN.match(line, at)
        if match is None:
            at += len(line[at:]) - len(line[at:].lstrip())
            raise FilterError("a quote that is not closed" if line[at] == '"' else f"{line[at]} is out of place", at)
        kind = match.lastgroup or ""
        text = match[kind]
        tokens.append(_Token(kind, re.sub(r'\\(["\\])', r"\1", text) if kind == "quoted" else text, match.start(kind)))
        at = match.end()
        if kind == "sign" and text in ("~", "!~") and (pattern := _bare_pattern(line, at)):
            tokens.append(pattern)
            at = pattern.at + len(pattern.text)
    return tokens


def _bare_pattern(line: str, at: int) -> _Token | None:
    """What stands behind `~` without quotes: all up to a space, or to a ) that closes what was opened before."""
    while at < len(line) and line[at].isspace():
        at += 1
    depth, end = 0, at
    while end < len(line) and not line[end].isspace():
        depth += (line[end] == "(") - (line[end] == ")")
        if depth < 0:
            break
        end += 1
    return _Token("word", line[at:end], at) if end > at and line[at] != '"' else None


class _Parser:
    """Recursive descent: or, and, not, then a condition."""

    def __init__(self, tokens: list[_Token], length: int) -> None:
        self._tokens = tokens
        self._next = 0
        self._length = length

    def peek(self) -> _Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _is(self, *words: str) -> bool:
        token = self.peek()
        return token is not None and token.kind != "quoted" and token.text.casefold() in words

    def _wanted(self, what: str) -> FilterError:
        token = self.peek()
        if token is None:
            return FilterError(f"{what} is missing", self._length)
        return FilterError(f"{what} is wanted, not {token.text}", token.at)

    def alternatives(self, depth: int) -> Test:
        """a or b or c"""
        found = [self._conditions(depth)]
        while self._is("or"):
            self._next += 1
            found.append(self._conditions(depth))
        return found[0] if len(found) == 1 else lambda one, look: any(test(one, look) for test in found)

    def _conditions(self, depth: int) -> Test:
        found = [self._condition(depth)]
        while self.peek() is not None and not self._is("or", ")"):
            if self._is("and"):
                self._next += 1
            found.append(self._condition(depth))
        return found[0] if len(found) == 1 else lambda one, look: all(test(one, look) for test in found)

    def _condition(self, depth: int) -> Test:
        token = self.peek()
        if token is None or self._is("and", "or", ")"):
            raise self._wanted("a condition")
        if depth > _DEEPEST:
            raise FilterError("too many ( and not inside one another", token.at)
        self._next += 1
        if token.kind == "word" and token.text.casefold() in ("not", "!"):
            negated = self._condition(depth + 1)
            return lambda one, look: not negated(one, look)
        if token.kind == "sign" and token.text == "(":
            inner = self.alternatives(depth + 1)
            if not self._is(")"):
                raise self._wanted("a )")
            self._next += 1
            return inner
        if token.kind == "sign":
            raise FilterError(f"a field is wanted before {token.text}", token.at)
        sign = self.peek()
        if sign is None or sign.kind != "sign" or sign.text not in _SIGNS:
            return _word(token.text)
        self._next += 1
        return self._comparison(token, sign)

    def _comparison(self, field: _Token, sign: _Token) -> Test:
        name = field.text.casefold()
        name = _ALIASES.get(name, name)
        if name not in FIELDS:
            raise FilterError(f"{field.text} is no field", field.at, f": there are {' '.join(FIELDS)}")
        value = self.peek()
        if value is None or value.kind == "sign":
            raise self._wanted(f"a value after {sign.text}")
        self._next += 1
        if name == "run":
            return _of_run(sign, value)
        return _numeric(name, sign, value) if name in _NUMBERS else _textual(name, sign, value)


def _word(text: str) -> Test:
    wanted = text.casefold()
    return lambda one, _: wanted in one.name.casefold() or wanted in one.cmdline.casefold()


def _numeric(name: str, sign: _Token, value: _Token) -> Test:
    of, units = _NUMBERS[name]
    match = _NUMBER.match(value.text.casefold())
    if match is None:
        raise FilterError(f"{name} takes a number, not {value.text}", value.at)
    if sign.text not in _COMPARE:
        raise FilterError(f"{name} is a number: {sign.text} is for texts", sign.at)
    if name == "rss" and match[2] == "%":
        share, than = float(match[1]) / 100, _COMPARE[sign.text]
        return lambda one, look: look.memory > 0 and than(one.rss_bytes, share * look.memory)
    if match[2] not in units:
        known = " ".join([*filter(None, units), *("%" for _ in range(name == "rss"))]) or "no unit"
        raise FilterError(f"{name} takes {known}, not {match[2]}", value.at)
    compare, wanted = _COMPARE[sign.text], float(match[1]) * units[match[2]]
    if name == "cpu" and sign.text in ("=", "!="):  # as it is shown
        return lambda one, look: compare(round(of(one, look.now), 1), wanted)
    return lambda one, look: compare(of(one, look.now), wanted)


def _of_run(sign: _Token, value: _Token) -> Test:
    if sign.text not in ("=", "!="):
        raise FilterError(f"run is one of ours: {sign.text} is not for it", sign.at)
    wanted = sign.text == "="
    if value.text == "*":
        return lambda one, look: (one.pid in look.runs) is wanted
    match = _RUN.match(value.text)
    if match is None:
        raise FilterError(f"run takes the number of a task, of an attempt as 14.2, or *, not {value.text}", value.at)
    task, attempt = match["task"], match["attempt"]
    if attempt is not None:
        execution = f"{task}.{attempt}"
        return lambda one, look: (look.runs.get(one.pid) == execution) is wanted
    begins = f"{task}."
    return lambda one, look: look.runs.get(one.pid, "").startswith(begins) is wanted


def _textual(name: str, sign: _Token, value: _Token) -> Test:
    of, wanted = _TEXTS[name], value.text.casefold()
    if sign.text not in ("=", "!=", "~", "!~"):
        raise FilterError(f"{name} is a text: {sign.text} is for numbers", sign.at)
    if name == "state":
        letters = frozenset(value.text) if value.text.isupper() else frozenset(value.text + value.text.upper())
        return lambda one, _: (one.state in letters) is (sign.text in ("=", "~"))
    if sign.text in ("=", "!="):
        return lambda one, _: (of(one).casefold() == wanted) is (sign.text == "=")
    search = _pattern(value).search
    return lambda one, _: (search(of(one)[:_SEARCHED]) is not None) is (sign.text == "~")


def _pattern(value: _Token) -> re.Pattern[str]:
    """What is typed is searched in what anybody may have chosen as a name: only what ends soon on any text."""
    if _repeats_a_choice(value.text):
        raise FilterError("a repeat of what repeats or chooses itself can take for ever", value.at)
    try:
        return re.compile(value.text, re.IGNORECASE)
    except (re.error, OverflowError, RecursionError) as error:
        said = error.msg if isinstance(error, re.error) else "it is too large"
        raise FilterError(f"not a regular expression: {said}", value.at) from None


def _repeats_a_choice(pattern: str) -> bool:
    """Whether a group that holds a repeat or an alternative is repeated itself: `(a+)+`, `(a|a)*`."""
    plain = re.sub(r"\\.|\[\^?\]?[^\]]*\]", "x", pattern)  # no escapes, no sets of characters
    opened, risky = [False], False
    for at, sign in enumerate(plain):
        if sign == "(":
            opened.append(False)
        elif sign == ")" and len(opened) > 1:
            inner = opened.pop()
            risky = risky or (inner and plain[at + 1 : at + 2] in ("*", "+", "{"))
            opened[-1] = opened[-1] or inner
        elif sign in "*+{|":
            opened[-1] = True
    return risky

"""Deleting and moving: the host, a home, more than was meant."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from opsconsole.safety.review.model import Finding, Severity, Span
from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.rules import reading
from opsconsole.safety.review.rules.registry import rule
from opsconsole.safety.review.shell.facts import Call, Script
from opsconsole.safety.review.shell.words import Word, span_of


def _removals(script: Script) -> Iterator[tuple[Call, list[Word], bool]]:
    """Every rm with what it is given, and whether it takes folders. What xargs adds is not among it."""
    for call in reading.calls(script, "rm"):
        given = reading.flags(call)
        recursive = bool(given & {"r", "R"}) or reading.long_given(given, "--recursive")
        yield call, reading.operands(call), recursive


@rule("rm-root", Severity.CATASTROPHIC, "Deletes the system or a home directory")
def rm_root(script: Script) -> Iterator[Finding]:
    for call, operands, recursive in _removals(script):
        if not recursive:
            continue
        for word in operands:
            lost = next(filter(None, map(reading.ruin, reading.spellings(word))), None)
            if lost and (word.tilde or not (word.text and word.text.startswith(("~", "$")))):  # quoted: a plain name
                message = f"`rm -r` of {script.slice(word.span)} deletes {lost}"
                yield script.finding("rm-root", Severity.CATASTROPHIC, message, word.span)
        whole = any(reading.everything(text) for word in operands for text in reading.spellings(word))
        if whole and (here := _gone_to(script, call)):
            message = f"this deletes everything in {here}, where the `cd` before went"
            yield script.finding("rm-root", Severity.CATASTROPHIC, message, call.span)
        if "--no-preserve-root" in reading.texts(call):
            message = "--no-preserve-root takes away the last guard against deleting the whole system"
            yield script.finding("rm-root", Severity.CATASTROPHIC, message, call.span)
    for call in reading.calls(script, "find"):
        starts = _starts(call)
        lost = next(filter(None, (reading.ruin(text) for word in starts for text in reading.spellings(word))), None)
        if lost is None or _predicates(call):
            continue
        removes = any(word.text == "-delete" for word in call.args) or _feeds_rm(call)
        if removes:
            yield script.finding("rm-root", Severity.CATASTROPHIC, f"this `find` deletes {lost}", call.span)


def _gone_to(script: Script, call: Call) -> str | None:
    """The folder that the last `cd` before this command went to, if the system or a person cannot do without it."""
    changes = reading.named(script, "cd")
    place = bisect_left(changes, call.span.start, key=lambda one: one.span.start)
    if not place:
        return None
    if not changes[place - 1].args:
        return "the home directory"
    return next((text for text in reading.spellings(changes[place - 1].args[0]) if reading.ruin(text)), None)


def _starts(call: Call) -> list[Word]:
    """The folders that find begins at."""
    starts: list[Word] = []
    args = list(call.args)
    while args and (args[0].text in ("-H", "-L", "-P") or (args[0].text or "").startswith("-O")):
        args.pop(0)
    for word in args:
        if word.shown.startswith(("-", "(", "!")):
            break
        starts.append(word)
    return starts


_HOME = lazy(r"(?:/home|/Users)/[^/*?]+\Z|~[a-z_][\w-]*\Z")
_TESTS = frozenset(
    """
    -name -iname -path -ipath -wholename -regex -iregex -mtime -atime -ctime -mmin -amin -cmin -size -user
    -group -uid -gid -newer -empty -perm -nouser -nogroup -lname -ilname -inum -links -samefile -used -prune
    -anewer -cnewer
""".split()
)  # fmt: skip


def _predicates(call: Call) -> bool:
    """Whether it chooses among what it finds."""
    for index, word in enumerate(call.args[:-1]):
        if word.text in _TESTS or (word.text or "").startswith("-newer"):
            value = call.args[index + 1].shown
            if not (word.text in ("-name", "-iname", "-path") and set(value.strip("…")) <= {"*"}):
                return True
    return False


def _feeds_rm(call: Call) -> bool:
    """Whether rm, by -exec or through xargs, is given what it finds."""
    words = reading.texts(call)
    for index, text in enumerate(words[:-1]):
        if text in ("-exec", "-execdir", "-ok") and words[index + 1].rpartition("/")[2] in ("rm", "shred"):
            return True
    if call.pipeline is not None:
        return any(
            one is not None and reading.name_of(one) == "xargs" and reading.name_of(reading.innermost(one)) == "rm"
            for one in call.pipeline.calls
        )
    return False


@rule("rm-home", Severity.ERROR, "Deletes the whole home of an account")
def rm_home(script: Script) -> Iterator[Finding]:
    for _call, operands, recursive in _removals(script):
        for word in operands if recursive else ():
            for text in reading.spellings(word):
                if _HOME.match(reading.normal(text.removesuffix("/*"))):
                    message = f"all that belongs to an account is in {text}: keep an archive of it"
                    yield script.finding("rm-home", Severity.ERROR, message, word.span)
                    break


@rule("rm-current-folder", Severity.WARNING, "Deletes everything in whatever folder this is")
def rm_current(script: Script) -> Iterator[Finding]:
    for call, operands, recursive in _removals(script):
        for word in operands if recursive else ():
            whole = any(text in (".", "./", "..") or reading.everything(text) for text in reading.spellings(word))
            if whole and not _gone_to(script, call):
                message = "where the script was started elsewhere, or a `cd` failed, this deletes something else"
                yield script.finding("rm-current-folder", Severity.WARNING, message, word.span)


@rule("rm-variable-may-be-empty", Severity.ERROR, "Deletes below a variable that may be empty")
def rm_variable(script: Script) -> Iterator[Finding]:
    literal = _never_empty(script)
    strict = any(
        "u" in reading.flags(call) or "nounset" in reading.texts(call) for call in reading.calls(script, "set")
    )
    for _call, operands, recursive in _removals(script):
        for word in operands:
            if not recursive or not word.parts:
                continue
            for text in reading.spellings(word):
                name, rest = _leading_variable(text)
                if not name or name in literal or not rest.startswith("/"):
                    continue
                if reading.ruin(text) or name == "HOME":
                    continue
                empty = f"{rest} is deleted" if rest.strip("/*.") else "the whole system is deleted"
                severity = Severity.WARNING if strict else Severity.ERROR
                message = f"where ${name} is empty, {empty}"
                yield script.finding(
                    "rm-variable-may-be-empty", severity, message, word.span, _guard(script, word, name)
                )
                break


_SURE = ("$(mktemp", "`mktemp", "$(pwd", "$(cd ", "$PWD", "$(date", "$(basename", "$(hostname")
_TESTED = lazy(r"-[nzdef]\s+\"?\$\{?(\w+)")


def _never_empty(script: Script) -> set[str]:
    """Variables that are tested, or that are given only values that are not empty."""
    filled: set[str] = set()
    others: set[str] = set()
    for one in script.assignments:
        value = one.value
        raw = script.slice(value.span).lstrip('"') if value is not None else ""
        sure = one.array or (value is not None and bool(value.text or value.prefix.strip("/") or raw.startswith(_SURE)))
        (filled if sure else others).add(one.name)
    tested = {name for call in reading.calls(script, "[", "test") for name in _TESTED.findall(script.slice(call.span))}
    for kind, node in script.nodes:
        if kind == "TestClause":
            tested |= set(_TESTED.findall(script.slice(span_of(node))))
    return (filled - others) | tested


def _leading_variable(text: str) -> tuple[str, str]:
    """`$NAME/rest` → (NAME, /rest); guarded by `:?` or not a variable → empty."""
    if not text.startswith("$") or text.startswith(("${", "$(")):
        return "", ""
    end = 1
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return text[1:end], text[end:]


def _guard(script: Script, word: Word, name: str) -> list[tuple[Span, str]] | None:
    """`$NAME` or `${NAME}` becomes `${NAME:?}`."""
    raw = script.slice(word.span)
    for spelled in (f"${{{name}}}", f"${name}"):
        place = raw.find(spelled)
        if place in (0, 1) and raw.isascii():
            start = word.span.start + place
            return [(Span(start, start + len(spelled)), f"${{{name}:?}}")]
    return None


@rule("rm-glob-dash", Severity.INFO, "A glob that begins with * may give options")
def rm_glob(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "rm", "cp", "mv", "chmod", "chown"):
        if any(word.text == "--" for word in call.args):
            continue
        for word in call.args:
            raw = script.slice(word.span)
            if word.glob and raw.startswith(("*", "?")):
                message = f"a file whose name begins with a dash becomes an option of `{call.name}`: write ./{raw}"
                start = Span(word.span.start, word.span.start)
                fix = None if call.nested else [(start, "./")]
                yield script.finding("rm-glob-dash", Severity.INFO, message, word.span, fix)


@rule("find-delete-first", Severity.ERROR, "find -delete stands before the tests")
def find_delete_first(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "find"):
        seen = None
        for word in call.args:
            if word.text == "-delete":
                seen = seen or word
            elif seen is not None and word.text in _TESTS | {"-type", "-maxdepth", "-mindepth"}:
                message = f"-delete stands before {word.text}: everything is deleted before that is looked at"
                yield script.finding("find-delete-first", Severity.ERROR, message, seen.span)
                break


@rule("mv-system", Severity.CATASTROPHIC, "Moves a directory of the system away, or something onto it")
def mv_system(script: Script) -> Iterator[Finding]:
    for call in reading.calls(script, "mv"):
        operands = reading.operands(call)
        for word in operands[: -1 if len(operands) > 1 else None]:
            lost = next(filter(None, map(reading.ruin, reading.spellings(word))), None)
            if lost and not lost.endswith("home directory"):
                message = f"`mv` takes away {lost}"
                yield script.finding("mv-system", Severity.CATASTROPHIC, message, word.span)
        target = operands[-1] if len(operands) > 1 else None
        if target is not None and target.text and (reading.flags(call) & {"T"}) and reading.top_folder(target.text):
            message = f"`mv -T` puts something else in the place of {target.text}"
            yield script.finding("mv-system", Severity.CATASTROPHIC, message, target.span)
        if target is not None and target.text == "/dev/null":
            message = "as root this replaces /dev/null by a file: use rm"
            yield script.finding("mv-system", Severity.ERROR, message, target.span)

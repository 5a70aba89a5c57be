"""One command judged: what its declaration says of the options and operands it was given."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsconsole.safety.review.model import EFFECTS, HARMLESS, Span
from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.shell import names, options, parser, secrets, words
from opsconsole.safety.review.shell.catalogue import Spec
from opsconsole.safety.review.shell.facts import Call, Redirect
from opsconsole.safety.review.shell.words import Word

if TYPE_CHECKING:
    from opsconsole.safety.review.shell.walk import Walk

MAX_TEXTS = 6  # a text inside a text inside …
_TRUSTED = frozenset({"/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"})
_OUTPUT = lazy(r"/dev/(?:stdout|stderr|fd/[12])\Z")
_TO_STDOUT = frozenset({"curl", "wget", "tar"})  # for them the file `-` is standard output
_SCHEME = lazy(r"([A-Za-z][A-Za-z0-9+.-]*):/")
_READING_SCHEMES = frozenset({"http", "https", "ftp", "ftps", "git", "ssh", "unix", "tcp", "docker", "s3", "oci"})
_QUIET = frozenset({"text", "number"})
_HARM = ("delete", "write", "system", "execute", "kill", "privilege", "interactive")


def judge(walk: Walk, call: Call) -> None:
    """Effects and denials of one call, its prefixed assignments included."""
    head = call.words[0]
    for assignment in call.assignments:
        names.check_assignment(walk, assignment, head.text if head.text == "read" else None)
    name = _command_name(walk, call)
    if name is None:
        return
    call.name = name
    if call.function == name and not call.via:
        walk.deny("recursion", f"the function {name} calls itself", call.span)
        return
    if name in walk.function_names and not call.via and "/" not in (call.words[0].text or "/"):
        return
    from opsconsole.safety.review.shell import builtins
    from opsconsole.safety.review.shell.judges import simple

    own = simple.shell if name in simple.SHELLS else builtins.JUDGES.get(name)
    if own is not None:
        own(walk, call)
        return
    spec = walk.catalogue.get(name)
    if spec is None:
        walk.script.effect("execute", name, name, call.span)
        walk.deny("unknown-command", f"`{name}` is not a command that is known here: it may do anything", head.span)
        return
    call.spec = spec
    judge_as(walk, call, spec, call.args)


def _command_name(walk: Walk, call: Call) -> str | None:
    """The command's plain name, or None (denied) when that is not known."""
    head = call.words[0]
    if head.text is None:
        walk.script.effect("execute", None, head.shown, call.span)
        walk.deny("dynamic-command", "which command this is, is known only when it runs", head.span)
        return None
    if not head.text:
        walk.deny("dynamic-command", "the name of the command is empty", head.span)
        return None
    if "/" not in head.text:
        return head.text
    folder, name = posixpath.split(posixpath.normpath(head.text))
    if head.tilde or folder not in _TRUSTED or not _is_trusted(head.text):
        walk.script.effect("execute", head.text, head.text, call.span)
        walk.deny("untrusted-program", f"{head.text} is not a program in one of the system's own folders", head.span)
        call.name = name
        return None
    return name


def _is_trusted(path: str) -> bool:
    """Only root can have put it there. One that does not exist cannot run."""
    try:
        real = os.path.realpath(path)
        facts = os.stat(real)
    except OSError:
        return True
    return facts.st_uid == 0 and not facts.st_mode & 0o022


def judge_as(walk: Walk, call: Call, spec: Spec, args: Sequence[Word]) -> None:
    """Judge `args` as those of `spec`, which may be a sub-command of what was called."""
    from opsconsole.safety.review.shell import judges

    if spec.judge is not None and spec.judge in judges.JUDGES:
        judges.JUDGES[spec.judge](walk, call, spec, args)
        return
    if spec.judge is not None:
        walk.deny("unknown-command", f"`{spec.path}` has a language of its own that is not judged here", call.span)
    has_command = any(kind in ("command", "shell", "assign") for kind, _ in spec.operands)
    line = options.read(spec, args, stop=bool(spec.sub) or has_command)
    if spec.sub and line.operands:
        first = line.operands[0]
        child = spec.child(first.text) if first.text is not None else None
        if child is not None:
            _options(walk, call, spec, line)
            call.spec = child
            judge_as(walk, call, child, line.operands[1:])
            return
        if not spec.operands:
            what = f"`{spec.path} {first.shown}`"
            walk.script.effect("execute", f"{spec.path} {first.shown}", spec.path, call.span)
            walk.deny("unknown-command", f"{what} is not a command that is known to change nothing", first.span)
            return
    apply(walk, call, spec, line)


def apply(walk: Walk, call: Call, spec: Spec, line: options.Line) -> None:
    """The effects of a command whose words have been read."""
    call.line = line
    for kind in spec.does:
        harm(walk, call, spec, kind, spec.service if kind == "service" else None, call.span)
    given = _options(walk, call, spec, line)
    before = len(walk.script.judgement.effects)
    sequence = spec.operands
    for option, other in spec.without.items():
        if option in given:
            sequence = other
    _operands(walk, call, spec, sequence, line)
    done = {effect.kind for effect in walk.script.judgement.effects[before:]}
    if spec.needs and not spec.needs & given and spec.otherwise not in done:
        harm(walk, call, spec, spec.otherwise, None, call.span)


def _options(walk: Walk, call: Call, spec: Spec, line: options.Line) -> set[str]:
    for word, reason in line.problems:
        fix = [(Span(word.span.start, word.span.start), "-- ")] if "put --" in reason else None
        walk.deny("unknown-option", f"`{spec.path}`: {word.shown} {reason}", word.span, fix)
    for given in line.options:
        kind = spec.acts.get(given.name)
        if spec.path == "curl" and given.name in ("-w", "--write-out"):
            _curl_format(walk, call, spec, given)
        if kind is None:
            continue
        said = spec.targets.get(given.name)
        has_value = given.value is not None and given.name not in spec.flags
        if said is not None and (has_value or "{}" not in said):
            harm(walk, call, spec, kind, said.replace("{}", _as_known(given.value)), given.word.span, given.name)
        elif given.value is not None and has_value:
            value(walk, call, spec, kind, given.value, given.name)
        elif kind not in _QUIET and kind != "read":
            harm(walk, call, spec, kind if kind in EFFECTS else "execute", None, given.word.span, given.name)
    return {given.name for given in line.options}


def _as_known(word: Word | None) -> str:
    """As much of a word as is known before it runs."""
    if word is None:
        return ""
    return word.text or f"{word.prefix}…"


def _curl_format(walk: Walk, call: Call, spec: Spec, given: options.Given) -> None:
    """`%output{FILE}` writes (curl 8.3); `@FILE` may hold one."""
    form = given.value
    if form is not None and ("%output" in form.shown or form.shown.startswith("@") or not form.literal):
        harm(walk, call, spec, "write", None, given.word.span, given.name)


def _operands(walk: Walk, call: Call, spec: Spec, sequence: Sequence[tuple[str, str]], line: options.Line) -> None:
    operands = line.operands
    index = 0
    if any(word.splits for word in operands):
        harmful = [kind for kind, _ in sequence if kind in _HARM]
        if harmful and not spec.any:
            harm(walk, call, spec, harmful[0], None, next(word for word in operands if word.splits).span)
    for place, (kind, mark) in enumerate(sequence):
        if kind == "assign":
            while index < len(operands) and _assigns(walk, operands[index]):
                index += 1
            continue
        if kind == "command":
            if index < len(operands):
                inner(walk, call, operands[index:], spec.path)
            return
        if kind == "shell" and mark == "...":
            _joined_shell(walk, call, operands[index:])
            return
        later = sum(1 for _, other in sequence[place + 1 :] if other == "")
        left = len(operands) - index
        take = max(0, left - later) if mark == "..." else (1 if left > (later if mark == "?" else 0) else 0)
        for word in operands[index : index + take]:
            value(walk, call, spec, kind, word)
        index += take
    for word in operands[index:]:
        if not spec.any:
            walk.deny("too-many-words", f"`{spec.path}` is not known to take {word.shown!r}", word.span)


def _assigns(walk: Walk, word: Word) -> bool:
    name, equals, _ = (word.text if word.text is not None else word.prefix).partition("=")
    if not equals:
        return False
    if not names.ENVIRONMENT.fullmatch(name):
        walk.deny("environment", f"{name} in a command's environment may change what it runs", word.span)
    return True


def value(walk: Walk, call: Call, spec: Spec, kind: str, word: Word, option: str | None = None) -> None:
    """What it does that a word of this kind is given."""
    if kind == "number":
        if word.text is not None and not re.fullmatch(r"[-+]?[0-9A-Za-z.,:%*-]*\d[0-9A-Za-z.,:%*-]*|n|N", word.text):
            walk.deny("unknown-option", f"`{spec.path}`: {word.text!r} is not a number", word.span)
        elif word.text is None and not word.numeric and word.splits:
            walk.deny("unknown-option", f"`{spec.path}`: {word.shown} may be more than a number", word.span)
        return
    if kind in _QUIET:
        return
    if kind == "key":
        if word.text is None or "=" in word.text:
            harm(walk, call, spec, "system", word.text, word.span)
    elif kind == "format":
        if not word.shown.startswith("+"):
            harm(walk, call, spec, "system", word.text, word.span)
    elif kind == "method":
        if word.text is None or word.text.upper() not in ("GET", "HEAD", "OPTIONS"):
            harm(walk, call, spec, "system", word.text, word.span, option)
    elif kind == "read":
        reads(walk, call, word)
    elif kind == "write":
        if option and word.text == "-" and spec.path in _TO_STDOUT:
            return
        if word.text is None or not goes_nowhere(walk, word.text):
            harm(walk, call, spec, "write", word.text, word.span)
    elif kind == "network":
        scheme = _SCHEME.match(word.shown)
        if scheme and scheme[1] == "file":
            reads(walk, call, Word(word.span, word.text and word.text[7:], word.shown[7:]))
            return
        if scheme and scheme[1] not in _READING_SCHEMES:
            walk.deny("not-read-only", f"{scheme[1]}:// does more than read", word.span)
        if word.text is None and not word.numeric:
            walk.deny("dynamic-network", "what is sent to which host is known only when it runs", word.span)
        harm(walk, call, spec, "network", word.text, word.span)
    elif kind in ("shell", "awk", "sed"):
        _program(walk, call, kind, word)
    elif kind == "command":
        inner(walk, call, [word], spec.path)
    elif kind in EFFECTS:
        target = word.text or None
        if kind == "system" and option and target:
            target = f"{spec.path} {option} {target}"  # a setting's value alone says nothing
        harm(walk, call, spec, kind, target, word.span, option)
    else:
        walk.deny("unknown-option", f"`{spec.path}`: {word.shown}", word.span)


def _program(walk: Walk, call: Call, kind: str, word: Word) -> None:
    from opsconsole.safety.review.shell import judges

    if word.text is None:
        walk.script.effect("execute", None, call.name or "", word.span)
        walk.deny("dynamic-code", f"the {kind} program is known only when it runs", word.span)
    elif kind == "shell":
        nested(walk, call, word)
    else:
        judges.PROGRAMS[kind](walk, call, word)


def harm(
    walk: Walk, call: Call, spec: Spec, kind: str, target: str | None, span: Span, detail: str | None = None
) -> None:
    """Record an effect, and deny it unless it changes nothing."""
    about = None
    if target is None:
        about = f"{spec.path}: {spec.about}" if spec.about and kind not in ("read", "network", "service") else None
    walk.script.effect(kind, target, spec.path, span, about)
    if kind in HARMLESS:
        return
    with_target, without = EFFECTS[kind]
    did = with_target.format(target) if target else without
    why = f" ({detail})" if detail else ""
    walk.deny("not-read-only", f"`{spec.path}`{why} {did}", call.span)


def goes_nowhere(walk: Walk, path: str) -> bool:
    """Whether writing to `path` changes nothing: the null device, or the run's own output."""
    return path == "/dev/null" or (bool(_OUTPUT.match(path)) and not walk.script.repointed)


def reads(walk: Walk, call: Call, word: Word) -> None:
    if word.text == "-":
        return
    walk.script.effect("read", word.text if word.text is not None else (word.prefix + "…" if word.prefix else None),
                       call.name or "", word.span)  # fmt: skip
    why = secrets.why_hidden(word.text if word.text is not None else word.prefix, whole=word.text is not None)
    if why:
        walk.deny("hidden-file", f"{word.shown} is {why}, which SAFE hides: the answer would not be true", word.span)


def inner(walk: Walk, call: Call, argv: Sequence[Word], wrapper: str) -> None:
    """The command that a wrapper runs, judged as one of its own."""
    saved, walk.via = walk.via, (*walk.via, wrapper.partition(" ")[0])
    try:
        if len(walk.via) > 20:
            walk.deny("too-deep", "wrappers inside wrappers", call.span)
            return
        call.inner = walk.call(list(argv), call.node)
        call.inner.redirects = call.redirects
        call.inner.nested = call.nested
        judge(walk, call.inner)
    finally:
        walk.via = saved


def _joined_shell(walk: Walk, call: Call, argv: Sequence[Word]) -> None:
    if not argv:
        return
    if len(argv) == 1:
        _program(walk, call, "shell", argv[0])
        return
    if any(word.text is None for word in argv):
        walk.script.effect("execute", None, call.name or "", call.span)
        walk.deny("dynamic-code", "the shell program is known only when it runs", call.span)
        return
    text = " ".join(word.text or "" for word in argv)
    nested(walk, call, words.literal(text, Span(argv[0].span.start, argv[-1].span.end)))


def nested(walk: Walk, call: Call, word: Word, dialect: str = "posix", *, same_shell: bool = False) -> None:
    """The script inside a word: parsed and walked like the outer one, told in its places."""
    from opsconsole.safety.review.shell.walk import Walk

    text = word.text or ""
    if walk.depth >= MAX_TEXTS:
        walk.deny("too-deep", "scripts inside scripts", word.span)
        return
    if wrong := bad_characters(text):
        walk.deny("control-characters", wrong, word.span)
        return
    try:
        tree = parser.parse(text, "bash" if same_shell else dialect)
    except parser.ParseError as error:
        walk.deny("no-parse", f"the script in this text cannot be parsed: {error}", word.span)
        return
    if dialect == "posix" and not same_shell and ("$'" in text or '$"' in text):
        walk.deny("no-parse", "$'…' means one thing to bash and another to other shells", word.span)
        return
    below = Walk(walk.script, walk.catalogue, walk.depth + 1)
    below.nested = True
    below.via = (*walk.via, call.name or "")
    if same_shell:
        below.function_names |= walk.function_names
        below.trusts_numbers = False
    if word.verbatim is not None:
        below.base = word.verbatim
    else:
        below.at = word.span
    below.file(tree)


_BAD = lazy(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u115f\u1160\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)


def bad_characters(text: str) -> str | None:
    """What is in the text that a person cannot see, or a terminal obeys."""
    match = _BAD.search(text)
    return None if match is None else f"there is an invisible or control character (U+{ord(match[0]):04X}) in the text"


def judge_redirect(walk: Walk, redirect: Redirect) -> None:
    word = redirect.word
    op = redirect.op
    if redirect.fd and redirect.fd.startswith("{"):
        names.check_target(walk, redirect.fd.strip("{}"), redirect.span)
    if op in ("<<", "<<-", "<<<"):
        return
    if op in (">&", "<&") and word.text is not None and re.fullmatch(r"\d+-?|-", word.text):
        return
    if op == "<":
        if word.text is None and not word.prefix:
            walk.deny(
                "dynamic-redirection", "what is opened is known only when it runs (it may be /dev/tcp/…)", redirect.span
            )
        elif word.shown.startswith(("/dev/tcp", "/dev/udp")):
            walk.script.effect("network", word.text, "bash", redirect.span)
            walk.deny("network-device", f"{word.shown} opens a connection", redirect.span)
        else:
            _reads_redirect(walk, redirect)
        return
    if op in (">", ">>", ">|", "&>", "&>>", ">&") and word.text is not None and goes_nowhere(walk, word.text):
        return
    if word.shown.startswith(("/dev/tcp", "/dev/udp")):
        walk.script.effect("network", word.text, "bash", redirect.span)
    walk.script.effect("write", word.text, op, redirect.span)
    walk.deny("writes-a-file", f"`{op} {word.shown}` writes a file", redirect.span)


def _reads_redirect(walk: Walk, redirect: Redirect) -> None:
    word = redirect.word
    walk.script.effect("read", word.shown, "<", redirect.span)
    if why := secrets.why_hidden(word.text if word.text is not None else word.prefix, whole=word.text is not None):
        walk.deny("hidden-file", f"{word.shown} is {why}, which SAFE hides: the answer would not be true", word.span)

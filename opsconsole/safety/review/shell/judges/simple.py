"""xargs, dd, getent, ssh and the shells: short languages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsconsole.safety.review.model import Span
from opsconsole.safety.review.shell import commands, options, words
from opsconsole.safety.review.shell.catalogue import Spec
from opsconsole.safety.review.shell.facts import Call
from opsconsole.safety.review.shell.words import Word

if TYPE_CHECKING:
    from opsconsole.safety.review.shell.walk import Walk


def xargs(walk: Walk, call: Call, spec: Spec, args: Sequence[Word]) -> None:
    """The command is judged with any words at its end, or in place of -I's mark."""
    line = options.read(spec, args, stop=True)
    call.line = line
    given = commands._options(walk, call, spec, line)
    if given & {"--help", "--version", "--show-limits"} and not line.operands:
        return
    argv = list(line.operands)
    mark_word = line.value("-I", "-i", "--replace", "-J")
    mark = "{}" if given & {"-i", "--replace"} and mark_word is None else (mark_word.text if mark_word else None)
    if not argv:
        return  # it runs echo
    if mark and given & {"-n", "--max-args", "-L", "-l", "--max-lines"}:
        walk.deny(
            "unknown-option", "`xargs` with both -I and -n or -L: which one holds depends on the version", call.span
        )
    if mark and given & {"-I", "-i", "--replace"}:
        argv = [_filled(word, mark) for word in argv]
    else:
        argv.append(words.unknown(Span(call.span.end, call.span.end), splits=True))
        argv[-1].span = call.span
    commands.inner(walk, call, argv, "xargs")


def _filled(word: Word, mark: str) -> Word:
    if word.text is None or mark not in word.text:
        return word
    return Word(word.span, None, word.text.partition(mark)[0], appended=True)


def dd(walk: Walk, call: Call, spec: Spec, args: Sequence[Word]) -> None:
    for word in args:
        name, equals, _ = word.shown.partition("=")
        if word.text in ("--help", "--version"):
            continue
        if not equals or word.splits:
            walk.deny("unknown-option", f"`dd`: {word.shown} is not known", word.span)
        elif name == "of":
            target = word.text.partition("=")[2] if word.text is not None else None
            if target is None or not commands.goes_nowhere(walk, target):
                walk.script.effect("write", target, "dd", word.span)
                walk.deny("not-read-only", f"`dd` writes {target or 'a file named at run time'}", word.span)
        elif name == "if":
            rest = word.shown.partition("=")[2]
            commands.reads(walk, call, Word(word.span, rest if word.literal else None, rest))
        elif name not in ("bs", "cbs", "conv", "count", "ibs", "iflag", "obs", "oflag", "seek", "skip", "status",
                          "iseek", "oseek"):  # fmt: skip
            walk.deny("unknown-option", f"`dd`: {name}= is not known", word.span)


def getent(walk: Walk, call: Call, spec: Spec, args: Sequence[Word]) -> None:
    rest = []
    for word in args:
        if word.text is not None and word.text.startswith("-"):
            if not word.text.startswith(
                ("-s", "--service", "-i", "--no-idn", "--help", "-V", "-?", "--version", "--usage", "-A")
            ):
                walk.deny("unknown-option", f"`getent`: {word.text} is not known", word.span)
        else:
            rest.append(word)
    if not rest:
        return
    database = rest[0].text
    if database is None or rest[0].splits:
        walk.deny("hidden-file", "which database is read is known only when it runs", rest[0].span)
    elif any(word.text in ("shadow", "gshadow") for word in args) or any(word.splits for word in args):
        walk.script.effect("read", f"/etc/{database}", "getent", rest[0].span)
        walk.deny("hidden-file", f"the database {database} holds password hashes, which SAFE hides", rest[0].span)
    elif database in ("hosts", "ahosts", "ahostsv4", "ahostsv6", "networks", "netgroup", "aliases", "ethers"):
        walk.script.effect("network", rest[1].text if len(rest) > 1 else None, "getent", call.span)
        if any(word.text is None for word in rest[1:]) and database.startswith(("hosts", "ahosts")):
            walk.deny("dynamic-network", "the name that is looked up is known only when it runs", call.span)


def ssh(walk: Walk, call: Call, spec: Spec, args: Sequence[Word]) -> None:
    """The remote command is another host's: only its version is read-only here."""
    if args and args[0].text == "-V":
        return
    line = options.read(spec, args, stop=True)
    call.line = line
    commands._options(walk, call, spec, line)
    host = line.operands[0].text if line.operands else None
    walk.script.effect("network", host, "ssh", call.span)
    rest = line.operands[1:]
    if rest:
        walk.script.effect("execute", host, "ssh", call.span, f"a command on {host or 'another host'}")
    walk.deny("not-read-only", "`ssh` acts on another host", call.span)


_C_OPTIONS = frozenset("abefhiklmnprtuvxBCDEHPT")


def shell(walk: Walk, call: Call) -> None:
    """bash, sh, dash …: `-c TEXT` is judged; a file, standard input or a terminal is code that is not."""
    args = list(call.args)
    text: Word | None = None
    while args and args[0].shown.startswith(("-", "+")):
        word = args.pop(0)
        if word.text in ("--version", "--help"):
            return
        if word.text in ("--norc", "--noprofile", "--posix", "--restricted", "--login", "-", "--"):
            continue
        if word.text in ("-o", "+o", "-O", "+O") and args:
            args.pop(0)
            continue
        if word.text is None or not (set(word.text[1:]) <= _C_OPTIONS | {"c"}) or word.text.startswith("--"):
            walk.deny("unknown-option", f"`{call.name} {word.shown}` is not proven", word.span)
            return
        if set(word.text[1:]) & set("ilpx"):
            walk.deny("unknown-option", f"`{call.name} {word.text}` reads start-up files or traces", word.span)
        if "c" in word.text[1:]:
            if args and args[0].shown.startswith(("-", "+")):
                walk.deny("unknown-option", f"`{call.name} -c {args[0].shown}` is not proven", args[0].span)
                return
            text = args.pop(0) if args else None
            break
        if "n" in word.text[1:]:
            return  # read, not run
    else:
        where = args[0].text if args else None
        walk.script.effect("execute", where, call.name or "", call.span)
        walk.deny(
            "runs-a-file", f"`{call.name}` runs {where or 'what it is sent'}, which is not judged here", call.span
        )
        return
    if text is None:
        walk.deny("unknown-option", f"`{call.name} -c` without a text", call.span)
    elif text.text is None:
        walk.script.effect("execute", None, call.name or "", text.span)
        walk.deny("dynamic-code", "the shell program is known only when it runs", text.span)
    else:
        from opsconsole.safety.review.shell.parser import DIALECTS

        dialect = DIALECTS.get(call.name or "")
        if dialect is None:
            walk.deny("unknown-command", f"`{call.name}` has no judge here", call.span)
            dialect = "bash"
        commands.nested(walk, call, text, dialect)


SHELLS = frozenset({"bash", "sh", "dash", "ash", "ksh", "mksh", "zsh", "rbash", "yash", "posh"})

"""find(1): starting points, then an expression whose tests are known one by one and whose actions run or change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsconsole.safety.review.model import Span
from opsconsole.safety.review.shell import commands, words
from opsconsole.safety.review.shell.catalogue import Spec
from opsconsole.safety.review.shell.facts import Call
from opsconsole.safety.review.shell.words import Word

if TYPE_CHECKING:
    from opsconsole.safety.review.shell.walk import Walk

# Tests, positional and global options of GNU, BSD and busybox find, by how many words they take.
_NONE = frozenset(
    """
    -a -and -o -or -not ! ( ) , -daystart -depth -d -follow -ignore_readdir_race -noignore_readdir_race -mount
    -xdev -x -nowarn -warn -noleaf -empty -executable -false -true -nogroup -nouser -readable -writable -print
    -print0 -ls -prune -quit -help --help -version --version -H -L -P -E -X -s -sparse -acl
""".split()
)
_ONE = frozenset(
    """
    -maxdepth -mindepth -regextype -amin -anewer -atime -cmin -cnewer -context -ctime -fstype -gid -group
    -ilname -iname -inum -ipath -iregex -iwholename -links -lname -mmin -mtime -name -newer -path -perm -regex
    -samefile -size -type -uid -used -user -wholename -xtype -xattr -flags -depth -mnewer -Btime -Bmin -Bnewer
    -printf -D -f
""".split()
)
_READS = frozenset({"-anewer", "-cnewer", "-newer", "-samefile", "-mnewer", "-Bnewer", "-files0-from"})
_FILES = {"-fprint": 1, "-fprint0": 1, "-fls": 1, "-fprintf": 2}
_RUNS = frozenset({"-exec", "-execdir", "-ok", "-okdir"})


def judge(walk: Walk, call: Call, spec: Spec, args: Sequence[Word]) -> None:
    index = 0
    while index < len(args):  # starting points (and the options before them)
        word = args[index]
        if word.text is not None and (word.text.startswith("-") or word.text in ("(", ")", "!", ",")):
            if word.text in ("-H", "-L", "-P", "-E", "-X", "-s", "-x", "-d") or word.text.startswith("-O"):
                index += 1
                continue
            if word.text == "-D":
                index += 2
                continue
            if word.text == "--":
                index += 1
                continue
            break
        if word.may_be_option:
            walk.deny("dynamic-option", "a starting point that may become an action when it runs; begin it with ./",
                      word.span, [(Span(word.span.start, word.span.start), "./")])  # fmt: skip
        commands.reads(walk, call, word)
        index += 1
    if index == 0:
        walk.script.effect("read", ".", "find", call.span)
    _expression(walk, call, args, index)


def _expression(walk: Walk, call: Call, args: Sequence[Word], index: int) -> None:
    while index < len(args):
        word = args[index]
        text = word.text
        if text is None:
            walk.deny("dynamic-option", "a part of find's expression is known only when it runs", word.span)
            index += 1
        elif text in _RUNS:
            index = _run(walk, call, args, index)
        elif text == "-delete":
            walk.script.effect("delete", None, "find", word.span, "what find finds")
            walk.deny("not-read-only", "`find -delete` deletes what it finds", word.span)
            index += 1
        elif text in _FILES:
            target = args[index + 1] if index + 1 < len(args) else None
            if target is None or target.text not in ("/dev/stdout", "/dev/stderr", "/dev/null"):
                walk.script.effect("write", target.text if target else None, "find", word.span)
                walk.deny("not-read-only", f"`find {text}` writes a file", word.span)
            index += 1 + _FILES[text]
        elif text in _ONE or text in _READS or text.startswith("-newer"):
            value = args[index + 1] if index + 1 < len(args) else None
            if text == "-depth" and not (value and value.text and value.text.lstrip("+-").isdigit()):
                index += 1
                continue
            if value is not None and text in _READS:
                commands.reads(walk, call, value)
            if value is not None and value.splits:
                _loose(walk, value)
            index += 2
        elif text in _NONE or text.startswith("-O"):
            index += 1
        else:
            walk.deny("unknown-option", f"`find`: {text} is not a test or an action that is known here", word.span)
            index += 1


def _loose(walk: Walk, value: Word) -> None:
    """Unquoted: may become several words, and a file in this directory may be named so that they hold an action."""
    if value.glob and value.shown and not value.shown.startswith("-"):
        return  # file names that begin as the pattern does: none of them begins with a dash
    if value.glob and not any(part["Type"] != "Lit" for part in value.parts):
        walk.deny("dynamic-option", "the shell expands this pattern before find sees it; quote it", value.span,
                  _quotes(value.span))  # fmt: skip
        return
    walk.deny("dynamic-option", "an unquoted value may become several words of find's expression", value.span)


def _quotes(span: Span) -> list[tuple[Span, str]]:
    return [(Span(span.start, span.start), "'"), (Span(span.end, span.end), "'")]


def _run(walk: Walk, call: Call, args: Sequence[Word], index: int) -> int:
    """`-exec command … ;` or `+`: the command is judged with a path of find's in place of {}."""
    action = args[index].text or ""
    end = index + 1
    while end < len(args) and args[end].text != ";" and not (args[end].text == "+" and args[end - 1].text == "{}"):
        end += 1
    inside = list(args[index + 1 : end])
    if action.startswith("-ok"):
        walk.script.effect("interactive", None, "find", args[index].span)
        walk.deny("needs-a-terminal", f"`find {action}` asks on a terminal", args[index].span)
    if not inside:
        walk.deny("unknown-option", f"`find {action}` without a command", args[index].span)
        return end + 1
    found = []
    for word in inside:
        if word.text is None and not word.prefix and not word.numeric and not word.tilde:
            walk.deny("dynamic-option", "a value that may be the `;` that ends find's command", word.span)
        if word.text is not None and "{}" in word.text:
            before = word.text.partition("{}")[0]
            # What find puts there begins as a starting point does, so that it never becomes an option.
            path = Word(word.span, None, before or "./", appended=True)
            if word.text != "{}" and not before:
                path.prefix = "./"
            found.append(path)
        else:
            found.append(word)
    if inside[0].text is not None and "{}" in inside[0].text:
        found[0] = words.unknown(inside[0].span)
    commands.inner(walk, call, found, "find")
    return end + 1

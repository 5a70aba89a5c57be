"""The shell's own commands: those that evaluate text, set variables or change what runs, judged one by one."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from opsconsole.safety.review.model import Span
from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.shell import commands, names
from opsconsole.safety.review.shell.facts import Call
from opsconsole.safety.review.shell.words import Word, literal

if TYPE_CHECKING:
    from opsconsole.safety.review.shell.walk import Walk

Judge = Callable[["Walk", Call], None]


def _harmless(walk: Walk, call: Call) -> None:
    """Whatever it is given, it changes nothing outside of this shell."""


def _cd(walk: Walk, call: Call) -> None:
    for word in call.args:
        if word.text != "-" and not word.shown.startswith("-"):
            walk.script.effect("read", word.text, "cd", word.span)


def _denied(rule: str, why: str) -> Judge:
    def judge(walk: Walk, call: Call) -> None:
        walk.script.effect("execute", None, call.name or "", call.span, why)
        walk.deny(rule, f"`{call.name}` {why}", call.span)

    return judge


def _only(pattern: str, why: str) -> Judge:
    """Every word is literal and matches."""
    compiled = re.compile(pattern)

    def judge(walk: Walk, call: Call) -> None:
        for word in call.args:
            if word.text is None or not compiled.fullmatch(word.text):
                walk.deny("changes-the-shell", f"`{call.name} {word.shown}` {why}", word.span)
                return

    return judge


def _options_then_names(values: str, denied: str = "") -> Judge:
    """`read`-like: options (letters of `values` take a value), then names of variables that are set."""

    def judge(walk: Walk, call: Call) -> None:
        args = list(call.args)
        while args:
            word = args.pop(0)
            text = word.text
            if text is None:
                walk.deny("dynamic-name", f"what `{call.name}` sets is known only when it runs", word.span)
            elif text == "--":
                continue
            elif text.startswith("-") and len(text) > 1:
                _letters(walk, call, word, text, args, values, denied)
            else:
                names.check_target(walk, text, word.span)

    return judge


def _letters(walk: Walk, call: Call, word: Word, text: str, args: list[Word], values: str, denied: str) -> None:
    for place, letter in enumerate(text[1:], 1):
        if letter in denied:
            walk.deny("evaluates-text", f"`{call.name} -{letter}` runs text as a command", word.span)
        if letter in values:
            if letter == "a" and place < len(text) - 1:
                names.check_target(walk, text[place + 1 :], word.span)
            if letter == "a" and place == len(text) - 1 and args and args[0].text is not None:
                names.check_target(walk, args[0].text, args[0].span)
            if place == len(text) - 1 and args:
                args.pop(0)
            return


def _printf(walk: Walk, call: Call) -> None:
    args = list(call.args)
    if args and args[0].text is not None and args[0].text.startswith("-v"):
        target = args[1].text if args[0].text == "-v" and len(args) > 1 else args[0].text[2:]
        names.check_target(walk, target if target is not None else "[", args[0].span)
        args = args[2:] if args[0].text == "-v" else args[1:]
    ended = bool(args) and args[0].text == "--"
    form = args[1 if ended else 0 :]
    if not form:
        return
    if form[0].text is None and (len(form) > 1 or form[0].splits or (form[0].may_be_option and not ended)):
        walk.deny("dynamic-option", "a format that is known only when it runs may be -v, or hold %n", form[0].span)
    elif _ASSIGNS.search(form[0].shown.replace("%%", "")):
        walk.deny("code-in-a-name", "`printf %n` sets the variable that it is given", form[0].span)


def _test(walk: Walk, call: Call) -> None:
    args = call.args
    for index, word in enumerate(args):
        if word.text in ("-v", "-R"):
            target = args[index + 1] if index + 1 < len(args) else None
            if target is None or target.text is None or not re.fullmatch(r"[A-Za-z_]\w*|\]", target.text):
                walk.deny("code-in-a-name", "`test -v` evaluates the subscript of a name", word.span)
        following = args[index + 1] if index + 1 < len(args) else None
        if word.literal or word.numeric or (word.prefix and not word.prefix.startswith("-")):
            continue
        if word.splits and not word.glob:
            start, end = word.span.start, word.span.end
            fix = [(Span(start, start), '"'), (Span(end, end), '"')]
            walk.deny("code-in-a-name", f"an unquoted value in `{call.name}` may become -v a[$(…)]", word.span, fix)
        elif following is not None and not following.numeric and "[" in (following.text or "["):
            walk.deny("code-in-a-name", f"a value in `{call.name}` may become the operator -v of the next", word.span)


_ASSIGNS = lazy(r"%[-+ #0-9.*hlLjzt]*n")
_SET_OPTIONS = frozenset(
    ["errexit", "nounset", "pipefail", "noglob", "noclobber", "posix", "xtrace", "verbose", "noexec", "physical"]
)


def _set(walk: Walk, call: Call) -> None:
    args = list(call.args)
    while args:
        word = args.pop(0)
        text = word.text
        if text in ("--", "-"):
            return
        if text is None:
            if word.prefix or not word.may_be_option:
                return
            walk.deny("dynamic-option", "what `set` is given is known only when it runs; put -- before it", word.span)
            return
        if not text.startswith(("-", "+")):
            return
        for letter in text[1:]:
            if letter == "o":
                if args:
                    option = args.pop(0)
                    if option.text not in _SET_OPTIONS:
                        walk.deny("changes-the-shell", f"`set {text} {option.shown}` is not proven", option.span)
            elif letter not in "euxvfCnP":
                walk.deny("changes-the-shell", f"`set -{letter}` changes what later commands do", word.span)


def _eval(walk: Walk, call: Call) -> None:
    walk.script.effect("execute", None, "eval", call.span, "text that is put together")
    if any(word.text is None for word in call.args):
        walk.deny("dynamic-code", "what `eval` runs is known only when it runs", call.span)
        return
    text = " ".join(word.text or "" for word in call.args)
    if call.args:
        one = (
            call.args[0]
            if len(call.args) == 1
            else literal(text, Span(call.args[0].span.start, call.args[-1].span.end))
        )
        commands.nested(walk, call, one, same_shell=True)


def _trap(walk: Walk, call: Call) -> None:
    args = [word for word in call.args if word.text != "--"]
    if not args or args[0].text in ("-", "", "-l", "-p"):
        return
    if args[0].text is None:
        walk.deny("dynamic-code", "what `trap` runs is known only when it runs", call.span)
    else:
        commands.nested(walk, call, args[0], same_shell=True)


def _exec(walk: Walk, call: Call) -> None:
    if not call.args:
        return  # only its redirections, judged on their own
    if call.args[0].shown.startswith("-"):
        walk.deny("unknown-option", f"`exec {call.args[0].shown}` is not proven", call.span)
        return
    commands.inner(walk, call, call.args, "exec")


def _command(walk: Walk, call: Call) -> None:
    args = list(call.args)
    while args and args[0].text is not None and re.fullmatch(r"-[pvV]+|--", args[0].text):
        option = args.pop(0).text or ""
        if "v" in option or "V" in option:
            return
    if args:
        commands.inner(walk, call, args, "command")


def _builtin(walk: Walk, call: Call) -> None:
    args = [word for word in call.args if word.text != "--"]
    if args and args[0].text not in JUDGES:
        walk.deny("dynamic-command", f"`builtin {args[0].shown}` is not proven", call.span)
    elif args:
        commands.inner(walk, call, args, "builtin")


def _source(walk: Walk, call: Call) -> None:
    target = call.args[0].text if call.args else None
    walk.script.effect("execute", target, call.name or "", call.span)
    walk.deny("runs-a-file", f"`{call.name} {target or '…'}` runs a file that is not judged here", call.span)


def _unset(walk: Walk, call: Call) -> None:
    for word in call.args:
        if word.text == "-f":
            walk.deny("changes-the-shell", "`unset -f` changes what a name means", word.span)
        elif word.text is None or not re.fullmatch(r"-[vn]|[A-Za-z_]\w*", word.text):
            walk.deny("code-in-a-name", f"`unset {word.shown}` may evaluate a subscript", word.span)
        elif not word.text.startswith("-"):
            names.check_target(walk, word.text, word.span)


def _kill(walk: Walk, call: Call) -> None:
    first = call.args[0].text if call.args else None
    others = call.args[1:]
    if first in ("-l", "-L", "--list", "--table") or (
        first == "-0" and all(word.numeric or (word.text or "-").isdigit() for word in others)
    ):
        return
    targets = [word for word in call.args if not word.shown.startswith("-")]
    walk.script.effect("kill", targets[0].text if targets else None, "kill", call.span)
    walk.deny("not-read-only", "`kill` signals processes", call.span)


def _history(walk: Walk, call: Call) -> None:
    for word in call.args:
        if word.text is None or not re.fullmatch(r"\d+", word.text):
            walk.script.effect("write", "the shell's history", "history", call.span)
            walk.deny("not-read-only", f"`history {word.shown}` changes the history", word.span)
            return


def _compgen(walk: Walk, call: Call) -> None:
    for word in call.args:
        if word.text is None or re.match(r"-[abcdefgjksuvAGPSWXo]*[CFVWX]", word.text):
            walk.deny("evaluates-text", f"`compgen {word.shown}` runs text as a command", word.span)


def _wait(walk: Walk, call: Call) -> None:
    for word in call.args:
        if word.shown.startswith("-") and "p" in word.shown:
            walk.deny("code-in-a-name", "`wait -p` sets the variable that it is given", word.span)


def _getopts(walk: Walk, call: Call) -> None:
    if len(call.args) > 1:
        names.check_target(walk, call.args[1].text or "[", call.args[1].span)


_names = _options_then_names("adinNptu")
JUDGES: dict[str, Judge] = {
    **dict.fromkeys(
        """
    : true false echo pwd dirs popd pushd times caller type help return break continue shift exit logout
    disown bg fg
""".split(),
        _harmless,
    ),
    "cd": _cd,
    "jobs": _only(r"-[lnprs]+|%\S*|\d+", "may run a command"),
    "printf": _printf,
    "test": _test,
    "[": _test,
    "read": _names,
    "mapfile": _options_then_names("dnOsuCc", "C"),
    "readarray": _options_then_names("dnOsuCc", "C"),
    "set": _set,
    "eval": _eval,
    "trap": _trap,
    "exec": _exec,
    "command": _command,
    "builtin": _builtin,
    ".": _source,
    "source": _source,
    "unset": _unset,
    "kill": _kill,
    "history": _history,
    "compgen": _compgen,
    "wait": _wait,
    "getopts": _getopts,
    "shopt": _only(
        r"-[supqo]+|nullglob|failglob|extglob|globstar|dotglob|nocaseglob|nocasematch|lastpipe|inherit_errexit|"
        r"checkwinsize|extquote|pipefail|errexit|nounset",
        "changes how the shell works",
    ),
    "umask": _only(r"-[Sp]+|[0-7]{1,4}|[ugoa]*[-+=][rwxX]*", "is not proven"),
    "ulimit": _only(r"-[SHabcdefiklmnpqrstuvxPRT]+|\d+|unlimited|hard|soft", "is not proven"),
    "hash": _only(r"-[rtld]+|[\w.+-]+", "may change which program a name means"),
    "suspend": _denied("needs-a-terminal", "stops the shell"),
    "alias": _denied("changes-the-shell", "gives a command another meaning"),
    "unalias": _denied("changes-the-shell", "changes what a command means"),
    "enable": _denied("changes-the-shell", "changes what a command means"),
    "bind": _denied("changes-the-shell", "changes what keys do"),
    "complete": _denied("changes-the-shell", "runs functions on completion"),
    "compopt": _denied("changes-the-shell", "changes completion"),
    "fc": _denied("runs-a-file", "runs commands of the history"),
    "let": _denied("evaluated-value", "evaluates text that is known only when it runs"),
    "declare": _denied("dynamic-name", "in this form is not proven"),
    "typeset": _denied("dynamic-name", "in this form is not proven"),
    "local": _denied("dynamic-name", "in this form is not proven"),
    "export": _denied("dynamic-name", "in this form is not proven"),
    "readonly": _denied("dynamic-name", "in this form is not proven"),
}

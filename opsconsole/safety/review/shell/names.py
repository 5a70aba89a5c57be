"""Names of variables and functions: which of them change what later commands run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsconsole.safety.review.model import Span
from opsconsole.safety.review.patterns import lazy
from opsconsole.safety.review.shell import words
from opsconsole.safety.review.shell.facts import Assignment

if TYPE_CHECKING:
    from opsconsole.safety.review.shell.walk import Walk

BUILTINS = frozenset(
    """
    . : [ alias bg bind break builtin caller cd command compgen complete compopt continue declare dirs disown
    echo enable eval exec exit export false fc fg getopts hash help history jobs kill let local logout mapfile
    popd printf pushd pwd read readarray readonly return set shift shopt source suspend test times trap true
    type typeset ulimit umask unalias unset wait
""".split()
)

# What bash itself gives a meaning (bash(1), "Shell Variables"): assigning to one changes how the shell works.
SHELL_VARIABLES = frozenset(
    """
    PATH IFS ENV CDPATH GLOBIGNORE PS0 PS1 PS2 PS3 PS4 PROMPT_COMMAND PROMPT_DIRTRIM SHELLOPTS HISTFILE
    HISTFILESIZE HISTSIZE HISTCONTROL HISTIGNORE HISTTIMEFORMAT HISTCMD HOSTFILE IGNOREEOF INPUTRC MAIL
    MAILCHECK MAILPATH FCEDIT FIGNORE FUNCNEST EXECIGNORE CHILD_MAX COMPREPLY COPROC DIRSTACK EDITOR VISUAL
    EMACS FUNCNAME GROUPS HOME OLDPWD OPTERR POSIXLY_CORRECT SHELL SHLVL TIMEFORMAT TMOUT TMPDIR UID EUID
    histchars auto_resume _ REPLY READLINE_LINE READLINE_POINT PIPESTATUS
""".split()
)
_HARMLESS_SPECIAL = frozenset({"REPLY", "_", "TIMEFORMAT", "OPTERR", "COMPREPLY", "FUNCNEST", "PS3"})
_CHANGING = lazy(
    r"(?:LD_|DYLD_|BASH_|GIT_|PYTHON|PERL|RUBY|NODE_|JAVA_|LUA_|GCONV_|NLSPATH|MALLOC_|GLIBC_|RIPGREP_|LESS|MAN|TAR_|"
    r"KUBE|AWS_|DOCKER_|SSH_|RSYNC_|SYSTEMD_|COMP_).*|.*PAGER|.*EDITOR|.*BROWSER"
)
# What may be put into a command's environment: it changes the form of the answer, never what runs.
ENVIRONMENT = lazy(
    r"LC_[A-Z]+|LANG|LANGUAGE|TZ|COLUMNS|LINES|NO_COLOR|CLICOLOR|CLICOLOR_FORCE|FORCE_COLOR|TIME_STYLE|BLOCK_SIZE|"
    r"BLOCKSIZE|DF_BLOCK_SIZE|DU_BLOCK_SIZE|LS_BLOCK_SIZE|QUOTING_STYLE|LS_COLORS|GREP_COLORS|GREP_COLOR|TERM|DEBIAN_FRONTEND|"
    r"SYSTEMD_COLORS|SYSTEMD_URLIFY|TIMEFORMAT|NCURSES_NO_UTF8_ACS|PS_FORMAT|PS_PERSONALITY"
)
_NAME = lazy(r"[A-Za-z_][A-Za-z0-9_]*\Z")


_SET_BY_BASH = SHELL_VARIABLES | frozenset(
    """
    HOSTNAME HOSTTYPE MACHTYPE OSTYPE PPID RANDOM SRANDOM SECONDS EPOCHSECONDS EPOCHREALTIME LINENO USER LOGNAME
    OPTARG OPTIND PWD
""".split()
)


def is_plain(name: str) -> bool:
    return bool(_NAME.match(name))


def is_in_environment(name: str) -> bool:
    """Whether bash or the environment of a SAFE run may give it a value that the script did not."""
    if name.startswith(("BASH", "OPSCONSOLE_")) or name in ("MAPFILE", "COPROC"):
        return True
    return (
        name in _SET_BY_BASH
        or bool(ENVIRONMENT.fullmatch(name) or _CHANGING.fullmatch(name))
        or name.startswith("OPSCONSOLE_")
    )


def mentioned(nodes: list[dict[str, Any]]) -> set[str]:
    """Every name that the script could give a value: assigned, looped over, or a plain word (of `read`)."""
    found: set[str] = set()
    for node in nodes:
        name = node.get("Name")
        if isinstance(name, dict) and "Value" in name:
            found.add(name["Value"])
        if "Parts" in node:
            found.update(words.names_in(node))
        if node.get("Type") == "ParamExp" and node.get("Exp", {}).get("Op") in ("=", ":="):
            found.add(node["Param"]["Value"])
    return found


def check_target(walk: Walk, name: str, span: Span) -> None:
    """A variable that is set by a loop, `read`, `:=` or arithmetic."""
    if not _NAME.match(name):
        walk.deny("code-in-a-name", f"{name!r} is not a plain name: bash evaluates its subscript", span)
    elif changes_what_runs(name):
        walk.deny("shell-variable", f"setting {name} changes what later commands do", span)


def changes_what_runs(name: str) -> bool:
    return (name in SHELL_VARIABLES and name not in _HARMLESS_SPECIAL) or bool(_CHANGING.fullmatch(name))


def check_assignment(walk: Walk, assignment: Assignment, command: str | None) -> None:
    """`command`: the builtin it is a prefix of or an argument to (`read`, `export`, …), or None for a plain one."""
    name = assignment.name
    if name == "IFS" and command in ("read", "local"):
        return
    if assignment.exported and command != "read":
        if not _NAME.match(name):
            walk.deny("code-in-a-name", f"{name!r} is not a plain name", assignment.span)
        elif not ENVIRONMENT.fullmatch(name) and not (name.islower() and not name.startswith("ld_")):
            walk.deny(
                "environment",
                f"{name} in a command's environment may change what it runs; it is not one of those known not to",
                assignment.span,
            )
        elif not name.isupper() and "proxy" in name:
            walk.deny("environment", f"{name} sends what follows elsewhere", assignment.span)
        return
    check_target(walk, name, assignment.span)


def evaluates(nodes: list[dict[str, Any]]) -> bool:
    """Whether text may be run as part of this shell, so that any variable may get any value."""
    return any("Parts" in node and words.flat(node) in ("eval", "trap") for node in nodes)


def repoints(nodes: list[dict[str, Any]]) -> bool:
    """Whether standard output or error may become a file that was opened to be read: `1<f`, `>&3`."""
    for node in nodes:
        if "Word" not in node or node.get("Op") not in ("<", "<&", ">&", "<>"):
            continue
        fd = node.get("N", {}).get("Value", "")
        target = words.lit(node["Word"]) or "?"
        if node["Op"] in ("<", "<>") and fd not in ("", "0"):
            return True
        if node["Op"] in ("<&", ">&") and target.rstrip("-") not in ("", "1", "2"):
            return True
    return False

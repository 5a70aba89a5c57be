"""Names of environment variables that change what runs: refused where they would undo a policy, else recorded."""

from __future__ import annotations

from collections.abc import Iterable

_LOADER = ("LD_", "DYLD_", "GLIBC_TUNABLES", "GCONV_PATH", "GETCONF_DIR", "LOCPATH", "NLSPATH", "MALLOC_",
           "RESOLV_HOST_CONF", "HOSTALIASES")  # fmt: skip
_FAMILIES = (*_LOADER, "BASH_", "PYTHON", "PERL5", "GIT_", "LUA_")
_CHANGING = frozenset({
    "ENV", "IFS", "PS4", "SHELLOPTS", "BASHOPTS", "PROMPT_COMMAND", "CDPATH", "GLOBIGNORE", "PERLLIB", "RUBYLIB",
    "RUBYOPT", "NODE_OPTIONS", "NODE_PATH", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "JDK_JAVA_OPTIONS", "CLASSPATH",
    "TAR_OPTIONS", "GREP_OPTIONS", "RIPGREP_CONFIG_PATH", "RSYNC_RSH", "CVS_RSH",
})  # fmt: skip
_STARTING = frozenset({
    "EDITOR", "VISUAL", "BROWSER", "LESS", "LESSOPEN", "LESSCLOSE", "MANOPT", "SSH_ASKPASS", "SUDO_ASKPASS", "PATH",
    "HOME", "TMPDIR", "SHELL",
})  # fmt: skip


def changing(names: Iterable[str]) -> list[str]:
    """Those that change which code a program runs."""
    return sorted(name for name in names if name in _CHANGING or name.startswith(_FAMILIES))


def starting(names: Iterable[str]) -> list[str]:
    """Those by which a harmless command starts another one, or finds it elsewhere."""
    return sorted(name for name in names if name in _STARTING or name.endswith("PAGER"))


def loading(names: Iterable[str]) -> list[str]:
    """Those that the loader of every program obeys, the sandbox's own included."""
    return sorted(name for name in names if name.startswith(_LOADER))


def notes(names: Iterable[str]) -> list[str]:
    """For the record: at most one sentence."""
    found = changing(names)
    return [f"variables that change what runs: {', '.join(found)}"] if found else []

"""Which variables hold secrets: by their name, and whether their value is one that can be looked for."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

SHORTEST = 6
"""Bytes. What is shorter would be found everywhere."""

_TELLING = (
    r"(?:^|_)(?:\w*TOKEN|\w*SECRET|\w*PASSWORD|\w*PASSWD|\w*PASSPHRASE|\w*APIKEY|PASS|PWD|PW|API_?KEY|ACCESS_?KEY|"
    r"PRIVATE_?KEY|SECRET_?KEY|SIGNING_?KEY|ENCRYPTION_?KEY|MASTER_?KEY|ACCOUNT_?KEY|AUTH_?KEY|\w*CREDENTIALS?|CREDS?|"
    r"AUTH|AUTHORIZATION|COOKIE|SESSION_?KEY|LICENSE_?KEY|WEBHOOK|DSN)"
    r"(?:_?\d+|_(?:OLD|NEW|VALUE|BASE64|B64|PROD|STAGING|DEV|TEST))?$"
)
_ORDINARY = (
    r"(?:TZ|LANG|LANGUAGE|LC_\w+|TERM|COLORTERM|PATH|HOME|SHELL|USER|LOGNAME|EDITOR|PAGER|DISPLAY|HOSTNAME|"
    r"\w*_PATH|\w*_DIR|\w*_HOME|\w*_FILE|\w*_HOST|\w*_PORT|\w*_USER|\w*_NAME|\w*_LEVEL|\w*_REGION|PYTHON\w+|"
    r"NODE_ENV|RAILS_ENV|DEBUG|VERBOSE)$"
)
_COMMON = frozenset(
    {
        "false", "default", "enabled", "disabled", "password", "passwd", "secret", "changeme", "change-me", "example",
        "unknown", "production", "staging", "development", "testing", "required", "optional", "username", "localhost",
        "anonymous",
    }
)  # fmt: skip
_SIGNS = ("TOKEN", "SECRET", "PASS", "PW", "KEY", "CRE", "AUTH", "COOKIE", "WEBHOOK", "DSN")
"""One of them is in every name that `_TELLING` matches."""
_IN_URL = r"://[^\s/?#@:]*:([^\s/?#@]+)@"


class Secret(NamedTuple):
    """A value, and the name that stands in its place (of the variable it came from, say)."""

    value: bytes
    label: str = "secret"


def secrets_of(
    environ: Mapping[str, str], *, names: Iterable[str] = (), given: Iterable[str] = (), values_from: Iterable[str] = ()
) -> tuple[list[Secret], list[str]]:
    """The secrets of an environment, and the names of those that cannot be looked for (too short, too common).

    By name: what looks secret, what matches one of `names` (patterns with `*`), and `values_from` exactly. Of
    `given` (what --env set) every value that is not an ordinary word, number or path. In any: the password of a URL.
    """
    from fnmatch import fnmatchcase

    names, given, values_from = tuple(names), frozenset(given), frozenset(values_from)
    found: list[Secret] = []
    unfit: list[str] = []
    for name, value in environ.items():
        wanted = name in values_from or any(fnmatchcase(name, pattern) for pattern in names)
        if wanted or looks_secret(name):
            fits = len(value.encode("utf-8", "surrogateescape")) >= SHORTEST if wanted else can_be_found(value)
            if fits:
                found += (Secret(one, name) for one in _forms(value))
            elif value:
                unfit.append(name)
        elif name in given and can_be_found(value) and _is_particular(name, value):
            found += (Secret(one, name) for one in _forms(value))
        if "://" in value and "@" in value:
            found += (Secret(one, name) for one in _url_passwords(value))
    return found, unfit


@lru_cache(maxsize=4096)
def looks_secret(name: str) -> bool:
    """Whether a variable of that name is likely to hold a secret."""
    upper = name.upper()
    return (
        any(sign in upper for sign in _SIGNS)
        and re.search(_TELLING, upper) is not None
        and upper not in ("PWD", "OLDPWD")
    )


def can_be_found(value: str) -> bool:
    """Long enough, and no word, number or path that is bound to stand elsewhere too."""
    if len(value.encode("utf-8", "surrogateescape")) < SHORTEST or value.casefold() in _COMMON:
        return False
    if value.isdigit():
        return len(value) >= 8
    if len(set(value)) < 3:
        return False
    return not (value.startswith(("/", "~/", "./")) and os.path.exists(os.path.expanduser(value)))


def _is_particular(name: str, value: str) -> bool:
    """Of a variable that the operator set and whose name says nothing."""
    if re.fullmatch(_ORDINARY, name.upper()) or value.startswith(("/", "~/", "./")):
        return False
    if re.fullmatch(r"[\d.:,\-+TZ /]+", value):
        return False  # a number, a date, a version, an address
    return not (re.fullmatch(r"[a-z]+|[A-Z]+|[A-Z]?[a-z]+", value) and len(value) < 12)


def _forms(value: str) -> Iterator[bytes]:
    data = value.encode("utf-8", "surrogateescape")
    yield data
    if (bare := data.strip()) != data and len(bare) >= SHORTEST:
        yield bare


def _url_passwords(value: str) -> Iterator[bytes]:
    for password in re.findall(_IN_URL, value):
        data = password.encode("utf-8", "surrogateescape")
        unquoted = re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), data)
        for form in dict.fromkeys((data, unquoted)):
            if can_be_found(form.decode("utf-8", "surrogateescape")):
                yield form

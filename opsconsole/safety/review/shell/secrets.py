"""Files that hold credentials: SAFE hides them, so a script that reads one cannot be answered truly."""

from __future__ import annotations

import fnmatch
import posixpath

_HOST = {
    "the password file": ("/etc/shadow*", "/etc/gshadow*", "/etc/security/opasswd", "/etc/master.passwd"),
    "the list of who may do what": ("/etc/sudoers*",),
    "a private key": ("/etc/ssh/ssh_host_*_key", "/etc/ssl/private*", "/etc/pki/tls/private*", "/etc/letsencrypt*"),
    "memory": ("/dev/mem", "/dev/kmem", "/dev/port", "/proc/kcore", "/proc/*/mem"),
    "another program's environment": ("/proc/*/environ",),
    "a raw disk": ("/dev/sd[a-z]*", "/dev/nvme*", "/dev/vd[a-z]*", "/dev/xvd[a-z]*", "/dev/mapper/?*", "/dev/dm-*"),
}
_HOME = (
    ".ssh/id_*", ".aws/credentials", ".gnupg/*", ".kube/config", ".docker/config.json", ".netrc", ".pgpass", ".my.cnf",
    ".git-credentials", ".npmrc", ".pypirc", ".vault-token", ".bash_history", ".zsh_history", ".mysql_history",
)  # fmt: skip


def why_hidden(path: str, *, whole: bool = True) -> str | None:
    """What a path is, if it is one of them. `whole`: the path is fully known; else it is only its beginning."""
    path = posixpath.normpath(path) if whole and path else path
    for why, patterns in _HOST.items():
        if any(fnmatch.fnmatchcase(path, pattern) for pattern in patterns):
            return why
    if any(fnmatch.fnmatchcase(path, f"*/{pattern}") or fnmatch.fnmatchcase(path, pattern) for pattern in _HOME):
        return "a person's credential"
    return None

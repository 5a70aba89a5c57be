"""What no contained run may read, whatever the modes say: credentials of the host and of its users."""

from __future__ import annotations

import glob
import os
import pwd
import time

_HOST = (
    "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/security/opasswd", "/etc/sudoers",
    "/etc/sudoers.d", "/etc/ssl/private", "/etc/pki/tls/private", "/etc/letsencrypt", "/etc/krb5.keytab",
    "/etc/kubernetes", "/etc/rancher", "/etc/wireguard", "/etc/openvpn", "/etc/NetworkManager/system-connections",
    "/etc/netplan", "/etc/wpa_supplicant", "/etc/ppp", "/etc/ipsec.secrets", "/etc/docker/key.json",
    "/etc/mysql/debian.cnf", "/etc/postfix/sasl_passwd", "/etc/msmtprc", "/var/lib/docker", "/var/lib/kubelet",
    "/var/lib/containerd", "/var/lib/systemd/credential.secret", "/var/backups", "/run/secrets", "/run/credentials",
    "/run/systemd/credentials", "/swapfile", "/swap.img",
)  # fmt: skip
_HOST_PATTERNS = ("/etc/ssh/ssh_host_*_key",)
_HOME = (
    ".ssh", ".aws", ".azure", ".config/gcloud", ".config/doctl", ".config/hcloud", ".config/op", ".config/rclone",
    ".config/gh", ".config/hub", ".config/glab-cli", ".config/containers/auth.json", ".oci", ".gnupg", ".kube",
    ".docker", ".netrc", ".pgpass", ".my.cnf", ".mylogin.cnf", ".git-credentials", ".npmrc", ".pypirc", ".gem",
    ".m2", ".cargo/credentials", ".cargo/credentials.toml", ".composer/auth.json", ".terraform.d", ".terraformrc",
    ".vault-token", ".s3cfg", ".boto", ".password-store", ".local/share/keyrings", ".pki", ".mozilla",
    ".config/google-chrome", ".config/chromium", ".thunderbird", ".bash_history", ".zsh_history", ".python_history",
    ".psql_history", ".mysql_history", ".rediscli_history", ".ansible", ".claude", ".config/opsconsole",
)  # fmt: skip
_LOOK_AGAIN_S = 5.0

_last: tuple[float, tuple[str, ...]] | None = None


def existing() -> tuple[str, ...]:
    """Absolute paths without symlinks, in order; looked for again every few seconds."""
    global _last
    now = time.monotonic()
    if _last is None or now - _last[0] > _LOOK_AGAIN_S:
        _last = now, _find()
    return _last[1]


def _find() -> tuple[str, ...]:
    wanted = [*_HOST, *(path for pattern in _HOST_PATTERNS for path in glob.glob(pattern))]
    wanted += [f"{home}/{name}" for home in _homes() for name in _HOME]
    return tuple(sorted({os.path.realpath(path) for path in wanted if os.path.lexists(path)}))


def _homes() -> list[str]:
    """Of everybody who has one; a service's `/` or `/usr/sbin` is none."""
    own = os.path.expanduser("~")
    places = {entry.pw_dir for entry in pwd.getpwall() if entry.pw_dir.startswith(("/home/", "/root", "/var/lib/"))}
    return sorted(home for home in places | {own} if home != "/" and os.path.isdir(home))

"""Where state, configuration and shipped data live."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from opsconsole.errors import StateDirError
from opsconsole.values import dataclass

_PACKAGE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class StatePaths:
    """The layout of one state directory; it belongs to one uid and is 0700."""

    root: Path

    @property
    def database(self) -> Path:
        return self.root / "opsconsole.db"

    @property
    def runs(self) -> Path:
        """One folder per execution: script, stdout, stderr, timing, result.json."""
        return self.root / "runs"

    @property
    def consoles(self) -> Path:
        """One locked file per living console."""
        return self.root / "consoles"

    @property
    def environments(self) -> Path:
        """Environments of open tasks, by content; removed when no open task needs them."""
        return self.root / "environments"

    @property
    def scripts(self) -> Path:
        """Exact bytes of the scripts that hold a secret, by SHA-256; the database has them without it."""
        return self.root / "scripts"

    @property
    def drafts(self) -> Path:
        """Text of the editor that was not saved: one file a draft, one locked file per living console."""
        return self.root / "drafts"

    @property
    def reports(self) -> Path:
        """Reports that were asked for; made with the first one."""
        return self.root / "reports"

    @property
    def log(self) -> Path:
        return self.root / "console.log"

    @property
    def journal(self) -> Path:
        """What the full-screen consoles told their operators, and what went wrong in them."""
        return self.root / "journal.log"

    def run_folder(self, execution_id: str) -> Path:
        return self.runs / execution_id

    def prepare(self) -> StatePaths:
        """Create what is missing (0700) and refuse a directory of another user.

        Raises StateDirError.
        """
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_owner()
            for folder in (self.runs, self.consoles, self.environments):
                if not folder.is_dir():
                    folder.mkdir(mode=0o700, exist_ok=True)
            if _read_only(self.root) or self.shut():
                raise OSError(errno.EROFS, os.strerror(errno.EROFS))
            if not os.access(self.root, os.W_OK | os.X_OK):
                raise PermissionError("not writable")
        except OSError as error:
            raise self.unusable(error) from error
        return self

    def unusable(self, error: OSError) -> StateDirError:
        """What to say, and what to do, when nothing can be written there."""
        hint = "make it writable for you, or set OPSCONSOLE_STATE_DIR to one that is"
        if error.errno == errno.EROFS:
            hint = "mount it for writing (`dmesg` may say why it is not), or set OPSCONSOLE_STATE_DIR"
        return StateDirError(
            f"the state directory {self.root} cannot be used: {error.strerror or error}",
            hint=hint,
        )

    @property
    def writable(self) -> bool:
        """Whether it could be used now, as far as can be told without writing."""
        try:
            owned = not hasattr(os, "geteuid") or self.root.stat().st_uid == os.geteuid()
            return owned and os.access(self.root, os.W_OK | os.X_OK) and not _read_only(self.root)
        except OSError:
            return False

    def shut(self) -> bool:
        """Whether its file system `is_shut`."""
        return is_shut(self.root)

    def _check_owner(self) -> None:
        info = self.root.stat()
        if hasattr(os, "geteuid") and info.st_uid != os.geteuid():
            raise StateDirError(
                f"the state directory {self.root} belongs to uid {info.st_uid}, you are uid {os.geteuid()}",
                hint="set OPSCONSOLE_STATE_DIR to one of your own",
            )
        if stat.S_IMODE(info.st_mode) & 0o077:
            self.root.chmod(0o700)


def _read_only(folder: Path) -> bool:
    if not hasattr(os, "statvfs"):
        return False
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def is_shut(folder: Path) -> bool:
    """Whether a file system takes nothing though it is mounted for writing, as ext4 does after an error: only a try
    tells, with a file that has no name. It may take as long as the disk does.
    """
    if not hasattr(os, "O_TMPFILE"):
        return False
    try:
        os.close(os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600))
    except OSError as error:
        return error.errno == errno.EROFS  # many do not have such files
    return False


def state_root(environ: dict[str, str] | os._Environ[str] = os.environ) -> Path:
    """$OPSCONSOLE_STATE_DIR, else $XDG_STATE_HOME/opsconsole, else ~/.local/state/opsconsole. Raises StateDirError."""
    if own := environ.get("OPSCONSOLE_STATE_DIR"):
        return _given(own)
    return (_xdg(environ, "XDG_STATE_HOME") or _home() / ".local" / "state") / "opsconsole"


CONFIG_VARIABLES = ("OPSCONSOLE_CONFIG", "XDG_CONFIG_HOME", "HOME")
"""All that `config_file` depends on."""


def config_file(environ: dict[str, str] | os._Environ[str] = os.environ) -> Path:
    """$OPSCONSOLE_CONFIG, else $XDG_CONFIG_HOME/opsconsole/config.toml, else ~/.config/opsconsole/config.toml.

    Raises StateDirError.
    """
    if own := environ.get("OPSCONSOLE_CONFIG"):
        return _given(own)
    return (_xdg(environ, "XDG_CONFIG_HOME") or _home() / ".config") / "opsconsole" / "config.toml"


def scripts_folder(environ: dict[str, str] | os._Environ[str] = os.environ) -> Path:
    """The operator's own scripts: $XDG_DATA_HOME/opsconsole/scripts, else ~/.local/share/opsconsole/scripts.

    Raises StateDirError.
    """
    return (_xdg(environ, "XDG_DATA_HOME") or _home() / ".local" / "share") / "opsconsole" / "scripts"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:
        raise StateDirError(
            f"there is no home folder: HOME is not set, and uid {os.geteuid()} is no user of this system",
            hint="set HOME to a folder that you may write: state, configuration and scripts are kept there",
        ) from None


def _given(place: str) -> Path:
    """Where a variable says, which may begin with `~` or `~user`."""
    try:
        return Path(place).expanduser().absolute()
    except RuntimeError:
        raise StateDirError(
            f"{place} cannot be found: {place.partition('/')[0]} is nobody's home folder here", hint="give a whole path"
        ) from None


def _xdg(environ: dict[str, str] | os._Environ[str], name: str) -> Path | None:
    """The XDG specification: a relative path is invalid and to be ignored."""
    base = environ.get(name, "")
    return Path(base) if os.path.isabs(base) else None


def shipped(name: str) -> Path:
    """The folder `themes` or `sample_scripts`, from the wheel or from the source tree."""
    installed = _PACKAGE / "_data" / name
    return installed if installed.is_dir() else _PACKAGE.parent / name

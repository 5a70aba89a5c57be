"""A folder with one of everything, for commands to be tried on."""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import zipfile
from pathlib import Path

_GIT = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
    "PATH": "/usr/bin:/bin",
}


def prepare(folder: Path) -> None:
    """Fill `folder`: text, tables, archives, a program, a folder, a certificate-like text, a repository."""
    (folder / "in.txt").write_text("one two\nthree 4\nfive,6\n" * 4)
    (folder / "two.txt").write_text("one two\nthree 5\n")
    (folder / "data.json").write_text('{"a": [1, 2], "b": "c"}\n')
    (folder / "data.csv").write_text("a,b\n1,2\n")
    (folder / "list").write_text("in.txt\n")
    (folder / "script.awk").write_text("{ print $1 }\n")
    (folder / "hostile").write_text("touch marker\n")
    program = folder / "prog"
    program.write_text("#!/bin/sh\ntouch marker\n")
    program.chmod(0o755)
    (folder / "dir" / "sub").mkdir(parents=True)
    (folder / "dir" / "x.txt").write_text("x\n")
    (folder / "link").symlink_to("in.txt")
    with tarfile.open(folder / "arc.tar.gz", "w:gz") as tar:
        tar.add(folder / "in.txt", "inside.txt")
    with tarfile.open(folder / "arc.tar", "w") as tar:
        tar.add(folder / "in.txt", "inside.txt")
    with zipfile.ZipFile(folder / "arc.zip", "w") as packed:
        packed.write(folder / "in.txt", "inside.txt")
    subprocess.run(["gzip", "-k", folder / "two.txt"], check=True)
    shutil.copy("/bin/true", folder / "elf")
    if shutil.which("git"):
        _repository(folder)


def _repository(folder: Path) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-C", folder, *words], check=True, capture_output=True, env=_GIT)

    git("init", "-q", "-b", "main")
    git("add", "in.txt", "two.txt", "dir")
    git("commit", "-qm", "first")
    (folder / "two.txt").write_text("one two\nthree 6\n")
    git("commit", "-qam", "second")
    git("tag", "v1")
    git("branch", "other")
    git("remote", "add", "origin", "https://example.org/a.git")
    (folder / "two.txt").write_text("one two\nthree 7\n")


def state(folder: Path) -> dict[str, tuple[int, int, int]]:
    """What would change if something happened in it: by path mode, size and time, but for the index of git."""
    return {
        path: (info.st_mode, info.st_size, info.st_mtime_ns)
        for root, folders, files in os.walk(folder)
        for path in (os.path.join(root, name) for name in (*folders, *files))
        if not path.endswith("/.git") and "/.git/index" not in path
        for info in (os.lstat(path),)
    }

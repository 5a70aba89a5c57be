"""The part of the Engine that holds its store, and only looks on where nothing can be written."""

from __future__ import annotations

import asyncio
import functools
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from opsconsole.errors import ConsoleError, DiskFull, OpsError, StorageError
from opsconsole.events import Event, Notice
from opsconsole.storage import database, opening
from opsconsole.storage.reader import Reader
from opsconsole.storage.writer import Job, Writer
from opsconsole.watching import Watching

if TYPE_CHECKING:
    from opsconsole.storage.archive import Archive

T = TypeVar("T")
Claims = Literal["all", "own", "none"]

_LOOKS = 5
"""Of so many looks one tries whether a file can be made."""

_log = logging.getLogger("opsconsole.engine")


class Looking(Watching):
    """The Engine provides what is declared here."""

    _claims: Claims
    _writer: Writer | None = None
    _reader: Reader | None = None
    _content_to_look = False
    _lives = False
    """From the beginning of `start` to that of the end: events of threads are told."""
    _stayed_unwritable = False
    _cramped = False
    _trying: Future[Any] | None = None
    """Whether something can be written again: a transaction that changes nothing."""
    _shut = False
    _shutting: asyncio.Future[bool] | None = None
    """What a thread is about to find out."""
    _looks = 0
    _unwritable: OpsError | None = None
    unread: OpsError | None = None
    """Why what is on record cannot even be read; what is asked of it is then empty."""

    @property
    def unwritable(self) -> OpsError | None:
        """Why nothing can be written here, so that this console only looks; None: it can be. One that began to work
        works again when that is over.
        """
        return self._unwritable

    @property
    def cramped(self) -> bool:
        """Hardly anything more can be written down: new work is refused, and small changes may fail."""
        return self._cramped

    def _announce(self) -> None:
        raise NotImplementedError

    # -- the store

    def _open(self) -> None:
        if self._writer is None:
            try:
                self._open_whole()
            except (OpsError, OSError) as error:
                self._look_only(self._could_look(error))

    def _open_whole(self) -> None:
        if self._writer is None:
            self._writer, self._reader, _ = opening.open_store(self.paths, self._say)

    def _could_look(self, error: OpsError | OSError) -> OpsError:
        """Raises it again, unless this console is content to look where nothing can be written."""
        told = self.paths.unusable(error) if isinstance(error, OSError) else error
        if self._content_to_look and opening.means_looking(told):
            return told
        raise error

    def _look_only(self, why: OpsError) -> None:
        self._writer, self._reader, self.unread = opening.open_to_look(self.paths, why)
        self._unwritable, self._claims, self._records = why, "none", False

    def _close_store(self) -> None:
        """The writer's connection goes last: the last one that may write moves the WAL into the database."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def archive(self) -> Archive:
        """For long reads of what has ended, in a thread; the caller closes it."""
        from opsconsole.storage.archive import Archive

        if self._unwritable is None:
            return Archive(self.paths)
        return Archive(self.paths, database.nothing if self.unread else functools.partial(opening.to_look, self.paths))

    @property
    def _reads(self) -> Reader:
        if self._reader is None:
            self._open()
        if self._reader is None:
            raise ConsoleError("the engine is closed")
        return self._reader

    def _job(self, job: Job[T]) -> Future[T]:
        if self._writer is None:
            raise ConsoleError("the engine is closed")
        return self._writer.submit(job)

    # -- where nothing can be written

    def _refuse_unwritable(self) -> None:
        """Before anything is prepared for the record. Raises the reason, where there is one."""
        if self._unwritable is not None:
            raise type(self._unwritable)(self._unwritable.message, hint=self._unwritable.hint)

    def _look_on(self, *, liveness: bool) -> None:
        """A tick of a console that only looks."""
        if self._reads.moved_on():
            self._announce()
        if liveness:
            self._watch()
            self._look_whether_writable()

    def _look_whether_writable(self) -> None:
        """Said once. Only where it has been seen not to be: a folder may be fine and the database in it not."""
        if not opening.writable(self.paths):
            self._stayed_unwritable = True
        elif self._stayed_unwritable:
            self._stayed_unwritable = False
            self._say(f"{self.paths.root} can be written again: leave and start again to work with it.")

    def _see_whether_writable(self) -> None:
        """A tick of a console that works. What it could not write down it carries, and tries again by itself."""
        if not self._content_to_look or self._writer is None:
            return
        shut = self._tried_file(at_once=self._writer.failure is not None)
        failure = self._tried_again(self._writer)
        self._cramped = isinstance(failure, DiskFull) or opening.cramped(self.paths)
        if self._cramped:  # a small transaction may pass, and the one that makes room again must not be refused
            failure = None
        if (now := opening.obstacle(self.paths, shut=shut) or failure) is None or not _same(now, self._unwritable):
            self._unwritable = now

    def _tried_file(self, *, at_once: bool) -> bool:
        """Whether none could be made when that was tried last, which waits for no disk."""
        if self._shutting is not None and self._shutting.done():
            self._shut, self._shutting = self._shutting.result(), None
        self._looks += 1
        if self._shutting is None and self._loop is not None and (at_once or self._looks >= _LOOKS):
            self._looks = 0
            self._shutting = self._loop.run_in_executor(None, self.paths.shut)
        return self._shut

    def _tried_again(self, writer: Writer) -> StorageError | None:
        """Why nothing can be written down, once it has failed a second time: a disk may stumble."""
        if (failure := writer.failure) is None:
            self._trying = None
        elif self._trying is None:
            self._trying, failure = writer.submit(_change_nothing), None
        elif self._trying.done():
            self._trying = writer.submit(_change_nothing)
        return failure

    # -- telling

    def _say(self, notice: str) -> None:
        _log.warning("%s", notice)
        self._publish_from_any_thread(Notice("warning", self.redaction_of().text(notice)))

    def _publish_from_any_thread(self, event: Event) -> None:
        """On the loop's thread; an engine without a loop tells on the caller's."""
        if self._loop is None:
            self.bus.publish(event)
        else:
            self._from_any_thread(functools.partial(self.bus.publish, event))

    def _from_any_thread(self, call: Callable[[], Any]) -> None:
        loop: asyncio.AbstractEventLoop | None = self._loop
        if loop is not None and not loop.is_closed() and self._lives:
            loop.call_soon_threadsafe(call)


def _change_nothing(c: sqlite3.Connection) -> None:
    """It has to be written down nevertheless."""
    c.execute("UPDATE console SET id = id WHERE id = (SELECT max(id) FROM console)")


def _same(one: OpsError, other: OpsError | None) -> bool:
    return other is not None and (type(one), one.message) == (type(other), other.message)

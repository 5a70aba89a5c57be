"""The one writer of a console: a thread that owns the writing connection and commits in groups.

A job is a function of the connection. Jobs that wait together are committed together: one fsync for all of them. A
job that fails is rolled back alone; one whose future is cancelled before its transaction has begun is never run.
Nothing is on the event loop, so a slow disk never stops the screen.
"""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from opsconsole.errors import OpsError, StorageError
from opsconsole.storage.database import means_unwritable, translate

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]


class Writer:
    """Runs jobs in transactions, in order. Close it to commit what waits and end the thread."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._jobs: queue.SimpleQueue[tuple[Job[Any], Future[Any]] | None] = queue.SimpleQueue()
        self._closed = False
        self.failure: StorageError | None = None
        """Why the last transaction could not be written down at all; None: it was, or another had the database."""
        self._closing = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="opsconsole-writer", daemon=True)
        self._thread.start()

    def submit(self, job: Job[T]) -> Future[T]:
        """Run `job` in a transaction; the future resolves after its commit. Errors are OpsErrors."""
        future: Future[T] = Future()
        with self._closing:  # a job put behind the end would never be run
            if not self._closed:
                self._jobs.put((job, future))
                return future
        future.set_exception(StorageError("the engine is closed"))
        return future

    def run(self, job: Job[T]) -> T:
        """`submit` and wait."""
        return self.submit(job).result()

    def close(self) -> None:
        """Commit what waits, close the connection. Can be called twice."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        going = True
        while going:
            first = self._jobs.get()
            batch = []
            while first is not None:
                batch.append(first)
                try:
                    first = self._jobs.get_nowait()
                except queue.Empty:
                    break
            else:
                going = False
            if batch:
                self._commit(batch)
        self._connection.close()

    def _commit(self, waiting: list[tuple[Job[Any], Future[Any]]]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._fail([future for _, future in waiting if future.set_running_or_notify_cancel()], error)
            return
        # only now: while another process holds the database, a job can still be taken back
        batch = [(job, future) for job, future in waiting if future.set_running_or_notify_cancel()]
        try:
            if len(batch) == 1:
                done = [(future, job(self._connection)) for job, future in batch]
            else:
                done = [(future, value) for job, future in batch for value in self._apart(job, future)]
            self._connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - a job's bug belongs to whoever waits for it
            self._roll_back()
            self._fail([future for _, future in batch if not future.done()], error)
            return
        self.failure = None
        for future, value in done:
            future.set_result(value)

    def _apart(self, job: Job[Any], future: Future[Any]) -> list[Any]:
        """What a job among others returns, in a list; empty when it failed: it is rolled back and told at once."""
        self._connection.execute("SAVEPOINT job")
        try:
            value = job(self._connection)
        except BaseException as error:
            if not self._connection.in_transaction:
                raise  # SQLite rolled all of them back, such as on a full disk
            self._connection.execute("ROLLBACK TO job")
            self._connection.execute("RELEASE job")
            self._fail([future], error)
            return []
        self._connection.execute("RELEASE job")
        return [value]

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _fail(self, futures: list[Future[Any]], error: BaseException) -> None:
        told = translate(error, self._path) if isinstance(error, sqlite3.Error) else error
        if told is not error:
            told.__cause__ = error
            if isinstance(told, StorageError) and means_unwritable(error):
                self.failure = told
        for future in futures:
            future.set_exception(told)


class NoWriter(Writer):
    """In place of a writer where nothing can be written: each job fails with the reason."""

    def __init__(self, why: OpsError) -> None:
        self._why = why
        self.failure = None

    def submit(self, job: Job[T]) -> Future[T]:
        """The future has failed already."""
        future: Future[T] = Future()
        future.set_exception(type(self._why)(self._why.message, hint=self._why.hint))  # a traceback of its own
        return future

    def close(self) -> None:
        """There is nothing to end."""

"""Long additions, told of while they run.

In: something to do that reports progress. Out: a `Job` whose state can be asked for. Jobs run one after the other and
live in memory: what a job promises is in its report, not in having been taken. After a restart its id is unknown, and
sending the same articles again adds only what is missing.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock
from typing import Literal

from rag.errors import JobNotFound, RagError, ServiceBusy
from rag.types import AddReport, Failure, Noun, Progress

log = logging.getLogger(__name__)

_STOPPED = "The service was stopped; send what is missing again."
_KEPT = 1_000  # jobs that can still be asked for


class Job(Noun):
    """One addition. `done` of `total` articles, 0 while unknown; `report` when done, `error` when failed."""

    id: str
    state: Literal["waiting", "running", "done", "failed"] = "waiting"
    done: int = 0
    total: int = 0
    report: AddReport | None = None
    error: Failure | None = None


class Jobs:
    """One worker, at most `room` jobs that wait for it. `owner` keeps those of one collection from the others."""

    def __init__(self, room: int = 16) -> None:
        self._room = room
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="rag-jobs")
        self._jobs: dict[str, tuple[str, Job]] = {}
        self._lock = Lock()
        self._stopping = Event()

    def start(self, owner: str, total: int, work: Callable[[Progress], AddReport]) -> Job:
        """Takes a job on.

        Raises:
            ServiceBusy: too many wait already.
        """
        job = Job(id=secrets.token_hex(8), total=total)
        with self._lock:
            if sum(known.state == "waiting" for _, known in self._jobs.values()) >= self._room:
                raise ServiceBusy(
                    f"{self._room} additions wait already.", hint="Add more in a while.", retry_after=5
                )
            self._jobs[job.id] = (owner, job)
            self._forget()
        self._pool.submit(self._run, job.id, work)
        return job

    def get(self, owner: str, id_: str) -> Job:
        """The job as it stands.

        Raises:
            JobNotFound: nobody, or somebody else, has a job of this id.
        """
        with self._lock:
            whose, job = self._jobs.get(id_, ("", None))
        if job is None or whose != owner:
            raise JobNotFound(f"There is no job {id_!r}.", hint="After a restart, send the articles again.")
        return job

    def all(self, owner: str) -> list[Job]:
        """Jobs that can still be asked for, newest first."""
        with self._lock:
            return [job for whose, job in reversed(self._jobs.values()) if whose == owner]

    def close(self) -> None:
        """Ends what runs after the articles it has in hand, and takes back what waits."""
        self._stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for id_, (_, job) in list(self._jobs.items()):
            if job.state == "waiting":
                self._fail(id_, RagError("stopped", public=_STOPPED))

    def _run(self, id_: str, work: Callable[[Progress], AddReport]) -> None:
        self._change(id_, state="running")

        def progress(done: int, total: int, what: str) -> None:
            if self._stopping.is_set():
                raise RagError(f"Stopped while {what}.", public=_STOPPED)
            self._change(id_, done=done)

        try:
            report = work(progress)
        except RagError as error:
            self._fail(id_, error)
        except Exception:
            log.exception("a job failed")
            self._fail(id_, RagError("unexpected"))
        else:
            self._change(id_, state="done", done=len(report.article_ids) + len(report.failed), report=report)

    def _fail(self, id_: str, error: RagError) -> None:
        self._change(
            id_, state="failed", error=Failure(origin="", code=error.code, message=error.public, hint="")
        )

    def _change(self, id_: str, **fields: object) -> None:
        with self._lock:
            owner, job = self._jobs[id_]
            self._jobs[id_] = (owner, job.model_copy(update=fields))

    def _forget(self) -> None:
        over = [id_ for id_, (_, job) in self._jobs.items() if job.state in {"done", "failed"}]
        for id_ in over[: max(0, len(self._jobs) - _KEPT)]:
            del self._jobs[id_]

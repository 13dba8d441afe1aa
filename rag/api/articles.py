"""The endpoints of the articles: list, read, add, delete, and long additions in the background."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, TypeVar

from fastapi import APIRouter, File, Path, Query, Request, UploadFile
from fastapi.concurrency import run_in_threadpool

from rag.api.bodies import AddRequest, ArticleList, DeleteRequest, Deletions, JobList, ListQuery, given
from rag.api.visits import Reading, Visit, Writing
from rag.errors import ArticleNotFound
from rag.jobs import Job, Jobs
from rag.traces import stage
from rag.types import AddReport, Article, Deletion, Upload

T = TypeVar("T")

ArticleId = Annotated[str, Path(examples=["b6c64d2e30dc9b34"])]
JobId = Annotated[str, Path(examples=["5f0c2a9e1b7d4c38"])]

routes = APIRouter()


async def changed(request: Request, visit: Visit, name: str, change: Callable[[], T]) -> T:
    """What a change gives, done in its turn, whether or not its caller still waits for it."""

    def done() -> T:
        with stage(name):
            return change()

    with request.app.state.changes.enter(visit.caller.id) as place:
        with stage("wait"):
            await place.turn()
        return await run_in_threadpool(done)


def _shown(article: Article) -> Article:
    """Without the paths of this machine among its origins."""
    addresses = tuple(origin for origin in article.origins if origin.startswith(("http://", "https://")))
    return article.model_copy(update={"origins": addresses})


@routes.get("/v1/articles", tags=["articles"])
def articles(query: Annotated[ListQuery, Query()], visit: Reading) -> ArticleList:
    """Articles that pass the filters, newest first, without their text; all of them without `limit`."""
    found = everything = visit.qa.articles(**given(query))
    if given(query):
        everything = visit.qa.articles()
    if query.text:
        wanted = query.text.casefold()
        found = [one for one in found if wanted in f"{one.title}\n{one.source}".casefold()]
    part = found[query.offset :] if query.limit is None else found[query.offset : query.offset + query.limit]
    sources = sorted({one.source for one in everything if one.source})
    return ArticleList(articles=[_shown(one) for one in part], total=len(found), sources=sources)


@routes.get("/v1/articles/{article_id}", tags=["articles"])
def article(article_id: ArticleId, visit: Reading, revision: str | None = None) -> Article:
    """One article with its text and sentences; with `revision` an older text of it."""
    return _shown(visit.qa.article(article_id, revision))


@routes.post("/v1/articles", tags=["articles"])
async def add(body: AddRequest, request: Request, visit: Writing) -> AddReport:
    """Index articles; they are stored and can be found when this returns."""
    return await changed(request, visit, "add", lambda: visit.qa.add(body.nouns()))


Files = Annotated[
    list[UploadFile], File(description="txt, md, html, pdf or docx", min_length=1, max_length=100)
]


@routes.post("/v1/articles/upload", tags=["articles"])
async def upload(files: Files, request: Request, visit: Writing) -> AddReport:
    """Index files; each is an article or a failure of the report."""
    return await changed(request, visit, "add", lambda: visit.qa.add(_uploads(files)))


def _uploads(files: list[UploadFile]) -> list[Upload]:
    return [Upload(name=file_name(file.filename or ""), data=file.file.read()) for file in files]


def file_name(given: str) -> str:
    """The last part of a name from elsewhere, without anything that could be a path or a control character."""
    last = re.split(r"[/\\]", given)[-1]
    clean = "".join(character for character in last if character.isprintable()).strip(". ")
    return clean[-200:] or "document"


@routes.post("/v1/articles/delete", tags=["articles"])
async def delete_many(body: DeleteRequest, request: Request, visit: Writing) -> Deletions:
    """Remove articles and prove that they are gone; unknown ids are told, not refused."""

    def deleted() -> Deletions:
        gone, missing = [], []
        for article_id in dict.fromkeys(body.article_ids):
            try:
                gone.append(visit.qa.delete(article_id))
            except ArticleNotFound:
                missing.append(article_id)
        return Deletions(deleted=gone, not_found=missing)

    return await changed(request, visit, "delete", deleted)


@routes.delete("/v1/articles/{article_id}", tags=["articles"])
async def delete(article_id: ArticleId, request: Request, visit: Writing) -> Deletion:
    """Remove an article and prove that it is gone."""
    return await changed(request, visit, "delete", lambda: visit.qa.delete(article_id))


@routes.post("/v1/jobs", status_code=202, tags=["jobs"])
def start_job(body: AddRequest, request: Request, visit: Writing) -> Job:
    """Index articles in the background; only the report of the finished job promises anything."""
    nouns = body.nouns()
    jobs: Jobs = request.app.state.jobs
    return jobs.start(visit.collection, len(nouns), lambda progress: visit.qa.add(nouns, progress))


@routes.post("/v1/jobs/upload", status_code=202, tags=["jobs"])
def start_upload_job(files: Files, request: Request, visit: Writing) -> Job:
    """Index files in the background."""
    uploads = _uploads(files)
    jobs: Jobs = request.app.state.jobs
    return jobs.start(visit.collection, len(uploads), lambda progress: visit.qa.add(uploads, progress))


@routes.get("/v1/jobs", tags=["jobs"])
def list_jobs(request: Request, visit: Writing) -> JobList:
    """Jobs of this collection since the service started, newest first."""
    return JobList(jobs=request.app.state.jobs.all(visit.collection))


@routes.get("/v1/jobs/{job_id}", tags=["jobs"])
def show_job(job_id: JobId, request: Request, visit: Writing) -> Job:
    """How far a job is."""
    job: Job = request.app.state.jobs.get(visit.collection, job_id)
    return job

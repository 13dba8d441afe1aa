"""The service under load: what is promised of it, measured on this machine, each figure beside its limit.

python eval/load.py all                  everything, about twenty minutes: one table
python eval/load.py                      all but the long ones, about three minutes
python eval/load.py overhead searching   some parts
python eval/load.py mixed --minutes 10   one of the long ones

Parts: overhead (of HTTP over the same call), searching (64 clients), asking (200 clients, slow model behind),
streaming (the first event and statement), gone (a client that hangs up), restart (in the middle of additions), mixed
(growth of memory), described (schemathesis over the whole OpenAPI), collections (a key of one on another), page
(accessibility, checks in a browser, size). All traffic stays on this machine's loopback address. A machine that does
other work meanwhile makes every figure worse; `searching` tells how much that was.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

import httpx

from rag import Article, Client, NewsQA, Settings
from rag.bench import BenchReport, DrawnEncoder, Figure, Press, percentile
from rag.encoder import open_encoder
from rag.errors import ServiceUnavailable
from rag.types import ChatModel, Message, Piece, Reply, Statement, Usage

ROOT = Path(__file__).resolve().parent.parent
SHORT = ("overhead", "searching", "asking", "streaming", "gone", "restart")
LONG = ("mixed", "described", "collections", "page")
ALL = "all"
ARTICLES = 10_000
SEED = 20_250_218


class SlowModel:
    """Takes `seconds` for every reply, a piece every 50 ms; `pieces` counts them."""

    name = fingerprint = "slow"

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.pieces = 0
        self.last = 0.0

    def stream(
        self, messages: Sequence[Message], *, max_tokens: int, schema: Mapping[str, Any] | None = None
    ) -> Iterator[Piece]:
        """Piece by piece, until it is done or nobody waits."""
        from rag.llm import nobody_waits

        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            if nobody_waits.get()():
                return
            time.sleep(0.05)
            self.pieces += 1
            self.last = time.monotonic()
        yield Piece(text="1")
        yield Piece(usage=Usage(calls=1))

    def complete(
        self, messages: Sequence[Message], *, max_tokens: int, schema: Mapping[str, Any] | None = None
    ) -> Reply:
        """The same, whole."""
        return Reply(text="".join(piece.text for piece in self.stream(messages, max_tokens=max_tokens)))

    def choose(self, messages: Sequence[Message], options: Sequence[str]) -> None:
        """It does not tell probabilities."""
        return None

    def close(self) -> None:
        """Nothing to free."""


def main() -> int:
    """Measure the parts that the command line names, and print a table; 1 if a limit was missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "parts", nargs="*", choices=[*SHORT, *LONG, ALL, []], help="the short ones if not given"
    )
    parser.add_argument("--articles", type=int, default=ARTICLES)
    parser.add_argument("--seconds", type=float, default=60.0, help="of searching")
    parser.add_argument("--minutes", type=float, default=10.0, help="of mixed")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the articles for the next time")
    options = parser.parse_args()
    parts = (*SHORT, *LONG) if ALL in options.parts else options.parts or SHORT
    began = time.perf_counter()
    figures: list[Figure] = []
    with TemporaryDirectory(prefix="rag-load-") as nowhere:
        options.keep = options.keep or Path(nowhere)  # the articles serve several parts
        try:
            for part in parts:
                print(f"{part} …", file=sys.stderr, flush=True)
                figures += MEASURES[part](options)
        finally:  # what was measured until something broke is worth as much
            report = BenchReport(
                figures=tuple(figures), cpus=os.cpu_count() or 1, seconds=time.perf_counter() - began
            )
            print(report.table())
    return 0 if report.passed else 1


def figure(
    part: str, name: str, value: float, unit: str, limit: float | None = None, least: bool = False
) -> Figure:
    """A figure and whether it keeps its limit."""
    passed = limit is None or (value >= limit if least else value <= limit)
    return Figure(part=part, name=name, value=value, unit=unit, limit=limit, at_least=least, passed=passed)


# --- services ------------------------------------------------------------------------------------


@contextmanager
def filled(articles: int, keep: Path) -> Iterator[NewsQA]:
    """Generated articles, open in this process; in the folder `keep` they are found again the next time."""
    settings = Settings(llm="none")
    encoder = DrawnEncoder(open_encoder(settings))
    with NewsQA.open(keep / str(articles), settings=settings, encoder=encoder, llm=None) as qa:
        if len(qa.articles()) < articles:
            qa.add(Press(Random(SEED)).articles(articles))
        yield qa


@contextmanager
def serving(qa: NewsQA, **settings: Any) -> Iterator[tuple[str, Any]]:
    """The service around an open index, in a thread of this process: its address and app."""
    from rag.api import create_app, listen, server_of

    with TemporaryDirectory(prefix="rag-load-") as nowhere:
        chosen = Settings(data=Path(nowhere), llm="none", **settings)
        with listen("127.0.0.1", 0, chosen) as bound:
            app = create_app(qa, chosen)
            server = server_of(app, chosen)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
            thread.start()
            while not server.started:
                time.sleep(0.01)
            try:
                yield f"http://127.0.0.1:{bound.getsockname()[1]}", app
            finally:
                server.should_exit = True
                thread.join()


_PATIENCE = 120  # seconds that a service may take to stop on a busy machine


@contextmanager
def process(folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`rag serve` without a language model, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "rag", "serve", "--port", str(port), "--data", str(folder)]
    started = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, "RAG_LLM": "none"}, stdout=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                httpx.get(f"{url}/healthz")
                break
            except httpx.HTTPError:
                if started.poll() is not None:
                    raise
                time.sleep(0.1)
        yield url, started
    finally:
        started.terminate()
        started.wait(_PATIENCE)


def added(through: Callable[[], object], direct: Callable[[], object], times: int) -> float:
    """Milliseconds that one way takes longer than the other: the median of pairs, one right after the other."""
    differences = []
    for n in range(times + 3):
        began = time.perf_counter()
        direct()
        between = time.perf_counter()
        through()
        if n >= 3:  # the first ones warm up
            differences.append(1000 * (time.perf_counter() - between - (between - began)))
    return median(differences)


# --- parts ---------------------------------------------------------------------------------------


def overhead(options: argparse.Namespace) -> list[Figure]:
    """What HTTP adds to a call, one client at a time."""
    question = "Wer eröffnete den neuen Hafen?"
    with (
        filled(min(options.articles, 500), options.keep) as qa,
        serving(qa) as (url, _),
        Client(url) as client,
    ):
        searched = added(lambda: client.search(question), lambda: qa.search(question), 100)
        asked = added(lambda: client.ask(question), lambda: qa.ask(question), 40)
    return [
        figure("overhead", "the service adds to a search, median", searched, "ms", 5),
        figure("overhead", "the service adds to an answer, median", asked, "ms", 15),
    ]


def searching(options: argparse.Namespace) -> list[Figure]:
    """64 clients for some time, against one in the process: in turns, so that both meet the same circumstances.

    The clients run in a process of their own, on the same processors; what they cost is part of what is measured.
    """
    press = Press(Random(SEED + 1))
    alone, served = Spent(), Spent()
    errors, cost, took = 0, 0.0, list[float]()
    others = list[float]()
    with filled(options.articles, options.keep) as qa, serving(qa) as (url, _):
        for turn in range(_TURNS + 1):
            questions = [press.question() for _ in range(5_000)]  # more than anything remembers
            with alone.measured(_ALONE):
                for question in questions[:_ALONE]:
                    qa.search(question)
            if not turn:  # the first ones warm up
                alone = Spent()
                continue
            busy, own, began = _busy(), time.process_time(), time.perf_counter()
            with served.measured() as done:
                told = _searchers(url, questions[_ALONE:], options.seconds / _TURNS)
                done(len(told["took"]) - told["errors"])
            own = time.process_time() - own + told["worked"]
            others.append((_busy() - busy - own) / (time.perf_counter() - began) / (os.cpu_count() or 1))
            errors += told["errors"]
            cost += told["worked"]
            took += [1000 * seconds for seconds in told["took"]]
    share = served.rate / alone.rate / (os.cpu_count() or 1)
    each = 1000 / served.calls
    return [
        figure("searching", "64 clients: errors", errors, "", 0),
        figure("searching", "64 clients: searches a second", served.rate, "/s"),
        figure("searching", "one in the process: searches a second", alone.rate, "/s"),
        figure("searching", "64 clients, share of one client's rate times cores", share, "%", 0.8, True),
        figure("searching", "64 clients: 95th percentile", percentile(took, 0.95), "ms"),
        figure(
            "searching", "processor time of a search, in the process", 1000 * alone.worked / alone.calls, "ms"
        ),
        figure("searching", "processor time of a search, service", served.worked * each, "ms"),
        figure("searching", "processor time of a search, client", cost * each, "ms"),
        figure("searching", "processors busy with anything else meanwhile", max(0.0, median(others)), "%"),
    ]


_TURNS = 4
_ALONE = 200  # searches in the process per turn


def _busy() -> float:
    """Processor seconds that all programs of this machine have taken together; 0 where the system does not tell."""
    times = Path("/proc/stat")
    if not times.exists():
        return 0.0
    user, nice, system, _, _, *more = times.read_text(encoding="utf-8").split("\n", 1)[0].split()[1:]
    return sum(map(int, (user, nice, system, *more[:3]))) / os.sysconf("SC_CLK_TCK")


class Spent:
    """Calls, and the time and processor time of this process that they took."""

    def __init__(self) -> None:
        self.calls = 0
        self.seconds = self.worked = 0.0

    @contextmanager
    def measured(self, calls: int = 0) -> Iterator[Callable[[int], None]]:
        """Counts what happens inside; the number of calls may be told at the end."""
        self.calls += calls
        began, worked = time.perf_counter(), time.process_time()
        yield self._count
        self.seconds += time.perf_counter() - began
        self.worked += time.process_time() - worked

    def _count(self, calls: int) -> None:
        self.calls += calls

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.seconds


def _searchers(url: str, questions: Sequence[str], seconds: float) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "eval" / "clients.py"), url, "--seconds", str(seconds)]
    run = subprocess.run(command, input="\n".join(questions).encode(), stdout=subprocess.PIPE, check=True)
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def asking(options: argparse.Namespace) -> list[Figure]:
    """200 clients at once with a slow model behind the service."""
    with _harbour(SlowModel(0.3)) as qa, serving(qa, answers_at_once=2, queue=32) as (url, _):
        statuses, mixed = asyncio.run(_askers(url, 200))
    strange = sum(status not in (200, 429, 503) for status in statuses)
    return [
        figure("asking", "200 clients: answered", statuses.count(200), ""),
        figure("asking", "200 clients: told to come again", statuses.count(503) + statuses.count(429), ""),
        figure("asking", "200 clients: anything else", strange, "", 0),
        figure("asking", "200 clients: answers to somebody else's question", mixed, "", 0),
    ]


@contextmanager
def _harbour(model: SlowModel | None) -> Iterator[NewsQA]:
    """One article, with a slow model or none."""
    settings = Settings(llm="none")
    chat: ChatModel | None = model
    with TemporaryDirectory(prefix="rag-load-") as folder:
        with NewsQA.open(folder, settings=settings, encoder=open_encoder(settings), llm=chat) as qa:
            qa.add(Article(text="The mayor opened the new harbour on Friday. It cost 41 million euros."))
            yield qa


async def _askers(url: str, clients: int) -> tuple[list[int], int]:
    async with httpx.AsyncClient(
        base_url=url, timeout=120, limits=httpx.Limits(max_connections=clients)
    ) as http:

        async def ask(n: int) -> tuple[int, bool]:
            question = f"Who opened harbour number {n}?"
            response = await http.post("/v1/ask", json={"question": question})
            other = response.status_code == 200 and response.json()["question"] != question
            return response.status_code, other

        got = await asyncio.gather(*(ask(n) for n in range(clients)))
    return [status for status, _ in got], sum(other for _, other in got)


def streaming(options: argparse.Namespace) -> list[Figure]:
    """How soon the first event of a streamed answer is there, and what HTTP adds to the first statement."""
    press = Press(Random(SEED + 2))
    took = []
    with filled(options.articles, options.keep) as qa, serving(qa) as (url, _), Client(url) as client:
        for n in range(23):
            began = time.perf_counter()
            events = client.stream(press.question())
            next(events)
            if n >= 3:
                took.append(1000 * (time.perf_counter() - began))
            for _ in events:
                pass
    with _harbour(None) as qa, serving(qa) as (url, _), Client(url) as client:
        question = "Who opened the new harbour?"
        later = added(lambda: _first_statement(client, question), lambda: _first_statement(qa, question), 40)
    among = f"first event among {options.articles:,} articles, median"
    return [
        figure("streaming", among, median(took), "ms", 150),
        figure("streaming", "first statement, later than in the process, median", later, "ms", 15),
    ]


def _first_statement(door: Client | NewsQA, question: str) -> None:
    """Until the first statement is there; the rest is not waited for."""
    events = door.stream(question)
    while not isinstance(next(events), Statement):
        pass
    events.close()  # type: ignore[attr-defined]


def gone(options: argparse.Namespace) -> list[Figure]:
    """How long the model goes on after its only reader has hung up; it must have begun, else nothing was stopped."""
    model = SlowModel(5.0)
    with _harbour(model) as qa, serving(qa) as (url, _):
        body = {"question": "Who opened the new harbour?", "stream": True}
        until = time.monotonic() + _PATIENCE
        with httpx.stream("POST", f"{url}/v1/ask", json=body, timeout=_PATIENCE):
            while not model.pieces and time.monotonic() < until:
                time.sleep(0.01)
        hung_up = time.monotonic()
        time.sleep(3)
    return [
        figure("gone", "the model goes on after the client has gone", max(0.0, model.last - hung_up), "s", 1),
        figure("gone", "steps it had taken when it stopped", model.pieces, "", 1, True),
    ]


def mixed(options: argparse.Namespace) -> list[Figure]:
    """Searches, questions, additions and deletions for some minutes: does the process grow?"""
    press = Press(Random(SEED + 3))
    with TemporaryDirectory(prefix="rag-load-") as folder, process(Path(folder)) as (url, running):
        with Client(url) as client:
            until = time.monotonic() + options.minutes * 60
            settled, ends = time.monotonic() + options.minutes * 12, 0
            before = 0
            fresh = press.articles(10**9)
            while time.monotonic() < until:
                report = client.add([next(fresh) for _ in range(3)])
                for _ in range(6):
                    client.search(press.question())
                client.ask(press.question())
                for article_id in report.article_ids:
                    client.delete(article_id)
                ends += 1
                if not before and time.monotonic() > settled:
                    before = _resident(running.pid)
            after = _resident(running.pid)
    return [
        figure("mixed", "rounds of additions, searches, answers, deletions", ends, ""),
        figure("mixed", f"growth of memory in {options.minutes:.0f} minutes", after / before - 1, "%", 0.05),
    ]


def _resident(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    line = next(one for one in status.splitlines() if one.startswith("VmRSS:"))
    return int(line.split()[1])


def restart(options: argparse.Namespace) -> list[Figure]:
    """The process is killed in the middle of 50 additions; what it had acknowledged must be there afterwards."""
    texts = [f"Article {n}. The ferry number {n} left the harbour at noon." for n in range(50)]
    acknowledged: list[str] = []
    with TemporaryDirectory(prefix="rag-load-") as folder:
        with process(Path(folder)) as (url, running):
            killer = threading.Timer(_MOMENT, running.send_signal, (signal.SIGKILL,))
            with Client(url) as client:
                for n, text in enumerate(texts):
                    if n == len(texts) // 2:
                        killer.start()
                    try:
                        acknowledged += client.add(Article(text=text)).added
                    except ServiceUnavailable:
                        break
            running.wait(_PATIENCE)
        with process(Path(folder)) as (url, _), Client(url) as client:
            there = {article.id for article in client.articles()}
    lost = len(set(acknowledged) - there)
    return [
        figure("restart", "killed after acknowledging, of 50", len(acknowledged), ""),
        figure("restart", "additions that it did not get to", len(texts) - len(acknowledged), "", 1, True),
        figure("restart", "acknowledged articles lost", lost, "", 0),
    ]


_MOMENT = 0.01  # seconds into an addition, which takes several times that


def described(options: argparse.Namespace) -> list[Figure]:
    """schemathesis, all its checks."""
    return _tested("described", "schemathesis, all checks: operations", "tests/test_api_fuzz.py")


def collections(options: argparse.Namespace) -> list[Figure]:
    """Every endpoint with a key of another collection."""
    return _tested("collections", "keys, scopes, collections: tests", "tests/test_api_access.py")


def page(options: argparse.Namespace) -> list[Figure]:
    """The page in a browser; axe, and what Lighthouse looks at, among the tests."""
    web = ROOT / "rag" / "web"
    size = sum(path.stat().st_size for path in web.iterdir() if path.is_file())
    tested = _tested("page", "page in Chromium, axe among them: tests", "tests/test_web.py")
    return [*tested, figure("page", "page: size", size / 1000, "kB", 150)]


def _tested(part: str, name: str, path: str) -> list[Figure]:
    """How many tests of a file passed; none may fail, and none be left out because something is not installed."""
    with TemporaryDirectory(prefix="rag-load-") as folder:
        told = Path(folder) / "junit.xml"
        command = [sys.executable, "-m", "pytest", "-q", path, f"--junitxml={told}"]
        subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL)
        counts = ElementTree.parse(told).getroot()[0].attrib
    failed, skipped = int(counts["failures"]) + int(counts["errors"]), int(counts["skipped"])
    return [
        figure(part, f"{name} passed", int(counts["tests"]) - failed - skipped, ""),
        figure(part, f"{name} failed or left out", failed + skipped, "", 0),
    ]


MEASURES: dict[str, Callable[[argparse.Namespace], list[Figure]]] = {
    "overhead": overhead,
    "searching": searching,
    "asking": asking,
    "streaming": streaming,
    "gone": gone,
    "mixed": mixed,
    "restart": restart,
    "described": described,
    "collections": collections,
    "page": page,
}


if __name__ == "__main__":
    sys.exit(main())

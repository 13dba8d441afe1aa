"""schemathesis, all its checks, over the whole OpenAPI description: no server error, nothing that is not described."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from fakes import HashEncoder
from hypothesis import HealthCheck, settings
from service import Service, running
from small_newsqa import HARBOUR, NO_ADDRESS, SmallNewsQA

from rag.api import create_app
from rag.newsqa import NewsQA
from rag.settings import Settings

pytestmark = pytest.mark.slow

DESCRIPTION = schemathesis.openapi.from_dict(
    create_app(SmallNewsQA(), Settings(data=Path("/nonexistent"))).openapi()  # type: ignore[arg-type]
)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A real service, which answers without a language model."""
    chosen = Settings(data=tmp_path_factory.mktemp("fuzz"), llm="none")
    with NewsQA.open(settings=chosen, encoder=HashEncoder(), llm=None) as qa:
        qa.add([HARBOUR, NO_ADDRESS])
        with running(qa, chosen) as started:
            yield started


@DESCRIPTION.parametrize()
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_response_is_one_that_is_described(service: Service, case: schemathesis.Case) -> None:
    # A service that is told to do too much at once rightly answers 503; what is looked for here is anything else.
    while any(job.state in ("waiting", "running") for job in service.app.state.jobs.all("default")):
        time.sleep(0.01)
    case.validate_response(case.call(base_url=service.url))

"""schemathesis, all its checks, over the whole OpenAPI description: no server error, nothing that is not described."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from fakes import HashEncoder
from hypothesis import HealthCheck, settings
from schemathesis.checks import negative_data_rejection, not_a_server_error, positive_data_acceptance
from service import running
from small_newsqa import HARBOUR, NO_ADDRESS, SmallNewsQA

from rag.api import create_app
from rag.newsqa import NewsQA
from rag.settings import Settings

pytestmark = pytest.mark.slow

# No schema can say that the last turn of a conversation has to be a question.
CONVERSATIONS = {"/v1/chat", "/v1/chat/completions"}
# In a form everything is bytes: a number in place of a file is a file of digits.
UPLOADS = {"/v1/articles/upload", "/v1/jobs/upload"}


DESCRIPTION = schemathesis.openapi.from_dict(
    create_app(SmallNewsQA(), Settings(data=Path("/nonexistent"))).openapi()  # type: ignore[arg-type]
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real service, which answers without a language model."""
    chosen = Settings(data=tmp_path_factory.mktemp("fuzz"), llm="none")
    with NewsQA.open(settings=chosen, encoder=HashEncoder(), llm=None) as qa:
        qa.add([HARBOUR, NO_ADDRESS])
        with running(qa, chosen) as service:
            yield service.url


@DESCRIPTION.parametrize()
@settings(max_examples=10, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_response_is_one_that_is_described(url: str, case: schemathesis.Case) -> None:
    excluded = [positive_data_acceptance] if case.path in CONVERSATIONS else []
    if case.path in UPLOADS:
        excluded.append(negative_data_rejection)
    response = case.call(base_url=url)
    # "Come again" to one addition too many is an answer, described as such, and no failure of the service.
    if response.status_code == 503 and "retry-after" in {name.lower() for name in response.headers}:
        excluded.append(not_a_server_error)
    case.validate_response(response, excluded_checks=excluded)

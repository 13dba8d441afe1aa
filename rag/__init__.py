"""The public door: `NewsQA`, the clients, the nouns and the errors. Each name loads its module on first use.

Example:
    with NewsQA.open("data") as qa:
        qa.add(Article(text="…", title="…"))
        answer = qa.ask("Who attended?")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rag.client import AsyncClient, Client
    from rag.errors import (
        AccessDenied,
        ArticleNotFound,
        CollectionNotFound,
        DocumentError,
        EmptyDocument,
        EncryptedDocument,
        FetchError,
        IndexMismatch,
        InputError,
        JobNotFound,
        ModelCorrupt,
        ModelError,
        ModelMissing,
        ModelTimeout,
        ModelUnavailable,
        NotAllowed,
        RagError,
        RateLimited,
        ReplayMismatch,
        ServiceBusy,
        ServiceError,
        ServiceUnavailable,
        SettingsError,
        StoreDamaged,
        StoreError,
        StoreFull,
        StoreLocked,
        UnreadableDocument,
        UnsupportedFormat,
    )
    from rag.newsqa import NewsQA
    from rag.replay import Recording, Replay
    from rag.settings import Settings
    from rag.types import (
        AddReport,
        Answer,
        Article,
        Checked,
        CheckReport,
        Citation,
        Confidence,
        Dated,
        Deletion,
        Difference,
        Disagreement,
        Dispute,
        DraftCheck,
        Event,
        Evidence,
        Failure,
        Filters,
        Form,
        FoundBy,
        Hit,
        Message,
        Passage,
        Sentence,
        Side,
        Speech,
        Statement,
        Status,
        Summary,
        SummaryEvent,
        Upload,
        Usage,
        Verdict,
    )

__version__ = "0.1.0"

__all__ = [
    "AccessDenied",
    "AddReport",
    "Answer",
    "Article",
    "ArticleNotFound",
    "AsyncClient",
    "CheckReport",
    "Checked",
    "Citation",
    "Client",
    "CollectionNotFound",
    "Confidence",
    "Dated",
    "Deletion",
    "Difference",
    "Disagreement",
    "Dispute",
    "DocumentError",
    "DraftCheck",
    "EmptyDocument",
    "EncryptedDocument",
    "Event",
    "Evidence",
    "Failure",
    "FetchError",
    "Filters",
    "Form",
    "FoundBy",
    "Hit",
    "IndexMismatch",
    "InputError",
    "JobNotFound",
    "Message",
    "ModelCorrupt",
    "ModelError",
    "ModelMissing",
    "ModelTimeout",
    "ModelUnavailable",
    "NewsQA",
    "NotAllowed",
    "Passage",
    "RagError",
    "RateLimited",
    "Recording",
    "Replay",
    "ReplayMismatch",
    "Sentence",
    "ServiceBusy",
    "ServiceError",
    "ServiceUnavailable",
    "Settings",
    "SettingsError",
    "Side",
    "Speech",
    "Statement",
    "Status",
    "StoreDamaged",
    "StoreError",
    "StoreFull",
    "StoreLocked",
    "Summary",
    "SummaryEvent",
    "UnreadableDocument",
    "UnsupportedFormat",
    "Upload",
    "Usage",
    "Verdict",
    "__version__",
]

_HOMES = {
    "NewsQA": "rag.newsqa",
    "Client": "rag.client",
    "AsyncClient": "rag.client",
    "Settings": "rag.settings",
    "Recording": "rag.replay",
    "Replay": "rag.replay",
}


def __getattr__(name: str) -> object:
    """Load a public name from its module (PEP 562), so that `import rag` stays cheap."""
    if name not in __all__:
        raise AttributeError(f"module 'rag' has no attribute {name!r}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    errors = import_module("rag.errors")
    return getattr(errors, name) if hasattr(errors, name) else getattr(import_module("rag.types"), name)


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)

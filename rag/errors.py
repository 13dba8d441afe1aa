"""Every error a caller can meet, drawn first, then one short class each.

RagError
├── InputError              the caller's input: which value, which limit, what to do   exit 2
│   ├── SettingsError       a setting or environment variable that cannot be used
│   ├── ArticleNotFound     an id that no article has
│   ├── CollectionNotFound  a collection that the service does not have
│   ├── JobNotFound         an id that no job has
│   └── AccessDenied        a service that wants another key, or none without one
│       └── NotAllowed      the key is right, but not for this
├── DocumentError           one document that cannot become an article; the others go on
│   ├── UnsupportedFormat · UnreadableDocument · EncryptedDocument · EmptyDocument
├── FetchError              a URL that did not deliver                                 exit 3
├── StoreError              catalog or vectors on disk                                 exit 3
│   ├── StoreLocked · StoreDamaged · StoreFull
│   └── IndexMismatch       built with other models than the ones now open
├── ModelError              a model file or a model's reply                            exit 3
│   ├── ModelMissing · ModelCorrupt
│   └── ModelUnavailable · ModelTimeout                                                retryable
├── ReplayMismatch          recorded replies do not fit what is asked now              exit 3
└── ServiceError            a service spoken to by `rag.Client` broke the protocol     exit 3
    └── ServiceUnavailable  it was not reached, or did not answer in time              retryable
        └── ServiceBusy     it has more to do than it accepts; says when to come again retryable
            └── RateLimited    this key has

`str(error)` is for the person at the machine and may name files. `error.public` is for clients over
the network: it never holds a path, a key or article text.
"""

from __future__ import annotations

from typing import ClassVar


class RagError(Exception):
    """Base of all errors of this package.

    Args:
        message: what happened, with the value that was met.
        hint: what to do about it, one sentence or one command.
        public: the sentence a remote client may see; the class's own sentence if empty.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 3
    retryable: ClassVar[bool] = False
    public_default: ClassVar[str] = "The service could not finish this request."

    def __init__(self, message: str, *, hint: str = "", public: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.public = public or self.public_default

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class InputError(RagError):
    """The caller's input is unusable. Its message quotes value and limit and is safe to show."""

    code = "invalid_input"
    exit_code = 2

    def __init__(self, message: str, *, hint: str = "", public: str = "") -> None:
        super().__init__(message, hint=hint, public=public or f"{message} {hint}".strip())


class SettingsError(InputError):
    """A setting or environment variable that cannot be used."""

    code = "invalid_setting"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, public="The service is not configured correctly.")


class ArticleNotFound(InputError):
    """No article has this id."""

    code = "article_not_found"


class CollectionNotFound(InputError):
    """The service has no collection of this name."""

    code = "collection_not_found"


class JobNotFound(InputError):
    """No job has this id."""

    code = "job_not_found"


class AccessDenied(InputError):
    """The service's key is missing or wrong."""

    code = "access_denied"


class NotAllowed(AccessDenied):
    """The key is right, but what was asked is beyond it."""

    code = "not_allowed"


class DocumentError(RagError):
    """One document cannot become an article."""

    code = "document_error"
    public_default = "This document cannot be read."


class UnsupportedFormat(DocumentError):
    """The file's kind is not one of those that are read."""

    code = "unsupported_format"
    public_default = "This kind of document is not supported."


class UnreadableDocument(DocumentError):
    """The bytes are not what the file claims to be, or no text comes out of them."""

    code = "unreadable_document"


class EncryptedDocument(DocumentError):
    """The document needs a password."""

    code = "encrypted_document"
    public_default = "This document is encrypted."


class EmptyDocument(DocumentError):
    """Nothing readable is left after cleaning."""

    code = "empty_document"
    public_default = "This document holds no text."


class FetchError(RagError):
    """A URL did not deliver a document."""

    code = "fetch_failed"
    public_default = "The address could not be fetched."


class StoreError(RagError):
    """Catalog or vector index on disk failed."""

    code = "store_error"
    public_default = "The index is not available."


class StoreLocked(StoreError):
    """Another process holds the data folder."""

    code = "store_locked"
    retryable = True


class StoreDamaged(StoreError):
    """A database file is damaged."""

    code = "store_damaged"


class StoreFull(StoreError):
    """No space is left to write."""

    code = "store_full"
    public_default = "The index has no space left."


class IndexMismatch(StoreError):
    """The index was built with other models or settings than the ones now open."""

    code = "index_mismatch"


class ModelError(RagError):
    """A model cannot be used."""

    code = "model_error"
    public_default = "The language model is not available."


class ModelMissing(ModelError):
    """Model files are not there and could not be fetched."""

    code = "model_missing"


class ModelCorrupt(ModelError):
    """A model file does not have its digest."""

    code = "model_corrupt"


class ModelUnavailable(ModelError):
    """The model's server did not answer, or answered with an error."""

    code = "model_unavailable"
    retryable = True


class ModelTimeout(ModelError):
    """The model did not finish within its deadline."""

    code = "model_timeout"
    retryable = True
    public_default = "The language model took too long."


class ReplayMismatch(RagError):
    """Recorded replies of a model do not fit what it would be asked now; see `rag.replay`."""

    code = "replay_mismatch"
    public_default = "The recorded replies do not fit this question."


class ServiceError(RagError):
    """The service answered something that is not its protocol."""

    code = "service_error"


class ServiceUnavailable(ServiceError):
    """The service was not reached, or did not answer in time."""

    code = "service_unavailable"
    retryable = True
    public_default = "The service is not available."


class ServiceBusy(ServiceUnavailable):
    """The service has more to do than it accepts, and has not begun with this.

    Args:
        message: what is full; safe to show.
        hint: what to do about it.
        retry_after: seconds after which it makes sense to come again.
    """

    code = "service_busy"

    def __init__(self, message: str, *, hint: str = "", public: str = "", retry_after: float = 1.0) -> None:
        super().__init__(message, hint=hint, public=public or f"{message} {hint}".strip())
        self.retry_after = retry_after


class RateLimited(ServiceBusy):
    """This key has asked for more than its share."""

    code = "rate_limited"

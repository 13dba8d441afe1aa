"""Files, folders, URLs and feeds to raw documents with what they tell of themselves; the one guarded fetcher.

In: a path or URL. Out: `RawDocument` per document, `Failure` per document that could not be read. Hides
trafilatura, pypdf, python-docx, charset-normalizer, feedparser and httpx. The content decides what a file
is; its name only helps where the content is plain text. Not protected against: a proxy in between (none is
used, so that the address that was checked is the one that is connected to).
"""

from __future__ import annotations

import calendar
import ipaddress
import logging
import os
import re
import socket
import ssl
import time
import unicodedata
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urldefrag, urljoin, urlsplit

from rag.errors import (
    DocumentError,
    EmptyDocument,
    EncryptedDocument,
    FetchError,
    InputError,
    RagError,
    UnreadableDocument,
    UnsupportedFormat,
)
from rag.settings import Settings
from rag.types import Failure, RawDocument

if TYPE_CHECKING:
    import httpx

READ_SUFFIXES = (".txt", ".text", ".md", ".markdown", ".html", ".htm", ".xhtml", ".pdf", ".docx")
"""Names that a folder is searched for. A file given by itself is read whatever its name, if it holds text."""

MAX_REDIRECTS = 5
MAX_FEED_ENTRIES = 100
FETCH_SECONDS = 30.0

_READ_ME = frozenset(
    "readme license licence copying notice changelog contributing authors code_of_conduct security".split()
)
_MARKDOWN_SUFFIXES = (".md", ".markdown")
_HTML_SUFFIXES = (".html", ".htm", ".xhtml")
_CHUNK = 64 * 1024
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")
_PROLOGUE = rb"\s*(?:<\?(?:(?!\?>).)*\?>\s*|<!--(?:(?!-->).)*-->\s*)*"
_HTML_START = re.compile(_PROLOGUE + rb"<(?:!doctype\s+html|html|head|body)\b", re.I | re.S)
_FEED_START = re.compile(_PROLOGUE + rb"<(?:rss|feed|rdf:RDF)\b", re.I | re.S)
_META_CHARSET = re.compile(rb"<meta[^>]{1,200}charset\s*=\s*[\"']?\s*([a-zA-Z0-9_.:-]+)", re.I)
_HTML_LANGUAGE = re.compile(r"<html[^>]{0,500}?\slang\s*=\s*[\"']?([a-zA-Z]{2,3})\b", re.I)
_OLE_START = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
_JUNK_TITLE = re.compile(
    r"(?:microsoft \w+ - .*|untitled.*|unbenannt.*|unknown|document\s?\d*|dokument\s?\d*|word-?dokument|"
    r"word document|.*\.(?:docx?|pdf|indd|qxp|rtf|odt|tex|dvi|tmp|txt))",
    re.IGNORECASE,
)
_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
# Left to itself the guess falls for the pages of old systems (mac_cyrillic for cp1251, cp775 for cp1250).
_GUESSED = """cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 koi8_r koi8_u iso8859_2 shift_jis euc_jp
    gb18030 big5 euc_kr""".split()
_NOT_WESTERN = re.compile(r"[^\W\d_][¿¡£¼½¾×¹]|[^\W\d_]{3}[²³]|[²³£¹][a-zß-ÿ]")  # Polish "by³", "¿e"
# What Western European texts in Windows-1252 hold beyond ASCII. Other letters of that page (ð þ ý …) are
# what Turkish, Czech and others look like when they are read with the wrong one.
_WESTERN = frozenset(
    "äöüÄÖÜßéèêëàâçîïôûùœæÿÉÈÊËÀÂÇÎÏÔÛÙŒÆñáíóúÑÁÍÓÚãõÃÕåøÅØòì"
    "„“”‚‘’»«›‹–—…•·€£§°²³½¼¾©®™´¡¿ªº±×%‰†\u00a0\u00ad"
)
_READ_AS_WINDOWS = ("iso-8859-1", "iso8859-1", "latin-1", "latin1", "ascii", "us-ascii")
_FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\r?\n(.{0,20000}?)\r?\n\1[ \t]*(?:\r?\n|\Z)", re.S)
_FRONT_MATTER_LINE = re.compile(r"([A-Za-z_-]+)\s*[:=]\s*(.+)")
_FRONT_MATTER_NAMES = {
    "title": "title", "date": "published", "published": "published", "pubdate": "published",
    "lang": "language", "language": "language", "source": "source", "site": "source",
    "publisher": "source", "url": "url", "link": "url", "canonical": "url", "canonical_url": "url",
}  # fmt: skip


class _Fetched(NamedTuple):
    """A resource: where it was found in the end, its bytes, the encoding its server named."""

    url: str
    data: bytes
    charset: str


def load(
    source: str | Path, settings: Settings, *, allow_private_addresses: bool = False
) -> Iterator[RawDocument | Failure]:
    """The documents of a file, a folder (searched recursively, in the order of names), a web page or a feed.

    A folder skips without a word what describes a collection (README, LICENSE and the like; such a file is
    read when it is given by itself). Hidden files and folders and files of other kinds come as `Failure`
    with code `unsupported_format`. A feed yields its newest 100 entries, each fetched from its link.

    Args:
        source: path, or URL with http or https.
        settings: `max_document_bytes` bounds every document, also unpacked and fetched ones.
        allow_private_addresses: lets URLs lead to loopback, private and link-local addresses.

    Raises:
        InputError: no such file or folder; another scheme than http and https; a URL with a password.
        DocumentError: a folder in which no document can be read (raised while iterating).
    """
    if isinstance(source, str) and _SCHEME.match(source):
        _require_web_address(source)
        return _load_url(source, settings, allow_private_addresses)
    path = Path(source).expanduser()
    if not str(source).strip() or not os.path.lexists(path):
        raise InputError(
            f"There is no file or folder {str(source)!r}.", hint="Give an existing path or an http(s) URL."
        )
    if path.is_dir():
        return _load_folder(path.resolve(), settings)
    return _load_file(path.resolve(), settings)


def _failure(origin: str, error: RagError) -> Failure:
    return Failure(origin=origin, code=error.code, message=error.message, hint=error.hint)


# --- files and folders -------------------------------------------------------------------------


def _load_file(path: Path, settings: Settings) -> Iterator[RawDocument | Failure]:
    origin = _printable(path)
    try:
        yield read_document(_bytes_of(path, settings), origin, settings, name=path.name)
    except DocumentError as error:
        yield _failure(origin, error)


def _printable(path: Path) -> str:
    """The path as text that can be stored: bytes that are no UTF-8 become replacement characters."""
    return os.fsencode(path).decode("utf-8", "replace")


def _bytes_of(path: Path, settings: Settings) -> bytes:
    if not path.is_file():
        raise UnreadableDocument(f"{_printable(path)} is not a regular file.", hint="Give a file or folder.")
    try:
        with path.open("rb") as file:
            data = file.read(settings.max_document_bytes + 1)
    except OSError as error:
        raise UnreadableDocument(
            f"{_printable(path)} cannot be opened: {error.strerror or error}.", hint="Check its permissions."
        ) from error
    if len(data) > settings.max_document_bytes:
        raise _too_large(_printable(path), settings)
    return data


def _too_large(origin: str, settings: Settings) -> UnreadableDocument:
    return UnreadableDocument(
        f"{origin} is larger than the {settings.max_document_bytes:,} bytes accepted.",
        hint="Split it, or raise RAG_MAX_DOCUMENT_BYTES.",
    )


def _load_folder(folder: Path, settings: Settings) -> Iterator[RawDocument | Failure]:
    """Failures are held back until a document has been read; without one the folder itself fails."""
    held: list[Failure] = []
    found = False
    for item in _folder_items(folder, settings):
        if isinstance(item, RawDocument) and not found:
            found = True
            yield from held
        if found:
            yield item
        elif isinstance(item, Failure):
            held.append(item)
    if not found:
        reasons = " ".join(failure.message for failure in held[:3]) or "It holds no documents."
        raise DocumentError(
            f"Nothing in the folder {_printable(folder)} can be read. {reasons}",
            hint=f"Give a folder with files named {', '.join(READ_SUFFIXES)}.",
        )


def _folder_items(folder: Path, settings: Settings) -> Iterator[RawDocument | Failure]:
    for parent, folders, names in os.walk(folder):
        hidden = sorted(name for name in folders if name.startswith("."))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in hidden:
            yield _skipped(Path(parent, name), "is a hidden folder")
        for name in sorted(names):
            yield from _folder_file(Path(parent, name), settings)


def _folder_file(path: Path, settings: Settings) -> Iterator[RawDocument | Failure]:
    stem, suffix = path.stem.lower(), path.suffix.lower()
    if stem in _READ_ME and suffix in ("", ".txt", ".md", ".markdown", ".html", ".rst"):
        return
    if path.name.startswith("."):
        yield _skipped(path, "is a hidden file")
    elif suffix not in READ_SUFFIXES:
        yield _skipped(path, f"has a name ending ({suffix or 'none'}) that is not read from folders")
    else:
        yield from _load_file(path, settings)


def _skipped(path: Path, reason: str) -> Failure:
    error = UnsupportedFormat(
        f"{_printable(path)} {reason}.", hint=f"Read are {', '.join(READ_SUFFIXES)}; give it by itself."
    )
    return _failure(_printable(path), error)


# --- documents ---------------------------------------------------------------------------------


def read_document(
    data: bytes, origin: str, settings: Settings, *, name: str = "", url: str = "", charset: str = ""
) -> RawDocument:
    """The document in `data`, whose kind is told from the bytes.

    Args:
        data: the file's bytes.
        origin: path or URL, for the document and for messages.
        settings: for `max_document_bytes`.
        name: file name; its ending tells Markdown and HTML fragments from plain text.
        url: address of a web page.
        charset: the encoding the server named, if any.

    Raises:
        DocumentError: `EmptyDocument`, `EncryptedDocument`, `UnsupportedFormat` or `UnreadableDocument`.
    """
    suffix = Path(name).suffix.lower()
    if not data.strip():
        raise EmptyDocument(f"{origin} is empty.", hint="Give a file that holds text.")
    if b"%PDF-" in data[:1024]:
        return _read_pdf(data, origin, settings)
    if data.startswith(b"PK\x03\x04"):
        return _read_docx(data, origin, settings)
    if data.startswith(_OLE_START):
        raise _ole_error(data, origin)
    is_html = bool(_HTML_START.match(data[:4096])) or suffix in _HTML_SUFFIXES
    if suffix in (".pdf", ".docx") and not is_html:
        raise UnreadableDocument(
            f"{origin} is named {suffix} but its content is not.", hint="Save it again, or export it as text."
        )
    text = decode(data, origin, declared=charset or (_declared_in_html(data) if is_html else ""), name=name)
    if not text.strip():
        raise EmptyDocument(f"{origin} is empty.", hint="Give a file that holds text.")
    if is_html:
        return _read_html(text, origin, url)
    if suffix in _MARKDOWN_SUFFIXES:
        return _read_markdown(text, origin)
    return RawDocument(text=text, kind="plain", origin=origin, url=url)


def _ole_error(data: bytes, origin: str) -> DocumentError:
    """Old Office files, and new ones with a password, come in the same container."""
    if _ENCRYPTED_PACKAGE in data:
        return EncryptedDocument(f"{origin} is encrypted.", hint="Save a copy without a password.")
    return UnsupportedFormat(f"{origin} is in an old Office format.", hint="Save it as .docx or .pdf.")


def _read_markdown(text: str, origin: str) -> RawDocument:
    known: dict[str, Any] = {}
    front = _FRONT_MATTER.match(text.removeprefix("\ufeff"))
    if front:
        text = text.removeprefix("\ufeff")[front.end() :]
        known = _front_matter(front.group(2))
    return RawDocument(text=text, kind="markdown", origin=origin, **known)


def _front_matter(block: str) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for line in block.splitlines():
        match = _FRONT_MATTER_LINE.fullmatch(line.strip())
        field = _FRONT_MATTER_NAMES.get(match.group(1).lower(), "") if match else ""
        value = match.group(2).strip().strip("\"'") if match else ""
        if not field or not value or field in known:
            continue
        if field == "published":
            known[field] = _moment(value)
        elif field == "language":
            known[field] = _language_code(value)
        elif field != "url" or value.startswith(("http://", "https://")):
            known[field] = value
    return known


def _moment(value: str | datetime | None) -> datetime | None:
    """A moment with zone, UTC where none is named; None for what is no ISO date."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if value is None:
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _language_code(tag: str) -> str:
    """ISO 639-1 code of a language tag such as "de-DE"; "" if there is none."""
    code = re.split(r"[-_]", tag.strip().lower(), maxsplit=1)[0]
    return code if len(code) == 2 and code.isalpha() and code.isascii() else ""


def _good_title(title: str | None) -> str:
    """Without the names that programs put where nobody gave a title."""
    title = " ".join((title or "").split())
    return "" if _JUNK_TITLE.fullmatch(title) else title


# --- encodings ---------------------------------------------------------------------------------


def decode(data: bytes, origin: str, *, declared: str = "", name: str = "") -> str:
    """Text of `data`. UTF-8 and marked UTF-16/32 first, then what is declared, then Western, then a guess.

    Raises:
        UnreadableDocument: the bytes are no text; `UnsupportedFormat` if the name does not claim they are.
    """
    text = _decoded(data, declared)
    if text is None or _is_rubbish(text):
        if Path(name).suffix.lower() in (*READ_SUFFIXES, ""):
            raise UnreadableDocument(
                f"{origin} holds no text that can be decoded.", hint="Save it as UTF-8 text, PDF or .docx."
            )
        raise UnsupportedFormat(
            f"{origin} is of a kind that is not read.", hint=f"Read are {', '.join(READ_SUFFIXES)}."
        )
    return text


def _decoded(data: bytes, declared: str) -> str | None:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _strictly(data, encoding)
    wide = _wide_encoding(data)
    if wide:
        return _strictly(data, wide)
    if _looks_binary(data):
        return None
    text = _strictly(data, "utf-8")
    if text is None and declared:
        # Browsers read ISO 8859-1 as the Windows page that extends it; so do writers of such pages.
        text = _strictly(data, "cp1252" if declared.lower() in _READ_AS_WINDOWS else declared)
    if text is None:
        text = _western(data)
    return text if text is not None else _guessed(data)


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError):
        return None


def _wide_encoding(data: bytes) -> str:
    """UTF-16 without a mark: every other byte of Latin text is zero."""
    sample = data[:4000]
    half = max(1, len(sample) // 2)
    even, odd = sample[0::2].count(0) / half, sample[1::2].count(0) / half
    if odd > 0.4 and even < 0.05:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.05 else ""


def _looks_binary(data: bytes) -> bool:
    controls = sum(data.count(bytes([code])) for code in range(32) if code not in (9, 10, 12, 13, 27))
    return controls > 0.005 * len(data)


def _western(data: bytes) -> str | None:
    text = _strictly(data, "cp1252")
    if text is None:
        return None
    beyond = [character for character in text if not character.isascii()]
    letters = sum(character.isalpha() for character in text)
    if any(character not in _WESTERN for character in beyond) or len(beyond) > 0.25 * max(letters, 4):
        return None
    return None if _NOT_WESTERN.search(text) else text


def _guessed(data: bytes) -> str | None:
    from charset_normalizer import from_bytes

    best = from_bytes(data, cp_isolation=list(_GUESSED)).best()
    return str(best) if best is not None else None


def _is_rubbish(text: str) -> bool:
    """More than one in a hundred characters is a control, unassigned or private."""
    sample = text[:100_000]
    odd = sum(
        unicodedata.category(character) in ("Cc", "Cn", "Co", "Cs") and character not in "\n\r\t\f\v\x85\x1b"
        for character in sample
    )
    return odd > 0.01 * len(sample)


def _declared_in_html(data: bytes) -> str:
    match = _META_CHARSET.search(data[:4096])
    return match.group(1).decode("ascii") if match else ""


# --- HTML, PDF, Word ---------------------------------------------------------------------------


def _quiet(*libraries: str) -> None:
    """No lines on the terminal about every oddity of a page; what matters of them is in our own errors."""
    for library in libraries:
        logging.getLogger(library).setLevel(logging.CRITICAL)


def _read_html(text: str, origin: str, url: str) -> RawDocument:
    """Main text and metadata of a page, without navigation, advertisement and comments."""
    import trafilatura

    _quiet("trafilatura", "htmldate")
    found = trafilatura.bare_extraction(
        text,
        url=url or None,
        include_comments=False,
        with_metadata=True,
        date_extraction_params={"extensive_search": False, "original_date": True},
    )
    main = (getattr(found, "text", None) or "").strip() or trafilatura.html2txt(text).strip()
    if not main:
        raise EmptyDocument(
            f"{origin} holds no text.", hint="A page that scripts build must be saved from a browser first."
        )
    canonical = str(getattr(found, "url", None) or "")
    language = _HTML_LANGUAGE.search(text[:10_000])
    return RawDocument(
        text=main,
        kind="html",
        origin=origin,
        title=_good_title(getattr(found, "title", None)),
        source=getattr(found, "sitename", None) or urlsplit(canonical or url).hostname or "",
        url=canonical if canonical.startswith(("http://", "https://")) else url,
        published=_moment(getattr(found, "date", None)),
        language=_language_code(language.group(1)) if language else "",
    )


def _read_pdf(data: bytes, origin: str, settings: Settings) -> RawDocument:
    """Text of the pages, with a form feed between them, which tells the cleaner where running heads stand."""
    from pypdf import PdfReader

    _quiet("pypdf")
    try:
        reader = PdfReader(BytesIO(data))
        if reader.is_encrypted and not _opens_without_password(reader):
            raise EncryptedDocument(f"{origin} is encrypted.", hint="Save a copy without a password.")
        text = _pdf_text(reader, origin, settings)
        known = _pdf_metadata(reader)
    except DocumentError:
        raise
    except Exception as error:  # pypdf lets many kinds through, from KeyError to RecursionError
        raise UnreadableDocument(
            f"{origin} is a damaged PDF ({type(error).__name__}: {error}).",
            hint="Open it in a viewer and save it again.",
        ) from error
    if not text.strip():
        raise EmptyDocument(f"{origin} holds no text.", hint="A scan needs text recognition (OCR) first.")
    return RawDocument(text=text, kind="pdf", origin=origin, **known)


def _opens_without_password(reader: Any) -> bool:
    """True for PDFs that are only protected against printing or changing."""
    from pypdf.errors import DependencyError

    try:
        return bool(reader.decrypt(""))
    except (DependencyError, NotImplementedError):
        return False


def _pdf_text(reader: Any, origin: str, settings: Settings) -> str:
    pages: list[str] = []
    size = 0
    for page in reader.pages:
        pages.append((page.extract_text() or "").replace("\f", "\n"))
        size += len(pages[-1])
        if size > settings.max_document_bytes:
            raise _too_large(f"The text of {origin}", settings)
    return "\f".join(pages)


def _pdf_metadata(reader: Any) -> dict[str, Any]:
    """Title, date of creation and language. Broken metadata is no reason to refuse the text."""
    metadata = reader.metadata
    language = reader.root_object.get("/Lang", "")
    known: dict[str, Any] = {"language": _language_code(str(language))}
    if metadata is None:
        return known
    known["title"] = _good_title(metadata.title)
    try:
        known["published"] = _moment(metadata.creation_date)
    except ValueError:
        known["published"] = None
    return known


def _read_docx(data: bytes, origin: str, settings: Settings) -> RawDocument:
    """Paragraphs and table rows of a Word file in their order, one a line."""
    _check_zip(data, origin, settings)
    import docx
    from docx.table import Table

    try:
        document = docx.Document(BytesIO(data))
        lines: list[str] = []
        for block in document.iter_inner_content():
            lines += _table_lines(block) if isinstance(block, Table) else [block.text]
        properties = document.core_properties
        title, language, created = properties.title, properties.language, properties.created
    except Exception as error:  # python-docx lets through what lxml and zipfile raise
        raise UnreadableDocument(
            f"{origin} is a damaged Word file ({type(error).__name__}: {error}).",
            hint="Open it in Word and save it again.",
        ) from error
    text = "\n".join(lines)
    if not text.strip():
        raise EmptyDocument(f"{origin} holds no text.", hint="A scan needs text recognition (OCR) first.")
    return RawDocument(
        text=text,
        kind="docx",
        origin=origin,
        title=_good_title(title),
        published=_moment(created),
        language=_language_code(language or ""),
    )


def _table_lines(table: Any) -> list[str]:
    """One line per row; a cell that spans columns is given once."""
    lines = []
    for row in table.rows:
        cells: list[str] = []
        for cell in row.cells:
            text = " ".join(cell.text.split())
            if text and (not cells or cells[-1] != text):
                cells.append(text)
        lines.append("  ".join(cells))
    return lines


def _check_zip(data: bytes, origin: str, settings: Settings) -> None:
    """Refuses archives that are no Word files, or that unpack to more than twice what is accepted.

    zipfile reads no more of an entry than its declared size, so the sum of these bounds the memory.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise UnreadableDocument(
            f"{origin} is a damaged Word file ({error}).", hint="Open it in Word and save it again."
        ) from error
    if not any(entry.filename == "word/document.xml" for entry in entries):
        raise UnsupportedFormat(f"{origin} is an archive, no Word file.", hint="Unpack it first.")
    if any(entry.flag_bits & 1 for entry in entries):
        raise EncryptedDocument(f"{origin} is encrypted.", hint="Save a copy without a password.")
    if sum(entry.file_size for entry in entries) > 2 * settings.max_document_bytes:
        raise _too_large(f"The unpacked content of {origin}", settings)


# --- web ---------------------------------------------------------------------------------------


def _require_web_address(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise InputError(
            f"{url!r} cannot be fetched.", hint="Give a URL that begins with http:// or https://."
        )
    if parts.username or parts.password:
        raise InputError(
            f"The URL of {parts.hostname} holds a user name or password.", hint="Give the URL without it."
        )


def _load_url(url: str, settings: Settings, allow_private: bool) -> Iterator[RawDocument | Failure]:
    origin = urldefrag(url).url
    try:
        fetched = fetch(origin, settings, allow_private_addresses=allow_private)
        if not _FEED_START.match(fetched.data[:4096]):
            yield _read_fetched(fetched, origin, settings)
            return
    except (DocumentError, FetchError) as error:
        yield _failure(origin, error)
        return
    yield from _load_feed(fetched, settings, allow_private)


def _read_fetched(fetched: _Fetched, origin: str, settings: Settings) -> RawDocument:
    name = Path(urlsplit(fetched.url).path).name
    document = read_document(
        fetched.data, origin, settings, name=name, url=fetched.url, charset=fetched.charset
    )
    return document if document.url else document.model_copy(update={"url": fetched.url})


def _load_feed(fetched: _Fetched, settings: Settings, allow_private: bool) -> Iterator[RawDocument | Failure]:
    """The entries of a feed; its title and dates stand in where a page tells none."""
    import feedparser

    feed = feedparser.parse(BytesIO(fetched.data))
    if not feed.entries:
        error = EmptyDocument(f"The feed {fetched.url} has no entries.", hint="Give the URL of an article.")
        yield _failure(fetched.url, error)
    seen: set[str] = set()
    for entry in feed.entries[:MAX_FEED_ENTRIES]:
        link = urldefrag(urljoin(fetched.url, entry.get("link") or "")).url
        if not entry.get("link") or link in seen:
            continue
        seen.add(link)
        yield _load_entry(link, entry, feed.feed.get("title") or "", settings, allow_private)


def _load_entry(
    link: str, entry: Any, source: str, settings: Settings, allow_private: bool
) -> RawDocument | Failure:
    try:
        _require_web_address(link)
        page = _read_fetched(fetch(link, settings, allow_private_addresses=allow_private), link, settings)
    except (InputError, DocumentError, FetchError) as error:
        return _failure(link, error)
    parsed = entry.get("published_parsed") or entry.get("updated_parsed")
    moment = datetime.fromtimestamp(calendar.timegm(parsed), UTC) if parsed else None
    return page.model_copy(
        update={
            "title": page.title or _good_title(entry.get("title")),
            "source": page.source or source,
            "published": page.published or moment,
        }
    )


def fetch(url: str, settings: Settings, *, allow_private_addresses: bool = False) -> _Fetched:
    """One resource over http or https, redirects followed, at most 30 seconds and `max_document_bytes`.

    Every host, also of a redirect, is resolved first and refused if any of its addresses is not public; the
    connection goes to the address that was checked, so a name cannot change its mind in between.

    Raises:
        FetchError: address refused, no answer, an error status, too many redirects, too slow.
        UnreadableDocument: larger than `max_document_bytes`.
    """
    import httpx

    deadline = time.monotonic() + FETCH_SECONDS
    # Proxies of the environment are not used: they would resolve the name again, unchecked.
    with httpx.Client(verify=ssl.create_default_context(), trust_env=False, timeout=10.0) as client:
        for _ in range(MAX_REDIRECTS + 1):
            answer = _get(client, url, settings, deadline, allow_private_addresses)
            if isinstance(answer, _Fetched):
                return answer
            url = answer
    raise FetchError(f"More than {MAX_REDIRECTS} redirects led to {url}.", hint="Give the final URL.")


def _get(
    client: httpx.Client, url: str, settings: Settings, deadline: float, allow_private: bool
) -> _Fetched | str:
    """The resource, or the URL it redirects to."""
    import httpx

    try:
        target = httpx.URL(url)
        address = _checked_address(target, allow_private)
        request = client.build_request(
            "GET",
            target.copy_with(host=address),
            headers={"Host": target.netloc.decode("ascii"), "User-Agent": "rag", "Accept": "text/html,*/*"},
            extensions={"sni_hostname": target.raw_host.decode("ascii")},
        )
        response = client.send(request, stream=True)
        try:
            return _received(response, url, settings, deadline)
        finally:
            response.close()
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise FetchError(
            f"{url} could not be fetched: {error or type(error).__name__}.",
            hint="Check the address and the network.",
        ) from error


def _received(response: httpx.Response, url: str, settings: Settings, deadline: float) -> _Fetched | str:
    if response.is_redirect:
        location = urldefrag(urljoin(url, response.headers["location"])).url
        if urlsplit(location).scheme not in ("http", "https") or not urlsplit(location).hostname:
            raise FetchError(f"{url} redirects to {location!r}, which is no web address.", hint="Check it.")
        return location
    if response.status_code != 200:
        raise FetchError(f"{url} answered with status {response.status_code}.", hint="Check the address.")
    data = bytearray()
    for chunk in response.iter_bytes(_CHUNK):
        data += chunk
        if len(data) > settings.max_document_bytes:
            raise _too_large(url, settings)
        if time.monotonic() > deadline:
            raise FetchError(f"{url} took longer than {FETCH_SECONDS:.0f} s.", hint="Try again later.")
    return _Fetched(url, bytes(data), response.charset_encoding or "")


def _checked_address(target: httpx.URL, allow_private: bool) -> str:
    """An address of the host, after all of them were found to be public."""
    port = target.port or (443 if target.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(target.host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise FetchError(
            f"The host {target.host!r} could not be found ({error}).",
            hint="Check the address and the network.",
        ) from error
    addresses = [str(entry[4][0]) for entry in found]
    if not allow_private and not all(_is_public(address) for address in addresses):
        raise FetchError(
            f"{target.host!r} leads to an address inside a private network, which is not fetched.",
            hint="Save the page as a file and add the file.",
        )
    return addresses[0]


def _is_public(address: str) -> bool:
    parsed = ipaddress.ip_address(address.split("%")[0])
    inner = getattr(parsed, "ipv4_mapped", None) or getattr(parsed, "sixtofour", None)
    if inner is not None and not _is_public(str(inner)):
        return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved

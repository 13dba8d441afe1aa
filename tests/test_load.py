"""Loading: what documents tell, what is said of those that cannot be read, where the fetcher does not go."""

from __future__ import annotations

import contextlib
import io
import socket
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import docx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter
from reportlab.pdfgen.canvas import Canvas

import rag.load
from rag.clean import clean
from rag.errors import DocumentError, FetchError, InputError
from rag.load import decode, fetch, load, read_document
from rag.settings import Settings
from rag.types import Failure, RawDocument

SETTINGS = Settings(max_document_bytes=2_000_000)
GERMAN = "Die Größe der Bäume überrascht – „schön“, sagte Änne für 5 €.\n" * 3


def documents(source: str | Path) -> list[RawDocument]:
    return [item for item in load(source, SETTINGS) if isinstance(item, RawDocument)]


def failures(source: str | Path) -> dict[str, str]:
    """Code by file name of everything that was not read."""
    return {Path(item.origin).name: item.code for item in load(source, SETTINGS) if isinstance(item, Failure)}


def only(source: Path) -> RawDocument | Failure:
    [item] = load(source, SETTINGS)
    return item


def code_of(tmp_path: Path, name: str, data: bytes) -> str:
    path = tmp_path / name
    path.write_bytes(data)
    item = only(path)
    assert isinstance(item, Failure)
    assert str(path) in item.message
    assert item.hint
    return item.code


def pdf(*pages: str, title: str = "", password: str = "") -> bytes:
    buffer = io.BytesIO()
    canvas = Canvas(buffer)
    canvas.setTitle(title)
    for page in pages:
        for n, line in enumerate(page.splitlines()):
            canvas.drawString(72, 760 - 14 * n, line)
        canvas.showPage()
    canvas.save()
    if not password:
        return buffer.getvalue()
    writer = PdfWriter(clone_from=PdfReader(buffer))
    writer.encrypt(password, algorithm="RC4-128")
    encrypted = io.BytesIO()
    writer.write(encrypted)
    return encrypted.getvalue()


def word_file(*paragraphs: str) -> bytes:
    document = docx.Document()
    document.core_properties.title = "Der Titel"
    document.core_properties.created = datetime(2025, 2, 18, 10)
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    row = document.add_table(rows=1, cols=2).rows[0]
    row.cells[0].text, row.cells[1].text = "links", "rechts"
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


PAGE = """<!doctype html><html lang="de-DE"><head><title>Titel der Seite</title>
<meta property="og:site_name" content="Tageblatt"><link rel="canonical" href="https://blatt.example/a">
<meta property="article:published_time" content="2025-02-18T10:15:00+01:00"></head>
<body><nav><a href="/">Start</a><a href="/x">Politik</a></nav><article><h1>Titel der Seite</h1>
<p>Die beiden Länder haben sich getroffen, um über den Streit zu sprechen und Lösungen zu finden.</p>
<h2>Wer war dabei?</h2><p>Auf der einen Seite nahmen zwei Männer teil. Sie sprachen lange und gingen dann.</p>
</article><footer>Impressum Datenschutz</footer></body></html>"""


# --- encodings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"]
)
def test_german_text_is_decoded_from(encoding: str) -> None:
    assert decode(GERMAN.encode(encoding), "a.txt").removeprefix("\ufeff") == GERMAN


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        (
            "cp1251",
            "Министры иностранных дел двух стран встретились во вторник и долго говорили о мире. " * 4,
        ),
        (
            "koi8-r",
            "Министры иностранных дел двух стран встретились во вторник и долго говорили о мире. " * 4,
        ),
        ("cp1250", "Ministrowie spotkali się we wtorek, żeby mówić o pokoju; wśród gości był też król. " * 4),
        (
            "cp1254",
            "Dışişleri bakanları salı günü buluştu ve barış için uzun uzun konuştu, şimdi iş bitti. " * 4,
        ),
        (
            "cp1252",
            "Les ministres se sont rencontrés à Genève ; l'été dernier, c'était déjà très difficile. ",
        ),
        ("cp1250", "Ministři zahraničí se sešli v úterý a dlouho jednali o míru; příští týden znovu. " * 4),
        ("cp1252", "Il ministro è arrivato lunedì; perché così? È già partito. "),
        ("cp1252", "El señor Muñoz llegó mañana a la reunión, ¿verdad? La situación es difícil aún. "),
        (
            "shift_jis",
            "外務大臣は火曜日に会談し、平和について長い間話し合いました。結果はまだ分かりません。" * 3,
        ),
    ],
)
def test_other_encodings_are_told_from_the_text(encoding: str, text: str) -> None:
    assert decode(text.encode(encoding), "a.txt") == text


def test_a_page_is_read_in_the_encoding_it_names() -> None:
    page = PAGE.replace("<head>", '<head><meta charset="windows-1252">').encode("cp1252")
    assert "Länder" in read_document(page, "a.html", SETTINGS).text


def test_utf8_wins_over_a_wrong_declaration() -> None:
    page = PAGE.replace("<head>", '<head><meta charset="iso-8859-1">').encode()
    assert "Länder" in read_document(page, "a.html", SETTINGS).text


# --- bad files ---------------------------------------------------------------------------------


def test_empty_file_is_an_empty_document(tmp_path: Path) -> None:
    assert code_of(tmp_path, "leer.txt", b"") == "empty_document"
    assert code_of(tmp_path, "leer.md", b" \n\n ") == "empty_document"


@pytest.mark.parametrize("name", ["a.txt", "a.md", "a.html", "a.pdf", "a.docx"])
def test_binary_rubbish_is_unreadable_whatever_its_name(tmp_path: Path, name: str) -> None:
    rubbish = bytes((n * 7919 >> 3) % 256 for n in range(5000))
    assert code_of(tmp_path, name, rubbish) == "unreadable_document"


def test_picture_given_by_itself_is_unsupported(tmp_path: Path) -> None:
    assert code_of(tmp_path, "a.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9) == "unsupported_format"


def test_encrypted_pdf_says_so(tmp_path: Path) -> None:
    assert code_of(tmp_path, "a.pdf", pdf("Geheim", password="x")) == "encrypted_document"


def test_pdf_that_is_only_protected_against_changes_is_read() -> None:
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(pdf("Ein Satz."))))
    writer.encrypt("", "owner", algorithm="RC4-128")
    buffer = io.BytesIO()
    writer.write(buffer)
    assert "Ein Satz." in read_document(buffer.getvalue(), "a.pdf", SETTINGS).text


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_broken_pdf_is_unreadable_or_still_gives_its_text(tmp_path: Path, share: float) -> None:
    data = pdf("Ein Satz.", "Noch einer.")
    path = tmp_path / "a.pdf"
    path.write_bytes(data[: int(len(data) * share)])
    item = only(path)
    assert isinstance(item, RawDocument) or item.code in ("unreadable_document", "empty_document")


def test_pdf_of_rubbish_is_unreadable(tmp_path: Path) -> None:
    assert code_of(tmp_path, "a.pdf", b"%PDF-1.7\n" + b"\xde\xad" * 500) == "unreadable_document"


def test_pdf_without_text_is_empty(tmp_path: Path) -> None:
    assert code_of(tmp_path, "scan.pdf", pdf("")) == "empty_document"


def test_text_named_pdf_is_unreadable(tmp_path: Path) -> None:
    assert code_of(tmp_path, "a.pdf", b"Nur Text.") == "unreadable_document"


def test_broken_word_file_is_unreadable(tmp_path: Path) -> None:
    assert code_of(tmp_path, "a.docx", word_file("Text.")[:900]) == "unreadable_document"


def test_other_archive_is_unsupported(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "Text")
    assert code_of(tmp_path, "a.docx", buffer.getvalue()) == "unsupported_format"


def test_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b" " * 30_000_000)
    assert len(buffer.getvalue()) < 50_000
    assert code_of(tmp_path, "a.docx", buffer.getvalue()) == "unreadable_document"


def test_word_file_with_a_password_says_so(tmp_path: Path) -> None:
    data = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500) + "EncryptedPackage".encode("utf-16-le")
    assert code_of(tmp_path, "a.docx", data) == "encrypted_document"
    assert code_of(tmp_path, "a.doc", data[:300]) == "unsupported_format"


def test_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    assert code_of(tmp_path, "a.txt", b"Wort " * 500_000) == "unreadable_document"


def test_missing_path_is_wrong_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nirgends"):
        load(tmp_path / "nirgends.txt", SETTINGS)


@settings(deadline=None)
@given(
    st.binary(max_size=400), st.sampled_from(["", "%PDF-1.4\n", "PK\x03\x04", "<html>", "---\n", "\xff\xfe"])
)
def test_any_bytes_give_a_document_or_a_document_error(data: bytes, start: str) -> None:
    for name in ("a.txt", "a.md", "a.html"):
        with contextlib.suppress(DocumentError):
            assert read_document(start.encode("latin-1") + data, "a", SETTINGS, name=name).text.strip()


# --- what documents tell -----------------------------------------------------------------------


def test_page_gives_main_text_and_metadata() -> None:
    document = read_document(PAGE.encode(), "/a.html", SETTINGS)
    assert (document.title, document.source, document.language) == ("Titel der Seite", "Tageblatt", "de")
    assert document.url == "https://blatt.example/a"
    assert document.published == datetime(2025, 2, 18, tzinfo=UTC)
    text = clean(document).text
    assert "\n\nWer war dabei?\n\nAuf der einen Seite" in text
    assert "Impressum" not in text
    assert "Politik" not in text


def test_page_named_txt_is_read_as_a_page(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(PAGE, encoding="utf-8")
    assert documents(path)[0].kind == "html"


def test_pdf_gives_text_title_and_page_breaks(tmp_path: Path) -> None:
    path = tmp_path / "a.pdf"
    path.write_bytes(pdf("Seite eins.", "Seite zwei.", title="Der Titel"))
    [document] = documents(path)
    assert (document.kind, document.title, document.origin) == ("pdf", "Der Titel", str(path))
    assert [page.strip() for page in document.text.split("\f")] == ["Seite eins.", "Seite zwei."]
    assert document.published is not None


def test_title_that_a_program_made_up_is_no_title() -> None:
    assert read_document(pdf("Text.", title="Microsoft Word - entwurf3.doc"), "a", SETTINGS).title == ""


def test_word_file_gives_paragraphs_tables_and_properties() -> None:
    document = read_document(word_file("Erster Absatz.", "Zweiter."), "/a.docx", SETTINGS)
    assert document.text.split("\n") == ["Erster Absatz.", "Zweiter.", "links  rechts"]
    assert document.title == "Der Titel"
    assert document.published == datetime(2025, 2, 18, 10, tzinfo=UTC)


def test_front_matter_of_markdown_is_metadata_not_text() -> None:
    front = 'title: "Der Titel"\ndate: 2025-02-18\nlang: de-AT\nurl: https://a.example/x\ntags: [a]'
    document = read_document(f"---\n{front}\n---\n# Kopf\n".encode(), "/a.md", SETTINGS, name="a.md")
    assert document.text == "# Kopf\n"
    assert (document.title, document.language, document.url) == ("Der Titel", "de", "https://a.example/x")
    assert document.published == datetime(2025, 2, 18, tzinfo=UTC)


def test_date_that_is_none_is_left_out() -> None:
    assert read_document(b"---\ndate: gestern\n---\nText.", "a", SETTINGS, name="a.md").published is None


# --- folders -----------------------------------------------------------------------------------


def test_folder_gives_documents_in_order_and_says_what_it_skipped(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.txt").write_text("Text.")
    for name, text in [
        ("c.txt", "C."),
        ("a.md", "A."),
        ("b/z.txt", "Z."),
        ("b/y.txt", "Y."),
        ("README.md", "R."),
    ]:
        (tmp_path / name).write_text(text)
    (tmp_path / "leer.txt").write_bytes(b"")
    (tmp_path / "bild.png").write_bytes(b"\x89PNG")
    (tmp_path / ".geheim").write_text("x")
    assert [Path(document.origin).name for document in documents(tmp_path)] == [
        "a.md",
        "c.txt",
        "y.txt",
        "z.txt",
    ]
    assert failures(tmp_path) == {
        ".git": "unsupported_format",
        ".geheim": "unsupported_format",
        "bild.png": "unsupported_format",
        "leer.txt": "empty_document",
    }


def test_readme_is_read_when_it_is_given_by_itself(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("Text.")
    assert len(documents(tmp_path / "README.md")) == 1


def test_folder_without_a_readable_file_is_an_error_that_names_reasons(tmp_path: Path) -> None:
    (tmp_path / "leer.txt").write_bytes(b"")
    with pytest.raises(DocumentError, match=r"leer\.txt is empty"):
        list(load(tmp_path, SETTINGS))


def test_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DocumentError, match="no documents"):
        list(load(tmp_path, SETTINGS))


def test_file_without_permission_or_that_is_no_file_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "hin.txt").symlink_to(tmp_path / "weg.txt")
    (tmp_path / "a.txt").write_text("Text.")
    assert failures(tmp_path) == {"hin.txt": "unreadable_document"}


# --- web ---------------------------------------------------------------------------------------

Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture
def site() -> Iterator[Callable[[dict[str, Answer]], str]]:
    """Serves the given answers by path on this machine; gives the base URL."""
    servers: list[ThreadingHTTPServer] = []

    def serve(answers: dict[str, Answer]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:  # noqa: N802
                status, headers, body = answers.get(self.path, (404, {}, b""))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                with contextlib.suppress(ConnectionError):
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                return

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def fetched(url: str) -> list[RawDocument | Failure]:
    return list(load(url, SETTINGS, allow_private_addresses=True))


def html(text: str = PAGE) -> Answer:
    return (200, {"Content-Type": "text/html; charset=utf-8"}, text.encode())


def test_page_is_fetched_and_redirects_are_followed(site: Callable[[dict[str, Answer]], str]) -> None:
    base = site({"/alt": (302, {"Location": "/neu"}, b""), "/neu": html()})
    [document] = fetched(f"{base}/alt#anker")
    assert isinstance(document, RawDocument)
    assert (document.origin, document.title) == (f"{base}/alt", "Titel der Seite")


def test_pdf_behind_a_url_is_read(site: Callable[[dict[str, Answer]], str]) -> None:
    base = site({"/a": (200, {"Content-Type": "application/pdf"}, pdf("Ein Satz."))})
    [document] = fetched(f"{base}/a")
    assert isinstance(document, RawDocument)
    assert (document.kind, document.url) == ("pdf", f"{base}/a")


@pytest.mark.parametrize(
    "answer",
    [
        (404, {}, b""),
        (500, {}, b"x"),
        (302, {"Location": "file:///etc/passwd"}, b""),
        (302, {"Location": "/a"}, b""),
    ],
)
def test_page_that_does_not_deliver_is_a_failure(
    site: Callable[[dict[str, Answer]], str], answer: Answer
) -> None:
    [failure] = fetched(site({"/a": answer}) + "/a")
    assert isinstance(failure, Failure)
    assert failure.code == "fetch_failed"


def test_closed_port_is_a_failure() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    [failure] = fetched(f"http://127.0.0.1:{port}/")
    assert isinstance(failure, Failure)
    assert failure.code == "fetch_failed"


def test_too_large_page_is_cut_off(site: Callable[[dict[str, Answer]], str]) -> None:
    [failure] = fetched(site({"/a": (200, {}, b"x" * 2_100_000)}) + "/a")
    assert isinstance(failure, Failure)
    assert failure.code == "unreadable_document"


def test_slow_page_is_given_up(
    site: Callable[[dict[str, Answer]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rag.load, "FETCH_SECONDS", -1.0)
    with pytest.raises(FetchError, match="longer"):
        fetch(site({"/a": html()}) + "/a", SETTINGS, allow_private_addresses=True)


@pytest.mark.parametrize(
    "address",
    """127.0.0.1 ::1 10.0.0.1 192.168.1.1 172.16.0.1 169.254.169.254 0.0.0.0 :: fe80::1%eth0 fc00::1
    ::ffff:127.0.0.1 2002:7f00:1:: 64:ff9b:1::1 100.64.0.1 224.0.0.1 255.255.255.255""".split(),
)
def test_host_with_a_private_address_is_refused(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 80))
    private = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [public, private])
    [failure] = load("http://harmlos.example/a", SETTINGS)
    assert isinstance(failure, Failure)
    assert failure.code == "fetch_failed"
    assert "private network" in failure.message


def test_own_machine_is_refused_by_name(site: Callable[[dict[str, Answer]], str]) -> None:
    [failure] = load(site({"/a": html()}).replace("127.0.0.1", "localhost") + "/a", SETTINGS)
    assert isinstance(failure, Failure)
    assert "private network" in failure.message


def test_redirect_to_a_private_address_is_refused(
    site: Callable[[dict[str, Answer]], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = site({"/geheim": html()})
    outer = site({"/a": (302, {"Location": f"{inner}/geheim"}, b"")})
    port = int(outer.rsplit(":", 1)[1])
    checked = rag.load._checked_address
    monkeypatch.setattr(
        rag.load, "_checked_address", lambda target, allow: checked(target, allow or target.port == port)
    )
    [failure] = load(f"{outer}/a", SETTINGS)
    assert isinstance(failure, Failure)
    assert "private network" in failure.message


@pytest.mark.parametrize(
    "url", ["ftp://a.example/x", "file:///etc/passwd", "http://", "https://u:p@a.example/"]
)
def test_other_urls_are_wrong_input(url: str) -> None:
    with pytest.raises(InputError):
        load(url, SETTINGS)


def test_feed_gives_its_entries_with_their_dates(site: Callable[[dict[str, Answer]], str]) -> None:
    bare = PAGE.replace("2025-02-18T10:15:00+01:00", "").replace('property="og:site_name"', 'name="x"')
    feed = """<?xml version="1.0"?><!-- feed --><rss version="2.0"><channel><title>Mein Feed</title>
    <item><title>Eins</title><link>/1</link><pubDate>Tue, 18 Feb 2025 09:00:00 GMT</pubDate></item>
    <item><title>Weg</title><link>/2</link></item><item><title>Eins</title><link>/1</link></item>
    <item><title>Fern</title><link>ftp://a.example/x</link></item></channel></rss>"""
    base = site({"/feed": (200, {"Content-Type": "application/rss+xml"}, feed.encode()), "/1": html(bare)})
    first, second, third = fetched(f"{base}/feed")
    assert isinstance(first, RawDocument)
    assert first.origin == f"{base}/1"
    assert first.published == datetime(2025, 2, 18, 9, tzinfo=UTC)
    assert isinstance(second, Failure)
    assert isinstance(third, Failure)
    assert [second.code, third.code] == ["fetch_failed", "invalid_input"]

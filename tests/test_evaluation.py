"""Right answers pass, broken ones are caught, and a mistake in a fact file is named with its line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.clean import clean
from rag.errors import ArticleNotFound, InputError, ModelMissing, ModelTimeout
from rag.evaluation import (
    EvalReport,
    Fact,
    FactFile,
    Judgement,
    judge,
    read_facts,
    read_floor,
    render,
    run,
)
from rag.evaluation.facts import piece_spans
from rag.evaluation.matching import form_problem, normalise, stands, without_marks
from rag.evaluation.metrics import FactResult, Measure, measure, percentile
from rag.evaluation.support import sound, wrong_language
from rag.sentences import split_sentences
from rag.types import Answer, Article, Citation, Event, RawDocument, Statement, Status, Usage, Verdict

EVAL = Path(__file__).parent.parent / "eval"
RIAD, KIEW = "treffen-in-riad", "usa-russland-verhandeln-ohne-kiew"
RUSSIAN_SIDE = (
    "Auf russischer Seite nahmen Außenminister Sergej Lawrow und Wladimir Putins außenpolitischer Berater "
    "Uschakow an den Gesprächen teil."
)
FUND = (
    "Auch wirtschaftliche Fragen standen auf der Agenda, wobei der russische Chef des staatlichen "
    "Investitionsfonds, Kirill Dmitrijew, ebenfalls anwesend war."
)
DELEGATION = (
    "US-Außenminister Rubio wurde von nationalem Sicherheitsberater Mike Waltz und US-Sondergesandtem Steve "
    "Witkoff begleitet."
)
CALL = (
    "US-Präsident Donald Trump ein 90-minütiges Telefonat mit seinem russischen Amtskollegen Wladimir Putin"
)
HEGSETH = (
    "US-Verteidigungsminister Pete Hegseth erklärte, dass eine NATO-Mitgliedschaft der Ukraine derzeit kein "
    "realistisches Verhandlungsergebnis sei."
)
NATO = "Auch eine mögliche NATO-Mitgliedschaft der Ukraine lehnt Russland strikt ab."
USEFUL = "Lawrow bezeichnete das Treffen als “sehr nützlich” und betonte"
Said = tuple[str, str]  # text, quote


@cache
def gold() -> FactFile:
    return read_facts(EVAL / "facts.yaml")


@cache
def seeds() -> dict[str, Article]:
    articles = {}
    for path in gold().articles:
        text = path.read_text(encoding="utf-8")
        article = clean(RawDocument(text=text, kind="plain", origin=str(path)))
        sentences = split_sentences(article.text, "de")
        articles[path.stem] = article.model_copy(
            update={"id": path.stem, "revision": "r1", "sentences": sentences}
        )
    return articles


def fact(fact_id: str) -> Fact:
    return next(one for one in gold().facts if one.id == fact_id)


def cite(quote: str, number: int = 1) -> Citation:
    article = next(one for one in seeds().values() if quote in one.text)
    start = article.text.index(quote)
    return Citation(
        number=number, article_id=article.id, revision="r1", start=start, end=start + len(quote), quote=quote
    )


def answer_of(
    said: Sequence[Said | Statement], *, language: str, status: Status = Status.ANSWERED, text: str = ""
) -> Answer:
    statements = tuple(
        one
        if isinstance(one, Statement)
        else Statement(text=one[0], citations=(cite(one[1], n),), verdict=Verdict.SUPPORTED, support=1)
        for n, one in enumerate(said, 1)
    )
    return Answer(
        status=status,
        question="",
        language=language,
        statements=statements,
        text=text or " ".join(f"{s.text} [{n}]" for n, s in enumerate(statements, 1)),
        citations=tuple(citation for s in statements for citation in s.citations),
    )


def judged(fact_id: str, *said: Said | Statement, status: Status = Status.ANSWERED) -> Judgement:
    of = fact(fact_id)
    answer = answer_of(said, language=of.language, status=status)
    return judge(of, answer, seeds(), gold().names, gold().terms)


def kinds(judgement: Judgement) -> set[str]:
    return {fault.kind for fault in judgement.faults}


# --- our own facts -------------------------------------------------------------------------------------


def test_there_are_enough_facts_of_every_kind() -> None:
    facts = gold().facts
    languages = [one.language for one in facts]
    assert len(facts) >= 100
    assert sum(one.status is Status.NOT_FOUND for one in facts) >= 32
    assert sum(one.complete for one in facts) >= 12
    assert all(languages.count(language) >= 6 for language in ("ru", "tr", "fr"))
    assert languages.count("en") >= len(facts) / 4
    assert len({one.kind for one in facts}) == 9


def test_every_proof_stands_exactly_once_in_the_cleaned_articles() -> None:
    for one in gold().facts:
        for piece in (*one.proof, *(piece for content in one.required for piece in content.proof)):
            places = [span for article in seeds().values() for span in piece_spans(piece, article.text)]
            assert len(places) == 1, (one.id, piece)


def quoted_answer(of: Fact) -> Answer:
    """The proving sentences themselves, as someone without a language model would answer."""
    said: dict[str, Said] = {}
    for content in of.required:
        sentences = [
            article.text[sentence.start : sentence.end]
            for article in seeds().values()
            for piece in of.proof_of(content)
            for start, end in piece_spans(piece, article.text)
            for sentence in article.sentences
            if sentence.start < end and start < sentence.end
        ]
        best = next(sentence for sentence in sentences if stands(content.any, sentence))
        said[best] = (best, best)
    return answer_of(list(said.values()), language=of.language)


@pytest.mark.parametrize(
    "fact_id", [one.id for one in gold().facts if one.status is Status.ANSWERED], ids=lambda name: name
)
def test_quoting_the_proving_sentences_is_a_right_answer(fact_id: str) -> None:
    judgement = judge(fact(fact_id), quoted_answer(fact(fact_id)), seeds(), gold().names, gold().terms)
    assert kinds(judgement) <= {"language"}
    assert judgement.proven == judgement.required
    assert judgement.supported == judgement.statements


@pytest.mark.parametrize(
    "fact_id", [one.id for one in gold().facts if one.status is Status.ANSWERED], ids=lambda name: name
)
def test_quoting_a_sentence_that_proves_nothing_is_no_right_answer(fact_id: str) -> None:
    stray = "Diplomatische Spannungen und territoriale Fragen stehen im Fokus."
    assert kinds(judged(fact_id, (stray, stray))) & {"missing", "unproven"}


# --- right answers -------------------------------------------------------------------------------------

RIGHT: list[tuple[str, list[Said]]] = [
    (
        "russian-side-de",
        [("Sergej Lawrow", RUSSIAN_SIDE), ("Uschakow", RUSSIAN_SIDE), ("Kirill Dmitrijew", FUND)],
    ),
    (
        "russian-side-de",
        [("Dmitrijew, Uschakow und Lawrow waren dabei.", RUSSIAN_SIDE), ("Kirill Dmitrijew", FUND)],
    ),
    ("russian-side-de", [(RUSSIAN_SIDE, RUSSIAN_SIDE), (FUND, FUND)]),
    (
        "russian-side-en",
        [
            (
                "Foreign Minister Sergey Lavrov and Putin's adviser Ushakov took part for Russia.",
                RUSSIAN_SIDE,
            ),
            ("The head of the state investment fund, Kirill Dmitriev, was also there.", FUND),
        ],
    ),
    (
        "russian-side-ru",
        [("Сергей Лавров и советник Путина Ушаков", RUSSIAN_SIDE), ("Кирилл Дмитриев", FUND)],
    ),
    ("russian-side-tr", [("Lavrov ve Uşakov katıldı", RUSSIAN_SIDE), ("Kirill Dmitriyev", FUND)]),
    (
        "russian-side-fr",
        [("Sergueï Lavrov et le conseiller Ouchakov", RUSSIAN_SIDE), ("Kirill Dmitriev", FUND)],
    ),
    (
        "us-delegation-en",
        [("Rubio came with National Security Advisor Waltz and envoy Witkoff.", DELEGATION)],
    ),
    ("call-minutes-de", [("Das Telefonat dauerte eineinhalb Stunden.", CALL)]),
    ("call-minutes-de", [("90 Minuten", "ein 90-minütiges Telefonat")]),
    ("call-minutes-en", [("It was a 90-minute call between Trump and Putin.", CALL)]),
    ("call-minutes-ru", [("Разговор Трампа и Путина длился 90 минут.", CALL)]),
    ("hegseth-nato-de", [("Hegseth hält sie für unrealistisch.", HEGSETH)]),
    ("hegseth-nato-en", [("Hegseth said it's currently not a realistic outcome of negotiations.", HEGSETH)]),
    ("hegseth-nato-tr", [("Şu anda gerçekçi bir müzakere sonucu değil.", HEGSETH)]),
    ("lavrov-verdict-de", [("Er nannte es „sehr nützlich“.", USEFUL)]),
    ("lavrov-verdict-en", [('He called it "very useful".', USEFUL)]),
    ("russia-nato-yes-no-de", [("Ja, strikt.", NATO)]),
]


@pytest.mark.parametrize(
    ("fact_id", "said"), RIGHT, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_right_answer_in_other_words_passes(fact_id: str, said: list[Said]) -> None:
    assert judged(fact_id, *said).faults == ()


def test_silence_on_what_the_articles_do_not_say_is_right() -> None:
    of = fact("none-meeting-duration-de")
    answer = answer_of([], language="de", status=Status.NOT_FOUND, text="Das steht nicht in diesen Artikeln.")
    assert judge(of, answer, seeds()).faults == ()


def test_marks_and_bullets_are_not_read() -> None:
    assert judged("call-minutes-de", ("1. 90 Minuten [2]", CALL)).faults == ()


def test_a_further_accepted_status_is_right() -> None:
    of = fact("call-minutes-de").model_copy(update={"accept": (Status.PARTIAL,)})
    answer = answer_of([("90 Minuten", CALL)], language="de", status=Status.PARTIAL)
    assert judge(of, answer, seeds()).faults == ()


# --- broken answers ------------------------------------------------------------------------------------

ITEMS: list[Said] = [("Lawrow", RUSSIAN_SIDE), ("Uschakow", RUSSIAN_SIDE), ("Dmitrijew", FUND)]
WRONG: dict[str, tuple[str, list[Said], str]] = {
    "wrong number": ("call-minutes-de", [("Es dauerte 45 Minuten.", CALL)], "missing"),
    "wrong number, unsupported": ("call-minutes-de", [("Es dauerte 70 Minuten.", CALL)], "unsupported"),
    "right and wrong number": ("call-minutes-de", [("Es waren 60 oder 90 Minuten.", CALL)], "forbidden"),
    "number inside another": ("call-minutes-de", [("Es waren 190 Minuten.", CALL)], "missing"),
    "wrong year": ("invasion-begin-en", [("It began in 2014.", CALL)], "missing"),
    "wrong day": ("summit-day-de", [("Am Dienstag.", "am Montag einen Notgipfel ab")], "forbidden"),
    "wrong name": ("fund-head-en", [("Witkoff heads it.", FUND)], "missing"),
    "right and wrong name": ("fund-head-en", [("Dmitriev and Ushakov head it.", FUND)], "forbidden"),
    "swapped speaker": ("hegseth-nato-de", [("Witkoff nannte sie unrealistisch.", HEGSETH)], "unsupported"),
    "invented name": (
        "hegseth-nato-en",
        [("It's not realistic, Hegseth told Angela Merkel.", HEGSETH)],
        "unsupported",
    ),
    "invented name in German": (
        "hegseth-nato-de",
        [("Sie ist nicht realistisch, sagte Hegseth zu Kanzlerin Merkel.", HEGSETH)],
        "unsupported",
    ),
    "invented name in Russian": (
        "hegseth-nato-ru",
        [("Это не реалистично, сказал он Ангеле Меркель.", HEGSETH)],
        "unsupported",
    ),
    "missing item": ("russian-side-de", ITEMS[:2], "missing"),
    "missing item in English": ("russian-side-en", [("Sergei Lavrov and Ushakov", RUSSIAN_SIDE)], "missing"),
    "extra item": ("russian-side-de", [*ITEMS, ("Steve Witkoff", DELEGATION)], "forbidden"),
    "extra quoted item": ("russian-side-de", [*ITEMS, (DELEGATION, DELEGATION)], "forbidden"),
    "extra item inside a statement": (
        "us-delegation-de",
        [("Rubio, Waltz, Witkoff und Hegseth", DELEGATION)],
        "forbidden",
    ),
    "missing region": (
        "claimed-regions-de",
        [("Krim, Donezk, Luhansk und Cherson", "Moskau betont weiterhin, dass die annektierte Krim")],
        "missing",
    ),
    "right text, wrong citation": ("hegseth-nato-de", [("Derzeit nicht realistisch.", NATO)], "unproven"),
    "right list, one wrong citation": (
        "russian-side-de",
        [*ITEMS[:2], ("Dmitrijew", RUSSIAN_SIDE)],
        "unproven",
    ),
    "opposite": ("hegseth-nato-de", [("Er nannte sie ein realistisches Ergebnis.", HEGSETH)], "missing"),
    "yes for no": (
        "kyiv-at-table-de",
        [("Ja, Kiew war beteiligt.", "an denen Kiew nicht beteiligt war")],
        "forbidden",
    ),
    "another's words": ("lavrov-verdict-de", [("Er nannte es konstruktiv.", USEFUL)], "forbidden"),
    "wrong language": ("hegseth-nato-en", [(HEGSETH, HEGSETH)], "language"),
    "answered though unanswerable": ("none-meeting-duration-de", [("90 Minuten", CALL)], "status"),
    "cited though unanswerable": ("none-meeting-duration-de", [("90 Minuten", CALL)], "cited"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_broken_answer_is_caught(name: str) -> None:
    fact_id, said, kind = WRONG[name]
    assert kind in kinds(judged(fact_id, *said))


def broken_citation(**changes: object) -> Statement:
    citation = cite(HEGSETH).model_copy(update=changes)
    return Statement(text="Nicht realistisch.", citations=(citation,), verdict=Verdict.SUPPORTED, support=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"start": cite(HEGSETH).start + 1},
        {"end": cite(HEGSETH).end - 1},
        {"quote": HEGSETH.replace("kein", "ein")},
        {"quote": ""},
        {"article_id": KIEW},
        {"article_id": "nowhere"},
        {"revision": "r2"},
    ],
    ids=str,
)
def test_a_span_that_is_not_its_quote_is_caught_and_proves_nothing(changes: dict[str, object]) -> None:
    judgement = judged("hegseth-nato-de", broken_citation(**changes))
    assert {"span", "unproven"} <= kinds(judgement)
    assert (judgement.right_spans, judgement.spans) == (0, 1)


def test_citing_the_whole_article_proves_nothing() -> None:
    assert "unproven" in kinds(judged("hegseth-nato-de", ("Nicht realistisch.", seeds()[RIAD].text)))


def test_a_statement_without_citation_is_caught() -> None:
    bare = Statement(text="Nicht realistisch.", citations=(), verdict=Verdict.SUPPORTED, support=1)
    assert {"unsupported", "unproven"} <= kinds(judged("hegseth-nato-de", bare))


def test_silence_on_what_the_articles_say_is_caught() -> None:
    assert {"status", "missing"} <= kinds(judged("call-minutes-de", status=Status.NOT_FOUND))


def test_not_found_that_shows_something_is_caught() -> None:
    shown = judged("none-meeting-duration-de", ("90 Minuten", CALL), status=Status.NOT_FOUND)
    assert "cited" in kinds(shown)


def test_an_answer_that_claims_another_language_is_caught() -> None:
    answer = answer_of([("90 Minuten", CALL)], language="en")
    assert "language" in kinds(judge(fact("call-minutes-de"), answer, seeds()))


def test_not_found_in_another_language_is_caught() -> None:
    text = "This is not in the articles that were searched for an answer."
    answer = answer_of([], language="de", status=Status.NOT_FOUND, text=text)
    assert "language" in kinds(judge(fact("none-meeting-duration-de"), answer, seeds()))


# --- matching ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("Straße", "In der STRASSE."),
        ("sehr nützlich", "„sehr\n nützlich“"),
        ("Sicherheitsgaranti*", "über Sicherheitsgarantien"),
        ("*garantien", "über Sicherheitsgarantien"),
        ("nicht ... realistisch*", "derzeit nicht als sehr realistisches Ergebnis"),
        ("90", "ein 90-minütiges Telefonat"),
        ("^nein", "– Nein, das nicht."),
        ("İstanbul", "istanbul'da"),
        ("счет", "счёт"),
        ("a\u0308hnlich", "ähnlich"),
        ("Sergei Lawrow", "Sergei Lawrow"),
    ],
)
def test_a_form_is_found(form: str, text: str) -> None:
    assert stands([form], text)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("90", "190"),
        ("5", "1,5 Milliarden"),
        ("5", "5.000"),
        ("Rat", "Beratung"),
        ("^ja", "Nein, ja."),
        ("nicht ... realistisch", "nicht eins zwei drei vier fünf sechs sieben realistisch"),
    ],
)
def test_a_form_is_not_found(form: str, text: str) -> None:
    assert not stands([form], text)


@pytest.mark.parametrize("form", ["...", "... nicht", "nicht ...", "*", "–"])
def test_a_form_without_words_is_refused(form: str) -> None:
    assert form_problem(form)


@settings(deadline=None)
@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(categories=["L", "Nd"]), min_size=1, max_size=20))
def test_every_word_is_found_in_itself(word: str) -> None:
    assert form_problem(word) or stands([word], f"… {word} …")


@pytest.mark.parametrize(
    ("one", "other"), [("Schostakowitsch", "Shostakovich"), ("Жуков", "Zhukov"), ("Göring", "Goring")]
)
def test_transliterations_sound_alike(one: str, other: str) -> None:
    assert sound(one) == sound(other)


def test_marks_are_removed() -> None:
    assert without_marks("- Erster Punkt [1], zweiter [2, 3].") == "Erster Punkt, zweiter."


@pytest.mark.parametrize(
    ("text", "language", "other"),
    [
        ("The meeting was held in the capital and it was useful.", "de", "en"),
        ("Das Treffen war nach der Pause nicht mehr nützlich.", "en", "de"),
        ("Das Treffen war nach der Pause nicht mehr nützlich.", "de", ""),
        ("Встреча прошла в столице и была полезной для них.", "en", "ru"),
        ("He said: „Das ist nicht das Ende der Welt und der Zeit“.", "en", ""),
        ("Anna Smith, John Miller, Peter Meier, Paul Brown", "fr", ""),
        ("Zu kurz", "en", ""),
        ("The meeting was held in the capital and it was useful.", "xx", ""),
        (
            "The article says: “Er nannte das “die neue Zeit” und sah sich für den Bau der Brücke nicht zuständig”",
            "en",
            "",
        ),
    ],
)
def test_the_language_of_a_text_is_judged_only_when_it_is_clear(text: str, language: str, other: str) -> None:
    assert wrong_language(text, language) == other


# --- the files -----------------------------------------------------------------------------------------

FACT_FILE = """\
articles:
  - path: a.txt
    language: de
names:
  anna: [Anna*, Анна*]
facts:
  - id: one
    question: Who came?
    language: en
    kind: who
    required: ["@anna"]
    proof: [Anna kam]
  - id: two
    question: Wie viele?
    language: de
    kind: how_many
    status: not_found
"""
ARTICLE = "Anna kam am\n Montag. Berta kam nicht. Alle gingen. Alle gingen.\n"


def fact_file(folder: Path, old: str = "", new: str = "", article: str = ARTICLE) -> Path:
    assert old in FACT_FILE
    (folder / "a.txt").write_text(article, encoding="utf-8")
    path = folder / "facts.yaml"
    path.write_text(FACT_FILE.replace(old, new, 1) if old else FACT_FILE, encoding="utf-8")
    return path


def test_names_are_resolved_and_cross_lingual_facts_known(tmp_path: Path) -> None:
    facts = read_facts(fact_file(tmp_path))
    assert facts.facts[0].required[0].any == ("Anna*", "Анна*")
    assert facts.cross_lingual == {"one"}


def test_a_proof_may_run_over_a_line_end(tmp_path: Path) -> None:
    assert read_facts(fact_file(tmp_path, "[Anna kam]", "[Anna kam am Montag]"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("proof: [Anna kam]", "prof: [Anna kam]", ["line 12", "fact one", "no key 'prof'", "mean 'proof'"]),
        ("id: two", "id: one", ["line 13", "fact one", "twice"]),
        ("    proof: [Anna kam]\n", "", ["line 7", "fact one", "no proof"]),
        ("[Anna kam]", "[Berta kam gern]", ["line 12", "fact one", "Berta kam gern", "nowhere"]),
        ("[Anna kam]", "[Alle gingen]", ["line 12", "fact one", "2 times"]),
        ("@anna", "@berta", ["line 11", "fact one", "@berta"]),
        ('"@anna"', '"..."', ["line 11", "fact one"]),
        ("kind: who", "kind: whom", ["line 10", "fact one", "kind"]),
        ("language: en", "language: english", ["line 9", "fact one", "language"]),
        ("status: not_found", "status: partial", ["line 17", "fact two", "status"]),
        ("status: not_found", "status: not_found\n    proof: [Anna kam]", ["fact two", "not_found"]),
        ("    status: not_found", "", ["fact two", "at least one required"]),
        ('["@anna"]', '["@anna"]\n    complete: true', ["fact one", "at least two"]),
        ('["@anna"]', '[Anna]\n    forbidden: [Anna]', ["fact one", "both required and forbidden"]),
        ("kind: who", "kind: who\n    kind: who", ["line 11", "twice"]),
        ("[Anna*, Анна*]", "[]", ["line 5", "names.anna"]),
        ("[Anna*, Анна*]", "['*']", ["line 5", "anna"]),
        ("facts:", "more: 1\nfacts:", ["line 6", "more", "Keys here are include, articles"]),
        ('["@anna"]', '[{anny: ["@anna"]}]', ["line 11", "fact one", "mean 'any'"]),
        ("[Anna kam]", "[Anna kam an Montag]", ["nearest is 'Anna kam am Montag.'"]),
        ("path: a.txt", "path: b.txt", ["facts.yaml, line 2", "b.txt", "cannot be read: No such file"]),
        ("[Anna kam]", "[Anna kam", ["not YAML", "line"]),
        ("[Anna*, Анна*]", "&a [*a]", ["line 5", "aliases"]),
        ("Who came?", "''", ["line 8", "fact one", "question"]),
    ],
)  # fmt: skip
def test_a_mistake_in_a_fact_file_is_named(tmp_path: Path, old: str, new: str, says: list[str]) -> None:
    with pytest.raises(InputError) as error:
        read_facts(fact_file(tmp_path, old, new))
    assert all(word in str(error.value) for word in says), str(error.value)


@pytest.mark.parametrize("content", ["", "# nothing\n", "just text", "- a\n- b\n", "\x00"])
def test_a_file_that_holds_no_facts_is_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "facts.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=r"facts\.yaml"):
        read_facts(path)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "facts.yaml"
    path.write_bytes(b"\xff\xfe\x00facts")
    with pytest.raises(InputError, match="cannot be read"):
        read_facts(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_facts(tmp_path / "none.yaml")


def test_our_floors_hold_spans_and_silence_to_what_was_promised() -> None:
    for section in ("local", "none"):
        assert read_floor(EVAL / "floor.yaml", section).at_least["spans"] == 1.0
    local = read_floor(EVAL / "floor.yaml", "local")
    assert local.at_least["unanswerable"] >= 0.9
    assert {"content", "lists", "cross_lingual", "supported", "language"} <= set(local.at_least)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("local:\n  at_least:\n    contents: 0.9\n", "contents"),
        ("local:\n  at_least:\n    content: 90\n", "line 3"),
        ("local:\n  at_most:\n    content: 1\n", "content"),
        ("local:\n  at_lest: {}\n", "at_lest"),
        ("other: {}\n", "no section 'local', only other"),
    ],
)
def test_a_mistake_in_a_floor_file_is_named(tmp_path: Path, content: str, says: str) -> None:
    path = tmp_path / "floor.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        read_floor(path, "local")


# --- a run ---------------------------------------------------------------------------------------------


class Replies:
    """A target that answers from a table, or raises what stands there."""

    def __init__(self, replies: dict[str, Answer | Exception], articles: dict[str, Article]) -> None:
        self._replies, self._articles = replies, articles

    def stream(self, question: str) -> Iterator[Event]:
        reply = self._replies[question]
        if isinstance(reply, Exception):
            raise reply
        yield from reply.statements
        yield reply

    def article(self, article_id: str) -> Article:
        if article_id not in self._articles:
            raise ArticleNotFound(f"No article has the id {article_id!r}.")
        return self._articles[article_id]


class Mute(Replies):
    """A target whose stream ends without an answer."""

    def stream(self, question: str) -> Iterator[Event]:
        yield from ()


TOY = Article(
    text="Anna kam am Montag.", id="a", revision="r1", sentences=split_sentences("Anna kam am Montag.", "de")
)


def toy_answer(text: str = "Anna came.", article_id: str = "a") -> Answer:
    citation = Citation(number=1, article_id=article_id, revision="r1", start=0, end=19, quote=TOY.text)
    statement = Statement(text=text, citations=(citation,), verdict=Verdict.SUPPORTED, support=1)
    return Answer(
        status=Status.ANSWERED,
        question="Who came?",
        language="en",
        statements=(statement,),
        text=f"{text} [1]",
        citations=(citation,),
        usage=Usage(calls=1, prompt_tokens=100, output_tokens=10),
        fingerprint="f1",
    )


SILENCE = Answer(
    status=Status.NOT_FOUND, question="Wie viele?", language="de", text="Nicht in diesen Artikeln."
)


def toy_run(
    tmp_path: Path,
    first: Answer | Exception,
    second: Answer | Exception = SILENCE,
    *,
    floor: str = "",
    ids: Sequence[str] = (),
) -> EvalReport:
    floor_path = tmp_path / "floor.yaml"
    floor_path.write_text(floor, encoding="utf-8")
    return run(
        fact_file(tmp_path),
        Replies({"Who came?": first, "Wie viele?": second}, {"a": TOY}),
        floor=floor_path if floor else None,
        ids=ids,
        junit=tmp_path / "junit.xml",
    )


def value_of(report: EvalReport, name: str) -> float | None:
    return next(one.value for one in report.measures if one.name == name)


FLOOR = "local:\n  at_least: {content: 0.9, unanswerable: 0.9}\n  at_most: {prompt_tokens_median: 60}\n"


def test_a_faultless_run_passes_and_is_measured(tmp_path: Path) -> None:
    report = toy_run(tmp_path, toy_answer(), floor=FLOOR)
    assert report.passed and not report.failures
    assert value_of(report, "facts") == value_of(report, "cross_lingual") == value_of(report, "spans") == 1
    assert value_of(report, "prompt_tokens_median") == 50
    assert report.results[0].first_statement is not None
    assert report.results[1].first_statement is None
    assert report.fingerprints == ("f1",)


def test_a_run_below_its_floor_fails(tmp_path: Path) -> None:
    report = toy_run(tmp_path, toy_answer("Berta came."), floor=FLOOR)
    assert not report.passed
    assert "BELOW" in render(report)
    assert "required content said and proven" in render(report)


def test_a_run_above_its_costs_fails(tmp_path: Path) -> None:
    report = toy_run(tmp_path, toy_answer(), floor=FLOOR.replace("60", "49"))
    assert not report.passed
    assert "ABOVE" in render(report)


def test_a_bound_without_a_case_is_not_kept(tmp_path: Path) -> None:
    assert not toy_run(tmp_path, toy_answer(), floor="local:\n  at_least: {lists: 0.1}\n").passed


def test_without_a_floor_nothing_falls_below(tmp_path: Path) -> None:
    report = toy_run(tmp_path, toy_answer("Berta came."))
    assert report.passed and [one.id for one in report.failures] == ["one"]


def test_a_failure_is_told_with_question_answer_and_reason(tmp_path: Path) -> None:
    text = render(toy_run(tmp_path, toy_answer("Berta came.")))
    assert all(
        part in text for part in ("FAILED one", "Who came?", "Berta came. [1]", "does not say Anna", TOY.text)
    )
    assert "FAILED" not in render(toy_run(tmp_path, toy_answer("Berta came.")), details=False)


def test_an_article_that_does_not_exist_is_a_wrong_citation(tmp_path: Path) -> None:
    report = toy_run(tmp_path, toy_answer(article_id="gone"))
    assert report.results[0].judgement.has("span")


def test_junit_names_facts_and_bounds(tmp_path: Path) -> None:
    toy_run(tmp_path, toy_answer("Berta \x07came."), floor=FLOOR)
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    failed = {case.get("name") for case in root.iter("testcase") if case.find("failure") is not None}
    assert failed == {"one", "content"}
    assert {suite.get("name"): suite.get("tests") for suite in root} == {"facts": "2", "floor": "3"}


def test_junit_into_a_missing_folder_is_refused(tmp_path: Path) -> None:
    target = Replies({"Who came?": SILENCE, "Wie viele?": SILENCE}, {})
    with pytest.raises(InputError, match="cannot be written"):
        run(fact_file(tmp_path), target, junit=tmp_path / "none" / "junit.xml")


def test_a_report_survives_json(tmp_path: Path) -> None:
    report = toy_run(tmp_path, toy_answer(), floor=FLOOR)
    assert EvalReport.model_validate_json(report.model_dump_json()) == report
    assert json.loads(report.model_dump_json())["passed"] is True


@pytest.mark.parametrize("error", [ModelTimeout("too slow"), InputError("no")])
def test_an_error_of_one_question_is_its_result(tmp_path: Path, error: Exception) -> None:
    report = toy_run(tmp_path, error)
    assert report.results[0].judgement.has("error")
    assert value_of(report, "content") == 0
    assert report.results[1].passed


def test_an_error_on_an_unanswerable_question_is_no_silence(tmp_path: Path) -> None:
    assert value_of(toy_run(tmp_path, toy_answer(), ModelTimeout("too slow")), "unanswerable") == 0


def test_an_error_that_meets_every_question_ends_the_run(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing):
        toy_run(tmp_path, ModelMissing("no file"))


def test_a_stream_without_an_answer_is_an_error(tmp_path: Path) -> None:
    report = run(fact_file(tmp_path), Mute({}, {}))
    assert all(result.judgement.has("error") for result in report.results)


def test_single_facts_can_be_chosen(tmp_path: Path) -> None:
    assert [one.id for one in toy_run(tmp_path, toy_answer(), ids=["two"]).results] == ["two"]
    with pytest.raises(InputError, match="no fact 'three'"):
        toy_run(tmp_path, toy_answer(), ids=["three"])


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    target = Replies({"Who came?": toy_answer(), "Wie viele?": SILENCE}, {"a": TOY})
    run(fact_file(tmp_path), target, progress=lambda done, total, what: told.append((done, total, what)))
    assert told == [(0, 2, "one"), (1, 2, "two"), (2, 2, "done")]


# --- measures ------------------------------------------------------------------------------------------


def test_percentiles_are_nearest_rank() -> None:
    values = [float(n) for n in range(1, 101)]
    assert (percentile(values, 0.95), percentile(values, 0.5), percentile([3.0], 0.95)) == (95, 50, 3)


def test_no_results_give_no_values() -> None:
    assert {one.value for one in measure([])} == {None}


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_a_rate_keeps_its_bound_exactly_if_it_reaches_it(value: float, bound: float) -> None:
    assert Measure(name="content", unit="rate", value=value, n=1, bound=bound).passed == (value >= bound)


def test_a_list_with_an_extra_item_is_said_and_proven_but_not_complete() -> None:
    judgement = judged("russian-side-de", *ITEMS, ("Steve Witkoff", DELEGATION))
    of = fact("russian-side-de")
    result = FactResult(
        id=of.id,
        kind=of.kind,
        language=of.language,
        question=of.question,
        expected=of.status,
        complete=True,
        status=Status.ANSWERED,
        judgement=judgement,
    )
    values = {one.name: one.value for one in measure([result])}
    assert (values["content"], values["lists"]) == (1, 0)
    assert values["supported"] == 0.75

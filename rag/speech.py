"""Article -> who said what: speaker, words, direct or indirect, where it stands.

In: an article with its sentences. Out: `Said`, in the order of the text. German and English, by rule:
reporting verbs,
"according to" and the like as closed classes, quotation marks, the noun phrase before or behind the verb. A pronoun
stands for the last person who spoke or was the subject; where nobody is in sight, nothing is said to be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from rag.types import Article

_NAME_WORDS = 4  # a quotation of so few words behind a noun is a name: the weekly „Blick nach vorn“
_NAMED_WORDS = 8  # the same behind an article and an adjective: the new „Rat für die Pflege der Seen“
_CARRIES = 2  # sentences over which speech without a speaker of its own goes on
_MAX_SPEAKER = 16  # tokens
_FRAGMENT = 6  # tokens before it that are no sentence yet
_CLAUSE_WORDS = 5  # of what is said without a conjunction
_GOES_BEHIND = 3  # tokens behind "…, so the minister," from which speech goes on there

# Finite forms of verbs that report speech. Weak verbs by their stems, strong ones in full; behind a slash stand the
# particles of which one must follow.
_WEAK = (
    "sag erklär beton behaupt meld bericht äußer forder kritisier warn versicher bestätig vermut mein befürcht "
    "verlautbar erläuter ergänz argumentier begründ prognostizier verlang verkünd beklag bezeichn begrüß plädier "
    "appellier droh beteuer schätz bedauer bemerk monier antwort entgegn erwider konter kommentier urteil informier "
    "enthüll gelob offenbar signalisier dementier leugn resümier bekräftig schilder hoff glaub erwart rechn "
    "bezweifel bezweifl frag verdeutlich präzisier twitter spekulier erinner mutmaß zweifel unterstell "
    "beschuldig prangert/an kündig/an teil/mit füg/hinzu räum/ein deut/an stell/fest,klar leg/dar,nahe "
    "führ/aus lehn/ab "
    "merk/an mahn/an sicher/zu drück/aus setz/hinzu stimm/zu reg/an"
)
_STRONG = (
    "sprach,spricht,sprachen,sprechen schrieb,schreibt,schrieben,schreiben nannte,nennt,nannten,nennen "
    "gab,gibt,gaben,geben/an,bekannt,zu wies,weist,wiesen,weisen/hin,zurück warf,wirft,warfen,werfen/vor "
    "rief,ruft,riefen,rufen/auf schlug,schlägt,schlugen,schlagen/vor ging,geht,gingen,gehen/aus "
    "hob,hebt,hoben,heben/hervor versprach,verspricht,versprachen riet,rät,rieten bat,bittet,baten,bitten "
    "widersprach,widerspricht gestand,gesteht schloss,schloß,schließt,schlossen/aus "
    "verwies,verweist,verwiesen,verweisen unterstrich,unterstreicht,unterstrichen bestritt,bestreitet,bestritten "
    "empfahl,empfiehlt,empfahlen stritt,streitet/ab kam,kamen,kommt,kommen/schluss,ergebnis "
    "beschrieb,beschreibt,beschrieben vertrat,vertritt,vertraten/auffassung,ansicht,meinung "
    "befand,befindet betonte mahnte,mahnt,mahnten "
    "zeigte,zeigt,zeigten,zeigen/überzeugt,zuversichtlich,optimistisch,erfreut,enttäuscht,besorgt,zufrieden"
)
_PARTICIPLES = frozenset(
    """gesagt erklärt betont behauptet gemeldet berichtet geäußert gefordert kritisiert gewarnt versichert bestätigt
    angekündigt mitgeteilt hinzugefügt eingeräumt angedeutet festgestellt bekanntgegeben gegeben angegeben zugegeben
    versprochen verlangt verkündet aufgefordert aufgerufen vorgeschlagen zurückgewiesen vorgeworfen hingewiesen
    geschrieben erläutert gedroht zugesichert zugesagt beteuert verlautbart dementiert bekräftigt
    said told announced declared stated reported warned claimed confirmed denied promised added insisted""".split()
)
_SUBORDINATING = frozenset("als während nachdem obwohl obgleich indem wobei".split())
_FINAL = frozenset(
    """mitteilte mitteilten mitteilt mitteilen bekanntgab bekanntgaben ankündigte ankündigten ankündigt hinzufügte
    angab angaben angibt einräumte einräumten feststellte feststellten zugab bekanntgegeben gab""".split()
)
# Verbs that say something of somebody: a clause behind their object belongs to it rather than to the speaker.
_WITH_OBJECT = frozenset(
    """nannte nennt nannten nennen sprach spricht sprachen sprechen bezeichnete bezeichneten bezeichnet
    begrüßte begrüßten begrüßt kritisierte kritisierten kritisiert beschrieb beschreibt beschuldigte beschuldigten
    beschuldigt called calls described describes criticised criticized told""".split()
)
# What they reject, somebody else says; their own words stand in quotation marks.
_REJECTING = frozenset(
    """widersprach widerspricht widersprachen widersprechen bestritt bestreitet bestritten bestreiten dementierte
    dementiert dementierten leugnete leugnet leugneten bezweifelte bezweifelt bezweifelten bezweifeln denied
    denies""".split()
)
_REJECTING_WITH = frozenset(
    "zurück ab aus".split()
)  # the particle: "wies … zurück", "lehnte … ab", "schloss … aus"
_REJECTING_STEMS = ("wies", "weis", "lehn", "schlo", "schlie")
_AUXILIARIES = frozenset("hat haben hatte hatten habe has have had".split())
_SAYS = frozenset(
    """said says say told tells announced announces declared declares stated states reported reports warned warns
    claimed claims confirmed confirms denied denies promised promises added adds insisted insists argued argues
    noted notes explained explains stressed wrote writes tweeted estimated believes believe suggested suggests
    called calls described describes demanded demands criticised criticized urged urges replied acknowledged
    admitted admits alleged emphasized emphasised predicted""".split()
)

_DETERMINERS = frozenset(
    """der die das den dem des ein eine einen einem einer eines kein keine dieser diese dieses diesem
    diesen jener jene
    sein seine seinem seinen seiner seines ihr ihre ihrem ihren ihrer ihres unser unsere mein meine alle allen mehrere
    mehreren viele vielen einige einigen zahlreiche beide beiden zwei drei vier fünf sechs sieben acht neun zehn
    vieler mehrerer einiger aller mancher manche weitere weiteren andere anderen
    the a an this these those his her its their our my several many some both two three four five""".split()
)
_GENITIVES = frozenset(
    "des der eines einer dieser dieses seines seiner ihres ihrer mehrerer zweier deren dessen beider".split()
)
_TIES = frozenset("von vom aus für beim of from for at".split())
_LOOSE_TIES = frozenset(
    "in im an am auf außer gegen über zu zum zur bei mit nach um vor unter zwischen on with against".split()
)
_AND = frozenset("und sowie oder and &".split())
_OBJECT_CASE = frozenset("den dem einem einen ihm ihn ihnen seinem ihrem diesem allen him them".split())
_PRONOUNS = frozenset("er sie he she they dieser diese letzterer letztere".split())
_STOPPERS = frozenset(
    """dass daß ob wie wann warum weil wenn als da nachdem während obwohl damit sich nicht auch noch nur schon jedoch
    aber doch denn so dann dort hier heute gestern morgen es man er sie ihn ihm ihnen wir ich du ihr
    uns euch mich mir dich
    dir und oder sowie zu um ohne seit bis durch gegenüber außerdem zudem weiter weiterhin ferner darüber dabei dazu
    daraufhin zunächst bereits erneut unterdessen inzwischen allerdings dagegen hingegen wiederum ebenfalls zuvor
    später danach darauf davon that who which when while because if but although also then there here it he she they
    we you i him them us me""".split()
)
_SKIPPED = frozenset(
    """sich auch zudem außerdem weiter weiterhin ferner dazu daraufhin zunächst bereits erneut unterdessen inzwischen
    allerdings dagegen hingegen wiederum ebenfalls zuvor später danach jedoch aber heute gestern nun jetzt dann gar
    dabei darüber damals also indes indessen""".split()
)
_PARTICLES = frozenset("al el bin ibn ben abu van von de da di del dos la le zu vom dpa afp".split())
_AGENCIES = frozenset("dpa ddp dapd afp ap apa sda epd kna sid rtr n-tv".split())  # names in small letters
# Nouns that say when something is known, not who says it.
_WHEN = frozenset(
    """morgen vormittag mittag nachmittag abend nacht stunde stunden tag tage tagen woche wochen monat monate monaten
    jahr jahre jahren montag dienstag mittwoch donnerstag freitag samstag sonnabend sonntag""".split()
)
_POINTERS = frozenset("dies das dieses es was this that it what".split())
# Words that open a sentence with a capital and name nobody.
_NOBODY = frozenset(
    "zwar anhand angesichts aufgrund entsprechend insgesamt derzeit bislang bisher ungeklärt demgegenüber "
    "gleichzeitig zugleich mittlerweile schließlich anschließend vielmehr lediglich immerhin besorgt erfreut "
    "enttäuscht skeptisch optimistisch zuversichtlich kritisch positiv negativ ähnlich".split()
)
_ABBREVIATED = frozenset("dr prof st mr mrs ms jr sr hl gen sen rep gov lt col".split())

_SOURCES = (
    "Angaben?|Angabe|Einschätzung(?:en)?|Auffassung|Meinung|Ansicht|Aussagen?|Auskunft|Informationen|Berichten?|"
    "Darstellung|Worten|Berechnungen|Ermittlungen|Schätzungen|Erkenntnissen|Überzeugung|Mitteilung|Äußerungen|"
    "Medienberichten|Presseberichten|Zeitungsberichten|Agenturberichten|Augenzeugenberichten|Medienangaben|"
    "Polizeiangaben|Behördenangaben|Regierungsangaben"
)
_ACCORDING = re.compile(
    rf"(?P<nach>\bnach\s+(?:(?P<which>[a-zäöüß]+(?:en|er|ste[nrm]?)|dessen|deren)\s+)?(?P<source>{_SOURCES})\b)|"
    r"(?P<laut>\b(?:laut|gemäß|according\s+to)\b)|"
    r"(?P<zufolge>\bzufolge\b)",
    re.IGNORECASE,
)
_SO = re.compile(r"(?:[,“”\"«»]\s*|\s[–—]\s+)(?P<so>so)\s+(?=[\w„\"])")
_AS = re.compile(r"\b(?:[Ww]ie|[Aa]s)\s+(?=\w)")
_TOKEN = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+(?:[-’'/][^\W_]+)*|[^\w\s]")
_QUOTED = re.compile(
    r"„[^„“”\"]{1,2500}[“”\"]|“[^“”„]{1,2500}”|\"[^\"„“]{1,2500}\"|»[^»«]{1,2500}«|«[^»«]{1,2500}»"
)
_REPORTED = re.compile(  # German forms that only reported speech has
    r"\b(?:sei|seien|habe|werde|könne|müsse|solle|dürfe|wolle|gebe|gehe|stehe|komme|bleibe|lasse|liege|handele|"
    r"handle|wisse|mache|bestehe|gelte|brauche|zeige|führe|halte|nehme|sehe|finde|spreche|trage|hätten|würden|"
    r"könnten|müssten|sollten|wären|hätte|würde|wäre)\b"
)
_GOES_ON = re.compile(r"\b(?:sei|seien|habe|werde|könne|müsse|solle|dürfe|wolle)\b")
_TOLD = re.compile(  # forms that the article itself tells in
    r"\b(?:ist|sind|war|waren|wird|wurde|wurden|hat|hatte|hatten|kann|konnte|konnten|soll|sollte|sollten|will|wollte|"
    r"wollten|muss|musste|mussten)\b"
)
_BELOW = re.compile(
    r"\s*(?:(?:in|an|auf|mit|bei|von|zu|für|aus|nach|über|durch|unter|gegen|vor)\s+)?(?:der|die|das|dem|den|dessen|deren|"
    r"denen|welche[rsnm]?)\s+(?:[a-zäöüß]|[A-ZÄÖÜ]\w+\s+(?:[a-zäöüß]+\s+)?(?:ist|sind|war|waren)\b)|"
    r"\s*(?i:dass|daß|ob|wie|was|wer|wo|als|weil|da|wenn|während|nachdem|obwohl|bevor|seit|indem|wobei|sodass)\b"
)
_INFINITIVE = re.compile(r"\b(?:zu\s+[a-zäöüß]+(?:en|n)|[a-zäöüß]{2,}zu[a-zäöüß]+en)\b")
_NAMED = re.compile(r"\b(?:der|die|das|des|dem|den)\s+[a-zäöüß]+(?:e|en|er|es|em)\s+$")
_COMPLEMENT = re.compile(
    r"(?:dass|daß|ob|wie|warum|weshalb|wann|wo|wer|was|that|whether|how|why|what|when|where|who)\b",
    re.IGNORECASE,
)
_RELATIVE_CLAUSE = re.compile(
    r"\s*(?:(?:in|an|auf|mit|bei|von|zu|für|aus|nach|über|durch|unter|gegen|vor)\s+)?"
    r"(?:der|die|das|den|dem|dessen|deren|denen|welche[rsnm]?|who|which|whose)\s+(?!\w+\s*[,:]\s*so\b)",
    re.IGNORECASE,
)
_RELATIVE = re.compile(
    r"(?:(?:in|an|auf|mit|bei|von|zu|für|aus|nach|über|durch)\s+)?"
    r"(?:der|die|das|den|dem|dessen|deren|denen|welche[rsnm]?|wobei|who|which)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Said:
    """Something that somebody said.

    `article.text[start:end]` are the words, quotation marks left out; `speaker` is the phrase that names who said
    them, at `speaker_start:speaker_end`, which may stand in an earlier sentence. `direct` says that
    the words stand in
    quotation marks.
    """

    speaker: str
    speaker_start: int
    speaker_end: int
    start: int
    end: int
    direct: bool


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    start: int
    end: int

    @property
    def low(self) -> str:
        return self.text.casefold()

    @property
    def is_name(self) -> bool:
        return self.text[0].isupper() or (self.text[0].isdigit() and any(c.isupper() for c in self.text))

    @property
    def is_word(self) -> bool:
        return self.text[0].isalnum()


Span = tuple[int, int]


def who_said_what(article: Article) -> list[Said]:
    """Everything an article reports somebody to have said, in the order of the text."""
    text = article.text
    quotes = _quotes(text)
    reader = _Reader(text, quotes, english=article.language == "en")
    for start, end in _blocks(article, quotes):
        reader.read(start, end)
    return reader.found


def _quotes(text: str) -> list[Span]:
    """Spans of quotations with their marks; names in quotation marks are none."""
    return [match.span() for match in _QUOTED.finditer(text) if not _is_title(text, *match.span())]


def _is_title(text: str, start: int, end: int) -> bool:
    """Whether quotation marks hold a name rather than speech: few words, a capital, no end of a sentence."""
    inner = text[start + 1 : end - 1].strip()
    before = text[:start].rstrip()[-1:]
    named = _NAMED.search(text, max(0, start - 60), start)
    return (
        len(inner.split()) <= (_NAMED_WORDS if named else _NAME_WORDS)
        and inner[:1].isupper()
        and inner[-1:] not in ".!?,"
        and before != ":"
        and (named is not None or not re.match(r"\s*,", text[end : end + 2]))
    )


def _blocks(article: Article, quotes: Sequence[Span]) -> Iterator[Span]:
    """Sentences, those that one quotation runs through together."""
    begun: int | None = None
    for sentence, following in pairwise((*article.sentences, None)):
        if sentence is None or sentence.heading:
            continue
        begun = sentence.start if begun is None else begun
        if following is not None and any(start < sentence.end < end for start, end in quotes):
            continue
        yield begun, sentence.end
        begun = None


class _Reader:
    """Reads sentence after sentence and remembers who may be meant by a pronoun."""

    def __init__(self, text: str, quotes: Sequence[Span], *, english: bool) -> None:
        self.found: list[Said] = []
        self._text = text
        self._english = english
        self._quotes = quotes
        masked = list(text)
        for start, end in quotes:
            masked[start + 1 : end - 1] = ["·" if not c.isspace() else c for c in text[start + 1 : end - 1]]
        self._masked = "".join(masked)
        self._speaker: Span | None = None  # who spoke last
        self._in_source = (
            False  # whether "nach Angaben …" is being read, behind which nouns stand in the genitive
        )
        self._speaks_as: str = ""  # the pronoun for who spoke last, "" if unknown
        self._subject: Span | None = None  # whom a pronoun in the next sentence stands for
        self._surnames: set[str] = set()
        self._silent = 0  # sentences since somebody spoke
        self._last_block: Span | None = None

    def read(self, start: int, end: int) -> None:
        """Finds what is said in one block."""
        self._start, self._end = start, end
        self._tokens = [
            _Token(match[0], match.start(), match.end())
            for match in _TOKEN.finditer(self._masked, start, end)
            if match[0] != "·"
        ]
        before = len(self.found)
        for find in (
            self._by_as,
            self._by_clause,
            self._by_verb,
            self._by_source,
            self._by_so,
            self._by_colon,
        ):
            find()
        if len(self.found) == before:
            self._carried()
        self._silent = 0 if len(self.found) > before else self._silent + 1
        self.found[before:] = sorted(self.found[before:], key=lambda one: one.start)
        self._remember(len(self.found) > before)
        self._last_block = start, end

    # --- attributions ----------------------------------------------------------------------------

    def _by_source(self) -> None:
        """According to …, laut …, nach Angaben …, … zufolge."""
        self._in_source = True
        self._read_sources()
        self._in_source = False

    def _read_sources(self) -> None:
        for match in _ACCORDING.finditer(self._masked, self._start, self._end):
            at = self._index(match.end() if not match["zufolge"] else match.start())
            if match["zufolge"]:
                first = self._phrase_back(at)
                if first is not None:
                    self._take_around(first, at, self._index(match.start()))
                continue
            if match["laut"]:
                last = self._phrase(at)
                if last > at:
                    self._take_around(at, last, last - 1, since=self._index(match.start()))
                continue
            source = self._index(match.start("source"))
            opens = self._index(match.start()) == self._clause_start(source)
            last = self._phrase(source, genitives=9 if opens else 1)
            bare = last == source + 1 and not match["which"]
            if last > source and not bare:
                first = source if last == source + 1 else source + 1
                if first == source and match["which"]:
                    if match["which"] in {"dessen", "deren"}:
                        continue
                    first = self._index(match.start("which"))
                first += self._tokens[first].low in _TIES
                self._take_around(first, last, last - 1, since=self._index(match.start()))

    def _take_around(self, first: int, last: int, closing: int, since: int | None = None) -> None:
        """Speech that its source stands before, behind or inside."""
        speaker = self._span(first, last)
        opening = first if since is None else since
        following = closing + 1
        if following < len(self._tokens) and self._tokens[following].text == ",":
            following += 1
        begin = self._clause_start(opening)
        inside = self._subordinate(begin, opening)
        if inside is not None:
            self._say(speaker, self._tokens[inside].start, self._end_of_clause(closing + 1))
        elif opening <= begin + 1 and following < len(self._tokens):
            self._say(speaker, self._tokens[following].start, self._end)
        else:
            self._say(speaker, self._tokens[begin].start, self._end)

    def _subordinate(self, begin: int, opening: int) -> int | None:
        """Where the relative clause begins that holds a source: "a boat in which, according to X, …"; None without."""
        for n in range(opening - 1, begin, -1):
            if self._tokens[n].text in ",;:":
                clause = self._masked[self._tokens[n + 1].start : self._end]
                return n + 1 if _RELATIVE_CLAUSE.match(clause) else None
        return None

    def _end_of_clause(self, n: int) -> int:
        return next((one.start for one in self._tokens[n:] if one.text in ",;"), self._end)

    def _by_so(self) -> None:
        """… , so the minister."""
        for match in _SO.finditer(self._masked, self._start, self._end):
            at = self._index(match.end())
            last = self._phrase(at)
            if last > at and (
                last == len(self._tokens) or not self._tokens[last].is_word or self._ends_so(last)
            ):
                speaker = self._span(at, last)
                if self._goes_on_behind(self._index(match.start("so")), last):
                    self._say(speaker, self._tokens[self._clause_start(at)].start, self._end)
                else:
                    self._behind(speaker, match.start(), self._tokens[last - 1].end)

    def _goes_on_behind(self, so: int, last: int) -> bool:
        """Whether "…, so the minister, …" stands in the middle of what is said, with no apposition behind."""
        marks = [
            n
            for n in range(last, min(last + 3, len(self._tokens) - _GOES_BEHIND))
            if self._tokens[n].text in ",–"
        ]
        if not marks or self._quote_in(self._start, self._end):
            return False
        following = self._tokens[marks[0] + 1]
        plain = following.is_word and not following.is_name and following.low not in _DETERMINERS | _TIES
        return plain or so - self._clause_start(so) <= _FRAGMENT

    def _ends_so(self, at: int) -> bool:
        return self._tokens[at].low in _SKIPPED | _LOOSE_TIES | {"gegenüber", "seit"}

    def _by_as(self) -> None:
        """…, as the minister announced; as the minister announced, … ."""
        for match in _AS.finditer(self._masked, self._start, self._end):
            at = self._index(match.end())
            last = self._phrase(at)
            if last == at:
                continue
            stop = next((n for n in range(last, len(self._tokens)) if self._tokens[n].text in ",.:;"), None)
            stop = len(self._tokens) if stop is None else stop
            verbs = [n for n in range(last, stop) if self._tells(n, last, stop)]
            if not verbs or stop - last > 12:
                continue
            speaker = self._span(at, last)
            opening = self._index(match.start())
            if opening == self._clause_start(opening) and stop + 1 < len(self._tokens):
                self._say(speaker, self._tokens[stop + 1].start, self._end)
            elif self._tokens[opening - 1].text == ",":
                self._behind(speaker, self._tokens[opening - 1].start, self._tokens[stop - 1].end)

    def _tells(self, n: int, first: int, last: int) -> bool:
        """Whether a word of first..last reports speech, with its particle where it needs one ("bekannt gab")."""
        if self._tokens[n].low not in _reporting():
            return False
        particles = _finite().get(self._tokens[n].low, frozenset())
        return not particles or any(token.low in particles for token in self._tokens[first:last])

    def _by_clause(self) -> None:
        """While the minister announced on Monday that … — with the verb at the end, as German clauses have it."""
        for n, token in enumerate(self._tokens[:-1]):
            if token.low not in _SUBORDINATING or (n and self._tokens[n - 1].is_word):
                continue
            last = self._phrase(n + 1)
            stop = next((m for m in range(last, len(self._tokens)) if self._tokens[m].text in ",.:;"), None)
            if last == n + 1 or stop is None or stop - last > 12:
                continue
            if self._tokens[stop - 1].low in _reporting() and self._tokens[stop].text in ",:":
                begin = self._tokens[stop + 1].start if stop + 1 < len(self._tokens) else self._end
                clause = self._text[begin : self._end]
                if _COMPLEMENT.match(clause) or _INFINITIVE.search(clause.split(",")[0]):
                    self._say(self._span(n + 1, last), begin, self._before_main_verb(stop + 1))

    def _before_main_verb(self, n: int) -> int:
        """Where a clause ends that the main clause follows: before a comma with a verb behind it."""
        for comma, token in pairwise(self._tokens[n:]):
            plain = token.is_word and not token.is_name and token.low not in _STOPPERS | _DETERMINERS | _TIES
            if (
                comma.text == ","
                and plain
                and token.low not in _LOOSE_TIES
                and re.search(r"(?:te|ten|t|en)$", token.low)
            ):
                return comma.start
        return self._end

    def _by_colon(self) -> None:
        """The minister: “…”; also where the sentence before the colon tells something else of its subject."""
        for start, end in self._quotes:
            if start < self._start or end > self._end or self._text[:start].rstrip()[-1:] != ":":
                continue
            speaker = self._quoted_by(start) or self._opening_phrase(self._index(start))
            if speaker is not None:
                self._say(speaker, start + 1, end - 1)

    def _quoted_by(self, before: int) -> Span | None:
        """Whom somebody else quotes: "The paper quoted the minister as saying: …"."""
        for n, token in enumerate(self._tokens):
            if token.end < before and token.low in {"zitiert", "zitierte", "zitierten", "quoted", "quotes"}:
                last = self._phrase(n + 1)
                return self._span(n + 1, last) if last > n + 1 else None
        return None

    def _by_verb(self) -> None:
        """The minister said …; …, said the minister."""
        for n, token in enumerate(self._tokens):
            if token.low in _AUXILIARIES and self._participle(n) is not None:
                self._at_verb(n, self._participle(n))
            elif self._reports(n):
                self._at_verb(n, None)

    def _at_verb(self, n: int, participle: int | None) -> None:
        previous = self._tokens[n - 1] if n else None
        behind = previous is not None and previous.text in ',“”"«»'
        apposed = behind and n > 1 and previous is not None and previous.text == ","
        speaker = self._subject_before(n) if apposed or not behind else None
        behind = behind and speaker is None
        if participle is not None and self._tokens[participle + 1 : participle + 2]:
            behind = (
                behind and self._tokens[participle + 1].text != ","
            )  # what is said stands behind the comma
        last = n + 1
        if speaker is None:
            after = self._subject_after(n)
            if after is None:
                return
            speaker, last = after
        if behind and previous is not None and self._speaks_before(n):
            self._behind(speaker, previous.start, self._tokens[last - 1].end)
            return
        quote = self._quote_before(speaker[0]) if speaker[0] < self._tokens[n].start else None
        if quote is not None:
            self._say(speaker, *quote)
            return
        if self._points_back(n):
            self._say_before(speaker)
            return
        self._complement(speaker, max(last, (participle or n) + 1), n)

    def _points_back(self, n: int) -> bool:
        """Whether a sentence says who said the one before: "This was announced by …", "Das teilte … mit."."""
        first = self._clause_start(n)
        return (
            n == first + 1
            and self._tokens[first].low in {"das", "dies"}
            and "," not in self._masked[self._tokens[n].end : self._end]
        )

    def _say_before(self, speaker: Span) -> None:
        if self._last_block and not any(one.end > self._last_block[0] for one in self.found):
            self._say(speaker, *self._last_block)

    def _speaks_before(self, n: int) -> bool:
        """Whether what stands before a verb in the sentence is what was said: all of it, or a quotation."""
        if self._quote_before(self._tokens[n - 1].start):
            return True
        first = self._clause_start(n)
        opening = self._tokens[first]
        if self._phrase(first, wide=True) >= n - 1:  # no more than a name
            return False
        return first < n - 1 and opening.low not in {
            "wie",
            "als",
            "nachdem",
            "während",
            "obwohl",
            "laut",
            "nach",
        }

    def _complement(self, speaker: Span, at: int, verb: int) -> None:
        """What is said behind a verb: a clause behind the next comma or colon, or a quotation."""
        stop = next((n for n in range(at, len(self._tokens)) if self._tokens[n].text in ",:;."), None)
        quote = self._quote_in(self._tokens[verb].end, self._end)
        if self._english and not quote and self._takes_clause(speaker, at, stop or len(self._tokens)):
            return
        if stop is None or self._tokens[stop].text in ";." or stop + 1 >= len(self._tokens):
            if quote:
                self._say(speaker, *quote)
            return
        begin, end = self._tokens[stop + 1].start, self._end
        if self._tokens[stop].text == ":":
            self._say(speaker, *(quote or (begin, end)))
            return
        clause = self._text[begin:end]
        if self._is_apposition(stop):
            self._complement(speaker, self._after_apposition(stop), verb)
        elif quote and quote[0] <= begin + 1:
            self._say(speaker, *quote)
        elif self._rejects(verb):
            if quote:
                self._say(speaker, *quote)
        elif _COMPLEMENT.match(clause) or _REPORTED.search(clause):
            self._say(speaker, begin, end)
        elif quote and quote[0] < begin:
            self._say(speaker, *quote)
        elif not _RELATIVE.match(clause) and self._tokens[verb].low not in _WITH_OBJECT:
            if len(clause.split()) >= _CLAUSE_WORDS or _INFINITIVE.search(clause):
                self._say(speaker, begin, end)
        elif quote:
            self._say(speaker, *quote)

    def _rejects(self, verb: int) -> bool:
        """Whether a verb says that something is not so, which a clause behind it holds."""
        low = self._tokens[verb].low
        behind = {token.low for token in self._tokens[verb:]}
        return low in _REJECTING or (low.startswith(_REJECTING_STEMS) and bool(behind & _REJECTING_WITH))

    def _takes_clause(self, speaker: Span, at: int, stop: int) -> bool:
        """An English clause without a comma before it: "said that …", "told reporters that …", "said the bridge …"."""
        for n in range(at, min(stop, at + 8)):
            if self._tokens[n].low in {"that", "whether"} and n + 2 < len(self._tokens):
                self._say(speaker, self._tokens[n].start, self._end)
                return True
        bare = self._tokens[at - 1].low in {"said", "says", "added", "believes", "believe", "announced"}
        if bare and at + 2 < len(self._tokens) and self._begins_clause(at):
            self._say(speaker, self._tokens[at].start, self._end)
            return True
        return False

    def _begins_clause(self, n: int) -> bool:
        number = self._tokens[n].low in _DETERMINERS or self._tokens[n].is_name
        return number or self._tokens[n].low in _PRONOUNS | {"it", "there", "we"}

    def _is_apposition(self, comma: int) -> bool:
        return self._after_apposition(comma) > comma

    def _after_apposition(self, comma: int) -> int:
        """Where the sentence goes on behind "X, chairman of Y, …"; the comma itself if that is none."""
        last = self._phrase(comma + 1)
        closed = last > comma + 1 and last < len(self._tokens) - 1 and self._tokens[last].text == ","
        return last if closed and self._tokens[comma + 1].low not in _STOPPERS else comma

    def _behind(self, speaker: Span, before: int, after: int) -> None:
        """Speech that stands before its speaker, and goes on behind where a quotation follows."""
        first = self._clause_start(self._index(before))
        quote = self._quote_before(before)
        if quote:
            self._say(speaker, *quote)
        elif self._tokens[first].start < before:
            self._say(speaker, self._tokens[first].start, before)
        further = self._quote_in(after, self._end)
        if further:
            self._say(speaker, *further)

    def _carried(self) -> None:
        """Speech without a speaker of its own: a bare quotation, or a sentence in forms of reported speech."""
        if self._speaker is None or self._silent >= _CARRIES:
            return
        if any(self._reports(n) for n in range(len(self._tokens))):
            self._speaker = None  # somebody else speaks, who could not be read
            return
        outside = self._masked[self._start : self._end]
        whole = [span for span in self._quotes if self._start <= span[0] and span[1] <= self._end]
        if whole and not re.search(r"[^\W_]", re.sub(r"[·\s]", "", outside)):
            for start, end in whole:
                self._say(self._speaker, start + 1, end - 1)
        elif _goes_on(outside):
            self._say(self._speaker, self._start, self._end)

    # --- noun phrases ----------------------------------------------------------------------------

    def _phrase(self, at: int, *, wide: bool = False, genitives: int = 9) -> int:
        """Where the noun phrase that begins at a token ends (exclusive); `at` itself if none does.

        `wide` takes every attribute along ("a spokesman in Berlin"), as what stands before a German verb does;
        `genitives` bounds the nouns that hang on each other.
        """
        n, named, open_ = at, False, False
        while n < len(self._tokens) and n - at < _MAX_SPEAKER:
            token = self._tokens[n]
            low = token.low
            if low in _finite_or_auxiliary() and not token.is_name:
                break
            if low in _DETERMINERS and not (token.is_name and named):
                if named and not open_ and (low not in _GENITIVES or not genitives):
                    break
                genitives -= named
                open_ = True
            elif token.is_word and token.is_name and low not in _STOPPERS:
                named, open_ = True, False
            elif token.is_word and low.isdigit():
                if named and not open_ and not (wide or self._names_on(n)):
                    break
            elif named and not open_ and self._goes_on_in_name(n):
                pass
            elif named and not open_ and (low in _TIES or (wide and low in _LOOSE_TIES)):
                open_ = True
            elif named and not open_ and low in _AND and self._begins_phrase(n + 1):
                open_ = True
            elif (
                named and token.text == "-" and n + 1 < len(self._tokens) and self._tokens[n + 1].low in _AND
            ):
                pass  # "Stadt- und Kreisrat"
            elif named and not open_ and self._describes_genitive(n):
                open_ = True  # "Verband kommunaler Unternehmen"
            elif token.text == "." and n > at and self._abbreviates(n - 1):
                pass
            elif token.text == "(" and named:
                close = next(
                    (m for m in range(n, min(n + 6, len(self._tokens))) if self._tokens[m].text == ")"), None
                )
                if close is None:
                    break
                n = close
            elif token.text in '„“"»«' and (open_ or named) and self._names_on(n):
                pass
            elif token.is_word and low not in _STOPPERS and (open_ or not named) and self._describes(n):
                open_ = True
            elif self._english and (open_ or named) and self._is_english_noun(n):
                named, open_ = True, False
            else:
                break
            n += 1
        while n > at and (self._tokens[n - 1].low in _DETERMINERS | _TIES | _LOOSE_TIES | _AND):
            n -= 1
        return n if named else at

    def _goes_on_in_name(self, n: int) -> bool:
        """Whether a word in small letters belongs to a name: Abdalla al Badri, the channel n-tv."""
        token = self._tokens[n]
        if not token.is_word or token.is_name or token.low in _TIES | _LOOSE_TIES:
            return False
        following = self._tokens[n + 1] if n + 1 < len(self._tokens) else None
        return (
            "-" in token.text
            or token.low in _AGENCIES
            or (token.low in _PARTICLES and following is not None and following.is_word and following.is_name)
        )

    def _is_english_noun(self, n: int) -> bool:
        """Whether a word in small letters may be a noun: a word behind an article that nothing else explains."""
        low = self._tokens[n].low
        closed = low in _STOPPERS | _TIES | _LOOSE_TIES | _AND or low in _finite_or_auxiliary()
        return self._tokens[n].is_word and not closed and not low.endswith("ly")

    def _names_on(self, n: int) -> bool:
        near = self._tokens[max(0, n - 6) : n + 6]
        return sum(one.text in '„“”"»«' for one in near) >= 2

    def _abbreviates(self, n: int) -> bool:
        token = self._tokens[n]
        return (len(token.text) == 1 and token.is_name) or token.low in _ABBREVIATED

    def _begins_phrase(self, n: int) -> bool:
        return n < len(self._tokens) and (self._tokens[n].is_name or self._tokens[n].low in _DETERMINERS)

    def _describes(self, n: int) -> bool:
        """Whether a word in small letters is an adjective before a noun."""
        if not self._tokens[n].low.endswith(
            ("e", "en", "er", "es", "em", "n", "al", "an", "ish", "se", "te", "ed", "ic")
        ):
            return False
        for token in self._tokens[n + 1 : n + 5]:
            if token.is_name:
                return True
            if (
                not token.is_word
                or token.low in _STOPPERS | _TIES | _LOOSE_TIES
                or token.low in _finite_or_auxiliary()
            ):
                return False
        return False

    def _describes_genitive(self, n: int) -> bool:
        """Whether a word is an adjective that no article stands before: "Verband kommunaler Unternehmen"."""
        low = self._tokens[n].low
        return low.endswith("er") and low not in _STOPPERS | _TIES | _LOOSE_TIES and self._describes(n)

    def _phrase_back(self, at: int) -> int | None:
        """Where the noun phrase that ends before a token begins."""
        for first in range(self._clause_start(at), at):
            if self._phrase(first, wide=True) == at:
                return first
        return None

    def _subject_before(self, verb: int) -> Span | None:
        """The noun phrase or pronoun that fills the place before a verb."""
        last = verb
        while last > 1 and self._tokens[last - 1].low in _SKIPPED:
            last -= 1
        if last == 0:
            return None
        single = self._tokens[last - 1]
        if single.low in _PRONOUNS and (
            last == 1 or not self._tokens[last - 2].is_word or self._joins(last - 2)
        ):
            return self._person(last - 1)
        if self._tokens[last - 1].low in _AND:
            return self._opening_phrase(last)
        for first in self._starts(last):
            opening = self._tokens[first].low
            if opening in _LOOSE_TIES | _STOPPERS | _OBJECT_CASE | _TIES | _NOBODY:
                continue
            end = self._reached(first, last)
            if end:
                return self._span(first, end)
        return None

    def _opening_phrase(self, n: int) -> Span | None:
        """The noun phrase that opens the sentence of a token, with what stands between commas behind it."""
        first = self._clause_start(n)
        if self._tokens[first].low in _PRONOUNS:
            return self._person(first)
        if self._tokens[first].low in _LOOSE_TIES | _STOPPERS | _OBJECT_CASE | _TIES:
            return None
        last = self._phrase(first, wide=True)
        if last < n and self._tokens[last].text == ",":
            last = max(last, self._after_apposition(last))
        return self._span(first, last) if last > first else None

    def _joins(self, n: int) -> bool:
        return self._tokens[n].low in _AND | {"aber", "doch", "denn", "but"}

    def _reached(self, first: int, last: int) -> int:
        """The end of the noun phrase that fills first..last, 0 if none does.

        An apposition between commas belongs to it; a relative clause stands behind it.
        """
        end = self._phrase(first, wide=True)
        while first < end < last and self._tokens[end].text == ",":
            inner = self._phrase(end + 1, wide=True)
            if inner > end + 1 and (inner == last or (inner < last and self._tokens[inner].text == ",")):
                end = inner + (inner < last)
            else:
                return end if self._is_relative(end + 1, last) else 0
        return end if end == last and end > first else 0

    def _is_relative(self, first: int, last: int) -> bool:
        """Whether first..last is a relative clause up to the comma before a verb whose subject stands before it."""
        clause = self._masked[self._tokens[first].start : self._tokens[last - 1].end]
        if not (clause.endswith(",") and _RELATIVE_CLAUSE.match(clause)) or re.search(r"[:;„“”\"»«]", clause):
            return False
        after = self._subject_after(last)
        return after is None or after[1] >= len(self._tokens) or self._tokens[after[1]].text not in ",."

    def _starts(self, last: int) -> Iterator[int]:
        """Where the clause of a verb may begin, farthest first."""
        clause = self._clause_start(last)
        yield clause
        for n in range(clause + 1, last):
            token = self._tokens[n - 1]
            if (
                not token.is_word
                and token.text in ',;:–-“”"'
                or token.low in _AND | {"aber", "doch", "denn", "but"}
            ):
                yield n

    def _subject_after(self, verb: int) -> tuple[Span, int] | None:
        """The noun phrase or pronoun behind a verb, and the token it ends before."""
        n = verb + 1
        while n < len(self._tokens) and self._tokens[n].low in _SKIPPED:
            n += 1
        if n >= len(self._tokens):
            return None
        if self._tokens[n].low in _PRONOUNS - {"dieser", "diese"}:
            person = self._person(n)
            return (person, n + 1) if person else None
        if self._tokens[n].low in _OBJECT_CASE:
            return None
        accuses = self._tokens[verb].low in {
            "warf",
            "wirft",
            "warfen",
            "werfen",
        }  # whom, stands behind in the dative
        last = self._phrase(n, genitives=0 if accuses else 9)
        return (self._span(n, last), last) if last > n else None

    def _reports(self, n: int) -> bool:
        low = self._tokens[n].low
        if self._tokens[n].is_name and n:
            return False
        if low in _SAYS:
            return True
        particles = _finite().get(low)
        if particles is None:
            return False
        if not particles:
            return True
        stop = next(
            (m for m in range(n, len(self._tokens)) if self._tokens[m].text in ":;"), len(self._tokens)
        )
        return any(token.low in particles for token in self._tokens[n + 1 : stop])

    def _participle(self, n: int) -> int | None:
        """The participle of a reporting verb that belongs to an auxiliary."""
        inside = reflexive = False
        for m in range(n + 1, min(n + 30, len(self._tokens))):
            reflexive |= self._tokens[m].low == "sich"
            inside = self._tokens[m].text == "(" or (inside and self._tokens[m].text != ")")
            if self._tokens[m].text in ",:;." and not inside:
                return None
            if self._tokens[m].low in _PARTICIPLES:
                return None if reflexive and self._tokens[m].low == "gemeldet" else m
        return None

    # --- places ----------------------------------------------------------------------------------

    def _index(self, offset: int) -> int:
        """The first token at or behind an offset."""
        return next(
            (n for n, token in enumerate(self._tokens) if token.start >= offset), len(self._tokens) - 1
        )

    def _span(self, first: int, last: int) -> Span:
        return self._tokens[first].start, self._tokens[last - 1].end

    def _clause_start(self, n: int) -> int:
        """The first token of the sentence that a token stands in, opening quotation marks of speech included."""
        for m in range(min(n, len(self._tokens)) - 1, 0, -1):
            ends = self._tokens[m - 1].text in ".!?" and not (m > 1 and self._abbreviates(m - 2))
            if (
                ends
                and self._tokens[m].is_name
                and self._masked[self._tokens[m - 1].end : self._tokens[m].start].strip() == ""
                and self._tokens[m - 1].end < self._tokens[m].start
                and not self._tokens[m - 2].text.isdigit()
            ):
                return m
        return 0

    def _quote_in(self, start: int, end: int) -> Span | None:
        """The inside of the first quotation between two offsets."""
        found = next((span for span in self._quotes if start <= span[0] and span[1] <= end), None)
        return (found[0] + 1, found[1] - 1) if found else None

    def _quote_before(self, offset: int) -> Span | None:
        """The inside of the quotation that ends right before an offset."""
        for start, end in self._quotes:
            between = self._text[end:offset] if end <= offset else "" if end == offset + 1 else None
            if self._start <= start and between is not None and not between.strip(" ,"):
                return start + 1, end - 1
        return None

    def _say(self, speaker: Span, start: int, end: int) -> None:
        start, end = _trimmed(self._text, start, end)
        if start >= end or any(one.start < end and start < one.end for one in self.found):
            return
        first, last = _trimmed(self._text, *speaker)
        if first >= last or (start <= first and last <= end and (last - first) * 2 > end - start):
            return
        if not self._can_speak(first, last):
            return
        self._speaker = (first, last)
        self._speaks_as = self._pronoun_of(first, last)
        direct = any(a < start and end < b + 1 for a, b in self._quotes)
        if not direct and self._text[start:end].count(" – ") == 1:
            start, end = _trimmed(self._text, start, self._text.index(" – ", start, end))  # an afterthought
        self.found.append(Said(self._text[first:last], first, last, start, end, direct))

    def _can_speak(self, first: int, last: int) -> bool:
        """Whether a phrase names somebody or something that speaks, and neither a time nor nothing at all."""
        spoken = re.findall(r"\w+", self._text[first:last])
        if not spoken or spoken[0].casefold() in _NOBODY or spoken[-1].casefold() in _WHEN:
            return False
        if len(spoken) > 1 and spoken[1].casefold() in _WHEN:  # "Wenige Stunden nach dem Sturm"
            return False
        if spoken[0].casefold() in _LOOSE_TIES:  # a place, or what is spoken of
            return False
        return len(spoken) > 1 or spoken[0].casefold() not in _POINTERS

    def _person(self, before: int) -> Span | None:
        """Whom a pronoun stands for.

        Who opens the sentence, else who is its subject behind a verb, else who spoke or was the subject last.
        """
        for first in (0, *(n + 1 for n in range(before) if self._tokens[n].low in _finite_or_auxiliary())):
            last = self._phrase(first)
            if first < last < before and self._names_person(first, last):
                return self._span(first, last)
        called = {"he": "er", "she": "sie"}.get(self._tokens[before].low, self._tokens[before].low)
        if self._speaks_as and called in {"er", "sie"} and called != self._speaks_as:
            return None
        return self._subject

    def _pronoun_of(self, first: int, last: int) -> str:
        """What a phrase is called further on, as far as its article tells: "der Polizei" behind "laut" is no "er"."""
        opening = self._text[first:last].split()[0].casefold()
        she = {"die", "eine"} | ({"der", "einer"} if self._in_source else set())
        he = {"des", "dem", "eines", "einem"} | (set() if self._in_source else {"der", "ein"})
        return "sie" if opening in she else "er" if opening in he else ""

    def _names_person(self, first: int, last: int) -> bool:
        """Whether the tokens first..last name one person: two names, or one that stood behind another before."""
        tokens = self._tokens[first:last]
        if not tokens or tokens[0].low in _PRONOUNS or tokens[0].low.startswith("jede"):
            return False
        return _is_person(tokens) or (len(tokens) == 1 and tokens[0].text in self._surnames)

    def _remember(self, spoke: bool) -> None:
        """Keeps who may be meant by a pronoun in the next sentence."""
        for one, other in pairwise(self._tokens):
            if one.is_word and one.is_name and other.is_word and other.is_name:
                self._surnames.add(other.text)
        if spoke:
            self._subject = self._speaker
            return
        if self._names_person(0, last := self._phrase(0)):
            self._subject = self._span(0, last)
            self._speaks_as = ""
        if self._names_another():
            self._speaker = None  # whose words may follow

    def _names_another(self) -> bool:
        """Whether a sentence without speech has a person for its subject who is not the one that spoke last."""
        known = self._text[slice(*self._speaker)].split() if self._speaker else []
        for n, token in enumerate(self._tokens):
            if n == 0 or token.low in _finite_or_auxiliary():
                first = n + (n > 0 or token.low in _finite_or_auxiliary())
                last = self._phrase(first)
                if self._names_person(first, last) and self._tokens[last - 1].text not in known:
                    return True
        return False


def _is_person(tokens: Sequence[_Token]) -> bool:
    named = sum(token.is_word and token.is_name and token.low not in _DETERMINERS for token in tokens)
    return named >= 2 and not any(token.low in _AND for token in tokens)


def _goes_on(sentence: str) -> bool:
    """Whether a sentence is in the forms of reported speech, its main clause before all."""
    found = _GOES_ON.search(sentence)
    if found is None:
        return False
    clauses = sentence[: found.start()].split(",")
    return not any(_TOLD.search(one) for one in clauses if not _BELOW.match(one))


def _trimmed(text: str, start: int, end: int) -> Span:
    while start < end and (text[start].isspace() or text[start] in ",;:–-"):
        start += 1
    while start < end and (text[end - 1].isspace() or text[end - 1] in ".,;:!?–-"):
        end -= 1
    return start, end


@cache
def _finite() -> dict[str, frozenset[str]]:
    """Finite forms of reporting verbs with their particles; a form that needs none has an empty set."""
    table: dict[str, frozenset[str]] = {}

    def enter(forms: Sequence[str], particles: str) -> None:
        needed = frozenset(filter(None, particles.split(",")))
        for form in forms:
            known = table.get(form)
            table[form] = (
                needed if known is None else frozenset() if not known or not needed else known | needed
            )

    for entry in _WEAK.split():
        stem, _, particles = entry.partition("/")
        link = "e" if stem.endswith(("t", "d", "chn", "gn", "dn", "ffn")) else ""
        enter([f"{stem}{link}{ending}" for ending in ("t", "te", "ten")] + [f"{stem}en"], particles)
    for entry in _STRONG.split():
        forms, _, particles = entry.partition("/")
        enter(forms.split(","), particles)
    return table


@cache
def _reporting() -> frozenset[str]:
    return frozenset(_finite()) | _FINAL | _PARTICIPLES | _SAYS


@cache
def _finite_or_auxiliary() -> frozenset[str]:
    return (
        frozenset(_finite())
        | _AUXILIARIES
        | frozenset(
            """ist sind war waren wird werden wurde wurden kann können konnte konnten soll sollen sollte sollten
        will wollen wollte wollten muss müssen musste mussten darf dürfen is are was were will would can could should
        may might""".split()
        )
        | _SAYS
    )

"""Text to sentences with exact offsets, and the language of a text.

In: clean text. Out: `Sentence` spans. Hides `sentencex`, which proposes the boundaries, and `lingua`, which
weighs letters for the language. Both are mended here by rules that rest on closed word classes (articles,
pronouns, prepositions, question words): such a word in capitals after a full stop opens a sentence, and
three of them tell a language from a question too short for letter statistics.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

from rag.types import Sentence

if TYPE_CHECKING:
    from lingua import LanguageDetector

MAX_SENTENCE_CHARS = 1000
"""No sentence is longer. A longer run of text is cut behind `;`, else `,` or `:`, else at a space."""

_MAX_QUOTATION_CHARS = 400
_MAX_BRACKET_CHARS = 200
_MAX_HEADING_CHARS = 120
_MAX_HEADINGS_IN_A_ROW = 3
_DETECT_CHARS = 2000

# Closed word classes per language. Order and completeness do not matter; a word that several languages
# share counts less for each of them.
_FUNCTION_WORDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "de": """der die das den dem des ein eine einen einem einer eines und oder aber doch denn sondern
            nicht kein keine keinen ich du er sie es wir ihr ihm ihn ihnen uns euch sich mich mir dir
            man wer wen wem wessen was wann wo wohin woher warum wieso weshalb wie wieviel welche
            welcher welches welchen ist sind war waren wird werden wurde wurden hat haben hatte hatten
            kann können soll gibt sagte in im an am auf aus bei beim mit nach seit von vom vor zu zum
            zur über unter um für gegen ohne durch während wegen trotz laut bis zwischen wenn als ob
            weil dass da obwohl nachdem bevor damit dann so auch noch nur schon hier dort heute gestern
            jetzt sehr mehr dies diese dieser dieses diesem diesen jener jede jeder jedes alle viele
            einige beide sein seine ihre ihren mein meine unser unsere dabei daher deshalb dennoch
            trotzdem jedoch allerdings außerdem zudem zuvor danach später zunächst inzwischen derzeit
            bereits dazu darüber dagegen darauf insgesamt ebenso hingegen immerhin schließlich zuletzt
            nun sowie einst damals""",
        "en": """the a an and or but not no i you he she it we they him her them us me his its our their this
            that these those who whom whose what when where why how which is are was were be been has
            have had do does did will would can could should may might must say said many much of in on
            at to from by with for about as into after before since until between during against without
            under over if because although while though than then there here also still yet however
            meanwhile moreover instead later earlier today yesterday some many most all any both each
            every nobody everyone somebody my your so such only even once now nor according despite""",
        "fr": """le la les un une des du de d l et ou mais ne pas n ni je tu il elle on nous vous ils elles
            qui que qu quoi quand où pourquoi comment combien quel quelle quels quelles est sont était
            étaient été a ont avait ce cet cette ces c s se son sa ses leur leurs mon ma notre votre
            dans en à au aux par pour sur sous avec sans chez vers entre depuis pendant après avant
            selon malgré si comme car donc puis alors aussi encore plus très tout tous toute toutes dit
            lieu eu y dont cela ainsi cependant toutefois pourtant enfin ensuite hier aujourd'hui""",
        "es": """el la los las un una unos unas de del y o pero no ni yo tú él ella nosotros ellos ellas
            usted quién quien quiénes qué que cuándo cuando dónde donde cómo como cuánto cuántos cuántas
            cuál cuáles es son era eran fue fueron está están estaba ha han había hubo hay dijo en a al
            con por para sin sobre entre desde hasta durante tras según contra se su sus lo le les mi
            este esta estos estas ese esa eso más muy también ya si porque aunque mientras entonces
            además ayer hoy todos""",
        "it": """il lo la i gli le un uno una di del dello della dei degli delle e ed o ma non né io tu lui
            lei noi voi loro chi che cosa cos quando dove dov perché come quanto quanti quante quale
            quali è sono era erano fu furono ha hanno aveva stato stata in nel nella nei nelle a al allo
            alla ai alle da dal dalla con su sul sulla per tra fra senza durante dopo prima contro
            secondo si suo sua suoi questo questa questi queste quello quella più molto anche già se
            mentre però inoltre detto c ci oggi ieri""",
        "pt": """o a os as um uma uns umas de do da dos das e ou mas não nem eu tu ele ela nós eles elas você
            quem que quê quando onde como quanto quantos quantas qual quais por porque é são era eram
            foi foram está estão estava tem têm havia houve há disse em no na nos nas ao à aos com para
            sem sobre entre desde até durante após segundo contra se seu sua seus suas este esta isso
            esse essa mais muito também já embora enquanto então além ontem hoje aconteceu""",
        "nl": """de het een en of maar niet geen ik jij je hij zij ze wij we jullie hun hen hem haar ons wie
            wat wanneer waar waarom hoe hoeveel welke welk is zijn was waren wordt worden werd werden
            heeft hebben had kan zal zei in op aan van voor met naar bij uit over onder tegen tussen
            door sinds tijdens volgens zonder als omdat terwijl hoewel dat dit deze die er daar hier ook
            nog al zeer meer dan toen echter daarnaast gisteren vandaag alle veel erbij plaats vond""",
        "pl": """i oraz lub albo ale nie ja ty on ona ono my wy oni one kto kogo komu co czego kiedy gdzie
            skąd dokąd dlaczego jak ile ilu jaki jaka jakie który która które którzy jest są był była
            było byli być ma mają miał w we na z ze do od po za przez przed pod nad o u dla bez przy
            między podczas według się to ten ta te tego tej tym jego jej ich że żeby aby bo ponieważ gdy
            jeśli czy tak także też już jeszcze bardzo tylko jednak natomiast następnie potem wczoraj
            dziś powiedział""",
        "tr": """ve veya ya ama fakat değil ben sen o biz siz onlar kim kime kimin kimler kimi ne neyi neden
            niçin niye nerede nereye nereden nasıl kaç hangi bu şu mi mı mu mü bir için ile gibi kadar
            göre sonra önce çok daha en de da ki her hiç bazı tüm var yok vardı idi oldu olan olarak
            dedi etti tarafından tarafında üzerine karşı arasında ise ancak çünkü eğer dün bugün katıldı""",
        "cs": """a i nebo ale ne ani já ty on ona ono my vy oni kdo koho komu co čeho kdy kde kam odkud proč
            jak kolik jaký jaká jaké který která které je jsou byl byla bylo byli být má mají měl v ve
            na z ze do od po za přes před pod nad o u pro bez při mezi během podle se si to ten ta ty
            tento jeho její jejich že aby protože když pokud jestli tak také už ještě velmi jen však
            poté včera dnes řekl""",
        "sv": """och eller men inte jag du han hon vi ni de dem oss vem vilka vad när var varför hur vilken
            vilket är har hade blev blir kan ska skulle sa sade en ett den det i på av för med till från
            om efter innan mellan under mot utan genom enligt som att att detta denna dessa sig sin sitt
            sina också mycket mer än så här där igår idag många deltog mötet""",
        "da": """og eller men ikke jeg du han hun vi de dem os hvem hvad hvornår hvor hvorfor hvordan hvilken
            hvilket hvilke mange er var har havde blev bliver kan skal skulle sagde en et den det i på
            af for med til fra om efter før mellem under mod uden ifølge som at dette denne disse sig
            sin sit sine også meget mere end så her der deltog mødet""",
        "no": """og eller men ikke jeg du han hun vi dere de dem oss hvem hva når hvor hvorfor hvordan
            hvilken hvilket hvilke mange er var har hadde ble blir kan skal skulle sa en et ei den det i
            på av for med til fra om etter før mellom under mot uten ifølge som at dette denne disse seg
            sin sitt sine også mye mer enn så her der deltok møtet""",
        "ro": """și sau dar nu eu tu el ea noi voi ei ele cine cui ce când unde de cum cât câți câte care
            este sunt era erau fost a au avea va în la din pe cu pentru fără despre între prin după
            înainte contra un o unui unei al ale lui lor să că dacă deși acest această acestea mai
            foarte și spus""",
        "hu": """a az egy és vagy de nem ki kik kit kinek mi mit mikor hol hova honnan miért hogyan hány
            mennyi melyik van vannak volt voltak lesz lett én te ő ők ez ezt aki ami hogy ha mert is még
            már csak nagyon után előtt között szerint ellen nélkül mondta részt vett""",
        "fi": """ja tai mutta ei en minä sinä hän me te he kuka ketkä ketä kenen mikä mitä milloin missä
            mihin mistä miksi miten kuinka moni monta on ovat oli olivat ollut ole se ne tämä nämä joka
            jotka että kun jos koska myös vielä jo vain sekä kanssa jälkeen ennen mukaan ilman sanoi""",
        "ru": """и или а но не ни я ты он она оно мы вы они его её ему им их нас вас кто кого кому кем что
            чего чём нём чему когда где куда откуда почему зачем как сколько какой какая какое какие
            который которая которые был была было были есть будет в во на с со из от до по за у о об к
            для без при под над между через во после перед против согласно это этот эта эти тот та те
            все если чтобы потому хотя пока также тоже уже ещё очень только однако затем потом вчера
            сегодня сказал ли""",
        "uk": """і й та або але не ні я ти він вона воно ми ви вони його її їх йому кого хто кому ким що чого
            коли де куди звідки чому навіщо як скільки який яка яке які був була було були є буде в у на
            з із зі від до по за о об для без при під над між через після перед проти згідно це цей ця
            ці той ті все якщо щоб тому хоча поки також теж вже ще дуже тільки однак потім сказав чи""",
        "bg": """и или но не ни аз ти той тя то ние вие те го я им кой коя кое кои кого какво що кога къде
            откъде защо как колко е са беше бяха бил била има в във на с със от до по за при под над
            между през след преди срещу според това този тази тези се си му ще да че ако защото докато
            също вече още много само обаче вчера днес каза ли""",
        "ar": """من متى أين لماذا كيف ماذا ما كم هل هذا هذه ذلك التي الذي في على إلى عن مع بعد قبل كان كانت
            قال لم لن لا هو هي هم أو ثم حتى بين عند""",
        "fa": """کی چه کجا چرا چگونه چطور چند آیا این آن است بود شد در به از که را با برای تا و یا هم او آنها
            گفت نیست هست می""",
    }.items()
}
_LINGUA_CODES = {"no": "nb"}
_LANGUAGES = (*_FUNCTION_WORDS, "el", "he", "hi", "zh", "ja", "ko")
_SHARED = {
    word: sum(word in words for words in _FUNCTION_WORDS.values())
    for words in _FUNCTION_WORDS.values()
    for word in words
}

# Abbreviations, without their last full stop and without inner spaces ("z.B"). A word written small here is
# also met with a capital at the beginning of a sentence.
_NEVER_ENDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "": """Dr Prof Hr Mr Mrs Ms Mme Mlle St Ste Sr Sra Dra Rev Hon Gen Lt Col Sgt Capt Maj Gov Sen Rep
            Pres vs cf ca i.e e.g viz""",
        "de": """z.B d.h z.T u.U i.d.R s.o s.u v.a m.E i.e e.g i.A i.V d.i bzw ca vgl evtl ggf ggfs inkl exkl
            zzgl bspw sog geb ehem Dr Prof med phil jur rer nat pol oec habil Dipl Ing Dipl.-Ing Mag Hr
            Fr Frl St Priv.-Doz Univ stellv Stellv Vors Tel em Fa Hrn insb insbes allg bzgl betr gem
            resp einschl abzgl ausschl jew urspr lfd zit hrsg Hrsg Red eigtl franz engl russ ukr amerik
            lat griech österr schweiz""",
        "en": """Messrs Supt Adm Cmdr Det Insp Amb Atty Prof Fr approx esp incl al""",
        "fr": """M MM Mme Mmes Mlle Me Dr Pr Mgr St Ste av env p.ex c.-à-d art chap éd fig boul""",
        "es": """Sr Sra Srta Sres Dr Dra Prof Lic Ing D Dña Ud Uds Vd p.ej pág págs art aprox Gral Av""",
        "it": """Sig Sigg Sig.ra Dott Dott.ssa Prof Prof.ssa Avv Ing On on Sen Mons pag pagg art es p.es""",
        "pt": """Sr Sra Srs Dr Dra Prof Profª Eng Exmo Av pág págs art p.ex""",
        "nl": """dhr mevr mw dr drs ing ir mr prof bijv d.w.z o.a m.n t.a.v i.p.v vgl ca nl blz""",
        "pl": """np m.in tzn tj prof dr hab inż mgr gen płk ppłk kpt św ul al pl im ks red por ok tzw zob min
            wg woj pow ob""",
        "tr": """Dr Prof Doç Yrd Av Op Uzm Sn Alb Gen Org vb örn bkz sf s Cad Sok Mah Apt No""",
        "cs": """např tj tzv mj prof dr doc ing mgr sv ul nám gen plk kpt čl odst str""",
        "sv": """t.ex bl.a dvs d.v.s s.k f.d m.a.o kl ca prof dr""",
        "da": """f.eks bl.a dvs d.v.s s.k kl ca prof dr pkt stk""",
        "no": """f.eks bl.a dvs d.v.s s.k kl ca prof dr pkt""",
        "ru": """т.е т.к т.н т.ч напр им ул пр просп пл пер д кв обл р-н гор пос проф акад доц ген полк
            подполк кап св см ср стр рис табл ред гл ст п пп ок тыс""",
        "uk": """т.з тобто напр ім вул пр просп пл пров буд кв обл р-н проф акад доц ген полк св див ред гл
            ст п""",
    }.items()
}
# Followed by a name or a noun more often than by a new sentence: an end only before a function word.
_SELDOM_ENDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "": "Co Inc Corp Ltd Bros U.S U.N U.K E.U D.C Jan Feb Aug Sept Okt Oct Nov Dez Dec",
        "de": "Mrd Mio Tsd Bill u.a u.ä o.ä e.V a.D a.M a.d.R i.R i.L v.d n.F a.F Mo Di Mi Do Sa",
        "en": "Mar Apr Jun Jul Sep Mt Ft Ave Blvd Rd Univ Dept Assn Intl Gov",
        "es": "EE.UU Uds S.A",
        "fr": "S.A",
        "pl": "tys mln mld godz",
        "ru": "млн млрд трлн руб тыс долл",
        "uk": "млн млрд трлн грн тис",
        "nl": "mld mln",
    }.items()
}
# May end a sentence before any capital, unless the sentence has hardly begun ("В 1990 г. Германия …").
_OFTEN_ENDS: dict[str, frozenset[str]] = {
    language: frozenset(words.split())
    for language, words in {
        "": "etc Jr a.m p.m A.M P.M",
        "de": "usw u.s.w f ff Chr v.Chr n.Chr Jh Jhd u.v.m usf Std Min Sek",
        "pl": "r w zł itd itp wiek",
        "ru": "г гг в вв т.д т.п др пр н.э",
        "uk": "р рр ст т.д т.п ін н.е",
        "cs": "apod atd tis mil r n.l",
        "tr": "vb vs M.Ö M.S",
        "it": "ecc a.C d.C",
        "es": "a.C d.C",
        "fr": "J.-C",
        "sv": "m.m osv o.s.v",
        "da": "m.m osv o.s.v",
        "no": "m.m osv o.s.v",
        "nl": "enz e.d",
    }.items()
}
_YEAR_MARKS = frozenset("г р r".split())
# Point at a number: no end before a digit or a Roman numeral.
_BEFORE_NUMBERS = frozenset(
    """Nr Nrn No Nos Abs Art Artikel S Bd Bde Kap Abb Tab Ziff Rn Rdnr Anm Aufl Lit Buchst Pos Tel Vol vol Fig
    fig Sec Ch Ca ca max min mind Max Min p pp S.A cap núm nº n art pág str rozdz poz nr č čl odst § гл ст п
    № s sid""".split()
)
_ORDINAL_LEADS = frozenset(
    """der die das des dem den am im vom zum zur beim ein eine einen einem einer eines sein seine seinen
    seinem seiner seines ihr ihre ihren ihrem ihrer ihres unser unsere unseren unserem unserer dieser
    diese diesen diesem dieses jeder jede jedes jeden jedem als ans ins aufs fürs""".split()
)
_ORDINAL_HEADS = re.compile(
    r"(?:(?:Jan(?:uar)?|Jän(?:ner)?|Feb(?:ruar|er)?|März|Apr(?:il)?|Mai|Jun[io]|Jul[io]|Aug(?:ust)?|Sept(?:ember)?|"
    r"Okt(?:ober)?|Nov(?:ember)?|Dez(?:ember)?)s?\b|"
    r"Jahrhundert|Jahrtausend|Jahrestag|Geburtstag|Todestag|Hochzeitstag|Weltkrieg|Lebensjahr|Spieltag|"
    r"Bundesliga|Liga\b|Minute|Halbzeit|Runde|Platz\b|Mal\b|Klasse|Kapitel|Auflage|Stock\b|Etage|Quartal|"
    r"Halbjahr|Woche|Legislaturperiode|Wahlperiode|Sitzung|Parteitag|Jh\b|Etappe|Staffel|Ausgabe|Reich\b|"
    r"(?:Tag|Kalenderwoche|Spielminute|Stelle|Rang|Saison|Instanz|Lesung|Mannschaft|Armee|Division|Regiment|Bataillon|"
    r"(?:Straf|Zivil)?[Ss]enat|Kammer|Vorsitzende|Bürgermeister|Bürgermeisterin)(?:[nrs]|es)?\b)"
)
# Before an ordinal stands an article, perhaps with adjectives: "die neue 3.", "der für Betrug zuständige 3.". Behind
# these adjectives things are counted: "unter den ersten 10."
_INFLECTED = re.compile(r"[a-zäöüß]{2,}(?:e|em|en|er|es)")
_COUNTING = frozenset(
    "ersten letzten nächsten besten anderen übrigen weiteren restlichen vergangenen kommenden folgenden".split()
)
_BEFORE_NOUNS = frozenset(
    """für in im an am auf aus bei beim mit nach seit von vom vor zu zum zur über unter durch gegen ohne um
    zwischen""".split()
)
_MOST_ATTRIBUTES = 8  # words between an article and its ordinal
_CLUBS = frozenset("FC FFC FSV SC SV".split())  # "gegen 1. FC Köln",
_PLACES = frozenset("Platz Rang Position Tabellenplatz Nummer".split())  # but "auf Platz 1. FC Köln …"
_COMPARED = re.compile(r"mehr|weniger|[a-zäöüß]{3,}er")
_ORDINAL = re.compile(r"[\"'„“(]*(?:\d{1,3}|[IVXL]+)\.")
_ORDINAL_PAIR = re.compile(r"(?:\d{1,3}\.[/–-])+\d{1,3}")  # "11./10. Jahrhundert"
_LARGE = re.compile(r"\d{1,3}(?:\.\d{3})+")  # "die 14.000. Folge"
_FINITE = frozenset(
    "ist sind war waren wird werden wurde wurden hat haben hatte hatten kann können soll gibt sagte".split()
)
_WORDS_BEFORE_REAL_END = 4
_ATTRIBUTION = re.compile(
    r"(?:[A-Z][\w.’'-]*\s+){0,3}(?:said|says|asked|asks|told|replied|added|wrote|writes|answered|shouted|"
    r"explained|noted|argued|warned|insisted|declared|recalled|continued)\b"
)

_LINE = re.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_CLOSERS = "\"'”“’‘»«›‹)]}"
# Marks of notes behind the end of a sentence: "… to an end.[12][note 3] The …", in encyclopedias without a space, too.
_NOTES = r"(?:\[[^\[\]]{1,24}\]){1,12}"
_CANDIDATE = re.compile(
    rf"([.!?…]{{1,20}})((?:[{re.escape(_CLOSERS)}]|\s»){{0,6}})(?:(?P<notes>{_NOTES})(?:\s+|(?=[^\W\d_a-zß-ÿ]))|\s+)(?=\S)"
)
# A full stop whose space was lost: "kam er bald.Der Zug …", but not in names such as "Beispiel.De".
_GLUED = re.compile(r"(?<!\S)([^\W\d_]{3,40})[.!?](?=([^\W\d_]{2,40})[\s,])")
_OTHER_TERMINATORS = frozenset("。！？｡．؟۔।॥።፧׃‼⁇⁈⁉។၊။")
_GREEK_QUESTION_MARK = ";"  # what NFC makes of U+037E
_QUOTES = {"„": "“”", "“": "”", "”": "”", "»": "«", "«": "»", '"': '"', "「": "」", "『": "』"}
_BRACKETS = {"(": ")", "[": "]"}
_OPENING = re.compile("[" + re.escape("".join((*_QUOTES, *_BRACKETS))) + "]")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_LETTERS = re.compile(r"[^\W\d_]+")
_ROMAN = re.compile(r"(?=[IVXLC]{2,7}$)(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})$")
_NAMES = re.compile(r"\A(?:[^\W\d_a-zß-ÿ][\w’'-]*\s*)+")
_LEADING_MARKS = re.compile(r"\A[\"'„“”‚‘’»«›‹(\[¿¡\s–—-]+")
_ELIDED = re.compile(r"\A(?:[ldnsLDNS]|dell|nell|all|sull|dall|qu)['’](?=\w)")
_SPACES = re.compile(r"\s")
_CUTS = (re.compile(r"[;；]\s*"), re.compile(r"[,:،、，]\s*"), re.compile(r"\s+"))


@cache
def _words_of(language: str) -> frozenset[str]:
    return _FUNCTION_WORDS.get(language, frozenset())


@cache
def _abbreviations(language: str) -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Never, seldom and often ending ones of a language, the common ones among them."""
    never, seldom, often = (
        table.get(language, frozenset()) | table[""] if language in table else table.get("", frozenset())
        for table in (_NEVER_ENDS, _SELDOM_ENDS, _OFTEN_ENDS)
    )
    return never - seldom - often, seldom, often


# --- language ----------------------------------------------------------------------------------


@cache
def _detector() -> LanguageDetector:
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [IsoCode639_1.from_str(_LINGUA_CODES.get(language, language)) for language in _LANGUAGES]
    # Trigrams only: 0.4 s and 40 MB where all orders take 2 s and 450 MB; the function words make up for it.
    return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).with_low_accuracy_mode().build()


def _letter_evidence(text: str) -> dict[str, float]:
    ours = {lingua: language for language, lingua in _LINGUA_CODES.items()}
    evidence = {}
    for confidence in _detector().compute_language_confidence_values(text):
        code = confidence.language.iso_code_639_1.name.lower()
        evidence[ours.get(code, code)] = confidence.value
    return evidence


def detect_language(text: str) -> str:
    """The language of `text` as ISO 639-1 code, "" if unsure (no letters, or nothing but a name or two).

    Reads the first 2,000 characters. Knows the 27 languages of `_LANGUAGES`. Two kinds of evidence add up:
    letter trigrams and function words; a word counts 4 divided by the number of languages that have it.
    """
    text = text[:_DETECT_CHARS]
    words = _LETTERS.findall(text)
    if not text.isupper() or len(words) <= 3:
        words = [word for word in words if len(word) == 1 or not word.isupper()]  # "UN", "US" are names
    words = [word.lower().replace("i̇", "i") for word in words]  # what lower() makes of a Turkish İ
    if not words:
        return ""
    letters = _letter_evidence(text)
    hits = {
        language: sum(1 / _SHARED[word] for word in words if word in known)
        for language, known in _FUNCTION_WORDS.items()
    }
    best = max(_LANGUAGES, key=lambda code: math.log(letters.get(code, 0.0) + 0.03) + 4 * hits.get(code, 0.0))
    if best not in _FUNCTION_WORDS:  # a script of its own
        return best if letters.get(best) else ""
    only_names = len(words) <= 4 and not any(hits.values()) and letters.get(best, 0.0) < 0.95
    return "" if only_names else best


# --- sentences ---------------------------------------------------------------------------------


def split_sentences(text: str, language: str) -> tuple[Sentence, ...]:
    """Sentences of `text`, in order, numbered from 0; every non-space character is in exactly one.

    A line end is always a boundary. A quotation or bracket of up to 400 or 200 characters stays in one
    sentence, together with the speaker named behind it. No sentence is longer than `MAX_SENTENCE_CHARS`.
    `heading` marks a paragraph of one short line without a full stop that introduces text.

    Args:
        text: offsets refer to it.
        language: ISO 639-1; "" or an unknown one is split by the general rules.
    """
    headings = _heading_lines(text)
    sentences: list[Sentence] = []
    for line in _LINE.finditer(text):
        is_heading = line.start() in headings
        spans = [line.span()] if is_heading else _line_spans(text, *line.span(), language)
        for start, end in spans:
            for piece_start, piece_end in _bounded(text, *_trimmed(text, start, end)):
                sentences.append(
                    Sentence(n=len(sentences), start=piece_start, end=piece_end, heading=is_heading)
                )
    return tuple(sentences)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return start, end


def _bounded(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The span in pieces of at most `MAX_SENTENCE_CHARS`; nothing if it is empty."""
    while end - start > MAX_SENTENCE_CHARS:
        cut = _safe_cut(text, start)
        yield _trimmed(text, start, cut)
        start, _ = _trimmed(text, cut, end)
    if start < end:
        yield start, end


def _safe_cut(text: str, start: int) -> int:
    """Where to cut: behind the last mark or space in the second half of the bound, else at the bound."""
    half, limit = start + MAX_SENTENCE_CHARS // 2, start + MAX_SENTENCE_CHARS
    for pattern in _CUTS:
        cuts = [match.end() for match in pattern.finditer(text, half, limit)]
        if cuts:
            return cuts[-1]
    return limit


def _line_spans(text: str, start: int, end: int, language: str) -> list[tuple[int, int]]:
    line = text[start:end]
    bounds = [0, *_boundaries(line, language), len(line)]
    return [(start + left, start + right) for left, right in zip(bounds, bounds[1:], strict=False)]


def _boundaries(line: str, language: str) -> list[int]:
    """Offsets in `line` where a new sentence begins, without 0."""
    proposed = _proposed(line, language)
    whole = _kept_whole(line)
    starts = [span[0] for span in whole]
    no_capitals = line.islower()
    found: list[int] = []
    for match in _CANDIDATE.finditer(line):
        if _inside(whole, starts, match.start(1), match.end()):
            continue
        verdict = _verdict(line, found[-1] if found else 0, match, language, no_capitals)
        if verdict is None:
            after = bisect_right(proposed, match.start(1))
            verdict = bool(match["notes"]) or (after < len(proposed) and proposed[after] <= match.end())
        if verdict:
            found.append(match.end())
    terminators = _OTHER_TERMINATORS | {_GREEK_QUESTION_MARK} if language == "el" else _OTHER_TERMINATORS
    other = [
        place
        for place in proposed
        if line[max(0, place - 8) : place].rstrip()[-1:] in terminators
        and not _inside(whole, starts, place - 1, place)
    ]
    glued = [
        match.end()
        for match in _GLUED.finditer(line)
        if match.group(2).istitle()
        and (match.group(1).islower() or match.group(2).lower() in _words_of(language))
        and not _inside(whole, starts, *match.span())
    ]
    return sorted({*found, *other, *glued})


def _proposed(line: str, language: str) -> list[int]:
    """Boundaries after sentencex, ascending.

    It trips over spaces beyond ASCII and takes quadratic time on unclosed quotes: it gets plain spaces and
    pieces of bounded length.
    """
    import sentencex  # type: ignore[import-untyped]

    plain = _SPACES.sub(" ", line)
    places: list[int] = []
    start = 0
    while start < len(plain):
        end = min(start + 4000, len(plain))
        if end < len(plain):
            end = max(plain.rfind(" ", start, end), start) + 1 if " " in plain[start:end] else end
        place = start
        for segment in sentencex.segment(language or "en", plain[start:end]):
            place += len(segment)
            if place < end:
                places.append(place)
        start = end
    return places


def _kept_whole(line: str) -> list[tuple[int, int]]:
    """Spans of quotations and brackets short enough to stay in one sentence, in order, not overlapping."""
    spans: list[tuple[int, int]] = []
    place = 0
    while match := _OPENING.search(line, place):
        start = match.start()
        place = start + 1
        close = _closing(line, start)
        if close > 0:
            spans.append((start, close))
            place = close
    return spans


def _closing(line: str, start: int) -> int:
    """Offset behind the mark that closes the one at `start`, 0 if there is none near enough."""
    mark = line[start]
    if start and line[start - 1].isalnum() or mark != "«" and line[start + 1 : start + 2].isspace():
        return 0
    is_quote = mark in _QUOTES
    closers = _QUOTES.get(mark) or _BRACKETS[mark]
    limit = min(len(line), start + (_MAX_QUOTATION_CHARS if is_quote else _MAX_BRACKET_CHARS))
    for place in range(start + 1, limit):
        if line[place] not in closers:
            continue
        if is_quote and (mark != "«" and line[place - 1].isspace() or line[place + 1 : place + 2].isalnum()):
            continue
        return place + 1
    return 0


def _inside(spans: list[tuple[int, int]], starts: list[int], left: int, right: int) -> bool:
    """True if one span holds both places."""
    index = bisect_right(starts, left) - 1
    return index >= 0 and spans[index][1] >= right


def _verdict(line: str, begin: int, match: re.Match[str], language: str, no_capitals: bool) -> bool | None:
    """Is there a boundary at this mark? None leaves it to the library. `begin`: where the sentence began."""
    mark, closers = match.group(1), match.group(2)
    after = _LEADING_MARKS.sub("", line[match.end() : match.end() + 80])
    small = after[:1].islower() and not no_capitals
    if small and not after[1:2].isupper():
        return False
    if closers and not match["notes"] and _ATTRIBUTION.match(after):
        return False
    if line[match.end()] in "([" and mark == "." and not after[:1].isupper():
        return False  # "Elisabeth II. (67 Jahre) war …"
    before = line[max(begin, match.start() - 100) : match.start()]
    if mark != ".":
        return not (mark[0] in ".…" and closers and before[-1:] in ("[", "("))
    if no_capitals:
        token = before.split()[-1] if before.split() else ""
        known = token in _BEFORE_NUMBERS or any(token in table for table in _abbreviations(language))
        return len(token) > 2 and token.isalpha() and not known
    following = _WORD.match(after)
    return _verdict_full_stop(before, following.group() if following else "", after, closers, language)


def _verdict_full_stop(before: str, word: str, after: str, closers: str, language: str) -> bool | None:
    """The same for a single full stop; `before` is the sentence so far, `word` the first word behind it."""
    tokens = before.split()
    if not tokens or before[-1:].isspace():
        return True
    token = _ELIDED.sub("", _LEADING_MARKS.sub("", tokens[-1])) or tokens[-1]
    if len(tokens) == 1 and (token.isdigit() and len(token) <= 3 or len(token) == 1 or _ROMAN.match(token)):
        return False  # "1. Die …", "A. Die …": the number of an item
    opens = word[:1].isupper() and word.lower() in _words_of(language)
    if _points_at_number(token) and (after[:1].isdigit() or _ROMAN.match(word)):
        return False
    if token.isdigit() or _ROMAN.match(token):
        return _verdict_number(token, tokens, word, after, opens, language)
    if language in ("de", "") and not opens and _is_long_ordinal(token, tokens[:-1]):
        return False
    by_abbreviation = _verdict_abbreviation(tokens, token, after, opens, language)
    if by_abbreviation is not None:
        return by_abbreviation
    if len(token) == 1 and token.isalpha():
        return opens if token.isupper() else None
    if closers:
        return len(token) > 3 or not set(closers) <= set(")]")  # "(8.8 lb.) Dampf"
    if opens and len(token) > 3:
        return True
    if after[:1].isdigit() and len(token) > 4 and token.isalpha():
        return True
    return None


def _points_at_number(token: str) -> bool:
    return token in _BEFORE_NUMBERS or token.endswith("str")


def _verdict_number(
    token: str, tokens: list[str], word: str, after: str, opens: bool, language: str
) -> bool | None:
    """Ordinals: "am 18. Februar", "des 19. Jahrhunderts", "18. 2. 2025", "Ludwigs XIV. …"."""
    if len(token) > 3 and token.isdigit():
        return True
    if re.match(r"\d{1,2}\.\s?\d|\d{4}\b", after) and token.isdigit() and len(token) <= 2:
        return False
    lead = tokens[-2] if len(tokens) > 1 else ""
    if opens or (lead.endswith(".") and _points_at_number(lead[:-1])):
        return True
    if language == "de" and _ROMAN.match(token) and _goes_on_as_name(tokens[:-1], word, after):
        return False  # "König Carl XVI. Gustaf"
    if language == "de" or not language:
        club = token == "1" and word in _CLUBS and lead not in _PLACES
        return not (club or _ORDINAL_HEADS.match(word) or _leads_to_ordinal(tokens[:-1]))
    if language == "tr":
        return False
    return None


def _goes_on_as_name(before: list[str], word: str, after: str) -> bool:
    """Whether a German name goes on behind its number.

    It does where no new clause can begin, since no verb stands behind the next names, or where none has ended.

    Args:
        before: the words of the sentence before the number.
        word: the first word behind it.
        after: the text behind it.
    """
    if not (before and before[-1].istitle() and before[-1].isalpha() and word.istitle()):
        return False
    behind = _WORD.match(_NAMES.sub("", after, count=1))
    verb_behind = behind is not None and _may_be_verb(behind.group(), "")
    return not (verb_behind and any(map(_may_be_verb, before, ["", *before])))


def _may_be_verb(word: str, lead: str) -> bool:
    """Whether a German word behind `lead` may be a finite verb: no noun, no adjective, of no other closed class."""
    if word in _FINITE:
        return True
    if not word.islower() or word in _words_of("de"):
        return False
    return not (lead.lower() in _ORDINAL_LEADS and _INFLECTED.fullmatch(word))


def _is_long_ordinal(token: str, before: list[str]) -> bool:
    """Whether a token is a German ordinal of two or with a mark for thousands."""
    if _ORDINAL_PAIR.fullmatch(token):
        return True
    return _LARGE.fullmatch(token) is not None and _leads_to_ordinal(before)


def _leads_to_ordinal(before: list[str]) -> bool:
    """Whether German words stand before an ordinal, not before a number that counts."""
    lead = before[-1] if before else ""
    if lead == "als" and _COMPARED.fullmatch("".join(before[-2:-1])):
        return False  # "mehr als 3."
    if lead.lower() in _ORDINAL_LEADS or lead in ("an", "in"):  # "an 15. Stelle"
        return True
    if lead in ("und", "oder", "bis", "sowie"):
        return _ORDINAL.fullmatch(before[-2]) is not None if len(before) > 1 else False
    if _INFLECTED.fullmatch(lead) is None or lead in _COUNTING:
        return False
    near = before[-_MOST_ATTRIBUTES:]
    for at in range(len(near) - 2, -1, -1):
        if near[at].lower() in _ORDINAL_LEADS:
            return all(word[0].islower() for word in near[at + 1 :]) or near[at + 1] in _BEFORE_NOUNS
    return False


def _verdict_abbreviation(
    tokens: list[str], token: str, after: str, opens: bool, language: str
) -> bool | None:
    never, seldom, often = _abbreviations(language)
    if _is_one_of(tokens, token, never):
        return False
    if _is_one_of(tokens, token, seldom):
        return opens
    if not _is_one_of(tokens, token, often):
        return None
    if token in _YEAR_MARKS and not "".join(tokens[-2:-1]).isdigit():
        return False  # "в г. Москве": a town, not a year
    if opens:
        return True
    return not after[:1].isdigit() and len(tokens) > _WORDS_BEFORE_REAL_END


def _is_one_of(tokens: list[str], token: str, abbreviations: frozenset[str]) -> bool:
    """Looks at the last token and, for spaced ones such as "z. B", at the last two to four together."""
    forms = [token]
    for count in (2, 3, 4):
        parts = tokens[-count:]
        if len(parts) == count and all(len(part) <= 4 and part.endswith(".") for part in parts[:-1]):
            forms.append(_LEADING_MARKS.sub("", "".join(parts)) or token)
    if len(forms[-1]) == len("".join(tokens)):  # the sentence begins with it, in capitals
        forms.append(forms[-1][:1].lower() + forms[-1][1:])
    return any(form in abbreviations for form in forms)


# --- headings ----------------------------------------------------------------------------------


def _heading_lines(text: str) -> frozenset[int]:
    """Offsets of the lines that are headings: a paragraph of its own, short, without end mark, before text.

    A short question alone between paragraphs is one, too. Four and more in a row are a list instead.
    """
    paragraphs: list[tuple[int, int, bool]] = []  # start, number of lines, could be a heading
    last_end = -1
    for line in _LINE.finditer(text):
        stripped = line.group().strip()
        if not stripped:
            continue
        joined = last_end >= 0 and not _blank_between(text, last_end, line.start())
        last_end = line.end()
        if joined:
            start, lines, _ = paragraphs[-1]
            paragraphs[-1] = (start, lines + 1, False)
        else:
            paragraphs.append((line.start(), 1, _could_be_heading(stripped)))
    headings: set[int] = set()
    run: list[int] = []
    for start, _, possible in paragraphs:
        if possible:
            run.append(start)
            continue
        if len(run) <= _MAX_HEADINGS_IN_A_ROW:
            headings.update(run)
        elif run[0] == paragraphs[0][0]:
            headings.add(run[0])
        run = []
    return frozenset(headings)


def _blank_between(text: str, left: int, right: int) -> bool:
    """True if a blank line lies between; carriage return and line feed together are one line end."""
    gap = text[left:right].replace("\r\n", "\n")
    return sum(character not in " \t" for character in gap) > 1


def _could_be_heading(line: str) -> bool:
    if len(line) > _MAX_HEADING_CHARS or not any(character.isalpha() for character in line):
        return False
    if line[0] in "-–—•*·‣◦▪" and line[1:2].isspace():
        return False
    bare = line.rstrip(_CLOSERS)
    if bare.endswith("?"):
        return bare == line and len(_boundaries(line, "")) == 0 and line[0] not in _QUOTES
    return bool(bare) and bare[-1] not in ".!…:;,。！？؟।۔"

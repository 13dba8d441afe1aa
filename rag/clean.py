"""Raw text to the final text of an article, the text that offsets refer to and quotes are cut from.

In: text as it came out of a file or page. Out: NFC text with line feeds only; paragraphs and headings
separated by one blank line, items of a list by a single line end. Hard-wrapped lines are joined, words broken
at a line end made whole, sentences broken by a page break too; running heads, page numbers and blank pages
are gone. The rules look at line lengths, end marks and case, never at particular texts. No letter or digit is
added. Cleaning a clean text changes nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal

from rag.errors import EmptyDocument
from rag.types import Article, RawDocument

Kind = Literal["plain", "pdf", "html", "markdown", "docx"]

_MAX_TITLE_CHARS = 200
_MAX_HEADING_CHARS = 160
_MAX_HEADING_LINES = 3
_MAX_WRAP_WIDTH = 160  # hard-wrapped text is narrower than this; longer lines are paragraphs
_RUNNING_HEAD_CHARS = 90

_PAGE_BREAK = "\f"
_SOFT_HYPHEN = "\u00ad"
_LINE_ENDS = re.compile(r"\r\n|[\r\v\x1c-\x1e\x85\u2028\u2029]")
# Marks without width and controls of direction; joiners that spell words (U+200C, U+200D) stay.
_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000e-\u001b\u001f\u007f-\u0084\u0086-\u009f\u034f\u061c\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
_INNER_SPACES = re.compile(r"[^\S\n\f]+")
_WORD_AT_LINE_END = re.compile(f"{_SOFT_HYPHEN} ?\n ?(?=[^\\W\\d_])")
_LIGATURES = {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st"}
_LIGATURE = re.compile("[ﬀ-ﬆ]")

_END_MARK = re.compile(r"[.!?…:。！？؟।۔][\"'”“’‘»«›‹)\]」』]*$")
_SENTENCE_INSIDE = re.compile(r"[.!?][\"'”“»«)]*\s+\S")
_ITEM = re.compile(r"(?:[-–—•*·‣◦▪●○■]\s+|\(?\d{1,3}[.)]\s+|\(?[a-z]\)\s+)\S")
_PAGE_NUMBER = re.compile(
    r"\W{0,4}(?:(?:seite|page|pagina|página|strona|sayfa|стр\.?|страница|s\.|p\.)\s*)?\d{1,4}"
    r"(?:\s*(?:/|von|of|de|di|sur|z|из)\s*\d{1,4})?\W{0,4}",
    re.IGNORECASE,
)
_DIGITS = re.compile(r"\d+")
_BROKEN_WORD = re.compile(r"([^\W_]+(?:[-’'][^\W_]+)*)-$")
_WORDS = re.compile(r"[^\W_]+(?:[-’'][^\W_]+)*")
_FIRST_WORD = re.compile(r"[^\W_]+")
_OPENING_MARKS = "\"'„“‚‘»«›‹([¿¡"

# Words behind a hanging hyphen ("Hin- und Rückfahrt"): the hyphen stands for a part of a word left out.
_JOINING_WORDS = frozenset(
    """und oder sowie bzw bis beziehungsweise als wie and or to et ou y o e ed en of och og""".split()
)
# First or second parts that keep their hyphen in English compounds.
_HYPHENED_FIRST = frozenset(
    """well self ex half high low long short full so year day month vice all cross two three""".split()
)
_HYPHENED_SECOND = frozenset(
    """based backed called led old year term wide like style year-old day-old""".split()
)
# Words that end neither a heading nor a sentence: behind them it goes on, whatever the next line looks like.
_GOES_ON = frozenset(
    """der die des dem den und oder sowie eine einer eines einem einen im zur zum vom für von dass weil
    wenn obwohl während damit the a an of and or for with to from by as that le la les du de des et un
    une dans pour par avec que el los las del y una con para il lo gli dei della che per di do da dos e
    em uma para het een van voor en met i w z na do że oraz ve ile için bir и в на с по для что как або
    та що""".split()
)


# --- doors -------------------------------------------------------------------------------------


def clean(raw: RawDocument) -> Article:
    """The article of a document: clean text, title from its first heading where the document names none.

    Raises:
        EmptyDocument: no letter or digit is left.
    """
    text = clean_text(raw.text, raw.kind)
    if not any(character.isalnum() for character in text):
        raise EmptyDocument(
            f"{raw.origin or 'This text'} holds no words.",
            hint="A scanned document needs text recognition (OCR) first.",
        )
    return Article(
        text=text,
        title=_one_line(raw.title) or _first_heading(text),
        source=_one_line(raw.source),
        url=raw.url,
        published=raw.published,
        language=raw.language,
        origins=(raw.origin,) if raw.origin else (),
    )


def clean_article(article: Article) -> Article:
    """The same cleaning for text handed over directly; what else the caller said stays as it is.

    Raises:
        EmptyDocument: no letter or digit is left.
    """
    origin = article.url or (article.origins[0] if article.origins else "")
    cleaned = clean(RawDocument(text=article.text, origin=origin, title=article.title))
    return article.model_copy(update={"text": cleaned.text, "title": cleaned.title})


def clean_text(text: str, kind: Kind = "plain") -> str:
    """The final text, "" if nothing is left; final text comes back as it is.

    Every pass only takes characters away or turns a line end into a space, so the repetition ends; texts of
    the usual kind are final after the first pass.
    """
    if kind == "markdown":
        text = _without_markdown(_normal(text))
    while (cleaned := _pass(text, kind)) != text:
        text = cleaned
        kind = "plain" if kind == "pdf" else kind
    return text


def _pass(text: str, kind: Kind) -> str:
    pages = _without_running_heads(_normal(text).split(_PAGE_BREAK))
    blocks = _blocks(line for page in pages for line in [*page, ""])
    width = _wrap_width(blocks, kind) if kind in ("plain", "pdf") else 0
    if not width:
        return _laid_out(line for block in blocks for line in block).replace(_SOFT_HYPHEN, "")
    paragraphs = _rewrapped(_without_repeated_interruptions(blocks), width)
    return _laid_out(paragraphs).replace(_SOFT_HYPHEN, "")


# --- characters --------------------------------------------------------------------------------


def _normal(text: str) -> str:
    """NFC; one kind of line end and space; without invisible marks. Page breaks and soft hyphens stay."""
    text = _INVISIBLE.sub("", _LINE_ENDS.sub("\n", text))
    text = _LIGATURE.sub(lambda match: _LIGATURES[match.group()], text)
    text = unicodedata.normalize("NFC", text)
    return _WORD_AT_LINE_END.sub("", _INNER_SPACES.sub(" ", text))


def _one_line(text: str) -> str:
    return " ".join(_normal(text).replace(_SOFT_HYPHEN, "").split())


# --- pages -------------------------------------------------------------------------------------


def _without_running_heads(pages: list[str]) -> list[list[str]]:
    """Lines per page, without page numbers and lines that come again at the same edge of most pages."""
    split = [[line.strip() for line in page.split("\n")] for page in pages]
    if len(split) < 2:
        return split
    return [_without_edges(page, heads) for heads in [_running_heads(split)] for page in split]


def _edges(page: list[str]) -> list[int]:
    """Places of the first two and last two lines that hold something."""
    filled = [place for place, line in enumerate(page) if line]
    return sorted({*filled[:2], *filled[-2:]})


def _masked(line: str) -> str:
    return _DIGITS.sub("#", line).casefold()


def _running_heads(pages: list[list[str]]) -> frozenset[str]:
    edges = [{page[place] for place in _edges(page)} for page in pages]
    counts = Counter(
        masked
        for lines in edges
        for masked in {_masked(line) for line in lines if len(line) <= _RUNNING_HEAD_CHARS}
    )
    needed = max(3, sum(any(page) for page in pages) // 2)
    return frozenset(masked for masked, count in counts.items() if count >= needed)


def _without_edges(page: list[str], heads: frozenset[str]) -> list[str]:
    gone = {
        place
        for place in _edges(page)
        if _masked(page[place]) in heads or _PAGE_NUMBER.fullmatch(page[place])
    }
    return [line for place, line in enumerate(page) if place not in gone]


def _without_repeated_interruptions(blocks: list[list[str]]) -> list[list[str]]:
    """Drops the running heads and page numbers of pages whose breaks are no longer marked.

    A running head is a short line by itself, met three times or more (numbers aside), that stands in the
    middle of a sentence at least once; a page number is dropped where it does so.
    """
    counts = Counter(_masked(block[0]) for block in blocks if _is_short_line(block))
    interrupting = {
        _masked(block[0])
        for before, block, after in zip(blocks, blocks[1:], blocks[2:], strict=False)
        if _is_short_line(block) and _is_broken(before, after)
    }
    # What makes up much of the text is a refrain, not a head.
    heads = {masked for masked in interrupting if 3 <= counts[masked] <= len(blocks) / 4}
    return [
        block
        for block in blocks
        if not (
            _is_short_line(block)
            and (
                _masked(block[0]) in heads
                or (_masked(block[0]) in interrupting and _PAGE_NUMBER.fullmatch(block[0]))
            )
        )
    ]


def _is_short_line(block: list[str]) -> bool:
    return len(block) == 1 and len(block[0]) <= _RUNNING_HEAD_CHARS


def _is_broken(before: list[str], after: list[str]) -> bool:
    return not _ends(before[-1]) and after[0][:1].islower()


def _ends(line: str) -> bool:
    """Has an end mark behind its last word, maybe inside closing quotes."""
    return bool(_END_MARK.search(line[-12:]))


# --- lines -------------------------------------------------------------------------------------


def _blocks(lines: Iterable[str]) -> list[list[str]]:
    """Runs of lines without a blank one between them."""
    blocks: list[list[str]] = []
    open_block = False
    for line in lines:
        if not line.strip():
            open_block = False
        elif open_block:
            blocks[-1].append(line.strip())
        else:
            blocks.append([line.strip()])
            open_block = True
    return blocks


def _wrap_width(blocks: list[list[str]], kind: Kind) -> int:
    """The width the text is hard-wrapped to, 0 if every line is a paragraph, heading or item of its own."""
    lengths = sorted(len(line) for block in blocks for line in block)
    narrow = [length for length in lengths if length <= _MAX_WRAP_WIDTH]
    if not narrow or sum(narrow) < 0.5 * sum(lengths):
        return 0
    width = narrow[int(0.9 * len(narrow))]
    within = [pair for block in blocks for pair in zip(block, block[1:], strict=False)]
    return width if _shows_wrapping(within, width, kind, 1) or _is_double_spaced(blocks, width) else 0


def _shows_wrapping(pairs: list[tuple[str, str]], width: int, kind: Kind, least: int) -> bool:
    """Do long lines mostly end in the middle of a sentence that the next line continues?"""
    long_lines = [
        (line, after) for line, after in pairs if len(line) >= 0.6 * width and not _ITEM.match(after)
    ]
    unfinished = [(line, after) for line, after in long_lines if not _ends(line)]
    continued = sum(_continues(after) for _, after in unfinished)
    if width < 20 or continued < least:
        return False
    share = 0.2 if kind == "pdf" else 0.35
    return len(unfinished) >= share * len(long_lines) and continued >= 0.2 * len(unfinished)


def _continues(line: str) -> bool:
    """Begins with a letter that is no capital."""
    first = line.lstrip(_OPENING_MARKS)[:1]
    return first.isalpha() and first == first.lower()


def _is_double_spaced(blocks: list[list[str]], width: int) -> bool:
    """Hard-wrapped with a blank line behind every line."""
    if len(blocks) < 6 or any(len(block) > 1 for block in blocks):
        return False
    return width >= 30 and _shows_wrapping(
        [(before[0], after[0]) for before, after in zip(blocks, blocks[1:], strict=False)], width, "plain", 4
    )


def _rewrapped(blocks: list[list[str]], width: int) -> list[str]:
    """Paragraphs of hard-wrapped blocks."""
    if _is_double_spaced(blocks, width):
        blocks = [[line for block in blocks for line in block]]
    vocabulary = frozenset(
        word.casefold() for block in blocks for line in block for word in _WORDS.findall(line)
    )
    paragraphs: list[list[str]] = []
    for place, block in enumerate(blocks):
        following = blocks[place + 1] if place + 1 < len(blocks) else []
        parts = [block] if _is_heading(block) else list(_parts(block, width))
        if paragraphs and _sentence_goes_on(paragraphs[-1], block, following, width):
            paragraphs[-1].extend(parts.pop(0))
        paragraphs.extend(parts)
    return [_glued(lines, vocabulary) for lines in paragraphs]


def _parts(block: list[str], width: int) -> Iterator[list[str]]:
    """The paragraphs, headings and items that follow each other in one block, as lines."""
    part = [block[0]]
    after_heading = False
    for place, line in enumerate(block[1:], start=1):
        is_heading = _stands_between(part[-1], line, block[place + 1 : place + 2], width)
        if is_heading or after_heading or _begins_part(part, line, width):
            yield part
            part = []
        part.append(line)
        after_heading = is_heading
    yield part


def _stands_between(before: str, line: str, after: list[str], width: int) -> bool:
    """A heading of one line, without blank ones, between the end of one paragraph and the next."""
    if not after or not _ends(before) or before.endswith(":") or not _is_heading([line]):
        return False
    return not (_continues(line) or _continues(after[0])) and _has_room(line, after[0], width)


def _begins_part(part: list[str], line: str, width: int) -> bool:
    before = part[-1]
    ended = _ends(before)
    if len(before) > _MAX_WRAP_WIDTH and len(before) > 1.5 * width:
        return True  # not wrapped like the rest
    if _ITEM.match(line):
        return ended or bool(_ITEM.match(part[0]) and _ITEM.match(line) and part[0][0] == line[0])
    if _continues(line) or _has_room(before, line, width) is False:
        return False
    if ended:
        return not before.endswith(":")
    is_heading = len(part) <= _MAX_HEADING_LINES and not _SENTENCE_INSIDE.search(" ".join(part))
    return is_heading and not _is_unfinished(before) and len(" ".join(part)) <= _MAX_HEADING_CHARS


def _has_room(line: str, after: str, width: int) -> bool:
    """The first word of the next line would have fitted, so the line was ended on purpose."""
    word = after.split(" ", 1)[0]
    return len(line) + 1 + len(word) <= 0.8 * width


def _is_heading(block: list[str]) -> bool:
    """Few short lines, no sentence in them, no full stop behind them."""
    if len(block) > _MAX_HEADING_LINES:
        return False
    whole = " ".join(block)
    if len(whole) > _MAX_HEADING_CHARS or _ITEM.match(whole):
        return False
    if _is_unfinished(block[-1]) or _SENTENCE_INSIDE.search(whole):
        return False
    if len(block) > 1 and block[0].endswith(":") and _ITEM.match(block[1]):
        return False
    return whole[-1] in "?!" or not _ends(whole)


def _is_unfinished(line: str) -> bool:
    """Ends with a mark or a word behind which a sentence must go on."""
    if line[-1:] in ",;-–—(„“«»/&" and not (len(line) > 1 and line[-1] in "“«»" and line[-2].isalnum()):
        return True
    words = line[-40:].split()
    return bool(words) and words[-1] in _GOES_ON


def _sentence_goes_on(paragraph: list[str], block: list[str], following: list[str], width: int) -> bool:
    """Is the blank line before `block` a page break in the middle of a sentence?"""
    last = paragraph[-1]
    if _ends(last) or _ITEM.match(block[0]):
        return False
    if _continues(block[0]) or _BROKEN_WORD.search(last[-80:]) or last.endswith(_SOFT_HYPHEN):
        return True
    if _is_unfinished(last):
        return not (last[-1] in "„“«»(" and _is_heading(block))
    if _is_heading(paragraph) or _has_room(last, block[0], width):
        return False
    return not (_is_heading(block) and bool(following) and not _continues(following[0]))


# --- joining -----------------------------------------------------------------------------------


def _glued(lines: list[str], vocabulary: frozenset[str]) -> str:
    """The lines as one; pieces are kept in a list, so that long paragraphs take linear time."""
    pieces = [lines[0]]
    for line in lines[1:]:
        left = pieces[-1]
        keep, between = _seam(left, line, vocabulary)
        pieces[-1] = left if keep else left[:-1]
        pieces += [between, line]
    return "".join(pieces)


def _seam(left: str, right: str, vocabulary: frozenset[str]) -> tuple[bool, str]:
    """Whether the last character of `left` stays, and what comes between."""
    if left.endswith(_SOFT_HYPHEN):
        return False, ""
    if left[-1:] in "–—/" and left[-2:-1].isalnum():
        return True, ""
    if _writes_without_spaces(left[-1:]) and _writes_without_spaces(right[:1]):
        return True, ""
    broken = _BROKEN_WORD.search(left[-80:]) if left.endswith("-") else None
    first = _FIRST_WORD.match(right)
    if not broken or not first:
        return True, " "
    if first.group() in _JOINING_WORDS:
        return True, " "
    return _keeps_hyphen(broken.group(1), first.group(), vocabulary), ""


def _keeps_hyphen(left: str, right: str, vocabulary: frozenset[str]) -> bool:
    """A compound ("US-Präsident", "well-known") and not a word divided at the line end ("Verhand-lung")."""
    if not right[0].islower():
        is_capitals = len(left) > 2 and len(right) > 2 and left.isupper() and right.isupper()
        return not (is_capitals and f"{left}{right}".casefold() in vocabulary)
    last = re.split("[-’']", left)[-1]
    if last.isupper() or last[-1].isdigit() or len(last) == 1:
        return True
    if f"{left}-{right}".casefold() in vocabulary:
        return True
    if f"{left}{right}".casefold() in vocabulary:
        return False
    return last in _HYPHENED_FIRST or right in _HYPHENED_SECOND


def _writes_without_spaces(character: str) -> bool:
    """Han, kana, Thai, Lao, Khmer and their punctuation."""
    return bool(character) and (
        "\u3000" <= character <= "\u30ff"
        or "\u3400" <= character <= "\u9fff"
        or "\uff00" <= character <= "\uff60"
        or "\u0e00" <= character <= "\u0eff"
        or "\u1780" <= character <= "\u17ff"
    )


def _laid_out(paragraphs: Iterable[str]) -> str:
    """Items that follow each other under one another, everything else a paragraph."""
    pieces: list[str] = []
    was_item = False
    for paragraph in paragraphs:
        is_item = bool(_ITEM.match(paragraph))
        if pieces:
            pieces.append("\n" if is_item and was_item else "\n\n")
        pieces.append(paragraph)
        was_item = is_item
    return "".join(pieces)


def _first_heading(text: str) -> str:
    """The first paragraph if it is a heading, "" otherwise."""
    first, _, rest = text.partition("\n\n")
    if not rest or "\n" in first or len(first) > _MAX_TITLE_CHARS or _SENTENCE_INSIDE.search(first):
        return ""
    if sum(character.isalpha() for character in first) < 3:
        return ""
    return first if first[-1] in "?!" or not _ends(first) else ""


# --- markdown ----------------------------------------------------------------------------------

_FENCE = re.compile(r" {0,3}(?:```|~~~)")
_RULE = re.compile(r" {0,3}(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,}|={3,}|\|?[\s:|-]*-{3,}[\s:|-]*)$")
_ATX = re.compile(r" {0,3}#{1,6}\s+(.*?)\s*#*$")
_REFERENCE = re.compile(r" {0,3}\[[^\]]+\]:\s")
_QUOTED_LINE = re.compile(r"\A(?: {0,3}> ?)+")
_MARKDOWN_ITEM = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s")
# Every repetition is bounded, so that marks without a partner cost no more than their neighbourhood.
_LINK = re.compile(
    r"!?\[((?:[^\[\]]|\[[^\[\]]{0,100}\]){0,500})\]"  # text, which may hold brackets
    r"\([^()\s]{0,2000}(?:\([^()]{0,200}\)[^()\s]{0,2000})?(?:\s+\"[^\"]{0,300}\")?\)"  # address and title
)
_INLINE = (
    (re.compile(r"<!--(?:(?!<!--|-->).){0,2000}-->"), ""),
    (_LINK, r"\1"),
    (re.compile(r"!?\[([^\[\]]{1,500})\]\[[^\[\]]{0,100}\]"), r"\1"),
    (re.compile(r"<((?:https?://|mailto:)[^<>\s]{1,2000})>"), r"\1"),
    (re.compile(r"</?[a-zA-Z][^<>]{0,2000}>"), ""),
    (re.compile(r"`{1,3}([^`]{1,1000})`{1,3}"), r"\1"),
    (re.compile(r"(?<![\w_])(__?_?)(?=[^\s_])((?:[^_]|(?<=\w)_(?=\w)){1,1000})(?<=\S)\1(?![\w_])"), r"\2"),
    (re.compile(r"~~([^~]{1,1000})~~"), r"\1"),
    (re.compile(r"\*\*(?=\S)((?:[^*]|\*(?!\*)){1,1000}(?<=\S))\*\*"), r"\1"),
    (re.compile(r"\*(?=\S)([^*]{1,1000}(?<=\S))\*"), r"\1"),
    (re.compile(r"\\([\\`*_{}\[\]()#+.!|>~-])"), r"\1"),
)


def _without_markdown(text: str) -> str:
    """Plain text, one line per paragraph, heading or item."""
    lines: list[str] = []
    in_code = False
    for raw in text.split("\n"):
        if _FENCE.match(raw):
            in_code = not in_code
            lines.append("")
        elif in_code:
            lines += [raw, ""]
        else:
            _add_markdown_line(lines, _QUOTED_LINE.sub("", raw, count=1))
    return "\n".join(lines)


def _add_markdown_line(lines: list[str], raw: str) -> None:
    """Appends a line to those before: joined to its paragraph, or set apart as heading or item."""
    if not raw.strip() or _RULE.match(raw) or _REFERENCE.match(raw):
        lines.append("")
        return
    heading = _ATX.match(raw)
    line = heading.group(1) if heading else raw.strip()
    if line.startswith("|"):
        line = " ".join(cell.strip() for cell in line.strip("|").split("|"))
    for pattern, kept in _INLINE:
        line = pattern.sub(kept, line)
    if heading or raw.lstrip().startswith("|"):
        lines += ["", line, ""]
    elif lines and lines[-1] and not _MARKDOWN_ITEM.match(raw):
        lines[-1] = f"{lines[-1]} {line}"
    else:
        lines.append(line)

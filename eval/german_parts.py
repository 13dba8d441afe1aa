"""Writes rag/german_parts.txt: how often each German stem heads or ends a compound.

Source of the words: the German lemma dictionary that simplemma ships (MIT). Every noun of it that divides
into a known word, a linking element and a known noun or adjective counts for the two parts; where several
divisions are possible, the one whose parts are the most productive so far is counted, three rounds long.

Usage: python eval/german_parts.py
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import Stemmer
from simplemma.strategies.dictionaries import DefaultDictionaryFactory

OUTPUT = Path(__file__).parent.parent / "rag" / "german_parts.txt"
LINKS = ("", "e", "n", "s", "en", "er", "es")
FEWEST = 3  # a part seen in fewer compounds is more often a chance division than a word

# Endings and prefixes that are also listed as words of their own; as parts of a compound they mean nothing.
NOT_PARTS = frozenset(
    "chen eln ell ern est heit ion isch ismus ist keit lein ler los ner ren rei sch schaft sen ter ung "
    "all aft aus bei durch ein elt ent entgegen fort gegen her heran heraus herum hin hint hinter int miss "
    "mit nach neben och ohne selb uber umh unt unter ver vor voraus vorbei weiter wid wied wieder zer "
    "zuruck zusamm zusammen zwisch".split()
)


def known_words() -> tuple[set[str], set[str]]:
    """(nouns, other words), casefolded; verbs are left out, since their prefixes look like parts."""
    lemmas = set(DefaultDictionaryFactory().get_dictionary("de").values())
    nouns = {word.casefold() for word in lemmas if word.isalpha() and word.istitle()}
    others = {
        word.casefold()
        for word in lemmas
        if word.isalpha() and word.islower() and len(word) >= 4 and not word.endswith(("en", "ern", "eln"))
    }
    return nouns, others


def divisions(word: str, words: set[str]) -> Iterator[tuple[str, str]]:
    """Every (head, tail) of `word` in which both are known words."""
    for cut in range(3, len(word) - 2):
        tail = word[cut:]
        if tail not in words:
            continue
        for link in LINKS:
            head = word[:cut].removesuffix(link)
            if len(head) >= 3 and head + link == word[:cut] and head in words:
                yield head, tail
                break


def count_parts() -> tuple[Counter[str], Counter[str]]:
    """How many compounds each stem heads, and how many it ends."""
    nouns, others = known_words()
    words = nouns | others
    stem = Stemmer.Stemmer("german").stemWord
    divided = [
        options
        for noun in sorted(nouns)
        if len(noun) >= 7
        and (options := [(stem(h), stem(t)) for h, t in divisions(noun, words)])
        and (options := [(h, t) for h, t in options if not {h, t} & NOT_PARTS])
    ]
    heads: Counter[str] = Counter(head for options in divided for head, _ in options)
    tails: Counter[str] = Counter(tail for options in divided for _, tail in options)
    for _ in range(3):
        best = [max(options, key=lambda part: heads[part[0]] * tails[part[1]]) for options in divided]
        heads, tails = Counter(head for head, _ in best), Counter(tail for _, tail in best)
    return heads, tails


def main() -> None:
    """Count and write."""
    heads, tails = count_parts()
    kept = sorted(part for part in heads | tails if max(heads[part], tails[part]) >= FEWEST)
    lines = [f"{part} {heads[part]} {tails[part]}" for part in kept]
    OUTPUT.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

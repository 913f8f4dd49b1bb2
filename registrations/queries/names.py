"""Finds households by name as people type it: in parts, without accents and apostrophes, and with
one letter wrong."""

import re
from unicodedata import normalize

from django.db.models import Q, QuerySet

from registrations.models import Household, HouseholdMember

SHORTEST, LONGEST = 4, 40
"""Length of words that are searched with typos: a shorter one would match everything."""
MAX_WORDS = 6
"""Words of a search text; the rest is ignored."""
MAX_TEXT = 80
"""Letters of a search text; a server compiles an expression of at most 64 kB."""
MAX_LOOSE = 12
"""Longest word whose typos are also searched among accented letters, for the same reason."""

_APOSTROPHES = "'’‘ʼ`´."
_HYPHENS = "-‐‑–"
_MARKS = "\u0300-\u036f"
"""Accents that stand behind their letter, as some keyboards write them."""
_BETWEEN_LETTERS = f"[{_MARKS}{_APOSTROPHES}‐‑–-]*"
_BETWEEN_WORDS = f"[ {_APOSTROPHES}‐‑–-]*"

_PLAIN = {
    letter: base
    for letter in map(chr, (*range(0xE0, 0x250), *range(0x1E00, 0x1F00)))
    if letter.islower() and (base := normalize("NFD", letter)[0]).isascii() and base.isalpha()
} | {"ø": "o", "đ": "d", "ł": "l", "ı": "i"}
"""The letter below each accent."""
_PAIRS = {"ae": "äæ", "oe": "öøœ", "ue": "ü", "ss": "ß"}
"""One letter that people without its key write as two."""
_ACCENTED = {
    base: "".join(letter for letter in _PLAIN if _PLAIN[letter] == base)
    for base in sorted(set(_PLAIN.values()))
}
_PLAIN |= {"æ": "ae", "œ": "oe", "ß": "ss"}


def fold(text: str) -> str:
    """Small letters without accents and apostrophes; a space in place of each hyphen."""
    letters = normalize("NFC", text).lower()
    plain = "".join(_PLAIN.get(letter, letter) for letter in letters if letter not in _APOSTROPHES)
    return re.sub(f"[{_MARKS}]", "", re.sub(f"[{_HYPHENS}]", " ", plain))


def spelling(text: str) -> str:
    """A regular expression for `text`, whatever accents, apostrophes and hyphens the name has.

    SQLite, MySQL and MariaDB all understand it; `LIKE` on SQLite knows no accents.
    """
    words = fold(text)[:MAX_TEXT].split()
    return _BETWEEN_WORDS.join(map(_spelling_of_word, words)) or re.escape(text[:LONGEST])


def _spelling_of_word(word: str) -> str:
    pieces = re.findall(f"{'|'.join(_PAIRS)}|.", word)
    return _BETWEEN_LETTERS.join(map(_spelling_of, pieces))


def _spelling_of(piece: str) -> str:
    if piece in _PAIRS:
        as_two = _BETWEEN_LETTERS.join(map(_spelling_of, piece))
        return f"({as_two}|[{_PAIRS[piece]}])"
    return f"[{piece}{_ACCENTED[piece]}]" if piece in _ACCENTED else re.escape(piece)


def typo_pattern(word: str) -> str | None:
    """A regular expression for `word` with one letter wrong, missing or extra, or two swapped.

    SQLite, MySQL and MariaDB all understand it. None if `word` is not a word. Any accented letter
    passes for one without (one range is shorter than a list), and O'Brien for Obrien.
    """
    if not SHORTEST <= len(word) <= LONGEST or not word.isalpha():
        return None
    loose = set(_ACCENTED) if len(word) <= MAX_LOOSE else set()
    letters = [f"[{letter}À-ỹ]" if letter in loose else letter for letter in word]
    letters[0] += "['’]?"
    places = range(len(letters))
    one_off = {"".join([*letters[:at], ".?.?", *letters[at + 1 :]]) for at in places}
    swapped = {
        "".join([*letters[:at], letters[at + 1], letters[at], *letters[at + 2 :]])
        for at in places[:-1]
    }
    return f"({'|'.join(sorted(one_off | swapped))})"


def members(text: str, *, similar: bool = False) -> "QuerySet[HouseholdMember]":
    """Members whose name contains each word of `text`, or, if `similar`, a typo of it."""
    matching = HouseholdMember.objects.filter(household__isnull=False)
    for word in (fold(text).split() or [text])[:MAX_WORDS]:
        condition = _in_name(spelling(word))
        if similar and (pattern := typo_pattern(word)):
            condition |= _in_name(_as_word(pattern))
        matching = matching.filter(condition)
    return matching


def _in_name(pattern: str) -> Q:
    return Q(first_name__iregex=pattern) | Q(last_name__iregex=pattern)


def _as_word(pattern: str) -> str:
    """Matches whole words, and each part of a name with a hyphen."""
    return f"(^|[ {_HYPHENS[1:]}-]){pattern}([ {_HYPHENS[1:]}-]|$)"


def matches(text: str, household: str = "") -> Q:
    """Households with `text` in their name or a member's, or as identification code.

    `household` is the path to the household from the filtered model, with trailing underscores.
    """
    return (
        Q(**{f"{household}name__iregex": spelling(text)})
        | Q(**{f"{household}identification_code": text})
        | Q(**{f"{household}pk__in": members(text).values("household_id")})
    )


def matches_fuzzily(text: str, household: str = "") -> Q:
    """Households whose name, or a member's, differs from `text` by one letter per word."""
    condition = Q(**{f"{household}pk__in": members(text, similar=True).values("household_id")})
    if pattern := typo_pattern(fold(text)):
        condition |= Q(**{f"{household}name__iregex": _as_word(pattern)})
    return condition


def households(text: str, limit: int) -> list[Household]:
    """Active households by name or identification code, at most `limit`, with their members.

    Exact matches come first, then similar names.
    """
    active = Household.objects.filter(deleted_on=None).prefetch_related("members").order_by("name")
    exact = list(active.filter(matches(text))[:limit])
    others = active.filter(matches_fuzzily(text)).exclude(
        pk__in=[household.pk for household in exact]
    )
    return exact + list(others[: limit - len(exact)])

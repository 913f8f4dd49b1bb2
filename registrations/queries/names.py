"""Finds households by name as people type it: in parts, and with one letter wrong."""

from django.db.models import Q, QuerySet

from registrations.models import Household, HouseholdMember

SHORTEST, LONGEST = 4, 40
"""Length of words that are searched with typos: a shorter one would match everything."""
MAX_WORDS = 6
"""Words of a search text; the rest is ignored."""


def typo_pattern(word: str) -> str | None:
    """A regular expression for `word` with one letter wrong, missing or extra, or two swapped.

    SQLite, MySQL and MariaDB all understand it. None if `word` is not a word.
    """
    if not SHORTEST <= len(word) <= LONGEST or not word.isalpha():
        return None
    one_off = {f"{word[:at]}.?.?{word[at + 1 :]}" for at in range(len(word))}
    swapped = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)}
    return f"({'|'.join(sorted(one_off | swapped))})"


def members(text: str, *, similar: bool = False) -> "QuerySet[HouseholdMember]":
    """Members whose name contains each word of `text`, or, if `similar`, a typo of it."""
    matching = HouseholdMember.objects.filter(household__isnull=False)
    for word in text.split()[:MAX_WORDS]:
        condition = Q(first_name__icontains=word) | Q(last_name__icontains=word)
        if similar and (pattern := typo_pattern(word)):
            condition |= Q(first_name__iregex=f"^{pattern}$") | Q(last_name__iregex=f"^{pattern}$")
        matching = matching.filter(condition)
    return matching


def matches(text: str, household: str = "") -> Q:
    """Households with `text` in their name or a member's, or as identification code.

    `household` is the path to the household from the filtered model, with trailing underscores.
    """
    return (
        Q(**{f"{household}name__icontains": text})
        | Q(**{f"{household}identification_code": text})
        | Q(**{f"{household}pk__in": members(text).values("household_id")})
    )


def matches_fuzzily(text: str, household: str = "") -> Q:
    """Households whose name, or a member's, differs from `text` by one letter per word."""
    condition = Q(**{f"{household}pk__in": members(text, similar=True).values("household_id")})
    if pattern := typo_pattern(text):
        condition |= Q(**{f"{household}name__iregex": f"^{pattern}( |$)"})
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

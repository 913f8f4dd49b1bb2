"""Households by name as people say and type it: in parts, and with one letter wrong."""

from django.db.models import Q, QuerySet

from registrations.models import Household, HouseholdMember

SHORTEST, LONGEST = 4, 40
"""Letters of a word that is looked for misspelt: shorter ones resemble everything."""
MAX_WORDS = 6
"""Of a text that is looked for as a name, further words are not read."""


def typo_pattern(word: str) -> str | None:
    """A regular expression for `word` with a letter wrong, missing, too many, or two swapped.

    Of the kind that SQLite, MySQL and MariaDB all understand; None for what is no word.
    """
    if not SHORTEST <= len(word) <= LONGEST or not word.isalpha():
        return None
    one_off = {f"{word[:at]}.?.?{word[at + 1 :]}" for at in range(len(word))}
    swapped = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)}
    return f"({'|'.join(sorted(one_off | swapped))})"


def members(text: str, *, similar: bool = False) -> "QuerySet[HouseholdMember]":
    """Members in whose name each word of `text` stands, or, if `similar`, one that resembles it."""
    matching = HouseholdMember.objects.filter(household__isnull=False)
    for word in text.split()[:MAX_WORDS]:
        condition = Q(first_name__icontains=word) | Q(last_name__icontains=word)
        if similar and (pattern := typo_pattern(word)):
            condition |= Q(first_name__iregex=f"^{pattern}$") | Q(last_name__iregex=f"^{pattern}$")
        matching = matching.filter(condition)
    return matching


def matches(text: str, household: str = "") -> Q:
    """Households with `text` in their own name or in a member's, or as identification code.

    `household` is the path to them, with its underscores, from the model that is filtered.
    """
    return (
        Q(**{f"{household}name__icontains": text})
        | Q(**{f"{household}identification_code": text})
        | Q(**{f"{household}pk__in": members(text).values("household_id")})
    )


def matches_fuzzily(text: str, household: str = "") -> Q:
    """Households whose name, or a member's, is `text` but for one letter of each word."""
    condition = Q(**{f"{household}pk__in": members(text, similar=True).values("household_id")})
    if pattern := typo_pattern(text):
        condition |= Q(**{f"{household}name__iregex": f"^{pattern}( |$)"})
    return condition


def households(text: str, limit: int) -> list[Household]:
    """Active households by name or identification code, at most `limit`, with their members.

    Those that are spelt so come first, then those that are spelt nearly so.
    """
    active = Household.objects.filter(deleted_on=None).prefetch_related("members").order_by("name")
    exact = list(active.filter(matches(text))[:limit])
    others = active.filter(matches_fuzzily(text)).exclude(
        pk__in=[household.pk for household in exact]
    )
    return exact + list(others[: limit - len(exact)])

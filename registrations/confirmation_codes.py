"""Confirmation codes: ids in a form that people can read aloud and strangers cannot count.

A code scrambles the registration's id one to one, so it is unique without being stored, and every
registration has one, even an adopted one. It hides the order of ids and is no secret: people who
show a code at the desk still give their name.
"""

ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
"""No 0/O, 1/I/L, U/V: no two can be confused when read aloud, handwritten or typed on a tablet."""

LENGTH = 6
_BASE = len(ALPHABET)
_SPACE = _BASE**LENGTH
_FACTOR = 387_420_489 + 2  # coprime to the base (2·3·5), so that multiplying is one-to-one
_INVERSE = pow(_FACTOR, -1, _SPACE)
_OFFSET = 411_222_333


def encode(registration_id: int) -> str:
    """Six characters for the first 729 million ids, then one more for every 729 million."""
    round_, position = divmod(registration_id, _SPACE)
    code = _digits((position * _FACTOR + _OFFSET) % _SPACE).rjust(LENGTH, ALPHABET[0])
    return (_digits(round_) if round_ else "") + code


def decode(code: str) -> int | None:
    """The id of a code typed in any case, with or without spaces and dashes; None if invalid."""
    cleaned = code.upper().replace("-", "").replace(" ", "")
    if not LENGTH <= len(cleaned) <= 13 or not set(cleaned) <= set(ALPHABET):
        return None
    position = (_number(cleaned[-LENGTH:]) - _OFFSET) * _INVERSE % _SPACE
    return _number(cleaned[:-LENGTH]) * _SPACE + position


def _digits(number: int) -> str:
    result = ""
    while number:
        number, digit = divmod(number, _BASE)
        result = ALPHABET[digit] + result
    return result


def _number(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number * _BASE + ALPHABET.index(digit)
    return number

"""What a scanner types: a confirmation code, or an address that holds one."""

from collections.abc import Iterator
from urllib.parse import parse_qsl, urlsplit

from registrations import confirmation_codes

NAMES = {"code", "confirmation_code"}
"""Parameters that hold the code: …?code=ABC123&event_date_id=5."""


def code_in(text: str) -> str:
    """The confirmation code in an address, or at the end of its path; any other text unchanged."""
    if "://" not in text and not text.lower().startswith("www."):
        return text
    return next((part for part in _parts(text) if confirmation_codes.decode(part)), text)


def _parts(address: str) -> Iterator[str]:
    """Where a code may stand, the likeliest first."""
    try:
        url = urlsplit(address)
    except ValueError:  # "http://[": no address after all
        return
    paths = [url.fragment, url.path]
    for query in (url.query, url.fragment.partition("?")[2]):
        yield from (value for name, value in parse_qsl(query) if name.lower() in NAMES)
    for path in paths:
        yield path.partition("?")[0].rstrip("/").rpartition("/")[2]

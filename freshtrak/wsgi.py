import gc
import io
import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freshtrak.settings")

_django = get_wsgi_application()
_CHARSET = re.compile(r";\s*charset\s*=[^;]*", re.IGNORECASE)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Django, spared what it cannot read.

    A body without a Content-Length, which it takes for none; a charset, by which it would decode
    even the query string, although not each of Python's codecs makes text. All clients send UTF-8.
    """
    environ["CONTENT_TYPE"] = _CHARSET.sub("", environ.get("CONTENT_TYPE", ""))
    if "HTTP_TRANSFER_ENCODING" in environ:
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1  # enough to be refused by its length
        body = environ["wsgi.input"].read(most)
        environ.update({"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)})
    return _django(environ, start_response)


# What is loaded now stays: the garbage collector need not walk it again and again. And a request
# makes some thousand objects, most without cycles: the default threshold looks at each seven times.
gc.freeze()
gc.set_threshold(20_000, 10, 10)

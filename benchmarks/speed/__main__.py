"""How fast the service is over HTTP, beside the same SQL without a framework (the floor).

    tools/with_mariadb.py python -m benchmarks.speed [--json FILE] [--svg FILE]

Uses two servers of its own with a binary log; service and floor take turns, round by round. After
each run the SQL oracle checks both databases: a run that broke a guarantee gives no figure, and
ends the benchmark with status 1. Takes about half an hour; with `--short`, a quarter of a minute.
"""

import argparse
import os
import secrets
import signal
import sys
from pathlib import Path


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--rounds", type=int, default=5)
    add("--seconds", type=float, default=8, help="how long each run takes")
    add(
        "--short", action="store_true", help="one round of 10 requests: shows that everything works"
    )
    add("--only", nargs="+", metavar="WORKLOAD", default=[], help="by name, as in the JSON")
    add(
        "--server",
        metavar="COMMAND",
        default=None,
        help="the server to start; {port} stands for its port",
    )
    add("--log", metavar="FILE", default=os.devnull, help="where the service's log lines go")
    add("--json", metavar="FILE", type=Path)
    add("--svg", metavar="FILE", type=Path)
    return parser.parse_args()


def main() -> None:
    options = _options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the service stops, too
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "freshtrak.settings")
    os.environ["DEBUG"] = "false"
    for name in ("SECRET_KEY", "JWT_SIGNING_KEY"):
        os.environ[name] = secrets.token_urlsafe(48)
    import django

    django.setup()
    from benchmarks.speed import run

    sys.exit(run.main(options))


if __name__ == "__main__":
    main()

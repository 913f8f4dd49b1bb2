"""What Prometheus reads at /metrics. Counters live where they are counted; here they are shown.

With several worker processes they are summed over PROMETHEUS_MULTIPROC_DIR, which
gunicorn.conf.py provides.
"""

import os
from collections.abc import Iterator

from django.db import DatabaseError, InterfaceError
from django.db.models import Count, Min, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, generate_latest, multiprocess
from prometheus_client.core import REGISTRY, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from registrations.models import Ledger

DATABASE_ERRORS = Counter(
    "freshtrak_database_errors_total", "Requests that a database did not answer."
)


class PendingMovements:
    """Asks freshtrak_private when it is scraped; says nothing while that does not answer."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            pending = Ledger.objects.filter(pending_since__isnull=False)
            found = pending.aggregate(count=Count("kind"), oldest=Min("pending_since"))
            doubtful = Ledger.objects.filter(ambiguous__gt=0)
            ambiguous = doubtful.aggregate(total=Sum("ambiguous"))["total"] or 0
        except (DatabaseError, InterfaceError):
            return
        age = (timezone.now() - found["oldest"]).total_seconds() if found["oldest"] else 0
        yield GaugeMetricFamily(
            "freshtrak_pending_movements",
            "Movements of a public counter that are not known to be committed.",
            found["count"],
        )
        yield GaugeMetricFamily(
            "freshtrak_pending_seconds", "Age of the oldest of them, in seconds.", age
        )
        yield GaugeMetricFamily(
            "freshtrak_ambiguous_movements", "Movements ever folded without proof.", ambiguous
        )


def metrics(request: HttpRequest) -> HttpResponse:
    """In Prometheus' text format. Not for the public: the proxy keeps it inside."""
    registry = CollectorRegistry()
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        counted = generate_latest(registry)
    else:
        counted = generate_latest(REGISTRY)
    asked = CollectorRegistry()
    asked.register(PendingMovements())
    return HttpResponse(counted + generate_latest(asked), content_type=CONTENT_TYPE_LATEST)

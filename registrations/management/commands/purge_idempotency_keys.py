from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from registrations.management.operators import OperatorCommand
from registrations.models import IdempotencyRecord

BATCH = 1000


class Command(OperatorCommand):
    help = "Deletes answers older than IDEMPOTENCY_KEY_HOURS, in small batches. Safe at any time."

    def handle(self, **options: object) -> None:
        oldest = timezone.now() - timedelta(hours=settings.IDEMPOTENCY_KEY_HOURS)
        expired = IdempotencyRecord.objects.filter(created_at__lt=oldest)
        deleted = 0
        while batch := list(expired.values_list("pk", flat=True)[:BATCH]):
            deleted += IdempotencyRecord.objects.filter(pk__in=batch).delete()[0]
        self.stdout.write(f"{deleted} deleted")

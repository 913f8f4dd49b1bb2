"""What the operators' commands share."""

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError


class OperatorCommand(BaseCommand):
    """Ends with status 3 and one line, not a traceback, when a database does not answer."""

    def execute(self, *args: object, **options: object) -> str | None:
        try:
            return super().execute(*args, **options)
        except (OperationalError, InterfaceError) as error:
            raise CommandError(
                f"A database does not answer: {error}. What was done so far stays; run it again.",
                returncode=3,
            ) from error

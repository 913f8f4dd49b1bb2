import secrets
from argparse import ArgumentParser
from io import StringIO

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from registrations import demo


class Command(BaseCommand):
    help = (
        "Fills two local databases with a month of a food bank and prints a command that books "
        "a place. Running it again adds nothing. Refuses a public database with other events."
    )

    requires_system_checks = []  # they import every page, and each start of the demo would wait

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--migrate", action="store_true", help="first")
        parser.add_argument(
            "--address",
            default="http://127.0.0.1:8000",
            help="of the service, for the printed command",
        )

    def handle(self, *, address: str, migrate: bool, **options: object) -> None:
        if migrate:
            call_command("migrate", verbosity=0)
        try:
            demo.seed(timezone.now())
        except demo.NotTheDemo as error:
            raise CommandError(str(error)) from error
        if settings.DEBUG:
            self.stdout.write(
                f"The desk: {address}/admin/ as {', '.join(demo.STAFF)}"
                f" (password: {demo.PASSWORD})\n\n"
            )
        offer = demo.something_to_book(timezone.now())
        if offer is None:
            self.stdout.write("The demo's month is over. Delete its databases to start a new one.")
            return
        slot_id, household_id, attendees = offer
        printed = StringIO()
        call_command("issue_token", household=household_id, stdout=printed)
        token = printed.getvalue().strip()
        self.stdout.write(
            f"A token for demo household {household_id}, valid for one day:\n\n{token}\n\n"
            "Book a place with it:\n\n"
            f"curl -i {address}/api/v1/registrations/"
            f" -H 'Authorization: Bearer {token}'"
            f" -H 'Idempotency-Key: {secrets.token_hex(8)}'"
            " -H 'Content-Type: application/json'"
            f' -d \'{{"event_slot_id": {slot_id}, "attendees": {attendees}}}\'\n'
        )

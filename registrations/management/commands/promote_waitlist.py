from argparse import ArgumentParser

from audit import trail
from registrations.management.operators import OperatorCommand
from registrations.services import waitlist


class Command(OperatorCommand):
    help = (
        "Gives free places to the waitlist wherever booking is open, for example after capacity "
        "was raised. Safe at any time and from several machines at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--event-date-id", type=int, metavar="N", help="only this date")

    def handle(self, *, event_date_id: int | None, **options: object) -> None:
        promoted, busy = waitlist.promote_everywhere(event_date_id=event_date_id, by=trail.SYSTEM)
        self.stdout.write(f"{promoted} promoted, {busy} places busy: the next run retries them")

import json
from argparse import ArgumentParser
from collections import Counter

from registrations.management.operators import OperatorCommand
from registrations.services import adoption
from registrations.services.adoption import Adopted, Why


class Command(OperatorCommand):
    help = (
        "Adopts the registrations of an existing installation after `migrate`: gives each one "
        "its date, and lists those that cannot take part. --dry-run shows the result without "
        "writing anything. You can run it again: it continues with what is left."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="write nothing; works before and after migrate"
        )
        parser.add_argument(
            "--json",
            action="store_true",
            dest="as_json",
            help="print one JSON line per listed registration",
        )

    def handle(self, *, dry_run: bool, as_json: bool, **options: object) -> None:
        counts: Counter[Why] = Counter()

        def report(adopted: Adopted) -> None:
            counts[adopted.why] += 1
            if adopted.why is Why.PLACED:
                return
            if as_json:
                self.stdout.write(json.dumps({**vars(adopted), "why": adopted.why.name.lower()}))
            else:
                whose = adopted.household_id or "none"
                self.stdout.write(
                    f"registration {adopted.registration_id}, household {whose}, slot "
                    f"{adopted.event_slot_id}, {adopted.status or 'no status'}: {adopted.why}"
                )

        adoption.adopt(dry_run=dry_run, report=report)
        if not as_json:
            verb = "would be" if dry_run else "are"
            taking_part = counts[Why.PLACED] + counts[Why.NO_HOUSEHOLD]
            self.stdout.write(
                f"{taking_part} {verb} placed; {counts.total() - taking_part} cannot take part."
            )

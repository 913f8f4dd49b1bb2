"""What operators see of the service: metrics and log lines."""

import json
import re
import subprocess
import sys
import urllib.request
from typing import Any

import pytest
from django.conf import settings
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.test import APIClient

from tests.support import factories, processes, served, tokens


def _samples(text: str) -> dict[str, float]:
    return {
        sample.name + json.dumps(sample.labels, sort_keys=True): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_count_requests_and_what_is_pending(client: APIClient) -> None:
    client.get("/api/v1/events/")

    samples = _samples(client.get("/metrics").content.decode())

    labels = '{"method": "GET", "route": "api/v1/events/", "status": "200"}'
    assert samples[f"freshtrak_requests_total{labels}"] >= 1
    assert samples["freshtrak_pending_movements{}"] == 0
    assert samples["freshtrak_ambiguous_movements{}"] == 0


@pytest.mark.real_commits
def test_metrics_add_up_over_all_workers(service: served.Service) -> None:
    slot = factories.EventSlotFactory(capacity=1)
    facts = []
    for household in factories.households(3):
        member = household.members.get()
        token = tokens.of_household(household)
        body = {"event_slot_id": slot.pk, "attendees": [member.pk]}
        facts.append(service.post("/api/v1/registrations/", token, body).body["status"])

    with urllib.request.urlopen(f"{service.address}/metrics") as answer:
        samples = _samples(answer.read().decode())

    assert facts == ["confirmed", "waitlisted", "waitlisted"]
    assert samples['freshtrak_facts_total{"action": "registered"}'] >= 1
    assert samples['freshtrak_facts_total{"action": "waitlisted"}'] >= 2
    assert samples["freshtrak_lock_seconds_count{}"] >= 3


def _lines(script: str) -> list[dict[str, Any]]:
    """Runs `script` in a process of its own; returns the JSON lines that it logs."""
    code = f"import django; django.setup()\n{script}"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=settings.BASE_DIR,
        env={
            **processes.environment(),
            "LOG_FORMAT": "json",
            "DJANGO_SETTINGS_MODULE": "freshtrak.settings",
        },
    )
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stderr.splitlines()]


@pytest.mark.real_commits
def test_facts_and_counters_are_logged_after_the_commit_without_names() -> None:
    household = factories.HouseholdFactory(name="Quillfeather")
    slot = factories.slot_today(capacity=2)

    lines = _lines(
        "from tests.support import booking as b\n"
        "from registrations.models import Household\n"
        "from registrations.services import attendance\n"
        "from schedules.models import EventSlot\n"
        f"r = b.register(Household.objects.get(pk={household.pk}),"
        f" EventSlot.objects.get(pk={slot.pk}))\n"
        "attendance.check_in(r, by=b.STAFF)\n"
    )

    logged = [(line["event"], line.get("target"), line.get("delta")) for line in lines]
    assert logged == [
        ("registered", None, 1),
        ("counter_changed", f"slot {slot.pk}", 1),
        ("counter_changed", f"date {slot.event_hour.event_date_id}", 1),
        ("checked_in", None, 0),
    ]
    assert (lines[1]["before"], lines[1]["after"]) == (0, 1)
    assert lines[0]["actor"] == "participant:7"
    assert lines[0]["household_id"] == household.pk
    assert not re.search("Quillfeather|First", json.dumps(lines))


@pytest.mark.real_commits
def test_what_was_rolled_back_is_not_logged() -> None:
    slot = factories.EventSlotFactory(capacity=0)
    (household,) = factories.households(1)

    lines = _lines(
        "from tests.support import booking as b\n"
        "from registrations.errors import CapacityFull\n"
        "from registrations.models import Household\n"
        "from schedules.models import EventSlot\n"
        "try:\n"
        f"    b.register(Household.objects.get(pk={household.pk}),"
        f" EventSlot.objects.get(pk={slot.pk}), join_waitlist=False)\n"
        "except CapacityFull:\n"
        "    pass\n"
    )

    assert lines == []


@pytest.mark.real_commits
def test_each_request_is_one_line_without_its_query() -> None:
    lines = _lines(
        "from django.test import Client\n"
        "Client(SERVER_NAME='localhost').get('/api/v1/events/', {'search': 'Quillfeather'},"
        " headers={'X-Request-ID': 'abc-1'})\n"
    )

    assert [line["event"] for line in lines] == ["request"]
    (line,) = lines
    assert (line["path"], line["status"], line["request_id"]) == ("/api/v1/events/", 200, "abc-1")
    assert "Quillfeather" not in json.dumps(line)

"""The quick start of docs/api.md, run as written, against the service with demo data."""

import os
import re
import subprocess
from io import StringIO

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from registrations import demo
from registrations.models import Household
from tests.support import booking as b
from tests.support.served import Service

INTERPRETERS = {"bash": ["bash", "-euo", "pipefail"], "python": ["python3"], "javascript": ["node"]}


def _snippet(language: str) -> str:
    text = (settings.BASE_DIR / "docs" / "api.md").read_text()
    (snippet,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return str(snippet)


@pytest.mark.one_engine
@pytest.mark.slow
@pytest.mark.real_commits
@pytest.mark.parametrize("language", INTERPRETERS)
def test_quick_start_runs_as_written(service: Service, language: str) -> None:
    demo.seed(timezone.now())
    token = StringIO()
    call_command("issue_token", household=Household.objects.earliest("pk").pk, stdout=token)

    run = subprocess.run(
        INTERPRETERS[language],
        input=_snippet(language),
        env={**os.environ, "ADDRESS": service.address, "TOKEN": token.getvalue().strip()},
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert run.stdout.split() == ["confirmed", "confirmed", "cancelled"], run.stderr
    assert b.drift() == {}

"""What operators install is valid, and refers only to things that exist."""

import json
import re
import subprocess
import sys
from configparser import ConfigParser
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands
from prometheus_client import REGISTRY

from freshtrak.metrics import PendingMovements

COUNTING = (
    "freshtrak.middleware",
    "freshtrak.api.errors",
    "registrations.services.reconciliation",
)
OPS = Path(settings.BASE_DIR) / "ops"


def _known() -> set[str]:
    """The names of all samples that /metrics can show."""
    for module in COUNTING:
        import_module(module)
    families = [*REGISTRY.collect(), *PendingMovements().collect()]
    return {
        name
        for family in families
        for name in (family.name, f"{family.name}_total", f"{family.name}_bucket")
    } | {"up"}


def _unknown(expressions: list[str]) -> set[str]:
    used = {name for text in expressions for name in re.findall(r"\b(freshtrak_\w+|up)\b", text)}
    assert used
    return used - _known()


def test_dashboard_shows_metrics_that_exist() -> None:
    dashboard = json.loads((OPS / "grafana-dashboard.json").read_text())

    expressions = [t["expr"] for panel in dashboard["panels"] for t in panel["targets"]]

    assert _unknown(expressions) == set()


def test_alerts_watch_metrics_that_exist_and_are_in_the_runbook() -> None:
    (group,) = yaml.safe_load((OPS / "alerts.yml").read_text())["groups"]
    runbook = (settings.BASE_DIR / "docs" / "runbook.md").read_text()

    assert _unknown([rule["expr"] for rule in group["rules"]]) == set()
    for rule in group["rules"]:
        assert f"## {rule['alert']}" in runbook
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_compose_file_is_valid() -> None:
    checked = subprocess.run(
        [
            Path(sys.executable).with_name("check-jsonschema"),
            "--builtin-schema",
            "vendor.compose-spec",
            settings.BASE_DIR / "docker-compose.yml",
        ],
        capture_output=True,
        text=True,
    )

    assert checked.returncode == 0, checked.stdout


def test_compose_sets_only_variables_that_the_service_reads() -> None:
    compose = yaml.safe_load((settings.BASE_DIR / "docker-compose.yml").read_text())
    listed = (settings.BASE_DIR / ".env.example").read_text()

    for name in compose["services"]["app"]["environment"]:
        assert f"{name}=" in listed
    for variable in re.findall(
        r"\$\{(\w+)", (settings.BASE_DIR / "docker-compose.yml").read_text()
    ):
        assert f"{variable}=" in listed


def test_only_the_proxy_is_published_and_finds_the_service() -> None:
    services = yaml.safe_load((settings.BASE_DIR / "docker-compose.yml").read_text())["services"]
    shipped = (OPS / "nginx" / "freshtrak.conf").read_text()
    replaced = re.search(r"sed 's/(.+?)/(.+?):(\d+)/'", services["proxy"]["command"][-1])

    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    assert replaced is not None
    assert f"server {replaced[1]};" in shipped
    assert replaced[2] in services
    assert f"0.0.0.0:{replaced[3]}" in (settings.BASE_DIR / "Dockerfile").read_text()


def test_image_holds_what_the_service_imports() -> None:
    dockerfile = (settings.BASE_DIR / "Dockerfile").read_text()
    ignored = (settings.BASE_DIR / ".dockerignore").read_text()

    for needed in ("freshtrak", "schedules", "registrations", "audit", "manage.py"):
        assert re.search(rf"^COPY .*\b{re.escape(needed)}\b", dockerfile, re.MULTILINE)
        assert f"!{needed}\n" in ignored
    assert "USER freshtrak" in dockerfile


@pytest.mark.parametrize("unit", sorted(OPS.glob("systemd/*.timer")), ids=lambda path: path.stem)
def test_timers_run_commands_that_exist(unit: Path) -> None:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.read(unit)
    command = unit.stem.partition("@")[2]

    assert parser["Timer"]["OnCalendar"]
    assert command in get_commands() or (OPS / f"systemd/freshtrak@{command}.service.d").is_dir()

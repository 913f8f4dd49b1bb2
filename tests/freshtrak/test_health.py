from typing import Any

from rest_framework.test import APIClient


def test_healthz_asks_no_database(client: APIClient, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200


def test_readyz_names_both_databases(client: APIClient) -> None:
    response = client.get("/readyz")

    assert response.status_code == 200
    assert response.json()["databases"] == {"freshtrak_private": "ok", "freshtrak_public": "ok"}


def test_request_id_is_kept_or_created(client: APIClient) -> None:
    kept = client.get("/healthz", headers={"X-Request-ID": "abc-1"})
    created = client.get("/healthz", headers={"X-Request-ID": "bad id\n" * 9})

    assert kept["X-Request-ID"] == "abc-1"
    assert len(created["X-Request-ID"]) == 32

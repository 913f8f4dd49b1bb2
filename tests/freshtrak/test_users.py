"""A member of staff is made in one form."""

from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client

from tests.support import booking as b
from tests.support import desk

ADD = "/admin/auth/user/add/"


def _form(**changed: Any) -> dict[str, Any]:
    return {
        "username": "ben",
        "password1": "right horse",
        "password2": "right horse",
        "group": Group.objects.get(name="Front desk").pk,
        "first_name": "Ben",
        "last_name": "",
        **changed,
    }


def test_who_was_made_logs_in_and_lands_at_the_desk() -> None:
    cache.clear()
    ada = desk.log_in("Administrator", "ada")

    answer = ada.post(ADD, _form(), follow=True)

    assert "was added successfully" in desk.text_of(answer)
    user = get_user_model().objects.get(username="ben")
    assert (user.is_staff, user.is_superuser) == (True, False)
    assert [group.name for group in user.groups.all()] == ["Front desk"]
    ben = Client()
    ben.post("/admin/login/", {"username": "ben", "password": "right horse"})
    assert ben.get(f"{desk.LIST}days/").status_code == 200


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"password2": "wrong horse"}, "password fields didn’t match"),
        ({"group": ""}, "This field is required"),
        ({"group": 0}, "Select a valid choice"),
        ({"username": "ADA"}, "already exists"),
    ],
)
def test_what_is_wrong_is_said_and_nobody_is_made(changed: Any, message: str) -> None:
    ada = desk.log_in("Administrator", "ada")

    answer = ada.post(ADD, _form(**changed))

    assert message in desk.text_of(answer)
    assert get_user_model().objects.count() == 1


@pytest.mark.parametrize("group", ["Front desk", "Coordinator"])
def test_only_administrators_make_users(group: str) -> None:
    assert desk.log_in(group).post(ADD, _form()).status_code == 403
    assert get_user_model().objects.count() == 1


def test_the_list_shows_groups_in_a_fixed_number_of_queries() -> None:
    ada = desk.log_in("Administrator", "ada")

    def queries(*names: str) -> int:
        for name in names:
            desk.member("Front desk", name)
        return len(b.statements(lambda: ada.get("/admin/auth/user/")))

    queries("x")
    assert queries("a") == queries(*"bcdefgh")
    assert "Front desk" in desk.text_of(ada.get("/admin/auth/user/?is_active__exact=1"))


@pytest.mark.parametrize(
    ("password", "message"),
    [
        ("right hor", "at least 10 characters"),
        ("password1234", "too common"),
        ("7264918305", "entirely numeric"),
        ("coordinator", "too similar to the username"),
    ],
)
def test_a_weak_password_is_refused(password: str, message: str) -> None:
    ada = desk.log_in("Administrator", "ada")
    ben = desk.member("Front desk", "ben")
    weak = {"password1": password, "password2": password}

    made = ada.post(ADD, _form(username="coordinator", **weak))
    changed = ada.post(f"/admin/auth/user/{ben.pk}/password/", {**weak, "usable_password": "true"})

    assert message in desk.text_of(made)
    if message != "too similar to the username":  # that one belongs to the other name
        assert message in desk.text_of(changed)
    assert get_user_model().objects.count() == 2

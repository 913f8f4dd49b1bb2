"""Pagination of lists."""

from collections.abc import Callable

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_serializer, inline_serializer
from rest_framework import serializers
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response


class Pages(PageNumberPagination):
    page_size = 50
    page_size_query_param = "page_size"
    max_page_size = 200


def paginated(request: Request, rows: QuerySet, render: Callable[..., object]) -> Response:
    """The page of `rows` that the request asks for; `render` turns it into the results."""
    pages = Pages()
    page = pages.paginate_queryset(rows, request) or []
    return pages.get_paginated_response(render(page))


def page_of(shape: type[serializers.Serializer]) -> serializers.Serializer:
    """The shape of a page of `shape`, for the OpenAPI document."""
    name = shape.__name__.removesuffix("Serializer").removesuffix("Output")
    page = inline_serializer(
        f"{name}Page",
        {
            "count": serializers.IntegerField(),
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": shape(many=True),
        },
    )
    # An action named `list` is documented as an array of what it answers unless told otherwise.
    extend_schema_serializer(many=False)(type(page))
    return page

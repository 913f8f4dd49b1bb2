"""What every operation in the OpenAPI document has: roles, the idempotency header, errors."""

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry
from rest_framework import serializers

from freshtrak.api.authentication import IsStaff
from freshtrak.api.errors import CODES, CONTENT_TYPE, document
from registrations.errors import FieldError

ANYBODY = ["anonymous", "participant", "staff", "admin"]
SIGNED_IN = ["participant", "staff", "admin"]
STAFF = ["staff", "admin"]


class FieldProblem(serializers.Serializer[FieldError]):
    field = serializers.CharField(help_text="Dotted path, as in attendees.0")
    code = serializers.CharField()
    detail = serializers.CharField()


class Problem(serializers.Serializer[dict[str, object]]):
    """A problem document (RFC 9457). Some codes add members of their own."""

    type = serializers.CharField(help_text="The page that explains the code.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    errors = FieldProblem(many=True, required=False)  # type: ignore[assignment]
    registration_id = serializers.IntegerField(required=False)
    checked_in_at = serializers.DateTimeField(required=False)
    checked_in_by = serializers.CharField(required=False)


IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": (
        "Strongly recommended. For 24 hours, the same key gives the same answer and one effect; "
        "refusals are not stored. Use a new random value for each new request."
    ),
}


class Schema(AutoSchema):
    def get_operation(
        self, path: str, path_regex: str, path_prefix: str, method: str, registry: ComponentRegistry
    ) -> dict[str, object] | None:
        operation = super().get_operation(path, path_regex, path_prefix, method, registry)
        if operation is None:
            return None
        roles = self._roles()
        operation["x-roles"] = roles
        operation["description"] += f"\n\nRoles: {', '.join(roles)}."
        changes = self.method in {"POST", "PATCH"}
        if changes and roles is not ANYBODY:
            operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
        for status in self._error_statuses(roles, changes=changes):
            operation["responses"][str(status)] = self._problem(status)
        return operation

    def _roles(self) -> list[str]:
        permissions = self.view.permission_classes
        if not permissions:
            return ANYBODY
        return STAFF if IsStaff in permissions else SIGNED_IN

    def _error_statuses(self, roles: list[str], *, changes: bool) -> list[int]:
        statuses = {400, 404, 406, 503}
        if roles is not ANYBODY:
            statuses |= {401, 403, 429}
        if changes:
            statuses |= {413, 415}
            statuses |= {401, 429} if roles is ANYBODY else {409, 422}
        return sorted(statuses)

    def _problem(self, status: int) -> dict[str, object]:
        codes = {name: code for name, code in CODES.items() if code.status == status}
        content = {
            "schema": self.resolve_serializer(Problem, "response").ref,
            "examples": {
                name: {"summary": code.meaning, "value": document(name, code.meaning)}
                for name, code in codes.items()
            },
        }
        return {
            "description": " ".join(f"`{name}`: {code.meaning}" for name, code in codes.items()),
            "content": {CONTENT_TYPE: content},
        }

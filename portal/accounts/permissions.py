"""What the API allows by default: nothing."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request


class Denied(BasePermission):
    """The default of every endpoint: one that forgets to say whom it serves serves nobody."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return False


class Member(BasePermission):
    """Serves signed-in people and tokens; the view's queryset shows them their projects' rows.

    A token needs the scope `read` to read, and the view's `write_scope` to write. What a writer
    may do with a row is asked by the action that writes it.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if not request.user.is_authenticated:
            return False
        token = getattr(request.user, "token_in_use", None)
        if token is None:
            return bool(request.user.is_person)
        needed = "read" if request.method in SAFE_METHODS else getattr(view, "write_scope", None)
        # Whoever may post a thing may also ask what became of it.
        return needed in token.scopes or (
            needed == "read" and getattr(view, "write_scope", None) in token.scopes
        )

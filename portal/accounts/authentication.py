"""How a machine says who it is: `Authorization: Bearer <token>`."""

from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from portal.accounts.models import ApiToken, User, secret_digest


class ApiTokenAuthentication(BaseAuthentication):
    """Finds the token by the digest of its secret; every failure reads the same."""

    keyword = "Bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        scheme, _, secret = get_authorization_header(request).decode("latin-1").partition(" ")
        if scheme.lower() != self.keyword.lower():
            return None
        now = timezone.now()
        token = (
            ApiToken.objects.usable(now)
            .select_related("user", "project")
            .filter(secret_digest=secret_digest(secret.strip()))
            .first()
        )
        if token is None or token.user.is_person:
            raise AuthenticationFailed("The token is unknown, expired or revoked.")
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
        return held_to(token), token

    def authenticate_header(self, request: Request) -> str:
        return self.keyword


def held_to(token: ApiToken) -> Any:
    """The token's account, limited to the token's project and scopes for this request."""
    user: Any = token.user
    user.token_in_use = token
    user.token_project_id = token.project_id
    return user

"""Tokens of a project: administrators list, issue and revoke them."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone

from catalog.models import Project
from catalog.pages import FormPage, ListPage, act, add_errors
from portal.accounts.actions import issue_token, revoke_token
from portal.accounts.forms import TokenForm
from portal.accounts.models import ApiToken, Scope
from portal.accounts.tokens import issue_to_new_account

_MANAGE = "accounts.manage_apitoken"


class TokenList(ListPage):
    """Every token of the project, usable or not; never its secret."""

    queryset = ApiToken.objects.select_related("user", "created_by")
    template_name = "portal/token_list.html"
    permission_required = _MANAGE
    refusal = "Only an administrator of the project sees its tokens."
    search_fields = ("name", "hint", "user__username")
    sort_fields = {
        "name": "name",
        "account": "user__username",
        "expires": "expires_at",
        "used": "last_used_at",
        "issued": "created_at",
    }
    sort_default = "-issued"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(scopes=dict(Scope.choices), **kwargs)
        for token in context["object_list"]:
            token.state = _state(token)
        return context


def _state(token: ApiToken) -> str:
    if token.revoked_at:
        return "revoked"
    if token.expires_at <= timezone.now():
        return "expired"
    return "usable" if token.user.is_active else "account closed"


class TokenIssue(FormPage):
    """Issues a token and shows its secret, on this one answer and never again."""

    form_class = TokenForm
    template_name = "portal/token_form.html"
    permission_required = _MANAGE
    refusal = "Only an administrator of the project issues tokens."

    def get_form_kwargs(self) -> dict[str, Any]:
        return {**super().get_form_kwargs(), "project": self.project}

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            token, secret = self.issue(form)
        except ValidationError as error:
            add_errors(form, error)
            return self.form_invalid(form)
        shown = {"project": self.project, "token": token, "secret": secret}
        # Not a redirect: the secret would have to be kept somewhere until the next request.
        return render(self.request, "portal/token_issued.html", shown)

    def issue(self, form: Any) -> tuple[ApiToken, str]:
        asked = form.cleaned_data
        common = {
            "project": self.project,
            "name": asked["name"],
            "scopes": asked["scopes"],
            "by": self.request.user,
            "expires_at": form.expires_at,
        }
        if asked["account"]:
            return issue_token(asked["account"], **common)
        return issue_to_new_account(account=asked["new_account"], **common)


@act
def token_revoke(request: HttpRequest, project: Project, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken.objects.visible_to(request.user).in_project(project), pk=pk)
    revoke_token(token, by=request.user)
    messages.success(request, f"“{token.name}” is revoked. It no longer opens anything.")
    return redirect("token-list", project=project.slug)

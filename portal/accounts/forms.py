"""Forms about tokens."""

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from catalog.models import Project
from catalog.validators import identifier, visible_text
from portal.accounts.models import Scope
from portal.accounts.tokens import service_accounts


class TokenForm(forms.Form):
    """A token for one of the project's machines, or for a new one."""

    account: forms.ModelChoiceField = forms.ModelChoiceField(
        queryset=None, required=False, label="Service account", empty_label="A new one"
    )
    new_account = forms.CharField(
        max_length=40,
        required=False,
        label="Name of the new account",
        validators=[identifier],
        help_text="What the machine is, such as “ci” or “delivery”.",
    )
    name = forms.CharField(
        max_length=80,
        label="What the token is for",
        validators=[visible_text],
        help_text="Shown in the list, so that one can tell which to revoke.",
    )
    scopes = forms.MultipleChoiceField(
        choices=Scope.choices, widget=forms.CheckboxSelectMultiple, label="What it may do"
    )
    days = forms.IntegerField(
        min_value=1, max_value=365, initial=90, label="Days until it expires"
    )

    def __init__(self, *args: Any, project: Project, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["account"].queryset = service_accounts(project)  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if bool(data.get("account")) == bool(data.get("new_account")):
            self.add_error("new_account", "Choose an account, or name a new one.")
        return data

    @property
    def expires_at(self) -> Any:
        return timezone.now() + timedelta(days=self.cleaned_data["days"])

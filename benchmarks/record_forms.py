"""What people write down about a program: playbooks and debriefs."""

from typing import Any

from django import forms
from django.contrib.auth import get_user_model

from benchmarks.models import ChallengeRun, Playbook, Program
from benchmarks.program_forms import contributors_of
from catalog.forms import choose, text


class _RecordForm(forms.Form):
    """A record of a program; only a change asks for its reason."""

    reason = forms.CharField(widget=text(2), help_text="Why the record changes.")

    def __init__(self, *args: Any, program: Program, record: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if record is None:
            del self.fields["reason"]


class PlaybookForm(_RecordForm):
    title = forms.CharField(max_length=160)
    sign = forms.CharField(
        widget=text(2), label="When", help_text="By what one recognises that it is time for it."
    )
    steps = forms.CharField(widget=text(6), help_text="What to do, in order, and whom to tell.")
    owner = forms.ModelChoiceField(get_user_model().objects.none())
    field_order = ("title", "sign", "steps", "owner", "reason")

    def __init__(self, *args: Any, program: Program, record: Any, **kwargs: Any) -> None:
        super().__init__(*args, program=program, record=record, **kwargs)
        choose(self.fields["owner"], contributors_of(program.project), "Choose an owner")


class DebriefForm(_RecordForm):
    title = forms.CharField(max_length=160)
    held_on = forms.DateField(
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}), label="Held on"
    )
    attendees = forms.CharField(widget=text(2), help_text="Who was there, by name and function.")
    run = forms.ModelChoiceField(
        ChallengeRun.objects.none(), required=False, help_text="What it was about."
    )
    seen = forms.CharField(widget=text(4), label="What was seen")
    decided = forms.CharField(widget=text(3), required=False, label="What was decided")
    learned = forms.CharField(widget=text(3), required=False, label="What was learned")
    playbook = forms.ModelChoiceField(
        Playbook.objects.none(), required=False, help_text="The playbook that changes by it."
    )
    field_order = (
        "title",
        "held_on",
        "attendees",
        "run",
        "seen",
        "decided",
        "learned",
        "playbook",
        "reason",
    )

    def __init__(self, *args: Any, program: Program, record: Any, **kwargs: Any) -> None:
        super().__init__(*args, program=program, record=record, **kwargs)
        runs = ChallengeRun.objects.filter(suite__model=program.model_id).evaluated()
        related = runs.select_related("suite", "model_version").defer("plan")
        choose(self.fields["run"], related.order_by("-created_at"), "No single run")
        choose(self.fields["playbook"], program.playbooks.all(), "None")

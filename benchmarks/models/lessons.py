"""What people made of the results: debriefs, and the playbooks that follow from them."""

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from benchmarks.models.program import Program
from benchmarks.models.run import ChallengeRun
from catalog.base import Governed
from catalog.validators import visible_text


class Playbook(Governed):
    """What to do when something known goes wrong; every earlier wording stays in its history."""

    project_path = "program__project"

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="playbooks")
    title = models.CharField(max_length=160, validators=[visible_text])
    #: By what one recognises that it is time for it.
    sign = models.TextField(validators=[visible_text])
    steps = models.TextField(validators=[visible_text])
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")

    class Meta:
        ordering = ["program", "title", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["program", "title"], name="playbook_title_unique_in_program"
            )
        ]

    def __str__(self) -> str:
        return self.title


class Debrief(Governed):
    """A meeting about results: what was seen, decided and learned, by whom."""

    project_path = "program__project"

    program = models.ForeignKey(Program, on_delete=models.PROTECT, related_name="debriefs")
    title = models.CharField(max_length=160, validators=[visible_text])
    held_on = models.DateField()
    #: Names as they stood on that day: people leave, the record stays.
    attendees = models.TextField(validators=[visible_text])
    run = models.ForeignKey(
        ChallengeRun, on_delete=models.PROTECT, related_name="debriefs", null=True, blank=True
    )
    seen = models.TextField(validators=[visible_text])
    decided = models.TextField(blank=True, validators=[visible_text])
    learned = models.TextField(blank=True, validators=[visible_text])
    playbook = models.ForeignKey(
        Playbook, on_delete=models.PROTECT, related_name="debriefs", null=True, blank=True
    )

    class Meta:
        ordering = ["-held_on", "-pk"]

    def __str__(self) -> str:
        return self.title

    def clean(self) -> None:
        if self.held_on and self.held_on > timezone.localdate():
            raise ValidationError({"held_on": "A debrief is written after it was held."})
        run: Any = self.run
        if run is not None and run.suite.model_id != self.program.model_id:
            raise ValidationError({"run": "That run is about another model."})
        if self.playbook is not None and self.playbook.program_id != self.program_id:
            raise ValidationError({"playbook": "That playbook is of another program."})

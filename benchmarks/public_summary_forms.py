"""The words by which a summary is released to people outside."""

from typing import Any

from django import forms

from benchmarks import public_summaries
from benchmarks.models import Program
from catalog.forms import text
from catalog.validators import visible_text


def _name(**kwargs: Any) -> forms.CharField:
    return forms.CharField(
        max_length=public_summaries.LONGEST_NAME, validators=[visible_text], **kwargs
    )


class PublishForm(forms.Form):
    """A title, one name an area, the reason; `numbers` names what was seen when it was shown."""

    numbers = forms.CharField(widget=forms.HiddenInput, max_length=64)

    def __init__(self, *args: Any, program: Program, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial["numbers"] = public_summaries.seen(program)
        self.fields["title"] = _name(
            initial=public_summaries.TITLE, help_text="What outsiders read above the numbers."
        )
        self.names = [f"area_{number}" for number in range(len(program.risk_areas))]
        words = public_summaries.area_words(program)
        for name, word, inside in zip(self.names, words, program.area_names, strict=True):
            self.fields[name] = _name(initial=word, label=f"Released name of “{inside}”")
        self.fields["reason"] = forms.CharField(
            max_length=4000,
            validators=[visible_text],
            widget=text(2),
            help_text="For whom and why; it stays inside.",
            error_messages={"required": "Say for whom the summary is released, and why."},
        )

    def areas(self) -> list[str]:
        return [self.cleaned_data[name] for name in self.names]

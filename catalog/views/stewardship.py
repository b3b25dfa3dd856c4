"""What is stated of data and who looked at them for bias."""

from typing import Any

from django.utils import timezone

from catalog import stewardship
from catalog.models import Dataset
from catalog.pages import FormPage, address
from catalog.stewardship_forms import BiasReviewForm, StewardshipForm


class _OfDataset(FormPage):
    """A form about one dataset, shown below it."""

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.dataset = self.find(Dataset.objects, kwargs["pk"])

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(dataset=self.dataset, **kwargs)

    def back(self) -> str:
        return address("dataset-detail", self.project, pk=self.dataset.pk) + "#stewardship"


class DatasetEdit(_OfDataset):
    form_class = StewardshipForm
    template_name = "catalog/dataset_form.html"
    permission_required = "catalog.add_datasetversion"
    refusal = "Only contributors describe data."

    def get_form_kwargs(self) -> dict[str, Any]:
        # A copy: a refused form must not change what the page says of the dataset.
        return {**super().get_form_kwargs(), "instance": Dataset.objects.get(pk=self.dataset.pk)}

    def act(self, form: Any) -> str:
        stewardship.describe(self.dataset, by=self.request.user, **form.cleaned_data)
        return self.back()


class BiasReviewCreate(_OfDataset):
    form_class = BiasReviewForm
    template_name = "catalog/bias_review_form.html"
    permission_required = "catalog.review_data"
    refusal = "Only reviewers record bias reviews."

    def get_initial(self) -> dict[str, Any]:
        return {"held_on": timezone.localdate()}

    def act(self, form: Any) -> str:
        stewardship.review(self.dataset, by=self.request.user, **form.cleaned_data)
        return self.back()

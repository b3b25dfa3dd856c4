"""How one run treats groups, and how steady its decisions are."""

from typing import Any

from benchmarks import plans
from benchmarks.models import Comparison
from benchmarks.panels import fairness as panel
from benchmarks.panels.reading import CellAddress, PlanWords
from benchmarks.views.runs import RUNS
from catalog.pages import DetailPage


class RunFairness(DetailPage):
    """All scenarios in short; one, named by `scenario` in the query string, group by group."""

    queryset = RUNS
    context_object_name = "run"
    template_name = "benchmarks/run_fairness.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = self.object
        words, place = PlanWords(run.plan), CellAddress.of(run, self.project)
        comparison = Comparison.objects.filter(run=run).first()
        parts = list(run.parts.order_by("position"))
        column = plans.protected_column(run.plan)
        found = panel.groups(run, comparison, parts, words, place) if column else ()
        asked = self.request.GET.get("scenario", "")
        shown = next((one for one in found if one.key == asked), None)
        flips = panel.flips(comparison, parts, words, place)
        return super().get_context_data(
            column=column,
            scenarios=found,
            shown=shown or next(iter(found), None),
            flips=flips,
            flip_rows=[line.row for line in flips],
            churn=panel.churn(comparison, words, self.project),
            gap_labels=[words.named(key).label for key in panel.GAPS],
            rate_labels=[metric.label for metric in panel.GROUP_RATES.values()],
            may_edit=self.may("benchmarks.change_suite"),
            **kwargs,
        )

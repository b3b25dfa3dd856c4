"""How the endpoint behind one run held under load."""

from typing import Any

from benchmarks.models import Comparison
from benchmarks.panels import loads as panel
from benchmarks.panels.reading import CellAddress, PlanWords
from benchmarks.views.runs import RUNS
from catalog.pages import DetailPage


class RunLoad(DetailPage):
    """Every scenario of the run that was asked under system stress."""

    queryset = RUNS
    context_object_name = "run"
    template_name = "benchmarks/run_load.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        run = self.object
        place = CellAddress.of(run, self.project)
        comparison = Comparison.objects.filter(run=run).first()
        found = panel.loads(run, comparison, PlanWords(run.plan), place)
        return super().get_context_data(
            scenarios=found, may_edit=self.may("benchmarks.change_suite"), **kwargs
        )

"""What an action is called on a page; the ledger itself keeps only dotted names."""

from dataclasses import dataclass

from django.apps import apps
from django.db.models import Model, Q

#: Actions whose name says more than model and verb do.
NAMED = {
    "accounts.apitoken.changed": "API token changed or revoked",
    "accounts.apitoken.created": "API token issued",
    "audit.opening.redacted": "Content redacted",
    "audit.timeline.exported": "Audit timeline exported",
    "benchmarks.correction.created": "Correction of data recorded",
    "benchmarks.publicsummary.changed": "Public summary withdrawn",
    "benchmarks.publicsummary.created": "Public summary released",
    "catalog.biasreview.created": "Bias review recorded",
    "catalog.failureoccurrence.created": "Failure observed",
    "catalog.membership.created": "Role given",
    "catalog.membership.deleted": "Role ended",
    "catalog.modelendpoint.created": "Endpoint registered",
    "catalog.modelversion.created": "Version registered",
    "catalog.payload.revealed": "Raw inputs revealed",
    "catalog.registeredmodel.created": "Model registered",
    "rollouts.approval.created": "Sign-off answered",
    "rollouts.approvalrequest.created": "Sign-off requested",
    "rollouts.decisionrecord.created": "Decision recorded",
    "rollouts.exposure_exceeded": "Exposure above the ceiling reported",
    "rollouts.gatecheck.created": "Gate checked",
}
VERBS = {"created": "added", "changed": "changed", "deleted": "removed"}


@dataclass(frozen=True, slots=True)
class Group:
    """A choice of the filter: what it is called and which actions it holds."""

    label: str
    actions: Q


_DECISIONS = (
    Q(action__startswith="rollouts.decisionrecord.")
    | Q(action__startswith="rollouts.approval.")
    | Q(action__startswith="rollouts.gatecheck.")
)
_READS = (
    Q(action__endswith=".revealed")
    | Q(action__endswith=".exported")
    | Q(action__endswith=".redacted")
)
_EDITS = Q()
for _verb in VERBS:
    _EDITS |= Q(action__endswith=f".{_verb}")

GROUPS = {
    "decisions": Group("Decisions and gates", _DECISIONS),
    "created": Group("Additions", Q(action__endswith=".created") & ~_DECISIONS),
    "changed": Group("Changes", Q(action__endswith=".changed")),
    "deleted": Group("Removals", Q(action__endswith=".deleted")),
    "reads": Group("Reveals and exports", _READS),
    "other": Group("Everything else", ~(_EDITS | _READS)),
}


def phrase(action: str) -> str:
    """“Failure case changed”; for an unknown action its own words."""
    if action in NAMED:
        return NAMED[action]
    *place, verb = action.split(".")
    model = model_named(".".join(place))
    subject = str(model._meta.verbose_name) if model else " ".join(place[1:])
    words = f"{subject} {VERBS.get(verb, verb)}".strip().replace("_", " ")
    return words[:1].upper() + words[1:]


def model_named(label: str) -> type[Model] | None:
    """The model that `object_type` names; None once the model is no more."""
    try:
        return apps.get_model(label)
    except (LookupError, ValueError):
        return None

"""The demo's standing program: its risk areas, what July found, what people made of it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from benchmarks import lessons, programs, remediation
from benchmarks.models import ChallengeRun, Debrief, Program, Remediation, Suite
from catalog.models import RegisteredModel
from portal.demo.people import Cast

#: What a failure in each area would mean; the last has no scenario yet, and the page says so.
RISK_AREAS = (
    {
        "name": "ordinary use",
        "customer": "Travellers wait for bags and connections that nobody prepared.",
        "financial": "Each missed delay costs the desk a replanning.",
        "brand": "The alert is not worth looking at.",
    },
    {
        "name": "missing upstream",
        "customer": "No warning on the days with the worst weather.",
        "financial": "Staff is called in by hand, at overtime rates.",
        "brand": "",
    },
    {
        "name": "corrupt input",
        "customer": "Warnings for flights that are on time.",
        "financial": "Ground staff stands at the wrong gates.",
        "brand": "Airlines stop believing the desk.",
    },
    {
        "name": "shifted input",
        "customer": "A season that nobody trained for brings false alarms for weeks.",
        "financial": "Held ground staff is missing elsewhere.",
        "brand": "The desk switches the alert off.",
    },
    {
        "name": "imbalance",
        "customer": "Travellers of small carriers are served worse than others.",
        "financial": "",
        "brand": "The airports are accused of favouring the large carriers.",
    },
    {
        "name": "changed labels",
        "customer": "What counts as late is agreed anew, and the alert goes on as before.",
        "financial": "",
        "brand": "",
    },
)
SERVING_AREA = {
    "name": "slow answers",
    "customer": "The warning comes after the landing, or not at all.",
    "financial": "The desk replans by telephone.",
    "brand": "Nobody waits for an alert that hangs.",
}
SERVING_RUBRIC = (
    {"metric": "error_rate", "weight": 1, "worst": 0.5, "best": 0.0},
    {"metric": "p95_latency", "weight": 1, "worst": 2000.0, "best": 50.0},
)
RUBRIC = (
    {"metric": "recall", "weight": 2, "worst": 0.3, "best": 0.7},
    {"metric": "false_alarm_rate", "weight": 2, "worst": 0.2, "best": 0.0},
    {"metric": "roc_auc", "weight": 1, "worst": 0.5, "best": 1.0},
)
MENDING_DAYS = 30


def open_program(cast: Cast, model: RegisteredModel, suites: Mapping[str, Suite]) -> Program:
    """The program that runs the reference quarter and July every month."""
    found = Program.objects.filter(project=cast.project, key="late-arrivals").first()
    if found is not None:
        return found
    program = programs.open_program(
        cast.project,
        model=model,
        key="late-arrivals",
        title="Late arrivals under stress",
        goal="Find out, before travellers do, what breaks the alert, and see that it is mended.",
        scope="Data that reach the model: weather, gate data, mix of carriers. Not the network "
        "between the model and the desk.",
        owner=cast["owner"],
        risk_areas=list(RISK_AREAS),
        rubric=list(RUBRIC),
        cadence_unit="month",
        cadence_anchor=timezone.localdate(),
        grace_days=3,
        by=cast["owner"],
    )
    members = [suites["reference-quarter"], suites["july-challenge"]]
    programs.assign_suites(program, members, by=cast["owner"])
    return program


def open_serving_program(cast: Cast, model: RegisteredModel, suite: Suite) -> Program:
    """The program about the server; without a cadence, because it is not what is in production."""
    found = Program.objects.filter(project=cast.project, key="late-answers").first()
    if found is not None:
        return found
    program = programs.open_program(
        cast.project,
        model=model,
        key="late-answers",
        title="Answers in time",
        goal="Find out what happens when many flights leave at once, or something between the "
        "desk and the model fails, before the desk is served over HTTP.",
        scope="One server of v1 on one machine. Not the network of the airports.",
        owner=cast["owner"],
        risk_areas=[SERVING_AREA],
        rubric=list(SERVING_RUBRIC),
        by=cast["owner"],
    )
    programs.assign_suites(program, [suite], by=cast["owner"])
    return program


def open_weakness(cast: Cast, suite: Suite, judged: ChallengeRun) -> Remediation:
    """What July found about v2, on the owner's list."""
    found = Remediation.objects.filter(comparison=judged.comparison).first()
    if found is not None:
        return found
    scenario = suite.scenarios.get(key="pressure-high")
    check = judged.comparison.checks.get(scenario=scenario.key, metric="accuracy", slice="all")
    return remediation.open_item(
        suite.model,
        title=f"{judged.model_version.version} takes high pressure for delay",
        weakness=f"Under “{scenario}” the accuracy falls. {check.sentence}",
        acceptance="The pressure no longer moves the alert: the scenario passes, or the model "
        "does without the pressure.",
        suite=suite,
        scenario=scenario,
        program=suite.program,
        comparison=judged.comparison,
        owner=cast["owner"],
        due_on=timezone.localdate() + timedelta(days=MENDING_DAYS),
        by=cast["owner"],
    )


def write_lessons(cast: Cast, suite: Suite, judged: ChallengeRun) -> Debrief:
    """What the desk made of July, and what it will do next time."""
    program: Any = suite.program
    found = Debrief.objects.filter(program=program, run=judged).first()
    if found is not None:
        return found
    playbook = lessons.write_playbook(
        program,
        title="Weather beyond what was trained on",
        sign="A weather field leaves the range of the training months, or its share of missing "
        "values jumps.",
        steps="1. Compare the month with the training data on the drift page.\n"
        "2. Run the July suite on the version in production.\n"
        "3. If an area fails, hold the rollout and tell the desk by telephone.",
        owner=cast["owner"],
        by=cast["owner"],
    )
    return lessons.write_debrief(
        program,
        title="July program of v2",
        held_on=timezone.localdate(),
        attendees="Model owner, data science reviewer, release operator",
        run=judged,
        seen="v2 is better on July as it was, and loses its accuracy when the pressure is set "
        "where it hardly ever was in the training months.",
        decided="Go on in stages with a stop-loss; mend the dependence on pressure meanwhile.",
        learned="Training months have to cover the season in which the model will serve.",
        playbook=playbook,
        by=cast["owner"],
    )

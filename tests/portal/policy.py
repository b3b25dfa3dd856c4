"""Who gets which answer at which address: one line a route. An address without a line fails.

The lines name roles, not permissions, so that a slip in the role table shows here too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.portal.policy_world import PEOPLE

#: What an answer can be. "invalid" got past every wall and was refused for its content.
OK, INVALID, LOGIN = "ok", "invalid", "login"
UNAUTHENTICATED, FORBIDDEN, MISSING, NOT_ALLOWED = "401", "403", "404", "405"
SAFE = ("GET", "HEAD", "OPTIONS")
METHODS = (*SAFE, "POST", "PUT", "PATCH", "DELETE")

MEMBERS = frozenset({*PEOPLE, "curating staff"})
SIGNED_IN = MEMBERS | {"outsider", "superuser", "staff"}
ON_STAFF = frozenset({"superuser", "staff", "curating staff"})

CONTRIBUTORS = frozenset({"contributor", "curating staff"})
CURATORS = frozenset({"curator", "curating staff"})
REVIEWERS = frozenset(role for role in PEOPLE if role.startswith("reviewer_"))
RISK = frozenset({"reviewer_risk"})
OPERATORS = frozenset({"operator"})
ADMINISTRATORS = frozenset({"administrator"})
EXPORTERS = frozenset({"auditor", "administrator"})
CLOSERS = CONTRIBUTORS | REVIEWERS
REVEALERS = CURATORS | {"reviewer_security"}


@dataclass(frozen=True)
class Line:
    """One route: its rule, whom it serves, and which row its `pk` names."""

    route: str
    rule: str
    row: str = ""
    may: frozenset[str] = MEMBERS
    kwargs: Mapping[str, str] = field(default_factory=dict)
    #: API: the token scope of its writes, and the methods it knows.
    scope: str = ""
    methods: tuple[str, ...] = ("GET", "HEAD")
    #: A reading that itself goes on record, such as an export.
    is_noted: bool = False
    #: What the address and the post carry; a dotted label stands for a row's number.
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] = field(default_factory=dict)
    #: A form that all members see and these may send.
    senders: frozenset[str] = MEMBERS


def public(route: str, *methods: str) -> Line:
    """Anybody, without a sign-in."""
    return Line(route, "public", methods=methods or ("GET", "HEAD"))


def own(route: str, *methods: str) -> Line:
    """Whoever is signed in, about themselves."""
    return Line(route, "own", methods=methods or ("GET", "HEAD", "OPTIONS"))


def page(
    route: str,
    row: str = "",
    may: frozenset[str] = MEMBERS,
    *,
    query: Mapping[str, str] | None = None,
    **kwargs: str,
) -> Line:
    """A class-based page of a project."""
    return Line(route, "page", row, may, kwargs, query=query or {})


def feed(
    route: str,
    row: str = "",
    may: frozenset[str] = MEMBERS,
    *,
    is_noted: bool = False,
    methods: tuple[str, ...] = ("GET", "HEAD"),
    **kwargs: str,
) -> Line:
    """A part or a file of a project that is only read, and says so before anything else."""
    return Line(route, "feed", row, may, kwargs, is_noted=is_noted, methods=methods)


def form(
    route: str,
    row: str = "",
    may: frozenset[str] = MEMBERS,
    *,
    senders: frozenset[str] = MEMBERS,
    query: Mapping[str, str] | None = None,
    body: Mapping[str, str] | None = None,
    **kwargs: str,
) -> Line:
    """A form of a project: shown and sent at one address."""
    carried = {"query": query or {}, "body": body or {}}
    return Line(route, "form", row, may, kwargs, senders=senders, **carried)


def act(
    route: str,
    row: str = "",
    may: frozenset[str] = MEMBERS,
    body: Mapping[str, str] | None = None,
    **kwargs: str,
) -> Line:
    """A deed in a project: POST and nothing else."""
    return Line(route, "act", row, may, kwargs, body=body or {})


def api(route: str, row: str = "", *, scope: str = "", may: frozenset[str] = MEMBERS) -> Line:
    """An endpoint that is read."""
    return Line(f"api-{route}", "api", row, may, scope=scope)


def api_post(
    route: str, row: str = "", *, scope: str, may: frozenset[str], reads: bool = False
) -> Line:
    """An endpoint that is written by tokens of the scope, and by `may` of the people."""
    methods = ("GET", "HEAD", "POST") if reads else ("POST",)
    return Line(f"api-{route}", "api", row, may, scope=scope, methods=methods)


def frame(route: str) -> Line:
    """A part of the admin that is of no model: whoever is on staff."""
    return Line(f"admin:{route}", "frame")


NOBODY: frozenset[str] = frozenset()
PLAN = "rollouts.RolloutPlan"
SEEN = {"reason": "Seen.", "expected_version": "0"}

LINES = (
    # the shell
    public("healthz"),
    public("readyz"),
    public("favicon"),
    public("login", *SAFE, "POST", "PUT"),
    Line("logout", "leaving"),
    own("password_change", *SAFE, "POST", "PUT"),
    own("password_change_done"),
    own("home", "GET", "HEAD"),
    own("project-list"),
    page("project-home"),
    page("inbox"),
    # models, data, assumptions
    page("model-list"),
    form("model-create", may=CONTRIBUTORS),
    page("model-detail", "catalog.RegisteredModel"),
    form("model-edit", "catalog.RegisteredModel", CONTRIBUTORS),
    form("endpoint-create", "catalog.RegisteredModel", CONTRIBUTORS),
    page("version-detail", "catalog.ModelVersion"),
    page("dataset-list"),
    page("dataset-detail", "catalog.Dataset"),
    form("dataset-edit", "catalog.Dataset", CONTRIBUTORS),
    form("bias-review-create", "catalog.Dataset", REVIEWERS),
    form("slice-create", "catalog.Dataset", CONTRIBUTORS),
    page("dataset-version", "catalog.DatasetVersion"),
    page("assumption-list"),
    form("assumption-create", may=CONTRIBUTORS),
    page("assumption-detail", "catalog.Assumption"),
    form("assumption-edit", "catalog.Assumption", CONTRIBUTORS),
    # failures
    page("failure-list"),
    form("failure-create", may=CURATORS),
    page("failure-detail", "catalog.FailureCase"),
    form(
        "failure-move",
        "catalog.FailureCase",
        senders=CURATORS,
        query={"to": "triaged"},
        body={"to": "triaged"},
    ),
    form("failure-annotate", "catalog.FailureCase", CURATORS),
    form(
        "occurrence-reveal",
        "catalog.FailureCase",
        REVEALERS,
        occurrence="catalog.FailureOccurrence",
    ),
    # members and tokens
    page("member-list"),
    form("member-give", may=ADMINISTRATORS),
    act("member-end", "catalog.Membership", ADMINISTRATORS),
    page("token-list", may=ADMINISTRATORS),
    form("token-issue", may=ADMINISTRATORS),
    act("token-revoke", "accounts.ApiToken", ADMINISTRATORS),
    # suites and runs
    page("suite-list"),
    page("suite-detail", "benchmarks.Suite"),
    form("suite-create", may=CONTRIBUTORS),
    form("suite-edit", "benchmarks.Suite", CONTRIBUTORS),
    form("scenario-create", may=CONTRIBUTORS),
    form("scenario-edit", "benchmarks.Scenario", CONTRIBUTORS),
    act("run-start", "benchmarks.Suite", CONTRIBUTORS, {"version": "catalog.ModelVersion"}),
    act(
        "baseline-propose",
        "benchmarks.Suite",
        CONTRIBUTORS,
        {"run": "benchmarks.ChallengeRun", "reason": "It serves."},
    ),
    act(
        "baseline-decide",
        "benchmarks.Baseline",
        REVIEWERS,
        {"decision": "approve", "reason": "Seen."},
    ),
    page("scenario-detail", "benchmarks.Scenario"),
    page("run-list"),
    page("run-detail", "benchmarks.ChallengeRun"),
    page("run-fairness", "benchmarks.ChallengeRun"),
    page("run-load", "benchmarks.ChallengeRun"),
    feed("run-progress", "benchmarks.ChallengeRun"),
    act("run-again", "benchmarks.ChallengeRun", CONTRIBUTORS),
    page(
        "measurement-detail",
        "benchmarks.ChallengeRun",
        query={"scenario": "plain", "metric": "accuracy", "slice": "all"},
    ),
    page("comparison-detail", "benchmarks.Comparison"),
    feed("comparison-csv", "benchmarks.Comparison"),
    page("comparison-items", "benchmarks.Comparison"),
    feed("comparison-items-csv", "benchmarks.Comparison"),
    page("drift-list"),
    act(
        "drift-compare",
        may=CLOSERS,
        body={"reference": "catalog.DatasetVersion", "current": "catalog.DatasetVersion"},
    ),
    page("drift-detail", "benchmarks.DriftComparison"),
    form(
        "data-corrections",
        "catalog.DatasetVersion",
        senders=REVIEWERS,
        body={"kind": "invalidate", "items": "1", "reason": "Seen."},
    ),
    act("correction-take-back", "benchmarks.Correction", REVIEWERS, {"reason": "Seen."}),
    # programs and what is to be mended
    page("program-list"),
    form("program-create", may=CONTRIBUTORS),
    page("program-detail", "benchmarks.Program"),
    form("program-edit", "benchmarks.Program", CONTRIBUTORS),
    act(
        "program-status",
        "benchmarks.Program",
        CONTRIBUTORS,
        {"status": "paused", "reason": "Seen."},
    ),
    page("program-summary", "benchmarks.Program"),
    form(
        "program-public",
        "benchmarks.Program",
        senders=REVIEWERS,
        body={"numbers": "0", "title": "Program", "area_0": "Weather", "reason": "Seen."},
    ),
    feed("public-summary-html", "benchmarks.PublicSummary"),
    feed("public-summary-json", "benchmarks.PublicSummary"),
    act("public-summary-withdraw", "benchmarks.PublicSummary", REVIEWERS, {"reason": "Seen."}),
    form("debrief-create", "benchmarks.Program", CONTRIBUTORS),
    page("debrief-detail", "benchmarks.Debrief"),
    form("debrief-edit", "benchmarks.Debrief", CONTRIBUTORS),
    form("playbook-create", "benchmarks.Program", CONTRIBUTORS),
    page("playbook-detail", "benchmarks.Playbook"),
    form("playbook-edit", "benchmarks.Playbook", CONTRIBUTORS),
    act(
        "quarantine-add",
        "benchmarks.Suite",
        REVIEWERS,
        {"scenario": "benchmarks.Scenario", "until": "2099-01-01", "reason": "Seen."},
    ),
    act("quarantine-lift", "benchmarks.Quarantine", REVIEWERS, {"reason": "Seen."}),
    page("remediation-list"),
    form("remediation-create", may=CONTRIBUTORS),
    page("remediation-detail", "benchmarks.Remediation"),
    form("remediation-edit", "benchmarks.Remediation", CONTRIBUTORS),
    act(
        "remediation-evidence",
        "benchmarks.Remediation",
        CONTRIBUTORS,
        {"run": "benchmarks.ChallengeRun"},
    ),
    act("remediation-close", "benchmarks.Remediation", CLOSERS, {"reason": "Seen."}),
    act("remediation-withdraw", "benchmarks.Remediation", CONTRIBUTORS, {"reason": "Seen."}),
    act("remediation-reopen", "benchmarks.Remediation", CONTRIBUTORS, {"reason": "Seen."}),
    # rollouts
    page("rollout-list"),
    form("rollout-new", may=CONTRIBUTORS),
    page("rollout-detail", PLAN),
    form("rollout-edit", PLAN, CONTRIBUTORS),
    form("stage-add", PLAN, CONTRIBUTORS),
    form("stage-edit", PLAN, CONTRIBUTORS, stage="1"),
    act("stage-remove", PLAN, CONTRIBUTORS, SEEN, stage="1"),
    form("gate-add", PLAN, CONTRIBUTORS, stage="1"),
    form("gate-edit", PLAN, CONTRIBUTORS, stage="1", gate="1"),
    act("gate-remove", PLAN, CONTRIBUTORS, SEEN, stage="1", gate="1"),
    act("rollout-submit", PLAN, CONTRIBUTORS, SEEN),
    act("rollout-withdraw", PLAN, CONTRIBUTORS, SEEN),
    act("rollout-abort", PLAN, CONTRIBUTORS, SEEN),
    act("rollout-start", PLAN, OPERATORS, SEEN),
    act("rollout-advance", PLAN, OPERATORS, SEEN),
    act("rollout-hold", PLAN, OPERATORS, SEEN),
    act("rollout-resume", PLAN, OPERATORS, SEEN),
    act("rollout-roll-back", PLAN, OPERATORS, SEEN),
    act("gate-waive", "rollouts.Gate", RISK, {**SEEN, "expires_at": "2099-01-01"}),
    page("request-detail", "rollouts.ApprovalRequest"),
    act(
        "request-answer",
        "rollouts.ApprovalRequest",
        frozenset({"reviewer_data_science"}),
        {"slot": "reviewer_data_science", "answer": "approved", "evidence_digest": "0" * 64},
    ),
    # audit
    page("audit-timeline"),
    feed("audit-csv", may=EXPORTERS, is_noted=True, methods=("GET",)),
    page("audit-object", "catalog.RegisteredModel", kind="registeredmodel"),
    # the API
    api("models-list", scope="catalog"),
    api("models-detail", "catalog.RegisteredModel", scope="catalog"),
    api_post("models-versions", "catalog.RegisteredModel", scope="catalog", may=CONTRIBUTORS),
    api("datasets-list"),
    api("dataset-versions-detail", "catalog.DatasetVersion"),
    api("suites-list"),
    api("suites-detail", "benchmarks.Suite"),
    api_post("challenge-runs-list", scope="runs", may=CONTRIBUTORS, reads=True),
    api("challenge-runs-detail", "benchmarks.ChallengeRun", scope="runs"),
    api("challenge-runs-verdict", "benchmarks.ChallengeRun", scope="runs"),
    api("challenge-runs-comment", "benchmarks.ChallengeRun", scope="runs"),
    api_post("failures-list", scope="failures", may=CURATORS, reads=True),
    api("failures-detail", "catalog.FailureCase", scope="failures"),
    api("rollouts-list", scope="exposure"),
    api("rollouts-detail", "rollouts.RolloutPlan", scope="exposure"),
    api_post("rollouts-exposure", "rollouts.RolloutPlan", scope="exposure", may=NOBODY),
    # the admin's frame; its models are in ADMIN_MODELS
    public("admin:login", *SAFE, "POST", "PUT"),
    frame("jsi18n"),
    frame("index"),
    Line("admin:logout", "leaving"),
    frame("password_change"),
    frame("password_change_done"),
    frame("autocomplete"),
    frame("view_on_site"),
    frame("app_list"),
    frame(""),
    frame("auth_user_password_change"),
)

#: Models in the admin: members on staff see their projects' rows, nobody else sees any.
ADMIN_MODELS = (
    "audit.AuditEvent",
    "catalog.Project",
    "catalog.Membership",
    "catalog.RegisteredModel",
    "catalog.ModelVersion",
    "catalog.Dataset",
    "catalog.BiasReview",
    "catalog.DatasetVersion",
    "catalog.Slice",
    "catalog.Assumption",
    "catalog.FailureMode",
    "catalog.FailureCase",
    "benchmarks.MetricSpec",
    "benchmarks.Scenario",
    "benchmarks.Correction",
    "benchmarks.Criterion",
    "benchmarks.PublicSummary",
    "benchmarks.Suite",
    "benchmarks.Debrief",
    "benchmarks.DriftComparison",
    "benchmarks.Playbook",
    "benchmarks.Program",
    "benchmarks.ProgramCycle",
    "benchmarks.Quarantine",
    "benchmarks.Remediation",
    "benchmarks.ChallengeRun",
    "benchmarks.Comparison",
    "benchmarks.Baseline",
    "rollouts.RolloutPlan",
    "rollouts.Stage",
    "rollouts.Gate",
    "rollouts.GateCheck",
    "rollouts.Waiver",
    "rollouts.ApprovalRequest",
    "rollouts.Approval",
    "rollouts.DecisionRecord",
)
#: Models in the admin that only a superuser sees: accounts stand above projects.
SITE_MODELS = ("accounts.User",)
ADMIN_PAGES = ("changelist", "add", "change", "delete", "history")
#: Of these the admin keeps no page of earlier states.
WITHOUT_STATES = (
    "audit.AuditEvent",
    "accounts.User",
    "rollouts.Approval",
    "rollouts.GateCheck",
    "rollouts.DecisionRecord",
)


def admin_lines() -> dict[str, Line]:
    lines = {}
    for label in (*ADMIN_MODELS, *SITE_MODELS):
        may = ON_STAFF & (MEMBERS if label in ADMIN_MODELS else {"superuser"})
        states = () if label in WITHOUT_STATES else ("simple_history",)
        for each in (*ADMIN_PAGES, *states):
            name = f"admin:{label.lower().replace('.', '_')}_{each}"
            row = "" if each in {"changelist", "add"} else label
            lines[name] = Line(name, "admin", row, may)
    return lines


POLICY: dict[str, Line] = {line.route: line for line in LINES} | admin_lines()


def expected(line: Line, principal: str, method: str, state: str) -> set[str]:
    """The answers that the policy allows. `state` is own, foreign, crossed or missing."""
    return _RULES[line.rule](line, principal, method, state)


def _public(line: Line, principal: str, method: str, state: str) -> set[str]:
    return {OK, INVALID} if method in line.methods else {NOT_ALLOWED, OK}


def _own(line: Line, principal: str, method: str, state: str) -> set[str]:
    if principal not in SIGNED_IN:
        return {LOGIN}
    return {OK} if method in line.methods else {NOT_ALLOWED}


def _leaving(line: Line, principal: str, method: str, state: str) -> set[str]:
    # Where it leads to is the sign-in page.
    return {LOGIN, OK, NOT_ALLOWED}


def _page(line: Line, principal: str, method: str, state: str) -> set[str]:
    reads = method in ("GET", "HEAD")
    if wall := _wall(line, principal, state):
        return wall
    known = {OK} if reads or method == "OPTIONS" else {NOT_ALLOWED}
    if state != "own" and line.row:
        return {MISSING} if reads else known | {MISSING}
    return known


def _form(line: Line, principal: str, method: str, state: str) -> set[str]:
    if wall := _wall(line, principal, state):
        return wall
    known = {OK} if method in ("GET", "HEAD", "OPTIONS", "POST", "PUT") else {NOT_ALLOWED}
    if state != "own" and line.row:
        return {MISSING} if method in ("GET", "HEAD", "POST", "PUT") else known | {MISSING}
    if principal not in line.senders and method in ("POST", "PUT"):
        return {FORBIDDEN} if method == "POST" else {FORBIDDEN, OK}
    return known


def _wall(line: Line, principal: str, state: str) -> set[str]:
    """What stands before a page's own answer; nothing for those it serves."""
    if principal not in SIGNED_IN:
        return {LOGIN}
    if principal not in MEMBERS or state == "foreign" or (state == "missing" and not line.row):
        return {MISSING}
    if principal not in line.may:
        return {FORBIDDEN} if state == "own" else {FORBIDDEN, MISSING}
    return set()


def _feed(line: Line, principal: str, method: str, state: str) -> set[str]:
    if principal in SIGNED_IN and method not in line.methods:
        return {NOT_ALLOWED}
    return _wall(line, principal, state) or ({OK} if state == "own" or not line.row else {MISSING})


def _act(line: Line, principal: str, method: str, state: str) -> set[str]:
    if principal in SIGNED_IN and method != "POST":
        return {NOT_ALLOWED}
    return _wall(line, principal, state) or ({OK} if state == "own" or not line.row else {MISSING})


def _api(line: Line, principal: str, method: str, state: str) -> set[str]:
    is_token = principal.startswith("token ")
    if not is_token and principal not in SIGNED_IN:
        return {UNAUTHENTICATED}
    scopes = {line.scope} if method not in SAFE else {"read", line.scope}
    if is_token and principal.removeprefix("token ") not in scopes - {""}:
        return {FORBIDDEN}
    if method not in line.methods:
        return {NOT_ALLOWED}
    sees = is_token or principal in MEMBERS
    if line.row and (not sees or state != "own"):
        return {MISSING}
    if method != "POST":
        return {OK}
    if is_token or principal in line.may:
        return {OK, INVALID}
    # Without a project there is nothing to be forbidden: the post names none that is theirs.
    return {FORBIDDEN} if principal in MEMBERS | {"outsider"} else {INVALID, FORBIDDEN}


def _frame(line: Line, principal: str, method: str, state: str) -> set[str]:
    return {OK, INVALID, FORBIDDEN, MISSING, NOT_ALLOWED} if principal in ON_STAFF else {LOGIN}


def _admin(line: Line, principal: str, method: str, state: str) -> set[str]:
    if principal not in ON_STAFF:
        return {LOGIN}
    if principal not in line.may:
        return {FORBIDDEN, MISSING, NOT_ALLOWED} | ({OK} if line.row else set())
    if line.route.endswith("_delete"):
        return {FORBIDDEN, MISSING, OK}
    return {OK, FORBIDDEN, MISSING, NOT_ALLOWED}


_RULES = {
    "public": _public,
    "own": _own,
    "leaving": _leaving,
    "page": _page,
    "form": _form,
    "feed": _feed,
    "act": _act,
    "api": _api,
    "frame": _frame,
    "admin": _admin,
}

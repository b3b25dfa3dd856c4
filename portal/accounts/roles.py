"""The one table of who may do what: role → permission codenames.

Reading a project's rows needs no codename: any role in the project opens them.
"""

from catalog.choices import REVIEWER_ROLES, Role

_CONTRIBUTE = frozenset(
    {
        "catalog.add_registeredmodel",
        "catalog.change_registeredmodel",
        "catalog.register_version",
        "catalog.add_datasetversion",
        "catalog.change_slice",
        "catalog.change_assumption",
        "benchmarks.change_suite",
        "benchmarks.start_run",
        "benchmarks.propose_baseline",
        "benchmarks.change_program",
        "benchmarks.change_remediation",
        "benchmarks.close_remediation",
        "benchmarks.compare_data",
        "rollouts.author_plan",
    }
)
_CURATE = frozenset(
    {
        "catalog.report_failure",
        "catalog.curate_failurecase",
        "catalog.verify_failurecase",
        "catalog.change_failuremode",
        "catalog.reveal_sensitivepayload",
    }
)
_REVIEW = frozenset(
    {
        "rollouts.sign",
        "catalog.review_data",
        "benchmarks.approve_baseline",
        "benchmarks.close_remediation",
        "benchmarks.compare_data",
        "benchmarks.quarantine_scenario",
        "benchmarks.correct_data",
        "benchmarks.publish_summary",
    }
)
_OPERATE = frozenset({"rollouts.operate_plan"})

ROLE_PERMISSIONS: dict[str, frozenset[str]] = {
    Role.VIEWER: frozenset(),
    Role.CONTRIBUTOR: _CONTRIBUTE,
    Role.CURATOR: _CURATE,
    **dict.fromkeys(REVIEWER_ROLES, _REVIEW),
    Role.OPERATOR: _OPERATE,
    Role.AUDITOR: frozenset({"audit.export_auditevent"}),
    Role.ADMINISTRATOR: frozenset(
        {"catalog.manage_members", "accounts.manage_apitoken", "audit.export_auditevent"}
    ),
}
# Accepting a risk and waiving a gate are decisions of those who answer for risk.
ROLE_PERMISSIONS[Role.RISK] = _REVIEW | {"catalog.accept_risk", "rollouts.waive_gate"}
# Whoever reviews security and privacy must be able to see what a failure case holds.
ROLE_PERMISSIONS[Role.SECURITY] = _REVIEW | {"catalog.reveal_sensitivepayload"}

#: What each scope of a service account's token allows; a token never signs.
SCOPE_PERMISSIONS: dict[str, frozenset[str]] = {
    "read": frozenset(),
    "runs": frozenset({"benchmarks.start_run"}),
    "catalog": frozenset(
        {"catalog.add_registeredmodel", "catalog.register_version", "catalog.add_datasetversion"}
    ),
    "failures": frozenset({"catalog.report_failure"}),
    "exposure": frozenset({"rollouts.report_exposure"}),
}

"""The demo's accounts, named after their roles: nobody here is a real or invented person."""

from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from catalog.actions import create_project, give_role
from catalog.choices import Role
from catalog.models import Membership, Project
from portal.accounts.actions import create_service_account, issue_token
from portal.accounts.authentication import held_to
from portal.accounts.models import ApiToken, User

PASSWORD = "touchstone-demo"  # noqa: S105 - printed on the terminal; demo accounts are made by `demo` alone
SLUG = "flight-delays"


@dataclass(frozen=True)
class Account:
    """One sign-in: its name, what it may do, and what is worth trying with it."""

    username: str
    title: str
    roles: tuple[str, ...]
    try_this: str
    staff: bool = False


ACCOUNTS = (
    Account(
        "owner",
        "Model owner",
        (Role.CONTRIBUTOR,),
        "open the comparison of v2 with v1; try to approve your own rollout and be refused",
    ),
    Account(
        "scientist",
        "Data science reviewer",
        (Role.DATA_SCIENCE,),
        "read in the inbox what you signed for v3, exactly, to its digest",
    ),
    Account(
        "product",
        "Product reviewer",
        (Role.PRODUCT,),
        "sign the plan that waits in the inbox, or ask for changes",
    ),
    Account(
        "risk",
        "Risk reviewer",
        (Role.RISK,),
        "waive a gate with an end date, or accept the risk of a verified failure",
    ),
    Account(
        "operator",
        "Release operator",
        (Role.OPERATOR,),
        "hold or roll back the running rollout of v3",
    ),
    Account(
        "curator",
        "Failure curator",
        (Role.CURATOR,),
        "annotate a failure of November; then try to verify it yourself",
        staff=True,
    ),
    Account(
        "verifier",
        "Second curator",
        (Role.CURATOR,),
        "verify what the first curator annotated",
        staff=True,
    ),
    Account(
        "auditor", "Auditor", (Role.AUDITOR,), "read the decision log, export the audit timeline"
    ),
)
ADMIN = Account(
    "admin",
    "Project administrator",
    (Role.ADMINISTRATOR,),
    "give roles, issue a token for a CI",
    staff=True,
)


@dataclass(frozen=True)
class Cast:
    """The seeded project with everybody in it, by username; `ci` and `monitor` hold tokens."""

    project: Project
    people: dict[str, Any]

    def __getitem__(self, username: str) -> Any:
        return self.people[username]


def seed() -> Cast:
    """Create the project and its people, or find them where a former run left them."""
    project = Project.objects.filter(slug=SLUG).first()
    if project is None:
        project = create_project(
            name="Flight delays",
            slug=SLUG,
            description="Will a flight out of New York in 2013 land more than 15 minutes late?",
            by=_person(ADMIN),
        )
    admin = User.objects.get(username=ADMIN.username)
    people = {ADMIN.username: admin}
    for account in ACCOUNTS:
        people[account.username] = _person(account)
        for role in account.roles:
            _ensure_role(people[account.username], project, role, by=admin)
    for name, title, scopes in (
        ("ci", "Continuous integration", ["read", "catalog", "runs"]),
        ("monitor", "Exposure monitor", ["read", "catalog", "runs", "exposure"]),
    ):
        people[name] = _machine(name, title, scopes, project, by=admin)
    return Cast(project, people)


def _person(account: Account) -> User:
    user = User.objects.filter(username=account.username).first()
    if user is None:
        user = User(username=account.username, first_name=account.title, is_staff=account.staff)
        user.set_password(PASSWORD)
        user.save()
    return user


def _ensure_role(user: User, project: Project, role: str, *, by: User) -> None:
    if not Membership.objects.filter(user=user, project=project, role=role).exists():
        give_role(user, project=project, role=role, by=by)


def _machine(name: str, title: str, scopes: list[str], project: Project, *, by: User) -> Any:
    """The service account under its token, as a CI would hold one."""
    user = User.objects.filter(username=name).first()
    if user is None:
        user = create_service_account(name, title=title, by=by)
    _ensure_role(user, project, Role.VIEWER, by=by)
    token = ApiToken.objects.usable(timezone.now()).filter(user=user, project=project).first()
    if token is None:
        token, _ = issue_token(user, project=project, name=f"demo {name}", scopes=scopes, by=by)
    return held_to(token)

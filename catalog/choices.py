"""Value and label of every closed list in the catalog, one line each."""

from django.db.models import TextChoices


class Role(TextChoices):
    """A person's job in one project; `portal/accounts/roles.py` says what each may do."""

    VIEWER = "viewer", "Viewer"
    CONTRIBUTOR = "contributor", "Contributor"
    CURATOR = "curator", "Curator"
    DATA_SCIENCE = "reviewer_data_science", "Reviewer, data science"
    ENGINEERING = "reviewer_engineering", "Reviewer, engineering"
    PRODUCT = "reviewer_product", "Reviewer, product"
    RISK = "reviewer_risk", "Reviewer, risk and compliance"
    SECURITY = "reviewer_security", "Reviewer, security and privacy"
    OPERATOR = "operator", "Operator"
    AUDITOR = "auditor", "Auditor"
    ADMINISTRATOR = "administrator", "Administrator"


#: The functions that can be asked to sign; nothing but a membership gives one.
REVIEWER_ROLES = tuple(role for role in Role if role.value.startswith("reviewer_"))


class RiskTier(TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"


class ArtifactFormat(TextChoices):
    SKOPS = "skops", "skops"
    ONNX = "onnx", "ONNX"
    STORED = "stored", "Stored predictions only"
    ENDPOINT = "endpoint", "Answers over HTTP"


class EndpointProtocol(TextChoices):
    OPEN_INFERENCE = "oip", "Open Inference Protocol v2"
    MLFLOW = "mlflow", "MLflow scoring server"


class Task(TextChoices):
    BINARY = "binary", "Binary classification"
    REGRESSION = "regression", "Regression"


class Sensitivity(TextChoices):
    PUBLIC = "public", "Public"
    INTERNAL = "internal", "Internal"
    CONFIDENTIAL = "confidential", "Confidential"
    RESTRICTED = "restricted", "Restricted"


class PrivacyClass(TextChoices):
    """Whose data these are, as law and the owner's rules see it; not chosen means not stated."""

    PUBLIC = "public", "Public"
    INTERNAL = "internal", "Internal"
    PERSONAL = "personal", "Personal"
    SPECIAL = "special_category", "Special category"


class AssumptionCategory(TextChoices):
    DATA = "data", "Data"
    FEATURE = "feature", "Feature"
    LABEL = "label", "Label"
    METRIC = "metric", "Metric"
    OPERATION = "operation", "Operation"


class FailureSeverity(TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"
    CRITICAL = "critical", "Critical"


class FailureStatus(TextChoices):
    CANDIDATE = "candidate", "Candidate"
    TRIAGED = "triaged", "Triaged"
    ANNOTATED = "annotated", "Annotated"
    VERIFIED = "verified", "Verified"
    IN_REMEDIATION = "in_remediation", "In remediation"
    RISK_ACCEPTED = "risk_accepted", "Risk accepted"
    REJECTED = "rejected", "Rejected"
    DUPLICATE = "duplicate", "Duplicate"
    FIXED = "fixed", "Fixed"
    REGRESSED = "regressed", "Regressed"


class OccurrenceSource(TextChoices):
    PRODUCTION = "production", "Production"
    CI = "ci", "CI"
    CHALLENGE = "challenge", "Challenge run"

"""The governed things, one concept a file."""

from catalog.models.assumption import Assumption
from catalog.models.bias_review import BiasReview
from catalog.models.dataset import Dataset, DatasetVersion, Slice
from catalog.models.endpoint import ModelEndpoint
from catalog.models.failure import FailureCase, FailureMode, FailureOccurrence
from catalog.models.model import ModelVersion, RegisteredModel
from catalog.models.payload import SensitivePayload
from catalog.models.project import Membership, Project

__all__ = [
    "Assumption",
    "BiasReview",
    "Dataset",
    "DatasetVersion",
    "FailureCase",
    "FailureMode",
    "FailureOccurrence",
    "Membership",
    "ModelEndpoint",
    "ModelVersion",
    "Project",
    "RegisteredModel",
    "SensitivePayload",
    "Slice",
]

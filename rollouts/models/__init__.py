"""What is decided, one concept a file."""

from rollouts.models.decision import DecisionRecord
from rollouts.models.gate import Gate, GateCheck, Waiver
from rollouts.models.plan import RolloutPlan, Stage
from rollouts.models.review import Approval, ApprovalRequest

__all__ = [
    "Approval",
    "ApprovalRequest",
    "DecisionRecord",
    "Gate",
    "GateCheck",
    "RolloutPlan",
    "Stage",
    "Waiver",
]

"""What is decided: plans, stages, gates, approvals, decisions."""

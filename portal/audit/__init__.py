"""What happened: the append-only ledger behind every history row and decision."""

"""What the pages of rollouts show, read from rows and decided by nobody here."""

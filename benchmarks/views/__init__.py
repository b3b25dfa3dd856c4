"""The pages of suites, runs and comparisons, one concept a file."""

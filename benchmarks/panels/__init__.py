"""What the pages show, read and put in order: pure reads, one concept a file."""

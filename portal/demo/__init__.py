"""A believable organisation in one command, seeded through the actions that people use."""

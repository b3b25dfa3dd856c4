"""What is governed: projects, models, datasets, slices, assumptions and failure cases."""

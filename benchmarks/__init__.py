"""What is measured: scenarios, runs, comparisons, and the engine that judges them."""

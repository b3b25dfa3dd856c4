"""Measurements of the engine beside what users would pick instead; see docs/performance.md."""

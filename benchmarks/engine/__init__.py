"""Plain statistics on numpy, pandas and scipy: no Django, no clock, no database."""

"""The catalog's pages, one concept a file."""

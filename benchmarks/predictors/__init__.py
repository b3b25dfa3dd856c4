"""How a model answers: from stored predictions, or from an artefact loaded in a sandbox."""

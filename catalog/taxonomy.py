"""The failure modes that every project starts with: key, name, description, parent."""

SEED: tuple[tuple[str, str, str, str], ...] = (
    ("data", "Data", "The inputs are not what the model was made for.", ""),
    ("data.missing", "Missing input", "A field is absent, late or stuck.", "data"),
    ("data.corrupt", "Corrupt input", "A field holds wrong values or another unit.", "data"),
    ("data.shift", "Shifted input", "Inputs lie outside what was seen in training.", "data"),
    ("model", "Model", "The inputs are right and the answer is wrong.", ""),
    ("model.false_alarm", "False alarm", "An alert without a cause.", "model"),
    ("model.missed", "Missed case", "No alert where one was due.", "model"),
    ("model.calibration", "Miscalibrated", "Probabilities do not mean what they say.", "model"),
    ("model.slice", "Unequal over groups", "Much worse for one part of the users.", "model"),
    ("system", "System", "The model did not get to answer properly.", ""),
    ("system.latency", "Too slow", "The answer came too late to be used.", "system"),
    ("system.upstream", "Missing upstream", "A service the model needs was away.", "system"),
    ("use", "Use", "The answer was right and was used wrongly.", ""),
    ("use.scope", "Outside intended use", "Used for what it was not made for.", "use"),
)

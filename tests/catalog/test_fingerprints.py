"""Why observations are one case, in words that hold for every case."""

import pytest

from catalog import fingerprints

pytestmark = pytest.mark.pure


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"error": "false alarms", "place": "all rows"}, "All are false alarms."),
        (
            {"error": "missed cases", "place": "fog", "cause": "Noise"},
            "All are missed cases in “fog” under “Noise”.",
        ),
        ({"slice": "fog"}, "Their source gave them one fingerprint."),
    ],
)
def test_explain__of_whatever_parts_there_are__is_a_sentence(parts, sentence):
    assert fingerprints.explain(parts) == sentence

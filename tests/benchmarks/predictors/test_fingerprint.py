"""The environment fingerprint names software and never the machine."""

import platform

import numpy
import pytest
import sklearn

from benchmarks.predictors.fingerprint import environment_fingerprint
from catalog.digests import digest

pytestmark = pytest.mark.pure


def test_fingerprint__installed_versions__are_named():
    found = environment_fingerprint()
    assert found["python"] == platform.python_version()
    assert found["packages"]["numpy"] == numpy.__version__
    assert found["packages"]["scikit-learn"] == sklearn.__version__
    assert all(found["packages"].values())


def test_fingerprint__digest__covers_everything_else():
    found = environment_fingerprint()
    rest = {name: value for name, value in found.items() if name != "digest"}
    assert found["digest"] == digest(rest)
    assert digest({**rest, "python": "3.0"}) != found["digest"]


def test_fingerprint__host_name__is_absent():
    assert platform.node() not in str(environment_fingerprint().values())

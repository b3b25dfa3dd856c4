"""Formats are told by their bytes, and an ONNX file must need nothing but itself."""

import gzip
import io
import pickle
import zipfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from benchmarks.predictors.base import PredictorError
from benchmarks.predictors.formats import recognised
from benchmarks.predictors.onnx_scan import check_self_contained

pytestmark = pytest.mark.pure


def zipped(name):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(name, "{}")
    return content.getvalue()


def model(domain="", external=False):
    weight = helper.make_tensor("w", TensorProto.FLOAT, [1], np.float32([2]).tobytes(), raw=True)
    if external:
        onnx.external_data_helper.set_external_data(weight, location="/etc/passwd")
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "w"], ["y"], domain=domain)],
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None])],
        [weight],
    )
    return helper.make_model(graph)


def test_recognised__skops_and_onnx__are_told_apart():
    assert recognised(zipped("schema.json")) == "skops"
    assert recognised(model().SerializeToString()) == "onnx"


@pytest.mark.parametrize(
    ("content", "part"),
    [
        *[(pickle.dumps([1], protocol=level), "a pickle") for level in (2, 3, 4, 5)],
        (pickle.dumps([1], protocol=0), "neither skops nor ONNX"),
        (gzip.compress(b"x"), "a gzip file"),
        (zipped("data.pkl"), "without skops' schema.json"),
        (zipped("schema.json")[:-9], "damaged or cut off"),
        (b"\x93NUMPY\x01\x00", "a NumPy array"),
        (b"\x89HDF\r\n", "an HDF5 file"),
        (b"", "neither skops nor ONNX"),
        (b"\x08", "neither skops nor ONNX"),
    ],
)
def test_recognised__anything_else__is_refused_by_name(content, part):
    with pytest.raises(PredictorError, match=part):
        recognised(content)


def test_onnx_scan__plain_model__passes():
    check_self_contained(model().SerializeToString())


def test_onnx_scan__tensor_in_another_file__is_refused():
    with pytest.raises(PredictorError, match="one self-contained file"):
        check_self_contained(model(external=True).SerializeToString())


def test_onnx_scan__tensor_in_another_file_inside_a_branch__is_refused():
    inner = model(external=True).graph
    branch = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
    outer = helper.make_model(helper.make_graph([branch], "outer", [], []))
    with pytest.raises(PredictorError, match="one self-contained file"):
        check_self_contained(outer.SerializeToString())


@pytest.mark.parametrize("domain", ["com.example.custom", "com.microsoft"])
def test_onnx_scan__operators_of_another_domain__are_refused(domain):
    with pytest.raises(PredictorError, match=domain):
        check_self_contained(model(domain=domain).SerializeToString())


def test_onnx_scan__any_prefix__is_refused_or_passes_but_never_breaks():
    content = model().SerializeToString()
    outcomes = set()
    for end in range(len(content)):
        try:
            check_self_contained(content[:end])
            outcomes.add("passed")
        except PredictorError:
            outcomes.add("refused")
    assert "refused" in outcomes


def test_onnx_scan__random_bytes__never_break_it():
    draw = np.random.default_rng(0)
    for _ in range(500):
        content = bytes(draw.integers(0, 256, 40, dtype=np.uint8))
        with pytest.raises(PredictorError):
            check_self_contained(b"\x08\x07" + content + b"\x0f")

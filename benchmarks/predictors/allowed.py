"""The fixed list of what a skops artefact may hold; narrower than skops' own idea of safe.

The entries are what archives of the usual models for tables hold, and the scalar types of their
parameters. Nothing here is ever read from an artefact: a file cannot vouch for itself.
"""

from typing import Any

_BUILTIN = ("dict", "list", "tuple", "slice", "str", "int", "float", "bool", "NoneType")
_NUMPY = (
    "ndarray",
    "dtype",
    "float64",
    "float32",
    "int64",
    "int32",
    "uint64",
    "bool",
    "bool_",
    "str_",
    "random._generator.Generator",
)
_SKLEARN = (
    "pipeline.Pipeline",
    "pipeline.FeatureUnion",
    "compose._column_transformer.ColumnTransformer",
    "impute._base.SimpleImputer",
    "impute._base.MissingIndicator",
    "preprocessing._data.StandardScaler",
    "preprocessing._data.MinMaxScaler",
    "preprocessing._data.MaxAbsScaler",
    "preprocessing._data.RobustScaler",
    "preprocessing._encoders.OneHotEncoder",
    "preprocessing._encoders.OrdinalEncoder",
    # How ColumnTransformer stores "passthrough"; a function inside it is refused by its loader.
    "preprocessing._function_transformer.FunctionTransformer",
    "preprocessing._label.LabelEncoder",
    "linear_model._logistic.LogisticRegression",
    "linear_model._base.LinearRegression",
    "linear_model._ridge.Ridge",
    "tree._classes.DecisionTreeClassifier",
    "tree._classes.DecisionTreeRegressor",
    "tree._tree.Tree",
    "ensemble._forest.RandomForestClassifier",
    "ensemble._forest.RandomForestRegressor",
    "ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    "ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
    "ensemble._hist_gradient_boosting.binning._BinMapper",
    "ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "_loss._loss.CyHalfBinomialLoss",
    "_loss._loss.CyHalfSquaredError",
    "_loss.loss.HalfBinomialLoss",
    "_loss.loss.HalfSquaredError",
    "_loss.link.Interval",
    "_loss.link.IdentityLink",
    "_loss.link.LogitLink",
)

ALLOWED_TYPES = frozenset(
    [f"builtins.{name}" for name in _BUILTIN]
    + [f"numpy.{name}" for name in _NUMPY]
    + [f"sklearn.{name}" for name in _SKLEARN]
)

# The loaders of those types, without those that build functions, methods or partials.
ALLOWED_LOADERS = frozenset(
    {
        "CachedNode",
        "DictNode",
        "DTypeNode",
        "JsonNode",
        "ListNode",
        "LossNode",
        "NdArrayNode",
        "ObjectNode",
        "RandomGeneratorNode",
        "SliceNode",
        "TreeNode",
        "TupleNode",
        "TypeNode",
    }
)

# What skops does not trust by itself and the models above need.
TRUSTED = [
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
]

# Older protocols select older, laxer loaders, and the file itself says which it wants.
PROTOCOL = 2


def refused_by(schema: Any) -> list[str]:
    """Names of the types and loaders in a skops schema that are not on the list, sorted."""
    found: set[str] = set()
    waiting = [schema]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            found.update(_named(item))
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
    return sorted(found)


def _named(node: dict[str, Any]) -> set[str]:
    names: set[str] = set()
    if "__class__" in node or "__module__" in node:
        name = f"{node.get('__module__')}.{node.get('__class__')}"
        names |= set() if name in ALLOWED_TYPES else {name}
    loader = node.get("__loader__")
    if loader is not None and (not isinstance(loader, str) or loader not in ALLOWED_LOADERS):
        names.add(f"{loader} (loader)")
    return names

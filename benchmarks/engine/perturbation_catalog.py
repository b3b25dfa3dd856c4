"""The kinds of perturbation and their parameters, as data: forms, checks and words all read this.

A kind listed here has its function in perturbation_changes.py.
"""

from dataclasses import dataclass
from typing import Literal

from benchmarks.engine.perturbation_changes import CORRUPTIONS, NOISE_UNITS
from benchmarks.engine.perturbation_texts import CASINGS, PUNCTUATIONS

ParameterType = Literal[
    "column", "columns", "number", "integer", "share", "string", "value", "mapping", "choice"
]

ANY = ("number", "string", "boolean", "datetime")
NUMBER = ("number",)


@dataclass(frozen=True)
class Parameter:
    """One setting of a perturbation; `kinds` are the column kinds that a column may have.

    Type `value` is a scalar of the kind of the column that the parameter `of` names.
    """

    name: str
    type: ParameterType
    required: bool = True
    default: object = None
    minimum: float | None = None
    maximum: float | None = None
    help: str = ""
    kinds: tuple[str, ...] = ANY
    choices: tuple[str, ...] = ()
    of: str = ""


@dataclass(frozen=True)
class Perturbation:
    """A named change; `touches` says whether it rewrites values or chooses the rows again.

    `sentence` is a format string over the parameters, completed by the group it is limited to.
    """

    kind: str
    label: str
    sentence: str
    parameters: tuple[Parameter, ...]
    touches: Literal["values", "rows"] = "values"


def _column(*kinds: str, help: str = "Column to change") -> Parameter:
    return Parameter("column", "column", kinds=kinds or ANY, help=help)


def _optional(
    name: str, type: ParameterType, help: str, default: object = None, **bounds: float
) -> Parameter:
    return Parameter(
        name,
        type,
        required=False,
        default=default,
        minimum=bounds.get("minimum"),
        maximum=bounds.get("maximum"),
        help=help,
    )


_SHARE = Parameter("share", "share", minimum=0, maximum=1, help="Share of the rows that change")
_SHARE_ALL = Parameter("share", "share", False, 1.0, 0, 1, help="Share of the rows that change")
_GROUP = (
    _optional("group_column", "column", "Only rows of one group: its column"),
    Parameter(
        "group_value", "value", False, help="Only rows of one group: its value", of="group_column"
    ),
)

_KINDS = (
    Perturbation(
        "missing",
        "Values missing",
        "{columns} missing in {share}",
        (Parameter("columns", "columns", help="Columns that lose values"), _SHARE_ALL, *_GROUP),
    ),
    Perturbation(
        "noise",
        "Measurement noise",
        "{column} with normal noise of standard deviation {sd} in {share}",
        (
            _column("number"),
            Parameter("sd", "number", minimum=0, help="Standard deviation of the noise"),
            Parameter(
                "unit",
                "choice",
                False,
                NOISE_UNITS[0],
                choices=NOISE_UNITS,
                help="In the column's unit, or as a multiple of its standard deviation",
            ),
            _optional("minimum", "number", "Lowest value after the noise"),
            _optional("maximum", "number", "Highest value after the noise"),
            _SHARE_ALL,
            *_GROUP,
        ),
    ),
    Perturbation(
        "scale",
        "Another unit",
        "{column} times {factor} in {share}",
        (
            _column("number"),
            _optional("factor", "number", "Multiplied by this first", 1.0),
            _optional("offset", "number", "Then this is added", 0.0),
            _SHARE_ALL,
            *_GROUP,
        ),
    ),
    Perturbation(
        "stuck",
        "Stuck at one value",
        "{column} stuck at {value} in {share}",
        (
            _column(),
            Parameter("value", "value", help="The value everybody gets", of="column"),
            _SHARE_ALL,
            *_GROUP,
        ),
    ),
    Perturbation(
        "rounding",
        "Coarser rounding",
        "{column} rounded to multiples of {step}",
        (
            _column("number"),
            Parameter("step", "number", minimum=1e-12, help="Halves go to the even multiple"),
        ),
    ),
    Perturbation(
        "outliers",
        "Outliers",
        "{column} moved {size} standard deviations up or down in {share}",
        (
            _column("number"),
            _SHARE,
            Parameter("size", "number", minimum=0, help="Distance in standard deviations"),
            *_GROUP,
        ),
    ),
    Perturbation(
        "stale",
        "Stale upstream",
        "{columns} as known {hours} hours earlier",
        (
            Parameter("columns", "columns", help="Columns that arrive late"),
            Parameter("by", "columns", False, (), help="Columns that name the source"),
            Parameter("time", "column", kinds=("datetime",), help="Column that orders the rows"),
            Parameter("hours", "number", minimum=0, maximum=8784, help="How old the values are"),
            _optional(
                "tolerance_hours", "number", "Missing when older by more than this", minimum=0
            ),
        ),
    ),
    Perturbation(
        "swap_categories",
        "Categories swapped",
        "{column} relabelled {mapping}",
        (
            _column("string", "number"),
            Parameter("mapping", "mapping", help="Old value → new value, all at once"),
        ),
    ),
    Perturbation(
        "unseen_level",
        "Unknown category",
        "{column} set to the unknown level {level} in {share}",
        (
            _column("string"),
            _SHARE_ALL,
            Parameter("level", "string", help="A level that training has not seen"),
            *_GROUP,
        ),
    ),
    Perturbation(
        "permute",
        "Shuffled",
        "{column} shuffled among the rows",
        (_column(),),
    ),
    Perturbation(
        "ablate",
        "Columns silenced",
        "{columns} set to their typical value",
        (Parameter("columns", "columns", help="Columns that tell nothing any more"),),
    ),
    Perturbation(
        "shock",
        "Moved together",
        "{columns} moved together by normal draws of {size} standard deviations",
        (
            Parameter("columns", "columns", kinds=NUMBER, help="Columns that follow the draw"),
            Parameter(
                "against", "columns", False, (), kinds=NUMBER, help="Columns that move against it"
            ),
            Parameter("size", "number", minimum=0, help="Size in each column's own spread"),
            Parameter("by", "columns", False, (), help="One draw for each group, not each row"),
        ),
    ),
    Perturbation(
        "replay",
        "Another time's values",
        "{columns} drawn from rows between {first} and {last}",
        (
            Parameter("columns", "columns", help="Columns that are replayed, row by row together"),
            Parameter("time", "column", kinds=("datetime",), help="Column that says when"),
            Parameter("first", "value", help="The window's first moment", of="time"),
            Parameter("last", "value", help="The moment after the window", of="time"),
        ),
    ),
    Perturbation(
        "corrupt_type",
        "Wrong type",
        "{column} corrupted in {share}: {how}",
        (
            _column("number", "string"),
            Parameter(
                "how",
                "choice",
                choices=CORRUPTIONS,
                help="Not readable at all, 1.5 as 1,5, or UTF-8 taken for Latin-1",
            ),
            _SHARE_ALL,
            *_GROUP,
        ),
    ),
    Perturbation(
        "label_noise",
        "Wrong labels",
        "{column} replaced by another label in {share}",
        (_column("number", "boolean", "string", help="Label column"), _SHARE, *_GROUP),
    ),
    Perturbation(
        "typos",
        "Typing errors",
        "{column} with {per_hundred} slips in a hundred characters in {share}",
        (
            _column("string"),
            Parameter(
                "per_hundred", "number", minimum=0.1, maximum=50, help="One at least in each text"
            ),
            _SHARE_ALL,
            *_GROUP,
        ),
    ),
    Perturbation(
        "casing",
        "Other letters' case",
        "{column} in {to} in {share}",
        (
            _column("string"),
            Parameter("to", "choice", choices=tuple(CASINGS), help="How letters arrive"),
            _SHARE_ALL,
            *_GROUP,
        ),
    ),
    Perturbation(
        "punctuation",
        "Other punctuation",
        "punctuation of {column} {to} in {share}",
        (
            _column("string"),
            Parameter("to", "choice", choices=tuple(PUNCTUATIONS), help="What is left of it"),
            _SHARE_ALL,
            *_GROUP,
        ),
    ),
    Perturbation(
        "truncate",
        "Cut off",
        "{column} cut after {length} characters in {share}",
        (
            _column("string"),
            Parameter("length", "integer", minimum=0, maximum=100_000, help="Characters kept"),
            _SHARE_ALL,
            *_GROUP,
        ),
    ),
    Perturbation(
        "shift",
        "Shifted",
        "{column} shifted by {amount}",
        (
            _column("number"),
            Parameter("amount", "number", help="Added to every value"),
            Parameter(
                "modulo",
                "number",
                False,
                minimum=1e-12,
                help="Counted round, such as 24 for hours",
            ),
        ),
    ),
    Perturbation(
        "resample",
        "Groups weighted anew",
        "rows drawn anew with {column} weighted {weights}",
        (
            _column("string", "number", "boolean", help="Column that names the groups"),
            Parameter("weights", "mapping", help="Value → weight; others weigh 1"),
            Parameter("size", "number", False, 1.0, 0.001, 10, help="Rows drawn per row given"),
        ),
        touches="rows",
    ),
    Perturbation(
        "tilt",
        "Another mix",
        "rows drawn anew, {strength} times e-fold for each standard deviation of {column}",
        (
            _column("number", help="Column whose mix moves"),
            Parameter(
                "strength", "number", minimum=-5, maximum=5, help="Above 0: more of high values"
            ),
        ),
        touches="rows",
    ),
    Perturbation(
        "label_shift",
        "Another base rate",
        "rows left out until {column} is {positive} in {target}",
        (
            _column("number", "boolean", "string", help="Label column"),
            Parameter("target", "share", minimum=0, maximum=1, help="Share of positive rows"),
            Parameter("positive", "value", False, 1, help="The positive label", of="column"),
        ),
        touches="rows",
    ),
    Perturbation(
        "drop_rows",
        "Rows lost",
        "{share} lost",
        (_SHARE, *_GROUP),
        touches="rows",
    ),
    Perturbation(
        "duplicate_rows",
        "Rows repeated",
        "{share} repeated",
        (_SHARE, *_GROUP),
        touches="rows",
    ),
)

PERTURBATIONS: dict[str, Perturbation] = {kind.kind: kind for kind in _KINDS}

"""One notion of "no value" and of an id's text, for every column that a producer gives."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import Column
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf

from shortlist.config import IdsConfig
from shortlist.subjects import ID_BLANKS

# What Spark's reader of JSON makes of a bare NaN.
_QUOTED_NAN: Final = '"NaN"'


def given_value(text: Column, no_value: Sequence[str]) -> Column:
    """The text; empty where it is blank or one of the words that mean no value."""
    words = ("", *no_value, _QUOTED_NAN) if "NaN" in no_value else ("", *no_value)
    return F.when(~F.btrim(text, F.lit(ID_BLANKS)).isin(*words), text)


def whole_number(text: Column) -> Column:
    """A whole number without the fraction that a float or a decimal writes; any other text as it is."""
    whole = F.regexp_replace(text, rf"^([{ID_BLANKS}]*[+-]?[0-9]+)\.0+(?=[{ID_BLANKS}]*$)", "$1")
    # A cheap look first: nearly no text needs the pattern.
    return F.when(text.contains(".0"), whole).otherwise(text)


def id_column(text: Column, ids: IdsConfig) -> Column:
    """An id as all tables name it; the same as `subjects.id_text` in Python."""
    found = normalised(text, ids)
    if ids.trim:
        found = F.btrim(found, F.lit(ID_BLANKS))
    found = whole_number(found)
    return {"keep": found, "lower": F.lower(found), "upper": F.upper(found)}[ids.case]


def normalised(text: Column, ids: IdsConfig) -> Column:
    """The text in the Unicode form that settings name."""
    if ids.unicode == "keep":
        return text
    form = ids.unicode

    def normalise(texts: pa.Array) -> pa.Array:
        return pc.utf8_normalize(texts, form)

    found: Column = arrow_udf(normalise, "string")(text)  # type: ignore[call-overload]
    return found

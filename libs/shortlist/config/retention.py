"""How long tables are kept, as their contracts say: settings must agree with it, and are read where contracts are not."""

from functools import cache
from importlib import resources

import yaml


@cache
def days_kept_by_contract(table: str) -> int:
    """Days of a table that upkeep keeps, from `retention` in its contract's slaProperties.

    Args:
        table: one whose retention is in days.
    """
    text = (resources.files("shortlist.schemas") / f"{table}.odcs.yaml").read_text(encoding="utf-8")
    stated = {each["property"]: each for each in yaml.safe_load(text)["slaProperties"]}["retention"]
    if stated["unit"] != "days":
        raise ValueError(f"{table}.odcs.yaml keeps {stated['value']} {stated['unit']}, not days")
    return int(stated["value"])

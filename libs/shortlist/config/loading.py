"""Settings out of a file and overrides; what is wrong is refused by name."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import ValidationError

from shortlist.config.base import CHECKOUT, IN_CHECKOUT
from shortlist.config.settings import Settings
from shortlist.errors import SettingsError


def settings_file() -> Path:
    """The YAML file in force: `$SHORTLIST_CONFIG`, else the demo's of the checkout.

    Raises:
        SettingsError: the variable is not set, and this is no checkout.
    """
    named = os.environ.get("SHORTLIST_CONFIG")
    if not named and not IN_CHECKOUT:
        raise SettingsError.not_named("SHORTLIST_CONFIG", "the settings file", "pass --config FILE")
    return Path(named or CHECKOUT / "infra" / "demo.yaml")


def load_settings(path: Path | None = None, overrides: Sequence[str] = ()) -> Settings:
    """Read, merge and validate settings.

    Args:
        path: YAML file; None means `settings_file()`.
        overrides: each `a.b=value` (the value is read as YAML) or a JSON object to merge.

    Raises:
        SettingsError: naming the file or override, every wrong field, its value and the next step.
    """
    path = path or settings_file()
    merged: dict[str, Any] = _read_yaml(path)
    for text in overrides:
        merged = _merge(merged, parse_override(text))
    try:
        # Named even where it is left out, so that what is wrong with a default path has its whole name.
        return Settings.model_validate({"paths": {}, **merged})
    except ValidationError as error:
        raise _explain(error, str(path), bool(overrides)) from None


def parse_override(text: str) -> dict[str, Any]:
    """An override as the nested mapping that it means: `als.factors=32` is `{"als": {"factors": 32}}`."""
    if text.lstrip().startswith("{"):
        try:
            return dict(json.loads(text))
        except ValueError:
            raise SettingsError.malformed_override(text) from None
    name, equals, value = text.partition("=")
    if not equals or not all(name.split(".")):
        raise SettingsError.malformed_override(text)
    try:
        nested: Any = yaml.safe_load(value)
    except yaml.YAMLError:
        raise SettingsError.malformed_override(text) from None
    for part in reversed(name.strip().split(".")):
        nested = {part: nested}
    return dict(nested)


def _read_yaml(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError.unreadable_file(path, error.strerror or str(error)) from None
    except (yaml.YAMLError, ValueError) as error:
        raise SettingsError.unreadable_file(path, f"no valid YAML ({error})") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise SettingsError.unreadable_file(path, f"it holds a {type(content).__name__}, not a mapping")
    return content


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def _explain(error: ValidationError, path: str, overridden: bool) -> SettingsError:
    problems: list[tuple[str, object, str]] = []
    for found in error.errors():
        if found["type"] == "default_factory_not_called":
            continue  # a setting that follows from a wrong one
        field = ".".join(str(part) for part in found["loc"])
        if found["type"] == "extra_forbidden":
            return SettingsError.unknown_field(field, _fields_beside(found["loc"]))
        given = found["input"] if found["loc"] else "(several sections)"
        problems.append((field or "settings", given, found["msg"].removeprefix("Value error, ")))
    return SettingsError.invalid(f"{path} and --set" if overridden else path, problems)


def _fields_beside(location: Sequence[str | int]) -> list[str]:
    """Names that would have been known where an unknown one stood."""
    here: Any = Settings
    for part in location[:-1]:
        # A mapping of sections (surfaces, baskets) spends one part of the location on its key.
        here = here.model_fields[part].annotation if hasattr(here, "model_fields") else get_args(here)[1]
    return list(getattr(here, "model_fields", {}))

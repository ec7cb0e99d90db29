"""Settings: every default once, typed, unknown keys refused.

Precedence: the defaults here < the YAML file < overrides (`--set als.factors=32`, Airflow's `settings` parameter). This
module imports no Spark: Airflow's side and people on call read settings too.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from shortlist.errors import SettingsError

EventType = Literal["impression", "closeup", "save", "hide", "click", "outbound", "add_to_cart", "checkout", "search"]
BasketKind = Literal["board", "session", "order", "user-window"]
Measure = Literal["count", "cosine", "jaccard", "lift", "npmi", "llr", "rp3beta"]
SourceName = Literal["als", "cooccurrence", "popularity"]

CHECKOUT = Path(__file__).resolve().parents[2]


def state_home() -> Path:
    """The folder of all local state: `$SHORTLIST_HOME`, else `.shortlist/` of the checkout."""
    return Path(os.environ.get("SHORTLIST_HOME") or CHECKOUT / ".shortlist").resolve()


class Section(BaseModel):
    """A group of settings: frozen, and a key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PathsConfig(Section):
    """Where things live. The warehouse may be any URL that Spark's Hadoop connectors take."""

    landing: str = Field(default_factory=lambda: str(state_home() / "landing"))
    """Root of the landing: `<landing>/engagements/<day>/`, `catalog/<day>/`, `promotions/<day>/`."""
    warehouse: str = Field(default_factory=lambda: str(state_home() / "warehouse"))
    """Root of the Delta tables: `<warehouse>/<table>`."""
    reports: str = Field(default_factory=lambda: str(state_home() / "reports"))
    """Folder of the HTML reports, one file a run date."""
    manifests: str = Field(default_factory=lambda: str(state_home() / "manifests"))
    """Folder of the run manifests: `<manifests>/run_date=<day>/<job>.json`."""


class ExtractionConfig(Section):
    """How landing files become engagements."""

    marker: str = "_SUCCESS"
    """File that a producer writes last; a folder without it is not read."""
    max_rejected_share: float = Field(default=0.01, ge=0, le=1)
    """Share of a run's landed lines that may go to quarantine before the run is held."""
    missing_days: Literal["refuse", "allow"] = "refuse"
    """What to do about days without a folder between the first and the last landed day."""
    max_id_length: int = Field(default=256, ge=1, le=10_000)
    """Longest user, item, event or session id, in characters; longer ones go to quarantine."""
    max_late_days: int = Field(default=30, ge=0)
    """An event this many days older than its folder is still accepted."""


class InteractionsConfig(Section):
    """How engagements become one weight per user and item."""

    lookback_days: int = Field(default=365, ge=1)
    """Days of engagement up to the run date."""
    weights: dict[EventType, float] = {
        "closeup": 1.0,
        "click": 1.0,
        "outbound": 2.0,
        "save": 3.0,
        "add_to_cart": 3.0,
        "checkout": 4.0,
    }
    """Weight of one event by type; a type that is not named here does not count."""
    half_life_days: float | None = Field(default=90.0, gt=0)
    """Age at which an event counts half; null switches decay off."""
    max_events_per_pair: int = Field(default=20, ge=1)
    """Only the newest so many events of one user and item count."""
    late_events: Literal["as-of", "include"] = "as-of"
    """`as-of`: only what had been delivered by the run date; `include`: a back-fill that wants later deliveries too."""


class BasketConfig(Section):
    """One kind of basket: what was engaged with together."""

    event_types: tuple[EventType, ...] = ("checkout",)
    """Event types that put an item into a basket."""
    lookback_days: int = Field(default=365, ge=1)
    """Days of engagement up to the run date."""
    max_items: int = Field(default=200, ge=2)
    """A larger basket keeps exactly this many items, chosen by a seeded hash."""


class AlsConfig(Section):
    """Implicit-feedback matrix factorisation (Hu, Koren, Volinsky 2008)."""

    engine: Literal["implicit", "local"] = "implicit"
    """Who solves: `implicit` (the C++ library), or `local` (our kernels, in one process)."""
    factors: int = Field(default=64, ge=1, le=2048)
    """Length of a factor vector."""
    regularization: float = Field(default=0.05, ge=0)
    """L2 weight on the factors, above 0 for `local`, which multiplies it by each row's frequency (Rendle et al. 2021)."""
    alpha: float = Field(default=8.0, gt=0)
    """How much more an observed interaction of weight 1 counts than an unobserved one."""
    epochs: int = Field(default=12, ge=1, le=200)
    """Passes over users and items."""
    seed: int = Field(default=7, ge=0)
    """Seed of the initial factors."""


class CooccurrenceConfig(Section):
    """Which items are found in the same baskets."""

    basket_kind: BasketKind = "session"
    """Kind of basket to count in; one of the kinds in `baskets`."""
    measures: tuple[Measure, ...] = Field(default=("cosine", "lift"), min_length=1)
    """Similarities to store, all from one pass."""
    neighbours: int = Field(default=100, ge=1, le=5000)
    """Related items kept per item and measure."""
    min_support: int = Field(default=3, ge=1)
    """Baskets that two items must share at least."""


class AlsSourceConfig(Section):
    """Candidates by the inner product (users) or cosine (items) of ALS factors."""

    reason: str = "fits what similar shoppers take"
    """What a reader of the table is told."""


class CooccurrenceSourceConfig(Section):
    """Candidates found in baskets beside the subject's items."""

    measure: Measure = "cosine"
    """Similarity to use; one of `cooccurrence.measures`."""
    seeds: int = Field(default=50, ge=1)
    """A user's heaviest so many items vote."""
    scoring: Literal["sum", "multi-hit"] = "multi-hit"
    """`sum` of w s, or Pixie's booster (sum sqrt(w s))^2, which favours items that several seeds name."""
    reason: str = "often in one basket with {because}"
    """What a reader of the table is told; `{because}` is the title of the seed that counted most."""


class PopularitySourceConfig(Section):
    """Candidates by how many users engaged with them of late."""

    window_days: int = Field(default=28, ge=1)
    """Days of engagement up to the run date that count."""
    reason: str = "popular these weeks"
    """What a reader of the table is told."""


class SourcesConfig(Section):
    """One entry per candidate source; the same names as `shortlist.sources.SOURCES`."""

    als: AlsSourceConfig = AlsSourceConfig()
    """Matrix factorisation."""
    cooccurrence: CooccurrenceSourceConfig = CooccurrenceSourceConfig()
    """Basket neighbours."""
    popularity: PopularitySourceConfig = PopularitySourceConfig()
    """Most engaged with of late."""


class GuardrailsConfig(Section):
    """How far a surface may move from the last published day before the publication is held."""

    max_rows_change: float = Field(default=0.5, gt=0)
    """Largest relative change of the row count."""
    min_overlap: float = Field(default=0.1, ge=0, le=1)
    """Smallest mean share of a subject's list found in its last published list."""
    max_top_item_share: float = Field(default=0.5, gt=0, le=1)
    """Largest share of subjects that one item may reach at rank 1."""
    max_fallback_share: float = Field(default=0.5, ge=0, le=1)
    """Largest share of rows that come from the fallback source."""
    max_short_share: float = Field(default=0.05, ge=0, le=1)
    """Largest share of subjects with fewer than k candidates."""


class SurfaceConfig(Section):
    """One product surface: for whom, from which sources, how many."""

    subject: Literal["user", "item"]
    """What a list is made for."""
    sources: tuple[SourceName, ...] = Field(min_length=1)
    """Sources that are fused."""
    fallback: SourceName | None = "popularity"
    """Source that fills short lists; it is not fused."""
    k: int = Field(default=50, ge=1, le=10_000)
    """Length of a list."""
    depth: int = Field(default=100, ge=1, le=100_000)
    """Candidates that each source proposes per subject, at least k: fusion can only lift what was proposed."""
    min_item_support: int = Field(default=5, ge=1)
    """An item needs so many users before it may be a candidate, and, on item surfaces, a subject."""
    active_items_only: bool = True
    """Leave out items whose catalog status is not active (off, with a note, where there is no catalog)."""
    buyable_items_only: bool = False
    """Leave out items that cannot be bought (off, with a note, where there is no catalog)."""
    guardrails: GuardrailsConfig = GuardrailsConfig()
    """Limits against the last published day."""

    @model_validator(mode="after")
    def _lists_can_be_filled(self) -> Self:
        if self.fallback in self.sources:
            raise ValueError(f"fallback {self.fallback!r} is also among sources; a fallback fills up and is not fused")
        if self.depth < self.k:
            raise ValueError(f"depth {self.depth} is below k {self.k}: one source alone could not fill a list")
        return self


class BlendConfig(Section):
    """Reciprocal rank fusion (Cormack, Clarke, Buettcher 2009)."""

    constant: int = Field(default=60, ge=0)
    """The k of 1 / (k + rank)."""


class EvaluationConfig(Section):
    """How published candidates are held against later engagement."""

    horizons: tuple[int, ...] = Field(default=(7,), min_length=1)
    """Days after a candidates day whose engagement is the truth; the run of D judges the candidates of D - horizon."""
    ks: tuple[int, ...] = Field(default=(5, 10, 20), min_length=1)
    """List lengths."""
    relevant_event_types: tuple[EventType, ...] = ("save", "add_to_cart", "checkout")
    """Event types that make an item relevant."""
    bootstrap_samples: int = Field(default=500, ge=10, le=100_000)
    """Resamples of subjects behind each 95 % interval."""
    seed: int = Field(default=7, ge=0)
    """Seed of the bootstrap."""


class Settings(Section):
    """All settings of one deployment."""

    paths: PathsConfig = Field(default_factory=PathsConfig)
    """Where things live."""
    extraction: ExtractionConfig = ExtractionConfig()
    """Landing to engagements."""
    interactions: InteractionsConfig = InteractionsConfig()
    """Engagements to user-item weights."""
    baskets: dict[BasketKind, BasketConfig] = {"session": BasketConfig()}
    """Basket kinds to build."""
    als: AlsConfig = AlsConfig()
    """Matrix factorisation."""
    cooccurrence: CooccurrenceConfig = CooccurrenceConfig()
    """Basket neighbours."""
    sources: SourcesConfig = SourcesConfig()
    """Candidate sources."""
    surfaces: dict[str, SurfaceConfig] = Field(min_length=1)
    """Surfaces by name; each gets its table `candidates_<name>`."""
    blend: BlendConfig = BlendConfig()
    """Fusion of sources."""
    evaluation: EvaluationConfig = EvaluationConfig()
    """Candidates against later engagement."""
    seed: int = Field(default=7, ge=0)
    """Seed of every choice by chance that has no seed of its own, such as what a basket over its cap keeps."""

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        if self.cooccurrence.basket_kind not in self.baskets:
            raise ValueError(
                f"cooccurrence.basket_kind {self.cooccurrence.basket_kind!r} is not among baskets ({', '.join(self.baskets)})"
            )
        if self.sources.cooccurrence.measure not in self.cooccurrence.measures:
            raise ValueError(
                f"sources.cooccurrence.measure {self.sources.cooccurrence.measure!r} is not among cooccurrence.measures "
                f"({', '.join(self.cooccurrence.measures)})"
            )
        for name in self.surfaces:
            if not (name.isascii() and name.isidentifier() and name.islower()):
                raise ValueError(f"surfaces.{name}: a surface's name is part of a table's name: use a-z, 0-9 and _")
        return self

    def fingerprint(self, *sections: str) -> str:
        """12 hex digits that change with any setting but the paths.

        Args:
            sections: names of top-level sections to look at; none means all of them.
        """
        plain = self.model_dump(mode="json", exclude={"paths"})
        chosen = {name: plain[name] for name in sections} if sections else plain
        return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()[:12]


def settings_file() -> Path:
    """The YAML file in force: `$SHORTLIST_CONFIG`, else the demo's."""
    return Path(os.environ.get("SHORTLIST_CONFIG") or CHECKOUT / "infra" / "demo.yaml")


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
        return Settings.model_validate(merged)
    except ValidationError as error:
        raise _explain(error, str(path), bool(overrides)) from None


def parse_override(text: str) -> dict[str, Any]:
    """An override as the nested mapping that it stands for: `als.factors=32` is `{"als": {"factors": 32}}`."""
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
    except (yaml.YAMLError, UnicodeDecodeError) as error:
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

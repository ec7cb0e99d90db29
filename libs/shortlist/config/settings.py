"""All settings of one deployment, and what must agree among them."""

import hashlib
import json
import re
from typing import Any, Final, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from shortlist.config.base import (
    OWN_MEASURES,
    WEIGHTED_MEASURES,
    BasketKind,
    EventType,
    Section,
    state_home,
    without_secret,
)
from shortlist.config.budget import BudgetConfig
from shortlist.config.checks import ChecksConfig
from shortlist.config.data import BasketConfig, InteractionsConfig, QueriesConfig
from shortlist.config.extraction import ExtractionConfig
from shortlist.config.models import AlsConfig, CooccurrenceConfig
from shortlist.config.retention import days_kept_by_contract
from shortlist.config.sources import SourcesConfig
from shortlist.config.surfaces import BlendConfig, SurfaceConfig
from shortlist.config.telemetry import TelemetryConfig
from shortlist.config.training import TrainingConfig
from shortlist.config.upkeep import ErasureConfig, MaintenanceConfig, SyntheticConfig

# Those of pyarrow's file systems.
_PYARROW_SCHEMES: Final = ("file", "s3", "gs", "gcs", "abfs", "abfss", "hdfs")
# Hadoop's names for S3, by which the readers beside Spark do not find it.
_HADOOP_ONLY: Final = ("s3a", "s3n")
_SCHEME: Final = re.compile(r"^[a-z][a-z0-9+.-]*://[^/]*")
# Tried one by one: with any other character delta-rs or Polars fails, or looks elsewhere.
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_./~@+,;&$()!*'-]")


def _below_the_warehouse(paths: dict[str, Any]) -> str:
    """Where manifests are without a setting: beside the tables, so that whoever reads these finds them."""
    return f"{str(paths.get('warehouse', '')).rstrip('/')}/_manifests"


class PathsConfig(Section):
    """Where things live: folders of a disk, or URLs such as s3://bucket/warehouse.

    A URL never holds a user, a password or a signature: credentials come from the environment (`AWS_ACCESS_KEY_ID`) or from a
    provider (`hadoop.security.credential.provider.path`), which all readers and writers ask by themselves. Names in a URL are
    taken letter by letter; one with a %, ? or # is refused.
    """

    landing: str = Field(default_factory=lambda: str(state_home() / "landing"), validate_default=True)
    """Root of the landing: `<landing>/<feed>/<day>/`, `catalog/<day>/`, `promotions/<day>/`,
    `audience_members/<day>/`."""
    warehouse: str = Field(default_factory=lambda: str(state_home() / "warehouse"), validate_default=True)
    """Root of the Delta tables: `<warehouse>/<table>`."""
    reports: str = Field(default_factory=lambda: str(state_home() / "reports"), validate_default=True)
    """Folder or URL of the HTML reports, one file a run date."""
    manifests: str = Field(default_factory=_below_the_warehouse, validate_default=True)
    """Folder or URL of the run manifests: `<manifests>/run_date=<day>/<job>.json`; default: `<warehouse>/_manifests`."""

    @field_validator("*")
    @classmethod
    def _is_a_plain_place(cls, url: str) -> str:
        url = without_secret(url)
        # Spark puts paths between backticks; readers take %41 in a name for A, and in a URL they end it at a ? or #.
        strange = [character for character in ("`%?#" if "://" in url else "`%") if character in url]
        if strange:
            named = " and ".join(strange)
            raise ValueError(f"it holds {named}, which readers take for something else; next: name the folder without")
        scheme, _, below = url.partition("://")
        if below and scheme in _HADOOP_ONLY:
            raise ValueError(f"only Spark knows S3 as {scheme}://; next: write s3://{below}")
        return url

    @field_validator("manifests", "reports")
    @classmethod
    def _can_be_reached(cls, root: str, info: ValidationInfo) -> str:
        scheme = root.partition("://")[0] if "://" in root else "file"
        if scheme not in _PYARROW_SCHEMES:
            raise ValueError(
                f"{info.field_name} cannot be written to {scheme}://; next: name a folder, or a URL of "
                f"{', '.join(_PYARROW_SCHEMES)}"
            )
        return root

    @field_validator("warehouse")
    @classmethod
    def _is_found_by_every_reader(cls, root: str) -> str:
        """delta-rs makes URLs of folders: with a space, a # or a letter beyond ASCII in one it finds a part of a table."""
        strange = sorted(set(_UNSAFE.findall(_SCHEME.sub("", root))))
        if strange:
            named = ", ".join(map(repr, strange[:10]))
            raise ValueError(
                f"readers do not find tables below a folder with {named} in its name; next: name it with a-z, 0-9, -"
            )
        return root


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
    checks: ChecksConfig = ChecksConfig()
    """Deliveries beside the deliveries before them."""
    interactions: InteractionsConfig = InteractionsConfig()
    """Engagements to user-item weights."""
    queries: QueriesConfig = QueriesConfig()
    """Engagements to clicked items of queries."""
    baskets: dict[BasketKind, BasketConfig] = Field(default={"session": BasketConfig()})
    """Basket kinds to build."""
    training: TrainingConfig = TrainingConfig()
    """How often models are trained anew."""
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
    maintenance: MaintenanceConfig = MaintenanceConfig()
    """Upkeep of the tables."""
    erasure: ErasureConfig = ErasureConfig()
    """Approval of erasures."""
    budget: BudgetConfig = BudgetConfig()
    """What a job may cost."""
    telemetry: TelemetryConfig = TelemetryConfig()
    """What runs tell other systems."""
    synthetic: SyntheticConfig = SyntheticConfig()
    """A landing made by chance, for tests of scale."""
    seed: int = Field(default=7, ge=0)
    """Seed of every choice by chance that has no seed of its own, such as what a basket over its cap keeps."""

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        if self.cooccurrence.basket_kind not in self.baskets:
            raise ValueError(
                f"cooccurrence.basket_kind {self.cooccurrence.basket_kind!r} is not among baskets ({', '.join(self.baskets)})"
            )
        for kind, basket in self.baskets.items():
            if basket.window != "week" and kind != "user-window":
                raise ValueError(
                    f"baskets.{kind}.window is {basket.window!r}: only baskets of kind user-window have a window"
                )
        if not self.training.every_day and not self.als.folds_in:
            raise ValueError(
                f"training.days leaves days out: users of engine {self.als.engine} cannot be folded in on these; use als.engine "
                "auto, local or spark"
            )
        half_life = self.baskets[self.cooccurrence.basket_kind].half_life_days
        wrong = [measure for measure in self.cooccurrence.measures if measure not in WEIGHTED_MEASURES]
        if half_life is not None and wrong:
            raise ValueError(
                f"cooccurrence.measures {', '.join(wrong)} have no meaning for baskets that weigh less by age "
                f"(baskets.{self.cooccurrence.basket_kind}.half_life_days {half_life:g}); "
                f"choose from {', '.join(WEIGHTED_MEASURES)}"
            )
        if self.sources.cooccurrence.measure not in self.cooccurrence.measures:
            raise ValueError(
                f"sources.cooccurrence.measure {self.sources.cooccurrence.measure!r} is not among cooccurrence.measures "
                f"({', '.join(self.cooccurrence.measures)})"
            )
        for name, surface in self.surfaces.items():
            for source, measure in OWN_MEASURES.items():
                if source in (*surface.sources, surface.fallback) and measure not in self.cooccurrence.measures:
                    raise ValueError(
                        f"surfaces.{name} names source {source}, which is not among cooccurrence.measures "
                        f"({', '.join(self.cooccurrence.measures)}); next: add it there"
                    )
            if "interests" in (*surface.sources, surface.fallback) and not self.als.folds_in:
                raise ValueError(
                    f"surfaces.{name} names source interests: users of engine {self.als.engine} cannot be folded in; use "
                    "als.engine auto, local or spark"
                )
            for source in ("session_neighbours", "session_next"):
                kind = getattr(self.sources, source).sessions.basket_kind
                if source in (*surface.sources, surface.fallback) and kind not in self.baskets:
                    raise ValueError(
                        f"surfaces.{name} names source {source}, whose sessions are baskets of kind {kind!r}, which is not "
                        f"among baskets ({', '.join(self.baskets)}); next: add it there, or set "
                        f"sources.{source}.sessions.basket_kind"
                    )
            if not (name.isascii() and name.isidentifier() and name.islower() and len(name) <= 100):
                raise ValueError(
                    f"surfaces.{name}: a surface's name is part of a table's name: use at most 100 of a-z, 0-9 and _"
                )
        return self

    @model_validator(mode="after")
    def _look_backs_are_kept(self) -> Self:
        """Upkeep would drop what a look-back needs, and a run would then learn from less without a word."""
        kept = self.maintenance.engagement_days or days_kept_by_contract("engagements")
        asked = {"interactions.lookback_days": self.interactions.lookback_days}
        if any(surface.subject == "query" for surface in self.surfaces.values()):
            asked["queries.lookback_days"] = self.queries.lookback_days
        asked |= {f"baskets.{kind}.lookback_days": basket.lookback_days for kind, basket in self.baskets.items()}
        for surface, config in self.surfaces.items():
            if config.fatigue is not None:
                asked[f"surfaces.{surface}.fatigue.days"] = config.fatigue.days
            for field in ("item_days", "user_days") if config.sent is not None else ():
                asked[f"surfaces.{surface}.sent.{field}"] = getattr(config.sent, field) or 0
        name = max(asked, key=lambda field: asked[field])
        if asked[name] > kept:
            said = (
                "maintenance.engagement_days" if self.maintenance.engagement_days else "schemas/engagements.odcs.yaml"
            )
            raise ValueError(
                f"{name} {asked[name]} is beyond the {kept} days that engagements are kept ({said}): upkeep would drop what it "
                f"needs; next: set maintenance.engagement_days to {asked[name]} or more, or look back less"
            )
        return self

    def truth_event_types(self, surface: str) -> tuple[EventType, ...]:
        """Event types that make an item relevant for a surface: its own, or those of evaluation."""
        return self.surfaces[surface].truth_event_types or self.evaluation.relevant_event_types

    def fingerprint(self, *sections: str) -> str:
        """12 hex digits that change with any setting that a candidate may depend on: not paths, upkeep, budget or telemetry.

        Args:
            sections: names of top-level sections to look at; none means all of them.
        """
        beside = {"paths", "maintenance", "erasure", "synthetic", "budget", "telemetry"}
        plain = self.model_dump(mode="json", exclude=beside)
        chosen = {name: plain[name] for name in sections} if sections else plain
        return hashlib.sha256(json.dumps(chosen, sort_keys=True).encode()).hexdigest()[:12]

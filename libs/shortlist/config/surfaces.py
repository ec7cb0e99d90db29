"""Settings of candidates: sources, surfaces with their guardrails, the blend."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from shortlist.config.base import Measure, Section


class AlsSourceConfig(Section):
    """Candidates by the inner product (users) or cosine (items) of ALS factors."""

    reason: str = "fits what similar shoppers take"
    """The reason that readers of the table see."""


class CooccurrenceSourceConfig(Section):
    """Candidates found in baskets beside the subject's items."""

    measure: Measure = "cosine"
    """Similarity to use; one of `cooccurrence.measures`."""
    seeds: int = Field(default=50, ge=1)
    """A user's heaviest so many items vote."""
    scoring: Literal["sum", "multi-hit"] = "multi-hit"
    """`sum` of w s, or Pixie's booster (sum sqrt(w s))^2, which favours items that several seeds name."""
    reason: str = "often in one basket with {because}"
    """The reason that readers of the table see; `{because}` is the title of the seed that counted most."""


class PopularitySourceConfig(Section):
    """Candidates by how many users engaged with them of late."""

    window_days: int = Field(default=28, ge=1)
    """Days of engagement up to the run date that count."""
    reason: str = "popular these weeks"
    """The reason that readers of the table see."""


class SourcesConfig(Section):
    """One entry per candidate source; the same names as `shortlist.sources.SOURCES`."""

    als: AlsSourceConfig = AlsSourceConfig()
    """Matrix factorisation."""
    cooccurrence: CooccurrenceSourceConfig = CooccurrenceSourceConfig()
    """Basket neighbours."""
    popularity: PopularitySourceConfig = PopularitySourceConfig()
    """Most engaged with of late."""


def _known_source(name: str) -> str:
    known = SourcesConfig.model_fields
    if name not in known:
        raise ValueError(f"there is no such source; next: choose from {', '.join(known)}")
    return name


KnownSource = Annotated[str, AfterValidator(_known_source)]


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
    sources: tuple[KnownSource, ...] = Field(min_length=1)
    """Sources that are fused; names of entries of `sources`."""
    fallback: KnownSource | None = "popularity"
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
    mask_seen: bool = True
    """Never give a subject what it engaged with before; off for repeat purchases."""
    mask_hidden: bool = True
    """Never give a subject what it hid."""
    guardrails: GuardrailsConfig = GuardrailsConfig()
    """Limits against the last published day."""

    @model_validator(mode="after")
    def _lists_can_be_filled(self) -> Self:
        repeated = sorted({name for name in self.sources if self.sources.count(name) > 1})
        if repeated:
            raise ValueError(f"source {', '.join(map(repr, repeated))} is named twice; name it once")
        if self.fallback in self.sources:
            raise ValueError(f"fallback {self.fallback!r} is also among sources; a fallback fills up and is not fused")
        if self.depth < self.k:
            raise ValueError(f"depth {self.depth} is below k {self.k}: one source alone could not fill a list")
        return self


class BlendConfig(Section):
    """Reciprocal rank fusion (Cormack, Clarke, Buettcher 2009)."""

    constant: int = Field(default=60, ge=0)
    """The k of 1 / (k + rank)."""

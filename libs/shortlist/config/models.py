"""Settings of the models."""

from typing import Literal

from pydantic import Field

from shortlist.config.base import BasketKind, Measure, Section


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

"""Settings of the models."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from shortlist.config.base import BasketKind, Measure, Section, without_secret


class AlsConfig(Section):
    """Implicit-feedback matrix factorisation (Hu, Koren, Volinsky 2008)."""

    engine: Literal["auto", "local", "spark", "implicit", "mllib"] = "auto"
    """Who solves: `local` (our kernels in one process), `spark` (our kernels on the cluster), `auto` (whichever of the two
    fits, by size), `implicit` (the C++ library, one process) or `mllib` (Spark's own, the baseline)."""
    factors: int = Field(default=64, ge=1, le=2048)
    """Length of a factor vector."""
    regularization: float = Field(default=0.02, ge=0)
    """L2 weight on the factors. Ours, above 0, multiply it by (observations of a row + those not observed / alpha)^nu
    (Rendle et al. 2021), `mllib` by the row's observations, `implicit` by nothing."""
    nu: float = Field(default=1.0, ge=0, le=4)
    """Exponent of a row's frequency in the regularization; `local` and `spark` only."""
    alpha: float = Field(default=8.0, gt=0)
    """How much more an observed interaction of weight 1 counts than an unobserved one."""
    hide_weight: float = Field(default=1.0, ge=0, le=1000)
    """Weight of a hidden item, which is an observed zero whatever else the user did with it; 0: it teaches nothing."""
    epochs: int = Field(default=12, ge=1, le=200)
    """Passes over users and items."""
    cg_steps: int | None = Field(default=3, ge=1, le=100)
    """Conjugate gradient steps per row and epoch; null: exact, slower. `local` and `spark` only."""
    seed: int = Field(default=7, ge=0)
    """Seed of the initial factors and of the sample of users."""
    warm_start: bool = False
    """Start from the item factors of the newest earlier run date. Off, a run date is a function of its own interactions;
    on, also of which earlier run dates are still kept."""
    local_gigabytes: float = Field(default=4.0, gt=0)
    """Memory that `auto` may fill in one process; what needs more goes to `spark`."""
    placement: Literal["auto", "shared", "shuffled", "sampled"] = "auto"
    """`spark` only. `shared`: every executor maps or holds all factors of the other side; `shuffled`: factors stay in blocks
    on disk and only the rows that a block needs travel; `sampled`: item factors from a sample of users, `shared`, then every
    user folded in exactly; `auto`: the first of shared, sampled, shuffled that fits."""
    shared_gigabytes: float = Field(default=4.0, gt=0)
    """Largest array of factors that one executor may hold, for `spark`'s choice of placement."""
    sampled_users: int = Field(default=2_000_000, ge=1)
    """Most users that placement `sampled` learns item factors from, in expectation."""
    sampled_users_per_item: int = Field(default=100, ge=0)
    """Users that `sampled` wants for each item before it thins out the users of frequent ones."""
    block_rows: int = Field(default=1_000_000, ge=1)
    """Observations per block of `spark`, at most; up to 8 blocks are made of fewer. Sums are rounded block by block."""
    scratch: str | None = None
    """Folder that the driver and every task of `spark` see, for factors between half-epochs; null: a temporary one where
    all run on one machine, and broadcasts elsewhere. `shuffled` needs one."""

    @field_validator("scratch")
    @classmethod
    def _no_secrets(cls, url: str | None) -> str | None:
        return url if url is None else without_secret(url)

    @model_validator(mode="after")
    def _engine_can(self) -> Self:
        if self.warm_start and self.engine == "mllib":
            raise ValueError(
                "warm_start: engine mllib cannot start from given factors; use auto, local, spark or implicit"
            )
        if self.engine in ("auto", "local", "spark") and self.regularization <= 0:
            raise ValueError(
                f"regularization is 0: engine {self.engine} needs more, or rows would have no one solution"
            )
        return self


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

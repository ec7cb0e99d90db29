"""Settings of the models."""

from typing import Literal, Self

from pydantic import Field, model_validator

from shortlist.config.base import DIRECTED_MEASURES, BasketKind, Folder, Measure, Section


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
    store_user_factors: bool = True
    """Write user_factors. Off, the run date has none, and every user is folded in against the item factors where it is served,
    which no array or table of the users' size is needed for; not with `implicit` or `mllib`, whose objective is another."""
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
    scratch: Folder | None = None
    """Folder that the driver and every task of `spark` see, for factors between half-epochs; null: a temporary one where
    all run on one machine, and broadcasts elsewhere. `shuffled` needs one."""

    @property
    def folds_in(self) -> bool:
        """Whether the engine's objective is the one by which users are folded in."""
        return self.engine in ("auto", "local", "spark")

    @model_validator(mode="after")
    def _engine_can(self) -> Self:
        if self.warm_start and self.engine == "mllib":
            raise ValueError(
                "warm_start: engine mllib cannot start from given factors; use auto, local, spark or implicit"
            )
        if not self.store_user_factors and not self.folds_in:
            raise ValueError(
                f"store_user_factors is false: users of engine {self.engine} cannot be folded in; use auto, local or spark"
            )
        if self.folds_in and self.regularization <= 0:
            raise ValueError(
                f"regularization is 0: engine {self.engine} needs more, or rows would have no one solution"
            )
        return self


class CooccurrenceConfig(Section):
    """Which items are found in the same baskets."""

    basket_kind: BasketKind = "session"
    """Kind of basket to count in; one of the kinds in `baskets`."""
    measures: tuple[Measure, ...] = Field(default=("cosine", "lift"), min_length=1)
    """Similarities to store, all from one pass; their formulas are in `kernels/cooccurrence.py`."""
    neighbours: int = Field(default=100, ge=1, le=5000)
    """Related items kept per item and measure."""
    min_support: int = Field(default=3, ge=1)
    """Baskets that two items must share at least."""
    alpha: float = Field(default=1.0, ge=0, le=4)
    """Of rp3beta: how evenly a walk leaves an item for its baskets, and a basket for its items."""
    beta: float = Field(default=0.2, ge=0, le=4)
    """Of rp3beta: how much popular neighbours are held down; 0 is RP3."""
    smoothing: float = Field(default=10.0, ge=0, le=1_000_000)
    """Of log_lift: added to the number of baskets that a pair shares, and to the number that is expected by chance. The larger it
    is, the less a pair scores that was seen only a few times."""
    least_lift: float = Field(default=1.2, ge=0, le=1000)
    """Of log_lift: pairs that are found together less than so many times as often as is expected by chance (both numbers with
    `smoothing` added) are left out."""
    directed: bool = False
    """Only what comes later in a basket counts as a neighbour, the less the further away it is."""
    distance_weight: Literal["geometric", "reciprocal"] = "geometric"
    """`directed` only. What the d-th item after an item counts: `distance_decay`^(d - 1), or 1 / d."""
    distance_decay: float = Field(default=0.8, gt=0, le=1)
    """`directed` and `geometric` only; 1: distance does not matter, only direction."""
    placement: Literal["auto", "local", "mapped", "shuffled"] = "auto"
    """Where it is counted. `local`: in one process; `mapped`: by tasks that map one file of all baskets, on a disk that all of
    them see; `shuffled`: by tasks that are each sent the baskets that touch their items; `auto`: the first of these that
    fits. The rows are the same."""
    local_gigabytes: float = Field(default=2.0, gt=0)
    """Memory that `auto` may fill in one process, with baskets and lists."""
    shared_gigabytes: float = Field(default=4.0, gt=0)
    """Most that an executor may hold of the baskets: the file that `mapped` maps, the largest share that `shuffled` sends."""
    block_rows: int = Field(default=1_000_000, ge=1)
    """Rows of baskets per block in which they are numbered, at most; up to 8 blocks are made of fewer. Sums of rp3beta and of
    distances are rounded in the order of these blocks."""
    item_blocks: int | None = Field(default=None, ge=1)
    """Tasks of `mapped` and `shuffled`, each with the items of about equal work; null: four for each core of the cluster. More
    of them let `shuffled` fit smaller executors, and move more."""
    scratch: Folder | None = None
    """Folder that the driver and every task see, for the file of `mapped`; null: a temporary one where all run on one machine,
    none elsewhere."""

    @model_validator(mode="after")
    def _measures_have_a_meaning(self) -> Self:
        wrong = [measure for measure in self.measures if measure not in DIRECTED_MEASURES]
        if self.directed and wrong:
            raise ValueError(
                f"measures {', '.join(wrong)} have no meaning with directed; choose from {', '.join(DIRECTED_MEASURES)}"
            )
        return self

"""Models."""

from collections.abc import Mapping, Sequence

from shortlist.errors.base import ShortlistError


class ModelError(ShortlistError):
    """A model came out unusable."""

    @classmethod
    def not_finite(cls, what: str, count: int) -> "ModelError":
        """NaN or infinity among numbers that must be finite."""
        return cls(
            f"{what}: {count} value(s) are NaN or infinite; nothing was written; "
            "next: lower als.alpha or raise als.regularization, and look for extreme interaction weights"
        )

    @classmethod
    def of_several_trainings(cls, partition: str, models: Mapping[str, str], job: str) -> "ModelError":
        """Tables of one model that name different trainings, or none."""
        named = ", ".join(f"{table} is of {model}" for table, model in models.items())
        return cls(
            f"the model of {partition} is not of one training: {named}; nothing was written; next: run jobs/{job}.py for "
            "that day again, which was interrupted or written by something else"
        )

    @classmethod
    def not_what_was_trained(cls, table: str, partition: str, wanted: str, found: str, job: str) -> "ModelError":
        """Rows whose digest is not the one that their commit states."""
        return cls(
            f"{table} ({partition}) is not what was trained: digest {found} instead of {wanted}; nothing was written; next: "
            f"shortlist verify looks for broken files, then run jobs/{job}.py for that day again"
        )

    @classmethod
    def nothing_to_learn(cls, what: str) -> "ModelError":
        """A training set without a single usable row."""
        return cls(f"{what} has no rows with a weight above 0; next: look at interactions.weights and the look-back")

    @classmethod
    def unusable_weights(cls, count: int) -> "ModelError":
        """Weights that no objective can use."""
        return cls(
            f"interactions: {count} weight(s) are NaN, infinite or negative; nothing was written; "
            "next: look at interactions.weights and at who wrote those rows"
        )

    @classmethod
    def repeated_pairs(cls, count: int) -> "ModelError":
        """A user and an item in more than one row."""
        return cls(
            f"interactions: {count} row(s) repeat a pair of user and item; nothing was written; "
            "next: add a pair's weights up before fitting, as jobs/build_interactions.py does"
        )

    @classmethod
    def no_placement(cls, tried: Sequence[tuple[str, str]]) -> "ModelError":
        """No way to spread a fit over the cluster fits; as (placement, why not)."""
        lines = "\n".join(f"  {name}: {why}" for name, why in tried)
        return cls(
            f"engine spark cannot fit this model:\n{lines}\n"
            "next: raise als.shared_gigabytes where executors have the memory, lower als.factors or als.block_rows, "
            "or name a folder that every task sees as als.scratch"
        )

    @classmethod
    def unusable_baskets(cls, kind: str, found: Mapping[str, int]) -> "ModelError":
        """Rows that break what a basket is; as (what is wrong, in how many rows)."""
        lines = "\n".join(f"  {count} row(s) {what}" for what, count in found.items())
        return cls(
            f"baskets of kind {kind}:\n{lines}\nnothing was written; "
            "next: make them anew with jobs/build_interactions.py, and look at who else writes that table"
        )

    @classmethod
    def no_basket_placement(cls, tried: Sequence[tuple[str, str]]) -> "ModelError":
        """No way to spread co-occurrence over the cluster fits; as (placement, why not)."""
        lines = "\n".join(f"  {name}: {why}" for name, why in tried)
        return cls(
            f"co-occurrence cannot be placed:\n{lines}\n"
            "next: raise cooccurrence.shared_gigabytes where executors have the memory, raise cooccurrence.item_blocks, "
            "lower max_items of the basket, or name a folder that every task sees as cooccurrence.scratch"
        )

"""Models of the run date: each is trained on the run date's rows and written as the model of one training."""

from datetime import date

from pyspark.sql import DataFrame
from pyspark.sql.types import StructType

from shortlist.columns import RUN_DATE
from shortlist.models.als.fit import fit as fit_als
from shortlist.models.cooccurrence.fit import fit as fit_cooccurrence
from shortlist.steps.preflight import preflight_als, preflight_cooccurrence
from shortlist.tables import BASKETS, INTERACTIONS, ITEM_FACTORS, RELATED_ITEMS, USER_FACTORS, Table
from shortlist.warehouse.models import earlier_model, replace_model
from shortlist.warehouse.run import Run, log


def train_als(run: Run) -> None:
    """Factors of users and items from interactions; a warm start begins with the factors of the run date before.

    On a run date between two days that train, its item factors are those of the training before it, and it has no user
    factors: users are folded in from the history up to the run date.
    """
    training = run.settings.training
    if not training.trains(run.run_date):
        since = training.newest(run.run_date)
        kept = earlier_model(run, ITEM_FACTORS, since)
        if kept is not None:
            _keep_als(run, *kept)
            return
        log.warning("no item factors were trained since %s with the settings of today: they are trained now", since)
    config = run.settings.als
    start = run.earlier(ITEM_FACTORS) if config.warm_start else None
    interactions = run.read(INTERACTIONS)
    preflight_als(run, interactions)
    with fit_als(interactions, config, start) as model:
        # Without user factors the day has no rows, rather than those of another fit.
        users = model.user_factors if config.store_user_factors else model.user_factors.limit(0)
        replace_model(run, [(users, USER_FACTORS), (model.item_factors, ITEM_FACTORS)])


def _keep_als(run: Run, items: DataFrame, trained_on: date) -> None:
    """The item factors of an earlier run date as those of this one, without user factors."""
    log.info("item factors are those that %s trained (training.days)", trained_on)
    users = run.spark.createDataFrame([], without_run_date(USER_FACTORS))
    replace_model(run, [(users, USER_FACTORS), (items.drop(RUN_DATE), ITEM_FACTORS)], trained_on)


def train_cooccurrence(run: Run) -> None:
    """The nearest neighbours of each item by each measure, from baskets of the kind that settings name."""
    config = run.settings.cooccurrence
    baskets = run.read(BASKETS, basket_kind=config.basket_kind)
    if baskets.isEmpty():
        log.warning("no baskets of kind %s: no item is related to another on %s", config.basket_kind, run.run_date)
        replace_model(run, [(none_related(run), RELATED_ITEMS)])
        return
    preflight_cooccurrence(run, baskets)
    with fit_cooccurrence(baskets, config) as related:
        replace_model(run, [(related, RELATED_ITEMS)])


def none_related(run: Run) -> DataFrame:
    """No related items, for a day without baskets."""
    return run.spark.createDataFrame([], without_run_date(RELATED_ITEMS))


def without_run_date(table: Table) -> StructType:
    """A table's schema without run_date, which is added where rows are written."""
    return StructType([field for field in table.schema if field.name != RUN_DATE])

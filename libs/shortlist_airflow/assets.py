"""The asset events of a publication: one per published surface, naming the version that readers may rely on."""

import inspect
from datetime import date
from typing import Final

from airflow.sdk import Asset, AssetAlias, Context, TaskInstanceState, TriggerRule, XComArg, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from shortlist.errors import SettingsError
from shortlist.records.publications import PUBLISHED, Publication
from shortlist.store.manifests import manifest_path, read_manifest
from shortlist_airflow.params import SETTINGS, resolve_settings

JOB: Final = "publish_candidates"
# For surfaces that only a run's conf names. Airflow ties an asset to an alias at the asset's first event, and two runs that do
# this at once make it mark one of them as failed: so the surfaces of the settings file do not come this way.
CONF_SURFACES: Final = AssetAlias("candidates")


def candidates_asset(surface: str) -> Asset:
    """The asset of a surface's candidates table."""
    return Asset(name=f"candidates_{surface}", uri=f"shortlist://candidates/{surface}")


def candidates_outlets() -> list[Asset | AssetAlias]:
    """What may be announced: the asset of each surface of the settings file, and the alias for others.

    A consumer schedules on a surface's asset: `schedule=candidates_asset("homefeed")`. Where the settings cannot be read the
    DAG has the alias alone, so that it can still be run: its first task then refuses the settings by name.
    """
    try:
        surfaces = list(resolve_settings({}).surfaces)
    except SettingsError:
        surfaces = []
    return [*map(candidates_asset, surfaces), CONF_SURFACES]


@task(trigger_rule=TriggerRule.ONE_DONE)
def announce_publications() -> None:
    """Tell readers which version of each published surface is served: one asset event each, with day, version and digest.

    Also where the publisher failed because it held a surface: the others are published, and their readers need not wait for
    the one that is held. A reader schedules on an asset and takes the version from the event. A day that is run again is
    announced again, so readers go by run date and digest.
    """
    announce(get_current_context())


def announcing() -> XComArg:
    """The task `announce_publications` of a DAG, with whatever it may announce."""
    # The docstring as it stands has indented lines, which Airflow's pages show as code.
    page = inspect.getdoc(announce_publications.__wrapped__)
    return announce_publications.override(outlets=candidates_outlets(), doc_md=page)()


def announce(context: Context) -> None:
    """Emit an event for every surface that the run has published.

    Airflow emits an event for each outlet of a task that succeeds: surfaces that the run did not publish, because they are held
    or its conf names others, are taken from the outlets of this attempt.

    Raises:
        AirflowSkipException: the publisher failed, and no surface was published.
        AirflowFailException: the publisher succeeded, and its manifest is missing or has no publications.
    """
    settings, day = resolve_settings(context["params"][SETTINGS]), context["ds"]
    declared = [outlet for outlet in context["task"].outlets if isinstance(outlet, Asset)]
    announced: list[Asset | AssetAlias] = []
    for publication in _publications(context, settings.paths.manifests, date.fromisoformat(day)):
        asset = candidates_asset(publication.surface)
        facts = {name: getattr(publication, name) for name in ("surface", "table_version", "run_id", "rows", "digest")}
        extra = {"run_date": day, **facts}
        if asset in declared:
            announced.append(asset)
            context["outlet_events"][asset].extra = extra
        else:
            context["outlet_events"][CONF_SURFACES].add(asset, extra=extra)
    context["task"].outlets = [*announced, CONF_SURFACES]


def _publications(context: Context, root: str, day: date) -> list[Publication]:
    """What the run's publisher published, whether it succeeded or held some surfaces."""
    ti = context["ti"]
    states = ti.get_task_states(dag_id=ti.dag_id, task_ids=[JOB], run_ids=[ti.run_id])
    succeeded = states[ti.run_id][JOB] == TaskInstanceState.SUCCESS
    try:
        found = published(root, day)
    except AirflowFailException as error:
        if succeeded:
            raise
        raise AirflowSkipException(f"{JOB} failed and published nothing: {error}") from None
    if not found and not succeeded:
        raise AirflowSkipException(f"{JOB} failed: every surface of {day} is held")
    return found


def published(root: str, day: date) -> list[Publication]:
    """What the publisher of a day made readers be served.

    Args:
        root: folder or URL of the manifests.
        day: run date.

    Raises:
        AirflowFailException: naming the manifest and what it lacks.
    """
    try:
        publications = read_manifest(root, day, JOB).publications
        if not publications:
            raise ValueError("it names no publication")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise AirflowFailException(
            f"manifest {manifest_path(root, day, JOB)} does not say what was published ({type(error).__name__}: "
            f"{error}); the tables are published, only their asset events are missing; next: clear {JOB} to run it again"
        ) from None
    return [publication for publication in publications if publication.status == PUBLISHED]

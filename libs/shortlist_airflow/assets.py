"""The asset events of a publication: one per published surface, naming the version that readers may rely on."""

from datetime import date
from typing import Final

from airflow.sdk import Asset, AssetAlias, Context
from airflow.sdk.exceptions import AirflowFailException

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
    """What the publishing task may announce: the asset of each surface of the settings file, and the alias for others.

    A consumer schedules on a surface's asset: `schedule=candidates_asset("homefeed")`. Where the settings cannot be read the
    DAG has the alias alone, so that it can still be run: its first task then refuses the settings by name.
    """
    try:
        surfaces = list(resolve_settings({}).surfaces)
    except SettingsError:
        surfaces = []
    return [*map(candidates_asset, surfaces), CONF_SURFACES]


def announce_publications(context: Context, result: object = None) -> None:
    """Emit an event for every surface that the run has published (a `post_execute` of the publishing task).

    Airflow emits an event for each outlet of a task that succeeds: surfaces that the run did not publish, because its conf
    names others, are taken from the outlets of this attempt.

    Raises:
        AirflowFailException: the job's manifest is missing or has no publications.
    """
    settings, day = resolve_settings(context["params"][SETTINGS]), context["ds"]
    declared = [outlet for outlet in context["task"].outlets if isinstance(outlet, Asset)]
    announced: list[Asset | AssetAlias] = []
    for publication in published(settings.paths.manifests, date.fromisoformat(day)):
        asset = candidates_asset(publication.surface)
        facts = {name: getattr(publication, name) for name in ("surface", "table_version", "run_id", "rows", "digest")}
        extra = {"run_date": day, **facts}
        if asset in declared:
            announced.append(asset)
            context["outlet_events"][asset].extra = extra
        else:
            context["outlet_events"][CONF_SURFACES].add(asset, extra=extra)
    context["task"].outlets = [*announced, CONF_SURFACES]


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

"""The asset events of a publication: one per published surface, naming the version that readers may rely on."""

import json
from pathlib import Path
from typing import Any, Final

from airflow.sdk import Asset, AssetAlias, Context
from airflow.sdk.exceptions import AirflowFailException

from shortlist.errors import SettingsError
from shortlist_airflow.params import SETTINGS, resolve_settings

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
    settings = resolve_settings(context["params"][SETTINGS])
    path = Path(settings.paths.manifests) / f"run_date={context['ds']}" / "publish_candidates.json"
    declared = [outlet for outlet in context["task"].outlets if isinstance(outlet, Asset)]
    announced: list[Asset | AssetAlias] = []
    for publication in published(path):
        asset = candidates_asset(publication["surface"])
        facts = {key: publication[key] for key in ("surface", "table_version", "run_id", "rows", "digest")}
        extra = {"run_date": context["ds"], **facts}
        if asset in declared:
            announced.append(asset)
            context["outlet_events"][asset].extra = extra
        else:
            context["outlet_events"][CONF_SURFACES].add(asset, extra=extra)
    context["task"].outlets = [*announced, CONF_SURFACES]


def published(manifest: Path) -> list[dict[str, Any]]:
    """The publications of a manifest that are served now.

    Raises:
        AirflowFailException: naming the file and what it lacks.
    """
    try:
        publications = json.loads(manifest.read_text(encoding="utf-8"))["publications"]
    except (OSError, ValueError, KeyError) as error:
        raise AirflowFailException(
            f"manifest {manifest} does not say what was published ({type(error).__name__}: {error}); the tables are "
            "published, only their asset events are missing; next: clear publish_candidates to run it again"
        ) from None
    return [publication for publication in publications if publication["status"] == "published"]

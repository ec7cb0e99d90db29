"""The asset events of a publication: one per published surface, naming the version that readers may rely on."""

import json
from pathlib import Path
from typing import Any, Final

from airflow.sdk import Asset, AssetAlias, Context
from airflow.sdk.exceptions import AirflowFailException

from shortlist_airflow.params import SETTINGS, resolve_settings

# Which surfaces a run publishes is known when it has published them, so the task's outlet is this alias; a consumer
# schedules on a surface's asset: `schedule=candidates_asset("homefeed")`.
CANDIDATES: Final = AssetAlias("candidates")


def candidates_asset(surface: str) -> Asset:
    """The asset of a surface's candidates table."""
    return Asset(name=f"candidates_{surface}", uri=f"shortlist://candidates/{surface}")


def announce_publications(context: Context, result: object = None) -> None:
    """Emit an event for every surface that the run has published (a `post_execute` of the publishing task).

    Raises:
        AirflowFailException: the job's manifest is missing or has no publications.
    """
    settings = resolve_settings(context["params"][SETTINGS])
    path = Path(settings.paths.manifests) / f"run_date={context['ds']}" / "publish_candidates.json"
    for publication in published(path):
        surface = publication["surface"]
        facts = {key: publication[key] for key in ("surface", "table_version", "run_id", "rows", "digest")}
        context["outlet_events"][CANDIDATES].add(candidates_asset(surface), extra={"run_date": context["ds"], **facts})


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

"""A person's word before people or items are erased for good."""

import inspect
from typing import Any, Final

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context

from shortlist_airflow.params import SETTINGS, resolve_settings

# Nobody may be named in what Airflow keeps, so it says where the requests lie.
_BODY: Final = """\
Requests up to {{ ds }} that are not done yet lie in `erasures/<day>/` of the landing. Approved, everybody they name is erased
from every table, and older versions of the tables cannot be read any more: nothing brings it back. Rejected, nothing is erased
today; the requests stay, and the next run asks for them again. To withdraw one, take its file out of the landing.
"""


class ApproveErasure(ApprovalOperator):
    """Wait until somebody approves the erasure, where settings ask for it (`erasure.approval`); otherwise go on at once.

    The settings file and the run's overrides are both asked, so that whoever triggers a run cannot waive it. A person has as
    long as they need; runs of later days wait meanwhile.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            task_id="approve_erasure",
            subject="Erase everybody whom the landing names up to {{ ds }}?",
            body=_BODY,
            doc_md=inspect.getdoc(ApproveErasure),
            # The limit of jobs is none for people.
            execution_timeout=None,
            **kwargs,
        )

    def execute(self, context: Context) -> Any:
        """Ask, or go on."""
        stated = (resolve_settings({}), resolve_settings(context["params"][SETTINGS]))
        if not any(settings.erasure.approval for settings in stated):
            self.log.info("nobody is asked: erasure.approval is off")
            return None
        return super().execute(context)

"""A default experiment in every workspace of `mlflow server`.

A client that names no experiment sends the identifier 0. In the database that is one experiment, of the
first workspace; in any other, `mlflow.start_run()` would end with "No Experiment with id=0 exists". Here 0
stands for the experiment `Default` of the request's own workspace.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final

from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_ALREADY_EXISTS, ErrorCode
from mlflow.store.tracking.sqlalchemy_workspace_store import WorkspaceAwareSqlAlchemyStore
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME

_DEFAULT: Final = "0"
_NAMES: Final = ("experiment_id", "experiment_ids", "location", "locations")
_INTERNAL: Final = "_search_runs"


def _translated(method: Callable[..., Any]) -> Callable[..., Any]:
    """Return a method of the store that gets identifiers of the workspace's own experiments."""
    signature = inspect.signature(method)

    @functools.wraps(method)
    def call(self: "DefaultExperiments", *args: Any, **options: Any) -> Any:
        given = signature.bind(self, *args, **options)
        for name in _NAMES:
            if name in given.arguments:
                given.arguments[name] = self.own(given.arguments[name])
        return method(*given.args, **given.kwargs)

    return call


class DefaultExperiments(WorkspaceAwareSqlAlchemyStore):
    """MLflow's store of several workspaces, in which 0 is the default experiment of each."""

    def __init__(self, store_uri: str, artifact_uri: str | None = None) -> None:
        super().__init__(store_uri, artifact_uri)

    def own(self, given: Any) -> Any:
        """Return an identifier, or a list of them, with that of the default experiment in place of 0."""
        if isinstance(given, list | tuple):
            return [self.own(each) for each in given]
        if str(given) != _DEFAULT or self._get_active_workspace() == DEFAULT_WORKSPACE_NAME:
            return given
        return self._default_experiment()

    def _default_experiment(self) -> str:
        name = Experiment.DEFAULT_EXPERIMENT_NAME
        if found := self.get_experiment_by_name(name):
            return str(found.experiment_id)
        try:
            return str(self.create_experiment(name))
        except MlflowException as error:
            if error.error_code != ErrorCode.Name(RESOURCE_ALREADY_EXISTS):
                raise
        # Another request has made it meanwhile.
        return self._default_experiment()

    def start_trace(self, trace_info: Any) -> Any:
        """Store a trace; the experiment is in its location."""
        of = trace_info.trace_location.mlflow_experiment
        if of is not None:
            of.experiment_id = self.own(of.experiment_id)
        return super().start_trace(trace_info)


for _name, _method in inspect.getmembers(WorkspaceAwareSqlAlchemyStore, inspect.isfunction):
    _takes = set(_NAMES) & set(inspect.signature(_method).parameters)
    if _takes and (not _name.startswith("_") or _name == _INTERNAL):
        setattr(DefaultExperiments, _name, _translated(_method))

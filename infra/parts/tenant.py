"""What a team has for itself, by name; without a team, what the stack itself has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.connections import TeamNamespaces
from infra.parts.secrets import Password
from infra.settings.stack import Settings
from workloads.contract import PIPELINES_BUCKET, Host, artifacts_folder, of_team

if TYPE_CHECKING:
    import pulumi

    from infra.parts.part import Connections
    from infra.parts.site import Site


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """Names of one team's namespaces, databases, bucket, accounts and secrets."""

    team: str = ""
    """Empty for what the stack itself has, with which every stack begins."""

    def _own(self, name: str) -> str:
        return of_team(name, self.team)

    @property
    def pipelines(self) -> str:
        """First label of the host of its pipelines API, and Pulumi name of its servers."""
        return self._own(Host.PIPELINES)

    @property
    def prometheus(self) -> str:
        """First label of the host of its metrics."""
        return self._own(Host.PROMETHEUS)

    @property
    def localhost(self) -> str:
        """Path of `http://localhost` below which its pipelines API and its MLflow are published."""
        return f"/teams/{self.team}" if self.team else "/"

    @property
    def below_localhost(self) -> str:
        """Beginning of a pattern of paths: the one above, which is not there at the team's own hosts."""
        return f"(?:{self.localhost})?" if self.team else ""

    def titled(self, what: str) -> str:
        """Return the title of what it has, for people who look for it."""
        return f"{what} of team {self.team}" if self.team else what

    @property
    def servers_namespace(self) -> str:
        """Namespace of its pipelines servers, in which no program of the team runs."""
        return self.pipelines if self.team else "kubeflow"

    @property
    def runs_namespace(self) -> str:
        """Namespace of its runs: of the pods of pipelines, and of the Secrets and volumes that these name."""
        return self.team or "runs"

    @property
    def models_namespace(self) -> str:
        """Namespace of its inference services."""
        return self.team or "models"

    @property
    def rights_namespace(self) -> str:
        """Namespace in which RBAC grants access to its pipelines."""
        return self.team or self.servers_namespace

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Every namespace with pods of its own: those of its runs and models, and its servers."""
        return tuple(dict.fromkeys((self.runs_namespace, self.models_namespace, self.servers_namespace)))

    @property
    def bucket(self) -> str:
        """Bucket of its pipelines."""
        return self._own(PIPELINES_BUCKET)

    @property
    def store_account(self) -> str:
        """Account of the object store that owns the bucket."""
        return self._own("pipelines")

    @property
    def store_key(self) -> Password:
        """Key of that account, where the object store is in the cluster."""
        return Password(key=self._own("pipelinesObjectStoreKey"))

    @property
    def tracking(self) -> str:
        """First label of the host of its MLflow, and name of the Service there."""
        return self._own(Host.TRACKING)

    @property
    def models_account(self) -> str:
        """Account of the object store that reads its models."""
        return self._own("serving")

    @property
    def models_key(self) -> Password:
        """Key of that account, where the object store is in the cluster."""
        return Password(key=self._own("servingObjectStoreKey"))

    @property
    def artifacts_folder(self) -> str:
        """Folder of its artifacts in the bucket of MLflow, which names it; empty where that is all of it."""
        return artifacts_folder(self.team)

    @property
    def pipelines_database(self) -> str:
        """Database of its pipelines and runs."""
        return self._identifier("mlpipeline")

    @property
    def metadata_database(self) -> str:
        """Database of its executions and artifacts."""
        return self._identifier("metadb")

    @property
    def databases(self) -> Mapping[str, str]:
        """Database -> the account that owns it."""
        return {
            self.pipelines_database: self._identifier("kfp"),
            self.metadata_database: self._identifier("mlmd"),
        }

    @property
    def passwords(self) -> Mapping[str, Password]:
        """Account of a database -> its password."""
        return {
            self._identifier("kfp"): Password(key=self._own("pipelinesDatabasePassword")),
            self._identifier("mlmd"): Password(key=self._own("metadataDatabasePassword")),
        }

    def _identifier(self, name: str) -> str:
        return f"{name}_{self.team.replace('-', '_')}" if self.team else name


def teams(settings: Settings) -> tuple[Tenant, ...]:
    """Return the teams that have pipelines of their own."""
    return tuple(Tenant(team=each.name) for each in settings.teams if each.pipelines)


def tenants(settings: Settings) -> tuple[Tenant, ...]:
    """Return the stack's own names, then those of each team."""
    return (Tenant(), *teams(settings))


def runs_namespaces(site: "Site", connections: "Connections") -> "dict[str, pulumi.Input[str]]":
    """Return the namespaces of runs by name: the stack's own, and those of the teams deployed so far."""
    found = connections.find(TeamNamespaces)
    by_team = found.by_team if found else {}
    return {
        each.runs_namespace: by_team[each.team] if each.team else site.namespaces[each.runs_namespace]
        for each in tenants(site.settings)
    }

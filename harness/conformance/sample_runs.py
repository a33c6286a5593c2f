"""Runs of sample pipelines, by an unmodified kfp client that has an address and, at a login, a token."""

from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Self

import kfp
import yaml
from kfp.client.token_credentials_base import TokenCredentialsBase
from kubernetes import client

from harness.conformance import sample_pipelines
from harness.conformance.sample_pipelines import Sample
from workloads import cluster_client, pipeline_runs, tokens
from workloads.endpoints import Endpoints
from workloads.pipeline_runs import PipelineRun

# Steps mostly wait for their pods: two runs leave one of two cores idle.
_AT_ONCE: Final = 3
_RUN_SECONDS: Final = 15 * 60


class _Tokens(TokenCredentialsBase):
    """Tokens of whoever runs the samples, which takes longer than one token is valid."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    def refresh_api_key_hook(self, config: Any) -> None:
        """Give the client a token; it asks before every request."""
        config.api_key["authorization"] = tokens.token(self._endpoints)


def kfp_client(endpoints: Endpoints) -> kfp.Client:
    """Return an unmodified client that has an address and, at a login, tokens."""
    return kfp.Client(
        host=endpoints.localhost_url,
        credentials=_Tokens(endpoints) if endpoints.identity_account else None,
        ssl_ca_cert=endpoints.gateway_authority or None,
    )


class SampleRuns:
    """Runs of samples, a few at a time, in the order given."""

    def __init__(self, endpoints: Endpoints, samples: Iterable[Sample], folder: Path) -> None:
        """Start to run them; `folder` gets the compiled packages."""
        self._endpoints = endpoints
        self._folder = folder
        self._client = kfp_client(endpoints)
        self._pool = ThreadPoolExecutor(_AT_ONCE)
        self._runs: dict[str, Future[PipelineRun]] = {
            sample.name: self._pool.submit(self._run, sample) for sample in samples
        }

    def result(self, sample: Sample) -> PipelineRun:
        """Wait for the end of a sample's run and return it."""
        return self._runs[sample.name].result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # Runs that nobody waits for any more are not submitted.
        self._pool.shutdown(cancel_futures=True)

    def _run(self, sample: Sample) -> PipelineRun:
        package = sample_pipelines.compile_package(sample, self._folder)
        api: Any = self._client
        # The client's own names begin with the pipeline's, which a sample asserts.
        name = next(yaml.safe_load_all(package.read_text()))["pipelineInfo"]["name"]
        # From the cache, a second conformance run would prove nothing.
        submitted = api.create_run_from_pipeline_package(
            str(package),
            arguments=dict(sample.arguments),
            run_name=f"{name} {sample.name}",
            enable_caching=False,
        )
        run = pipeline_runs.wait_until_finished(
            self._endpoints, submitted.run_id, timeout_seconds=_RUN_SECONDS
        )
        if run.state == sample.ends:
            # Its pods, dozens for a nested loop, would slow down the node for the runs after it.
            api.delete_run(submitted.run_id)
        return run


@contextmanager
def secrets_of_samples(endpoints: Endpoints) -> Generator[None]:
    """Create the Secrets that samples read, and delete them afterwards."""
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    secrets = sample_pipelines.secrets()
    names = [str(each["metadata"]["name"]) for each in secrets]
    try:
        for secret in secrets:
            try:
                api.create_namespaced_secret(endpoints.pipelines_namespace, secret)
            except client.ApiException as error:
                # Left by a conformance run that was killed.
                if error.status != HTTPStatus.CONFLICT:
                    raise
        yield
    finally:
        for name in names:
            api.delete_namespaced_secret(name, endpoints.pipelines_namespace)

"""Generates the Go modules `api` and `kubernetes_platform`, which KFP does not publish, in the build folder.

Their messages are those of the Python wheels kfp-pipeline-spec and kfp-kubernetes: the wheels carry the
serialized descriptors, and protoc-gen-go needs nothing more. The API server's answers also get the reason why
a run failed or waits, from the nodes of its workflow, and faults of the pinned release are mended. Run as
`python prepare.py BUILD_DIR`.
"""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from upstream.copies import copied, extended, located, replaced

_MODULE = "github.com/kubeflow/pipelines"
# Large folders that no program is made of.
_UNUSED = ("components", "docs", "frontend", "images", "proposals", "samples", "sdk", "test")
_API = "github.com/kubeflow/pipelines/api"
_PLATFORM = "github.com/kubeflow/pipelines/kubernetes_platform"
_SPEC = "pipeline_spec.proto"
_EXECUTOR = "kubernetes_executor_config.proto"
# Where each file's generated Python module lies in the wheels; dependencies come before dependents.
_DESCRIPTORS = {
    "google/protobuf/any.proto": "google/protobuf/any_pb2.py",
    "google/protobuf/duration.proto": "google/protobuf/duration_pb2.py",
    "google/protobuf/struct.proto": "google/protobuf/struct_pb2.py",
    "google/rpc/status.proto": "google/rpc/status_pb2.py",
    _SPEC: "kfp/pipeline_spec/pipeline_spec_pb2.py",
    _EXECUTOR: "kfp/kubernetes/kubernetes_executor_config_pb2.py",
}
# Packages to which this folder adds files.
_ADDED = {
    "reasons.go": "common/util",
    "branches.go": "v2/driver",
    "connections.go": "v2/cacheutils",
    "loops.go": "v2/driver",
    "lists.go": "v2/metadata",
}
# Field numbers of google/protobuf/compiler/plugin.proto.
_FILE_TO_GENERATE, _PARAMETER, _FILE, _ERROR, _NAME, _CONTENT = 1, 2, 15, 1, 1, 15


def _run(command: list[str], cwd: Path, *, given: bytes = b"") -> bytes:
    return subprocess.run(command, cwd=cwd, input=given, stdout=subprocess.PIPE, check=True).stdout


def _install_wheels(requirements: Path, target: Path, environment: Path) -> None:
    """Unpack the pinned wheels with the pip of an environment of its own: uv's environments have none."""
    _run([sys.executable, "-m", "venv", str(environment)], requirements.parent)
    options = ["--quiet", "--no-deps", "--require-hashes", "--target", str(target), "-r", str(requirements)]
    _run([str(environment / "bin/pip"), "install", *options], requirements.parent)


def _descriptor(generated: Path) -> bytes:
    """Return the serialized FileDescriptorProto that a generated Python module registers."""
    for node in ast.walk(ast.parse(generated.read_text())):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "AddSerializedFile"
        ):
            value = ast.literal_eval(node.args[0])
            if isinstance(value, bytes):
                return value
    raise SystemExit(f"{generated.name}: no descriptor; the wheel's format changed, adapt prepare.py")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the length-delimited fields of a protobuf message; the answer's only others are varints."""
    at = 0
    while at < len(message):
        tag, at = _read_varint(message, at)
        value, at = _read_varint(message, at)
        if tag & 7 == 2:
            yield tag >> 3, message[at : at + value]
            at += value


def _generate(plugin: Path, proto: str, module: str, descriptors: dict[str, bytes], folder: Path) -> None:
    request = _field(_FILE_TO_GENERATE, proto.encode()) + _field(_PARAMETER, f"module={module}".encode())
    request += b"".join(_field(_FILE, descriptor) for descriptor in descriptors.values())
    written = 0
    for number, value in _fields(_run([str(plugin)], folder, given=request)):
        if number == _ERROR:
            raise SystemExit(f"protoc-gen-go refused {proto}: {value.decode()}")
        if number == _FILE:
            answer = dict(_fields(value))
            target = folder / answer[_NAME].decode()
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(answer[_CONTENT])
            written += 1
    if written != 1:
        raise SystemExit(f"protoc-gen-go wrote {written} files for {proto}, expected 1")


def _copy_cachekey(build: Path) -> None:
    """Add the one package of `api` that no wheel describes; its messages have not changed since."""
    source = located(build / "cachekey", _API) / "v2alpha1/go/cachekey"
    target = build / "api/v2alpha1/go/cachekey"
    target.mkdir(parents=True)
    for path in source.glob("*.go"):
        # Contents only: the module cache is read-only, and the build folder must stay deletable.
        (target / path.name).write_bytes(path.read_bytes())


def _add_reasons(source: Path) -> None:
    """Let runs, tasks and logs say why a pod failed or waits."""
    extended(
        source / "apiserver/server/api_converter.go",
        after="\tapiRunV2 := &apiv2beta1.Run{\n",
        add="\t\tError: reasons.Run(),\n",
    )
    extended(
        source / "apiserver/server/api_converter.go",
        after="\tapiRd := &apiv2beta1.RunDetails{\n"
        "\t\tPipelineContextId:    r.RunDetails.PipelineContextId,\n"
        "\t\tPipelineRunContextId: r.RunDetails.PipelineRunContextId,\n"
        "\t\tTaskDetails:          toApiPipelineTaskDetails(r.RunDetails.TaskDetails),\n"
        "\t}\n",
        add="\treasons := util.ReasonsOf(r.RunDetails.WorkflowRuntimeManifest)\n"
        "\tfor at, task := range r.RunDetails.TaskDetails {\n"
        "\t\tapiRd.TaskDetails[at].Error = reasons.Pod(task.PodName)\n"
        "\t}\n",
    )
    extended(
        source / "apiserver/resource/resource_manager.go",
        after="\t\terr = r.readRunLogFromArchive(run.WorkflowRuntimeManifest, nodeId, dst)\n",
        add='\t\tif line := util.ReasonsOf(run.WorkflowRuntimeManifest).LogLine(nodeId); line != "" {\n'
        "\t\t\t_, err = io.WriteString(dst, line)\n"
        "\t\t}\n",
    )


def _retry_connections(source: Path) -> None:
    """Let drivers and launchers try for 40 s to connect to ML Metadata and to the API server.

    A node may reject connections of a pod that has just started until it has applied the network policies; a
    busy one takes seconds for it. Upstream retries conflicts alone.
    """
    extended(
        source / "v2/metadata/client.go",
        after="\t\tgrpc_retry.WithCodes(codes.Aborted),\n",
        add="\t\tgrpc_retry.WithCodes(codes.Aborted, codes.Unavailable),\n\t\tgrpc_retry.WithMax(8),\n",
    )
    extended(
        source / "v2/cacheutils/cache.go",
        after="\tconn, err := grpc.Dial(cacheEndPoint,\n",
        add="\t\tretryConnections(),\n",
    )


def _keep_new_workflows(source: Path) -> None:
    """Let the API server keep a workflow whose run it has not stored yet.

    It creates the workflow first. If the persistence agent reports it before the run is stored, as on a busy
    machine, upstream deletes it and the run is pending for ever (kubeflow/pipelines#6189).
    """
    extended(
        source / "apiserver/resource/resource_manager.go",
        after='\t\t\t\treturn nil, util.Wrap(updateError, "Failed to update the run")\n\t\t\t}\n',
        add="\t\t\tif r.time.Now().Unix() < execSpec.ExecutionObjectMeta().CreationTimestamp.Unix()+300 {\n"
        '\t\t\t\treturn nil, util.NewInternalServerError(updateError, "Run %s is not stored yet", runId)\n'
        "\t\t\t}\n",
    )


def _name_drivers(source: Path) -> None:
    """Give a driver the name of its pod, which it needs to create and delete claims.

    Upstream reads the host name, which ends after 63 characters (kubeflow/pipelines#12350).
    """
    for file in ("container.go", "dag.go"):
        replaced(
            source / "v2/compiler/argocompiler" / file,
            "proxy.GetConfig().GetEnvVars(),\n",
            by="append(proxy.GetConfig().GetEnvVars(), commonEnvs...),\n",
        )
    extended(
        source / "v2/config/env.go",
        after="func InPodName() (string, error) {\n",
        add='\tif name := os.Getenv("KFP_POD_NAME"); name != "" {\n\t\treturn name, nil\n\t}\n',
    )


def _nest_loops(source: Path) -> None:
    """Let loops inside loops run over a field or the list of the outer one, and collect their outputs.

    Upstream takes its loop's list from an iteration, which an inner loop may need, and then selects the field
    of an item once more (kubeflow/pipelines#7204). Outputs: see loops.go (kubeflow/pipelines#9490).
    """
    resolve = source / "v2/driver/resolve.go"
    replaced(
        resolve,
        "\t\tif err == nil {\n\t\t\terr = handleParameterExpressionSelector()\n",
        by="\t\tif err == nil && !isIterationDriver {\n\t\t\terr = handleParameterExpressionSelector()\n",
    )
    replaced(
        resolve,
        "\t\t\tdelete(inputs.ParameterValues, itemsInput)\n",
        by="\t\t\tif !readsParameter(opts.Component, itemsInput) {\n"
        "\t\t\t\tdelete(inputs.ParameterValues, itemsInput)\n"
        "\t\t\t}\n",
    )
    for collect in ("outputParameterKey, false)", "outputArtifactKey, true)"):
        replaced(
            resolve,
            f"CollectInputs(cfg, subTaskName, tasks, {collect}",
            by=f"collected(cfg, subTaskName, tasks, {collect}",
        )


def _choose_branches(source: Path) -> None:
    """Let `dsl.OneOf` hand on the artifact or parameter of the branch that has run.

    Upstream takes the artifact of the last branch (kubeflow/pipelines#13436), and no parameter from
    a branch that came from the cache.
    """
    resolve = source / "v2/driver/resolve.go"
    replaced(
        resolve,
        'if subTaskState == "CACHED" || subTaskState == "COMPLETE" {\n',
        by="if hasRun(subTask) {\n",
    )
    last = "tempSelectors[len(tempSelectors)-1]"
    replaced(
        resolve,
        f"\t\t\t\tproducerSubTaskName = {last}.ProducerSubtask\n"
        f"\t\t\t\ttempOutputKey = {last}.OutputArtifactKey\n",
        by="\t\t\t\tselector, err := ranBranch(tempSelectors, tasks, parentTask)\n"
        '\t\t\t\tif err != nil {\n\t\t\t\t\treturn "", "", err\n\t\t\t\t}\n'
        "\t\t\t\tproducerSubTaskName = selector.ProducerSubtask\n"
        "\t\t\t\ttempOutputKey = selector.OutputArtifactKey\n",
    )


def _refuse_long_components(source: Path) -> None:
    """Let a component of more than 128 KiB fail with that reason.

    Linux hands no longer argument to a program, so that Argo gives the driver the name of a file instead, in
    which upstream then misses the JSON (kubeflow/pipelines#12453).
    """
    extended(
        source / "v2/cmd/driver/main.go",
        after="\tproxy.InitializeConfig(*httpProxy, *httpsProxy, *noProxy)\n",
        add="\tif given := *containerSpecJson; given != \"\" && given[0] == '@' {\n"
        '\t\treturn fmt.Errorf("the component is too long: its program takes more than 128 KiB, "+\n'
        '\t\t\t"which Linux hands to no program; read its data from an input or a package")\n'
        "\t}\n",
    )


def _decode_filters_once(source: Path) -> None:
    """Let a filter contain a percent sign.

    It comes decoded, and upstream decodes it again (kubeflow/pipelines#9448). A client that encodes it twice
    is still understood.
    """
    replaced(
        source / "apiserver/server/list_request_util.go",
        "\tdecoded, err := url.QueryUnescape(encoded)\n",
        by="\tdecoded, err := encoded, error(nil)\n"
        "\tif !json.Valid([]byte(encoded)) {\n"
        "\t\tdecoded, err = url.QueryUnescape(encoded)\n"
        "\t}\n",
    )


def _keep_lists(source: Path) -> None:
    """Let a pipeline inside a pipeline take a list of artifacts.

    Upstream hands on the last one, and fails where the list holds one twice. See lists.go.
    """
    client = source / "v2/metadata/client.go"
    text = client.read_text()
    loop = text.index("\tfor name, ids := range config.InputArtifactIDs {\n")
    end = text.index("\n\n", loop)
    replaced(
        client,
        text[loop:end],
        by="\tif err := storeInputLists(config.InputArtifactIDs, req); err != nil {\n"
        "\t\treturn nil, err\n"
        "\t}",
    )
    extended(
        client,
        after="\tartifacts, err := c.GetArtifacts(ctx, artifactIDs)\n"
        "\tif err != nil {\n\t\treturn nil, err\n\t}\n"
        "\tinputs = make(map[string]*pipelinespec.ArtifactList)\n",
        add="\tlists, recorded, err := c.inputLists(ctx, executionID, artifacts)\n"
        "\tif err != nil || recorded {\n\t\treturn lists, err\n\t}\n",
    )


def main(build: Path) -> None:
    """Fill the placeholder modules of the build folder."""
    os.environ.setdefault("GOCACHE", str(build / "gocache"))
    wheels, plugin = build / "wheels", build / "protoc-gen-go"
    _install_wheels(build / "requirements.txt", wheels, build / "environment")
    descriptors = {proto: _descriptor(wheels / path) for proto, path in _DESCRIPTORS.items()}
    _run(["go", "build", "-o", str(plugin), "google.golang.org/protobuf/cmd/protoc-gen-go"], build)
    _generate(plugin, _SPEC, _API, descriptors, build / "api")
    _generate(plugin, _EXECUTOR, _PLATFORM, descriptors, build / "kubernetes_platform")
    _copy_cachekey(build)
    source = copied(build, _MODULE, without=_UNUSED) / "backend/src"
    for file, package in _ADDED.items():
        shutil.copy(build / "added" / file, source / package)
    _add_reasons(source)
    _retry_connections(source)
    _keep_new_workflows(source)
    _name_drivers(source)
    _nest_loops(source)
    _choose_branches(source)
    _refuse_long_components(source)
    _decode_filters_once(source)
    _keep_lists(source)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

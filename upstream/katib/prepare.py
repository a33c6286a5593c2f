"""Copies Katib and goptuna into the build folder and mends faults of the pinned releases.

Equal seeds give equal trials: the service drew the parameters of a trial in the order of a Go map, and
goptuna's TPE drew from a source without a seed. Trials of experiments with one name in two namespaces are
kept apart. The controller reads its one ConfigMap instead of watching those of the whole cluster, and asks
for no label of a namespace that injects what no trial here has. Run as `python prepare.py BUILD_DIR`.
"""

import sys
from pathlib import Path

from upstream.cache import UpstreamError
from upstream.copies import copied, replaced

_KATIB = "github.com/kubeflow/katib"
_GOPTUNA = "github.com/c-bata/goptuna"
# Large folders that no program is made of.
_UNUSED = ("docs", "examples", "manifests", "sdk", "test", "pkg/ui", "pkg/mock")


def _keep_apart(controllers: Path) -> None:
    file = controllers / "suggestion/suggestion_controller.go"
    labels = "client.MatchingLabels(util.TrialLabels(experiment))"
    replaced(file, f"trials, {labels}", by=f"trials, client.InNamespace(instance.Namespace), {labels}")


def _read_few(main: Path) -> None:
    replaced(
        main,
        "\t\tScheme:                 scheme,\n",
        by="\t\tScheme:                 scheme,\n"
        "\t\tClient: client.Options{Cache: &client.CacheOptions{DisableFor: []client.Object{\n"
        "\t\t\t&corev1.ConfigMap{}, &corev1.PersistentVolume{},\n"
        "\t\t}}},\n",
    )
    config = '\t"sigs.k8s.io/controller-runtime/pkg/client/config"\n'
    replaced(
        main,
        config,
        by=f'\tcorev1 "k8s.io/api/core/v1"\n\t"sigs.k8s.io/controller-runtime/pkg/client"\n{config}',
    )


def _ask_for_no_label(webhook: Path) -> None:
    file = webhook / "validation_webhook.go"
    replaced(file, '\t"github.com/kubeflow/katib/pkg/webhook/v1beta1/common"\n', by="")
    before, label, rest = file.read_text().partition("\t// After metrics collector sidecar injection")
    _, check, after = rest.partition("\tallErrs := v.ValidateExperiment(inst, oldInst)\n")
    if not label or not check:
        raise UpstreamError(f"{file.name}: holds no check of the namespace's label: adapt prepare.py")
    file.write_text(f"{before}{check}{after}")


def _draw_in_order(service: Path) -> None:
    file = service / "sample.go"
    replaced(
        file,
        "\tfor name := range searchSpace {\n",
        by="\tfor _, name := range slices.Sorted(maps.Keys(searchSpace)) {\n",
    )
    replaced(file, '\t"reflect"\n', by='\t"maps"\n\t"reflect"\n\t"slices"\n')


def _draw_with_a_seed(random: Path) -> None:
    file = random / "multinomial.go"
    text = file.read_text().replace("rand.Float64()", "drawn.Float64()")
    file.write_text(text)
    # One process serves one experiment, and its sampler holds a lock while it draws.
    replaced(file, "\n)\n", by="\n)\n\nvar drawn = rand.New(rand.NewSource(0))\n")


def main(build: Path) -> None:
    """Copy both modules and change the copies."""
    katib = copied(build, _KATIB, without=_UNUSED)
    goptuna = copied(build, _GOPTUNA)
    _keep_apart(katib / "pkg/controller.v1beta1")
    _read_few(katib / "cmd/katib-controller/v1beta1/main.go")
    _ask_for_no_label(katib / "pkg/webhook/v1beta1/experiment")
    _draw_in_order(katib / "pkg/suggestion/v1beta1/goptuna")
    _draw_with_a_seed(goptuna / "internal/random")


if __name__ == "__main__":
    main(Path(sys.argv[1]))

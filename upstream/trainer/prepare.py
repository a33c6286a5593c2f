"""Makes Trainer's controller ask for less. Run as `python prepare.py BUILD_DIR`.

- Gangs of other schedulers, MPI and Flux: no cluster of plinth has those schedulers, and no runtime of ours
  uses MPI. They watch PodGroups, LimitRanges, RuntimeClasses and every Secret of the cluster.
- It reads back the ConfigMaps that it writes, and would keep a copy of every ConfigMap of the cluster for
  that: it asks for those instead, so a right in the namespaces of runs is enough.
"""

import sys
from pathlib import Path

from upstream.copies import copied, extended, replaced

_MODULE = "github.com/kubeflow/trainer/v2"
_PLUGINS = ("coscheduling", "flux", "mpi", "volcano")
_REGISTRY = "pkg/runtime/framework/plugins/registry.go"
_MAIN = "cmd/trainer-controller-manager/main.go"
_SCHEMES = (
    ("schedulerpluginsv1alpha1", "sigs.k8s.io/scheduler-plugins/apis/scheduling/v1alpha1"),
    ("volcanov1beta1", "volcano.sh/apis/pkg/apis/scheduling/v1beta1"),
)


def main(build: Path) -> None:
    """Copy the module and leave out what is not used."""
    trainer = copied(build, _MODULE)
    registry, program = trainer / _REGISTRY, trainer / _MAIN
    lines = registry.read_text().splitlines(keepends=True)
    named = [text for each in _PLUGINS for text in (f"{each}.New", f'/{each}"')]
    kept = [line for line in lines if not any(text in line for text in named)]
    if len(kept) != len(lines) - len(named):
        raise SystemExit(f"{_REGISTRY}: names its plugins {len(lines) - len(kept)} times: adapt prepare.py")
    registry.write_text("".join(kept))
    for alias, package in _SCHEMES:
        replaced(program, f'\t{alias} "{package}"\n', by="")
        replaced(program, f"\tutilruntime.Must({alias}.AddToScheme(scheme))\n", by="")
    extended(
        program,
        after='\tctrl "sigs.k8s.io/controller-runtime"\n',
        add='\tcorev1 "k8s.io/api/core/v1"\n\t"sigs.k8s.io/controller-runtime/pkg/client"\n',
    )
    asked = "client.CacheOptions{DisableFor: []client.Object{&corev1.ConfigMap{}}}"
    extended(
        program,
        after="\trestCfg := ctrl.GetConfigOrDie()\n",
        add=f"\toptions.Client.Cache = &{asked}\n",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Copy the schema files that main.go embeds from the provider's module folder."""

import shutil
import subprocess
import sys
from pathlib import Path

MODULE = "github.com/pulumi/pulumi-kubernetes/provider/v4"


def main(build_folder: Path) -> None:
    """Complete the build folder."""
    subprocess.run(["go", "mod", "download", MODULE], cwd=build_folder, check=True)
    listed = subprocess.run(
        ["go", "list", "-m", "-f", "{{.Dir}}", MODULE], cwd=build_folder, check=True, capture_output=True, text=True
    )
    source = Path(listed.stdout.strip()) / "cmd" / "pulumi-resource-kubernetes"
    for name in ("schema.json", "terraform-mapping.json"):
        shutil.copyfile(source / name, build_folder / name)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

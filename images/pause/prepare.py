"""Compile pause.c into the build context: python prepare.py CONTEXT."""

import subprocess
import sys
from pathlib import Path

context = Path(sys.argv[1])
flags = ["-static", "-Os", "-s", "-Wall", "-Werror", "-Wl,--build-id=none"]
subprocess.run(["gcc", *flags, "-o", str(context / "pause"), str(context / "pause.c")], check=True)

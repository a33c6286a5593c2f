"""Two entries: `python -m infra` is the command line; the engine runs this folder as the Pulumi program."""

import sys

if __package__ == "infra":
    from infra.commands import main

    sys.exit(main())
else:
    from infra import assembly, outputs, settings, target

    chosen, secrets = settings.load()
    outputs.export(assembly.deploy(chosen, secrets, target.connect(chosen)))

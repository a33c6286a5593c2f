"""Two entries: `python -m infra` is the command line; the engine runs this folder as the Pulumi program."""

import sys

if __package__ == "infra":
    from infra.commands import main

    sys.exit(main())
else:
    from pulumi import log

    from infra import assembly, outputs, target
    from infra.parts import SECRET_KEYS
    from infra.settings import reader

    # Each is a call of the engine that the program waits for, a fifth of its time, and nobody keeps them.
    log.debug = lambda *_, **__: None  # pyright: ignore[reportUnknownLambdaType]
    settings = reader.load()
    outputs.export(assembly.deploy(settings, reader.secrets(SECRET_KEYS), target.connect(settings)))

"""Two entry points: `python -m infra` is the command line; the engine runs this folder as the program."""

import sys

if __package__ == "infra":
    from infra.commands import main
    from terminal import failures

    failures.in_one_line()
    sys.exit(main())
else:
    from infra import assembly, machine, outputs, target
    from infra.engine import quiet
    from infra.parts import SECRET_KEYS
    from infra.settings import reader

    quiet.drop_debug_messages()
    settings = reader.load()
    where = target.connect(settings, machine.kubeconfig)
    outputs.export(assembly.deploy(settings, reader.secrets(SECRET_KEYS), where))

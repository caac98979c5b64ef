"""`trueup completion`."""

from __future__ import annotations

import click

from trueup.ui.cli.common import Common, shared

VARIABLE = "_TRUEUP_COMPLETE"  # what the shell sets when it wants to know how a word may go on


@click.command
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")), help="Which shell.")
@shared
def completion(common: Common, shell: str) -> int:
    """Print the shell's completion script; it completes commands, options, and the names in trueup.yaml.

    For bash: trueup completion bash > ~/.local/share/bash-completion/completions/trueup
    """
    from click.shell_completion import get_completion_class

    from trueup.ui.cli.main import build

    found = get_completion_class(shell)
    assert found is not None
    script = found(build(), {}, "trueup", VARIABLE).source()
    if common.for_programs:
        common.put({"shell": shell, "script": script})
    else:
        print(script)
    return 0

"""`trueup completion`."""

from __future__ import annotations

import click

VARIABLE = "_TRUEUP_COMPLETE"  # what the shell sets when it wants to know how a word may go on


@click.command
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")), help="Which shell.")
def completion(shell: str) -> int:
    """Print the shell's completion script; it completes commands, options, and the names in trueup.yaml.

    For bash: trueup completion bash > ~/.local/share/bash-completion/completions/trueup
    """
    from click.shell_completion import get_completion_class

    from trueup.ui.cli.main import build

    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(build(), {}, "trueup", VARIABLE).source())
    return 0

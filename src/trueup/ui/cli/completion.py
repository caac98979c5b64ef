"""`trueup completion`."""

from __future__ import annotations

from typing import Literal


def completion(shell: Literal["bash", "zsh", "fish"], /) -> int:
    """Print the shell's completion script.

    Parameters
    ----------
    shell
        Which shell; for bash: trueup completion bash > ~/.local/share/bash-completion/completions/trueup
    """
    from trueup.ui.cli.main import build

    print(build().generate_completion(shell=shell))
    return 0

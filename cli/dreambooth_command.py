"""`persam-vos dreambooth`: the group of its commands."""

from __future__ import annotations

import click

from .dreambooth_prepare import prepare
from .dreambooth_train import train


@click.group()
def dreambooth() -> None:
    """Teach a diffusion model a subject without its background."""


dreambooth.add_command(prepare)
dreambooth.add_command(train)

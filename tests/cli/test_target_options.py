from __future__ import annotations

import click
from persam_vos_cli.target_options import target_option


def test_a_target_is_a_file() -> None:
    command = click.command()(target_option(lambda target: target))
    given = command.make_context("c", ["--target", "dog.safetensors"]).params
    assert given == {"target": "dog.safetensors"}
    assert command.make_context("c", []).params == {"target": None}

from __future__ import annotations

import click
from persam_vos_cli.target_options import target_option


@click.command()
@target_option  # type: ignore[untyped-decorator]  # as click returns it
def command(target: str | None) -> None:
    click.echo(target)


def test_a_target_is_a_file() -> None:
    assert command.make_context("c", ["--target", "dog.safetensors"]).params == {
        "target": "dog.safetensors"
    }
    assert command.make_context("c", []).params == {"target": None}

"""The option that shows objects in other pictures, for `track` and `mask`."""

from __future__ import annotations

import click

target_option = click.option(
    "--target",
    type=click.Path(),
    metavar="FILE",
    help="Objects to find, in a file that `persam-vos fit` made of other pictures. Alone, they are "
    "looked for from --start-frame on, and tracking starts on the first frame that shows one; "
    "beside masks, it helps to find its objects again.",
)

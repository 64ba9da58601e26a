"""The `persam-vos` command: find the subcommand, run it, turn failures into one line."""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module

import click

from persam_vos import __version__
from persam_vos.errors import PersamVosError

from .echo import echo
from .flags import in_flags

_COMMANDS = {
    "check": (
        "check_command",
        "check",
        "Say before a run what will go wrong, and how long.",
    ),
    "compare": ("compare_command", "compare", "Show two runs side by side, worst first."),
    "datasets": ("datasets_command", "datasets", "List, fetch or locate datasets."),
    "demo": ("demo_command", "demo", "Render a clip, track it, score it, write the overlay."),
    "dreambooth": (
        "dreambooth_command",
        "dreambooth",
        "Teach a diffusion model a subject, not its background.",
    ),
    "eval": ("eval_command", "evaluate", "Segment a data set and score it, as its publishers do."),
    "export": ("export_command", "export", "Write a finished run in another format."),
    "fit": ("fit_command", "fit", "Learn objects from pictures, to find them in videos."),
    "import": ("import_command", "import_", "Turn masks of other tools into label PNGs."),
    "mask": ("mask_command", "mask", "Make a mask from a box, a point or a scribble, and show it."),
    "score": ("score_command", "score", "Score label maps against true ones, as DAVIS does."),
    "segment": (
        "segment_command",
        "segment",
        "Find an object of one photo in any number of others.",
    ),
    "track": ("track_command", "track", "Cut objects out of a video, from one mask each."),
    "weights": ("weights_command", "weights", "List, fetch or locate the networks' weights."),
}
_DEBUG = "PERSAM_VOS_DEBUG"
_SPINS = "10000"  # turns of a waiting thread before it sleeps


class _LazyGroup(click.Group):
    """A group that imports a subcommand only when it runs, so that `--help` is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:  # noqa: ARG002
        if name not in _COMMANDS:
            return None
        module, attribute, _ = _COMMANDS[name]
        command: click.Command = getattr(
            import_module(f".{module}", package=__package__), attribute
        )
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, _COMMANDS[name][2]) for name in sorted(_COMMANDS)])


@click.group(cls=_LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="persam-vos")
def cli() -> None:
    """Cut an object out of a video: show it once, get its mask on every frame."""


def main() -> None:
    """Run the command line; exit 0 ok, 1 our error, 2 usage, 130 interrupted."""
    _spin_briefly()
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    # Of damaged files: what comes of it is said in our own words.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        code = cli.main(standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except PersamVosError as error:
        _fail(in_flags(error), error.exit_code)
    except click.ClickException as error:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            error.show()
            sys.exit(error.exit_code)
        _fail(_one_line(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _fail("interrupted; what was finished is kept", 130)
    except BrokenPipeError:  # the reader of our output has gone, as in `| head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if os.environ.get(_DEBUG):
            raise
        _fail(str(_refused_by_system(error)), 1)
    except Exception as error:
        if os.environ.get(_DEBUG):
            raise
        what = " ".join(f"{type(error).__name__}: {error}".split())
        _fail(f"unexpected {what}; set {_DEBUG}=1 to see where, and please report it", 1)


def _spin_briefly() -> None:
    """Let torch's threads give way to other programs; it reads this as it is imported.

    They wait for each other a thousand times a frame. Where other programs use the cores, those
    that spin as long as OpenMP likes to keep the others from getting there: beside one that used
    both of two cores a frame was tracked in 3 s instead of 0.08, with this in 0.26. Alone it costs
    about a hundredth.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)


def _refused_by_system(error: OSError) -> PersamVosError:
    return PersamVosError(
        str(error.filename or "standard output"),
        got=error.strerror or type(error).__name__,
        expected="a file, folder or stream that can be used",
        remedy=f"free it or choose another, or set {_DEBUG}=1 to see where",
    )


def _one_line(error: click.ClickException) -> str:
    """Say what click found wrong with the command line, and where help is."""
    message = " ".join(error.format_message().split()).rstrip(".")
    context = getattr(error, "ctx", None)
    return f"{message}; see '{context.command_path} --help'" if context else message


def _fail(message: str, code: int) -> None:
    echo(f"persam-vos: {message}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    main()

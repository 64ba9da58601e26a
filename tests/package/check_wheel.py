"""Install the built wheel outside of the checkout, beside its declared dependencies, and use it.

    python tests/package/check_wheel.py dist

The new environment sees nothing of this one but the packages that the wheel asks for, and what
those ask for in turn: they are linked into it from here, which takes a second instead of minutes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from wheel_contents import packaged_files

import persam_vos
from persam_vos.demo.write import write_demo

FRAMES = 3
INSIDE = """
import pkgutil, sys
from importlib import import_module, resources
import persam_vos, persam_vos_cli

for package in (persam_vos, persam_vos_cli):
    assert package.__file__.startswith(sys.prefix), package.__file__
    for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        if not module.name.endswith("__main__"):
            import_module(module.name)
for package, name in (
    ("persam_vos", "py.typed"),
    ("persam_vos.evaluation", "report_template.html"),
    ("persam_vos.backends", "calibration.json"),
):
    assert resources.files(package).joinpath(name).is_file(), name
"""


def main() -> None:
    """Check the one wheel in the folder that is named on the command line."""
    (wheel,) = Path(sys.argv[1]).resolve().glob("*.whl")
    check_contents(wheel)
    with tempfile.TemporaryDirectory(prefix="persam-vos-package-") as name:
        folder = Path(name)
        environment = folder / "venv"
        venv.create(environment, symlinks=True)
        python = environment / "bin" / "python"
        pip: list[str | Path] = [sys.executable, "-m", "pip", "--python", python]
        run(*pip, "install", "--quiet", "--no-deps", wheel, cwd=folder)
        link_dependencies(environment)
        run(*pip, "check", cwd=folder)
        run(python, "-I", "-c", INSIDE, cwd=folder)
        track_demo(environment / "bin" / "persam-vos", folder)
    sys.stdout.write(f"{wheel.name}: complete, and works outside of the checkout\n")


def check_contents(wheel: Path) -> None:
    """Compare the wheel's files with the checkout's; exit with the difference."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    expected = packaged_files()
    if held != expected:
        missing, extra = sorted(expected - held), sorted(held - expected)
        sys.exit(f"{wheel.name}: missing {missing}, and not of this checkout {extra}")


def link_dependencies(environment: Path) -> None:
    """Link what the wheel requires, directly and indirectly, into the environment."""
    (site,) = environment.glob("lib/python*/site-packages")
    (info,) = site.glob("persam_vos-*.dist-info")
    for found in required_by(Distribution.at(info), set()):
        for top in sorted({path.parts[0] for path in found.files or []} - {"..", "__pycache__"}):
            if not (site / top).exists():
                (site / top).symlink_to(Path(str(found.locate_file(top))).resolve())


def required_by(found: Distribution, seen: set[str]) -> Iterator[Distribution]:
    """Yield the installed distributions that one needs on this machine, without its extras."""
    for requirement in map(Requirement, found.requires or []):
        name = canonicalize_name(requirement.name)
        if name in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add(name)
        needed = distribution(name)
        yield needed
        yield from required_by(needed, seen)


def track_demo(command: Path, folder: Path) -> None:
    """Track the demo clip's first frames by the installed command, from another folder."""
    said = run(command, "--version", cwd=folder)
    assert persam_vos.__version__ in said, said
    clip = write_demo(folder / "demo", frame_count=FRAMES)
    shown: list[str | Path] = [clip.video, "--first-mask", clip.first_mask]
    run(command, "track", *shown, "--output", "cut", "--quality", "fast", cwd=folder)
    written = sorted(path.name for path in (folder / "cut" / "masks").iterdir())
    assert written == [f"{index:05d}.png" for index in range(FRAMES)], written
    assert (folder / "cut" / "overlay.mp4").stat().st_size > 0


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command away from the checkout and its variables; return what it prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=kept, capture_output=True, text=True
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}:\n{done.stdout}{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()

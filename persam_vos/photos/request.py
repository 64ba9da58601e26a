"""What is asked for: photos, references, and where results go."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import UsageError, param
from ..media.reference_masks import MaskInput, mask_files
from ..media.reference_prompts import Prompt
from ..targets.target import Target
from .settings import PhotoSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePhoto:
    """A picture that shows objects, by masks or by boxes and points.

    ``image`` is a file. ``masks`` is a mask file, or several as ``2=cat.png``, whose ids are the
    objects; ``prompts`` are boxes and points in the picture, of which masks are made. Raises
    UsageError for a reference that shows nothing.
    """

    image: str | Path
    masks: MaskInput | None = None
    prompts: Sequence[Prompt] = ()

    def __post_init__(self) -> None:
        if self.masks is None and not self.prompts:
            raise UsageError(
                f"reference {self.image}",
                got="nothing that shows an object",
                expected=f"{param('mask')}, or a box or a point",
            )

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it is read from."""
        return (Path(self.image), *mask_files(self.masks))


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRequest:
    """Photos, what to find in them, and where the results go.

    Produced by callers and the command line, consumed by `segment_to_folder`.

    ``photos`` are files, folders and globs. ``references`` show the objects: the same id in several
    is the same object; or else ``target`` does, made by `fit_target`, or its file. ``output`` is
    the folder of the results. ``overwrite`` replaces those of an earlier run, ``resume`` goes on
    with one that broke off. ``cutouts`` are written unless it is False. With ``sandbox``, another
    process decodes each photo first, and one that crashes it is passed over. Raises UsageError for
    a request without references or target, or with both.
    """

    photos: Sequence[str | Path]
    references: Sequence[ReferencePhoto] = ()
    target: Target | str | Path | None = None
    output: Path = Path("photos_segmented")
    settings: PhotoSettings = field(default_factory=PhotoSettings)
    cutouts: bool = True
    overwrite: bool = False
    resume: bool = False
    sandbox: bool = False
    command: str = ""

    def __post_init__(self) -> None:
        check_shown(self.references, self.target, self.settings)
        if self.overwrite and self.resume:
            raise UsageError(
                param("resume"),
                got=f"{param('resume')} and {param('overwrite')}",
                expected="one of them: go on with an earlier run, or replace it",
            )

    @property
    def reference_files(self) -> tuple[Path, ...]:
        """The files that objects are learned from."""
        own = tuple(path for one in self.references for path in one.files)
        return (*own, Path(self.target)) if isinstance(self.target, str | Path) else own


def check_shown(
    references: Collection[ReferencePhoto],
    target: Target | str | Path | None,
    settings: PhotoSettings,
) -> None:
    """Raise UsageError unless objects are shown in one way, that the method understands."""
    if bool(references) == (target is not None):
        got = "both" if references else "neither"
        raise UsageError(
            param("references"),
            got=f"{got} of {param('reference')} and {param('target')}",
            expected="one of them, which shows the objects",
        )
    if target is not None and settings.method != "match":
        raise UsageError(
            param("target"),
            got=f"a target with {param('method', settings.method)}",
            expected=f"{param('method', 'match')}, which targets are made for",
            remedy=f"leave the method out, or show the object by {param('reference')}",
        )

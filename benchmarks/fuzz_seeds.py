"""Small whole files of every kind that the command line reads, and the commands that read them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import onnx
import tifffile
import torch
from PIL import Image
from safetensors.torch import save_file

from persam_vos.exports.registry import EXPORTS, parse_export

SIZE_HW = (48, 64)
COUNT = 4
TINY = ("--image-size", "256", "--backend", "torch", "--no-overlay", "--no-sandbox")
"""What a command takes that tracks, with the tiny network of `fuzz_child`."""
QUICK = ("--no-measure", "--no-sandbox")
_MASK = ("--first-mask", "SEEDS/mask.png")
_CODECS = {
    "clip.mp4": ("libx264", "yuv420p"),
    "clip.mov": ("prores_ks", "yuva444p10le"),
    "clip.mkv": ("ffv1", "bgr0"),
    "clip.webm": ("libvpx-vp9", "yuv420p"),
    "clip.ts": ("mpeg2video", "yuv420p"),
    "clip.avi": ("mjpeg", "yuvj420p"),
    "hevc.mp4": ("libx265", "yuv420p10le"),
    "clip.gif": ("gif", "rgb8"),
}


@dataclass(frozen=True)
class Seed:
    """A file to damage, and the commands to try it with.

    ``whole`` is the folder that has to be there as a whole, if the file is part of one. In commands
    FILE is the damaged file, WHOLE the copy of its folder, OUT a path to write to, and SEEDS the
    folder of whole files.
    """

    kind: str
    path: Path
    commands: tuple[tuple[str, ...], ...]
    whole: Path | None = None


def make_seeds(base: Path) -> list[Seed]:
    """Write the files into an empty folder; runs `track` and `export` for those that they write."""
    pictures, masks = [make_picture(i) for i in range(COUNT)], [make_mask(i) for i in range(COUNT)]
    _write_label(base / "mask.png", masks[0])
    seeds = [*_videos(base, pictures), *_images(base, pictures), *_masks(base, masks[0])]
    seeds += [*_weights(base), *_runs(base), *_trees(base, pictures, masks)]
    return seeds


def _videos(base: Path, pictures: Sequence[np.ndarray]) -> Iterator[Seed]:
    for name, (codec, pixels) in _CODECS.items():
        _write_video(base / name, codec, pixels, pictures)
        yield Seed(f"video {base.joinpath(name).suffix[1:]}", base / name, _reading("FILE"))


def _reading(source: str) -> tuple[tuple[str, ...], ...]:
    """Return the commands that read a clip."""
    box = ("--box", "1=10,10,40,30", "-o", "OUT/m.png")
    return (
        *[("check", source, *_MASK, *QUICK)] * 6,  # which reads as much, in a tenth of the time
        ("track", source, *_MASK, "-o", "OUT/run", *TINY),
        ("track", source, "--mask", "2=SEEDS/mask.png", "-o", "OUT/run", *TINY),
        ("mask", source, *box, *TINY[:4], "--no-sandbox"),
    )


def _images(base: Path, pictures: Sequence[np.ndarray]) -> Iterator[Seed]:
    first, *rest = map(Image.fromarray, pictures)
    for name in ("a.png", "a.jpg", "a.webp", "a.tif", "a.bmp", "a.jp2", "a.avif", "a.ppm", "a.tga"):
        first.save(base / name)
    for name in ("moving.gif", "moving.webp", "pages.tif", "moving.png"):
        first.save(base / name, save_all=True, append_images=rest)
    tifffile.imwrite(base / "deep.tif", pictures[0].astype(np.uint16) * 257)
    tifffile.imwrite(base / "float.tif", pictures[0].astype(np.float32) / 255, compression="zlib")
    _write_exr(base / "a.exr", pictures[0])
    fit = ("fit", "FILE", "SEEDS/mask.png", "-o", "OUT/t.safetensors", *TINY[:4], "--no-sandbox")
    for path in sorted(base.iterdir()):
        if path.suffix[1:] in "png jpg webp tif bmp jp2 avif ppm tga exr gif" and path.stem in (
            *("a", "moving", "pages", "deep", "float"),
        ):
            yield Seed(f"image {path.suffix[1:]}", path, (*_reading("FILE"), fit))
    folder = base / "frames"
    folder.mkdir()
    for index, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{index:03d}.jpg")
    yield Seed("image folder", folder / "001.jpg", _reading("WHOLE"), folder)
    with zipfile.ZipFile(base / "frames.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    yield Seed("zip of images", base / "frames.zip", _reading("FILE"))


def _masks(base: Path, mask: np.ndarray) -> Iterator[Seed]:
    Image.fromarray(mask * 120).save(base / "grey.png")
    Image.fromarray(np.dstack([mask * 120] * 3 + [mask * 255])).save(base / "rgba.png")
    tifffile.imwrite(base / "mask.tif", mask)
    np.save(base / "mask.npy", mask)
    np.save(base / "soft.npy", mask.astype(np.float32) / 2)
    clip, fit = "SEEDS/clip.mp4", ("-o", "OUT/t.safetensors", *TINY[:4], "--no-sandbox")
    for name in ("mask.png", "grey.png", "rgba.png", "mask.tif", "mask.npy", "soft.npy"):
        yield Seed(
            f"mask {name.partition('.')[2]}",
            base / name,
            (
                *[("check", clip, "--first-mask", "FILE", *QUICK)] * 4,
                *[("check", clip, "--first-mask", "FILE", "--fix", "OUT/f.png", *QUICK)] * 2,
                ("track", clip, "--first-mask", "FILE", "-o", "OUT/run", *TINY),
                ("mask", clip, "--rough", "1=FILE", "-o", "OUT/m.png", *TINY[:4], "--no-sandbox"),
                ("fit", "SEEDS/a.png", "FILE", *fit),
            ),
        )
    path = base / "map" / "labelmap.txt"  # not beside masks, which would be read by it
    path.parent.mkdir()
    path.write_text("# label:color\nbackground:0,0,0::\ncat:128,0,0::\n")
    labels = ("check", clip, *_MASK, "--label-map", "FILE", *QUICK)
    yield Seed("label map", path, (labels,))


def _weights(base: Path) -> Iterator[Seed]:
    names = ("image_encoder.patch_embed.seq.0.weight", "prompt_encoder.x", "mask_decoder.x")
    state = {name: torch.arange(64.0).view(8, 8) for name in names}
    save_file(state, base / "w.safetensors")
    torch.save(state, base / "w.pth")
    tensors = [onnx.numpy_helper.from_array(value.numpy(), name) for name, value in state.items()]
    graph = onnx.helper.make_graph([], "g", [], [], initializer=tensors)
    onnx.save(onnx.helper.make_model(graph), base / "w.onnx")
    box = ("--box", "1=10,10,40,30", "-o", "OUT/m.png", *TINY[:2], "--no-sandbox")
    for name in ("w.safetensors", "w.pth", "w.onnx"):
        command = ("mask", "SEEDS/clip.mp4", *box, "--checkpoint", "FILE")
        yield Seed(f"weights {name.partition('.')[2]}", base / name, (command,))


def _runs(base: Path) -> Iterator[Seed]:
    """Yield what the program itself writes: a target, a run, and exports of it."""
    clip, mask = str(base / "clip.mp4"), "mask.png"
    formats = {"coco": "coco.json", "cvat": "cvat.xml", "labelme": "labelme"}
    formats["label-studio"] = "studio.json"
    run(
        base,
        ("fit", "a.png", mask, "-o", "target.safetensors", *TINY[:4]),
        ("track", clip, "--first-mask", mask, "-o", "run", *TINY, "--checkpoint-every", "0.001"),
        *(("export", "run", name, "-o", output) for name, output in formats.items()),
    )
    find = ("track", "SEEDS/clip.mp4", "--target", "FILE", "-o", "OUT/run", *TINY)
    yield Seed("target", base / "target.safetensors", (find,))
    whole = base / "run"
    exports = tuple(
        ("export", "WHOLE", name, "-o", f"OUT/e{suffix}", "--no-sandbox")
        for name in EXPORTS
        for suffix in [parse_export(name).exporter.suffix]
    )
    again = ("track", "SEEDS/clip.mp4", *_MASK, "-o", "WHOLE", "--overwrite", *TINY)
    resume = ("track", "SEEDS/clip.mp4", *_MASK, "-o", "WHOLE", "--resume", *TINY)
    yield Seed("track.json", whole / "track.json", (*exports, again, resume), whole)
    for state in sorted(one for one in (whole / ".resume").rglob("*") if one.is_file()):
        yield Seed(f"saved {state.suffix[1:]}", state, (resume, resume, again), whole)
    yield Seed("mask of a run", next(iter(sorted((whole / "masks").iterdir()))), exports, whole)
    for name in ("coco.json", "cvat.xml", "studio.json"):
        path = base / name
        if path.is_dir():
            path = next(one for one in sorted(path.rglob("*")) if one.suffix in (".json", ".xml"))
        yield Seed(f"import {name}", path, (("import", "FILE", "-o", "OUT/i", "--no-sandbox"),))
    shapes = next(iter(sorted((base / "labelme").rglob("*.json"))))
    yield Seed("import labelme", shapes, (("import", "FILE", "-o", "OUT/i", "--no-sandbox"),))


def _trees(
    base: Path, pictures: Sequence[np.ndarray], masks: Sequence[np.ndarray]
) -> Iterator[Seed]:
    """Yield trees of data sets, scores of them, and an archive."""
    tree = base / "tree" / "valid"
    for index, (picture, mask) in enumerate(zip(pictures, masks, strict=True)):
        image = tree / f"JPEGImages/cat/{index:05d}.jpg"
        image.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(image)
        label = tree / f"Annotations/cat/{index:05d}.png"
        label.parent.mkdir(parents=True, exist_ok=True)
        _write_label(label, mask)
    frames = [f"{index:05d}" for index in range(COUNT)]
    objects = {"1": {"category": "cat", "frames": frames}}
    (tree / "meta.json").write_text(json.dumps({"videos": {"cat": {"objects": objects}}}))
    whole = tree.parent
    evaluate = ("eval", "youtube-vos", "--root", "WHOLE", "-o", "OUT/e", *TINY[:4], "--no-sandbox")
    annotations = ("import", "WHOLE/valid/Annotations", "-o", "OUT/i", "--no-sandbox")
    yield Seed("tree meta.json", tree / "meta.json", (evaluate, annotations), whole)
    yield Seed("tree picture", tree / "JPEGImages/cat/00001.jpg", (evaluate,), whole)
    label = tree / "Annotations/cat/00000.png"
    score: tuple[str, ...] = (
        "score",
        "WHOLE/valid/Annotations",
        "SEEDS/tree/valid/Annotations",
        "-o",
        "OUT/s",
    )
    score += ("--workers", "1", "--no-sandbox")
    yield Seed("tree label", label, (evaluate, annotations, score), whole)
    truth = str(tree / "Annotations")
    run(base, ("score", truth, truth, "-o", "scored", "--workers", "1"))
    compare = ("compare", "WHOLE", "SEEDS/scored")
    yield Seed("results.json", base / "scored/results.json", (compare,), base / "scored")


def run(base: Path, *commands: Sequence[str]) -> None:
    """Run commands with the tiny network; raises CalledProcessError if one fails."""
    code = "import json, sys, benchmarks.fuzz_child as child; child.use_tiny_network()\n"
    code += "for one in json.loads(sys.argv[1]): child.run_main(one) == 0 or sys.exit(1)"
    subprocess.run(
        [sys.executable, "-c", code, json.dumps(commands)],
        cwd=base,
        env=child_environment(),
        check=True,
        stdout=subprocess.DEVNULL,
    )


def child_environment() -> dict[str, str]:
    """Return an environment in which `benchmarks` is found from any folder."""
    root = str(Path(__file__).resolve().parent.parent)
    return {**os.environ, "PYTHONPATH": root, "OMP_NUM_THREADS": "1", "PYTHONSAFEPATH": "1"}


def make_picture(index: int) -> np.ndarray:
    """Return the picture of a frame, (48, 64, 3) uint8."""
    height, width = SIZE_HW
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0] = np.linspace(20, 220, width)
    image[..., 1] = np.linspace(20, 220, height)[:, None]
    image[10:30, 10 + index : 40 + index] = (250, 40, 60)
    return image


def make_mask(index: int) -> np.ndarray:
    """Return its labels, (48, 64) uint8: object 1 moves, 2 does not."""
    mask = np.zeros(SIZE_HW, np.uint8)
    mask[10:30, 10 + index : 40 + index] = 1
    mask[34:44, 5:20] = 2
    return mask


def _write_label(path: Path, mask: np.ndarray) -> None:
    from persam_vos.media.label_png import write_label_png

    write_label_png(path, mask)


def _write_video(path: Path, codec: str, pixels: str, pictures: Sequence[np.ndarray]) -> None:
    with av.open(str(path), "w") as container:
        quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
        stream = container.add_stream(codec, rate=24, options=quiet)
        stream.height, stream.width = SIZE_HW
        stream.pix_fmt = pixels
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            container.mux(stream.encode(frame.reformat(format=pixels)))
        container.mux(stream.encode(None))


def _write_exr(path: Path, picture: np.ndarray) -> None:
    context = av.CodecContext.create("exr", "w")
    context.height, context.width = SIZE_HW
    context.pix_fmt, context.time_base = "gbrpf32le", Fraction(1, 24)
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(format="gbrpf32le")
    packets = [*context.encode(frame), *context.encode(None)]
    path.write_bytes(b"".join(bytes(packet) for packet in packets))

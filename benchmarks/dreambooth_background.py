"""Do masks keep an object, which stands beside the subject in all photos, out of samples?

python -m benchmarks.dreambooth_background [--cache FOLDER] [--seeds 5] [--steps N] [--samples 16]

A small Stable Diffusion model of synthetic photos is trained from scratch (`tiny_scene_model`), and
learns a subject from five photos, with masks and without, by `persam_vos.dreambooth` with the same
settings, noise and timesteps. All photos show a magenta ball as well, which the prompt does not
tell. Told is the share of samples with the ball, with the subject, and with the ground that the
prompt asks for. It says little about real models.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.results import facts, write_results
from benchmarks.sheets import Row, write_sheet
from benchmarks.tiny_scene_model import as_tensor, base_model
from benchmarks.tiny_scenes import (
    GROUNDS,
    SIDE,
    SUBJECT_PROMPT,
    as_subject,
    draw_scene,
    has_ball,
    has_subject,
    render,
    seen_ground,
    write_subject_photos,
)
from persam_vos.dreambooth.models import DiffusionModel, load_model
from persam_vos.dreambooth.sampling import as_image, sample_pictures
from persam_vos.dreambooth.seeds import generator
from persam_vos.dreambooth.settings import TrainSettings
from persam_vos.dreambooth.training import TrainEvents, train
from persam_vos.structures import RgbImage

ARMS = ("whole photo", "masks")
PHOTO_GROUNDS = ("grass", "sand", "grass", "sand", "grass")
_NEW_GROUNDS = ("snow", "night")
_PROMPTS: Mapping[str, str | None] = {
    SUBJECT_PROMPT: None,
    **{f"{SUBJECT_PROMPT} {GROUNDS[ground]}": ground for ground in _NEW_GROUNDS},
}
_PHOTO_SEED, _TRUTH_SEED = 7, 8
_DENOISING_STEPS = 20
_CHECKED = 400  # photos that the detectors are held against
_TOLD = ("vae_steps", "unet_steps", "steps", "rate", "batch", "samples", "prior")
_SHOWN, _ZOOM, _COLOURS = 8, 2, 192  # of the sheet: columns, enlargement, colours of the PNG


def train_arm(model: Path, photos: Path, output: Path, arm: str, args: Any, seed: int) -> None:
    """Train all weights of the UNet on the photos, with their masks or without any."""
    prior: dict[str, Any] = {}
    if args.prior:
        prior = {
            "with_prior_preservation": True,
            "class_data_dir": args.cache / "class-images",
            "class_prompt": "a photo of a thing",
            "sample_batch_size": 20,
        }
    settings = TrainSettings(
        pretrained_model_name_or_path=model,
        instance_data_dir=photos,
        masks_dir=photos.parent / "masks" if arm == "masks" else None,
        instance_prompt=SUBJECT_PROMPT,
        output_dir=output,
        resolution=SIDE,
        center_crop=True,
        cache_latents=True,
        tune="full",
        learning_rate=args.rate,
        train_batch_size=args.batch,
        max_train_steps=args.steps,
        checkpointing_steps=args.steps + 1,
        seed=seed,
        **prior,
    )
    train(settings, TrainEvents(on_warning=lambda _: None))


def samples(model: DiffusionModel, prompt: str, count: int) -> list[RgbImage]:
    """Make pictures of a prompt; the n-th begins with the same noise, whatever model makes it."""
    made = sample_pictures(
        model,
        [prompt] * count,
        [generator(0, "sample", number) for number in range(count)],
        side=SIDE,
        steps=_DENOISING_STEPS,
        batch_size=count,
    )
    return [as_image(one) for one in made]


def shares(pictures: Sequence[RgbImage], ground: str | None) -> dict[str, float]:
    """Return the shares of pictures with the ball, the subject, and the ground if one is told."""
    both = [has_ball(one) and has_subject(one) for one in pictures]
    found = {
        "ball": np.mean([has_ball(one) for one in pictures]),
        "subject": np.mean([has_subject(one) for one in pictures]),
        "ball_and_subject": np.mean(both),
    }
    if ground is not None:
        found["ground"] = np.mean([seen_ground(one) == ground for one in pictures])
    return {name: round(float(share), 4) for name, share in found.items()}


@torch.no_grad()
def detector_rates(vae: Any) -> dict[str, dict[str, float]]:
    """Hold the detectors against rendered truth that went through the autoencoder.

    Half of the photos show the subject, the others another thing; some a magenta ball, some a
    yellow one, some none.
    """
    rng = np.random.default_rng(_TRUTH_SEED)
    scenes = [draw_scene(rng) for _ in range(_CHECKED)]
    for number in range(0, _CHECKED, 2):
        ball = (None, "magenta", "yellow")[number % 3]
        scenes[number] = as_subject(scenes[number], ground=scenes[number].ground, ball=ball)
    photos = as_tensor([render(scene)[0] for scene in scenes])
    decoded = vae.decode(vae.encode(photos).latent_dist.mean).sample
    pictures = (decoded / 2 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).numpy()
    seen = [as_image(one) for one in pictures]
    grounds = [seen_ground(one) == scene.ground for one, scene in zip(seen, scenes, strict=True)]
    truths = {
        "ball": ([scene.ball == "magenta" for scene in scenes], [has_ball(one) for one in seen]),
        "subject": ([scene.colour is None for scene in scenes], [has_subject(o) for o in seen]),
    }
    rates = {}
    for name, (truth, found) in truths.items():
        is_so, said = np.array(truth), np.array(found)
        hits, alarms = float(said[is_so].mean()), float(said[~is_so].mean())
        rates[name] = {"hits": round(hits, 4), "false_alarms": round(alarms, 4)}
    return rates | {"ground": {"right": round(float(np.mean(grounds)), 4)}}


def summary(rows: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, float]]]:
    """Return mean, least and most over seeds of each share, by arm and prompt."""
    told: dict[str, dict[str, dict[str, float]]] = {}
    for arm in dict.fromkeys(str(row["arm"]) for row in rows):
        of_arm = [row["prompts"] for row in rows if row["arm"] == arm]
        for prompt in of_arm[0]:
            values: dict[str, float] = {}
            for name in of_arm[0][prompt]:
                seeds = [one[prompt][name] for one in of_arm]
                values[name] = round(float(np.mean(seeds)), 4)
                values[f"{name}_least"], values[f"{name}_most"] = min(seeds), max(seeds)
            told.setdefault(arm, {})[prompt] = values
    return told


def main(arguments: Sequence[str] | None = None) -> None:
    """Train the base model, or take it from the cache; train each arm and seed; tell and draw.

    Results are written after each seed, so that a run that is broken off leaves those it has.
    """
    args = _parsed(arguments)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        args.cache = args.cache or work / "base"
        base = base_model(
            args.cache / "model", vae_steps=args.vae_steps, unet_steps=args.unet_steps
        )
        photos = write_subject_photos(work / "subject", PHOTO_GROUNDS, _PHOTO_SEED)
        rows: list[dict[str, Any]] = []
        sheet = [_photo_row(photos)]
        untrained = load_model(base)
        known = _known(untrained, args)
        _measure(untrained, {"arm": "untrained", "seed": None}, args.samples, rows, sheet)
        for seed in range(args.seeds):
            for arm in ARMS:
                output = work / f"{seed}-{arm}"
                train_arm(base, photos, output, arm, args, seed)
                model = load_model(output)
                _measure(model, {"arm": arm, "seed": seed}, args.samples, rows, sheet)
                shutil.rmtree(output)
            write_results(args.output, known | {"summary": summary(rows), "rows": rows})
            _write_picture(args.output.with_suffix(".png"), sheet)


def _known(model: DiffusionModel, args: argparse.Namespace) -> dict[str, Any]:
    """Return what results say before any training: settings, size, errors of the detectors."""
    networks = model.networks | {"vae": model.vae}
    return facts("cpu") | {
        "settings": {name: value for name, value in vars(args).items() if name in _TOLD},
        "parameters": {
            name: sum(weights.numel() for weights in network.parameters())
            for name, network in networks.items()
        },
        "detectors": detector_rates(model.vae),
    }


def _parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--cache", type=Path, help="folder of the base model, to be kept")
    parser.add_argument("--vae-steps", type=int, default=2000)
    parser.add_argument("--unet-steps", type=int, default=2600)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--rate", type=float, default=3e-4)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--prior", action="store_true", help="preserve priors in both arms")
    parser.add_argument("--samples", type=int, default=16, help="of each prompt")
    parser.add_argument(
        "--output", type=Path, default=Path("benchmarks/results/dreambooth_background.json")
    )
    return parser.parse_args(arguments)


def _measure(
    model: DiffusionModel,
    of_row: dict[str, Any],
    count: int,
    rows: list[dict[str, Any]],
    sheet: list[Row],
) -> None:
    """Sample each prompt, tell the shares, and keep the first seed's pictures for the sheet."""
    drawn = of_row["arm"] not in {row["arm"] for row in rows}
    told = {}
    for prompt, ground in _PROMPTS.items():
        pictures = samples(model, prompt, count)
        told[prompt] = shares(pictures, ground)
        if drawn:
            title = f"{of_row['arm']}: {prompt}"
            sheet.append(_row(title, pictures))
    rows.append(of_row | {"prompts": told})
    print(of_row, told, flush=True)


def _photo_row(folder: Path) -> Row:
    photos = [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())]
    return _row("photos that are trained on", photos)


def _row(title: str, pictures: Sequence[RgbImage]) -> Row:
    """Return a row of the first pictures, enlarged, with what was found in each."""
    shown = pictures[:_SHOWN]
    large = [one.repeat(_ZOOM, axis=0).repeat(_ZOOM, axis=1) for one in shown]
    found = {"ball": has_ball, "subject": has_subject}
    captions = [", ".join(name for name, has in found.items() if has(one)) for one in shown]
    return Row(title, large, captions)


def _write_picture(path: Path, rows: Sequence[Row]) -> None:
    """Write the sheet as PNG of few colours, which is a third as large."""
    write_sheet(path, "Samples of the first seed; over each, what the detectors found", rows)
    few = Image.open(path).quantize(_COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=3)
    few.save(path, optimize=True)


if __name__ == "__main__":
    main()

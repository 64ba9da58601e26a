"""A small Stable Diffusion model of `tiny_scenes`, trained from scratch: nothing is fetched.

The autoencoder is trained on scenes of all things, the subject among them, as that of a real model
has seen all kinds of things; text encoder and UNet never see the subject.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from benchmarks.tiny_scenes import (
    GROUNDS,
    SIDE,
    Scene,
    as_subject,
    caption,
    draw_scene,
    render,
    vocabulary,
)
from persam_vos.dreambooth.extra import quiet_libraries

_SCENES = 6000
_VAE_BATCH, _BATCH = 16, 32
_KL_WEIGHT = 1e-4
_RATE = 1e-3
_DECAY = 0.998  # of the running mean of weights that is kept
_NO_CAPTION = 0.1  # share of photos that are shown without one, for guidance
_LENGTH, _WIDTH = 16, 64  # of prompts in tokens, and of a token's embedding
_BEGIN, _END = "<|startoftext|>", "<|endoftext|>"
_REPORT = 250  # steps between two lines of progress


def base_model(folder: Path, *, vae_steps: int, unet_steps: int) -> Path:
    """Return the folder of the trained pipeline; one that lies there already is taken as it is."""
    if not (folder / "model_index.json").exists():
        with quiet_libraries():
            _train(folder, vae_steps, unet_steps)
    return folder


def as_tensor(photos: Sequence[np.ndarray[Any, Any]]) -> torch.Tensor:
    """Return photos as (N, 3, H, W) float32 in [-1, 1], as an autoencoder reads them."""
    return torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2).float() / 127.5 - 1


def make_tokenizer(folder: Path) -> Any:
    """Return a CLIP tokenizer with a token for each word of the scenes' captions.

    Words are put together letter by letter from their beginning; others stay letters.
    """
    from transformers import CLIPTokenizer

    letters = [chr(code) for code in range(97, 123)]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters)]
    merges: list[str] = []
    for word in vocabulary():
        for end in range(2, len(word) + 1):
            last = word[end - 1] + ("</w>" if end == len(word) else "")
            merges.append(f"{word[: end - 1]} {last}")
            tokens.append(word[: end - 1] + last)
    tokens += [_BEGIN, _END]
    folder.mkdir(parents=True, exist_ok=True)
    numbers = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    (folder / "vocab.json").write_text(json.dumps(numbers))
    lines = ["#version: 0.2", *dict.fromkeys(merges)]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    return CLIPTokenizer.from_pretrained(folder, model_max_length=_LENGTH)


def _train(folder: Path, vae_steps: int, unet_steps: int) -> None:
    from diffusers import StableDiffusionPipeline

    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    scenes = [draw_scene(rng) for _ in range(_SCENES)]
    vae = _trained_vae(scenes, rng, vae_steps)
    tokenizer, scheduler = make_tokenizer(folder / "tokenizer"), _scheduler()
    latents = _encoded(vae, scenes) * vae.config.scaling_factor
    words = _token_ids(tokenizer, [caption(scene, rng) for scene in scenes])
    networks = _trained_networks(latents, words, tokenizer, scheduler, unet_steps)
    StableDiffusionPipeline(
        vae=vae.eval(),
        text_encoder=networks["text_encoder"].eval(),
        tokenizer=tokenizer,
        unet=networks["unet"].eval(),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder)


def _trained_vae(scenes: Sequence[Scene], rng: np.random.Generator, steps: int) -> Any:
    """Train an autoencoder on the scenes, a quarter of them with the subject in the thing's place.

    Its scaling factor makes the latents of the scenes' photos one in standard deviation.
    """
    vae = _vae()
    balls = (None, "magenta", "yellow")
    shown = [
        as_subject(one, ground=str(rng.choice(list(GROUNDS))), ball=balls[number % 3])
        if number % 4 == 0
        else one
        for number, one in enumerate(scenes)
    ]
    photos = as_tensor([render(one)[0] for one in shown])

    def loss() -> torch.Tensor:
        batch = photos[torch.randint(0, len(photos), (_VAE_BATCH,))]
        posterior = vae.encode(batch).latent_dist
        error: torch.Tensor = (vae.decode(posterior.sample()).sample - batch).square().mean()
        divergence: torch.Tensor = posterior.kl().mean() / posterior.mean[0].numel()
        return error + _KL_WEIGHT * divergence

    _minimise(vae, loss, steps, "autoencoder")
    vae.register_to_config(scaling_factor=1 / float(_encoded(vae, scenes[:1000]).std()))
    return vae


def _trained_networks(
    latents: torch.Tensor, words: torch.Tensor, tokenizer: Any, scheduler: Any, steps: int
) -> torch.nn.ModuleDict:
    """Train text encoder and UNet on scaled latents (N, 4, h, w) and the token ids of captions."""
    networks = torch.nn.ModuleDict({"text_encoder": _text_encoder(tokenizer), "unet": _unet()})
    empty = _token_ids(tokenizer, [""])[0]

    def loss() -> torch.Tensor:
        chosen = torch.randint(0, len(latents), (_BATCH,))
        clean, ids = latents[chosen], words[chosen]
        ids[torch.rand(_BATCH) < _NO_CAPTION] = empty
        noise = torch.randn_like(clean)
        times = torch.randint(0, scheduler.config.num_train_timesteps, (_BATCH,))
        noisy = scheduler.add_noise(clean, noise, times)
        text = networks["text_encoder"](ids)[0]
        predicted: torch.Tensor = networks["unet"](noisy, times, text, return_dict=False)[0]
        return (predicted - noise).square().mean()

    running = get_ema_multi_avg_fn(_DECAY)  # type: ignore[no-untyped-call]  # torch's own
    mean = AveragedModel(networks, multi_avg_fn=running)
    _minimise(networks, loss, steps, "UNet", lambda: mean.update_parameters(networks))
    kept = mean.module
    assert isinstance(kept, torch.nn.ModuleDict)
    return kept


def _minimise(
    network: torch.nn.Module,
    loss_of_batch: Callable[[], torch.Tensor],
    steps: int,
    name: str,
    after_step: Callable[[], None] = lambda: None,
) -> None:
    """Train a network by AdamW, whose rate rises over 100 steps and falls as a cosine does."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE)

    def share(step: int) -> float:
        return min((step + 1) / 100, 0.5 + 0.5 * float(np.cos(np.pi * step / steps)))

    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, share)
    losses, begin = [], time.perf_counter()
    network.train()
    for step in range(1, steps + 1):
        loss = loss_of_batch()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch's own
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        after_step()
        losses.append(float(loss.detach()))
        if step % _REPORT == 0:
            seconds, recent = time.perf_counter() - begin, np.mean(losses[-_REPORT:])
            print(f"{name}: step {step}, loss {recent:.4f}, {seconds:.0f} s", flush=True)
    network.eval()


@torch.no_grad()
def _encoded(vae: Any, scenes: Sequence[Scene]) -> torch.Tensor:
    """Return the means of the latents of scenes, (N, 4, h, w)."""
    batches = [scenes[first : first + 100] for first in range(0, len(scenes), 100)]
    photos = (as_tensor([render(scene)[0] for scene in batch]) for batch in batches)
    return torch.cat([vae.encode(batch).latent_dist.mean for batch in photos])


def _token_ids(tokenizer: Any, prompts: Sequence[str]) -> torch.Tensor:
    ids: torch.Tensor = tokenizer(
        list(prompts), padding="max_length", max_length=_LENGTH, return_tensors="pt"
    ).input_ids
    return ids


def _vae() -> Any:
    from diffusers import AutoencoderKL

    widths = (16, 32, 32)  # two halvings: latents of 12 x 12
    return AutoencoderKL(
        block_out_channels=widths,
        down_block_types=["DownEncoderBlock2D"] * len(widths),
        up_block_types=["UpDecoderBlock2D"] * len(widths),
        latent_channels=4,
        norm_num_groups=4,
        sample_size=SIDE,
    )


def _unet() -> Any:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=SIDE // 4,
        block_out_channels=(48, 96),
        layers_per_block=1,
        down_block_types=["CrossAttnDownBlock2D"] * 2,
        up_block_types=["CrossAttnUpBlock2D"] * 2,
        cross_attention_dim=_WIDTH,
        attention_head_dim=4,
        norm_num_groups=8,
    )


def _text_encoder(tokenizer: Any) -> Any:
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
            max_position_embeddings=_LENGTH,
            hidden_size=_WIDTH,
            intermediate_size=2 * _WIDTH,
            num_attention_heads=4,
            num_hidden_layers=2,
            projection_dim=_WIDTH,
        )
    )


def _scheduler() -> Any:
    """Return Stable Diffusion's training scheduler."""
    from diffusers import DDPMScheduler

    return DDPMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        steps_offset=1,
    )

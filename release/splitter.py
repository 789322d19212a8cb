"""The small network that tells where words and letters end in a line of text: renders, trains and exports it.

    python release/splitter.py render lines.npz --count 24000    # about 10 minutes on one core
    python release/splitter.py train lines.npz --out src/clipstr/assets/splitter.onnx --steps 1500

`clipstr.scenes.splitting` runs it. It sees a level strip of `HEIGHT` pixels and tells for every second column
how likely a gap between words and a boundary between two letters is.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import torch
import typer
from PIL import Image, ImageDraw
from torch import Tensor, nn

from clipstr.charset import ALPHABETS
from clipstr.fonts.faces import SIZE, FontFace, load_font
from clipstr.scenes.splitting import HEIGHT, STEP, levels
from clipstr.synth import WordRenderer
from clipstr.synth.camera import taken
from clipstr.synth.config import Camera, Looks, SynthConfig
from clipstr.synth.geometry import Placed
from clipstr.synth.scene import paint

WIDEST = 640  # pixels of a strip; longer lines are drawn with fewer words
CROP = 320  # pixels of a strip in training
WIDTH = 64  # channels of the network
HELD_OUT = 200  # lines

app = typer.Typer(pretty_exceptions_enable=False)


@dataclass(frozen=True)
class RenderedLine:
    """A strip (`HEIGHT`, width) in uint8 and, for every `STEP` columns, whether a word gap or a letter
    boundary is there, (2, width / `STEP`) in uint8.
    """

    strip: np.ndarray
    marks: np.ndarray


class LineRenderer:
    """Draws lines of one to eight words, as detectors cut them out."""

    def __init__(self) -> None:
        config = SynthConfig(
            characters=ALPHABETS["94"], camera=Camera(small=0.35), looks=Looks(segments=0.0, stencil=0.0)
        )
        self.words = WordRenderer(config)
        self.config = config

    def line(self, rng: np.random.Generator) -> RenderedLine:
        """A line, all chance coming from ``rng``."""
        count = int(rng.integers(2, 9)) if rng.random() > 0.2 else 1
        texts = " ".join(self.words.vocabulary.text(rng) for _ in range(count)).split()
        texts = texts[:1] if count == 1 else texts
        face = self.words.fonts.pick("".join(texts), rng)
        ink, letters = _drawn(texts, face, rng)
        return self._photographed(ink, letters, rng)

    def _photographed(
        self, ink: np.ndarray, letters: list[list[tuple[float, float]]], rng: np.random.Generator
    ) -> RenderedLine:
        height = len(ink)
        above, below = (rng.uniform(0.0, 0.35, 2) * height).astype(int)
        left, right = (rng.uniform(0.0, 0.6, 2) * height).astype(int)
        canvas = np.pad(ink, ((above, below), (left, right)))
        canvas = _aslant(canvas, rng)
        layers = [canvas]
        if rng.random() < 0.35:
            layers.append(self._neighbours(canvas.shape, above, below, rng))
        tall = canvas.shape[0]
        factor = HEIGHT / tall
        size = (max(round(canvas.shape[1] * factor), STEP), HEIGHT)
        small = [np.asarray(cv2.resize(layer, size, interpolation=cv2.INTER_AREA)) for layer in layers]
        placed = Placed(np.stack(small, 2).astype(np.float32) / 255, HEIGHT * height / tall * 0.8)
        difficulty = float(rng.uniform(0.1, 1))
        picture = paint(placed, rng, difficulty, self.config, ())
        strip = cv2.cvtColor(taken(picture, rng, difficulty, self.config.camera), cv2.COLOR_RGB2GRAY)
        moved = [[((a + left) * factor, (b + left) * factor) for a, b in word] for word in letters]
        return RenderedLine(np.asarray(strip)[:, :WIDEST], _marks(moved, min(size[0], WIDEST)))

    def _neighbours(
        self, shape: tuple[int, ...], above: int, below: int, rng: np.random.Generator
    ) -> np.ndarray:
        """What the lines above and below reach into the strip."""
        around = np.zeros(shape, np.uint8)
        for room, at_top in ((above, True), (below, False)):
            if room < 3 or rng.random() < 0.4:
                continue
            text = " ".join(self.words.vocabulary.context(rng) for _ in range(6))
            ink, _ = _drawn(text.split(), self.words.fonts.pick(text.replace(" ", ""), rng), rng)
            depth = int(rng.integers(1, room))
            part = ink[-depth:] if at_top else ink[:depth]
            width = min(part.shape[1], shape[1])
            rows = slice(0, part.shape[0]) if at_top else slice(shape[0] - part.shape[0], shape[0])
            around[rows, :width] = part[:, :width]
        return around


def _drawn(
    texts: list[str], face: FontFace, rng: np.random.Generator
) -> tuple[np.ndarray, list[list[tuple[float, float]]]]:
    """Ink (height, width) of the words ``texts``, and the left and right end of each letter's ink."""
    font = load_font(face)
    ascent, descent = font.getmetrics()
    tracking = float(rng.uniform(0.0, 0.45) if rng.random() < 0.25 else rng.normal(0, 0.015)) * SIZE
    space = font.getlength(" ") * float(np.exp(rng.normal(0.05, 0.3))) + 2.0 * max(tracking, 0)
    space = max(space, 0.16 * SIZE + 1.6 * max(tracking, 0))
    stroke = int(rng.integers(1, 3)) if rng.random() < 0.2 else 0
    length = sum(font.getlength(text) + len(text) * max(tracking, 0) + space for text in texts)
    canvas = Image.new("L", (int(length) + 3 * SIZE, ascent + descent + SIZE))
    draw, place = ImageDraw.Draw(canvas), float(SIZE)
    words: list[list[tuple[float, float]]] = []
    for text in texts:
        ends = []
        for number, letter in enumerate(text):
            draw.text(
                (place, ascent + SIZE // 2), letter, font=font, fill=255, stroke_width=stroke, anchor="ls"
            )
            left, _, right, _ = font.getbbox(letter, anchor="ls", stroke_width=stroke)
            ends.append((place + left, place + max(right, left + 1)))
            following = text[number : number + 2]
            kerned = font.getlength(following) - font.getlength(following[1:]) if len(following) > 1 else 0
            place += (kerned or font.getlength(letter)) + tracking
        words.append(ends)
        place += space - tracking
        if rng.random() < 0.05:
            place += float(rng.uniform(0.5, 2.5)) * SIZE
    ink = np.asarray(canvas)
    left, top, width, height = cv2.boundingRect(ink)
    if not width:
        return np.full((8, 8), 255, np.uint8), [[(0.0, 8.0)]]
    ink = ink[top : top + height, left : left + width]
    return np.ascontiguousarray(ink), [[(a - left, b - left) for a, b in word] for word in words]


def _aslant(ink: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """``ink`` slanted and turned a little about its middle, where columns keep their places."""
    height, width = ink.shape
    shear = float(rng.normal(0, 0.12))
    bow = float(rng.normal(0, 0.05)) * height * min(width / height / 5, 1)
    slope = float(rng.normal(0, 0.06)) * height / max(width, 1)
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    along = columns / width * 2 - 1
    moved_rows = rows + bow * (along**2 - 0.4) + slope * width / 2 * along
    moved_columns = columns + shear * (rows - height / 2)
    return np.asarray(cv2.remap(ink, moved_columns, moved_rows.astype(np.float32), cv2.INTER_LINEAR))


def _marks(words: list[list[tuple[float, float]]], width: int) -> np.ndarray:
    """Word gaps and letter boundaries, (2, width / `STEP`)."""
    count = width // STEP
    marks = np.zeros((2, count), np.uint8)
    for word, following in itertools.pairwise(words):
        first, last = word[-1][1] / STEP, following[0][0] / STEP
        if last - first < 1:
            middle = (first + last) / 2
            first, last = middle - 0.5, middle + 0.5
        marks[0, max(round(first), 0) : max(min(round(last), count), 0)] = 1
    for word in words:
        for letter, following_letter in itertools.pairwise(word):
            middle = (letter[1] + following_letter[0]) / 2 / STEP
            if 0 <= int(middle) < count:
                marks[1, int(middle)] = 1
    return marks


@app.command()
def render(
    out: Annotated[Path, typer.Argument(help="The file to write, .npz.")],
    count: Annotated[int, typer.Option(min=1)] = 24_000,
    seed: int = 0,
) -> None:
    """Render ``count`` lines."""
    renderer = LineRenderer()
    lines = [renderer.line(np.random.default_rng((seed, number))) for number in range(count)]
    widths = np.array([line.strip.shape[1] // STEP * STEP for line in lines])
    np.savez(
        out,
        widths=widths,
        strips=np.concatenate([line.strip[:, :width] for line, width in zip(lines, widths, strict=True)], 1),
        marks=np.concatenate([line.marks for line in lines], 1),
    )


class Splitter(nn.Module):
    """Strips (batch, `HEIGHT`, width) in uint8 to chances (batch, 2, width / `STEP`)."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = nn.Sequential(
            *_block(1, 16, (2, 2)), *_block(16, 32, (2, 1)), *_block(32, 48, (2, 1)), *_block(48, WIDTH, (2,
            1)), nn.Conv2d(WIDTH, WIDTH, (HEIGHT // 16, 1)), nn.ReLU(),
        )  # fmt: skip
        self.along = nn.ModuleList(
            nn.Sequential(
                nn.Conv1d(WIDTH, WIDTH, 5, padding=2 * gap, dilation=gap), nn.BatchNorm1d(WIDTH), nn.ReLU()
            )
            for gap in (1, 2, 4, 8, 1)
        )
        self.marks = nn.Conv1d(WIDTH, 2, 1)

    def forward(self, strips: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(strips))

    def logits(self, strips: Tensor) -> Tensor:
        """What the chances are the sigmoid of."""
        columns = self.picture(strips[:, None])[:, :, 0]
        for block in self.along:
            columns = columns + block(columns)
        return self.marks(columns)


def _block(inputs: int, outputs: int, stride: tuple[int, int]) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, stride, 1), nn.BatchNorm2d(outputs), nn.ReLU()]


def _batch(
    strips: np.ndarray,
    marks: np.ndarray,
    starts: np.ndarray,
    widths: np.ndarray,
    rng: np.random.Generator,
    size: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Strips (batch, HEIGHT, CROP), marks, and which columns count."""
    pictures = np.zeros((size, HEIGHT, CROP), np.float32)
    wanted, counts = np.zeros((size, 2, CROP // STEP), np.float32), np.zeros((size, CROP // STEP), np.float32)
    for row, line in enumerate(rng.integers(0, len(widths), size)):
        width = min(int(widths[line]), CROP)
        room = (int(widths[line]) - width) // STEP
        first = int(starts[line]) + STEP * int(rng.integers(0, room + 1))
        strip = strips[:, first : first + width]
        if rng.random() < 0.5:
            strip = 255 - strip
        strip = cv2.convertScaleAbs(strip, alpha=float(rng.uniform(0.4, 1)), beta=float(rng.uniform(0, 100)))
        if rng.random() < 0.3:
            strip = cv2.GaussianBlur(strip, (0, 0), float(rng.uniform(0.4, 2)))
        pictures[row, :, :width] = levels(strip)
        wanted[row, :, : width // STEP] = marks[:, first // STEP : (first + width) // STEP]
        counts[row, : width // STEP] = 1
    return torch.from_numpy(pictures), torch.from_numpy(wanted), torch.from_numpy(counts)


@app.command()
def train(
    data: Annotated[Path, typer.Argument(exists=True, help="What `render` wrote.")],
    out: Annotated[Path, typer.Option(help="The ONNX file to write.")],
    steps: int = 1500,
    batch: int = 32,
    rate: float = 3e-3,
    seed: int = 0,
) -> None:
    """Train on all lines but the last two hundred, tell how these are split, and export."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    with np.load(data) as file:
        strips, marks, widths = file["strips"], file["marks"], file["widths"]
    starts = np.concatenate([[0], np.cumsum(widths)[:-1]])
    training, held = slice(None, -HELD_OUT), slice(-HELD_OUT, None)
    network, rng = Splitter(), np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(network.parameters(), rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, steps, pct_start=0.1)
    for step in range(1, steps + 1):
        pictures, wanted, counts = _batch(strips, marks, starts[training], widths[training], rng, batch)
        loss = _loss(network.logits(pictures), wanted, counts)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 50 == 0:
            print(f"{step} steps: loss {float(loss):.4f}", flush=True)
    network.eval()
    pictures, wanted, counts = _batch(strips, marks, starts[held], widths[held], rng, HELD_OUT)
    with torch.no_grad():
        print(f"held out: loss {float(_loss(network.logits(pictures), wanted, counts)):.4f}")
    export(network, out)


def _loss(logits: Tensor, wanted: Tensor, counts: Tensor) -> Tensor:
    losses = nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return (losses * counts[:, None]).sum() / counts.sum()


def export(network: Splitter, out: Path) -> None:
    """Writes ``network`` as ONNX: input "strips", output "chances"."""
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(
        network,
        (torch.zeros(1, HEIGHT, 4 * HEIGHT),),
        str(out),
        input_names=["strips"],
        output_names=["chances"],
        dynamic_axes={"strips": {0: "batch", 2: "width"}, "chances": {0: "batch", 2: "columns"}},
        opset_version=17,
        dynamo=False,
    )


if __name__ == "__main__":
    app()

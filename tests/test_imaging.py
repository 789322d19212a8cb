"""`clipstr.imaging`: every kind of picture as a person sees it."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from clipstr.errors import (
    EmptyImageError,
    ImageError,
    NotAnImageError,
)
from clipstr.imaging import load_image, picture_size
from pictures import (
    BLUE,
    FORMATS,
    GREEN,
    HEIGHT,
    PILLOWS_CODEC,
    RED,
    WIDTH,
    assert_same,
    encoded,
    pixels_of,
    quarters,
)


@pytest.mark.parametrize("wrap", [bytes, bytearray, memoryview, io.BytesIO], ids=lambda kind: kind.__name__)
def test_bytes_of_every_kind_are_read(wrap: Callable[[bytes], object]) -> None:
    assert_same(wrap(encoded(quarters())), quarters())


@pytest.mark.parametrize("name", ["word.png", "no ending", "strange\nname.png", "слово.png"])
def test_paths_are_read_whatever_their_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(encoded(quarters()))
    assert_same(path, quarters())
    assert_same(str(path), quarters())


def test_a_file_is_told_by_its_content_and_not_by_its_ending(tmp_path: Path) -> None:
    path = tmp_path / "really_png.jpg"
    path.write_bytes(encoded(quarters()))
    assert_same(path, quarters())


def test_an_open_file_is_read_from_its_beginning_and_stays_open() -> None:
    stream = io.BytesIO(encoded(quarters()))
    stream.seek(0, os.SEEK_END)
    assert_same(stream, quarters())
    assert not stream.closed


def test_a_pipe_which_cannot_be_rewound_is_read() -> None:
    receiver, sender = os.pipe()
    with open(sender, "wb") as stream:  # noqa: PTH123 (a file descriptor)
        stream.write(encoded(quarters()))
    with open(receiver, "rb") as stream:  # noqa: PTH123
        assert_same(stream, quarters())


def test_an_endless_pipe_that_is_no_picture_is_refused_after_its_first_bytes() -> None:
    class Endless(io.RawIOBase):
        taken = 0

        def read(self, size: int = -1) -> bytes:
            assert size >= 0, "all of an endless stream was asked for"
            self.taken += size
            return b"y\n" * (size // 2)

    stream = Endless()
    with pytest.raises(NotAnImageError):
        load_image(stream)  # type: ignore[arg-type]
    assert stream.taken < 100


def test_the_callers_image_is_not_changed_and_not_handed_back() -> None:
    given = quarters()
    loaded = load_image(given)
    loaded.putpixel((0, 0), (1, 2, 3))
    assert given.getpixel((0, 0)) == RED


@pytest.mark.parametrize("source", [None, 7, object(), ["a.png"], io.StringIO("text")])
def test_what_is_no_picture_source_is_an_error_of_ours(source: object) -> None:
    with pytest.raises(ImageError):
        load_image(source)  # type: ignore[arg-type]


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_shows_the_same_picture(format_: str) -> None:
    codec = PILLOWS_CODEC.get(format_)
    if codec and codec not in features.get_supported():
        pytest.skip(f"this Pillow has no {format_}")
    lossless: dict[str, dict[str, object]] = {
        "JPEG": {"quality": 95, "subsampling": 0},
        "AVIF": {"quality": 95, "subsampling": "4:4:4"},
        "WEBP": {"lossless": True},
    }
    assert_same(encoded(quarters(), format_, **lossless.get(format_, {})), quarters(), within=12)


@pytest.mark.parametrize("format_", FORMATS)
def test_the_size_is_told_without_decoding_a_pixel(format_: str) -> None:
    codec = PILLOWS_CODEC.get(format_)
    if codec and codec not in features.get_supported():
        pytest.skip(f"this Pillow has no {format_}")
    assert picture_size(encoded(quarters(), format_)) == (WIDTH, HEIGHT)


def test_a_large_jpeg_has_its_whole_size_although_it_is_loaded_smaller() -> None:
    large = encoded(quarters().resize((4800, 3200)), "JPEG")
    assert picture_size(large) == (4800, 3200)
    assert load_image(large).size < (4800, 3200)


def test_what_has_no_head_of_a_picture_has_no_size() -> None:
    for content in (b"", b"no picture at all", encoded(quarters(), "PNG")[:12]):
        with pytest.raises(ImageError):
            picture_size(content)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "PA", "RGBa"])
def test_every_mode_shows_the_same_greys(mode: str) -> None:
    greys = Image.fromarray(np.tile(np.array([0, 255], np.uint8), (HEIGHT, WIDTH // 2)))
    through = {"PA": "P", "RGBa": "RGBA", "HSV": "RGB", "YCbCr": "RGB", "CMYK": "RGB"}
    picture = greys.convert(through[mode]) if mode in through else greys
    if mode == "PA":
        picture = greys.convert("RGB").convert("P", palette=Image.Palette.ADAPTIVE)
    picture = picture.convert(mode)
    assert picture.mode == mode
    assert_same(picture, greys, within=1)


@pytest.mark.parametrize("format_", ["JPEG", "TIFF"])
def test_cmyk_shows_its_colours(format_: str) -> None:
    assert_same(encoded(quarters().convert("CMYK"), format_), quarters(), within=25)


def test_a_palette_with_a_transparent_colour_lies_on_white() -> None:
    picture = Image.new("P", (WIDTH, HEIGHT), 0)
    picture.putpalette([10, 200, 10, 0, 0, 0])
    picture.paste(1, (4, 4, 12, 12))
    for format_ in ("PNG", "GIF"):
        found = pixels_of(encoded(picture, format_, transparency=0))
        assert found[0, 0].tolist() == [255, 255, 255]
        assert found[8, 8].tolist() == [0, 0, 0]


def test_a_transparent_colour_of_a_png_without_alpha_lies_on_white() -> None:
    picture = quarters()
    found = pixels_of(encoded(picture, "PNG", transparency=RED))
    assert found[0, 0].tolist() == [255, 255, 255]
    assert found[-1, 0].tolist() == list(BLUE)


def test_of_an_animation_the_first_frame_is_read() -> None:
    frames = [Image.new("RGB", (WIDTH, HEIGHT), colour) for colour in (RED, GREEN, BLUE)]
    for format_ in ("GIF", "WEBP", "PNG", "TIFF"):
        content = encoded(frames[0], format_, save_all=True, append_images=frames[1:])
        assert_same(content, frames[0], within=12)


def test_a_huge_jpeg_is_unpacked_smaller_and_looks_the_same() -> None:
    large = quarters().resize((4800, 3200), Image.Resampling.NEAREST)
    small = load_image(encoded(large, "JPEG", quality=95))
    assert 1024 <= min(small.size) < 3200
    assert_same(small.resize((WIDTH, HEIGHT), Image.Resampling.BOX), quarters(), within=12)


RAMP = np.linspace(0, 65535, WIDTH * HEIGHT).reshape(HEIGHT, WIDTH)


def sixteen_bits(levels: np.ndarray, format_: str) -> bytes:
    if format_ == "PGM":  # which not every Pillow writes
        return f"P5 {WIDTH} {HEIGHT} 65535\n".encode() + levels.astype(">u2").tobytes()
    return encoded(Image.fromarray(levels), format_)


@pytest.mark.parametrize("format_", ["PNG", "TIFF", "PGM"])
def test_sixteen_bit_greys_keep_their_whole_range(format_: str) -> None:
    ramp = np.rint(RAMP).astype(np.uint16)
    found = pixels_of(sixteen_bits(ramp, format_))
    assert np.abs(found - np.rint(ramp / 257).astype(int)[..., None]).max() <= 1


def test_a_dark_sixteen_bit_picture_stays_dark() -> None:
    dark = np.rint(RAMP / 257).astype(np.uint16)
    for format_ in ("PNG", "TIFF", "PGM"):
        assert pixels_of(sixteen_bits(dark, format_)).max() == 1


def test_floating_point_greys_are_read_in_their_own_range() -> None:
    expected = np.rint(RAMP / 257)
    for scale in (1, 255, 1e6):
        picture = Image.fromarray((RAMP / 65535 * scale).astype(np.float32))
        assert np.abs(pixels_of(encoded(picture, "TIFF"))[..., 0] - expected).max() <= 1


def test_a_floating_point_picture_of_one_level_or_with_gaps_is_read() -> None:
    levels = np.full((HEIGHT, WIDTH), -3.0, np.float32)
    levels[0, 0] = np.nan
    assert pixels_of(Image.fromarray(levels)).min() == 0
    assert np.ptp(pixels_of(Image.fromarray(np.full((HEIGHT, WIDTH), 1e9, np.float32)))) == 0


@pytest.mark.parametrize("shape", [(HEIGHT, WIDTH), (HEIGHT, WIDTH, 1)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float64])
def test_grey_arrays_of_every_type_show_the_same(shape: tuple[int, ...], kind: type) -> None:
    top = {np.uint8: 255, np.uint16: 65535}.get(kind, 1)  # type: ignore[arg-type]
    array = (RAMP / 65535 * top + (0.5 if top > 1 else 0)).astype(kind).reshape(shape)
    assert np.abs(pixels_of(array)[..., 0] - RAMP / 257).max() <= 1


def test_coloured_and_boolean_arrays_show_what_they_hold() -> None:
    assert_same(np.asarray(quarters()), quarters())
    assert_same(np.asarray(quarters())[:, ::-1], quarters().transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    mask = RAMP > 30000
    assert (pixels_of(mask)[..., 0] == mask * 255).all()
    clear = np.dstack([np.asarray(quarters()), np.zeros((HEIGHT, WIDTH), np.uint8)])
    assert pixels_of(clear).min() == 255


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3, HEIGHT, WIDTH), np.uint8),
        np.zeros((1, HEIGHT, WIDTH, 3), np.uint8),
        np.zeros((HEIGHT, WIDTH, 2), np.uint8),
        np.zeros((HEIGHT, WIDTH), np.int64),
        np.full((HEIGHT, WIDTH), 254.0),
        np.full((HEIGHT, WIDTH), np.nan),
        np.array([["a", "b"]]),
    ],
    ids=["channels first", "a batch", "two channels", "int64", "floats to 255", "nan", "text"],
)
def test_arrays_that_could_be_misunderstood_are_refused(array: np.ndarray) -> None:
    with pytest.raises(NotAnImageError, match="array of shape"):
        load_image(array)


@pytest.mark.parametrize("shape", [(0, 5), (5, 0, 3), ()])
def test_arrays_without_pixels_are_empty(shape: tuple[int, ...]) -> None:
    with pytest.raises(EmptyImageError):
        load_image(np.zeros(shape, np.uint8))


TURNED_BACK = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_turned_as_their_exif_says(orientation: int, format_: str) -> None:
    stored = quarters()
    if orientation in TURNED_BACK:
        stored = stored.transpose(TURNED_BACK[orientation])
    exif = Image.Exif()
    exif[274] = orientation
    options: dict[str, object] = {"quality": 95, "subsampling": 0} if format_ == "JPEG" else {}
    options |= {"lossless": True} if format_ == "WEBP" else {}
    content = encoded(stored, format_, exif=exif.tobytes(), **options)
    assert_same(content, quarters(), within=12)
    # A picture that has been turned is not turned again.
    assert_same(load_image(content), quarters(), within=12)
    assert_same(Image.open(io.BytesIO(content)), quarters(), within=12)


def test_a_picture_with_damaged_exif_is_read_as_it_lies() -> None:
    for junk in (b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0", b"Exif\0\0MM\0*\0\0\0\x08\0\x05\x01\x12"):
        assert_same(encoded(quarters(), "JPEG", exif=junk, quality=95, subsampling=0), quarters(), within=12)


def drawn(ink: tuple[int, int, int, int], paper: tuple[int, int, int, int]) -> Image.Image:
    picture = Image.new("RGBA", (WIDTH, HEIGHT), paper)
    picture.paste(ink, (4, 4, 12, 12))
    return picture


@pytest.mark.parametrize("ink", [(0, 0, 0), (200, 30, 20), (120, 120, 120), (20, 40, 210)])
def test_dark_and_coloured_text_without_background_lies_on_white(ink: tuple[int, int, int]) -> None:
    found = pixels_of(drawn((*ink, 255), (0, 0, 0, 0)))
    assert found[0, 0].tolist() == [255, 255, 255]
    assert found[8, 8].tolist() == list(ink)


@pytest.mark.parametrize("ink", [(255, 255, 255), (255, 250, 120), (235, 235, 235)])
def test_light_text_that_would_vanish_on_white_lies_on_black(ink: tuple[int, int, int]) -> None:
    found = pixels_of(drawn((*ink, 255), (255, 255, 255, 0)))
    assert found[0, 0].tolist() == [0, 0, 0]
    assert found[8, 8].tolist() == list(ink)


def test_a_white_panel_with_dark_text_and_clear_corners_lies_on_white() -> None:
    panel = drawn((10, 10, 10, 255), (255, 255, 255, 255))
    panel.putpixel((0, 0), (0, 0, 0, 0))
    assert pixels_of(panel)[0, 0].tolist() == [255, 255, 255]


def test_half_transparent_ink_is_mixed_with_the_paper() -> None:
    assert pixels_of(drawn((0, 0, 0, 128), (0, 0, 0, 0)))[8, 8].tolist() == pytest.approx([127] * 3, abs=1)


def test_a_picture_that_shows_nothing_is_white() -> None:
    assert pixels_of(Image.new("RGBA", (4, 4), (9, 9, 9, 0))).min() == 255


def test_one_stray_dark_pixel_does_not_put_white_letters_on_white() -> None:
    picture = drawn((255, 255, 255, 255), (255, 255, 255, 0))
    for place in ((0, 0), (WIDTH - 1, 0)):
        picture.putpixel(place, (0, 0, 0, 255))
    assert pixels_of(picture)[1, 1].tolist() == [0, 0, 0]


def test_white_letters_that_were_smoothed_against_black_lie_on_black() -> None:
    """As palettes have them: their edges are opaque and dark."""
    picture = drawn((60, 60, 60, 255), (0, 0, 0, 0))
    picture.paste((255, 255, 255, 255), (5, 5, 11, 11))
    palette = picture.convert("RGB").quantize(8)
    for converted in (picture, palette_with_a_hole(palette, picture)):
        found = pixels_of(converted)
        assert found[0, 0].tolist() == [0, 0, 0]
        assert found[8, 8].min() > 240


def palette_with_a_hole(palette: Image.Image, picture: Image.Image) -> Image.Image:
    """``palette`` with the clear parts of ``picture`` in a colour of their own, which is transparent."""
    indices = np.asarray(palette).copy()
    indices[np.asarray(picture)[..., 3] == 0] = 200
    converted = palette.copy()
    converted.putdata(indices.ravel().tolist())
    converted.info["transparency"] = 200
    return converted


@pytest.mark.parametrize("kind", [">u2", ">f4", ">f8", "<u2", "<f2"])
def test_arrays_of_either_byte_order_are_read(kind: str) -> None:
    levels = np.asarray(quarters()).astype(np.float64)
    scale = 257 if kind.endswith("u2") else 1 / 255
    assert_same((levels * scale).astype(kind), quarters(), within=1)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1), (1, -1)])
def test_an_array_of_encoded_bytes_is_the_picture_that_they_encode(shape: tuple[int, ...]) -> None:
    content = np.frombuffer(encoded(quarters()), np.uint8).reshape(shape)
    assert_same(content, quarters())


def test_a_picture_of_one_line_of_grey_is_still_a_picture() -> None:
    assert load_image(np.arange(200, dtype=np.uint8)[None]).size == (200, 1)

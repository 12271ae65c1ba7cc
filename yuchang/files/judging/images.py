"""Pictures are decoded within limits and drawn anew: whatever else was in the file is left behind.

Gone: EXIF with its GPS, comments, profiles, appended archives, scripts in metadata, further frames. The
orientation that EXIF asked for is applied first.
"""

from __future__ import annotations

import io
import warnings

from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

from yuchang.core.errors import Invalid, invalid

MAX_SIDE = 20_000
# Decoded at once: 3 or 4 bytes for each. A big JPEG is decoded at a half, a quarter or an eighth of its size.
MAX_PIXELS = 25_000_000
MAX_JPEG_PIXELS = 50_000_000
THUMBNAIL = 320
_FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}


def redraw(content: bytes, kind: str, max_side: int) -> tuple[str, bytes, bytes]:
    """The kind kept (``jpeg`` or ``png``), the new picture and its thumbnail. Raises Invalid."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=[_FORMATS[kind]]) as source:
                _require_sane(source, kind)
                picture = _decoded(source, kind, max_side)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        raise _too_large() from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise invalid("file", _("图片已损坏，无法读取。"), _("请重新拍照或另存为 JPG 后再上传。")) from error
    kept_kind = "png" if kind == "png" or picture.mode == "RGBA" else "jpeg"
    return kept_kind, _encoded(picture, kept_kind), _thumbnail(picture)


def _require_sane(source: Image.Image, kind: str) -> None:
    width, height = source.size
    limit = MAX_JPEG_PIXELS if kind == "jpeg" else MAX_PIXELS
    if width * height > limit or max(width, height) > MAX_SIDE or min(width, height) < 1:
        raise _too_large()


def _too_large() -> Invalid:
    return invalid("file", _("图片的像素过多，已拒绝读取。"), _("请缩小到 2500 万像素以内后再上传。"))


def _decoded(source: Image.Image, kind: str, max_side: int) -> Image.Image:
    """The first frame, upright, at most ``max_side`` long, as plain pixels without anything attached."""
    if kind == "jpeg":
        source.draft("RGB", (max_side, max_side))
    has_alpha = "A" in source.getbands() or "transparency" in source.info
    upright = ImageOps.exif_transpose(source)
    plain = upright.convert("RGBA" if has_alpha else "RGB")
    plain.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    clean = Image.new(plain.mode, plain.size)
    clean.paste(plain)
    return clean


def _encoded(picture: Image.Image, kind: str) -> bytes:
    target = io.BytesIO()
    if kind == "png":
        picture.save(target, "PNG", compress_level=6)
    else:
        picture.convert("RGB").save(target, "JPEG", quality=85)
    return target.getvalue()


def _thumbnail(picture: Image.Image) -> bytes:
    small = picture.copy()
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    ground = Image.new("RGB", small.size, "white")
    ground.paste(small, mask=small.getchannel("A") if small.mode == "RGBA" else None)
    return _encoded(ground, "jpeg")

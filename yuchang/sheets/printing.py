"""Pages for paper: a typst template and data in, a PDF out. Pure but for a temporary folder."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import typst
from django.utils.translation import gettext as _

from yuchang.core.errors import invalid

FAMILIES = ("Noto Sans CJK SC", "Source Han Sans SC", "Noto Serif CJK SC", "SimSun", "WenQuanYi Zen Hei")


@cache
def font() -> str:
    """The first Chinese font family this machine has; empty when there is none."""
    known = set(typst.Fonts(include_system_fonts=True).families())
    return next((f for f in FAMILIES if f in known), "")


def render(template: Path, data: dict[str, Any]) -> bytes:
    """The PDF of a template that reads ``data.json`` beside it. Raises Invalid without a Chinese font."""
    family = font()
    if not family:
        raise invalid(
            "font",
            _("本机没有中文字体,无法生成 PDF。"),
            _("请管理员安装 fonts-noto-cjk(Noto Sans CJK)后重试。"),
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data.json").write_text(
            json.dumps(data | {"font": family}, ensure_ascii=False), encoding="utf-8"
        )
        (folder / "main.typ").write_text(template.read_text(encoding="utf-8"), encoding="utf-8")
        content = typst.compile(str(folder / "main.typ"), root=str(folder), format="pdf")
    assert isinstance(content, bytes)  # noqa: S101 - one document, no output path
    return content

"""Small things that several pages need."""

from __future__ import annotations

from django.http import HttpResponse

from yuchang.core.forms import version_of

__all__ = ["XLSX", "download", "version_of"]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def download(content: bytes, name: str) -> HttpResponse:
    """A workbook to keep."""
    return HttpResponse(
        content,
        content_type=XLSX,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )

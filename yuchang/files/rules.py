"""What may be uploaded for which purpose, by whom, and who may see it. Pure.

The table ``PURPOSES`` is the one reviewed place where a kind of file gets its readers and writers. Where a
permission holds is said by the file's place, or by the household or organisation it is about.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MEGABYTE = 1 << 20
IMAGES = frozenset({"jpeg", "png", "webp"})
OFFICE = frozenset({"docx", "xlsx", "pptx"})
DOCUMENTS = IMAGES | OFFICE | {"pdf"}
EXTENSIONS: dict[str, str] = {
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".png": "png",
    ".webp": "webp",
    ".pdf": "pdf",
    ".docx": "docx",
    ".xlsx": "xlsx",
    ".pptx": "pptx",
    ".txt": "txt",
    ".csv": "csv",
}
_WORD = "application/vnd.openxmlformats-officedocument."
MEDIA_TYPES: dict[str, str] = {
    "jpeg": "image/jpeg",
    "png": "image/png",
    "pdf": "application/pdf",
    "docx": f"{_WORD}wordprocessingml.document",
    "xlsx": f"{_WORD}spreadsheetml.sheet",
    "pptx": f"{_WORD}presentationml.presentation",
    "txt": "text/plain; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}
DAILY_UPLOADS = 500  # by one person
DEALS_OF_ORGANISATION = "organisation_deals"
# What a file is about, where the number is an organisation's.
ABOUT_ORGANISATIONS = ("organisation", DEALS_OF_ORGANISATION)


@dataclass(frozen=True)
class Purpose:
    """One use of files. ``read`` and ``write`` name permissions, any of which suffices.

    ``max_bytes`` limits what is sent, ``max_side`` the longer side of a kept picture in pixels. Reading a
    ``is_sensitive`` file leaves an audit entry. ``keep_days``: expiry unless another day is given.
    """

    word: str
    read: tuple[str, ...]
    write: tuple[str, ...]
    kinds: frozenset[str]
    max_bytes: int = 20 * MEGABYTE
    max_side: int = 2560
    is_sensitive: bool = False
    keep_days: int | None = None


PURPOSES: dict[str, Purpose] = {
    "household_photo": Purpose(
        "农户照片",
        ("registry.read", "household.own"),
        ("registry.enter", "monitoring.visit"),
        IMAGES,
        15 * MEGABYTE,
        1920,
        is_sensitive=True,
    ),
    "household_document": Purpose(
        "农户材料",
        ("registry.read", "household.own"),
        ("registry.enter", "registry.verify", "monitoring.visit", "household.own"),
        DOCUMENTS,
        is_sensitive=True,
    ),
    "visit_photo": Purpose(
        "走访照片",
        ("monitoring.read",),
        ("monitoring.visit",),
        IMAGES,
        15 * MEGABYTE,
        1920,
        keep_days=3 * 366,
    ),
    "case_evidence": Purpose(
        "办理材料",
        ("registry.read", "procedures.read"),
        (
            *("registry.enter", "registry.verify", "registry.publish", "registry.decide_objection"),
            *("procedures.village", "procedures.township", "procedures.county", "monitoring.visit"),
        ),
        DOCUMENTS | {"txt"},
        is_sensitive=True,
    ),
    "official_document": Purpose(
        "公文和决定", ("registry.read",), ("registry.publish", "policy.decide"), DOCUMENTS, 40 * MEGABYTE
    ),
    "seal_image": Purpose(
        "印章图样",
        ("procedures.read",),
        ("registry.publish", "procedures.township", "procedures.county"),
        frozenset({"png"}),
        MEGABYTE,
        800,
    ),
    "organisation_document": Purpose(
        "单位证照", ("partners.manage", "partners.own"), ("partners.manage", "partners.own"), DOCUMENTS
    ),
    "commitment_evidence": Purpose(
        "帮扶承诺凭证", ("partners.own", "partners.manage"), ("partners.own", "partners.manage"), DOCUMENTS
    ),
    "posting_photo": Purpose("供需图片", ("exchange.read",), ("exchange.post",), IMAGES, 15 * MEGABYTE, 1920),
    "emergency_evidence": Purpose(
        "滞销证明材料", ("exchange.read",), ("exchange.clear",), DOCUMENTS | IMAGES
    ),
    "product_photo": Purpose("商品照片", ("market.read",), ("market.open", "market.commit"), IMAGES),
    "consent_form": Purpose(
        "授权书",
        ("consents.read",),
        ("consents.record",),
        IMAGES | {"pdf"},
        is_sensitive=True,
    ),
    # Both sides of a deal read its papers through the exchange's own door.
    "deal_paper": Purpose(
        "洽谈和协议材料", ("exchange.read",), ("exchange.talk", "exchange.agree"), DOCUMENTS | {"txt"}
    ),
    "letter_template": Purpose("文书模板", ("sheets.read",), ("sheets.design",), OFFICE),
}

_SEPARATORS = re.compile(r"[\\/:*?\"<>|]")
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
LONGEST_NAME = 120


def clean_name(given: str, kind: str) -> str:
    """A file name that no program misreads: one part, no control or direction signs, the true extension.

    Fit for UTF-8 and GB 18030; at most 120 characters.
    """
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", given))[-1]
    kept = "".join(c for c in last if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
    stem = _SEPARATORS.sub("_", kept).strip(" .")
    ending = extension_of(stem)
    if ending:
        stem = stem[: -len(ending)].rstrip(" .")
    if not stem or _RESERVED.match(stem):
        stem = f"文件{stem}"
    true_ending = ending.lower()
    if kind and EXTENSIONS.get(true_ending) != kind:
        true_ending = f".{_ending(kind)}"
    return stem[: LONGEST_NAME - len(true_ending)] + true_ending


def extension_of(name: str) -> str:
    """The part from the last dot on, dot included; empty when there is none."""
    match = re.search(r"\.[A-Za-z0-9]{1,8}$", name.strip(" ."))
    return match.group(0) if match else ""


def _ending(kind: str) -> str:
    return "jpg" if kind == "jpeg" else kind

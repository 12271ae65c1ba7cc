"""The contract text of an agreement: plain, official, the same in Word and in PDF. Chinese in any language.

Headings follow the general clauses of a contract (民法典第四百七十条): parties, goods, quantity, quality,
price, time and manner, disputes. What it says is what the agreement holds, nothing besides.
"""

from __future__ import annotations

import io
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from docx import Document
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml.ns import qn
from docx.shared import Pt

from yuchang.accounts.rules import Actor
from yuchang.core.money import format_yuan
from yuchang.exchange.models import Agreement
from yuchang.exchange.queries_deals import HOLDING, due_days, parties_of
from yuchang.exchange.rules_deals import amount_words
from yuchang.sheets.blanks import settled
from yuchang.sheets.printing import render

TEMPLATE = Path(__file__).parent / "prints" / "contract.typ"
FONT = "Noto Serif CJK SC"
SIMULATED = "模拟数据，不具法律效力"
DRAFT = "草稿，双方签字后生效"
_FIXED = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Contract:
    """What the paper says. ``table``: headings first. ``mark``: a note on every page, or empty."""

    title: str
    number: str
    mark: str
    parties: list[tuple[str, str]]
    opening: str
    table: list[list[str]]
    clauses: list[tuple[str, str]]
    signatures: list[tuple[str, str, str]]


def contract_of(actor: Actor, agreement: Agreement, *, is_simulated: bool) -> Contract:
    """The text of one agreement as this reader may have it (``queries_deals.parties_of``)."""
    giver, receiver = parties_of(actor, agreement)
    goods_fen = agreement.quantity * agreement.price_fen
    is_held = agreement.state in HOLDING
    return Contract(
        title="购销协议",
        number=f"YC-{agreement.pk:08d}",
        mark="；".join(word for word, on in ((SIMULATED, is_simulated), (DRAFT, not is_held)) if on),
        parties=[("甲方（供方）", giver), ("乙方（需方）", receiver)],
        opening="甲乙双方本着自愿、平等、诚信的原则，就下列供需事项达成协议：",
        table=[
            ["标的", "数量", "单位", "单价（元）", "货款（元）"],
            [
                agreement.category.name_zh,
                str(agreement.quantity),
                agreement.category.unit,
                format_yuan(agreement.price_fen),
                format_yuan(goods_fen),
            ],
        ],
        clauses=list(_clauses(agreement, goods_fen)),
        signatures=[
            ("甲方", agreement.offer_yes_name, _day(agreement.offer_yes_at)),
            ("乙方", agreement.need_yes_name, _day(agreement.need_yes_at)),
        ],
    )


def _day(at: datetime | date | None) -> str:
    return f"{at:%Y-%m-%d}" if at else ""


def _clauses(agreement: Agreement, goods_fen: int) -> list[tuple[str, str]]:
    carriage_fen = agreement.quantity * agreement.transport_fen
    carriage = f"运费 {format_yuan(carriage_fen)} 元由乙方承担。" if carriage_fen else "运费已含在货款内。"
    days = "；".join(f"{_day(on)}前：{what}" for on, what in due_days(agreement))
    note = agreement.offer.note
    return [
        ("一、价款", f"货款合计人民币 {amount_words(goods_fen)}（{format_yuan(goods_fen)} 元）。{carriage}"),
        (
            "二、质量",
            f"按供方发布的说明交付{f'（{note}）' if note else ''}；有国家、行业标准的，不低于该标准。",
        ),
        (
            "三、交付",
            f"自 {_day(agreement.delivery_from)} 至 {_day(agreement.delivery_to)} 交付，可分批。"
            "每批由甲方登记、乙方确认；乙方认可的数量计为已履行。",
        ),
        (
            "四、付款",
            f"按以下节点付款和交付——{days}。" if days else "乙方在每批确认收货后按认可的数量付款。",
        ),
        ("五、提前了结", "双方同意并写明理由的，可按已确认的数量了结，其余部分不再履行。"),
        (
            "六、争议",
            "双方先行协商；协商不成的，可在本平台提出争议，由供方所在县的专员居中处理，也可依法向人民法院起诉。",
        ),
        ("七、生效", "本协议自双方签字之日起生效；网上签字与书面签字的扫描件具有同等记录效力。"),
    ]


def as_pdf(contract: Contract) -> bytes:
    """The contract as PDF. Raises Invalid without a Chinese font."""
    return render(TEMPLATE, asdict(contract))


def as_word(contract: Contract) -> bytes:
    """The contract as .docx: the same contract, the same bytes."""
    paper = Document()
    style = paper.styles["Normal"]
    style.font.name, style.font.size = FONT, Pt(11)
    style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), FONT)
    title = paper.add_paragraph()
    title.alignment = WD_ALIGN_PARAGRAPH.CENTER
    run = title.add_run(contract.title)
    run.bold, run.font.size = True, Pt(18)
    paper.add_paragraph(f"编号 {contract.number}").alignment = WD_ALIGN_PARAGRAPH.RIGHT
    if contract.mark:
        paper.add_paragraph(contract.mark).alignment = WD_ALIGN_PARAGRAPH.CENTER
    for name, value in contract.parties:
        paper.add_paragraph(f"{name}：{value}")
    paper.add_paragraph(contract.opening)
    table = paper.add_table(rows=0, cols=len(contract.table[0]), style="Table Grid")
    for line in contract.table:
        for cell, text in zip(table.add_row().cells, line, strict=True):
            cell.text = text
    for heading, text in contract.clauses:
        clause = paper.add_paragraph()
        clause.add_run(f"{heading}　").bold = True
        clause.add_run(text)
    for party, name, day in contract.signatures:
        paper.add_paragraph(f"{party}签字：{name or '　　　　　　'}　　日期：{day or '　　　　　　'}")
    target = io.BytesIO()
    paper.save(target)
    return settled(target.getvalue(), _FIXED)

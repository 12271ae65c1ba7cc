"""Next year's days off come in as people have them, and what is wrong is said by row."""

from datetime import date

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests import people
from yuchang.core.errors import Invalid
from yuchang.procedures import actions, queries

pytestmark = pytest.mark.django_db


HEADS = "日期,类型,名称,文号"
NOTICE = "国办发明电〔2026〕9号"


def lines(*days: tuple[str, str], title: str = "") -> bytes:
    """A notice as a spreadsheet saves it."""
    told = [f"{day},{kind},国庆节,{NOTICE}" for day, kind in days]
    return "\r\n".join([*([title] if title else []), HEADS, *told]).encode("gb18030")


@pytest.mark.parametrize(
    "written", ["2027-10-01", "2027/10/1", "2027年10月1日", "2027.10.1", "2027/10/1 0:00"]
)
def test_days_come_in_as_people_write_them_under_a_title_too(written: str):
    wang, county = people.wang(), people.county()
    content = lines((written, "放假"), title="2027年放假安排,,,")
    done = actions.import_holidays(wang.actor, name="放假.csv", content=content, place=county)
    assert (done.added, done.year) == (1, 2027)
    assert not queries.calendar_of(county).is_working(date(2027, 10, 1))


@pytest.mark.parametrize("wrong", ["2027-02-30", "2027-13-1", "27-10-1", "10月1日", "明年国庆"])
def test_what_is_no_day_is_refused_with_its_row(wrong: str):
    with pytest.raises(Invalid) as refused:
        actions.import_holidays(
            people.wang().actor, name="x.csv", content=lines((wrong, "放假")), place=people.county()
        )
    assert refused.value.problems[0].message.startswith("第 2 行:日期不是")


def test_the_page_of_the_imported_year_opens_and_knows_that_the_notice_came():
    wang, county = people.wang(), people.county()
    client = wang.client()

    def give(content: bytes) -> str:
        file = SimpleUploadedFile("放假.csv", content)
        reply = client.post("/procedures/calendar/import/", {"place": county.pk, "file": file}, follow=True)
        return str(reply.content.decode())

    assert "尚未导入" in client.get("/procedures/calendar/?year=2027").content.decode()
    page = give(lines(("2027-11-17", "放假")))  # 古尔邦节 alone is no notice
    assert "工作日历 2027" in page and "已导入 1 天" in page and "尚未导入" in page
    page = give(lines(("2027-10-01", "放假")))
    assert "已导入 1 天" in page and "尚未导入" not in page
    assert "没有变化" in give(lines(("2027-10-01", "放假")))
    assert "只有表头" in give(HEADS.encode())


def test_a_weekday_named_as_off_by_mistake_is_named_as_worked_again():
    wang, county = people.wang(), people.county()

    def give(day: str, kind: str) -> None:
        actions.import_holidays(wang.actor, name="x.csv", content=lines((day, kind)), place=county)

    with pytest.raises(Invalid, match="原来放假的日子"):
        give("2027-03-03", "上班")
    give("2027-03-03", "放假")
    assert not queries.calendar_of(county).is_working(date(2027, 3, 3))
    give("2027-03-03", "上班")
    assert queries.calendar_of(county).is_working(date(2027, 3, 3))

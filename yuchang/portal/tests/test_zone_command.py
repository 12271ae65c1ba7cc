"""``manage.py zone`` says in a sentence what the machine refuses."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command


@pytest.mark.parametrize(
    "words", [("card", "{}/none/card.json"), ("trust", "{}/card.json"), ("import", "{}/x.zip")]
)
def test_a_place_that_cannot_be_used_is_named_with_what_to_do(words: tuple[str, str], tmp_path: Path) -> None:
    step, place = words[0], Path(words[1].format(tmp_path))
    with pytest.raises(CommandError, match="请写完整路径") as refused:
        call_command("zone", step, place, yes=True)
    assert str(place) in str(refused.value)


@pytest.mark.parametrize("content", [b"\xff\xd8\xff\xe0 a picture", b"{}", b"[1]", b"nonsense", b""])
def test_what_is_no_card_is_refused_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    card = tmp_path / "card.json"
    card.write_bytes(content)
    with pytest.raises(CommandError, match="这不是身份卡"):
        call_command("zone", "trust", card, yes=True)

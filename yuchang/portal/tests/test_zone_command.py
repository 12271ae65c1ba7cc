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

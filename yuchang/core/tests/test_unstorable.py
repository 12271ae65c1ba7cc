"""A sign that the database cannot keep is refused in words, in a text and in what is kept as JSON."""

import pytest
from django.db import DataError, connection, transaction

from yuchang.core.middleware import unstorable


@pytest.mark.parametrize("kept", ["SELECT %s::text", "SELECT ('\"' || %s || '\"')::jsonb ->> 0"])
def test_the_sign_that_no_keyboard_makes_is_refused_in_words(db: None, kept: str) -> None:
    sign = "a\x00b" if "text" in kept else "a\\u0000b"
    with pytest.raises(DataError) as said, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(kept, [sign])
    refused = unstorable(said.value)
    assert refused and "控制字符" in refused.message


def test_another_fault_of_the_data_is_not_hidden(db: None) -> None:
    with pytest.raises(DataError) as said, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")
    assert unstorable(said.value) is None

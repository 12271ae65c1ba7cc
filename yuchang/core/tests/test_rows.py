"""A row read by one statement written once is the row that Django reads."""

import pytest
from django.forms.models import model_to_dict

from tests.people import wang
from yuchang.accounts.models import User
from yuchang.core.models import Instance
from yuchang.core.rows import row_by
from yuchang.procedures.models import Definition


def test_the_row_is_the_same_and_an_absent_one_is_none(db):
    officer = wang().user
    found = row_by(User, "username", officer.username)
    assert model_to_dict(found) == model_to_dict(User.objects.get(pk=officer.pk)) and found.pk == officer.pk
    assert row_by(User, "id", 0) is None and row_by(Instance, "id", 9) is None


def test_a_table_whose_columns_django_converts_is_refused():
    with pytest.raises(TypeError):
        row_by(Definition, "id", 1)

"""Light states: the same history, fewer classes made."""

from __future__ import annotations

from django.core.management import get_commands
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from yuchang.core.migrating import light_states


def test_migrate_uses_light_states() -> None:
    assert get_commands()["migrate"] == "yuchang.core"


def test_light_states_tell_the_same_history_as_django() -> None:
    plain = MigrationLoader(None).project_state()
    with light_states():
        light = MigrationLoader(None).project_state()
    assert plain.models.keys() == light.models.keys()
    for key, model in plain.models.items():
        other = light.models[key]
        assert list(model.fields) == list(other.fields), key
        for option in ("indexes", "constraints"):
            names = [one.name for one in model.options.get(option, [])]
            assert names == [one.name for one in other.options.get(option, [])], key


def test_an_index_makes_no_class_anew_while_inside_and_does_outside() -> None:
    state = MigrationLoader(None).project_state(("places", "0001_initial"))
    before = state.apps.get_model("places", "Place")
    index = state.models["places", "place"].options["indexes"][0]
    name = index.name
    with light_states():
        state.remove_index("places", "place", name)
        state.add_index("places", "place", index)
        assert state.apps.get_model("places", "Place") is before
    assert ProjectState._append_option.__module__ == "django.db.migrations.state"
    state.remove_index("places", "place", name)
    assert state.apps.get_model("places", "Place") is not before
    assert name not in {one.name for one in state.models["places", "place"].options["indexes"]}

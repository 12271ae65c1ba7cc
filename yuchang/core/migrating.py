"""Migrations without making the whole house anew for every index.

Django keeps a class of every model while it migrates. When a model changes, it makes anew every class that
any chain of foreign keys joins to it: here nearly all of them, some hundreds of times, which is most of the
time that an empty database takes. An index or a constraint changes no class, since the operation itself
gives it to the schema editor; so for these the state is noted and no class is made. All else is Django's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.migrations.state import ProjectState


def _append_option(self: Any, app_label: str, model_name: str, option_name: str, added: Any) -> None:
    options = self.models[app_label, model_name].options
    options[option_name] = [*options[option_name], added]


def _remove_option(self: Any, app_label: str, model_name: str, option_name: str, removed: str) -> None:
    options = self.models[app_label, model_name].options
    options[option_name] = [one for one in options[option_name] if one.name != removed]


@contextmanager
def light_states() -> Iterator[None]:
    """While inside, an added or removed index or constraint makes no class anew. For one thread at a time."""
    light = {"_append_option": _append_option, "_remove_option": _remove_option}
    kept = {name: getattr(ProjectState, name) for name in light}
    for name, method in light.items():
        setattr(ProjectState, name, method)
    try:
        yield
    finally:
        for name, method in kept.items():
            setattr(ProjectState, name, method)

"""Migrations without making the whole house anew for every change.

Django keeps a class of every model while it migrates. When a model changes, it makes anew every class that
any chain of foreign keys joins to it: here nearly all of them, some hundreds of times, which is most of the
time that an empty database takes. The operations of which a schema is mostly made need only the class of
their own model and of those its foreign keys lead to. For these a class is made when it is asked for and
kept until its model or one that it leads to changes. All else, and every step backwards, is Django's.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from django.db.migrations import operations
from django.db.migrations.migration import Migration
from django.db.migrations.state import ModelState, ProjectState, StateApps
from django.db.migrations.utils import resolve_relation

Key = tuple[str, str]
# Exactly these: what inherits from them may do more. The first change no class; they bring what they add.
CLASSLESS = (
    operations.AddIndex,
    operations.RemoveIndex,
    operations.AddConstraint,
    operations.RemoveConstraint,
)
LIGHT = (operations.CreateModel, operations.AddField, operations.AlterModelOptions, *CLASSLESS)
_django: dict[tuple[type, str], Any] = {
    (Migration, "apply"): Migration.apply,
    (ProjectState, "reload_model"): ProjectState.reload_model,
    (ModelState, "clone"): ModelState.clone,
}


class LightApps(StateApps):
    """Classes made when asked for, together with those that their foreign keys lead to."""

    def __init__(self, states: Mapping[Key, ModelState], real_apps: set[str]) -> None:
        super().__init__(real_apps, {})  # type: ignore[arg-type]
        self.states = states
        self.is_changing = True

    def get_model(self, app_label: str, model_name: str | None = None, require_ready: bool = True) -> Any:
        """As Django's. Raises LookupError."""
        label, name = (app_label, model_name) if model_name else app_label.split(".")
        key = label, name.lower()
        with self.bulk_update():
            for one in closure(self.states, key):
                if one[1] not in self.all_models[one[0]]:
                    self.states[one].render(self)
        model: Any = super().get_model(label, name, require_ready)
        if key in self.states:  # classes are not made anew for these
            options = self.states[key].options
            model._meta.indexes, model._meta.constraints = options["indexes"], options["constraints"]
        return model

    def without(self, key: Key, states: Mapping[Key, ModelState]) -> LightApps:
        """The same classes but those made from this model: for a state in which it has changed."""
        new = LightApps(states, set())
        new.real_models = self.real_models
        for label, found in self.all_models.items():
            for model in found.values():
                owner: Any = model._meta.auto_created or model  # whose many-to-many field made this one
                if key not in closure(states, (owner._meta.app_label, owner._meta.model_name)):
                    new.register_model(label, model)
        return new

    def clone(self) -> LightApps:
        """Itself: what changes a class makes another registry (``without``)."""
        return self


def closure(states: Mapping[Key, ModelState], key: Key) -> list[Key]:
    """The model, its bases and those that their foreign keys lead to, over any number of steps."""
    found = [key] if key in states else []
    for one in found:
        relations = [f.remote_field for f in states[one].fields.values() if f.remote_field]
        bases = [base for base in states[one].bases if isinstance(base, str)]
        named = bases + [r.model for r in relations] + [getattr(r, "through", None) for r in relations]
        ends = {resolve_relation(end, *one) for end in named if end}
        found.extend(end for end in sorted(ends) if end in states and end not in found)
    return found


def is_light(operation: Any, state: ProjectState, app_label: str) -> bool:
    """Whether the operation needs no look at the models that point at its own."""
    if isinstance(operation, operations.RunSQL):
        return not operation.state_operations
    if type(operation) is operations.AlterField:
        before = state.models[app_label, operation.model_name_lower].fields[operation.name]
        # What is unique may be referred to from elsewhere.
        return not any(field.unique or field.many_to_many for field in (before, operation.field))
    return type(operation) in LIGHT


def _apply(self: Migration, state: ProjectState, editor: Any, collect_sql: bool = False) -> ProjectState:
    """``Migration.apply``, operation by operation."""
    for operation in self.operations:
        part: Any = copy.copy(self)
        part.operations = [operation]
        apps = state.__dict__.pop("apps", None)
        if is_light(operation, state, self.app_label):
            is_ours = isinstance(apps, LightApps) and apps.states is state.models
            state.apps = apps if is_ours else LightApps(state.models, state.real_apps)
            state.apps.is_changing = type(operation) not in CLASSLESS
            key = self.app_label, getattr(operation, "model_name_lower", "")
            if key in state.models:
                state.apps.get_model(*key)  # as it is before, while that is known
        state = _django[Migration, "apply"](part, state, editor, collect_sql)
    if not isinstance(state.__dict__.get("apps"), LightApps):
        state.apps = LightApps(state.models, state.real_apps)
    state.is_delayed = True  # whoever needs every class has Django make them
    return state


def _reload_model(self: ProjectState, app_label: str, model_name: str, delay: bool = False) -> None:
    apps = self.__dict__.get("apps")
    if not isinstance(apps, LightApps):
        _django[ProjectState, "reload_model"](self, app_label, model_name, delay)
    elif apps.is_changing and model_name in apps.all_models[app_label]:
        self.apps = apps.without((app_label, model_name), self.models)


def _clone(self: ModelState) -> ModelState:
    """As Django's, without the checks that the model it was made from has passed."""
    new = copy.copy(self)
    new.fields, new.options, new.managers = dict(self.fields), dict(self.options), list(self.managers)
    return new


@contextmanager
def light_states() -> Iterator[None]:
    """While inside, migrations go forwards with few classes made. For one thread at a time."""
    for (owner, name), method in zip(_django, (_apply, _reload_model, _clone), strict=True):
        setattr(owner, name, method)
    try:
        yield
    finally:
        for (owner, name), method in _django.items():
            setattr(owner, name, method)

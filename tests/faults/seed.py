"""Run against a migrated database: one county, one officer, some sessions. Prints them as JSON."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.db import connection  # noqa: E402

from tests.people import Person, county, wang  # noqa: E402
from yuchang.core.models import Instance  # noqa: E402
from yuchang.places.loading import load_divisions  # noqa: E402
from yuchang.places.models import Place  # noqa: E402


def session_for(person: Person) -> str:
    """The cookie of a signed-in browser."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY] = str(person.user.pk)
    store[BACKEND_SESSION_KEY] = "yuchang.accounts.backend.AccountBackend"
    store[HASH_SESSION_KEY] = person.user.get_session_auth_hash()
    store.save()
    return str(store.session_key)


def main() -> None:
    if not Place.objects.filter(level=5).exists():
        load_divisions(areas=("621221",))
    Instance.objects.update_or_create(
        id=1, defaults={"is_simulated": True}
    )  # nobody asks for a second factor
    place = county()
    sessions = [session_for(wang(place)) for _ in range(int(sys.argv[1]))]
    connection.close()
    print(json.dumps({"sessions": sessions, "county": place.pk}))


if __name__ == "__main__":
    main()

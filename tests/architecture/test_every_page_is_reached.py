"""A page that no other page, form or script names is found by nobody who does not know its address."""

from __future__ import annotations

import re

from django.urls import reverse

from tests.access.cells import CELLS
from tests.architecture.sources import ROOT, python_files, templates

# For machines: the operator's probes, and the operations of the API, which its description lists.
FOR_MACHINES = {"core:healthz", "core:readyz"}


def text_of_the_product() -> str:
    """Templates, scripts and code; where addresses are declared does not count."""
    files = [*templates(), *(ROOT / "static" / "js").glob("*.js")]
    files += [path for path in python_files() if not path.name.startswith("urls")]
    return "\n".join(path.read_text() for path in files)


def test_every_address_of_the_matrix_is_named_by_a_page() -> None:
    text = text_of_the_product()
    named = set(re.findall(r"[\"']([a-z_]+:[a-z_]+)[\"']", text))
    called = set(re.findall(r"[\"'](/[a-z_/-]+)\?q=", text))  # by our own scripts
    lost = {
        name
        for name, _method in CELLS
        if name not in named | FOR_MACHINES and not name.startswith("v1:") and not is_called(name, called)
    }
    assert not lost


def is_called(name: str, addresses: set[str]) -> bool:
    """Whether a script asks this address, which takes no number."""
    return name in {"workbench:categories"} and reverse(name) in addresses

"""``manage.py administrators 621221``: the first three administrators, or with ``--again`` a way back in."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from yuchang.accounts.actions.first import first_administrators, let_in_again
from yuchang.accounts.rules import ROLE_WORDS
from yuchang.core.errors import YuchangError
from yuchang.places.models import Place


class Command(BaseCommand):
    help = "Make the first system, security and audit administrator of a place (safe to repeat)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("place", nargs="?", help="the place's code: 621221 a county, 62 a province")
        parser.add_argument("--again", metavar="NAME", help="a new one-time password for an administrator")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["again"]:
            try:
                password = let_in_again(options["again"])
            except YuchangError as error:
                raise CommandError(str(error)) from error
            self.stdout.write(f"{options['again']}  {password}  一次性密码 one-time password")
            return
        found = first_administrators(self.place(options["place"] or ""))
        for made in found:
            words = "  ".join(ROLE_WORDS[made.role])
            self.stdout.write(f"{made.username:<20} {made.password or '已有 is there':<14} {words}")
        if any(made.password for made in found):
            self.stdout.write("密码只显示这一次，登录后须改。 Shown once; changed at the first sign-in.")

    @staticmethod
    def place(code: str) -> Place:
        """The place of a code of two to twelve digits. Raises CommandError."""
        found = Place.objects.filter(code=code.ljust(12, "0"), valid_to=None).first() if code else None
        if found is None:
            raise CommandError(
                f"没有地区“{code}”：请先运行 manage.py load_places。 No place {code!r}: load_places first."
            )
        return found

"""Goods are public as long as their own round is.

The condition of 0004 named ``round_id`` alone, which the published round has, too: it compared a round with
itself, so that all goods stood or fell together.
"""

from django.db import migrations

POLICY = """
ALTER POLICY portal_goods_live ON portal_publishedgoods USING (EXISTS (
    SELECT 1 FROM portal_publishedround r
    WHERE r.id = {goods}round_id AND r.expires_on >= portal_today()));
"""


class Migration(migrations.Migration):
    dependencies = [("portal", "0006_real_hours")]
    operations = [
        migrations.RunSQL(POLICY.format(goods="portal_publishedgoods."), POLICY.format(goods="")),
    ]

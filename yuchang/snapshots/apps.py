from django.apps import AppConfig


class SnapshotsConfig(AppConfig):
    name = "yuchang.snapshots"
    label = "snapshots"

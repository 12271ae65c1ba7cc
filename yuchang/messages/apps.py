from django.apps import AppConfig


class MessagesConfig(AppConfig):
    name = "yuchang.messages"
    label = "inbox"  # django.contrib.messages holds the plain name

"""The WSGI entry point."""

import os

from django.core.wsgi import get_wsgi_application

from config.threads import serve_by_threads

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()
serve_by_threads()

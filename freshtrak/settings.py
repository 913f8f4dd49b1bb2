"""Settings. Everything that differs between installations comes from the environment.

`.env.example` lists every variable with its meaning and default.
"""

import json
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import structlog
from corsheaders.defaults import default_headers

from freshtrak import database_urls, rates, token_settings
from freshtrak.databases import PRIVATE, PUBLIC, PUBLIC_READ
from freshtrak.environment import Environment

BASE_DIR = Path(__file__).resolve().parent.parent

env = Environment(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = token_settings.secret(env, "SECRET_KEY", debug=DEBUG)
_TOKENS = token_settings.read(env, debug=DEBUG)
JWT_ALGORITHM = _TOKENS.algorithm
JWT_SIGNING_KEY = _TOKENS.signing_key

ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS",
    default=["localhost", "127.0.0.1", "[::1]"],
    pattern=r"\*|[\w.-]+|\[[0-9A-Fa-f:.]+\]",
    accepted="write host names without scheme or port, such as book.example.org,127.0.0.1",
)

# Behind a proxy that speaks TLS, and sets (or removes) X-Forwarded-Proto: HTTPS and nothing else.
HTTPS_ONLY = env.bool("HTTPS_ONLY", default=False)
if HTTPS_ONLY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)$"]  # asked from inside, without TLS
    SECURE_HSTS_SECONDS = 31_536_000
    # Each wider promise binds names and browsers beyond this service: the operator chooses.
    _HSTS = env.choice("HSTS", "host", ("host", "subdomains", "preload"))
    SECURE_HSTS_INCLUDE_SUBDOMAINS = _HSTS != "host"
    SECURE_HSTS_PRELOAD = _HSTS == "preload"
    SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # they ask for both
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True

# Pages of other origins that may call the API from a browser.
CORS_ALLOWED_ORIGINS = env.list(
    "CORS_ALLOWED_ORIGINS",
    pattern=r"https?://[^/?#\s]+",
    accepted="write origins without a path, such as https://book.example.org",
)
CORS_URLS_REGEX = r"^/api/"
CORS_ALLOW_HEADERS = [*default_headers, "idempotency-key", "x-request-id"]
CORS_EXPOSE_HEADERS = ["idempotency-replayed", "location", "retry-after", "x-request-id"]

INSTALLED_APPS = [
    "freshtrak.apps.FreshtrakConfig",  # before the admin, whose base template it extends
    "freshtrak.apps.DeskConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "corsheaders",
    "csp",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "schedules",
    "audit",
    "registrations",
]

MIDDLEWARE = [
    "freshtrak.middleware.RequestMiddleware",
    "corsheaders.middleware.CorsMiddleware",  # before whatever may answer by itself
    "django.middleware.security.SecurityMiddleware",
    "freshtrak.middleware.PageStaticFilesMiddleware",
    "freshtrak.middleware.PageSessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "freshtrak.middleware.PageAuthenticationMiddleware",
    "freshtrak.middleware.PageMessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.http.ConditionalGetMiddleware",
    "freshtrak.middleware.PageContentSecurityPolicyMiddleware",
    "axes.middleware.AxesMiddleware",
]

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATION}.NumericPasswordValidator"},
]
# A log-in at the desk ends after a shift, and earlier on a tablet that nobody touches:
# freshtrak.sessions. The cookie itself ends with the browser.
SESSION_HOURS = env.int("SESSION_HOURS", default=12, minimum=1, maximum=24 * 7)
SESSION_IDLE_MINUTES = env.int("SESSION_IDLE_MINUTES", default=60, minimum=1, maximum=24 * 60)
SESSION_COOKIE_AGE = SESSION_HOURS * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
# Five failures of one name from one address lock that pair, not the person's other addresses.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_CLIENT_IP_CALLABLE = "freshtrak.client_address.client_address"
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # the page says when it ends
AXES_LOCKOUT_CALLABLE = "freshtrak.lockout.answer"
AXES_VERBOSE = False  # names of people are for no log

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    }
}

ROOT_URLCONF = "freshtrak.urls"
WSGI_APPLICATION = "freshtrak.wsgi.application"
CSRF_FAILURE_VIEW = "freshtrak.error_pages.csrf_failure"
DATA_UPLOAD_MAX_MEMORY_SIZE = 64 * 1024  # bytes of a body; ops/nginx/freshtrak.conf has it, too
APPEND_SLASH = False  # a redirect would turn a client's POST into a GET

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Databases --------------------------------------------------------------------

_SESSION = {
    # The server's default of 50 s would park every worker on one stuck row.
    "innodb_lock_wait_timeout": env.int("DATABASE_LOCK_WAIT", default=3, minimum=1),
    # A host that vanishes without a word must not keep a slot locked for the default of 8 hours.
    "wait_timeout": env.int("DATABASE_IDLE_TIMEOUT", default=60, minimum=1),
}
# What decides is never read stale, whichever node is asked.
_GALERA = {"wsrep_sync_wait": 1} if env.bool("GALERA", default=False) else {}


def _set_session(variables: dict[str, int]) -> str:
    return "SET SESSION " + ", ".join(f"{k} = {v}" for k, v in variables.items())


_MYSQL_OPTIONS = {
    "charset": "utf8mb4",
    "isolation_level": "read committed",
    "connect_timeout": 5,
    "read_timeout": env.int("DATABASE_READ_TIMEOUT", default=60),
    "init_command": _set_session({**_SESSION, **_GALERA}),
}
# The primary answers instead of a replica that is slow; and no replica decides.
_REPLICA_OPTIONS = {
    **_MYSQL_OPTIONS,
    "connect_timeout": 2,
    "read_timeout": 5,
    "init_command": _set_session(_SESSION),
}

# A writer announces itself at BEGIN: SQLite's nearest thing to SELECT … FOR UPDATE.
_SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": _SESSION["innodb_lock_wait_timeout"],
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}


def _database(
    variable: str, name: str, mysql_options: dict[str, Any] = _MYSQL_OPTIONS
) -> dict[str, Any]:
    config: dict[str, Any] = env.db_url(variable, default=f"sqlite:///{BASE_DIR / name}.sqlite3")
    mysql = config["ENGINE"].endswith("mysql")
    config["OPTIONS"] = {
        **(mysql_options if mysql else _SQLITE_OPTIONS),
        **config.get("OPTIONS", {}),
    }
    config["CONN_MAX_AGE"] = env.int("CONN_MAX_AGE", default=600)
    config["CONN_HEALTH_CHECKS"] = True
    if mysql:
        config["ENGINE"] = "freshtrak.mysql"  # fewer round trips
        config["TEST"] = {"CHARSET": "utf8mb4"}
    else:  # threads and processes of the tests share a file, not memory
        config["TEST"] = {"NAME": str(BASE_DIR / f"test_{name}.sqlite3")}
    return config


DATABASES = {
    PRIVATE: _database("PRIVATE_DATABASE_URL", "freshtrak_private"),
    PUBLIC: _database("PUBLIC_DATABASE_URL", "freshtrak_public"),
}
DATABASES[PUBLIC]["TEST"]["MIGRATE"] = False
if not DEBUG:
    for _name in ("PRIVATE_DATABASE_URL", "PUBLIC_DATABASE_URL"):
        if not env.str(_name):
            env.wrong(_name, database_urls.MYSQL)
if database_urls.are_one(DATABASES[PRIVATE], DATABASES[PUBLIC]):
    env.wrong(
        "PUBLIC_DATABASE_URL",
        "write the URL of PantryTrak's own database",
        holds="names the same database as PRIVATE_DATABASE_URL",
    )
if env.str("PUBLIC_READ_URL", default=""):
    DATABASES[PUBLIC_READ] = _database("PUBLIC_READ_URL", "freshtrak_public", _REPLICA_OPTIONS)
    DATABASES[PUBLIC_READ]["TEST"] = {"MIRROR": PUBLIC}
DATABASE_ROUTERS = ["freshtrak.routers.DatabaseRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Time, language, static files ---------------------------------------------------

USE_TZ = True
TIME_ZONE = env.time_zone("TIME_ZONE", default="America/New_York")
LANGUAGE_CODE = "en-us"
STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
WHITENOISE_USE_FINDERS = True

# API ----------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["freshtrak.api.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["freshtrak.api.json.JsonRenderer"],
    "DEFAULT_PARSER_CLASSES": ["freshtrak.api.json.JsonParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "freshtrak.api.json.Negotiation",
    "EXCEPTION_HANDLER": "freshtrak.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_SCHEMA_CLASS": "freshtrak.api.schema.Schema",
    "DEFAULT_THROTTLE_CLASSES": ["freshtrak.api.throttling.CallerThrottle"],
    # Unset, anybody could escape throttling by an X-Forwarded-For of their own making.
    "NUM_PROXIES": env.int("NUM_PROXIES", default=0),
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

# How often a caller may ask (None: as often as they like). An address needs no password for the
# tokens that it refreshes or verifies, so there is nothing to guess: many people may share it.
_LOG_INS = env.rate("TOKEN_RATE", default="20/min")
_REFRESHES = env.rate("REFRESH_RATE", default="600/min")
RATES = {
    "log_in": _LOG_INS,  # by address, as the next three
    "desk_log_in": _LOG_INS,
    "refresh": _REFRESHES,
    "verify": _REFRESHES,
    "change": env.rate("CHANGE_RATE", default="120/min"),
    "read": env.rate("READ_RATE", default="600/min"),
    "staff": env.rate("STAFF_RATE", default="6000/min"),
}
# Where the workers count together: gunicorn.conf.py and freshtrak.serve give them a directory.
_SHARED = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
RATES_FILE = env.str("RATES_FILE", default="") or (
    f"{_SHARED}/rates.sqlite3" if _SHARED else rates.IN_MEMORY
)

SIMPLE_JWT = {
    **_TOKENS.for_simple_jwt(),
    "AUTH_TOKEN_CLASSES": ["freshtrak.api.authentication.CallerToken"],
    "ACCESS_TOKEN_LIFETIME": timedelta(hours=1),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "FreshTrak Registrations",
    "DESCRIPTION": (
        "Households book a place at a food distribution. Schedules can be read by anybody; "
        "registrations need a token. Errors are problem documents (RFC 9457): act on `code`."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
JWT_HOUSEHOLD_CLAIM = env.str("JWT_HOUSEHOLD_CLAIM", default="household_id")

# What names in event_statuses mean that are none of ours: "Registered=confirmed,Left=cancelled".
STATUS_ALIASES = {
    name.strip().lower().replace(" ", "_").replace("-", "_"): meaning
    for name, meaning in env.dict("STATUS_ALIASES", default={}).items()
}

IDEMPOTENCY_KEY_HOURS = env.int("IDEMPOTENCY_KEY_HOURS", default=24, minimum=1)

# Logs ---------------------------------------------------------------------------

LOG_FORMAT = env.choice("LOG_FORMAT", "console" if DEBUG else "json", ("json", "console"))
LOG_LEVEL = env.choice(
    "LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), upper=True
)

_LOG_STEPS: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def _to_json(line: dict[str, Any], default: Callable[[Any], Any], **options: Any) -> str:
    try:
        return orjson.dumps(line, default=default).decode()
    except TypeError:  # a lone surrogate: no line is lost
        return json.dumps(line, default=default)


# Tracebacks without the values of local variables: those are personal data.
_LOG_RENDERERS: dict[str, list[structlog.typing.Processor]] = {
    "json": [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_to_json)],
    "console": [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)],
}


class _Stderr:
    """Where our own lines go: straight there, for a booking writes four."""

    def msg(self, line: str) -> None:
        sys.stderr.write(f"{line}\n")

    debug = info = warning = error = critical = exception = msg


structlog.configure(
    processors=[*_LOG_STEPS, *_LOG_RENDERERS[LOG_FORMAT]],
    logger_factory=lambda *args: _Stderr(),
    wrapper_class=structlog.make_filtering_bound_logger(LOG_LEVEL),
    cache_logger_on_first_use=True,
)
# What Django and the libraries log, in the same form.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structlog": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _LOG_STEPS,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_LOG_RENDERERS[LOG_FORMAT],
            ],
        }
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structlog"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    # Handed over whole to the root logger: Django would print each request twice.
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        "axes": {"level": "WARNING"},
    },
}

env.refuse_problems()

"""Settings common to every occasion."""

from config import databases, env
from yingjian.rooms import ROOMS

BASE_DIR = env.PROJECT
SECRET_KEY = env.secret("secret_key", size=32)
DEBUG = env.flag("YINGJIAN_DEBUG")
ALLOWED_HOSTS = env.words("YINGJIAN_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
CSRF_TRUSTED_ORIGINS = env.words("YINGJIAN_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "procrastinate.contrib.django",
    *(f"yingjian.{room}" for room in reversed(ROOMS)),
    "config",
]
MIDDLEWARE = [
    "config.admission.AdmissionMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "yingjian.access.edges.ActorMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [],
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    }
]

DATABASES = databases.databases()
DATABASE_ROUTERS = ["config.routers.OwnerMigrates"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "access.User"
# scrypt costs an attacker memory as well as time, and a sign-in a tenth of a second instead of a half.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]

# Keys of the personal-data vault (SM4, HMAC-SM3) and of residents' codes (Ed25519 seed), as hex.
YINGJIAN_KEYS = {
    "cipher": env.secret("vault_cipher_key", size=16),
    "index": env.secret("vault_index_key", size=32),
    "code": env.secret("code_signing_key", size=32),
}
# "database": events travel as procrastinate jobs; "memory": tests deliver them by hand.
YINGJIAN_OUTBOX = "database"
YINGJIAN_OWNER_ALIAS = "owner"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "src" / "yingjian" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

STATIC_URL = "static/"
STATIC_ROOT = env.VAR / "static"

SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
if env.flag("YINGJIAN_HTTPS"):  # behind a proxy that ends TLS and sets X-Forwarded-Proto itself
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_SSL_REDIRECT = True
    SECURE_HSTS_SECONDS = 31_536_000
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True
X_FRAME_OPTIONS = "DENY"

PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"
PROCRASTINATE_DATABASE_ALIAS = "default"

# The drill's accelerated clock is honoured only where the server was started for a drill.
YINGJIAN_DRILL = env.flag("YINGJIAN_DRILL")
YINGJIAN_VAR = env.VAR
YINGJIAN_THREADS = env.number(
    "YINGJIAN_THREADS", 8
)  # of this web process that work; `serve` tells it
YINGJIAN_SEATS = env.number("YINGJIAN_SEATS", 16)  # its threads in which requests wait for a moment
YINGJIAN_PRESETS = BASE_DIR / "presets"
YINGJIAN_WEB_DIST = BASE_DIR / "web" / "dist"

# One line per event on standard error. No statement and no parameter is logged: they carry names.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "yingjian": {"level": env.text("YINGJIAN_LOG", "INFO")},
        "django.db.backends": {"level": "WARNING"},
        "procrastinate": {"level": "WARNING"},  # below it, job arguments are written out
    },
}

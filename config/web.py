"""The built files of console, station and resident's page, served by the same process as the API.

Granian serves ``/assets`` itself (hashed names, cached for a year); what comes here is the page,
its icons and its service worker. Any path that is no file is the page: the console routes itself.
"""

import mimetypes
from pathlib import Path

from django.conf import settings
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

_TYPES = {".webmanifest": "application/manifest+json", ".wasm": "application/wasm",
          ".js": "text/javascript", ".mjs": "text/javascript"}  # fmt: skip
_LONGEST_ROUTE = 512
_APPLICATIONS = ("station", "my")
# A station may also speak to a hub, whose address nobody knows beforehand; its scripts are its own all the same.
_HUBS = "; connect-src 'self' https: http:"
_POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; font-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
)


@require_safe
@ensure_csrf_cookie
def page(request: HttpRequest, path: str) -> HttpResponseBase:
    """The file ``path`` of the build, or the console's page."""
    built = Path(settings.YINGJIAN_WEB_DIST).resolve()
    if not (built / "index.html").is_file():
        return HttpResponse(
            "网页尚未构建，请运行 make setup。\nThe web console is not built: run make setup.\n",
            status=503,
            content_type="text/plain; charset=utf-8",
        )
    if path in _APPLICATIONS:  # its service worker keeps what lies under the slash
        return HttpResponseRedirect(f"/{path}/")
    wanted = _file(built, path)
    if wanted is None:
        if Path(path).suffix or len(path) > _LONGEST_ROUTE:
            raise Http404
        wanted = built / _page_of(path)
    kind = _TYPES.get(wanted.suffix) or mimetypes.guess_type(wanted.name)[0]
    answer = FileResponse(wanted.open("rb"), content_type=kind or "application/octet-stream")
    hashed = wanted.parent == built / "assets"
    answer["Cache-Control"] = "public, max-age=31536000, immutable" if hashed else "no-cache"
    answer["Content-Security-Policy"] = _POLICY + (
        _HUBS if wanted == built / "station" / "index.html" else ""
    )
    return answer


def _page_of(path: str) -> str:
    """Three applications share the address: the station's, the resident's, and the console's everywhere else."""
    first = path.split("/", 1)[0]
    return f"{first}/index.html" if first in _APPLICATIONS else "index.html"


def _file(built: Path, path: str) -> Path | None:
    """The file of that name inside the build; None for anything else, however it is spelt."""
    try:
        wanted = (built / path).resolve()
        return wanted if wanted.is_relative_to(built) and wanted.is_file() else None
    except (OSError, ValueError):  # a name that no file system takes, a NUL
        return None

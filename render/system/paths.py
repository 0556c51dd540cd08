"""Where the files that ship with the package lie: `conf/` and the starter assets."""

from __future__ import annotations

from pathlib import Path

__all__ = ["ASSETS_DIR", "CONF_DIR", "find_assets"]

_PACKAGE = Path(__file__).resolve().parent.parent
# The wheel carries both folders inside the package; a checkout has them next to it.
_SHARE = _PACKAGE / "_share" if (_PACKAGE / "_share").is_dir() else _PACKAGE.parent

CONF_DIR = _SHARE / "conf"
ASSETS_DIR = _SHARE / "assets"


def find_assets(kind: str) -> Path:
    """Folder of one kind of asset: ``./assets/<kind>`` if it holds files, else the starter set.

    Args:
        kind: ``models``, ``environments``, ``backgrounds`` or ``textures``.

    """
    local = Path.cwd() / "assets" / kind
    if local.is_dir() and any(p.is_file() for p in local.rglob("*")):
        return local
    return ASSETS_DIR / kind

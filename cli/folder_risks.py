"""Why a folder may be a bad place for a CA home: network drives, synced folders."""

from __future__ import annotations

from pathlib import Path

SYNCED = (
    "dropbox",
    "onedrive",
    "google drive",
    "googledrive",
    "icloud",
    "mobile documents",
    "nextcloud",
    "syncthing",
    "pcloud",
)
NETWORK = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "afs", "ceph", "fuse.davfs")


def trouble(path: Path) -> str | None:
    """A warning if the folder is on a network drive or in a synced folder, else None."""
    resolved = path.resolve()
    for part in resolved.parts:
        if any(part.casefold().startswith(word) for word in SYNCED):
            return (
                f"'{path}' is in a synced folder ({part}): keep the CA home on this machine alone"
            )
    if str(resolved).startswith("\\\\") or _mounted_as(resolved) in NETWORK:
        return f"'{path}' is on a network drive, where file locks may not hold: use a local disk"
    return None


def _mounted_as(path: Path) -> str | None:
    try:
        mounts = Path("/proc/self/mounts").read_text(errors="replace")
    except OSError:
        return None
    best, kind = "", None
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        inside = str(path) == point or str(path).startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind

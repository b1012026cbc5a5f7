"""Which file system holds a path. Linux tells it in /proc; elsewhere it is not known."""

from pathlib import Path

MOUNTS = Path("/proc/self/mountinfo")
REMOTE = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre", "ncpfs", "beegfs", "gpfs"}
)
"""A lock or a sync there is another machine's word."""
_REMOTE_FUSE = ("sshfs", "s3fs", "gcsfuse", "rclone", "glusterfs", "davfs", "juicefs", "cephfs")


def file_system_of(path: Path, mounts: Path = MOUNTS) -> str | None:
    """Its type, as `ext4`; None where that cannot be told."""
    whole = path.resolve()
    try:
        lines = mounts.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return None
    best: tuple[int, str] | None = None
    for line in lines:  # 36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw
        before, _, after = line.partition(" - ")
        if len(before.split()) < 5 or not after:
            continue
        place = Path(before.split()[4].encode().decode("unicode_escape"))
        if whole.is_relative_to(place) and (best is None or len(place.parts) >= best[0]):
            best = (len(place.parts), after.split()[0])
    return None if best is None else best[1]


def is_remote(file_system: str) -> bool:
    return file_system in REMOTE or file_system.removeprefix("fuse.").startswith(_REMOTE_FUSE)

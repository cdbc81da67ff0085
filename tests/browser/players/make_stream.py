"""Makes the stream that the players of the tests play: `python -m tests.browser.players.make_stream FFMPEG`.

A test picture of 24 s as fragmented MP4 (H.264, no sound) in segments of 2 s, with a manifest for DASH and playlists for HLS. The result lies
compressed in tests/data/players, so that nobody needs ffmpeg to run the tests.
"""

from __future__ import annotations

import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import zstandard

TARGET = Path(__file__).resolve().parents[2] / "data" / "players" / "stream.tar.zst"
SECONDS, SEGMENT_S, FRAMES_PER_S = 24, 2, 10


def encode(ffmpeg: str, folder: Path) -> None:
    """One quality into `folder`: manifest.mpd, master.m3u8, media_0.m3u8 and their segments."""
    key_frames = str(SEGMENT_S * FRAMES_PER_S)
    command = [ffmpeg, "-v", "error", "-f", "lavfi", "-i", f"testsrc=size=160x90:rate={FRAMES_PER_S}:duration={SECONDS}"]  # fmt: skip
    command += ["-c:v", "libx264", "-b:v", "40k", "-maxrate", "40k", "-bufsize", "40k", "-preset", "slow", "-profile:v", "main", "-pix_fmt", "yuv420p", "-g", key_frames,
                "-keyint_min", key_frames, "-sc_threshold", "0", "-bf", "0", "-map_metadata", "-1",
                "-f", "dash", "-seg_duration", str(SEGMENT_S), "-use_template", "1", "-use_timeline", "0",
                "-hls_playlist", "1", "-init_seg_name", "init-$RepresentationID$.mp4",
                "-media_seg_name", "seg-$RepresentationID$-$Number%03d$.m4s", str(folder / "manifest.mpd")]  # fmt: skip
    subprocess.run(command, check=True)


def packed(folder: Path) -> bytes:
    """All files of the folder, in the order of their names, without times or owners."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(folder.iterdir()):
            archive.add(path, path.name, filter=_anonymous)
    return zstandard.ZstdCompressor(level=19).compress(buffer.getvalue())


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.mtime = info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode = 0o644
    return info


def main() -> None:
    """Write the stream into tests/data."""
    with tempfile.TemporaryDirectory() as folder:
        encode(sys.argv[1], Path(folder))
        TARGET.parent.mkdir(exist_ok=True)
        TARGET.write_bytes(packed(Path(folder)))


if __name__ == "__main__":
    main()

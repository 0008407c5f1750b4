"""go mod download of some sixty modules: through a warm remote repository, from the proxy, and alone."""
import os
import shutil

from bench import figure, folder
from remote import in_turns, store, tell, timed
from test_go import GO, go_env, upstream
from test_jfrog import PROGRAM


def download(project, proxy, cache=None):
    """Into an empty module cache (or `cache`), by what the project's go.sum says."""
    with folder() as fresh:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("GO", "SOS_"))}
        return timed(GO, "mod", "download", cwd=project, env=env | {
            "GOPROXY": proxy, "GOMODCACHE": str(cache or fresh), "GOTOOLCHAIN": "local", "GOFLAGS": "-modcacherw",
            "GOSUMDB": go_env("GOSUMDB")})


def main():
    with folder() as project, folder() as kept, store(f"go-remote go remote url={upstream()}") as ours:
        for name in ("go.mod", "go.sum"):
            shutil.copy(PROGRAM / name, project)
        download(project, go_env("GOPROXY"), kept)      # go.sum is complete after this
        count = len(list((kept / "cache/download").rglob("*.zip")))
        through, alone = f"{ours.base}/api/go/go-remote", f"file://{kept}/cache/download"
        cold = download(project, through)
        warm, direct, alone = in_turns(lambda: download(project, through),
                                       lambda: download(project, go_env("GOPROXY")),
                                       lambda: download(project, alone))
    figure(f"go mod download of {count} modules, cold", cold, "s", "the registry itself", direct[0])
    tell(f"go mod download of {count} modules", warm, direct, alone)


main()

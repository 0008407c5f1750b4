"""Resolving some fifty jars with mvn and coursier: through a warm remote repository, from the registry, and alone."""
from bench import figure, folder
from remote import in_turns, store, tell, timed
from test_maven_clients import COURSIER, POM, SETTINGS, default_registry


def mvn(room, url, token="", kept=None):
    """Into an empty local repository, or offline from `kept`; checksums strict; what was resolved stays in room/cp."""
    with folder() as fresh:
        (fresh / "settings.xml").write_text(SETTINGS.format(url=url, token=token))
        offline = ["-o"] if kept else []
        return timed("mvn", "-B", "-q", "-C", *offline, "-s", fresh / "settings.xml",
                     f"-Dmaven.repo.local={kept or fresh}/m2", "dependency:build-classpath", "-Dmdep.outputFile=cp",
                     cwd=room)


def coursier(room, jars, url, kept=None, mode="offline"):
    """Into an empty cache, or by `mode` with `kept`."""
    with folder() as fresh:
        return timed("java", "-cp", jars, "coursier.cli.Coursier", "fetch", "-q", "--cache", kept or fresh,
                     *(["--mode", mode] if kept else []), "--no-default", "-r", url, ":".join(COURSIER), cwd=room)


def main():
    registry = default_registry()
    with folder() as room, folder() as kept, folder() as cache, \
            store(f"maven-remote maven remote url={registry}") as ours:
        (room / "pom.xml").write_text(POM.format(*COURSIER))
        url = ours.base + "/maven-remote"
        (kept / "settings.xml").write_text(SETTINGS.format(url=registry, token=""))
        timed("mvn", "-B", "-q", "-C", "-s", kept / "settings.xml", f"-Dmaven.repo.local={kept}/m2",
              "dependency:build-classpath", "-Dmdep.outputFile=cp", cwd=room)
        jars = (room / "cp").read_text()
        cold = mvn(room, url, ours.token)
        coursier(room, jars, url)
        coursier(room, jars, registry, cache, "missing")
        resolved = in_turns(lambda: mvn(room, url, ours.token), lambda: mvn(room, registry),
                            lambda: mvn(room, registry, kept=kept))
        fetched = in_turns(lambda: coursier(room, jars, url), lambda: coursier(room, jars, registry),
                           lambda: coursier(room, jars, registry, cache))
    figure("mvn resolves 48 jars, cold", cold, "s", "the registry itself", resolved[1][0])
    tell("mvn resolves 48 jars", *resolved)
    tell("coursier fetches 48 jars", *fetched)


main()

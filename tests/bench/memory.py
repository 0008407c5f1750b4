"""What the servers hold in memory: at rest, and after a build."""
import subprocess
import tempfile
import sys
import pathlib

from bench import Farm, figure, sample

TARGET_MIB = 12


def memory(pid, field):
    """Of a process, in MiB: VmRSS, or Pss (pages that are shared counted in parts)."""
    file = "status" if field == "VmRSS" else "smaps_rollup"
    lines = pathlib.Path(f"/proc/{pid}/{file}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field + ":")) / 1024


def yardstick():
    """MiB of Python's own HTTP server at rest."""
    process = subprocess.Popen([sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "0"],
                               stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    try:
        return memory(process.pid, "VmRSS")
    finally:
        process.kill()
        process.wait()


def main():
    other = yardstick()
    with Farm(slots=1) as farm, tempfile.TemporaryDirectory() as room:
        def tell(when):
            for program in ("sos-server", "sos-store"):
                for field in ("VmRSS", "Pss"):
                    target = TARGET_MIB if (program, field) == ("sos-server", "VmRSS") else None
                    figure(f"{program} {when}: {field}", memory(farm.pid(program), field), "MiB",
                           "python3 -m http.server, VmRSS", other, target)
        tell("after its start")
        farm.build(sample("go", pathlib.Path(room) / "p"))
        tell("after a build")


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""Arrows point down: which floor includes which (docs/ARCHITECTURE.md).

The linker sees calls; this sees what it cannot, types and inline functions.
"""
import pathlib
import re
import subprocess
import sys

# For each floor, the prefixes of includes from this repository that it may have.
BASE = ["sos/base/", "common/base/"]
SCHEMA = ["sos/v1"]
SERVE = ["sos/serve/", "common/serve/"]
FLOORS = {
    "include/sos/base/": BASE,
    "include/sos/serve/": BASE + SERVE + SCHEMA,
    "common/base/": BASE,
    "common/serve/": BASE + SERVE + SCHEMA,
    "server/core/": BASE + SCHEMA + ["server/core/"],
    "server/disk/": BASE + SCHEMA + ["sos/serve/db.h", "sos/serve/strand.h", "sos/serve/auth.h", "server/disk/"],
    "server/farm/": BASE + SCHEMA + SERVE + ["server/core/", "server/disk/", "server/farm/"],
    "server/web/": BASE + SCHEMA + SERVE + ["server/core/", "server/farm/", "server/web/"],
    "server/": BASE + SCHEMA + SERVE + ["server/"],
    "store/core/": BASE + ["store/core/"],
    "store/disk/": BASE + ["sos/serve/db.h", "sos/serve/strand.h", "sos/serve/auth.h", "store/core/", "store/disk/"],
    "store/web/": BASE + SERVE + SCHEMA + ["store/core/", "store/disk/", "store/web/"],
    "store/": BASE + SERVE + SCHEMA + ["store/"],
    "gateway/": BASE + SERVE + ["gateway/"],
    "worker/": BASE + SCHEMA + ["worker/"],
    "cli/project/": BASE + SCHEMA + ["cli/project/"],
    "cli/": BASE + SCHEMA + ["cli/"],
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def floor_of(path):
    return max((f for f in FLOORS if path.startswith(f)), key=len, default=None)


def main():
    wrong = 0
    files = subprocess.run(["git", "ls-files", "*.c", "*.h"], capture_output=True, text=True, check=True)
    for path in files.stdout.split():
        floor = floor_of(path)
        if floor is None:
            continue
        for name in INCLUDE.findall(pathlib.Path(path).read_text()):
            if not any(name.startswith(allowed) for allowed in FLOORS[floor]):
                print(f"{path}: {floor} must not include {name}", file=sys.stderr)
                wrong += 1
    return 1 if wrong else 0


sys.exit(main())

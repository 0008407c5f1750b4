"""What the farm adds to a build of the Go sample: submit to published, less the recipe's own time.

Changed sources are built in turns by the farm and by the recipe's four verbs in the same root file system
without any farm (tests/bench/recipe: a chroot, as uid 1000), after one build of each for warm caches.
Submit to published is the server's own: createTime to finishTime of the record.
"""
import datetime
import os
import pathlib
import shutil
import subprocess
import time

from bench import IMAGES, Farm, figure, folder, median, sample

REPEATS, TARGET_S = 5, 1.0
HERE = pathlib.Path(__file__).resolve().parent
STEPS = ("source", "image", "inspect", "fetch", "build", "check", "collect")


def change(project, text):
    """Another source: the compiler and the linker have to work."""
    (project / "bench.go").write_text(f'package main\n\nvar bench = "{text}"\n\nfunc init() {{\n\tif bench == "" {{\n'
                                      '\t\tpanic(bench)\n\t}\n}\n')


def seconds(item):
    start, finish = (datetime.datetime.fromisoformat(item[key].rstrip("Z")) for key in ("createTime", "finishTime"))
    return (finish - start).total_seconds()


def step_seconds(build, step):
    item = next(item for item in build["steps"] if item["id"] == step)
    start, finish = (datetime.datetime.fromisoformat(item[key].rstrip("Z")) for key in ("startTime", "finishTime"))
    return (finish - start).total_seconds()


class Recipe:
    """The recipe's verbs and nothing around them."""

    def __init__(self, room):
        self.room = room
        for name in ("src", "out", "cache", "artifact"):
            (room / name).mkdir(parents=True)
        # Unpacks the image where it is not yet.
        subprocess.run([HERE.parent / "e2e/in_image", IMAGES, "go", room, "true"], check=True)

    def build(self, project):
        """Seconds of the four verbs; putting the source and the artifact in place is not counted."""
        shutil.rmtree(self.room / "src")
        shutil.copytree(project, self.room / "src")
        shutil.rmtree(self.room / "out")
        (self.room / "out").mkdir()
        subprocess.run(["chown", "-R", "1000:1000", self.room / "src", self.room / "out"], check=True)
        total = self.verb("inspect") + self.verb("fetch") + self.verb("build")
        shutil.copy(self.room / "out/artifact/bench", self.room / "artifact")
        return total + self.verb("check")

    def verb(self, name):
        env = {"PATH": os.environ["PATH"], "SOS_PROJECT": "bench", "SOS_VERSION": "v1", "SOURCE_DATE_EPOCH": "946684800"}
        start = time.perf_counter()
        subprocess.run([HERE / "recipe", IMAGES, "go", self.room, name], env=env, check=True, capture_output=True)
        return time.perf_counter() - start


def main():
    with Farm(slots=1) as farm, folder() as room:
        project, recipe = sample("go", room / "p"), Recipe(room / "recipe")
        farms, recipes, steps = [], [], []
        for i in range(REPEATS + 1):
            change(project, f"{i}")
            build = farm.build(project, "-n", "bench")
            assert build["origin"] == "BUILT"
            own = recipe.build(project)
            if i > 0:
                farms.append(seconds(build))
                recipes.append(own)
                steps.append({step: step_seconds(build, step) for step in STEPS})
    cost = median(a - b for a, b in zip(farms, recipes))
    figure("fixed cost of the farm, Go sample", cost, "s", "the recipe alone", median(recipes), TARGET_S)
    figure("submit to published, Go sample", median(farms), "s", "the recipe alone", median(recipes))
    told = " ".join(f"{step} {median(s[step] for s in steps):.2f}" for step in STEPS)
    print(f"    medians of its steps, s: {told}; the rest {median(f - sum(s.values()) for f, s in zip(farms, steps)):.2f}")


if __name__ == "__main__":
    main()

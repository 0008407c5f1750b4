"""What the Python recipe asks of a project and does to an archive.

    pyz.py kind                          "package", "app" or "" for the project in .
    pyz.py lock                          does uv.lock agree with pyproject.toml?
    pyz.py entry [SITE [DISTRIBUTION]]   the entry point, "module:function" or "module"
    pyz.py app-file                      the script that starts a project of the kind "app"
    pyz.py tidy SITE                     take out of an installed tree what differs between machines
    pyz.py normalise FILE                rewrite a zipapp in one order, with one set of modes

A question that has no answer exits 1 and says why.
"""
import configparser
import io
import os
import re
import shutil
import stat
import sys
import tomllib
import zipfile
from pathlib import Path


def pyproject():
    try:
        return tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except tomllib.TOMLDecodeError as error:
        sys.exit(f"pyproject.toml: {error}")


def setup_cfg():
    config = configparser.ConfigParser(interpolation=None)
    config.read("setup.cfg", encoding="utf-8")
    return config


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


# --- kind ---

APPS = ("__main__.py", "main.py", "app.py")


def kind():
    project = pyproject()
    if ("project" in project or "build-system" in project or "poetry" in project.get("tool", {})
            or os.path.exists("setup.py") or setup_cfg().has_section("metadata")):
        # uv's own rule: without a build system (or with package = false) it is not a package.
        uv = project.get("tool", {}).get("uv", {})
        legacy = os.path.exists("setup.py") or setup_cfg().has_section("metadata")
        if uv.get("package", "build-system" in project or legacy):
            return "package"
        return "app"
    return "app" if os.path.exists("requirements.txt") else ""


# --- lock ---

def requirement(text):
    """The name and the set of version clauses of a requirement; None for one that names a place."""
    found = re.match(r"\s*([A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*\(?([^;@)]*)\)?\s*(;|$)", text)
    if not found:
        return None
    clauses = {re.sub(r"\s", "", clause) for clause in found[2].split(",") if clause.strip()}
    return normal(found[1]), clauses


def lock():
    """uv keeps in its lock what the project asked for when it was made."""
    project = pyproject().get("project", {})
    if "dependencies" in project.get("dynamic", []):
        return
    try:
        packages = tomllib.loads(Path("uv.lock").read_text(encoding="utf-8")).get("package", [])
    except tomllib.TOMLDecodeError as error:
        sys.exit(f"uv.lock: {error}")
    own = [package for package in packages if package.get("name") == normal(project.get("name", ""))
           and package.get("source", {}).keys() & {"editable", "virtual"}]
    if not own:
        sys.exit(f"uv.lock is not of this project ({project.get('name')}).")
    locked = {}
    for item in own[0].get("metadata", {}).get("requires-dist", []):
        if "extra ==" not in item.get("marker", ""):
            clauses = {clause.strip() for clause in item.get("specifier", "").split(",") if clause}
            locked.setdefault(normal(item["name"]), []).append(clauses)
    wanted = [requirement(text) for text in project.get("dependencies", [])]
    if None in wanted:
        return
    for name, clauses in wanted:
        if clauses not in locked.get(name, []):
            sys.exit(f"pyproject.toml asks for {name} {','.join(sorted(clauses))}".rstrip()
                     + ", which uv.lock does not know.")
    for name in sorted(locked.keys() - {name for name, _ in wanted}):
        sys.exit(f"uv.lock holds {name} for the project, which does not ask for it.")


# --- entry ---

def declared_scripts():
    """Console scripts that the project's own files name, without building it."""
    project = pyproject()
    scripts = dict(project.get("project", {}).get("scripts", {}))
    if not scripts:
        scripts = {name: target if isinstance(target, str) else target.get("reference", "")
                   for name, target in
                   project.get("tool", {}).get("poetry", {}).get("scripts", {}).items()}
    if not scripts:
        text = setup_cfg().get("options.entry_points", "console_scripts", fallback="")
        scripts = dict(re.split(r"\s*=\s*", line, maxsplit=1)
                       for line in text.splitlines() if "=" in line)
    return scripts


def installed_scripts(site, distribution):
    """Console scripts of the project's own distribution, as it was installed."""
    for info in Path(site).glob("*.dist-info"):
        if normal(info.name.split("-")[0]) == normal(distribution):
            config = configparser.ConfigParser(interpolation=None, delimiters=("=",))
            config.optionxform = str
            try:
                config.read(info / "entry_points.txt", encoding="utf-8")
            except configparser.Error as error:
                sys.exit(f"{info.name}/entry_points.txt: {error}")
            return dict(config["console_scripts"]) if "console_scripts" in config else {}
    return {}


def project_name():
    project = pyproject()
    return (project.get("project", {}).get("name")
            or project.get("tool", {}).get("poetry", {}).get("name")
            or setup_cfg().get("metadata", "name", fallback="")
            or os.environ.get("SOS_PROJECT", ""))


def is_module(site, name):
    path = Path(site, *name.split("."))
    return path.with_suffix(".py").exists() or (path / "__main__.py").exists()


def entry(site="", distribution=""):
    asked = os.environ.get("SOS_ENTRY", "")
    if ":" in asked:
        return asked
    scripts = installed_scripts(site, distribution) if site else declared_scripts()
    name = distribution or project_name()
    if asked:
        if asked in scripts:
            return scripts[asked].split("[")[0].strip()
        if site and not is_module(site, asked):
            sys.exit(f"The entry point {asked} is neither a console script nor a module that runs; "
                     f"scripts: {', '.join(sorted(scripts)) or 'none'}.")
        return asked
    if len(scripts) == 1:
        return next(iter(scripts.values())).split("[")[0].strip()
    for script, target in sorted(scripts.items()):
        if normal(script) == normal(name):
            return target.split("[")[0].strip()
    if scripts:
        sys.exit(f"The project has several console scripts: {' '.join(sorted(scripts))}.")
    if site:
        package = normal(name).replace("-", "_")
        if (Path(site) / package / "__main__.py").exists():
            return package
        sys.exit("The project has no console script and no package with a __main__.py.")
    return ""


def app_file():
    """The script that starts a project that is not a package."""
    asked = os.environ.get("SOS_ENTRY", "")
    if asked:
        if Path(asked).is_file():
            return asked
        sys.exit(f"The entry point {asked} is not a file of the project.")
    for name in APPS:
        if Path(name).is_file():
            return name
    sys.exit(f"There is nothing to start: none of {', '.join(APPS)}.")


# --- tidy, normalise ---

def tidy(site):
    root = Path(site)
    # Scripts carry this machine's path of Python; the zipapp has its own entry.
    shutil.rmtree(root / "bin", ignore_errors=True)
    for pattern in ("*.dist-info/direct_url.json", "*.dist-info/uv_cache.json",
                    "*.dist-info/REQUESTED", ".lock"):
        for path in root.glob(pattern):
            path.unlink()
    for path in root.rglob("__pycache__"):
        shutil.rmtree(path, ignore_errors=True)
    gone = re.compile(r"^(\.\./)*bin/|__pycache__/|/(direct_url\.json|uv_cache\.json|REQUESTED),")
    for record in root.glob("*.dist-info/RECORD"):
        lines = sorted(line for line in record.read_text("utf-8").splitlines()
                       if not gone.search(line))
        record.write_text("\n".join(lines) + "\n", "utf-8")
    for path in root.rglob("*"):
        if path.is_symlink() and not path.exists():
            sys.exit(f"{path.relative_to(root)} is a symbolic link to nothing.")
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def normalise(name):
    data = Path(name).read_bytes()
    shebang = data[:data.index(b"\n") + 1] if data.startswith(b"#!") else b""
    temporary = Path(name + ".new")
    with temporary.open("wb") as out:
        out.write(shebang)
        with zipfile.ZipFile(out, "w") as new, zipfile.ZipFile(io.BytesIO(data)) as old:
            for info in sorted(old.infolist(), key=lambda info: info.filename):
                copy = zipfile.ZipInfo(info.filename, info.date_time)
                mode = 0o755 if info.external_attr >> 16 & 0o100 else 0o644
                copy.external_attr, copy.create_system = (stat.S_IFREG | mode) << 16, 3
                copy.compress_type = zipfile.ZIP_DEFLATED
                new.writestr(copy, old.read(info), compresslevel=6)
    temporary.chmod(0o755)
    temporary.replace(name)


def main(verb, *rest):
    answers = {"kind": kind, "lock": lock, "entry": entry, "app-file": app_file, "tidy": tidy,
               "normalise": normalise}
    answer = answers[verb](*rest)
    if answer:
        print(answer)


if __name__ == "__main__":
    main(*sys.argv[1:])

import time
from pathlib import Path

import click

from tablecheck import schema


def check(row_type, path: Path) -> int:
    count = 0
    with path.open(newline="", encoding="utf-8") as lines:
        for fault in schema.faults(row_type, lines):
            click.echo(f"{path}: {fault}")
            count += 1
    if count == 0:
        click.echo(f"{path}: ok")
    return count


@click.command()
@click.version_option(package_name="tablecheck")
@click.option("--schema", "schema_file", type=click.Path(exists=True, path_type=Path), required=True)
@click.option("--watch", type=click.Path(exists=True, file_okay=False, path_type=Path),
              help="Keep running and check every CSV file that appears in this directory.")
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path))
def main(schema_file: Path, watch: Path | None, files: tuple[Path, ...]) -> None:
    """Check CSV FILES against a schema."""
    row_type = schema.load(schema_file.read_text(encoding="utf-8"))
    count = sum(check(row_type, path) for path in files)
    seen: set[Path] = set()
    while watch is not None:
        for path in sorted(set(watch.glob("*.csv")) - seen):
            check(row_type, path)
            seen.add(path)
        time.sleep(1)
    raise SystemExit(1 if count else 0)

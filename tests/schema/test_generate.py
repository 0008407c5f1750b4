"""The generator refuses what has no C form, naming it, and touches nothing that is the same."""
import pathlib
import subprocess
import sys

import pytest

SCHEMA = pathlib.Path(__file__).parents[2] / "schema"


def generate(folder, body):
    """Run protoc and generate.py on one message of a package like ours."""
    package = folder / "sos" / "v1"
    package.mkdir(parents=True, exist_ok=True)
    (package / "http.proto").write_bytes((SCHEMA / "sos/v1/http.proto").read_bytes())
    (package / "x.proto").write_text(
        'syntax = "proto3"; package sos.v1; import "sos/v1/http.proto";\n' + body)
    subprocess.run(["protoc", "-I.", "--include_imports", "--include_source_info",
                    "--descriptor_set_out=set", "sos/v1/x.proto"], cwd=folder, check=True)
    return subprocess.run([sys.executable, "-B", SCHEMA / "generate.py", "set", "1", "out"],
                          cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("field", [
    "bytes a = 1;", "double a = 1;", "uint32 a = 1;", "fixed64 a = 1;", "optional string a = 1;",
    "oneof x { string a = 1; }", "map<string, int32> a = 1;"])
def test_a_field_without_a_c_form_is_refused_by_name(tmp_path, field):
    done = generate(tmp_path, f"message Thing {{ {field} }}")
    assert done.returncode != 0
    assert done.stderr.startswith("generate.py: Thing.a: ")


def test_what_has_a_form_is_taken(tmp_path):
    done = generate(tmp_path, """
        // A thing.
        message Thing {
          enum Kind { KIND_UNSPECIFIED = 0; BIG = 1; }
          repeated int64 numbers = 1;
          repeated Kind kinds = 2;
          Kind default = 3;                 // a word of C
          Thing inner = 4;
        }""")
    assert done.returncode == 0, done.stderr
    header = (tmp_path / "out/sos/v1.h").read_text()
    for line in ["/* A thing. */\nstruct sos_thing {",
                 "int64_t *numbers;\n    size_t numbers_count;",
                 "enum sos_thing_kind *kinds;", "enum sos_thing_kind default_;",
                 "struct sos_thing *inner;", "SOS_THING_KIND_UNSPECIFIED = 0,"]:
        assert line in header


def test_the_same_model_touches_no_file(tmp_path):
    assert generate(tmp_path, "message Thing { string a = 1; }").returncode == 0
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")}
    assert generate(tmp_path, "message Thing { string a = 1; }").returncode == 0
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*")} == before

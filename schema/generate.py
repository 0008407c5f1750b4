"""Makes what is generated from the .proto files: C, the route table and the OpenAPI document.

    generate.py DESCRIPTOR_SET VERSION OUT

DESCRIPTOR_SET comes from protoc --include_imports --include_source_info --descriptor_set_out.
Writes OUT/sos/v1.h, v1.c, v1_routes.h, v1_routes.c, v1_openapi.h, v1_openapi.c and OUT/openapi.json; a
file whose content is the same is not touched, so that nothing is built again for nothing.
"""
import argparse
import pathlib
import sys

from generator import c, model, openapi, routes


def outputs(made, version):
    document = openapi.text(made, version)
    return {
        "sos/v1.h": c.header(made),
        "sos/v1.c": c.source(made),
        "sos/v1_routes.h": routes.header(made),
        "sos/v1_routes.c": routes.source(made),
        "sos/v1_openapi.h": openapi.header(),
        "sos/v1_openapi.c": openapi.source(document),
        "openapi.json": document,
    }


def write_changed(path, text):
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="Generate C and OpenAPI from the data model.")
    parser.add_argument("descriptor_set", type=pathlib.Path)
    parser.add_argument("version")
    parser.add_argument("out", type=pathlib.Path)
    args = parser.parse_args()
    try:
        made = model.load(args.descriptor_set.read_bytes())
    except model.Unsupported as refusal:
        sys.exit(f"generate.py: {refusal}")
    for name, text in outputs(made, args.version).items():
        write_changed(args.out / name, text)


if __name__ == "__main__":
    main()

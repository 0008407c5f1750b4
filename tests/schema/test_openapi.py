"""openapi.json: valid by the specification, and exactly the service's routes."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import venv

import jsonschema
import pytest
from google.protobuf import json_format

import stock

DOCUMENT = json.loads(pathlib.Path(os.environ["SOS_OPENAPI"]).read_text(encoding="utf-8"))
REQUIREMENTS = pathlib.Path(__file__).with_name("requirements.txt")
RULES = stock.http_rules()
CLASSES = stock.load()[0]
SCHEMAS = DOCUMENT["components"]["schemas"]


def operations():
    return {(method.upper(), path): operation for path, methods in DOCUMENT["paths"].items()
            for method, operation in methods.items()}


def references(value):
    if isinstance(value, dict):
        yield from ([value["$ref"]] if "$ref" in value else [])
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from references(one)


def validator(name):
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}",
                                            "components": DOCUMENT["components"]})


@pytest.fixture(scope="module", name="validating_python")
def validating_python_fixture():
    """Python with what requirements.txt names, which is no Debian package: made once, kept in the
    build folder, made again when the requirements change."""
    folder, wanted = pathlib.Path(os.environ["SOS_VENV"]), REQUIREMENTS.read_text(encoding="utf-8")
    kept = folder / "requirements.txt"
    if not kept.exists() or kept.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        done = subprocess.run([folder / "bin/python", "-m", "pip", "install", "-q", "--retries",
                               "1", "-r", REQUIREMENTS], timeout=300)
        if done.returncode != 0:
            pytest.skip("no registry to install openapi-spec-validator from")
        kept.write_text(wanted, encoding="utf-8")
    return folder / "bin/python"


def test_the_document_is_valid_openapi(validating_python):
    done = subprocess.run([validating_python, "-m", "openapi_spec_validator",
                           os.environ["SOS_OPENAPI"]], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_holds_exactly_the_routes_of_the_service():
    assert set(operations()) == {(rule.method, rule.path) for rule in RULES.values()}
    names = [operation["operationId"] for operation in operations().values()]
    assert sorted(names) == sorted(name[0].lower() + name[1:] for name in RULES)


@pytest.mark.parametrize("name", sorted(RULES))
def test_an_operation_says_what_its_rule_says(name):
    rule = RULES[name]
    operation = operations()[rule.method, rule.path]
    params = {place: {p["name"] for p in operation.get("parameters", []) if p["in"] == place}
              for place in ("path", "query", "header")}
    assert params["path"] == set(re.findall(r"\{(\w+)\}", rule.path))
    assert params["query"] == {query.split(":")[0] for query in rule.query}
    assert params["header"] == set(rule.headers)

    answers = set(map(str, [rule.status or 200, *rule.bare, *rule.problems])) | {"default"}
    assert set(operation["responses"]) - {"206"} == answers
    assert ("206" in operation["responses"]) == ("Range" in rule.headers)
    for status in rule.problems:
        assert list(operation["responses"][str(status)]["content"]) == ["application/problem+json"]
    assert (operation.get("security") == []) == (rule.role == 0)


def test_every_reference_leads_somewhere_and_every_schema_is_one():
    for reference in references(DOCUMENT):
        assert reference.removeprefix("#/components/schemas/") in SCHEMAS
    for schema in SCHEMAS.values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_message_and_field_of_the_model_is_there():
    for name, made in CLASSES.items():
        fields = {field.json_name for field in made.DESCRIPTOR.fields}
        assert set(SCHEMAS[name]["properties"]) == fields


def test_a_message_of_the_library_passes_and_an_unknown_field_of_a_request_does_not():
    request = CLASSES["CreateBuildRequest"](project="a", source_date_epoch=5, labels={"a": "b"})
    request.timeout.FromMilliseconds(1500)
    tree = json.loads(json_format.MessageToJson(request))
    validator("CreateBuildRequest").validate(tree)
    with pytest.raises(jsonschema.ValidationError):
        validator("CreateBuildRequest").validate({**tree, "projekt": "a"})
    with pytest.raises(jsonschema.ValidationError):
        validator("CreateBuildRequest").validate({**tree, "vcs": {"comit": "a"}})
    validator("ListBuildsResponse").validate({"builds": [{"state": "QUEUED"}], "newer": 1})

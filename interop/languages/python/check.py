"""Python: models from the schemas, checked by mypy, and the vectors through them and a validator.

python check.py <schemas> <vectors> <openapi.yaml> <folder to work in>
"""

import importlib
import json
import pathlib
import subprocess
import sys
import typing

import jsonschema
import openapi_spec_validator
import pydantic
import yaml

# What models do not say of a schema; jsonschema sees all of it.
BEYOND_MODELS = ("uniqueItems", "not", "if", "then", "else", "contains", "dependentRequired")


def main(schemas: pathlib.Path, vectors: pathlib.Path, openapi: pathlib.Path, work: pathlib.Path) -> int:
    wrong: list[str] = []
    files = {path.stem: json.loads(path.read_text()) for path in sorted((vectors / "messages").glob("*.json"))}
    models = generate(schemas, list(files), work)
    subprocess.run([sys.executable, "-m", "mypy", "--strict", "--cache-dir", work / "mypy", work / "models"], check=True)

    judged = modelled = beyond = forgiven = held = 0
    for name, file in files.items():
        schema = json.loads((schemas / file["schema"]).read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(
            schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
        )
        cases = [case for case in file["cases"] if "message" in case]
        held += len(cases)
        for case in cases:
            message, at = case["message"], f"{name}: {case['name']}"
            errors = list(validator.iter_errors(message))
            judged += 1
            if case["valid"] and errors:
                wrong.append(f"jsonschema refuses {at}: {errors[0].message}")
            if case["structural"] and not errors:
                if ends_in_line_feed(message):
                    forgiven += 1
                    continue
                wrong.append(f"jsonschema accepts {at}")
            if not case["valid"] and not case["structural"]:
                continue
            try:
                models[name].model_validate_json(json.dumps(message), strict=True)
            except pydantic.ValidationError as error:
                modelled += 1
                if case["valid"]:
                    wrong.append(f"pydantic refuses {at}: {error}")
            else:
                if case["valid"]:
                    modelled += 1
                elif all(is_beyond(error) for error in errors):
                    beyond += 1
                else:
                    wrong.append(f"pydantic accepts {at}")

    document = yaml.safe_load(openapi.read_text())
    openapi_spec_validator.validate(document)
    examples = check_examples(document, wrong)

    if judged != held or held == 0:
        wrong.append(f"{judged} of {held} cases were judged")
    for line in wrong:
        print(line, file=sys.stderr)
    print(
        f"jsonschema {judged} messages of {len(files)} schemas; pydantic {modelled} judged alike, "
        f"{beyond} wrong ones beyond its models, {forgiven} beyond Python's regular expressions; OpenAPI document with {examples} examples; {len(wrong)} wrong"
    )
    return 1 if wrong else 0


def generate(schemas: pathlib.Path, names: list[str], work: pathlib.Path) -> dict[str, type[pydantic.BaseModel]]:
    """One module of models for each schema; gives each its root model."""
    home = work / "models"
    home.mkdir(parents=True, exist_ok=True)
    (home / "__init__.py").write_text("")
    roots: dict[str, type[pydantic.BaseModel]] = {}
    sys.path.insert(0, str(work))
    for name in names:
        module = name.replace(".", "_").replace("-", "_")
        command = [
            sys.executable, "-m", "datamodel_code_generator",
            "--input", schemas / f"{name}.json", "--input-file-type", "jsonschema",
            "--output", home / f"{module}.py", "--output-model-type", "pydantic_v2.BaseModel",
            "--target-python-version", "3.10", "--use-annotated", "--disable-timestamp",
            "--class-name", "Root", "--formatters", "builtin", "--disable-warnings",
        ]
        subprocess.run([str(part) for part in command], check=True)
        roots[name] = importlib.import_module(f"models.{module}").Root
    return roots


def is_beyond(error: jsonschema.ValidationError) -> bool:
    # a member that may be absent may be None in a model; an address has no pattern there
    return (
        error.instance is None
        or (error.validator == "pattern" and error.schema.get("format") == "uri")
        or any(part in BEYOND_MODELS for part in error.absolute_schema_path)
    )


def ends_in_line_feed(part: typing.Any) -> bool:
    """To Python's `re`, and no other, `$` also stands before the last line feed."""
    if isinstance(part, dict):
        return any(ends_in_line_feed(value) for value in part.values())
    if isinstance(part, list):
        return any(ends_in_line_feed(item) for item in part)
    return isinstance(part, str) and part.endswith("\n")


def check_examples(document: dict[str, typing.Any], wrong: list[str]) -> int:
    """Validates every example of the document against the schema that stands beside it."""
    seen = 0

    def walk(part: typing.Any) -> None:
        nonlocal seen
        if isinstance(part, list):
            for item in part:
                walk(item)
        if not isinstance(part, dict):
            return
        if "schema" in part and "examples" in part:
            schema = {**part["schema"], "components": document["components"]}
            for name, example in part["examples"].items():
                seen += 1
                for error in jsonschema.Draft202012Validator(schema).iter_errors(example["value"]):
                    wrong.append(f"OpenAPI example {name}: {error.message}")
        for value in part.values():
            walk(value)

    walk(document)
    return seen


if __name__ == "__main__":
    sys.exit(main(*map(pathlib.Path, sys.argv[1:])))

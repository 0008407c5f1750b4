"""A schema in YAML and the rows it accepts.

    columns:
      sensor: str
      value: float
      taken: datetime
"""
import csv
from datetime import date, datetime
from typing import Any, Iterator

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

TYPES = {"str": str, "int": int, "float": float, "bool": bool, "date": date, "datetime": datetime}


def load(text: str) -> type[BaseModel]:
    columns = yaml.safe_load(text)["columns"]
    fields: dict[str, Any] = {}
    for name, kind in columns.items():
        if kind not in TYPES:
            raise ValueError(f"column {name}: unknown type {kind!r}")
        fields[name] = (TYPES[kind], ...)
    return create_model("Row", __config__=ConfigDict(extra="forbid"), **fields)


def faults(row_type: type[BaseModel], lines: Iterator[str]) -> Iterator[str]:
    """One sentence for each cell that is not what the schema says."""
    for number, row in enumerate(csv.DictReader(lines), start=2):
        try:
            row_type.model_validate(row)
        except ValidationError as error:
            for fault in error.errors():
                place = ".".join(str(part) for part in fault["loc"])
                yield f"line {number}: {place}: {fault['msg']}"

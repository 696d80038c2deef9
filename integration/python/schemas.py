"""Payloads made from the JSON schemas that PyPI `ocpp` carries, so that none is written by hand for each message."""

import json
import pathlib

import ocpp
from jsonschema import Draft4Validator

#: Folder of the schemas by version.
FOLDERS = {"1.6": "v16", "2.0.1": "v201", "2.1": "v21"}

#: Units would have to fit the measurand beside them; each has its own tests.
UNITS = {"unit", "unitOfMeasure"}


class Schemas:
    """The schemas of one version."""

    def __init__(self, version: str):
        self.version = version
        self.folder = pathlib.Path(ocpp.__file__).parent / FOLDERS[version] / "schemas"

    def names(self) -> list[str]:
        """Every message that the version knows."""
        stems = (path.stem for path in self.folder.glob("*.json"))
        return sorted(stem.removesuffix("Request") for stem in stems if not stem.endswith("Response"))

    def request(self, action: str) -> dict:
        """The schema of a request; messages that want no answer have no suffix in 2.1."""
        for name in [f"{action}Request", action]:
            path = self.folder / f"{name}.json"
            if path.exists():
                return json.loads(path.read_text(encoding="utf-8-sig"))
        raise FileNotFoundError(f"no schema of {action} in {self.folder}")

    def payloads(self, action: str, now: str) -> list[dict]:
        """The least that is valid, all fields, and as many more as it takes for each word of each enumeration."""
        schema = self.request(action)
        maker = Maker(schema.get("definitions", {}), now, numeric_text=self.version == "1.6")
        payloads = [maker.make(schema, False, 0), maker.make(schema, True, 0)]
        payloads += [maker.make(schema, True, word) for word in range(1, maker.words)]
        for payload in payloads:
            Draft4Validator(schema).validate(payload)
        return payloads


class Maker:
    """Makes values that a schema allows."""

    def __init__(self, definitions: dict, now: str, numeric_text: bool):
        self.definitions = definitions
        self.now = now
        #: OCPP 1.6 writes sampled values as text.
        self.numeric_text = numeric_text
        #: The longest enumeration that was met.
        self.words = 1

    def make(self, schema: dict, full: bool, word: int, name: str = ""):
        """A value: with what is required or with everything, and with the enumerations' words of this number."""
        if "$ref" in schema:
            schema = self.definitions[schema["$ref"].rsplit("/", 1)[1]]
        if "enum" in schema:
            self.words = max(self.words, len(schema["enum"]))
            return schema["enum"][word % len(schema["enum"])]
        kind = schema.get("type", "any")
        if kind == "object":
            required = schema.get("required", [])
            made = {
                field: self.make(of, full, word, field)
                for field, of in schema.get("properties", {}).items()
                if field in required or (full and field not in UNITS)
            }
            if full and name == "customData":
                made["vendorThing"] = [1, {"a": None}]
            return made
        if kind == "array":
            count = max(schema.get("minItems", 0), 2 if full else 0)
            items = [self.make(schema["items"], full, word, name) for _ in range(count)]
            return items[: schema.get("maxItems", count)]
        if kind in ("integer", "number"):
            value = 1 if kind == "integer" else 1.5
            return min(max(value, schema.get("minimum", value)), schema.get("maximum", value))
        if kind == "boolean":
            return full
        if kind == "string":
            return self.text(schema, full, name)
        return {"a": [1, "b"]}

    def text(self, schema: dict, full: bool, name: str) -> str:
        """A text; as long as it may be where everything is wanted."""
        if schema.get("format") == "date-time":
            return self.now
        if schema.get("format") == "uri":
            return "https://example.org/upload"
        if self.numeric_text and name == "value":
            return "42.5"
        if name == "type" and schema.get("maxLength") == 20:
            # 2.1 leaves the kinds of tokens open, and lists them in an appendix.
            return "Central"
        length = schema.get("maxLength", 12) if full else 1
        return (name + "-x" * length)[:length]

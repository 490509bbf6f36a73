"""/docs: the OpenAPI document as one readable page, without scripts and without other servers."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any

Json = dict[str, Any]  # Any: OpenAPI is JSON
_METHODS = ("get", "post", "put", "patch", "delete")
_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem 1.5rem;
color:#1d2433;background:#fff}
h1{margin-bottom:0}h2{border-bottom:1px solid #d6dbe4;margin-top:2.5rem;padding-bottom:.2rem}
h3{font:600 1rem/1.4 ui-monospace,monospace;margin:1.6rem 0 .2rem}
code,pre{font:.875rem/1.45 ui-monospace,monospace}
pre{background:#f3f5f8;border-radius:6px;overflow:auto;padding:.7rem}
table{border-collapse:collapse;width:100%}
td,th{border-bottom:1px solid #e6e9ef;padding:.3rem .6rem .3rem 0;text-align:left;
vertical-align:top;font-size:.9rem}
.m{border-radius:4px;color:#fff;background:#3b5bdb;padding:.1rem .4rem;margin-right:.4rem}
.post{background:#2b8a3e}.delete{background:#c92a2a}
a{color:#2b50c7;text-decoration:none}a:hover{text-decoration:underline}
@media(prefers-color-scheme:dark){body{background:#14171d;color:#dde2ea}pre{background:#1d222b}
td,th,h2{border-color:#303744}a{color:#8fa8ff}}
"""
_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CSP = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'; base-uri 'none'"


def page(document: Json) -> str:
    """The whole reference as HTML."""
    info = document["info"]
    body = "".join(
        (
            f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>",
            f"<p>{escape(info.get('summary', ''))}</p>",
            '<p>The machine-readable form is <a href="/openapi.json">/openapi.json</a>.'
            " Errors are <code>application/problem+json</code>; where keys are configured, send"
            " <code>Authorization: Bearer &lt;key&gt;</code>.</p>",
            *_calls(document),
            "<h2>Shapes</h2>",
            *(_shape(name, schema) for name, schema in sorted(_schemas(document).items())),
        )
    )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(info['title'])} API</title><style>{_STYLE}</style>{body}</html>"
    )


def _calls(document: Json) -> Iterator[str]:
    by_tag: dict[str, list[str]] = {}
    for path, item in document["paths"].items():
        for method in _METHODS:
            if method in item:
                operation = item[method]
                tag = operation.get("tags", ["other"])[0]
                by_tag.setdefault(tag, []).append(_call(method, path, operation))
    for tag, calls in by_tag.items():
        yield f"<h2>{escape(tag.capitalize())}</h2>"
        yield from calls


def _call(method: str, path: str, operation: Json) -> str:
    return "".join(
        (
            f'<h3><span class="m {method}">{method.upper()}</span>{escape(path)}</h3>',
            f"<p>{escape(operation.get('description') or operation.get('summary', ''))}</p>",
            _parameters(operation.get("parameters", [])),
            _body(operation.get("requestBody")),
            _answers(operation["responses"]),
        )
    )


def _parameters(parameters: list[Json]) -> str:
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code><td>{p['in']}<td>{_type(p['schema'])}"
        f"<td>{escape(p.get('description', ''))}"
        for p in parameters
    )
    head = "<tr><th>Parameter<th>In<th>Type<th>Meaning"
    return f"<table>{head}{rows}</table>" if rows else ""


def _body(body: Json | None) -> str:
    if body is None:
        return ""
    parts = []
    for media, content in body["content"].items():
        parts.append(f"<p>Body: <code>{escape(media)}</code>, {_type(content['schema'])}</p>")
        for name, example in content.get("examples", {}).items():
            text = escape(json.dumps(example["value"], indent=1, ensure_ascii=False))
            parts.append(f"<details><summary>{escape(name)}</summary><pre>{text}</pre></details>")
    return "".join(parts)


def _answers(responses: Json) -> str:
    rows = "".join(
        f"<tr><td>{escape(status)}<td>{_media(response)}<td>{escape(response['description'])}"
        for status, response in responses.items()
    )
    return f"<details><summary>Answers</summary><table>{rows}</table></details>"


def _media(response: Json) -> str:
    return "<br>".join(
        f"<code>{escape(media)}</code> {_type(content.get('schema', {}))}"
        for media, content in response.get("content", {}).items()
    )


def _shape(name: str, schema: Json) -> str:
    required = schema.get("required", ())
    rows = "".join(
        f"<tr><td><code>{escape(key)}</code>{'' if key in required else ' (optional)'}"
        f"<td>{_type(field)}<td>{escape(field.get('description', ''))}"
        for key, field in schema.get("properties", {}).items()
    )
    table = f"<table>{rows}</table>" if rows else f"<p>{_type(schema)}</p>"
    text = escape(schema.get("description", ""))
    return f'<h3 id="{escape(name)}">{escape(name)}</h3><p>{text}</p>{table}'


def _type(schema: Json) -> str:
    """A schema in a few words, with links to the shapes it names."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#{name}">{name}</a>'
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_type(choice) for choice in schema[key]))
    if "const" in schema:
        return f"<code>{escape(json.dumps(schema['const']))}</code>"
    if "enum" in schema:
        return " or ".join(f"<code>{escape(json.dumps(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    return escape(str(schema.get("type", "anything")))


def _schemas(document: Json) -> Json:
    found: Json = document.get("components", {}).get("schemas", {})
    return found

#!/usr/bin/env python3
"""connect_model.py [--check] - rows of sim/connect/model.inc from botocore's model of Amazon Connect.

Which operations carry their shapes is read from the OP(...) rows of sim/connect/ops.c. With --check
nothing is written; the exit code is 1 when the file is not what the installed botocore says. Other
versions of botocore know other operations; tests/py/requirements.txt names the one to use.
"""

import os
import re
import sys

import botocore.session

HERE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "sim", "connect")
TYPES = {"structure": "STRUCT", "list": "LIST", "map": "MAP", "string": "STRING", "integer": "INTEGER",
         "long": "INTEGER", "double": "NUMBER", "float": "NUMBER", "boolean": "BOOLEAN",
         "timestamp": "TIMESTAMP", "blob": "BLOB"}


def number(v):
    if isinstance(v, float) or abs(v) < 1 << 53:
        return repr(v)
    return "1e300" if v > 0 else "-1e300"


class Writer:
    def __init__(self, model, known_errors):
        self.model, self.known = model, known_errors
        self.shapes, self.order, self.enums = {}, [], {}

    def collect(self, shape):
        if shape.name in self.shapes:
            return
        self.shapes[shape.name] = shape
        if shape.type_name == "structure":
            for m in shape.members.values():
                self.collect(m)
        elif shape.type_name == "list":
            self.collect(shape.member)
        elif shape.type_name == "map":
            self.collect(shape.value)
        self.order.append(shape)

    def shape(self, s):
        enum = s.metadata.get("enum")
        parts = [".type = API_" + TYPES[s.type_name]]
        lo, hi = s.metadata.get("min"), s.metadata.get("max")
        if lo is not None or hi is not None:
            bottom = 0 if s.type_name not in ("double", "float") else -1e300
            parts += [".bounded = true", f".min = {number(bottom if lo is None else lo)}",
                      f".max = {'1e300' if hi is None else number(hi)}"]
        if enum:
            parts.append(f".names = n_{s.name}")
        if s.type_name == "structure" and s.members:
            parts += [f".member = m_{s.name}", f".n_members = {len(s.members)}"]
        if s.type_name == "list":
            parts.append(f".item = &s_{s.member.name}")
        if s.type_name == "map":
            parts.append(f".item = &s_{s.value.name}")
        return f"static const struct api_shape s_{s.name} = {{{', '.join(parts)}}};"

    def members(self, s):
        rows = []
        for name, m in s.members.items():
            where = {"uri": "API_PATH", "querystring": "API_QUERY"}.get(m.serialization.get("location"), "API_BODY")
            assert m.serialization.get("location") in (None, "uri", "querystring"), (s.name, name)
            wire = m.serialization.get("name", name)
            required = "true" if name in s.required_members else "false"
            rows.append(f'    {{"{name}", "{wire}", {where}, {required}, &s_{m.name}}},')
        return "\n".join([f"static const struct api_member m_{s.name}[] = {{", *rows, "};"])

    def operation(self, op, has):
        errors = sorted({e.name for e in op.error_shapes} & self.known)
        bits = " | ".join(f"B({e})" for e in errors) or "0"
        uri = op.http["requestUri"].split("?")[0]
        shape = f"&s_{op.input_shape.name}" if has and op.input_shape else "NULL"
        if has and not op.input_shape:
            shape = "&s_nothing"
        return f'    {{"{op.name}", HTTP_METHOD_{op.http["method"]}, "{uri}",\n     {bits if has else 0}, {shape}}},'


def make():
    with open(os.path.join(HERE, "ops.c"), encoding="utf-8") as f:
        ours = set(re.findall(r"^ +OP\((\w+),", f.read(), re.M))
    with open(os.path.join(HERE, "api.h"), encoding="utf-8") as f:
        known = set(re.findall(r"^    X\((\w+), \d+\)", f.read(), re.M))
    model = botocore.session.get_session().get_service_model("connect")
    unknown = ours - set(model.operation_names)
    assert not unknown, unknown
    w = Writer(model, known)
    for name in sorted(ours):
        if model.operation_model(name).input_shape:
            w.collect(model.operation_model(name).input_shape)
    out = ["/* model.inc - made by tools/connect_model.py from botocore's model of Amazon Connect",
           " * (Apache License 2.0); included by api.c. */", "#define B(e) (1ull << EX_##e)",
           "static const struct api_shape s_nothing = {.type = API_STRUCT};"]
    for s in w.order:
        if s.metadata.get("enum"):
            out.append(f"static const char *const n_{s.name}[] = {{" +
                       ", ".join(f'"{v}"' for v in s.metadata["enum"]) + ", NULL};")
    out += [f"static const struct api_shape s_{s.name};" for s in w.order]
    out += [w.members(s) for s in w.order if s.type_name == "structure" and s.members]
    out += [w.shape(s) for s in w.order]
    out.append("const struct api_operation api_operations[] = {")
    out += [w.operation(model.operation_model(n), n in ours) for n in sorted(model.operation_names)]
    out += ["};", "#undef B"]
    return "\n".join(out) + "\n"


def main():
    path = os.path.join(HERE, "model.inc")
    text = make()
    if "--check" in sys.argv[1:]:
        with open(path, encoding="utf-8") as f:
            return f.read() != text
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())

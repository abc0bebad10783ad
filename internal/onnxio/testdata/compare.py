"""Compares ONNX models with what we saved of them, by the reference implementation (PyPI onnx).

usage: compare.py LIST, a file of lines "original<TAB>saved". Prints a line for each difference. A saved model must also pass
onnx.checker wherever its original does.
"""

import sys

import onnx
from onnx import checker, numpy_helper


def pairs(entries):
    return sorted((e.key, e.value) for e in entries)


def tensor(t):
    if t.data_type == onnx.TensorProto.STRING:
        data = list(t.string_data)
    else:
        data = numpy_helper.to_array(t).tobytes()
    return t.name, t.doc_string, t.data_type, list(t.dims), data, pairs(t.metadata_props)


def implied(t):
    """The value_info that an initializer implies."""
    return onnx.helper.make_tensor_value_info(t.name, t.data_type, list(t.dims))


def domain(name):
    return "" if name == "ai.onnx" else name


def meaning(m):
    """Reduces a message to what it means: no order in maps, no presence of default values, no choice of data field."""
    kind = m.DESCRIPTOR.name
    if kind == "TensorProto":
        return tensor(m)
    if kind == "OperatorSetIdProto":
        return domain(m.domain), m.version
    if kind == "TypeProto" and m.WhichOneof("value") is None:
        return None
    out = {}
    for f in m.DESCRIPTOR.fields:
        v = getattr(m, f.name)
        if f.message_type is None:
            out[f.name] = list(v) if not isinstance(v, (str, bytes, int, float)) else v
        elif isinstance(v, type(m)) or hasattr(v, "DESCRIPTOR"):
            out[f.name] = meaning(v) if m.HasField(f.name) else None
        else:
            out[f.name] = [meaning(x) for x in v]
    if "metadata_props" in out:
        out["metadata_props"] = pairs(m.metadata_props)
    for name in ("attribute_proto", "value_info") + (("attribute",) if kind == "NodeProto" else ()):
        if name in out:
            out[name] = sorted(out[name], key=lambda x: x["name"])
    if "opset_import" in out:
        out["opset_import"] = sorted(set(out["opset_import"]))
    if "domain" in out:
        out["domain"] = domain(m.domain)
    if kind == "GraphProto":
        known = [meaning(implied(t)) for t in m.initializer]
        out["value_info"] = [v for v in out["value_info"] if v not in known and v["type"] is not None]
    return out


def difference(a, b, where="model"):
    """Says where two meanings part, None if nowhere."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return next((d for k in a if (d := difference(a[k], b[k], f"{where}.{k}"))), None)
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return next((d for i, x in enumerate(a) if (d := difference(x, b[i], f"{where}[{i}]"))), None)
    return None if repr(a) == repr(b) else f"{where}: {a!r} against {b!r}"


def checked(m):
    try:
        checker.check_model(m)
    except Exception as e:  # the checker raises several kinds
        return str(e)
    return None


def main():
    for line in open(sys.argv[1]):
        original, saved = line.rstrip("\n").split("\t")
        a, b = onnx.load(original), onnx.load(saved)
        if where := difference(meaning(a), meaning(b)):
            print(f"{original}: the saved model differs in {where}")
        if (complaint := checked(b)) and not checked(a):
            print(f"{original}: the checker refuses the saved model: {complaint}")


main()

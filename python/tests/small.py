"""Small models as bytes."""

import onnx


def build(nodes, inputs, outputs, initializers=()):
    graph = onnx.helper.make_graph(nodes, "test", inputs, outputs, initializers)
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def value(name, dtype, shape):
    return onnx.helper.make_tensor_value_info(name, dtype, shape)


def counting():
    """A model that counts to its input n."""
    body = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["c"], ["c2"]), onnx.helper.make_node("Max", ["a", "i"], ["a2"])], "body",
        [value("i", 7, []), value("c", 9, []), value("a", 7, [])], [value("c2", 9, []), value("a2", 7, [])])
    return build(
        [onnx.helper.make_node("Loop", ["n", "", "zero"], ["y"], body=body)], [value("n", 7, [])], [value("y", 7, [])],
        [onnx.helper.make_tensor("zero", 7, [], [0])])

"""A learned policy as an ONNX graph, to run without Python: the same action at every observation as `Policy.act`."""

from typing import Any

import numpy as np

from stackjax.errors import require_is
from stackjax.interop.needs import needed
from stackjax.policy import Policy

__all__ = ["OPSET", "policy_to_onnx"]

OPSET = 17


def policy_to_onnx(policy: Policy, about: dict[str, str] | None = None) -> bytes:
    """The content of an ``.onnx`` file that computes ``policy.act``.

    Its input is ``observation [batch, D]``, float32. Its output is ``action``: int64 ``[batch]`` for a discrete head,
    else float32 ``[batch, entries]``.

    Args:
      policy: for example from `load_policy`.
      about: words to keep in the file's metadata.

    Raises:
      InputError: ``policy`` is none, or onnx is not installed.
    """
    require_is("policy", policy, Policy, "a Policy, for example from sx.load_policy")
    onnx = needed("onnx", "an .onnx file", "stackjax[onnx]")
    helper, types = onnx.helper, onnx.TensorProto

    graph = _Graph()
    value = "observation"
    for layer, (kernel, bias) in enumerate(zip(policy.kernels, policy.biases, strict=True)):
        value = graph.node("MatMul", value, graph.constant(kernel))
        value = graph.node("Add", value, graph.constant(bias))
        if layer < len(policy.kernels) - 1:
            value = graph.node("Tanh", value)
    is_discrete = policy.head["kind"] == "discrete"
    choose = lambda: graph.node("ArgMax", value, axis=-1, keepdims=0)
    in_numbers = _parts_head if policy.head["kind"] == "parts" else _number_head
    graph.node("Identity", choose() if is_discrete else in_numbers(graph, value, policy.head), output="action")

    size = 0 if is_discrete else policy.head.get("options", 0) + len(policy.head["low"])
    shape: list[str | int | None] = ["batch"] if is_discrete else ["batch", size]
    kind = types.INT64 if is_discrete else types.FLOAT
    inputs = [helper.make_tensor_value_info("observation", types.FLOAT, ["batch", policy.kernels[0].shape[0]])]
    outputs = [helper.make_tensor_value_info("action", kind, shape)]
    built = helper.make_graph(graph.nodes, "policy", inputs, outputs, graph.constants)
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(built, opset_imports=[opset], producer_name="stackjax", ir_version=8)
    helper.set_model_props(model, about or {})
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def _number_head(graph: "_Graph", outputs: str, head: dict[str, Any]) -> str:
    """The action of a head of numbers, in the order of `Policy.act`."""
    low, high = (np.asarray(head[end], np.float32) for end in ("low", "high"))
    if head["kind"] == "grid":
        points = head["points"]
        rows = graph.node("Reshape", outputs, graph.constant(np.array([-1, len(low), points], np.int64)))
        choice = graph.node("Cast", graph.node("ArgMax", rows, axis=-1, keepdims=0), to=1)  # to float32
        share = graph.node("Div", choice, graph.constant(np.float32(points - 1)))
        action = graph.node("Add", graph.constant(low), graph.node("Mul", share, graph.constant(high - low)))
    else:
        spread = graph.node("Mul", graph.constant((high - low) / 2), outputs)
        action = graph.node("Add", graph.constant((low + high) / 2), spread)
    action = graph.node("Min", graph.node("Max", action, graph.constant(low)), graph.constant(high))
    if not head.get("is_mix") and "budget" not in head:
        return action
    total = graph.node("ReduceSum", action, graph.constant(np.array([-1], np.int64)), keepdims=1)
    if "budget" in head:
        budget = graph.constant(np.float32(head["budget"]))
        return graph.node("Mul", action, graph.node("Div", budget, graph.node("Max", total, budget)))
    is_positive = graph.node("Greater", total, graph.constant(np.float32(0)))
    divisor = graph.node("Where", is_positive, total, graph.constant(np.float32(1)))
    uniform = graph.constant(np.full(len(low), 1.0 / len(low), np.float32))
    return graph.node("Where", is_positive, graph.node("Div", action, divisor), uniform)


def _parts_head(graph: "_Graph", outputs: str, head: dict[str, Any]) -> str:
    """The action of a head of options with numbers, in the order of `Policy.act`."""
    low, high = (np.asarray(head[end], np.float32) for end in ("low", "high"))
    options, points = head["options"], head["points"]
    whole = lambda *numbers: graph.constant(np.array(numbers, np.int64))
    cut = lambda value, first, end: graph.node("Slice", value, whole(first), whole(end), whole(1))
    is_open = graph.node("Greater", cut("observation", 0, options), graph.constant(np.float32(0.5)))
    scores = graph.node("Where", is_open, cut(outputs, 0, options), graph.constant(np.float32(-np.inf)))
    option = graph.node("ArgMax", scores, axis=-1, keepdims=1)
    is_chosen = graph.node("Cast", graph.node("Equal", option, whole(*range(options))), to=1)  # to float32
    grids = graph.node("Reshape", cut(outputs, options, 2**31 - 1), whole(-1, options, len(low), points))
    places = graph.node("Cast", graph.node("ArgMax", grids, axis=-1, keepdims=0), to=1)
    own = graph.node("Mul", places, graph.node("Unsqueeze", is_chosen, whole(2)))
    share = graph.node("Div", graph.node("ReduceSum", own, whole(1), keepdims=0), graph.constant(np.float32(points - 1)))
    numbers = graph.node("Add", graph.constant(low), graph.node("Mul", share, graph.constant(high - low)))
    return graph.node("Concat", is_chosen, numbers, axis=1)


class _Graph:
    """Nodes and constants, named as they come."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def constant(self, value: Any) -> str:
        """A constant array; float64 becomes float32."""
        from onnx import numpy_helper

        array = np.asarray(value)
        array = array if array.dtype == np.int64 else np.asarray(array, np.float32)
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """The name of what ``kind`` makes of ``inputs``."""
        from onnx import helper

        name = output or f"value_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

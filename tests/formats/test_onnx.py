"""Networks in ONNX files: batches of any size, and one line for what is none."""

import numpy as np
import pytest

from nasbench_kit.errors import DataError
from nasbench_kit.formats.onnx import OnnxNetwork

pytest.importorskip("onnxruntime")


def message(*fields):
    """A protocol buffer message of numbers below 128, texts and messages, by their fields' numbers."""
    return b"".join(
        bytes([number << 3, value]) if isinstance(value, int) else bytes([number << 3 | 2, len(value)]) + value
        for number, value in fields
    )


ONE = message((1, 1))


def doubling(batch=ONE):
    """A network, x -> x + x for rows of two numbers, exported for one row: onnx.proto of https://github.com/onnx/onnx."""

    def tensor(name):
        shape = message((1, batch), (1, message((1, 2))))
        return message((1, name), (2, message((1, message((1, 1), (2, shape))))))

    node = message((1, b"x"), (1, b"x"), (2, b"y"), (4, b"Add"))
    graph = message((1, node), (2, b"g"), (11, tensor(b"x")), (12, tensor(b"y")))
    return message((1, 8), (7, graph), (8, message((1, b""), (2, 13))))


ROWS = np.arange(6.0).reshape(3, 2)


@pytest.mark.parametrize("batch", [ONE, b"\x08\x81\x00"], ids=["opened up", "left as it is"])
def test_a_network_for_one_row_takes_any_number_of_them(batch):
    network = OnnxNetwork(doubling(batch), "n.onnx")
    assert (network.inputs, network.outputs) == ({"x": 2}, [2])
    assert network.run(x=ROWS).tolist() == (2 * ROWS).tolist()
    assert network.run(x=ROWS[:1]).tolist() == (2 * ROWS[:1]).tolist()


def test_what_is_no_network_or_gives_no_numbers_is_one_line():
    for content in (b"", b"x" * 100, doubling()[:-40]):
        with pytest.raises(DataError, match=r"^'n\.onnx' is no network that onnxruntime reads: [^\n]+$"):
            OnnxNetwork(content, "n.onnx")
    network = OnnxNetwork(doubling(), "n.onnx")
    with pytest.raises(DataError, match=r"^'n\.onnx' cannot be run: [^\n]+$"):
        network.run(x=np.zeros((3, 5)))
    with pytest.raises(DataError, match="gives what is not 2 finite numbers per row"):
        network.run(x=np.array([[np.inf, 0.0]]))

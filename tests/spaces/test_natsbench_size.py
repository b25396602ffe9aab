"""NATS-Bench's size space. Its official order is that of the meta file of the release."""

import bz2
import io
import pickle

import numpy as np
import pytest

from nasbench_kit.errors import ArchitectureError, UnknownNameError
from nasbench_kit.formats.pickles import read_plain_pickle
from nasbench_kit.spaces import NATSBenchSizeSpace, space_from
from nasbench_kit.testing import check_space


@pytest.fixture(scope="module")
def size_space():
    return NATSBenchSizeSpace()


def test_the_size_space_passes_the_conformance_checks(size_space):
    check_space(size_space, np.random.default_rng(0))


def test_the_size_space_has_the_published_size(size_space):
    # Source: Dong et al. 2021, https://arxiv.org/abs/2009.00437, section 3.1: 8 to the power of 5
    assert size_space.size == 32_768
    assert size_space.n_keys == 32_768
    assert size_space.decisions[0].choices == ("8", "16", "24", "32", "40", "48", "56", "64")


def test_official_texts_come_back(size_space):
    assert size_space.parse("8:8:40:32:40") == (0, 0, 4, 3, 4)
    assert size_space.format((0, 0, 4, 3, 4)) == "8:8:40:32:40"
    assert size_space.parse({f"layer{i}": "64" for i in range(1, 6)}) == (7,) * 5
    texts = size_space.format_many(size_space.all_archs())
    assert len(set(texts)) == 32_768
    assert size_space.parse_many(texts).tolist() == size_space.all_archs().tolist()


@pytest.mark.shared
def test_integers_are_positions_in_the_official_release(size_space, shared_data):
    path = shared_data / "natsbench" / "NATS-sss-v1_0-50262-simple" / "meta.pickle.pbz2"
    meta = read_plain_pickle(io.BytesIO(bz2.decompress(path.read_bytes())), "meta", {("builtins", "set"): set})
    assert size_space.format_many(size_space.parse_many(np.arange(32_768))) == meta["meta_archs"]
    assert size_space.format(size_space.parse(284)) == meta["meta_archs"][284]
    assert size_space.index((0, 0, 4, 3, 4)) == meta["meta_archs"].index("8:8:40:32:40")
    assert size_space.index_many(meta["meta_archs"][::-1]).tolist() == list(range(32_767, -1, -1))


@pytest.mark.parametrize(
    ("arch", "error", "message"),
    [
        ("8:8:40:32", ArchitectureError, "is no architecture of natsbench_sss; one looks like '8:8:40:32:40'"),
        ("8:8:40:32:41", UnknownNameError, "unknown number of channels '41'"),
        (32_768, ArchitectureError, "official index 32768 is out of range; choose from 0 to 32767"),
        (-1, ArchitectureError, "official index -1 is out of range"),
        ((8, 8, 40, 32, 40), ArchitectureError, "choice 8 of decision 'layer1' is out of range"),
        (np.array([3, 40_000]), ArchitectureError, "official index 40000 is out of range"),
    ],
)
def test_what_is_no_architecture_is_refused(size_space, arch, error, message):
    parse = size_space.parse_many if isinstance(arch, np.ndarray) else size_space.parse
    with pytest.raises(error, match=message):
        parse(arch)


def test_unknown_forms_are_refused(size_space):
    with pytest.raises(UnknownNameError, match="unknown form 'digits'"):
        size_space.format((0,) * 5, "digits")
    with pytest.raises(UnknownNameError, match="unknown form 'digits'"):
        size_space.parse("8:8:40:32:40", "digits")
    with pytest.raises(ArchitectureError, match="is not of the form 'official'"):
        size_space.parse((0,) * 5, "official")


def test_the_network_is_drawn_as_a_chain(size_space):
    (graph,) = size_space.graphs((0, 0, 4, 3, 7)).values()
    assert graph.nodes == (
        "image", "8 channels", "8 channels", "40 channels", "32 channels", "64 channels", "classes",
    )  # fmt: skip
    assert [edge[:2] for edge in graph.edges] == [(i, i + 1) for i in range(6)]


def test_the_space_is_found_by_name_and_pickles(size_space):
    assert isinstance(space_from("natsbench_sss"), NATSBenchSizeSpace)
    assert pickle.loads(pickle.dumps(size_space)).parse(0) == (0,) * 5

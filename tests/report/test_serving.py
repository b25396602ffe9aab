"""The live page: for this machine alone, this page alone, anew when there are new runs."""

import json
import signal
import subprocess
import sys
from http.client import HTTPConnection
from threading import Thread

import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError
from nasbench_kit.report import LivePage, server

C10 = "nasbench201/cifar10"


@pytest.fixture
def served(tmp_path):
    """Answers to requests about a study that is not there yet."""
    path = tmp_path / "live.db"
    serving = server(LivePage(path))
    thread = Thread(target=serving.serve_forever)
    thread.start()

    def ask(name, **headers):
        connection = HTTPConnection("127.0.0.1", serving.server_port)
        connection.request("GET", name, headers=headers)
        answer = connection.getresponse()
        content = answer.read().decode()
        connection.close()
        return answer.status, content

    ask.path, ask.address = path, serving.server_address
    yield ask
    serving.shutdown()
    thread.join()
    serving.server_close()


def test_a_study_is_shown_from_before_it_is_there_until_it_grows(served):
    assert "there is no study" in served("/")[1]
    states = [json.loads(served("/state")[1])]
    nbk.Study(served.path).close()
    assert "holds no runs" in served("/")[1]
    for runs in (2, 3):
        nbk.compare(C10, "random_search", runs=runs, n_evaluations=5, study=served.path, n_processes=1)
        states.append(json.loads(served("/state")[1]))
        status, page = served("/")
        assert status == 200
        assert f"1 optimizer on 1 benchmark, {runs} runs" in page
        assert "connect-src 'self'" in page
    assert len({state["state"] for state in states}) == 3


@pytest.mark.parametrize("name", ["/live.db", "/../live.db", "/etc/passwd", "/page.js", "/state/", "/%2e%2e/live.db"])
def test_nothing_else_is_served(served, name):
    nbk.Study(served.path).close()
    assert served(name)[0] == 404


def test_it_answers_to_its_own_name_alone_on_the_loopback_interface(served):
    assert served.address[0] == "127.0.0.1"
    assert served("/state", Host=f"evil.example:{served.address[1]}")[0] == 404
    assert served("/state", Host=f"localhost:{served.address[1]}")[0] == 200


def test_a_port_that_is_taken_is_one_line(served, tmp_path):
    with pytest.raises(SettingError, match=r"port=\d+ of 127.0.0.1 cannot be used \(Address already in use\); give"):
        server(LivePage(tmp_path / "other.db"), served.address[1])


def test_ctrl_c_ends_it(tmp_path):
    command = [sys.executable, "-m", "nasbench_kit", "watch", str(tmp_path / "some.db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        assert line.startswith("http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert (process.returncode, out, err) == (0, "stopped\n", "")

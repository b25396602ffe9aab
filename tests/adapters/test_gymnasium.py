"""Our benchmarks as environments of Gymnasium."""

import math

import numpy as np
import pytest

import nasbench_kit as nbk
from nasbench_kit.errors import SettingError

gymnasium = pytest.importorskip("gymnasium", reason="gymnasium is absent: pip install 'nasbench-kit[gymnasium]'")

from gymnasium.utils.env_checker import check_env  # noqa: E402

from nasbench_kit.adapters.gymnasium import ArchitectureEnv  # noqa: E402

BEST = (3, 3, 3, 1, 3, 2)


def played(env, actions, seed=None):
    """The observations, rewards and infos of an episode."""
    seen, told = env.reset(seed=seed)
    steps = [(seen, 0.0, False, False, told), *(env.step(action) for action in actions)]
    return list(zip(*steps, strict=True))


@pytest.mark.parametrize("name", ["nasbench201/cifar10", "nasbench101/cifar10", "nas_bench_graph/proteins"])
def test_the_check_of_gymnasium_passes_without_a_warning(loaded, name):
    gymnasium.register("nasbench_kit/Test-v0", entry_point=ArchitectureEnv, kwargs={"benchmark": loaded(name)})
    try:
        env = gymnasium.make("nasbench_kit/Test-v0").unwrapped
        check_env(env)
    finally:
        del gymnasium.registry["nasbench_kit/Test-v0"]


def test_an_episode_decides_in_order_and_its_last_reward_is_the_validation_value(curves):
    observations, rewards, ended, _, told = played(ArchitectureEnv(curves), BEST)
    assert [seen.tolist() for seen in observations[:3]] == [[0] * 6, [4, 0, 0, 0, 0, 0], [4, 4, 0, 0, 0, 0]]
    answer = curves.query(BEST)
    assert rewards == (0,) * 6 + (answer.val_accuracy,)
    assert ended == (False,) * 6 + (True,)
    assert told[-1] == {
        "arch": curves.space.format(BEST),
        "epoch": 36,
        "cost_s": answer.cost_s,
        "failed": False,
        "val_accuracy": answer.val_accuracy,
    }


def test_a_loss_is_a_negative_reward_and_a_training_that_failed_the_worst_one(failing):
    env = ArchitectureEnv(failing)
    assert played(env, (0, 0))[1][-1] == -failing.query((0, 0)).val_loss < 0
    *_, rewards, _, _, told = played(env, (1, 2))
    assert rewards[-1] == -3.5  # the worst that was recorded
    assert (told[-1]["failed"], told[-1]["cost_s"], told[-1]["params_m<=4.5"]) == (True, 30, math.inf)


def test_actions_that_are_no_choices_stand_for_others_and_the_mask_says_which(failing):
    env = ArchitectureEnv(failing)  # two kernels, three widths
    observations, rewards, _, _, told = played(env, (2, 1))
    assert observations[-1].tolist() == [1, 2]
    assert rewards == played(env, (0, 1))[1]
    assert [step["action_mask"].tolist() for step in told[:-1]] == [[1, 1, 0], [1, 1, 1]]
    env.action_space.seed(0)
    assert {int(env.action_space.sample(mask=told[0]["action_mask"])) for _ in range(30)} == {0, 1}


def test_choices_that_are_no_architecture_become_the_nearest_one_always_the_same(budgets):
    actions = [1] * budgets.space.n_decisions
    one, other = (played(ArchitectureEnv(budgets), actions)[-1][-1] for _ in range(2))
    assert one == other
    assert budgets.query(one["arch"]).val_accuracy == one["val_accuracy"]


def test_the_same_seed_draws_the_same_runs(curves):
    def rewards(seed):
        env = ArchitectureEnv(curves, run="drawn")
        first = played(env, BEST, seed)[1][-1]
        return [first, *(played(env, BEST)[1][-1] for _ in range(9))]

    recorded = {curves.query(BEST, seed=run).val_accuracy for run in (0, 1, 2)}
    assert rewards(0) == rewards(0)
    assert rewards(0) != rewards(1)
    assert {*rewards(0)} == recorded


def test_a_policy_that_is_learned_by_rewards_finds_better_cells(curves):
    # REINFORCE with a running mean as baseline, Williams 1992: the environment gives it all it needs
    env, rng = ArchitectureEnv(curves), np.random.default_rng(0)
    weights, baseline, rewards = np.zeros((6, 5)), 0.0, []
    for _ in range(300):
        chances = np.exp(weights) / np.exp(weights).sum(axis=1, keepdims=True)
        actions = [int(rng.choice(5, p=row)) for row in chances]
        rewards.append(played(env, actions)[1][-1])
        baseline += 0.1 * (rewards[-1] - baseline)
        weights += 2 * (rewards[-1] - baseline) * (np.eye(5)[actions] - chances)
    assert np.mean(rewards[-50:]) > np.mean(rewards[:50]) + 0.03


def test_what_cannot_be_is_refused_in_one_line(cifar10):
    env = ArchitectureEnv(cifar10)
    with pytest.raises(SettingError, match=r"^step outside of an episode; reset\(\) begins one$"):
        env.step(0)
    env.reset()
    for action in (5, -1, 1.5, "none"):
        with pytest.raises(SettingError, match=rf"^action {action!r}; an integer from 0 to 4 expected$"):
            env.step(action)
    played(env, BEST)
    with pytest.raises(SettingError, match=r"^step outside of an episode"):
        env.step(0)
    with pytest.raises(nbk.NasbenchKitError, match=r"epoch 12 was not recorded"):
        ArchitectureEnv(cifar10, epoch=12)

import torch

from lopsided.experiments.grid.stack import Stack
from lopsided.models import mlp


def test_each_run_computes_what_its_own_network_computes():
    torch.manual_seed(0)
    networks = [mlp(5, 3, hidden=7) for _ in range(4)]
    stack = Stack(networks[0], 4)
    with torch.no_grad():
        for run, network in enumerate(networks):
            for weight, bias, layer in zip(stack.weights, stack.biases, (network[0], network[3]), strict=True):
                weight[run], bias[run] = layer.weight.T, layer.bias
    inputs = torch.randn(6, 5)
    expected = torch.stack([network(inputs) for network in networks])
    torch.testing.assert_close(stack(inputs), expected)


def test_runs_start_alike_and_share_no_memory():
    stack = Stack(torch.nn.Linear(5, 3), 2)
    with torch.no_grad():
        stack.weights[0][0] += 1
    assert not torch.equal(stack.weights[0][0], stack.weights[0][1])


def test_memory_grows_with_the_network_the_batch_and_the_samples_that_are_scored():
    small, large = Stack(torch.nn.Linear(5, 3), 2), Stack(torch.nn.Linear(500, 3), 2)
    sizes = {"batch_size": 10, "num_scored": 10}
    usual = small.bytes_of_run(**sizes)
    assert usual >= 4 * 6 * 18
    assert large.bytes_of_run(**sizes) > usual
    assert small.bytes_of_run(**{**sizes, "batch_size": 20}) > usual
    assert small.bytes_of_run(**{**sizes, "num_scored": 20}) > usual

import pytest
import torch

from lopsided.models import MLDecoder
from lopsided.models.images.ml_decoder import HEADS, GroupLinear
from tests.reference.ml_decoder import ml_decoder


@pytest.mark.parametrize(("num_labels", "groups"), [(12, 4), (13, 4), (7, 7), (5, 1), (11, 10), (1, 1)])
def test_it_equals_the_slow_reference(num_labels, groups):
    torch.manual_seed(0)
    head = MLDecoder(6, num_labels, groups=groups, width=16).double().eval()
    for parameter in head.parameters():  # biases and scales that are not 0 and 1
        torch.nn.init.normal_(parameter, std=0.5)
    feature_map = torch.randn(3, 6, 2, 4, dtype=torch.float64)
    state = {name: tensor.numpy() for name, tensor in head.state_dict().items()}
    wanted = ml_decoder(state, feature_map.numpy(), heads=HEADS, num_labels=num_labels)
    assert torch.allclose(head(feature_map), torch.from_numpy(wanted), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("num_labels", "groups"), [(10, 5), (10, 3), (10_000, 100), (9605, 100), (101, 100), (3, 3)])
def test_each_label_has_its_own_weights_and_reads_one_group(num_labels, groups):
    layer = GroupLinear(2, num_labels, groups=groups)
    features = torch.randn(1, groups, 2, requires_grad=True)
    with torch.no_grad():
        layer.bias.copy_(torch.arange(num_labels))
        layer.weight.zero_()
    assert layer(features)[0].tolist() == list(range(num_labels))  # in order, none left out
    with torch.no_grad():
        layer.weight.fill_(1.0)
    sizes = []
    for group in range(groups):
        asked = torch.zeros(1, groups, 2)
        asked[0, group] = 1.0
        sizes.append(int((layer(asked)[0] - layer.bias != 0).sum()))
    assert sum(sizes) == num_labels
    assert max(sizes) - min(sizes) <= 1


def test_weights_grow_with_the_labels_and_not_with_groups_times_labels():
    few, many = (sum(p.numel() for p in GroupLinear(768, 10_000, groups=groups).parameters()) for groups in (1, 100))
    assert few == many == 10_000 * 769
    largest = max(tensor.numel() for tensor in MLDecoder(32, 10_000, width=64).state_dict().values())
    assert largest == 10_000 * 64


def test_ten_thousand_labels_make_no_tensor_larger_than_the_logits_and_the_answers():
    head = MLDecoder(8, 10_000, width=64)
    sizes = []
    for module in head.modules():
        module.register_forward_hook(lambda _module, _inputs, output: sizes.append(_largest(output)))
    samples, places = 4, 9
    head(torch.randn(samples, 8, 3, 3)).sum().backward()
    assert max(sizes) <= samples * max(10_000, 100 * head.feed_forward[0].out_features, places * 64)


def _largest(output):
    tensors = output if isinstance(output, tuple) else (output,)
    return max(tensor.numel() for tensor in tensors if tensor is not None)


def test_queries_are_saved_and_not_trained():
    head = MLDecoder(4, 20, groups=5, width=8)
    assert "queries" in head.state_dict()
    assert "queries" not in dict(head.named_parameters())
    head(torch.randn(2, 4, 3, 3)).sum().backward()
    assert all(parameter.grad is not None for parameter in head.parameters())


def test_places_of_the_feature_map_have_no_order():
    head = MLDecoder(4, 6, width=8).eval()
    feature_map = torch.randn(2, 4, 2, 3)
    shuffled = feature_map.flatten(2)[:, :, torch.randperm(6)].view(2, 4, 3, 2)
    assert torch.allclose(head(feature_map), head(shuffled), atol=1e-6)


def test_by_default_a_query_a_label_up_to_a_hundred():
    assert len(MLDecoder(4, 7, width=8).queries) == 7
    assert len(MLDecoder(4, 250, width=8).queries) == 100


def test_more_groups_than_labels_are_refused():
    with pytest.raises(ValueError, match=r"expected groups to be from 1 to the number of labels \(3\), got 4"):
        MLDecoder(4, 3, groups=4, width=8)


def test_an_exported_head_takes_batches_of_any_size():
    head = MLDecoder(4, 7, groups=3, width=8).eval()
    batch = {0: torch.export.Dim("samples")}
    exported = torch.export.export(head, (torch.randn(2, 4, 3, 3),), dynamic_shapes=(batch,)).module()
    feature_map = torch.randn(5, 4, 3, 3)
    assert torch.allclose(exported(feature_map), head(feature_map), atol=1e-6)

import pytest
import torch
from torchvision.models import get_model

from lungscope.errors import InvalidSetting
from lungscope.models import Shape, build_network, get_architecture, list_architectures
from lungscope.models.cost import compute_cost

PAPER_PARAMETERS = {  # in millions, as the paper gives them for the 1,000-class originals
    "squeezenet": 1.25,
    "vgg11": 132.9,
    "resnet18": 11.7,
    "densenet121": 7.98,
    "mobilenet-v2": 3.5,
    "mobilenet-ft": 3.5,
    "mobilenet-lung": 3.5,
}
SMALL = [name for name in PAPER_PARAMETERS if name != "vgg11"]


def test_the_papers_models_come_first_in_the_order_of_its_table():
    names = [each.name for each in list_architectures()]
    assert names[:7] == list(PAPER_PARAMETERS)
    assert names[7] == "squeezenet1_1"


@pytest.mark.parametrize(("name", "millions"), PAPER_PARAMETERS.items())
def test_original_has_the_parameters_that_the_paper_counts(name, millions):
    count = compute_cost(get_architecture(name), Shape(3)).original_parameters / 1e6
    assert count == pytest.approx(millions, abs=0.06)


def test_multiply_adds_are_those_that_mobilenet_v2_is_known_for():
    # 300 M at 224 x 224 for the 1,000-class network (arXiv 1801.04381, table 4)
    assert compute_cost(get_architecture("mobilenet-v2"), Shape(3)).multiply_adds == pytest.approx(
        300e6, rel=0.01
    )


def test_an_unknown_name_is_refused_with_the_names_there_are():
    with pytest.raises(InvalidSetting, match="mobilenet-lung"):
        get_architecture("resnet50")


@pytest.mark.parametrize("name", SMALL)
def test_network_computes_the_original_torchvision_function_up_to_the_classifier(name):
    torch.manual_seed(0)
    network = build_network(name, Shape(4)).eval()
    original = get_model(get_architecture(name).original, weights=None).eval()
    state = {  # features under torchvision's names
        key.removeprefix("features.") if name == "resnet18" else key: value
        for key, value in network.state_dict().items()
        if not key.startswith("classifier") and ".se." not in key
    }
    missing, unexpected = original.load_state_dict(state, strict=False)
    assert not unexpected
    assert all(key.startswith(("classifier", "fc")) for key in missing)
    images = torch.randn(2, 3, 64, 64)
    grabbed = []
    last = original.fc if name == "resnet18" else original.classifier
    last.register_forward_pre_hook(lambda _, inputs: grabbed.append(inputs[0]))
    original(images)
    if name == "mobilenet-lung":
        network.features = torch.nn.Sequential(
            *(layer for key, layer in network.features.named_children() if key != "se")
        )
    pooled = network.pool(network.features(images))
    torch.testing.assert_close(pooled, grabbed[0])
    assert network(images).shape == (2, 4)


def test_vgg11_keeps_its_hidden_layers_in_the_backbone():
    with torch.device("meta"):
        network = build_network("vgg11", Shape(3))
        assert network(torch.empty(1, 3, 224, 224)).shape == (1, 3)
    trained = [name for name, p in network.named_parameters() if p.requires_grad]
    assert trained == ["classifier.1.weight", "classifier.1.bias"]


@pytest.mark.parametrize(
    "name", [each.name for each in list_architectures() if each.name not in {"vgg11"}]
)
def test_three_training_steps_change_what_is_trained_and_nothing_else(name):
    torch.manual_seed(0)
    network = build_network(name, Shape(3))
    network.train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    for _ in range(3):
        loss = torch.nn.functional.cross_entropy(
            network(torch.randn(4, 3, 64, 64)), torch.tensor([0, 1, 2, 0])
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    changed = {k for k, value in network.state_dict().items() if not torch.equal(value, before[k])}
    if get_architecture(name).trained == "classifier":
        assert changed
        assert all(key.startswith("classifier") for key in changed)
    else:
        assert any(key.startswith("features.0.") for key in changed)
        assert any("running_mean" in key for key in changed)


@pytest.mark.parametrize("name", ["squeezenet", "resnet18", "mobilenet-v2"])
def test_a_frozen_backbone_answers_the_same_in_training_mode(name):
    network = build_network(name, Shape(3))
    images = torch.randn(4, 3, 64, 64)
    pooled = network.train().pool(network.features(images))
    torch.testing.assert_close(network.eval().pool(network.features(images)), pooled)

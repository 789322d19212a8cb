"""`clipstr.providers`: what can compute here, found out by trying, and told in words of ours."""

from __future__ import annotations

import pytest

from clipstr.devices import AUTO, CPU, DEVICES, Device, device_named
from clipstr.providers import candidates, options_of, problem_with, products, runtime, session_options

OPENVINO = DEVICES["openvino"].provider in runtime().get_available_providers()


def test_the_processor_can_always_compute_and_auto_ends_with_it() -> None:
    assert problem_with(CPU) is None
    assert candidates("cpu") == [CPU]
    there = runtime().get_available_providers()
    assert candidates(AUTO)[-1] == CPU
    assert all(device.provider in there for device in candidates(AUTO))


@pytest.mark.parametrize("name", sorted(set(DEVICES) - {"cpu"}))
def test_a_device_that_is_not_there_says_what_to_install(name: str) -> None:
    device = DEVICES[name]
    problem = problem_with(device)
    if problem is None:
        assert device.provider in runtime().get_available_providers()
    else:
        assert device.install in problem


@pytest.mark.skipif(not OPENVINO, reason="onnxruntime-openvino is not installed")
def test_hardware_that_is_not_there_is_told_and_not_replaced(capfd: pytest.CaptureFixture[str]) -> None:
    """ONNX Runtime itself goes on with the processor."""
    assert problem_with(device_named("openvino")) is None
    problem = problem_with(device_named("openvino:NPU"))
    assert problem is not None
    assert "cannot begin with it" in problem
    assert capfd.readouterr() == ("", "")


def test_openvino_is_told_the_threads_and_other_devices_are_not() -> None:
    assert options_of(device_named("openvino:CPU"), 3) == {"device_type": "CPU", "num_of_threads": "3"}
    assert options_of(CPU, 3) == {}


def test_a_provider_that_computes_nothing_computes_no_product() -> None:
    device = Device(name="azure", provider="AzureExecutionProvider", install="")
    if device.provider not in runtime().get_available_providers():
        pytest.skip("this ONNX Runtime has no provider that computes nothing")
    from clipstr.providers import _PROBE

    session = runtime().InferenceSession(
        _PROBE, session_options(1, device, {}), providers=[device.provider], enable_fallback=0
    )
    assert products(session, device) == (0, 1)
    assert products(session, CPU) == (1, 1)

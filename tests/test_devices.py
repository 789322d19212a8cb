"""`clipstr.devices`: what computes, by the names that people write."""

from __future__ import annotations

import pytest

from clipstr.devices import AUTO, CPU, DEVICES, QUICKER, device_named
from clipstr.errors import DeviceError, InputError


def test_a_device_is_written_with_its_name_and_which_of_them() -> None:
    assert device_named("cpu") == CPU
    assert device_named("cuda").full_name == "cuda"
    second = device_named("cuda:1")
    assert (second.full_name, second.options["device_id"]) == ("cuda:1", "1")
    assert second.options["cudnn_conv_algo_search"] != "EXHAUSTIVE"
    assert DEVICES["cuda"].options.get("device_id") is None


def test_openvino_takes_any_size_on_the_processor_and_compiles_for_sizes_elsewhere() -> None:
    assert not device_named("openvino").compiles
    assert not device_named("openvino:CPU").compiles
    assert device_named("openvino:GPU").compiles


@pytest.mark.parametrize("wrong", ["gpu", "Cuda", "cuda:", ":1", "coreml:1", "", AUTO])
def test_what_is_no_device_is_refused_and_all_are_named(wrong: str) -> None:
    with pytest.raises(InputError, match="device is ") as caught:
        device_named(wrong)
    assert all(name in str(caught.value) for name in DEVICES)


def test_every_device_says_what_brings_it_and_a_device_that_is_not_there_is_a_wrong_call() -> None:
    assert all("install" in device.install for device in DEVICES.values())
    assert set(QUICKER) < set(DEVICES)
    assert issubclass(DeviceError, InputError)

"""The image, built once from this checkout."""

import podman
import pytest


@pytest.fixture(scope="session")
def image():
    if not podman.CONFIGURATION.is_file():
        pytest.skip("images are built and run by: make image-test")
    podman.build(COMMIT="test")
    return podman.IMAGE


@pytest.fixture(scope="session")
def schedule_image(image):
    podman.build("schedule.Dockerfile", podman.SCHEDULE, TRIAGE=image)
    return podman.SCHEDULE

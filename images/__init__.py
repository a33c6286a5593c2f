"""Builds container images without a container engine and publishes them to registries."""


class ImagesError(Exception):
    """An image could not be built or published; the text names the image and the fix."""

"""Container images built without a container engine, stored where the cluster's registry reads them."""


class ImagesError(Exception):
    """An image could not be built or published; the text names the image and the fix."""

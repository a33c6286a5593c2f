"""The delivery controller: gives versions of models their share of the requests, and judges new ones."""

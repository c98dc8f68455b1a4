"""The embedded default: five micro models, their pictures, and the recipe that made them."""

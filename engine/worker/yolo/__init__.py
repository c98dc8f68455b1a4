"""Ultralytics models. Only these modules and datasets import torch and ultralytics."""

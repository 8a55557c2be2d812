"""LoRA: writes `adapter/` and `merged/`."""

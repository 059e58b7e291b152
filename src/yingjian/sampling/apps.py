from importlib import import_module

from yingjian.rooms import RoomConfig


class SamplingConfig(RoomConfig):
    name = "yingjian.sampling"
    label = "sampling"

    def ready(self) -> None:
        """The field's commands, and those of the desk."""
        super().ready()
        for name in ("deciding", "allotting"):
            import_module(f"yingjian.sampling.{name}")

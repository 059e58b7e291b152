from django.db.models.signals import post_migrate

from yingjian.rooms import RoomConfig


class AccessConfig(RoomConfig):
    name = "yingjian.access"
    label = "access"

    def ready(self) -> None:
        super().ready()
        from .security import after_migrate

        post_migrate.connect(after_migrate, dispatch_uid="yingjian.access.security")

from yingjian.rooms import RoomConfig


class AccessConfig(RoomConfig):
    name = "yingjian.access"
    label = "access"

from yingjian.rooms import RoomConfig


class ContainmentConfig(RoomConfig):
    name = "yingjian.containment"
    label = "containment"

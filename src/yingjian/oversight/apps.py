from yingjian.rooms import RoomConfig


class OversightConfig(RoomConfig):
    name = "yingjian.oversight"
    label = "oversight"

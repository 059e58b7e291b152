from yingjian.rooms import RoomConfig


class LogisticsConfig(RoomConfig):
    name = "yingjian.logistics"
    label = "logistics"

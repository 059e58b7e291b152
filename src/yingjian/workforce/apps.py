from yingjian.rooms import RoomConfig


class WorkforceConfig(RoomConfig):
    name = "yingjian.workforce"
    label = "workforce"

from yingjian.rooms import RoomConfig


class PlanningConfig(RoomConfig):
    name = "yingjian.planning"
    label = "planning"

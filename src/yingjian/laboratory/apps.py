from yingjian.rooms import RoomConfig


class LaboratoryConfig(RoomConfig):
    name = "yingjian.laboratory"
    label = "laboratory"

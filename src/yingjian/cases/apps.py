from yingjian.rooms import RoomConfig


class CasesConfig(RoomConfig):
    name = "yingjian.cases"
    label = "cases"

from yingjian.rooms import RoomConfig


class PopulationConfig(RoomConfig):
    name = "yingjian.population"
    label = "population"

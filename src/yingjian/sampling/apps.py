from yingjian.rooms import RoomConfig


class SamplingConfig(RoomConfig):
    name = "yingjian.sampling"
    label = "sampling"

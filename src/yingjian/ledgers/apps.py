from yingjian.rooms import RoomConfig


class LedgersConfig(RoomConfig):
    name = "yingjian.ledgers"
    label = "ledgers"

from yingjian.rooms import RoomConfig


class CampaignsConfig(RoomConfig):
    name = "yingjian.campaigns"
    label = "campaigns"

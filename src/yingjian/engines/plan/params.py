"""How a planner models the world where no plan states a rule. Shown with every plan, changed by its proposer."""

from __future__ import annotations

import msgspec

Line = tuple[tuple[float, float], ...]
"""(lon, lat) from end to end."""
Path = tuple[tuple[float, ...], ...]
"""(lon, lat) or (lon, lat, metres above the sea) from end to end."""


class PlanParams(msgspec.Struct, frozen=True):
    """How the planner models the world where no plan states a rule. Shown with every plan."""

    load: float = 0.85
    """Share of a lane's throughput that slots fill when there is room."""
    slot_minutes: int = 30
    no_show: float = 0.02
    """Share of those called who do not come. This and the next four are the twin's habits, which it plays."""
    punctual_sd: float = 10.0
    """Minutes by which people miss the slot they aim into: some come up to a slot early or late."""
    early_birds: float = 0.05
    """Share of those who come who are there within `bird_minutes` of the opening, whatever they were told."""
    bird_minutes: float = 60.0
    service_cv: float = 0.5
    """Spread over mean of the minutes in a lane."""
    wait_quantile: float = 0.95
    """Chance, at every moment, that whoever comes waits no longer than the queue limit (R23)."""
    walk_km_per_h: float = 4.5
    drive_km_per_h: float = 40.0
    road_factor: float = 1.3
    """Road distance over straight line."""
    stop_minutes: float = 6.0
    home_minutes: float = 10.0
    """One door of a home visit, with the way to it."""
    unknown_drive_minutes: float = 15.0
    unknown_lab_minutes: float = 30.0
    bench_hours: float = 5.0
    """From arrival at an idle instrument to a released result."""
    site_name: str = "{village}{n}采样点"
    mobile_name: str = "{village}流动采样{n}队"
    mobile: bool = True
    """Whether mobile teams serve villages too small and too far off for a site."""
    isolated_share: float = 0.3
    """Isolated: fewer people within the walk than this share of what one lane, or site, takes."""
    visit_minutes: float = 60.0
    """A mobile team's way to a village and setting up there, as priced when sites are chosen."""
    setup_minutes: float = 20.0
    """Of these, setting up and packing, in the team's timetable."""
    opening_days: float = 2.0
    """Staff-days to put one site up and take it down."""
    walk_price: float = 0.0026
    """Staff-days that one person's walk of one kilometre counts for."""
    cluster_m: float = 150.0
    """Households this near are sent to one site together, so that sites are chosen for buildings."""
    most_points: int = 3000
    """More buildings than this are seen together in coarser groups."""
    point_people: int = 100
    """A large area may have more of them: one for so many people."""
    made_places: bool = True
    """Whether the middle of a group of homes may be a site where no candidate of the list is in reach. Where a town
    has none at all, it always may: somewhere everybody must be sent."""
    routed: bool = True
    """Whether runs and tours are planned by `engines.routing`; else the simple timetable."""
    route_area: int = 0
    """Digits of the region code a vehicle keeps to (9: its town); 0: only to its route."""
    margin_minutes: float = 20.0
    """Of the delivery limit kept for traffic and the queue at the laboratory, where it can be had."""
    fill_minutes: float = 10.0
    """From the first swab of a tube to its seal: one begun before a call rides with the next."""
    unload_minutes: float = 10.0
    """At the laboratory before the vehicle may leave again, disinfection included."""
    reception_per_hour: float = 3000.0
    """Tubes a laboratory's reception checks in (by the box); a large one a quarter of its day."""
    driver_hours: float = 8.0
    """Longest shift of one driver."""
    vehicle_boxes: int = 40
    """Boxes one vehicle takes where no vehicle says."""
    door_minutes: float = 8.0
    """At one door of a home visit, and `person_minutes` for every further person."""
    person_minutes: float = 2.0
    tour_minutes: float = 120.0
    """Longest tour of home visits; less where the delivery clock leaves less."""
    turn_minutes: float = 10.0
    """At the site between two tours."""
    bus_seats: int = 20
    """People one bus takes from an institution to a site."""
    path_reach_m: float = 80.0
    """How far from a path somebody may live who walks by it; whoever lives further off walks straight."""
    path_least_m: float = 500.0
    """Paths that lead to less path than this in all count for nothing: a map has gaps."""
    barriers: tuple[Line, ...] = ()
    """Rivers, railways, motorways, walls: lines that nobody crosses on foot. Bridges are gaps in them."""
    paths: tuple[Path, ...] = ()
    """A county's own paths, streets and bridges. With them walks are measured along them and not as straight lines
    times `road_factor`; barriers part only those who walk away from every path."""

    def by_road(self, kilometres: float) -> float:
        """Minutes that a straight line of so many kilometres takes to drive."""
        return kilometres * self.road_factor / self.drive_km_per_h * 60

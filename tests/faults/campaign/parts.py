"""All parts of the campaign."""

from tests.faults.campaign.calls import CALLS
from tests.faults.campaign.clones import CLONES
from tests.faults.campaign.edits import EDITS
from tests.faults.campaign.full import FULL
from tests.faults.campaign.kills import KILLS
from tests.faults.campaign.part import Part
from tests.faults.campaign.spoiling import SPOILING
from tests.faults.campaign.users import USERS

PARTS: dict[str, Part] = {part.name: part for part in (EDITS, CALLS, KILLS, FULL, SPOILING, USERS, CLONES)}

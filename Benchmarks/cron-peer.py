"""The next COUNT slots of a cron line by croniter, printed: usage: cron-peer.py LINE ZONE COUNT"""

import datetime
import sys
import zoneinfo

from croniter import croniter

line, zone, count = sys.argv[1], zoneinfo.ZoneInfo(sys.argv[2]), int(sys.argv[3])
slots = croniter(line, datetime.datetime.now(zone), ret_type=datetime.datetime)
for _ in range(count):
    print(slots.get_next().isoformat())

"""Who is told, when something happens that nobody sits and watches: alarms, the policy on them, targets, heartbeat."""

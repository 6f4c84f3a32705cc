/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rows of the table of reasons; see reasons.h. Keep the order: most urgent last within a severity is shown first. */
#define REASONS(X)                                                                                                              \
        X(NONE, "none", OK, "nothing to report", "")                                                                            \
        X(REDUNDANT, "redundant", OK, "%M is redundant: both legs hold every acknowledged write", "")                           \
        X(STANDBY_OK, "standby", OK, "%M is active on %N and this node can take over", "")                                      \
        X(WILL_TAKE_OVER, "will-take-over", OK, "%N would take %M over by itself", "")                                          \
        X(WILL_GO_ON, "will-go-on", OK, "%M would go on alone on %N after a short pause", "")                                    \
        X(WILL_FREEZE, "will-freeze", WARNING, "%M would freeze until %N or the witness is back", "hamonctl status")             \
        X(WILL_ASK, "will-ask", WARNING, "%M would wait until a person says that %N is off", "hamonctl node confirm-dead")      \
        X(WILL_STOP, "will-stop", WARNING, "%M would be down until %N is back; nothing is lost unless its disk is lost",         \
          "hamonctl status")                                                                                                    \
        X(WILL_WAIT, "will-wait", WARNING, "%M would be down until a person moves it or the maintenance ends", "hamonctl maintenance off")  \
        X(MAINTENANCE, "maintenance", INFO, "%M is in maintenance: nothing is taken over by itself", "hamonctl maintenance off")  \
        X(MAINTENANCE_ON, "maintenance-on", INFO, "%M: maintenance begins, for %n s", "")                                        \
        X(MAINTENANCE_OVER, "maintenance-over", INFO, "%M: the maintenance is over", "")                                         \
        X(BEING_REMOVED, "being-removed", WARNING, "%M is being removed: nobody starts it any more, and its disks keep what is on them",      \
          "finish it: hamonctl mirror remove %M; or take it back: hamonctl maintenance off %M")                                           \
        X(REMOVAL_OVER, "removal-over", INFO, "%M is no longer being removed: that was taken back, or a new mirror of its name was made", "")          \
        X(STARTED, "hamon-started", INFO, "hamon started", "")                                                                  \
        X(NODE_UP, "node-up", INFO, "%N is heard", "")                                                                          \
        X(NODE_SUSPECT, "node-suspect", INFO, "%N has been silent for %n ms", "")                                               \
        X(NODE_DEAD, "node-dead", WARNING, "%N has been silent for %n ms and counts as dead", "")                               \
        X(NODE_LEAVING, "node-leaving", INFO, "%N stops in good order", "")                                                     \
        X(NODE_REBOOTED, "node-rebooted", WARNING, "%N came back with a new boot id", "")                                       \
        X(TAKEOVER_BEGIN, "takeover-begin", WARNING, "this node asks for primacy of %M", "")                                    \
        X(TAKEOVER_REFUSED, "takeover-refused", INFO, "a voter refused the take-over of %M", "")                                \
        X(TAKEOVER_DECIDED, "takeover-decided", WARNING, "%M: primacy is decided, epoch %n", "")                                \
        X(TAKEOVER_FENCED, "takeover-fenced", INFO, "%M: own export revoked and drained", "")                                   \
        X(TAKEOVER_ASSEMBLED, "takeover-assembled", INFO, "%M: array runs on the own leg", "")                                  \
        X(HANDOVER_FAILED, "handover-failed", WARNING, "%M: the two legs could not be taken over together; the leg of %N will be resynced", "") \
        X(SERVICE_UP, "service-up", INFO, "%M: service is up", "")                                                              \
        X(SERVICE_FAILED, "service-failed", CRITICAL, "%M: the service did not start", "journalctl -u hamon-act")                \
        X(SERVICE_UNHEALTHY, "service-unhealthy", CRITICAL, "%M: the health check of the service has failed too often in a row: it is started again",  \
          "journalctl -u hamon-act")                                                                                            \
        X(SERVICE_GIVEN_UP, "service-given-up", CRITICAL, "%M: the service has failed too often here and is not started again",  \
          "mend it, then hamonctl service restart %M")                                                                          \
        X(SERVICE_WAITS, "service-waits", CRITICAL, "%M: its service waits for a mirror that it needs, which does not serve on this node",               \
          "hamonctl status, of that mirror")                                                                                    \
        X(SERVICE_MOVES, "service-moves", WARNING, "%M: the service has failed too often here and moves to %N", "")              \
        X(PRIMARY, "primary", INFO, "%M is active on this node, epoch %n", "")                                                  \
        X(ADOPTED, "adopted", INFO, "%M: the running array was adopted after a restart of hamon", "")                           \
        X(LEG_JOINING, "leg-joining", INFO, "%M: the leg of %N is being joined", "")                                            \
        X(LEG_REFUSED, "leg-refused", WARNING, "%M: %N cannot give its leg, without which %M is NOT redundant", "hamonctl status, on %N") \
        X(RESYNC, "resync", WARNING, "%M: the leg of %N is being resynced", "hamonctl status --watch")                          \
        X(RESYNC_STALLED, "resync-stalled", WARNING, "%M: the resync of the leg of %N does not move", "hamonctl status --watch")   \
        X(RESYNC_PAUSED, "resync-paused", WARNING, "%M: a person paused the resync of the leg of %N; until it goes on, %M is NOT redundant", \
          "hamonctl mirror resync resume %M")                                                                                     \
        X(RESYNC_RESUMED, "resync-resumed", INFO, "%M: the pause of the resync is over", "")                                     \
        X(LEG_JOINED, "leg-joined", INFO, "%M: the leg of %N is in sync", "")                                                   \
        X(LEG_HANDED, "leg-handed", INFO, "%M was handed over with both legs in sync: nothing is resynced", "")                       \
        X(LEG_LEAVING, "leg-leaving", WARNING, "%M: the leg of %N is left out", "")                                             \
        X(LEG_LEFT, "leg-left", WARNING, "%M goes on without the leg of %N", "")                                                \
        X(DISCARDS_TAKEN, "discards-taken", INFO, "%M takes discards: its disks read zeroes afterwards", "")                      \
        X(DISCARDS_REFUSED, "discards-refused", WARNING, "%M takes no discards, although its configuration says discard = zeroes: see the status",  \
          "hamonctl status")                                                                                                    \
        X(VERIFY_BEGUN, "verify-begun", INFO, "%M: both legs are being compared", "hamonctl status --watch")                      \
        X(VERIFY_EQUAL, "verify-equal", INFO, "%M was verified: both legs hold the same", "")                                    \
        X(VERIFY_CANCELLED, "verify-cancelled", INFO, "%M: the verify was ended before its end", "hamonctl mirror verify start %M") \
        X(VERIFY_FAILED, "verify-failed", WARNING, "%M: the two legs could not be compared: see the status", "hamonctl status")  \
        X(LEGS_DIFFER, "legs-differ", WARNING, "%M: a verify found blocks that are not the same on both legs; nothing was changed", \
          "find out which leg is right; hamonctl status names the ranges")                                                                                    \
        X(DEGRADED, "degraded", WARNING, "%M is NOT redundant: only one leg is in sync", "bring the other node back")            \
        X(OWN_LEG_FAILED, "own-leg-failed", CRITICAL, "%M: the own disk failed, the leg of %N goes on", "replace the disk")      \
        X(OWN_LEG_UNSAFE, "own-leg-unsafe", CRITICAL,                                                                            \
          "%M: the own disk fails writes or flushes, and no other leg is in sync: what is written now may be lost",              \
          "save the data, replace the disk")                                                                                     \
        X(CERTIFICATE_ENDS, "certificate-ends", WARNING, "the certificate of the API on %N ends soon (days left: %n); then its clients refuse it", \
          "put another one in its place, then systemctl reload hamon")                                                           \
        X(WITNESS_LOST, "witness-lost", WARNING, "the witness is not heard: a second fault would freeze %M", "start the witness") \
        X(VOTER_BLANK, "voter-without-memory", WARNING,                                                                          \
          "a voter of %M has lost its state file and has no vote until both others are heard and admit it again",                \
          "start the nodes that are down")                                                                                       \
        X(VOTER_BACKWARD, "voter-went-back", CRITICAL,                                                                           \
          "%M: %N has gone back to an older state (a restored snapshot?): its vote does not count until it was admitted anew",   \
          "hamonctl status")                                                                                                     \
        X(VOTER_EXCLUDED, "voter-excluded", WARNING,                                                                             \
          "%M: the other voters have decided without this one; it forgets what it knew and waits to be admitted", "")            \
        X(FORKED, "forked", CRITICAL,                                                                                            \
          "%M: on each node a person said that the other one is off, and both have gone on alone: nothing joins them by itself", \
          "keep one node's data: see TROUBLESHOOTING, forked")                                                                   \
        X(MANUAL_FROZEN, "manual-frozen", CRITICAL,                                                                              \
          "%M waits: %N is silent, and only a person can say that it is off", "make sure that %N is off, then hamonctl node confirm-dead %N") \
        X(NO_LEG, "no-leg", WARNING, "%M: this node has no leg", "hamonctl mirror join %M")                                     \
        X(NOT_CREATED, "not-created", INFO, "%M was never created", "hamonctl mirror create %M")                                \
        X(STARTING, "starting", INFO, "%M is being started on this node", "")                                                   \
        X(WAITING_FOR_PEER, "waiting-for-peer", CRITICAL, "%M: this node may lack acknowledged writes and waits for %N",          \
          "start %N, or hamonctl mirror start-alone %M")                                                                         \
        X(STALE, "stale", CRITICAL, "%M: the leg of this node is not in sync and cannot start by itself",                                    \
          "start %N, or give up what it lacks: hamonctl mirror force-primary %M")                      \
        X(TORN, "torn", CRITICAL, "%M: a resync onto this node's leg had begun and not ended: it is of no single moment, and is never made the data",    \
          "hamon-rescue, or start %N")                                                                                          \
        X(FORCED, "forced", CRITICAL, "%M: a person made this node's old leg the data; what was written elsewhere since is given up", "")             \
        X(NOT_ACTIVE, "not-active", CRITICAL, "%M is active on no node that is heard", "hamonctl explain, on a node")            \
        X(NO_MAJORITY, "no-majority", CRITICAL, "%M: no majority of voters answers", "start the witness or %N")                 \
        X(FROZEN, "frozen", CRITICAL, "%M is frozen: the peer is gone and nobody confirms that this node may go on alone",        \
          "start the witness or %N")                                                                                             \
        X(LEASE_LOST, "lease-lost", CRITICAL, "%M: the lease ran out, the service address is dropped", "hamonctl status")        \
        X(PROBE_FAILED, "probe-failed", CRITICAL, "%M: the own disk did not pass the probe", "replace the disk")                 \
        X(EFFECT_FAILED, "effect-failed", CRITICAL, "%M: a step failed: see the detail", "journalctl -u hamon-act")              \
        X(EFFECT_SLOW, "effect-slow", WARNING, "%M: a step has not answered for %n ms", "journalctl -u hamon-act")               \
        X(ACT_LOST, "act-lost", CRITICAL, "hamon-act is not running", "systemctl status hamon-act")                             \
        X(DEPOSED, "deposed", CRITICAL, "%M: %N is primary of a newer epoch; this node reboots", "")                             \
        X(FENCE_TEST, "fence-test", WARNING, "%N is rebooted now, as if it had been deposed: a person tests the fence", "")       \
        X(COMMAND_DONE, "done", INFO, "done", "")                                                                               \
        X(COMMAND_BUSY, "busy", WARNING, "another change of %M is under way", "hamonctl status")                                \
        X(COMMAND_UNSETTLED, "unsettled", WARNING,                                                                               \
          "the time is over, and it may still happen: a step of %M is under way or a voter may have accepted it; it will be settled", \
          "hamonctl status")                                                                                                    \
        X(COMMAND_WRONG_STATE, "wrong-state", WARNING, "%M is not in a state in which this can be done", "hamonctl status")      \
        X(COMMAND_CONSENT, "needs-consent", WARNING, "this destroys what is on the disk and needs typed consent", "")

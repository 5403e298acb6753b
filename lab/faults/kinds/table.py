"""The table of faults."""

from __future__ import annotations

from lab.errors import LabError
from lab.faults.fault import Fault
from lab.faults.fault_model import START_S, Bounds, Need
from lab.faults.kinds import combined_faults as both
from lab.faults.kinds import disk_faults as disk
from lab.faults.kinds import load_faults as load
from lab.faults.kinds import node_faults as node
from lab.faults.kinds import pair_faults as pair
from lab.faults.kinds import pbx_faults as pbx
from lab.faults.kinds import tls_faults as tls

BROKER = '\n[mqtt]\nbroker = "127.0.0.1:{broker}"\ntls = false\n'
TLS_BROKER = BROKER.replace("tls = false", "tls = true")
STARTED = Bounds(decision_s=START_S, reason="the only node has to start again")
PAIR = (Need.NODES, Need.POSTGRES)
DATABASE = ("a.primary", "a.standby", "b.primary", "b.standby")
AMI = ("a.ami", "b.ami")
LOADED = Bounds(1.0, 2.0, 8.0, 10.0, reason="the flood takes the machine's cores, and sound comes later")

FAULTS = (
    Fault("F-00", "nothing breaks", "nothing: the yardstick for the noise of this machine", node.break_nothing, 3.0),
    Fault("F-01", "the only node is killed", "SIGKILL of the node; started again after 1 s", node.kill_node, 3.0,
          bounds=STARTED),
    Fault("F-02", "who leads is killed", "SIGKILL of the node that leads; started again after 1 s", pair.kill_leader,
          5.0, needs=PAIR, bounds=Bounds(decision_s=2.0)),
    Fault("F-03", "the only node is frozen", "SIGSTOP of the node, SIGCONT after 30 s", node.freeze_node, 30.0,
          decides_after=True, bounds=STARTED),
    Fault("F-03b", "who leads is frozen", "SIGSTOP of the node that leads, SIGCONT after 30 s", pair.freeze_leader,
          30.0, needs=PAIR),
    Fault("F-04", "Asterisk is killed", "SIGKILL of Asterisk; started again at once", pbx.kill_asterisk, 1.0,
          cuts_calls=True, decides_after=True,
          bounds=Bounds(reason="all calls of the moment end with their Asterisk: their records say pbx_failure")),
    Fault("F-05", "Asterisk is frozen", "SIGSTOP of Asterisk, SIGCONT after 20 s", pbx.freeze_asterisk, 20.0,
          decides_after=True,
          bounds=Bounds(22.0, 22.0, 22.0, 10.0, 22.0, reason="a frozen Asterisk sends no sound and sees no hang-up")),
    Fault("F-06", "the AMI link is cut without FIN", "a TCP proxy carries nothing for 60 s and keeps connections open",
          pbx.stall_link, 60.0, links=AMI, decides_after=True,
          bounds=Bounds(decision_s=10.0, reason="the node tries its link again after 1, 2, 4 s")),
    Fault("F-07", "the AMI link is slow", "a TCP proxy reads nothing for 10 s while 40 calls come and go",
          pbx.slow_link, 10.0, links=AMI, decides_after=True,
          bounds=Bounds(1.0, 2.0, decision_s=10.0, reason="40 calls more at once take the machine's cores")),
    Fault("F-08", "the broker is killed", "SIGKILL of mosquitto; started again after 5 s; told every fact",
          disk.kill_broker, 5.0, needs=(Need.NODE, Need.MOSQUITTO), extra=BROKER),
    Fault("F-09", "the primary is killed", "SIGKILL of PostgreSQL's primary; its standby is promoted after 10 s",
          pair.kill_primary, 10.0, needs=PAIR, decides_after=True, bounds=Bounds(decision_s=2.0)),
    Fault("F-09b", "the database's standby is killed", "SIGKILL of the standby; the primary lets go of it after 3 s",
          pair.kill_standby, 2.0, needs=PAIR),
    Fault("F-10", "the database is away", "SIGSTOP of the primary for 600 s: the nodes are patient for 60 s",
          pair.freeze_database, 600.0, needs=PAIR, decides_after=True, calm_s=240.0),
    Fault("F-11", "a power cut", "12 copies of the SQLite files at random moments with a torn last write, each "
          "checked; then SIGKILL of the node. No power was cut", disk.cut_power, 5.0, bounds=STARTED),
    Fault("F-12", "who leads is cut from the database", "TCP proxies carry nothing between the leader and "
          "PostgreSQL, 20 s", pair.part_from_database, 20.0, needs=PAIR, links=DATABASE),
    Fault("F-13", "who leads is cut from Asterisk", "a TCP proxy carries nothing between the leader and AMI, 25 s",
          pair.part_from_asterisk, 25.0, needs=PAIR, links=AMI,
          bounds=Bounds(decision_s=5.0, reason="a silence of 3 s decides, then the other node leads")),
    Fault("F-13b", "the leader's link to Asterisk comes and goes", "a TCP proxy carries nothing between AMI and "
          "whichever node leads, 4 s of every 8 s for a minute", pair.flap_asterisk, 1.0, needs=PAIR, links=AMI,
          decides_after=True, bounds=Bounds(decision_s=10.0, reason="the node tries its link again after 1, 2, 4 s")),
    Fault("F-14", "the disk is full", "a disk of 96 MB for node and Asterisk is filled, gets 1 MB more each "
          "second, and is emptied after 8 s", disk.fill_disk, 8.0, needs=(Need.NODE, Need.ROOT), decides_after=True),
    Fault("F-14b", "the disk of the log is full", "the node is killed, and writes its log to a full disk of 64 KB from "
          "its start on", disk.fill_log, 8.0, needs=(Need.NODE, Need.ROOT), bounds=STARTED),
    Fault("F-15", "the clock jumps", "libfaketime: the node's wall clock an hour ahead, a day back, right again",
          node.jump_clock, 20.0, needs=(Need.NODE, Need.FAKETIME)),
    Fault("F-16", "a flood of callers", "SIPp: 20 callers a second for 10 s on 120 lines", load.flood_callers, 15.0,
          needs=(Need.NODE, Need.SIPP), extra=load.LINES_EXTRA, joined=False, bounds=LOADED),
    Fault("F-17", "a phone vanishes in a talk", "SIGKILL of the phone: no sound, no BYE", pbx.lose_phone, 15.0,
          lone="talks", bounds=Bounds(reason="a caller hears nothing until Asterisk misses the phone's sound (15 s)")),
    Fault("F-18", "a phone that rings crashes", "SIGKILL of the phone; it registers again after 3 s", pbx.crash_phone,
          3.0, lone="rings"),
    Fault("F-19", "a stranger floods SIP", "500 INVITEs a second from an unknown address for 15 s",
          load.flood_strangers, 15.0, bounds=LOADED),
    Fault("F-20", "hostile input", "torture messages of SIP, and junk for AGI, AMI and HTTP, for 8 s",
          load.send_hostile, 8.0, bounds=Bounds(0.5, 1.0, reason="Asterisk parses junk in the threads of its calls")),
    Fault("F-21", "no file handles are left", "the node's limit of file handles is lowered to what it has open, for "
          "10 s", node.take_handles, 10.0, decides_after=True,
          bounds=Bounds(new_gap_s=12.0, reason="a new caller's question waits until a handle is free")),
    Fault("F-22", "the broker's certificate has expired", "a TLS server with an expired certificate",
          tls.offer_expired, 5.0, extra=TLS_BROKER),
    Fault("F-23", "an upgrade, node by node, and back", "SIGTERM of who stands by, then of who leads, each started as "
          "a planted release with wider tables; then back", pair.upgrade_nodes, 2.0, needs=PAIR,
          decides_after=True),
    Fault("F-24", "everything is reloaded", "core, pjsip, dialplan, rtp and queue reload of Asterisk",
          pbx.reload_asterisk, 3.0),
    Fault("F-25", "who leads is killed while the primary is dead", "F-09, and SIGKILL of the node that leads 3 s later",
          pair.kill_leader_and_primary, 7.0, needs=PAIR, decides_after=True, bounds=STARTED),
    Fault("F-25b", "a flood while the broker is dead", "F-16, and F-08 at the same time",
          both.combine(disk.kill_broker, load.flood_callers), 15.0, needs=(Need.NODE, Need.SIPP, Need.MOSQUITTO),
          extra=BROKER + load.LINES_EXTRA, joined=False, bounds=LOADED),
    Fault("F-26", "both nodes are cut from the database", "TCP proxies carry nothing between the nodes and PostgreSQL, "
          "20 s", pair.part_both_from_database, 20.0, needs=PAIR, links=DATABASE, decides_after=True),
    Fault("F-27", "the only standby is away for long", "SIGKILL of the standby; the primary lets go of it after 20 s",
          pair.lose_standby, 20.0, needs=PAIR, decides_after=True),
    Fault("F-28", "another program locks the store", "BEGIN IMMEDIATE of another connection, for 20 s: the node is "
          "patient for 12 s", disk.lock_store, 20.0, decides_after=True, bounds=STARTED),
    Fault("F-29", "the session of who leads is frozen", "SIGSTOP of the process of PostgreSQL that serves the node, "
          "SIGCONT after 20 s", pair.freeze_session, 20.0, needs=PAIR),
    Fault("F-30", "a node has separate keys", "the keys of who stands by are taken away, SIGKILL of both nodes; each "
          "started again after 1 s", pair.make_own_keys, 8.0, needs=PAIR,
          bounds=Bounds(decision_s=START_S, reason="both nodes have to start again")),
    Fault("F-31", "strangers ask AGI", "1,000 connections that say nothing and ten forged questions a second, for 10 s",
          load.forge_questions, 10.0),
    Fault("F-32", "one seat floods", "70 calls of one seat to the sound check at once, again and again for 15 s",
          load.flood_seat, 15.0, joined=False, bounds=LOADED),
)
"""All faults, in order."""


def find_faults(names: list[str]) -> list[Fault]:
    """Return the faults with these ids. Raise LabError that names the first unknown one."""
    known = {one.id: one for one in FAULTS}
    for name in names:
        if name not in known:
            raise LabError(f"no fault {name!r}. See them: santral lab fault --list")
    return [known[name] for name in names]

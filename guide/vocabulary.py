"""Name the words that this repository does not use, each with the better one, and the verbs of its docstrings."""

from __future__ import annotations

import re

_PHRASES: dict[str, str] = {
    r"safety net": "fallback queue",
    r"(?:send|sends|sent|sending) (?:\w+ )?on\b(?= to (?:another|a|the) (?:agent|service|queue))": "blind transfer",
    r"asks? somebody(?: first)?": "consult transfer: consults a colleague",
    r"\banew\b": "again",
    r"\bmend(?:s|ed|ing)?\b": "fix",
    r"\breckon(?:s|ed|ing)?\b": "calculate",
    r"\bbeside\b": "next to, together with, at the same time as",
    r"\bso long\b(?! as)": "this long, until then",
    r"\bso many\b": "this many",
    r"\bas ever\b": "as usual",
    r"\bis another one\b": "is a different one",
    r"\bof (?:its|their|his|her) own\b": "own, separate",
    r"\bwraps? up aside\b": "detached wrap-up",
    r"\bsealed box\b": "encrypted number",
    r"\bsays? aloud\b": "state explicitly",
    r"\bwho of a pair\b": "the agent of a pair who",
    r"\bhush(?:es|ed)?\b": "pause the recording",
    r"\bstands? still\b": "is held",
}
"""Retired in prose: docstrings, comments, texts of code and pages. Between backticks anything may stand."""

RETIRED_PHRASES = tuple((re.compile(pattern, re.IGNORECASE), better) for pattern, better in _PHRASES.items())

RETIRED_IDENTIFIERS: dict[str, str] = {
    "SendOn": "BlindTransfer", "hand_on": "requeue_for_transfer", "to_net": "send_to_fallback",
    "introducer": "consulting_offer", "introduced": "with_consulting_agent", "brief_s": "pre_connect_limit_s",
    "ContactGone": "CallerHungUp", "ContactLeft": "ContactExited", "ContactTicked": "HoldTick",
    "TalkOver": "TalkEndedRecorded", "refit": "requeue_after_reload", "given_over": "on_consult_completed",
    "kept_by": "blocked_by", "ContactWeighed": "LoadReported", "AgentSpared": "HeavyContactsDeclined",
    "gladly": "max_load_normal", "atmost": "max_load_last_resort", "utmost": "max_load_emergency",
    "RulesRelaxed": "RulesOverridden", "recess": "break_plan", "turned_at": "bridge_changed_at",
    "caller_box": "number_encrypted", "AbuseSaid": "CallerFlaggedAbusive", "duel": "side_by_side",
    "steady_at": "rest_after_heavy_until",
}
"""Retired as names in code, with what stands there now."""

VERBS = frozenset("""
abort accept acknowledge acquire act add adjust admit adopt advance aggregate agree align allocate allow alter analyse
announce anonymise answer append apply approve arm arrange ask assemble assert assign associate assume attach attempt
authenticate authorise average await back backfill balance begin bind blank block book bound bridge bring broadcast
build bundle cache calculate call cancel cap capture carry change check choose clamp classify clean clear clip close
collapse collect colour combine come commit compare compile complete compose compress compute conclude configure confirm
connect consider construct consult consume contact contain continue convert copy correct count cover create credit cut
debit decay decide declare decline decode decrease decrypt defer define delay delete deliver demand deny dequeue derive
describe deserialise destroy detach detect determine dial differ disable disarm discard disconnect dispatch display
dissolve distribute divide do download draft drain draw drive drop dump duplicate elect emit empty enable encode encrypt
end enqueue ensure enter enumerate erase escape establish estimate evaluate examine exclude execute exit expand expect
expire explain export expose express extend extract fade fail favour feed fetch file fill filter finalise find finish
fire fit fix flag flatten flush focus fold follow forbid force forecast forget form format forward free freeze fulfil
gather generate get give go grant greet group guard guess halt hand handle hang happen hash have hear help hide hold
honour identify ignore import include increase increment index infer inform initialise insert inspect install integrate
interpolate interpret interrupt introduce invalidate invert invite invoke isolate issue iterate join judge jump justify
keep key kill know label last launch lay lead learn leave lend let lift limit link list listen load locate lock log look
lose lower make manage map mark mask match materialise maximise mean measure merge migrate minimise mirror mix modify
monitor mount move multiply mute name narrow navigate need negate normalise note notice notify number obey observe
obtain occupy offer omit open operate order originate outline overflow override own pack pad page paint pair parse
partition pass patch pause pay perform permit persist pick place plan play point poll pop populate post postpone
predict prefer prefix prepare present preserve press prevent print prioritise proceed process produce project prolong
promise promote prompt propose protect prove provide prune publish pull purge push put query queue quote raise rank rate
reach react read rebuild recalculate receive recognise recompute reconcile reconnect record recover redact redirect
reduce refer refresh refuse register reject relate relax relay release reload rely remain remember remind remove rename
render renew reopen repair repeat replace replay reply report represent request require reschedule rescind reserve reset
resolve respect respond rest restart restore restrict resume retain retire retry return reuse reveal reverse revert
review rewrite ring rise roll rotate round route run sample satisfy save say scale scan schedule score scrape seal
search see seek select send separate serialise serve set settle shape share shift shorten show shrink shut sign
signal silence simplify simulate skip slice slide slow smooth solve sort sound speak specify spell split spread
stamp stand start state stay stop store stream strip submit subscribe subtract succeed suggest sum summarise supply
support suppress suspend swap switch synchronise synthesise tabulate tail take talk target tell terminate test throw
tick tidy tie time toggle total touch trace track trade transcribe transfer transform translate transmit treat trigger
trim truncate try turn type unbind undo unfreeze unindex unlink unlock unpack unpause unregister unseal unset update
upgrade use validate verify verbalise view visit wait wake walk want warm warn watch weigh widen wipe withdraw work
wrap write yield zero
""".split())  # noqa: SIM905 - 600 words in quotes are harder to read
"""Verbs with which a docstring may begin, in the imperative. The third person follows from them."""

"""Made-up calls, one function per scenario."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from signalbox.site.demo import lines
from signalbox.site.demo.lines import FINE, SERVER, End, between
from signalbox.site.demo.people import conference_name, people
from signalbox.site.demo.steps import Call
from signalbox.site.demo.writer import Day, Writer

Scenario = Callable[[Writer], Call]
# How long calls last, in seconds, and how common that is: many short ones, few of an hour.
_LENGTHS: Final = ((70, 240, 4), (240, 900, 9), (900, 2000, 5), (2000, 3500, 2), (3500, 4600, 1))


def _length(write: Writer) -> float:
    [(least, most, _)] = write.dice.choices(_LENGTHS, [each[-1] for each in _LENGTHS])
    return write.dice.uniform(least, most)


def _somebody(write: Writer) -> End:
    return write.dice.choice((FINE, FINE, lines.OFFICE, lines.MOBILE))


def _slowed(write: Writer, session: str, end: End) -> End:
    """What the newest version makes of this end, if its browser is one of those that suffer."""
    return replace(end, cpu=max(end.cpu, 0.65)) if write.is_slow(session) else end


def mesh(
    write: Writer,
    ends: Sequence[End],
    *,
    length_s: float | None = None,
    pairs: tuple[str, ...] = ("CP1",),
    first_is_deaf: bool = False,
) -> list[str]:
    """Everybody, as many as `ends`, is connected with everybody else; nobody leaves yet. Answers the sessions, of the first first."""
    dice = write.dice
    who = people(dice, len(ends))
    end_s = length_s or _length(write)
    arrivals = sorted(dice.uniform(0, 12) for _ in who)
    arrivals[0] = 0.0
    sessions = [write.enter(one, at_s) for one, at_s in zip(who, arrivals, strict=True)]
    at = [_slowed(write, name, end) for name, end in zip(sessions, ends, strict=True)]
    for mine, session in enumerate(sessions):
        write.media(session, arrivals[mine] + 0.5)
        for other in range(len(who)):
            if other == mine:
                continue
            start = max(arrivals[mine], arrivals[other]) + 2
            connection = write.connect(session, who[other], start, kind=at[mine].candidate)
            up_s = start + max(write.setup_s(session), write.setup_s(sessions[other]))
            write.connected(connection, up_s)
            line = between(at[mine], at[other])
            if first_is_deaf and mine == 0:
                line = replace(line, deaf=True)
            write.stats(connection, up_s, end_s, line, pairs=pairs)
        if dice.random() < 0.4:
            write.custom(session, arrivals[mine] + 30, "mute")
            write.custom(session, arrivals[mine] + 45, "unmute")
    write.end_s = end_s
    return sessions


def _part(write: Writer, kind: str, sessions: Sequence[str]) -> Call:
    """Everybody leaves, one after the other."""
    for number, session in enumerate(sessions):
        write.leave(session, write.end_s + number)
    return write.call(kind)


def good(write: Writer) -> Call:
    """Two to four people, a good network."""
    count = write.dice.choice((2, 2, 2, 2, 3, 4))
    return _part(write, "good", mesh(write, [_somebody(write) for _ in range(count)]))


def lossy(write: Writer) -> Call:
    """One of two or three sits behind a bad network."""
    others = [_somebody(write) for _ in range(write.dice.choice((1, 2)))]
    return _part(write, "lossy", mesh(write, [lines.LOSSY, *others]))


def far_away(write: Writer) -> Call:
    """A satellite between two people."""
    return _part(write, "lossy", mesh(write, [lines.FAR, FINE]))


def narrow(write: Writer) -> Call:
    """Hardly any bandwidth."""
    return _part(write, "lossy", mesh(write, [lines.NARROW, FINE]))


def relayed(write: Writer) -> Call:
    """A firewall between two people, one of them without UDP."""
    mine = lines.TCP_ONLY if write.dice.random() < 0.3 else lines.BEHIND_FIREWALL
    return _part(write, "relayed", mesh(write, [mine, lines.BEHIND_FIREWALL]))


def failed(write: Writer) -> Call:
    """No path is found."""
    who = people(write.dice, 2)
    session = write.enter(who[0], 0.0)
    write.media(session, 0.5)
    connection = write.connect(session, who[1], 2.0)
    for number in range(3):
        write.event(connection, 9.0 + number, "onicecandidateerror", {"errorCode": 701})
    write.path(connection, 17.0, "failed")
    write.leave(session, 31.0)
    return write.call("failed")


def unencrypted(write: Writer) -> Call:
    """A path is found, and the handshake of the encryption fails."""
    who = people(write.dice, 2)
    session = write.enter(who[0], 0.0)
    write.media(session, 0.5)
    connection = write.connect(session, who[1], 2.0)
    write.event(connection, 3.1, "oniceconnectionstatechange", "connected")
    write.event(connection, 18.0, "onconnectionstatechange", "failed")
    write.leave(session, 33.0)
    return write.call("failed")


def denied(write: Writer) -> Call:
    """Camera and microphone are refused, and the participant gives up."""
    session = write.enter(people(write.dice, 1)[0], 0.0)
    errors = ("NotAllowedError", "NotAllowedError", "NotAllowedError", "NotFoundError", "NotReadableError", "OverconstrainedError")  # fmt: skip
    error = write.dice.choice(errors)
    write.media(session, 0.5, error=error)
    write.media(session, 8.0, error=error)
    write.leave(session, 21.0)
    return write.call("permission denied")


def rejoining(write: Writer) -> Call:
    """The connection breaks; the participant reloads the page twice."""
    who = people(write.dice, 2)
    at_s = 0.0
    for part in range(3):
        session = write.enter(who[0], at_s, part)
        write.media(session, at_s + 0.4)
        connection = write.connect(session, who[1], at_s + 1.5)
        write.connected(connection, at_s + 2.4)
        end_s = at_s + write.dice.uniform(50, 140)
        write.stats(connection, at_s + 2.4, end_s, between(lines.LOSSY if part < 2 else FINE, FINE))
        if part < 2:
            write.path(connection, end_s - 4, "disconnected")
        write.leave(session, end_s)
        at_s = end_s + 3
    return write.call("rejoining")


def seat(write: Writer, who: tuple[str, str], end: End, start: float, end_s: float) -> str:
    """One participant of a call around a server, a connection to send and one to receive; answers the session."""
    session = write.enter(who, start)
    write.media(session, start + 0.4)
    line = between(_slowed(write, session, end), SERVER)
    for direction in ("send", "receive"):
        server = (f"demo-sfu-{direction}", f"SFU ({direction})")
        connection = write.connect(session, server, start + 1.5, is_sfu=True)
        up_s = start + 1.5 + write.setup_s(session)
        write.connected(connection, up_s)
        write.stats(
            connection,
            up_s,
            end_s,
            line,
            sends=direction == "send",
            receives=direction == "receive",
        )
    return session


def around_a_server(write: Writer, ends: Sequence[End], length_s: float) -> list[str]:
    """So many people around one server. Answers the sessions."""
    write.end_s = length_s
    seated = zip(people(write.dice, len(ends)), ends, strict=True)
    return [
        seat(write, who, end, number * 3.0, length_s) for number, (who, end) in enumerate(seated)
    ]


def sfu(write: Writer) -> Call:
    """Three to nine people around one server, now and then one of them with a bad network."""
    count = write.dice.choice((3, 4, 4, 5, 6, 9))
    ends = [_somebody(write) for _ in range(count)]
    if write.dice.random() < 0.2:
        ends[-1] = lines.LOSSY
    sessions = around_a_server(write, ends, max(200.0, _length(write)))
    for number, session in enumerate(sessions):
        write.browser(session, write.end_s + number, {"eventName": "endCall"})
    return write.call("SFU")


def overloaded(write: Writer) -> Call:
    """A computer that is too slow for its own video."""
    return _part(write, "device", mesh(write, [lines.OVERLOADED, FINE]))


def silent(write: Writer) -> Call:
    """A microphone that is switched off in hardware."""
    return _part(write, "device", mesh(write, [lines.SILENT, FINE]))


def covered(write: Writer) -> Call:
    """Somebody has forgotten the lid of the camera."""
    return _part(write, "device", mesh(write, [lines.COVERED, FINE, FINE]))


def dead_camera(write: Writer) -> Call:
    """A camera that opens and gives no picture."""
    return _part(write, "device", mesh(write, [lines.NO_CAMERA, FINE]))


def unplugged(write: Writer) -> Call:
    """The system takes the microphone away for a while; later the camera's cable is pulled."""
    sessions = mesh(write, [FINE, FINE], length_s=write.dice.uniform(200, 500))
    write.track(sessions[0], 60, "audio", "mute")
    write.track(sessions[0], 84, "audio", "unmute")
    write.track(sessions[0], 130, "video", "ended")
    return _part(write, "device", sessions)


def vanished(write: Writer) -> Call:
    """The page of one of two is gone without a word."""
    sessions = mesh(write, [FINE, FINE], length_s=write.dice.uniform(120, 300))
    write.leave(sessions[1], write.end_s + 90)
    return write.call("vanished")


def moving(write: Writer) -> Call:
    """Somebody walks from one network into the other and back: the path changes, ICE begins again."""
    pairs = ("CP1", "CP2", "CP3", "CP1", "CP2")
    sessions = mesh(write, [lines.MOBILE, FINE], length_s=230, pairs=pairs)
    connection = next(name for name in write.connections if name.startswith(sessions[0]))
    write.path(connection, 100, "disconnected")
    write.gather(connection, 102, round_=1)
    write.event(connection, 103, "oniceconnectionstatechange", "checking")
    write.path(connection, 105, "connected")
    return _part(write, "moving", sessions)


def elsewhere(write: Writer) -> Call:
    """Somebody reads something else meanwhile, in another tab."""
    sessions = mesh(write, [FINE, FINE, FINE], length_s=write.dice.uniform(300, 900))
    for at_s, hidden in ((60, True), (190, False)):
        body = {"eventName": "tabFocus", "data": {"focus": hidden}}
        write.browser(sessions[0], at_s, body)
    return _part(write, "good", sessions)


def one_sided(write: Writer) -> Call:
    """Two are connected, and nothing arrives at one of them."""
    return _part(write, "one-sided", mesh(write, [FINE, FINE], length_s=150, first_is_deaf=True))


def worst(write: Writer) -> Call:
    """The worst call of a day: four people, and the network of one of them gives way, breaks and comes back."""
    write.title = "Board meeting"
    sessions = mesh(write, [lines.DREADFUL, FINE, lines.OFFICE, FINE], length_s=1_320)
    broken = [name for name in write.connections if sessions[0] in name.partition(">")[0]]
    for connection in broken:
        for at_s in (260, 520, 905):
            write.path(connection, at_s, "disconnected")
            write.path(connection, at_s + 14, "connected")
    return _part(write, "lossy", sessions)


WEIGHTS: Final[dict[Scenario, int]] = {
    good: 40,
    lossy: 5,
    relayed: 9,
    failed: 2,
    denied: 4,
    rejoining: 3,
    sfu: 14,
    far_away: 2,
    narrow: 3,
    unencrypted: 1,
    overloaded: 2,
    silent: 2,
    covered: 1,
    dead_camera: 1,
    unplugged: 1,
    vanished: 1,
    moving: 2,
    elsewhere: 3,
    one_sided: 1,
}
# What nobody complains of: all else that happens around the worst call.
CALM: Final = (good, good, good, relayed, elsewhere)


def made_up_call(
    scenario: Scenario, dice: random.Random, api_key: str, tag: str, day: Day | None = None
) -> Call:
    """A call of this scenario."""
    return scenario(Writer(dice, api_key, tag, conference_name(dice), day or Day()))

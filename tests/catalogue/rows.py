"""
The catalogue of bad input: each row by its id, with the input in short.

D-W: WebSocket, TLS and handshake. D-R: frames of OCPP-J. D-P: payloads. `DECIDED` names the rows on
which a decision of ours (decisions.md) says otherwise than the catalogue, or more.
"""

from __future__ import annotations

_W = """
01 frame without a mask
02 text that is not UTF-8
03 UTF-8 cut inside a character by two frames
04 JSON in a binary frame
05 RSV1 without compression
06 RSV2 and RSV3
07 reserved opcodes
08 continuation without a beginning
09 new message inside another
10 control frame in pieces
11 ping of 126 bytes
12 ping of 0 to 125 bytes, also between pieces
13 pong that nobody asked for
14 close with one byte, or a code that none may send
15 right close
16 reason of a close that is not UTF-8
17 message as long as may be
18 message one byte longer
19 header that announces 2^62 bytes, or more
20 pieces that are too long together
21 100,000 empty pieces
22 empty message
23 frame that comes a byte at a time
24 50 MiB compressed into a few kB
25 compressed bytes that are none
26 odd offers of compression, unknown extensions
27 no subprotocol offered
28 only subprotocols that we do not speak
29 subprotocol in upper case
30 several subprotocols, in the client's order
31 unknown station
32 no credential, or a wrong one
33 key of 20 binary bytes
34 key of 40 hex digits as text and as bytes
35 odd Authorization headers
36 odd paths
37 path, header or number of headers too large
38 handshake that is never finished
39 plain HTTP on the port of OCPP
40 handshake with a body
41 WebSocket version 8, bad key, no upgrade
42 other protocols, and random bytes
43 Origin of somebody else
44 old TLS, weak suites, renegotiation
45 the suites that the standards ask for
46 second socket of a station, and fifty at once
"""

_R = """
01 no JSON
02 JSON cut short
03 JSON that is no array
04 array of none or one
05 two documents, garbage behind, BOM, comments
06 white space around
07 nested 33 to 100,000 deep
08 NaN, Infinity, 1e999
09 a key twice
10 lone surrogate
11 integer of 5,000 digits
12 object of so many keys that it holds up others
13 unknown message types
14 message type that is no integer
15 CALL of three elements
16 CALL of five elements
17 message id that is no text
18 empty message id
19 message id of 36 characters
20 message id of 37 characters and more
21 message id of odd characters
22 action that is no text
23 unknown action
24 action in the wrong case or with a suffix
25 action that only we may send
26 action of another version
27 BootNotification-Signed
28 action of hostile text
29 payload null
30 payload that is no object
31 payload as JSON inside a text
32 CALLRESULT that answers nothing
33 CALLRESULT that comes too late
34 CALLRESULT of the wrong shape
35 CALLRESULT that breaks its schema
36 odd CALLERRORs
37 CALLERROR with the id -1
38 same CALL twice while the first is in work
39 same message id, other content
40 CALL before the first boot
41 CALL while not accepted
42 20 CALLs at once
43 1,000 CALLs at once
44 message right after the close
"""

_P = """
01 BootNotification without anything
02 vendor too long
03 vendor a number, null, empty
04 unknown field
05 customData with and without vendorId
06 serial number with NUL, markup, direction marks
07 Heartbeat with fields
08 Authorize without a card
09 card too long, empty, with spaces, in another case
10 card of an unknown type, no additionalInfo
11 connector -1, 0, 999, text, fraction, huge
12 unknown status, or in another case
13 unknown error code, 5 kB of info
14 start with an unknown card
15 start on connector 0
16 start where one is running
17 register at the start negative, fraction, text, huge, null
18 start without register or time
19 start with an unknown reservation
20 time without zone, with offset, nanoseconds, lower case, no seconds
21 date alone, week date, basic format
22 24:00:00, second 60, 30 February, offset of 99 h, year 0
23 year of nine digits
24 year 1 and 9999 at the edge of zones
25 time of 1970
26 full-width digits, spaces, line feed in a time
27 no values at all
28 value that is no number, or oddly written
29 odd units
30 unknown measurand, context, phase, location
31 10,000 values in one message
32 signed value of 20 kB
33 values of another station's transaction
34 stop of an unknown number, -1, 0
35 second stop with another register
36 register at the stop under that at the start
37 register that leaps
38 reason unknown or missing
39 stop with another card
40 event of an unknown transaction
41 seqNo negative, text, fraction, with gaps, repeated, from 0 again
42 second Started with another EVSE or card
43 transaction id too long, empty, markup
44 EVSE 0 or negative, connector without EVSE
45 offline event of the future
46 DataTransfer of an unknown vendor or message
47 DataTransfer of 900 kB
48 progress of firmware, logs: unknown status, unknown request
49 unknown security event, 10 kB of details
50 certificate requests that are none, weak, huge, another's
51 reports out of order, without an end, repeated, unasked
52 1,000 events in one message
53 update of an unknown reservation
54 optional field as null, {} or []
55 array for object and object for array
56 every text hostile
57 every integer extreme
58 every word of a list wrong
59 every required field missing, and every pair
"""

ROWS: dict[str, str] = {
    f"D-{kind}{line[:2]}": line[3:]
    for kind, text in (("W", _W), ("R", _R), ("P", _P))
    for line in text.strip().splitlines()
}

DECIDED: dict[str, int] = {
    "D-W27": 2,  # a switch of the station lets it in as 1.6
    "D-W29": 2,  # case matters, and no switch changes that
    "D-W31": 1,  # 404, unless the setting lets it in as pending
    "D-R09": 6,  # the last one wins
    "D-R17": 4,  # 1.6 gets its number back
    "D-R40": 3,  # what is said of a transaction is kept
    "D-R41": 3,  # 1.6: only what is said of a transaction
    "D-P24": 8,  # plausible is 2015 to a day ahead
    "D-P26": 7,  # spaces around are nothing
    "D-P28": 7,  # spaces around are nothing, and a comma is a point
    "D-P42": 9,  # after the known end it is a new session
}

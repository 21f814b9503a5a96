"""What no client should trip over: not JSON, not a message, unknown, incomplete, stale, invented."""

from __future__ import annotations

from translink.sim.beacon_engines import WRONG_NUMBERS

_EMPTY = '"channel":{"alternatives":[{"transcript":"","confidence":0.0,"words":[]}]}'
_INVENTED = (
    f'"channel":{{"alternatives":[{{"transcript":"b{WRONG_NUMBERS[-1]}","confidence":0.3,"words":[{{"word":'
    f'"b{WRONG_NUMBERS[-1]}","start":0.1,"end":0.3,"confidence":0.3,"punctuated_word":"b{WRONG_NUMBERS[-1]}"}}]}}]}}'
)
GARBAGE = (
    "",
    "no JSON",
    "{",
    "[]",
    "42",
    "null",
    '"Results"',
    "{}",
    '{"type":null}',
    '{"type":["Results"]}',
    '{"type":"Results"}',
    '{"type":"Results","channel":[0,1],"is_final":true}',
    '{"type":"Results","channel":{"alternatives":[]},"start":0,"duration":0,"is_final":true}',
    '{"type":"Results","channel":{"alternatives":[{}]},"start":"x","duration":null}',
    f'{{"type":"Results","start":0.0,"duration":0.0,"is_final":true,"speech_final":false,{_EMPTY}}}',
    f'{{"type":"Results","start":0.0,"duration":0.5,"is_final":false,"speech_final":false,{_INVENTED}}}',
    '{"type":"UtteranceEnd","channel":[0,1],"last_word_end":-1}',
    '{"type":"UtteranceEnd","channel":[0,1],"last_word_end":0.001}',
    '{"type":"UtteranceEnd"}',
    '{"type":"SpeechStarted","channel":[0,1],"timestamp":-5}',
    '{"type":"Warning","description":"invented for a test"}',
    '{"type":"Nonsense","value":{"deep":[[[[[[]]]]]]}}',
    '{"type":"Connected","request_id":"none"}',
    '{"type":"Results","channel":{"alternatives":[{"transcript":"' + "x" * 50_000 + '"}]}}',
)
"""What no client should trip over: not JSON, not a message, unknown, incomplete, stale, invented.
"""
BODIES = (b"", b"no JSON", b"[]", b"{}", b'{"results":null}', b'{"translations":[]}')
"""Bodies of HTTP answers."""

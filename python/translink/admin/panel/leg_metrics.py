"""A leg's figures as metrics: name (behind `translink_leg_`, those of `RECOGNITION` behind `translink_recognition_`),
meaning, counter, and the factor to its unit."""

from __future__ import annotations

LegMetric = tuple[str, str, str, float]
"""Name, meaning, counter, factor to the unit."""

LEG_COUNTERS: tuple[LegMetric, ...] = (
    ("datagrams_in", "Datagrams taken from the socket", "datagrams_in", 1),
    ("received_bytes", "Bytes in them", "bytes_in", 1),
    ("frames_in", "20 ms frames made from them", "frames_in", 1),
    ("frames_padded", "Frames completed with silence", "frames_padded", 1),
    ("frames_speech", "Frames with speech", "frames_speech", 1),
    ("frames_filled", "Frames of silence after datagrams stopped", "frames_filled", 1),
    ("datagrams_out", "Datagrams sent", "datagrams_out", 1),
    ("sent_bytes", "Bytes in them", "bytes_out", 1),
    ("underruns", "Times an utterance ran out of audio", "underruns", 1),
    ("late_wakes", "Playout ticks more than 2 ms late", "late_wakes", 1),
    ("clock_resets", "Times the playout clock was set anew", "clock_resets", 1),
    ("strangers", "Datagrams from elsewhere than the leg's source", "strangers", 1),
    ("source_changes", "Times that another sender took over in a call", "source_changes", 1),
    ("playout_full", "Times that speech had to wait because the ear was full", "playout_full", 1),
    (
        "tempo_saved_seconds",
        "Left out of pauses and speech to say it faster",
        "tempo_saved",
        1 / 32e3,
    ),
    ("rtp_lost", "RTP packets that were not there in time", "rtp_lost", 1),
    ("rtp_late", "RTP packets that came after their turn", "rtp_late", 1),
    ("rtp_reordered", "RTP packets overtaken by others, and in time", "rtp_reordered", 1),
    ("rtp_duplicates", "RTP packets that had come before", "rtp_duplicates", 1),
    ("rtp_refused", "Packets that an RTP leg does not understand", "rtp_refused", 1),
    ("rtp_control", "RTCP packets that came", "rtp_rtcp", 1),
    ("rtp_streams", "Times that another stream (SSRC) took over", "rtp_streams", 1),
    ("rtp_concealed_seconds", "Sound made up for what was lost", "rtp_concealed_ns", 1e-9),
    ("digits", "Keys that were pressed", "digits", 1),
    ("frames_echo", "Frames that were only the echo of the ear", "frames_echo", 1),
)
SEGMENT_FIGURES: tuple[LegMetric, ...] = (
    ("segments", "Segments said there", "segments", 1),
    ("segments_skipped", "Not spoken, the other ear being too far behind", "skipped", 1),
    ("segments_captioned", "Shown only, as the hearer wanted it", "captioned", 1),
    ("segments_through", "Heard in the talker's own voice", "through", 1),
    ("characters_ahead", "Characters asked ahead of their finals", "ahead", 1),
    ("characters_ahead_used", "Of them, confirmed and spoken", "ahead_used", 1),
    ("characters_ahead_wasted", "Of them, thrown away", "ahead_wasted", 1),
    ("finals_echoed", "Finals that were an echo, not translated", "echoed", 1),
)
LEG_GAUGES: tuple[LegMetric, ...] = (
    ("late_max_seconds", "The longest delay of a playout tick", "late_max", 1e-9),
    ("playout_queued_bytes", "Bytes waiting for the ear", "playout_queued", 1),
    ("receive_buffer_bytes", "Receive buffer as granted", "rcvbuf", 1),
    ("jitter_seconds", "Of the arrival of datagrams", "jitter_ns", 1e-9),
    ("rtp_wait_seconds", "How long a gap in the packets is waited for", "rtp_wait_ns", 1e-9),
    ("behind_seconds", "How long the ear would be busy with what waits", "behind_ns", 1e-9),
    ("tempo_ratio", "How fast the ear is being spoken to", "tempo", 1e-3),
    ("echo_lag_seconds", "After how long the ear comes back; 0 = not", "echo_lag_ns", 1e-9),
    ("dead", "1 = out of service because of a bug", "dead", 1),
)
LINE_FIGURES: tuple[LegMetric, ...] = (
    ("mos", "How the line sounds in this call, 1 to 4.5 (E-model); RTP only", "mos", 1),
    ("speech_level_db", "Median level of speech in this call, dB below full scale", "speech_db", 1),
    ("clipped_ratio", "Share of its sound that reaches full scale", "clipped", 1),
    ("confidence_ratio", "The recogniser's, mean over the words of this call", "confidence", 1),
)
RECOGNITION: tuple[LegMetric, ...] = (
    ("handshakes", "Attempts to open a stream", "handshakes", 1),
    ("connections", "Streams opened", "connections_total", 1),
    ("connections_active", "Streams that are open", "connections_active", 1),
    ("frames_sent", "20 ms frames sent", "frames_sent", 1),
    ("sent_bytes", "Bytes of audio sent", "bytes_sent", 1),
    ("errors", "Failed requests and connections", "errors", 1),
    ("failovers", "Streams that broke", "failovers", 1),
    ("replayed_seconds", "Audio recognised again", "replayed_ms", 1e-3),
    ("lost_seconds", "Speech that nobody recognised in time", "lost_ms", 1e-3),
)

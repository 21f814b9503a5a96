"""OpenAI's protocol: three services, by OpenAI or by a server of one's own that speaks it.

`translate` asks a chat model (`prompt` says what, `answer` judges what comes), `speak` a voice,
`transcribe` a recogniser of finished pieces; `endpoint` is where each is. The same protocol is
served by vLLM, Ollama, LocalAI, Kokoro, faster-whisper's servers and others, so nothing is relied
on that only OpenAI has. May import `providers`' own modules and what they may import.
"""

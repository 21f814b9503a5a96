// Callgrind begins to look at `begin`, and counts between two calls of `toggle`, on the calling thread only.
#include <valgrind/callgrind.h>

void begin(void) { CALLGRIND_START_INSTRUMENTATION; }

void toggle(void) { CALLGRIND_TOGGLE_COLLECT; }

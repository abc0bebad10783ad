/* What a test program expects of a call. */
#include <stdio.h>
#include <string.h>

static int failures;
static astronnx_error e;

#define WANT(call, want, text)                                                                                                   \
	do {                                                                                                                     \
		memset(&e, 0x55, sizeof e);                                                                                      \
		astronnx_status s_ = (call);                                                                                     \
		if (s_ != (want) || ((want) && (e.status != (want) || !strstr(e.message, text)))) {                              \
			printf("line %d: %s: got status %d, message %.200s; want %d with \"%s\"\n", __LINE__, #call, s_,         \
			       s_ ? e.message : "", want, text);                                                                 \
			failures++;                                                                                              \
		}                                                                                                                \
	} while (0)
#define OK(call) WANT(call, ASTRONNX_OK, "")
#define CHECK(what)                                                     \
	do {                                                            \
		if (!(what)) {                                          \
			printf("line %d: not %s\n", __LINE__, #what);   \
			failures++;                                     \
		}                                                       \
	} while (0)

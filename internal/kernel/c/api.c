//go:build cgo && !purego

#include "internal.h"

static int has_path(int path) { return conv_path(path) != NULL; }

const char *conv_message(int status) {
	switch (status) {
	case ASTRONNX_CONV_OK: return "no error";
	case ASTRONNX_CONV_BAD_ARGUMENT: return "a required pointer is null or a selector is outside its range";
	case ASTRONNX_CONV_BAD_SIZE: return "a size is below its minimum or overflows";
	case ASTRONNX_CONV_BAD_TABLE: return "a fill lies outside the table or stands twice";
	case ASTRONNX_CONV_NO_MEMORY: return "out of memory";
	case ASTRONNX_CONV_NO_PATH: return "this processor lacks the instructions asked for";
	}
	return "unknown status";
}

const astronnx_healpix_conv_api *conv_table(void) {
	static const astronnx_healpix_conv_api api = {
	    .version = ASTRONNX_CONV_VERSION,
	    .bytes = sizeof api,
	    .geom_new = conv_geom_new,
	    .geom_free = conv_geom_free,
	    .geom_info = conv_geom_info,
	    .weights_new = conv_weights_new,
	    .weights_free = conv_weights_free,
	    .run = conv_run,
	    .weight_grad = conv_weight_grad,
	    .scratch_bytes = conv_scratch_bytes,
	    .has_path = has_path,
	    .message = conv_message,
	};
	return &api;
}

/* ISA-L's states hold arrays that Swift cannot import, and its sizes are macros that it cannot read: these few functions keep both
   on this side. A state is for one thread at a time. */
#ifndef ARCHON_ISAL_SHIM_H
#define ARCHON_ISAL_SHIM_H
#include <isa-l/igzip_lib.h>
#include <stdlib.h>

struct archon_deflate {
    struct isal_zstream stream;
    int level;
    uint32_t level_bytes;
    uint8_t *level_buffer;
};

static inline void *archon_deflate_make(int level) {
    struct archon_deflate *state = malloc(sizeof *state);
    if (!state) return NULL;
    state->level = level;
    state->level_bytes = level == 1 ? ISAL_DEF_LVL1_DEFAULT : level == 2 ? ISAL_DEF_LVL2_DEFAULT : ISAL_DEF_LVL3_DEFAULT;
    state->level_buffer = malloc(state->level_bytes);
    if (!state->level_buffer) { free(state); return NULL; }
    return state;
}

static inline void archon_deflate_free(void *pointer) {
    struct archon_deflate *state = pointer;
    if (state) free(state->level_buffer);
    free(state);
}

/* Writes one whole gzip member, without name and time. Returns its length, or 0 when it has no room or something is wrong. */
static inline size_t archon_deflate(void *pointer, const void *input, uint32_t count, void *output, uint32_t room) {
    struct archon_deflate *state = pointer;
    struct isal_zstream *stream = &state->stream;
    isal_deflate_init(stream);
    stream->level = state->level;
    stream->level_buf = state->level_buffer;
    stream->level_buf_size = state->level_bytes;
    stream->gzip_flag = IGZIP_GZIP;
    stream->end_of_stream = 1;
    stream->flush = NO_FLUSH;
    stream->next_in = (uint8_t *)input;
    stream->avail_in = count;
    stream->next_out = output;
    stream->avail_out = room;
    if (isal_deflate(stream) != COMP_OK || stream->internal_state.state != ZSTATE_END) return 0;
    return room - stream->avail_out;
}

struct archon_inflated {
    size_t taken; /* of the input */
    size_t given; /* of the output */
    int is_ended; /* a gzip member has ended, and its checksum is right */
    int code;     /* negative: the input is wrong */
};

static inline void *archon_inflate_make(void) { return malloc(sizeof(struct inflate_state)); }
static inline void archon_inflate_free(void *state) { free(state); }

/* Before each gzip member. */
static inline void archon_inflate_begin(void *pointer) {
    struct inflate_state *state = pointer;
    isal_inflate_init(state);
    state->crc_flag = ISAL_GZIP;
}

static inline struct archon_inflated archon_inflate(void *pointer, const void *input, uint32_t count, void *output, uint32_t room) {
    struct inflate_state *state = pointer;
    state->next_in = (uint8_t *)input;
    state->avail_in = count;
    state->next_out = output;
    state->avail_out = room;
    struct archon_inflated result;
    result.code = isal_inflate(state);
    result.taken = count - state->avail_in;
    result.given = room - state->avail_out;
    result.is_ended = state->block_state == ISAL_BLOCK_FINISH;
    return result;
}
#endif

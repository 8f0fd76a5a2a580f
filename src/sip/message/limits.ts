//! Every size a received message may have. Whatever is larger is refused before it is understood.

/** The default for one message of a stream or of a WebSocket frame. */
export const MAX_STREAM_MESSAGE = 65_536
/** RFC 4475 §3.1.1.7 (longreq) needs a Request-URI of 1 kB. */
export const MAX_START_LINE = 8_192
/** One header field with its folded lines. */
export const MAX_HEADER = 8_192
/** Header fields of one message, each line counted. */
export const MAX_HEADERS = 256
/** Parameters of one value or URI. */
export const MAX_PARAMS = 128
/** Parts of one multipart body, and multiparts within each other. */
export const MAX_PARTS = 32
export const MAX_PART_DEPTH = 3
/** Start line and all header fields. */
export const MAX_HEAD = 32_768
/** Bytes after the empty line; a datagram's own limit comes first. */
export const MAX_BODY = 65_535

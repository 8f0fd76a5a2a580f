//! What RFC 4475 and RFC 5118 say about each of their messages. `allows` is every answer the RFC
//! calls right or acceptable, `wants` its reason in few words.

/** Processed as any other, dropped without an answer, or answered with a status. */
export type Verdict = 'processed' | 'dropped' | number

export type Expectation = {
  readonly rfc: 4475 | 5118
  readonly section: string
  /** The fixture's name, which is the RFC's own. */
  readonly name: string
  readonly wants: string
  readonly allows: readonly Verdict[]
}

const process: readonly Verdict[] = ['processed']
const refuse400: readonly Verdict[] = [400]
/** Broken, but in a way that a liberal reader may mend. */
const refuseOrMend: readonly Verdict[] = [400, 'processed']
const drop: readonly Verdict[] = ['dropped']

type Line = readonly [section: string, name: string, wants: string, allows: readonly Verdict[]]

const RFC4475: readonly Line[] = [
  ['3.1.1.1', 'wsinv', 'valid: folding, blanks and mixed forms wherever they may be', process],
  ['3.1.1.2', 'intmeth', 'valid in form, a method nobody knows: 501', [501, 405]],
  ['3.1.1.3', 'esc01', 'valid: escapes in the user part stay what they are', process],
  ['3.1.1.4', 'escnull', 'valid: an escaped NUL is a character like any other', process],
  ['3.1.1.5', 'esc02', 'valid in form; `%` in a method is no escape: 501', [501, 405]],
  ['3.1.1.6', 'lwsdisp', 'valid: no blank between display name and `<`', process],
  ['3.1.1.7', 'longreq', 'valid: long values everywhere', process],
  ['3.1.1.8', 'dblreq', 'the REGISTER is processed, what follows it is ignored', process],
  ['3.1.1.9', 'semiuri', 'valid: a semicolon within the user part', process],
  ['3.1.1.10', 'transports', 'valid: known and unknown transports in Via', process],
  ['3.1.1.11', 'mpart01', 'valid: a signed multipart body', process],
  ['3.1.1.12', 'unreason', 'valid: a reason phrase in UTF-8', process],
  ['3.1.1.13', 'noreason', 'valid: no reason phrase', process],
  ['3.1.2.1', 'badinv01', 'separators with nothing between them: 400', refuse400],
  ['3.1.2.2', 'clerr', 'the body ends before Content-Length says: 400', refuse400],
  ['3.1.2.3', 'ncl', 'a negative Content-Length: 400', refuse400],
  ['3.1.2.4', 'scalar02', 'numbers beyond all bounds in a request: 400', refuse400],
  ['3.1.2.5', 'scalarlg', 'numbers beyond all bounds in a response: discard', drop],
  ['3.1.2.6', 'quotbal', 'a quoted string that never closes: 400', refuse400],
  ['3.1.2.7', 'ltgtruri', 'a Request-URI in angle brackets: 400', refuseOrMend],
  ['3.1.2.8', 'lwsruri', 'a blank within the Request-URI: 400', refuseOrMend],
  ['3.1.2.9', 'lwsstart', 'several blanks in the request line: 400, or read it', refuseOrMend],
  ['3.1.2.10', 'trws', 'blanks at the end of the request line: 400, or read it', refuseOrMend],
  ['3.1.2.11', 'escruri', 'headers in the Request-URI: 400, or ignore them', refuseOrMend],
  ['3.1.2.12', 'baddate', 'a Date that is not GMT: better ignored than refused', refuseOrMend],
  ['3.1.2.13', 'regbadct', 'a Contact URI with headers but no brackets: 400', refuseOrMend],
  ['3.1.2.14', 'badaspec', 'blanks within an addr-spec: 400, or read it', refuseOrMend],
  ['3.1.2.15', 'baddn', 'a display name that needs quotes: 400, or read it', refuseOrMend],
  ['3.1.2.16', 'badvers', 'SIP/7.0: 505', [505]],
  ['3.1.2.17', 'mismatch01', 'CSeq names another method: 400', refuse400],
  ['3.1.2.18', 'mismatch02', 'the same with an unknown method: 501, or 400', [501, 400]],
  ['3.1.2.19', 'bigcode', 'a status code of ten digits: discard', drop],
  ['3.2.1', 'badbranch', 'a branch of the magic cookie alone: 400, or as RFC 2543', refuseOrMend],
  ['3.3.1', 'insuf', 'no Call-ID, From or To: 400', refuse400],
  ['3.3.2', 'unkscm', 'a Request-URI scheme nobody knows: 416', [416]],
  ['3.3.3', 'novelsc', 'a Request-URI scheme that is not for calls: 416', [416]],
  ['3.3.4', 'unksm2', 'a registrar wants a SIP address-of-record: 400', refuse400],
  ['3.3.5', 'bext01', 'required extensions nobody supports: 420, all of them named', [420]],
  ['3.3.6', 'invut', 'a body of a type nobody knows: 415', [415]],
  ['3.3.7', 'regaut01', 'an Authorization scheme nobody knows counts as none', process],
  ['3.3.8', 'multi01', 'fields twice that may be there once: 400', refuse400],
  ['3.3.9', 'mcl01', 'two Content-Lengths that differ: 400', refuse400],
  ['3.3.10', 'bcast', 'a response with a second Via, to a broadcast address: discard', drop],
  ['3.3.11', 'zeromf', 'no hops left: 483 from a proxy, served by an endpoint', [483, 'processed']],
  ['3.3.12', 'cparam01', 'valid: a parameter of the Contact', process],
  ['3.3.13', 'cparam02', 'valid: a parameter of the Contact’s URI', process],
  ['3.3.14', 'regescrt', 'valid: an escaped Route in the Contact’s URI', process],
  ['3.3.15', 'sdp01', 'a caller that accepts no SDP: 406, or 400', [406, 400]],
  ['3.4.1', 'inv2543', 'an INVITE of RFC 2543 times, still valid', process],
]

const RFC5118: readonly Line[] = [
  ['4.1', 'ipv6-good', 'valid: an IPv6 reference', process],
  ['4.2', 'ipv6-bad', 'an IPv6 address without brackets in the Request-URI: 400', refuse400],
  ['4.3', 'port-ambiguous', 'valid: what looks like a port is the address’s last group', process],
  ['4.4', 'port-unambiguous', 'valid: a port after the brackets', process],
  ['4.5', 'via-received-param-with-delim', '`received` with brackets is accepted', process],
  ['4.5', 'via-received-param-no-delim', '`received` without brackets is accepted', process],
  ['4.6', 'ipv6-in-sdp', 'valid: IPv6 addresses in the SDP', process],
  ['4.7', 'mult-ip-in-header', 'valid: both families in Via', process],
  ['4.8', 'mult-ip-in-sdp', 'valid: both families in the SDP', process],
  ['4.9', 'ipv4-mapped-ipv6', 'valid: an IPv4-mapped address', process],
  ['4.10', 'ipv6-bug-abnf-3-colons', 'three colons before an IPv4 tail are tolerated', process],
  ['4.10', 'ipv6-correct-abnf-2-colons', 'valid: two colons before an IPv4 tail', process],
]

export const EXPECTATIONS: readonly Expectation[] = [
  ...RFC4475.map((line) => expectation(4475, line)),
  ...RFC5118.map((line) => expectation(5118, line)),
]

function expectation(rfc: 4475 | 5118, [section, name, wants, allows]: Line): Expectation {
  return { rfc, section, name, wants, allows }
}

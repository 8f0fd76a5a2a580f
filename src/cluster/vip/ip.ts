//! ip(8) as a program that stays: it says nothing of what it did, and numbers the lines it did not.

import type { Program } from './resident.ts'

/** Of an interface that it has not known, and of one that was there before: IPv4, then IPv6. */
export const NO_INTERFACE =
  /cannot find device|device not found|no such device(?! or address)|unable to find the interface/i

/** As the kernel says it, newer and older, of an address that is not there. */
export const ABSENT = /address not found|cannot assign requested address/i

/** A name that the kernel allows (15 bytes): on a longer one the program would end. */
const NAMES = 1_000

export const IP: Program = {
  name: 'ip',
  command: 'ip -force -batch -',
  question: (number) => `link show pbx-asked-${number % NAMES}`,
  answerTo: (question) => {
    const device = question.split(' ').at(-1)
    return new RegExp(`^([^]*?)[^\\n]*${device}\\b[^\\n]*\\nCommand failed -:\\d+\\n`)
  },
  refusal(answer) {
    const all = [...answer.matchAll(/^(.*)\nCommand failed/gm)].map(([, why = '']) => why)
    // Of two addresses one that is not there says nothing of the other.
    return all.find((why) => !ABSENT.test(why)) ?? all[0]
  },
  // It keeps the number of an interface, and one that is made anew has another.
  outdated: NO_INTERFACE,
}

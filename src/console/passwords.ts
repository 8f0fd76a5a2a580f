//! Passwords that we think up: easy to read out and to type on a phone, 70 bits.

import { randomInt } from 'node:crypto'

/** Without 0 O 1 l I and whatever a phone's keypad makes hard. */
const LETTERS = 'abcdefghijkmnopqrstuvwxyz23456789'

export function newPassword(): string {
  const letter = (): string => LETTERS[randomInt(LETTERS.length)] ?? ''
  return Array.from({ length: 14 }, letter).join('')
}

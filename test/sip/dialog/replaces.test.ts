import { expect, test } from 'vitest'
import { dialogId } from '../../../src/sip/dialog/dialog.ts'
import { judgeReplaces, replacedDialogId } from '../../../src/sip/dialog/replaces.ts'

const HEADER = { callId: 'c@a', toTag: 'ours', fromTag: 'theirs', earlyOnly: false }

test('RFC 3891 §3 to-tag names our side, from-tag the peer', () => {
  expect(replacedDialogId(HEADER)).toBe(dialogId('c@a', 'ours', 'theirs'))
})

test('RFC 3891 §6.1 tag 0 stands for a peer without tags', () => {
  expect(replacedDialogId({ ...HEADER, fromTag: '0' })).toBe(dialogId('c@a', 'ours', ''))
})

test.each([
  ['confirmed', 'uas', false, 'replace'],
  ['confirmed', 'uac', false, 'replace'],
  ['confirmed', 'uac', true, 486],
  ['early', 'uac', false, 'replace'],
  ['early', 'uac', true, 'replace'],
  ['early', 'uas', false, 481],
] as const)('RFC 3891 §3 %s dialog as %s, early-only %s: %s', (state, role, earlyOnly, wanted) => {
  const verdict = judgeReplaces({ ...HEADER, earlyOnly }, { state, role })
  expect(verdict.kind === 'replace' ? 'replace' : verdict.status).toBe(wanted)
})

test('RFC 3891 §3 no dialog: 481, one that ended: 603', () => {
  expect(judgeReplaces(HEADER, undefined)).toMatchObject({ kind: 'refuse', status: 481 })
  expect(judgeReplaces(HEADER, 'terminated')).toMatchObject({ kind: 'refuse', status: 603 })
})
